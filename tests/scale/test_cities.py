"""Many cities as tasks: one's trouble is its own, and the bytes are those of the city alone."""

import datetime as dt
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from forecast import config as configuration
from forecast.problems import ConfigError
from serving import cities, daily
from serving.cities import CitiesReport
from twin import nation

ISSUE = pd.Timestamp("2026-11-20T08:00")
NOW = dt.datetime(2026, 11, 20, 8, 20)
SEED = 5


@pytest.fixture(scope="module", autouse=True)
def _one_revision() -> Iterator[None]:
    """A commit made while the tests run must not change what a run writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANTIAN_REVISION", "test")
        patch.delenv("LANTIAN_DATABASE_URL", raising=False)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A nation of three small cities without a network; the last one's readings are damaged."""
    made = tmp_path_factory.mktemp("nation")
    plan = nation.plan(SEED, cities=3, reference=5, lower=7)
    for path in nation.make(made, nation.Period(ISSUE, days=14), seed=SEED, cities=plan):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        content["forecast"] |= {"model": "persistence", "members": 10, "history_hours": 168}
        path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    month = made / "home" / "cities" / "sim-003" / "observations" / "2026-11.nc"
    month.write_bytes(month.read_bytes()[:2000])
    return made


def planned(folder: Path, home: Path) -> tuple[cities.Planned, ...]:
    return cities.plan(folder / "configs", home=home, issue_time=lambda _: ISSUE)


def products(home: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(home)): p.read_bytes()
        for part in ("forecasts", "runs")
        for p in sorted((home / part).rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def alone(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same cities, each by the ordinary run in this process."""
    home = tmp_path_factory.mktemp("alone")
    shutil.copytree(folder / "home", home, dirs_exist_ok=True)
    for one in planned(folder, home)[:2]:
        daily.run(one.config, home=one.home, issue_time=ISSUE, pictures=False)
    return home


@pytest.fixture(scope="module")
def report(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> CitiesReport:
    """A run in which the worker of sim-002 is killed when half of its files are written."""
    killed = tmp_path_factory.mktemp("mark") / "killed"

    def work(task: Any) -> Any:
        from serving import cities_tasks
        from serving import daily as body

        whole = body._write_data

        def write_data(*args: Any) -> Any:
            if task.config.city.id == "sim-002" and not killed.exists():
                killed.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(*args)

        body._write_data = write_data
        try:
            return cities_tasks.one_day(task)
        finally:
            body._write_data = whole

    home = folder / "home"
    return cities.run(
        planned(folder, home), home=home, now=NOW, workers=2, retries=1, pictures=False, work=work
    )


def test_a_killed_worker_and_a_broken_city_hurt_no_other(
    report: CitiesReport, folder: Path, alone: Path
) -> None:
    said = report.as_dict()
    assert [(c["city"], c["status"], c["attempts"], c["lost_workers"]) for c in said["cities"]] == [
        ("sim-001", "done", 1, 0),
        ("sim-002", "done", 2, 1),
        ("sim-003", "failed", 2, 0),
    ]
    for city in ("sim-001", "sim-002"):
        made = products(folder / "home" / "cities" / city)
        assert len(made) == 8  # forecast, two pages, proposal, stations, two of data, run.json
        assert made == products(alone / "cities" / city), city
    assert "run.json" not in {p.name for p in (folder / "home/cities/sim-003").rglob("*")}


def test_what_came_of_all_is_told_to_people_and_machines(report: CitiesReport) -> None:
    said = json.loads(report.summary.read_text(encoding="utf-8"))
    assert report.summary.name == "20261120T0800Z.json"
    assert (said["done"], said["failed"], said["lost_workers"]) == (2, ["sim-003"], 1)
    assert said["retried"] == ["sim-002", "sim-003"]
    assert said["stations"] == 12
    assert all(c["bytes"] > 10_000 for c in said["cities"][:2])
    (problem,) = report.problems()
    assert problem.where == "sim-003"
    assert "2026-11.nc" in problem.found
    lines = report.lines()
    assert lines[3].split()[:3] == ["sim-003", "failed", "2"]
    assert lines[-1].startswith("2 of 3 cities, 12 stations, 2 workers")


def test_each_city_is_on_record_in_its_own_store(report: CitiesReport) -> None:
    for city in report.as_dict()["cities"][:2]:
        assert city["problems"] == []
        assert (Path(city["folder"]).parents[1] / "lantian.db").is_file()


def test_everything_wrong_with_any_city_is_said_before_anything_runs(
    folder: Path, tmp_path: Path
) -> None:
    demo = configuration.configs_dir() / "demo.yaml"
    (tmp_path / "a.yaml").write_text(f"same_as: {demo}\n")
    (tmp_path / "b.yaml").write_text(f"same_as: {demo}\n")
    (tmp_path / "c.yaml").write_text("same_as: nowhere.yaml\n")
    (tmp_path / "d.yaml").write_text("rules: [\n")
    shutil.copy(folder / "configs" / "sim-001.yaml", tmp_path / "e.yaml")
    with pytest.raises(ConfigError) as caught:
        cities.plan(tmp_path, home=tmp_path, issue_time=lambda _: ISSUE)
    said = [str(p) for p in caught.value.problems]
    assert len(said) == 4
    assert any("nowhere.yaml" in s for s in said)
    assert any("d.yaml" in s and "valid YAML" in s for s in said)
    assert any("e.yaml: stations" in s for s in said)
    assert any("city demo" in s and "a.yaml, b.yaml" in s for s in said)
    with pytest.raises(ConfigError, match=r"no \*.yaml"):
        cities.plan(tmp_path / "nothing", home=tmp_path, issue_time=lambda _: ISSUE)


def test_a_city_that_is_pointed_to_is_that_city(tmp_path: Path) -> None:
    demo = configuration.configs_dir() / "demo.yaml"
    (tmp_path / "here.yaml").write_text(f"same_as: {demo}\n")
    (one,) = cities.plan(tmp_path, home=tmp_path / "home", issue_time=lambda _: ISSUE)
    assert one.config == configuration.load(demo)
    assert one.home == tmp_path / "home" / "cities" / "demo"
