"""How much NO2 goes when NOx goes: little where ozone is used up, most of it where ozone is left.

Takes ozone and NO2 of the air that a plume comes into, gives a share by hour. By day NO, NO2 and
O3 are in photostationary balance (Leighton; Seinfeld and Pandis 2016, 6.2), whose derivative at
fixed NO2 + O3 is (O3 + p NO) / (O3 + NO + j/k), with p the part emitted as NO2. At night NO turns
until ozone or NO is gone; stations of a city do not run dry at once, so the share goes from p to 1
as O3 / (O3 + half).
"""

import numpy as np
import pandas as pd
import xarray as xr

from forecast.problems import DataError, Problem
from response.plume_settings import Settings

_NMOL = {"o3": 1000 / 48.0, "no2": 1000 / 46.01}  # nmol m-3 per ug m-3
_PER_NMOL = 6.022e8  # molecules cm-3 per nmol m-3
_DARK = 5.0  # W m-2


def share(
    air: xr.Dataset, times: pd.DatetimeIndex, sun_w_m2: np.ndarray, kelvin: np.ndarray, *,
    settings: Settings,
) -> np.ndarray:  # fmt: skip
    """Part of a change of NOx that shows as NO2 (hour,), p to 1.

    Args:
        air: o3 and no2 of the city by hour (time), ug m-3, observed or forecast.
        times: Ends of hours, naive UTC.
        sun_w_m2: Global radiation (hour,).
        kelvin: Temperature (hour,).
        settings: The model's.

    Raises:
        DataError: A pollutant or an hour is absent, or missing.
    """
    problems = [Problem(f"air: {n}", "absent", "a variable") for n in _NMOL if n not in air]
    if problems:
        raise DataError(problems)
    table = air[list(_NMOL)].to_dataframe()[list(_NMOL)].reindex(times)
    if (lost := int(table.isna().any(axis=1).sum())) > 0:
        raise DataError([Problem("air: o3, no2", f"{lost} hours missing", "all hours")])
    first, half = settings.chemistry.no2_initial, settings.chemistry.o3_half
    ozone = np.maximum(table["o3"].to_numpy(), 1.0) * _NMOL["o3"]
    light = np.maximum(1.47e-5 * sun_w_m2 - 4.84e-9 * sun_w_m2**2, 0)  # j(NO2), Trebs et al. 2009
    ratio = light / (2.07e-12 * np.exp(-1400 / kelvin) * _PER_NMOL)  # IUPAC, NO + O3
    no = ratio * table["no2"].to_numpy() * _NMOL["no2"] / ozone
    day = (ozone + first * no) / (ozone + no + ratio)
    left = np.maximum(table["o3"].to_numpy(), 0)
    night = first + (1 - first) * left / (left + half)
    return np.asarray(np.where(sun_w_m2 > _DARK, day, night))
