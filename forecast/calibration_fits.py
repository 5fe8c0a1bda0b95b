"""Experts that are fitted again and again on the past: forgetting ridge regression, and trees.

A fit made at row k has seen rows < k only. Rows and coefficients are never revised.
"""

from dataclasses import dataclass

import lightgbm
import numpy as np
from numpy.typing import NDArray

from forecast.calibration_config import ColocatedConfig, Trees

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
_CLIP = 4.0  # standard deviations: beyond what was seen a linear expert does not extrapolate


def schedule(hours: Floats, known: NDArray[np.bool_], config: ColocatedConfig) -> Rows:
    """Rows at which linear experts are fitted: every so many hours, if a reference came since."""
    found, due = [], -np.inf
    for row in np.flatnonzero(known):
        if hours[row] - due >= config.refit_h:
            found.append(int(row) + 1)
            due = hours[row]
    return np.array(found, dtype=np.int64)


def tree_schedule(hours: Floats, known: NDArray[np.bool_], trees: Trees) -> Rows:
    """Rows at which trees are fitted: when the rows with a reference have grown enough."""
    found, size, last = [], 0.0, -np.inf
    for count, row in enumerate(np.flatnonzero(known), start=1):
        grown = count >= size * (1 + trees.growth) or hours[row] - last >= trees.most_hours
        if count >= trees.least_rows and grown:
            found.append(int(row) + 1)
            size, last = count, hours[row]
    return np.array(found, dtype=np.int64)


def fit_of(fits: Rows, j: Rows) -> Rows:
    """Index of the newest fit that saw rows <= j only; -1: none."""
    return np.asarray(np.searchsorted(fits, j + 1, side="right") - 1)


@dataclass(frozen=True)
class Ridge:
    """Coefficients per fit, for standardised columns."""

    fits: Rows  # (fit,): row at which it was made
    mean: Floats  # (fit, feature)
    scale: Floats  # (fit, feature)
    slope: Floats  # (fit, feature); NaN where there were too few rows
    level: Floats  # (fit,)

    def predict(self, x: Floats, fit: Rows) -> Floats:
        """Value per row with its own fit; NaN where that is -1 or has too few rows."""
        k = np.maximum(fit, 0)
        if not len(self.fits):
            return np.full(len(x), np.nan)
        z = np.clip((x - self.mean[k]) / self.scale[k], -_CLIP, _CLIP)
        value = np.einsum("nf,nf->n", np.nan_to_num(z), self.slope[k]) + self.level[k]
        return np.where((fit >= 0) & ~np.isnan(x).all(axis=1), value, np.nan)


def ridge(
    x: Floats, y: Floats, hours: Floats, fits: Rows, *, half_life: float, config: ColocatedConfig
) -> Ridge:
    """Forgetting ridge regression of y (row,) on x (row, feature), at every fit's row.

    Missing features count as their mean. Rows without y are not used.
    """
    size = x.shape[1]
    gram, moment = np.zeros((size + 1, size + 1)), np.zeros(size + 1)
    # Sums about the first chunk's mean: about zero, cancellation would eat small variances.
    shift: Floats | None = None
    mean, scale = np.zeros((len(fits), size)), np.ones((len(fits), size))
    slope, level = np.full((len(fits), size), np.nan), np.full(len(fits), np.nan)
    count, begin = 0, 0
    for f, end in enumerate(fits):
        rows = np.arange(begin, end)[~np.isnan(y[begin:end])]
        rows = rows[~np.isnan(x[rows]).all(axis=1)]
        if f:
            fade = 0.5 ** ((hours[end - 1] - hours[begin - 1]) / half_life)
            gram, moment = gram * fade, moment * fade
        begin = end
        if len(rows):
            if shift is None:
                known = ~np.isnan(x[rows])
                shift = np.where(known, x[rows], 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
            centred = x[rows] - shift
            if count:
                centred = np.where(np.isnan(centred), gram[-1, :-1] / gram[-1, -1], centred)
            design = np.column_stack([np.nan_to_num(centred), np.ones(len(rows))])
            gram = gram + design.T @ design
            moment = moment + design.T @ y[rows]
            count += len(rows)
        if count < config.least_rows or shift is None:
            continue
        total = gram[-1, -1]
        centre, middle = gram[-1, :-1] / total, moment[-1] / total
        covariance = gram[:-1, :-1] - total * np.outer(centre, centre)
        deviation = np.sqrt(np.maximum(np.diag(covariance) / total, 0))
        spread = np.where(deviation > 1e-6 * (np.abs(centre + shift) + 1e-3), deviation, np.inf)
        normal = covariance / np.outer(spread, spread) + config.ridge * np.eye(size)
        right = (moment[:-1] - total * centre * middle) / spread
        mean[f], scale[f] = centre + shift, np.where(np.isinf(spread), 1.0, spread)
        slope[f], level[f] = np.linalg.solve(normal, right), middle
    return Ridge(fits, mean, scale, slope, level)


def trees(
    x: Floats, y: Floats, weight: Floats, settings: Trees, *, seed: int
) -> "lightgbm.Booster | None":
    """Boosted trees for the median; None where there are too few rows with y."""
    rows = ~np.isnan(y)
    if rows.sum() < settings.least_rows:
        return None
    parameters = {
        "objective": "l1",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": 20,
        "lambda_l2": 1.0,
        "feature_fraction": 0.5,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "max_bin": 63,
        "verbosity": -1,
        "num_threads": 1,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
    }
    data = lightgbm.Dataset(x[rows], y[rows], weight=weight[rows], params=parameters)
    return lightgbm.train(parameters, data, num_boost_round=settings.rounds)
