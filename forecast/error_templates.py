"""Members from a forecaster's own past errors: the dependence of what it did not know.

Takes quantiles of one issue time and a library of probability integral transforms (PIT: the share
of a forecast's distribution below what was then observed) of forecasts of a time the forecaster
was not trained on; gives members. A past issue whose city ran above the forecast for two days in
PM2.5, PM10 and CO, and less at the edge of town, is one member's way to be wrong today.

Why not observed trajectories (forecast.ensemble): what the weather explains is no error. With good
weather their dependence is overstated and the city's day becomes too wide; errors have the
dependence of errors. Margins stay the forecaster's own quantiles, hour by hour, because the PITs
are used by rank among the members (as in the Schaake shuffle: Clark et al. 2004; with errors for
observations: Schefzik et al. 2013, Stat. Sci. 28, 616-640, and Van den Bergh et al. 2015).
"""

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import ensemble
from forecast.batch import Floats, WeatherTier
from forecast.network_inputs import TRUST
from forecast.problems import ConfigError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES

BINS: Final = 255  # a PIT is kept as 0 .. 254; 255 is missing
MISSING: Final = 255
ALIKE: Final = ((3, 45), (6, 60), (12, 60), (12, 91), (12, 183))  # hours of the day, days
LEAST: Final = 25  # templates alike enough before the rule is loosened
_HOUR = pd.Timedelta(hours=1)
_N: Final = len(POLLUTANTS)


