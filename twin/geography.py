"""The simulated city's geography: grid, ground, areas, people, land use and stations.

Takes the configuration and its seed, gives one frozen Geography; knows nothing of weather or
emissions. All of it is simulated but what the configuration took from a register. Arrays are
(ny, nx), row 0 is the south; areas are indices into `areas`, -1 outside the city.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from twin import places, terrain
from twin.areas import OUTSIDE, Area, area_index, areas_of
from twin.config import TwinConfig
from twin.config_geography import GeographyConfig, IndustrialZone
from twin.seeds import label, rng
from twin.terrain import Plane

LAND_USE: Final = ("urban", "village", "crop", "forest", "water", "industrial", "road")
_TOWN_SHARE = 0.22  # of the people outside the seat live in township centres
_TOWN_RADIUS_M = 1100.0


@dataclass(frozen=True)
class Geography:
    """The ground everything else stands on. Arrays are read-only."""

    config: GeographyConfig
    seed: int
    simulated: str  # twin:<digest>:<seed>
    plane: Plane
    areas: tuple[Area, ...]
    area: np.ndarray  # (ny, nx) int, -1 outside
    elevation: np.ndarray  # (ny, nx) m
    population: np.ndarray  # (ny, nx) persons
    rural: np.ndarray  # (ny, nx) persons outside seats and towns
    land_use: np.ndarray  # (ny, nx, class) fractions in the order of LAND_USE, sum one
    roads: np.ndarray  # (ny, nx) weighted km of trunk road
    zones: tuple[IndustrialZone, ...]
    towns: pd.DataFrame  # area, x, y, weight
    stations: pd.DataFrame  # index station; STATION_COORDS, x, y, active, kind
    lidars: pd.DataFrame  # index lidar; name, longitude, latitude, x, y
    lon: np.ndarray = field(repr=False)  # (ny, nx) degrees
    lat: np.ndarray = field(repr=False)

    @property
    def nx(self) -> int:
        """Cells from west to east."""
        return self.plane.nx

    @property
    def ny(self) -> int:
        """Cells from south to north."""
        return self.plane.ny

    @property
    def dx_m(self) -> float:
        """Edge of a cell [m]."""
        return self.plane.dx_m

    @property
    def x(self) -> np.ndarray:
        """Cell centres (nx,), m east."""
        return self.plane.x

    @property
    def y(self) -> np.ndarray:
        """Cell centres (ny,), m north."""
        return self.plane.y

    @property
    def inside(self) -> np.ndarray:
        """Whether a cell belongs to the city (ny, nx)."""
        return np.asarray(self.area != OUTSIDE)

    def use(self, name: str) -> np.ndarray:
        """One class of land use (ny, nx), fraction of the cell."""
        return np.asarray(self.land_use[..., LAND_USE.index(name)])


def create(config: TwinConfig, *, seed: int | None = None) -> Geography:
    """Make the city's ground.

    Args:
        config: The simulated city's configuration.
        seed: Another seed than the configuration's.
    """
    seed = config.seed if seed is None else seed
    geo = config.geography
    flat = terrain.plane(geo.grid)
    x, y = np.meshgrid(flat.x, flat.y)
    lon, lat = flat.to_lonlat(x, y)
    ground = terrain.elevation(geo.terrain, flat, x, y, seed=seed)
    areas = areas_of(geo, flat, ground, seed=seed)
    index = area_index(areas, geo, flat)
    water = terrain.water_fraction(geo.terrain.rivers, flat)
    habitable = _habitable(geo, flat, x, y, ground, water, seed=seed)
    town_table = places.towns(
        areas, index, habitable, flat, max(len(areas), int(geo.stations.township * 1.6)), seed=seed
    )
    population, rural = _population(geo, flat, areas, index, habitable, town_table, x, y)
    roads = terrain.road_density(geo.terrain.roads, flat)
    zones = geo.zones or _zones(areas, flat, seed=seed)
    height = ground - terrain.elevation(
        geo.terrain.model_copy(update={"ranges": ()}), flat, x, y, seed=seed
    )
    use = _land_use(flat, population, roads, water, height, zones, x, y)
    table = places.stations(geo.stations, areas, index, town_table, rural, flat, seed=seed)
    table["kind"] = _site_kinds(table, flat, use, roads, height)
    arrays = (index, ground, population, rural, use, roads, lon, lat)
    for array in arrays:
        array.flags.writeable = False
    return Geography(
        config=geo,
        seed=seed,
        simulated=label(config.digest, seed),
        plane=flat,
        areas=areas,
        area=index,
        elevation=ground,
        population=population,
        rural=rural,
        land_use=use,
        roads=roads,
        zones=zones,
        towns=town_table,
        stations=table,
        lidars=places.lidars(geo.stations, areas, flat, seed=seed),
        lon=lon,
        lat=lat,
    )


def area_ids(geography: Geography, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Area id of each point (n,), "" outside the city."""
    names = np.array([*(a.id for a in geography.areas), ""])
    return np.asarray(names[geography.area[geography.plane.cell_of(x, y)]])


def _habitable(
    geo: GeographyConfig, flat: Plane, x: np.ndarray, y: np.ndarray, ground: np.ndarray,
    water: np.ndarray, *, seed: int,
) -> np.ndarray:  # fmt: skip
    """How willingly people settle (ny, nx), 0..1: on dry, low ground, unevenly."""
    plain = terrain.elevation(geo.terrain.model_copy(update={"ranges": ()}), flat, x, y, seed=seed)
    low = 0.02 + 0.98 / (1 + np.exp((ground - plain - 110) / 35))
    uneven = np.exp(0.35 * terrain.smooth_noise(x, y, 5.0, seed, "settling"))
    return np.asarray(low * np.clip(1 - 1.3 * water, 0, 1) * uneven / uneven.max())


