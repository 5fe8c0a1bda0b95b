"""`lantian train`: the network, from a record of observations to an artifact.

Takes a dataset that ends where training must, gives an Artifact. In three steps:

1. blocks of time, each forecast by a network that was trained on the others (gap of history plus
   horizon between): their errors say how to correct the spread and make members;
2. one network per seed, trained on everything;
3. the artifact: networks, scales, errors.

The networks of 1 and 2 are trained side by side in processes of their own (training.job); each is
kept as soon as it is done, and goes on from its last checkpoint when killed.
"""

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import (
    artifact,
    error_templates,
    network_inputs,
    predict,
    provenance,
    recalibration,
    weather_tiers,
)
from forecast.artifact import Artifact
from forecast.batch import FutureWeather, WeatherTier
from forecast.config import CityConfig
from forecast.network import Network
from forecast.network_inputs import TRUST, Scales
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS
from training import job, tracking
from training.job import Job
from training.settings import TrainConfig
from training.windows import Record, Vintages

_HOUR: Final = pd.Timedelta(hours=1)
_SCALE_ISSUES: Final = 400
_BATCH: Final = 64


@dataclass(frozen=True)
class Block:
    """A stretch of time (first and last hour, naive UTC)."""

    first: pd.Timestamp
    last: pd.Timestamp


