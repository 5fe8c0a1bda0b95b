"""Logging in and out, and the choice of language."""

import hmac
import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from serving import auth
from serving.console import site as web
from serving.console.texts import login as words
from serving.context import COOKIE
from serving.permissions import allowed

router = APIRouter()
ONCE: Final = "lantian_login"  # the login form's own token: there is no session yet


@router.get("/login")
def login(request: Request, next: str = "/", refused: str = "") -> Response:  # noqa: A002 - the field's name
    """The form."""
    return _form(request, next, refused=refused == "oidc")


async def _filled(request: Request) -> FormData:
    return await request.form(max_files=0, max_fields=10)


@router.post("/login")
def enter(request: Request, form: Annotated[FormData, Depends(_filled)]) -> Response:
    """Open a session, or say why not."""
    site = web.of(request)
    once, given = request.cookies.get(ONCE, ""), web.text(form, "once")
    if not once or not hmac.compare_digest(once.encode(), given.encode()):
        raise web.Forged
    after = web.inside(web.text(form, "next"))
    name, password = web.text(form, "name"), form.get("password")
    address = request.client.host if request.client else "unknown"
    try:
        token = auth.log_in(
            site.store, name, password if isinstance(password, str) else "", address=address,
            now=site.now(), before=request.cookies.get(COOKIE),
        )  # fmt: skip
    except auth.LockedOut as locked:
        until = f"{locked.until + site.offset:%H:%M}"
        return _form(request, after, name=name, locked=until, status=429)
    except auth.Denied:
        return _form(request, after, name=name, denied=True, status=403)
    who = auth.current(site.store, token, now=site.now())
    if after == "/" and who and not allowed(who.actor.role, "forecast.read"):
        after = "/own"
    answer = web.go(after)
    answer.set_cookie(
        COOKIE, token, max_age=int(auth.ABSOLUTE.total_seconds()), httponly=True,
        samesite="strict", secure=site.secure,
    )  # fmt: skip
    answer.delete_cookie(ONCE)
    return answer


@router.post("/logout")
def leave(
    request: Request,
    who: Annotated[web.Visitor, Depends(web.visitor)],
    form: web.Form,  # noqa: ARG001 - asked for: it checks the token
) -> Response:
    """End the session."""
    auth.log_out(web.of(request).store, who.token, now=web.of(request).now())
    answer = web.go("/login")
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/language/{lang}")
def language(request: Request, lang: str, next: str = "/") -> Response:  # noqa: A002, ARG001
    """Chinese or English from now on."""
    answer = web.go(web.inside(next))
    chosen = "en" if lang == "en" else "zh"
    answer.set_cookie(web.LANGUAGE, chosen, max_age=366 * 86400, samesite="lax", httponly=True)
    return answer


def _form(
    request: Request,
    after: str,
    *,
    name: str = "",
    denied: bool = False,
    locked: str = "",
    refused: bool = False,
    status: int = 200,
) -> Response:
    once = secrets.token_urlsafe(24)
    answer = web.page(
        request, "login.html", words.WORDS, who=None, status=status, once=once,
        after=web.inside(after), name=name, denied=denied, locked=locked,
        refused=refused, provider=getattr(request.app.state, "provider", None) is not None,
    )  # fmt: skip
    answer.set_cookie(
        ONCE, once, max_age=3600, httponly=True, samesite="strict", secure=web.of(request).secure
    )
    return answer
