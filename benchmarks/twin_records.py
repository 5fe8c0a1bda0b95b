"""Real and simulated records in one shape: tables of a city's hours and days, local time.

Takes the folder of real data and the one benchmarks/twin_years.py wrote; gives Record objects.
Hours are named by their BEGINNING in local time (Beijing time), days by their date.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks import twin_statistics as st
from forecast import stations as register
from forecast.config import configs_dir
from forecast.importers import beijing, cnemc
from forecast.schema import POLLUTANTS

OFFSET = pd.Timedelta(hours=8)
_HOUR = pd.Timedelta(hours=1)
BACKGROUND = ("1002A", "1830A")  # Dingling and 影视城: not part of a city's mean


@dataclass(frozen=True)
class Record:
    """Hours of a network; `city` is the mean over its stations but the background site."""

    stations: xr.Dataset  # (time, station), naive UTC ends of hours, complete grid
    hourly: pd.DataFrame
    daily: pd.DataFrame

    def values(self, pollutant: str) -> np.ndarray:
        """(time, station) of one pollutant, NaN = missing."""
        return self.stations[pollutant].transpose("time", "station").to_numpy().astype(float)


def record(ds: xr.Dataset) -> Record:
    """A record from a dataset of the schema; missing hours are filled up with NaN."""
    times = pd.DatetimeIndex(ds["time"].values)
    ds = ds.reindex(time=pd.date_range(times[0], times[-1], freq="h"))
    within = ~np.isin(ds["station"].values.astype(str), BACKGROUND)
    mean = ds[list(POLLUTANTS)].isel(station=within).mean("station", skipna=True)
    began = pd.DatetimeIndex(ds["time"].values) + OFFSET - _HOUR
    hourly = pd.DataFrame({p: mean[p].to_numpy() for p in POLLUTANTS}, index=began)
    return Record(ds, hourly, st.daily_of(hourly))


def simulated(folder: Path, name: str) -> tuple[Record, xr.Dataset]:
    """Readings of the national stations, and the truth at all stations."""
    with xr.open_dataset(folder / f"{name}-readings.nc") as readings:
        made = record(readings.load())
    with xr.open_dataset(folder / f"{name}-truth.nc") as truth:
        return made, truth.load()


def real_days(data: Path) -> pd.DataFrame:
    """Jiaozuo's daily values, 2013-12-31 .. 2017-01-31, every day a row; a zero is missing."""
    table = pd.read_csv(data / "henan-daily" / "jiaozuo.csv", parse_dates=["date"])
    table = table.set_index("date").sort_index()[list(POLLUTANTS)].astype(float)
    table = table.where(table > 0)
    days = pd.date_range(table.index[0], table.index[-1], freq="D")
    return table[~table.index.duplicated()].reindex(days)


def real_beijing(data: Path) -> Record:
    """Beijing's 12 stations, hourly, with station weather."""
    stations = register.load(configs_dir() / "stations" / "beijing.csv")
    files = sorted((data / "beijing-multi-site").glob("PRSA*.csv.gz"))
    return record(beijing.read(files, stations).dataset)


def real_spring(data: Path) -> Record:
    """Jiaozuo's stations in some days of spring 2020, hourly."""
    stations = register.load(configs_dir() / "stations" / "jiaozuo.csv")
    path = data / "cnemc-2020-spring" / "hourly.csv.gz"
    return record(cnemc.read([path], stations, cities=("jiaozuo", "焦作", "焦作市")).dataset)
