"""The index of every 24-hour window, as the warning rules want it.

Takes hourly concentrations, gives the 24-h AQI of the window that ends with each hour, without
ozone and without what dust is to blame for; and ozone's 8-h means. Knows no levels or criteria.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi, standards
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS
from forecast.timing import natural_day
from forecast.validity import running_means
from response.rules import PARTICLES_AND_GASES, WINDOW, Rules

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
_PM25: Final = POLLUTANTS.index("pm25")
_PM10: Final = POLLUTANTS.index("pm10")
_O3: Final = POLLUTANTS.index("o3")


@dataclass(frozen=True)
class Indexed:
    """Index of windows; the leading dims are (member, hour) by the window's last hour."""

    aqi: NDArray[np.float32]  # what counts: without suspected dust where that is excluded
    aqi_with_dust: NDArray[np.float32]  # suspected dust counted; determined dust never
    iaqi: NDArray[np.float32]  # (..., 6), NaN where excluded or unknown, and for ozone
    dust_suspected: Bools


def day_windows(
    hourly: Floats,
    times: pd.DatetimeIndex,
    rules: Rules,
    *,
    offset: pd.Timedelta,
    standard: str = "auto",
    dust: Bools | None = None,
    exclude_suspected: bool | None = None,
) -> Indexed:
    """Index of the 24-hour windows of every member.

    Args:
        hourly: Concentrations (member, hour, 5 or 6) in the order and units of the schema;
            NaN is missing.
        times: Naive UTC ends of the hours, without a gap.
        rules: Says how many hours a mean needs and what dust takes out.
        offset: Local time minus UTC; the standard goes by the local day a window ends in.
        standard: "auto" or an edition of HJ 633.
        dust: (hour,) or (member, hour), hours in which dust was determined to be the cause:
            their particles count as missing.
        exclude_suspected: Whether suspected dust is left out; the rules' default if None.

    Returns:
        NaN where a window has no index: fewer than 20 of 24 values, or a window that would begin
        before, or end after, the member's first and last known hour.

    Raises:
        DataError: Shapes do not fit, times have gaps, or concentrations cannot be.
    """
    conc = six(hourly, times)
    known = np.asarray(np.isfinite(conc[..., :_O3]).any(axis=-1))
    if dust is not None:
        conc = _without(conc, np.broadcast_to(dust, known.shape), rules.dust.determined)
    means = running_means(conc, hours=WINDOW, min_hours=rules.index.min_hours, axis=1)
    inside = _inside(known)
    means[~inside] = np.nan
    found = index_of(
        means,
        times,
        rules,
        offset=offset,
        standard=standard,
        exclude_suspected=exclude_suspected,
    )
    if dust is None:
        return found
    # 2026 5.3.1 leaves an index with a missing item open below 100. Particles that were taken
    # out are not missing: what the gases say is then the index that counts.
    rest = np.where(inside, np.fmax.reduce(found.iaqi, axis=-1), np.nan).astype(np.float32)
    keep = np.isnan(found.aqi) & _dusty(dust, known)
    return Indexed(
        np.where(keep, rest, found.aqi),
        np.where(keep, rest, found.aqi_with_dust),
        found.iaqi,
        found.dust_suspected,
    )


def index_of(
    means: Floats,
    ends: pd.DatetimeIndex,
    rules: Rules,
    *,
    offset: pd.Timedelta,
    standard: str = "auto",
    exclude_suspected: bool | None = None,
) -> Indexed:
    """Index of means (member, window, 6) whose windows end at `ends` (naive UTC)."""
    shape = means.shape[:2]
    full = np.full(shape, np.nan, dtype=np.float32)
    iaqi = np.full(means.shape, np.nan, dtype=np.float32)
    edition = _editions(ends, offset, standard)
    for name in sorted(set(edition)):
        here = edition == name
        part = aqi.any_24h(means[:, here], standards.load(name))
        full[:, here], iaqi[:, here] = part.aqi, part.iaqi
    suspected = _dust_suspected(means, iaqi, rules)
    exclude = rules.dust.suspected.exclude if exclude_suspected is None else exclude_suspected
    if not exclude or not suspected.any():
        return Indexed(full, full, iaqi, suspected)
    left = _without(iaqi, suspected, rules.dust.suspected.pollutants)
    rest = np.fmax.reduce(left, axis=-1)
    return Indexed(np.where(suspected, rest, full), full, left, suspected)


