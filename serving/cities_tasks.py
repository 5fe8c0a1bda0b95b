"""What a worker does for one city: the ordinary day, in the city's own home.

Takes a CityTask, gives what there is to report as plain values. Nothing of one city stays for the
next but what was read once (models), so a process holds one city at a time.
"""

import datetime as dt
import os
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.batch import WeatherTier
from forecast.config import CityConfig
from serving import whole_day
from serving.whole_day import Judge


@dataclass(frozen=True)
class CityTask:
    """A city's day to do; paths are the same on every machine."""

    config: CityConfig
    home: Path
    issue_time: pd.Timestamp  # naive UTC
    now: dt.datetime  # naive UTC: when its run is recorded
    replay: WeatherTier | None = None
    pictures: bool = True
    judge: Judge | None = None


def one_day(task: CityTask) -> dict[str, Any]:
    """A city's day on a worker.

    The store is LANTIAN_DATABASE_URL of the worker, or a file of the city's home: an address with a
    password does not travel.

    Returns:
        The day's report with `problems` (named after the forecast was made) and what it cost.

    Raises:
        DataError: No reading to forecast from.
    """
    began, worked = time.monotonic(), time.process_time()
    own = f"sqlite:///{task.home.resolve() / 'lantian.db'}"
    url = os.environ.get("LANTIAN_DATABASE_URL") or own
    day = whole_day.run(
        task.config, home=task.home, database_url=url, issue_time=task.issue_time, now=task.now,
        replay=task.replay, pictures=task.pictures, judge=task.judge,
    )  # fmt: skip
    written = [day.report.forecast, *day.report.folder.rglob("*")]
    return day.as_dict() | {
        "problems": [str(p) for p in day.problems],
        "seconds": round(time.monotonic() - began, 2),
        "cpu_seconds": round(time.process_time() - worked, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "bytes": sum(p.stat().st_size for p in written if p.is_file()),
        "pid": os.getpid(),
    }
