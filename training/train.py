"""`lantian train`: the network, from a record of observations to an artifact.

Takes a dataset that ends where training must, gives an Artifact. In three steps:

1. time that was not trained on, forecast as if it were to come: by the network that was trained
   before it, where the home has one that is old enough to be judged on most of a year; else blocks,
   each by a network that was trained on the others (gap of history plus horizon between). The
   errors say how to blend, to correct the spread and to make members;
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
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd
import xarray as xr

from forecast import artifact, model_store, network_inputs, provenance, trees
from forecast.artifact import Artifact
from forecast.config import CityConfig
from forecast.network import Network
from forecast.network_inputs import Scales
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS
from forecast.trees import MedianTrees
from training import calibrate, job, tracking
from training.calibrate import Block
from training.job import Job
from training.settings import TrainConfig
from training.windows import Record, Vintages

_HOUR: Final = pd.Timedelta(hours=1)
_SCALE_ISSUES: Final = 400
JUDGED_DAYS: Final = 300  # most of a year: seasons differ


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
    scales = scales_of(record, until, settings)
    folder = home / "training" / f"{config.city.id}-{until:%Y%m%dT%H%MZ}" / _digest(settings, seen)
    data = job.kept_record(folder / "data", record)
    simulated = bool(config.simulated or obs.attrs.get("simulated"))
    before = _predecessor(home, config, until)
    others = (
        [] if before else [_others(record, blocks, i, until, settings) for i in range(len(blocks))]
    )
    folds = [
        Job(f"expert-{k}-fold-{i}", e.seeds[0], parts, e.tiers)
        for k, e in enumerate(settings.experts)
        for i, parts in enumerate(others)
    ]
    whole = [
        Job(f"expert-{k}-seed-{s}", s, ((record.origin, until),), e.tiers)
        for k, e in enumerate(settings.experts)
        for s in e.seeds
    ]
    with tracking.training(home, config, settings, record, until, folder) as tracked:
        networks = _trained([*folds, *whole], folder, data, settings, scales, vintages, say)
        seeds = networks[len(folds) :]
        if before:
            learned = _judged(before, record, until, settings, vintages, say)
        else:
            by_expert = [
                [(n,) for n in networks[k * len(blocks) : (k + 1) * len(blocks)]]
                for k in range(len(settings.experts))
            ]
            beside = [
                _trees(record, parts, settings, vintages, say, f"block {i}")
                for i, parts in enumerate(others)
            ]
            learned = calibrate.run(
                record, blocks, by_expert, beside, scales, settings, vintages, say
            )
        final = _trees(record, ((record.origin, until),), settings, vintages, say, "all")
        made = Artifact(
            tuple(seeds),
            tuple(tuple(e.serves) for e in settings.experts for _ in e.seeds),
            scales,
            MedianTrees(final, learned.blend),
            until,
            learned.errors,
            learned.recalibration,
            {
                "city": config.city.id,
                "simulated": simulated,
                "data": provenance.data_hash(seen),
                "code": provenance.code_revision(),
                "settings": settings.model_dump(mode="json"),
                "stations": len(record.stations),
                "first": record.origin.isoformat(),
                "errors": dict(learned.ordinary),
                "calibrated_on": f"what {before.trained_until} UTC did not know"
                if before
                else f"{len(blocks)} blocks",
                "train_seconds": round(time.monotonic() - began),
            },
            learned.last,
        )
        tracked(made)
    return made


def _predecessor(home: Path, config: CityConfig, until: pd.Timestamp) -> Artifact | None:
    """The network of this home that was trained at least JUDGED_DAYS before `until`, or None."""
    kept = model_store.network(home, config.city.id, until - pd.Timedelta(days=JUDGED_DAYS))
    return artifact.read(kept.folder) if kept else None


def _judged(
    before: Artifact, record: Record, until: pd.Timestamp, settings: TrainConfig,
    vintages: Vintages | None, say: Callable[[str], None],
) -> calibrate.Calibration:  # fmt: skip
    """What the time after an earlier training says: forecast by what was trained before it."""
    times = record.issue_times(before.trained_until, until)
    say(f"the network of {before.trained_until} UTC is judged on what came after it")
    networks = [[before.for_tier(e.serves[0])] for e in settings.experts]
    return calibrate.run(
        record, [Block(times[0], times[-1])], networks, [before.trees.models], before.scales,
        settings, vintages, say,
    )  # fmt: skip


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
    known = np.asarray(np.isfinite(record.values).any(axis=(0, 1)))
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


def scales_of(record: Record, until: pd.Timestamp, settings: TrainConfig) -> Scales:
    """Scales of a record, from issue times spread over it."""
    times = record.issue_times(record.origin, until)
    rng = np.random.default_rng(settings.experts[0].seeds[0])
    some = times[np.sort(rng.permutation(len(times))[:_SCALE_ISSUES])]
    few = record
    if len(record.stations) > 100:
        few = record.only(np.sort(rng.permutation(len(record.stations))[:100]))
    air = calibrate.weather_of(few, "perfect", None)
    batch = few.cut(some, air(some), "perfect")
    return network_inputs.fit_scales(np.asarray(few.values), batch)


def _trees(
    record: Record, parts: job.Parts, settings: TrainConfig, vintages: Vintages | None,
    say: Callable[[str], None], name: str,
) -> dict[tuple[int, str], lgb.Booster]:  # fmt: skip
    """Median trees trained on parts of a record, one set for each tier with weather."""
    if not settings.trees.rows:
        return {}
    began = time.monotonic()
    obs = job.dataset_of(record)
    futures = {t: calibrate.weather_of(record, t, vintages) for t in calibrate.tiers(settings)}
    made = trees.fit(
        obs, job.issue_times(record, parts), futures, record.offset, rows=settings.trees.rows,
        rounds=settings.trees.rounds, seed=settings.experts[0].seeds[0],
    )  # fmt: skip
    say(f"trees, {name}: {len(made)} models, {time.monotonic() - began:.0f} s")
    return made


def _digest(settings: TrainConfig, seen: xr.Dataset) -> str:
    machines = {"optimiser": {"num_nodes", "strategy"}}  # where it runs is not what is trained
    content: Any = [
        settings.model_dump(mode="json", exclude=machines),
        provenance.data_hash(seen),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]


def save(made: Artifact, folder: Path) -> None:
    """Keep an artifact where `forecast.model_store` finds it."""
    artifact.write(made, folder)
