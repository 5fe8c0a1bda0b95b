"""Quantiles of single hours -> members: trajectories that keep time, place and pollutant together.

Takes quantiles of one issue time and templates, trajectories that really happened; gives members
whose hourly margins are the quantiles and whose ranks are the templates' (Schaake shuffle: Clark
et al. 2004, J. Hydrometeorol. 5, 243-262). Knows no model and no index.

Why the members can be trusted: their margins are the forecaster's own quantiles, hour by hour, and
their order is that of days that happened, so an episode that lasts, covers the city and raises
PM2.5 with CO and NO2 does so within a member. Whether that is the dependence of forecast errors
is a question of measurement. Beijing, trees with perfect weather trained to 2014-08, 163 issue
times 2014-09..2015-02, share of city daily means inside the members' 80 % interval on days 1/2/3:

    templates                          PM2.5         PM10          NO2           O3
    observed trajectories              .84 .84 .82   .80 .77 .78   .86 .85 .86   .94 .91 .89
    errors of damped persistence       .82 .84 .83   .77 .78 .78   .86 .86 .85   .89 .88 .88
    errors of the trees in training    .58 .54 .47   .42 .45 .39   .39 .39 .43   .58 .55 .58
    independent hours                  .09 .06 .07   .09 .10 .07   .07 .09 .12   .14 .09 .16

Observed trajectories need no past forecasts and have the same CRPS as the errors of persistence
(PM2.5 17.0 17.3 19.3 ug m-3 against 17.1 17.2 19.3), so they are what is drawn from. Afterwards,
on 234 issue times 2015-03..2016-02 (trees trained to 2015-02, their quantiles widened): PM2.5 .91
.89 .92 with perfect weather, .75 .72 .76 without any. What weather explains is no error, so the
better the weather, the more the dependence is overstated and the members are on the wide side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.batch import Floats, WeatherTier, stacked
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, stations_frame

# Where too few trajectories are alike, the rule is loosened: hours of the day, days of the year.
ALIKE = ((0, 45), (1, 45), (3, 45), (3, 90), (12, 90), (12, 183))
GAP_HOURS = 12  # a longer gap of the whole network stays one
_N = len(POLLUTANTS)
_BLOCK = 40_000  # columns shuffled at a time
_HOUR = pd.Timedelta(hours=1)
_MOST_MEMBERS = 1 << 16  # so many orders are packed beside a value


class Dependence(Protocol):
    """A way to give quantiles of single hours their dependence in time, place and pollutant."""

    def members(
        self, quantiles: Floats, *, issue_time: pd.Timestamp, count: int, seed: int,
        stations: pd.DataFrame, tier: WeatherTier,
    ) -> Floats:  # fmt: skip
        """Quantiles (lead, station, POLLUTANTS, QUANTILES) -> (member, lead, station, p)."""


@dataclass(frozen=True)
class TemplateLibrary:
    """Trajectories to draw from: every hour of the record starts one of MAX_LEAD hours."""

    origin: pd.Timestamp  # of the first row, UTC
    offset: pd.Timedelta
    stations: tuple[str, ...]
    values: Floats  # (hour, station, POLLUTANTS), gaps filled where the network knew something

    @classmethod
    def build(cls, obs: xr.Dataset, until: pd.Timestamp, offset: pd.Timedelta) -> "TemplateLibrary":
        """Cut a library out of observations.

        A gap takes the network's mean of the hour times the station's ratio to it so far; where
        nobody reported, the last value for up to GAP_HOURS. What stays NaN is handled by
        `members`.

        Args:
            obs: Schema dataset on a complete hourly grid, NaN = missing.
            until: Last hour used (naive UTC).
            offset: Local time minus UTC.

        Raises:
            DataError: No hour up to `until`.
        """
        kept = obs.sel(time=slice(None, until))
        if not kept.sizes["time"]:
            raise DataError([Problem("templates", f"no hour up to {until}", "observations")])
        names = tuple(stations_frame(kept).index.astype(str))
        values = _filled(stacked(kept, POLLUTANTS))
        return cls(pd.Timestamp(kept["time"].values[0]), offset, names, values)

    def draw(self, issue_time: pd.Timestamp, members: int, seed: int) -> Floats:
        """Trajectories that resemble the days after an issue time and ended before it.

        Same local hour of issue and season within 45 days, of any year; where these are fewer
        than `members`, the ladder ALIKE; where the record has fewer at all, some come twice.

        Returns:
            (member, lead, station, POLLUTANTS); all NaN where no trajectory had ended yet.
        """
        rng = generator(seed, issue_time)
        starts = self._starts(issue_time, members)
        if not len(starts):
            shape = (members, MAX_LEAD, len(self.stations), _N)
            return np.full(shape, np.nan, dtype=np.float32)
        rounds = -(-members // len(starts))
        order = np.concatenate([rng.permutation(starts) for _ in range(rounds)])[:members]
        return self.values[order[:, None] + np.arange(1, MAX_LEAD + 1)[None, :]]

    def members(
        self, quantiles: Floats, *, issue_time: pd.Timestamp, count: int, seed: int,
        stations: pd.DataFrame,  # noqa: ARG002 - the library's own, in the register's order
        tier: WeatherTier,  # noqa: ARG002 - what happened does not depend on it
    ) -> Floats:  # fmt: skip
        """Members of one issue time from observed trajectories: see `members` of this module."""
        drawn = self.draw(issue_time, count, seed)
        return members(quantiles, drawn, issue_time=issue_time, seed=seed)

    def _starts(self, issue_time: pd.Timestamp, members: int) -> NDArray[np.int64]:
        """Rows of the issue times of the trajectories that are alike."""
        issue = int((issue_time - self.origin) / _HOUR)
        rows = np.arange(-1, min(issue, len(self.values) - 1) - MAX_LEAD + 1)
        off_hour = np.abs((rows - issue + 12) % 24 - 12)
        days = self.origin.day_of_year + rows / 24 - issue_time.day_of_year
        off_season = np.abs((days + 365.25 / 2) % 365.25 - 365.25 / 2)
        found = rows[:0]
        for hours, season in ALIKE:
            found = rows[(off_hour <= hours) & (off_season <= season)]
            if len(found) >= members:
                break
        return np.asarray(found)


def members(quantiles: Floats, templates: Floats, *, issue_time: pd.Timestamp, seed: int) -> Floats:
    """Give quantiles the rank order of templates.

    Member r of M (by rank) has the value of the quantile function at (r - 0.5) / M: linear
    between the known quantiles; beyond them the exponential tail through the two outermost ones
    (the value goes on with the log of the probability left), never below 0. A template's
    missing value takes the rank its member has on average in what is known of that pollutant
    (then of all), so it goes with its episode; ties
    fall by one random order of the members.

    Args:
        quantiles: (lead, station, POLLUTANTS, QUANTILES); NaN stays NaN in every member.
        templates: (member, lead, station, POLLUTANTS), NaN = missing.
        issue_time: With the seed, decides ties.
        seed: Same seed and issue time: same members.

    Returns:
        (member, lead, station, POLLUTANTS), float32.

    Raises:
        ConfigError: The shapes do not fit each other.
    """
    count = len(templates)
    if quantiles.shape != (*templates.shape[1:], len(QUANTILES)) or not 0 < count <= _MOST_MEMBERS:
        found = f"quantiles {quantiles.shape}, templates {templates.shape}"
        expected = "(lead, station, 6, 9) and (member, lead, station, 6)"
        raise ConfigError([Problem("members", found, expected)])
    to_members = weights(count)
    flat = quantiles.reshape(-1, len(QUANTILES))
    shape = templates.reshape(count, -1)
    rng = generator(seed, issue_time)
    spare = _spare_ranks(templates, rng) if np.isnan(templates).any() else None
    out = np.empty((count, len(flat)), dtype=np.float32)
    for part in _blocks(len(flat)):
        block = np.ascontiguousarray(shape[:, part].T, dtype=np.float32)  # (column, member)
        if spare is not None:
            gaps = np.isnan(block)
            if gaps.any():
                block = _with_spare(block, gaps, spare[:, part].T)
        order = _order(block, rng)
        values = np.maximum(flat[part] @ to_members, 0)
        # Quantiles rise, weights do not: rounding must not swap neighbours.
        np.maximum.accumulate(values, axis=1, out=values)
        shuffled = np.empty_like(values)
        np.put_along_axis(shuffled, order, values, axis=1)
        out[:, part] = shuffled.T
    return out.reshape(templates.shape)


def generator(seed: int, issue_time: pd.Timestamp) -> np.random.Generator:
    """The random numbers of one issue time; the same whatever ran before."""
    hours = int((issue_time - pd.Timestamp("1970-01-01")) / _HOUR)
    return np.random.default_rng([seed, hours])


def probabilities(count: int) -> NDArray[np.float64]:
    """Probabilities (rank - 0.5) / M of M members."""
    return (np.arange(count) + 0.5) / count


def weights(count: int) -> Floats:
    """Matrix (QUANTILES, member) that makes values at `probabilities` of quantiles."""
    q, p = np.array(QUANTILES), probabilities(count)
    unit = np.eye(len(q))
    weights = np.stack([np.interp(p, q, row) for row in unit])
    low, high = p < q[0], p > q[-1]
    down = np.log(q[0] / p[low]) / np.log(q[1] / q[0])
    up = np.log((1 - q[-1]) / (1 - p[high])) / np.log((1 - q[-2]) / (1 - q[-1]))
    weights[:, low] = unit[:, :1] + down * (unit[:, :1] - unit[:, 1:2])
    weights[:, high] = unit[:, -1:] + up * (unit[:, -1:] - unit[:, -2:-1])
    return weights.astype(np.float32)


def _order(block: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Members by value (column, member), without NaN; ties by one random order of the members.

    Tied members keep one order over hours and stations, as values that are alike for a while
    would. The order is packed behind the value, because sorting whole numbers is several times
    faster than a stable argsort of floats.
    """
    count = block.shape[1]
    mixed = rng.permutation(count)
    bits = (block[:, mixed] + np.float32(0)).view(np.int32)  # + 0: no negative zero
    bits ^= (bits >> 31) & 0x7FFFFFFF  # negative floats count downwards
    keys = (bits.astype(np.int64) << 16) | np.arange(count)
    keys.sort(axis=1)
    return np.asarray(mixed[keys & 0xFFFF])


