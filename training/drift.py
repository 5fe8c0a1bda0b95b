"""Whether the last days still look like what a network was trained on; proposes, never retrains.

Takes a record; gives statistics of the training part, kept beside the artifact as drift.json, and
findings of the last days against them. Judged are distributions of the city's hourly means
(pollutants and weather, against the same season) and the share of missing readings by tier. A
threshold is what the training record's own windows of the same length reached (`QUANTILE` of
them), each judged with its own hours left out: ordinary weather is no drift.

Residuals and coverage of issued forecasts are not judged here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import features
from forecast.batch import Floats
from forecast.files import write_text
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, TIERS, WEATHER
from training.windows import Record

FILE: Final = "drift.json"
FORMAT: Final = "lantian-drift-1"
QUANTILE: Final = 0.98
_SEASON_DAYS: Final = 45
_LEVELS: Final = np.linspace(0, 1, 101)
_LEAST_HOURS: Final = 48  # known hours below which a distribution is not judged
_NAMES: Final = (*POLLUTANTS, *WEATHER)


@dataclass(frozen=True)
class Finding:
    """A statistic of the last days beside what is ordinary."""

    what: str
    value: float
    threshold: float

    @property
    def beyond(self) -> bool:
        """Whether it is out of the ordinary."""
        return self.value > self.threshold

    def __str__(self) -> str:
        return f"{self.what}: {self.value:.3f}, ordinary up to {self.threshold:.3f}"


def reference(record: Record, *, days: int = 30) -> dict[str, Any]:
    """Statistics of a training part.

    Args:
        record: The training part and nothing later.
        days: Length of the windows that are judged.

    Raises:
        DataError: Fewer than three windows.
    """
    town, missing, times = _series(record)
    step = 24 * days
    starts = range(0, len(times) - step + 1, step)
    if len(starts) < 3:
        found = f"{len(times)} hours"
        raise DataError([Problem("record for drift", found, f"at least {3 * step}")])
    windows = [np.arange(len(times)) // step == k for k in range(len(starts))]
    gaps: dict[str, list[float]] = {n: [] for n in _NAMES}
    for inside in windows:
        middle = times[inside][step // 2]
        for i, name in enumerate(_NAMES):
            gap = _ks(town[inside, i], _grid(town[~inside, i], times[~inside], middle))
            if np.isfinite(gap):
                gaps[name].append(gap)
    return {
        "format": FORMAT, "days": days, "windows": len(windows), "quantile": QUANTILE,
        "until": times[-1].isoformat(),
        "season": {
            name: [_short(_grid(town[:, i], times, pd.Timestamp(2001, m, 15)))
                   for m in range(1, 13)]
            for i, name in enumerate(_NAMES)
        },
        "distance": {n: float(np.quantile(g, QUANTILE)) for n, g in gaps.items() if g},
        "missing": {
            t: float(np.quantile([v[w].mean() for w in windows], QUANTILE))
            for t, v in missing.items()
        },
    }  # fmt: skip


def keep(content: Mapping[str, Any], folder: Path) -> None:
    """Write the statistics beside an artifact."""
    write_text(folder / FILE, json.dumps(content).replace("NaN", "null") + "\n")


def read(folder: Path) -> dict[str, Any]:
    """Read what `keep` wrote.

    Raises:
        DataError: Absent or another format.
    """
    path = folder / FILE
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        expected = "statistics of the training part"
        raise DataError([Problem(str(path), f"{type(error).__name__}", expected)]) from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise DataError([Problem(str(path), "another format", FORMAT)])
    return found


def judge(record: Record, known: Mapping[str, Any]) -> tuple[Finding, ...]:
    """The last days of a record against the training part, every statistic that can be judged.

    Args:
        record: It ends where the judged days end; at least `days` of the statistics long.
        known: Of `reference`.
    """
    town, missing, times = _series(record)
    last = slice(-24 * int(known["days"]), None)
    month = times[last][len(times[last]) // 2].month
    found = []
    for i, name in enumerate(_NAMES):
        if name not in known["distance"]:
            continue
        grid = np.array(known["season"][name][month - 1], dtype=np.float64)
        gap = _ks(town[last, i], grid)
        if np.isfinite(gap):
            found.append(Finding(f"distribution of {name}", gap, known["distance"][name]))
        elif np.isfinite(grid).all():
            found.append(Finding(f"{name} hardly reported, share missing", 1.0, 0.0))
    for tier, threshold in known["missing"].items():
        if tier in missing:
            value = float(missing[tier][last].mean())
            found.append(Finding(f"share missing, tier {tier}", value, threshold))
    return tuple(found)


def _series(
    record: Record,
) -> tuple[Floats, dict[str, NDArray[np.float64]], pd.DatetimeIndex]:
    """City means (time, _NAMES), share of missing readings by tier (time,), stamps."""
    both = np.concatenate([record.values, record.weather], axis=-1)
    town = features.city_mean(both[None], record.stations)[0, :, 0]
    gone = np.isnan(record.values).mean(axis=2)
    tier = record.stations["tier"].to_numpy().astype(str)
    missing = {t: gone[:, tier == t].mean(axis=1) for t in TIERS if (tier == t).any()}
    return town, missing, pd.date_range(record.origin, periods=len(town), freq="h")


def _grid(values: Floats, times: pd.DatetimeIndex, middle: pd.Timestamp) -> NDArray[np.float64]:
    """Quantiles of a season's values at _LEVELS; of all values where the season has too few."""
    apart = (times.day_of_year - middle.day_of_year).to_numpy()
    near = np.abs((apart + 182.625) % 365.25 - 182.625) <= _SEASON_DAYS
    known = np.isfinite(values)
    kept = values[near & known]
    if len(kept) < _LEAST_HOURS:
        kept = values[known]
    if len(kept) < _LEAST_HOURS:
        return np.full(len(_LEVELS), np.nan)
    return np.asarray(np.quantile(kept, _LEVELS), dtype=np.float64)


def _short(values: NDArray[np.float64]) -> list[float]:
    """Five digits are enough for a distribution."""
    return [float(f"{v:.5g}") for v in values]


def _ks(values: NDArray[np.floating[Any]], grid: NDArray[np.float64]) -> float:
    """Kolmogorov-Smirnov distance of values to a distribution given by quantiles; NaN = unknown."""
    kept = np.sort(values[np.isfinite(values)].astype(np.float64))
    if len(kept) < _LEAST_HOURS or not np.isfinite(grid).all():
        return float("nan")
    own_at = np.searchsorted(kept, grid, side="right") / len(kept)
    own_below = np.searchsorted(kept, grid, side="left") / len(kept)
    # Ties of the grid (a variable that is mostly 0) have a span of levels, not one.
    low = np.searchsorted(grid, grid, side="left") / (len(grid) - 1)
    high = (np.searchsorted(grid, grid, side="right") - 1) / (len(grid) - 1)
    return float(max(0.0, np.max(own_below - low), np.max(high - own_at)))
