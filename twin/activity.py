"""When sources act: hour, weekday, season, temperature and the Spring Festival.

Takes UTC hour ends and a Times section, gives dimensionless factors. Over each local calendar year
the factors of a source sum to 8,760, so that its annual total holds whatever its calendar; heating
is scaled by its year in the mean climate, so that a colder year does emit more.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import pandas as pd

from forecast.problems import DataError, Problem
from twin.config_emissions import Heating, Times

HOURS_A_YEAR: Final = 8760.0
# First day of the lunar year.
SPRING_FESTIVAL: Final = tuple(
    pd.Timestamp(day)
    for day in (
        "2010-02-14", "2011-02-03", "2012-01-23", "2013-02-10", "2014-01-31", "2015-02-19",
        "2016-02-08", "2017-01-28", "2018-02-16", "2019-02-05", "2020-01-25", "2021-02-12",
        "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06",
        "2028-01-26", "2029-02-13", "2030-02-03", "2031-01-23", "2032-02-11", "2033-01-31",
    )
)  # fmt: skip
# Fireworks: (day from the lunar new year, hour of the day) -> weight.
_FIREWORKS: Final = {
    (-1, 18): 1, (-1, 19): 1.5, (-1, 20): 1.5, (-1, 21): 1.5, (-1, 22): 2, (-1, 23): 5,
    (0, 0): 6, (0, 1): 1.5, (0, 5): 2, (0, 6): 3, (0, 7): 2, (0, 8): 1, (4, 5): 1, (4, 6): 2,
    (4, 7): 1, (14, 18): 1, (14, 19): 2, (14, 20): 2, (14, 21): 1,
}  # fmt: skip
_MID_MONTH: Final = (15.5, 45, 74.5, 105, 135.5, 166, 196.5, 227.5, 258, 288.5, 319, 349.5)


def local_hours(times_utc: pd.DatetimeIndex, offset: pd.Timedelta) -> pd.DatetimeIndex:
    """The local start of each hour: stamps are ends, activity belongs to the hour before."""
    return pd.DatetimeIndex(times_utc) + offset - pd.Timedelta(hours=1)


def factors(
    times: Times,
    heating: Heating,
    times_utc: pd.DatetimeIndex,
    *,
    offset: pd.Timedelta,
    temperature_k: np.ndarray | None = None,
) -> np.ndarray:
    """Activity of a source by hour relative to its yearly mean.

    Args:
        times: When it acts.
        heating: The demand for heat.
        times_utc: UTC ends of hours, naive (hour,).
        offset: Local time minus UTC.
        temperature_k: 24-h mean air temperature of each hour (hour,), K; None: the mean climate.

    Returns:
        (hour,), not negative; NaN where a temperature it needs is NaN.

    Raises:
        DataError: A year whose Spring Festival is not known here, or other lengths.
    """
    local = local_hours(times_utc, offset)
    if temperature_k is not None and np.shape(temperature_k) != (len(local),):
        found, expected = f"shape {np.shape(temperature_k)}", f"({len(local)},)"
        raise DataError([Problem("temperature_k", found, expected)])
    times = Times(**{name: getattr(times, name) for name in Times.model_fields})  # hashable
    result = _relative(times, heating, local, temperature_k)
    for year in np.unique(local.year):
        mine = local.year == year
        result[mine] /= _year_mean(times, heating, int(year))
    return result


def day_of_festival(local: pd.DatetimeIndex) -> np.ndarray:
    """Whole days since the nearest lunar new year (hour,): -1 is its eve.

    Raises:
        DataError: A year that the table does not hold.
    """
    first, last = SPRING_FESTIVAL[0].year, SPRING_FESTIVAL[-1].year
    if len(local) and (local.year.min() < first or local.year.max() > last):
        found = f"years {local.year.min()} to {local.year.max()}"
        raise DataError([Problem("times", found, f"years {first} to {last}")])
    start = {day.year: day for day in SPRING_FESTIVAL}
    newyear = pd.DatetimeIndex([start[y] for y in local.year])
    return np.asarray((local.normalize() - newyear) // pd.Timedelta(days=1), dtype=int)


def climate_k(heating: Heating, local: pd.DatetimeIndex) -> np.ndarray:
    """Mean climate of the day [K] (hour,)."""
    phase = 2 * np.pi * (local.day_of_year.to_numpy() - heating.coldest_day) / 365.25
    return np.asarray(heating.mean_k - heating.amplitude_k * np.cos(phase))


def _relative(
    times: Times, heating: Heating, local: pd.DatetimeIndex, temperature_k: np.ndarray | None
) -> np.ndarray:
    day = day_of_festival(local)
    hour = local.hour.to_numpy()
    if times.fireworks:
        table = np.zeros((16, 24))  # row 0 is the eve
        for (d, h), weight in _FIREWORKS.items():
            table[d + 1, h] = weight
        near = (day >= -1) & (day <= 14)
        return np.where(near, table[np.clip(day + 1, 0, 15), hour], 0.0)
    result = np.array(times.hours)[hour] * np.array(times.week)[local.day_of_week.to_numpy()]
    result *= np.interp(local.day_of_year.to_numpy(), _MID_MONTH, times.months, period=365.25)
    # Full from two days before to six days after the new year, four days of transition.
    festive = np.clip((8 - np.abs(day - 2)) / 4, 0, 1)
    result *= 1 + festive * (times.spring_festival - 1)
    if times.heating:
        kelvin = climate_k(heating, local) if temperature_k is None else temperature_k
        baseline = heating.baseline_k if times.baseline_k is None else times.baseline_k
        result *= baseline + np.maximum(heating.base_k - kelvin, 0)
    return np.asarray(result)


@lru_cache(maxsize=512)
def _year_mean(times: Times, heating: Heating, year: int) -> float:
    """Mean activity of a local calendar year in the mean climate, per hour of 8,760.

    Raises:
        DataError: The source never acts in that year.
    """
    local = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left")
    mean = float(_relative(times, heating, local, None).sum() / HOURS_A_YEAR)
    if mean <= 0:
        raise DataError([Problem(f"year {year}", "no activity at all", "some")])
    return mean
