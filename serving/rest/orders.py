"""Orders, their acknowledgement, requests to resume. An enterprise sees its own only."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from forecast.problems import DataError, Problem
from serving import answers
from serving.rest import route, shapes
from serving.rest.access import needs
from serving.rest.problems import Answer
from serving.rest.route import BIGGEST, PAGE, PREFIX, Cursor, Limit, Name, Route, Server, Utc, Words
from serving.rest.warnings import Id, stamp
from serving.store.engine import reading
from serving.store.models import Acknowledgement, Order, ResumptionDecision, ResumptionRequest
from serving.tokens import Bearer

router = APIRouter(route_class=Route, prefix=PREFIX)
Reader = Annotated[Bearer, Depends(needs("order.read", "order.read_own"))]
Asker = Annotated[Bearer, Depends(needs("resumption.read", "resumption.request"))]
_FUTURE: Final = dt.timedelta(days=31)


class AcknowledgementIn(BaseModel):
    """An answer to an order."""

    model_config = ConfigDict(extra="forbid")
    answer: answers.Answer
    note: Words = Field("", description="needed with `cannot`")


class ResumptionIn(BaseModel):
    """A request to run an order's unit again."""

    model_config = ConfigDict(extra="forbid")
    key: Annotated[Name, Field(max_length=60)] = Field(description="yours; the same is one request")
    order: int = Field(ge=1, le=BIGGEST)
    load: float = Field(gt=0, le=1, description="of normal", allow_inf_nan=False)
    begin: Utc
    reason: Words = Field(min_length=1)


@router.get(
    "/orders", tags=["orders"], responses=shapes.tagged(shapes.Page[shapes.Order], paged=True)
)
def every(
    request: Request,
    server: Server,
    who: Reader,
    limit: Limit = PAGE,
    cursor: Cursor = None,
    warning: Annotated[int | None, Query(ge=1, le=BIGGEST)] = None,
    enterprise: Annotated[Name | None, Query()] = None,
) -> Response:
    """Orders, the newest first."""
    query = select(Order).order_by(Order.id.desc())
    if not who.may("order.read"):
        query = query.where(Order.enterprise == _own(who))
    if enterprise is not None:
        query = query.where(Order.enterprise == enterprise)
    if warning is not None:
        query = query.where(Order.warning_id == warning)
    if (before := route.number(cursor)) is not None:
        query = query.where(Order.id < before)
    with reading(server.store) as session:
        found = session.scalars(query.limit(limit + 1)).all()
        shown = found[:limit]
        given = session.scalars(
            select(Acknowledgement)
            .where(Acknowledgement.order_id.in_([o.id for o in shown]))
            .order_by(Acknowledgement.id)
        ).all()
        later = _successors(session, [o.id for o in shown])
    items = [_order(o, [a for a in given if a.order_id == o.id], later) for o in shown]
    return route.page(request, items, after=str(shown[-1].id) if len(found) > limit else None)


@router.get("/orders/{order_id}", tags=["orders"], responses=shapes.tagged(shapes.Order))
def one(request: Request, server: Server, who: Reader, order_id: Id) -> Response:
    """An order; another enterprise's is not there."""
    with reading(server.store) as session:
        order = session.get(Order, order_id)
        given = session.scalars(
            select(Acknowledgement)
            .where(Acknowledgement.order_id == order_id)
            .order_by(Acknowledgement.id)
        ).all()
        later = _successors(session, [order_id])
    if order is None or not (who.may("order.read") or order.enterprise == who.enterprise):
        raise Answer(404, Problem("order", str(order_id), "an order that is there for you"))
    return route.as_json(request, _order(order, given, later))


@router.post(
    "/orders/{order_id}/acknowledgements", tags=["orders"], status_code=201,
    responses=shapes.made(shapes.Acknowledged),
)  # fmt: skip
def acknowledge(
    server: Server,
    who: Annotated[Bearer, Depends(needs("order.acknowledge"))],
    order_id: Id,
    body: AcknowledgementIn,
) -> Response:
    """Answer an order; the same answer again is the first one (200)."""
    try:
        row, new = answers.acknowledge(
            server.store, order_id, answer=body.answer, note=body.note, enterprise=_own(who),
            actor=who.actor, now=server.clock(),
        )  # fmt: skip
    except DataError as error:
        missing = error.problems[0].where == "order"
        raise Answer(404 if missing else 422, *error.problems) from None
    return _made(_acknowledgement(row), new=new)


