"""Hourly values -> means, and whether they count: 24-h, ozone 8-h, MDA8, any 24 hours.

Rules: configs/standards/validity.yaml (GB 3095-2026 table 4, HJ 663 6.1.2). Arrays carry
schema.POLLUTANTS in their last dim; NaN is missing; stamps are ends of hours. Means are not
rounded on the way: editions differ in what they round, and the index does it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS
from forecast.standards import Validity, load_validity

Floats = NDArray[np.floating[Any]]
HOURS: Final = 24
OZONE: Final = POLLUTANTS.index("o3")


def daily_from_hourly(
    hourly: Floats, *, first_hour: int, axis: int = -2, rules: Validity | None = None
) -> Floats:
    """Daily means, and MDA8 in ozone's place, by natural day.

    Args:
        hourly: 1-h values (..., hours, ..., 6) in the schema's units, without gaps in time.
        first_hour: Local hour at which the first value ends, 1 .. 24: 1 begins a natural day.
        axis: Where the hours are; never the last dim.
        rules: When a mean counts; the shipped rules if left out.

    Returns:
        The same dims with natural days in place of hours, the first being the day of the first
        value; float32 stays float32. Hours outside the array count as missing, so a day cut
        off by its edge is NaN unless enough of it is there. A mean needs 20 of 24 hours; MDA8
        see `day_values`.

    Raises:
        ConfigError: first_hour is no hour, or the last dim does not hold the six pollutants.
    """
    if not 1 <= first_hour <= HOURS:
        raise ConfigError([Problem("first_hour", str(first_hour), "1 .. 24")])
    _six(hourly)
    by_hour = np.moveaxis(hourly, axis, 0)
    before = first_hour - 1
    days = -(-(before + len(by_hour)) // HOURS)
    if before or days * HOURS != len(by_hour):
        padded = np.full((days * HOURS, *by_hour.shape[1:]), np.nan, dtype=by_hour.dtype)
        padded[before : before + len(by_hour)] = by_hour
        by_hour = padded
    split = by_hour.reshape(days, HOURS, *by_hour.shape[1:])
    return np.moveaxis(day_values(split, axis=1, rules=rules), 0, axis)


def day_values(hours: Floats, *, axis: int = -2, rules: Validity | None = None) -> Floats:
    """Daily means and MDA8 of whole natural days.

    MDA8 is the highest of the 8-h means that end at 08:00 .. 24:00 local, so only the day's own
    hours are used. An 8-h mean needs 6 hours; MDA8 needs 14 of the 17 means, or to be above the
    level-2 limit (compared unrounded: GB/T 8170 compares the full value where nothing is said).

    Args:
        hours: (..., 24, ..., 6), the values ending 01:00 .. 24:00.
        axis: Where the 24 hours are; never the last dim.
        rules: When a mean counts; the shipped rules if left out.

    Returns:
        (..., 6) without the dim of hours; NaN where a mean does not count.
    """
    rules = rules or load_validity()
    _six(hours)
    x = np.moveaxis(hours, axis, 0)
    if len(x) != HOURS:
        raise ConfigError([Problem("hours of a day", str(len(x)), str(HOURS))])
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    there = ~np.isnan(x)
    if there.all():  # the path of ensemble members
        out = np.asarray(x.sum(axis=0, dtype=np.float64) / HOURS)
        out[..., OZONE] = _windows(x[..., OZONE], rules).max(axis=0) / 8
        return np.asarray(out, dtype=dtype)
    count = there.sum(axis=0)
    filled = np.where(there, x, 0.0)
    out = filled.sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
    out[count < rules.day_mean.min_hours] = np.nan
    number = _windows(there[..., OZONE], rules)
    valid = number >= rules.ozone_8h.min_hours
    means = np.where(valid, _windows(filled[..., OZONE], rules) / np.maximum(number, 1), -np.inf)
    highest = means.max(axis=0)
    enough = valid.sum(axis=0) >= rules.mda8.min_windows
    out[..., OZONE] = np.where(enough | (highest > rules.mda8.limit), highest, np.nan)
    return np.asarray(out, dtype=dtype)


def running_means(
    hourly: Floats, *, hours: int, min_hours: int | None = None, axis: int = -2
) -> Floats:
    """Means of the windows that end with each hour.

    Args:
        hourly: 1-h values (..., hours, ...), without gaps in time.
        hours: Length of the window, as 24 for "any 24 hours" or 8 for ozone.
        min_hours: Values a window needs; left out: 20 of 24 and 6 of 8 by the shipped rules.
        axis: Where the hours are.

    Returns:
        The same dims, float64; NaN where too few values are there. What lies before the first
        hour counts as missing.

    Raises:
        ConfigError: min_hours is left out for a window the standards do not know.
    """
    need = _needed(hours) if min_hours is None else min_hours
    x = np.moveaxis(hourly, axis, 0)
    there = ~np.isnan(x)
    total = _running_sum(np.where(there, x, 0.0), hours)
    count = _running_sum(there, hours)
    means = np.where(count >= need, total / np.maximum(count, 1), np.nan)
    return np.moveaxis(means, 0, axis)


def _needed(hours: int) -> int:
    rules = load_validity()
    known = {HOURS: rules.day_mean.min_hours, 8: rules.ozone_8h.min_hours}
    if hours not in known:
        raise ConfigError([Problem("min_hours", f"none for {hours} h", f"known: {known}")])
    return known[hours]


def _running_sum(x: NDArray[Any], hours: int) -> NDArray[Any]:
    """Sum of the last `hours` entries of dim 0 (fewer at the start), each summed afresh.

    Differences of one long cumulative sum would carry its rounding along; sums of a window keep
    whole-number data exact and others within a few ulp.
    """
    dtype = np.int64 if x.dtype == bool else np.float64
    out = np.zeros(x.shape, dtype=dtype)
    for back in range(min(hours, len(x))):
        out[back:] += x[: len(x) - back]
    return out


def _windows(day: NDArray[Any], rules: Validity) -> NDArray[Any]:
    """Sums (17, ...) of the 8-h windows of a day (24, ...) that count for MDA8."""
    return _running_sum(day, 8)[max(rules.mda8.first_end, 8) - 1 :]


def _six(values: Floats) -> None:
    if values.ndim < 2 or values.shape[-1] != len(POLLUTANTS):
        found = f"shape {values.shape}"
        raise ConfigError([Problem("concentrations", found, f"(..., {len(POLLUTANTS)})")])
