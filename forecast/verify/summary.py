"""From sums of losses to scores, their intervals, and paired differences between systems.

Takes `station.Sums`, gives plain dictionaries for scores.json: numbers are floats, n is always
there, what is not defined (no events, too few days) is None.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scores.categorical import BasicContingencyManager

from forecast.schema import QUANTILES
from forecast.verify import bootstrap
from forecast.verify.settings import Bootstrap
from forecast.verify.station import GROUPS, Sums

Doubles = NDArray[np.float64]
SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}
_SKILL = ("mae", "rmse", "crps", "twcrps")  # errors: 1 - own / reference makes sense
_PAIRED = (*_SKILL, "csi")
_CURVES = ("mae", "rmse", "bias", "crps", "cover_50", "cover_80", "cover_90")


def derived(metrics: tuple[str, ...], sums: Doubles, n: Doubles) -> dict[str, Doubles]:
    """Scores from sums of losses.

    Args:
        metrics: Names along the first axis of `sums`.
        sums: (metric, ...).
        n: (...), how many cases the sums stand on.

    Returns:
        mae, bias, rmse, crps, pinball (mean of nine levels), mean_observed, mean_forecast,
        cover_<%>, twcrps_<threshold>, and csi_, pod_, far_, frequency_bias_<threshold>: (...)
        each; NaN where n is 0 or there are no events.
    """
    total = dict(zip(metrics, sums, strict=True))
    count = np.where(n > 0, n, np.nan)
    out = {
        "mae": total["error_abs"] / count,
        "bias": total["error"] / count,
        "rmse": np.sqrt(total["error_sq"] / count),
        "crps": total["crps"] / count,
        "pinball": sum((total[f"pinball_{t:g}"] for t in QUANTILES), np.zeros_like(count))
        / (len(QUANTILES) * count),
        "mean_observed": total["observed"] / count,
        "mean_forecast": total["forecast"] / count,
    }
    for name in metrics:
        if name.startswith(("cover_", "twcrps_")):
            out[name] = total[name] / count
    for name in metrics:
        if name.startswith("hit_"):
            t = name.removeprefix("hit_")
            table = contingency(total[name], total[f"miss_{t}"], total[f"alarm_{t}"], n)
            out |= {f"{score}_{t}": values for score, values in table.items()}
    return out


def contingency(hit: Doubles, miss: Doubles, alarm: Doubles, n: Doubles) -> dict[str, Doubles]:
    """POD, FAR, CSI and frequency bias of contingency tables; NaN where there are no events."""
    counts = {"tp": hit, "fn": miss, "fp": alarm, "tn": n - hit - miss - alarm, "total": n}
    dims = [f"d{i}" for i in range(np.ndim(n))]
    table = BasicContingencyManager(
        {
            f"{k}_count": xr.DataArray(np.asarray(v, dtype=float), dims=dims)
            for k, v in counts.items()
        }
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "pod": table.probability_of_detection().values,
            "far": table.false_alarm_ratio().values,
            "csi": table.critical_success_index().values,
            "frequency_bias": table.frequency_bias().values,
        }
    return {k: np.where(np.isfinite(v), v, np.nan) for k, v in found.items()}


def pollutant_scores(
    sums: Sums, groups: Doubles, issue_times: pd.DatetimeIndex, offset: pd.Timedelta,
    stations: Iterable[str], settings: Bootstrap,
) -> dict[str, Any]:  # fmt: skip
    """Everything scores.json says about one pollutant of one forecast."""
    days = bootstrap.day_numbers(issue_times, offset)
    weight = bootstrap.weights(int(days.max()) + 1, settings)
    by_issue, n_issue = _by_issue(sums, groups)
    months = (issue_times + offset).month.to_numpy()
    seasons = {}
    for name, members in SEASONS.items():
        rows = np.isin(months, members)
        if rows.any():
            seasons[name] = _grouped(
                sums.metrics, by_issue[:, rows], n_issue[rows], None, days, 0.95
            )
    station_scores = derived(sums.metrics, sums.by_station, sums.n_station)
    return {
        "groups": _grouped(sums.metrics, by_issue, n_issue, weight, days, settings.level),
        "by_lead": _curves(sums, weight, days, settings.level),
        "by_season": seasons,
        "by_station": {
            station: {
                group: {"n": int(sums.n_station[s, g])}
                | {k: number(station_scores[k][s, g]) for k in ("mae", "bias", "rmse", "crps")}
                for g, group in enumerate(GROUPS)
            }
            for s, station in enumerate(stations)
        },
        "ranks": {
            group: {
                "expected": np.diff([0.0, *QUANTILES, 1.0]).round(6).tolist(),
                "observed": [number(v) for v in _shares(sums.ranks[g])],
                "n": round(float(sums.ranks[g].sum())),
            }
            for g, group in enumerate(GROUPS)
        },
    }


def paired(
    own: Sums, other: Sums, groups: Doubles, issue_times: pd.DatetimeIndex, offset: pd.Timedelta,
    settings: Bootstrap,
) -> dict[str, Any]:  # fmt: skip
    """Differences (own - other) and skill (1 - own / other) on the cases both were scored on.

    Args:
        own: Sums over common cases only.
        other: The same cases of the other forecast.
    """
    days = bootstrap.day_numbers(issue_times, offset)
    weight = bootstrap.weights(int(days.max()) + 1, settings)
    pair = []
    for sums in (own, other):
        by_issue, n_issue = _by_issue(sums, groups)
        values = derived(sums.metrics, by_issue.sum(axis=1), n_issue.sum(axis=0))
        drawn = _resampled(sums.metrics, by_issue, n_issue, weight, days)
        pair.append((values, drawn, n_issue.sum(axis=0)))
    (a, a_drawn, n), (b, b_drawn, _) = pair
    names = [k for k in a if k.startswith(_PAIRED)]
    found: dict[str, Any] = {
        group: {"n": int(n[g])}
        | {
            name: difference(
                float(a[name][g]), float(b[name][g]),
                None if a_drawn is None else a_drawn[name][:, g],
                None if b_drawn is None else b_drawn[name][:, g],
                settings.level, skill=name.startswith(_SKILL),
            )
            for name in names
        }
        for g, group in enumerate(GROUPS)
    }  # fmt: skip
    return found | {"by_lead": _paired_curves(own, other, weight, days, settings.level)}


def _paired_curves(
    own: Sums, other: Sums, weight: Doubles | None, days: NDArray[np.int64], level: float
) -> dict[str, Any]:
    """Scores of both by lead, and the interval of their difference."""
    out: dict[str, Any] = {"n": [int(v) for v in own.n.sum(axis=0)]}
    pair = []
    for name, sums in (("own", own), ("other", other)):
        values = derived(sums.metrics, sums.by_lead.sum(axis=1), sums.n.sum(axis=0))
        out[name] = {k: numbers(values[k]) for k in ("mae", "crps")}
        pair.append(_drawn_curves(sums, weight, days))
    a, b = pair
    if a and b:
        out["difference_intervals"] = {
            k: [numbers(i) for i in bootstrap.intervals(a[k] - b[k], level)] for k in a
        }
    return out


def _drawn_curves(
    sums: Sums, weight: Doubles | None, days: NDArray[np.int64]
) -> dict[str, Doubles]:
    """MAE and CRPS of each resample by lead: (resample, lead) each; {} where days are too few."""
    if weight is None:
        return {}
    n = bootstrap.resampled(weight, bootstrap.by_day(sums.n, days))
    count = np.where(n > 0, n, np.nan)
    total = {
        k: bootstrap.by_day(sums.by_lead[sums.metrics.index(m)], days)
        for k, m in (("mae", "error_abs"), ("crps", "crps"))
    }
    return {k: bootstrap.resampled(weight, v) / count for k, v in total.items()}


def difference(
    own: float, other: float, own_drawn: Doubles | None, other_drawn: Doubles | None,
    level: float, *, skill: bool,
) -> dict[str, Any]:  # fmt: skip
    """One paired comparison: both values, own - other, skill, intervals from shared resamples."""
    out: dict[str, Any] = {
        "own": number(own),
        "other": number(other),
        "difference": number(own - other),
        "difference_interval": None,
    }
    if skill:
        out |= {"skill": number(1 - own / other) if other else None, "skill_interval": None}
    if own_drawn is None or other_drawn is None:
        return out
    out["difference_interval"] = numbers(bootstrap.interval(own_drawn - other_drawn, level))
    if skill:
        ratio = own_drawn / np.where(other_drawn != 0, other_drawn, np.nan)
        out["skill_interval"] = numbers(bootstrap.interval(1 - ratio, level))
    return out


def number(value: float) -> float | None:
    """A plain number of six digits, None where it is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def numbers(values: Iterable[float] | None) -> list[float | None] | None:
    """`number` of each; None stays None."""
    return None if values is None else [number(float(v)) for v in values]


