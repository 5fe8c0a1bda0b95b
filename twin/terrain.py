"""The ground of the simulated city: plane coordinates, elevation, rivers and roads.

Takes the configured lines, gives arrays. Elevation is a function of the point, not of the grid, so
that a coarser grid shows the same hills. Knows nothing of people or emissions.

Plane: x [m] towards east and y [m] towards north from the grid's south-west corner, on the sphere
with the longitudes' spacing of the middle latitude (an error below 0.5 % over a city).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from twin.config_geography import GridConfig, Point, Range, River, Road, Terrain
from twin.seeds import rng

METRES_PER_DEGREE = 111_194.9  # of latitude, sphere of radius 6,371 km
_MODES = 48


@dataclass(frozen=True)
class Plane:
    """The grid's plane coordinates."""

    west: float  # degrees
    south: float
    dx_m: float
    nx: int
    ny: int
    metres_per_longitude: float

    @property
    def x(self) -> np.ndarray:
        """Cell centres (nx,), m east."""
        return (np.arange(self.nx) + 0.5) * self.dx_m

    @property
    def y(self) -> np.ndarray:
        """Cell centres (ny,), m north; row 0 is the south."""
        return (np.arange(self.ny) + 0.5) * self.dx_m

    @property
    def cell_km2(self) -> float:
        """Area of a cell."""
        return (self.dx_m / 1000) ** 2

    def to_xy(self, lon: np.ndarray, lat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Degrees to metres; any shape."""
        x = (np.asarray(lon, float) - self.west) * self.metres_per_longitude
        return x, (np.asarray(lat, float) - self.south) * METRES_PER_DEGREE

    def to_lonlat(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Metres to degrees; any shape."""
        lon = self.west + np.asarray(x, float) / self.metres_per_longitude
        return lon, self.south + np.asarray(y, float) / METRES_PER_DEGREE

    def cell_of(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of the cell that holds a point; points outside go to the edge."""
        row = np.clip(np.asarray(y) // self.dx_m, 0, self.ny - 1).astype(int)
        return row, np.clip(np.asarray(x) // self.dx_m, 0, self.nx - 1).astype(int)


def plane(grid: GridConfig) -> Plane:
    """The plane of a configured rectangle; the last column and row are whole cells."""
    per_lon = METRES_PER_DEGREE * float(np.cos(np.radians((grid.south + grid.north) / 2)))
    nx = max(2, round((grid.east - grid.west) * per_lon / grid.dx_m))
    ny = max(2, round((grid.north - grid.south) * METRES_PER_DEGREE / grid.dx_m))
    return Plane(grid.west, grid.south, grid.dx_m, nx, ny, per_lon)


def elevation(
    terrain: Terrain, flat: Plane, x: np.ndarray, y: np.ndarray, *, seed: int
) -> np.ndarray:
    """Height of the ground [m] at points, same shape as x; at least 1 m."""
    east = (x - flat.nx * flat.dx_m / 2) / 1000
    north = (y - flat.ny * flat.dx_m / 2) / 1000
    ground = (
        terrain.plain_m
        + terrain.slope_east_m_per_km * east
        + terrain.slope_north_m_per_km * north
        + terrain.roughness_m * smooth_noise(x, y, 8.0, seed, "plain")
    )
    for one in terrain.ranges:
        ground = ground + _rise(one, flat, x, y, seed=seed)
    return np.maximum(ground, 1.0)


def smooth_noise(
    x: np.ndarray, y: np.ndarray, length_km: float, seed: int, name: str
) -> np.ndarray:
    """A unit-variance random field that varies over length_km; a function of the point.

    A sum of plane waves of random direction, wave length and phase.
    """
    random = rng(seed, "terrain", name)
    angle = random.uniform(0, 2 * np.pi, _MODES)
    wave = 2 * np.pi / (length_km * 1000 * np.exp(random.normal(0.4, 0.45, _MODES)))
    phase = random.uniform(0, 2 * np.pi, _MODES)
    total = np.zeros(np.shape(x))
    for a, k, p in zip(angle, wave, phase, strict=True):
        total += np.cos(k * (x * np.cos(a) + y * np.sin(a)) + p)
    return np.asarray(total * np.sqrt(2 / _MODES))


def distance_behind_foot(one: Range, flat: Plane, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How far [km] a point lies behind the foot of a range, along its side; negative: before."""
    fx, fy = flat.to_xy(*np.array(one.foot).T)
    if one.rises in ("north", "south"):
        order = np.argsort(fx)
        away = y - np.interp(x, fx[order], fy[order])
        sign = 1 if one.rises == "north" else -1
    else:
        order = np.argsort(fy)
        away = x - np.interp(y, fy[order], fx[order])
        sign = 1 if one.rises == "east" else -1
    return np.asarray(sign * away / 1000)


def water_fraction(rivers: Sequence[River], flat: Plane) -> np.ndarray:
    """Share of each cell under a river (ny, nx), 0..1."""
    total = np.zeros((flat.ny, flat.nx))
    for river in rivers:
        strips = max(1, int(np.ceil(river.width_km / 0.25)))
        offsets = (np.arange(strips) - (strips - 1) / 2) * river.width_km / strips * 1000
        x, y, nx, ny, step = _along(river.line, flat, spacing_m=200)
        for offset in offsets:
            amount = np.full(x.shape, step * river.width_km / strips * 1000)
            total += _binned(flat, x + offset * nx, y + offset * ny, amount)
    return np.minimum(total / flat.dx_m**2, 1.0)


def road_density(roads: Sequence[Road], flat: Plane) -> np.ndarray:
    """Weighted length of trunk roads in each cell (ny, nx), km."""
    total = np.zeros((flat.ny, flat.nx))
    for road in roads:
        x, y, _, _, step = _along(road.line, flat, spacing_m=100)
        total += _binned(flat, x, y, np.full(x.shape, step * road.weight / 1000))
    return total


def inside_polygon(
    corners: Sequence[Point], flat: Plane, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Whether points lie in a polygon given in degrees; same shape as x."""
    from matplotlib.path import Path

    outline = Path(np.column_stack(flat.to_xy(*np.array(corners).T)))
    points = np.column_stack([np.ravel(x), np.ravel(y)])
    return np.asarray(outline.contains_points(points)).reshape(np.shape(x))


def _rise(one: Range, flat: Plane, x: np.ndarray, y: np.ndarray, *, seed: int) -> np.ndarray:
    """What a range adds to the plain [m]."""
    wiggle = 1.2 * smooth_noise(x, y, 6.0, seed, f"{one.name} foot")  # spurs and valley mouths
    behind = distance_behind_foot(one, flat, x, y) + wiggle
    up = 1 - np.exp(-np.maximum(behind, 0) / one.rise_km)
    if one.depth_km is not None:
        up = up * np.exp(-((np.maximum(behind - one.depth_km, 0) / one.rise_km) ** 2))
    relief = one.relief_m * smooth_noise(x, y, one.relief_km, seed, one.name)
    return np.asarray(up * np.maximum(one.plateau_m + relief, 0.1 * one.plateau_m))


def _along(
    line: Sequence[Point], flat: Plane, *, spacing_m: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Points at even steps along a line, their unit normals, and the step [m]."""
    px, py = flat.to_xy(*np.array(line).T)
    lengths = np.hypot(np.diff(px), np.diff(py))
    reached = np.concatenate([[0.0], np.cumsum(lengths)])
    count = max(1, round(reached[-1] / spacing_m))
    step = reached[-1] / count
    at = (np.arange(count) + 0.5) * step
    part = np.clip(np.searchsorted(reached, at) - 1, 0, len(lengths) - 1)
    normal_x = -np.diff(py)[part] / lengths[part]
    normal_y = np.diff(px)[part] / lengths[part]
    return np.interp(at, reached, px), np.interp(at, reached, py), normal_x, normal_y, float(step)


def _binned(flat: Plane, x: np.ndarray, y: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Sum of amounts by cell; what lies off the grid is dropped."""
    edges = [np.arange(flat.ny + 1) * flat.dx_m, np.arange(flat.nx + 1) * flat.dx_m]
    return np.asarray(np.histogram2d(y, x, bins=edges, weights=amount)[0])
