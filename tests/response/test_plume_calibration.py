"""The local share: by hand, from earlier days alone, bounded."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.problems import DataError
from response import plume_calibration, plume_settings

S = plume_settings.load()
DAYS = pd.date_range("2016-01-01", periods=6, name="day")


def table(values: object) -> pd.DataFrame:
    return pd.DataFrame({"pm25": values}, index=DAYS, dtype=float)


def test_increment_by_hand() -> None:
    # Ten stations at 1..10: their 10th percentile is 1.9; references at 9 and 10 give 9.5 - 1.9.
    values = np.arange(1.0, 11)[None].repeat(2, axis=0)
    values[1, 2:] = np.nan  # two stations are not enough
    daily = xr.Dataset({"pm25": (("day", "station"), values)}, {"day": DAYS[:2]})
    made = plume_calibration.increment(daily, np.arange(10) >= 8, settings=S)
    assert made["pm25"].iloc[0] == pytest.approx(7.6)
    assert np.isnan(made["pm25"].iloc[1])


def test_factor_by_hand() -> None:
    # One earlier day: seen 30, made 6, share 0.4, scale 0.7: says 0.4 x 30 / (0.7 x 6) = 2.85714,
    # trusted with 0.2 x 1 / (1 + 3) = 0.05: 0.7 x 2.85714^0.05 = 0.73773
    seen, made = table([30.0] + [np.nan] * 5), table([6.0] * 6)
    got = plume_calibration.factors(seen, made, DAYS[1], settings=S)
    assert got["pm25"] == pytest.approx(0.73773, abs=1e-4)
    assert got["so2"] == S.calibration.scale.so2  # nothing known: the scale alone
    assert plume_calibration.factors(seen, made, DAYS[0], settings=S)["pm25"] == 0.7


def test_a_day_modelled_as_stagnant_is_brought_back() -> None:
    # Sums of 4 and 16: geometric mean 8; a day of 32 is 4 times that: 0.7 x 4^(0.6 - 1) = 0.40205
    sums = pd.DataFrame({"pm25": [4.0, 16.0, 32.0, 1e9]}, index=DAYS[:4])
    nothing = table([np.nan] * 6)
    got = plume_calibration.factors(nothing, nothing, DAYS[2], level=sums, settings=S)
    assert got["pm25"] == pytest.approx(0.40205, abs=1e-4)
    # The city's sum then goes with the power 0.6 of what was modelled.
    airy = sums.assign(pm25=[4.0, 16.0, 2.0, 0.0])
    less = plume_calibration.factors(nothing, nothing, DAYS[2], level=airy, settings=S)
    assert got["pm25"] * 32 / (less["pm25"] * 2) == pytest.approx(16**0.6)


def test_city_sum_is_the_mean_of_the_reference_stations() -> None:
    daily = xr.Dataset(
        {"so2": (("station", "day"), [[1.0, 2], [3, 4], [50, 60]])}, {"day": DAYS[:2]}
    )
    made = plume_calibration.city_sum(daily, np.array([True, True, False]))
    assert made["so2"].tolist() == [2.0, 3.0]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.integers(0, 10**6))
def test_the_day_itself_and_later_ones_are_not_seen(at: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen, made = table(rng.normal(20, 20, 6)), table(rng.uniform(0, 10, 6))
    later = seen.copy()
    later.iloc[at:] = 1e6
    one = plume_calibration.factors(seen, made, DAYS[at], settings=S)
    assert one == plume_calibration.factors(later, made, DAYS[at], settings=S)
    assert all(S.calibration.least <= f <= S.calibration.most for f in one.values())


def test_contributions_are_scaled_and_say_so() -> None:
    dims = ("unit", "receptor", "day")
    days = xr.Dataset(
        {n: (dims, np.ones((1, 1, 3), np.float32)) for n in ("pm25", "o3_sensitivity")}
    )
    made = plume_calibration.calibrated(days, {"pm25": 2.0, "so2": 3.0})
    assert made["pm25"].to_numpy().tolist() == [[[2.0, 2.0, 2.0]]]
    assert made["o3_sensitivity"].to_numpy().tolist() == [[[1.0, 1.0, 1.0]]]
    assert made["pm25"].attrs["calibration"] == 2.0
    assert days["pm25"].max() == 1
    with pytest.raises(DataError, match="so2"):
        plume_calibration.calibrated(days, {"so2": float("nan")})
