"""Meter and stack readings into the store: a batch is written whole, once, and is in the trail.

A reading's key is (enterprise, meter, parameter, at, revision). The same key with the same value
again is nothing new; with another value it is refused: a correction is a higher revision. One row
of the trail covers a batch by the digest of its readings; each reading carries that row's number.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, func, insert, select, tuple_
from sqlalchemy.orm import Session

from forecast.problems import Problem
from serving.store import audit
from serving.store.engine import Conflict, Store, iso, reading, writing
from serving.store.models import Entry, Reading

ACTION: Final = "readings.receive"
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


def receive(
    store: Store, readings: Sequence[Measured], *, source: str, actor: str, now: dt.datetime
) -> Received:
    """Write the readings that are not there yet.

    Args:
        store: The store.
        readings: In any order; values finite.
        source: Where they come from, such as `api`, or a file's name.
        actor: Account's name for the trail.
        now: Naive UTC.

    Raises:
        Conflict: Keys that are there, or twice in the batch, with another value or unit; all at
            once, and nothing was written.
    """
    given, wrong = _once(readings)
    with writing(store) as session:
        head = audit.lock(session)  # before the look: two senders of the same batch take turns
        there = _there(session, given)
        wrong += [_another(given[k], row) for k, row in there.items() if not _same(given[k], row)]
        if wrong:
            raise Conflict(wrong)
        new = sorted((m for k, m in given.items() if k not in there), key=lambda m: m.key)
        known = len(readings) - len(new)
        if not new:
            return Received(None, 0, known)
        batch = head.seq + 1
        rows = [{**vars(m), "source": source, "received_at": now, "batch": batch} for m in new]
        for start in range(0, len(rows), 10 * _ROWS):
            session.execute(insert(Reading), rows[start : start + 10 * _ROWS])
        body = {"digest": _digest(rows), "readings": len(new), "source": source}
        audit.append(
            session, at=now, actor=actor, action=ACTION, subject=f"meter_readings/{batch}",
            body=body,
        )  # fmt: skip
        return Received(batch, len(new), known)


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
    said = {
        int(row.subject.rsplit("/", 1)[1]): json.loads(row.body)
        for row in session.execute(
            select(Entry.subject, Entry.body).where(Entry.action == ACTION).order_by(Entry.seq)
        )
    }
    last = 0
    for batch, count, digest in _batches(session):
        expected = said.pop(batch, None)
        missing = min((b for b in said if last < b < batch), default=None)
        last = batch
        if missing is not None:
            return Problem(f"meter_readings batch {missing}", "nothing", _told(said[missing]))
        if expected is None:
            found = f"{count} readings the trail does not know"
            return Problem(f"meter_readings batch {batch}", found, "none")
        if (count, digest) != (expected["readings"], expected["digest"]):
            found = f"{count} readings of another content"
            return Problem(f"meter_readings batch {batch}", found, _told(expected))
    if said:
        gone = min(said)
        return Problem(f"meter_readings batch {gone}", "nothing", _told(said[gone]))
    return None


def _told(body: Mapping[str, Any]) -> str:
    return f"{body['readings']} readings as in the trail ({body['digest'][:12]})"


def _batches(session: Session) -> Iterator[tuple[int, int, str]]:
    """Number, count and digest of every batch, by its readings' keys as bytes."""
    numbers = session.scalars(select(Reading.batch).distinct().order_by(Reading.batch)).all()
    table = Reading.__table__
    for number in numbers:
        try:
            query = select(table).where(table.c.batch == number)
            rows = sorted(session.execute(query).mappings(), key=_key)
            yield number, len(rows), _digest([dict(r) for r in rows])
        except (ValueError, TypeError):  # a cell that is no time or number any more
            count = select(func.count()).select_from(table).where(table.c.batch == number)
            yield number, session.scalar(count) or 0, ""


def _key(row: RowMapping) -> Key:
    return (row["enterprise"], row["meter"], row["parameter"], row["at"], row["revision"])


def _digest(rows: Sequence[Mapping[str, Any]]) -> str:
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
