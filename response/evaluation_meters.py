"""Electricity meters, stack monitors and orders, as files bring them in.

    orders      CSV   unit, start, end, load            times ISO; local where no offset is given
    electricity NetCDF production (time, unit) kWh of the hour; or CSV time, unit, production
    monitors    NetCDF emission_so2 emission_nox emission_pm (time, stack) kg h-1, unit (stack);
                or CSV time, stack, unit, emission_so2, emission_nox, emission_pm

Stamps are the ends of hours, in NetCDF naive UTC, in CSV local where no offset is given. A missing
value or hour is unknown, never a standing unit. Calibration hours count as missing.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast.problems import ConfigError, DataError, Problem
from response.evaluation_compliance import EMISSIONS, ORDER_COLUMNS

_NETCDF: Final = (".nc", ".nc4")


def orders(path: Path, *, offset: pd.Timedelta) -> pd.DataFrame:
    """Orders: unit, start and end (naive UTC), load.

    Raises:
        ConfigError: The file cannot be read.
        DataError: Columns, times or numbers that are wrong, all at once.
    """
    table = _table(path, ORDER_COLUMNS)
    problems: list[Problem] = []
    made = pd.DataFrame({"unit": table["unit"].str.strip()})
    for name in ("start", "end"):
        made[name] = _times(table[name], path, name, offset, problems)
    made["load"] = _numbers(table["load"], path, "load", problems, missing=False)
    if problems:
        raise DataError(problems)
    return made


def electricity(path: Path, *, offset: pd.Timedelta) -> xr.Dataset:
    """Production (time, unit), kWh of the hour, on a complete hourly grid.

    Raises:
        ConfigError: The file cannot be read.
        DataError: It is not what the head of this module describes.
    """
    if path.suffix in _NETCDF:
        return _opened(path, ("production",), ("unit",), "unit")
    return _long(path, ("production",), "unit", (), offset)


def monitors(path: Path, *, offset: pd.Timedelta) -> xr.Dataset:
    """EMISSIONS (time, stack), kg h-1, with `unit` (stack), on a complete hourly grid.

    Raises:
        ConfigError: The file cannot be read.
        DataError: It is not what the head of this module describes.
    """
    if path.suffix in _NETCDF:
        ds = _opened(path, EMISSIONS, ("stack", "unit"), "stack")
        if "calibrating" in ds:
            quiet = ~ds["calibrating"].astype(bool)
            ds = ds.assign({n: ds[n].where(quiet) for n in EMISSIONS})
        return ds
    return _long(path, EMISSIONS, "stack", ("unit",), offset)


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, ValueError) as error:
        raise ConfigError([Problem(str(path), str(error), "a readable CSV (UTF-8)")]) from error
    if absent := [c for c in columns if c not in table]:
        raise DataError([Problem(str(path), f"no columns {absent}", ", ".join(columns))])
    return table


def _times(
    column: "pd.Series[str]", path: Path, name: str, offset: pd.Timedelta, problems: list[Problem]
) -> pd.Series:
    """Naive UTC; local where the text has no offset."""
    found = []
    for row, text in enumerate(column, start=2):
        try:
            stamp = pd.Timestamp(text.strip())
            if pd.isna(stamp):
                raise ValueError("empty")
        except ValueError:
            problems.append(Problem(f"{path}: row {row}, {name}", repr(text), "an ISO time"))
            stamp = pd.Timestamp(0)
        if stamp.tzinfo is not None:
            stamp = stamp.tz_convert("UTC").tz_localize(None)
        else:
            stamp -= offset
        found.append(stamp)
    return pd.Series(pd.DatetimeIndex(found), index=column.index)


def _numbers(
    column: "pd.Series[str]", path: Path, name: str, problems: list[Problem], *, missing: bool
) -> "pd.Series[float]":
    text = column.str.strip()
    value = pd.to_numeric(text.where(text != ""), errors="coerce").astype(float)
    wrong = ~(np.isfinite(value) & (value >= 0)) & ~((text == "") & missing)
    problems += [
        Problem(f"{path}: row {i + 2}, {name}", repr(column.iloc[i]), "a number of 0 or more")
        for i in np.flatnonzero(wrong)
    ]
    return value


def _long(
    path: Path, names: tuple[str, ...], key: str, extra: tuple[str, ...], offset: pd.Timedelta
) -> xr.Dataset:
    table = _table(path, ("time", key, *extra, *names))
    problems: list[Problem] = []
    # Times repeat from row to row: each text is read once.
    texts = pd.Series(table["time"].unique())
    stamps = dict(zip(texts, _times(texts, path, "time", offset, problems), strict=True))
    made = pd.DataFrame({"time": table["time"].map(stamps), key: table[key].str.strip()})
    for name in names:
        made[name] = _numbers(table[name], path, name, problems, missing=True)
    twice = made.duplicated(["time", key])
    problems += [
        Problem(f"{path}: row {i + 2}", f"{made[key].iloc[i]} twice in an hour", "once")
        for i in np.flatnonzero(twice)
    ]
    owner = table.groupby(table[key].str.strip())[list(extra)].nunique() if extra else None
    if owner is not None:
        problems += [
            Problem(f"{path}: {key} {k}", "several units", "one")
            for k in owner.index[(owner > 1).any(axis=1)]
        ]
    if problems:
        raise DataError(problems)
    hours = pd.date_range(made["time"].min(), made["time"].max(), freq="h")
    data = {}
    for name in names:
        wide = made.pivot(index="time", columns=key, values=name).reindex(hours)
        data[name] = (("time", key), wide.to_numpy(float))
    coords: dict[str, object] = {"time": hours, key: wide.columns.to_numpy().astype(str)}
    if extra:
        first = table.groupby(table[key].str.strip())["unit"].first()
        coords["unit"] = (key, first.loc[wide.columns].to_numpy().astype(str))
    return xr.Dataset(data, coords)


def _opened(path: Path, names: tuple[str, ...], coords: tuple[str, ...], dim: str) -> xr.Dataset:
    if not path.is_file():
        raise ConfigError([Problem(str(path), "no file", "a NetCDF file")])
    try:
        ds = xr.load_dataset(path, engine="netcdf4")
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError([Problem(str(path), str(error), "a readable NetCDF file")]) from error
    problems = [
        Problem(f"{path}: {n}", "absent", f"a variable (time, {dim})") for n in names if n not in ds
    ]
    problems += [
        Problem(f"{path}: {n}", f"dims {ds[n].dims}", f"(time, {dim})")
        for n in names
        if n in ds and set(ds[n].dims) != {"time", dim}
    ]
    problems += [Problem(f"{path}: {c}", "absent", "a coordinate") for c in coords if c not in ds]
    if problems:
        raise DataError(problems)
    return ds
