"""Sun, season and hour: what of the weather is known from the clock alone.

Takes UTC ends of hours and a place; knows nothing of weather. Hours of the day are mean solar time,
so that a daily course fitted at one longitude holds at another.
"""

import numpy as np
import pandas as pd

from twin.config_weather import Annual, Diurnal, Mean, Months

_DAY_NS = 86_400_000_000_000
_MIDDLES = np.array(  # of the months, days since 1 January
    [15.5, 45.1, 74.6, 105.1, 135.6, 166.1, 196.6, 227.6, 258.1, 288.6, 319.1, 349.6]
)


def year_angle(times: pd.DatetimeIndex) -> np.ndarray:
    """Season (hour,) in radians: 0 on 1 January, 2 pi a year later."""
    return np.asarray(2 * np.pi * _day_of_year(times) / 365.25)


def solar_hour(times: pd.DatetimeIndex, longitude: float) -> np.ndarray:
    """Mean solar time (hour,), 0..24."""
    ns = times.to_numpy().astype("datetime64[ns]").astype(np.int64) % _DAY_NS
    return np.asarray((ns / _DAY_NS * 24 + longitude / 15) % 24)


def sun_height(times: pd.DatetimeIndex, longitude: float, latitude: float) -> np.ndarray:
    """Cosine of the zenith angle (hour, part), the hour before the stamp in six parts, not below 0.

    Source: declination and equation of time, Spencer (1971), Search 2 (5), 172.
    """
    parts = (np.arange(6) + 0.5) / 6 - 1
    angle = 2 * np.pi * _day_of_year(times) / 365.0
    declination = (
        0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle) + 0.000907 * np.sin(2 * angle)
    )  # fmt: skip
    minutes = 229.18 * (
        0.000075 + 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle)
        - 0.014615 * np.cos(2 * angle) - 0.040849 * np.sin(2 * angle)
    )  # fmt: skip
    clock = (solar_hour(times, longitude) + minutes / 60)[:, None] + parts
    hour_angle = np.pi / 12 * (clock - 12)
    place = np.radians(latitude)
    up = np.sin(place) * np.sin(declination)
    across = np.cos(place) * np.cos(declination)
    height = up[:, None] + across[:, None] * np.cos(hour_angle)
    return np.asarray(np.maximum(height, 0.0))


def clear_sun(height: np.ndarray) -> np.ndarray:
    """Short-wave radiation under a clear sky [W m-2], mean of the hour (hour,).

    Source: Haurwitz (1945), J. Meteor. 2, 154-166, as in Ineichen (2016): 1098 c exp(-0.059/c).
    """
    safe = np.maximum(height, 1e-3)
    return np.asarray(np.where(height > 0, 1098 * safe * np.exp(-0.059 / safe), 0.0).mean(axis=1))


def annual(waves: Annual, angle: np.ndarray) -> np.ndarray:
    """A yearly course (hour,) from its two waves."""
    c0, c1, s1, c2, s2 = waves
    return np.asarray(
        c0 + c1 * np.cos(angle) + s1 * np.sin(angle)
        + c2 * np.cos(2 * angle) + s2 * np.sin(2 * angle)
    )  # fmt: skip


def mean3(wave: Mean, angle: np.ndarray) -> np.ndarray:
    """A yearly course (hour,) from one wave."""
    return np.asarray(wave[0] + wave[1] * np.cos(angle) + wave[2] * np.sin(angle))


def diurnal(course: Diurnal, angle: np.ndarray, hour: np.ndarray) -> np.ndarray:
    """A daily course (hour,) of this season and solar hour."""
    day = 2 * np.pi / 24 * hour
    return np.asarray(
        mean3(course.cos1, angle) * np.cos(day) + mean3(course.sin1, angle) * np.sin(day)
        + mean3(course.cos2, angle) * np.cos(2 * day) + mean3(course.sin2, angle) * np.sin(2 * day)
    )  # fmt: skip


def monthly(values: Months, times: pd.DatetimeIndex) -> np.ndarray:
    """Values (hour,) between the middles of months, round the year."""
    return np.asarray(np.interp(_day_of_year(times), _MIDDLES, values, period=365.25))


def _day_of_year(times: pd.DatetimeIndex) -> np.ndarray:
    """Days since 1 January 00 UTC, with fractions."""
    stamps = times.to_numpy().astype("datetime64[ns]")
    year = stamps.astype("datetime64[Y]").astype("datetime64[ns]")
    return np.asarray((stamps - year).astype(np.int64) / _DAY_NS)
