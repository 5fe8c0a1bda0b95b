"""What the air does to itself within minutes and hours: ozone, nitrogen, sulphur, organics.

Takes masses of two layers, their weather and the rate constants; gives new masses. Sulphur and
nitrogen are kept to rounding, nothing becomes negative. Knows nothing of wind, rain or ground.

One step, in every cell of both layers:
1. NO, NO2 and O3 in photostationary balance, exactly (a quadratic). At night: full titration.
2. Radicals in balance (Kleinman 1994): what the sun makes, q, is lost by OH + NO2 and by peroxy +
   peroxy. OH turns VOC and CO into peroxy, peroxy turns NO into NO2 (that is ozone). Where NO2
   takes the radicals, cutting NOx makes more ozone (VOC-limited); where peroxy meets peroxy, less
   (NOx-limited). Both follow from one quadratic.
3. OH makes nitric acid, sulphate and secondary organics.
4. At night NO2 + O3 -> NO3 -> N2O5 -> nitrate, the more the damper.
5. Haze takes up SO2, the damper the faster.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from twin.aerosol import NITRATE_UG, SULPHATE_UG, particulate_nitrate
from twin.config_air import Chemistry
from twin.state import (
    CO,
    MOLECULES,
    NH3,
    NITRATE,
    NO,
    NO2,
    O3,
    PM25,
    SO2,
    SOA,
    SULPHATE,
    VOC,
)


class Rates(NamedTuple):
    """The settings of config_air.Chemistry, in a form compiled code reads."""

    no_o3: float
    no_o3_k: float
    photolysis_a: float
    photolysis_b: float
    oh_no2: float
    oh_so2: float
    oh_carbon: float
    oh_co: float
    oh_rest_s: float
    peroxy_no: float
    peroxy_peroxy: float
    radicals_o3: float
    radicals_voc: float
    radicals_no2: float
    voc_kept: float
    soa_yield: float
    no2_o3: float
    no2_o3_k: float
    n2o5_dry: float
    n2o5_wet: float
    gamma_so2_low: float
    gamma_so2_high: float
    surface_m2_g: float
    kappa: float


class Sky(NamedTuple):
    """Weather chemistry asks for, each (layer 2, ny, nx), float64."""

    kelvin: np.ndarray
    rh: np.ndarray  # 0..1
    pascal: np.ndarray
    vapour_hpa: np.ndarray
    sun_w_m2: np.ndarray


def rates(settings: Chemistry) -> Rates:
    """Rate constants from the configuration; the length of a step is not one of them."""
    values = settings.model_dump()
    return Rates(**{name: float(values[name]) for name in Rates._fields})


def react(
    mass: np.ndarray,
    thickness: np.ndarray,
    sky: Sky,
    constants: Rates,
    *,
    seconds: float,
    step_s: float,
) -> np.ndarray:
    """Let the air react for a while.

    Args:
        mass: (2, species, ny, nx), species' unit per m2.
        thickness: Depth of each layer (2, ny, nx), m.
        sky: Weather of each layer, constant over the time.
        constants: As rates() gives them.
        seconds: How long.
        step_s: Longest inner step, s.

    Returns:
        New masses, none below zero.
    """
    new = np.array(mass, dtype=np.float64, order="C")
    steps = max(1, int(np.ceil(seconds / step_s - 1e-9)))
    _react(new, thickness, sky, constants, seconds / steps, steps)
    return new


@njit(cache=True, error_model="numpy")
def _react(mass, thickness, sky, k, dt, steps):  # type: ignore[no-untyped-def]  # compiled
    _, _, ny, nx = mass.shape
    c = np.empty(12)
    for layer in range(2):
        for y in range(ny):
            for x in range(nx):
                depth = thickness[layer, y, x]
                for s in range(12):
                    c[s] = max(mass[layer, s, y, x], 0.0) / depth
                _cell(
                    c, sky.kelvin[layer, y, x], sky.rh[layer, y, x], sky.pascal[layer, y, x],
                    sky.vapour_hpa[layer, y, x], sky.sun_w_m2[layer, y, x], k, dt, steps,
                )  # fmt: skip
                for s in range(12):
                    mass[layer, s, y, x] = c[s] * depth


@njit(cache=True, error_model="numpy")
def _cell(c, kelvin, rh, pascal, vapour, sun, k, dt, steps):  # type: ignore[no-untyped-def]
    """All inner steps of one cell, in place."""
    titration = k.no_o3 * np.exp(-k.no_o3_k / kelvin) * MOLECULES
    photolysis = max(k.photolysis_a * sun + k.photolysis_b * sun * sun, 0.0)
    ratio = photolysis / titration
    nitrate_radical = k.no2_o3 * np.exp(-k.no2_o3_k / kelvin) * MOLECULES
    dark = 1.0 / (1.0 + sun / 5.0)  # the sun breaks NO3 within seconds
    kept_dark = k.n2o5_dry + (k.n2o5_wet - k.n2o5_dry) * rh
    damp = min(max((rh - 0.5) / 0.5, 0.0), 1.0)
    gamma = k.gamma_so2_low + (k.gamma_so2_high - k.gamma_so2_low) * damp
    grown = (1.0 + k.kappa * rh / max(1.0 - rh, 0.03)) ** (2.0 / 3.0)
    speed = np.sqrt(8.0 * 8.314462 * kelvin / (np.pi * 0.06406))
    uptake = 0.25 * gamma * speed * k.surface_m2_g * 1e-6 * grown  # s-1 per ug m-3 of particles
    particles = _particles(c, kelvin, rh, pascal)
    for _ in range(steps):
        _photostationary(c, ratio)
        if sun > 1.0:
            _daylight(c, vapour, sun / 800.0, k, dt)
        if dark > 0.01 and c[O3] > 0.0 and c[NO2] > 0.0:
            made = nitrate_radical * c[NO2] * c[O3] * dark * dt
            made = min(made, 0.3 * c[O3], 0.3 * c[NO2])
            c[O3] -= made
            c[NO2] -= 2.0 * made * kept_dark
            c[NITRATE] += 2.0 * made * kept_dark
        taken = c[SO2] * (1.0 - np.exp(-uptake * particles * dt))
        c[SO2] -= taken
        c[SULPHATE] += taken
    _photostationary(c, ratio)


@njit(cache=True, error_model="numpy")
def _photostationary(c, ratio):  # type: ignore[no-untyped-def]  # compiled
    """NO + O3 = NO2: j NO2 = k NO O3 with NOx and O3 + NO2 kept; `ratio` is j / k."""
    nox = c[NO] + c[NO2]
    ox = c[O3] + c[NO2]
    total = nox + ox + ratio
    if nox <= 0.0 or ox <= 0.0:
        return
    no2 = 2.0 * nox * ox / (total + np.sqrt(max(total * total - 4.0 * nox * ox, 0.0)))
    c[NO2] = min(no2, nox, ox)
    c[NO] = nox - c[NO2]
    c[O3] = ox - c[NO2]


@njit(cache=True, error_model="numpy")
def _daylight(c, vapour, sun, k, dt):  # type: ignore[no-untyped-def]  # compiled
    """Radicals in balance, and what they make in one step; `sun` relative to 800 W m-2."""
    oh, made = radicals(c[O3], c[NO], c[NO2], c[VOC], c[CO], vapour, sun, k)
    c[O3] += made * dt  # NO becomes NO2 without ozone: odd oxygen is gained
    acid = c[NO2] * (1.0 - np.exp(-k.oh_no2 * MOLECULES * oh * dt))
    c[NO2] -= acid
    c[NITRATE] += acid
    acid = c[SO2] * (1.0 - np.exp(-k.oh_so2 * MOLECULES * oh * dt))
    c[SO2] -= acid
    c[SULPHATE] += acid
    oxidised = c[VOC] * (1.0 - np.exp(-k.oh_carbon * MOLECULES * oh * dt))
    c[VOC] -= (1.0 - k.voc_kept) * oxidised
    c[SOA] += k.soa_yield * 0.01403 * oxidised


@njit(cache=True, error_model="numpy")
def radicals(o3, no, no2, voc, co, vapour, sun, k):  # type: ignore[no-untyped-def]  # compiled
    """OH (nmol m-3) and production of odd oxygen (nmol m-3 s-1) where radicals balance.

    With x the peroxy radicals: OH (a + z) = q + n x and q = z OH + 2 p x2, where a is the loss of
    OH to VOC and CO, z to NO2, n = k NO and p the peroxy self-reaction.

    Args:
        o3: nmol m-3, and so are no, no2, voc (carbon) and co.
        no: Nitric oxide.
        no2: Nitrogen dioxide.
        voc: Organic carbon.
        co: Carbon monoxide.
        vapour: hPa.
        sun: Relative to 800 W m-2.
        k: Rates.
    """
    q = sun * (k.radicals_o3 * o3 * vapour + k.radicals_voc * voc + k.radicals_no2 * no2)
    a = MOLECULES * (k.oh_carbon * voc + k.oh_co * co) + k.oh_rest_s
    z = MOLECULES * k.oh_no2 * no2
    n = MOLECULES * k.peroxy_no * no
    p2 = 2.0 * MOLECULES * k.peroxy_peroxy
    b = z * n / (a + z)
    source = q * a / (a + z)
    x = 2.0 * source / (b + np.sqrt(b * b + 4.0 * p2 * source)) if source > 0.0 else 0.0
    return (q + n * x) / (a + z), n * x


@njit(cache=True, error_model="numpy")
def _particles(c, kelvin, rh, pascal):  # type: ignore[no-untyped-def]  # compiled
    """Dry fine particles, ug m-3."""
    salt = particulate_nitrate(c[NITRATE], c[NH3], c[SULPHATE], kelvin, rh, pascal)
    return c[PM25] + c[SOA] + SULPHATE_UG * c[SULPHATE] + NITRATE_UG * salt
