"""Regional weather laid over the ground: every cell or point its own wind, warmth and rain.

Takes a Regional, hours and a Ground (plain arrays; `ground_of` makes one from a Geography); gives
float32 arrays (hour, ny, nx) or (hour, point). A slice of hours gives the same bits as the whole,
so that a long period can be made day by day. Knows nothing of emissions or stations.

What the ground does: temperature and pressure fall with height; the plain's wind is braked,
blocked and led along steep ground while the mixed layer is shallower than the hills (Froude number
of the layer below the crest); up-slope breeze by day, down-slope by night; towns are warm on still
nights and brake the wind. Small disturbances drift with the wind above, so that stations differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from twin.config_weather import FieldSettings
from twin.geography import Geography
from twin.seeds import rng
from twin.weather import Regional

FIELDS: Final = (
    "u10", "v10", "t2m", "d2m", "sp", "tp", "blh", "ssrd", "u_up", "v_up", "cloud",
)  # fmt: skip
_KINDS: Final = ("wind_u", "wind_v", "t2m", "d2m", "rain")
_GAS_PER_G = 287.05 / 9.80665
_NIGHT_HILL_M = 400.0  # cold air lies below this height above the plain
_STABILITY = 0.012  # s-1, of the air below a crest


@dataclass(frozen=True)
class Ground:
    """What weather needs of a place; all arrays (ny, nx) or all (point,)."""

    x: np.ndarray  # m east
    y: np.ndarray  # m north
    elevation: np.ndarray  # m
    urban: np.ndarray  # built share 0..1
    slope_x: np.ndarray  # m/m, of the ground smoothed to the scale that moves air
    slope_y: np.ndarray
    plain_m: float  # height of the plain around

    @property
    def shape(self) -> tuple[int, ...]:
        """(ny, nx) or (point,)."""
        return self.x.shape


@dataclass(frozen=True)
class Disturbances:
    """Drifting waves: fixed in space, their phases follow the air."""

    wave_x: np.ndarray  # (mode,) rad/m
    wave_y: np.ndarray
    pulse: np.ndarray  # (mode,) rad/h, so that they also change as they go
    phase: np.ndarray  # (kind, mode) rad
    size: np.ndarray  # (mode,), squares sum to one


def ground(
    x: np.ndarray, y: np.ndarray, elevation: np.ndarray, urban: np.ndarray,
    *, settings: FieldSettings,
) -> Ground:  # fmt: skip
    """The ground of a regular grid.

    Args:
        x: Cell centres (nx,) [m east], evenly spaced.
        y: Cell centres (ny,) [m north].
        elevation: (ny, nx) m.
        urban: Built share (ny, nx), 0..1.
        settings: The weather's field settings.
    """
    dx = float(x[1] - x[0])
    smooth = gaussian_filter(elevation, settings.slope_km * 500 / dx, mode="nearest")
    slope_y, slope_x = np.gradient(smooth, dx)
    wide_x, wide_y = np.meshgrid(x, y)
    plain = float(np.percentile(elevation, 25))
    return Ground(wide_x, wide_y, elevation, urban, slope_x, slope_y, plain)


def ground_of(geography: Geography, *, settings: FieldSettings) -> Ground:
    """The ground of a simulated city's grid."""
    built = sum(geography.use(name) for name in ("urban", "industrial", "village"))
    share = np.clip(np.asarray(built), 0, 1)
    return ground(geography.x, geography.y, geography.elevation, share, settings=settings)


def points(whole: Ground, x: np.ndarray, y: np.ndarray) -> Ground:
    """The ground at points (point,), between the cells' centres; outside, that of the edge."""
    first_x, first_y = whole.x[0, 0], whole.y[0, 0]
    row = (np.asarray(y, float) - first_y) / (whole.y[1, 0] - first_y)
    column = (np.asarray(x, float) - first_x) / (whole.x[0, 1] - first_x)

    def at(grid: np.ndarray) -> np.ndarray:
        return np.asarray(map_coordinates(grid, [row, column], order=1, mode="nearest"))

    return Ground(
        np.asarray(x, float), np.asarray(y, float), at(whole.elevation), at(whole.urban),
        at(whole.slope_x), at(whole.slope_y), whole.plain_m,
    )  # fmt: skip


