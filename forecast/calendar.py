"""What the date says about emissions: hour, week, working-day shifts, Spring Festival, heating.

Takes times, gives channels; knows no data. A stamp ends its hour, so the hour before the stamp
says which day it belongs to.

Working days follow the State Council's yearly notices (package chinese_calendar, shifts included).
For a year whose notice the installed package does not hold, Monday to Friday count; `shifts_known`
says so. Spring Festival is the first day of the lunar year (package lunardate). Heating runs from
15 November to 15 March in northern China (usual statutory season; cities may extend it).
"""

from datetime import date
from functools import lru_cache
from typing import Final

import chinese_calendar
import numpy as np
import pandas as pd
from lunardate import LunarDate
from numpy.typing import NDArray

from forecast.batch import Floats

CHANNELS: Final = 10
_HEATING: Final = ((11, 15), (3, 15))  # first and last month and day
_FESTIVAL_WIDTHS: Final = (1.5, 10.0)  # days: fireworks around the eve, closed works around it


def channels(
    issue_times: pd.DatetimeIndex, offset: pd.Timedelta, leads: NDArray[np.int64]
) -> Floats:
    """Channels (issue, lead, CHANNELS), each about -1 .. 1.

    Args:
        issue_times: Naive UTC.
        offset: Local time minus UTC.
        leads: Hours after (or, negative, before) the issue time.
    """
    began = _began(issue_times, offset, leads)
    days = began.astype("datetime64[D]")
    unique, place = np.unique(days, return_inverse=True)
    by_day = np.array([_day(d.item()) for d in unique], dtype=np.float32)[place.reshape(days.shape)]
    hour = _circle((began - days).astype(np.float64) / 24, 2)
    return np.concatenate([hour, by_day], axis=-1).astype(np.float32)


def hour_of_day(
    issue_times: pd.DatetimeIndex, offset: pd.Timedelta, leads: NDArray[np.int64]
) -> Floats:
    """Sine and cosine of the hour of the day, (issue, lead, 2)."""
    began = _began(issue_times, offset, leads)
    return _circle((began - began.astype("datetime64[D]")).astype(np.float64) / 24, 1)


def is_working(day: date) -> bool:
    """Whether people work on a day, shifts included where the year's notice is known."""
    if shifts_known(day.year):
        return bool(chinese_calendar.is_workday(day))
    return day.weekday() < 5


@lru_cache(maxsize=128)
def shifts_known(year: int) -> bool:
    """Whether the installed package holds the year's notice of holidays and shifts."""
    try:
        chinese_calendar.is_workday(date(year, 7, 1))
    except NotImplementedError:
        return False
    return True


@lru_cache(maxsize=128)
def spring_festival(year: int) -> date:
    """First day of the lunar year that begins in a year."""
    first: date = LunarDate(year, 1, 1).to_solar_date()
    return first


def _day(day: date) -> tuple[float, ...]:
    turn = 2 * np.pi * (day.timetuple().tm_yday - 1) / 365.25
    gap = (day - spring_festival(day.year)).days
    near = [float(np.exp(-0.5 * (gap / w) ** 2)) for w in _FESTIVAL_WIDTHS]
    season = (day.month, day.day)
    heating = season >= _HEATING[0] or season <= _HEATING[1]
    return (
        float(np.sin(turn)), float(np.cos(turn)), float(is_working(day)),
        *near, float(heating),
    )  # fmt: skip


def _circle(turn: NDArray[np.float64], waves: int) -> Floats:
    parts = [f(2 * np.pi * k * turn) for k in range(1, waves + 1) for f in (np.sin, np.cos)]
    return np.stack(parts, axis=-1).astype(np.float32)


def _began(
    issue_times: pd.DatetimeIndex, offset: pd.Timedelta, leads: NDArray[np.int64]
) -> NDArray[np.datetime64]:
    issue = (issue_times + offset).to_numpy().astype("datetime64[h]")
    return np.asarray(issue[:, None] + (leads - 1)[None, :] * np.timedelta64(1, "h"))
