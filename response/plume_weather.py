"""Weather as puffs ask for it: wind, lid, class and rates on coarse cells in metres.

Takes a weather dataset, (time) or (time, point), and the extent; gives a Sky. What is absent of
mixing height and radiation is estimated, and said so. Knows nothing of units and stacks.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from forecast.problems import DataError, Problem
from response.plume_settings import Settings

NEEDED = ("u10", "v10", "t2m", "d2m", "tp")
ESTIMATED = ("blh", "ssrd")
_CELL_M = 8000.0
_M_PER_DEGREE = 111194.9  # of latitude, on a sphere of 6,371 km
# SRDT (EPA-454/R-99-005, table 6-7): rows wind below 2, 3, 5, 6 and above; columns radiation from
# 925, 675, 175 W m-2 and below; A = 0.
_DAY = np.array([[0, 0, 1, 3], [0, 1, 2, 3], [1, 1, 2, 3], [2, 2, 3, 3], [2, 3, 3, 3]])


@dataclass(frozen=True)
class Plane:
    """Metres east and north of a middle."""

    longitude: float
    latitude: float

    def metres(self, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        """(..., 2): x, y."""
        shrink = np.cos(np.radians(self.latitude))
        x = (np.asarray(longitude, float) - self.longitude) * _M_PER_DEGREE * shrink
        return np.stack([x, (np.asarray(latitude, float) - self.latitude) * _M_PER_DEGREE], axis=-1)


@dataclass(frozen=True)
class Sky:
    """Weather of all hours on cells, and the region's mean of what receptors need."""

    times: pd.DatetimeIndex  # naive UTC, ends of hours
    cells: np.ndarray  # (plume_kernel.SKY, hour, ny, nx)
    frame: np.ndarray  # x0, y0, dx
    kelvin: np.ndarray  # (hour,)
    rh: np.ndarray  # (hour,) 0..1
    sun: np.ndarray  # (hour,) W m-2
    estimated: tuple[str, ...]


def sky_of(weather: xr.Dataset, plane: Plane, extent: np.ndarray, *, settings: Settings) -> Sky:
    """Bring weather to cells.

    Args:
        weather: (time) or (time, point) with coordinates latitude, longitude of the points; names
            and units of the schema; consecutive hours, stamped at their ends, naive UTC.
        plane: Where metres count from.
        extent: Corners (2, 2) of what must be covered, metres.
        settings: The model's.

    Raises:
        DataError: Everything that is absent, in other units, missing or out of order, at once.
    """
    times = _check(weather)
    points = "point" in weather.dims
    x, y = np.zeros(1), np.zeros(1)
    latitude = np.array([plane.latitude])
    longitude = np.array([plane.longitude])
    if points:
        longitude, latitude = weather["longitude"].to_numpy(), weather["latitude"].to_numpy()
        x, y = plane.metres(longitude, latitude).T
    w = {
        name: weather[name].transpose("time", ...).to_numpy().astype(float).reshape(len(times), -1)
        for name in (*NEEDED, *ESTIMATED)
        if name in weather
    }
    estimated = tuple(name for name in ESTIMATED if name not in w)
    if "ssrd" not in w:
        w["ssrd"] = clear_sky(times, longitude, latitude) * 0.6
    if "blh" not in w:
        w["blh"] = mixing_height(w["u10"], w["v10"], w["ssrd"])
    humid = np.clip(_vapour(w["d2m"]) / _vapour(w["t2m"]), 0.01, 1.0)
    rows = _rows(w, humid, settings)
    low, high = extent
    size = _CELL_M if points else float(max(*(high - low), 1.0))
    nx, ny = (max(1, int(np.ceil(d / size))) for d in high - low) if points else (1, 1)
    cx = low[0] + (np.arange(nx) + 0.5) * size
    cy = low[1] + (np.arange(ny) + 0.5) * size
    gap = (cx[None, :, None] - x) ** 2 + (cy[:, None, None] - y) ** 2  # (ny, nx, point)
    weight = 1 / (gap + (0.2 * size) ** 2) ** 2
    weight /= weight.sum(axis=-1, keepdims=True)
    cells = np.einsum("rtp,yxp->rtyx", rows, weight)
    # A class is not a quantity: the nearest point's.
    cells[4] = rows[4][:, gap.argmin(axis=-1)]
    return Sky(
        times, np.ascontiguousarray(cells), np.array([low[0], low[1], size]),
        w["t2m"].mean(axis=1), humid.mean(axis=1), w["ssrd"].mean(axis=1), estimated,
    )  # fmt: skip


def stability(wind_m_s: np.ndarray, sun_w_m2: np.ndarray) -> np.ndarray:
    """Class A = 0 .. F = 5 from the wind at 10 m and radiation (SRDT); nights count as stable."""
    row = np.searchsorted([2, 3, 5, 6], wind_m_s, side="right")
    column = 3 - np.searchsorted([175, 675, 925], sun_w_m2, side="right")
    night = np.where(wind_m_s < 2, 5, np.where(wind_m_s < 2.5, 4, 3))
    return np.asarray(np.where(sun_w_m2 > 10, _DAY[row, column], night))


