"""What the scheduler's jobs do in the forecast's world: the daily run, recorded, and imports."""

import datetime as dt
from pathlib import Path

import pandas as pd

from forecast import stations
from forecast.problems import DataError
from serving import daily, imports, record_run
from serving.schedule import Duty


def run_daily(duty: Duty, issue_time: dt.datetime) -> None:
    """The daily run of an issue time, and its record in the store."""
    at = pd.Timestamp(issue_time)
    daily.run(duty.config, home=duty.home, issue_time=at)
    record_run.record(duty.store, duty.home, at, now=duty.clock(), exercise=duty.exercise or None)


def run_import(duty: Duty, source: str, path: Path) -> None:
    """One source.

    Raises:
        DataError: Rows that could not be read; the good ones are in.
    """
    done = imports.run(
        source, [path], home=duty.home, stations=stations.load(duty.config.stations), city=None,
        received=pd.Timestamp(duty.clock()),
    )  # fmt: skip
    if done.problems:
        raise DataError(done.problems)
