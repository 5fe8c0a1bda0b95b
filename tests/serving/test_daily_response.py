"""The response in the daily run: nothing without a register, and no failure loses the warning."""

from types import SimpleNamespace

import pandas as pd
import pytest

from forecast import config as configuration
from forecast.config import configs_dir
from forecast.problems import ConfigError, Problem
from response import plan_run, resume_home
from serving import daily_response
from serving.bulletin.content import Bulletin, Section, Text, Weather

ISSUE = pd.Timestamp("2026-02-08T08:00")
WARNED = SimpleNamespace(level="orange")
CALM = SimpleNamespace(level=None)


@pytest.fixture
def config():
    return configuration.load(configs_dir() / "demo.yaml")


@pytest.fixture
def home(tmp_path):
    """A home with a register, as far as the run looks before it plans."""
    (tmp_path / "register").mkdir()
    (tmp_path / "register" / "current.json").write_text("{}", encoding="utf-8")
    return tmp_path


def never(*_, **__):
    raise AssertionError("asked for a plan")


def bulletin() -> Bulletin:
    return Bulletin(
        city=Text("示例", "Demo"), issue_time=ISSUE, offset=pd.Timedelta(hours=8), standard="s",
        rules="r", model="m", model_version="1", weather=Weather("none", ""), simulated=True,
        categories=(), days=(), members=1,
    )  # fmt: skip


def test_a_home_without_a_register_has_no_response(config, tmp_path, monkeypatch):
    monkeypatch.setattr(plan_run, "run", never)
    found = daily_response.respond(config, home=tmp_path, issue_time=ISSUE, proposal=WARNED)
    assert found == daily_response.Response()
    assert daily_response.write(found, tmp_path, offset=config.offset) == []
    assert daily_response.shown(bulletin(), found) == bulletin()


def test_without_a_warning_there_is_no_plan(config, home, monkeypatch):
    monkeypatch.setattr(plan_run, "run", never)
    found = daily_response.respond(config, home=home, issue_time=ISSUE, proposal=CALM)
    assert found.plan is None
    assert found.notes == ()


@pytest.mark.parametrize(
    "error",
    [ConfigError([Problem("solver", "none", "one"), Problem("b", "c", "d")]), MemoryError("full")],
)
def test_a_plan_that_fails_is_a_note_and_nothing_else(config, home, monkeypatch, error):
    def fails(*_, **__):
        raise error

    monkeypatch.setattr(plan_run, "run", fails)
    monkeypatch.setattr(resume_home, "run", fails)
    (home / "requests.csv").write_text("", encoding="utf-8")
    found = daily_response.respond(config, home=home, issue_time=ISSUE, proposal=WARNED)
    assert found.plan is None
    assert found.resumption is None
    assert [n.severity for n in found.notes] == ["error", "error"]
    assert found.notes[0].text.zh.startswith("减排方案未能形成")
    assert found.notes[1].text.en.startswith("no resumption")
    assert daily_response.shown(bulletin(), found).notes == found.notes


def test_what_is_found_becomes_sections(config, home, monkeypatch):
    monkeypatch.setattr(plan_run, "run", lambda *_, **given: SimpleNamespace(level=given["level"]))
    made = Section(Text("方案", "plan"), Text("要点", "summary"))
    monkeypatch.setattr(daily_response.sections, "plan_section", lambda _: made)
    found = daily_response.respond(config, home=home, issue_time=ISSUE, proposal=WARNED)
    assert found.plan.level == "orange"
    assert daily_response.shown(bulletin(), found).response == (made,)
