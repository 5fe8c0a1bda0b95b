"""A city's daily values: from a home's hourly readings, or from a table of days.

From hours: readings that passed quality -> area mean of the hour -> daily means and MDA8 with the
validity rules (forecast.validity). A table of days: columns date and POLLUTANTS [ug m-3, co
mg m-3]; a zero means missing, as in the public files of Henan.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from forecast import areas, history, quality_limits, stations, validity
from forecast.config import CityConfig
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import CITY_AREA, POLLUTANTS
from forecast.timing import natural_day


def from_home(home: Path, config: CityConfig, *, until: pd.Timestamp | None = None) -> pd.DataFrame:
    """Daily values of the city: index = local date, columns POLLUTANTS, NaN = missing.

    Args:
        home: LANTIAN_HOME.
        config: Of the city.
        until: Last hour that may be used (naive UTC); whole days only.

    Raises:
        DataError: The home holds no observations.
        ConfigError: The register has no station that makes a city value.
    """
    register = stations.load(config.stations)
    limits = quality_limits.load(config.quality)
    usable = history.load(home, register, limits, end=until).usable
    hourly = np.stack([usable[p].transpose("time", "station") for p in POLLUTANTS], axis=-1)
    city = areas.area_mean(hourly, register, CITY_AREA)
    times = pd.DatetimeIndex(usable["time"].to_numpy())
    days = natural_day(times, config.offset)
    first = (times[0] + config.offset).hour or 24
    values = validity.daily_from_hourly(city, first_hour=first)
    table = pd.DataFrame(
        values, index=pd.date_range(days[0], periods=len(values), freq="D"), columns=[*POLLUTANTS]
    )
    if until is not None:
        whole = (until + config.offset).normalize() - pd.Timedelta(days=1)
        table = table.loc[:whole]
    known = np.flatnonzero(table.notna().any(axis=1))
    if not len(known):
        raise DataError([Problem(str(home), "no valid day", "hourly readings of the city")])
    return table.iloc[known[0] : known[-1] + 1]


def from_table(path: Path) -> pd.DataFrame:
    """Daily values of a table: index = local date, each day once; a zero is missing.

    Raises:
        ConfigError: The file cannot be read.
        DataError: Everything that is wrong with it, at once.
    """
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise ConfigError([Problem(str(path), str(error), "a readable CSV (UTF-8)")]) from error
    if absent := [c for c in ("date", *POLLUTANTS) if c not in raw]:
        raise DataError([Problem(str(path), f"no columns {absent}", "date and six pollutants")])
    date = pd.to_datetime(raw["date"], format="%Y-%m-%d", errors="coerce")
    problems = [
        Problem(f"{path}: row {i + 2}, date", repr(raw["date"][i]), "a date, each once")
        for i in np.flatnonzero(date.isna() | date.duplicated())
    ]
    table = pd.DataFrame(index=raw.index, columns=[*POLLUTANTS], dtype=float)
    for name in POLLUTANTS:
        text = raw[name].str.strip()
        value = pd.to_numeric(text.where(text != ""), errors="coerce").astype(float)
        wrong = (text != "") & ~(np.isfinite(value) & (value >= 0))
        problems += [
            Problem(f"{path}: row {i + 2}, {name}", repr(raw[name][i]), "a number of 0 or more")
            for i in np.flatnonzero(wrong)
        ]
        table[name] = value.where(value > 0)
    if problems:
        raise DataError(problems)
    return table.set_axis(pd.DatetimeIndex(date), axis=0).sort_index()
