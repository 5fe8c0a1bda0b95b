"""Calibration of a network without co-location, on mock air with known faults."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import sensor_health as health
from forecast import transfer_score
from forecast.calibration_config import load
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, mock_observations
from forecast.sensor_health import run_hours
from forecast.transfer import calibrate_network
from forecast.transfer_weather import around, mixing

CONFIG = load().network
HOURS = 24 * 40


def mock_network() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "calibration_network.py"
    spec = importlib.util.spec_from_file_location("mock_network", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Made = tuple[xr.Dataset, xr.Dataset, "pd.Series[str]", xr.Dataset]


@pytest.fixture(scope="module")
def made() -> Made:
    mock = mock_network()
    air = mock.truth(stations=60, hours=HOURS, references=5, seed=3)
    obs, faults = mock.readings(air, seed=4)
    return air, obs, faults, calibrate_network(obs, CONFIG)


def test_errors_shrink_in_every_tier_and_pollutant(made: Made) -> None:
    air, obs, faults, found = made
    half = air["time"].to_numpy()[HOURS // 2]
    parts = [d.sel(time=slice(half, None)) for d in (air, obs, found)]
    table = transfer_score.errors(*parts, faults).set_index(["fault", "tier", "pollutant"])
    sound = table.loc["none"]
    assert len(sound) == 2 * len(POLLUTANTS)  # township and village; references are left out
    assert (sound["after"] < 0.5 * sound["before"]).all()
    assert (sound["kept"] > 0.9).all()
    assert (sound["covered"] > 0.75).all()
    drift = table.loc["drift"].query("pollutant in ['pm25', 'pm10', 'no2']")
    assert (drift["after"] < 0.5 * drift["before"]).all()


def test_faulty_sensors_leave_and_sound_ones_stay(made: Made) -> None:
    air, _, faults, found = made
    half = air["time"].to_numpy()[HOURS // 2]
    table = transfer_score.detection(found, faults, since=half)
    assert table.loc["none", "found"] <= 0.1
    for kind in ("stuck", "noise", "gain", "clock", "spikes"):
        assert table.loc[kind, "found"] >= 0.8, kind
    assert table.loc["stuck", "hours_out"] > 0.9
    before = transfer_score.detection(found.isel(time=slice(None, HOURS // 2)), faults)
    assert (before["hours_out"] < 0.1).all()


@pytest.fixture(scope="module")
def dense() -> Made:
    """References are in the majority: a value that leans on one of its own hour would show it."""
    mock = mock_network()
    air = mock.truth(stations=30, hours=HOURS, references=20, seed=5)
    obs, faults = mock.readings(air, seed=6)
    return air, obs, faults, calibrate_network(obs, CONFIG)


@pytest.mark.parametrize("network", ["made", "dense"])
@pytest.mark.parametrize("t", [24 * 20 + 11, 24 * 31, HOURS - 2])
def test_a_value_knows_nothing_of_what_comes_later(
    request: pytest.FixtureRequest, network: str, t: int
) -> None:
    _, obs, _, clean = request.getfixturevalue(network)
    rng = np.random.default_rng(t)
    reference = obs["reference"].to_numpy()
    poisoned = obs.copy(deep=True)
    for name in POLLUTANTS:
        values = poisoned[name].to_numpy().copy()
        values[t + 1 :] = rng.choice([np.nan, 0.0, 4e3], size=values[t + 1 :].shape)
        values[t:, reference] = 3e3
        poisoned[name] = (("time", "station"), values, obs[name].attrs)
    for name in ("t2m", "d2m", "u10", "v10"):
        values = poisoned[name].to_numpy().copy()
        values[t + 1 :] = 290.0
        poisoned[name] = (("time", "station"), values, obs[name].attrs)
    dirty = calibrate_network(poisoned, CONFIG)
    for name in map(str, clean.data_vars):
        np.testing.assert_array_equal(
            clean[name].to_numpy()[: t + 1, ~reference],
            dirty[name].to_numpy()[: t + 1, ~reference],
            err_msg=name,
        )


def test_references_stay_as_they_are_and_arguments_too(made: Made) -> None:
    _, obs, _, found = made
    kept = obs.copy(deep=True)
    part = obs.isel(time=slice(0, 60))
    calibrate_network(part, CONFIG)
    xr.testing.assert_identical(obs, kept)
    reference = obs["reference"].to_numpy()
    raw, after = (d["pm25"].to_numpy()[:, reference] for d in (obs, found))
    there = ~np.isnan(after)
    np.testing.assert_array_equal(raw[there], after[there])
    assert there.sum() >= 0.98 * (~np.isnan(raw)).sum()


def test_the_first_day_is_the_reading_and_learning(made: Made) -> None:
    _, obs, _, found = made
    reference = obs["reference"].to_numpy()
    first, raw = (d["co"].to_numpy()[:6, ~reference] for d in (found, obs))
    there = ~np.isnan(first)
    np.testing.assert_allclose(first[there], raw[there], rtol=1e-6)
    state = found["co_health"].to_numpy()[:6, ~reference]
    assert (state[there] == health.LEARNING).all()
    late = found["co_sd"] / found["co"]
    assert float(late[:6].median()) > 1.5 * float(late[-200:].median())


def test_without_weather_and_with_one_reference_it_still_helps(made: Made) -> None:
    air, obs, faults, _ = made
    lone = obs[["pm25", "no2"]].copy()
    keep = np.zeros(obs.sizes["station"], dtype=bool)
    keep[np.flatnonzero(obs["reference"].to_numpy())[0]] = True
    lone = lone.assign_coords(reference=("station", keep))
    found = calibrate_network(lone, CONFIG)
    half = slice(air["time"].to_numpy()[HOURS // 2], None)
    table = transfer_score.errors(
        air[["pm25", "no2"]].assign_coords(reference=("station", keep)).sel(time=half),
        lone.sel(time=half), found.sel(time=half), faults,
    ).set_index(["fault", "tier", "pollutant"])  # fmt: skip
    rows = table.loc["none"].drop(index="city", level="tier")
    assert (rows["after"] < 0.7 * rows["before"]).all()


def test_swapped_coordinates_leave_at_once() -> None:
    obs = mock_observations(hours=72, stations=12)
    latitude, longitude = obs["latitude"].to_numpy().copy(), obs["longitude"].to_numpy().copy()
    latitude[3], longitude[3] = longitude[3], latitude[3]
    obs = obs.assign_coords(latitude=("station", latitude), longitude=("station", longitude))
    found = calibrate_network(obs, CONFIG)
    assert (found["pm25_health"].to_numpy()[:, 3] == health.OUT).all()
    assert np.isnan(found["pm25"].to_numpy()[:, 3]).all()
    assert (found["pm25_reason"].to_numpy()[:, 3] & health.COORDINATES).all()


def test_a_fault_in_one_hour_costs_that_hour_only() -> None:
    obs = mock_observations(hours=96, stations=12)
    values = obs["pm25"].to_numpy().copy()
    values[50, 1] = 1900.0
    obs["pm25"] = (("time", "station"), values, obs["pm25"].attrs)
    found = calibrate_network(obs, CONFIG)["pm25"].to_numpy()
    assert np.isnan(found[50, 1])
    others = np.delete(np.arange(96), 50)
    gone = np.isnan(found[others, 1]) & ~np.isnan(values[others, 1])
    assert not gone.any()


def test_everything_wrong_is_said_at_once() -> None:
    obs = mock_observations(hours=48, stations=4)
    alone = obs.assign_coords(reference=("station", np.zeros(4, dtype=bool)))
    with pytest.raises(DataError) as caught:
        calibrate_network(alone.isel(time=[0, 1, 3]), CONFIG)
    assert len(caught.value.problems) == 2
    wrong = obs.copy()
    wrong["co"] = wrong["co"].assign_attrs(units="ug m-3")
    with pytest.raises(DataError, match="units"):
        calibrate_network(wrong, CONFIG)
    with pytest.raises(DataError, match="a pollutant"):
        calibrate_network(obs[["t2m"]], CONFIG)


def test_weather_effects_at_points_derived_by_hand() -> None:
    obs = mock_observations(hours=3, stations=2)[["t2m", "d2m", "u10", "v10"]]
    filled = {"t2m": 293.0, "d2m": 293.0, "u10": 0.6, "v10": 0.8}
    for name, value in filled.items():
        obs[name] = obs[name] * 0 + value
    damp, warm = around(obs)
    # 100 % counts as 97 %: ln(1 + .3 * 32.33) - ln(1 + .3 * 1.5) = 2.370 - 0.372
    np.testing.assert_allclose(damp, 1.999, atol=1e-3)
    np.testing.assert_allclose(warm, 0.5)
    np.testing.assert_allclose(mixing(obs, 2.0), 0.25)  # 1 m/s of 2
    np.testing.assert_allclose(mixing(obs[["t2m"]], 2.0), 0.5)


def test_runs_correlation_and_latch_by_hand() -> None:
    values = np.array([[1.0], [1.0], [np.nan], [1.0], [2.0]])
    assert run_hours(values, np.array([0.0, 1, 2, 6, 7]))[:, 0].tolist() == [0, 1, 0, 6, 0]
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 1)) + 70
    y = 0.5 * x + rng.standard_normal((60, 1))
    found = health._correlation(x, y, 48)[-1, 0]
    assert found == pytest.approx(np.corrcoef(x[-48:, 0], y[-48:, 0])[0, 1])
    on, off = (np.array(list(map(bool, a)))[:, None] for a in ([0, 1, 0, 0, 0], [1, 0, 0, 1, 0]))
    assert health._latched(on, off)[:, 0].tolist() == [False, True, True, False, False]
