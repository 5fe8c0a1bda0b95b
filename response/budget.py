"""The year's budget: what is used, what is left, where the year may end, what the next days mean.

Takes a city's daily values (this year's and past years'), members of the next days and targets;
gives a `Budget`. The end of the year is counted on draws: observed days, then a member of the
forecast, then blocks of past years (response/season_blocks.py). Every draw gets its own AQI from
its own concentrations. Days that are not known are not counted as good, nor as heavy; how many
there are is said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import aqi
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS
from forecast.standards import for_date, load
from response import season_blocks
from response.budget_config import (
    METRICS,
    Composite,
    Metric,
    Resampling,
    Target,
    Targets,
    load_composite,
)

Doubles = NDArray[np.float64]
GOOD: Final = 100  # AQI of a good day at most; HJ 633, categories: levels 1 and 2
HEAVY: Final = 200  # AQI above: heavy pollution, levels 5 and 6
QUANTILES: Final = (0.1, 0.5, 0.9)
_FEW: Final = 3  # members with (and without) a heavy day from which the difference is told
MIN_DAYS: Final = 324  # day means of a valid year, GB 3095-2026 table 4
_PM25, _PM10 = POLLUTANTS.index("pm25"), POLLUTANTS.index("pm10")


@dataclass(frozen=True)
class Standing:
    """One target: where it stands and where the year may end."""

    target: Target
    used: float  # this year's value so far: days counted, or the mean / index of the days so far
    left: float | None  # days still to be reached or still allowed; the mean the rest may have
    end: tuple[float, float, float]  # QUANTILES of the year's end
    met: float  # probability that the target is met
    with_heavy: float | None  # the same where the next days bring a heavy day,
    without_heavy: float | None  # and where they do not; None: too few members to say


@dataclass(frozen=True)
class Budget:
    """A year's budget as of a day."""

    targets: Targets
    composite: Composite
    as_of: pd.Timestamp  # last day observed (local date)
    known: int  # days of the year with all six pollutants
    unknown: int  # days so far that lack one or more
    forecast_days: int  # days that rest on the members
    heavy_soon: float | None  # probability of a heavy day among them
    heavy_day_pm25: float | None  # what such days add to the year's PM2.5 mean, ug m-3
    standings: tuple[Standing, ...]
    dates: pd.DatetimeIndex  # of the year
    observed: Mapping[Metric, Doubles]  # running values of the days so far
    fan: Mapping[Metric, Doubles]  # (quantile, day): running values from as_of to the year's end

    def standing(self, metric: Metric) -> Standing:
        """The standing of one target."""
        return next(s for s in self.standings if s.target.metric == metric)


def indices(conc: Doubles, dates: pd.DatetimeIndex) -> Doubles:
    """AQI (..., day) of daily values (..., day, POLLUTANTS), each day by its own edition."""
    out = np.empty(conc.shape[:-1])
    editions = np.array([for_date(d.date()) for d in dates])
    for name in np.unique(editions):
        own = editions == name
        out[..., own] = aqi.daily(np.ascontiguousarray(conc[..., own, :]), load(str(name))).aqi
    return out


def year_values(
    conc: Doubles, dates: pd.DatetimeIndex, composite: Composite
) -> dict[Metric, Doubles]:
    """Values of a year from its days.

    Args:
        conc: (..., day, POLLUTANTS), units of the schema; NaN is missing and left out.
        dates: Local dates of the days.
        composite: Edition of the composite index.

    Returns:
        Metric -> (...,); NaN where no day is known.
    """
    index = indices(conc, dates)
    return {
        "good_days": (index <= GOOD).sum(axis=-1).astype(np.float64),
        "heavy_days": (index > HEAVY).sum(axis=-1).astype(np.float64),
        "pm25_mean": _statistic(conc[..., _PM25], "mean"),
        "pm10_mean": _statistic(conc[..., _PM10], "mean"),
        "composite": composite_index(conc, composite),
    }


def composite_index(conc: Doubles, composite: Composite) -> Doubles:
    """Sum of weight x statistic / limit over the pollutants; dims without day and pollutant.

    Percentiles by HJ 663 app. A: position 1 + (n - 1) p of the sorted days, linear between.
    """
    parts = [
        item.weight * _statistic(conc[..., POLLUTANTS.index(name)], item.statistic) / item.limit
        for name, item in composite.items.items()
    ]
    return np.asarray(np.sum(parts, axis=0))


