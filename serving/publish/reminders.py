"""Who has not confirmed an order: the list, and one reminder per order and channel."""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from serving.publish import outbox
from serving.publish.config import House
from serving.publish.message import Message, local, marked
from serving.review_table import CLOSED
from serving.store import audit
from serving.store.engine import Store, reading, writing
from serving.store.models import Acknowledgement, CityWarning, Decision, Order, Outgoing


@dataclass(frozen=True)
class Unconfirmed:
    """An order nobody answered."""

    order_id: int
    enterprise: str
    enterprise_name: str
    unit_name: str
    exercise: bool
    at: dt.datetime
    begins_at: dt.datetime
    waited: dt.timedelta


def unconfirmed(store: Store, *, after: dt.timedelta, now: dt.datetime) -> list[Unconfirmed]:
    """Orders older than `after`, still running, newest of their unit, without any answer."""
    with reading(store) as session:
        return _unconfirmed(session, after, now)


def remind(store: Store, house: House, *, now: dt.datetime, offset: dt.timedelta) -> int:
    """Put a reminder for each unconfirmed order into the outbox; number of new ones."""
    with writing(store) as session:
        audit.lock(session)
        found = _unconfirmed(session, dt.timedelta(hours=house.reminder_hours), now)
        made = [
            _message(row, channel.name, offset)
            for row in found
            for channel in house.channels_for("reminder", exercise=row.exercise)
        ]
        keys = [m.key for m in made]
        there = set(session.scalars(select(Outgoing.key).where(Outgoing.key.in_(keys))))
        new = [m for m in made if m.key not in there]  # its text says how long: never made anew
        if new:
            outbox.put(session, new, house=house, now=now)
            audit.append(
                session, at=now, actor="reminders", action="order.remind", subject="outbox",
                body={"keys": [m.key for m in new]},
            )  # fmt: skip
        return len(new)


def _unconfirmed(session: Session, after: dt.timedelta, now: dt.datetime) -> list[Unconfirmed]:
    answered = select(Acknowledgement.order_id)
    superseded = select(Order.supersedes).where(Order.supersedes.is_not(None))
    query = (
        select(Order)
        .join(CityWarning, CityWarning.id == Order.warning_id)
        .join(
            Decision,
            (Decision.warning_id == CityWarning.id) & (Decision.seq == CityWarning.version),
        )
        .where(Decision.state.not_in(CLOSED))  # nobody is asked about a warning that has ended
        .where(Order.at <= now - after, Order.id.not_in(answered), Order.id.not_in(superseded))
        .where((Order.ends_at.is_(None)) | (Order.ends_at > now))
        .order_by(Order.id)
    )
    return [
        Unconfirmed(
            r.id, r.enterprise, r.body["enterprise_name"], r.body["unit_name"], r.exercise, r.at,
            r.begins_at, now - r.at,
        )
        for r in session.scalars(query)
    ]  # fmt: skip


def _message(row: Unconfirmed, channel: str, offset: dt.timedelta) -> Message:
    hours = row.waited.total_seconds() / 3600
    words = (
        f"减排指令（序号 {row.order_id}）于 {local(row.at, offset)} 下达，{hours:.1f} 小时未确认："
        f"{row.enterprise_name} {row.unit_name}，{local(row.begins_at, offset)} 起执行。"
    )
    return Message(
        f"reminder:{row.order_id}:{channel}", channel, "reminder", row.exercise,
        marked(f"减排指令未确认：{row.enterprise_name}", exercise=row.exercise),
        marked(words, exercise=row.exercise),
    )  # fmt: skip
