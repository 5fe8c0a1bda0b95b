"""Tables by season and hour of the day: what climatology and persistence rest on.

Takes hourly values, gives summaries (season, hour, row): rows are stations, areas, the network.
A season is one of SEASONS parts of the year; its summary rests on the days around its centre,
of all years, and in a short record on the nearest days there are.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.batch import Floats, stacked
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES

SEASONS = 24  # centres of the windows in the year
WINDOW_DAYS = 20  # each side of a centre
NEIGHBOUR_HOURS = 1  # each side of an hour of the day
MIN_DAYS = 14  # fewer days in a window: the nearest days of the year beside them
ALL_LEADS = np.arange(1, MAX_LEAD + 1)
_YEAR = 365.25
_HOUR = pd.Timedelta(hours=1)


def by_day(
    obs: xr.Dataset, until: pd.Timestamp, offset: pd.Timedelta
) -> tuple[Floats, pd.Timestamp]:
    """Values (natural day, 24, station, POLLUTANTS) up to `until`, and the first day (local)."""
    kept = obs.sel(time=slice(None, until))
    if not kept.sizes["time"] or not kept.sizes["station"]:
        found = f"no value up to {until} UTC"
        raise DataError([Problem("training data", found, "hours of at least one station")])
    values = stacked(kept, POLLUTANTS)
    first = pd.Timestamp(kept["time"].values[0]) + offset - _HOUR
    day = first.normalize()
    before = int((first - day) / _HOUR)
    days = -(-(before + len(values)) // 24)
    out = np.full((days * 24, *values.shape[1:]), np.nan, dtype=np.float32)
    out[before : before + len(values)] = values
    return out.reshape(days, 24, *values.shape[1:]), day


def season_hour(
    stamps: "pd.DatetimeIndex | NDArray[np.datetime64]", offset: pd.Timedelta
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Season (0..SEASONS-1) and hour of the day (0..23) that an end-of-hour stamp belongs to."""
    began = np.asarray(stamps, dtype="datetime64[ns]") + (offset - _HOUR).to_timedelta64()
    day = began.astype("datetime64[D]")
    hour = (began.astype("datetime64[h]") - day).astype(np.int64)
    season = (_day_of_year(day) / _YEAR * SEASONS).astype(np.int64) % SEASONS
    return season, hour


def _day_of_year(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return np.asarray((days - days.astype("datetime64[Y]")).astype(np.int64))


def valid_times(issue_times: pd.DatetimeIndex) -> NDArray[np.datetime64]:
    """Stamps (issue, lead)."""
    issues = issue_times.to_numpy().astype("datetime64[ns]")
    return np.asarray(issues[:, None] + ALL_LEADS[None, :] * np.timedelta64(1, "h"))


def _window(first: pd.Timestamp, days: int, season: int) -> NDArray[np.int64]:
    """Days of the record within WINDOW_DAYS of a season's centre; at least the nearest MIN_DAYS."""
    dates = np.datetime64(first, "D") + np.arange(days)
    gap = np.abs(_day_of_year(dates) - (season + 0.5) / SEASONS * _YEAR)
    gap = np.minimum(gap, _YEAR - gap)
    reach = max(WINDOW_DAYS, np.sort(gap)[min(MIN_DAYS, days) - 1])
    return np.flatnonzero(gap <= reach)


def season_table(
    days: Floats,
    first: pd.Timestamp,
    stations: pd.DataFrame,
    areas: tuple[str, ...],
    summary: Callable[[Floats], Floats],
) -> Floats:
    """A summary of the days of each season, by hour: (season, hour, row, POLLUTANTS, ...).

    Rows are the stations, the areas, the network. Where a station has too little, its area
    speaks for it, then the network, then the other hours and seasons.
    """
    seen: dict[bytes, Floats] = {}
    tables = []
    for season in range(SEASONS):
        chosen = _window(first, len(days), season)
        key = chosen.tobytes()
        if key not in seen:  # a short record: many seasons rest on the same days
            seen[key] = _with_areas(_by_hour(days[chosen], summary), stations, areas)
        tables.append(seen[key])
    table = np.stack(tables)
    for axis in (0, 1):
        table = np.where(np.isnan(table), mean(table, axis=axis, keepdims=True), table)
    return np.where(np.isnan(table), table[:, :, -1:], table).astype(np.float32)


def _by_hour(days: Floats, summary: Callable[[Floats], Floats]) -> Floats:
    near = range(-NEIGHBOUR_HOURS, NEIGHBOUR_HOURS + 1)
    hours = [summary(np.concatenate([days[:, (h + d) % 24] for d in near])) for h in range(24)]
    return np.stack(hours)


def _with_areas(own: Floats, stations: pd.DataFrame, areas: tuple[str, ...]) -> Floats:
    """(hour, station, ...) -> (hour, station + area + 1, ...), stations filled from areas."""
    where = stations["area"].astype(str).to_numpy()
    network = mean(own, axis=1, keepdims=True)
    by_area = [mean(own[:, where == a], axis=1, keepdims=True) for a in areas]
    by_area = [np.where(np.isnan(a), network, a) for a in by_area]
    filled = own.copy()
    for a, values in zip(areas, by_area, strict=True):
        part = own[:, where == a]
        filled[:, where == a] = np.where(np.isnan(part), values, part)
    return np.concatenate([filled, *by_area, network], axis=1)


def mean(values: Floats, axis: int = 0, *, keepdims: bool = False) -> Floats:
    """Mean of known values, NaN where none is known."""
    known = np.isfinite(values)
    n = known.sum(axis=axis, keepdims=keepdims)
    total = np.where(known, values, 0.0).sum(axis=axis, keepdims=keepdims)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan).astype(np.float32)


def quantiles_of(values: Floats, least: int) -> Floats:
    """QUANTILES over dim 0 in a new last dim; NaN where fewer than `least` values are known.

    Plotting positions i / (n + 1) (Weibull), which do not understate the tails of few values.
    """
    if not len(values):
        return np.full((*values.shape[1:], len(QUANTILES)), np.nan, dtype=np.float32)
    ordered = np.sort(values, axis=0)  # NaN last
    n = np.isfinite(values).sum(axis=0)
    at = np.clip(np.array(QUANTILES) * (n[..., None] + 1) - 1, 0, np.maximum(n - 1, 0)[..., None])
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(n - 1, 0)[..., None])
    a, b = (np.take_along_axis(ordered, np.moveaxis(i, -1, 0), axis=0) for i in (low, high))
    found = np.moveaxis(a, 0, -1) * (1 - (at - low)) + np.moveaxis(b, 0, -1) * (at - low)
    return np.where(n[..., None] >= max(least, 1), found, np.nan).astype(np.float32)
