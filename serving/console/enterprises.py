"""Pages 4 and 5: the register with orders and answers; requests to resume and their decision."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import func, select

from forecast.problems import ConfigError, DataError, Problem
from response import register_home
from serving.console import own, summary
from serving.console import site as web
from serving.console.site import Form, Visitor
from serving.console.texts import own as words
from serving.store import audit
from serving.store.engine import Conflict, Store, reading, writing
from serving.store.models import (
    Acknowledgement,
    Order,
    Reading,
    ResumptionDecision,
    ResumptionRequest,
)

router = APIRouter()
Reader = Annotated[Visitor, Depends(web.needs("enterprise.read"))]
Resumer = Annotated[Visitor, Depends(web.needs("resumption.read"))]
Decider = Annotated[Visitor, Depends(web.needs("resumption.decide"))]
MOST: Final = 200
OUTCOMES: Final = ("start_now", "start_at", "partial", "wait", "refused")


@router.get("/enterprises")
def enterprises(request: Request, who: Reader, find: str = "") -> Response:
    """The register, with each enterprise's newest answer."""
    site = web.of(request)
    try:
        table = register_home.current(site.home).enterprises
    except (DataError, ConfigError):
        table = None
    rows: list[dict[str, Any]] = []
    total = 0
    if table is not None:
        asked = find.strip()
        names = table["name"].astype(str)
        there = names.str.contains(asked, regex=False) | table.index.astype(str).str.contains(
            asked, regex=False
        )
        total = int(there.sum())
        columns = ["name", "grade", "industry", "area", "contact"]
        chosen = table.loc[there, columns].head(MOST)
        rows = [
            {"id": str(i), **{str(k): v for k, v in r.items()}}
            for i, r in zip(chosen.index, chosen.to_dict("records"), strict=True)
        ]
    return web.page(
        request, "enterprises.html", words.WORDS, who=who, rows=rows, total=total, most=MOST,
        known=table is not None, find=find, standing=_standing(site.store),
    )  # fmt: skip


@router.get("/enterprises/{enterprise}")
def enterprise(request: Request, who: Reader, enterprise: str) -> Response:
    """One enterprise: orders, answers, latest readings."""
    site = web.of(request)
    query = (
        select(Reading)
        .where(Reading.enterprise == enterprise)
        .order_by(Reading.at.desc())
        .limit(24)
    )
    with reading(site.store) as session:
        readings = session.scalars(query).all()
    return web.page(
        request, "enterprise.html", words.WORDS, who=who, name=enterprise, readings=readings,
        orders=own.ordered(site.store, enterprise=enterprise),
    )  # fmt: skip


@router.get("/resumption")
def resumption(request: Request, who: Resumer) -> Response:
    """Requests to resume, with what the run's resumption plan says."""
    site = web.of(request)
    newest = summary.newest(site.home)
    return web.page(
        request, "resumption.html", words.WORDS, who=who, requests=own.requested(site.store),
        outcomes=OUTCOMES, sections=newest.bulletin.response if newest else (),
    )  # fmt: skip


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


def _standing(store: Store) -> dict[str, tuple[int, str]]:
    """By enterprise: how many orders, and the newest answer."""
    with reading(store) as session:
        counts = session.execute(select(Order.enterprise, func.count()).group_by(Order.enterprise))
        counted = {str(e): int(n) for e, n in counts}
        newest = session.execute(
            select(Order.enterprise, Acknowledgement.answer)
            .join(Order, Order.id == Acknowledgement.order_id)
            .order_by(Acknowledgement.id)
        )
        said = {str(e): str(a) for e, a in newest}
    return {e: (n, said.get(e, "none")) for e, n in counted.items()}
