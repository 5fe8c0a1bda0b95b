"""Simulated forecasts: layout, what they hang on, and errors that grow with lead."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import weather
from forecast.problems import ConfigError
from forecast.schema import WEATHER, mock_stations
from twin.config_weather import WeatherConfig
from twin.weather import Regional, regional
from twin.weather_fields import Ground, fields, ground, points
from twin.weather_vintages import forecast_regional, issues, vintage

HOUR = pd.Timedelta(hours=1)
STATIONS = mock_stations(count=6)
ISSUE = pd.Timestamp("2015-01-10 12:00")


@pytest.fixture(scope="module")
def config() -> WeatherConfig:
    return WeatherConfig()


@pytest.fixture(scope="module")
def year(config: WeatherConfig) -> Regional:
    return regional(
        config, pd.Timestamp("2014-07-01"), pd.Timestamp("2015-06-30 23:00"), seed=11,
        simulated="twin:test:11",
    )  # fmt: skip


@pytest.fixture(scope="module")
def place(config: WeatherConfig) -> Ground:
    axis = (np.arange(20) + 0.5) * 2000.0
    flat = np.full((20, 20), 110.0)
    built = np.full((20, 20), 0.6)  # stations stand in towns
    whole = ground(axis, axis, flat, built, settings=config.fields)
    return points(whole, np.linspace(3000, 37000, 6), np.linspace(37000, 5000, 6))


def test_issues_are_at_00_and_12(year: Regional) -> None:
    times = issues(year)
    assert len(times) == 730
    assert set(times.hour) == {0, 12}


def test_the_layout_is_the_one_weather_keeps(year: Regional, place: Ground, tmp_path: Path) -> None:
    ds = vintage(year, ISSUE, STATIONS, place)
    assert ds.attrs["simulated"] == "twin:test:11"
    assert ds.sizes == {"time": 120, "station": 6}
    assert ds["time"].values[0] == (ISSUE + HOUR).to_datetime64()
    available = pd.Timestamp(ds["available_time"].values.item())
    assert available == ISSUE + 6 * HOUR
    assert weather.save(tmp_path, "twin", ds, issue_time=ISSUE, available_time=available)
    kept = weather.latest(tmp_path, ["twin"], ISSUE + 6 * HOUR, 36)
    assert kept is not None
    assert weather.latest(tmp_path, ["twin"], ISSUE + 5 * HOUR, 36) is None
    back = weather.read(kept)
    for name in WEATHER:
        assert np.array_equal(back[name].values, ds[name].values)


def test_only_seed_and_issue_decide(config: WeatherConfig, year: Regional, place: Ground) -> None:
    first = vintage(year, ISSUE, STATIONS, place)
    vintage(year, ISSUE + 12 * HOUR, STATIONS, place)
    xr.testing.assert_identical(vintage(year, ISSUE, STATIONS, place), first)
    other_period = regional(
        config, ISSUE - 30 * HOUR, ISSUE + 40 * HOUR, seed=11, simulated="twin:test:11"
    )
    again = vintage(other_period, ISSUE, STATIONS, place)
    for name in WEATHER:
        np.testing.assert_allclose(again[name], first[name], rtol=1e-5, atol=1e-4)
    other_seed = vintage(year, ISSUE, STATIONS, place, seed=12)
    assert not np.array_equal(other_seed["t2m"].values, first["t2m"].values)
    shuffled = vintage(year, ISSUE, STATIONS.iloc[:2], _some(place, 2))
    assert np.array_equal(shuffled["t2m"].values, first["t2m"].values[:, :2])


def _some(place: Ground, count: int) -> Ground:
    arrays = (place.x, place.y, place.elevation, place.urban, place.slope_x, place.slope_y)
    x, y, elevation, urban, slope_x, slope_y = (a[:count] for a in arrays)
    return Ground(x, y, elevation, urban, slope_x, slope_y, place.plain_m)


def test_no_forecast_breaks_physics(year: Regional, place: Ground) -> None:
    for issue in issues(year)[::61]:
        ds = vintage(year, issue, STATIONS, place)
        assert all(np.isfinite(ds[name]).all() for name in WEATHER)
        assert (ds["d2m"] < ds["t2m"]).all()
        assert ds["tp"].min() == 0
        assert ds["ssrd"].min() == 0
        assert float(ds["blh"].min()) >= 40
        assert float(ds["blh"].max()) <= 2000


def test_an_issue_outside_the_period_is_refused(year: Regional, place: Ground) -> None:
    with pytest.raises(ConfigError, match="issue time"):
        vintage(year, pd.Timestamp("2013-01-01"), STATIONS, place)
    with pytest.raises(ConfigError, match="issue time"):
        vintage(year, ISSUE + pd.Timedelta(minutes=30), STATIONS, place)


def test_the_last_hour_of_the_period_has_a_full_forecast(year: Regional, place: Ground) -> None:
    ds = vintage(year, year.times[-1], STATIONS, place)
    assert ds.sizes["time"] == 120


def _errors(year: Regional, place: Ground) -> dict[str, np.ndarray]:
    """Root mean square error by day (5,) over many issues."""
    truth = fields(year, slice(0, len(year.times)), place)
    squares: dict[str, list[np.ndarray]] = {}
    for issue in issues(year)[:-12:4]:
        ds = vintage(year, issue, STATIONS, place)
        first = int((issue - year.times[0]) / HOUR) + 1
        rows = slice(first, first + 120)
        for name in ("t2m", "d2m", "sp"):
            squares.setdefault(name, []).append((ds[name].values - truth[name][rows]) ** 2)
        wind = sum((ds[n].values - truth[n][rows]) ** 2 for n in ("u10", "v10"))
        squares.setdefault("wind", []).append(np.asarray(wind))
    return {
        name: np.sqrt(np.stack(parts).mean(axis=(0, 2)).reshape(5, 24).mean(axis=1))
        for name, parts in squares.items()
    }


def test_errors_grow_with_lead_and_are_of_published_size(year: Regional, place: Ground) -> None:
    errors = _errors(year, place)
    for name, by_day in errors.items():
        assert (np.diff(by_day) > 0).all(), name
        published = np.array(year.config.vintages.published_rmse[name])
        np.testing.assert_allclose(by_day[:3], published, rtol=0.25, err_msg=name)


def test_errors_are_of_timing_as_much_as_noise(year: Regional) -> None:
    """Fronts come hours early or late: shifting the forecast in time makes many a one better."""
    hours = year.times.hour.to_numpy()
    tide = np.array([year.values["sp"][hours == h].mean() for h in range(24)])
    gained = []
    rows = np.arange(48, 96)
    for issue in issues(year)[20:-20:6]:
        forecast = forecast_regional(year, issue)
        wrong = forecast.values["sp"] - tide[forecast.times.hour]
        part = year.rows(forecast.times[0], forecast.times[-1])
        true = year.values["sp"][part] - tide[forecast.times.hour]
        cost = [np.mean((wrong[rows + s] - true[rows]) ** 2) for s in range(-12, 13)]
        gained.append(min(cost) / cost[12])
    assert np.median(gained) < 0.7
