"""The scheduler's and the command's run both ask the store what is in force at the issue time."""

import random
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast.problems import DataError, Problem
from serving import record_run, schedule, schedule_jobs, whole_day
from serving.publish import orders_file
from serving.schedule import Duty
from serving.store.engine import Store
from tests.serving.publish import cases
from tests.serving.publish.cases import HOUR, JIAOZUO, NOW

ISSUE = NOW + 24 * HOUR


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the run was told; the forecast itself is left out."""
    told: list[dict[str, Any]] = []

    def run(config: object, **given: Any) -> object:
        told.append(given)
        return object()

    for module in (schedule_jobs, whole_day):
        monkeypatch.setattr(module.daily, "run", run)
        monkeypatch.setattr(module.forecast_store, "keep", lambda *_: [])
    monkeypatch.setattr(record_run, "record", lambda *_, **__: None)
    return told


@pytest.fixture
def warned(store: Store) -> Store:
    """Orange in force from NOW on, with orders."""
    who = cases.people(store)
    warning, state = cases.signed(store, who)
    work = cases.release.Work(cases.plan(store, warning), cases.PROOFS)
    cases.publish(store, warning, who, state.version, house=cases.house(), work=work)
    return store


def test_the_schedulers_run(warned: Store, tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    (tmp_path / "orders.csv").unlink()  # lost: the next run has it again
    duty = Duty(
        warned, tmp_path, JIAOZUO, cases.house(), lambda: ISSUE, "a", random.Random(1),
        schedule_jobs.run_daily, schedule_jobs.run_import,
    )  # fmt: skip
    schedule_jobs.run_daily(duty, ISSUE)
    assert [(a["in_force"], a["notified"]) for a in asked] == [("orange", None)]
    assert len(pd.read_csv(tmp_path / "orders.csv")) == 2
    schedule_jobs.run_daily(duty, NOW - HOUR)  # a past one knows nothing later
    assert asked[1]["in_force"] is None


def test_the_commands_run_and_a_store_that_is_away(
    warned: Store, tmp_path: Path, asked: list[dict[str, Any]]
) -> None:
    url = warned.engine.url.render_as_string(hide_password=False)
    given: dict[str, Any] = {"home": tmp_path, "issue_time": pd.Timestamp(ISSUE), "now": ISSUE}
    assert whole_day.run(JIAOZUO, database_url=url, **given).problems == ()
    assert asked[0]["in_force"] == "orange"
    (tmp_path / "broken.db").write_bytes(b"nothing of a database at all" * 50)
    day = whole_day.run(JIAOZUO, database_url=f"sqlite:///{tmp_path / 'broken.db'}", **given)
    assert [p.where for p in day.problems] == ["warning in force", "store"]
    assert asked[1]["in_force"] is None


def test_a_run_that_cannot_be_recorded_has_failed_and_is_told(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[dict[str, Any]]
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise DataError([Problem("run.json", "nothing", "what a finished run leaves")])

    monkeypatch.setattr(record_run, "record", refuses)
    mail = {"name": "gateway", "kind": "folder", "path": "out", "carries": ["alarm"]}
    duty = Duty(
        store, tmp_path, JIAOZUO, cases.house(mail), lambda: NOW + HOUR / 4, "a",
        random.Random(1), schedule_jobs.run_daily, schedule_jobs.run_import,
    )  # fmt: skip
    assert schedule.daily(duty)
    assert schedule.status_of(duty, NOW) == "failed"
    assert schedule.send(duty).sent == 1
    assert orders_file.table(store, JIAOZUO, now=NOW) is None
