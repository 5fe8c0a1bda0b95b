"""What the air is made of: species, their units, and one moment of the city's air.

Takes nothing; knows nothing of how the air changes. Gases, nitrate and sulphate are counted in
nmol m-3 (VOC in nmol of carbon), so that chemistry keeps sulphur and nitrogen to rounding; primary
fine particles, secondary organics and coarse particles are counted in ug m-3.

`nitrate` is nitric acid and particulate nitrate together, `nh3` ammonia and ammonium together:
which part is particle follows from temperature and humidity at any moment (aerosol.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

SPECIES: Final = (
    "so2", "no", "no2", "o3", "co", "voc", "nh3", "nitrate", "sulphate", "pm25", "soa", "coarse",
)  # fmt: skip
SO2, NO, NO2, O3, CO, VOC, NH3, NITRATE, SULPHATE, PM25, SOA, COARSE = range(len(SPECIES))
MOLAR_G: Final = {  # g mol-1; VOC per carbon, as CH2
    "so2": 64.06, "no": 30.01, "no2": 46.01, "o3": 48.0, "co": 28.01, "voc": 14.03, "nh3": 17.03,
    "nitrate": 62.0, "sulphate": 96.06,
}  # fmt: skip
MOLECULES: Final = 6.02214e8  # molecules cm-3 in one nmol m-3


def unit_per_ug(species: str) -> float:
    """How many of the species' units (nmol or ug) one microgram is."""
    return 1000 / MOLAR_G[species] if species in MOLAR_G else 1.0


@dataclass(frozen=True)
class State:
    """The air at the end of an hour. Arrays are read-only; restoring one is bit-exact."""

    hour: int  # next hour to be made, counted from the city's first one
    time: pd.Timestamp  # naive UTC, end of the last hour made
    mass: np.ndarray  # (layer 2, species, ny, nx), species' unit per m2
    depth: np.ndarray  # (ny, nx) m of the mixed layer
