"""An enterprise's page: its own orders, its answers, its requests to resume. Never another's."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from sqlalchemy import select

from forecast.problems import DataError, Problem
from serving import answers, auth, compliance
from serving.answers import Answer
from serving.console import site as web
from serving.console.site import Form, Visitor
from serving.console.texts import own as words
from serving.store.engine import Store, reading
from serving.store.models import Acknowledgement, Order, ResumptionDecision, ResumptionRequest

router = APIRouter()
Owner = Annotated[Visitor, Depends(web.needs("order.read_own"))]
Answering = Annotated[Visitor, Depends(web.needs("order.acknowledge"))]
Asking = Annotated[Visitor, Depends(web.needs("resumption.request"))]


@dataclass(frozen=True)
class Ordered:
    """An order with its answers."""

    row: Order
    answers: tuple[Acknowledgement, ...]


@dataclass(frozen=True)
class Requested:
    """A request with its last decision."""

    row: ResumptionRequest
    decision: ResumptionDecision | None

    @property
    def begin(self) -> dt.datetime | None:
        """From when it asks, naive UTC."""
        said = self.row.body.get("begin")
        return dt.datetime.fromisoformat(said) if said else None


@router.get("/own")
def own(request: Request, who: Owner) -> Response:
    """The enterprise's orders, the newest first."""
    site = web.of(request)
    found = ordered(site.store, enterprise=_enterprise(who))
    return web.page(
        request, "own.html", words.WORDS, who=who, orders=found,
        exercise=bool(found) and all(o.row.exercise for o in found),
        requests=requested(site.store, enterprise=_enterprise(who)), kinds=answers.ANSWERS,
        key=auth.token()[:24], offset=site.offset, verdicts=compliance.verdicts(
            site.store, site.home, site.context.config, now=site.now()
        ),
    )  # fmt: skip


@router.post("/own/{order}/answer")
def answer(request: Request, who: Answering, form: Form, order: int) -> Response:
    """Received, carried out, or cannot."""
    site = web.of(request)
    said = next((a for a in get_args(Answer) if a == web.text(form, "answer")), None)
    if said is None:
        raise DataError([Problem("answer", web.text(form, "answer"), "one of the form's")])
    answers.acknowledge(
        site.store, order, answer=said, note=web.text(form, "note"), enterprise=_enterprise(who),
        actor=who.actor, now=site.now(),
    )  # fmt: skip
    return web.go("/own")


@router.post("/own/{order}/resume")
def resume(request: Request, who: Asking, form: Form, order: int) -> Response:
    """Ask to run the order's unit again; the same form twice is one request."""
    site = web.of(request)
    load = web.number(form, "load")
    said = web.text(form, "begin")
    problems = []
    if not 1 <= load <= 100:
        problems.append(Problem("load", web.text(form, "load"), "1 to 100 %"))
    try:
        begin = dt.datetime.fromisoformat(said)
        if begin.tzinfo is not None:
            raise ValueError
    except ValueError:
        problems.append(Problem("begin", repr(said), "a local date and time"))
    if not (reason := web.text(form, "reason")):
        problems.append(Problem("reason", "nothing", "a reason in words"))
    if problems:
        raise DataError(problems)
    answers.request_resumption(
        site.store, order, key=web.text(form, "key")[:60] or auth.token(), load=load / 100,
        begin=begin - site.offset, reason=reason, enterprise=_enterprise(who), actor=who.actor,
        now=site.now(),
    )  # fmt: skip
    return web.go("/own#requests")


def ordered(store: Store, *, enterprise: str, most: int = 100) -> list[Ordered]:
    """An enterprise's orders, the newest first."""
    with reading(store) as session:
        rows = session.scalars(
            select(Order)
            .where(Order.enterprise == enterprise)
            .order_by(Order.id.desc())
            .limit(most)
        ).all()
        given = session.scalars(
            select(Acknowledgement)
            .where(Acknowledgement.order_id.in_([o.id for o in rows]))
            .order_by(Acknowledgement.id)
        ).all()
    return [Ordered(o, tuple(a for a in given if a.order_id == o.id)) for o in rows]


def requested(store: Store, *, enterprise: str | None = None, most: int = 100) -> list[Requested]:
    """Requests to resume, the newest first; of one enterprise or of all."""
    query = select(ResumptionRequest).order_by(ResumptionRequest.id.desc()).limit(most)
    if enterprise is not None:
        query = query.where(ResumptionRequest.enterprise == enterprise)
    with reading(store) as session:
        rows = session.scalars(query).all()
        decided = session.scalars(
            select(ResumptionDecision)
            .where(ResumptionDecision.request_id.in_([r.id for r in rows]))
            .order_by(ResumptionDecision.seq)
        ).all()
    last = {d.request_id: d for d in decided}
    return [Requested(r, last.get(r.id)) for r in rows]


def _enterprise(who: Visitor) -> str:
    found = who.session.enterprise
    if not found:
        raise web.Forbidden("order.read_own")
    return found
