"""What a bottom line promises, counted on members, and whether such promises were kept.

Takes concentrations of areas by member and day; a day breaks a limit in a member when its AQI or
its concentration lies above it. The fast count compares concentrations with the greatest one that
still keeps the limit (the index never falls when a concentration rises), the exact one goes
through forecast.aqi. `calibration` compares promised probabilities with what happened.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from forecast import aqi
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import POLLUTANTS
from forecast.standards import DAILY, load, resolve
from response.resumption_settings import Limit

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
TOLERANCE: Final = 1e-12  # of a share of members


def critical(limit: Limit, days: Sequence[dt.date], standard: str = "auto") -> Doubles:
    """Greatest concentrations that keep a limit: (day, POLLUTANTS), inf where they do not count."""
    out = np.full((len(days), len(POLLUTANTS)), np.inf)
    if limit.metric != "aqi":
        out[:, POLLUTANTS.index(limit.metric)] = limit.above
        return out
    for d, day in enumerate(days):
        out[d] = _critical_aqi(limit.above, resolve(standard, day).edition)
    return out


@lru_cache(maxsize=256)
def _critical_aqi(above: float, edition: str) -> tuple[float, ...]:
    """Greatest float64 of each pollutant whose IAQI is at most `above`, by bisection."""
    standard = load(edition)
    out = []
    for column in DAILY:
        low, high = 0.0, 1e6

        def breaks(c: float, column: Any = column) -> bool:
            index = float(aqi.iaqi(np.array([c]), column, standard)[0])
            return not index <= above  # NaN: above the table

        while (middle := (low + high) / 2) not in (low, high):
            low, high = (low, middle) if breaks(middle) else (middle, high)
        out.append(low)
    return tuple(out)


def exact(
    conc: Doubles,
    areas: Sequence[str],
    days: Sequence[dt.date],
    limit: Limit,
    standard: str = "auto",
) -> Bools:
    """Which members break a limit on which day, by forecast.aqi: (member, day).

    Args:
        conc: (area, member, day, POLLUTANTS), units of the schema.

    Raises:
        ConfigError: The limit's area is not among `areas`.
    """
    own = conc[_area(limit, areas)]
    if limit.metric != "aqi":
        return np.asarray(~(own[..., POLLUTANTS.index(limit.metric)] <= limit.above))
    out = np.empty(own.shape[:2], dtype=bool)
    for d, day in enumerate(days):
        index = aqi.daily(own[:, d], resolve(standard, day)).aqi
        out[:, d] = ~(index <= limit.above)  # an unknown index does not read as clean air
    return out


def _area(limit: Limit, areas: Sequence[str]) -> int:
    if limit.area not in areas:
        found = f"area {limit.area!r}"
        raise ConfigError([Problem("bottom line", found, f"one of {list(areas)}")])
    return list(areas).index(limit.area)


def refuse_gaps(conc: Doubles, limits: Sequence[Limit], areas: Sequence[str]) -> None:
    """Refuse members that cannot be judged.

    Raises:
        ConfigError: A limit names an area that is not there.
        DataError: A missing or negative value in an area a limit is about, every area named.
    """
    problems = []
    for area in dict.fromkeys(limit.area for limit in limits):
        own = conc[_area(next(x for x in limits if x.area == area), areas)]
        if bad := int((~(own >= 0)).sum()):
            found = f"{bad} missing or negative values"
            problems.append(Problem(f"members of {area}", found, "complete members"))
    if problems:
        raise DataError(problems)


@dataclass(frozen=True)
class Calibration:
    """Promised probabilities against frequencies, by bin of the promise."""

    table: pd.DataFrame  # low, high, count, promised, realised, ci_low, ci_high, agrees
    level: float

    @property
    def agrees(self) -> bool:
        """True where the mean promise lies in the frequency's interval in every bin."""
        return bool(self.table["agrees"].all())


def calibration(
    promised: Doubles,
    realised: Bools,
    *,
    edges: Sequence[float] = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 1.0),
    level: float = 0.95,
    blocks: NDArray[np.int64] | None = None,
    resamples: int = 2000,
    seed: int = 20261124,
) -> Calibration:
    """Compare promised probabilities of a breach with breaches.

    Without `blocks` the interval of a frequency is the exact binomial one (Clopper and Pearson
    1934, Biometrika 26:404). With them, days of one block (an episode, a week) are one draw of
    the weather: the interval is of a bootstrap of blocks, widened to the binomial one.

    Args:
        promised: (n,), 0 .. 1.
        realised: (n,), True where the limit was broken.
        edges: Bins, each with its upper edge, the first with both.
        level: Of the central interval.
        blocks: (n,), number of the block of each promise.

    Returns:
        Bins that hold a promise.

    Raises:
        DataError: Promises that are no probabilities, or shapes that do not fit.
    """
    p, hit = np.asarray(promised, dtype=np.float64), np.asarray(realised, dtype=bool)
    if p.ndim != 1 or p.shape != hit.shape or not len(p) or not ((p >= 0) & (p <= 1)).all():
        found = f"{p.shape} promises, {hit.shape} outcomes"
        raise DataError([Problem("calibration", found, "as many outcomes as promises in 0 .. 1")])
    bins = np.clip(np.searchsorted(edges, p, side="left") - 1, 0, len(edges) - 2)
    rng = np.random.default_rng(seed)
    rows = []
    for b in np.unique(bins):
        own = bins == b
        count, hits = int(own.sum()), int(hit[own].sum())
        ci = stats.binomtest(hits, count).proportion_ci(level, method="exact")
        low, high = float(ci.low), float(ci.high)
        if blocks is not None:
            wide = _block_interval(hit[own], blocks[own], level, resamples, rng)
            low, high = min(low, wide[0]), max(high, wide[1])
        mean = float(p[own].mean())
        rows.append((edges[b], edges[b + 1], count, mean, hits / count, low, high,
                     low <= mean <= high))  # fmt: skip
    columns = ["low", "high", "count", "promised", "realised", "ci_low", "ci_high", "agrees"]
    return Calibration(pd.DataFrame(rows, columns=columns), level)


def _block_interval(
    hit: Bools, blocks: NDArray[np.int64], level: float, resamples: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Percentile interval of the frequency over resampled blocks."""
    _, number = np.unique(blocks, return_inverse=True)
    hits, sizes = np.bincount(number, weights=hit), np.bincount(number)
    drawn = rng.integers(0, len(sizes), (resamples, len(sizes)))
    shares = hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
