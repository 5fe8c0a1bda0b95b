"""Training of the trees of one pollutant: how many, on what, and how wide they must be.

Takes rows (forecast.boosting_rows), gives LightGBM models; knows no dates and no files.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from forecast import features
from forecast.batch import Floats
from forecast.boosting_rows import Rows
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, QUANTILES

MIDDLE = QUANTILES.index(0.5)
WIDENING_RANGE = (0.8, 1.6)  # a block of validation is not trusted beyond


@dataclass(frozen=True)
class BoostingConfig:
    """Size of the training.

    The defaults take about nine minutes of one core for the 54 models of a weather tier on two
    years of twelve stations, and 0.2 s of one core per issue time to predict.
    """

    rows: int = 160_000  # drawn rows (issue hour, lead, station); a shorter record gives fewer
    rounds: int = 240
    early_stopping: int = 25  # rounds without gain on the validation block
    least_rounds: int = 40  # whatever the validation block says
    leaves: int = 31
    learning_rate: float = 0.1
    min_rows_in_leaf: int = 800
    column_share: float = 0.4
    row_share: float = 0.7
    leads_per_issue: int = 16
    validation_days: int = 180  # at most a quarter of the record
    gap_hours: int = 240  # between training targets and validation: history plus horizon
    missing_share: float = 0.03  # of batches trained with weather, or a station, missing
    threads: int = 2


@dataclass(frozen=True)
class Trial:
    """What a validation block said about one pollutant."""

    rounds: tuple[int, ...]  # per quantile
    widening: tuple[float, ...]  # per quantile: its distance from the median is to be so many times


def trial(
    pollutant: str, train: Rows, check: Rows, config: BoostingConfig, *, weather: bool, seed: int
) -> Trial:
    """Train with early stopping: rounds, and how far the quantiles were too narrow.

    The rounds of a quantile are the median of its own and its neighbours' best ones: a single
    block of time is too little to tell quantiles apart. The widening is conformal (Romano et
    al. 2019): with it the share of held-out values below a quantile is the quantile's.
    """
    data, y = _dataset(pollutant, train, weather=weather, seed=seed)
    i = POLLUTANTS.index(pollutant)
    known = np.isfinite(check[1][:, i])
    x2, y2 = check[0][pollutant][known], check[1][known, i]
    if not len(y2):
        raise DataError([Problem(f"validation data: {pollutant}", "no value", "some values")])
    held = lgb.Dataset(x2, y2, reference=data, params=_fixed(seed), free_raw_data=False)
    best, found = [], []
    for q in QUANTILES:
        data.set_label(target(y, q))
        held.set_label(target(y2, q))
        stop = lgb.early_stopping(config.early_stopping, verbose=False)
        booster = lgb.train(
            parameters(q, config, seed), data, config.rounds, valid_sets=[held], callbacks=[stop]
        )
        best.append(booster.best_iteration)
        z = booster.predict(x2, num_iteration=booster.best_iteration, num_threads=1)
        found.append(concentration(np.asarray(z), q))
    near = np.stack([best, [best[0], *best[:-1]], [*best[1:], best[-1]]])
    rounds = np.maximum(np.median(near, axis=0), config.least_rounds)
    return Trial(
        tuple(min(int(r), config.rounds) for r in rounds),
        tuple(widening_factors(np.stack(found), y2)),
    )


def final(
    pollutant: str,
    rows: Rows,
    rounds: Sequence[int],
    config: BoostingConfig,
    *,
    weather: bool,
    seed: int,
) -> list[tuple[float, lgb.Booster]]:
    """The models of a pollutant, trained on all rows for the rounds of a trial."""
    data, y = _dataset(pollutant, rows, weather=weather, seed=seed)
    models = []
    for q, n in zip(QUANTILES, rounds, strict=True):
        data.set_label(target(y, q))
        models.append((q, lgb.train(parameters(q, config, seed), data, n)))
    return models


def widened(quantiles: Floats, widening: Sequence[float]) -> Floats:
    """Quantiles (..., QUANTILES) at so many times their distance from the median, never below 0,
    rearranged to be monotone (Chernozhukov et al. 2010)."""
    middle = quantiles[..., MIDDLE : MIDDLE + 1]
    wide = middle + np.asarray(widening, dtype=np.float32) * (quantiles - middle)
    return np.sort(np.maximum(wide, 0), axis=-1)


def target(conc: Floats, q: float) -> Floats:
    """What trees are trained on for quantile q: see forecast.boosting."""
    return np.sqrt(np.maximum(conc, 0)) if q <= 0.5 else conc


def concentration(z: NDArray[np.floating[Any]], q: float) -> NDArray[np.floating[Any]]:
    """Concentration of a prediction of quantile q."""
    z = np.maximum(z, 0)
    return np.square(z) if q <= 0.5 else z


def widening_factors(found: Floats, y: Floats) -> list[float]:
    """Factors of distances from the median, found (QUANTILES, row), so that shares come right."""
    low, high = WIDENING_RANGE
    factors = []
    for q, values in zip(QUANTILES, found, strict=True):
        away = values - found[MIDDLE]
        # Only rows where trees order the two quantiles rightly can say something.
        right = away < -1e-3 if q < 0.5 else away > 1e-3
        if q == 0.5 or not right.any():
            factors.append(1.0)
            continue
        needed = (y[right] - found[MIDDLE][right]) / away[right]
        factor = np.quantile(needed, 1 - q if q < 0.5 else q)
        factors.append(round(float(np.clip(factor, low, high)), 3))
    return factors


def _dataset(pollutant: str, rows: Rows, *, weather: bool, seed: int) -> tuple[lgb.Dataset, Floats]:
    i = POLLUTANTS.index(pollutant)
    known = np.isfinite(rows[1][:, i])
    if not known.any():
        raise DataError([Problem(f"training data: {pollutant}", "no value", "some values")])
    y = rows[1][known, i]
    data = lgb.Dataset(
        rows[0][pollutant][known],
        y,
        feature_name=list(features.names(pollutant, weather=weather)),
        params=_fixed(seed),
        free_raw_data=False,
    )
    return data, y


def _fixed(seed: int) -> dict[str, Any]:
    # One thread: models are trained side by side instead, see forecast.boosting.fit.
    return {"max_bin": 127, "num_threads": 1, "verbosity": -1, "seed": seed}


def parameters(q: float, config: BoostingConfig, seed: int) -> dict[str, Any]:
    """LightGBM's parameters for a quantile."""
    # Little data lies beyond the outer quantiles: smaller trees there.
    leaves = config.leaves if 0.05 < q < 0.95 else max(config.leaves // 2, 2)
    return _fixed(seed) | {
        "objective": "quantile",
        "alpha": q,
        "metric": "quantile",
        "learning_rate": config.learning_rate,
        "num_leaves": leaves,
        "min_data_in_leaf": config.min_rows_in_leaf,
        "feature_fraction": config.column_share,
        "bagging_fraction": config.row_share,
        "bagging_freq": 1,
        "deterministic": True,
        "force_col_wise": True,
    }
