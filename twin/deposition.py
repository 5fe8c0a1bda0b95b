"""What the ground and the rain take out of the air, and what turbulence leaks between layers.

Takes masses of two layers and their weather, gives new masses and what was taken. Dry deposition
acts on the mixed layer alone, rain on both. Nitrate and ammonia deposit by the part that is gas
and the part that is particle. Knows nothing of chemistry beyond that.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit

from twin.aerosol import particulate_nitrate
from twin.chemistry import Sky
from twin.config_air import Deposition
from twin.state import NH3, NITRATE, SPECIES, SULPHATE

# The first twelve are SPECIES; what is not in the settings by its own name follows these.
_LIKE = {"nitrate": "hno3", "sulphate": "particle", "pm25": "particle", "soa": "particle"}
_PARTICLE = len(SPECIES)  # column of particles behind the species' own


@dataclass(frozen=True)
class Taken:
    """Result of one period of deposition."""

    mass: np.ndarray  # (2, species, ny, nx)
    taken: np.ndarray  # (species,) mass per area, summed over cells


def deposit(
    mass: np.ndarray,
    thickness: np.ndarray,
    sky: Sky,
    settings: Deposition,
    *,
    wind_m_s: np.ndarray,
    rain_mm_h: np.ndarray,
    seconds: float,
) -> Taken:
    """Dry deposition and washout.

    A species leaves the mixed layer with 1 / (ra + 1 / v), ra the aerodynamic resistance (settings
    over wind, larger in the dark), and both layers with washout times rain^power.

    Args:
        mass: (2, species, ny, nx), species' unit per m2.
        thickness: (2, ny, nx) m.
        sky: Weather of each layer.
        settings: Velocities and washout.
        wind_m_s: At 10 m (ny, nx).
        rain_mm_h: (ny, nx).
        seconds: How long.
    """
    new = np.array(mass, dtype=np.float64, order="C")
    taken = np.zeros(len(SPECIES))
    day, night, washout = (
        _columns(table)
        for table in (settings.velocity_day, settings.velocity_night, settings.washout_s)
    )
    _deposit(
        new, thickness, sky, day, night, washout, settings.washout_power, settings.resistance_s,
        settings.stable_factor, np.asarray(wind_m_s, np.float64), np.asarray(rain_mm_h, np.float64),
        seconds, taken,
    )  # fmt: skip
    return Taken(new, taken)


def leak(mass: np.ndarray, thickness: np.ndarray, speed_m_s: float, seconds: float) -> np.ndarray:
    """Exchange of air between the layers at a small speed; mass is kept."""
    first, second = thickness[0], thickness[1]
    share = 1 - np.exp(-speed_m_s * seconds * (1 / first + 1 / second))
    difference = mass[0] / first - mass[1] / second
    moved = difference * (share * first * second / (first + second))
    return np.stack([mass[0] - moved, mass[1] + moved])


def _columns(table: Mapping[str, float]) -> np.ndarray:
    own = [table[_LIKE.get(name, name)] for name in SPECIES]
    return np.array([*own, table["particle"]])


@njit(cache=True, error_model="numpy")
def _deposit(  # type: ignore[no-untyped-def]  # compiled: types are those of the caller
    mass, thickness, sky, day, night, washout, power, resistance, stable, wind, rain, seconds, taken
):
    _, species, ny, nx = mass.shape
    for layer in range(2):
        for y in range(ny):
            for x in range(nx):
                depth = thickness[layer, y, x]
                salt = particulate_nitrate(
                    mass[layer, NITRATE, y, x] / depth, mass[layer, NH3, y, x] / depth,
                    mass[layer, SULPHATE, y, x] / depth, sky.kelvin[layer, y, x],
                    sky.rh[layer, y, x], sky.pascal[layer, y, x],
                ) * depth  # fmt: skip
                light = min(sky.sun_w_m2[layer, y, x] / 200.0, 1.0)
                aero = resistance / max(wind[y, x], 0.5) * (stable + (1.0 - stable) * light)
                wet = rain[y, x] ** power if rain[y, x] > 0.0 else 0.0
                particle = _loss(
                    _PARTICLE, layer, light, aero, wet, depth, day, night, washout, seconds
                )
                ammonium = salt + 2.0 * mass[layer, SULPHATE, y, x]
                for s in range(species):
                    held = mass[layer, s, y, x]
                    gone = _loss(s, layer, light, aero, wet, depth, day, night, washout, seconds)
                    if s in (NITRATE, NH3):
                        bound = min(salt if s == NITRATE else ammonium, held)
                        lost = bound * particle + (held - bound) * gone
                    else:
                        lost = held * gone
                    mass[layer, s, y, x] = held - lost
                    taken[s] += lost


@njit(cache=True, error_model="numpy", inline="always")
def _loss(  # type: ignore[no-untyped-def]  # compiled
    s, layer, light, aero, wet, depth, day, night, washout, seconds
):
    """Part of a species that leaves the layer, 0..1."""
    rate = washout[s] * wet
    if layer == 0:
        v = night[s] + (day[s] - night[s]) * light
        if v > 0.0:
            rate += 1.0 / ((aero + 1.0 / v) * depth)
    return 1.0 - np.exp(-rate * seconds)
