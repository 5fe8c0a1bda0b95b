"""From what was known at an issue time to quantiles, members and the areas' AQI: one way for all.

Takes a batch and a fitted forecaster of any kind; gives one IssueForecast per issue time. The daily
run and the hindcast both come through here, so what is verified is what is issued.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from forecast import area_forecast, standards, timing
from forecast.area_forecast import AreaForecast
from forecast.batch import Floats, Forecaster, IssueBatch
from forecast.ensemble import Dependence, TemplateLibrary
from forecast.forecast_file import REACH, AreaChunk, Chunk
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS


@dataclass(frozen=True)
class IssueForecast:
    """The forecast of one issue time; hours after D+3 are NaN."""

    issue_time: pd.Timestamp  # naive UTC
    quantiles: Floats  # (lead 1..96, station, POLLUTANTS, QUANTILES)
    areas: AreaForecast


def forecasts(
    batch: IssueBatch,
    forecaster: Forecaster,
    dependence: Dependence,
    *,
    members: int,
    seed: int,
    standard: str,
) -> Iterator[IssueForecast]:
    """Forecast every issue time of a batch.

    A forecaster that runs away (a dust storm beyond all it saw) is held at the largest value a
    forecast file has room for, far beyond the end of the index, instead of ending the run.

    Args:
        batch: What was known.
        forecaster: Fitted on nothing later than any of the issue times.
        dependence: What makes members of quantiles; it knows nothing later than an issue time.
        members: How many.
        seed: With the issue time, decides the members.
        standard: Edition of the index, or "auto": by the date of D+1.

    Raises:
        ConfigError: The forecaster was fitted on data later than an issue time.
    """
    first = batch.issue_times.min()
    if forecaster.trained_until > first:
        found = f"fitted on data up to {forecaster.trained_until} UTC"
        raise ConfigError([Problem(f"{forecaster.name} at {first} UTC", found, "nothing later")])
    reach = np.array([REACH[p] for p in POLLUTANTS], dtype=np.float32)
    quantiles = forecaster.quantiles(batch)
    np.minimum(quantiles, reach[:, None], out=quantiles)
    for at, hourly in zip(batch.issue_times, quantiles, strict=True):
        hourly[timing.last_lead(at, batch.offset) :] = float("nan")
        drawn = dependence.members(
            hourly,
            issue_time=at,
            count=members,
            seed=seed,
            stations=batch.stations,
            tier=batch.tier,
        )
        np.minimum(drawn, reach, out=drawn)
        date = timing.to_local(at, batch.offset).floor("D") + pd.Timedelta(days=1)
        if timing.to_local(at, batch.offset).hour == 0:  # closes the day before
            date -= pd.Timedelta(days=1)
        edition = standards.resolve(standard, date.date())
        areas = area_forecast.area_members(drawn, batch.stations, at, batch.offset, edition)
        yield IssueForecast(at, hourly, areas)


def dependence_of(
    forecaster: Forecaster, obs: xr.Dataset, until: pd.Timestamp, offset: pd.Timedelta
) -> Dependence:
    """What makes members: a forecaster's own past errors where it has them, else trajectories."""
    own = getattr(forecaster, "dependence", None)
    return own if own is not None else TemplateLibrary.build(obs, until, offset)


def chunk(made: Sequence[IssueForecast], *, hourly_members: bool) -> Chunk:
    """Forecasts of adjoining issue times in the shape of the forecast file."""
    daily = np.stack([f.areas.daily for f in made])  # (issue, area, member, day, pollutant)
    hourly = None
    if hourly_members:
        all_hours = np.stack([f.areas.hourly for f in made]).transpose(0, 3, 1, 2, 4)
        hourly = {p: all_hours[..., i] for i, p in enumerate(POLLUTANTS)}
    return Chunk(
        np.stack([f.quantiles for f in made]),
        AreaChunk(
            aqi_day=np.stack([f.areas.aqi for f in made]).transpose(0, 3, 1, 2),
            primary_day=np.stack([f.areas.primary for f in made]).transpose(0, 3, 1, 2),
            daily={p: daily[..., i].transpose(0, 3, 1, 2) for i, p in enumerate(POLLUTANTS)},
            hourly=hourly,
        ),
    )
