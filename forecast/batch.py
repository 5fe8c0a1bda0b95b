"""What a forecaster may see at an issue time, and what it must answer.

Every forecaster, from persistence to the network, takes an IssueBatch and gives quantiles. That
the future cannot leak is structural: history ends at the issue time, and future weather comes
through a FutureWeather, which knows which vintage was available when.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.schema import MAX_LEAD, POLLUTANTS, WEATHER

Floats = NDArray[np.float32]
WeatherTier = Literal["none", "perturbed", "perfect", "archived"]

# Issue times (naive UTC) -> (issue, lead 1..96, station, WEATHER), NaN where unknown; None when
# no weather forecast may be used at all.
FutureWeather = Callable[[pd.DatetimeIndex], Floats | None]


@dataclass(frozen=True)
class IssueBatch:
    """Some issue times with all that was known at each."""

    issue_times: pd.DatetimeIndex  # naive UTC, n of them
    offset: pd.Timedelta  # local time minus UTC
    stations: pd.DataFrame  # index = station id, schema.STATION_COORDS
    history: Floats  # (issue, hour, station, POLLUTANTS); the last hour ends at the issue time
    history_weather: Floats  # (issue, hour, station, WEATHER)
    future_weather: Floats | None  # (issue, lead, station, WEATHER)
    tier: WeatherTier


def part(batch: IssueBatch, start: int, stop: int) -> IssueBatch:
    """Issue times `start` .. `stop` - 1 of a batch, with what was known at each."""
    future = batch.future_weather
    return replace(
        batch,
        issue_times=batch.issue_times[start:stop],
        history=batch.history[start:stop],
        history_weather=batch.history_weather[start:stop],
        future_weather=None if future is None else future[start:stop],
    )


class Forecaster(Protocol):
    """A fitted forecaster."""

    @property
    def name(self) -> str:
        """The name in files and tables."""

    @property
    def trained_until(self) -> pd.Timestamp:
        """The last hour (UTC) of anything it was fitted on: it must not be later than an issue."""

    def quantiles(self, batch: IssueBatch) -> Floats:
        """Quantiles (issue, lead 1..96, station, POLLUTANTS, QUANTILES), never decreasing in the
        last dim, units of the schema; NaN only where nothing at all can be said."""


def batches(
    obs: xr.Dataset,
    issue_times: pd.DatetimeIndex,
    future: FutureWeather,
    *,
    tier: WeatherTier,
    offset: pd.Timedelta,
    history_hours: int,
    stations: pd.DataFrame,
    size: int = 64,
) -> Iterator[IssueBatch]:
    """Cut what was known at each issue time out of a dataset of observations.

    Args:
        obs: schema dataset on a complete hourly grid that covers every history (missing = NaN);
            weather variables it lacks are NaN in the result.
        issue_times: Naive UTC, each on the grid of `obs` or the hour before its first stamp.
        size: Issue times per batch.
    """
    values = stacked(obs, POLLUTANTS)
    weather = stacked(obs, WEATHER)
    origin = pd.Timestamp(obs["time"].values[0])
    for start in range(0, len(issue_times), size):
        chunk = issue_times[start : start + size]
        last = ((chunk - origin) // pd.Timedelta(hours=1)).to_numpy()
        rows = last[:, None] - np.arange(history_hours - 1, -1, -1)[None, :]
        yield IssueBatch(
            chunk, offset, stations, _take(values, rows), _take(weather, rows), future(chunk), tier
        )


def stacked(ds: xr.Dataset, variables: tuple[str, ...]) -> Floats:
    """Variables of a dataset as one array (time, station, variable); absent ones are NaN."""
    shape = (ds.sizes["time"], ds.sizes["station"])
    out = np.full((*shape, len(variables)), np.nan, dtype=np.float32)
    for i, name in enumerate(variables):
        if name in ds:
            out[:, :, i] = ds[name].transpose("time", "station").values
    return out


def leads_of(values: Floats, origin: pd.Timestamp, issue_times: pd.DatetimeIndex) -> Floats:
    """Rows of an array (time, ...) that starts at `origin`, at leads 1..96 of each issue time."""
    last = ((issue_times - origin) // pd.Timedelta(hours=1)).to_numpy()
    return _take(values, last[:, None] + np.arange(1, MAX_LEAD + 1)[None, :])


def _take(values: Floats, rows: NDArray[np.int64]) -> Floats:
    """values[rows] with NaN where a row lies outside the array."""
    inside = (rows >= 0) & (rows < len(values))
    out = values[np.clip(rows, 0, len(values) - 1)]
    out[~inside] = np.nan
    return out
