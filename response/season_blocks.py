"""The rest of a year from past years: whole blocks of days around the same calendar days.

A moving-block bootstrap (Kuensch 1989, Ann. Statist. 17:1217) that keeps the season: a block comes
from the same part of some past year, moved by up to a few days. Only blocks without a gap are
drawn, so no value is made up; past years are scaled towards the level of this year, and each draw
has an error of that level that lasts for weeks (an AR(1) over its blocks), because months and years
differ as wholes and few past years show how much. Climatology, no forecast.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import DataError, Problem
from response.budget_config import Resampling

Doubles = NDArray[np.float64]
_RATIO = (0.5, 2.0)  # a level further off is not believed
_MIN_COMMON = 30  # days that a ratio of levels needs


def draw(
    past: Doubles,
    first: pd.Timestamp,
    dates: pd.DatetimeIndex,
    settings: Resampling,
    *,
    count: int | None = None,
    rng: np.random.Generator,
) -> Doubles:
    """Possible courses of some days to come.

    Args:
        past: (day, ..., pollutant), every day up to the last known one; NaN is missing.
        first: Local date of the first row of `past`.
        dates: Adjoining local dates, all after the last row of `past`.
        settings: Of the resampling.
        count: Number of draws, those of the settings if left out.
        rng: Random generator.

    Returns:
        (draw, date, ..., pollutant), complete.

    Raises:
        DataError: The past holds no complete block of the season of some day, or dates overlap.
    """
    count = count or settings.draws
    if not len(dates):
        return np.empty((count, 0, *past.shape[1:]))
    last = first + pd.Timedelta(days=len(past) - 1)
    if dates[0] <= last:
        raise DataError([Problem("season blocks", f"{dates[0]:%F}", f"days after {last:%F}")])
    full = np.asarray(~np.isnan(past).any(axis=tuple(range(1, past.ndim))))
    years = range(first.year, last.year + 1)
    scale = {y: _level(past, first, last, dates[0].year - y, settings) for y in years}
    home = rng.integers(0, len(years), count)
    out = np.empty((count, len(dates), *past.shape[1:]))
    length = settings.block_days
    keep = np.exp(-length / settings.level_memory_days)
    error = rng.standard_normal(count)
    for begin in range(0, len(dates), length):
        size = min(length, len(dates) - begin)
        found = _candidates(full, first, dates[begin], size, years, settings)
        have = np.array(sorted(found))
        own = np.isin(home + years[0], have) & (rng.random(count) < settings.same_year)
        year = np.where(own, home + years[0], have[rng.integers(0, len(have), count)])
        for y in have:
            rows = np.flatnonzero(year == y)
            start = found[int(y)][rng.integers(0, len(found[int(y)]), len(rows))]
            days = start[:, None] + np.arange(size)
            out[rows, begin : begin + size] = past[days] * scale[int(y)]
        level = np.exp(settings.level_sd * error)  # median 1
        out[:, begin : begin + size] *= level.reshape(-1, *[1] * (out.ndim - 1))
        error = keep * error + np.sqrt(1 - keep**2) * rng.standard_normal(count)
    return out


def _candidates(
    full: NDArray[np.bool_],
    first: pd.Timestamp,
    date: pd.Timestamp,
    size: int,
    years: range,
    settings: Resampling,
) -> dict[int, NDArray[np.int64]]:
    """Past year -> rows at which a complete block of `size` days around a date may start."""
    held = np.concatenate([[0], np.cumsum(full)])
    for width in (settings.window_days, 2 * settings.window_days + 5, 45):
        found = {}
        for y in years:
            anchor = (date + pd.DateOffset(years=y - date.year) - first).days
            start = np.arange(anchor - width, anchor + width + 1)
            start = start[(start >= 0) & (start + size <= len(full))]
            start = start[held[start + size] - held[start] == size]
            if len(start):
                found[y] = start
        if found:
            return found
    where = f"past days around {date:%m-%d}"
    raise DataError([Problem(where, "no block without a gap", f"{size} complete days")])


def _level(
    past: Doubles, first: pd.Timestamp, last: pd.Timestamp, years_back: int, settings: Resampling
) -> Doubles:
    """Factor (..., pollutant) that carries a past year towards the level of the last days."""
    end = len(past)
    then = (last - pd.DateOffset(years=years_back) - first).days + 1
    one = np.ones(past.shape[1:])
    span = min(settings.level_days, then)
    if years_back < 1 or span < _MIN_COMMON:
        return one
    now, before = past[end - span : end], past[then - span : then]
    both = ~np.isnan(now) & ~np.isnan(before)
    count = both.sum(axis=0)
    sums = [np.where(both, x, 0.0).sum(axis=0) for x in (now, before)]
    usable = (count >= _MIN_COMMON) & (sums[1] > 0)
    ratio = np.divide(sums[0], sums[1], out=one, where=usable)
    return np.asarray(np.clip(ratio, *_RATIO) ** settings.level_power)
