"""Forecasts at past issue times from the home's data, as they could have been made then.

Takes a configuration, a home and dates; writes one forecast file. What keeps it honest: the
forecaster and what makes members are fitted on a dataset that ends at the first issue time,
each issue sees history up to itself (forecast.batch), and future weather comes through a tier
that says what it is.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast import (
    areas,
    forecast_file,
    history,
    issue,
    progress,
    provenance,
    quality_limits,
    stations,
)
from forecast.batch import Forecaster, FutureWeather, IssueBatch, WeatherTier, batches
from forecast.config import CityConfig
from forecast.ensemble import Dependence
from forecast.issue import IssueForecast
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS
from training import fit, tiers

_HOUR = pd.Timedelta(hours=1)
BATCH = 32


@dataclass(frozen=True)
class HindcastReport:
    """What was made."""

    out: Path
    issue_times: int
    model: str
    tier: WeatherTier
    trained_until: pd.Timestamp
    seconds: float

    def lines(self) -> list[str]:
        """The report in words."""
        made = f"{self.issue_times} issue times, model {self.model}, weather {self.tier}"
        how = f"fitted on data up to {self.trained_until} UTC, {self.seconds:.0f} s"
        return [f"{self.out}: {made}, {how}"]


@dataclass(frozen=True)
class Asked:
    """A hindcast to make."""

    config: CityConfig
    home: Path
    start: pd.Timestamp  # first issue time: 00:00 local of the first date, as naive UTC
    end: pd.Timestamp  # 00:00 local of the last date; its issue times are made, too
    every: int  # hours between issue times
    tier: WeatherTier  # weather the forecasts may use
    model: str  # name of a forecaster
    hourly_members: bool  # kept for the areas


@dataclass(frozen=True)
class Ready:
    """All that forecasts at the asked times come from; the same wherever it is made."""

    asked: Asked
    obs: xr.Dataset
    forecaster: Forecaster
    dependence: Dependence
    future: FutureWeather
    header: forecast_file.Header
    layout: forecast_file.Layout


def run(
    config: CityConfig,
    *,
    home: Path,
    start: pd.Timestamp,
    end: pd.Timestamp,
    every: int,
    tier: WeatherTier,
    model: str,
    out: Path,
    hourly_members: bool,
    say: Callable[[str], None],
    client: Any = None,
) -> HindcastReport:
    """`lantian hindcast`.

    Args:
        config: The city.
        home: LANTIAN_HOME.
        start: As of `Asked`, like the following.
        end: As of `Asked`.
        every: As of `Asked`.
        tier: As of `Asked`.
        model: As of `Asked`.
        out: File to write.
        hourly_members: As of `Asked`.
        say: Told what is done.
        client: Of `forecast.engine.connected`: blocks of issue times are made there, and the file
            has the same bytes; None: in this process.

    Raises:
        ConfigError: end before start, or no such model.
        DataError: The home holds no readings before `start`; a block that failed on the engine.
    """
    began = time.monotonic()
    asked = Asked(config, home, start, end, every, tier, model, hourly_members)
    made = ready(asked, say=say)
    if client is None:
        parts: Iterable[forecast_file.Chunk] = chunks(made, made.layout.issue_times, say=say)
    else:
        from training import hindcast_blocks

        parts = hindcast_blocks.chunks(client, made, out, say=say)
    forecast_file.write(out, made.header, made.layout, parts)
    if client is not None:
        hindcast_blocks.clear(out)
    return HindcastReport(
        out,
        len(made.layout.issue_times),
        made.forecaster.name,
        tier,
        made.forecaster.trained_until,
        time.monotonic() - began,
    )


def ready(asked: Asked, *, say: Callable[[str], None]) -> Ready:
    """Read the home and fit or find the forecaster.

    Raises:
        ConfigError: end before start, or no such model.
        DataError: The home holds no readings before `start`.
    """
    config, home, start = asked.config, asked.home, asked.start
    issue_times = _issue_times(start, asked.end, asked.every)
    register = stations.load(config.stations)
    limits = quality_limits.load(config.quality)
    last = asked.end + _HOUR * (24 + MAX_LEAD + 24)
    obs = history.load(home, register, limits, end=last, calibrated=config.calibrate).usable
    before = obs.sel(time=slice(None, start))
    if not any(np.isfinite(before[p]).any() for p in POLLUTANTS):
        found = f"no reading up to {start} UTC"
        raise DataError([Problem(str(home), found, "history before the first issue time")])
    forecaster = fit.fitted(
        config, home=home, obs=before, until=start, tier=asked.tier, model=asked.model, say=say
    )
    header = forecast_file.Header(
        model=forecaster.name,
        model_version=f"{forecaster.name}-{forecaster.trained_until:%Y%m%dT%H%MZ}",
        data_hash=provenance.data_hash(obs),
        standard=config.standard,
        config_hash=config.digest,
        weather_tier=asked.tier,
        code_revision=provenance.code_revision(),
        simulated=config.simulated or bool(obs.attrs.get("simulated")),
        utc_offset_hours=config.city.utc_offset_hours,
        trained_until=forecaster.trained_until.isoformat(),
    )
    layout = forecast_file.Layout(
        issue_times,
        register,
        areas.names(register),
        config.forecast.members,
        asked.hourly_members,
    )
    return Ready(
        asked,
        obs,
        forecaster,
        issue.dependence_of(forecaster, before, start, config.offset),
        tiers.future(asked.tier, obs=obs, home=home, config=config, stations=register),
        header,
        layout,
    )


def chunks(
    made: Ready, issue_times: pd.DatetimeIndex, *, say: Callable[[str], None]
) -> Iterator[forecast_file.Chunk]:
    """Forecasts at some of the issue times, BATCH at a time: a block that begins at a multiple of
    BATCH has the same batches, so the same values, as the whole."""
    asked = made.asked
    cut = batches(
        made.obs,
        issue_times,
        made.future,
        tier=asked.tier,
        offset=asked.config.offset,
        history_hours=asked.config.forecast.history_hours,
        stations=made.layout.stations,
        size=BATCH,
    )
    total = -(-len(issue_times) // BATCH)
    words = f"hindcast {asked.model}, weather {asked.tier}"
    for batch in progress.track(cut, words, total=total, say=say):
        forecasts = list(_forecasts(batch, made.forecaster, made.dependence, asked.config))
        yield issue.chunk(forecasts, hourly_members=asked.hourly_members)


def _forecasts(
    batch: IssueBatch, forecaster: Forecaster, dependence: Dependence, config: CityConfig
) -> Iterator[IssueForecast]:
    return issue.forecasts(
        batch,
        forecaster,
        dependence,
        members=config.forecast.members,
        seed=config.forecast.seed,
        standard=config.standard,
    )


def _issue_times(start: pd.Timestamp, end: pd.Timestamp, every: int) -> pd.DatetimeIndex:
    if end < start:
        raise ConfigError([Problem("--end", str(end), f"not before --start, {start}")])
    return pd.date_range(start, end + 23 * _HOUR, freq=pd.Timedelta(hours=every))
