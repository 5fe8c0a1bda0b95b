"""Meter and stack readings into the store: a batch is written whole, once, and is in the trail.

A reading's key is (enterprise, meter, parameter, at, revision). The same key with the same value
again is nothing new; with another value it is refused: a correction is a higher revision. One row
of the trail covers a batch by the digest of its readings; each reading carries that row's number.
"""

import datetime as dt
import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import RowMapping, func, insert, select, tuple_
from sqlalchemy.orm import Session

from forecast.problems import Problem
from serving.store import audit
from serving.store.engine import Conflict, Store, iso, reading, writing
from serving.store.models import Entry, Reading

ACTION: Final = "readings.receive"
_STREAM: Final = 5000  # rows held at once where all are looked at
_ROWS: Final = 500  # of one statement: below both engines' limits on parameters
Key = tuple[str, str, str, dt.datetime, int]


@dataclass(frozen=True)
class Measured:
    """One value of a meter or stack."""

    enterprise: str
    meter: str
    parameter: str
    at: dt.datetime  # naive UTC, the END of its interval
    value: float
    unit: str
    revision: int = 0

    @property
    def key(self) -> Key:
        """What makes it this reading and no other."""
        return (self.enterprise, self.meter, self.parameter, self.at, self.revision)


@dataclass(frozen=True)
class Received:
    """What became of a batch."""

    batch: int | None  # row of the trail; None: nothing was new
    new: int
    known: int  # there already, or twice in the batch


@dataclass(frozen=True)
class Batch:
    """What one sender sent at once."""

    readings: Sequence[Measured]  # in any order; values finite
    source: str  # such as `api`, or a file's name
    actor: str  # account's name for the trail
    now: dt.datetime  # naive UTC


def receive(
    store: Store, readings: Sequence[Measured], *, source: str, actor: str, now: dt.datetime
) -> Received:
    """Write the readings of one batch that are not there yet.

    Raises:
        Conflict: Keys that are there, or twice in the batch, with another value or unit; all at
            once, and nothing was written.
    """
    (done,) = receive_all(store, [Batch(readings, source, actor, now)])
    if isinstance(done, Conflict):
        raise done
    return done


def receive_all(store: Store, batches: Sequence[Batch]) -> list[Received | Conflict]:
    """Several senders' batches in one transaction, each with its own row of the trail.

    A batch that is in conflict writes nothing and holds up no other. What one of them wrote, the
    next one knows.
    """
    with writing(store) as session:
        audit.lock(session)  # before the look: two senders of the same batch take turns
        return [_received(session, batch) for batch in batches]


def _received(session: Session, batch: Batch) -> Received | Conflict:
    given, wrong = _once(batch.readings)
    there = _there(session, given)
    wrong += [_another(given[k], row) for k, row in there.items() if not _same(given[k], row)]
    if wrong:
        return Conflict(wrong)
    new = sorted((m for k, m in given.items() if k not in there), key=lambda m: m.key)
    known = len(batch.readings) - len(new)
    if not new:
        return Received(None, 0, known)
    number = audit.lock(session).seq + 1
    rows = [
        {**vars(m), "source": batch.source, "received_at": batch.now, "batch": number} for m in new
    ]
    for start in range(0, len(rows), 10 * _ROWS):
        session.execute(insert(Reading), rows[start : start + 10 * _ROWS])
    body = {"digest": _digest(rows), "readings": len(new), "source": batch.source}
    audit.append(
        session, at=batch.now, actor=batch.actor, action=ACTION,
        subject=f"meter_readings/{number}", body=body,
    )  # fmt: skip
    return Received(number, len(new), known)


def adopt(store: Store, *, actor: str, now: dt.datetime) -> int:
    """Cover readings from before batches were known (batch 0) by a row of the trail; how many.

    Whatever was done to them until now cannot be told; from now on a change shows. Once: a store
    that has the row already is left alone.
    """
    subject = "meter_readings/0"
    with writing(store) as session:
        audit.lock(session)
        done = select(Entry.seq).where(Entry.action == ACTION, Entry.subject == subject).limit(1)
        found = [b for b in _batches(session, only=0) if b[1]]
        if not found or session.scalar(done) is not None:
            return 0
        ((_, count, digest),) = found
        body = {"digest": digest, "readings": count, "source": "before batches"}
        audit.append(session, at=now, actor=actor, action=ACTION, subject=subject, body=body)
        return count


def latest(
    store: Store, *, enterprise: str, start: dt.datetime, end: dt.datetime
) -> Sequence[Reading]:
    """An enterprise's readings stamped in (start, end], each with its highest revision."""
    with reading(store) as session:
        query = (
            select(Reading)
            .where(Reading.enterprise == enterprise, Reading.at > start, Reading.at <= end)
            .order_by(Reading.meter, Reading.parameter, Reading.at, Reading.revision)
        )
        last = {(r.meter, r.parameter, r.at): r for r in session.scalars(query)}
        return list(last.values())


