"""What flows into the city: the region's pollution, with episodes of its own.

Takes the region's weather series and the settings, gives concentrations of every species outside,
hour by hour, in the mixed layer, the residual layer and above the lid. Knows nothing of the city.

The region's PM2.5, P, follows a level of the season times exp(index): stagnation and flow out of
the polluted south and east raise it, flow out of the clean north-west and rain lower it, slow noise
stands for what the weather does not say. It builds up slowly and is swept out fast. Other species
hang on P by a power. Ozone has a course of its own: it is made by sun and warmth by day, remembered
in the residual layer and lost near the ground at night.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from twin.aerosol import NITRATE_UG, SULPHATE_UG
from twin.config_air import Background, Regional
from twin.seeds import rng
from twin.state import SPECIES, unit_per_ug
from twin.transport import Border
from twin.weather_clock import monthly
from twin.weather_regimes import ar1

NEEDS: Final = ("u_up", "v_up", "t2m", "ssrd", "tp", "stagnation", "dust", "mixing")
_EPOCH = pd.Timestamp("2005-01-01")  # noise is counted from here, whatever the period


@dataclass(frozen=True)
class Inflow:
    """Concentrations outside, (layer 3: mixed, residual, above; hour, species); read-only."""

    times: pd.DatetimeIndex
    conc: np.ndarray
    regional_pm25: np.ndarray  # (hour,) ug m-3 without dust, what drives the rest

    def border(self, hour: int, *, closed: bool = False) -> Border:
        """What lies outside in one hour (row of `times`)."""
        mixed, residual, above = self.conc[:, hour]
        return Border(mixed, residual, above, closed=closed)


def inflow(
    weather: Mapping[str, np.ndarray], times: pd.DatetimeIndex, settings: Background, *, seed: int
) -> Inflow:
    """The region's air over a period.

    Args:
        weather: NEEDS -> (hour,), the region's series: winds above [m/s], t2m [K], ssrd [W/m2], tp
            [kg m-2], stagnation, dust and mixing 0..1.
        times: Their hours (naive UTC, ends). The first `index.spin_up_hours` only wind it up.
        settings: The background's settings.
        seed: The city's seed.
    """
    level = monthly(settings.level["pm25"], times)
    index, clean = _index(weather, times, settings.index, seed)
    p = _followed(level * np.exp(index), clean, settings.index)
    relative = p / np.maximum(level, 1e-9)  # the era's scale of one species leaves the others
    p = p * settings.era("pm25")
    conc = np.zeros((3, len(times), len(SPECIES)))

    def put(name: str, micrograms: np.ndarray, layers: str) -> None:
        column = SPECIES.index(name)
        factors = (1.0, settings.residual[layers], settings.above[layers])
        for layer, factor in enumerate(factors):
            conc[layer, :, column] += factor * micrograms * unit_per_ug(name)

    warm = np.asarray(np.clip((np.asarray(weather["t2m"]) - 273.15) / 25, 0, 1))
    shares = {
        name: settings.shares_cold[name] + warm * (settings.shares_warm[name] - cold)
        for name, cold in settings.shares_cold.items()
    }
    dust = np.asarray(weather["dust"])
    put("pm25", p * shares["pm25"] + dust * settings.dust_pm25, "pm25")
    put("soa", p * shares["soa"], "pm25")
    for name, salt in (("sulphate", SULPHATE_UG), ("nitrate", NITRATE_UG)):
        put(name, p * shares[name] / salt / unit_per_ug(name), "pm25")
    hang = {
        name: monthly(settings.level[name], times)
        * settings.era(name)
        * relative**power
        * np.exp(settings.index.species_noise * _noise(times, seed, name, settings.index))
        for name, power in settings.power.items()
    }
    put("coarse", hang["coarse"] + dust * settings.dust_coarse, "coarse")
    put("so2", hang["so2"], "so2")
    put("co", 1000 * hang["co"], "co")
    put("voc", hang["voc"], "voc")
    day = np.clip(weather["ssrd"] / 300, 0, 1)
    put("no2", hang["no2"] * (1 - settings.no_share * day), "no2")
    put("no", hang["no2"] * settings.no_share * day * 30.01 / 46.01, "no2")
    put("nh3", hang["nh3"], "nh3")
    salts = p * (2 * shares["sulphate"] / SULPHATE_UG + shares["nitrate"] / NITRATE_UG)
    put("nh3", salts / unit_per_ug("nh3"), "pm25")  # what the salts hold
    ozone = _ozone(weather, times, settings)
    night = settings.ozone_night + (1 - settings.ozone_night) * np.asarray(weather["mixing"])
    traffic = np.clip((conc[0, :, SPECIES.index("no2")] / unit_per_ug("no2") - 5) / 60, 0, 1)
    by_layer = (
        ozone * night * (1 - 0.5 * traffic),
        ozone * settings.residual["o3"],
        monthly(settings.ozone_clean, times) * settings.above["o3"],
    )
    conc[:, :, SPECIES.index("o3")] = np.stack(by_layer) * unit_per_ug("o3")
    conc.flags.writeable = False
    return Inflow(times, conc, p)


def _index(
    weather: Mapping[str, np.ndarray], times: pd.DatetimeIndex, settings: Regional, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Natural log of the level the region tends to (hour,), and how cleanly it is swept (hour,)."""
    u, v = np.asarray(weather["u_up"]), np.asarray(weather["v_up"])
    speed = np.hypot(u, v)
    # Cosine between where the wind comes from and the clean side.
    side = np.radians(settings.clean_from_degrees)
    from_clean = (-u * np.sin(side) - v * np.cos(side)) / np.maximum(speed, 0.1)
    full = np.minimum(speed / settings.flow_m_s, 1.6)
    clean = np.maximum(from_clean, 0) * full
    polluted = np.maximum(-from_clean, 0) * np.minimum(full, 1)
    rain = np.minimum(np.convolve(weather["tp"], np.ones(12))[: len(times)], 10)
    noise = _noise(times, seed, "region", settings)
    index = (
        settings.stagnation * (np.asarray(weather["stagnation"]) - 0.45)
        + settings.polluted_flow * polluted - settings.clean_flow * clean
        - settings.rain * rain + settings.noise * noise
    )  # fmt: skip
    return index, clean


