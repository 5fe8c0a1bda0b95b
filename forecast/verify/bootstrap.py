"""Uncertainty of scores and of their differences by resampling blocks of days.

Errors of adjoining days belong together (one episode, one weather regime), so days are drawn in
blocks: the circular block bootstrap of Politis and Romano (1992, in: Exploring the Limits of
Bootstrap, 263-270). A score is a function of sums over days; resampling means weighting each day
by how often it was drawn, so that all resamples of all scores are one matrix product. Systems
compared with each other share the weights, which makes their differences paired.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.verify.settings import Bootstrap

Doubles = NDArray[np.float64]


def day_numbers(times_utc: pd.DatetimeIndex, offset: pd.Timedelta) -> NDArray[np.int64]:
    """Local calendar day of each time, counted from the first one; gaps keep their days."""
    days = (times_utc + offset).normalize()
    return np.asarray((days - days.min()) // pd.Timedelta(days=1), dtype=np.int64)


def by_day(values: Doubles, days: NDArray[np.int64]) -> Doubles:
    """Sum (issue, ...) over the issue times of each day: (day, ...), 0 on days without any."""
    out = np.zeros((int(days.max()) + 1, *values.shape[1:]))
    np.add.at(out, days, values)
    return out


def weights(days: int, settings: Bootstrap) -> Doubles | None:
    """How often each day is drawn: (resample, day), each row sums to `days`.

    Returns:
        None where the days are too few for an interval that means anything.
    """
    if days < settings.min_days:
        return None
    rng = np.random.default_rng(settings.seed)
    length = min(settings.block_days, days)
    blocks = -(-days // length)
    starts = rng.integers(0, days, (settings.resamples, blocks))
    drawn = (starts[:, :, None] + np.arange(length)) % days
    drawn = drawn.reshape(settings.resamples, -1)[:, :days]  # the last block is cut
    flat = drawn + days * np.arange(settings.resamples)[:, None]
    counts = np.bincount(flat.ravel(), minlength=settings.resamples * days)
    return np.asarray(counts.reshape(settings.resamples, days), dtype=np.float64)


def resampled(weight: Doubles, daily: Doubles) -> Doubles:
    """Sums over drawn days: (resample, ...) of daily sums (day, ...)."""
    return np.tensordot(weight, daily, axes=(1, 0))


def interval(samples: Doubles, level: float) -> tuple[float, float] | None:
    """Central percentile interval of one score's resamples; None where it is often undefined.

    A score such as CSI has no value in a resample without events; those are left out, and where
    they are more than a tenth there are too few events for an interval.
    """
    known = samples[np.isfinite(samples)]
    if known.size < 0.9 * samples.size:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def intervals(samples: Doubles, level: float) -> list[tuple[float, float] | None]:
    """`interval` of each column of resamples (resample, column)."""
    return [interval(column, level) for column in samples.T]
