"""Station values -> area values. Only reference stations that are no background sites count.

The area "city" is all of them. Order of things (design, section 7): member -> hourly -> area
mean -> daily mean or MDA8 -> index; so the values that come here are hourly.
Rule: configs/standards/validity.yaml, area_mean (HJ 663).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.problems import ConfigError, Problem
from forecast.schema import CITY_AREA
from forecast.standards import Validity, load_validity

Floats = NDArray[np.floating[Any]]


def points(stations: pd.DataFrame, area: str = CITY_AREA) -> NDArray[np.bool_]:
    """Which stations (rows of the register) make the value of an area."""
    counted = stations["reference"].to_numpy(bool) & ~stations["background"].to_numpy(bool)
    if area == CITY_AREA:
        return np.asarray(counted)
    return np.asarray(counted & (stations["area"].to_numpy() == area))


def names(stations: pd.DataFrame) -> tuple[str, ...]:
    """Areas that have a value of their own: "city" first, then by name; () without any point."""
    counted = points(stations)
    if not counted.any():
        return ()
    own = {str(a) for a in stations["area"].to_numpy()[counted]} - {CITY_AREA}
    return (CITY_AREA, *sorted(own))


def area_mean(
    values: Floats,
    stations: pd.DataFrame,
    area: str = CITY_AREA,
    *,
    axis: int = -2,
    rules: Validity | None = None,
) -> Floats:
    """Arithmetic mean over an area's points.

    Args:
        values: (..., station, ...) in the order of `stations`, any units; NaN is missing.
        stations: Register rows: reference, background, area.
        area: An area of `names`.
        axis: Where the stations are; the default fits (..., station, pollutant).
        rules: Share of points needed; the shipped rules if left out (75 %, or 50 % where there
            are fewer than 4 points).

    Returns:
        The dims without stations, float32 for float32; NaN where too few points are valid.

    Raises:
        ConfigError: The area has no point, or the dim does not fit the register.
    """
    rules = rules or load_validity()
    if values.shape[axis] != len(stations):
        found = f"{values.shape[axis]} stations in the array"
        raise ConfigError([Problem("area mean", found, f"{len(stations)}, as in the register")])
    chosen = np.flatnonzero(points(stations, area))
    if not len(chosen):
        found = f"area {area!r} without a point"
        raise ConfigError([Problem("area mean", found, f"one of {list(names(stations))}")])
    x = np.take(values, chosen, axis=axis)
    there = ~np.isnan(x)
    count = there.sum(axis=axis)
    total = np.where(there, x, 0).sum(axis=axis, dtype=np.float64)
    r = rules.area_mean
    share = r.min_share_few if len(chosen) < r.few_points else r.min_share
    enough = count >= share * len(chosen)
    mean = np.where(enough, total / np.maximum(count, 1), np.nan)
    return mean.astype(values.dtype if values.dtype.kind == "f" else np.float64, copy=False)


def area_means(
    values: Floats,
    stations: pd.DataFrame,
    areas: Sequence[str],
    *,
    axis: int = -2,
    rules: Validity | None = None,
) -> Floats:
    """`area_mean` of several areas: the dim of stations becomes a dim of areas, in that order."""
    means = [area_mean(values, stations, a, axis=axis, rules=rules) for a in areas]
    return np.stack(means, axis=axis)
