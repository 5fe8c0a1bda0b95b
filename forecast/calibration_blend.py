"""Experts -> one value, by what each was worth so far; and how wrong the value is, by age.

Weights and errors are learned per pollutant and per age of the newest reference, row by row. What
a pair (i, j) uses is the state after row j: the newest row whose reference it may know.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.calibration_config import ColocatedConfig

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
_LEARNED = 48  # hours with a reference after which an age has weights of its own
_STEEP = 3.0  # a gradient counts no more than this, in mean errors
_WIDE = 4.0  # an error counts no more than this, in standard deviations
_PRIOR = 12.0  # hours that the first standard deviation weighs


@dataclass(frozen=True)
class Blend:
    """Of column 0: value and sd (row, pollutant), weights (row, pollutant, expert)."""

    values: Floats
    sd: Floats
    weights: Floats


def bucket(age: Floats, config: ColocatedConfig) -> Rows:
    """Index of the learned age at or below an age; 0 where there is none or it is NaN."""
    edges = np.asarray(config.ages_h)
    found = np.searchsorted(edges, np.nan_to_num(age) + 1e-6, side="right") - 1
    return np.asarray(np.maximum(found, 0))


def blend(
    experts: Floats,
    truth: Floats,
    hours: Floats,
    j: Rows,
    age: Floats,
    *,
    offset: Floats,
    config: ColocatedConfig,
) -> Blend:
    """Blend experts online.

    Args:
        experts: (column, row, pollutant, expert), the first the raw sensor; NaN = asleep.
        truth: (row, pollutant) references, NaN = unknown.
        hours: (row,)
        j: (column, row, pollutant): row of the newest reference a pair may know, -1 = none.
        age: Its age, shape of j, NaN = none.
        offset: Of the square-root transform, per pollutant.
        config: Settings.

    Returns:
        Blend of column 0. Columns k > 0 only teach what a reference of ages_h[k] is worth.
    """
    columns, rows, width, size = experts.shape
    ages = len(config.ages_h)
    log_weight = np.zeros((rows + 1, ages, width, size))  # [row + 1]: after that row; [0]: before
    first = np.log1p(config.first_share) ** 2 / 4  # variance of log x is 4 x that of log sqrt x
    # Of errors of z over z, that is of half the relative error; sums fade with the memory.
    squares = np.full((rows + 1, ages, width), _PRIOR * first)
    counts = np.full((rows + 1, ages, width), _PRIOR)
    seen = np.zeros((rows + 1, ages, width), dtype=np.int64)
    error = np.full((ages, width), np.nan)
    which = bucket(age, config)
    values, sd = np.full((rows, width), np.nan), np.full((rows, width), np.nan)
    weights = np.zeros((rows, width, size))
    pollutant = np.arange(width)
    # Errors with an old reference last as long as it is old: fewer independent lessons per hour.
    rate = config.rate / np.asarray(config.ages_h) ** config.rate_decay
    learn = np.minimum(np.arange(columns), ages - 1)[:, None]
    for i in range(rows):
        known = j[:, i] + 1
        use = _learned(seen, known, which[:, i], pollutant)
        asleep = np.isnan(experts[:, i])
        w = np.where(asleep, -np.inf, log_weight[known, use, pollutant])
        w = np.exp(w - np.maximum(w.max(axis=-1, keepdims=True), -1e300))
        w = w / np.maximum(w.sum(axis=-1, keepdims=True), 1e-300)
        mix = np.where(
            asleep.all(axis=-1), np.nan, (w * np.where(asleep, 0, experts[:, i])).sum(axis=-1)
        )
        values[i], weights[i] = mix[0], w[0]
        sd[i] = _sd(mix[0], age[0, i], known[0], use[0], squares, counts, offset, config)
        log_weight[i + 1], squares[i + 1] = log_weight[i], squares[i]
        counts[i + 1], seen[i + 1] = counts[i], seen[i]
        # A column learns for its own age only, where its reference really has that age.
        teach = ~np.isnan(truth[i] - mix) & (which[:, i] == learn) & (j[:, i] >= 0)
        c, p = np.nonzero(teach)
        if not len(c):
            continue
        gap = mix[c, p] - truth[i, p]
        fade = np.exp(-(hours[i] - hours[max(i - 1, 0)]) / config.blend_memory_h)
        old = error[c, p]
        error[c, p] = np.where(np.isnan(old), np.abs(gap), old + 0.02 * (np.abs(gap) - old))
        gradient = np.sign(gap)[:, None] * (experts[c, i, p] - mix[c, p][:, None])
        gradient = gradient / np.maximum(error[c, p], 1e-6)[:, None]
        step = rate[c, None] * np.clip(np.nan_to_num(gradient), -_STEEP, _STEEP)
        log_weight[i + 1, c, p] = _bounded(log_weight[i, c, p] * fade - step)
        root = np.sqrt(mix[c, p] + offset[p])
        relative = (root - np.sqrt(truth[i, p] + offset[p])) / root
        most = _WIDE**2 * squares[i, c, p] / counts[i, c, p]
        squares[i + 1, c, p] = squares[i, c, p] * fade + np.minimum(relative**2, most)
        counts[i + 1, c, p] = counts[i, c, p] * fade + 1
        seen[i + 1, c, p] += 1
    return Blend(values, sd, weights)


def _bounded(log_weight: Floats) -> Floats:
    """No expert is ever lost: weights span e^8 at most, so one that turns good comes back."""
    top = log_weight.max(axis=-1, keepdims=True)
    return np.asarray(np.maximum(log_weight - top, -8.0))


def _learned(seen: Rows, known: Rows, which: Rows, pollutant: Rows) -> Rows:
    """The largest learned age at or below the pair's; 0 where none is learned yet."""
    enough = seen[known, :, pollutant] >= _LEARNED  # (column, pollutant, age)
    allowed = np.arange(seen.shape[1]) <= which[..., None]
    order = np.where(enough & allowed, np.arange(seen.shape[1]), 0)
    return np.asarray(order.max(axis=-1))


def _sd(
    mix: Floats,
    age: Floats,
    known: Rows,
    use: Rows,
    squares: Floats,
    counts: Floats,
    offset: Floats,
    config: ColocatedConfig,
) -> Floats:
    """Standard deviation of the error, never smaller for an older reference."""
    pollutant = np.arange(len(mix))
    variance = squares[known, :, pollutant] / counts[known, :, pollutant]  # (pollutant, age)
    upto = np.arange(variance.shape[1]) <= use[:, None]
    kept = np.where(upto, variance, 0).max(axis=1)
    edges = np.array([*config.ages_h[1:], np.inf])
    # Older than anything learned: the variance goes on growing with the age.
    grown = np.where(np.isnan(age), 1.0, np.maximum(age / edges[use], 1.0))
    relative = 2 * np.sqrt(kept * grown)
    return np.asarray(np.minimum(relative, 2.0) * (mix + offset))