def broken(session: Session) -> Problem | None:
    """The first batch that is not as the trail says, or that it does not know."""
    said = _said(session)
    try:
        return _compared(_batches(session), dict(said))
    except (ValueError, TypeError):  # a cell that is no time or number any more: which one?
        return _compared(_batches_one_by_one(session), said)


def _said(session: Session) -> dict[int, tuple[int, str]]:
    """Count and digest of every batch, as the trail has them."""
    query = select(Entry.subject, Entry.body).where(Entry.action == ACTION).order_by(Entry.seq)
    said = {}
    for subject, text in session.execute(query).yield_per(_STREAM):
        body = json.loads(text)
        said[int(subject.rsplit("/", 1)[1])] = (body["readings"], body["digest"])
    return said


def _compared(
    batches: Iterable[tuple[int, int, str]], said: dict[int, tuple[int, str]]
) -> Problem | None:
    """Batches in the order of their numbers against the trail."""
    waiting = deque(sorted(said))
    for batch, count, digest in batches:
        if waiting and waiting[0] < batch:
            return Problem(f"meter_readings batch {waiting[0]}", "nothing", _told(said[waiting[0]]))
        expected = said.get(batch)
        if expected is None:
            found = f"{count} readings the trail does not know"
            return Problem(f"meter_readings batch {batch}", found, "none")
        waiting.popleft()
        if (count, digest) != expected:
            found = f"{count} readings of another content"
            return Problem(f"meter_readings batch {batch}", found, _told(expected))
    if waiting:
        return Problem(f"meter_readings batch {waiting[0]}", "nothing", _told(said[waiting[0]]))
    return None


def _told(expected: tuple[int, str]) -> str:
    return f"{expected[0]} readings as in the trail ({expected[1][:12]})"


def _batches(session: Session, *, only: int | None = None) -> Iterator[tuple[int, int, str]]:
    """Number, count and digest of every batch (or one), read in one pass.

    Raises:
        ValueError, TypeError: A cell cannot be read.
    """
    table = Reading.__table__
    query = select(table).order_by(table.c.batch)
    if only is not None:
        query = query.where(table.c.batch == only)
    rows = session.execute(query).yield_per(_STREAM).mappings()
    for number, group in groupby(rows, key=lambda row: row["batch"]):
        ordered = sorted(group, key=_key)  # the engines sort text in ways of their own
        yield number, len(ordered), _digest(ordered)


def _batches_one_by_one(session: Session) -> Iterator[tuple[int, int, str]]:
    """As `_batches`; a batch that cannot be read has no digest."""
    numbers = session.scalars(select(Reading.batch).distinct().order_by(Reading.batch)).all()
    for number in numbers:
        try:
            yield from _batches(session, only=number)
        except (ValueError, TypeError):
            count = select(func.count()).select_from(Reading).where(Reading.batch == number)
            yield number, session.scalar(count) or 0, ""


def _key(row: RowMapping) -> Key:
    return (row["enterprise"], row["meter"], row["parameter"], row["at"], row["revision"])


def _digest(rows: Sequence[Mapping[str, Any] | RowMapping]) -> str:
    """SHA-256 of readings in the order of their keys; the same on both engines."""
    total = hashlib.sha256()
    for row in rows:
        parts = [
            row["enterprise"], row["meter"], row["parameter"], iso(row["at"]), row["revision"],
            row["value"], row["unit"], row["source"], iso(row["received_at"]),
        ]  # fmt: skip
        total.update(json.dumps(parts, ensure_ascii=True, allow_nan=False).encode() + b"\n")
    return total.hexdigest()


def _once(readings: Sequence[Measured]) -> tuple[dict[Key, Measured], list[Problem]]:
    given: dict[Key, Measured] = {}
    wrong = []
    for one in readings:
        there = given.setdefault(one.key, one)
        if there != one:
            found = f"{there.value:g} {there.unit} and {one.value:g} {one.unit} in one batch"
            wrong.append(Problem(_words(one), found, "one value for a revision"))
    return given, wrong


def _there(session: Session, given: Mapping[Key, Measured]) -> dict[Key, RowMapping]:
    table = Reading.__table__
    columns = tuple_(
        table.c.enterprise, table.c.meter, table.c.parameter, table.c.at, table.c.revision
    )
    keys = list(given)
    found = {}
    for start in range(0, len(keys), _ROWS):
        query = select(table).where(columns.in_(keys[start : start + _ROWS]))
        found.update({_key(row): row for row in session.execute(query).mappings()})
    return found


def _same(one: Measured, row: RowMapping) -> bool:
    return bool(one.value == row["value"] and one.unit == row["unit"])


def _another(one: Measured, row: RowMapping) -> Problem:
    found = f"{one.value:g} {one.unit}"
    expected = f"{row['value']:g} {row['unit']} as received, or a higher revision"
    return Problem(_words(one), found, expected)


def _words(one: Measured) -> str:
    at = f"{one.at:%Y-%m-%dT%H:%MZ}"
    return f"{one.enterprise}/{one.meter}/{one.parameter} {at} revision {one.revision}"