def _spare_ranks(templates: Floats, rng: np.random.Generator) -> Floats:
    """Ranks (0..1) for missing template values: (member, lead x station x pollutant).

    The member's mean rank in the pollutant at that lead over stations; else over all leads and
    stations of the pollutant; else over everything; else at random.
    """
    count = len(templates)
    ranks = _ranks(templates.reshape(count, -1)).reshape(templates.shape)
    spare = np.broadcast_to(_mean(ranks, (2,)), templates.shape)
    for axes in ((1, 2), (1, 2, 3)):
        spare = np.where(np.isnan(spare), _mean(ranks, axes), spare)
    dice = rng.random(count, dtype=np.float32)[:, None, None, None]
    return np.where(np.isnan(spare), dice, spare).reshape(count, -1)


def _ranks(columns: Floats) -> Floats:
    """Ranks / number known (0..1) over dim 0, block by block; NaN stays NaN."""
    out = np.empty_like(columns)
    for part in _blocks(columns.shape[1]):
        block = np.ascontiguousarray(columns[:, part].T)
        place = np.argsort(np.argsort(block, axis=1), axis=1)  # NaN last
        known = np.isfinite(block)
        share = (place + 0.5) / np.maximum(known.sum(axis=1, keepdims=True), 1)
        out[:, part] = np.where(known, share, np.nan).T
    return out


