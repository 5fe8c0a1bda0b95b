"""What the air does to a sensor, and how well it is mixed, from weather at the stations.

Where a station has no weather, the network's median of the hour stands in; where nobody has any,
the effect is 0 and the mixing that of an ordinary hour.
"""

import warnings

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Floats = NDArray[np.float64]
KAPPA = 0.3  # hygroscopicity of urban aerosol (Petters and Kreidenweis, 2007)
_COMFORT = 283.0  # K
_ORDINARY = 0.5
_LEAST = 0.05


def around(obs: xr.Dataset) -> tuple[Floats, Floats]:
    """Damp and warm (time, station): about 0 to 2 and -1 to 1; 0 where unknown.

    damp is the logarithm of the growth in volume of particles in moist air, log(1 + k aw/(1 - aw)),
    less that at 60 %; warm is temperature less 283 K over 20 K.
    """
    shape = (obs.sizes["time"], obs.sizes["station"])
    temperature, dew = _filled(obs, "t2m"), _filled(obs, "d2m")
    if temperature is None:
        return np.zeros(shape), np.zeros(shape)
    warm = np.nan_to_num((temperature - _COMFORT) / 20)
    if dew is None:
        return np.zeros(shape), warm
    # Magnus formula over water (WMO-No. 8, annex 4.B): ratio of vapour pressures.
    celsius, point = temperature - 273.15, dew - 273.15
    moist = np.exp(17.62 * point / (243.12 + point) - 17.62 * celsius / (243.12 + celsius))
    moist = np.clip(moist, 0.05, 0.97)
    damp = np.log1p(KAPPA * moist / (1 - moist)) - np.log1p(KAPPA * 0.6 / 0.4)
    return np.nan_to_num(damp), warm


def mixing(obs: xr.Dataset, enough: float) -> Floats:
    """How well the air is mixed (time,), 0.05 to 1: the network's median wind against `enough`."""
    u, v = _filled(obs, "u10"), _filled(obs, "v10")
    if u is None or v is None:
        return np.full(obs.sizes["time"], _ORDINARY)
    speed = _median(np.hypot(u, v))
    mixed = np.clip((speed / enough) ** 2, _LEAST, 1.0)
    return np.where(np.isnan(speed), _ORDINARY, mixed)


def _filled(obs: xr.Dataset, name: str) -> Floats | None:
    if name not in obs:
        return None
    values = obs[name].transpose("time", "station").to_numpy().astype(np.float64)
    return np.where(np.isnan(values), _median(values)[:, None], values)


def _median(values: Floats) -> Floats:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # hours without any value stay NaN
        return np.asarray(np.nanmedian(values, axis=1))
