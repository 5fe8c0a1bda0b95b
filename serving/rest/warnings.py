"""Warnings: list, state, and the CAP document of what was published."""

import datetime as dt
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy import select

from forecast.problems import Problem
from serving import duty
from serving.rest import route, shapes
from serving.rest.access import needs
from serving.rest.problems import Answer
from serving.rest.route import BIGGEST, PAGE, PREFIX, Cursor, Limit, Route, Server
from serving.review_state import State
from serving.review_table import CLOSED
from serving.store.engine import reading
from serving.store.models import CityWarning, Decision, Publication

router = APIRouter(route_class=Route, prefix=PREFIX, tags=["warnings"])
READ: Final = Depends(needs("warning.read"))
Id = Annotated[int, Path(ge=1, le=BIGGEST)]
CAP: Final = "application/cap+xml"


@router.get(
    "/warnings", dependencies=[READ],
    responses=shapes.tagged(shapes.Page[shapes.Warned], paged=True),
)  # fmt: skip
def every(
    request: Request,
    server: Server,
    limit: Limit = PAGE,
    cursor: Cursor = None,
    is_open: Annotated[bool | None, Query(alias="open", description="Not ended yet.")] = None,
    exercise: Annotated[bool | None, Query()] = None,
) -> Response:
    """Warnings with their present state, the newest first."""
    last = (Decision.warning_id == CityWarning.id) & (Decision.seq == CityWarning.version)
    query = select(CityWarning, Decision).join(Decision, last).order_by(CityWarning.id.desc())
    if (before := route.number(cursor)) is not None:
        query = query.where(CityWarning.id < before)
    if is_open is not None:
        query = query.where(
            Decision.state.not_in(CLOSED) if is_open else Decision.state.in_(CLOSED)
        )
    if exercise is not None:
        query = query.where(CityWarning.exercise == exercise)
    with reading(server.store) as session:
        found = session.execute(query.limit(limit + 1)).all()
    items = [_line(warning, decision) for warning, decision in found[:limit]]
    return route.page(request, items, after=str(items[-1]["id"]) if len(found) > limit else None)


@router.get(
    "/warnings/{warning_id}", dependencies=[READ], responses=shapes.tagged(shapes.WarningState)
)
def one(request: Request, server: Server, warning_id: Id) -> Response:
    """A warning: its state, and every decision in order."""
    with reading(server.store) as session:
        warning = session.get(CityWarning, warning_id)
        if warning is None:
            raise _none(warning_id)
        decisions = session.scalars(
            select(Decision).where(Decision.warning_id == warning_id).order_by(Decision.seq)
        ).all()
        state = duty.state_of(session, warning_id)
        sent = session.scalars(
            select(Publication).where(Publication.warning_id == warning_id).order_by(Publication.id)
        ).all()
    content = {
        **_line(warning, decisions[-1]),
        **_state(state),
        "decisions": [_decision(d) for d in decisions],
        "publications": [
            {"identifier": p.identifier, "kind": p.kind, "at": stamp(p.at)} for p in sent
        ],
    }
    return route.as_json(request, content)


@router.get(
    "/warnings/{warning_id}/cap", dependencies=[READ],
    response_class=Response, responses=shapes.tagged(None, media=(CAP,)),
)  # fmt: skip
def cap(request: Request, server: Server, warning_id: Id) -> Response:
    """The last CAP 1.2 message of a warning, byte by byte as it was published."""
    with reading(server.store) as session:
        row = session.scalars(
            select(Publication)
            .where(Publication.warning_id == warning_id)
            .order_by(Publication.id.desc())
            .limit(1)
        ).one_or_none()
    document = None if row is None else row.body.get("cap")
    if not isinstance(document, str):
        problem = Problem("warning", str(warning_id), "a warning with a published CAP message")
        raise Answer(404, problem)
    return route.tagged(request, document.encode(), media=CAP)


def stamp(at: dt.datetime | None) -> str | None:
    """A naive UTC time of the store with its Z."""
    return None if at is None else at.isoformat(timespec="seconds") + "Z"


def _line(warning: CityWarning, last: Decision) -> dict[str, Any]:
    return {
        "id": warning.id,
        "city": warning.city,
        "exercise": warning.exercise,
        "state": last.state,
        "level": last.level,
        "in_force": last.in_force,
        "version": warning.version,
        "opened_at": stamp(warning.opened_at),
        "changed_at": stamp(last.at),
        "href": f"/api/v1/warnings/{warning.id}",
    }


def _state(state: State) -> dict[str, Any]:
    return {
        "change": state.change if state.open else None,
        "machine": state.machine,
        "own": state.own,
        "changed_by_officer": state.changed_by_officer,
        "notices": [vars(n) for n in state.notices],
        "signatures": [{"role": s.role, "at": stamp(s.at)} for s in state.signatures],
        "signatures_needed": state.signatures_needed,
        "valid_until": stamp(state.valid_until),
    }


def _decision(row: Decision) -> dict[str, Any]:
    return {
        "seq": row.seq, "kind": row.kind, "state": row.state, "level": row.level,
        "in_force": row.in_force, "at": stamp(row.at), "role": row.role, "reason": row.reason,
    }  # fmt: skip


def _none(warning_id: int) -> Answer:
    return Answer(404, Problem("warning", str(warning_id), "a warning that is there"))