def _with_spare(block: Floats, gaps: NDArray[np.bool_], spare: Floats) -> Floats:
    """A block (column, member) of ranks, the spare ones where there are gaps."""
    return np.where(gaps, spare, _ranks(block.T).T)


def _filled(values: Floats) -> Floats:
    """Gaps of (hour, station, pollutant) filled from the network, then from the hours before.

    Each hour is filled by what was known at that hour, or a trajectory would carry what came
    after it: the network's mean times the station's ratio to it so far; where nobody reports,
    the last value for up to GAP_HOURS.
    """
    network = _mean(values, (1,))
    known = np.isfinite(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=0)
    beside = np.cumsum(np.where(known, network, 0.0), axis=0)
    ratio = np.where(beside > 0, total / np.where(beside > 0, beside, 1.0), 1.0)
    near = np.where(known, values, network * ratio).reshape(len(values), -1)
    held = pd.DataFrame(near).ffill(limit=GAP_HOURS).to_numpy(dtype=np.float32)
    return np.asarray(held.reshape(values.shape))


def _mean(values: Floats, axes: tuple[int, ...]) -> Floats:
    """Mean of known values over axes that stay with length 1; NaN where none is known."""
    known = np.isfinite(values)
    n = known.sum(axis=axes, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=axes, keepdims=True)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan).astype(np.float32)


def _blocks(columns: int) -> Iterator[slice]:
    return (slice(i, min(i + _BLOCK, columns)) for i in range(0, columns, _BLOCK))
