"""Where the simulated city's enterprises stand. Takes who they are, gives coordinates and area."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation

from twin.config_emissions import EnterprisesConfig, Industry
from twin.geography import Geography, area_ids
from twin.seeds import rng

_TRIES = 12


def sites(
    table: pd.DataFrame,
    kinds: Mapping[str, Industry],
    want: EnterprisesConfig,
    geography: Geography,
    *,
    seed: int,
) -> pd.DataFrame:
    """Place each enterprise by its industry: park, town, edge of the city, foot of the hills.

    Args:
        table: Index `enterprise`; column industry.
        kinds: The industries.
        want: Preferences of industries for areas.
        geography: The ground.
        seed: The city's seed.

    Returns:
        Index of table; area (id), x, y [m], longitude, latitude. Each lies in its area, off water.
    """
    ids = [a.id for a in geography.areas]
    parks = _anchors(geography)
    x, y = np.empty(len(table)), np.empty(len(table))
    areas = []
    for name, rows in pd.Series(range(len(table)), index=table["industry"]).groupby(level=0):
        industry, random = kinds[str(name)], rng(seed, "sites", str(name))
        prefer = want.prefer.get(str(name), {})
        weight = np.array([prefer.get(i, 0.0) for i in ids]) if prefer else _common(geography)
        chosen = random.choice(len(ids), len(rows), p=weight / weight.sum())
        for row, area in zip(rows.to_numpy(), chosen, strict=True):
            x[row], y[row] = _one(industry.place, int(area), geography, parks, random)
            areas.append((row, ids[area]))
    lon, lat = geography.plane.to_lonlat(x, y)
    area_of = pd.Series(dict(areas)).sort_index().to_numpy()
    columns = {"area": area_of, "x": x, "y": y, "longitude": lon.round(5), "latitude": lat.round(5)}
    return pd.DataFrame(columns, index=table.index)


def _common(geography: Geography) -> np.ndarray:
    """Weight of each area where an industry prefers none: its rural and urban people alike."""
    people = np.array([a.population for a in geography.areas], float)
    surface = np.array([a.surface_km2 for a in geography.areas])
    return np.asarray(np.sqrt(people * surface))


def _anchors(geography: Geography) -> dict[int, np.ndarray]:
    """Parks by area: rows x, y [m], radius [m], weight."""
    places = np.array([z.place for z in geography.zones])
    zx, zy = geography.plane.to_xy(places[:, 0], places[:, 1])
    names = area_ids(geography, zx, zy)
    index = {a.id: i for i, a in enumerate(geography.areas)}
    result: dict[int, np.ndarray] = {}
    for zone, x, y, name in zip(geography.zones, zx, zy, names, strict=True):
        if name in index:
            row = np.array([[x, y, zone.radius_km * 1000, zone.weight]])
            i = index[name]
            result[i] = np.vstack([result[i], row]) if i in result else row
    return result


def _one(
    place: str,
    area: int,
    geography: Geography,
    parks: Mapping[int, np.ndarray],
    random: np.random.Generator,
) -> tuple[float, float]:
    """A point in an area: the first of a few tries that lies in it and off the water."""
    where = geography.areas[area]
    sx, sy = geography.plane.to_xy(np.array(where.lon), np.array(where.lat))
    if place == "foot":
        return _at_foot(area, geography, random)
    if place == "zones" and area in parks:
        rows = parks[area]
        pick = rows[random.choice(len(rows), _TRIES, p=rows[:, 3] / rows[:, 3].sum())]
        centre, spread = pick[:, :2], 0.6 * pick[:, 2:3]
    elif place == "towns":
        mine = geography.towns[geography.towns["area"] == area][["x", "y"]].to_numpy()
        centre, spread = mine[random.choice(len(mine), _TRIES)], np.full((_TRIES, 1), 1500.0)
    else:  # beside the seat
        centre = np.full((_TRIES, 2), [float(sx), float(sy)])
        spread = np.full((_TRIES, 1), 1300.0 * where.urban_radius_km)
    tries = centre + spread * random.normal(size=(_TRIES, 2))
    row, column = geography.plane.cell_of(tries[:, 0], tries[:, 1])
    good = (geography.area[row, column] == area) & (geography.use("water")[row, column] < 0.3)
    if good.any():
        first = int(np.argmax(good))
        return float(tries[first, 0]), float(tries[first, 1])
    return float(sx), float(sy)


def _at_foot(area: int, geography: Geography, random: np.random.Generator) -> tuple[float, float]:
    """A point where the ground begins to rise; the area's highest cell where it is all flat."""
    mine = geography.area == area
    height = np.where(mine, geography.elevation, np.inf)
    rise = geography.elevation - height.min()
    low = mine & (rise <= 30)
    near = binary_dilation(low, iterations=max(1, round(3000 / geography.dx_m)))
    able = mine & near & (rise > 30) & (rise < 250)
    if not able.any():
        able = mine & (geography.elevation == geography.elevation[mine].max())
    cell = random.choice(np.flatnonzero(able))
    place = (
        np.array(divmod(int(cell), geography.nx)) + random.uniform(0.1, 0.9, 2)
    ) * geography.dx_m
    return float(place[1]), float(place[0])