def run(
    config: CityConfig,
    settings: TrainConfig,
    obs: xr.Dataset,
    *,
    home: Path,
    until: pd.Timestamp,
    vintages: Vintages | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Artifact:
    """Train on what lies up to `until`.

    Args:
        config: The city.
        settings: What and how.
        obs: Schema dataset on a complete hourly grid, NaN = missing; later hours are not looked at.
        home: Checkpoints go to training/, the record of the run to mlflow/ in it.
        until: Last hour used, naive UTC.
        vintages: Real forecasts for the tier `archived`.
        say: Told what is being done.

    Raises:
        DataError: The record is too short for history, horizon, gaps and calibration.
    """
    began = time.monotonic()
    seen = obs.sel(time=slice(None, until))
    record = Record.of(seen, config.offset, config.forecast.history_hours)
    blocks = _blocks(record, until, settings)
    scales = _scales(record, until, settings)
    folder = home / "training" / f"{config.city.id}-{until:%Y%m%dT%H%MZ}" / _digest(settings, seen)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    data = folder / "data" / "record.nc"
    if not data.is_file():
        job.keep_record(data, record)
    simulated = bool(config.simulated or obs.attrs.get("simulated"))
    jobs = [
        Job(f"fold-{i}", settings.seeds[0], _others(record, blocks, i, until, settings))
        for i in range(len(blocks))
    ] + [Job(f"seed-{s}", s, ((record.origin, until),)) for s in settings.seeds]
    with tracking.training(home, config, settings, record, until, folder) as tracked:
        networks = _trained(jobs, folder, data, settings, scales, vintages, say)
        folds, seeds = networks[: len(blocks)], networks[len(blocks) :]
        say("spread and dependence of errors, from the blocks")
        pits = _pits(record, blocks, folds, scales, settings, vintages)
        made = Artifact(
            tuple(seeds), scales, until, _templates(pits, record, settings),
            recalibration.fit({k: v for k, (_, v) in pits.items()}),
            {
                "city": config.city.id, "simulated": simulated,
                "data": provenance.data_hash(seen), "code": provenance.code_revision(),
                "seeds": list(settings.seeds), "settings": settings.model_dump(mode="json"),
                "stations": len(record.stations), "first": record.origin.isoformat(),
                "train_seconds": round(time.monotonic() - began),
            },
        )  # fmt: skip
        tracked(made)
    return made


def _trained(
    jobs: Sequence[Job], folder: Path, data: Path, settings: TrainConfig, scales: Scales,
    vintages: Vintages | None, say: Callable[[str], None],
) -> list[Network]:  # fmt: skip
    """Networks of the jobs, in their order; those that are done already are read."""
    left = [j for j in jobs if not job.is_done(folder, j)]
    if left:
        say(f"{len(left)} of {len(jobs)} networks to train, {settings.workers} at a time")
    if len(left) <= 1 or settings.workers == 1:
        for one in left:
            say(job.train(one, folder, data, settings, scales, vintages))
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(settings.workers, mp_context=context) as pool:
            waiting = [
                pool.submit(job.train, one, folder, data, settings, scales, vintages)
                for one in left
            ]
            for done in waiting:
                say(done.result())
    return [job.network(folder, j) for j in jobs]


def _blocks(record: Record, until: pd.Timestamp, settings: TrainConfig) -> list[Block]:
    times = record.issue_times(record.origin, until)
    least = 24 * 14 * settings.calibration.folds
    if len(times) < least:
        found = f"{len(times)} issue times up to {until} UTC"
        expected = f"at least {least}: history, horizon and {settings.calibration.folds} blocks"
        raise DataError([Problem("training data", found, expected)])
    known = np.isfinite(record.values).any(axis=(0, 1))
    if not known.all():
        never = [p for p, k in zip(POLLUTANTS, known, strict=True) if not k]
        raise DataError([Problem("training data", f"no value of {', '.join(never)}", "some")])
    cuts = np.linspace(0, len(times) - 1, settings.calibration.folds + 1).astype(int)
    return [Block(times[a], times[b]) for a, b in pairwise(cuts)]


def _others(
    record: Record, blocks: Sequence[Block], i: int, until: pd.Timestamp, settings: TrainConfig
) -> tuple[tuple[pd.Timestamp, pd.Timestamp], ...]:
    """What is left of the record beside block i: no target or history shared, and a gap."""
    gap = settings.gap_hours * _HOUR
    parts = []
    before, after = blocks[i].first - gap, blocks[i].last + MAX_LEAD * _HOUR + gap
    if before - record.origin > 7 * 24 * _HOUR:
        parts.append((record.origin, before))
    if until - after > 7 * 24 * _HOUR:
        parts.append((after, until))
    return tuple(parts)


def _scales(record: Record, until: pd.Timestamp, settings: TrainConfig) -> Scales:
    times = record.issue_times(record.origin, until)
    rng = np.random.default_rng(settings.seeds[0])
    some = times[np.sort(rng.permutation(len(times))[:_SCALE_ISSUES])]
    few = record
    if len(record.stations) > 100:
        few = record.only(np.sort(rng.permutation(len(record.stations))[:100]))
    air = weather_of(few, "perfect", None)
    batch = few.cut(some, air(some), "perfect")
    return network_inputs.fit_scales(few.values, batch)


def weather_of(record: Record, tier: WeatherTier, vintages: Vintages | None) -> FutureWeather:
    """Future weather of a tier from a record's own weather, with errors fixed by issue time."""
    if tier == "none":
        return weather_tiers.none()
    if tier == "archived" and vintages is not None:
        return vintages.of(record.stations)
    obs = job.dataset_of(record)
    if tier == "perfect":
        return weather_tiers.perfect(obs)
    return weather_tiers.perturbed(obs, seed=1)


def _pits(
    record: Record, blocks: Sequence[Block], folds: Sequence[Network], scales: Scales,
    settings: TrainConfig, vintages: Vintages | None,
) -> dict[int, tuple[pd.DatetimeIndex, np.ndarray]]:  # fmt: skip
    """By trust: issue times and PITs of each block's forecasts by the network that did not see
    it."""
    shares = settings.tiers.model_dump()
    out = {}
    for tier in ("perfect", "archived", "perturbed", "none"):
        if shares[tier] <= 0 or TRUST[tier] in out:  # type: ignore[index]
            continue
        future = weather_of(record, tier, vintages)  # type: ignore[arg-type]
        times, parts = [], []
        for block, network in zip(blocks, folds, strict=True):
            step = pd.Timedelta(hours=settings.calibration.every_hours)
            for at in _chunks(pd.date_range(block.first, block.last, freq=step)):
                batch = record.cut(at, future(at), tier)  # type: ignore[arg-type]
                given = network_inputs.inputs(batch, scales)
                z = predict.raw_quantiles((network,), given, record.stations)
                observed = scales.z(record.targets(at))
                parts.append(error_templates.pit(z, observed))
                times.append(at)
        joined = times[0].append(times[1:])
        out[TRUST[tier]] = (joined, np.concatenate(parts))  # type: ignore[index]
    return out


def _chunks(times: pd.DatetimeIndex) -> list[pd.DatetimeIndex]:
    return [times[i : i + _BATCH] for i in range(0, len(times), _BATCH)]


def _templates(
    pits: dict[int, tuple[pd.DatetimeIndex, np.ndarray]], record: Record, settings: TrainConfig
) -> error_templates.ErrorTemplates:
    """Errors of the forecasts with a weather forecast, else of the best there are."""
    times, values = pits[1] if 1 in pits else pits[max(pits)]
    stations = tuple(map(str, record.stations.index))
    kept = np.arange(len(stations))
    if len(stations) > 40:  # a shipped model stays small: the references and some others
        city = np.flatnonzero(record.stations["reference"].to_numpy(bool))
        rest = np.setdiff1d(kept, city)
        kept = np.sort(np.concatenate([city, rest[:: max(1, len(rest) // 20)]]))
    rows = np.unique(
        np.linspace(0, len(times) - 1, min(settings.calibration.templates, len(times))).astype(int)
    )
    return error_templates.library(
        times[rows], tuple(stations[k] for k in kept), values[rows][:, :, kept]
    )


def _digest(settings: TrainConfig, seen: xr.Dataset) -> str:
    content: Any = [settings.model_dump(mode="json"), provenance.data_hash(seen)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def save(made: Artifact, folder: Path) -> None:
    """Keep an artifact where `forecast.model_store` finds it."""
    artifact.write(made, folder)
