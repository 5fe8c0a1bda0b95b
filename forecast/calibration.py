"""A sensor beside a reference -> corrected values, each from what was known before it.

The value of a row uses the sensor's reading of that row and earlier ones, and references of
earlier rows. Three kinds of experts are blended, per pollutant and age of the newest reference:

    the raw sensor
    transfer     ridge regressions and trees on the sensor, humidity, temperature, hour and the
                 hours before, fitted on the past; one knows its own pollutant and humidity only,
                 which stays sane where the others would extrapolate
    week         the mean of the references of the last week known
    state        the last reference; transfer plus the last residual, fading; ridge and trees on the
                 last references and residuals of all pollutants and what the sensors did since

The blend is exponentiated gradient on absolute errors (Kivinen and Warmuth, 1997), with a fading
memory. Because the raw sensor is an expert, what is gained over it can be small but not lost for
long. How old references do is learned beside it: every row is also answered as if its newest
reference were 3, 6, ... 720 h old. So weights and uncertainty are known for the day it leaves.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from forecast import calibration_fits as fits
from forecast.calibration_blend import blend, bucket
from forecast.calibration_config import ColocatedConfig
from forecast.calibration_features import (
    Floats,
    Inputs,
    Rows,
    back,
    inputs,
    offsets,
    references,
    state,
)
from forecast.colocated import POLLUTANTS, Colocated

EXPERTS: Final = (
    "raw", "own", "ridge_fast", "ridge_slow", "trees", "week", "last", "hold",
    "state_ridge_fast", "state_ridge_slow", "state_trees",
)  # fmt: skip
_TRANSFER: Final = slice(1, 5)
_WEEK: Final = 5
_STATE: Final = slice(6, 11)


@dataclass(frozen=True)
class Corrected:
    """Corrected values (row, pollutant) in the readings' units and order; NaN = no reading.

    sd is the standard deviation of the error; age_h the age of the newest reference, NaN: none
    so far. experts (row, pollutant, expert) is what was blended, by weights of the same shape.
    """

    values: Floats
    sd: Floats
    age_h: Floats
    experts: Floats
    weights: Floats


def calibrate(data: Colocated, config: ColocatedConfig) -> Corrected:
    """Correct every row of a co-located series.

    Args:
        data: Readings in the order of time; NaN = missing, also in the references.
        config: Settings.

    Returns:
        A value wherever the sensor has one; sd and age beside it.
    """
    x = inputs(data, config)
    width, rows = len(POLLUTANTS), len(x.hours)
    # Column 0 is the product; the others ask what an older reference would have given.
    pairs = np.stack([references(x, age) for age in (0.0, *config.ages_h[1:])])
    previous = np.repeat(np.arange(-1, rows - 1, dtype=np.int64)[:, None], width, axis=1)
    transfer = _transfer(x, np.concatenate([pairs, previous[None]]), config)
    middle = _middle(transfer, x)
    experts = np.full((*pairs.shape, len(EXPERTS)), np.nan)
    experts[..., 0] = x.zs
    experts[..., _TRANSFER] = transfer[:-1]
    for p in range(width):
        week = x.week[np.maximum(pairs[:, :, p], 0), p]
        experts[:, :, p, _WEEK] = np.where(pairs[:, :, p] >= 0, week, np.nan)
        experts[:, :, p, _STATE] = _state(x, middle[:-1], middle[-1], pairs[:, :, p], p, config)
    offset = offsets(config)
    natural = back(experts, offset[:, None])
    natural[..., 0] = data.sensor
    natural[:, np.isnan(data.sensor)] = np.nan  # what was not measured is not made up
    age = np.where(pairs >= 0, x.hours[:, None] - x.hours[np.maximum(pairs, 0)], np.nan)
    found = blend(natural, data.reference, x.hours, pairs, age, offset=offset, config=config)
    return Corrected(found.values, found.sd, age[0], natural[0], found.weights)


def _transfer(x: Inputs, pairs: Rows, config: ColocatedConfig) -> Floats:
    """Z of the transfer experts (column, row, pollutant, 4): from the sensor alone."""
    result = np.full((*pairs.shape, 4), np.nan)
    settings = config.transfer_trees
    for p in range(len(POLLUTANTS)):
        y = x.zr[:, p]
        daily = fits.schedule(x.hours, ~np.isnan(y), config)
        which = fits.fit_of(daily, pairs[:, :, p])
        fast, slow = config.half_lives_h
        own = x.own(p)
        for k, (features, half_life) in enumerate(((own, slow), (x.short, fast), (x.short, slow))):
            model = fits.ridge(features, y, x.hours, daily, half_life=half_life, config=config)
            for c, fit in enumerate(which):
                result[c, :, p, k] = model.predict(features, fit)
        seldom = fits.tree_schedule(x.hours, ~np.isnan(y), settings)
        which = fits.fit_of(seldom, pairs[:, :, p])
        for f, end in enumerate(seldom):
            model_trees = fits.trees(
                x.long[:end], y[:end], _fading(x.hours[:end], settings.memory_h), settings,
                seed=config.seed,
            )  # fmt: skip
            use = which == f
            rows = np.flatnonzero(use.any(axis=0))
            if model_trees is None or not len(rows):
                continue
            found = np.full(len(x.hours), np.nan)
            found[rows] = model_trees.predict(x.long[rows])
            result[:, :, p, 3] = np.where(use, found, result[:, :, p, 3])
    return result


def _middle(transfer: Floats, x: Inputs) -> Floats:
    """One transfer signal in z (column, row, pollutant): the mean of those there are, else raw."""
    known = ~np.isnan(transfer)
    total = np.where(known, transfer, 0).sum(axis=-1)
    number = known.sum(axis=-1)
    return np.where(number > 0, total / np.maximum(number, 1), x.zs)


def _fading(hours: Floats, memory: float) -> Floats:
    return np.asarray(np.exp((hours - hours[-1]) / memory))


def _state(
    x: Inputs, transfer: Floats, online: Floats, pairs: Rows, p: int, config: ColocatedConfig
) -> Floats:
    """Z of the state experts of one pollutant (column, row, 5): what the last reference tells."""
    columns, rows = pairs.shape
    ages = [a for a in config.ages_h if a < config.state_until_h]
    result = np.full((columns, rows, 5), np.nan)
    seen = [state(x, transfer[c], online, pairs[c], p) for c in range(columns)]
    features = np.stack([f for f, _ in seen])
    age = np.stack([a for _, a in seen])
    k = np.maximum(pairs, 0)
    held = transfer[:, :, p] + np.exp(-age / config.hold_h) * (x.filled[:, p] - online[:, p])[k]
    fresh = age < config.state_until_h
    result[..., 0] = np.where(fresh, x.filled[k, p], np.nan)
    result[..., 1] = np.where(fresh, held, np.nan)
    rest = x.zr[:, p] - held  # (column, row): what the other experts learn
    which = np.minimum(bucket(age, config), len(ages) - 1)
    daily = fits.schedule(x.hours, ~np.isnan(x.zr[:, p]), config)
    fit = fits.fit_of(daily, pairs)
    for b in range(len(ages)):
        for m, half_life in enumerate(config.half_lives_h):
            model = fits.ridge(
                features[b], rest[b], x.hours, daily, half_life=half_life, config=config
            )
            for c in range(columns):
                use = fresh[c] & (which[c] == b)
                found = model.predict(features[c][use], fit[c][use])
                result[c, use, 2 + m] = held[c, use] + found
    result[..., 4] = _state_trees(x, features, rest, held, pairs, fresh, p, config)
    return result


def _state_trees(
    x: Inputs,
    features: Floats,
    rest: Floats,
    held: Floats,
    pairs: Rows,
    fresh: "NDArray[np.bool_]",
    p: int,
    config: ColocatedConfig,
) -> Floats:
    """Trees for all ages: each row teaches with its newest reference and with one older."""
    settings = config.state_trees
    columns, rows = pairs.shape
    result = np.full((columns, rows), np.nan)
    older = sum(1 for a in config.ages_h if a < config.state_until_h) - 1
    drawn = 1 + np.arange(rows) % max(older, 1)  # in turn: no chance, and no length enters
    drawn = np.minimum(drawn, columns - 1)
    row = np.arange(rows)
    seldom = fits.tree_schedule(x.hours, ~np.isnan(x.zr[:, p]), settings)
    which = fits.fit_of(seldom, pairs)
    for f, end in enumerate(seldom):
        use = fresh & (which == f)
        if not use.any():
            continue
        past = row[:end]
        design = np.concatenate([features[0, :end], features[drawn[:end], past]])
        target = np.concatenate([rest[0, :end], rest[drawn[:end], past]])
        weight = np.tile(_fading(x.hours[:end], settings.memory_h), 2)
        weight[end:] *= 0.5
        model = fits.trees(design, target, weight, settings, seed=config.seed)
        if model is not None:
            result[use] = model.predict(features[use])
    return np.asarray(result + held)
