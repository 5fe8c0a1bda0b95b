"""Observed daily index and the daily references that are made of it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.schema import POLLUTANTS, dataset, mock_stations
from forecast.verify import daily, observed

OFFSET = pd.Timedelta(hours=8)


def steady(pm25_by_day: list[float], *, start: str = "2025-01-01T16:00") -> xr.Dataset:
    """Days of constant PM2.5 at three national stations, other pollutants low."""
    hours = 24 * len(pm25_by_day)
    times = pd.date_range(start, periods=hours, freq="h") + pd.Timedelta(hours=1)
    stations = mock_stations(count=3)
    stations["reference"] = True
    flat = {p: np.full((hours, 3), 0.2 if p == "co" else 10.0) for p in POLLUTANTS}
    flat["pm25"] = np.repeat(pm25_by_day, 24)[:, None] * np.ones((1, 3))
    return dataset(times, stations, flat)


def test_daily_index_by_edition() -> None:
    # HJ 633-2012 nodes: 75 -> 100, 150 -> 200, 250 -> 300
    obs = steady([75, 150, 250, 20])
    found = observed.days(obs, ("city",), "auto", OFFSET)
    assert found.dates.astype(str).tolist() == [f"2025-01-0{d}" for d in (2, 3, 4, 5)]
    assert found.aqi[:, 0].tolist() == [100, 200, 300, 29]  # 20 * 50 / 35, up
    assert found.primary[0, 0].tolist() == [p == "pm25" for p in POLLUTANTS]
    assert not found.primary[3, 0].any()
    late = observed.days(steady([75], start="2026-03-02T16:00"), ("city",), "auto", OFFSET)
    assert late.aqi[0, 0] == 114  # HJ 633-2026
    forced = observed.days(obs, ("city",), "hj633-2026", OFFSET)
    assert forced.aqi[0, 0] == 114


def test_a_day_with_too_few_hours_has_no_index() -> None:
    obs = steady([75, 75, 150])
    obs["pm25"].values[:5] = np.nan  # 19 hours are left, 20 are needed
    obs["so2"].values[48:] = np.nan
    found = observed.days(obs, ("city",), "hj633-2012", OFFSET)
    # Without PM2.5 the day would pass for clean; without SO2 the third is at least 200.
    np.testing.assert_array_equal(found.aqi[:, 0], [np.nan, 100, 200])
    assert not found.primary[0].any()
    cut = observed.days(obs.isel(time=slice(30, None)), ("city",), "hj633-2012", OFFSET)
    assert cut.dates.astype(str).tolist() == ["2025-01-03", "2025-01-04"]
    np.testing.assert_array_equal(cut.aqi[:, 0], [np.nan, 200])  # 18 hours of the first are left


def test_targets_outside_the_record_are_missing() -> None:
    found = observed.days(steady([75, 150]), ("city",), "hj633-2012", OFFSET)
    times = pd.DatetimeIndex(["2025-01-01T08:00"])
    target = observed.targets(found, 0, daily.target_dates(times, OFFSET))
    np.testing.assert_array_equal(target.aqi, [[100, 200, np.nan]])
    assert not target.primary[0, 2].any()


def test_persistence_knows_only_the_last_24_hours() -> None:
    obs = steady([75, 150, 250, 20])
    times = pd.DatetimeIndex(["2025-01-03T16:00", "2025-01-03T04:00"])  # local 4th 00:00, 3rd 12:00
    dates = daily.target_dates(times, OFFSET)
    found = observed.persistence(obs, "city", "hj633-2012", times, dates)
    # 24 h of 150 -> 200; 12 h of 75 and 12 h of 150 -> 112.5 -> 147 (112.5 - 75) * 50 / 40 + 100
    assert found.aqi[:, :, 0].tolist() == [[200] * 3, [147] * 3]
    assert found.primary[0, 2, 0, 0]
    poisoned = obs.copy(deep=True)
    poisoned["pm25"].values[48:] = 499.0
    again = observed.persistence(poisoned, "city", "hj633-2012", times, dates)
    np.testing.assert_array_equal(found.aqi, again.aqi)


def test_climatology_takes_earlier_days_of_the_season() -> None:
    values = np.full(500, 35.0)
    values[:31] = 150.0  # January
    obs = steady(values.tolist(), start="2024-12-31T16:00")
    found = observed.days(obs, ("city",), "hj633-2012", OFFSET)
    times = pd.DatetimeIndex(["2026-01-14T08:00", "2025-07-01T08:00"])
    dates = daily.target_dates(times, OFFSET)
    before = np.datetime64("2025-06-01")
    past = observed.climatology(found, 0, before, dates, half_window=10, members=5)
    assert past is None  # no July before June 2025
    times = times[:1]
    past = observed.climatology(found, 0, before, dates[:1], half_window=10, members=5)
    assert past is not None
    assert past.aqi.shape == (1, 3, 5)
    assert (past.aqi == 200).all()
    assert past.primary[..., 0].all()


def test_hourly_targets() -> None:
    obs = steady([75, 150])
    target = observed.hourly(obs)(pd.DatetimeIndex(["2025-01-02T15:00"]))
    pm25 = target[0, :, 0, 0]
    assert pm25[:1].tolist() == [75]  # lead 1 ends at 24:00 local
    assert pm25[1:25].tolist() == [150] * 24
    assert np.isnan(pm25[25:]).all()
    assert target.shape == (1, 96, 3, 6)
    assert pytest.approx(0.2) == target[0, 0, 0, 4]


def test_a_record_across_the_change_of_edition() -> None:
    obs = steady([75] * 4, start="2026-02-26T16:00")  # local 27 February on
    found = observed.days(obs, ("city",), "auto", OFFSET)
    assert found.aqi[:, 0].tolist() == [100, 100, 114, 114]
