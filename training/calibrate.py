"""What blocks of time that were not trained on say: blend, spread, dependence of errors.

Takes networks and trees that were not trained on the blocks, gives blend weights, recalibration and
error templates. Every number here comes from forecasts of time that their network had not seen.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np
import pandas as pd

from forecast import (
    error_templates,
    last_reading,
    network_inputs,
    predict,
    recalibration,
    trees,
    weather_tiers,
)
from forecast.batch import Floats, FutureWeather, WeatherTier
from forecast.error_templates import ErrorTemplates
from forecast.last_reading import LastReading
from forecast.network import Network
from forecast.network_inputs import TRUST, Scales
from forecast.recalibration import Recalibration
from forecast.trees import MedianTrees
from training import drift_errors, job, module
from training.settings import TrainConfig
from training.windows import Record, Vintages

_BATCH: Final = 64
_MANY_STATIONS: Final = 40


@dataclass(frozen=True)
class Block:
    """A stretch of issue times (first and last, naive UTC)."""

    first: pd.Timestamp
    last: pd.Timestamp


@dataclass(frozen=True)
class Calibration:
    """What an artifact takes from the blocks."""

    blend: Floats  # (3, DAYS, POLLUTANTS)
    recalibration: Recalibration
    last: LastReading
    errors: ErrorTemplates
    ordinary: Mapping[str, Any]  # by trust: training.drift_errors.reference


def run(
    record: Record,
    blocks: Sequence[Block],
    networks: Sequence[Sequence[tuple[Network, ...]]],
    beside: Sequence[Mapping[tuple[int, str], Any]],
    scales: Scales,
    settings: TrainConfig,
    vintages: Vintages | None,
    say: Callable[[str], None],
) -> Calibration:
    """Forecast each block by what was trained on the others, and learn from the misses.

    Args:
        record: All observations of the training.
        blocks: Stretches of time.
        networks: Of each expert, for each block those whose mean forecasts it.
        beside: Trees for each block (forecast.trees.fit), may be empty.
        scales: Of the training.
        settings: How many issue times and templates.
        vintages: Of real forecasts, for the tier `archived`.
        say: Told what is being done.
    """
    kept = _kept(record)
    small = record.only(kept)
    blend = trees.none().weights.copy()
    pits: dict[int, np.ndarray] = {}
    times: dict[int, pd.DatetimeIndex] = {}
    ordinary: dict[str, Any] = {}
    pulled = last_reading.none()
    for tier, expert in tiers(settings).items():
        trust = TRUST[tier]
        say(f"blocks forecast with weather {tier}")
        found = [
            _forecast(record, block, several, models, scales, settings, tier, vintages, kept)
            for block, several, models in zip(blocks, networks[expert], beside, strict=True)
        ]
        z, medians, observed = (np.concatenate([f[k] for f in found]) for k in (1, 2, 3))
        last = np.concatenate([f[4] for f in found])
        if np.isfinite(medians).any():
            blend[trust] = trees.weights(z[..., z.shape[-1] // 2], medians, observed)
            mixed = MedianTrees({(trust, "pm25"): cast("Any", None)}, blend)
            z = mixed.blended(z, medians, trust)
        learned = last_reading.fit({trust: (z[..., z.shape[-1] // 2], last, observed)})
        pulled.pull[trust], pulled.narrow[trust] = learned.pull[trust], learned.narrow[trust]
        z = learned.apply(z, last, trust)
        pits[trust] = error_templates.pit(z, observed)
        times[trust] = pd.DatetimeIndex(found[0][0].append([f[0] for f in found[1:]]))
        own = recalibration.fit({trust: pits[trust]})
        ordinary[str(trust)] = drift_errors.reference(
            _errors(small, times[trust], z, observed, own, scales, trust)
        )
    errors = _templates(times, pits, small, settings)
    return Calibration(blend, recalibration.fit(pits), pulled, errors, ordinary)


def tiers(settings: TrainConfig) -> dict[WeatherTier, int]:
    """Tiers that training practises, one for each degree of trust, and the expert that serves it.

    Real forecasts speak for their degree where training practised them.
    """
    found: dict[int, tuple[WeatherTier, int]] = {}
    for k, expert in enumerate(settings.experts):
        shares = expert.tiers.model_dump()
        for tier in expert.serves:
            if shares[tier] > 0 and (TRUST[tier] not in found or tier == "archived"):
                found[TRUST[tier]] = (tier, k)
    return dict(found.values())


def weather_of(record: Record, tier: WeatherTier, vintages: Vintages | None) -> FutureWeather:
    """Future weather of a tier from a record's own weather, with errors fixed by issue time."""
    if tier == "none":
        return weather_tiers.none()
    if tier == "archived" and vintages is not None:
        return vintages.of(record.stations)
    obs = job.dataset_of(record)
    return weather_tiers.perfect(obs) if tier == "perfect" else weather_tiers.perturbed(obs, seed=1)


