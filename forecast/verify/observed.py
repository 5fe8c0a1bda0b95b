"""What was observed: hourly targets by lead, and the daily index of areas, from observations.

The observed daily index goes the same way as the members': hourly area mean of the reference
stations, daily means and MDA8 with the validity rules, index by the edition of the date.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import aqi, areas, forecast_file, standards
from forecast.batch import Floats, leads_of, stacked
from forecast.schema import POLLUTANTS, stations_frame
from forecast.validity import HOURS, OZONE, daily_from_hourly, day_values
from forecast.verify.daily import DailyForecast, DailyObserved

Doubles = NDArray[np.float64]
Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class ObservedDays:
    """Daily index of areas on consecutive local dates."""

    dates: Dates  # (date,), datetime64[D]
    aqi: Doubles  # (date, area), NaN = missing
    primary: NDArray[np.bool_]  # (date, area, POLLUTANTS)
    conc: Doubles  # (date, area, POLLUTANTS), daily means, MDA8 in ozone's place


def hourly(obs: xr.Dataset) -> Callable[[pd.DatetimeIndex], Floats]:
    """Observed values (issue, lead, station, POLLUTANTS) at given issue times, NaN = missing."""
    values, origin = stacked(obs, POLLUTANTS), pd.Timestamp(obs["time"].values[0])
    return lambda issue_times: leads_of(values, origin, issue_times)


def days(
    obs: xr.Dataset, names: tuple[str, ...], standard: str, offset: pd.Timedelta
) -> ObservedDays:
    """Daily index of areas.

    Args:
        obs: schema dataset on a complete hourly grid.
        names: Areas, each with at least one reference station that is no background site.
        standard: Edition, or auto: by the date.
        offset: Local time minus UTC.
    """
    mean = areas.area_means(stacked(obs, POLLUTANTS), stations_frame(obs), names)
    first = pd.Timestamp(obs["time"].values[0]) + offset
    conc = daily_from_hourly(mean, first_hour=first.hour or HOURS, axis=0)
    begin = (first - pd.Timedelta(hours=1)).normalize().to_datetime64().astype("datetime64[D]")
    dates = begin + np.arange(len(conc)).astype("timedelta64[D]")
    ozone = _daily_highest(mean[..., OZONE], (first.hour or HOURS) - 1, len(conc))
    index, primary = index_of(conc, ozone, dates, standard)
    return ObservedDays(dates, index, primary, conc.astype(np.float64))


def index_of(
    conc: Floats, ozone_1h: Floats, dates: Dates, standard: str
) -> tuple[Doubles, NDArray[np.bool_]]:
    """Daily index and primaries of daily values (date, ..., POLLUTANTS), by the date's edition."""
    index = np.full(conc.shape[:-1], np.nan)
    mask = np.zeros(conc.shape[:-1], dtype=np.uint8)
    listed = dates.astype("datetime64[D]").tolist()
    editions = np.array([standards.for_date(d) if standard == "auto" else standard for d in listed])
    for edition in np.unique(editions).tolist():
        rows = editions == edition
        found = aqi.daily(conc[rows], standards.load(edition), o3_1h=ozone_1h[rows])
        index[rows], mask[rows] = found.aqi, found.primary
    # Truth with a gap: the index of the rest could only be too low (HJ 633-2026 5.3.1, here for
    # both editions).
    gap = np.isnan(conc).any(axis=-1) & (index <= 100)
    return np.where(gap, np.nan, index), forecast_file.primary_sets(np.where(gap, 0, mask))


def targets(found: ObservedDays, area: int, dates: Dates) -> DailyObserved:
    """The observed days (issue, day) that issue times forecast, of one area."""
    rows = (dates - found.dates[0]).astype(int)
    inside = (rows >= 0) & (rows < len(found.dates))
    rows = np.clip(rows, 0, len(found.dates) - 1)
    value = np.where(inside, found.aqi[rows, area], np.nan)
    return DailyObserved(dates, value, found.primary[rows, area] & inside[..., None])


def persistence(
    obs: xr.Dataset, name: str, standard: str, issue_times: pd.DatetimeIndex, dates: Dates
) -> DailyForecast:
    """The index of the 24 hours that end at the issue time, kept for all days: one member.

    Ozone's MDA8 is the highest of the 8-h means inside those hours.
    """
    mean = areas.area_mean(stacked(obs, POLLUTANTS), stations_frame(obs), name)
    origin = pd.Timestamp(obs["time"].values[0])
    last = leads_of(mean, origin, issue_times - pd.Timedelta(hours=HOURS))[:, :HOURS]
    ozone = np.where(np.isnan(last[..., OZONE]), -1, last[..., OZONE]).max(axis=1)
    index, primary = index_of(day_values(last, axis=1), ozone, dates[:, 0], standard)
    shape = (*dates.shape, 1)
    return DailyForecast(
        np.broadcast_to(index[:, None, None], shape),
        np.broadcast_to(primary[:, None, None], (*shape, len(POLLUTANTS))),
    )


def climatology(
    found: ObservedDays, area: int, before: np.datetime64, dates: Dates, *,
    half_window: int, members: int,
) -> DailyForecast | None:  # fmt: skip
    """Observed days of the same time of year before a date, as equally likely members.

    Args:
        found: Observed days.
        area: Its index.
        before: Local date; only earlier days are used, for all issue times alike.
        dates: (issue, day) to forecast.
        half_window: Days to either side of the day of the year.
        members: How many, evenly spaced in the sorted sample.

    Returns:
        None where some day of the year to forecast has no earlier day.
    """
    known = np.isfinite(found.aqi[:, area]) & (found.dates < before)
    history = np.flatnonzero(known)
    of_year = pd.DatetimeIndex(found.dates[history]).day_of_year.to_numpy()
    wanted, back = np.unique(
        pd.DatetimeIndex(dates.ravel()).day_of_year.to_numpy(), return_inverse=True
    )
    chosen = np.zeros((len(wanted), members), dtype=np.int64)
    for i, day in enumerate(wanted):  # at most 366
        apart = np.abs(of_year - day)
        near = history[np.minimum(apart, 365 - apart) <= half_window]
        if not near.size:
            return None
        ordered = near[np.argsort(found.aqi[near, area], kind="stable")]
        at = ((np.arange(members) + 0.5) / members * len(ordered)).astype(int)
        chosen[i] = ordered[at]
    rows = chosen[back].reshape(*dates.shape, members)
    return DailyForecast(found.aqi[rows, area], found.primary[rows, area])


def _daily_highest(values: Floats, before: int, count: int) -> Floats:
    """Highest hourly value (date, ...) of consecutive days; hours before the first are missing."""
    padded = np.full((count * HOURS, *values.shape[1:]), -1.0, dtype=values.dtype)
    padded[before : before + len(values)] = np.where(np.isnan(values), -1.0, values)
    return np.asarray(padded.reshape(count, HOURS, *values.shape[1:]).max(axis=1))
