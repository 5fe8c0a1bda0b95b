"""Measurements of a run -> what a bulletin shows of the past and of single stations.

Everything ends at the issue time. A gap stays a gap: None.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import aqi, areas, standards, timing, validity
from forecast.batch import stacked
from forecast.schema import POLLUTANTS, QUANTILES, stations_frame
from forecast.standards import Standard
from serving.bulletin.content import DataHealth, History, ObservedDay, Series, Station

Floats = NDArray[np.floating[Any]]
PAST_HOURS: Final = 72
PAST_DAYS: Final = 5
FRESH_HOURS: Final = 3  # an older reading is not "now"
RUN_UP: Final = validity.HOURS - 1  # hours before the first that a 24-h mean needs


def issue_day(issue: pd.Timestamp, offset: pd.Timedelta) -> pd.Timestamp:
    """Local date of the natural day an issue time lies in or closes."""
    return timing.natural_day(pd.DatetimeIndex([issue]), offset)[0]


def past(obs: xr.Dataset, issue: pd.Timestamp) -> NDArray[np.float32]:
    """(hour, station, POLLUTANTS) on a complete grid that ends at the issue time."""
    hours = max(PAST_HOURS + RUN_UP, (PAST_DAYS + 1) * validity.HOURS)
    grid = pd.date_range(end=issue, periods=hours, freq="h")
    have = pd.DatetimeIndex(obs["time"].values).as_unit("ns")
    rows = have.get_indexer(grid.as_unit("ns"))
    values = stacked(obs.isel(time=np.maximum(rows, 0)) if len(have) else obs, POLLUTANTS)
    if not len(have):
        return np.full((hours, *values.shape[1:]), np.nan, dtype=np.float32)
    values[rows < 0] = np.nan
    return values


def city(past: Floats, table: pd.DataFrame) -> Floats:
    """City value by hour (hour, POLLUTANTS); NaN where too few points are valid."""
    return areas.area_mean(past, table) if areas.points(table).any() else past[:, 0] * np.nan


def history(city: Floats, issue: pd.Timestamp) -> History:
    """Hourly values of the last 72 hours."""
    times = tuple(pd.date_range(end=issue, periods=PAST_HOURS, freq="h"))
    recent = city[-PAST_HOURS:]
    return History(times, {n: series(recent[:, p]) for p, n in enumerate(POLLUTANTS)})


def observed_days(
    city: Floats, issue: pd.Timestamp, offset: pd.Timedelta, standard: str
) -> tuple[ObservedDay, ...]:
    """The last complete natural days, oldest first."""
    into = (issue + offset).hour  # hours of the running day; 0: the issue closes its day
    end = len(city) - into
    means = validity.daily_from_hourly(
        city[end - PAST_DAYS * validity.HOURS : end], first_hour=1, axis=0
    )
    last = issue_day(issue, offset) - pd.Timedelta(days=1 if into else 0)
    days = []
    for back in range(PAST_DAYS):
        date = last - pd.Timedelta(days=PAST_DAYS - 1 - back)
        index = aqi.daily(means[back], standards.resolve(standard, date.date()))
        value = float(index.aqi)
        known = np.isfinite(value)
        primary = aqi.primary_names(int(index.primary)) if known else ()
        days.append(ObservedDay(date, int(value) if known else None, primary))
    return tuple(days)


def stations(
    past: Floats, quantiles: Floats | None, table: pd.DataFrame, issue: pd.Timestamp,
    offset: pd.Timedelta, used: Sequence[Standard], standard: str,
) -> tuple[Station, ...]:  # fmt: skip
    """Every station with its newest hourly index and the index of its median forecast.

    Args:
        past: (hour, station, POLLUTANTS), ends at the issue time.
        quantiles: (lead, station, POLLUTANTS, QUANTILES) or None.
        table: The stations, in the same order.
        used: Edition of the index for each day ahead.
        standard: What the config names, for today.
    """
    today = standards.resolve(standard, issue_day(issue, offset).date())
    readings = np.asarray(aqi.hourly(past[-FRESH_HOURS:], today).aqi)  # (hour, station)
    known = np.asarray(np.isfinite(readings))
    newest = FRESH_HOURS - 1 - np.argmax(known[::-1], axis=0)
    now = np.where(known.any(axis=0), readings[newest, np.arange(len(table))], np.nan)
    ahead = np.full((timing.DAYS, len(table)), np.nan)
    if quantiles is not None:
        medians = quantiles[..., QUANTILES.index(0.5)]
        for d, (first, last) in enumerate(timing.day_leads(issue, offset)):
            means = validity.day_values(medians[first - 1 : last], axis=0)
            ahead[d] = aqi.daily(means, used[d]).aqi
    columns = zip(
        table.index, table["name"], table["tier"], table["longitude"], table["latitude"],
        table["reference"], now, newest, ahead.T, strict=True,
    )  # fmt: skip
    return tuple(
        Station(
            str(code), str(name), str(tier), float(lon), float(lat), bool(reference), _whole(value),
            issue - pd.Timedelta(hours=int(FRESH_HOURS - 1 - hour)) if value == value else None,
            tuple(_whole(v) for v in days),
        )
        for code, name, tier, lon, lat, reference, value, hour, days in columns
    )  # fmt: skip


def data_health(obs: xr.Dataset, issue_time: pd.Timestamp) -> DataHealth:
    """Which stations sent at least one value in the 24 hours before the issue time."""
    table = stations_frame(obs)
    there = np.asarray(np.isfinite(past(obs, issue_time)[-validity.HOURS :]))
    reports = np.asarray(there.any(axis=(0, 2)), dtype=bool).reshape(-1)
    tiers = table["tier"].to_numpy()
    by_tier = tuple(
        (tier, int(reports[tiers == tier].sum()), int((tiers == tier).sum()))
        for tier in dict.fromkeys(tiers.tolist())
    )
    missing = float(1 - there.mean()) if there.size else None
    return DataHealth(len(table), int(reports.sum()), by_tier, missing)


def with_flags(health: DataHealth, *, suspect: float, fail: float) -> DataHealth:
    """The same with the shares of suspect and failed values."""
    return replace(health, suspect_share=suspect, fail_share=fail)


def series(values: Floats) -> Series:
    """Numbers, None where NaN."""
    return tuple(float(v) if np.isfinite(v) else None for v in values)


def _whole(value: float) -> int | None:
    return int(value) if np.isfinite(value) else None
