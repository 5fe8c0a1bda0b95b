"""Emissions put into the air: kilograms an hour become mass per area and second, by layer.

Takes area rates, units, stacks and the weather over them; gives the source that transport adds.
Area sources go into the mixed layer, stacks into the layers their plumes reach. Knows nothing of
policies: it multiplies by the scale it is given.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from twin.config_air import Emitted
from twin.config_emissions import EMITTED
from twin.enterprises import Enterprises, mean_rates
from twin.geography import Geography
from twin.plume_rise import rise_m, share_below
from twin.state import MOLAR_G, SPECIES, unit_per_ug

_KG_H_TO_UG_S: Final = 1e9 / 3600


@dataclass(frozen=True)
class Stacks:
    """Stacks as arrays (stack,), their units and cells."""

    unit: np.ndarray  # position of the stack's unit
    rate: np.ndarray  # (stack, species) mean emission, species' unit m-2 s-1 over its cell
    cell: np.ndarray  # flat index
    height_m: np.ndarray
    diameter_m: np.ndarray
    temperature_k: np.ndarray
    speed_m_s: np.ndarray


def speciation(settings: Emitted, cell_m2: float) -> np.ndarray:
    """(EMITTED, species): species' unit m-2 s-1 in a cell for one kg/h of each emitted."""
    table = np.zeros((len(EMITTED), len(SPECIES)))
    per_ug = _KG_H_TO_UG_S / cell_m2
    for row, name in enumerate(EMITTED):
        amount = per_ug * settings.scale.get(name, 1.0)
        if name == "nox":  # counted as NO2
            moles = amount * unit_per_ug("no2")
            parts = {"no2": moles * settings.no2_share, "no": moles * (1 - settings.no2_share)}
        elif name == "so2":
            moles = amount * 1000 / MOLAR_G["so2"]
            share = settings.sulphate_share
            parts = {"so2": moles * (1 - share), "sulphate": moles * share}
        else:
            own = "coarse" if name == "pm_coarse" else name
            parts = {own: amount * unit_per_ug(own)}
        for species, value in parts.items():
            table[row, SPECIES.index(species)] = value
    return table


def stacks_of(made: Enterprises, geography: Geography, table: np.ndarray) -> Stacks:
    """Stacks of all units on the grid; `table` as speciation() gives it."""
    stacks, units = made.stacks, made.units
    unit = units.index.get_indexer(pd.Index(stacks["unit"]))
    rate = mean_rates(units)[unit] * stacks["share"].to_numpy()[:, None]
    row, column = geography.plane.cell_of(stacks["x"].to_numpy(), stacks["y"].to_numpy())
    names = ("height_m", "diameter_m", "temperature_k", "speed_m_s")
    return Stacks(
        unit,
        rate @ table,
        row * geography.nx + column,
        *(stacks[name].to_numpy(dtype=float) for name in names),
    )


def source(
    area: np.ndarray,
    stacks: Stacks,
    unit_activity: np.ndarray,
    *,
    depth_m: np.ndarray,
    air_k: np.ndarray,
    wind_m_s: np.ndarray,
    sun_w_m2: np.ndarray,
    settings: Emitted,
) -> np.ndarray:
    """What enters both layers (2, species, ny, nx), species' unit m-2 s-1.

    Args:
        area: Area sources (species, ny, nx), species' unit m-2 s-1.
        stacks: As stacks_of() gives them.
        unit_activity: Activity times the policy's scale (unit,).
        depth_m: Mixed layer (ny, nx).
        air_k: Temperature at 2 m (ny, nx).
        wind_m_s: At 10 m (ny, nx).
        sun_w_m2: Radiation (ny, nx); a plume in the dark rises into stable air.
        settings: How emissions enter.
    """
    shape = area.shape[1:]
    at = stacks.cell
    up = (stacks.height_m / 10) ** settings.wind_power
    rise = rise_m(
        stacks.diameter_m,
        stacks.temperature_k,
        stacks.speed_m_s,
        air_k=air_k.ravel()[at],
        wind_m_s=wind_m_s.ravel()[at] * up,
        stable=sun_w_m2.ravel()[at] < 30,
        stability_k_m=settings.stability_k_m,
    )
    below = share_below(stacks.height_m, rise, depth_m.ravel()[at])
    emitted = stacks.rate * unit_activity[stacks.unit][:, None]
    result = np.zeros((2, len(area), *shape))
    result[0] = area
    cells = area[0].size
    for s in np.flatnonzero(stacks.rate.any(axis=0)):
        low = emitted[:, s] * below
        lower = np.bincount(at, low, cells)
        upper = np.bincount(at, emitted[:, s] - low, cells)
        result[0, s] += lower.reshape(shape)
        result[1, s] += upper.reshape(shape)
    return result
