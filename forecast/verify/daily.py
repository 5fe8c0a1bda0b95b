"""Scores of the daily index of an area: levels, ranges, primary pollutants, events, probabilities.

Takes members and observed indices by issue time and day; knows no files and no stations. The
point forecast is the median of the members, a half rounded up (HJ 633 rounds an index up); the
most probable level and the mean of the members are scored beside it. Every system is an ensemble:
persistence has one member, climatology has the days of the season before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scores.categorical import firm
from scores.continuous.correlation import pearsonr
from scores.probability import brier_score, crps_for_ensemble, rank_histogram

from forecast.timing import DAYS
from forecast.verify import bootstrap, summary
from forecast.verify.settings import LEVELS, VerifySettings

Doubles = NDArray[np.float64]
BOUNDS = (50, 100, 150, 200, 300)  # upper index of levels 1..5 (HJ 633, table of categories)
DAY_GROUPS = (*(f"D{d + 1}" for d in range(DAYS)), "all")
_BINS = np.linspace(0, 1, 11)
_INTERVALS = {"50": (0.25, 0.75), "80": (0.1, 0.9), "90": (0.05, 0.95)}
ERRORS = ("mae", "rmse", "crps", "firm", "brier")  # lower is better; skill = 1 - own / other


@dataclass(frozen=True)
class DailyForecast:
    """Daily index of one area by members."""

    aqi: Doubles  # (issue, day, member), NaN = missing
    primary: NDArray[np.bool_]  # (issue, day, member, POLLUTANTS)


@dataclass(frozen=True)
class DailyObserved:
    """What was observed on the days the issue times forecast."""

    dates: NDArray[np.datetime64]  # (issue, day), local date of each target day
    aqi: Doubles  # (issue, day), NaN = missing
    primary: NDArray[np.bool_]  # (issue, day, POLLUTANTS)


def target_dates(issue_times: pd.DatetimeIndex, offset: pd.Timedelta) -> NDArray[np.datetime64]:
    """Local dates of D+1 .. D+3 of each issue time (an issue at 00:00 closes the day before)."""
    today = (issue_times + offset - pd.Timedelta(hours=1)).normalize().to_numpy()
    ahead = np.arange(1, DAYS + 1).astype("timedelta64[D]")
    return np.asarray(today.astype("datetime64[D]")[:, None] + ahead[None, :])


def level(index: Doubles) -> Doubles:
    """Level 1..6 of an index (rounded up to a whole number first), NaN where it is NaN."""
    found = 1 + np.searchsorted(BOUNDS, np.ceil(np.nan_to_num(index)), side="left")
    return np.where(np.isnan(index), np.nan, found)


def point(members: Doubles) -> Doubles:
    """Point forecast (...) of members (..., member): the median, a half rounded up."""
    return np.asarray(np.ceil(np.median(members, axis=-1)))


def case_losses(
    forecast: DailyForecast, observed: DailyObserved, settings: VerifySettings
) -> tuple[dict[str, Doubles], NDArray[np.bool_]]:
    """Losses and hits of each case.

    Returns:
        Name -> (issue, day), 0 where not valid; and where all members and the observation are
        known. `*_n` counts the cases a share stands on.
    """
    valid = np.isfinite(observed.aqi) & np.isfinite(forecast.aqi).all(axis=-1)
    o = np.where(valid, observed.aqi, 1.0)
    members = np.where(valid[..., None], forecast.aqi, 1.0)
    f = point(members)
    mean = members.mean(axis=-1)
    out: dict[str, Any] = {
        "error_abs": np.abs(f - o), "error": f - o, "error_sq": (mean - o) ** 2,
        "observed": o, "forecast": f,
        "crps": crps_for_ensemble(_array(members), _array(o), "member", preserve_dims="all").values,
        "level": level(f) == level(o),
        "level_probable": _probable_level(members) == level(o),
        "level_mean": level(mean) == level(o),
        "firm": firm(
            _array(f), _array(o), settings.risk_parameter, list(BOUNDS), [1.0] * len(BOUNDS),
            preserve_dims="all", threshold_assignment="lower",
        ).values,
    }  # fmt: skip
    for name, (low, high) in _INTERVALS.items():
        bottom, top = np.quantile(members, [low, high], axis=-1)
        out[f"cover_{name}"] = (o >= bottom) & (o <= top)
    for name, preset in settings.ranges.items():
        width = np.asarray(preset.widths)[level(f).astype(int) - 1]
        reach = width * f if preset.kind == "relative" else width
        out[f"range_{name}"] = np.abs(o - f) <= reach
    out["value_score"] = _value_score(f, o, settings)
    out |= _primary_hits(forecast, observed, valid, o)
    for bound in settings.aqi_events:
        probability = (members > bound).mean(axis=-1)
        seen = o > bound
        out[f"brier_{bound}"] = brier_score(
            _array(probability), _array(seen.astype(float)), preserve_dims="all"
        ).values
        out[f"hit_{bound}"] = (f > bound) & seen
        out[f"miss_{bound}"] = (f <= bound) & seen
        out[f"alarm_{bound}"] = (f > bound) & ~seen
    return {k: np.where(valid, v, 0).astype(float) for k, v in out.items()}, valid


def _array(values: Doubles) -> xr.DataArray:
    return xr.DataArray(values, dims=("issue_time", "day", "member")[: values.ndim])


def _probable_level(members: Doubles) -> Doubles:
    """The level most members have; of tied levels the higher one (the cautious reading)."""
    levels = level(members)
    share = np.stack([(levels == n).mean(axis=-1) for n in range(LEVELS, 0, -1)], axis=-1)
    return np.asarray(LEVELS - share.argmax(axis=-1), dtype=float)


def _value_score(f: Doubles, o: Doubles, settings: VerifySettings) -> Doubles:
    """Mean of the points for the value and for the level (source: the settings)."""
    rule = settings.value_score
    error, apart = np.abs(f - o), np.abs(level(f) - level(o)).astype(int)
    value = np.zeros_like(error)
    for most, points in reversed(rule.value_steps):
        value = np.where(error <= most, points, value)
    table = np.zeros(LEVELS)
    table[: len(rule.level_points)] = rule.level_points
    return np.asarray((value + table[apart]) / 2)


def _primary_hits(
    forecast: DailyForecast, observed: DailyObserved, valid: NDArray[np.bool_], o: Doubles
) -> dict[str, Any]:
    """Primary pollutant, on observed days above 50: any in common, and the same set.

    The forecast's primary is what most members name (ties together), nothing where most members
    name none.
    """
    counted = valid & (o > 50) & observed.primary.any(axis=-1)
    votes = forecast.primary.sum(axis=2)
    most = votes.max(axis=-1, keepdims=True)
    none = (~forecast.primary.any(axis=-1)).sum(axis=2)[..., None]
    named = (votes == most) & (most > 0) & (most >= none)
    return {
        "primary_any": counted & (named & observed.primary).any(axis=-1),
        "primary_exact": counted & (named == observed.primary).all(axis=-1),
        "primary_n": counted,
    }


def scores_from(total: Mapping[str, Doubles], n: Doubles) -> dict[str, Doubles]:
    """Scores from sums of `case_losses`; every argument and result has the same shape."""
    count = np.where(n > 0, n, np.nan)
    primary = np.where(total["primary_n"] > 0, total["primary_n"], np.nan)
    seen = np.where(total["observed"] > 0, total["observed"], np.nan)
    out = {
        "mae": total["error_abs"] / count,
        "bias": total["error"] / count,
        "rmse": np.sqrt(total["error_sq"] / count),
        "nmb": total["error"] / seen,
        "nme": total["error_abs"] / seen,
        "crps": total["crps"] / count,
        "firm": total["firm"] / count,
        "level_accuracy": total["level"] / count,
        "level_accuracy_probable": total["level_probable"] / count,
        "level_accuracy_mean": total["level_mean"] / count,
        "value_score": total["value_score"] / count,
        "primary_any": total["primary_any"] / primary,
        "primary_exact": total["primary_exact"] / primary,
    }
    for name, values in total.items():
        if name.startswith(("range_", "cover_", "brier_")):
            out[name] = values / count
        if name.startswith("hit_"):
            b = name.removeprefix("hit_")
            table = summary.contingency(values, total[f"miss_{b}"], total[f"alarm_{b}"], n)
            out |= {f"{k}_{b}": v for k, v in table.items()}
    return out


def area_scores(
    forecast: DailyForecast, observed: DailyObserved, issue_times: pd.DatetimeIndex,
    offset: pd.Timedelta, settings: VerifySettings,
) -> dict[str, Any]:  # fmt: skip
    """Everything scores.json says about one area's daily index, by day ahead and by season."""
    losses, valid = case_losses(forecast, observed, settings)
    drawn = resampled_scores(losses, valid, issue_times, offset, settings)
    values, n = totals(losses, valid)
    days = {}
    for g, group in enumerate(DAY_GROUPS):
        rows = valid if group == "all" else valid & (np.arange(DAYS) == g)[None, :]
        entry: dict[str, Any] = {"n": int(n[g]), "n_days": len(np.unique(observed.dates[rows]))}
        entry |= summary.plain(values, g)
        entry["counts"] = {
            f"{kind}_{bound}": int(_group(losses[f"{kind}_{bound}"])[:, g].sum())
            for bound in settings.aqi_events
            for kind in ("hit", "miss", "alarm")
        }
        entry["primary_n"] = int(_group(losses["primary_n"])[:, g].sum())
        entry |= _distribution(forecast, observed, rows, settings)
        if drawn is not None:
            entry["intervals"] = {
                k: summary.numbers(bootstrap.interval(v[:, g], settings.bootstrap.level))
                for k, v in drawn.items()
            }
        days[group] = entry
    months = pd.DatetimeIndex(observed.dates.ravel()).month.to_numpy().reshape(valid.shape)
    seasons = {}
    for season, members in summary.SEASONS.items():
        rows = valid & np.isin(months, members)
        if rows.any():
            kept = {k: np.where(rows, v, 0) for k, v in losses.items()}
            found, count = totals(kept, rows)
            seasons[season] = {
                g: {"n": int(count[i])} | summary.plain(found, i) for i, g in enumerate(DAY_GROUPS)
            }
    combined = _weighted(values["value_score"][:DAYS], settings)
    return {"days": days, "by_season": seasons, "value_score_weighted": combined}


