"""Numbers for Prometheus: requests by route, age of the last run, what waits in the outbox.

Each server has its own registry, so that two in one process (tests) do not count together.
Labels are routes, never paths: a path would carry names and grow without end.
"""

import datetime as dt
import os
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from sqlalchemy import func, select

from serving.store.engine import Store, reading
from serving.store.models import Acknowledgement, CityWarning, Decision, Order, Outgoing, Run

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.5, 10.0)
STATES: Final = ("pending", "sending", "sent", "dead")


class Metrics:
    """The registry of one server and what its parts count."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "lantian_http_request_seconds", "Time to answer.", ("method", "route", "status"),
            buckets=SECONDS, registry=self.registry,
        )  # fmt: skip
        self.readings = Counter(
            "lantian_readings", "Meter and stack readings by what became of them.", ("outcome",),
            registry=self.registry,
        )  # fmt: skip
        self.limited = Counter(
            "lantian_requests_limited", "Requests refused by the rate limit.",
            registry=self.registry,
        )  # fmt: skip


def exposition(metrics: Metrics, store: Store, *, now: dt.datetime) -> bytes:
    """Everything in Prometheus' text format; what is in the store is asked at this moment."""
    snapshot = CollectorRegistry()
    for name, words, values in _of_store(store, now):
        labels = tuple(values[0][0]) if values else ()
        gauge = Gauge(name, words, labels, registry=snapshot)
        for given, value in values:
            (gauge.labels(**given) if given else gauge).set(value)
    return generate_latest(_counted(metrics)) + generate_latest(snapshot)


def _counted(metrics: Metrics) -> CollectorRegistry:
    """What the server's processes counted: one's own, or all of them added up."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return metrics.registry
    from prometheus_client import multiprocess

    together = CollectorRegistry()
    multiprocess.MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together


Sample = tuple[dict[str, str], float]


def _of_store(store: Store, now: dt.datetime) -> Iterator[tuple[str, str, list[Sample]]]:
    with reading(store) as session:
        ages: list[Sample] = []
        for kind, states in (("any", ("done", "degraded")), ("whole", ("done",))):
            last = session.scalar(
                select(func.max(Run.finished_at)).where(
                    Run.exercise.is_(False), Run.status.in_(states)
                )
            )
            if last is not None:
                ages.append(({"kind": kind}, (now - last).total_seconds()))
        yield "lantian_run_age_seconds", "Since the last daily run ended (any, whole).", ages
        counted = dict(
            session.execute(select(Outgoing.state, func.count()).group_by(Outgoing.state)).all()
        )
        depth: list[Sample] = [({"state": s}, counted.get(s, 0)) for s in STATES]
        yield "lantian_outbox_messages", "Messages in the outbox by state.", depth
        oldest = session.scalar(
            select(func.min(Outgoing.created_at)).where(Outgoing.state.in_(("pending", "sending")))
        )
        waits = 0.0 if oldest is None else (now - oldest).total_seconds()
        yield "lantian_outbox_oldest_seconds", "Age of the oldest unsent message.", [({}, waits)]
        standing = session.execute(
            select(Decision.state, CityWarning.exercise, func.count())
            .join(
                CityWarning,
                (Decision.warning_id == CityWarning.id) & (Decision.seq == CityWarning.version),
            )
            .group_by(Decision.state, CityWarning.exercise)
        ).all()
        yield (
            "lantian_warnings", "Warnings by state.",
            [({"state": s, "exercise": str(e).lower()}, n) for s, e, n in standing],
        )  # fmt: skip
        answered = select(Acknowledgement.order_id)
        open_orders = session.scalar(
            select(func.count()).select_from(Order).where(
                Order.exercise.is_(False), Order.id.not_in(answered),
                    (Order.ends_at.is_(None)) | (Order.ends_at > now)
            )
        )  # fmt: skip
        yield (
            "lantian_orders_unanswered",
            "Running orders nobody answered.",
            [({}, open_orders or 0)],
        )
