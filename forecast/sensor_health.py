"""Signs that a sensor is not well. No look ahead: the state of an hour is known at that hour."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from forecast.calibration_config import NetworkConfig

Floats = NDArray[np.float64]
States = NDArray[np.int8]
OK, LEARNING, SUSPECT, OUT = 0, 1, 2, 3
# Bits of a reason.
READING: Final = 1  # out of range, stuck or a spike: this hour's reading is none
FAR: Final = 2  # far from its neighbours, hour after hour
UNRELATED: Final = 4  # does not go up and down with its neighbours
DRIFT: Final = 8  # its level left that of its kind
CLOCK: Final = 16  # fits its neighbours better when shifted by hours
COORDINATES: Final = 32  # cannot stand where the register says
_BLOCK = 4_000_000


@dataclass(frozen=True)
class Health:
    """State and reason bits per hour and station."""

    state: States
    reason: NDArray[np.uint8]


def judge(
    x: Floats,
    beside: NDArray[np.int64],
    hours: Floats,
    reasons: NDArray[np.uint8],
    reference: NDArray[np.bool_],
    config: NetworkConfig,
) -> Health:
    """States of one pollutant's sensors.

    Args:
        x: Corrected values (time, station) in the fit's space, NaN = none.
        beside: Neighbours (station, k), -1 = none.
        hours: Weight of the hours learned from (time, station).
        reasons: Bits already known.
        reference: Stations that are not judged here.
        config: Settings.
    """
    middle = _neighbour_median(x, beside)
    gap = np.where(reference, np.nan, np.abs(x - middle))
    usual = _row_median(_fading_mean(gap, config.memory_h))
    score = _fading_mean(gap, config.memory_h) / np.maximum(usual, 1e-3)[:, None]
    related = _correlation(x, middle, config.correlation_h)
    alone = related < config.least_correlation
    # What all lose (a calm week without variation) says nothing of one.
    alone &= (_row_median(np.where(reference, np.nan, related)) > config.least_correlation + 0.2)[
        :, None
    ]
    taught = hours >= config.learning_hours
    out = _latched(
        np.nan_to_num(score) > config.out_score, np.nan_to_num(score) < config.back_score
    )
    found = reasons | np.where(out, FAR, 0).astype(np.uint8)
    found |= np.where(alone, UNRELATED, 0).astype(np.uint8)
    found = np.where(reference, reasons & READING, found).astype(np.uint8)
    state = np.where(taught | reference, OK, LEARNING).astype(np.int8)
    doubtful = (np.nan_to_num(score) > config.suspect_score) | ((found & DRIFT) > 0)
    state = np.where(doubtful & ~reference, SUSPECT, state)
    gone = (found & (READING | FAR | UNRELATED | CLOCK | COORDINATES)) > 0
    return Health(np.where(gone, OUT, state).astype(np.int8), found)


def run_hours(values: Floats, hours: Floats) -> Floats:
    """For how long each column has shown one and the same value, up to and with each row.

    Args:
        values: (row, column), NaN = missing: a gap neither ends nor begins a run.
        hours: (row,), increasing.

    Returns:
        (row, column) in hours; 0 where the value is new or missing.
    """
    if not len(values):
        return np.zeros(values.shape)
    known = ~np.isnan(values)
    rows = np.arange(len(values))[:, None]
    newest = np.maximum.accumulate(np.where(known, rows, -1), axis=0)
    before = np.concatenate([np.full((1, values.shape[1]), -1), newest[:-1]])
    last = np.where(before >= 0, np.take_along_axis(values, np.maximum(before, 0), axis=0), np.nan)
    begins = known & ~(values == last)
    start = np.maximum.accumulate(np.where(begins, rows, -1), axis=0)
    return np.asarray(np.where(known, hours[:, None] - hours[np.maximum(start, 0)], 0.0))


def _neighbour_median(x: Floats, beside: NDArray[np.int64], *, least: int = 3) -> Floats:
    """Median of the neighbours' values; NaN below `least` of them."""
    wide = np.column_stack([x, np.full(len(x), np.nan)])  # column -1: no neighbour
    result = np.full(x.shape, np.nan)
    step = max(1, _BLOCK // max(beside.size, 1))
    for start in range(0, len(x), step):
        near = np.sort(wide[start : start + step][:, beside], axis=-1)  # NaN last
        count = (~np.isnan(near)).sum(axis=-1)
        low = np.take_along_axis(near, (np.maximum(count - 1, 0) // 2)[..., None], axis=-1)
        high = np.take_along_axis(near, (np.minimum(count // 2, near.shape[-1] - 1))[..., None], -1)
        result[start : start + step] = np.where(
            count >= least, (low[..., 0] + high[..., 0]) / 2, np.nan
        )
    return result


def _row_median(x: Floats) -> Floats:
    ordered = np.sort(x, axis=1)
    count = (~np.isnan(x)).sum(axis=1)
    middle = ordered[np.arange(len(x)), np.maximum(count - 1, 0) // 2]
    return np.asarray(np.where(count > 0, middle, np.nan))


def _fading_mean(x: Floats, memory: float) -> Floats:
    """Mean of the known values so far, weights falling by e over `memory` rows."""
    fade = np.exp(-1 / memory)
    known = ~np.isnan(x)
    total = lfilter([1.0], [1.0, -fade], np.where(known, x, 0.0), axis=0)
    count = lfilter([1.0], [1.0, -fade], known.astype(np.float64), axis=0)
    # Below a third of a day of values there is no mean worth a verdict.
    return np.asarray(np.where(count >= 8, total / np.maximum(count, 1e-9), np.nan))


def _correlation(x: Floats, y: Floats, window: int) -> Floats:
    """Pearson r over the last `window` rows; NaN below half a window of pairs."""
    both = ~np.isnan(x - y)
    # About the first known values: keeps the running sums small.
    a, b = np.where(both, x, 0.0), np.where(both, y, 0.0)

    def total(z: Floats) -> Floats:
        sums = np.concatenate([np.zeros((1, z.shape[1])), np.cumsum(z, axis=0)])
        start = np.maximum(np.arange(1, len(z) + 1) - window, 0)
        return np.asarray(sums[1:] - sums[start])

    n = total(both.astype(np.float64))
    enough = n >= window / 2
    n = np.maximum(n, 1)
    ma, mb = total(a) / n, total(b) / n
    covariance = total(a * b) / n - ma * mb
    variance = (total(a * a) / n - ma**2) * (total(b * b) / n - mb**2)
    sound = enough & (variance > 1e-12)
    return np.where(sound, covariance / np.sqrt(np.where(sound, variance, 1.0)), np.nan)


def _latched(on: NDArray[np.bool_], off: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True from a row where `on` holds until one where `off` does."""
    rows = np.arange(len(on))[:, None]
    last_on = np.maximum.accumulate(np.where(on, rows, -1), axis=0)
    last_off = np.maximum.accumulate(np.where(off, rows, -1), axis=0)
    return np.asarray(last_on > last_off)