def fields(
    regional: Regional, hours: slice, place: Ground, *, disturbed: bool = True
) -> dict[str, np.ndarray]:
    """Weather of some hours everywhere on a ground.

    Args:
        regional: The region's weather.
        hours: Rows of `regional.times` (see Regional.rows).
        place: Grid or points.
        disturbed: False leaves the drifting disturbances out: what a smooth forecast shows.

    Returns:
        FIELDS -> float32 (hour, ny, nx) or (hour, point), in the schema's units; u_up, v_up [m/s]
        above the mixed layer; cloud 0..1. Dew point <= temperature; rain >= 0; no missing values.
    """
    flat = Ground(
        _flat(place.x), _flat(place.y), _flat(place.elevation), _flat(place.urban),
        _flat(place.slope_x), _flat(place.slope_y), place.plain_m,
    )  # fmt: skip
    settings = regional.config.fields
    one = {
        name: values[hours].astype(np.float32)[:, None] for name, values in regional.values.items()
    }
    eddies = _eddies(regional, hours, flat, settings) if disturbed else None
    out = _warmth(one, flat, settings, eddies, regional.config.reference.elevation_m)
    out |= _wind(one, flat, settings, eddies)
    out |= _water(one, flat, settings, eddies)
    out["blh"] = _depth(one, flat, settings, eddies, regional.config.physics.blh_lid_m)
    shape = (len(one["t2m"]), *place.shape)
    return {name: out[name].reshape(shape) for name in FIELDS}


def _flat(grid: np.ndarray) -> np.ndarray:
    return np.ravel(grid).astype(np.float32)


def daily(
    regional: Regional, place: Ground, *, hours: int = 24
) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
    """The fields of the whole period, some hours at a time: (rows, fields)."""
    for start in range(0, len(regional.times), hours):
        rows = slice(start, min(start + hours, len(regional.times)))
        yield rows, fields(regional, rows, place)


def disturbances(seed: int, settings: FieldSettings) -> Disturbances:
    """The waves of a city, from its seed."""
    random = rng(seed, "weather", "disturbances")
    short, long = np.log(settings.wavelengths_km)
    length = 1000 * np.exp(np.linspace(short, long, settings.modes))
    angle = random.uniform(0, 2 * np.pi, settings.modes)
    size = np.sqrt(length / length.sum())  # longer waves carry more
    return Disturbances(
        2 * np.pi / length * np.cos(angle),
        2 * np.pi / length * np.sin(angle),
        random.standard_normal(settings.modes) / settings.eddy_hours,
        random.uniform(0, 2 * np.pi, (len(_KINDS), settings.modes)),
        size,
    )


def _eddies(
    regional: Regional, hours: slice, flat: Ground, settings: FieldSettings
) -> dict[str, np.ndarray]:
    """Disturbances of unit variance, kind -> (hour, cell) float32."""
    waves = disturbances(regional.seed, settings)
    drift = regional.drift[hours]
    stamps = regional.times[hours].to_numpy().astype("datetime64[h]").astype(np.int64)
    moved = (
        drift[:, :1] * waves.wave_x + drift[:, 1:] * waves.wave_y - stamps[:, None] * waves.pulse
    )
    there = flat.x[:, None] * waves.wave_x + flat.y[:, None] * waves.wave_y  # (cell, mode)
    size = np.sqrt(2) * waves.size
    cosine = np.ascontiguousarray((size * np.cos(there)).T.astype(np.float32))
    sine = np.ascontiguousarray((size * np.sin(there)).T.astype(np.float32))
    out = {}
    for kind, phase in zip(_KINDS, waves.phase, strict=True):
        when = moved + phase
        c, s = np.cos(when).astype(np.float32), np.sin(when).astype(np.float32)
        total = np.zeros((len(when), len(flat.x)), dtype=np.float32)
        for mode in range(settings.modes):  # not a matrix product: its rounding varies with size
            total += c[:, mode, None] * cosine[mode]
            total += s[:, mode, None] * sine[mode]
        out[kind] = total
    return out


def _warmth(
    one: dict[str, np.ndarray], flat: Ground, settings: FieldSettings,
    eddies: dict[str, np.ndarray] | None, reference_m: float,
) -> dict[str, np.ndarray]:  # fmt: skip
    day, speed = one["mixing"], np.hypot(one["u10"], one["v10"])
    above = flat.elevation - np.float32(reference_m)
    lapse = settings.lapse_night_k_m + (settings.lapse_day_k_m - settings.lapse_night_k_m) * day
    # Cold air gathers low down at night; above it the free lapse holds.
    low = np.clip(above, None, _NIGHT_HILL_M)
    t2m = one["t2m"] + lapse * low + np.float32(settings.lapse_day_k_m) * (above - low)
    still = np.exp(-speed / 3) * (1 - 0.6 * one["cloud"]) * (1 - day)
    t2m = t2m + flat.urban * (settings.heat_island_k * still + settings.heat_island_day_k * day)
    d2m = one["d2m"] + np.float32(settings.dew_lapse_k_m) * above - 0.6 * flat.urban * day
    sp = one["sp"] * np.exp(-above / (np.float32(_GAS_PER_G) * 0.5 * (one["t2m"] + t2m)))
    if eddies is not None:
        t2m = t2m + np.float32(settings.spread["t2m"]) * eddies["t2m"]
        d2m = d2m + np.float32(settings.spread["d2m"]) * eddies["d2m"]
        sp = sp - np.float32(settings.spread["sp"]) * eddies["t2m"]
    return {"t2m": t2m, "d2m": np.minimum(d2m, t2m - np.float32(0.05)), "sp": sp}


