"""Senders that come at once share a commit; each gets its own answer."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from serving.store import audit, intake, readings
from serving.store.engine import Conflict, Store, reading
from serving.store.intake import Intake
from serving.store.models import Reading
from serving.store.readings import Batch, Measured

NOW = dt.datetime(2026, 2, 9, 8)


def batch(enterprise: int, value: float = 1.0, *, count: int = 1) -> Batch:
    rows = [
        Measured(f"E{enterprise}", "M", "electricity", NOW - dt.timedelta(hours=h), value, "kWh")
        for h in range(count)
    ]
    return Batch(rows, "api", f"works{enterprise}", NOW)


def stored(store: Store) -> int:
    with reading(store) as session:
        return session.scalar(select(func.count()).select_from(Reading)) or 0


def test_those_that_wait_are_written_together_and_one_conflict_is_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, sizes, begun, go_on = Intake(), [], threading.Event(), threading.Event()
    real = readings.receive_all

    def slow(where: Store, batches: list[Batch]) -> list[object]:
        sizes.append(len(batches))
        if len(sizes) == 1:
            begun.set()
            assert go_on.wait(20)
        return list(real(where, batches))

    monkeypatch.setattr(intake.readings, "receive_all", slow)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(queue.receive, store, batch(0))
        assert begun.wait(20)
        rest = [threads.submit(queue.receive, store, batch(n)) for n in range(1, 7)]
        rest.append(threads.submit(queue.receive, store, batch(0, 2.0)))  # another value
        while len(queue._waiting) < 7:
            assert not rest[0].done()
        go_on.set()
        assert first.result(20).new == 1
        assert [r.result(20).new for r in rest[:6]] == [1] * 6
        with pytest.raises(Conflict, match="higher revision"):
            rest[6].result(20)
    assert sizes == [1, 7]
    assert stored(store) == 7
    with reading(store) as session:
        assert len({r.batch for r in session.scalars(select(Reading))}) == 7  # each its own row
    assert audit.verify(store).whole


def test_the_same_batch_twice_in_one_commit_counts_once(store: Store) -> None:
    one, two = readings.receive_all(store, [batch(1), batch(1)])
    assert isinstance(one, readings.Received)
    assert isinstance(two, readings.Received)
    assert (one.new, two.new, two.known) == (1, 0, 1)


def test_what_one_brings_takes_no_other_down(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = readings.receive_all

    def fails(where: Store, batches: list[Batch]) -> list[object]:
        if any(b.actor == "works2" for b in batches):
            raise ValueError("a batch the store cannot take")
        return list(real(where, batches))

    monkeypatch.setattr(intake.readings, "receive_all", fails)
    jobs = [intake._Job(batch(n)) for n in (1, 2, 3)]
    intake._write(store, jobs)
    assert [type(j.done) for j in jobs] == [readings.Received, ValueError, readings.Received]
    assert stored(store) == 2


def test_a_commit_takes_no_more_than_its_share() -> None:
    queue = Intake()
    queue._waiting = [intake._Job(batch(n, count=c)) for n, c in enumerate((intake.MOST + 5, 1, 1))]
    assert [len(queue._next()) for _ in range(2)] == [1, 2]