def _statistic(values: Doubles, which: str) -> Doubles:
    """Mean or percentile over the last dim, missing days left out; NaN without any day."""
    common = ~np.isnan(values).all(axis=tuple(range(values.ndim - 1)))
    values = values[..., common]  # draws share their gaps: the quick way below then holds
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    if np.isnan(values).any():
        if which == "mean":
            return np.asarray(np.nanmean(values, axis=-1))
        return np.asarray(np.nanquantile(values, float(which[1:]) / 100, axis=-1))
    if which == "mean":
        return np.asarray(values.mean(axis=-1))
    return np.asarray(np.quantile(values, float(which[1:]) / 100, axis=-1))


def assess(
    days: pd.DataFrame,
    targets: Targets,
    resampling: Resampling,
    *,
    members: Doubles | None = None,
    members_from: pd.Timestamp | None = None,
) -> Budget:
    """Where the year stands and where it may end.

    Args:
        days: Index = local date, columns POLLUTANTS; every known day of this year and of past
            years, none after the day of the assessment. A day that is not there is missing.
        targets: Of the year; the last day of `days` must lie in it, or end the year before.
        resampling: How the rest is drawn.
        members: (member, day, POLLUTANTS) of the city, D+1 on; None: no forecast.
        members_from: Local date of the first of them, after the last day of `days`.

    Raises:
        ConfigError: The days do not reach into the year, or the members do not follow them.
        DataError: The past holds no complete block for some season.
    """
    grid = pd.date_range(days.index[0], days.index[-1], freq="D")
    table = days.reindex(grid)[list(POLLUTANTS)].astype(float)
    begin, end = pd.Timestamp(targets.year, 1, 1), pd.Timestamp(targets.year, 12, 31)
    last = grid[-1]
    if not begin - pd.Timedelta(days=1) <= last <= end:
        found = f"days to {last:%F}"
        raise ConfigError([Problem("budget", found, f"to a day of {targets.year}")])
    year = pd.date_range(begin, end, freq="D")
    so_far = table.reindex(year[year <= last]).to_numpy()
    rest = year[year > last]
    rng = np.random.default_rng(resampling.seed)
    drawn = season_blocks.draw(table.to_numpy(), grid[0], rest, resampling, rng=rng)
    composite = load_composite(targets.composite)
    used = year_values(so_far, year[: len(so_far)], composite)
    ahead, turn = _ahead(rest, members, members_from)

    def ends(chosen: NDArray[np.bool_] | None) -> tuple[Doubles, dict[Metric, Doubles]]:
        """The whole years, the next days being those of some members; the rest stays."""
        whole = np.empty((len(drawn), len(year), len(POLLUTANTS)))
        whole[:, : len(so_far)] = so_far
        whole[:, len(so_far) :] = drawn
        if members is not None and ahead.any():
            own = members[:, turn] if chosen is None else members[chosen][:, turn]
            whole[:, len(so_far) :][:, ahead] = own[np.arange(len(drawn)) % len(own)]
        return whole, year_values(whole, year, composite)

    whole, final = ends(None)
    heavy: NDArray[np.bool_] = np.zeros(0, dtype=bool)
    with_heavy = without = None
    if members is not None and ahead.any():
        heavy = np.asarray((indices(members[:, turn], rest[ahead]) > HEAVY).any(axis=-1))
        if min(heavy.sum(), (~heavy).sum()) >= _FEW:
            with_heavy, without = ends(heavy)[1], ends(~heavy)[1]
    known = int((~np.isnan(so_far)).all(axis=1).sum())
    more = None
    if with_heavy is not None and without is not None:
        more = float(with_heavy["pm25_mean"].mean() - without["pm25_mean"].mean())
    return Budget(
        targets=targets,
        composite=composite,
        as_of=last,
        known=known,
        unknown=len(so_far) - known,
        forecast_days=int(ahead.sum()),
        heavy_soon=float(heavy.mean()) if len(heavy) else None,
        heavy_day_pm25=more,
        standings=tuple(
            _standing(t, used, final, (with_heavy, without), len(so_far), len(rest))
            for t in targets.targets
        ),
        dates=year,
        observed=_running(so_far[None], year[: len(so_far)]),
        fan=_fan(whole, year, len(so_far)),
    )


