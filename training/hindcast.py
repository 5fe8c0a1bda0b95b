"""Forecasts at past issue times from the home's data, as they could have been made then.

Takes a configuration, a home and dates; writes one forecast file. What keeps it honest: the
forecaster and what makes members are fitted on a dataset that ends at the first issue time,
each issue sees history up to itself (forecast.batch), and future weather comes through a tier
that says what it is.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

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
from forecast.batch import Forecaster, IssueBatch, WeatherTier, batches
from forecast.config import CityConfig
from forecast.ensemble import Dependence
from forecast.issue import IssueForecast
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS
from training import fit, tiers

_HOUR = pd.Timedelta(hours=1)
_BATCH = 32


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
) -> HindcastReport:
    """`lantian hindcast`.

    Args:
        start: First issue time: 00:00 local of the first date, as naive UTC.
        end: 00:00 local of the last date; its issue times are made, too.
        every: Hours between issue times.
        tier: Weather the forecasts may use.
        model: Name of a forecaster.
        hourly_members: Keep hourly members of the areas in the file.

    Raises:
        ConfigError: end before start, or no such model.
        DataError: The home holds no readings before `start`.
    """
    began = time.monotonic()
    issue_times = _issue_times(start, end, every)
    register = stations.load(config.stations)
    limits = quality_limits.load(config.quality)
    last = end + _HOUR * (24 + MAX_LEAD + 24)
    obs = history.load(home, register, limits, end=last, calibrated=config.calibrate).usable
    before = obs.sel(time=slice(None, start))
    if not any(np.isfinite(before[p]).any() for p in POLLUTANTS):
        found = f"no reading up to {start} UTC"
        raise DataError([Problem(str(home), found, "history before the first issue time")])
    forecaster = fit.fitted(
        config, home=home, obs=before, until=start, tier=tier, model=model, say=say
    )
    dependence = issue.dependence_of(forecaster, before, start, config.offset)
    future = tiers.future(tier, obs=obs, home=home, config=config, stations=register)
    cut = batches(
        obs,
        issue_times,
        future,
        tier=tier,
        offset=config.offset,
        history_hours=config.forecast.history_hours,
        stations=register,
        size=_BATCH,
    )
    header = forecast_file.Header(
        model=forecaster.name,
        model_version=f"{forecaster.name}-{forecaster.trained_until:%Y%m%dT%H%MZ}",
        data_hash=provenance.data_hash(obs),
        standard=config.standard,
        config_hash=config.digest,
        weather_tier=tier,
        code_revision=provenance.code_revision(),
        simulated=config.simulated or bool(obs.attrs.get("simulated")),
        utc_offset_hours=config.city.utc_offset_hours,
        trained_until=forecaster.trained_until.isoformat(),
    )
    layout = forecast_file.Layout(
        issue_times, register, areas.names(register), config.forecast.members, hourly_members
    )
    total = -(-len(issue_times) // _BATCH)
    shown = progress.track(cut, f"hindcast {model}, weather {tier}", total=total, say=say)
    chunks = (
        issue.chunk(
            list(_forecasts(batch, forecaster, dependence, config)), hourly_members=hourly_members
        )
        for batch in shown
    )
    forecast_file.write(out, header, layout, chunks)
    return HindcastReport(
        out,
        len(issue_times),
        forecaster.name,
        tier,
        forecaster.trained_until,
        time.monotonic() - began,
    )


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