def _population(
    geo: GeographyConfig, flat: Plane, areas: tuple[Area, ...], index: np.ndarray,
    habitable: np.ndarray, town_table: pd.DataFrame, x: np.ndarray, y: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Persons by cell, and those of them outside seats and towns; each area's sum is exact."""
    people, rural = np.zeros(index.shape), np.zeros(index.shape)
    for i, area in enumerate(areas):
        mine = index == i
        sx, sy = flat.to_xy(np.array(area.lon), np.array(area.lat))
        seat = _bump(x, y, float(sx), float(sy), area.urban_radius_km * 1000, flat) * mine
        centres = np.zeros(index.shape)
        for t in town_table[town_table["area"] == i].itertuples():
            bump = _bump(x, y, float(t.x), float(t.y), _TOWN_RADIUS_M, flat)  # type: ignore[arg-type]
            centres += float(t.weight) * bump * mine  # type: ignore[arg-type]
        open_land = np.where(mine, np.maximum(habitable, 1e-6), 0.0)
        outside_seat = area.population * (1 - area.urban_share)
        rural_share = 1 - _TOWN_SHARE if centres.sum() > 0 else 1.0
        rural += outside_seat * rural_share * open_land / open_land.sum()
        people += area.population * area.urban_share * seat / seat.sum()
        if centres.sum() > 0:
            people += outside_seat * _TOWN_SHARE * centres / centres.sum()
    beyond = index == OUTSIDE
    rural += np.where(beyond, geo.rural_density_outside * flat.cell_km2 * habitable, 0.0)
    for town in geo.neighbours:
        tx, ty = flat.to_xy(*np.array(town.place))
        bump = _bump(x, y, float(tx), float(ty), town.radius_km * 1000, flat) * beyond
        if bump.sum() > 0:
            people += town.population * bump / bump.sum()
    return people + rural, rural


def _bump(
    x: np.ndarray, y: np.ndarray, cx: float, cy: float, radius_m: float, flat: Plane
) -> np.ndarray:
    """A Gaussian hill of people, never narrower than a cell can show."""
    wide = np.hypot(radius_m, 0.4 * flat.dx_m)
    return np.asarray(np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * wide**2)))


def _zones(areas: tuple[Area, ...], flat: Plane, *, seed: int) -> tuple[IndustrialZone, ...]:
    """One industrial park beside each seat, where none are configured."""
    zones = []
    for area in areas:
        random = rng(seed, "zones", area.id)
        sx, sy = flat.to_xy(np.array(area.lon), np.array(area.lat))
        angle, far = random.uniform(0, 2 * np.pi), 1000 * (area.urban_radius_km + 2)
        lon, lat = flat.to_lonlat(sx + far * np.cos(angle), sy + far * np.sin(angle))
        name, place = f"{area.zh}模拟园区", (float(lon), float(lat))
        zones.append(IndustrialZone(name=name, place=place, weight=random.lognormal(0, 0.4)))
    return tuple(zones)


def _land_use(
    flat: Plane, population: np.ndarray, roads: np.ndarray, water: np.ndarray, height: np.ndarray,
    zones: tuple[IndustrialZone, ...], x: np.ndarray, y: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Fractions (ny, nx, class): built land from people, the rest crop or forest by height."""
    density = population / flat.cell_km2
    urban = np.clip((density - 1200) / 7500, 0, 0.85)
    village = np.clip(density, 0, 1500) / 1500 * 0.22 * (1 - urban)
    industrial = np.zeros(x.shape)
    for zone in zones:
        zx, zy = flat.to_xy(*np.array(zone.place))
        industrial += (
            0.3 * zone.weight * _bump(x, y, float(zx), float(zy), zone.radius_km * 700, flat)
        )
    road = np.clip(0.012 + 0.03 * roads * 1000 / flat.dx_m * 2 + 0.06 * urban, 0, 0.15)
    built = np.stack([urban, village, np.clip(industrial, 0, 0.5), road])
    free = np.clip(1 - water, 0, 1)
    total = built.sum(axis=0)
    built = built * np.where(total > free, free / np.maximum(total, 1e-9), 1.0)
    rest = np.clip(free - built.sum(axis=0), 0, 1)
    wooded = 0.06 + 0.9 / (1 + np.exp(-(height - 150) / 45))
    parts = {
        "urban": built[0], "village": built[1], "industrial": built[2], "road": built[3],
        "crop": rest * (1 - wooded), "forest": rest * wooded, "water": np.clip(water, 0, 1),
    }  # fmt: skip
    stacked = np.stack([parts[name] for name in LAND_USE], axis=-1)
    return np.asarray(stacked / stacked.sum(axis=-1, keepdims=True))


def _site_kinds(
    table: pd.DataFrame, flat: Plane, use: np.ndarray, roads: np.ndarray, height: np.ndarray
) -> np.ndarray:
    """What surrounds each station: background, mountain, industrial, urban, traffic or rural."""
    cell = flat.cell_of(table["x"].to_numpy(), table["y"].to_numpy())
    share = {name: use[..., i][cell] for i, name in enumerate(LAND_USE)}
    conditions = [
        table["background"].to_numpy(),
        height[cell] > 200,
        share["industrial"] > 0.15,
        (share["urban"] > 0.2) & (roads[cell] > 1.5 * flat.dx_m / 1000),
        share["urban"] > 0.15,
    ]
    kinds = ["background", "mountain", "industrial", "traffic", "urban"]
    return np.select(conditions, kinds, default="rural").astype(object)
