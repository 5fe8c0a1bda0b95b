"""A simulated city's own time."""

import datetime as dt
import os
from pathlib import Path

import pytest

from serving import simulated_clock
from serving.context import utc_now
from serving.simulated_clock import SimulatedClock
from serving.store.engine import Store
from tests.serving import console_home

START = dt.datetime(2030, 5, 1, 12)  # the world's
HALF = dt.timedelta(minutes=30)
ISSUE = dt.datetime(2026, 11, 24, 8)


def finish(home: Path, at: dt.datetime, *, hours: int = 0) -> None:
    issue = console_home.ISSUE + hours * console_home.HOUR
    folder = console_home.leave_run(home, console_home.bulletin(issue))
    seconds = at.replace(tzinfo=dt.UTC).timestamp()
    os.utime(folder / "run.json", (seconds, seconds))


def test_it_goes_on_from_the_newest_run(tmp_path: Path) -> None:
    world = [START]
    clock = SimulatedClock(tmp_path, None, START, lambda: world[0])
    assert clock() == START  # no run yet
    finish(tmp_path, START - dt.timedelta(days=400))
    assert clock() == ISSUE + HALF  # from the server's start, not the year the run was made
    world[0] = START + HALF
    assert clock() == ISSUE + 2 * HALF
    finish(tmp_path, START + HALF, hours=24)
    assert clock() == ISSUE + dt.timedelta(days=1) + HALF
    world[0] = START + 2 * HALF
    assert clock() == ISSUE + dt.timedelta(days=1) + 2 * HALF


def test_it_never_stands_before_a_decision(tmp_path: Path) -> None:
    finish(tmp_path, START)
    said = ISSUE + dt.timedelta(hours=3)
    clock = SimulatedClock(tmp_path, said, START, lambda: START + HALF)
    assert clock() == said + HALF


def test_a_measured_city_has_the_worlds_clock(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    console_home.two_runs(tmp_path)
    store: Store = console_home.server(tmp_path, sqlite_template)[0]
    assert simulated_clock.of(console_home.city(), tmp_path, store) is utc_now
    made = simulated_clock.of(console_home.city(simulated=True), tmp_path, store)
    assert ISSUE + HALF <= made() < ISSUE + 2 * HALF