def _by_issue(sums: Sums, groups: Doubles) -> tuple[Doubles, Doubles]:
    """Sums and counts by group: (metric, issue, group), (issue, group)."""
    by_issue = np.einsum("mil,ilg->mig", sums.by_lead, groups, optimize=True)
    return by_issue, np.einsum("il,ilg->ig", sums.n, groups, optimize=True)


def _resampled(
    metrics: tuple[str, ...], by_issue: Doubles, n_issue: Doubles, weight: Doubles | None,
    days: NDArray[np.int64],
) -> dict[str, Doubles] | None:  # fmt: skip
    """Scores of each resample: (resample, ...) each."""
    if weight is None:
        return None
    daily = bootstrap.by_day(np.moveaxis(by_issue, 1, 0), days)
    drawn = np.moveaxis(bootstrap.resampled(weight, daily), 1, 0)
    return derived(metrics, drawn, bootstrap.resampled(weight, bootstrap.by_day(n_issue, days)))


def _grouped(
    metrics: tuple[str, ...], by_issue: Doubles, n_issue: Doubles, weight: Doubles | None,
    days: NDArray[np.int64], level: float,
) -> dict[str, Any]:  # fmt: skip
    n = n_issue.sum(axis=0)
    values = derived(metrics, by_issue.sum(axis=1), n)
    drawn = _resampled(metrics, by_issue, n_issue, weight, days)
    events = [m for m in metrics if m.startswith(("hit_", "miss_", "alarm_"))]
    out: dict[str, Any] = {}
    for g, group in enumerate(GROUPS):
        scores: dict[str, Any] = {"n": int(n[g])}
        scores |= {k: number(float(v[g])) for k, v in values.items()}
        scores["counts"] = {m: int(by_issue[metrics.index(m), :, g].sum()) for m in events}
        if drawn is not None:
            scores["intervals"] = {
                k: numbers(bootstrap.interval(v[:, g], level)) for k, v in drawn.items()
            }
        out[group] = scores
    return out


def _curves(
    sums: Sums, weight: Doubles | None, days: NDArray[np.int64], level: float
) -> dict[str, Any]:
    n = sums.n.sum(axis=0)
    values = derived(sums.metrics, sums.by_lead.sum(axis=1), n)
    drawn = _drawn_curves(sums, weight, days)
    names = [*_CURVES, *(k for k in values if k.startswith("csi_"))]
    out: dict[str, Any] = {"n": [int(v) for v in n]}
    out |= {k: numbers(values[k]) for k in names}
    if drawn:
        out["intervals"] = {
            k: [numbers(i) for i in bootstrap.intervals(v, level)] for k, v in drawn.items()
        }
    return out


def _shares(counts: Doubles) -> Doubles:
    total = counts.sum()
    return np.asarray(counts / total) if total else np.full_like(counts, np.nan)


def plain(values: Mapping[str, Doubles], index: int) -> dict[str, float | None]:
    """One row of several score arrays as plain numbers."""
    return {k: number(float(v[index])) for k, v in values.items()}
