"""One hour of the simulated air: emission and transport, chemistry, removal, in turn.

Takes the air at the start of the hour, its weather, its sources and what lies outside; gives the
air at its end, the hour's mean concentrations and what came and went. Knows nothing of sectors,
enterprises or stations.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from twin import chemistry, deposition
from twin.aerosol import humidity, pollutants, vapour_hpa
from twin.chemistry import Rates, Sky
from twin.config_air import AirConfig, Grid
from twin.transport import Border, Winds, move

_LAPSE_K_M = 0.0055  # from the ground to the middle of the residual layer
_SCALE_HEIGHT_M = 8400.0


@dataclass(frozen=True)
class Budget:
    """Per species (species,), species' unit per m2 summed over cells, of one hour."""

    entered: np.ndarray  # over borders and lid, net
    emitted: np.ndarray
    taken: np.ndarray  # by ground and rain


@dataclass(frozen=True)
class AirHour:
    """The air after an hour."""

    mass: np.ndarray  # (2, species, ny, nx)
    depth: np.ndarray  # (ny, nx) m
    mean: np.ndarray  # (2, 6, ny, nx) hourly means by layer, schema.POLLUTANTS
    budget: Budget


def depth_of(blh: np.ndarray, settings: Grid) -> np.ndarray:
    """Depth of the mixed layer the model uses [m], from the weather's."""
    return np.asarray(np.clip(blh, settings.least_depth_m, 0.85 * settings.lid_m), dtype=float)


def filled(border: Border, depth: np.ndarray, lid_m: float) -> np.ndarray:
    """Masses (2, species, ny, nx) of air that is everywhere as outside."""
    layers = (border.mixed, border.residual)
    thick = (depth, lid_m - depth)
    return np.stack([c[:, None, None] * d for c, d in zip(layers, thick, strict=True)])


def advance(
    mass: np.ndarray,
    depth: np.ndarray,
    weather: Mapping[str, np.ndarray],
    source: np.ndarray,
    border: Border,
    *,
    settings: AirConfig,
    constants: Rates,
    dx_m: float,
) -> AirHour:
    """Make one hour.

    Args:
        mass: Air at its start (2, species, ny, nx), species' unit per m2.
        depth: Mixed layer at its start (ny, nx), m.
        weather: u10 v10 u_up v_up [m/s], t2m d2m [K], sp [Pa], tp [kg m-2], ssrd [W/m2], blh [m],
            each (ny, nx), of the hour; `blh` is reached at its end.
        source: Emission (2, species, ny, nx), species' unit m-2 s-1.
        border: What lies outside.
        settings: The air's settings.
        constants: Rates of chemistry.
        dx_m: Edge of a cell.
    """
    grid = settings.grid
    w = {name: np.asarray(values, dtype=np.float64) for name, values in weather.items()}
    goal = depth_of(w["blh"], grid)
    winds = _winds(w, 0.5 * (depth + goal), grid)
    steps = grid.steps_per_hour
    seconds = 3600.0 / steps
    entered, taken = (np.zeros(mass.shape[1]) for _ in range(2))
    mean = np.zeros((2, 6, *depth.shape))
    for step in range(steps):
        later = depth + (goal - depth) * ((step + 1) / steps)
        now = depth + (goal - depth) * (step / steps)
        moved = move(
            mass, now, later, winds, border, lid_m=grid.lid_m, dx_m=dx_m, dy_m=dx_m,
            seconds=seconds, source=source,
        )  # fmt: skip
        mass, entered = moved.mass, entered + moved.entered
        thickness = np.stack([later, grid.lid_m - later])
        if grid.leak_m_s > 0:
            mass = deposition.leak(mass, thickness, grid.leak_m_s, seconds)
        sky = _sky(w, later, grid.lid_m)
        if settings.reactions:
            mass = chemistry.react(
                mass, thickness, sky, constants, seconds=seconds, step_s=settings.chemistry.step_s
            )
        if settings.removal:
            gone = deposition.deposit(
                mass, thickness, sky, settings.deposition, wind_m_s=np.hypot(w["u10"], w["v10"]),
                rain_mm_h=w["tp"], seconds=seconds,
            )  # fmt: skip
            mass, taken = gone.mass, taken + gone.taken
        for layer in range(2):
            mean[layer] += pollutants(
                mass[layer] / thickness[layer], sky.kelvin[layer], sky.rh[layer],
                sky.pascal[layer], reference=settings.reference,
            ) / steps  # fmt: skip
    emitted = source.sum(axis=(0, 2, 3)) * 3600.0
    return AirHour(mass, goal, mean, Budget(entered, emitted, taken))


def _winds(w: Mapping[str, np.ndarray], depth: np.ndarray, grid: Grid) -> Winds:
    """The mixed layer moves with the wind at half its depth, by a power law."""
    faster = np.minimum((depth / 20) ** grid.wind_power, grid.wind_most)
    return Winds(w["u10"] * faster, w["v10"] * faster, w["u_up"], w["v_up"])


def _sky(w: Mapping[str, np.ndarray], depth: np.ndarray, lid_m: float) -> Sky:
    """Weather of both layers; vapour is the ground's, as far as the colder air above holds it."""
    middle = 0.5 * (depth + lid_m)
    aloft = w["t2m"] - _LAPSE_K_M * middle
    vapour = vapour_hpa(w["d2m"])
    most = 0.95 * vapour_hpa(aloft)
    return Sky(
        np.stack([w["t2m"], aloft]),
        np.stack([humidity(w["t2m"], w["d2m"]), np.minimum(vapour / most, 1.0) * 0.95]),
        np.stack([w["sp"], w["sp"] * np.exp(-middle / _SCALE_HEIGHT_M)]),
        np.stack([vapour, np.minimum(vapour, most)]),
        np.stack([w["ssrd"], w["ssrd"]]),
    )
