"""A city's day: the daily run, its record in the store, its copy in object storage, its drift.

Takes a configuration and a home; gives what was done and what went wrong after the forecast was
made. One city and many (serving.cities) come through here. `judge` is handed in by the command
line: only it knows both the daily run and training.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.batch import WeatherTier
from forecast.config import CityConfig
from forecast.problems import Problem
from serving import daily, forecast_store, record_drift, record_run, standing
from serving.daily import DailyReport

# Configuration, home, last hour -> findings: `lines` in words, `retrain`: a training is proposed;
# None: nothing to judge. training.drift_daily.judge is one.
Judge = Callable[[CityConfig, Path, pd.Timestamp], dict[str, Any] | None]


@dataclass(frozen=True)
class Day:
    """What a city's day left."""

    report: DailyReport
    drift: dict[str, Any] | None  # a proposal at most: nothing is trained or promoted
    problems: tuple[Problem, ...]  # store, object storage, drift; the forecast stands

    def lines(self) -> list[str]:
        """In words."""
        return [*self.report.lines(), *(self.drift["lines"] if self.drift else ())]

    def as_dict(self) -> dict[str, Any]:
        """Machine-readable form."""
        kept = ("retrain", "worst", "proposal", "notes", "model")
        said = None if self.drift is None else {k: self.drift[k] for k in kept}
        return self.report.as_dict() | {"drift": said}


def run(
    config: CityConfig,
    *,
    home: Path,
    database_url: str,
    issue_time: pd.Timestamp,
    now: dt.datetime,
    replay: WeatherTier | None = None,
    pictures: bool = True,
    judge: Judge | None = None,
) -> Day:
    """One city's day.

    Args:
        config: The city.
        home: Its home.
        database_url: Where the run is recorded.
        issue_time: Naive UTC, a full hour.
        now: Naive UTC: when it is recorded.
        replay: As of `daily.run`.
        pictures: As of `daily.run`.
        judge: Says whether the last days still look like the training; None: nobody asks.

    Raises:
        DataError: No reading to forecast from.
    """
    at = issue_time.to_pydatetime()
    held, problems = standing.known(
        home, database_url, config.city.id, at, exercise=config.simulated
    )
    report = daily.run(
        config, home=home, issue_time=issue_time, replay=replay, pictures=pictures,
        in_force=held.in_force, notified=held.notified,
    )  # fmt: skip
    problems += record_run.after(home, database_url, issue_time, now=now)
    problems += forecast_store.keep(config, report)
    found: dict[str, Any] | None = None
    if judge is not None:
        try:
            found = judge(config, home, issue_time)
        except Exception as error:  # whatever it is, the forecast stands
            problems.append(Problem("drift", str(error) or repr(error), "a judgement"))
    if found is not None and found["retrain"]:
        problems += record_drift.propose(
            home, database_url, config.city.id, issue_time, found, now=now
        )
    return Day(report, found, tuple(problems))
