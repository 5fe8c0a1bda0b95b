"""Copies of a run in object storage, by URL; drift beside the day, recorded and never acted on."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import fsspec
import pandas as pd
import pytest
from sqlalchemy import select

from forecast import config as configuration
from forecast.config import CityConfig
from forecast.problems import ConfigError
from serving import forecast_store, record_drift, record_run, whole_day
from serving.bulletin.content import Text
from serving.daily import DailyReport
from serving.store import audit
from serving.store.engine import reading
from serving.store.models import Entry

ISSUE = pd.Timestamp("2026-11-20T08:00")
NOW = dt.datetime(2026, 11, 20, 8, 20)
DEMO = configuration.configs_dir() / "demo.yaml"


def city(url: str | None) -> CityConfig:
    return configuration.load(DEMO).model_copy(update={"forecast_store": url})


@pytest.fixture
def report(tmp_path: Path) -> DailyReport:
    """What a run leaves, in little."""
    folder = tmp_path / "home" / "runs" / "20261120T0800Z"
    (folder / "plan").mkdir(parents=True)
    for name in ("run.json", "proposal.json", "plan/plan.json", ".half.tmp"):
        (folder / name).write_text(name)
    path = tmp_path / "home" / "forecasts" / "20261120T0800Z.nc"
    path.parent.mkdir()
    path.write_bytes(b"forecast")
    return DailyReport(ISSUE, path, folder, None, Text("", ""), ())


def there(fs: Any, folder: str) -> dict[str, bytes]:
    root = fs._strip_protocol(folder)
    found = fs.find(root)
    return {p[len(root) + 1 :]: fs.cat_file(p) for p in found}


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_a_run_is_copied_whole_and_again_changes_nothing(
    kind: str, tmp_path: Path, report: DailyReport
) -> None:
    url = "memory://bucket/air" if kind == "memory" else f"file://{tmp_path / 'bucket'}"
    fs, _ = fsspec.core.url_to_fs(url)
    for _ in range(2):
        assert forecast_store.keep(city(url), report) == []
        assert there(fs, f"{url}/demo/20261120T0800Z") == {
            "forecast.nc": b"forecast",
            "run.json": b"run.json",
            "proposal.json": b"proposal.json",
            "plan/plan.json": b"plan/plan.json",
        }
    report.forecast.write_bytes(b"another")
    (report.folder / "run.json").write_text("of another")
    assert forecast_store.keep(city(url), report) == []
    again = there(fs, f"{url}/demo/20261120T0800Z")
    assert (again["forecast.nc"], again["run.json"]) == (b"another", b"of another")
    if kind == "memory":
        fs.rm("/bucket", recursive=True)


def test_run_json_comes_last_and_an_old_one_goes_first(
    tmp_path: Path, report: DailyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{tmp_path / 'bucket'}"
    assert forecast_store.keep(city(url), report) == []
    report.forecast.write_bytes(b"another")
    (report.folder / "run.json").write_text("of another")
    fs, _ = fsspec.core.url_to_fs(url)

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(type(fs), "pipe_file", fail)
    (problem,) = forecast_store.keep(city(url), report)
    assert "no space left" in problem.found
    copied = tmp_path / "bucket" / "demo" / "20261120T0800Z"
    assert not (copied / "run.json").exists()  # half of a run does not look like a whole one
    assert (copied / "forecast.nc").read_bytes() == b"forecast"


def test_what_cannot_be_reached_is_named_without_its_password(report: DailyReport) -> None:
    (problem,) = forecast_store.keep(city("nostore://user:secret@host/air"), report)
    assert "secret" not in str(problem)
    assert "nostore://host/air" in problem.where
    assert forecast_store.keep(city(None), report) == []


def test_where_copies_go_is_no_part_of_the_digest_and_must_be_a_url(tmp_path: Path) -> None:
    assert city("s3://bucket/air").digest == city(None).digest
    path = tmp_path / "c.yaml"
    text = DEMO.read_text(encoding="utf-8").replace("stations/", f"{DEMO.parent}/stations/")
    text = text.replace("quality/", f"{DEMO.parent}/quality/")
    path.write_text(text + "forecast_store: /data/air\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="forecast_store"):
        configuration.load(path)


def test_a_proposal_to_train_is_recorded_once_and_nothing_else_happens(
    tmp_path: Path, report: DailyReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'lantian.db'}"
    found = {
        "retrain": True, "lines": ["drift: 1 out of the ordinary"], "worst": ["pm25: 0.3"],
        "proposal": "train", "notes": [], "model": "20260101T0000Z",
    }  # fmt: skip
    monkeypatch.setattr(whole_day.daily, "run", lambda *_, **__: report)
    monkeypatch.setattr(whole_day.record_run, "after", lambda *_, **__: [])

    def day(judge: Any) -> whole_day.Day:
        return whole_day.run(
            city(None), home=tmp_path, database_url=url, issue_time=ISSUE, now=NOW, judge=judge
        )

    for _ in range(2):
        made = day(lambda *_: found)
        assert made.problems == ()
        assert made.lines()[-1] == "drift: 1 out of the ordinary"
    assert day(lambda *_: found | {"retrain": False}).problems == ()
    store = record_run.opened(tmp_path, url)
    with reading(store) as session:
        rows = list(session.scalars(select(Entry).where(Entry.action == record_drift.ACTION)))
    assert [r.subject for r in rows] == ["demo:20261120T0800Z"]
    assert json.loads(rows[0].body)["worst"] == ["pm25: 0.3"]
    assert audit.verify(store).whole
    store.engine.dispose()
    assert not (tmp_path / "models").exists()

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("of no consequence")

    (problem,) = day(broken).problems
    assert problem.where == "drift"
    assert day(None).drift is None
