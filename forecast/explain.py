"""What drives a forecast, and what followed when it was like this before.

Takes any forecaster, the batch of one issue time and the record before it; gives contributions of
groups of inputs that add up exactly to forecast minus baseline, and similar past episodes. Knows no
model: each group is replaced by what is usual for the season (Shapley values over sampled orders:
Strumbelj and Kononenko 2014, Knowl. Inf. Syst. 41, 647-665). A contribution says what the
forecaster does with its inputs, not what causes pollution.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import areas, calendar, features, timing
from forecast.batch import Floats, Forecaster, IssueBatch, leads_of, stacked
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, WEATHER

GROUPS: Final = ("levels", "neighbours", "wind", "mixing", "temperature", "front", "calendar")
_WEATHER: Final = {
    "wind": ("u10", "v10"), "mixing": ("blh", "ssrd"), "temperature": ("t2m", "d2m"),
    "front": ("sp", "tp"),
}  # fmt: skip
_SEASON_DAYS: Final = 45
_DAY: Final = pd.Timedelta(days=1)
_HOUR: Final = pd.Timedelta(hours=1)
_DAYS: Final = 3
_FESTIVAL_DAYS: Final = 20  # an ordinary week is at least so far from the Spring Festival
_APART: Final = 5  # days between two similar episodes


@dataclass(frozen=True)
class Explanation:
    """Of one issue time and pollutant; days are D+1 .. D+3, units of the schema."""

    pollutant: str
    groups: tuple[str, ...]  # those of GROUPS that this batch has
    forecast: Floats  # (day,) median of the city's hours, averaged: indicative
    baseline: Floats  # (day,) the same with every group as usual for the season
    contributions: Floats  # (group, day): their sum over groups is forecast - baseline


@dataclass(frozen=True)
class Episode:
    """A past issue time like the present one, and what was then measured."""

    issue_time: pd.Timestamp  # naive UTC
    distance: float  # root mean square of standardised differences
    # City means of D+1 .. D+3 (o3: greatest 8-h mean); None = not enough hours
    followed: tuple[float | None, ...]


def explain(
    forecaster: Forecaster,
    batch: IssueBatch,
    record: xr.Dataset,
    *,
    pollutant: str = "pm25",
    orders: int = 6,
    seed: int = 0,
) -> Explanation:
    """Contributions of groups of inputs to the city's daily value.

    Args:
        forecaster: Any.
        batch: Of one issue time.
        record: Observations (schema dataset, batch's stations); hours after the issue time are
            not looked at.
        pollutant: One of POLLUTANTS.
        orders: How many orders of the groups are averaged, each with its reverse.
        seed: Of the orders.

    Raises:
        DataError: The batch is not of one issue time, or the record holds nothing before it.
    """
    if len(batch.issue_times) != 1:
        found = f"{len(batch.issue_times)} issue times"
        raise DataError([Problem("explanation", found, "one issue time")])
    usual = _usual(batch, record)
    groups = tuple(g for g in GROUPS if _present(batch, g))
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(len(groups)) for _ in range(max(1, orders // 2))]
    both = [o for one in drawn for o in (one, one[::-1])]
    # A path begins with everything usual and puts the groups back one by one.
    paths = [[frozenset(o[:k].tolist()) for k in range(len(groups) + 1)] for o in both]
    needed = list(dict.fromkeys(c for path in paths for c in path))
    mixed = _joined([_mixed(batch, usual, {groups[i] for i in c}) for c in needed])
    values = dict(zip(needed, _daily(forecaster.quantiles(mixed), batch, pollutant), strict=True))
    total = np.zeros((len(groups), _DAYS))
    for order, path in zip(both, paths, strict=True):
        for k, group in enumerate(order):
            total[group] += values[path[k + 1]] - values[path[k]]
    every, nothing = frozenset(range(len(groups))), frozenset[int]()
    return Explanation(
        pollutant, groups, values[every].astype(np.float32), values[nothing].astype(np.float32),
        (total / len(both)).astype(np.float32),
    )  # fmt: skip


def representative(
    batch: IssueBatch, record: xr.Dataset, count: int
) -> tuple[IssueBatch, xr.Dataset]:
    """Batch and record of at most `count` stations: the cost of an explanation grows with them.

    Stations that make the city value come first (at most two thirds of `count`, evenly through the
    register, where there are others), then others, evenly through the register, which is by tier.
    """
    rows = np.arange(len(batch.stations))
    if len(rows) <= count:
        return batch, record
    city = _city(batch.stations)
    own, others = rows[city], rows[~city]
    first = _evenly(own, min(len(own), max(2 * count // 3, count - len(others))))
    kept = np.sort(np.concatenate([first, _evenly(others, count - len(first))]))
    future = batch.future_weather
    few = replace(
        batch, stations=batch.stations.iloc[kept], history=batch.history[:, :, kept],
        history_weather=batch.history_weather[:, :, kept],
        future_weather=None if future is None else future[:, :, kept],
    )  # fmt: skip
    return few, record.isel(station=kept)


def _evenly(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    at = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return np.asarray(rows[at], dtype=np.int64)


def episodes(
    batch: IssueBatch, record: xr.Dataset, *, pollutant: str = "pm25", count: int = 3
) -> tuple[Episode, ...]:
    """Past issue times most like the present one, nearest first.

    Compared are the city's levels of the last day and, where the batch has weather, its means of
    four days, against weather then measured; standardised over the past. What followed ends before
    the present issue time. Fewer than `count` where the record is short.
    """
    issue = batch.issue_times[0]
    seen = record.sel(time=slice(None, issue))
    values, air = stacked(seen, POLLUTANTS), stacked(seen, WEATHER)
    if not len(values):
        return ()
    origin = pd.Timestamp(seen["time"].values[0])
    last = issue - (MAX_LEAD + 1) * _HOUR
    first = origin + 24 * _HOUR
    times = pd.date_range(issue - ((issue - first) // _DAY) * _DAY, last, freq=_DAY)
    if not len(times):
        return ()
    town = features.city_mean(values[None], batch.stations)[0, :, 0]
    now = features.mean(features.city_mean(batch.history[:, -24:], batch.stations)[:, :, 0])
    at = ((times - origin) // _HOUR).to_numpy()
    then = features.mean(town[at[:, None] - np.arange(24)[None, :]])
    if batch.future_weather is not None:
        sky = features.city_mean(air[None], batch.stations)[0, :, 0]
        ahead = leads_of(sky, origin, times).reshape(len(times), 4, 24, -1)
        coming = features.city_mean(batch.future_weather, batch.stations)[:, :, 0]
        coming = coming.reshape(1, 4, 24, -1)
        then = np.concatenate([then, features.mean(ahead, axis=2).reshape(len(times), -1)], axis=1)
        now = np.concatenate([now, features.mean(coming, axis=2).reshape(1, -1)], axis=1)
    known = np.isfinite(now[0]) & (np.isfinite(then).mean(axis=0) > 0.5)
    if not known.any():
        return ()
    there = then[:, known]
    std = np.maximum(np.nanstd(there, axis=0), 1e-6)
    gap = (there - now[:, known]) / std
    distance = np.sqrt(features.mean(gap**2))
    distance[np.isfinite(gap).mean(axis=1) < 0.8] = np.nan
    return _nearest(times, distance, town, origin, batch, count, pollutant)


def _nearest(
    times: pd.DatetimeIndex, distance: Floats, town: Floats, origin: pd.Timestamp,
    batch: IssueBatch, count: int, pollutant: str,
) -> tuple[Episode, ...]:  # fmt: skip
    found: list[Episode] = []
    for k in np.argsort(distance):
        if len(found) == count or not np.isfinite(distance[k]):
            break
        if any(abs(times[k] - e.issue_time) < _APART * _DAY for e in found):
            continue
        hours = leads_of(town[:, POLLUTANTS.index(pollutant)], origin, times[k : k + 1])[0]
        days = [hours[rows] for rows in _day_rows(times[k], batch.offset)]
        followed = tuple(_measured(d, pollutant) for d in days)
        found.append(Episode(times[k], float(distance[k]), followed))
    return tuple(found)


def _measured(hours: Floats, pollutant: str) -> float | None:
    """Mean of a day's hours (24,), or the greatest 8-h mean of ozone; None: too few hours."""
    if np.isfinite(hours).sum() < 18:
        return None
    if pollutant != "o3":
        return float(np.nanmean(hours))
    windows = np.lib.stride_tricks.sliding_window_view(hours, 8)
    whole = windows[np.isfinite(windows).sum(axis=1) >= 6]
    return float(np.nanmean(whole, axis=1).max()) if len(whole) else None


def _present(batch: IssueBatch, group: str) -> bool:
    if group == "neighbours":
        city = _city(batch.stations)
        return bool((~city).any())
    return group not in _WEATHER or batch.future_weather is not None


def _usual(batch: IssueBatch, record: xr.Dataset) -> IssueBatch:
    """The batch with each hour as usual at that hour of the day in the season, up to the issue."""
    issue = batch.issue_times[0]
    seen = record.sel(time=slice(None, issue))
    if not seen.sizes["time"]:
        raise DataError([Problem("explanation", f"no record before {issue} UTC", "readings")])
    times = pd.DatetimeIndex(seen["time"].values)
    apart = (times.day_of_year - issue.day_of_year).to_numpy()
    near = np.abs((apart + 182.625) % 365.25 - 182.625) <= _SEASON_DAYS
    hour = times.hour.to_numpy()
    values, air = stacked(seen, POLLUTANTS), stacked(seen, WEATHER)
    by_hour = [
        np.stack([features.mean(v[near & (hour == h)], axis=0) for h in range(24)])
        for v in (values, air)
    ]
    back = batch.history.shape[1]
    past = (issue.hour - np.arange(back - 1, -1, -1)) % 24
    ahead = (issue.hour + np.arange(1, MAX_LEAD + 1)) % 24
    return replace(
        batch,
        issue_times=pd.DatetimeIndex([issue + _ordinary(issue, batch.offset) * _DAY]),
        history=by_hour[0][past][None],
        history_weather=by_hour[1][(past[-batch.history_weather.shape[1] :])][None],
        future_weather=None if batch.future_weather is None else by_hour[1][ahead][None],
    )


def _ordinary(issue: pd.Timestamp, offset: pd.Timedelta) -> int:
    """Days to the nearest issue whose four days are working days away from the festival."""
    day = timing.to_local(issue, offset).floor("D")
    for shift in sorted(range(-35, 36), key=abs):
        days = [(day + (shift + k) * _DAY).date() for k in range(4)]
        gap = abs((days[0] - calendar.spring_festival(days[0].year)).days)
        if gap > _FESTIVAL_DAYS and all(map(calendar.is_working, days)):
            return shift
    return 0


def _mixed(batch: IssueBatch, usual: IssueBatch, real: set[str]) -> IssueBatch:
    """Groups in `real` from the batch, the others as usual."""
    city = _city(batch.stations)
    history = usual.history.copy()
    for name, rows in (("levels", city), ("neighbours", ~city)):
        if name in real:
            history[:, :, rows] = batch.history[:, :, rows]
    air = usual.history_weather.copy()
    future = None if usual.future_weather is None else usual.future_weather.copy()
    for name, variables in _WEATHER.items():
        at = [WEATHER.index(v) for v in variables]
        if name in real or batch.future_weather is None:
            air[..., at] = batch.history_weather[..., at]
            if future is not None and batch.future_weather is not None:
                future[..., at] = batch.future_weather[..., at]
    times = batch.issue_times if "calendar" in real else usual.issue_times
    return replace(
        batch, issue_times=times, history=history, history_weather=air, future_weather=future
    )


def _joined(parts: Sequence[IssueBatch]) -> IssueBatch:
    future = [p.future_weather for p in parts if p.future_weather is not None]
    return replace(
        parts[0],
        issue_times=pd.DatetimeIndex([p.issue_times[0] for p in parts]),
        history=np.concatenate([p.history for p in parts]),
        history_weather=np.concatenate([p.history_weather for p in parts]),
        future_weather=np.concatenate(future) if future else None,
    )


def _daily(quantiles: Floats, batch: IssueBatch, pollutant: str) -> NDArray[np.float64]:
    """(n, day): mean of the city's median hours; greatest 8-h mean of ozone."""
    which = quantiles[..., POLLUTANTS.index(pollutant), QUANTILES.index(0.5)]
    hours = which[:, :, _city(batch.stations)].mean(axis=2).astype(np.float64)
    days = [hours[:, rows] for rows in _day_rows(batch.issue_times[0], batch.offset)]
    if pollutant == "o3":
        windows = [np.lib.stride_tricks.sliding_window_view(d, 8, axis=1) for d in days]
        return np.stack([w.mean(axis=-1).max(axis=1) for w in windows], axis=1)
    return np.stack([d.mean(axis=1) for d in days], axis=1)


def _day_rows(issue: pd.Timestamp, offset: pd.Timedelta) -> list[slice]:
    """Rows (lead - 1) of the natural days D+1 .. D+3."""
    last = timing.last_lead(issue, offset)
    return [slice(last - 24 * (_DAYS - d), last - 24 * (_DAYS - 1 - d)) for d in range(_DAYS)]


def _city(stations: pd.DataFrame) -> NDArray[np.bool_]:
    """Stations that make the city value; all where none does."""
    made = areas.points(stations)
    return made if made.any() else np.ones(len(stations), dtype=bool)
