"""`lantian demo`: the daily run on a simulated city, the afternoon before its worst day.

The city is made once and kept in the demo's home; the same configuration and seed give the same
city. serving/cli.py hands in how to make it: only the command line knows the simulated city.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from forecast import aqi, areas, observations, standards, stations, timing, validity
from forecast import config as configuration
from forecast.batch import stacked
from forecast.config import CityConfig
from forecast.schema import POLLUTANTS
from serving import daily
from serving.daily import DailyReport

SAID = "模拟城市，不是实测 / a simulated city, nothing in it was measured"
_ISSUE_HOUR = 16
_HISTORY_DAYS = 12  # a run wants at least so much history
_HOUR = pd.Timedelta(hours=1)


def run(config: Path, *, home: Path, first: pd.Timestamp, last: pd.Timestamp) -> DailyReport:
    """The daily run of the afternoon before the worst day of the simulated period.

    Args:
        config: The simulated city's configuration for the daily run.
        home: Its home.
        first: First hour of the period, naive UTC.
        last: Last hour.
    """
    city = configuration.load(config)
    return daily.run(city, home=home, issue_time=_before_the_worst(city, home, first, last))


def _before_the_worst(
    city: CityConfig, home: Path, first: pd.Timestamp, last: pd.Timestamp
) -> pd.Timestamp:
    """16:00 local of the day before the highest daily AQI that leaves room for D+3."""
    register = stations.load(city.stations)
    obs = observations.load(home, first, last, register)
    mean = areas.area_mean(stacked(obs, POLLUTANTS), register, axis=1)
    days = timing.natural_day(pd.DatetimeIndex(obs["time"].values), city.offset)
    worst, at = -1.0, days[0]
    for day in days.unique()[_HISTORY_DAYS:-3]:
        values = validity.day_values(mean[days == day])
        index = aqi.daily(values, standards.resolve(city.standard, day.date())).aqi
        if np.isfinite(index) and index > worst:
            worst, at = float(index), day
    return timing.to_utc(at - 24 * _HOUR + _ISSUE_HOUR * _HOUR, city.offset)