def totals(
    losses: Mapping[str, Doubles], valid: NDArray[np.bool_]
) -> tuple[dict[str, Doubles], Doubles]:
    """Scores and n by DAY_GROUPS."""
    n = _group(valid.astype(float)).sum(axis=0)
    return scores_from({k: _group(v).sum(axis=0) for k, v in losses.items()}, n), n


def resampled_scores(
    losses: Mapping[str, Doubles], valid: NDArray[np.bool_], issue_times: pd.DatetimeIndex,
    offset: pd.Timedelta, settings: VerifySettings,
) -> dict[str, Doubles] | None:  # fmt: skip
    """Scores of each resample, (resample, DAY_GROUPS) each; None where the days are too few."""
    days = bootstrap.day_numbers(issue_times, offset)
    weight = bootstrap.weights(int(days.max()) + 1, settings.bootstrap)
    if weight is None:
        return None

    def drawn(values: Doubles) -> Doubles:
        return bootstrap.resampled(weight, bootstrap.by_day(_group(values), days))

    return scores_from({k: drawn(v) for k, v in losses.items()}, drawn(valid.astype(float)))


def paired(
    own: DailyForecast, other: DailyForecast, observed: DailyObserved,
    issue_times: pd.DatetimeIndex, offset: pd.Timedelta, settings: VerifySettings,
) -> dict[str, Any]:  # fmt: skip
    """Differences and skill by day ahead, on the cases both forecasts were scored on."""
    first, valid_a = case_losses(own, observed, settings)
    second, valid_b = case_losses(other, observed, settings)
    both = valid_a & valid_b
    pair = []
    for losses in (first, second):
        kept = {k: np.where(both, v, 0) for k, v in losses.items()}
        drawn = resampled_scores(kept, both, issue_times, offset, settings)
        pair.append((*totals(kept, both), drawn))
    (a, n, a_drawn), (b, _, b_drawn) = pair
    return {
        group: {"n": int(n[g])}
        | {
            k: summary.difference(
                float(a[k][g]), float(b[k][g]),
                None if a_drawn is None else a_drawn[k][:, g],
                None if b_drawn is None else b_drawn[k][:, g],
                settings.bootstrap.level, skill=k.startswith(ERRORS),
            )
            for k in a
        }
        for g, group in enumerate(DAY_GROUPS)
    }  # fmt: skip


