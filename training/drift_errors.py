"""Errors of forecasts by lead day: what was ordinary, and what they are now.

Takes quantiles and observations; gives per issue time the mean absolute error, mean error (forecast
- observed), width of the 80 % interval and the share of it that held, averaged over the stations
that make the city value. A run's training keeps what its blocks of time not trained on reached in
windows of `days`; the largest of these is what is ordinary. Bias is told in widths of the interval,
so a season of high levels is no bias.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import forecast_file
from forecast.batch import Floats, leads_of, stacked
from forecast.schema import POLLUTANTS, QUANTILES
from training.drift import Finding

BLOCKS: Final = ("h1_24", "h25_48", "h49_72")
LEVELS: Final = tuple(QUANTILES.index(q) for q in (0.1, 0.5, 0.9))
LEAST_ISSUES: Final = 8  # with observations, in a window; fewer are not judged
_HOUR: Final = pd.Timedelta(hours=1)
_TRUST: Final = {"none": "0", "perturbed": "1", "archived": "1", "perfect": "2"}


@dataclass(frozen=True)
class Errors:
    """Of each issue time, lead block and pollutant: (n, BLOCKS, POLLUTANTS), NaN = unknown."""

    issue_times: pd.DatetimeIndex
    absolute: Floats
    error: Floats
    width: Floats
    inside: Floats  # share of values within the 80 % interval

    def at(self, rows: NDArray[Any]) -> "Errors":
        """Some issue times."""
        parts = (self.absolute[rows], self.error[rows], self.width[rows], self.inside[rows])
        return Errors(self.issue_times[rows], *parts)


def of(issue_times: pd.DatetimeIndex, three: Floats, observed: Floats) -> Errors:
    """Errors of forecasts.

    Args:
        issue_times: (n,).
        three: Quantiles .1, .5, .9 in the schema's units (n, lead, s, POLLUTANTS, 3), of the
            stations that count.
        observed: (n, lead, s, POLLUTANTS), NaN = missing.
    """
    low, middle, high = (three[..., k] for k in range(3))
    known = np.isfinite(observed) & np.isfinite(middle)
    parts = (
        np.abs(middle - observed), middle - observed, high - low,
        ((observed >= low) & (observed <= high)).astype(np.float32),
    )  # fmt: skip
    found = []
    for values in parts:
        blocks = [slice(24 * b, 24 * b + 24) for b in range(len(BLOCKS))]
        total = np.stack(
            [np.where(known[:, b], values[:, b], 0).sum(axis=(1, 2)) for b in blocks], axis=1
        )
        count = np.stack([known[:, b].sum(axis=(1, 2)) for b in blocks], axis=1)
        mean = total / np.maximum(count, 1)
        found.append(np.where(count > 0, mean, np.nan).astype(np.float32))
    return Errors(issue_times, *found)


def joined(parts: Sequence[Errors]) -> Errors:
    """Errors of several sets of issue times, in their order of time."""
    times = pd.DatetimeIndex(np.concatenate([p.issue_times.to_numpy() for p in parts]))
    order = np.argsort(times.to_numpy(), kind="stable")
    names = ("absolute", "error", "width", "inside")
    arrays = (np.concatenate([getattr(p, n) for p in parts])[order] for n in names)
    return Errors(times[order], *arrays)


def reference(errors: Errors, *, days: int = 30) -> dict[str, Any]:
    """What errors reached as a whole and at most in one window of `days`; {} of none."""
    if not len(errors.issue_times):
        return {}
    number = (errors.issue_times - errors.issue_times[0]) // pd.Timedelta(days=days)
    windows = [errors.at(np.flatnonzero(number == k)) for k in np.unique(number)]
    windows = [w for w in windows if len(w.issue_times) >= LEAST_ISSUES]
    if not windows:
        return {}
    whole, each = _scores(errors), [_scores(w) for w in windows]
    made: dict[str, Any] = {"days": days, "windows": len(windows)}
    for i, p in enumerate(POLLUTANTS):
        for j, block in enumerate(BLOCKS):
            if not np.isfinite(whole["mae"][j, i]):
                continue
            made[f"{p} {block}"] = {
                "mae": _plain(whole["mae"][j, i]),
                "mae_most": _most([e["mae"][j, i] for e in each]),
                "bias_most": _most([abs(e["bias"][j, i]) for e in each]),
                "outside_most": _most([e["outside"][j, i] for e in each]),
            }
    return made


def judge(errors: Errors, known: Mapping[str, Any], words: str = "") -> tuple[Finding, ...]:
    """Errors of the last days against `reference`.

    Args:
        errors: Of the judged issue times; not judged where fewer than LEAST_ISSUES are known.
        known: Of `reference`, for the same degree of trust in the weather.
        words: Said after each finding, such as the weather's tier.
    """
    scores = _scores(errors)
    found = []
    for i, p in enumerate(POLLUTANTS):
        for j, block in enumerate(BLOCKS):
            usual = known.get(f"{p} {block}")
            if usual is None or scores["count"][j, i] < LEAST_ISSUES:
                continue
            where = f"{p} {block}{words}"
            base = max(usual["mae"], 1e-6)
            values = (
                (
                    "MAE, ratio to calibration",
                    scores["mae"][j, i] / base,
                    None if usual["mae_most"] is None else usual["mae_most"] / base,
                ),
                ("bias, in 80 % widths", abs(scores["bias"][j, i]), usual["bias_most"]),
                ("outside the 80 % interval", scores["outside"][j, i], usual["outside_most"]),
            )
            found += [
                Finding(f"{name}, {where}", float(v), float(t))
                for name, v, t in values
                if t is not None
            ]
    return tuple(found)


def kept(
    folder: Path, obs: xr.Dataset, city: NDArray[np.bool_], first: pd.Timestamp, model: str
) -> tuple[dict[str, Errors], list[str]]:
    """Errors of the forecasts kept in a home, by degree of trust in the weather.

    Args:
        folder: forecasts/ of a home.
        obs: Usable readings, schema dataset, up to the end of the judged days.
        city: Stations of `obs` that make the city value.
        first: Earliest issue time judged.
        model: Only its forecasts (attribute `model`).

    Returns:
        Errors by trust ("0" none, "1" forecast, "2" perfect), and in words what was left out.
    """
    end = pd.Timestamp(obs["time"].values[-1])
    values, origin = stacked(obs, POLLUTANTS), pd.Timestamp(obs["time"].values[0])
    ids = obs["station"].values.astype(str)[city]
    found: dict[str, list[Errors]] = {}
    left: list[str] = []
    for path in sorted(folder.glob("*.nc")):
        try:
            issue = pd.Timestamp(pd.to_datetime(path.stem, format="%Y%m%dT%H%MZ"))
        except ValueError:
            continue
        if not first <= issue < end:
            continue
        header = forecast_file.attributes(path)
        if header.model != model:
            left.append(f"{path.name}: made by {header.model}")
            continue
        with forecast_file.read_stations(path) as ds:
            there = [s for s in ids if s in set(ds["station"].values.astype(str))]
            part = ds.isel(quantile=list(LEVELS)).sel(station=there)
            part = forecast_file.loaded(part, path)
        three = np.stack([part[p].to_numpy() for p in POLLUTANTS], axis=-2)
        rows = [int(np.flatnonzero(obs["station"].values.astype(str) == s)[0]) for s in there]
        times = pd.DatetimeIndex(part["issue_time"].values)
        observed = leads_of(values[:, rows], origin, times)
        trust = _TRUST.get(header.weather_tier, "1")
        found.setdefault(trust, []).append(of(times, three, observed))
    return {k: joined(v) for k, v in found.items()}, left


def _scores(errors: Errors) -> dict[str, NDArray[np.float64]]:
    """mae, bias (in widths), outside and count of issues, each (BLOCKS, POLLUTANTS)."""
    known = np.isfinite(errors.absolute)
    count = known.sum(axis=0)

    def mean(values: Floats) -> NDArray[np.float64]:
        total = np.where(known, values, 0).sum(axis=0, dtype=np.float64)
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))

    width = np.maximum(mean(errors.width), 1e-6)
    return {
        "mae": mean(errors.absolute), "bias": mean(errors.error) / width,
        "outside": 1 - mean(errors.inside), "count": count.astype(np.float64),
    }  # fmt: skip


def _most(values: Sequence[float]) -> float | None:
    kept = [v for v in values if np.isfinite(v)]
    return _plain(max(kept)) if kept else None


def _plain(value: float) -> float:
    return round(float(value), 5)
