"""What an officer posts about a warning: each form names the version he saw.

Who is late gets a page with what happened in between; nothing of his is written.
"""

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select
from starlette.datastructures import FormData

from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS
from response import rules
from response.rules import LEVELS, Level
from serving import duty
from serving.console import publishing, state, warning
from serving.console import site as web
from serving.console.site import Form, Visitor
from serving.console.texts import common
from serving.consultation import Day
from serving.review_state import Event
from serving.review_table import SOURCES, TRANSITIONS, Kind
from serving.store.engine import Conflict, Refused, reading
from serving.store.models import Decision

router = APIRouter()
Proposer = Annotated[Visitor, Depends(web.needs("warning.propose"))]
Adjuster = Annotated[Visitor, Depends(web.needs("warning.adjust"))]
Publisher = Annotated[Visitor, Depends(web.needs("warning.publish"))]
SIMPLE: tuple[Kind, ...] = (
    "consult", "notice", "sign", "raise", "lower", "cancel", "drop", "reject",
)  # fmt: skip


@router.post("/warnings")
def open_by_hand(request: Request, who: Proposer, form: Form) -> Response:
    """A warning or an exercise that the machine did not propose."""
    site = web.of(request)
    reason = web.text(form, "reason")
    if not reason:
        raise DataError([Problem("reason", "nothing", "a reason in words")])
    event = Event(
        "propose", site.now(), who.actor, reason=reason, level=_level(form, none=False),
        exercise=web.text(form, "exercise") == "yes",
    )  # fmt: skip
    number, _ = duty.open_by_hand(site.store, city=site.city, event=event)
    return web.go(f"/warnings/{number}")


@router.post("/warnings/{number}/adjust")
def adjust(request: Request, who: Adjuster, form: Form, number: int) -> Response:
    """See what an officer's days call for, or adopt them."""
    site = web.of(request)
    days, reason = days_of(form), web.text(form, "reason")
    if web.text(form, "do") != "adopt":
        return warning.shown(request, who, number, days=days, reason=reason)
    edition = rules.load(site.context.config.rules)
    event = Event("adjust", site.now(), who.actor, reason=reason)
    try:
        return _told(
            request, who, number, web.number(form, "seen"),
            lambda seen: duty.adjust(
                site.store, number, days, edition, level=_level(form), event=event, seen=seen
            ),
        )  # fmt: skip
    except (DataError, Refused) as error:
        said = tuple(error.problems)
        return warning.shown(request, who, number, days=days, reason=reason, problems=said)


@router.post("/warnings/{number}/publish")
def publish(request: Request, who: Publisher, form: Form, number: int) -> Response:
    """Publish what is signed."""
    site = web.of(request)
    one = state.standing(site.store, number)
    return _told(
        request, who, number, web.number(form, "seen"),
        lambda seen: publishing.publish(
            site, one, actor=who.actor, seen=seen, now=site.now()
        ),
    )  # fmt: skip


def _simple(kind: Kind) -> Callable[..., Response]:
    """The answer to a form of one kind."""
    guard = web.needs(TRANSITIONS[kind].action)

    def answer(
        request: Request, who: Annotated[Visitor, Depends(guard)], form: Form, number: int
    ) -> Response:
        site = web.of(request)
        more: dict[str, Any] = {}
        if kind in ("raise", "lower"):
            more["level"] = _level(form, none=False)
        if kind == "notice":
            source = web.text(form, "source")
            more["source"] = source if source in SOURCES else None
            more["reference"] = web.text(form, "reference")[:200] or None
            more["level"] = _level(form)
        event = Event(kind, site.now(), who.actor, reason=web.text(form, "reason"), **more)
        return _told(
            request, who, number, web.number(form, "seen"),
            lambda seen: duty.decide(site.store, number, event, seen=seen),
        )  # fmt: skip

    return answer


for _kind in SIMPLE:
    router.add_api_route(f"/warnings/{{number}}/{_kind}", _simple(_kind), methods=["POST"])


def days_of(form: FormData) -> tuple[Day, ...]:
    """An officer's days as they stand in the form.

    Raises:
        DataError: A date or number that is none; all at once.
    """
    days, problems = [], []
    for at in range(web.number(form, "days") if web.number(form, "days") <= 10 else 0):
        said = web.text(form, f"date{at}")
        try:
            date = dt.date.fromisoformat(said)
        except ValueError:
            problems.append(Problem(f"day {at + 1}", repr(said), "a date"))
            continue
        low, high = web.number(form, f"low{at}"), web.number(form, f"high{at}")
        if low < 0 or high < 0:
            found = f"{web.text(form, f'low{at}')} .. {web.text(form, f'high{at}')}"
            problems.append(Problem(f"{date}: range", found, "two whole numbers, 0 to 500"))
        primary = tuple(p for p in form.getlist(f"primary{at}") if p in POLLUTANTS)
        days.append(Day(date, low, high, primary))
    if problems:
        raise DataError(problems)
    return tuple(days)


def _level(form: FormData, *, none: bool = True) -> Level | None:
    found = web.text(form, "level")
    if found in LEVELS:
        return next(level for level in get_args(Level) if level == found)
    if found == "none" and none:
        return None
    raise DataError([Problem("level", repr(found), f"one of {', '.join(LEVELS)}")])


def _told(
    request: Request, who: Visitor, number: int, seen: int, act: Callable[[int], object]
) -> Response:
    """Do it; whoever is late is told what happened in between."""
    try:
        act(seen)
    except Conflict:
        return _late(request, who, number, seen)
    return web.go(f"/warnings/{number}")


def _late(request: Request, who: Visitor, number: int, seen: int) -> Response:
    query = select(Decision).where(Decision.warning_id == number, Decision.seq > seen)
    with reading(web.of(request).store) as session:
        since = list(session.scalars(query.order_by(Decision.seq)))
    say = web.sayer(common.WORDS, web.language(request))
    now = since[-1].seq if since else seen
    return web.page(
        request, "message.html", common.WORDS, who=who, status=409, head=say("conflict"),
        exercise=bool(since) and since[-1].exercise,
        long=say("conflict_long", seen=max(seen, 0), now=now), problems=(), since=since,
        back=f"/warnings/{number}",
    )  # fmt: skip