def clear_sky(times: pd.DatetimeIndex, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """Radiation of a cloudless hour (hour, point), W m-2: 990 sin(h) - 30 (Holtslag and van Ulden
    1983, J. Clim. Appl. Meteorol. 22, 517), h the sun's elevation in the middle of the hour."""
    middle = times - pd.Timedelta(minutes=30)
    day = middle.day_of_year.to_numpy()[:, None]
    hour = (middle.hour + middle.minute / 60).to_numpy()[:, None] + np.asarray(longitude) / 15
    tilt = np.radians(23.45) * np.sin(2 * np.pi * (284 + day) / 365)
    where = np.radians(latitude)
    sine = np.sin(where) * np.sin(tilt) + np.cos(where) * np.cos(tilt) * np.cos(
        np.radians(15 * (hour - 12))
    )
    return np.asarray(np.maximum(990 * sine - 30, 0.0))


def mixing_height(u10: np.ndarray, v10: np.ndarray, sun_w_m2: np.ndarray) -> np.ndarray:
    """A rough mixing height (hour, point), m, where none is given.

    Nights 2400 u*^1.5 with u* = 0.06 u (Venkatram 1980). By day it grows against a gradient of
    6 K km-1 with a fifth of the radiation as heat (encroachment); the evening ends it.
    """
    mechanical = np.maximum(2400 * (0.06 * np.hypot(u10, v10)) ** 1.5, 50.0)
    result: np.ndarray = np.empty_like(mechanical)
    square = np.zeros(mechanical.shape[1])
    for t in range(len(mechanical)):
        heat = 0.2 * sun_w_m2[t] / 1200.0
        square = np.where(sun_w_m2[t] > 10, square + 2.8 * heat * 3600 / 0.006, 0.0)
        result[t] = np.maximum(np.sqrt(square), mechanical[t])
    return result


def _rows(w: dict[str, np.ndarray], humid: np.ndarray, settings: Settings) -> np.ndarray:
    """(SKY, hour, point)."""
    chemistry, mixing = settings.chemistry, settings.mixing
    light = w["ssrd"] / 800
    dark = np.clip(1 - w["ssrd"] / 20, 0, 1)
    rain = np.where(w["tp"] > 0.01, np.maximum(w["tp"], 0) ** settings.deposition.washout_power, 0)
    return np.stack(
        [
            w["u10"], w["v10"], np.clip(w["blh"], mixing.least_m, mixing.most_m), w["t2m"],
            stability(np.hypot(w["u10"], w["v10"]), w["ssrd"]),
            (chemistry.so2_sun_h * light + chemistry.so2_humid_h * (100 * humid) ** 4) / 3600,
            (chemistry.nox_sun_h * light + chemistry.nox_dark_h * dark) / 3600,
            chemistry.voc_sun_h * light / 3600,
            rain,
        ]
    )  # fmt: skip


def _check(weather: xr.Dataset) -> pd.DatetimeIndex:
    problems: list[Problem] = []
    if extra := set(map(str, weather.dims)) - {"time", "point"}:
        problems.append(Problem("weather: dims", f"{sorted(extra)}", "time, or time and point"))
    if "time" not in weather.dims:
        raise DataError([*problems, Problem("weather: dims", "no time", "time")])
    names = [*NEEDED, *(n for n in ESTIMATED if n in weather)]
    try:
        schema.check_units(weather, names, where="weather")
    except DataError as error:
        problems.extend(error.problems)
    for name in names:
        if name in weather and (lost := int(np.isnan(weather[name].to_numpy()).sum())):
            problems.append(Problem(f"weather: {name}", f"{lost} missing values", "none"))
    for name in ("latitude", "longitude"):
        if "point" in weather.dims and name not in weather.coords:
            problems.append(Problem(f"weather: {name}", "absent", "a coordinate of the points"))
    times = pd.DatetimeIndex(weather["time"].to_numpy())
    if len(times) > 1 and not (np.diff(times) == np.timedelta64(1, "h")).all():
        problems.append(Problem("weather: time", _gap(times), "consecutive hours"))
    if problems:
        raise DataError(problems)
    return times


def _gap(times: pd.DatetimeIndex) -> str:
    hour = pd.Timedelta(hours=1)
    gaps = (f"{a} then {b}" for a, b in pairwise(times) if b - a != hour)
    return next(gaps, "nothing")


def _vapour(kelvin: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water, hPa (Magnus; Sonntag 1990)."""
    celsius = kelvin - 273.15
    return np.asarray(6.112 * np.exp(17.62 * celsius / (243.12 + celsius)))
