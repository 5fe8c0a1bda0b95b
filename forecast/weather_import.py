"""Weather forecasts of others -> vintages in the home, with a report of what was found wrong.

Takes files: gridded NetCDF or GRIB under ERA5, ECMWF or GFS names, and the weather files of the
KDD Cup 2018 (a real forecast issue for Beijing):

    CSV or csv.gz; time (UTC), station_id (beijing_grid_NNN), temperature (degC), pressure (hPa),
    humidity (%), wind_speed, wind_direction (degrees, from). The unit of wind_speed and the
    place of the grid points are not documented: configs/weather/sources.yaml, as assumptions.

A file that is wrong is reported and costs no other file.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from forecast import weather
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import attrs_of
from forecast.weather_derived import components, dew_point
from forecast.weather_grid import Fields, harmonised
from forecast.weather_points import cropped

NETCDF_SUFFIXES: Final = (".nc", ".nc4", ".netcdf")
GRIB_SUFFIXES: Final = (".grib", ".grib2", ".grb", ".grb2")
KDD_SUFFIXES: Final = (".csv", ".csv.gz")
_KDD_COLUMNS: Final = (
    "time", "station_id", "temperature", "pressure", "humidity", "wind_speed", "wind_direction",
)  # fmt: skip
_KDD_RANGES: Final = {
    "temperature": (-60.0, 60.0), "pressure": (400.0, 1100.0), "humidity": (0.0, 100.0),
    "wind_speed": (0.0, 250.0), "wind_direction": (0.0, 360.0),
}  # fmt: skip
_TO_MPS: Final = {"km h-1": 1 / 3.6, "m s-1": 1.0}
_ANALYSIS: Final = (
    "no issue time in the file: kept as an analysis, never used as a forecast"
    " (a forecast needs forecast_reference_time, an issue_time attribute, or steps)"
)


@dataclass(frozen=True)
class WeatherImport:
    """What an import of weather did."""

    stored: tuple[str, ...]  # source/issue of vintages written
    unchanged: tuple[str, ...]  # vintages that were there already with the same content
    notes: tuple[str, ...]  # conversions and assumptions, by file
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "stored": list(self.stored),
            "unchanged": list(self.unchanged),
            "notes": list(self.notes),
            "problems": [str(p) for p in self.problems],
        }

    def lines(self) -> list[str]:
        """For people."""
        stored, same = len(self.stored), len(self.unchanged)
        head = f"{stored} weather vintages stored, {same} there already"
        return [head, *(f"  stored {s}" for s in self.stored), *(f"  {n}" for n in self.notes)]


@dataclass(frozen=True)
class _Ready:
    """One vintage to be saved."""

    source: str
    data: xr.Dataset
    issue_time: pd.Timestamp
    kind: weather.Kind
    notes: tuple[str, ...]


def netcdf(
    paths: Sequence[Path],
    *,
    home: Path,
    source: str | None = None,
    stations: pd.DataFrame | None = None,
    issue_time: pd.Timestamp | None = None,
) -> WeatherImport:
    """Gridded NetCDF into the home, one vintage per file.

    Args:
        paths: Files, or folders that hold them.
        source: Name in the home; None = era5, ecmwf or gfs by the names in the file.
        stations: Keep only the cells these need.
        issue_time: Naive UTC, for files that do not say theirs. Without it, a file that names no
            issue is kept as an analysis.
    """

    def read(path: Path) -> Iterator[_Ready]:
        try:
            with xr.open_dataset(path, engine="netcdf4", decode_timedelta=True) as raw:
                fields = harmonised(raw, where=str(path), issue_time=issue_time)
        except (OSError, ValueError) as error:
            raise DataError([Problem(str(path), str(error), "a readable NetCDF")]) from error
        yield _gridded(fields, source, stations)

    return _each(paths, NETCDF_SUFFIXES, home, read)


def grib(
    paths: Sequence[Path],
    *,
    home: Path,
    source: str | None = None,
    stations: pd.DataFrame | None = None,
) -> WeatherImport:
    """GRIB 1 and 2 into the home through cfgrib, one vintage per file.

    Raises:
        ConfigError: cfgrib or its ecCodes library is not installed.
    """
    try:
        import cfgrib
    except (ImportError, RuntimeError) as error:  # RuntimeError: ecCodes itself is not found
        expected = "cfgrib and ecCodes: pip install 'lantian[grib]'"
        raise ConfigError([Problem("weather-grib", str(error), expected)]) from error

    def read(path: Path) -> Iterator[_Ready]:
        try:
            with warnings.catch_warnings():  # cfgrib 0.9 merges in a way xarray is giving up
                warnings.simplefilter("ignore", FutureWarning)
                parts = cfgrib.open_datasets(str(path), backend_kwargs={"indexpath": ""})
        except (OSError, ValueError, EOFError) as error:
            raise DataError([Problem(str(path), str(error), "a readable GRIB")]) from error
        # One dataset per level type; the level is a scalar coordinate that would clash.
        flat = [_without_level(p) for p in parts]
        try:
            raw = xr.merge(flat, join="outer", compat="no_conflicts")
        except ValueError as error:
            expected = "the fields of one issue on one grid"
            raise DataError([Problem(str(path), str(error), expected)]) from error
        yield _gridded(harmonised(raw, where=str(path)), source, stations)

    return _each(paths, GRIB_SUFFIXES, home, read)


def kdd2018(
    paths: Sequence[Path],
    *,
    home: Path,
    source: str = "kdd2018",
) -> WeatherImport:
    """Weather files of the KDD Cup 2018 into the home as vintages of scattered points.

    forecast_YYYY-MM-DD.csv.gz is a forecast whose issue time is its first valid time; any other
    file of this layout is an analysis.
    """

    def read(path: Path) -> Iterator[_Ready]:
        facts = weather.facts().kdd2018
        data, notes = _kdd_fields(path, facts)
        first, last = (pd.Timestamp(data["time"].values[i]) for i in (0, -1))
        notes.append(f"assumed: wind speed in {facts.wind_units}, place of the grid points")
        if re.search(r"forecast_\d{4}-\d{2}-\d{2}", path.name):
            delay = weather.facts().delay(source) / pd.Timedelta(hours=1)
            notes.append(f"assumed: issued at its first valid time, available {delay:g} h later")
            yield _Ready(source, data, first, "forecast", tuple(notes))
        else:
            notes.append("not named forecast_YYYY-MM-DD: kept as an analysis")
            yield _Ready(f"{source}-analysis", data, last, "analysis", tuple(notes))

    return _each(paths, KDD_SUFFIXES, home, read, belongs=_has_kdd_columns)


def _each(
    paths: Sequence[Path],
    suffixes: tuple[str, ...],
    home: Path,
    read: Callable[[Path], Iterator[_Ready]],
    *,
    belongs: Callable[[Path], bool] = lambda _: True,
) -> WeatherImport:
    """Save what `read` gives of each file; in folders, only of the files that belong."""
    stored: list[str] = []
    unchanged: list[str] = []
    notes: list[str] = []
    problems: list[Problem] = []
    for path, named in _files(paths, suffixes, problems):
        if not named and not belongs(path):
            notes.append(f"{path.name}: another layout, passed over")
            continue
        try:
            for ready in read(path):
                written = weather.save(
                    home, ready.source, ready.data, issue_time=ready.issue_time, kind=ready.kind
                )
                name = f"{ready.source}/{ready.issue_time.strftime(weather.STAMP)}"
                (stored if written else unchanged).append(name)
                notes += [f"{path.name}: {n}" for n in ready.notes]
        except DataError as error:
            problems += error.problems
    return WeatherImport(tuple(stored), tuple(unchanged), tuple(notes), tuple(problems))


def _files(
    paths: Sequence[Path], suffixes: tuple[str, ...], problems: list[Problem]
) -> Iterator[tuple[Path, bool]]:
    """Every file, and whether it was named itself."""
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.rglob("*")) if p.name.lower().endswith(suffixes)]
            if not inside:
                problems.append(Problem(str(path), "no such file in it", " ".join(suffixes)))
            yield from ((p, False) for p in inside)
        elif path.is_file():
            yield path, True
        else:
            problems.append(Problem(str(path), "no such file", "a file or folder"))


def _gridded(fields: Fields, source: str | None, stations: pd.DataFrame | None) -> _Ready:
    data = fields.data if stations is None else cropped(fields.data, stations)
    notes = fields.notes
    if fields.issue_time is not None:
        return _Ready(source or fields.family, data, fields.issue_time, "forecast", notes)
    last = pd.Timestamp(data["time"].values[-1])
    return _Ready(source or fields.family, data, last, "analysis", (*notes, _ANALYSIS))


def _without_level(part: xr.Dataset) -> xr.Dataset:
    keep = {"time", "step", "valid_time", "latitude", "longitude"}
    out = part.drop_vars([c for c in part.coords if c not in keep])
    return out.expand_dims("step") if "step" in out.coords and "step" not in out.dims else out


def _has_kdd_columns(path: Path) -> bool:
    try:
        return set(_KDD_COLUMNS) <= set(pd.read_csv(path, nrows=0).columns)
    except (OSError, ValueError, EOFError):
        return True  # unreadable: reading it says why


def _kdd_fields(path: Path, facts: weather.Kdd2018) -> tuple[xr.Dataset, list[str]]:
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError([Problem(str(path), str(error), "a readable CSV")]) from error
    if missing := [c for c in _KDD_COLUMNS if c not in table.columns]:
        raise DataError([Problem(str(path), f"no column {missing}", f"columns {_KDD_COLUMNS}")])
    table = table.dropna(how="all").drop_duplicates()
    stamps = pd.to_datetime(table["time"], errors="coerce").astype("datetime64[ns]")
    index = pd.to_numeric(table["station_id"].astype(str).str.extract(r"_grid_(\d+)$")[0])
    lat_axis, lon_axis = facts.grid["latitude"].values, facts.grid["longitude"].values
    bad_place = index.isna() | (index >= len(lat_axis) * len(lon_axis))
    again = pd.DataFrame({"t": stamps, "i": index}).duplicated()
    problems = [
        *_rows(path, "time", table["time"], stamps.isna(), "YYYY-MM-DD HH:MM:SS, UTC"),
        *_rows(path, "station_id", table["station_id"], bad_place, "beijing_grid_000 .. 650"),
        *_rows(path, "time, station_id", table["time"], again & stamps.notna(), "each hour once"),
    ]
    for column, (low, high) in _KDD_RANGES.items():
        values = pd.to_numeric(table[column], errors="coerce")
        wrong = table[column].notna() & ~values.between(low, high)
        problems += _rows(path, column, table[column], wrong, f"a number, {low:g} .. {high:g}")
    if problems:
        raise DataError(problems)
    wide = table.assign(time=stamps, place=index.astype(int)).pivot(index="time", columns="place")
    hours = pd.date_range(wide.index[0], wide.index[-1], freq="h")
    notes = []
    if gaps := len(hours) - len(wide.index):
        notes.append(f"{gaps} hours are not in the file and stay empty")
    wide = wide.reindex(hours)
    places = wide["temperature"].columns.to_numpy()
    read = {c: wide[c].to_numpy(dtype=np.float64) for c in _KDD_RANGES}
    t2m = read["temperature"] + 273.15
    u10, v10 = components(read["wind_speed"] * _TO_MPS[facts.wind_units], read["wind_direction"])
    fields = {"u10": u10, "v10": v10, "t2m": t2m, "d2m": dew_point(t2m, read["humidity"]),
              "sp": read["pressure"] * 100.0}  # fmt: skip
    notes.append("d2m from temperature and humidity (Magnus, Sonntag 1990); degC to K, hPa to Pa")
    coords = {
        "time": hours,
        "station": np.array([f"beijing_grid_{i:03d}" for i in places]),
        "latitude": ("station", lat_axis[places % len(lat_axis)]),
        "longitude": ("station", lon_axis[places // len(lat_axis)]),
    }
    data = {k: (("time", "station"), v, attrs_of(k)) for k, v in fields.items()}
    return xr.Dataset(data, coords), notes


def _rows(
    path: Path, column: str, values: "pd.Series[Any]", wrong: "pd.Series[bool]", expected: str
) -> list[Problem]:
    """One problem for a column, with the first wrong rows (row 1 is the header)."""
    rows = np.flatnonzero(wrong.to_numpy())
    if not len(rows):
        return []
    listed = ", ".join(str(values.index[r] + 2) for r in rows[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    where = f"{path}: row {listed}{more}, {column}"
    return [Problem(where, repr(values.iloc[rows[0]]), expected)]
