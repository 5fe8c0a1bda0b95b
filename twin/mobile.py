"""Vehicles that measure while they drive through the simulated city.

Takes roads and the true fields, gives readings by minute with the truth beside them. Knows nothing
of how the air was made. A shift hangs on the seed, the vehicle and its local day alone.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd
from scipy.ndimage import map_coordinates

from forecast.problems import DataError, Problem
from twin.config_sensors import Mobile
from twin.seeds import rng
from twin.terrain import Plane

COLUMNS: Final = (
    "vehicle", "time", "longitude", "latitude", "x", "y", "pm25", "no2", "truth_pm25", "truth_no2",
)  # fmt: skip
_MINUTE = pd.Timedelta(minutes=1)


def transects(
    routes: Sequence[np.ndarray],
    pm25: np.ndarray,
    no2: np.ndarray,
    times: pd.DatetimeIndex,
    plane: Plane,
    config: Mobile,
    *,
    seed: int,
    offset: pd.Timedelta,
) -> pd.DataFrame:
    """Minutes of every vehicle whose shift lies wholly in the hours given.

    Args:
        routes: Polylines (point, 2) of longitude and latitude; a vehicle drives one a shift, to
            and fro.
        pm25: True PM2.5 (hour, ny, nx), ug m-3.
        no2: True NO2 (hour, ny, nx), ug m-3.
        times: Stamps, naive UTC, hour after hour.
        plane: The grid's plane.
        config: The settings.
        seed: The city's seed.
        offset: Local time minus UTC.

    Returns:
        COLUMNS: time is the minute's end, naive UTC; place as the receiver has it; pm25, no2 as
        shown, truth_* of the cells around, both ug m-3 (a truck's plume is not in the truth).

    Raises:
        DataError: No route, or one of less than two points.
    """
    if not routes or min(len(r) for r in routes) < 2:
        raise DataError(
            [Problem("mobile: routes", f"{len(routes)}", "lines of two points or more")]
        )
    begin, end = times[0] - pd.Timedelta(hours=1), times[-1]
    days = pd.date_range((begin + offset).normalize(), (end + offset).normalize(), freq="D")
    lines = [np.column_stack(plane.to_xy(r[:, 0], r[:, 1])) for r in routes]
    parts = []
    for vehicle in range(config.vehicles):
        for day in days:
            for first, last in config.shifts:
                start = day + pd.Timedelta(hours=first) - offset
                stop = day + pd.Timedelta(hours=last) - offset
                if start < begin or stop > end:
                    continue
                random = rng(seed, "mobile", str(vehicle), str(start))
                minutes = pd.date_range(start + _MINUTE, stop, freq="min")
                parts.append(_shift(random, lines, minutes, plane, config).assign(
                    vehicle=f"MV{vehicle + 1:02d}"))  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(parts, ignore_index=True)
    late = (table["time"] - times[0]) / pd.Timedelta(hours=1)
    hours = np.ceil(late.to_numpy(float)).astype(int)
    where = (table["true_y"].to_numpy() / plane.dx_m - 0.5,
             table["true_x"].to_numpy() / plane.dx_m - 0.5)  # fmt: skip
    for name, field, relative, additive in (
        ("pm25", pm25, config.pm25_relative, config.pm25_additive),
        ("no2", no2, config.no2_relative, config.no2_additive),
    ):
        truth = _sampled(field, hours, where)
        sd = np.hypot(additive, relative * truth)
        shown = truth * table["plume"] + sd * table[f"noise_{name}"]
        table[f"truth_{name}"] = truth
        table[name] = np.maximum(shown, 0).round(1)
    return table[list(COLUMNS)]


def _shift(
    random: np.random.Generator, lines: Sequence[np.ndarray], minutes: pd.DatetimeIndex,
    plane: Plane, config: Mobile,
) -> pd.DataFrame:  # fmt: skip
    line = lines[int(random.integers(len(lines)))]
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    count = len(minutes)
    speed = config.speed_km_h * 1000 / 60 * np.clip(random.normal(1, 0.25, count), 0.2, 1.8)
    gone = (random.uniform(0, 2 * along[-1]) + np.cumsum(speed)) % (2 * along[-1])
    gone = np.minimum(gone, 2 * along[-1] - gone)  # to the end of the road and back
    x, y = np.interp(gone, along, line[:, 0]), np.interp(gone, along, line[:, 1])
    seen = random.normal(0, config.position_error_m, (2, count))
    lon, lat = plane.to_lonlat(x + seen[0], y + seen[1])
    behind = random.random(count) < config.plume_share
    return pd.DataFrame(
        {
            "time": minutes,
            "x": x + seen[0],
            "y": y + seen[1],
            "longitude": lon.round(6),
            "latitude": lat.round(6),
            "true_x": x,
            "true_y": y,
            "plume": np.where(behind, 1 + random.exponential(config.plume_factor - 1, count), 1.0)
            if config.plume_factor > 1
            else 1.0,
            "noise_pm25": random.standard_normal(count),
            "noise_no2": random.standard_normal(count),
        }
    )


def _sampled(
    field: np.ndarray, hours: np.ndarray, where: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The field (hour, ny, nx) between cell centres at points of given hours."""
    result = np.empty(len(hours))
    for hour in np.unique(hours):
        mine = hours == hour
        at = np.stack([where[0][mine], where[1][mine]])
        result[mine] = map_coordinates(field[hour].astype(float), at, order=1, mode="nearest")
    return result