@router.get(
    "/resumption-requests", tags=["resumption"],
    responses=shapes.tagged(shapes.Page[shapes.Asked], paged=True),
)  # fmt: skip
def requests(
    request: Request, server: Server, who: Asker, limit: Limit = PAGE, cursor: Cursor = None
) -> Response:
    """Requests to resume with the last decision about each, the newest first."""
    query = select(ResumptionRequest).order_by(ResumptionRequest.id.desc())
    if not who.may("resumption.read"):
        query = query.where(ResumptionRequest.enterprise == _own(who))
    if (before := route.number(cursor)) is not None:
        query = query.where(ResumptionRequest.id < before)
    with reading(server.store) as session:
        found = session.scalars(query.limit(limit + 1)).all()
        shown = found[:limit]
        decided = session.scalars(
            select(ResumptionDecision)
            .where(ResumptionDecision.request_id.in_([r.id for r in shown]))
            .order_by(ResumptionDecision.seq)
        ).all()
    last = {d.request_id: d for d in decided}
    items = [_request(r, last.get(r.id)) for r in shown]
    return route.page(request, items, after=str(shown[-1].id) if len(found) > limit else None)


@router.post(
    "/resumption-requests", tags=["resumption"], status_code=201,
    responses=shapes.made(shapes.Asked),
)  # fmt: skip
def ask(
    server: Server,
    who: Annotated[Bearer, Depends(needs("resumption.request"))],
    body: ResumptionIn,
) -> Response:
    """Ask to run a unit again; the same key again is the same request (200)."""
    now = server.clock()
    if not now - dt.timedelta(hours=1) <= body.begin <= now + _FUTURE:
        expected = f"from now on, {_FUTURE.days} days at most"
        raise Answer(422, Problem("body.begin", f"{body.begin.isoformat()}Z", expected))
    try:
        row, new = answers.request_resumption(
            server.store, body.order, key=body.key, load=body.load, begin=body.begin,
            reason=body.reason, enterprise=_own(who), actor=who.actor, now=now,
        )  # fmt: skip
    except DataError as error:
        raise Answer(404, *error.problems) from None
    return _made(_request(row, None), new=new)


def _own(who: Bearer) -> str:
    if who.enterprise is None:
        problem = Problem("Authorization", who.actor.role, "an enterprise's account")
        raise Answer(403, problem)
    return who.enterprise


def _made(content: dict[str, Any], *, new: bool) -> Response:
    status = 201 if new else 200
    return Response(route.dumped(content), status, media_type="application/json")


def _successors(session: Session, numbers: Sequence[int]) -> dict[int, int]:
    """Which order took the place of which."""
    query = select(Order.supersedes, Order.id).where(Order.supersedes.in_(numbers))
    return {int(old): new for old, new in session.execute(query) if old is not None}


def _order(
    row: Order, given: Sequence[Acknowledgement], later: Mapping[int, int]
) -> dict[str, Any]:
    return {
        "id": row.id,
        "warning": row.warning_id,
        "exercise": row.exercise,
        "enterprise": row.enterprise,
        "unit": row.unit,
        "at": stamp(row.at),
        "begins_at": stamp(row.begins_at),
        "ends_at": stamp(row.ends_at),
        "supersedes": row.supersedes,
        "superseded_by": later.get(row.id),
        "order": row.body,
        "acknowledgements": [_acknowledgement(a) for a in given],
        "href": f"/api/v1/orders/{row.id}",
    }


def _acknowledgement(row: Acknowledgement) -> dict[str, Any]:
    return {"order": row.order_id, "answer": row.answer, "note": row.note, "at": stamp(row.at)}


def _request(row: ResumptionRequest, last: ResumptionDecision | None) -> dict[str, Any]:
    decision = None
    if last is not None:
        decision = {"outcome": last.outcome, "reason": last.reason, "at": stamp(last.at)}
    return {
        "id": row.id, "key": row.key.partition(":")[2], "enterprise": row.enterprise,
        "unit": row.unit, "warning": row.warning_id, "exercise": row.exercise,
        "at": stamp(row.at), "request": row.body, "decision": decision,
    }  # fmt: skip
