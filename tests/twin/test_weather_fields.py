"""Weather over the ground: hills, slopes, towns, and the same bits however it is cut."""

import numpy as np
import pandas as pd
import pytest

from twin.config_weather import WeatherConfig
from twin.weather import Regional, regional
from twin.weather_clock import solar_hour
from twin.weather_fields import FIELDS, Ground, daily, fields, ground, points

NX, NY, DX = 24, 18, 2000.0


@pytest.fixture(scope="module")
def config() -> WeatherConfig:
    return WeatherConfig()


@pytest.fixture(scope="module")
def month(config: WeatherConfig) -> Regional:
    return regional(config, pd.Timestamp("2015-05-01"), pd.Timestamp("2015-05-30 23:00"), seed=5)


@pytest.fixture(scope="module")
def place(config: WeatherConfig) -> Ground:
    """A plain at 110 m that rises to 1,100 m in the north; a town in the south-west."""
    x, y = (np.arange(NX) + 0.5) * DX, (np.arange(NY) + 0.5) * DX
    profile = 110 + 990 / (1 + np.exp(-(y - 24000) / 2500))
    elevation = np.repeat(profile[:, None], NX, axis=1)
    urban = np.zeros((NY, NX))
    urban[2:5, 2:5] = 0.8
    return ground(x, y, elevation, urban, settings=config.fields)


def test_shapes_types_and_bounds(month: Regional, place: Ground) -> None:
    made = fields(month, slice(0, 48), place)
    assert tuple(made) == FIELDS
    for name, field in made.items():
        assert field.shape == (48, NY, NX), name
        assert field.dtype == np.float32, name
        assert np.isfinite(field).all(), name
    whole = fields(month, slice(0, len(month.times)), place)
    assert (whole["d2m"] < whole["t2m"]).all()
    assert whole["tp"].min() == 0
    assert whole["cloud"][whole["tp"] > 0].min() >= 0.7
    assert whole["blh"].min() >= 40
    assert whole["blh"].max() <= month.config.physics.blh_lid_m


def test_day_by_day_gives_the_bits_of_the_whole(month: Regional, place: Ground) -> None:
    whole = fields(month, slice(0, 96), place)
    for rows, part in daily(month, place, hours=7):
        if rows.stop > 96:
            break
        for name in FIELDS:
            assert np.array_equal(part[name], whole[name][rows]), name


def test_points_agree_with_cells(month: Regional, place: Ground) -> None:
    at = points(place, place.x[[3, 9], [3, 12]], place.y[[3, 9], [3, 12]])
    grid, there = fields(month, slice(0, 24), place), fields(month, slice(0, 24), at)
    for name in FIELDS:
        np.testing.assert_allclose(
            there[name], grid[name][:, [3, 9], [3, 12]], rtol=2e-4, atol=2e-3
        )


def test_hills_are_cooler_and_thinner(month: Regional, place: Ground) -> None:
    made = fields(month, slice(0, 720), place, disturbed=False)
    low, high = made["t2m"][:, 0, 12], made["t2m"][:, -1, 12]
    rise = place.elevation[-1, 12] - place.elevation[0, 12]
    assert 0.004 < (low - high).mean() / rise < 0.007
    # Standard atmosphere: about 11 % of pressure lost over the first kilometre.
    ratio = (made["sp"][:, -1, 12] / made["sp"][:, 0, 12]).mean()
    assert ratio == pytest.approx(np.exp(-rise / 8400), abs=0.01)


def test_slopes_breathe(month: Regional, place: Ground) -> None:
    """Up the slope by day and down by night, beside the plain's own wind."""
    made = fields(month, slice(0, 720), place, disturbed=False)
    hour = solar_hour(month.times, month.config.reference.longitude)
    still = np.hypot(month.values["u_up"], month.values["v_up"]) < 5
    sunny = month.values["cloud"] < 0.5
    slope = int(np.argmax(place.slope_y[:, 12]))
    beside = made["v10"][:, slope, 12]
    day, night = (hour > 11) & (hour < 15) & still & sunny, (hour < 4) & still & sunny
    assert day.sum() > 5
    assert night.sum() > 5
    assert beside[day].mean() > 0.3
    assert beside[night].mean() < -0.3


def test_shallow_flow_is_blocked_and_led_along(config: WeatherConfig, place: Ground) -> None:
    year = regional(config, pd.Timestamp("2015-01-01"), pd.Timestamp("2015-12-31"), seed=5)
    v = year.values
    shallow = (v["blh"] < 250) & (v["v10"] > 0.8) & (np.hypot(v["u_up"], v["v_up"]) < 6)
    shallow &= v["cloud"] > 0.7  # little breeze under cloud
    made = fields(year, slice(0, len(year.times)), points(place, np.array([24000.0, 24000.0]),
                                                         np.array([3000.0, 24000.0])),
                  disturbed=False)  # fmt: skip
    plain, slope = made["v10"][shallow, 0], made["v10"][shallow, 1]
    assert shallow.sum() > 20
    assert slope.mean() < 0.6 * plain.mean()
    # Every hour's along-slope wind keeps its sense.
    along = made["u10"][shallow]
    assert (np.sign(along[:, 1]) == np.sign(along[:, 0])).mean() > 0.95


def test_towns_are_warm_at_night_and_slow(month: Regional, place: Ground) -> None:
    made = fields(month, slice(0, 720), place, disturbed=False)
    hour = solar_hour(month.times, month.config.reference.longitude)
    night, noon = hour < 4, (hour > 11) & (hour < 14)
    excess = made["t2m"][:, 3, 3] - made["t2m"][:, 3, 15]
    assert excess[night].mean() > 0.4
    assert excess[night].mean() > excess[noon].mean()
    speed = np.hypot(made["u10"], made["v10"])
    assert speed[:, 3, 3].mean() < 0.9 * speed[:, 3, 15].mean()


def test_stations_differ_and_disturbances_drift(month: Regional, place: Ground) -> None:
    made = fields(month, slice(0, 720), place)
    smooth = fields(month, slice(0, 720), place, disturbed=False)
    rest = made["t2m"] - smooth["t2m"]
    near = np.corrcoef(rest[:, 2, 10].ravel(), rest[:, 2, 11].ravel())[0, 1]
    far = np.corrcoef(rest[:, 2, 0].ravel(), rest[:, 2, 23].ravel())[0, 1]
    assert near > 0.9
    assert far < near - 0.3
    assert rest.std() == pytest.approx(month.config.fields.spread["t2m"], rel=0.35)


def test_level_ground_leaves_the_wind_alone(month: Regional, config: WeatherConfig) -> None:
    axis = (np.arange(4) + 0.5) * DX
    flat = np.full((4, 4), month.config.reference.elevation_m)
    level = ground(axis, axis, flat, 0 * flat, settings=config.fields)
    made = fields(month, slice(0, 24), level, disturbed=False)
    for name in ("u10", "v10", "u_up", "v_up", "t2m", "sp"):
        true = month.values[name][:24, None, None] * np.ones((1, 4, 4))
        np.testing.assert_allclose(made[name], true, rtol=1e-5, atol=1e-5)
