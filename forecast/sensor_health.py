"""Signs that a sensor is not well. No look ahead: the state of an hour is known at that hour."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


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
