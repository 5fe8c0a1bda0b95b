"""The transactional outbox: rows written with the decision, claimed, sent, settled, re-queued.

At least once: a message is `sent` only after its channel said so, and one whose dispatcher died is
claimed again when its lease is over. Exactly once for a channel that honours the key. A later
publication of a warning waits for the earlier ones of the same channel: no receiver gets an Alert
after its Cancel. The clock is a parameter; the jitter comes from the caller's generator. A claim or
a next attempt further ahead than anyone sets them comes from a clock that was wrong: it is due.
"""

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from forecast.problems import DataError, Problem
from serving.publish.config import House
from serving.publish.message import Message, check_mode, digest, from_body
from serving.store import audit
from serving.store.engine import Refused, Store, reading, writing
from serving.store.models import Outgoing, Publication

UNSENT: Final = ("pending", "sending")


@dataclass(frozen=True)
class Claim:
    """One message that this dispatcher, and no other, may send until `until`."""

    id: int
    message: Message
    attempt: int
    holder: str
    until: dt.datetime


@dataclass(frozen=True)
class Row:
    """One message as the officer sees it."""

    id: int
    key: str
    channel: str
    exercise: bool
    subject: str
    state: str
    attempts: int
    next_attempt: dt.datetime
    last_error: str | None
    created_at: dt.datetime
    sent_at: dt.datetime | None


