"""NO2 of a change of NOx: by hand at night and in the sun; no hour may be absent."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.problems import DataError
from response import plume_nitrogen, plume_settings

S = plume_settings.load()
TIMES = pd.date_range("2016-01-01", periods=3, freq="h", name="time")
KELVIN = np.full(3, 283.15)


def air(o3: list[float], no2: list[float]) -> xr.Dataset:
    return xr.Dataset({"o3": ("time", o3), "no2": ("time", no2)}, {"time": TIMES})


def test_at_night_ozone_is_what_limits() -> None:
    # p = 0.1, half = 15: 0.1 + 0.9 x (0, 15/30, 135/150) = 0.1, 0.55, 0.91
    got = plume_nitrogen.share(
        air([0, 15, 135], [80, 80, 80]), TIMES, np.zeros(3), KELVIN, settings=S
    )
    np.testing.assert_allclose(got, [0.1, 0.55, 0.91])


def test_in_the_sun_the_balance_is_kept() -> None:
    # The derivative of the balance, by finite differences of its quadratic at fixed NO2 + O3.
    sun = np.full(3, 400.0)
    o3, no2 = np.array([20.0, 60, 100]), np.array([90.0, 40, 20])
    got = plume_nitrogen.share(air(list(o3), list(no2)), TIMES, sun, KELVIN, settings=S)
    j = 1.47e-5 * 400 - 4.84e-9 * 400**2
    ratio = j / (2.07e-12 * np.exp(-1400 / 283.15) * 6.022e8)
    a, b = o3 * 1000 / 48, no2 * 1000 / 46.01
    nox, ox, p = b + ratio * b / a, a + b, 0.1

    def balance(nox: np.ndarray, ox: np.ndarray) -> np.ndarray:
        total = nox + ox + ratio
        return np.asarray((total - np.sqrt(total**2 - 4 * nox * ox)) / 2)

    np.testing.assert_allclose(balance(nox, ox), b)
    d = 1e-3
    expected = (balance(nox + d, ox + p * d) - balance(nox - d, ox - p * d)) / (2 * d)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_an_hour_or_a_pollutant_that_is_absent_is_an_error() -> None:
    with pytest.raises(DataError, match="1 hours missing"):
        plume_nitrogen.share(air([1, np.nan, 2], [1, 1, 1]), TIMES, np.zeros(3), KELVIN, settings=S)
    with pytest.raises(DataError, match="o3"):
        plume_nitrogen.share(
            air([1, 1, 1], [1, 1, 1])[["no2"]], TIMES, np.zeros(3), KELVIN, settings=S
        )
