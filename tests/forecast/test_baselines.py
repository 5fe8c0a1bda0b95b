from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.baselines import DampedPersistence, fit_climatology, fit_persistence
from forecast.batch import IssueBatch, batches, leads_of, stacked
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, QUANTILES, mock_observations, mock_stations, stations_frame

OFFSET = pd.Timedelta(hours=8)
UNTIL = pd.Timestamp("2026-01-31 00:00")
FITS = [fit_climatology, fit_persistence]


@pytest.fixture(scope="module")
def obs() -> xr.Dataset:
    return mock_observations()


def one_batch(obs: xr.Dataset, *issues: str) -> IssueBatch:
    times = pd.DatetimeIndex(issues)
    return next(
        batches(obs, times, lambda _: None, tier="none", offset=OFFSET, history_hours=240,
                stations=stations_frame(obs))
    )  # fmt: skip


@pytest.mark.parametrize("fit", FITS)
def test_forty_days_give_complete_monotone_quantiles(fit, obs):
    found = fit(obs, UNTIL, OFFSET).quantiles(
        one_batch(obs, "2026-01-31 00:00", "2026-02-03 07:00")
    )
    assert found.shape == (2, 96, 4, 6, len(QUANTILES))
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=-1) >= 0).all()
    assert (found >= 0).all()


@pytest.mark.parametrize("fit", FITS)
def test_nothing_after_until_or_the_issue_time_is_seen(fit, obs):
    poisoned = obs.copy(deep=True)
    for name in POLLUTANTS:
        poisoned[name].loc[{"time": slice(UNTIL + pd.Timedelta(hours=1), None)}] = 9e3
    clean = fit(obs, UNTIL, OFFSET).quantiles(one_batch(obs, "2026-01-31 00:00"))
    after = fit(poisoned, UNTIL, OFFSET).quantiles(one_batch(poisoned, "2026-01-31 00:00"))
    np.testing.assert_array_equal(clean, after)


def test_climatology_of_a_pure_diurnal_cycle_is_that_cycle():
    obs = mock_observations(hours=24 * 30)
    local = (pd.DatetimeIndex(obs["time"].values) + OFFSET - pd.Timedelta(hours=1)).hour
    obs["pm25"][:] = np.repeat((10.0 * (local >= 12))[:, None], 4, axis=1)
    found = fit_climatology(obs, UNTIL, OFFSET).quantiles(one_batch(obs, "2026-01-31 16:00"))
    # Issue at 00:00 local: leads 1..12 are the morning. Hours beside a step pool both sides.
    assert (found[0, 1:10, :, 0] == 0).all()
    assert (found[0, 13:22, :, 0] == 10).all()


def test_seasons_rest_on_their_own_days():
    obs = mock_observations(start="2024-01-01", hours=24 * 731, stations=1)
    month = pd.DatetimeIndex(obs["time"].values).month
    obs["so2"][:] = np.where(np.isin(month, (12, 1, 2)), 50.0, 5.0)[:, None]
    model = fit_climatology(obs, pd.Timestamp("2025-12-30"), OFFSET)
    found = model.at(pd.DatetimeIndex(["2026-01-15", "2026-07-15"]), stations_frame(obs))
    assert (found[0, ..., POLLUTANTS.index("so2"), 4] == 50).all()
    assert (found[1, ..., POLLUTANTS.index("so2"), :] == 5).all()


def test_a_station_silent_at_the_issue_time_gets_its_climatology(obs):
    batch = one_batch(obs, "2026-02-01 00:00")
    history = batch.history.copy()
    history[:, -24:, 2] = np.nan
    model = fit_persistence(obs, UNTIL, OFFSET)
    found = model.quantiles(replace(batch, history=history))
    plain = model.climatology.quantiles(batch)
    np.testing.assert_array_equal(found[:, :, 2], plain[:, :, 2])
    assert (found[:, :, 1] != plain[:, :, 1]).any()


