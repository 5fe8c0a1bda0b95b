"""Hotspots: a planted source is found upwind, a drifting sensor is none, probabilities add up."""

import numpy as np
import pandas as pd
import pytest

from forecast.problems import DataError
from response import hotspots, hotspots_increments, hotspots_scan
from response.hotspots_scan import Rows

HOURS = 24 * 20
TIMES = pd.date_range("2016-01-01 01:00", periods=HOURS, freq="h")
NIGHT = np.asarray((TIMES.hour < 10) | (TIMES.hour >= 22))
WINDOW = 48
SOURCE = (15500.0, 14500.0)


def stations(count: int = 100) -> tuple[np.ndarray, np.ndarray]:
    side = int(np.sqrt(count))
    x, y = np.meshgrid(np.arange(side) * 3000.0 + 1500, np.arange(side) * 3000.0 + 1500)
    return x.ravel(), y.ravel()


def wind() -> tuple[np.ndarray, np.ndarray]:
    angle = np.cumsum(np.random.default_rng(3).normal(0, 0.25, HOURS))
    return 2 * np.cos(angle), 2 * np.sin(angle)


def air(*, source: float = 0.0, drift: bool = False) -> np.ndarray:
    """(hour, station): a level all share, each its own factor and noise; a source at the end."""
    random = np.random.default_rng(7)
    x, y = stations()
    level = 60 + 30 * np.sin(np.arange(HOURS) / 30)
    values = level[:, None] * np.exp(0.1 * random.standard_normal(len(x)))
    values = values * (1 + 0.06 * random.standard_normal(values.shape))
    if drift:
        values[:, 44] *= np.linspace(1, 1.8, HOURS)
    if source:
        u, v = wind()
        for hour in range(HOURS - WINDOW, HOURS):
            away = (x - SOURCE[0]) * u[hour] + (y - SOURCE[1]) * v[hour]
            away = away / np.hypot(u[hour], v[hour])
            cross = (y - SOURCE[1]) * u[hour] - (x - SOURCE[0]) * v[hour]
            cross = cross / np.hypot(u[hour], v[hour])
            spread = 400 + 0.2 * np.maximum(away, 0)
            plume = np.exp(-0.5 * (cross / spread) ** 2) * np.exp(-away / 6000) * (away > -300)
            values[hour] += source * plume
    return values


def searched(values: np.ndarray, **given: object) -> hotspots.Hotspots:
    x, y = stations()
    found = hotspots_increments.increments(values, x, y, night=NIGHT)
    last = slice(HOURS - WINDOW, HOURS)
    hour, place = np.meshgrid(np.arange(WINDOW), np.arange(len(x)), indexing="ij")
    rows = Rows(
        hour.ravel(), place.ravel(), x[place.ravel()], y[place.ravel()],
        found.value[last].ravel(), found.sd[last].ravel(),
    )  # fmt: skip
    u, v = (w[last][hour.ravel()] for w in wind())
    sky = hotspots.Sky(u, v, np.full(len(u), 300.0))
    gx, gy = np.meshgrid(np.arange(0, 30000, 1000.0), np.arange(0, 30000, 1000.0))
    return hotspots.find([rows], [sky], TIMES[last], (gx.ravel(), gy.ravel()), **given)


def test_a_planted_source_is_in_the_list_and_probabilities_add_up() -> None:
    found = searched(air(source=25.0))
    assert len(found.found) == 1
    spot = found.found[0]
    assert np.hypot(spot.x - SOURCE[0], spot.y - SOURCE[1]) < 2000
    assert sum(s.probability for s in spot.sources) == pytest.approx(1)
    assert spot.sources[-1].kind == "other"
    near = [s for s in spot.sources[:-1] if np.hypot(s.x - SOURCE[0], s.y - SOURCE[1]) < 2000]
    assert near
    assert "未在册源" in near[0].words().zh
    assert TIMES[HOURS - WINDOW] <= spot.first <= spot.last <= TIMES[-1]
    assert spot.increment > 5
    assert len(found.table()) == len(spot.sources)


