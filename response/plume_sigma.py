"""How a plume rises, spreads and meets the lid: scalar functions, compiled.

Takes distances, classes and lids, gives metres and densities. Stability classes are numbers, A = 0
to F = 5. Knows nothing of time, units or chemistry.
Sources: Briggs (1973), ATDL contribution 79, for the dispersion parameters; Briggs (1975), Plume
rise predictions, for the rise; EPA ISC3 (EPA-454/B-95-003b), 1.1.3, for wind exponents.
"""

from math import erf, exp, sqrt

import numpy as np
from numba import njit

_G = 9.80665
_ROOT_2PI = 2.5066282746310002
_IMAGES = 3
_MIXED = 1.2  # sigma_z over lid: the layer is uniform to a thousandth

# sigma = a x (1 + b x)^p, p one of 0, 0.5, -0.5, -1: rows A..F, then urban A..F; columns a, b, p
SIGMA_Y = np.array(
    [
        [0.22, 1e-4, -0.5], [0.16, 1e-4, -0.5], [0.11, 1e-4, -0.5],
        [0.08, 1e-4, -0.5], [0.06, 1e-4, -0.5], [0.04, 1e-4, -0.5],
        [0.32, 4e-4, -0.5], [0.32, 4e-4, -0.5], [0.22, 4e-4, -0.5],
        [0.16, 4e-4, -0.5], [0.11, 4e-4, -0.5], [0.11, 4e-4, -0.5],
    ]
)  # fmt: skip
SIGMA_Z = np.array(
    [
        [0.20, 0.0, 0.0], [0.12, 0.0, 0.0], [0.08, 2e-4, -0.5],
        [0.06, 1.5e-3, -0.5], [0.03, 3e-4, -1.0], [0.016, 3e-4, -1.0],
        [0.24, 1e-3, 0.5], [0.24, 1e-3, 0.5], [0.20, 0.0, 0.0],
        [0.14, 3e-4, -0.5], [0.08, 1.5e-3, -0.5], [0.08, 1.5e-3, -0.5],
    ]
)  # fmt: skip
WIND_POWER = np.array(
    [0.07, 0.07, 0.10, 0.15, 0.35, 0.55, 0.15, 0.15, 0.20, 0.25, 0.30, 0.30]
)  # by the same rows


@njit(cache=True, nogil=True)
def sigma(table, row, x):  # type: ignore[no-untyped-def]  # compiled
    """Dispersion parameter [m] at distance x [m] by a row of SIGMA_Y or SIGMA_Z."""
    power = table[row, 2]
    straight = table[row, 0] * x
    if power == 0.0:
        return straight
    bend = 1.0 + table[row, 1] * x
    if power == -0.5:  # roots are several times faster than powers
        return straight / sqrt(bend)
    return straight * sqrt(bend) if power == 0.5 else straight / bend


@njit(cache=True, nogil=True)
def ground_density(height, sigma_z, lid):  # type: ignore[no-untyped-def]  # compiled
    """Part of a plume per metre of height that is at the ground [m-1].

    Reflected at the ground and at the lid; uniform once sigma_z exceeds 1.2 lid. The axis is at
    `height` <= lid.
    """
    if sigma_z > _MIXED * lid:
        return 1.0 / lid
    total = 0.0
    for n in range(-_IMAGES, _IMAGES + 1):
        z = (height + 2.0 * n * lid) / sigma_z
        if abs(z) < 8.0:
            total += exp(-0.5 * z * z)
    return 2.0 * total / (_ROOT_2PI * sigma_z)


@njit(cache=True, nogil=True)
def rise(diameter, gas_k, speed, air_k, wind, gradient):  # type: ignore[no-untyped-def]
    """Final rise of a plume's axis above the stack [m] (Briggs 1975).

    With F = g v d2 (Ts - Ta) / (4 Ts): 21.425 F^0.75 / u below 55 m4 s-3, 38.71 F^0.6 / u above;
    in stable air at most 2.6 (F / (u s))^(1/3), s = g / T dtheta/dz. Cold plumes by momentum,
    3 d v / u.

    Args:
        diameter: Inner diameter, m.
        gas_k: Exit temperature.
        speed: Exit speed, m s-1.
        air_k: Air temperature.
        wind: At the stack's top, m s-1, above zero.
        gradient: Of potential temperature, K m-1; 0: neutral or unstable.
    """
    momentum = 3.0 * diameter * speed / wind
    flux = _G * speed * diameter * diameter * (gas_k - air_k) / (4.0 * gas_k)
    if flux <= 0.0:
        return momentum
    hot = (21.425 * flux**0.75 if flux < 55.0 else 38.71 * flux**0.6) / wind
    if gradient > 0.0:
        s = _G / air_k * gradient
        hot = min(hot, 2.6 * (flux / (wind * s)) ** (1.0 / 3.0))
    return max(hot, momentum)


@njit(cache=True, nogil=True)
def meander(speed, seconds, scale):  # type: ignore[no-untyped-def]  # compiled
    """Spread of slow air after some time [m]: linear at first, as its root later."""
    return speed * seconds / sqrt(1.0 + seconds / (2.0 * scale))


@njit(cache=True, nogil=True)
def between(start, end):  # type: ignore[no-untyped-def]  # compiled
    """Half of erf(start) - erf(end): the part of a puff that passes, 0..1."""
    if start > 3.0 and end < -3.0:
        return 1.0
    if start < -3.0 or end > 3.0:
        return 0.0
    return 0.5 * (erf(start) - erf(end))