def _group(values: Doubles) -> Doubles:
    """(issue, day) -> (issue, DAY_GROUPS): each day, then their sum."""
    return np.concatenate([values, values.sum(axis=1, keepdims=True)], axis=1)


def _distribution(
    forecast: DailyForecast, observed: DailyObserved, rows: NDArray[np.bool_],
    settings: VerifySettings,
) -> dict[str, Any]:  # fmt: skip
    """Reliability, rank histogram, correlation and the table of levels over some cases."""
    o, members = observed.aqi[rows], forecast.aqi[rows]
    f = point(members)
    out: dict[str, Any] = {"reliability": {}, "ranks": None, "r": None}
    for bound in settings.aqi_events:
        p, seen = (members > bound).mean(axis=-1), o > bound
        bins = np.clip(np.digitize(p, _BINS[1:-1], right=True), 0, len(_BINS) - 2)
        count = np.bincount(bins, minlength=len(_BINS) - 1)
        total = np.where(count > 0, count, np.nan)
        rate, mean_p = (
            np.bincount(bins, weights=w, minlength=len(_BINS) - 1) / total for w in (seen, p)
        )
        base = float(seen.mean()) if o.size else float("nan")
        uncertainty = base * (1 - base)
        error = float(np.mean((p - seen) ** 2)) if o.size else float("nan")
        out["reliability"][str(bound)] = {
            "n": count.tolist(),
            "forecast": summary.numbers(mean_p),
            "observed": summary.numbers(rate),
            "events": int(seen.sum()),
            "base_rate": summary.number(base),
            "brier_skill_sample": summary.number(1 - error / uncertainty) if uncertainty else None,
        }
    table = np.zeros((LEVELS, LEVELS), dtype=int)
    if o.size:
        np.add.at(table, (level(f).astype(int) - 1, level(o).astype(int) - 1), 1)
        ranks = rank_histogram(
            xr.DataArray(members, dims=("case", "member")), xr.DataArray(o, dims="case"), "member"
        )
        out["ranks"] = summary.numbers(ranks.values)
    if o.size > 2 and np.ptp(o) > 0 and np.ptp(f) > 0:
        r = pearsonr(xr.DataArray(f, dims="case"), xr.DataArray(o, dims="case"))
        out["r"] = summary.number(float(r))
    return out | {"level_table": table.tolist()}  # [forecast level][observed level]


def _weighted(score: Doubles, settings: VerifySettings) -> float | None:
    weight = np.asarray(settings.value_score.day_weights)
    return summary.number(float((score * weight).sum() / weight.sum()))
