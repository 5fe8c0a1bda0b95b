"""What is particle and what is gas, and what a monitor shows of it.

Takes concentrations in the model's units, temperature, humidity and pressure; gives particulate
nitrate and the six pollutants in the schema's units. Knows nothing of how they came there.
"""

import numpy as np
from numba import njit

from twin.state import (
    CO,
    COARSE,
    MOLAR_G,
    NH3,
    NITRATE,
    NO2,
    O3,
    PM25,
    SO2,
    SOA,
    SULPHATE,
)

# Ammonium sulphate over sulphate, ammonium nitrate over nitrate (molar masses).
AMMONIUM_SULPHATE = 1.375
AMMONIUM_NITRATE = 1.29
SULPHATE_UG = AMMONIUM_SULPHATE * MOLAR_G["sulphate"] / 1000  # ug of salt per nmol
NITRATE_UG = AMMONIUM_NITRATE * MOLAR_G["nitrate"] / 1000
_GAS = tuple(MOLAR_G[s] / 1000 for s in ("so2", "no2", "co", "o3"))  # ug per nmol
_R = 8.314462


@njit(cache=True, error_model="numpy")
def particulate_nitrate(nitrate, ammonia, sulphate, kelvin, rh, pascal):  # type: ignore[no-untyped-def]
    """Nitrate that is particle, nmol m-3, at equilibrium with ammonia and nitric acid.

    Ammonia first neutralises sulphate. Dissociation constant: ln K [ppb2] = 84.6 - 24220/T -
    6.1 ln(T/298) below the humidity of deliquescence, ln DRH [%] = 723.7/T + 1.6954 (Stelson and
    Seinfeld 1982, Atmos. Environ. 16, 983); above it smaller by (1 - rh)^1.75 (after Mozurkewich
    1993, Atmos. Environ. 27A, 261).

    Args:
        nitrate: Nitric acid and nitrate, nmol m-3.
        ammonia: Ammonia and ammonium, nmol m-3.
        sulphate: nmol m-3.
        kelvin: Temperature.
        rh: Relative humidity, 0..1.
        pascal: Pressure.
    """
    free = ammonia - 2.0 * sulphate
    if free <= 0.0 or nitrate <= 0.0:
        return 0.0
    ppb = pascal / (8.314462 * kelvin)  # nmol m-3 in one ppb
    k = np.exp(84.6 - 24220.0 / kelvin - 6.1 * np.log(kelvin / 298.0)) * ppb * ppb
    drh = 0.01 * np.exp(723.7 / kelvin + 1.6954)
    if rh > drh:
        k *= (max(1.0 - rh, 0.02) / (1.0 - drh)) ** 1.75
    total = nitrate + free
    product = nitrate * free - k
    if product <= 0.0:
        return 0.0
    return 2.0 * product / (total + np.sqrt((nitrate - free) ** 2 + 4.0 * k))


def pollutants(
    conc: np.ndarray, kelvin: np.ndarray, rh: np.ndarray, pascal: np.ndarray, *, reference: str
) -> np.ndarray:
    """The six pollutants as monitors report them.

    PM2.5 = primary + 1.375 sulphate + 1.29 particulate nitrate + organic, dry; PM10 adds coarse.

    Args:
        conc: (species, ...) in the model's units.
        kelvin: Temperature (...).
        rh: Relative humidity (...), 0..1.
        pascal: Pressure (...).
        reference: "273": all at 273.15 K and 101.325 kPa (GB 3095-2012); "298": gases at 298.15 K,
            particles as they are (its amendment of 2018).

    Returns:
        (6, ...) in the order of schema.POLLUTANTS, ug m-3, CO mg m-3.
    """
    shape = conc.shape[1:]
    nitrate = np.empty(shape)
    _nitrate_of(
        conc.reshape(len(conc), -1), kelvin.ravel(), rh.ravel(), pascal.ravel(), nitrate.ravel()
    )
    fine = conc[PM25] + SULPHATE_UG * conc[SULPHATE] + NITRATE_UG * nitrate + conc[SOA]
    kelvin_0 = 273.15 if reference == "273" else 298.15
    gas = kelvin / kelvin_0 * (101325.0 / pascal)
    particle = gas if reference == "273" else np.ones(shape)
    so2, no2, co, o3 = (g * conc[i] * gas for g, i in zip(_GAS, (SO2, NO2, CO, O3), strict=True))
    return np.stack([fine * particle, (fine + conc[COARSE]) * particle, so2, no2, co / 1000, o3])


@njit(cache=True, error_model="numpy")
def _nitrate_of(conc, kelvin, rh, pascal, out):  # type: ignore[no-untyped-def]  # compiled
    for i in range(out.size):
        out[i] = particulate_nitrate(
            conc[NITRATE, i], conc[NH3, i], conc[SULPHATE, i], kelvin[i], rh[i], pascal[i]
        )


def humidity(kelvin: np.ndarray, dew_point: np.ndarray) -> np.ndarray:
    """Relative humidity 0..1 from temperature and dew point [K] (Magnus; Sonntag 1990)."""
    return np.asarray(np.clip(vapour_hpa(dew_point) / vapour_hpa(kelvin), 0.01, 1.0))


def vapour_hpa(kelvin: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure over water [hPa]."""
    celsius = np.asarray(kelvin) - 273.15
    return np.asarray(6.112 * np.exp(17.62 * celsius / (243.12 + celsius)))
