"""Real weather to hold the simulated one against, and the numbers by which both are judged.

Takes files of two kinds: an EnergyPlus weather file (`epw`; EnergyPlus auxiliary programs, "weather
converter", data dictionary) and the Beijing multi-site CSV files (forecast/importers/beijing.py).
Gives tables with a UTC index (ends of hours) and the columns t2m d2m [K], sp [Pa], wind [m/s],
direction [degrees from], ssrd [W m-2] (epw only), tp [mm] (Beijing only). Knows of no simulation.
"""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from forecast.problems import DataError, Problem

_EPW = {1: "month", 2: "day", 3: "hour", 6: "t2m", 7: "d2m", 9: "sp", 13: "ssrd", 20: "direction",
        21: "wind"}  # fmt: skip
_POINTS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW",
           "NW", "NNW")  # fmt: skip
_LAGS = (1, 24, 72)
_HOUR = pd.Timedelta(hours=1)


def typical_year(folder: Path) -> tuple[pd.DataFrame, float]:
    """The typical year of a folder, dated 2005, and its longitude.

    Its pressure is a value per day; its months come from different years.

    Raises:
        DataError: There is no such file, or it does not have 8,760 hours.
    """
    files = sorted(folder.glob("*.epw.gz"))
    if len(files) != 1:
        raise DataError([Problem(str(folder), f"{len(files)} files *.epw.gz", "one")])
    with gzip.open(files[0], "rt", encoding="latin-1") as handle:
        longitude = float(handle.readline().split(",")[7])
    raw = pd.read_csv(files[0], skiprows=8, header=None, encoding="latin-1")
    table = raw[list(_EPW)].set_axis(list(_EPW.values()), axis=1)
    if len(table) != 8760:
        raise DataError([Problem(str(files[0]), f"{len(table)} hours", "8,760")])
    days = pd.to_datetime({"year": 2005, "month": table["month"], "day": table["day"]})
    local = days + pd.to_timedelta(table["hour"], unit="h")
    out = table[["t2m", "d2m", "sp", "ssrd", "direction", "wind"]].astype(float)
    out[["t2m", "d2m"]] += 273.15
    out.index = pd.DatetimeIndex(local - 8 * _HOUR)
    return out, longitude


def beijing(folder: Path, station: str = "Shunyi") -> pd.DataFrame:
    """Three years of one station's weather.

    Raises:
        DataError: The station's file is absent.
    """
    files = sorted(folder.glob(f"PRSA_Data_{station}_*.csv.gz"))
    if not files:
        raise DataError([Problem(str(folder), f"no file of {station}", "PRSA_Data_*.csv.gz")])
    raw = pd.read_csv(files[0])
    out = pd.DataFrame(
        {
            "t2m": raw["TEMP"] + 273.15,
            "d2m": raw["DEWP"] + 273.15,
            "sp": raw["PRES"] * 100,
            "wind": raw["WSPM"],
            "direction": raw["wd"].map({name: 22.5 * i for i, name in enumerate(_POINTS)}),
            "tp": raw["RAIN"],
        }
    )
    local = pd.to_datetime(raw[["year", "month", "day", "hour"]])
    out.index = pd.DatetimeIndex(local - 8 * _HOUR)
    return out


def anomalies(series: pd.Series) -> pd.Series:
    """Departures from the mean of the same month and hour of the day."""
    index = pd.DatetimeIndex(series.index)
    return series - series.groupby([index.month, index.hour]).transform("mean")


def autocorrelation(series: pd.Series) -> dict[int, float]:
    """Of the departures, at 1, 24 and 72 h; missing hours are left out by pairs."""
    departures = anomalies(series)
    return {lag: float(departures.corr(departures.shift(lag))) for lag in _LAGS}


def fronts_per_month(table: pd.DataFrame) -> float:
    """Cold fronts in 30 days of October to April.

    A front: within 24 h pressure rises by 7 hPa and temperature falls by 4 K, both as departures
    smoothed over 6 h; events less than 48 h apart are one.
    """
    change = {
        name: anomalies(table[name]).rolling(6, min_periods=3, center=True).mean().diff(24)
        for name in ("t2m", "sp")
    }
    cold = pd.DatetimeIndex(table.index).month.isin([10, 11, 12, 1, 2, 3, 4])
    hit = (change["sp"] >= 700) & (change["t2m"] <= -4) & cold
    stamps = np.flatnonzero(hit.to_numpy())
    events = 0 if len(stamps) == 0 else 1 + int((np.diff(stamps) > 48).sum())
    return float(events / (cold.sum() / 720))


def diurnal_range(series: pd.Series, offset_hours: int = 8) -> pd.Series:
    """Mean range within a local day, by month."""
    local = pd.DatetimeIndex(series.index) + offset_hours * _HOUR
    days = series.groupby(local.floor("D"))
    span = (days.max() - days.min()).iloc[1:-1]
    return span.groupby(pd.DatetimeIndex(span.index).month).mean()


def wind_rose(table: pd.DataFrame) -> pd.Series:
    """Shares of eight sectors (N, NE, ...) among hours of at least 0.5 m/s."""
    blowing = table[(table["wind"] >= 0.5) & table["direction"].notna()]
    sector = ((blowing["direction"] / 45).round() % 8).astype(int)
    shares = sector.value_counts(normalize=True).reindex(range(8), fill_value=0.0)
    return shares.set_axis(["N", "NE", "E", "SE", "S", "SW", "W", "NW"])
