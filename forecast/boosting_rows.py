"""Random rows (issue hour, lead, station) that tree models are trained on.

Takes observations up to a date and future weather, gives columns and targets; knows no model.
"""

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pandas as pd
import xarray as xr

from forecast import features
from forecast.batch import (
    Floats,
    FutureWeather,
    IssueBatch,
    WeatherTier,
    batches,
    leads_of,
    stacked,
)
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, stations_frame

Rows: TypeAlias = tuple[dict[str, Floats], Floats]  # columns per pollutant, targets (row, 6)
_HOUR = pd.Timedelta(hours=1)


def issue_times(
    obs: xr.Dataset, until: pd.Timestamp, *, validation_days: int, gap_hours: int
) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex, pd.DatetimeIndex]:
    """Hourly issue times: all, those for a trial, those for its validation, a gap between them.

    Raises:
        DataError: The record is too short for history, horizon, gap and validation.
    """
    if not obs.sizes["time"]:
        raise DataError([Problem("training data", f"nothing up to {until}", "hourly values")])
    first = pd.Timestamp(obs["time"].values[0]) + features.HOURS_BACK // 2 * _HOUR
    last = pd.Timestamp(obs["time"].values[-1]) - MAX_LEAD * _HOUR
    # A short record gives at most a quarter of itself.
    days = min(validation_days, max((last - first) / (4 * pd.Timedelta(days=1)), 0))
    start = (last - pd.Timedelta(days=days)).ceil("h")
    # Training targets reach MAX_LEAD beyond their issue time.
    end = start - (gap_hours + MAX_LEAD) * _HOUR
    if end - first < pd.Timedelta(days=7):
        found = f"{obs.sizes['time']} hours up to {until}"
        expected = "at least a month: history, horizon, gap and validation"
        raise DataError([Problem("training data", found, expected)])
    every = pd.date_range(first, last, freq="h")
    return every, every[every <= end], every[every >= start]


def draw(
    obs: xr.Dataset,
    times: pd.DatetimeIndex,
    future: FutureWeather,
    tier: WeatherTier,
    offset: pd.Timedelta,
    *,
    wanted: int,
    leads_per_issue: int,
    missing_share: float,
    rng: np.random.Generator,
) -> Rows:
    """About `wanted` random rows: columns per pollutant (row, column), targets (row, pollutant)."""
    stations = stations_frame(obs)
    values = stacked(obs, POLLUTANTS)
    origin = pd.Timestamp(obs["time"].values[0])
    leads_each = min(leads_per_issue, MAX_LEAD)
    mixed = times[rng.permutation(len(times))[:wanted]]  # more hours than rows: not every hour
    share = wanted / (len(mixed) * leads_each * len(stations))
    size = int(np.clip(40_000 // (leads_each * len(stations)), 1, 64))
    columns: dict[str, list[Floats]] = {p: [] for p in POLLUTANTS}
    targets = []
    for batch in batches(obs, mixed, future if tier != "none" else _no_weather, tier=tier,
                         offset=offset, history_hours=features.HOURS_BACK, stations=stations,
                         size=size):  # fmt: skip
        leads = np.sort(rng.choice(MAX_LEAD, leads_each, replace=False)) + 1
        y = leads_of(values, origin, batch.issue_times)[:, leads - 1].reshape(-1, len(POLLUTANTS))
        count = min(len(y), max(1, round(share * len(y))))
        pick = np.sort(rng.choice(len(y), count, replace=False))
        seen = holed(batch, missing_share, rng)
        common, past = features.shared(seen, leads), features.past_of(seen)
        for p in POLLUTANTS:
            columns[p].append(common.beside(features.own(past, p, leads)).matrix()[pick])
        targets.append(y[pick])
    return {p: np.concatenate(c) for p, c in columns.items()}, np.concatenate(targets)


def _no_weather(issue_times: pd.DatetimeIndex) -> Floats | None:  # noqa: ARG001
    return None


def holed(batch: IssueBatch, share: float, rng: np.random.Generator) -> IssueBatch:
    """The batch with holes, so that trees learn what to do without a value.

    In that share of issue times each: the forecast weather from some lead on, the measured
    weather, the whole network's last hours. And that share of histories of single stations.
    """
    n, _, k, _ = batch.history.shape
    history, air = batch.history.copy(), batch.history_weather.copy()
    for i, j in zip(*np.nonzero(rng.random((n, k)) < share), strict=True):
        history[i, :, j] = np.nan
    for i in np.flatnonzero(rng.random(n) < share):
        history[i, -int(rng.integers(1, 24)) :] = np.nan
    air[rng.random(n) < share] = np.nan
    future = batch.future_weather
    if future is not None:
        future = future.copy()
        for i in np.flatnonzero(rng.random(n) < share):
            future[i, int(rng.integers(0, MAX_LEAD)) :] = np.nan
    return replace(batch, history=history, history_weather=air, future_weather=future)
