"""What every page of the console stands on: who asks, in which language, and the answer's form.

Forms are posted with the session's CSRF token; a page answers a post with a redirect. Nothing here
knows what a page is about.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.datastructures import FormData

from serving import auth
from serving.auth import Session_
from serving.bulletin.content import Lang
from serving.console import summary
from serving.console.kept import Kept
from serving.console.texts import common
from serving.context import COOKIE, Context
from serving.permissions import allowed
from serving.review_state import Actor
from serving.store.engine import Store

LANGUAGE: Final = "lantian_lang"
Words = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Site:
    """One console."""

    context: Context
    secure: bool  # cookies only over HTTPS
    pages: Environment
    house: Path | None = None  # who publishes; default: publish.yaml of the home
    kept: Kept = field(default_factory=Kept)

    @property
    def store(self) -> Store:
        """The server's store."""
        return self.context.store

    @property
    def home(self) -> Path:
        """LANTIAN_HOME."""
        return self.context.home

    @property
    def city(self) -> str:
        """The city's id, as the store knows it."""
        return self.context.config.city.id

    @property
    def offset(self) -> dt.timedelta:
        """Local time minus UTC."""
        return self.context.config.offset.to_pytimedelta()

    def now(self) -> dt.datetime:
        """Naive UTC."""
        return self.context.clock()


@dataclass(frozen=True)
class Visitor:
    """Who asks."""

    session: Session_
    token: str

    @property
    def actor(self) -> Actor:
        """As the store's trail names him."""
        return self.session.actor

    def may(self, action: str) -> bool:
        """Whether his role allows an action."""
        return allowed(self.actor.role, action)


class LoginNeeded(Exception):  # noqa: N818 - answered with the login page
    """Nobody is logged in."""


class Forbidden(Exception):  # noqa: N818 - answered with a page
    """He may not; `action` says what."""

    def __init__(self, action: str) -> None:
        self.action = action
        super().__init__(action)


class Forged(Exception):  # noqa: N818 - answered with a page
    """A form that this session did not give out."""


def environment() -> Environment:
    """The templates; an unknown name in one is an error."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def of(request: Request) -> Site:
    """The console of a request."""
    site = request.app.state.site
    if not isinstance(site, Site):
        raise TypeError("an application without a console")
    return site


def visitor(request: Request) -> Visitor:
    """Who is logged in.

    Raises:
        LoginNeeded: Nobody.
    """
    site = of(request)
    token = request.cookies.get(COOKIE)
    session = auth.current(site.store, token, now=site.now())
    if session is None or token is None:
        raise LoginNeeded
    return Visitor(session, token)


def needs(*actions: str) -> Callable[[Request], Visitor]:
    """A visitor who may do at least one of some actions."""

    def guard(request: Request) -> Visitor:
        who = visitor(request)
        if not any(who.may(action) for action in actions):
            raise Forbidden(actions[0])
        return who

    return guard


async def posted(request: Request) -> FormData:
    """The form of a post, with this session's token in it.

    Raises:
        Forged: Another token, or none.
    """
    form = await request.form(max_files=0, max_fields=500)
    token = request.cookies.get(COOKIE, "")
    given = form.get("csrf")
    if not token or not auth.csrf_holds(token, given if isinstance(given, str) else None):
        raise Forged
    return form


Form = Annotated[FormData, Depends(posted)]


def text(form: FormData, name: str) -> str:
    """A field's text, stripped; empty where it is not there."""
    value = form.get(name)
    return value.strip()[:4000] if isinstance(value, str) else ""


def number(form: FormData, name: str) -> int:
    """A field's whole number; -1 where it is none."""
    found = text(form, name)
    return int(found) if found.isascii() and found.isdigit() and len(found) <= 9 else -1


def language(request: Request) -> Lang:
    """Chinese unless English was chosen."""
    return "en" if request.cookies.get(LANGUAGE) == "en" else "zh"


def sayer(words: Words, lang: Lang) -> Callable[..., str]:
    """The words of a page and those all pages share, in one language."""
    at = 0 if lang == "zh" else 1

    def say(key: str, **values: object) -> str:
        pair = words[key] if key in words else common.WORDS[key]
        return pair[at].format(**values) if values else pair[at]

    return say


def page(
    request: Request,
    template: str,
    words: Words,
    *,
    who: Visitor | None,
    status: int = 200,
    exercise: bool = False,
    exercise_open: bool | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page in the visitor's language."""
    site, lang = of(request), language(request)
    newest = summary.newest(site.home)

    def local(at: dt.datetime | None) -> str:
        return "—" if at is None else f"{at + site.offset:%Y-%m-%d %H:%M}"

    body = site.pages.get_template(template).render(
        say=sayer(words, lang),
        lang=lang,
        who=who,
        csrf=auth.csrf(who.token) if who else "",
        nonce=getattr(request.state, "nonce", ""),
        path=request.url.path,
        query=request.url.query,
        exercise=exercise,
        simulated=site.context.config.simulated or bool(newest and newest.bulletin.simulated),
        exercise_open=bool(who)
        and (
            site.kept.now(site.store, site.city).exercise_open
            if exercise_open is None
            else exercise_open
        ),
        now=site.now(),
        local=local,
        **context,
    )
    return HTMLResponse(body, status_code=status)


def go(path: str) -> Response:
    """Another page, after a post."""
    return RedirectResponse(path, status_code=303)


def inside(path: str) -> str:
    """A path of this console; the first page for anything else."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain and path.isprintable() and "\\" not in path else "/"
