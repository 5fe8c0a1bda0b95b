"""Local increments: what a station reads above what its neighbourhood and its own past explain.

Expected is the median of the neighbours times the station's own usual ratio to it, learned from
earlier hours of the same part of the day (day or night) alone. So a sensor that reads high, or
drifts, is not a hotspot: its ratio follows. The error of an increment is the larger of the stated
calibration error and the station's own usual scatter. Strictly backward in time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
_FLOOR = 3.0  # added before logarithms, in the pollutant's unit; co: see scale


@dataclass(frozen=True)
class Increments:
    """(time, station), NaN where unknown."""

    value: Floats
    sd: Floats


def increments(
    values: Floats,
    x: Floats,
    y: Floats,
    *,
    night: NDArray[np.bool_],
    sd: Floats | None = None,
    healthy: NDArray[np.bool_] | None = None,
    neighbours: int = 8,
    reach_m: float = 20000.0,
    memory_h: int = 240,
    least_h: int = 24,
    floor: float = _FLOOR,
) -> Increments:
    """Increments of one pollutant.

    Args:
        values: (time, station), hourly, NaN missing, any unit of concentration.
        x: East of each station, m.
        y: North of each station, m.
        night: (time,), the part of the day; each part has its own usual ratio and scatter.
        sd: (time, station), standard error of calibration; None: unknown, the scatter alone.
        healthy: (time, station), False: the sensor is suspect or out and is neither judged nor
            used as a neighbour.
        neighbours: Nearest stations that make the neighbourhood.
        reach_m: They lie within.
        memory_h: Hours of the same part of the day from which the usual ratio is learned.
        least_h: Hours of it needed; fewer give NaN.
        floor: Added before logarithms are taken.

    Returns:
        Increments in the unit of `values`.
    """
    known = values if healthy is None else np.where(healthy, values, np.nan)
    log = np.log(np.maximum(known, 0) + floor)
    middle = _neighbour_median(log, x, y, neighbours, reach_m)
    gap = log - middle
    value, scatter = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    for part in (night, ~night):
        rows = np.flatnonzero(part)
        table = pd.DataFrame(gap[rows])
        usual = table.rolling(memory_h, min_periods=least_h).median().shift(1).to_numpy()
        found = np.exp(log[rows]) - np.exp(middle[rows] + usual)
        away = pd.DataFrame(np.abs(found))
        spread = away.rolling(memory_h, min_periods=least_h).median().shift(1).to_numpy()
        value[rows], scatter[rows] = found, 1.4826 * spread
    # Scatter learned in clean air says too little of polluted air: it grows with the level.
    level = np.exp(middle)
    usual_level = pd.DataFrame(level).rolling(memory_h, min_periods=least_h).median().to_numpy()
    scatter = scatter * np.sqrt(np.maximum(level / usual_level, 1))
    error = scatter if sd is None else np.fmax(scatter, sd)
    return Increments(value, np.maximum(error, 1e-3 * floor))


def _neighbour_median(log: Floats, x: Floats, y: Floats, neighbours: int, reach_m: float) -> Floats:
    count = min(neighbours + 1, log.shape[1])
    tree = cKDTree(np.column_stack([x, y]))
    gap, at = tree.query(np.column_stack([x, y]), k=count)
    wide = np.column_stack([log, np.full(len(log), np.nan)])
    at = np.where(gap <= reach_m, at, log.shape[1])[:, 1:]
    result = np.full(log.shape, np.nan)
    for start in range(0, len(log), 200):
        near = np.sort(wide[start : start + 200][:, at], axis=-1)
        n = (~np.isnan(near)).sum(axis=-1)
        low = np.take_along_axis(near, (np.maximum(n - 1, 0) // 2)[..., None], -1)[..., 0]
        top = np.minimum(n // 2, near.shape[-1] - 1)[..., None]
        high = np.take_along_axis(near, top, -1)[..., 0]
        result[start : start + 200] = np.where(n >= 3, (low + high) / 2, np.nan)
    return result


def transect_increments(
    table: pd.DataFrame, pollutant: str, *, cell_m: float = 500.0, window: int = 31
) -> pd.DataFrame:
    """Increments along drives and flights: minutes above the running median, by hour and cell.

    Args:
        table: vehicle, time (naive UTC, minute's end), x, y [m], the pollutant.
        pollutant: A column.
        cell_m: Minutes of an hour within one cell are averaged.
        window: Minutes of the running median.

    Returns:
        hour (stamp of the hour's end), x, y, value, sd; cells with fewer than two minutes are
        left out: one minute may be a truck's plume.
    """
    columns = ["hour", "x", "y", "value", "sd"]
    if not len(table):
        return pd.DataFrame(columns=columns)
    parts: list[Any] = []
    ordered = table.sort_values(["vehicle", "time"])
    for _, one in ordered.groupby(["vehicle", ordered["time"].dt.ceil("12h")]):
        middle = one[pollutant].rolling(window, center=True, min_periods=10).median()
        rest = one[pollutant] - middle
        parts.append(one.assign(value=rest, scatter=1.4826 * rest.abs().median()))
    made = pd.concat(parts).dropna(subset=["value"])
    keys = [made["time"].dt.ceil("h").rename("hour"), (made["x"] // cell_m).rename("column"),
            (made["y"] // cell_m).rename("row")]  # fmt: skip
    groups = made.groupby(keys)
    out = groups.agg(
        x=("x", "mean"), y=("y", "mean"), value=("value", "median"), sd=("scatter", "mean"),
        minutes=("value", "size"),
    ).reset_index()  # fmt: skip
    out = out[out["minutes"] >= 2]
    out = out.assign(sd=np.maximum(out["sd"], 1.0))
    return pd.DataFrame(out[columns]).reset_index(drop=True)
