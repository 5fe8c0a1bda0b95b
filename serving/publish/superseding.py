"""What happens to a warning's orders when its level changes: superseded, or lifted and told so.

Orders are append-only: a later row names the one it takes the place of. A unit that the new plan
leaves alone, and every unit of a cancelled warning, gets a row that lifts its order, so that an
enterprise is told in writing and nobody has to guess from silence. A level that is published
without a plan of its own leaves the orders as they stand.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from response.rules import Words
from serving.store.models import CityWarning, Order

LIFTED: Final = "lifted"  # key of a body: this row ends the order that it supersedes
REASONS: Final[Mapping[str, Words]] = {
    "cancelled": Words(zh="预警解除，恢复正常生产", en="the warning is cancelled: normal running"),
    "changed": Words(
        zh="级别调整后不再要求减排，恢复正常生产",
        en="not called for at the new level: normal running",
    ),
}


def standing(session: Session, warning_id: int, *, now: dt.datetime) -> list[Order]:
    """Orders of a warning that nothing supersedes and that are not over, by number."""
    gone = select(Order.supersedes).where(Order.supersedes.is_not(None))
    query = (
        select(Order)
        .where(Order.warning_id == warning_id, Order.id.not_in(gone))
        .where(Order.ends_at.is_(None) | (Order.ends_at > now))
        .order_by(Order.id)
    )
    return [row for row in session.scalars(query) if not row.body.get(LIFTED)]


def linked(
    rows: Sequence[Order],
    before: Sequence[Order],
    *,
    warning: CityWarning,
    plan_id: int | None,
    why: str,
    now: dt.datetime,
    offset: dt.timedelta,
) -> list[Order]:
    """New rows that name what they supersede, and rows that lift what has no successor.

    Args:
        rows: Of the new plan; none where the warning is cancelled.
        before: `standing`.
        warning: The warning.
        plan_id: The new plan.
        why: Key of REASONS, for the lifted ones.
        now: Naive UTC.
        offset: Local time minus UTC.
    """
    earlier = {(o.enterprise, o.unit): o for o in before}
    for row in rows:
        old = earlier.pop((row.enterprise, row.unit), None)
        row.supersedes = None if old is None else old.id
    ended = [
        _lifting(old, warning=warning, plan_id=plan_id, why=why, now=now, offset=offset)
        for old in earlier.values()
    ]
    return [*rows, *ended]


def _lifting(
    old: Order,
    *,
    warning: CityWarning,
    plan_id: int | None,
    why: str,
    now: dt.datetime,
    offset: dt.timedelta,
) -> Order:
    reason = REASONS[why]
    day = {
        "day": f"{now + offset:%Y-%m-%d}", "mode": "normal", "load": 1.0, "trucks_after": None,
        "reason_zh": reason.zh, "reason_en": reason.en, "source": "", "assumption": False,
    }  # fmt: skip
    kept = {k: old.body[k] for k in ("level", "enterprise_name", "unit_name")}
    return Order(
        warning_id=warning.id, exercise=warning.exercise, plan_id=plan_id,
        enterprise=old.enterprise, unit=old.unit, at=now, begins_at=now, ends_at=now,
        supersedes=old.id, body={**kept, "days": [day], "proof": None, LIFTED: True},
    )  # fmt: skip
