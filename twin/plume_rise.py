"""How high hot plumes rise, and how much of them stays below the mixing height.

Takes stacks and the weather over them, gives heights and shares. Knows nothing of what is emitted.
Source: Briggs (1975), Plume rise predictions, in: Lectures on Air Pollution and Environmental
Impact Analyses, AMS, as given in Seinfeld and Pandis (2016), section 18.8.
"""

import numpy as np

_G = 9.80665
_LEAST_WIND = 1.0  # m s-1; the formulas hold for wind that bends the plume


def rise_m(
    diameter_m: np.ndarray,
    gas_k: np.ndarray,
    speed_m_s: np.ndarray,
    *,
    air_k: np.ndarray,
    wind_m_s: np.ndarray,
    stable: np.ndarray,
    stability_k_m: float,
) -> np.ndarray:
    """Rise of the plume's axis above the stack [m].

    Buoyancy flux F = g v d2/4 (Ts - Ta)/Ts. Neutral and unstable: 21.425 F^(3/4)/u below F = 55
    m4 s-3, 38.71 F^(3/5)/u above it. Stable: 2.6 (F/(u s))^(1/3), never more than neutral. Cold
    plumes rise by momentum, 3 d v/u.

    Args:
        diameter_m: Inner diameter (stack,).
        gas_k: Exit temperature (stack,).
        speed_m_s: Exit speed (stack,).
        air_k: Air temperature at the stack (stack,).
        wind_m_s: Wind at its top (stack,).
        stable: Whether the air is stably layered (stack,).
        stability_k_m: Gradient of potential temperature of stable air.
    """
    wind = np.maximum(wind_m_s, _LEAST_WIND)
    flux = np.maximum(_G * speed_m_s * diameter_m**2 / 4 * (1 - air_k / gas_k), 0)
    neutral = np.where(flux < 55, 21.425 * flux**0.75, 38.71 * flux**0.6) / wind
    s = _G / air_k * stability_k_m
    calm = np.minimum(2.6 * np.cbrt(flux / (wind * s)), neutral)
    buoyant = np.where(stable, calm, neutral)
    return np.asarray(np.maximum(buoyant, 3 * diameter_m * speed_m_s / wind))


def share_below(height_m: np.ndarray, rise: np.ndarray, mixing_m: np.ndarray) -> np.ndarray:
    """Part of a plume below the mixing height (stack,), 0..1.

    The plume reaches from half to one and a half of its rise above the stack (Briggs 1975).
    """
    bottom, thick = height_m + 0.5 * rise, np.maximum(rise, 1e-6)
    return np.asarray(np.clip((mixing_m - bottom) / thick, 0, 1))
