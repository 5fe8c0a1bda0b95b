"""For machines that watch: alive, ready, metrics. None tells what an enterprise or officer did."""

import hmac
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from forecast.problems import Problem
from serving import metrics
from serving.context import Context
from serving.rest import shapes
from serving.rest.problems import Answer
from serving.rest.route import Route, Server
from serving.store import migrate
from serving.store.engine import reading
from serving.store.models import Run

router = APIRouter(route_class=Route, tags=["operations"])


@router.get("/health", responses={200: {"model": shapes.Health}})
def health() -> dict[str, str]:
    """The process answers; nothing is asked of the store."""
    return {"status": "ok"}


@router.get(
    "/ready",
    responses={200: {"model": shapes.Ready},
               503: {"model": shapes.Ready, "description": "Not ready."}},
)  # fmt: skip
def ready(server: Server) -> JSONResponse:
    """The store answers at this program's revision; the last run's age is told, not judged: a
    console must stay reachable when a run is late.
    """
    said = _store(server)
    good = said["store"] and said["migrations"]
    return JSONResponse({"status": "ready" if good else "not ready", **said}, 200 if good else 503)


@router.get(
    "/metrics", response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)  # fmt: skip
def prometheus(request: Request, server: Server) -> Response:
    """Prometheus' text format; with the metrics token where one is set."""
    expected = server.metrics_token
    given = request.headers.get("authorization", "")
    if expected and not hmac.compare_digest(given.encode(), f"Bearer {expected}".encode()):
        raise Answer(
            401, Problem("Authorization", "no token that holds", "the metrics token"),
            headers={"WWW-Authenticate": 'Bearer realm="metrics"'},
        )  # fmt: skip
    content = metrics.exposition(server.metrics, server.store, now=server.clock())
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _store(server: Context) -> dict[str, Any]:
    said: dict[str, Any] = {"store": False, "migrations": False, "last_run_age_seconds": None}
    try:
        said["migrations"] = migrate.current(server.store) == migrate.newest()
        said["store"] = True
        if said["migrations"]:
            with reading(server.store) as session:
                last = session.scalar(
                    select(func.max(Run.finished_at)).where(
                        Run.exercise.is_(False), Run.status.in_(("done", "degraded"))
                    )
                )
            if last is not None:
                said["last_run_age_seconds"] = (server.clock() - last).total_seconds()
    except SQLAlchemyError:
        said["store"] = False
    return said
