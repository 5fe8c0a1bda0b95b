"""From files to a plan in words: members, register, contributions, budget."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config as city_config
from forecast import forecast_file
from forecast.config import configs_dir
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, mock_stations
from response import (
    budget,
    budget_config,
    resume_run,
    resumption_climate,
    resumption_settings,
)
from response.register import Register
from response.resumption_settings import BottomLine, Limit

ISSUE = pd.Timestamp("2026-12-01 08:00")  # 16:00 local; D+1 is 2 December
AREAS = ("city", "jiefang", "shanyang")


def forecast_at(path: Path, pm25: float, members: int = 20) -> Path:
    shape = (1, 3, len(AREAS), members)
    rng = np.random.default_rng(5)
    daily = {p: np.full(shape, 20.0 if p != "co" else 1.0) for p in POLLUTANTS}
    daily["pm25"] = pm25 + rng.uniform(-3, 3, shape)
    header = forecast_file.Header(
        "mock", "1", "d", "auto", "c", "none", "r", False, 8, "2026-11-01T00:00"
    )
    layout = forecast_file.Layout(pd.DatetimeIndex([ISSUE]), mock_stations(count=1), AREAS, members)
    chunk = forecast_file.Chunk(
        np.ones((1, 96, 1, 6, 9)),
        forecast_file.AreaChunk(
            np.full(shape, 100.0), np.zeros(shape, dtype=np.uint8), daily
        ),
    )  # fmt: skip
    forecast_file.write(path, header, layout, [chunk])
    return path


def register() -> Register:
    firms = pd.DataFrame(
        {"grade": ["A", "D"], "kind": ["ordinary"] * 2}, index=pd.Index(["E1", "E2"])
    )
    units = pd.DataFrame(
        {
            "enterprise": ["E1", "E2", "E2"], "min_load": [1.0, 1.0, 0.5],
            "hours_to_restart": [0.0, 0.0, 0.0], "value_yuan_d": [1e5, 1e4, 1e4],
        },
        index=pd.Index(["U1", "U2", "U3"]),
    )  # fmt: skip
    return Register(firms, units, pd.DataFrame(), pd.DataFrame(), "")


def contributions(pm25: float) -> xr.Dataset:
    shape, dims = (3, 3, 3), ("unit", "receptor", "day")
    data = {
        p: (dims, np.full(shape, pm25 if p == "pm25" else 0.0),
            {"units": "mg m-3" if p == "co" else "ug m-3"})
        for p in POLLUTANTS if p != "o3"
    }  # fmt: skip
    coords = {"unit": ["U1", "U2", "U3"], "receptor": ["1828A", "1829A", "3169A"], "day": [1, 2, 3]}
    return xr.Dataset(data, coords)


def write_requests(path: Path, units: list[str]) -> Path:
    rows = [f"{u},2026-12-01 16:00,0,\n" for u in units]
    path.write_text(
        "生产单元,申请复产时间,爬坡时间(h),日产值(元)\n" + "".join(rows), encoding="utf-8"
    )
    return path


def run(tmp_path: Path, pm25: float, adds: float, **more: object) -> resume_run.ResumeResult:
    members = resume_run.members_of(forecast_at(tmp_path / "f.nc", pm25))
    return resume_run.run(
        members, contributions(adds), city_config.load(configs_dir() / "jiaozuo.yaml"), register(),
        write_requests(tmp_path / "r.csv", ["U2", "U1"]), {"U1": 0.0, "U2": 0.0},
        BottomLine(limits=(Limit(metric="pm25", above=150, accepted=0.05),)),
        resumption_settings.load(), **more,
    )  # fmt: skip


def test_members_come_with_their_first_day(tmp_path: Path) -> None:
    got = resume_run.members_of(forecast_at(tmp_path / "f.nc", 100.0))
    assert got.first_day == pd.Timestamp("2026-12-02")
    assert got.daily.shape == (3, 20, 3, 6)
    assert np.abs(got.daily[..., POLLUTANTS.index("pm25")] - 100).max() <= 3.05
    with pytest.raises(DataError, match="issue times"):
        resume_run.members_of(tmp_path / "f.nc", issue_time=ISSUE - pd.Timedelta(hours=6))


def test_from_files_to_words(tmp_path: Path) -> None:
    got = run(tmp_path, 140.0, 6.0)
    first, second = got.plan.decisions
    assert (first.unit, first.outcome, second.unit, second.outcome) == (
        "U1", "start_now", "U2", "wait",
    )  # fmt: skip
    # Issued 16:00, two hours' notice, the grid of 6 h: 18:00, six hours before the first day.
    assert first.start == -6
    table = got.table()
    assert table["结论"].tolist() == ["立即复产（2026-12-01 18:00）", "暂缓"]
    answer = got.as_dict()
    assert answer["decisions"][0]["start"] == "2026-12-01T18:00+08:00"
    zh = "\n".join(w.zh for w in got.words())
    en = "\n".join(w.en for w in got.words())
    assert "超过可接受的5%" in zh
    assert "待确认" in zh
    assert "remaining 6 h of today are not judged" in en


def test_beyond_the_forecast_it_says_climatology(tmp_path: Path) -> None:
    past = np.full((1200, 3, 6), 30.0)
    got = run(
        tmp_path, 149.0, 20.0, extra_days=2, rng=np.random.default_rng(1),
        past=(past, pd.Timestamp("2026-12-01") - pd.Timedelta(days=1200)),
    )  # fmt: skip
    assert [d.provisional for d in got.plan.decisions] == [True, True]
    assert got.plan.decisions[0].start == 72
    assert "气候态" in got.table()["结论"][0]
    assert "There is no forecast".lower() in "\n".join(w.en for w in got.words()).lower()
    assert got.plan.base.days[-1] == dt.date(2026, 12, 6)


def test_units_that_run_or_are_unknown_are_refused(tmp_path: Path) -> None:
    members = resume_run.members_of(forecast_at(tmp_path / "f.nc", 100.0))
    with pytest.raises(DataError) as caught:
        resume_run.run(
            members, contributions(1.0), city_config.load(configs_dir() / "jiaozuo.yaml"),
            register(), write_requests(tmp_path / "r.csv", ["U9", "U3"]), {},
            BottomLine(limits=(Limit(metric="pm25", above=150, accepted=0.05),)),
            resumption_settings.load(),
        )  # fmt: skip
    assert [p.found for p in caught.value.problems] == [
        "no such unit", "a unit that is not curtailed",
    ]  # fmt: skip


def test_contributions_are_means_of_the_areas_receptors() -> None:
    ds = contributions(0.0)
    ds["pm25"].loc[{"receptor": "1828A"}] = 9.0
    where = pd.Series(["a", "b", "b"], index=["1828A", "1829A", "3169A"])
    got = resumption_climate.contributions(ds, ["U1"], where, ("city", "a", "b"), 4)
    assert got.shape == (1, 3, 1, 4, 6)
    assert got[0, :, 0, 3, 0].tolist() == [3.0, 9.0, 0.0]
    ds["co"].attrs["units"] = "ug m-3"
    with pytest.raises(DataError) as caught:
        resumption_climate.contributions(ds, ["U7"], where, ("city", "c"), 3)
    assert len(caught.value.problems) == 3


def test_a_forecast_without_measures_is_lowered_by_what_is_cut() -> None:
    daily = np.full((1, 2, 1, 6), 10.0)
    added = np.zeros((2, 1, 1, 1, 6))
    added[:, ..., 0] = [[[[4.0]]], [[[20.0]]]]
    got = resume_run.base_without(daily, added, np.array([0.5, 0.25]))
    assert got[0, :, 0, 0].tolist() == [3.0, 3.0]
    assert got[0, 0, 0, 1] == 10.0


def test_the_year_s_heavy_days_become_a_promise() -> None:
    dates = pd.date_range("2013-01-01", "2015-10-31")
    rng = np.random.default_rng(2)
    days = pd.DataFrame(
        rng.gamma(4, 20, (len(dates), 6)) * [1, 1, 0.3, 0.5, 0.02, 1],
        index=dates, columns=[*POLLUTANTS],
    )  # fmt: skip
    targets = budget_config.load_targets(configs_dir() / "budget" / "beijing.yaml")
    spent = budget.assess(days, targets, budget_config.load_resampling())
    line = resumption_settings.load_bottom_line()
    got = resume_run.with_budget(line, spent, 0.1)
    left = spent.standing("heavy_days").left
    assert left is not None
    assert got.limits[-1].days_allowed == max(int(left), 0)
    assert resume_run.with_budget(line, None, 0.1) == line
