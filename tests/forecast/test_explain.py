"""Contributions add up, fall to the right group, and episodes come from the past alone."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from forecast import explain
from forecast.batch import Floats, IssueBatch
from forecast.problems import DataError
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, WEATHER
from tests.forecast import network_cases as cases

ISSUE = pd.DatetimeIndex(["2025-12-24T16:00"])
CITY = cases.STATIONS["reference"].to_numpy()


@dataclass(frozen=True)
class Linear:
    """2 x last day's mean of the city + wind of the horizon: every contribution by hand."""

    name: str = "linear"
    trained_until: pd.Timestamp = cases.ORIGIN

    def quantiles(self, batch: IssueBatch) -> Floats:
        level = 2 * np.nanmean(batch.history[:, -24:, CITY, 0], axis=(1, 2))
        assert batch.future_weather is not None
        wind = batch.future_weather[..., WEATHER.index("u10")].mean(axis=(1, 2))
        shape = (len(level), MAX_LEAD, len(batch.stations), len(POLLUTANTS), len(QUANTILES))
        value = (level + wind).astype(np.float32)
        return np.broadcast_to(value[:, None, None, None, None], shape)


def test_contributions_of_a_linear_forecaster_by_hand() -> None:
    batch = cases.batch("perfect", times=ISSUE)
    made = explain.explain(Linear(), batch, cases.OBS)
    usual = explain._usual(batch, cases.OBS)
    level = 2 * (
        np.nanmean(batch.history[:, -24:, CITY, 0]) - np.nanmean(usual.history[:, -24:, CITY, 0])
    )
    assert batch.future_weather is not None
    assert usual.future_weather is not None
    wind = (batch.future_weather[..., 0] - usual.future_weather[..., 0]).mean()
    by_name = dict(zip(made.groups, made.contributions, strict=True))
    np.testing.assert_allclose(by_name.pop("levels"), level, rtol=1e-3)
    np.testing.assert_allclose(by_name.pop("wind"), wind, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(np.stack(list(by_name.values())), 0, atol=1e-3)


@pytest.mark.parametrize("pollutant", ["pm25", "o3"])
def test_they_add_up_for_a_network(pollutant: str) -> None:
    batch = cases.batch("perfect", times=ISSUE)
    made = explain.explain(cases.forecaster(), batch, cases.OBS, pollutant=pollutant)
    np.testing.assert_allclose(
        made.contributions.sum(axis=0), made.forecast - made.baseline, rtol=1e-3, atol=1e-3
    )
    again = explain.explain(cases.forecaster(), batch, cases.OBS, pollutant=pollutant)
    np.testing.assert_array_equal(made.contributions, again.contributions)


def test_without_weather_its_groups_are_not_there() -> None:
    batch = cases.batch("none", times=ISSUE)
    made = explain.explain(cases.forecaster(), batch, cases.OBS)
    assert made.groups == ("levels", "neighbours", "calendar")
    np.testing.assert_allclose(
        made.contributions.sum(axis=0), made.forecast - made.baseline, rtol=1e-3, atol=1e-3
    )


def test_nothing_after_the_issue_time_is_looked_at() -> None:
    batch = cases.batch("perfect", times=ISSUE)
    poisoned = cases.OBS.copy(deep=True)
    for name in poisoned.data_vars:
        poisoned[name].values[poisoned["time"].values > ISSUE.to_numpy()[0]] = 900.0
    model = cases.forecaster()
    a, b = (explain.explain(model, batch, r) for r in (cases.OBS, poisoned))
    np.testing.assert_array_equal(a.contributions, b.contributions)
    assert explain.episodes(batch, cases.OBS) == explain.episodes(batch, poisoned)


def test_the_day_that_repeats_is_found_first_with_what_followed() -> None:
    batch = cases.batch("perfect", times=ISSUE)
    then = ISSUE[0] - pd.Timedelta(days=14)
    record = cases.OBS.copy(deep=True)
    row = int((then - cases.ORIGIN) / pd.Timedelta(hours=1))
    assert batch.future_weather is not None
    for k, name in enumerate(POLLUTANTS):
        record[name].values[row - 23 : row + 1] = batch.history[0, -24:, :, k]
    for k, name in enumerate(WEATHER):
        if name in record:
            record[name].values[row + 1 : row + 97] = batch.future_weather[0, ..., k]
    record["pm25"].values[row + 1 : row + 25] = 123.0  # issue at 00:00 local: D+1 is these hours
    found = explain.episodes(batch, record)
    assert found[0].issue_time == then
    assert found[0].distance == pytest.approx(0, abs=1e-3)
    apart = [abs(a.issue_time - b.issue_time) for a in found for b in found if a is not b]
    assert min(apart) >= pd.Timedelta(days=5)
    rows = explain._day_rows(then, cases.OFFSET)
    hours = record["pm25"].values[row + 1 : row + 97][:, CITY]
    expected = [float(np.nanmean(np.nanmean(hours[r], axis=1))) for r in rows]
    assert found[0].followed == pytest.approx(expected, rel=1e-4)


def test_ordinary_days_are_worked_and_far_from_the_festival() -> None:
    eve = pd.Timestamp("2024-02-09T04:00")
    shift = explain._ordinary(eve, cases.OFFSET)
    assert abs(shift) > explain._FESTIVAL_DAYS - 5
    assert explain._ordinary(pd.Timestamp("2024-06-03T04:00"), cases.OFFSET) == 0  # a Monday


def test_one_issue_time_and_a_record_are_needed() -> None:
    with pytest.raises(DataError, match="one issue time"):
        explain.explain(Linear(), cases.batch(), cases.OBS)
    early = replace(cases.batch(times=ISSUE), issue_times=pd.DatetimeIndex(["2020-01-01"]))
    with pytest.raises(DataError, match="no record before"):
        explain.explain(Linear(), early, cases.OBS)
    assert explain.episodes(early, cases.OBS) == ()


def test_some_stations_stand_for_all_of_a_large_network() -> None:
    batch = cases.batch("perfect", times=ISSUE)
    assert explain.representative(batch, cases.OBS, 5) == (batch, cases.OBS)
    few, record = explain.representative(batch, cases.OBS, 3)
    names = few.stations.index.tolist()
    assert record["station"].values.astype(str).tolist() == names
    rows = [cases.STATIONS.index.get_loc(n) for n in names]
    np.testing.assert_array_equal(few.history, batch.history[:, :, rows])
    city = few.stations["reference"].to_numpy(bool)
    assert 0 < city.sum() <= 2  # two thirds of three
    assert not city.all()
