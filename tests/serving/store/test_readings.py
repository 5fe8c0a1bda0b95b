"""Readings: idempotent by key, corrected by revision only, and every one of them in the trail."""

import datetime as dt
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from serving.store import audit, backup, engine, readings
from serving.store.engine import Conflict, Store, reading
from serving.store.models import Reading
from serving.store.readings import Measured

NOW = dt.datetime(2026, 11, 24, 8)
ONE = Measured("E1", "M1", "electricity", NOW, 120.5, "kWh")


def many(hours: int = 3, enterprises: int = 2) -> list[Measured]:
    return [
        replace(ONE, enterprise=f"E{e}", at=NOW - dt.timedelta(hours=h), value=0.1 * h + e)
        for e in range(enterprises)
        for h in range(hours)
    ]


def receive(store: Store, *given: Measured) -> readings.Received:
    return readings.receive(store, given, source="api", actor="meter", now=NOW)


def count(store: Store) -> int:
    with reading(store) as session:
        return session.scalar(select(func.count()).select_from(Reading)) or 0


def test_a_batch_is_one_row_of_the_trail_and_twice_is_once(store: Store) -> None:
    assert receive(store, *many()) == readings.Received(1, 6, 0)
    assert receive(store, *many()) == readings.Received(None, 0, 6)
    assert receive(store, *many(hours=4), many()[0]) == readings.Received(2, 2, 7)
    assert count(store) == 8
    verdict = audit.verify(store)
    assert (verdict.whole, verdict.rows) == (True, 2)


def test_a_correction_is_a_higher_revision_and_the_first_value_stays(store: Store) -> None:
    receive(store, *many())
    with pytest.raises(Conflict) as caught:
        receive(store, replace(ONE, value=7.0), replace(ONE, unit="MWh"), replace(ONE, meter="M2"))
    assert [p.expected for p in caught.value.problems] == [
        "one value for a revision", "1 kWh as received, or a higher revision",
    ]  # fmt: skip
    assert count(store) == 6
    receive(store, replace(ONE, value=7.0, revision=1))
    found = readings.latest(store, enterprise="E1", start=NOW - dt.timedelta(hours=2), end=NOW)
    assert [(r.at, r.revision, r.value) for r in found] == [
        (NOW - dt.timedelta(hours=1), 0, 1.1), (NOW, 1, 7.0),
    ]  # fmt: skip
    assert count(store) == 7


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE meter_readings SET value = value + 0.001 WHERE enterprise = 'E1'",
        "UPDATE meter_readings SET received_at = '2026-11-24 09:00:00.000000'",
        "UPDATE meter_readings SET batch = 1 WHERE batch = 2",
        "DELETE FROM meter_readings WHERE batch = 2",
        "DELETE FROM meter_readings WHERE batch = 1 AND enterprise = 'E1'",
        """INSERT INTO meter_readings SELECT 'E9', meter, parameter, at, revision, value, unit,
           source, received_at, 7 FROM meter_readings WHERE batch = 2""",
    ],
)
def test_a_changed_reading_is_found(store: Store, statement: str) -> None:
    receive(store, *many())
    receive(store, replace(ONE, meter="M2"))
    assert audit.verify(store).whole
    with store.engine.execution_options(writing=True).begin() as connection:
        for what in ("update", "delete"):
            where = "" if store.sqlite else " ON meter_readings"
            connection.execute(text(f"DROP TRIGGER meter_readings_no_{what}{where}"))
        connection.execute(text(statement))
    assert "meter_readings batch" in str(audit.verify(store).broken)


def test_two_senders_of_the_same_batch_at_once(store: Store) -> None:
    outcomes: list[int] = []
    threads = [
        threading.Thread(target=lambda: outcomes.append(receive(store, *many(5, 4)).new))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [0, 0, 0, 20]
    assert audit.verify(store).whole


def test_what_is_restored_is_still_covered(store: Store, tmp_path: Path) -> None:
    receive(store, *many())
    backup.export(store, tmp_path / "archive")
    target = engine.connect(f"sqlite:///{tmp_path / 'other.db'}")
    backup.restore(target, tmp_path / "archive", now=NOW)
    assert audit.verify(target).whole
    target.engine.dispose()