def test_clean_air_and_a_drifting_sensor_make_no_hotspot() -> None:
    assert not searched(air()).found
    assert not searched(air(drift=True)).found


def test_a_registered_unit_at_the_place_leads_its_list() -> None:
    units = pd.DataFrame(
        {"x": [SOURCE[0], 25000.0], "y": [SOURCE[1], 25000.0], "height_m": 0.0}, ["U1", "U2"]
    )
    first = searched(air(source=25.0), units=units).found[0].sources[0]
    assert (first.kind, first.id) == ("registered", "U1")


def test_calls_and_satellite_lift_a_place_but_make_no_hotspot() -> None:
    calls = hotspots.Evidence(np.full(9, 5000.0), np.full(9, 5000.0))
    assert not searched(air(), evidence=calls).found
    near = hotspots.Evidence(np.array([SOURCE[0]]), np.array([SOURCE[1]]))

    def share(found: hotspots.Hotspots) -> float:
        return sum(
            s.probability for s in found.found[0].sources[:-1]
            if np.hypot(s.x - SOURCE[0], s.y - SOURCE[1]) < 2000
        )  # fmt: skip

    values = air(source=25.0)
    assert share(searched(values, evidence=near)) > share(searched(values))


def test_increments_look_back_only_and_leave_sick_sensors_out() -> None:
    x, y = stations()
    values = air()
    one = hotspots_increments.increments(values, x, y, night=NIGHT)
    changed = values.copy()
    changed[300:] *= 3
    two = hotspots_increments.increments(changed, x, y, night=NIGHT)
    np.testing.assert_array_equal(one.value[:300], two.value[:300])
    sick = np.ones(values.shape, bool)
    sick[:, 44] = False
    three = hotspots_increments.increments(values, x, y, night=NIGHT, healthy=sick)
    assert np.isnan(three.value[:, 44]).all()
    assert np.isfinite(three.value[400, 45])
    stated = np.full(values.shape, 50.0)
    four = hotspots_increments.increments(values, x, y, night=NIGHT, sd=stated)
    assert np.nanmin(four.sd) >= 50


def test_a_known_emission_comes_back() -> None:
    """Increments made by the kernel itself: the fit returns the emission, the gain its size."""
    rows = Rows(np.zeros(3, int), np.arange(3), np.array([2000.0, 4000, 3000]), np.zeros(3),
                np.zeros(3), np.ones(3))  # fmt: skip
    u, v, lid = np.full(3, 2.0), np.zeros(3), np.full(3, 500.0)
    unit = hotspots_scan.by_place(rows, u, v, lid, 0.0, 0.0)[2] ** 0.5
    lifted = Rows(rows.hour, rows.place, rows.x, rows.y, 1e6 * unit, np.ones(3))
    found = hotspots_scan.scan(lifted, u, v, lid, np.array([0.0, 9000.0]), np.zeros(2),
                               np.zeros(2), clip=1e9)  # fmt: skip
    assert found.emission[0] == pytest.approx(1e6)
    assert found.gain[0] == pytest.approx(1e12 * (unit**2).sum())
    assert found.gain[1] == 0  # all stations lie upwind of it


def test_transects_keep_what_lasts_and_drop_a_single_minute() -> None:
    minutes = pd.date_range("2016-01-02 01:01", periods=120, freq="min")
    x = np.arange(120) * 200.0
    pm = np.full(120, 50.0) + np.random.default_rng(1).normal(0, 1, 120)
    pm[60:66] += 30
    pm[20] += 80
    drive = pd.DataFrame({"vehicle": "MV01", "time": minutes, "x": x, "y": 0.0, "pm25": pm})
    found = hotspots_increments.transect_increments(drive, "pm25")
    best = found.loc[found["value"].idxmax()]
    assert 11800 <= best["x"] <= 13400
    assert best["value"] == pytest.approx(30, abs=6)


def test_sets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError):
        hotspots.find([], [], TIMES, (np.zeros(1), np.zeros(1)))
