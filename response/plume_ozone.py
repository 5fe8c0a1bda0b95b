"""What a unit does to ozone: either sign, with how sure.

Takes titration and what has reacted on the way, gives a sensitivity and one sigma. Near a stack,
fresh NO takes up ozone. Farther on, in the sun, what has reacted of VOC makes ozone; NOx makes
ozone where VOC abounds (NOx-limited) and hinders it where they are short (VOC-limited). The regime
is read from the local ratio of VOC to NOx that the register's own units give at the receptor in
that hour (8 ppbC per ppb parts them), so it knows of industry only; in cold air it is VOC-limited.
This is a screening number: its sigma is as large as its production term.
"""

from typing import Final

import numpy as np

from response.plume_settings import Settings

TITRATION: Final = "o3_titration"
_OZONE_PER_NO2 = 48.0 / 46.01  # by mass
_NO2_G, _CARBON_G = 46.01, 14.03


def regime(air: np.ndarray, kelvin: np.ndarray, *, settings: Settings) -> np.ndarray:
    """-1 (VOC-limited) to 1 (NOx-limited), (hour, receptor).

    Args:
        air: VOC and NOx of all units (2, hour, receptor), ug m-3.
        kelvin: Temperature (hour,).
        settings: The model's.
    """
    o = settings.ozone
    voc, nox = air[0] / _CARBON_G, air[1] / _NO2_G
    ratio = np.log(np.maximum(voc, 1e-12) / np.maximum(nox, 1e-12) / o.voc_to_nox)
    found = np.clip(ratio / o.regime_width, -1, 1)
    found = np.where((voc <= 0) & (nox <= 0), -1.0, found)
    return np.asarray(np.where(kelvin[:, None] < o.cold_k, -1.0, found))


def sensitivity(
    result: dict[str, np.ndarray], air: np.ndarray, kelvin: np.ndarray, *, settings: Settings
) -> None:
    """Turn what has reacted into ozone, in place.

    Args:
        result: o3_sensitivity holds reacted VOC, o3_sigma NOx that the sun has worked on,
            o3_titration the NO2 made of NO, each (unit, receptor, hour), ug m-3; the last goes.
        air: As regime() takes it.
        kelvin: Temperature (hour,).
        settings: The model's.
    """
    o = settings.ozone
    limited = regime(air, kelvin, settings=settings).T.astype(np.float32)  # (receptor, hour)
    of_voc = np.float32(o.per_voc) * (1 - limited) / 2
    of_nox = np.float32(o.per_nox) * np.where(limited > 0, limited, 0.5 * limited)
    titrated = result.pop(TITRATION)
    for i in range(len(titrated)):
        voc, nox, taken = (
            result["o3_sensitivity"][i], result["o3_sigma"][i], titrated[i] * _OZONE_PER_NO2
        )  # fmt: skip
        made = np.float32(o.production_error) * (of_voc * voc + np.float32(o.per_nox) * nox)
        result["o3_sensitivity"][i] = of_voc * voc + of_nox * nox - taken
        result["o3_sigma"][i] = np.hypot(np.float32(o.titration_error) * taken, made)
