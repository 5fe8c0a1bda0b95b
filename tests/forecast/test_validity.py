"""When a mean counts: 20 of 24, 6 of 8, 14 of 17 with its exception, and days by their edges."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecast.problems import ConfigError
from forecast.schema import POLLUTANTS
from forecast.validity import OZONE, daily_from_hourly, day_values, running_means

NAN = np.nan


def day(value: float = 10.0) -> np.ndarray:
    return np.full((24, 6), float(value))


@pytest.mark.parametrize(("hours", "counts"), [(24, True), (20, True), (19, False), (0, False)])
def test_a_daily_mean_needs_20_hours(hours: int, counts: bool) -> None:
    x = day()
    x[hours:, 0] = NAN
    x[0, 0] = 10.0 if hours == 0 else 10.0 + hours  # so that the mean is 11
    if hours == 0:
        x[:, 0] = NAN
    got = day_values(x)
    assert got[0] == 11 if counts else np.isnan(got[0])
    assert_array_equal(got[1:], 10)


def test_mda8_by_hand() -> None:
    x = day(0)
    x[11:19, OZONE] = 160  # 12:00 .. 19:00: the window that ends at 19:00
    x[3, OZONE] = 80
    assert day_values(x)[OZONE] == 160
    x[11, OZONE] = 80
    assert day_values(x)[OZONE] == 150


def test_only_windows_that_end_at_08_or_later_count() -> None:
    x = day(0)
    x[:7, OZONE] = 80  # 01:00 .. 07:00: the first window, ending 08:00, holds seven of them
    assert day_values(x)[OZONE] == 70
    x = day(0)
    x[23, OZONE] = 80  # 24:00 is part of the last one
    assert day_values(x)[OZONE] == 10


def test_an_8_hour_mean_needs_6_hours() -> None:
    x = day(40)
    x[[8, 9], OZONE] = NAN  # windows that hold both have 6 of 8
    x[0, OZONE] = 48
    assert day_values(x)[OZONE] == 41  # (48 + 7 * 40) / 8, at 08:00
    x[10, OZONE] = NAN  # those with all three have 5: 11:00 .. 16:00, so 11 windows are left
    assert np.isnan(day_values(x)[OZONE])


@pytest.mark.parametrize(
    ("value", "gone", "expected"),
    [
        (100.0, 3, 100.0),  # windows ending 22:00 .. 24:00 keep 7, 6 and 5 hours: 16 count
        (100.0, 5, 100.0),  # 14 count
        (100.0, 6, NAN),  # 13 count
        (160.0, 6, NAN),  # at the limit is not above it
        (160.5, 6, 160.5),  # above it: the value stands
        (200.0, 18, 200.0),  # one window of 6 hours is enough then
        (200.0, 19, NAN),  # no window counts
    ],
)
def test_mda8_needs_14_windows_or_to_be_above_the_limit(
    value: float, gone: int, expected: float
) -> None:
    x = day(value)
    x[24 - gone :, OZONE] = NAN
    assert_array_equal(day_values(x)[OZONE], expected)


def test_days_by_the_hour_of_the_first_value() -> None:
    # Issue at 16:00: lead 1 ends 17:00, so 8 hours are left of today, then D+1.
    hours = np.repeat(np.arange(96.0), 6).reshape(96, 6)
    got = daily_from_hourly(hours, first_hour=17)
    assert got.shape == (5, 6)
    assert np.isnan(got[0]).all()
    assert np.isnan(got[4]).all()  # 16 hours
    assert got[1, 0] == np.arange(8, 32).mean()
    assert got[1, OZONE] == np.arange(24, 32).mean()  # rising: the last window
    whole = daily_from_hourly(hours, first_hour=1)
    assert whole.shape == (4, 6)
    assert whole[0, 0] == 11.5


def test_a_day_that_begins_at_the_fifth_hour_still_counts() -> None:
    got = daily_from_hourly(day()[4:], first_hour=5)
    assert_array_equal(got[0], 10)  # 20 hours; 8-h windows of 08:00 and 09:00 have 4 and 5
    assert np.isnan(daily_from_hourly(day()[5:], first_hour=6)[0, 0])


@pytest.mark.parametrize("axis", [0, 1, 2, -2])
def test_the_hours_may_be_in_any_dim_but_the_last(axis: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 200, (48, 3, 2, 6))  # hours first
    expected = np.stack([day_values(x[:24], axis=0), day_values(x[24:], axis=0)])
    moved = np.moveaxis(x, 0, axis)
    got = daily_from_hourly(moved, first_hour=1, axis=axis)
    assert_array_equal(np.moveaxis(got, axis, 0), expected)


def test_complete_members_get_the_same_as_the_long_way() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 200, (24, 30, 6))
    fast = day_values(x, axis=0)
    gap = np.concatenate([x, np.full((24, 1, 6), NAN)], axis=1)
    slow = day_values(gap, axis=0)
    assert_allclose(fast, slow[:30], rtol=1e-14)
    assert np.isnan(slow[30]).all()
    assert day_values(x.astype(np.float32), axis=0).dtype == np.float32
    assert day_values(np.ones((24, 6), dtype=np.int64)).dtype == np.float64


def test_any_24_hours_need_20() -> None:
    x = np.arange(60.0)
    x[30:34] = NAN
    got = running_means(x[:, None], hours=24)[:, 0]
    assert np.isnan(got[:19]).all()
    assert got[19] == np.arange(20).mean()
    assert got[23] == np.arange(24).mean()
    assert got[29] == np.arange(6, 30).mean()
    assert got[33] == np.arange(10, 30).mean()  # 20 are left
    x[29] = NAN
    assert np.isnan(running_means(x[:, None], hours=24)[33, 0])


def test_eight_hours_need_six() -> None:
    x = np.full((8, 1), 5.0)
    x[:2] = NAN
    assert running_means(x, hours=8)[7, 0] == 5
    x[2] = NAN
    assert np.isnan(running_means(x, hours=8)[7, 0])
    assert running_means(x, hours=3, min_hours=1)[3, 0] == 5


def test_a_short_run_has_short_windows() -> None:
    assert np.isnan(running_means(np.ones((5, 6)), hours=24)).all()


def test_arguments_stay_as_they_are() -> None:
    x = day()
    x[0, 0] = NAN
    before = x.copy()
    daily_from_hourly(x, first_hour=3)
    running_means(x, hours=24)
    assert_array_equal(x, before)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ConfigError, match="first_hour"):
        daily_from_hourly(day(), first_hour=0)
    with pytest.raises(ConfigError, match=r"\(24, 5\)"):
        daily_from_hourly(day()[:, :5], first_hour=1)
    with pytest.raises(ConfigError, match="24"):
        day_values(day()[:23])
    with pytest.raises(ConfigError, match="min_hours"):
        running_means(day(), hours=12)


def test_ozone_is_the_last_pollutant() -> None:
    assert POLLUTANTS[OZONE] == "o3"
