"""Orders as they held: stretches of one load per unit, cut where another order or the end came.

An order holds from its beginning (not before it was issued) to its end, to the next issue of orders
of its warning, or to the warning's cancellation, whichever is first.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.store.models import CityWarning, Decision, Order

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Stretch:
    """One unit at one ordered load; naive UTC."""

    order: int
    warning: int
    enterprise: str
    unit: str
    start: dt.datetime
    end: dt.datetime
    load: float  # 0..1 of usual


@dataclass(frozen=True)
class Held:
    """Stretches, and the orders that ask for no change of load (vehicles, say)."""

    stretches: tuple[Stretch, ...]
    orders: tuple[Order, ...]  # all that were looked at


def held(
    session: Session, city: str, *, offset: dt.timedelta, warning: int | None = None,
    since: dt.datetime | None = None, enterprise: str | None = None,
) -> Held:  # fmt: skip
    """Orders of a city.

    Args:
        session: Of the store.
        city: Its id.
        offset: Local time minus UTC; a day of an order is a local one.
        warning: Of this warning only.
        since: Only orders that end later (naive UTC); one without an end counts.
        enterprise: Of this enterprise only.
    """
    query = (
        select(Order)
        .join(CityWarning, CityWarning.id == Order.warning_id)
        .where(CityWarning.city == city)
        .order_by(Order.id)
    )
    if warning is not None:
        query = query.where(Order.warning_id == warning)
    if since is not None:
        query = query.where((Order.ends_at > since) | Order.ends_at.is_(None))
    if enterprise is not None:
        query = query.where(Order.enterprise == enterprise)
    orders = tuple(session.scalars(query))
    numbers = {o.warning_id for o in orders}
    issued: dict[int, list[dt.datetime]] = {n: [] for n in numbers}
    every = select(Order.warning_id, Order.at).where(Order.warning_id.in_(numbers)).distinct()
    for number, at in session.execute(every):
        issued[number].append(at)
    over = select(Decision.warning_id, Decision.at).where(
        Decision.warning_id.in_(numbers), Decision.kind == "publish", Decision.state == "cancelled"
    )
    for number, at in session.execute(over):
        issued[number].append(at)
    made: list[Stretch] = []
    for order in orders:
        until = min((t for t in issued[order.warning_id] if t > order.at), default=None)
        made += _stretches(order, until, offset)
    return Held(tuple(made), orders)


def _stretches(order: Order, until: dt.datetime | None, offset: dt.timedelta) -> Sequence[Stretch]:
    """Adjoining days at one load are one stretch; days without a load are none."""
    made: list[Stretch] = []
    for day in sorted(order.body["days"], key=lambda d: d["day"]):
        load = day.get("load")
        if load is None or load != load or load >= 1 or day["mode"] == "normal":
            continue
        start = dt.datetime.fromisoformat(day["day"]) - offset
        end = start + _DAY
        start = max(start, order.at)
        if until is not None:
            end = min(end, until)
        if end <= start:
            continue
        last = made[-1] if made else None
        if last is not None and last.end == start and last.load == float(load):
            made[-1] = replace(last, end=end)
            continue
        made.append(
            Stretch(order.id, order.warning_id, order.enterprise, order.unit, start, end,
                    float(load))
        )  # fmt: skip
    return made
