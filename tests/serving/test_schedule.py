"""The jobs of the scheduler under a clock that is set by hand, on both engines."""

import datetime as dt
import random
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from serving import duty, schedule
from serving.publish import outbox
from serving.schedule import Duty
from serving.store import audit
from serving.store.engine import Store, reading
from serving.store.models import Run
from tests.serving.publish import cases

MAIL = {"name": "gateway", "kind": "folder", "path": "out", "carries": ["alarm", "cap"]}
MIDNIGHT = dt.datetime(2026, 11, 23, 16)  # 24 November 00:00 in Jiaozuo


def at(text: str) -> dt.datetime:
    hours, minutes = map(int, text.split(":"))
    return MIDNIGHT + dt.timedelta(hours=hours, minutes=minutes)


class World:
    """A duty whose daily run is a stand-in that records a status."""

    def __init__(self, store: Store, home: Path) -> None:
        self.now, self.status, self.started = at("16:00"), "done", list[dt.datetime]()
        self.duty = Duty(
            store, home, cases.JIAOZUO,
            cases.house(MAIL, schedule={"sources": [{"source": "cnemc", "path": "a"},
                                                    {"source": "csv", "path": "b"}]}),
            lambda: self.now, "a", random.Random(1), self.run_daily, self.run_import,
        )  # fmt: skip
        self.imported: list[str] = []

    def run_daily(self, given: Duty, issue: dt.datetime) -> None:
        self.started.append(issue)
        if self.status == "failed":
            raise ValueError("no readings")
        number = duty.start_run(given.store, city="jiaozuo", issue_time=issue, now=self.now)
        if self.status != "running":
            duty.finish_run(given.store, number, status=self.status, report={}, now=self.now)

    def run_import(self, given: Duty, source: str, path: Path) -> None:
        self.imported.append(source)
        if source == "cnemc":
            raise OSError("gone")

    def alarms(self) -> list[str]:
        return [r.key.split(":")[3] for r in outbox.listed(self.duty.store)]


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    return World(store, tmp_path)


def test_one_run_a_day_at_its_hour(world: World) -> None:
    assert [schedule.daily(world.duty), schedule.watch(world.duty)] == [False, None]
    world.now = at("16:10")
    assert schedule.daily(world.duty)
    assert world.started == [at("16:00")]
    world.now = at("18:30")
    assert not schedule.daily(world.duty)
    assert schedule.watch(world.duty) is None
    world.now += dt.timedelta(days=1)
    assert schedule.daily(world.duty)
    assert world.started[1] == at("16:00") + dt.timedelta(days=1)
    assert world.alarms() == []


def test_two_instances_do_not_run_twice(world: World) -> None:
    world.now = at("16:10")
    other = replace(world.duty, holder="b")
    world.status = "running"
    with schedule.held(world.duty, "daily") as mine:
        assert mine
        assert not schedule.daily(other)
        assert world.started == []
    world.now += schedule.LEASE  # the first one died: the other takes over, same issue time
    assert schedule.daily(other)
    assert world.started == [at("16:00")]


@pytest.mark.parametrize("kind", ["failed", "degraded"])
def test_a_run_that_went_wrong_is_told_at_once_and_once(world: World, kind: str) -> None:
    world.now, world.status = at("16:10"), kind
    schedule.daily(world.duty)
    world.now = at("18:35")
    assert schedule.watch(world.duty) == kind
    assert world.alarms() == [kind]
    with reading(world.duty.store) as session:
        assert session.scalars(select(Run.status)).all() == [kind]
    world.status = "done"
    assert schedule.daily(world.duty) is (kind == "failed")  # tried again until it succeeds
    assert audit.verify(world.duty.store).whole


def test_a_run_that_is_not_there_is_late_before_20(world: World) -> None:
    world.now = at("18:29")
    assert schedule.watch(world.duty) is None
    world.now = at("18:30")
    assert schedule.watch(world.duty) == "late"
    assert schedule.send(world.duty).sent == 1
    (text,) = (world.duty.home / "out").glob("*/message.txt")
    assert "2026-11-24 16:00" in text.read_text()
    assert schedule.remind(world.duty) == 0


def test_a_source_that_fails_does_not_hold_up_the_next(world: World) -> None:
    assert schedule.imports(world.duty) == 1
    assert world.imported == ["cnemc", "csv"]


def test_the_clock_says_when(world: World) -> None:
    jobs = {j.id: str(j.trigger) for j in schedule.scheduler(world.duty).get_jobs()}
    assert set(jobs) == {"daily", "imports", "watch", "remind", "send"}
    assert "minute='20'" in jobs["imports"]
    assert "minute='*'" in jobs["send"]


def test_hours_that_miss_20_are_refused() -> None:
    for hours in ({"alarm_at": "20:00"}, {"daily_at": "19:00"}):
        with pytest.raises(ValueError, match="20:00"):
            cases.house(schedule=hours)
