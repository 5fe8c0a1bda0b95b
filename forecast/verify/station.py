"""Losses of hourly quantile forecasts at stations, and their sums.

Takes quantiles and observations as arrays; knows no files. Only hours with an observation and a
complete set of quantiles are scored. With y the observation, q_k the quantile at level t_k and
rho_t(y, q) the quantile (pinball) score of `scores.continuous.quantile_score`:

    CRPS    = 2 sum_k w_k rho_{t_k}(y, q_k), the quantile decomposition of the CRPS (Gneiting and
              Ranjan 2011, doi 10.1198/jbes.2010.08110) at nine levels; w_k is the probability
              nearest to level k (midpoint to midpoint; 0 and 1 close the ends), sum w_k = 1
    twCRPS  = the same with max(y, t) and max(q_k, t): only what differs above the threshold t
              counts (`scores.continuous.tw_quantile_score` with weight 1 on [t, inf), the same
              number twenty times as fast; the tests hold this to it)
    mean    = sum_k w_k q_k, the forecast whose squared error makes the RMSE
    RMSE    = sqrt(sum of squared errors / n) over all scored values of the group ("pooled": never
              a mean of RMSEs)
    bias    = mean of (median - y)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scores.continuous import mae, mean_error, mse, quantile_score

from forecast.schema import MAX_LEAD, QUANTILES
from forecast.timing import DAYS, day_leads

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
COVERAGE = {"50": (0.25, 0.75), "80": (0.1, 0.9), "90": (0.05, 0.95), "96": (0.02, 0.98)}
BLOCKS = tuple((first, first + 23) for first in range(1, MAX_LEAD + 1, 24))
GROUPS = (*(f"h{a}_{b}" for a, b in BLOCKS), *(f"D{d + 1}" for d in range(DAYS)), "all")
_DIMS = ("issue_time", "lead", "station")


@dataclass(frozen=True)
class Losses:
    """Losses of one pollutant at some issue times."""

    metrics: tuple[str, ...]
    values: Floats  # (metric, issue, lead, station), 0 where not valid
    ranks: Floats  # (rank 0..9, issue, lead, station): share of the case in each rank
    valid: NDArray[np.bool_]  # (issue, lead, station)


@dataclass(frozen=True)
class Sums:
    """Sums of losses of one pollutant over many issue times."""

    metrics: tuple[str, ...]
    by_lead: Doubles  # (metric, issue, lead), summed over stations
    n: Doubles  # (issue, lead)
    by_station: Doubles  # (metric, station, GROUPS), summed over issue times
    n_station: Doubles  # (station, GROUPS)
    ranks: Doubles  # (GROUPS, rank)


def quantile_weights() -> Doubles:
    """Probability nearest to each of QUANTILES; they sum to one."""
    inner = (np.array(QUANTILES[1:]) + np.array(QUANTILES[:-1])) / 2
    return np.diff(np.concatenate([[0.0], inner, [1.0]]))


def losses(quantiles: Floats, observed: Floats, thresholds: Sequence[float]) -> Losses:
    """Losses of each case.

    Args:
        quantiles: (issue, lead, station, QUANTILES), NaN = missing.
        observed: (issue, lead, station), NaN = missing, in the same units.
        thresholds: Upper-tail thresholds in the same units.

    Returns:
        Metrics error_abs, error, error_sq, crps, pinball_<level>, observed, forecast, cover_<%>,
        twcrps_<threshold>, and hit_, miss_, alarm_<threshold> of the median at or above it.
    """
    valid = np.isfinite(observed) & np.isfinite(quantiles).all(axis=-1)
    y = xr.DataArray(np.where(valid, observed, np.nan), dims=_DIMS)
    q = [xr.DataArray(quantiles[..., k], dims=_DIMS) for k in range(len(QUANTILES))]
    weight = quantile_weights()
    mean = np.tensordot(quantiles, weight, axes=(-1, 0))
    median = q[QUANTILES.index(0.5)]
    out: dict[str, NDArray[Any]] = {
        "error_abs": mae(median, y, preserve_dims="all").values,
        "error": mean_error(median, y, preserve_dims="all").values,
        "error_sq": mse(xr.DataArray(mean, dims=_DIMS), y, preserve_dims="all").values,
        "observed": y.values,
        "forecast": median.values,
    }
    pinball = _pinball(q, y)
    out["crps"] = 2 * np.tensordot(weight, pinball, axes=(0, 0))
    out |= {f"pinball_{t:g}": p for t, p in zip(QUANTILES, pinball, strict=True)}
    for name, (low, high) in COVERAGE.items():
        bottom, top = q[QUANTILES.index(low)].values, q[QUANTILES.index(high)].values
        inside = (y.values >= bottom) & (y.values <= top)
        out[f"cover_{name}"] = inside
    for threshold in thresholds:
        tail = _pinball([f.clip(min=threshold) for f in q], y.clip(min=threshold))
        out[f"twcrps_{threshold:g}"] = 2 * np.tensordot(weight, tail, axes=(0, 0))
        warned, seen = median.values >= threshold, y.values >= threshold
        out[f"hit_{threshold:g}"] = warned & seen
        out[f"miss_{threshold:g}"] = ~warned & seen
        out[f"alarm_{threshold:g}"] = warned & ~seen
    values = np.stack([np.where(valid, v, 0).astype(np.float32) for v in out.values()])
    return Losses(tuple(out), values, _rank_shares(quantiles, observed, valid), valid)


def _pinball(q: list[xr.DataArray], y: xr.DataArray) -> Floats:
    """Quantile score of each level: (QUANTILES, issue, lead, station)."""
    pairs = zip(q, QUANTILES, strict=True)
    return np.stack([quantile_score(f, y, t, preserve_dims="all").values for f, t in pairs])


def _rank_shares(quantiles: Floats, observed: Floats, valid: NDArray[np.bool_]) -> Floats:
    """Share of each case in ranks 0 (below all) .. 9 (above all); ties are spread evenly.

    `scores.probability.rank_histogram` gives the pooled shares only; the tests hold this to it.
    """
    below = (quantiles < observed[..., None]).sum(axis=-1)
    upto = (quantiles <= observed[..., None]).sum(axis=-1)
    share = np.where(valid, 1 / (upto - below + 1), 0)
    rank = np.arange(len(QUANTILES) + 1).reshape(-1, *[1] * below.ndim)
    return np.where((rank >= below) & (rank <= upto), share, 0).astype(np.float32)


def lead_groups(issue_times: pd.DatetimeIndex, offset: pd.Timedelta) -> Doubles:
    """Which leads belong to which of GROUPS at each issue time: 0 or 1 (issue, lead, group)."""
    lead = np.arange(1, MAX_LEAD + 1)
    out = np.zeros((len(issue_times), MAX_LEAD, len(GROUPS)))
    for g, (first, last) in enumerate(BLOCKS):
        out[:, (lead >= first) & (lead <= last), g] = 1
    hours = (issue_times + offset).hour.to_numpy()
    for hour in np.unique(hours):
        rows = np.flatnonzero(hours == hour)
        days = day_leads(issue_times[rows[0]], offset)
        for d, (first, last) in enumerate(days):
            out[rows[:, None], np.arange(first - 1, last)[None, :], len(BLOCKS) + d] = 1
    out[:, :, -1] = 1
    return out


def summed(found: Losses, groups: Doubles, *, among: NDArray[np.bool_] | None = None) -> Sums:
    """Sum the losses of one chunk; `among` keeps only cases that others could be scored on too."""
    valid, values, ranks = found.valid, found.values, found.ranks
    if among is not None and (valid & ~among).any():
        valid = valid & among
        values, ranks = np.where(valid, values, 0), np.where(valid, ranks, 0)
    return Sums(
        found.metrics,
        values.sum(axis=3, dtype=np.float64),
        valid.sum(axis=2, dtype=np.float64),
        np.einsum("mils,ilg->msg", values, groups, optimize=True),
        np.einsum("ils,ilg->sg", valid.astype(np.float64), groups, optimize=True),
        np.einsum("ril,ilg->gr", ranks.sum(axis=3, dtype=np.float64), groups, optimize=True),
    )


def joined(parts: Sequence[Sums]) -> Sums:
    """Sums over the issue times of all chunks, in their order."""
    return Sums(
        parts[0].metrics,
        np.concatenate([p.by_lead for p in parts], axis=1),
        np.concatenate([p.n for p in parts], axis=0),
        np.sum([p.by_station for p in parts], axis=0),
        np.sum([p.n_station for p in parts], axis=0),
        np.sum([p.ranks for p in parts], axis=0),
    )