@pytest.mark.parametrize("fit", FITS)
def test_a_station_that_never_reported_is_filled_from_its_area(fit, obs):
    holed = obs.copy(deep=True)
    for name in POLLUTANTS:
        holed[name][:, 2] = np.nan
    model = fit(holed, UNTIL, OFFSET)
    found = model.quantiles(one_batch(holed, "2026-02-01 00:00"))
    assert np.isfinite(found).all()
    table = (model.climatology if isinstance(model, DampedPersistence) else model).table
    # Stations 0 and 2 are of one area: 2 has what 0 has.
    np.testing.assert_array_equal(table[:, :, 2], table[:, :, 0])


@pytest.mark.parametrize("fit", FITS)
def test_an_unknown_station_and_an_unknown_area_are_answered(fit, obs):
    model = fit(obs, UNTIL, OFFSET)
    batch = one_batch(obs, "2026-02-01 00:00")
    others = mock_stations(count=4)
    others.index = pd.Index(["X1", "X2", "X3", "X4"], name="station")
    others["area"] = ["county1", "nowhere", "county2", "nowhere"]
    silent = replace(batch, stations=others, history=np.full_like(batch.history, np.nan))
    found = model.quantiles(silent)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, :, 1], found[:, :, 3])


def test_a_pollutant_nobody_measured_stays_missing(obs):
    holed = obs.copy(deep=True)
    holed["so2"][:] = np.nan
    found = fit_persistence(holed, UNTIL, OFFSET).quantiles(one_batch(holed, "2026-02-01"))
    so2 = POLLUTANTS.index("so2")
    assert np.isnan(found[..., so2, :]).all()
    assert np.isfinite(np.delete(found, so2, axis=-2)).all()


def test_days_without_any_value_and_a_short_history_do_no_harm(obs):
    holed = obs.copy(deep=True)
    for name in POLLUTANTS:
        holed[name][24 * 5 : 24 * 9] = np.nan
    model = fit_persistence(holed, UNTIL, OFFSET)
    batch = one_batch(holed, "2026-02-01")
    short = replace(batch, history=batch.history[:, -12:])
    assert np.isfinite(model.quantiles(short)).all()


def test_persistence_follows_the_level_and_forgets_it(obs):
    model = fit_persistence(obs, UNTIL, OFFSET)
    batch = one_batch(obs, "2026-02-01")
    low, high = (
        model.quantiles(replace(batch, history=batch.history * np.float32(f))) for f in (0.5, 2.0)
    )
    gap = (high - low)[0, :, :, 0, QUANTILES.index(0.5)].mean(axis=-1)
    level = np.nanmean(batch.history[0, -3:, :, 0])
    assert 0.8 < gap[0] / (1.5 * level) < 1.2  # an hour ahead, it is what was just measured
    assert gap[:6].mean() > 2 * np.abs(gap[72:]).mean()


def test_persistence_beats_climatology_next_hours_and_is_calibrated():
    obs = mock_observations(start="2025-01-01", hours=24 * 250, stations=3)
    until = pd.Timestamp("2025-07-31")
    times = pd.date_range("2025-08-01", "2025-08-31", freq="7h")
    truth = leads_of(stacked(obs, POLLUTANTS), pd.Timestamp(obs["time"].values[0]), times)
    found = {}
    for fit in FITS:
        model = fit(obs, until, OFFSET)
        found[model.name] = np.concatenate(
            [
                model.quantiles(b)
                for b in batches(obs, times, lambda _: None, tier="none", offset=OFFSET,
                                 history_hours=48, stations=stations_frame(obs))
            ]
        )  # fmt: skip
    error = {
        k: np.nanmean(np.abs(v[:, :6, :, 0, 4] - truth[:, :6, :, 0])) for k, v in found.items()
    }
    assert error["persistence"] < 0.5 * error["climatology"]
    p = found["persistence"][..., 0, :]
    known = np.isfinite(truth[..., 0])
    inside = (truth[..., 0] >= p[..., 2]) & (truth[..., 0] <= p[..., 6])
    assert 0.68 < inside[known].mean() < 0.92  # of 0.8, in one month of a correlated series


def test_no_training_data_is_refused(obs):
    with pytest.raises(DataError, match="no value up to 2020"):
        fit_climatology(obs, pd.Timestamp("2020-01-01"), OFFSET)