def _ahead(
    rest: pd.DatetimeIndex, members: Doubles | None, members_from: pd.Timestamp | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which days to come rest on members, and which days of the members lie in the year."""
    ahead = np.zeros(len(rest), dtype=bool)
    if members is None:
        return ahead, np.zeros(0, dtype=bool)
    gaps = int(np.isnan(members).sum())
    if members_from is None or gaps or (len(rest) and members_from < rest[0]):
        found = f"members from {members_from}, {gaps} missing values"
        raise ConfigError([Problem("budget", found, "complete members after the last day")])
    own = rest.get_indexer(pd.date_range(members_from, periods=members.shape[1], freq="D"))
    ahead[own[own >= 0]] = True
    return ahead, own >= 0


def _standing(
    target: Target,
    used: Mapping[Metric, Doubles],
    final: Mapping[Metric, Doubles],
    alternatives: tuple[Mapping[Metric, Doubles] | None, Mapping[Metric, Doubles] | None],
    past: int,
    rest: int,
) -> Standing:
    values, so_far = final[target.metric], float(used[target.metric])
    left: float | None = None
    if target.metric.endswith("_days"):
        left = target.bound - so_far
    elif target.metric.endswith("_mean") and rest:
        known = 0.0 if np.isnan(so_far) else so_far
        left = (target.bound * (past + rest) - known * past) / rest
    q = np.quantile(values, QUANTILES)
    with_heavy, without = (
        None if v is None else _met(v[target.metric], target) for v in alternatives
    )
    return Standing(
        target=target,
        used=so_far,
        left=left,
        end=(float(q[0]), float(q[1]), float(q[2])),
        met=_met(values, target),
        with_heavy=with_heavy,
        without_heavy=without,
    )


def _met(values: Doubles, target: Target) -> float:
    """Share of draws that meet a target."""
    ok = values >= target.bound if target.at_least is not None else values <= target.bound
    return float(ok.mean())


def _running(conc: Doubles, dates: pd.DatetimeIndex, *, first: int = 0) -> dict[Metric, Doubles]:
    """Running values (draw, day) from position `first` on; not of the composite index."""
    index = indices(conc, dates)
    out: dict[Metric, Doubles] = {
        "good_days": np.cumsum(index <= GOOD, axis=-1)[:, first:].astype(np.float64),
        "heavy_days": np.cumsum(index > HEAVY, axis=-1)[:, first:].astype(np.float64),
    }
    names: tuple[tuple[Metric, int], ...] = (("pm25_mean", _PM25), ("pm10_mean", _PM10))
    for name, p in names:
        there = ~np.isnan(conc[..., p])
        total = np.cumsum(np.where(there, conc[..., p], 0.0), axis=-1)
        count = np.cumsum(there, axis=-1)
        out[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan)[:, first:]
    return out


def _fan(whole: Doubles, year: pd.DatetimeIndex, past: int) -> dict[Metric, Doubles]:
    running = _running(whole, year, first=max(past - 1, 0))
    return {name: np.quantile(x, QUANTILES, axis=0) for name, x in running.items()}


def as_dict(budget: Budget) -> dict[str, Any]:
    """The machine-readable answer; numbers unrounded, null where unknown."""
    return {
        "city": budget.targets.city,
        "year": budget.targets.year,
        "as_of": f"{budget.as_of:%F}",
        "targets_are_assumptions": budget.targets.basis.assumption,
        "days_known": budget.known,
        "days_unknown": budget.unknown,
        "forecast_days": budget.forecast_days,
        "heavy_day_probability": budget.heavy_soon,
        "heavy_days_add_pm25": budget.heavy_day_pm25,
        "standings": {
            s.target.metric: {
                "target": s.target.bound,
                "used": None if np.isnan(s.used) else s.used,
                "left": s.left,
                "end_p10": s.end[0],
                "end_p50": s.end[1],
                "end_p90": s.end[2],
                "probability_met": s.met,
                "with_heavy_day": s.with_heavy,
                "without_heavy_day": s.without_heavy,
            }
            for s in sorted(budget.standings, key=lambda s: METRICS.index(s.target.metric))
        },
    }