@dataclass(frozen=True)
class ErrorTemplates:
    """PITs of past forecasts; each a possible way to be wrong."""

    issue_times: pd.DatetimeIndex  # naive UTC
    stations: tuple[str, ...]
    pit: NDArray[np.uint8]  # (issue, lead, station, POLLUTANTS), gaps filled
    trust: NDArray[
        np.int64
    ]  # (issue,): network_inputs.TRUST of the weather the error was made with

    def members(
        self, quantiles: Floats, *, issue_time: pd.Timestamp, count: int, seed: int,
        stations: pd.DataFrame, tier: WeatherTier,
    ) -> Floats:  # fmt: skip
        """Members of one issue time.

        Args:
            quantiles: (lead, station, POLLUTANTS, QUANTILES); NaN stays NaN in every member.
            issue_time: Naive UTC; with the seed it decides which templates, in which order.
            count: How many members.
            seed: Same seed and issue time: same members.
            stations: The rows of `quantiles`; one that is not in the library borrows the errors of
                a station of the library, another one for each, fixed by its place in the register.
            tier: Of the weather: errors made with weather of the same trust are drawn, where
                there are any.

        Returns:
            (member, lead, station, POLLUTANTS), float32, units of the quantiles.

        Raises:
            ConfigError: The shapes do not fit.
        """
        expected = (MAX_LEAD, len(stations), _N, len(QUANTILES))
        if quantiles.shape != expected or count < 1:
            found = f"quantiles {quantiles.shape}, {count} members"
            raise ConfigError([Problem("members", found, f"quantiles {expected}")])
        rng = ensemble.generator(seed, issue_time)
        chosen = self._alike(issue_time, TRUST[tier])
        rounds = -(-count // len(chosen))
        order = np.concatenate([rng.permutation(chosen) for _ in range(rounds)])[:count]
        dice = rng.permutation(count).astype(np.int64)
        ladder = np.maximum(quantiles @ ensemble.weights(count), 0)
        np.maximum.accumulate(ladder, axis=-1, out=ladder)
        out = np.empty((count, *quantiles.shape[:3]), dtype=np.float32)
        _place(self.pit, order, dice, self._rows(stations), ladder, out)
        return out

    def _alike(self, issue_time: pd.Timestamp, trust: int) -> NDArray[np.int64]:
        """Templates of the same trust, season and hour; fewer than LEAST: a looser rule."""
        mine = self.trust == trust
        if not mine.any():
            mine = np.ones_like(mine)
        hours = np.abs((self.issue_times.hour - issue_time.hour + 12) % 24 - 12)
        days = (self.issue_times.day_of_year - issue_time.day_of_year).to_numpy()
        days = np.abs((days + 365.25 / 2) % 365.25 - 365.25 / 2)
        found = np.flatnonzero(mine)
        for near, season in ALIKE:
            found = np.flatnonzero(mine & (hours <= near) & (days <= season))
            if len(found) >= LEAST:
                break
        return found if len(found) else np.flatnonzero(mine)

    def _rows(self, stations: pd.DataFrame) -> NDArray[np.int64]:
        at = {s: i for i, s in enumerate(self.stations)}
        return np.array(
            [at.get(str(s), k % len(self.stations)) for k, s in enumerate(stations.index)],
            dtype=np.int64,
        )


def pit(quantiles: Floats, observed: Floats) -> NDArray[np.uint8]:
    """PIT (0 .. 254; 255 where not observed) of observations in forecast quantiles.

    Args:
        quantiles: (..., QUANTILES), increasing.
        observed: (...), NaN = missing.
    """
    q = np.array(QUANTILES, dtype=np.float32)
    below = (quantiles < observed[..., None]).sum(axis=-1)
    low = np.clip(below - 1, 0, len(q) - 2)
    a = np.take_along_axis(quantiles, low[..., None], axis=-1)[..., 0]
    b = np.take_along_axis(quantiles, low[..., None] + 1, axis=-1)[..., 0]
    share = np.clip((observed - a) / np.maximum(b - a, 1e-6), 0, 1)
    u = q[low] + share * (q[low + 1] - q[low])
    u = np.where(below == 0, q[0] / 2, np.where(below == len(q), (1 + q[-1]) / 2, u))
    known = np.isfinite(observed) & np.isfinite(quantiles).all(axis=-1)
    return np.where(known, np.round(np.nan_to_num(u) * (BINS - 1)), MISSING).astype(np.uint8)


def library(
    issue_times: pd.DatetimeIndex,
    stations: tuple[str, ...],
    values: NDArray[np.uint8],
    trust: NDArray[np.int64],
) -> ErrorTemplates:
    """A library of PITs with gaps filled; issues of which half is missing are left out.

    A gap takes the mean PIT of the other stations at that hour, then the last hour's, then the
    pollutant's mean of the issue: what goes on beside it is the best guess at an error.

    Args:
        issue_times: Naive UTC.
        stations: Of the values.
        values: (issue, lead, station, POLLUTANTS) of `pit`.
        trust: (issue,) of the weather.
    """
    known = values != MISSING
    kept = known.mean(axis=(1, 2, 3)) >= 0.5
    u = np.where(known[kept], values[kept].astype(np.float32), np.nan)
    u = np.where(np.isnan(u), _mean(u, 2), u)
    for lead in range(1, u.shape[1]):
        u[:, lead] = np.where(np.isnan(u[:, lead]), u[:, lead - 1], u[:, lead])
    u = np.where(np.isnan(u), _mean(u, (1, 2)), u)
    u = np.nan_to_num(u, nan=(BINS - 1) / 2)
    return ErrorTemplates(issue_times[kept], stations, np.round(u).astype(np.uint8), trust[kept])


def _mean(values: Floats, axes: int | tuple[int, ...]) -> Floats:
    known = np.isfinite(values)
    n = known.sum(axis=axes, keepdims=True)
    total = np.where(known, values, 0).sum(axis=axes, keepdims=True)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan).astype(np.float32)


@numba.njit(parallel=True, cache=True)
def _place(
    pits: NDArray[np.uint8], order: NDArray[np.int64], dice: NDArray[np.int64],
    rows: NDArray[np.int64], ladder: Floats, out: Floats,
) -> None:  # fmt: skip
    """Give each member the value of its PIT's rank; ties fall by one order of the members.

    Counting sort by PIT: members of an hour are ranked in one pass over 256 bins.
    """
    count, leads, stations, pollutants = out.shape
    for lead in numba.prange(leads):
        first = np.empty(257, np.int64)
        for s in range(stations):
            for p in range(pollutants):
                first[:] = 0
                for m in range(count):
                    first[pits[order[m], lead, rows[s], p] + 1] += 1
                for b in range(256):
                    first[b + 1] += first[b]
                for k in range(count):
                    m = dice[k]
                    b = pits[order[m], lead, rows[s], p]
                    out[m, lead, s, p] = ladder[lead, s, p, first[b]]
                    first[b] += 1
