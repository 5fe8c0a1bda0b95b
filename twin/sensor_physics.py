"""What an instrument shows for the air before it: gain, humidity, temperature, crosses, noise.

Takes a register of stations and the settings, gives Instruments; from them and the true
concentrations the readings before faults. Knows nothing of how the truth was made. An hour's
reading depends on the seed, the station's name, the hour and that hour's air, on nothing else.

Humidity: the growth of deliquesced particles in an optical counter, 1 + (kappa / 1.65) aw/(1-aw),
with aw the humidity as a fraction (Crilley et al. 2018, doi 10.5194/amt-11-709-2018).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS
from forecast.weather_derived import relative_humidity
from twin.config_sensors import SensorsConfig, Tier
from twin.sensor_noise import keys, mixed, normal, smooth, uniform

SPACINGS = {"hours": 6, "day": 30, "weeks": 240}  # hours between the nodes of an error's parts
DENSITY = 1.65  # of dry particles, relative to water
LEAST_GAIN = 0.02
MONTH_HOURS = 730.0


@dataclass(frozen=True)
class Instruments:
    """Every station's instruments; arrays (station, pollutant) in the schema's order and units."""

    config: SensorsConfig
    stations: tuple[str, ...]
    tier: np.ndarray  # (station,) names
    scale: np.ndarray  # (station,) errors, times the fitted micro-sensor's
    key: np.ndarray  # uint64
    gain: np.ndarray
    cycle_gain_sd: np.ndarray
    cross: Mapping[tuple[int, int], np.ndarray]  # (shown, other) -> (station,)
    kappa: np.ndarray
    offset: np.ndarray
    temperature: np.ndarray  # per K
    humidity: np.ndarray  # per 10 % above 60 %
    additive: np.ndarray
    relative: np.ndarray
    shares: np.ndarray  # (pollutant, part) square roots of the shares of Shares
    analyser_relative: np.ndarray  # (station, 1)
    analyser_floor: np.ndarray
    drift: np.ndarray  # (station, 1) a month
    cycle_hours: np.ndarray  # (station,)
    phase: np.ndarray  # (station,) hours
    floor: np.ndarray
    spike_share: np.ndarray
    spike_factor: np.ndarray  # (pollutant,)
    decimals: np.ndarray  # decimals shown


def instruments(stations: pd.DataFrame, config: SensorsConfig, *, seed: int) -> Instruments:
    """Draw every station's instruments; a station's do not depend on the others.

    Args:
        stations: Index = station id; column tier.
        config: The settings.
        seed: The city's seed.

    Raises:
        DataError: A tier the settings do not know.
    """
    tier = stations["tier"].to_numpy().astype(str)
    if strange := sorted(set(tier) - set(config.tiers)):
        raise DataError([Problem("stations: tier", str(strange), f"of {sorted(config.tiers)}")])
    names = tuple(map(str, stations.index))
    pairs = [f"{name}\x00{p}" for name in names for p in POLLUTANTS]
    shape = (len(names), len(POLLUTANTS))
    key = keys(seed, "sensors", pairs).reshape(shape)
    own = keys(seed, "instruments", names)
    of = [config.tiers[t] for t in tier]
    micro = [config.micro[p] for p in POLLUTANTS]

    def by_tier(field: str) -> np.ndarray:
        return np.array([float(getattr(t, field)) for t in of])

    def fitted(field: str) -> np.ndarray:
        return np.array([float(getattr(m, field)) for m in micro])

    scale = _scales(of, uniform(own, 1))
    q = scale[:, None]
    unit = 1 + by_tier("unit_gain_sd")[:, None] * normal(key, 2)
    gain = np.maximum((1 + (fitted("gain") - 1) * q) * unit, LEAST_GAIN)
    differs = 1 + by_tier("unit_offset_sd")[:, None] * normal(key, 3)
    hours = np.maximum((by_tier("maintenance_days") * 24).astype(np.int64), 24)
    cross = {
        (i, POLLUTANTS.index(other)): scale * factor
        for i, m in enumerate(micro)
        for other, factor in m.cross.items()
    }
    parts = ("white", *SPACINGS, "cycle")
    co = np.array([p == "co" for p in POLLUTANTS])
    whole = by_tier("integers")[:, None] > 0
    return Instruments(
        config=config,
        stations=names,
        tier=tier,
        scale=scale,
        key=key,
        gain=gain,
        cycle_gain_sd=fitted("cycle_gain_sd") * q,
        cross=cross,
        kappa=fitted("kappa") * q,
        offset=fitted("offset") * q * differs,
        temperature=fitted("temperature") * q,
        humidity=fitted("humidity") * q,
        additive=fitted("additive") * q,
        relative=fitted("relative") * q,
        shares=np.sqrt([[getattr(m.shares, part) for part in parts] for m in micro]),
        analyser_relative=by_tier("analyser_relative")[:, None],
        analyser_floor=by_tier("analyser_floors")[:, None]
        * np.array([config.instrument_floor[p] for p in POLLUTANTS]),
        drift=by_tier("drift_per_month")[:, None],
        cycle_hours=hours,
        phase=(mixed(own, 4) % hours.astype(np.uint64)).astype(np.int64),
        floor=fitted("floor") * np.minimum(q, 1.0),
        spike_share=fitted("spike_share") * by_tier("spikes")[:, None],
        spike_factor=fitted("spike_factor"),
        decimals=np.where(whole, np.where(co, 1, 0), np.where(co, 3, 2)),
    )


def respond(
    made: Instruments, truth: np.ndarray, t2m: np.ndarray, d2m: np.ndarray, hours: np.ndarray
) -> np.ndarray:
    """Readings before faults and rounding.

    Args:
        made: The instruments.
        truth: True concentrations (hour, station, pollutant), schema units; NaN stays missing.
        t2m: Air temperature (hour, station), K.
        d2m: Dew point (hour, station), K.
        hours: Hours since 1970 (hour,), see sensor_noise.hour_number().

    Returns:
        (hour, station, pollutant), schema units, not negative.
    """
    low, high = made.config.ranges.temperature_c
    celsius = np.clip(t2m - 273.15, low, high)[..., None]
    low, high = made.config.ranges.humidity_percent
    damp = np.clip(relative_humidity(t2m, d2m), low, high)[..., None]
    cycle, age = np.divmod(hours[:, None] + made.phase, made.cycle_hours)
    service = service_key(made, cycle[..., None])
    gain = made.gain + made.cycle_gain_sd * normal(service, 11)
    gain = np.maximum(gain, LEAST_GAIN)
    gain = gain * (1 + drift_rate(made, service) * (age[..., None] / MONTH_HOURS))
    seen = gain * truth
    other = np.nan_to_num(truth)
    for (shown, crossing), factor in made.cross.items():
        seen[..., shown] += factor * other[..., crossing]
    activity = damp / 100
    growth = 1 + made.kappa / DENSITY * activity / (1 - activity)
    weather = made.temperature * (celsius - 10) + made.humidity * np.maximum(damp - 60, 0) / 10
    level = np.maximum(growth * seen + made.offset + weather, 0)
    error = np.hypot(made.additive, made.relative * level) * _error(made, service, hours)
    own = normal(mixed(made.key, 21), hours[:, None, None])
    error = error + np.hypot(made.analyser_floor, made.analyser_relative * level) * own
    return np.asarray(np.maximum(level + error, made.floor))


def service_key(made: Instruments, cycle: np.ndarray) -> np.ndarray:
    """Keys of the time between two maintenances, by its number; broadcasts to the instruments."""
    return mixed(mixed(made.key, 10), cycle)


def drift_rate(made: Instruments, service: np.ndarray) -> np.ndarray:
    """Relative change of the gain a month since maintenance, by service key."""
    return np.asarray(np.clip(made.drift * normal(service, 12), -0.2, 0.2))


def spikes(made: Instruments, hours: np.ndarray) -> np.ndarray:
    """Factor on each reading (hour, station, pollutant), one where nothing spikes."""
    key = mixed(made.key, 22)
    counter = hours[:, None, None]
    hit = uniform(key, counter) < made.spike_share
    size = made.spike_factor * np.exp(0.4 * normal(mixed(key, 1), counter))
    return np.asarray(np.where(hit, np.maximum(size, 1.2), 1.0))


def _error(made: Instruments, service: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Unit-variance error (hour, station, pollutant): white, slow parts, and one per cycle."""
    counter = hours[:, None, None]
    shares = made.shares.T
    total = shares[0] * normal(mixed(made.key, 23), counter)
    for i, spacing in enumerate(SPACINGS.values(), start=1):
        if shares[i].any():
            key = mixed(made.key, 23 + i)
            total = total + shares[i] * smooth(key, counter, spacing=spacing)
    return np.asarray(total + shares[-1] * normal(service, 13))


def _scales(of: Sequence[Tier], luck: np.ndarray) -> np.ndarray:
    """How much each station errs, drawn from its tier's qualities."""
    chosen = np.empty(len(of))
    for i, tier in enumerate(of):
        edges = np.cumsum([q.share for q in tier.qualities])
        nth = min(int(np.searchsorted(edges, luck[i])), len(edges) - 1)
        chosen[i] = tier.qualities[nth].scale
    return chosen
