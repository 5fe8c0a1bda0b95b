"""What the scheduler's jobs do in the forecast's world: the daily run, recorded, and imports."""

import datetime as dt
import logging
from pathlib import Path

import pandas as pd

from forecast import stations
from forecast.problems import DataError
from serving import daily, forecast_store, imports, record_run, standing
from serving.publish import orders_file
from serving.schedule import Duty

log = logging.getLogger(__name__)


def run_daily(duty: Duty, issue_time: dt.datetime) -> None:
    """The daily run of an issue time against the warning in force, its record, its copy."""
    at = pd.Timestamp(issue_time)
    orders_file.refresh(duty.store, duty.config, now=duty.clock())
    held = standing.at(duty.store, duty.config.city.id, issue_time, exercise=duty.exercise)
    report = daily.run(
        duty.config, home=duty.home, issue_time=at, in_force=held.in_force, notified=held.notified
    )
    record_run.record(duty.store, duty.home, at, now=duty.clock(), exercise=duty.exercise or None)
    for problem in forecast_store.keep(duty.config, report):
        log.error("%s", problem)


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
