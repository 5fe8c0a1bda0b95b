"""Peak memory of a training on five years of 580 stations: python benchmarks/stream_training.py

Makes a record of 25 million station hours on disk (a month of twin/nation_air.py, shown again with
another level and other gaps; simulated), then trains two networks side by side for some steps, as
`lantian train` does (training.job), each in a process of its own. What is measured is memory and
time a step, nothing of skill. Writes docs/results/scale.json and docs/scale.md.
"""

import argparse
import datetime as dt
import json
import multiprocessing
import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scale_page

from forecast import provenance
from forecast.batch import Floats
from forecast.schema import POLLUTANTS, WEATHER
from twin import nation, nation_air

FIRST = pd.Timestamp("2021-01-01T00:00")
HOURS = 24 * (5 * 365 + 1)
STATIONS = 580
SEED = 3


def main() -> None:
    asked = _asked()
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = asked.out / "record"
    if not (folder / "record.json").is_file():
        _archive(folder)
    context = multiprocessing.get_context("spawn")
    shutil.rmtree(asked.out / "training", ignore_errors=True)
    began = time.monotonic()
    with ProcessPoolExecutor(asked.workers, mp_context=context) as pool:
        waiting = [pool.submit(_train, asked.out, i, asked.steps) for i in range(asked.workers)]
        found = [w.result() for w in waiting]
    result = {
        "command": f"benchmarks/stream_training.py --steps {asked.steps}"
        f" --workers {asked.workers}",
        "date": asked.date, "commit": provenance.code_revision(),
        "station_hours": HOURS * STATIONS, "stations": STATIONS, "hours": HOURS,
        "record_mb": sum(p.stat().st_size for p in folder.iterdir()) // 2**20,
        "in_memory_mb": 4 * HOURS * STATIONS * (len(POLLUTANTS) + len(WEATHER)) // 2**20,
        "steps": asked.steps, "workers": asked.workers,
        "peak_mb": [f["peak_mb"] for f in found],
        "anonymous_peak_mb": [f["anonymous_mb"] for f in found],
        "seconds": round(time.monotonic() - began, 1), "jobs": [f["said"] for f in found],
    }  # fmt: skip
    total = sum(result["peak_mb"]) / 1024
    said = (
        f"`{result['command']}`, {result['date']}, commit {result['commit']}: {STATIONS} stations,"
        f" {HOURS:,} hours, {HOURS * STATIONS / 1e6:.1f} million station hours, simulated;"
        f" {result['record_mb']:,} MB on disk as float32 (training/streamed.py), batches of 32 issue"
        f" times with 64 stations each. {asked.workers} networks side by side, {asked.steps} steps:"
        f" peak {' and '.join(f'{p:,} MB' for p in result['peak_mb'])}, together {total:.1f} GB"
        f" (goal: 6 GB, {'met' if total < 6 else 'missed'}). The same record in memory takes"
        f" {result['in_memory_mb']:,} MB a process, and twice that while it is read."
    )
    result["lines"] = [said]
    scale_page.keep("training", result, asked.results)
    print(json.dumps(result, indent=1))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=36)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--date", default=dt.date.today().isoformat())
    parser.add_argument("--results", type=Path, default=Path("docs"))
    return parser.parse_args()


def _archive(folder: Path) -> None:
    """The record on disk, a month at a time."""
    from training import streamed

    city = nation.NationCity(1, 35.2, 113.2, 30, STATIONS - 30)
    table = nation._register(city, SEED)
    places = table["latitude"].to_numpy(), table["longitude"].to_numpy()
    hours = pd.date_range(FIRST, periods=24 * 30, freq="h")
    air = nation_air.waves(SEED)
    true = nation_air.concentrations(air, hours, *places, SEED)
    weather = nation_air.weather(air, hours, *places)
    values = np.stack([true[p] for p in POLLUTANTS], axis=-1).astype(np.float32)
    winds = np.stack([weather[w] for w in WEATHER], axis=-1).astype(np.float32)
    draw = np.random.default_rng(SEED)

    def parts() -> Iterator[tuple[Floats, Floats]]:
        left = HOURS
        while left:
            n = min(left, len(hours))
            month = values[:n] * np.float32(np.exp(draw.normal(0, 0.3)))
            month[draw.random(month.shape[:2]) < 0.03] = np.nan
            yield month, winds[:n]
            left -= n

    about = streamed._content(FIRST, HOURS, pd.Timedelta(hours=8), 240, table)
    streamed.write(folder, parts(), about)


def _train(out: Path, number: int, steps: int) -> dict[str, Any]:
    """One network in this process, with the greatest memory it held."""
    from training import job, streamed, train
    from training.settings import Tiers, TrainConfig

    highest = [0]
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(highest, over), daemon=True)
    watch.start()
    settings = TrainConfig.model_validate(
        {
            "network": {"width": 96},
            "optimiser": {"steps": steps, "batch": 32, "checkpoint_steps": 1000},
            "stations_per_step": 64,
            "workers": 2,
        }
    )
    record = streamed.read(out / "record")
    until = FIRST + pd.Timedelta(hours=HOURS - 1)
    scales = train.scales_of(record, until, settings)
    one = job.Job(f"network-{number}", number + 1, ((FIRST, until),), Tiers())
    said = job.train(one, out / "training", out / "record", settings, scales, None)
    over.set()
    watch.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"said": said, "peak_mb": peak, "anonymous_mb": highest[0]}


def _watch(highest: list[int], over: threading.Event) -> None:
    """Greatest memory that is no file's, every half second."""
    while not over.wait(0.5):
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("RssAnon:"):
                highest[0] = max(highest[0], int(line.split()[1]) // 1024)


if __name__ == "__main__":
    main()
