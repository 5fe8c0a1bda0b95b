"""County-level areas of the simulated city: given by configuration, or generated for a province.

Takes seats with wanted surfaces, gives each cell its area by a power diagram whose weights are
moved until the surfaces fit. The borders are therefore plausible, not the real ones.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from twin.config_geography import GeneratedAreas, GeographyConfig
from twin.seeds import rng
from twin.terrain import Plane, inside_polygon

OUTSIDE = -1
_ROUNDS = 200


@dataclass(frozen=True)
class Area:
    """A county-level area."""

    id: str
    zh: str
    en: str
    kind: Literal["district", "county"]
    city: str  # id of the city it belongs to; "city" where there is one alone
    lon: float  # its seat
    lat: float
    middle: tuple[float, float]  # of its surface, degrees
    population: int
    surface_km2: float  # wanted; the grid comes near it
    urban_share: float
    urban_radius_km: float


def areas_of(
    config: GeographyConfig, flat: Plane, ground: np.ndarray, *, seed: int
) -> tuple[Area, ...]:
    """The configured areas, or generated ones.

    Args:
        config: The geography's settings.
        flat: The grid's plane.
        ground: Elevation (ny, nx), m; generated seats lie low.
        seed: The city's seed.
    """
    if config.generate is not None:
        return _generated(config.generate, flat, ground, seed=seed)
    same = Area.__dataclass_fields__.keys() - {"lon", "lat", "middle"}
    return tuple(
        Area(
            lon=a.seat[0],
            lat=a.seat[1],
            middle=a.middle or a.seat,
            **{name: getattr(a, name) for name in same},
        )
        for a in config.areas
    )


def area_index(areas: tuple[Area, ...], config: GeographyConfig, flat: Plane) -> np.ndarray:
    """Index into `areas` of each cell (ny, nx); OUTSIDE (-1) beyond the city's boundary."""
    x, y = np.meshgrid(flat.x, flat.y)
    sx, sy = flat.to_xy(np.array([a.lon for a in areas]), np.array([a.lat for a in areas]))
    mx, my = flat.to_xy(*np.array([a.middle for a in areas]).T)
    squared = ((x[..., None] - mx) ** 2 + (y[..., None] - my) ** 2) / 1e6  # km2
    if config.boundary is not None:
        inside = inside_polygon(config.boundary, flat, x, y)
    elif config.generate is not None:
        nearest = squared.min(axis=-1)
        inside = nearest <= np.quantile(nearest, config.generate.share_of_grid)
    else:
        inside = np.ones(x.shape, bool)
    rows, columns = flat.cell_of(sx, sy)
    inside[rows, columns] = True
    wanted = np.array([a.surface_km2 for a in areas])
    wanted = wanted * inside.sum() * flat.cell_km2 / wanted.sum()
    owner = _power_diagram(squared[inside], wanted, flat.cell_km2)
    index = np.full(x.shape, OUTSIDE)
    index[inside] = owner
    index[rows, columns] = np.arange(len(areas))  # a seat lies in its own area
    return index


def _power_diagram(squared: np.ndarray, wanted: np.ndarray, cell_km2: float) -> np.ndarray:
    """Owner of each cell so that surfaces come near `wanted`; squared distances (cell, area)."""
    weight = np.zeros(len(wanted))
    best, least = np.zeros(len(squared), int), np.inf
    for turn in range(_ROUNDS):
        owner = np.argmin(squared - weight, axis=1)
        found = np.bincount(owner, minlength=len(wanted)) * cell_km2
        missed = float(np.abs(found - wanted).sum())
        if missed < least:
            best, least = owner, missed
        weight = weight + 0.35 * (wanted - found) * (1 - turn / _ROUNDS)
    return best


def _generated(
    wish: GeneratedAreas, flat: Plane, ground: np.ndarray, *, seed: int
) -> tuple[Area, ...]:
    """Cities spread over the low ground, each with areas around its seat."""
    random = rng(seed, "areas")
    low = np.exp(-np.maximum(ground - np.median(ground), 0) / 150)
    width, height = flat.nx * flat.dx_m, flat.ny * flat.dx_m
    spacing = np.sqrt(width * height / wish.cities)
    weights = (low / low.sum()).ravel()
    cities = _spread(random, flat, weights, wish.cities, margin_m=spacing / 3)
    sizes = random.lognormal(0, 0.4, wish.cities)
    areas = []
    for c, (cx, cy) in enumerate(cities):
        turn = random.uniform(0, 2 * np.pi)
        ring = np.arange(1, wish.areas_per_city)
        angle = turn + 2 * np.pi * ring / (wish.areas_per_city - 1)
        reach = spacing * random.uniform(0.2, 0.42, len(ring))
        xs = np.clip(np.r_[cx, cx + reach * np.cos(angle)], flat.dx_m, width - flat.dx_m)
        ys = np.clip(np.r_[cy, cy + reach * np.sin(angle)], flat.dx_m, height - flat.dx_m)
        part = np.r_[1.6, random.uniform(0.6, 1.2, len(ring))]
        people = wish.population * sizes[c] / sizes.sum() * part / part.sum()
        lon, lat = flat.to_lonlat(xs, ys)
        for i, persons in enumerate(people):
            areas.append(
                Area(
                    id=f"c{c + 1:02d}a{i + 1:02d}",
                    zh=f"模拟市{c + 1:02d}" + ("城区" if i == 0 else f"县{i:02d}"),
                    en=f"Simulated city {c + 1:02d}, " + ("centre" if i == 0 else f"county {i}"),
                    kind="district" if i == 0 else "county",
                    city=f"c{c + 1:02d}",
                    lon=float(lon[i]),
                    lat=float(lat[i]),
                    middle=(float(lon[i]), float(lat[i])),
                    population=round(persons),
                    surface_km2=float(0.5 if i == 0 else random.uniform(0.7, 1.3)) * 1000,
                    urban_share=0.8 if i == 0 else 0.38,
                    urban_radius_km=6.0 if i == 0 else 3.0,
                )
            )
    return tuple(areas)


def _spread(
    random: np.random.Generator, flat: Plane, weights: np.ndarray, count: int, *, margin_m: float
) -> np.ndarray:
    """Points (count, 2) drawn by cell weight, each the candidate farthest from those before."""
    chosen = np.empty((0, 2))
    for _ in range(count):
        cells = random.choice(len(weights), 30, p=weights)
        tries = np.column_stack([flat.x[cells % flat.nx], flat.y[cells // flat.nx]])
        gap = np.full(30, np.inf)
        if len(chosen):
            gap = np.hypot(*(tries[:, None] - chosen[None]).transpose(2, 0, 1)).min(axis=1)
        edge = np.minimum(tries, [flat.nx * flat.dx_m, flat.ny * flat.dx_m] - tries).min(axis=1)
        score = np.minimum(gap, 3 * margin_m) + np.minimum(edge, margin_m)
        chosen = np.vstack([chosen, tries[np.argmax(score)]])
    return chosen
