"""Area emissions of the simulated city: homes, roads, dust, fields, shops.

Takes the geography and the configured annual totals, gives kilograms an hour by cell. A sector is
a fixed pattern in space times a factor in time, so a whole winter costs one product. Knows nothing
of enterprises or of the air.

Species, always in this order (EMITTED): so2, nox (as NO2), pm25, pm_coarse (PM10 less PM2.5), voc,
co, nh3.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.problems import ConfigError, Problem
from twin import activity
from twin.config import TwinConfig
from twin.config_emissions import EMITTED, Heating, Sector
from twin.geography import Geography


@dataclass(frozen=True)
class AreaSources:
    """Sectors as pattern times factor."""

    sectors: tuple[str, ...]
    pattern: np.ndarray  # (sector, species, ny, nx) kg/h, mean of a year of 8,760 h; read-only
    times: tuple[Sector, ...]
    heating: Heating


def area_sources(geography: Geography, config: TwinConfig) -> AreaSources:
    """Lay the annual totals over the grid.

    The city's cells together hold exactly the configured total times the era's scale. Cells of
    neighbours get the same amount per surrogate (person, kilometre of road, field) on top.

    Raises:
        ConfigError: A sector has an amount and nothing to lay it over; all such at once.
    """
    surfaces = _surrogates(geography)
    problems: list[Problem] = []
    patterns = []
    for name, sector in config.emissions.sectors.items():
        where = geography.inside if sector.inside else ~geography.inside
        weight = np.zeros(where.shape)
        share = sum(sector.surrogates.values())
        for surrogate, part in sector.surrogates.items():
            surface = surfaces[surrogate]
            total = float(surface[where].sum())
            if total <= 0:
                if part > 0 and any(sector.annual_t.values()):
                    field = f"emissions.sectors.{name}.surrogates"
                    problems.append(Problem(field, f"no {surrogate} there", "some in the grid"))
                continue
            weight += part / share * surface / total
        if not sector.inside:
            weight = np.where(where, weight, 0.0)
        amount = np.array(
            [sector.annual_t.get(s, 0) * config.emissions.scale.get(s, 1.0) for s in EMITTED]
        )
        patterns.append(amount[:, None, None] * 1000 / activity.HOURS_A_YEAR * weight)
    if problems:
        raise ConfigError(problems)
    stacked = np.stack(patterns)
    stacked.flags.writeable = False
    sectors = config.emissions.sectors
    return AreaSources(tuple(sectors), stacked, tuple(sectors.values()), config.emissions.heating)


def sector_factors(
    sources: AreaSources,
    times_utc: pd.DatetimeIndex,
    *,
    offset: pd.Timedelta,
    temperature_k: np.ndarray | None = None,
) -> np.ndarray:
    """Activity of each sector by hour (hour, sector), relative to its yearly mean.

    Args:
        sources: As area_sources() gives them.
        times_utc: UTC ends of hours, naive.
        offset: Local time minus UTC.
        temperature_k: 24-h mean air temperature (hour,), K, for heating; None: mean climate.

    Raises:
        DataError: Years out of the calendar's range, or another number of temperatures.
    """
    columns = [
        activity.factors(t, sources.heating, times_utc, offset=offset, temperature_k=temperature_k)
        for t in sources.times
    ]
    return np.column_stack(columns)


def rates(sources: AreaSources, factors: np.ndarray, *, only: tuple[str, ...] = ()) -> np.ndarray:
    """Emission by hour, species and cell (hour, species, ny, nx), kg/h, float32.

    Args:
        sources: As area_sources() gives them.
        factors: (hour, sector); a policy multiplies its scale into them.
        only: Sectors to sum; none named: all.
    """
    chosen = [i for i, name in enumerate(sources.sectors) if not only or name in only]
    summed = np.tensordot(
        factors[:, chosen].astype(np.float32), sources.pattern[chosen].astype(np.float32), axes=1
    )
    return np.asarray(summed, dtype=np.float32)


def area_rates(
    geography: Geography,
    config: TwinConfig,
    times_utc: pd.DatetimeIndex,
    *,
    offset: pd.Timedelta,
    temperature_k: np.ndarray | None = None,
) -> np.ndarray:
    """All sectors in one step: (hour, species, ny, nx), kg/h; see area_sources() and rates()."""
    sources = area_sources(geography, config)
    return rates(
        sources, sector_factors(sources, times_utc, offset=offset, temperature_k=temperature_k)
    )


def _surrogates(geography: Geography) -> dict[str, np.ndarray]:
    """What emissions are laid over, each (ny, nx), not negative, any unit."""
    urban = geography.use("urban") * geography.population
    people = geography.population / max(geography.population.sum(), 1)
    trunk = geography.roads / max(geography.roads.sum(), 1e-9)
    return {
        "population": geography.population,
        "rural": geography.rural,
        "urban": urban,
        "roads": trunk + 0.5 * people,  # half as much again on small roads, where people live
        "crop": geography.use("crop"),
        "dust": trunk + people + 0.5 * urban / max(urban.sum(), 1e-9),
        "industrial": geography.use("industrial"),
    }
