"""The statistics that real and simulated records are compared by, on records made by hand."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from forecast.schema import POLLUTANTS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def st() -> ModuleType:
    sys.path.insert(0, str(ROOT))
    try:
        return importlib.import_module("benchmarks.twin_statistics")
    finally:
        sys.path.remove(str(ROOT))


def days(first: str, values: list[float]) -> pd.Series:
    return pd.Series(values, pd.date_range(first, periods=len(values), freq="D"), dtype=float)


def test_episodes_are_runs_of_heavy_winter_days(st: ModuleType) -> None:
    heavy = days("2015-01-01", [1, 1, 0, 1, np.nan, 1, 0, 0])
    assert st.episodes(heavy) == [(2015, 2), (2015, 2)]  # the gap neither ends nor lengthens


def test_an_episode_of_december_belongs_to_the_winter_of_january(st: ModuleType) -> None:
    assert st.episodes(days("2015-12-30", [1, 1, 1, 0])) == [(2016, 3)]


def test_summer_days_make_no_winter_episode(st: ModuleType) -> None:
    assert st.episodes(days("2015-06-01", [1, 1, 1])) == []


def test_a_whole_winter_counts_one(st: ModuleType) -> None:
    winter = days("2014-11-01", [0.0] * 151)  # November to March of a common year
    assert st.winters(winter) == pytest.approx(1, abs=0.01)


def test_heavy_is_an_index_above_200(st: ModuleType) -> None:
    table = pd.DataFrame(
        {p: [10.0, 10.0, np.nan] for p in POLLUTANTS}, pd.date_range("2015-01-01", periods=3)
    )
    table["co"] = [1.0, 1.0, np.nan]
    table["pm25"] = [150.0, 151.0, np.nan]  # IAQI 200 at 150
    assert st.heavy_days(table).tolist()[:2] == [0.0, 1.0]
    assert np.isnan(st.heavy_days(table).iloc[2])


def test_a_day_s_period_comes_back_after_a_day(st: ModuleType) -> None:
    wave = np.sin(np.arange(240) / 24 * 2 * np.pi)
    assert st.autocorrelation(wave, 24) == pytest.approx(1)
    assert st.autocorrelation(wave, 12) == pytest.approx(-1)


def test_hours_relative_to_the_mean(st: ModuleType) -> None:
    index = pd.date_range("2015-01-01", periods=48, freq="h")
    values = pd.Series(np.where(index.hour < 12, 1.0, 3.0), index)
    assert st.by_hour(values)[0] == pytest.approx(0.5)
    assert st.by_hour(values)[23] == pytest.approx(1.5)


def test_weekend_against_weekdays(st: ModuleType) -> None:
    index = pd.date_range("2015-01-05", periods=70, freq="D")  # a Monday
    values = pd.Series(np.where(index.day_of_week >= 5, 9.0, 10.0), index)
    assert st.weekend(values) == pytest.approx(0.9, abs=0.002)


def test_correlation_by_distance_finds_the_bin(st: ModuleType) -> None:
    x = np.arange(50.0)
    noise = np.where(np.arange(50) % 2, 1.0, -1.0)
    values = np.stack([x, 2 * x, noise], axis=1)
    latitude, longitude = np.array([35.0, 35.01, 36.0]), np.full(3, 113.0)
    mean, count = st.by_distance(values, latitude, longitude, (0, 5, 50, 200))
    assert count.tolist() == [1, 0, 2]  # 1.1 km; 111 and 110 km
    assert mean[0] == pytest.approx(1)
    assert np.isnan(mean[1])
    assert abs(mean[2]) < 0.1


def test_seasons_hold_their_months(st: ModuleType) -> None:
    index = pd.date_range("2015-01-01", "2015-12-31 23:00", freq="h")
    values = pd.Series(index.month.to_numpy(dtype=float), index)
    table = st.season_hours(values)
    assert table.loc["summer", 0] == pytest.approx((30 * 6 + 31 * 7 + 31 * 8) / 92)
    assert table.shape == (4, 24)


def test_daily_values_of_whole_days(st: ModuleType) -> None:
    index = pd.date_range("2015-01-01", periods=48, freq="h")
    hourly = pd.DataFrame({p: np.repeat([1.0, 3.0], 24) for p in POLLUTANTS}, index)
    daily = st.daily_of(hourly)
    assert daily.index[0] == pd.Timestamp("2015-01-01")
    assert daily["pm25"].tolist() == [1.0, 3.0]