def put(
    session: Session,
    messages: Iterable[Message],
    *,
    house: House,
    now: dt.datetime,
    publication_id: int | None = None,
) -> list[int]:
    """Write messages into the caller's transaction; ids. The same message again is one message.

    Raises:
        DataError: A key that already means another message, a channel that is not there or may
            not have an exercise, an exercise that does not say so; all at once.
    """
    wrong: list[Problem] = []
    ids = []
    for message in messages:
        wrong += _wrong(message, house)
        body = message.body()
        there = session.scalars(select(Outgoing).where(Outgoing.key == message.key)).one_or_none()
        if there is not None:
            if there.digest != digest(body):
                wrong.append(Problem(message.key, "another message of that key", "the same"))
            ids.append(there.id)
            continue
        row = Outgoing(
            key=message.key, channel=message.channel, exercise=message.exercise,
            publication_id=publication_id, body=body, digest=digest(body), state="pending",
            attempts=0, next_attempt=now, created_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        ids.append(row.id)
    if wrong:
        raise DataError(wrong)
    return ids


def claim(store: Store, *, holder: str, house: House, now: dt.datetime) -> Claim | None:
    """Take the oldest message that is due; None where nothing is.

    The holder has to be one of a kind (host, process, a random part): who comes back under a
    claim that is no longer his changes nothing.
    """
    with writing(store) as session:
        audit.lock(session)
        due = select(Outgoing).where(_due(now, house), ~_waits()).order_by(Outgoing.id).limit(1)
        while (row := session.scalars(due).first()) is not None:
            body: dict[str, Any] = row.body
            if digest(body) == row.digest:
                break
            _end(session, row, "dead", "content other than was put in: not sent", now)
        if row is None:
            return None
        row.state, row.attempts = "sending", row.attempts + 1
        row.claimed_by, row.claimed_until = holder, now + house.lease
        message = from_body(row.key, row.channel, row.exercise, body)
        return Claim(row.id, message, row.attempts, holder, now + house.lease)


def sent(store: Store, taken: Claim, *, now: dt.datetime) -> bool:
    """The channel has it; False where the claim was no longer his."""
    with writing(store) as session:
        row = _mine(session, taken)
        if row is None:
            return False
        row.sent_at = now
        _end(session, row, "sent", None, now)
        return True


def failed(
    store: Store,
    taken: Claim,
    error: str,
    *,
    house: House,
    chance: random.Random,
    now: dt.datetime,
    final: bool = False,
) -> bool:
    """The channel did not take it: again later, or dead. False where the claim was not his."""
    with writing(store) as session:
        row = _mine(session, taken)
        if row is None:
            return False
        if final or row.attempts >= house.attempts:
            _end(session, row, "dead", error, now)
            return True
        row.state, row.last_error = "pending", error[:500]
        row.claimed_by = row.claimed_until = None
        row.next_attempt = now + wait(house, row.attempts, chance)
        return True


def wait(house: House, attempts: int, chance: random.Random) -> dt.timedelta:
    """Time to the next attempt: doubles to a limit, with jitter (half of it to all of it)."""
    full = min(house.backoff_most_seconds, house.backoff_seconds * 2.0 ** min(attempts - 1, 40))
    return dt.timedelta(seconds=full * chance.uniform(0.5, 1.0))


def retry(store: Store, outbox_id: int, *, by: str, now: dt.datetime) -> None:
    """Put a dead letter back.

    Raises:
        DataError: No such message.
        Refused: It is not dead, or a later publication of the same warning went out on that
            channel: the receiver would take the old one for the new one.
    """
    with writing(store) as session:
        audit.lock(session)
        row = session.get(Outgoing, outbox_id)
        if row is None:
            raise DataError([Problem("outbox", str(outbox_id), "a message that is there")])
        if row.state != "dead":
            raise Refused([Problem(f"outbox {outbox_id}", row.state, "dead")])
        if session.scalar(select(func.count()).where(_later_sent(row))):
            found = "a later publication of this warning was sent on this channel"
            raise Refused([Problem(f"outbox {outbox_id}", found, "the newest one")])
        row.state, row.attempts, row.next_attempt = "pending", 0, now
        audit.append(
            session, at=now, actor=by, action="outbox.retry", subject=f"outbox/{row.id}",
            body={"key": row.key, "error": row.last_error},
        )  # fmt: skip


def listed(store: Store, *, states: Sequence[str] = (), limit: int = 200) -> list[Row]:
    """Messages, the newest first; all states where none is named."""
    query = select(Outgoing).order_by(Outgoing.id.desc()).limit(limit)
    if states:
        query = query.where(Outgoing.state.in_(states))
    with reading(store) as session:
        return [
            Row(
                r.id, r.key, r.channel, r.exercise, r.body["subject"], r.state, r.attempts,
                r.next_attempt, r.last_error, r.created_at, r.sent_at,
            )
            for r in session.scalars(query)
        ]  # fmt: skip


def _wrong(message: Message, house: House) -> list[Problem]:
    wrong = []
    channel = house.channel(message.channel)
    if channel is None:
        wrong.append(Problem(message.key, f"channel {message.channel}", "one of the house's"))
    elif message.exercise and not channel.exercise:
        found = f"an exercise for channel {channel.name}"
        wrong.append(Problem(message.key, found, "a channel flagged `exercise: true`"))
    elif not message.exercise and not channel.actual:
        found = f"an actual message for channel {channel.name}"
        wrong.append(Problem(message.key, found, "a channel that is not for exercises only"))
    try:
        check_mode(message)
    except DataError as error:
        wrong += error.problems
    return wrong


def _due(now: dt.datetime, house: House) -> ColumnElement[bool]:
    later = now + 2 * dt.timedelta(seconds=house.backoff_most_seconds)
    ahead = now + 2 * house.lease  # twice: another machine's clock may be a little before this one
    return or_(
        and_(
            Outgoing.state == "pending",
            or_(Outgoing.next_attempt <= now, Outgoing.next_attempt > later),
        ),
        and_(
            Outgoing.state == "sending",
            or_(Outgoing.claimed_until <= now, Outgoing.claimed_until > ahead),
        ),
    )


def _waits() -> ColumnElement[bool]:
    """An earlier publication of the same warning is still on its way to the same channel."""
    other, mine, theirs = aliased(Outgoing), aliased(Publication), aliased(Publication)
    return exists(
        select(other.id)
        .join(theirs, theirs.id == other.publication_id)
        .join(mine, mine.id == Outgoing.publication_id)
        .where(
            other.channel == Outgoing.channel,
            other.state.in_(UNSENT),
            theirs.warning_id == mine.warning_id,
            theirs.id < mine.id,
        )
        .correlate(Outgoing)
    )


def _later_sent(row: Outgoing) -> ColumnElement[bool]:
    mine, theirs = aliased(Publication), aliased(Publication)
    return and_(
        Outgoing.channel == row.channel,
        Outgoing.state.in_(("sent", "sending")),
        Outgoing.publication_id == theirs.id,
        mine.id == row.publication_id,
        theirs.warning_id == mine.warning_id,
        theirs.id > mine.id,
    )


def _mine(session: Session, taken: Claim) -> Outgoing | None:
    """The row, where the claim still holds: the same holder in the same attempt."""
    audit.lock(session)
    row = session.get(Outgoing, taken.id)
    if row is None or row.state != "sending":
        return None
    held = (row.claimed_by, row.attempts) == (taken.holder, taken.attempt)
    return row if held else None


def _end(session: Session, row: Outgoing, state: str, error: str | None, now: dt.datetime) -> None:
    row.state, row.claimed_by, row.claimed_until = state, None, None
    row.last_error = error[:500] if error else None
    audit.append(
        session, at=now, actor="dispatcher", action=f"outbox.{state}", subject=f"outbox/{row.id}",
        body={"key": row.key, "channel": row.channel, "attempts": row.attempts, "error": error},
    )  # fmt: skip
