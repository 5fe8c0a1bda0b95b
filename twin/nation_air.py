"""Weather and concentrations of the simulated nation: plane waves, cheap on purpose.

Takes places and hours, gives weather and concentrations in the schema's units. The same waves pass
over every city, so neighbours share their fronts; a forecast is the same waves out of step, by more
the longer the lead. No transport and no chemistry: for that a single city has twin.city.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.signal import lfilter

from forecast.schema import POLLUTANTS
from twin.seeds import rng

Doubles = NDArray[np.float64]
_WAVES: Final = 6
_KM_PER_DEGREE: Final = 111.2
_HOUR: Final = pd.Timedelta(hours=1)
_RAIN_FROM: Final = 1.4  # of the unit-variance sum of waves
# Median in the schema's units, how it answers stagnation, how it answers the afternoon.
_CONCENTRATIONS: Final = {
    "pm25": (38.0, 0.60, -0.10), "pm10": (70.0, 0.50, -0.05), "so2": (9.0, 0.35, 0.10),
    "no2": (30.0, 0.45, -0.30), "co": (0.7, 0.40, -0.15), "o3": (60.0, -0.05, 0.70),
}  # fmt: skip


@dataclass(frozen=True)
class Waves:
    """Plane waves over the country; arrays (wave,)."""

    east: Doubles  # wave number, radians per km
    north: Doubles
    speed: Doubles  # radians per hour
    phase: Doubles
    size: Doubles  # squares sum to 2: a sum of them has unit variance


def waves(seed: int) -> Waves:
    """The waves of a seed: 800 to 2500 km long, passing in 60 to 200 hours."""
    draw = rng(seed, "nation", "waves")
    direction = draw.normal(0.3, 0.7, _WAVES)  # most travel eastwards
    number = 2 * np.pi / draw.uniform(800, 2500, _WAVES)
    size = draw.uniform(0.6, 1.4, _WAVES)
    return Waves(
        number * np.cos(direction),
        number * np.sin(direction),
        2 * np.pi / draw.uniform(60, 200, _WAVES),
        draw.uniform(0, 2 * np.pi, _WAVES),
        size * np.sqrt(2 / np.sum(size**2)),
    )


def weather(
    w: Waves, hours: pd.DatetimeIndex, latitude: Doubles, longitude: Doubles
) -> dict[str, Doubles]:
    """Weather at places.

    Args:
        w: The waves.
        hours: Ends of hours, naive UTC.
        latitude: (place,), degrees.
        longitude: (place,), degrees.

    Returns:
        schema.WEATHER, each (hour, place).
    """
    main, cross = _sums(w, hours, latitude, longitude)
    sun = _sun(hours, longitude)
    warm = 288.0 - 0.7 * (latitude - 30.0)[None] + 3.0 * cross + 5.0 * (sun - 0.3)
    speed = np.maximum(2.6 - 1.1 * main + 1.2 * sun, 0.3)
    turn = 1.2 * cross
    return {
        "u10": speed * np.cos(turn),
        "v10": speed * np.sin(turn),
        "t2m": warm,
        "d2m": warm - np.maximum(7.0 - 3.0 * main, 0.5),
        "sp": 101000.0 + 400.0 * cross - 200.0 * main,
        "tp": np.maximum(cross - _RAIN_FROM, 0.0) * 1.5,
        "blh": np.maximum(350.0 + 1100.0 * sun * (1 - 0.25 * main), 80.0),
        "ssrd": 750.0 * sun * np.clip(1 - 0.3 * np.maximum(cross, 0), 0.1, 1),
    }


def missed(w: Waves, seed: int, lead_days: float) -> Waves:
    """The waves as a forecast has them at a lead: out of step and of another size."""
    draw = rng(seed, "nation", "forecast")
    step, size = draw.standard_normal(_WAVES), draw.standard_normal(_WAVES)
    return replace(
        w, phase=w.phase + 0.12 * lead_days * step, size=w.size * (1 + 0.04 * lead_days * size)
    )


def concentrations(
    w: Waves, hours: pd.DatetimeIndex, latitude: Doubles, longitude: Doubles, seed: int
) -> dict[str, Doubles]:
    """True concentrations at places of one city: POLLUTANTS, each (hour, place).

    Stagnation builds up over about a day and a half; a city has its own level, a place its own
    factor.
    """
    draw = rng(seed, "nation", "city")
    main, _ = _sums(w, hours, latitude, longitude)
    built = lfilter([1 - 0.97], [1.0, -0.97], main, axis=0) * 2.5
    noise = lfilter([1.0], [1.0, -0.9], draw.standard_normal(main.shape), axis=0) * 0.08
    afternoon = _sun(hours, longitude) - 0.3
    level = np.exp(draw.normal(0.0, 0.25))
    made = {}
    for name in POLLUTANTS:
        median, stagnant, sunny = _CONCENTRATIONS[name]
        own = np.exp(draw.normal(0.0, 0.12, len(latitude)))
        shape = np.exp(stagnant * built + sunny * 2 * afternoon + noise)
        made[name] = median * level * own[None] * shape
    made["pm10"] = np.maximum(made["pm10"], made["pm25"] * 1.15)
    return made


def _sums(
    w: Waves, hours: pd.DatetimeIndex, latitude: Doubles, longitude: Doubles
) -> tuple[Doubles, Doubles]:
    """The sum of waves and the same a quarter out of step, (hour, place), unit variance."""
    clock = ((hours - pd.Timestamp(0)) / _HOUR).to_numpy()
    east = longitude * _KM_PER_DEGREE * np.cos(np.deg2rad(33.0))
    place = np.outer(w.east, east) + np.outer(w.north, latitude * _KM_PER_DEGREE)
    angle = place[:, None, :] - np.outer(w.speed, clock)[:, :, None] + w.phase[:, None, None]
    main = np.einsum("k,ktp->tp", w.size, np.cos(angle))
    return main, np.einsum("k,ktp->tp", w.size, np.sin(angle))


def _sun(hours: pd.DatetimeIndex, longitude: Doubles) -> Doubles:
    """Height of a sun of an equinox, 0 .. 1, (hour, place)."""
    local = hours.hour.to_numpy()[:, None] - 0.5 + longitude[None] / 15
    return np.maximum(np.cos((local - 12) / 24 * 2 * np.pi), 0.0)
