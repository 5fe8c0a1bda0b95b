"""Where people live and stations stand in the simulated city.

Takes areas and cell weights, gives towns and the four-tier network. National stations are real
where a register is given; every other place is generated and says so in its name (模拟). Village
and township stations follow the people, with some distance between them.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecast.schema import STATION_COORDS
from twin.areas import Area
from twin.config_geography import StationsConfig
from twin.seeds import rng
from twin.shares import apportion
from twin.terrain import Plane

_CANDIDATES = 10


def sample_points(
    random: np.random.Generator, flat: Plane, weights: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Points spread by cell weight: each is the best-spaced of a few candidates.

    Args:
        random: Generator.
        flat: The grid's plane.
        weights: (ny, nx), not negative, somewhere positive.
        count: How many points.

    Returns:
        x, y (count,), m, each inside a cell of positive weight.
    """
    share = (weights / weights.sum()).ravel()
    cells = random.choice(share.size, (count, _CANDIDATES), p=share)
    place = random.uniform(0.1, 0.9, (2, count, _CANDIDATES))
    xs = (cells % flat.nx + place[0]) * flat.dx_m
    ys = (cells // flat.nx + place[1]) * flat.dx_m
    x, y = np.empty(count), np.empty(count)
    # Four candidates early, fewer once it is crowded: spacing must not beat the weights.
    for i in range(count):
        tries = slice(0, _CANDIDATES if i < 8 else 4)
        gap = np.hypot(xs[i, tries, None] - x[:i], ys[i, tries, None] - y[:i])
        best = int(np.argmax(gap.min(axis=1))) if i else 0
        x[i], y[i] = xs[i, best], ys[i, best]
    return x, y


def towns(
    areas: Sequence[Area], index: np.ndarray, habitable: np.ndarray, flat: Plane, count: int,
    *, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Township centres besides the seats.

    Args:
        areas: The county-level areas.
        index: Cell -> area (ny, nx).
        habitable: Weight of living there (ny, nx), 0..1.
        flat: The grid's plane.
        count: How many in all; each area has at least one if there are enough.
        seed: The city's seed.

    Returns:
        One row per town: area (index), x, y [m], weight (relative size within its area).
    """
    rural = np.array([a.population * (1 - 0.6 * a.urban_share) for a in areas])
    number = apportion(count, rural, least=1)
    parts = []
    for i, area in enumerate(areas):
        random = rng(seed, "towns", area.id)
        weights = np.where(index == i, habitable, 0.0)
        if weights.sum() <= 0:
            weights = (index == i).astype(float)
        x, y = sample_points(random, flat, weights, int(number[i]))
        size = np.sort(random.lognormal(0, 0.45, len(x)))[::-1]
        parts.append(pd.DataFrame({"area": i, "x": x, "y": y, "weight": size}))
    return pd.concat(parts, ignore_index=True)


def stations(
    config: StationsConfig, areas: Sequence[Area], index: np.ndarray, town_table: pd.DataFrame,
    rural: np.ndarray, flat: Plane, *, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """The network: national, county, township and village stations.

    Args:
        config: How many, and which real ones.
        areas: The county-level areas.
        index: Cell -> area (ny, nx).
        town_table: As towns() gives it; township stations stand in the largest ones.
        rural: Persons outside the towns by cell (ny, nx); village stations follow it.
        flat: The grid's plane.
        seed: The city's seed.

    Returns:
        Index = station code; schema.STATION_COORDS, x, y [m], active. `kind` comes later, from
        land use.
    """
    rows = _national(config, areas, flat, seed=seed)
    if config.county:
        rows += [_county(i, area, flat, seed=seed) for i, area in enumerate(areas)]
    people = np.array([a.population * (1 - 0.5 * a.urban_share) for a in areas])
    number = apportion(config.township, people, least=1)
    code = 0
    for i, area in enumerate(areas):
        mine = town_table[town_table["area"] == i]
        for k, (x, y) in enumerate(zip(mine["x"][: number[i]], mine["y"], strict=False)):
            code += 1
            name = f"{area.zh}模拟乡镇{k + 1:02d}"
            rows.append(_row(f"T{code:03d}", name, "township", area.id, float(x), float(y), flat))
    if code < config.township:  # an area had fewer towns than stations asked for
        raise ValueError(f"only {code} towns for {config.township} township stations")
    number = apportion(config.village, np.bincount(index[index >= 0], rural[index >= 0]))
    code = 0
    for i, area in enumerate(areas):
        if not number[i]:
            continue
        random = rng(seed, "villages", area.id)
        xs, ys = sample_points(random, flat, np.where(index == i, rural, 0.0), int(number[i]))
        for k, (x, y) in enumerate(zip(xs, ys, strict=True)):
            code += 1
            name = f"{area.zh}模拟村{k + 1:03d}"
            rows.append(_row(f"V{code:03d}", name, "village", area.id, x, y, flat))
    table = pd.DataFrame(rows).set_index("station")
    columns = [*STATION_COORDS, "x", "y", "active"]
    return table[columns].astype({"reference": bool, "background": bool, "active": bool})


def lidars(
    config: StationsConfig, areas: Sequence[Area], flat: Plane, *, seed: int
) -> pd.DataFrame:
    """Lidars: the configured ones, then generated ones near the seats of the largest areas.

    Returns:
        Index = id; name, longitude, latitude, x, y [m].
    """
    rows = [{"lidar": d.id, "name": d.name, "place": d.place} for d in config.lidars]
    random = rng(seed, "lidars")
    large = sorted(areas, key=lambda a: -a.population)[: config.lidars_generated]
    for k, area in enumerate(large, start=1):
        east, north = random.uniform(-0.02, 0.02, 2)
        place = (area.lon + east, area.lat + north)
        rows.append({"lidar": f"LS{k:02d}", "name": f"{area.zh}模拟激光雷达", "place": place})
    table = pd.DataFrame(rows, columns=["lidar", "name", "place"]).set_index("lidar")
    table["longitude"] = [float(p[0]) for p in table["place"]]
    table["latitude"] = [float(p[1]) for p in table["place"]]
    table["x"], table["y"] = flat.to_xy(table["longitude"].to_numpy(), table["latitude"].to_numpy())
    return table.drop(columns="place")


def _national(
    config: StationsConfig, areas: Sequence[Area], flat: Plane, *, seed: int
) -> list[dict[str, object]]:
    rows = []
    for one in config.national:
        x, y = (float(v) for v in flat.to_xy(np.array(one.longitude), np.array(one.latitude)))
        row = _row(one.station, one.name, "city", one.area, x, y, flat)
        row |= {"longitude": one.longitude, "latitude": one.latitude}
        active = one.active and one.station not in config.inactive
        rows.append(row | one.model_dump(include={"reference", "background"}) | {"active": active})
    centres: dict[str, Area] = {}
    for area in areas:
        centres.setdefault(area.city, area)
    for city, centre in centres.items():
        random = rng(seed, "national", city)
        cx, cy = flat.to_xy(np.array(centre.lon), np.array(centre.lat))
        for k in range(config.national_per_city):
            # The last one stands far out, as a background site does.
            background = k > 2 and k == config.national_per_city - 1
            far = (2.5 if background else 0.8) * centre.urban_radius_km * 1000
            angle = 2 * np.pi * k / config.national_per_city + random.uniform(0, 1)
            x, y = float(cx + far * np.cos(angle)), float(cy + far * np.sin(angle))
            row = _row(
                f"N{city}{k + 1}", f"{centre.zh}模拟国控{k + 1}", "city", centre.id, x, y, flat
            )
            rows.append(row | {"reference": True, "background": background})
    return rows


def _county(i: int, area: Area, flat: Plane, *, seed: int) -> dict[str, object]:
    x, y = flat.to_xy(np.array(area.lon), np.array(area.lat))
    east, north = rng(seed, "county", area.id).normal(0, 500, 2)
    name = f"{area.zh}县级站（模拟）"
    return _row(f"C{i + 1:03d}", name, "county", area.id, float(x + east), float(y + north), flat)


def _row(
    code: str, name: str, tier: str, area: str, x: float, y: float, flat: Plane
) -> dict[str, object]:
    lon, lat = flat.to_lonlat(np.array(x), np.array(y))
    return {
        "station": code, "name": name, "tier": tier, "area": area,
        "latitude": round(float(lat), 5), "longitude": round(float(lon), 5),
        "reference": False, "background": False, "x": x, "y": y, "active": True,
    }  # fmt: skip
