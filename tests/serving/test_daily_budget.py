"""The year's budget in the daily run: there with targets and a past, never in the way."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from forecast.problems import DataError, Problem
from response import budget, budget_config, budget_words, resume_run
from response.rules import Words
from serving import daily_budget, daily_response
from tests.serving import console_home

ISSUE = pd.Timestamp("2026-11-24 08:00")
CITY = console_home.city()


@pytest.fixture
def _targets(monkeypatch: pytest.MonkeyPatch) -> None:
    found = budget_config.targets_of("jiaozuo")
    assert found is not None
    monkeypatch.setattr(budget_config, "targets_of", lambda _: found)


def test_a_city_without_targets_of_the_year_has_no_budget(tmp_path: Path) -> None:
    assert daily_budget.text(CITY, tmp_path, ISSUE) is None


@pytest.mark.usefixtures("_targets")
def test_a_budget_that_cannot_be_made_is_left_out(tmp_path: Path) -> None:
    assert daily_budget.text(CITY, tmp_path, ISSUE) is None  # no forecast to rest on
    assert daily_budget.text(CITY, tmp_path, ISSUE - pd.Timedelta(days=365)) is None


@pytest.mark.usefixtures("_targets")
def test_a_run_leaves_the_budget_beside_the_bulletin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = SimpleNamespace(first_day=pd.Timestamp("2026-11-25"))
    monkeypatch.setattr(resume_run, "members_of", lambda *_, **__: members)
    monkeypatch.setattr(daily_budget.plan_run, "forecast_path", lambda *_: tmp_path / "f.nc")
    monkeypatch.setattr(resume_run, "year_budget", lambda *_: "budget")
    monkeypatch.setattr(budget, "as_dict", lambda _: {"year": 2026})
    monkeypatch.setattr(budget_words, "words", lambda _: (Words(zh="甲", en="a"),))
    proposal = SimpleNamespace(level=None)
    found = daily_response.respond(CITY, home=tmp_path, issue_time=ISSUE, proposal=proposal)
    written = daily_response.write(found, tmp_path, offset=CITY.offset)
    assert [p.name for p in written] == ["budget.json"]
    assert json.loads(written[0].read_text(encoding="utf-8")) == {
        "year": 2026, "words": [{"zh": "甲", "en": "a"}]
    }  # fmt: skip

    def broken(*_: object) -> None:
        raise DataError([Problem("past", "none", "a year")])

    monkeypatch.setattr(resume_run, "year_budget", broken)
    assert daily_budget.text(CITY, tmp_path, ISSUE) is None
