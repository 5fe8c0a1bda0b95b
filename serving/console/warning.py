"""Page 2: one warning, its way so far, and what can be decided about it."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from forecast.problems import DataError, LantianError, Problem
from forecast.schema import POLLUTANTS
from response import rules
from response.ranges import RangeLevel
from response.warning_words import criterion_text
from serving import consultation
from serving.bulletin import words as spelt
from serving.console import publishing, state, summary
from serving.console import site as web
from serving.console.site import Visitor
from serving.console.state import Standing
from serving.console.texts import warning as words
from serving.console.today import mine
from serving.consultation import Day

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("warning.read"))]


@router.get("/warnings")
def warnings(request: Request, who: Reader) -> Response:
    """All warnings, the newest first."""
    site = web.of(request)
    edition = rules.load(site.context.config.rules)
    return web.page(
        request, "warnings.html", words.WORDS, who=who,
        found=state.recent(site.store, site.city), levels=[r.level for r in edition.levels],
    )  # fmt: skip


@router.get("/warnings/{number}")
def warning(request: Request, who: Reader, number: int) -> Response:
    """One warning."""
    return shown(request, who, number)


def shown(
    request: Request,
    who: Visitor,
    number: int,
    *,
    days: tuple[Day, ...] = (),
    reason: str = "",
    problems: tuple[Problem, ...] = (),
) -> Response:
    """The page of a warning, with what an officer's days call for where he asked.

    What is wrong with his days is shown beside them; what he typed stays.
    """
    site = web.of(request)
    one = state.standing(site.store, number)
    edition = rules.load(site.context.config.rules)
    asked = None
    try:
        asked = consultation.calls_for(days, edition) if days else None
    except DataError as error:
        problems = problems or tuple(error.problems)
    return web.page(
        request, "warning.html", words.WORDS, who=who, exercise=one.exercise, one=one,
        status=422 if problems else 200, problems=problems,
        s=one.state, possible=one.possible(who.actor.role), mine=mine(one, who), w=spelt,
        days=days or one.days or unknown_days(request), asked=asked, met=_met(asked),
        machine_days={d["date"]: d for d in (one.machine or {}).get("days", [])},
        reason=reason, levels=[r.level for r in edition.levels], pollutants=POLLUTANTS,
        run=_run(request, one), preview=_preview(request, one),
    )  # fmt: skip


def unknown_days(request: Request) -> tuple[Day, ...]:
    """The next three days without any number: for a warning opened by hand."""
    site = web.of(request)
    newest = summary.newest(site.home)
    if newest is not None:
        first = newest.bulletin.days[0].date.date()
    else:
        first = (site.now() + site.offset).date() + dt.timedelta(days=1)
    return tuple(Day(first + dt.timedelta(days=n), -1, -1) for n in range(3))


def _met(asked: RangeLevel | None) -> list[tuple[str, str]]:
    """Criteria in words, Chinese and English."""
    if asked is None:
        return []
    said = (criterion_text(c) for c in asked.criteria)
    return [(s.zh, s.en) for s in said]


def _run(request: Request, one: Standing) -> str:
    """The run a warning stands on; empty where its files are gone."""
    name = str((one.machine or {}).get("run", ""))
    return name if name in summary.names(web.of(request).home) else ""


def _preview(request: Request, one: Standing) -> str:
    if one.state.status != "signed":
        return ""
    try:
        return publishing.preview(web.of(request), one, now=web.of(request).now())
    except LantianError as error:
        return "\n".join(str(p) for p in error.problems)