def _forecast(
    record: Record, block: Block, networks: tuple[Network, ...],
    models: Mapping[tuple[int, str], Any], scales: Scales, settings: TrainConfig,
    tier: WeatherTier, vintages: Vintages | None, kept: np.ndarray,
) -> tuple[pd.DatetimeIndex, Floats, Floats, Floats, Floats]:  # fmt: skip
    """Issue times; the network's quantiles, trees' medians, what came, last readings, all in z."""
    future = weather_of(record, tier, vintages)
    step = pd.Timedelta(hours=settings.calibration.every_hours)
    issues = pd.date_range(block.first, block.last, freq=step)
    everywhere = MedianTrees(dict(models), np.ones_like(trees.none().weights))
    z, medians, observed, last = [], [], [], []
    for start in range(0, len(issues), _BATCH):
        at = issues[start : start + _BATCH]
        batch = record.cut(at, future(at), tier)
        given = network_inputs.inputs(batch, scales)
        z.append(predict.raw_quantiles(networks, given, record.stations)[:, :, kept])
        seen = everywhere.medians(batch)
        nothing = np.full(z[-1].shape[:-1], np.nan, dtype=np.float32)
        medians.append(nothing if seen is None else scales.z(seen)[:, :, kept])
        observed.append(scales.z(record.targets(at))[:, :, kept])
        last.append(scales.z(last_reading.latest(batch.history))[:, kept])
    came, read = np.concatenate(observed), np.concatenate(last)
    return issues, np.concatenate(z), np.concatenate(medians), came, read


def _errors(
    record: Record, times: pd.DatetimeIndex, z: Floats, observed: Floats, spread: Recalibration,
    scales: Scales, trust: int,
) -> drift_errors.Errors:  # fmt: skip
    """Errors of the blocks' forecasts, spread corrected, at the stations that make the city."""
    city = np.flatnonzero(module.city_weights(record.stations))
    parts = []
    for start in range(0, len(times), _BATCH):
        at = slice(start, start + _BATCH)
        three = spread.apply(z[at][:, :, city], trust)[..., list(drift_errors.LEVELS)]
        conc = np.moveaxis(scales.concentration(np.moveaxis(three, -1, -2)), -2, -1)
        came = scales.concentration(observed[at][:, :, city])
        parts.append(drift_errors.of(times[at], conc, came))
    return drift_errors.joined(parts)


def _kept(record: Record) -> np.ndarray:
    """Rows of the stations whose errors are kept: all, or of a large network some of each kind."""
    count = len(record.stations)
    if count <= _MANY_STATIONS:
        return np.arange(count)
    city = np.flatnonzero(record.stations["reference"].to_numpy(bool))
    rest = np.setdiff1d(np.arange(count), city)
    return np.sort(np.concatenate([city, rest[:: max(1, len(rest) // 20)]]))


def _templates(
    times: Mapping[int, pd.DatetimeIndex], pits: Mapping[int, np.ndarray], record: Record,
    settings: TrainConfig,
) -> ErrorTemplates:  # fmt: skip
    """Errors spread over time, as many of each trust."""
    each = max(1, settings.calibration.templates // len(pits))
    at, values, trusts = [], [], []
    for trust, pit in pits.items():
        rows = np.unique(np.linspace(0, len(pit) - 1, min(each, len(pit))).astype(int))
        at.append(times[trust][rows])
        values.append(pit[rows])
        trusts.append(np.full(len(rows), trust))
    names = tuple(map(str, record.stations.index))
    joined = pd.DatetimeIndex(np.concatenate([t.to_numpy() for t in at]))
    return error_templates.library(joined, names, np.concatenate(values), np.concatenate(trusts))