def _noise(times: pd.DatetimeIndex, seed: int, name: str, settings: Regional) -> np.ndarray:
    """Slow noise of unit variance (hour,); an hour has the same whatever the period."""
    first = int((times[0] - _EPOCH) / pd.Timedelta(hours=1))
    memory = settings.noise_hours if name == "region" else settings.species_hours
    return np.asarray(ar1(rng(seed, "background", name), first + len(times), memory)[first:])


def _followed(target: np.ndarray, clean: np.ndarray, settings: Regional) -> np.ndarray:
    """Concentration that runs after its target: up slowly, down fast in clean flow."""
    up = 1 / settings.build_up_hours
    down = 1 / settings.wane_hours + clean / settings.clean_hours
    result = np.empty(len(target))
    now = float(target[: max(settings.spin_up_hours, 1)].mean()) if len(target) else 0.0
    for i, (goal, fall) in enumerate(zip(target.tolist(), down.tolist(), strict=True)):
        now += (goal - now) * (1 - np.exp(-(up if goal > now else fall)))
        result[i] = now
    return result


def _ozone(
    weather: Mapping[str, np.ndarray], times: pd.DatetimeIndex, settings: Background
) -> np.ndarray:
    """Ozone above the ground's reach (hour,), ug m-3."""
    sun = pd.Series(np.asarray(weather["ssrd"])).rolling(24, min_periods=1).mean().to_numpy()
    warm = pd.Series(np.asarray(weather["t2m"])).rolling(24, min_periods=1).mean().to_numpy()
    season = monthly(settings.ozone_made, times)
    made = (
        season
        * (sun / settings.ozone_sun_w_m2) ** settings.ozone_sun_power
        * np.exp(settings.ozone_warm_per_k * (warm - 298))
        * (1 + settings.ozone_stagnation * (np.asarray(weather["stagnation"]) - 0.45))
    )
    goal = (monthly(settings.ozone_clean, times) + made).tolist()
    result = np.empty(len(goal))
    now, keep = goal[0] if goal else 0.0, np.exp(-1 / settings.ozone_hours)
    for i, wanted in enumerate(goal):
        now = wanted + (now - wanted) * keep
        result[i] = now
    return result
