"""Dates by hand: State Council notices, lunar new year, heating season."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecast import calendar

OFFSET = pd.Timedelta(hours=8)
LEADS = np.arange(1, 97)
WORKING, EVE, AROUND, HEATING = 6, 7, 8, 9  # channels after two waves of the hour, one of the year


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2024, 2, 4), True),  # Sunday worked for the Spring Festival of 2024
        (date(2024, 2, 12), False),  # Monday of the holiday
        (date(2024, 10, 12), True),  # Saturday worked for the National Day
        (date(2015, 9, 3), False),  # Thursday, the parade
        (date(2015, 9, 6), True),  # Sunday worked for it
        (date(2024, 3, 9), False),  # an ordinary Saturday
        (date(2024, 3, 11), True),
    ],
)
def test_shifts_of_working_days(day: date, works: bool) -> None:
    assert calendar.is_working(day) is works


def test_a_year_without_notice_has_ordinary_weeks() -> None:
    assert calendar.shifts_known(2024)
    assert not calendar.shifts_known(2090)
    assert calendar.is_working(date(2090, 1, 2))  # Monday
    assert not calendar.is_working(date(2090, 1, 1))  # Sunday


@pytest.mark.parametrize(
    ("year", "first"),
    [
        (2013, date(2013, 2, 10)), (2016, date(2016, 2, 8)), (2024, date(2024, 2, 10)),
        (2025, date(2025, 1, 29)), (2026, date(2026, 2, 17)),
    ],
)  # fmt: skip
def test_spring_festival(year: int, first: date) -> None:
    assert calendar.spring_festival(year) == first


def test_channels_of_the_festival_and_its_week() -> None:
    issue = pd.DatetimeIndex(["2024-02-08T16:00"])  # 9 February 2024, 00:00 local: the eve
    made = calendar.channels(issue, OFFSET, LEADS)
    assert made.shape == (1, 96, calendar.CHANNELS)
    gap = -1 + np.repeat([0, 1, 2, 3], 24)  # days after the first of the year
    np.testing.assert_allclose(made[0, :, EVE], np.exp(-0.5 * (gap / 1.5) ** 2), rtol=1e-5)
    np.testing.assert_allclose(made[0, :, AROUND], np.exp(-0.5 * (gap / 10) ** 2), rtol=1e-5)
    assert made[0, :24, WORKING].max() == 1  # the eve of 2024 was a working day
    assert made[0, 24:, WORKING].max() == 0


def test_the_hour_that_ends_at_midnight_belongs_to_the_day_before() -> None:
    issue = pd.DatetimeIndex(["2024-11-14T14:00"])  # 14 November, 22:00 local
    made = calendar.channels(issue, OFFSET, LEADS)
    assert list(made[0, :4, HEATING]) == [0, 0, 1, 1]  # heating begins on the 15th
    spring = calendar.channels(pd.DatetimeIndex(["2024-03-15T14:00"]), OFFSET, LEADS)
    assert list(spring[0, :4, HEATING]) == [1, 1, 0, 0]


def test_hour_of_day_by_hand() -> None:
    issue = pd.DatetimeIndex(["2024-06-01T00:00"])  # 08:00 local; the last hour began at 7
    made = calendar.hour_of_day(issue, OFFSET, np.array([0, -1, 11]))
    turn = 2 * np.pi * np.array([7, 6, 18]) / 24
    np.testing.assert_allclose(made[0], np.stack([np.sin(turn), np.cos(turn)], -1), atol=1e-6)
