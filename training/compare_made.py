"""One hindcast of a comparison, made once, with what it cost.

Each runs in a process of its own, so that its peak memory is its own. A file that is there with
the same digests (data, configuration, window, weather, fitted model) is not made again.
"""

import hashlib
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import pandas as pd

from forecast import history, provenance, quality_limits, stations
from forecast.batch import WeatherTier, batches
from forecast.config import CityConfig
from forecast.files import write_text
from training import fit, hindcast, tiers

COST: Final = "cost.json"  # beside a fitted model
_TIMED: Final = 16  # issue times of the timing of a forecast
_HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Job:
    """A hindcast to make."""

    config: CityConfig
    home: Path
    start: pd.Timestamp  # naive UTC
    end: pd.Timestamp
    every: int  # hours
    tier: WeatherTier
    model: str
    out: Path

    @property
    def sidecar(self) -> Path:
        """What the file was made of, and what it cost."""
        return self.out.with_suffix(".json")


def made(
    job: Job, data_hash: str, *, isolated: bool, say: Callable[[str], None], client: Any = None
) -> dict[str, Any]:
    """Make a hindcast, or find it made.

    Args:
        job: What to make.
        data_hash: Of the observations the comparison stands on.
        isolated: In processes of its own (else in this one, and peak memory is this one's).
        say: Told what is done.
        client: Of an engine that makes the hindcast.

    Returns:
        key (what it was made of), cost (None where not measured) and sha256 of the file.
    """
    key = _key(job, data_hash)
    try:
        kept: dict[str, Any] = json.loads(job.sidecar.read_text(encoding="utf-8"))
        if kept["key"] == key and kept["sha256"] == _digest(job.out):
            say(f"{job.model}, weather {job.tier}: kept")
            return kept
    except (OSError, ValueError, KeyError):
        pass
    cost = _alone(_fit_cost, job) if isolated else _fit_cost(job)
    if client is not None:
        cost |= _hindcast_cost(job, client) | {"hindcast_peak_mb": None}
    else:
        cost |= _alone(_hindcast_cost, job) if isolated else _hindcast_cost(job)
    found = {"key": _key(job, data_hash), "cost": cost, "sha256": _digest(job.out)}
    write_text(job.sidecar, json.dumps(found, indent=1) + "\n")
    say(f"{job.model}, weather {job.tier}: made in {cost['hindcast_seconds']:.0f} s")
    return found


def _key(job: Job, data_hash: str) -> dict[str, Any]:
    folder = fit.folder_of(job.config, job.home, job.model, job.tier, job.start)
    return {
        "model": job.model, "tier": job.tier, "start": job.start.isoformat(),
        "end": job.end.isoformat(), "every": job.every, "config": job.config.digest,
        "data": data_hash, "fitted": _digest(folder / "model.json"),
    }  # fmt: skip


def _digest(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _alone(work: Callable[[Job], dict[str, Any]], job: Job) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, job).result()


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _fit_cost(job: Job) -> dict[str, Any]:
    """Fit the model where it is not kept; what that took, and the time of a forecast."""
    register = stations.load(job.config.stations)
    limits = quality_limits.load(job.config.quality)
    obs = history.load(
        job.home, register, limits, end=job.start + 97 * _HOUR, calibrated=job.config.calibrate
    ).usable
    folder = fit.folder_of(job.config, job.home, job.model, job.tier, job.start)
    before = _digest(folder / "model.json")
    clock, cpu = time.monotonic(), time.process_time()
    forecaster = fit.fitted(
        job.config, home=job.home, obs=obs, until=job.start, tier=job.tier, model=job.model,
        say=_say,
    )  # fmt: skip
    training: dict[str, Any] | None = {
        "seconds": time.monotonic() - clock, "cpu_seconds": time.process_time() - cpu,
        "peak_mb": _peak_mb(),
    }  # fmt: skip
    if before and before == _digest(folder / "model.json"):
        training = _kept_cost(folder, forecaster)
    elif _digest(folder / "model.json"):
        write_text(folder / COST, json.dumps(training) + "\n")
    future = tiers.future(job.tier, obs=obs, home=job.home, config=job.config, stations=register)
    first = job.start - (_TIMED - 1) * job.every * _HOUR
    times = pd.date_range(first, job.start, freq=job.every * _HOUR)
    batch = next(batches(
        obs, times, future, tier=job.tier, offset=job.config.offset, stations=register,
        history_hours=job.config.forecast.history_hours, size=_TIMED,
    ))  # fmt: skip
    cpu = time.process_time()
    forecaster.quantiles(batch)
    return {
        "training": training,
        "forecast_ms": 1000 * (time.process_time() - cpu) / _TIMED,
        "parameters": _size(forecaster),
    }


def _kept_cost(folder: Path, forecaster: object) -> dict[str, Any] | None:
    """As measured here when it was fitted, else as its own manifest says, else unknown."""
    try:
        found: dict[str, Any] = json.loads((folder / COST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        own = getattr(forecaster, "cost", None)
        if own is None:
            return _said_cost(folder)
        return {"seconds": own.seconds, "cpu_seconds": own.cpu_seconds, "peak_mb": None}
    return found


def _said_cost(folder: Path) -> dict[str, Any] | None:
    """Seconds a network's own manifest says its training took, on the machine it was trained on."""
    try:
        said = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        seconds = float(said["about"]["train_seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {"seconds": seconds, "cpu_seconds": None, "peak_mb": None}


def _hindcast_cost(job: Job, client: Any = None) -> dict[str, Any]:
    report = hindcast.run(
        job.config, home=job.home, start=job.start, end=job.end, every=job.every, tier=job.tier,
        model=job.model, out=job.out, hourly_members=False, say=_say,
        client=client,
    )  # fmt: skip
    return {
        "hindcast_seconds": report.seconds,
        "hindcast_peak_mb": _peak_mb(),
        "issue_times": report.issue_times,
        "code_revision": provenance.code_revision(),
    }


def _size(forecaster: object) -> int | None:
    """Trained numbers: weights of a network, leaves of trees."""
    models = getattr(forecaster, "models", None)
    if isinstance(models, dict):
        return sum(int(m.trees_to_dataframe()["left_child"].isna().sum()) for m in models.values())
    found = getattr(forecaster, "parameters", None)
    return int(found) if isinstance(found, int) else None


def _say(line: str) -> None:
    import sys

    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()
