"""Page 4: requests to resume and their decision, what a start would add, the year's budget."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import func, select

from forecast.problems import DataError, Problem
from response import budget_config
from response.budget_plot import TITLES
from serving import daily_budget
from serving.console import own, summary
from serving.console import site as web
from serving.console.site import Form, Site, Visitor
from serving.console.summary import RunView
from serving.console.texts import resumption as words
from serving.store import audit
from serving.store.engine import Conflict, writing
from serving.store.models import ResumptionDecision, ResumptionRequest

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("resumption.read"))]
Decider = Annotated[Visitor, Depends(web.needs("resumption.decide"))]
OUTCOMES: Final = ("start_now", "start_at", "partial", "wait", "refused")


@router.get("/resumption")
def resumption(request: Request, who: Reader) -> Response:
    """Requests to resume, with what the run's resumption plan says, and the year's budget."""
    site = web.of(request)
    newest = summary.newest(site.home)
    asked = own.requested(site.store)
    spent = None if newest is None else _budget(newest.folder)
    return web.page(
        request, "resumption.html", words.WORDS, who=who, requests=asked, outcomes=OUTCOMES,
        sections=[s for s in newest.bulletin.response if "复产" in s.title.zh] if newest else (),
        exercise=bool(asked) and all(r.row.exercise for r in asked), spent=spent,
        why=None if spent else _why(site, newest), titles=TITLES,
    )  # fmt: skip


def _budget(folder: Path) -> dict[str, Any] | None:
    """What the run left; None where it left none."""
    path = folder / daily_budget.FILE
    if not path.is_file():
        return None
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _mtime_ns: int) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if {"standings", "words", "as_of"} <= found.keys() else None
    except (OSError, ValueError, AttributeError):
        return None


def _why(site: Site, newest: RunView | None) -> tuple[str, dict[str, object]]:
    """Why there is no budget: key of the words and what they name."""
    if newest is None:
        return "why_no_run", {}
    year = (newest.bulletin.issue_time + newest.bulletin.offset).year
    targets = budget_config.targets_of(site.city)
    if targets is None or targets.year != year:
        return "why_no_targets", {"year": year, "city": site.city}
    return "why_not_made", {}


@router.post("/resumption/{number}")
def decide(request: Request, who: Decider, form: Form, number: int) -> Response:
    """Answer a request; a change supersedes the answer before."""
    site = web.of(request)
    outcome, reason = web.text(form, "outcome"), web.text(form, "reason")
    seen = web.number(form, "seen")
    if outcome not in OUTCOMES or not reason:
        raise DataError([Problem("decision", f"{outcome}, {reason!r}", "an outcome and a reason")])
    with writing(site.store) as session:
        audit.lock(session)
        if session.get(ResumptionRequest, number) is None:
            raise DataError([Problem("request", str(number), "a request that is there")])
        of_it = select(func.max(ResumptionDecision.seq))
        last = session.scalar(of_it.where(ResumptionDecision.request_id == number)) or 0
        if last != seen:
            expected = f"version {seen}, as you saw it"
            raise Conflict([Problem(f"request {number}", f"version {last}", expected)])
        row = ResumptionDecision(
            request_id=number, seq=last + 1, account_id=who.actor.account, at=site.now(),
            outcome=outcome, reason=reason, body={},
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.append(
            session, at=site.now(), actor=who.actor.name, action="resumption.decide",
            subject=f"resumption_requests/{number}", body={"outcome": outcome}, rows=[row],
        )  # fmt: skip
    return web.go("/resumption")
