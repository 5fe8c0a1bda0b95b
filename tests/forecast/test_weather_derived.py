"""Ventilation, recirculation, stability, humidity: by hand and at their limits."""

import numpy as np
import pandas as pd
import pytest

from forecast import weather_derived as d


def steady(hours: int, value: float) -> np.ndarray:
    return np.full((hours, 1), value)


def test_wind_turns_there_and_back() -> None:
    """From the west: towards east."""
    u, v = d.components([2.0, 3.0, 0.0], [270.0, 0.0, np.nan])
    np.testing.assert_allclose(u, [2, 0, 0], atol=1e-12)
    np.testing.assert_allclose(v, [0, -3, 0], atol=1e-12)
    np.testing.assert_allclose(d.wind_speed(u, v), [2, 3, 0])
    np.testing.assert_allclose(d.wind_from(u, v), [270, 0, np.nan], atol=1e-9)


def test_humidity_and_dew_point_are_inverse_and_meet_the_tables() -> None:
    """At 20 degC over water saturation is 23.4 hPa, at 10 degC 12.3 hPa: 52.5 per cent."""
    rh = d.relative_humidity(293.15, 283.15)
    assert rh == pytest.approx(52.5, abs=0.1)
    assert d.dew_point(293.15, rh) == pytest.approx(283.15)
    assert d.dew_point(293.15, 100.0) == pytest.approx(293.15)
    assert d.dew_point(293.15, 120.0) == pytest.approx(293.15)
    assert np.isnan(d.dew_point(293.15, 0.0))
    assert np.isnan(d.relative_humidity(np.nan, 283.15))
    assert d.dew_point_depression(293.15, 283.15) == pytest.approx(10)


def test_ventilation_says_what_it_is_made_of() -> None:
    full = d.ventilation([[3.0]], [[4.0]], [[500.0]])
    assert (full.values.tolist(), full.units) == ([[2500.0]], "m2 s-1")
    for blh in (None, [[np.nan]]):
        alone = d.ventilation([[3.0]], [[4.0]], blh)
        assert (alone.values.tolist(), alone.units) == ([[5.0]], "m s-1")
        assert "no mixing height" in alone.note
    part = d.ventilation([[3.0], [3.0]], [[4.0], [4.0]], [[500.0], [np.nan]])
    assert np.isnan(part.values).tolist() == [[False], [True]]


def test_recirculation_is_0_straight_1_there_and_back_and_by_hand_between() -> None:
    straight = d.recirculation(steady(24, 2.0), steady(24, 0.0))
    assert straight[-1, 0] == pytest.approx(0)
    back = np.concatenate([steady(12, 2.0), steady(12, -2.0)])
    assert d.recirculation(back, steady(24, 0.0))[-1, 0] == pytest.approx(1)
    # 12 h east, 12 h north at one speed: L = 12 sqrt 2, S = 24, R = 1 - sqrt 2 / 2.
    u = np.concatenate([steady(12, 3.0), steady(12, 0.0)])
    v = np.concatenate([steady(12, 0.0), steady(12, 3.0)])
    assert d.recirculation(u, v)[-1, 0] == pytest.approx(1 - np.sqrt(2) / 2)
    assert np.isnan(d.recirculation(steady(24, 0.0), steady(24, 0.0))[-1, 0])


def test_the_wind_run_needs_every_one_of_24_hours() -> None:
    u = steady(30, 1.5)
    run = d.wind_run(u, 0 * u)
    assert np.isnan(run[:23]).all()
    np.testing.assert_allclose(run[23:], 1.5 * 86400)
    u[3] = np.nan
    run = d.wind_run(u, 0 * u)
    assert np.isnan(run[:27, 0]).all()
    assert np.isfinite(run[27:, 0]).all()
    wide = np.broadcast_to(u, (2, 5, 30, 1))
    assert d.recirculation(wide, wide).shape == (2, 5, 30, 1)


def test_the_sun_stands_where_it_should() -> None:
    """Beijing, solstices: noon height 90 - 39.9 +- 23.44; local noon near 12:13 Beijing time."""
    for day, height in (("2026-06-21", 73.5), ("2026-12-21", 26.7)):
        times = pd.date_range(day, periods=24, freq="h")
        sun = d.solar_elevation(times, [39.9], [116.4])[:, 0]
        assert sun.max() == pytest.approx(height, abs=0.5)
        assert times[sun.argmax()].hour in (4, 5)  # UTC; the hour that holds 12:13 local
        assert (sun < 0).sum() == pytest.approx(24 - (15 if height > 50 else 9.4), abs=1.1)


def test_stability_by_turner_and_by_radiation() -> None:
    speed = np.array([0.5, 1.0, 2.5, 4.0, 7.0, np.nan])
    high, low, night = np.full(6, 65.0), np.full(6, 10.0), np.full(6, -5.0)
    np.testing.assert_array_equal(d.stability(speed, high), [1, 1, 1, 2, 3, np.nan])
    np.testing.assert_array_equal(d.stability(speed, low), [3, 3, 4, 4, 4, np.nan])
    np.testing.assert_array_equal(d.stability(speed, night), [6, 6, 6, 5, 4, np.nan])
    # EPA-454/R-99-005 table 6-7: 700 W m-2 is A, A, B, B(3-5 m/s), D(>= 6).
    sun = np.full(6, 700.0)
    np.testing.assert_array_equal(d.stability(speed, high, ssrd=sun), [1, 1, 2, 2, 4, np.nan])
    gap = np.array([np.nan, 100.0, 100.0, 100.0, 100.0, 100.0])
    np.testing.assert_array_equal(d.stability(speed, high, ssrd=gap), [1, 4, 4, 4, 4, np.nan])
    np.testing.assert_array_equal(d.stability(speed, night, ssrd=gap), [6, 6, 6, 5, 4, np.nan])
