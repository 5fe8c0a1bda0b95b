"""Whose forecasts are scored: files and forecasters, all read the same way, in bounded chunks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import forecast_file
from forecast.batch import Floats, Forecaster, batches
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, QUANTILES, stations_frame
from forecast.verify.daily import DailyForecast

# Issue times -> (issue, lead, station, POLLUTANTS, QUANTILES), NaN = no forecast.
Quantiles = Callable[[pd.DatetimeIndex], Floats]


@dataclass(frozen=True)
class System:
    """Something that forecasts: quantiles at stations and, where it has any, members of areas."""

    name: str
    quantiles: Quantiles | None
    areas: dict[str, DailyForecast]  # at the issue times that are scored


def from_file(
    name: str, path: Path, issue_times: pd.DatetimeIndex, stations: Sequence[str]
) -> System:
    """A forecast file, read at the wanted issue times and stations; what it lacks is NaN.

    Raises:
        DataError: It is no readable forecast file, or shares no issue time.
    """
    with forecast_file.read_stations(path) as ds:
        own_times = pd.DatetimeIndex(ds["issue_time"].values)
        own_stations = pd.Index(ds["station"].values.astype(str))
    rows = own_times.get_indexer(issue_times)
    if (rows < 0).all():
        found = f"issue times {own_times[0]} .. {own_times[-1]}"
        expected = f"some of {issue_times[0]} .. {issue_times[-1]}"
        raise DataError([Problem(str(path), found, expected)])
    columns = own_stations.get_indexer(pd.Index(list(stations)))

    def quantiles(wanted: pd.DatetimeIndex) -> Floats:
        at = own_times.get_indexer(wanted)
        shape = (len(wanted), 96, len(columns), len(POLLUTANTS), len(QUANTILES))
        out = np.full(shape, np.nan, dtype=np.float32)
        if (at < 0).all():
            return out
        first, last = at[at >= 0].min(), at.max()
        with forecast_file.read_stations(path) as ds:
            part = ds.isel(issue_time=slice(int(first), int(last) + 1))
            for i, p in enumerate(POLLUTANTS):
                values = forecast_file.loaded(part[[p]], path)[p].values.astype(np.float32)
                values = values[np.clip(at - first, 0, None)][:, :, np.clip(columns, 0, None)]
                values[at < 0] = np.nan
                values[:, :, columns < 0] = np.nan
                out[:, :, :, i] = values
        return out

    return System(name, quantiles, _areas_of(path, rows))


def from_forecaster(
    name: str, forecaster: Forecaster, obs: xr.Dataset, offset: pd.Timedelta, *,
    history_hours: int, areas: dict[str, DailyForecast],
) -> System:  # fmt: skip
    """A forecaster that needs no weather, run on the observations at each issue time."""
    stations = stations_frame(obs)

    def quantiles(wanted: pd.DatetimeIndex) -> Floats:
        parts = batches(
            obs, wanted, lambda _: None, tier="none", offset=offset,
            history_hours=history_hours, stations=stations,
        )  # fmt: skip
        return np.concatenate([forecaster.quantiles(b) for b in parts])

    return System(name, quantiles, areas)


def _areas_of(path: Path, rows: NDArray[np.int64]) -> dict[str, DailyForecast]:
    """Daily index of every area of a file that is not missing throughout."""
    with forecast_file.read_areas(path) as ds:
        part = forecast_file.loaded(ds[["aqi_day", "primary_day"]], path)
    kept = np.clip(rows, 0, None)
    aqi = part["aqi_day"].values[kept].astype(np.float64)
    aqi[rows < 0] = np.nan
    primary = forecast_file.primary_sets(part["primary_day"].values[kept])
    return {
        str(area): DailyForecast(aqi[:, :, a], primary[:, :, a])
        for a, area in enumerate(part["area"].values)
        if np.isfinite(aqi[:, :, a]).any()
    }
