"""The explanation in the bulletin: rows that add up, words, and nothing lost where it fails."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forecast.explain import Episode, Explanation
from serving import daily_explain
from serving.bulletin import render, saved
from serving.bulletin.content import Bulletin, Day, Primary, Text, Weather
from tests.forecast import network_cases as cases

ISSUE = pd.Timestamp("2026-02-08T08:00")


def day(number: int, primary: str = "pm25") -> Day:
    date = pd.Timestamp("2026-02-08") + pd.Timedelta(days=number)
    return Day(number, date, None, None, (Primary(primary, 0.9),), None, None, {})


def bulletin(primary: str = "pm25") -> Bulletin:
    return Bulletin(
        city=Text("示例", "Demo"), issue_time=ISSUE, offset=pd.Timedelta(hours=8), standard="s",
        rules="r", model="network", model_version="1", weather=Weather("none", ""),
        simulated=True, categories=(), days=tuple(day(k, primary) for k in (1, 2, 3)), members=1,
    )  # fmt: skip


def known(forecaster: object) -> SimpleNamespace:
    batch = cases.batch(times=cases.TIMES[2:])
    history = SimpleNamespace(usable=cases.OBS)
    return SimpleNamespace(forecaster=forecaster, batch=batch, history=history)


def found() -> Explanation:
    contributions = np.float32([[10, 0.1, -5], [-40, -20, 0], [0.2, 0, 0.1]])
    base = np.float32([60, 70, 80])
    return Explanation(
        "pm25", ("levels", "wind", "calendar"), base + contributions.sum(axis=0), base,
        contributions,
    )  # fmt: skip


def test_rows_stand_largest_first_and_what_is_small_is_together() -> None:
    alike = (Episode(pd.Timestamp("2025-02-07T16:00"), 0.5, (120.4, None, 33.0)),)
    part = daily_explain.section(found(), alike, bulletin())
    rows = [tuple(c.en for c in row) for row in part.rows]
    assert rows == [
        ("usual for the season", "60", "70", "80"),
        ("wind", "−40", "−20", "+0"),
        ("levels of the last days", "+10", "+0", "−5"),
        ("others", "+0", "+0", "+0"),
        ("forecast", "30", "50", "75"),
    ]
    assert [c.zh for c in part.columns] == ["因素", "2月9日", "2月10日", "2月11日"]
    assert "风" in part.summary.zh
    assert part.points[0].en.endswith("8 Feb 2025 00:00; measured on the three days after: "
                                      "120 / — / 33 µg/m³")  # fmt: skip
    none = daily_explain.section(found(), (), bulletin())
    assert none.points[0].en == "the record holds no similar episode"


def test_a_network_is_explained_and_shown_in_both_languages() -> None:
    shown = daily_explain.shown(bulletin(), known(cases.forecaster()))  # type: ignore[arg-type]
    assert shown.explanation is not None, shown.notes
    assert len(shown.explanation.rows) >= 3
    assert saved.from_json(saved.to_json(shown)) == shown
    assert "为什么这样预报（PM2.5）" in render.render_html(shown, "zh")
    assert "not what causes pollution" in render.render_html(shown, "en")
    ozone = daily_explain.shown(bulletin("o3"), known(cases.forecaster()))  # type: ignore[arg-type]
    assert ozone.explanation is not None
    assert "O₃" in ozone.explanation.title.en
    assert "MDA8" in ozone.explanation.summary.en


@pytest.mark.parametrize("name", ["persistence", "lightgbm"])
def test_others_are_not_explained(name: str) -> None:
    given = known(SimpleNamespace(name=name))
    assert daily_explain.shown(bulletin(), given) == bulletin()  # type: ignore[arg-type]


def test_failure_is_a_note() -> None:
    broken = known(SimpleNamespace(name="network"))  # it cannot forecast
    shown = daily_explain.shown(bulletin(), broken)  # type: ignore[arg-type]
    assert shown.explanation is None
    assert "not explained" in shown.notes[-1].text.en


def test_a_large_network_is_explained_by_some_stations_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(daily_explain, "STATIONS", 4)  # of five
    shown = daily_explain.shown(bulletin(), known(cases.forecaster()))  # type: ignore[arg-type]
    assert shown.explanation is not None, shown.notes
    assert "with 4 stations that stand for all" in shown.explanation.assumptions[-1].en