def ozone_8h(hourly: Floats) -> Floats:
    """8-h means of ozone (member, hour) by their last hour; NaN with fewer than 6 of 8 values."""
    return running_means(hourly[..., _O3], hours=8, axis=1)


def six(hourly: Floats, times: pd.DatetimeIndex) -> Floats:
    """Checked concentrations as float64 (member, hour, 6); ozone is NaN where it was not given.

    Raises:
        DataError: Shapes do not fit, times have gaps, or concentrations cannot be; all at once.
    """
    problems = []
    width = hourly.shape[-1] if hourly.ndim == 3 else 0
    if width not in (len(PARTICLES_AND_GASES), len(POLLUTANTS)) or not hourly.size:
        problems.append(Problem("hourly", f"shape {hourly.shape}", "(member, hour, 5 or 6)"))
    elif hourly.shape[1] != len(times):
        found = f"{hourly.shape[1]} hours, {len(times)} times"
        problems.append(Problem("hourly", found, "as many hours as times"))
    if len(times) > 1 and ((times[1:] - times[:-1]) != pd.Timedelta(hours=1)).any():
        problems.append(Problem("times", "steps other than one hour", "every hour once, in order"))
    if problems:
        raise DataError(problems)
    conc = np.full((*hourly.shape[:2], len(POLLUTANTS)), np.nan)
    conc[..., :width] = hourly
    return aqi.checked(conc, where="hourly")


def _dusty(dust: Bools, known: Bools) -> Bools:
    """Windows (member, hour) with an hour of determined dust."""
    hours = np.broadcast_to(dust, known.shape).astype(np.float64)
    return np.asarray(running_means(hours, hours=WINDOW, min_hours=1, axis=1) > 0)


def _inside(known: Bools) -> Bools:
    """Windows (member, hour) that lie between a member's first and last known hour."""
    hour = np.arange(known.shape[1])
    first = np.where(known.any(axis=1), known.argmax(axis=1), known.shape[1])
    last = known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    return np.asarray((hour - (WINDOW - 1) >= first[:, None]) & (hour <= last[:, None]))


def _editions(ends: pd.DatetimeIndex, offset: pd.Timedelta, standard: str) -> NDArray[np.object_]:
    """Name of the standard's edition that holds for each window."""
    if standard != "auto":
        return np.full(len(ends), standards.load(standard).edition, dtype=object)
    days, which = np.unique(natural_day(ends, offset), return_inverse=True)
    names = np.array([standards.for_date(pd.Timestamp(d).date()) for d in days], dtype=object)
    return np.asarray(names[which])


def _dust_suspected(means: Floats, iaqi: Floats, rules: Rules) -> Bools:
    """PM10 is primary and PM2.5 only a small part of it."""
    others = np.fmax.reduce(np.delete(iaqi, _PM10, axis=-1), axis=-1)
    lowest = min(c.bound for criterion in rules.criteria for c in criterion.all_of)
    primary = iaqi[..., _PM10] > np.fmax(others, lowest)  # below every criterion it is no matter
    limit = rules.dust.suspected.ratio_below
    return np.asarray(primary & (means[..., _PM25] < limit * means[..., _PM10]))


def _without(values: Floats, where: Bools, pollutants: tuple[str, ...]) -> Floats:
    """A copy in which some pollutants are missing at some places."""
    out = values.copy()
    for name in pollutants:
        out[..., POLLUTANTS.index(name)][where] = np.nan
    return out
