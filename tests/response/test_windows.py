"""The index of 24-hour windows: validity, editions, ozone and dust left out."""

import numpy as np
import pandas as pd
import pytest

from forecast.problems import DataError
from response import rules, windows
from response.rules import Rules

R = rules.load("national-2024")
OFFSET = pd.Timedelta(hours=8)


def hours(count: int, start: str = "2024-12-01T01:00") -> pd.DatetimeIndex:
    """Local stamps as naive UTC."""
    return pd.date_range(start, periods=count, freq="h") - OFFSET


def air(count: int = 48, **values: float | np.ndarray) -> np.ndarray:
    """(1, hour, 6) of clean air but for the named pollutants."""
    clean = {"pm25": 20.0, "pm10": 40.0, "so2": 8.0, "no2": 20.0, "co": 0.5, "o3": 40.0}
    return np.stack([np.broadcast_to(v, count) for v in {**clean, **values}.values()], axis=-1)[
        None
    ]


def index(conc: np.ndarray, start: str = "2024-12-01T01:00", **options: object) -> windows.Indexed:
    return windows.day_windows(conc, hours(conc.shape[1], start), R, offset=OFFSET, **options)  # type: ignore[arg-type]


# (pollutant, mean, AQI) of both editions, by the table of breakpoints.
@pytest.mark.parametrize(
    ("name", "mean", "expected"),
    [
        ("pm25", 150, 200),
        ("pm25", 151, 201),
        ("pm25", 250, 300),
        ("pm25", 500, 500),
        ("pm25", 900, 500),
        ("pm10", 351, 202),  # 100 / 70 per ug m-3, up
        ("so2", 801, 201),
        ("no2", 281, 201),
        ("co", 24.1, 201),
        ("o3", 900, 40),  # ozone does not count: PM10 40, NO2 25 -> 40
    ],
)
@pytest.mark.parametrize("start", ["2024-12-01T01:00", "2026-12-01T01:00"])
def test_index_by_pollutant(name: str, mean: float, expected: float, start: str) -> None:
    found = index(air(48, **{name: mean}), start, exclude_suspected=False)
    assert found.aqi[0, 23:].tolist() == [expected] * 25
    assert np.isnan(found.aqi[0, :23]).all()


def test_the_editions_round_differently_at_the_bound() -> None:
    pm25 = np.full(24, 150.0)
    pm25[:10] = 151  # mean 150.4167: up to 201 in 2012; rounded to 150 first in 2026
    assert index(air(24, pm25=pm25)).aqi[0, 23] == 201
    assert index(air(24, pm25=pm25), "2026-12-01T01:00").aqi[0, 23] == 200


def test_the_edition_goes_by_the_local_day_in_which_the_window_ends() -> None:
    pm25 = np.full(72, 60.0)  # 82 in 2012, 100 in 2026
    found = index(air(72, pm25=pm25), "2026-02-27T01:00").aqi[0]
    assert found[47] == 82  # ends 28 February 24:00
    assert found[48] == 100  # ends 1 March 01:00


def test_twenty_of_24_values_make_a_window() -> None:
    conc = air(48, pm25=200.0)
    conc[0, 10:14] = np.nan
    assert index(conc).aqi[0, 23] == 250
    conc[0, 14] = np.nan
    assert np.isnan(index(conc).aqi[0, 23])
    assert index(conc).aqi[0, 34] == 250  # hours 11 .. 34: four are missing again
    assert np.isnan(index(conc).aqi[0, 33])


def test_a_window_does_not_reach_beyond_the_known_hours() -> None:
    conc = air(60, pm25=200.0)
    conc[0, :5] = np.nan
    conc[0, 50:] = np.nan
    found = index(conc).aqi[0]
    assert np.flatnonzero(~np.isnan(found)).tolist() == list(range(28, 50))


def test_dust_suspected_is_left_out_for_pm10_only() -> None:
    dusty = air(48, pm25=100.0, pm10=600.0)  # ratio 0.17; PM2.5 100 -> 132 (2012)
    found = index(dusty)
    assert found.dust_suspected[0, 23:].all()
    assert found.aqi[0, 30] == 132
    assert found.aqi_with_dust[0, 30] == 500
    assert index(dusty, exclude_suspected=False).aqi[0, 30] == 500
    assert np.isnan(found.iaqi[0, 30, 1])


def test_smoke_is_no_dust() -> None:
    found = index(air(48, pm25=200.0, pm10=600.0))  # a third of it is PM2.5
    assert not found.dust_suspected.any()
    assert found.aqi[0, 30] == 500


def test_determined_dust_takes_both_particles_out() -> None:
    conc = air(96, pm25=200.0, pm10=600.0)
    mask = np.zeros(96, dtype=bool)
    mask[40:60] = True
    found = index(conc, dust=mask).aqi[0]
    assert found[43] == 500  # 20 of 24 hours without dust are enough
    assert found[44] == 25  # 19 are not: NO2 20 -> 25, CO 0.5 -> 13
    assert found[79] == 500  # hours 56 .. 79: four hours of dust left
    late = index(conc, "2026-12-01T01:00", dust=mask).aqi[0]
    assert late[44] == 25  # nothing is missing in the sense of 2026 5.3.1


def test_a_change_of_arguments_never_happens() -> None:
    conc = air(48, pm25=100.0, pm10=600.0)
    before = conc.copy()
    index(conc, dust=np.ones(48, dtype=bool))
    np.testing.assert_array_equal(conc, before)


def test_ozone_is_optional_and_wrong_input_is_named() -> None:
    assert index(air(48, pm25=151.0)[..., :5]).aqi[0, 30] == 201
    with pytest.raises(DataError, match="5 or 6"):
        index(air(48)[..., :4])
    with pytest.raises(DataError, match="0 or more"):
        index(air(48, pm25=-1.0))
    gap = pd.DatetimeIndex(hours(49).delete(10))
    with pytest.raises(DataError, match="one hour"):
        windows.day_windows(air(48), gap, R, offset=OFFSET)


def test_ozone_8h() -> None:
    conc = air(24, o3=np.r_[np.full(10, 100.0), np.full(8, 300.0), np.full(6, 100.0)])
    assert np.nanmax(windows.ozone_8h(conc)) == 300


def test_rules_say_which_hours_a_mean_needs() -> None:
    strict: Rules = R.model_copy(update={"index": R.index.model_copy(update={"min_hours": 24})})
    conc = air(24, pm25=200.0)
    conc[0, 5] = np.nan
    assert np.isnan(windows.day_windows(conc, hours(24), strict, offset=OFFSET).aqi[0, 23])
