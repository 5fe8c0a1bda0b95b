"""Quantities that say how well the air is carried off and mixed, from weather of the schema.

Takes and gives arrays (..., time, station), hourly along time, in the schema's units; NaN in,
NaN out. Knows nothing of files or models.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]
_ZERO_C: Final = 273.15
_HOUR_S: Final = 3600.0
_WINDOW: Final = 24

# Magnus form over water, Sonntag 1990 (WMO-No. 8, Guide to Instruments, annex 4.B):
# e = 6.112 hPa * exp(17.62 t / (243.12 + t)), t in degC, -45 .. 60 degC.
_MAGNUS_A: Final = 17.62
_MAGNUS_B: Final = 243.12


@dataclass(frozen=True)
class Ventilation:
    """Ventilation and what it was made of."""

    values: Doubles  # (..., time, station)
    units: str  # m2 s-1, or m s-1 where no mixing height was given
    note: str


def wind_speed(u10: ArrayLike, v10: ArrayLike) -> Doubles:
    """Speed (m s-1) of a wind with components towards east and north."""
    return np.asarray(np.hypot(_d(u10), _d(v10)), dtype=np.float64)


def wind_from(u10: ArrayLike, v10: ArrayLike) -> Doubles:
    """Direction the wind blows from, degrees clockwise from north, 0 .. 360; NaN in a calm."""
    u, v = _d(u10), _d(v10)
    degrees = np.degrees(np.arctan2(-u, -v)) % 360.0
    return np.where((u == 0) & (v == 0), np.nan, degrees)


def components(speed: ArrayLike, from_degrees: ArrayLike) -> tuple[Doubles, Doubles]:
    """u10, v10 (m s-1) of a speed and the direction it blows from; a calm needs no direction."""
    s, angle = _d(speed), np.radians(_d(from_degrees))
    calm = s == 0
    return np.where(calm, 0.0, -s * np.sin(angle)), np.where(calm, 0.0, -s * np.cos(angle))


def relative_humidity(t2m: ArrayLike, d2m: ArrayLike) -> Doubles:
    """Relative humidity over water (per cent, at most 100) by the Magnus form."""
    return np.minimum(100.0 * np.exp(_exponent(_d(d2m)) - _exponent(_d(t2m))), 100.0)


def dew_point(t2m: ArrayLike, relative_humidity_percent: ArrayLike) -> Doubles:
    """Dew point (K), the inverse of `relative_humidity`; NaN where humidity is not above 0.

    Humidity above 100 per cent counts as 100: the dew point is never above the temperature.
    """
    rh = _d(relative_humidity_percent)
    share = np.where(rh > 0, np.minimum(rh, 100.0) / 100.0, np.nan)
    gamma = np.log(share) + _exponent(_d(t2m))
    return _MAGNUS_B * gamma / (_MAGNUS_A - gamma) + _ZERO_C


def dew_point_depression(t2m: ArrayLike, d2m: ArrayLike) -> Doubles:
    """Temperature less dew point (K): small in fog and haze."""
    return _d(t2m) - _d(d2m)


def ventilation(u10: ArrayLike, v10: ArrayLike, blh: ArrayLike | None = None) -> Ventilation:
    """Ventilation coefficient: 10 m wind speed times mixing height (m2 s-1).

    Without any mixing height it is the wind speed alone (m s-1), which units and note say; where
    single mixing heights are missing it is NaN. The 10 m wind stands for the layer's mean, as is
    usual with surface data; it is lower than the transport wind.
    """
    speed = wind_speed(u10, v10)
    if blh is None or not np.isfinite(_d(blh)).any():
        return Ventilation(speed, "m s-1", "wind speed alone: no mixing height is known")
    return Ventilation(speed * _d(blh), "m2 s-1", "10 m wind speed times mixing height")


def wind_run(u10: ArrayLike, v10: ArrayLike) -> Doubles:
    """Length of the air's path over the 24 h that end at each stamp (m): S of Allwine & Whiteman.

    NaN until 24 h are there and where one of them is missing.
    """
    return _trailing(wind_speed(u10, v10)) * _HOUR_S


def recirculation(u10: ArrayLike, v10: ArrayLike) -> Doubles:
    """Recirculation over the 24 h that end at each stamp: R = 1 - L / S, 0 .. 1.

    L is the distance between the ends of the path, S its length: 0 = straight transport,
    1 = the air came back (Allwine and Whiteman 1994, Atmos. Environ. 28(4), 713-721). NaN until
    24 h are there, where one is missing, and where all are calm (no path: use `wind_run`).
    """
    east, north = _trailing(_d(u10)), _trailing(_d(v10))
    path = _trailing(wind_speed(u10, v10))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(path > 0, np.hypot(east, north) / path, np.nan)
    return 1.0 - np.minimum(share, 1.0)


def solar_elevation(times: pd.DatetimeIndex, latitude: ArrayLike, longitude: ArrayLike) -> Doubles:
    """Elevation of the sun (degrees) in the middle of the hour before each UTC stamp.

    Declination and equation of time by Spencer 1971 (Search 2(5), 172), within 0.3 degrees.

    Returns:
        (time, station).
    """
    middle = times - pd.Timedelta(minutes=30)
    day = 2 * np.pi * (middle.day_of_year.to_numpy() - 1) / 365.0
    declination = (
        0.006918 - 0.399912 * np.cos(day) + 0.070257 * np.sin(day) - 0.006758 * np.cos(2 * day)
        + 0.000907 * np.sin(2 * day) - 0.002697 * np.cos(3 * day) + 0.00148 * np.sin(3 * day)
    )[:, None]  # fmt: skip
    minutes = 229.18 * (
        0.000075 + 0.001868 * np.cos(day) - 0.032077 * np.sin(day)
        - 0.014615 * np.cos(2 * day) - 0.040849 * np.sin(2 * day)
    )  # fmt: skip
    clock = middle.hour.to_numpy() + middle.minute.to_numpy() / 60 + minutes / 60
    angle = np.radians(15.0 * (clock[:, None] - 12.0) + _d(longitude)[None, :])
    lat = np.radians(_d(latitude))[None, :]
    sine = np.sin(lat) * np.sin(declination) + np.cos(lat) * np.cos(declination) * np.cos(angle)
    return np.asarray(np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0))), dtype=np.float64)


# Turner's stability class by wind speed (rows) and net radiation index 4 3 2 1 0 -1 -2 (columns);
# A = 1 .. F = 6, his class 7 counted as F. Turner 1964 (J. Appl. Meteor. 3, 83-91), the table in
# m s-1 as in EPA-454/R-99-005, table 6-6.
_SPEEDS: Final = np.array([0.8, 1.9, 2.9, 3.4, 3.9, 4.9, 5.5, 6.0])  # lower ends of rows 2 ..
_TURNER: Final = np.array(
    [
        [1, 1, 2, 3, 4, 6, 6],
        [1, 2, 2, 3, 4, 6, 6],
        [1, 2, 3, 4, 4, 5, 6],
        [2, 2, 3, 4, 4, 5, 6],
        [2, 2, 3, 4, 4, 4, 5],
        [2, 3, 3, 4, 4, 4, 5],
        [3, 3, 4, 4, 4, 4, 5],
        [3, 3, 4, 4, 4, 4, 4],
        [3, 4, 4, 4, 4, 4, 4],
    ],
    dtype=np.float64,
)
# Pasquill class by wind speed and solar radiation by day: EPA-454/R-99-005, table 6-7 (SRDT).
_SRDT_SPEEDS: Final = np.array([2.0, 3.0, 5.0, 6.0])
_SRDT_SUN: Final = np.array([175.0, 675.0, 925.0])  # W m-2, lower ends of the columns 2 ..
_SRDT: Final = np.array(
    [[4, 2, 1, 1], [4, 3, 2, 1], [4, 3, 2, 2], [4, 4, 3, 3], [4, 4, 4, 3]], dtype=np.float64
)


def stability(speed: ArrayLike, elevation: ArrayLike, *, ssrd: ArrayLike | None = None) -> Doubles:
    """Pasquill stability class: A = 1 (very unstable), D = 4 (neutral), F = 6 (stable).

    By day (sun above the horizon) from measured radiation where there is any (the SRDT table of
    EPA-454/R-99-005), else by Turner's index of the sun's elevation for a clear sky. At night by
    Turner's index for a clear sky (-2): cloud cover is not among our variables, so a cloudy night
    comes out too stable.

    Args:
        speed: 10 m wind speed, m s-1.
        elevation: Of the sun, degrees, broadcastable to `speed`.
        ssrd: W m-2, or None.
    """
    s, sun = np.broadcast_arrays(_d(speed), _d(elevation))
    by_sun = np.digitize(sun, [15.0, 35.0, 60.0])  # 0 .. 3
    index = np.where(sun > 0, by_sun + 1, -2)
    row = np.digitize(np.nan_to_num(s), _SPEEDS)
    out = _TURNER[row, 4 - index]
    if ssrd is not None:
        light = np.broadcast_to(_d(ssrd), s.shape)
        measured = _SRDT[
            np.digitize(np.nan_to_num(s), _SRDT_SPEEDS),
            np.digitize(np.nan_to_num(light), _SRDT_SUN),
        ]
        out = np.where((sun > 0) & np.isfinite(light), measured, out)
    return np.where(np.isnan(s) | np.isnan(sun), np.nan, out)


def _exponent(kelvin: Doubles) -> Doubles:
    celsius = kelvin - _ZERO_C
    return _MAGNUS_A * celsius / (_MAGNUS_B + celsius)


def _trailing(values: Doubles) -> Doubles:
    """Sum over the 24 h that end at each stamp, along the time axis (the last but one)."""
    out = np.full(values.shape, np.nan)
    if values.shape[-2] >= _WINDOW:
        windows = np.lib.stride_tricks.sliding_window_view(values, _WINDOW, axis=-2)
        out[..., _WINDOW - 1 :, :] = windows.sum(axis=-1)
    return out


def _d(values: ArrayLike) -> Doubles:
    return np.asarray(values, dtype=np.float64)