def _wind(
    one: dict[str, np.ndarray], flat: Ground, settings: FieldSettings,
    eddies: dict[str, np.ndarray] | None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Wind at 10 m and above: braked, blocked and deflected, with breezes."""
    steep = np.hypot(flat.slope_x, flat.slope_y)
    level = steep < np.float32(1e-6)  # no slope: any direction will do, but it must be one
    up_x = np.where(level, np.float32(0), flat.slope_x / np.where(level, np.float32(1), steep))
    up_y = np.where(level, np.float32(1), flat.slope_y / np.where(level, np.float32(1), steep))
    full = np.minimum(steep / np.float32(settings.slope_full), 1)
    hill = np.maximum(flat.elevation - np.float32(flat.plain_m), 0)
    drag = (1 - settings.urban_drag * flat.urban) / (
        1 + np.float32(settings.forest_drag_per_km / 1000) * hill
    )
    u, v = one["u10"] * drag, one["v10"] * drag
    speed_up = np.hypot(one["u_up"], one["v_up"])
    froude = speed_up / np.float32(_STABILITY * 700)  # of the range's shoulder
    shallow = (
        1 / (1 + (froude / settings.froude_full) ** 2) * np.clip(1.3 - one["blh"] / 1500, 0, 1)
    )
    strength = np.float32(settings.blocking) * shallow * full
    u, v = _deflected(u, v, up_x, up_y, strength)
    u_up, v_up = _deflected(one["u_up"], one["v_up"], up_x, up_y, 0.35 * strength)
    day = one["mixing"] * np.clip(one["ssrd"] / 400, 0, 1)
    night = (1 - one["mixing"]) * (1 - 0.7 * one["cloud"])
    calm = np.exp(-speed_up / 9)
    breeze = calm * (settings.breeze_day_m_s * day - settings.breeze_night_m_s * night) * full
    u, v = u + breeze * up_x, v + breeze * up_y
    if eddies is not None:
        size = np.float32(settings.spread["wind"]) * (0.5 + 0.5 * one["mixing"])
        u, v = u + size * eddies["wind_u"], v + size * eddies["wind_v"]
        u_up, v_up = u_up + 1.2 * size * eddies["wind_u"], v_up + 1.2 * size * eddies["wind_v"]
    return {"u10": u, "v10": v, "u_up": u_up, "v_up": v_up}


def _deflected(
    u: np.ndarray, v: np.ndarray, up_x: np.ndarray, up_y: np.ndarray, strength: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Wind with its cross-slope part weakened, part of it led along the slope."""
    across = u * up_x + v * up_y
    along = v * up_x - u * up_y
    lost = strength * across
    led = along + 0.5 * np.abs(lost) * np.sign(along)
    across = across - lost
    return across * up_x - led * up_y, across * up_y + led * up_x


def _water(
    one: dict[str, np.ndarray], flat: Ground, settings: FieldSettings,
    eddies: dict[str, np.ndarray] | None,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Rain, cloud and sun: unevenly spread, with the region's mean."""
    hill = np.maximum(flat.elevation - np.float32(flat.plain_m), 0) / 1000
    rain = one["tp"] * (1 + np.float32(settings.rain_per_km) * hill)
    cloud = one["cloud"] + np.zeros_like(flat.x)
    sun = one["ssrd"] + np.zeros_like(flat.x)
    if eddies is not None:
        spread = np.float32(settings.spread["rain"])
        rain = rain * np.exp(spread * eddies["rain"] - spread**2 / 2)
        broken = 4 * one["cloud"] * (1 - one["cloud"])  # no holes in a closed deck or a clear sky
        more = np.float32(settings.spread["cloud"]) * broken * eddies["rain"]
        cloud = np.clip(cloud + more, 0, 1)
        sun = np.maximum(sun * (1 - 0.5 * more), 0)
    rain = np.where(rain >= np.float32(0.05), rain, np.float32(0))
    return {"tp": rain, "cloud": np.where(rain > 0, np.maximum(cloud, 0.7), cloud), "ssrd": sun}


def _depth(
    one: dict[str, np.ndarray], flat: Ground, settings: FieldSettings,
    eddies: dict[str, np.ndarray] | None, lid_m: float,
) -> np.ndarray:  # fmt: skip
    """Mixed layer above the ground [m]: deeper over towns, above all at night."""
    night = 1 - one["mixing"]
    depth = one["blh"] * (1 + flat.urban * (0.08 + 0.35 * night))
    if eddies is not None:
        depth = depth * np.exp(np.float32(settings.spread["blh"]) * eddies["t2m"])
    return np.asarray(np.clip(depth, 40, np.float32(lid_m)))
