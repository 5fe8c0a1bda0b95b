"""Settings of the simulated city's geography: grid, terrain, areas, settlements, stations.

Takes parsed YAML, gives frozen sections. Coordinates are degrees (WGS-84) as (lon, lat) pairs;
heights are metres; distances carry their unit in the name.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from forecast.config import Section

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-80, le=80)]
Point = tuple[Longitude, Latitude]
Line = Annotated[tuple[Point, ...], Field(min_length=2)]
Side = Literal["north", "south", "east", "west"]
Positive = Annotated[float, Field(gt=0)]


class GridConfig(Section):
    """The rectangle that is simulated."""

    west: Longitude
    south: Latitude
    east: Longitude
    north: Latitude
    dx_m: float = Field(2000, ge=500, le=20000)

    @model_validator(mode="after")
    def _right_way_round(self) -> Self:
        if self.east <= self.west or self.north <= self.south:
            raise ValueError("east must lie east of west, and north of south")
        return self


class Range(Section):
    """High ground that begins at a foot line and rises away from it."""

    name: str
    foot: Line  # from west to east (or from south to north where it rises east or west)
    rises: Side
    plateau_m: Positive  # height above the plain, far from the foot
    rise_km: Positive  # e-folding distance of the rise
    relief_m: float = Field(0, ge=0)  # ridges and valleys on top of it
    relief_km: Positive = 12.0
    depth_km: Positive | None = None  # it falls again beyond this distance; None: it goes on


class River(Section):
    """A river as a line with the width of its water and wet flood plain."""

    name: str
    line: Line
    width_km: Positive


class Road(Section):
    """A trunk road; `weight` is its traffic relative to the others."""

    name: str
    line: Line
    weight: Positive = 1.0


class Terrain(Section):
    """The plain and what stands on it."""

    plain_m: float = 100.0  # at the middle of the grid
    slope_east_m_per_km: float = 0.0  # of the plain; negative: it falls to the east
    slope_north_m_per_km: float = 0.0
    roughness_m: float = Field(4.0, ge=0)
    ranges: tuple[Range, ...] = ()
    rivers: tuple[River, ...] = ()
    roads: tuple[Road, ...] = ()


class AreaConfig(Section):
    """A county-level area."""

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    zh: str
    en: str
    kind: Literal["district", "county"]
    seat: Point
    middle: Point | None = None  # of its surface, where the seat lies far from it
    population: int = Field(gt=0)
    surface_km2: Positive
    urban_share: float = Field(0.4, gt=0, lt=1)
    urban_radius_km: Positive = 2.5
    city: str = "city"  # the city it belongs to, where a province is simulated


class GeneratedAreas(Section):
    """Cities with their areas where no list is given: a province from nothing."""

    cities: int = Field(gt=0)
    areas_per_city: int = Field(gt=1)
    population: int = Field(gt=0)  # of all of them
    share_of_grid: float = Field(0.8, gt=0, le=1)


class Neighbour(Section):
    """A town outside the city, inside the grid."""

    name: str
    place: Point
    population: int = Field(gt=0)
    radius_km: Positive = 2.5


class IndustrialZone(Section):
    """Where enterprises gather."""

    name: str
    place: Point
    radius_km: Positive = 2.0
    weight: Positive = 1.0


class NationalStation(Section):
    """One row of the station register, tier `city`."""

    station: str
    name: str
    area: str
    latitude: Latitude
    longitude: Longitude
    reference: bool
    background: bool = False
    active: bool = True


class Lidar(Section):
    """A lidar at a place."""

    id: str
    name: str
    place: Point


class StationsConfig(Section):
    """The four-tier network. `national` rows come from the city's station register."""

    national: tuple[NationalStation, ...] = ()
    national_per_city: int = Field(0, ge=0)  # generated ones, where there is no register
    inactive: tuple[str, ...] = ()  # national stations that no longer report
    county: bool = True  # one at each area's seat
    township: int = Field(60, ge=0)
    village: int = Field(501, ge=0)
    lidars: tuple[Lidar, ...] = ()
    lidars_generated: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _reference(self) -> Self:
        kept = [n for n in self.national if n.reference and n.station not in self.inactive]
        if not any(n.active for n in kept) and not self.national_per_city:
            raise ValueError("no reference station that reports: the city value needs one")
        codes = [n.station for n in self.national]
        twice = sorted({c for c in codes if codes.count(c) > 1})
        if twice:
            raise ValueError(f"stations named twice: {twice}")
        return self


class GeographyConfig(Section):
    """Everything the geography is made from."""

    grid: GridConfig
    terrain: Terrain = Terrain()
    boundary: tuple[Point, ...] | None = None  # polygon of the city; None: the whole grid
    areas: tuple[AreaConfig, ...] = ()
    generate: GeneratedAreas | None = None
    neighbours: tuple[Neighbour, ...] = ()
    rural_density_outside: float = Field(500, ge=0)  # persons per km2 of plain outside the city
    zones: tuple[IndustrialZone, ...] = ()
    stations: StationsConfig
    sources: tuple[str, ...] = ()  # where the figures come from, and which are assumptions

    @model_validator(mode="after")
    def _areas(self) -> Self:
        if bool(self.areas) == bool(self.generate):
            raise ValueError("give either areas or generate")
        ids = [a.id for a in self.areas]
        if len(set(ids)) < len(ids):
            raise ValueError("area ids must differ")
        if self.boundary is not None and len(self.boundary) < 3:
            raise ValueError("a boundary needs three corners or more")
        unknown = sorted({n.area for n in self.stations.national} - set(ids)) if ids else []
        if unknown:
            raise ValueError(f"national stations in unknown areas {unknown}, have {ids}")
        return self
