"""Weather forecasts by vintage: who said what, when, and from when on it may be used.

Takes and gives datasets of the schema's weather variables; knows nothing of models or people.
A vintage is LANTIAN_HOME/weather/<source>/<issue>.nc, issue written as 20260101T0000Z:

    dims            (time, station) or (time, latitude, longitude), time = hourly valid times, UTC
    variables       any of schema.WEATHER in the schema's units, NaN = missing
    coordinates     issue_time, available_time (scalar, UTC): the model's start, and the moment
                    from which a run may read it; latitude, longitude (WGS-84)
    attributes      source; kind = forecast, or analysis (kept, never used as a forecast);
                    history where a vintage was replaced

A vintage is never changed in place: equal content again is a no-op, other content for the same
issue is refused unless replaced on purpose, and then the old file is kept beside it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import netCDF4
import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field

from forecast import config
from forecast.files import write_netcdf
from forecast.problems import DataError, Problem
from forecast.schema import WEATHER, attrs_of, check_units

STAMP: Final = "%Y%m%dT%H%MZ"
Kind = Literal["forecast", "analysis"]
_EPOCH: Final = "minutes since 1970-01-01"
_HOUR: Final = pd.Timedelta(hours=1)
# Beyond these no weather on Earth lies (records with a margin): another unit, or a damaged file.
POSSIBLE: Final = {
    "u10": (-120.0, 120.0), "v10": (-120.0, 120.0), "t2m": (170.0, 340.0), "d2m": (140.0, 320.0),
    "sp": (30_000.0, 115_000.0), "tp": (-1.0, 500.0), "blh": (-1.0, 20_000.0),
    "ssrd": (-50.0, 2_000.0),
}  # fmt: skip
_LAYOUTS: Final = (("time", "station"), ("time", "latitude", "longitude"))
_BROKEN: Final = (
    OSError, ValueError, IndexError, KeyError, AttributeError, RuntimeError, DataError,
)  # fmt: skip


@dataclass(frozen=True)
class Words:
    """One remark in both languages of the console."""

    zh: str
    en: str


@dataclass(frozen=True)
class Vintage:
    """One forecast of one source, by its header; read() gives its fields."""

    source: str
    issue_time: pd.Timestamp  # naive UTC
    available_time: pd.Timestamp  # naive UTC
    path: Path
    kind: Kind = "forecast"
    notes: tuple[Words, ...] = ()  # what was passed over to come to this one


class Delay(config.Section):
    """Hours from the issue time until a source's forecast is on disk, and why."""

    delay_hours: float = Field(ge=0)
    reason: str


class Axis(config.Section):
    """Evenly spaced coordinates."""

    first: float
    step: float = Field(gt=0)
    count: int = Field(gt=0)

    @property
    def values(self) -> np.ndarray:
        """The coordinates, increasing."""
        return np.round(self.first + self.step * np.arange(self.count), 6)


class Kdd2018(config.Section):
    """What the KDD Cup 2018 weather files do not say about themselves."""

    assumption: bool
    wind_units: Literal["km h-1", "m s-1"]
    temperature_units: Literal["degC"]
    pressure_units: Literal["hPa"]
    humidity_units: Literal["%"]
    grid: dict[Literal["latitude", "longitude"], Axis]


class Sources(config.Section):
    """configs/weather/sources.yaml."""

    default: Delay
    sources: dict[str, Delay]
    kdd2018: Kdd2018

    def delay(self, source: str) -> pd.Timedelta:
        """Time from issue to availability of a source."""
        return pd.Timedelta(hours=self.sources.get(source, self.default).delay_hours)


@lru_cache(maxsize=1)
def facts() -> Sources:
    """The stated facts and assumptions about the sources of weather."""
    path = config.configs_dir() / "weather" / "sources.yaml"
    return config.validated(Sources, config.read_yaml(path), path=path)


def path_of(home: Path, source: str, issue_time: pd.Timestamp) -> Path:
    """Where a vintage lies in the home."""
    return home / "weather" / source / f"{issue_time.strftime(STAMP)}.nc"


def save(
    home: Path,
    source: str,
    ds: xr.Dataset,
    *,
    issue_time: pd.Timestamp,
    available_time: pd.Timestamp | None = None,
    kind: Kind = "forecast",
    replace: bool = False,
    reason: str = "",
) -> bool:
    """Keep a vintage.

    Args:
        ds: Layout as in the module's description; `issue_time` and `available_time` are set here.
        issue_time: Naive UTC, a full minute.
        available_time: Naive UTC; None = issue time plus the source's stated delay.
        replace: Put this in the place of other content for the same issue; the old file is kept
            under superseded/ and the new one's history says so, with the reason.

    Returns:
        True if a file was written, False if the same content was there already.

    Raises:
        DataError: Wrong layout, units or times (all at once), or other content for this issue.
    """
    if available_time is None:
        available_time = issue_time + facts().delay(source)
    path = path_of(home, source, issue_time)
    _check(ds, str(path), issue_time, available_time)
    new = _with_header(ds, source, issue_time, available_time, kind)
    if path.exists():
        try:
            old = read(_header(path))
        except _BROKEN as error:
            old, found = None, f"an unreadable file ({error})"
        else:
            found = "other content for the same issue"
        if old is not None and _same(old, new):
            return False
        if not (replace and reason):
            expected = "the same content again, or replace=True with a reason"
            raise DataError([Problem(str(path), found, expected)])
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        kept = path.parent / "superseded" / f"{path.stem}-{digest[:12]}.nc"
        kept.parent.mkdir(exist_ok=True)
        if not kept.exists():
            kept.hardlink_to(path)
        new.attrs["history"] = f"replaces {kept.name} (sha256 {digest}): {reason}"
    write_netcdf(path, new)
    return True


def vintages(home: Path, source: str) -> tuple[list[Vintage], list[Words]]:
    """All readable vintages of a source, oldest issue first, and a remark per unreadable file."""
    found, notes = [], []
    for path in sorted((home / "weather" / source).glob("*.nc")):
        try:
            found.append(_header(path))
        except _BROKEN as error:
            notes.append(_unreadable(path, error))
    return sorted(found, key=lambda v: v.issue_time), notes


def candidates(
    home: Path,
    sources: Sequence[str],
    at: pd.Timestamp,
    max_age_hours: float,
) -> Iterator[Vintage | Words]:
    """The ladder: by source, its newest vintage first; a remark where a file cannot be read.

    Only forecasts available at `at` and issued at most `max_age_hours` before it are given.
    """
    # Names sort as their times do: a file not yet issued then is not even looked at.
    newest = at.strftime(STAMP)
    oldest = (at - max_age_hours * _HOUR).ceil("min").strftime(STAMP)
    for source in sources:
        names = [p for p in (home / "weather" / source).glob("*.nc") if oldest <= p.stem <= newest]
        for path in sorted(names, reverse=True):
            try:
                vintage = _header(path)
            except _BROKEN as error:
                yield _unreadable(path, error)
                continue
            if vintage.kind == "forecast" and vintage.available_time <= at:
                yield vintage


def latest(
    home: Path, sources: Sequence[str], at: pd.Timestamp, max_age_hours: float
) -> Vintage | None:
    """The vintage to use at a moment: the first source that has one wins, its newest issue.

    A vintage counts only from its available_time on, and while its issue is at most
    `max_age_hours` old. An unreadable file is passed over for the next older one, which the
    vintage's notes say. None where no source has one.
    """
    notes: list[Words] = []
    for step in candidates(home, sources, at, max_age_hours):
        if isinstance(step, Words):
            notes.append(step)
            continue
        try:
            read(step)
        except _BROKEN as error:
            notes.append(_unreadable(step.path, error))
            continue
        return Vintage(
            step.source, step.issue_time, step.available_time, step.path, step.kind, tuple(notes)
        )
    return None


def read(vintage: Vintage) -> xr.Dataset:
    """The fields of a vintage, in memory.

    Raises:
        DataError: The file is damaged, or not a vintage of this schema.
    """
    try:
        with xr.open_dataset(vintage.path, engine="netcdf4", decode_timedelta=False) as ds:
            loaded = ds.load()
        loaded = loaded.assign_coords(time=loaded["time"].values.astype("datetime64[ns]"))
    except _BROKEN as error:
        expected = "a readable vintage"
        raise DataError([Problem(str(vintage.path), str(error), expected)]) from error
    _check(loaded, str(vintage.path), vintage.issue_time, vintage.available_time)
    return loaded


def _header(path: Path) -> Vintage:
    stat = path.stat()
    return _header_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4096)
def _header_of(path: Path, modified_ns: int, size: int) -> Vintage:
    """The header of a file as it is now; a hindcast asks for each one many times."""
    del modified_ns, size  # they are the key
    with netCDF4.Dataset(path) as file:
        issue, available = (_minutes(file[name]) for name in ("issue_time", "available_time"))
        kind: Kind = "analysis" if getattr(file, "kind", "") == "analysis" else "forecast"
    if issue.strftime(STAMP) != path.stem:
        found = f"issue {issue}, available {available}"
        raise DataError([Problem(str(path), found, f"issue {path.stem}")])
    return Vintage(path.parent.name, issue, available, path, kind)


def _minutes(scalar: Any) -> pd.Timestamp:
    if scalar.units != _EPOCH or scalar.shape != ():
        found = f"units {scalar.units!r}, shape {scalar.shape}"
        raise DataError([Problem(scalar.name, found, f"one number of {_EPOCH}")])
    return pd.Timestamp(int(scalar[...]), unit="m")


def _check(
    ds: xr.Dataset, where: str, issue_time: pd.Timestamp, available_time: pd.Timestamp
) -> None:
    problems = []
    unknown = sorted(str(v) for v in ds.data_vars if v not in WEATHER)
    if unknown or not ds.data_vars:
        problems.append(Problem(where, f"variables {unknown}", f"some of {WEATHER}"))
    for name, field in ds.data_vars.items():
        if field.dims not in _LAYOUTS:
            problems.append(Problem(f"{where}: {name}", f"dims {field.dims}", f"one of {_LAYOUTS}"))
        problems += _impossible(field, where)
    for name in ("latitude", "longitude"):
        if name not in ds.coords:
            problems.append(Problem(f"{where}: {name}", "absent", "coordinates in degrees"))
    problems += _time_problems(ds, where) or _too_old(ds, where, issue_time)
    if available_time < issue_time:
        found = f"available {available_time}"
        problems.append(Problem(where, found, f"not before the issue time {issue_time}"))
    try:
        check_units(ds, [str(v) for v in ds.data_vars if v in WEATHER], where=where)
    except DataError as error:
        problems += error.problems
    if problems:
        raise DataError(problems)


def _too_old(ds: xr.Dataset, where: str, issue_time: pd.Timestamp) -> list[Problem]:
    """A forecast all of whose hours lie before its issue is none; an analysis ends at its issue."""
    last = pd.Timestamp(ds["time"].values[-1])
    if last >= issue_time:
        return []
    return [Problem(where, f"issue {issue_time}", f"not after its last hour {last}")]


def _impossible(field: xr.DataArray, where: str) -> list[Problem]:
    """Values that no weather has; a missing one is none."""
    if field.name not in POSSIBLE or not field.size:
        return []
    low, high = POSSIBLE[str(field.name)]
    values = field.to_numpy()
    wrong = ~np.isnan(values) & ~((values >= low) & (values <= high))
    if not wrong.any():
        return []
    found = f"{values[wrong].flat[0]:g} and {int(wrong.sum()) - 1} more"
    expected = f"{low:g} to {high:g} {field.attrs.get('units', '')}"
    return [Problem(f"{where}: {field.name}", found, expected)]


def _time_problems(ds: xr.Dataset, where: str) -> list[Problem]:
    if "time" not in ds.coords or not ds.sizes["time"]:
        return [Problem(f"{where}: time", "absent or empty", "hourly valid times")]
    times = pd.DatetimeIndex(ds["time"].values)
    problems = []
    if (np.diff(times.to_numpy()) != _HOUR.to_timedelta64()).any():
        problems.append(Problem(f"{where}: time", "other steps", "one hour between stamps"))
    if (times != times.floor("h")).any():
        problems.append(Problem(f"{where}: time", "broken hours", "full hours, UTC"))
    return problems


def _with_header(
    ds: xr.Dataset, source: str, issue: pd.Timestamp, available: pd.Timestamp, kind: Kind
) -> xr.Dataset:
    new = ds.drop_vars(["issue_time", "available_time"], errors="ignore").astype("float32")
    for name in new.data_vars:
        new[name].attrs = attrs_of(str(name))
    times = new["time"].values.astype("datetime64[ns]")
    new = new.assign_coords(
        time=("time", times, {"standard_name": "time"}),
        issue_time=((), _ns(issue), {"standard_name": "forecast_reference_time"}),
        available_time=((), _ns(available), {"long_name": "usable from this moment on"}),
    )
    for name in ("time", "issue_time", "available_time"):
        new[name].encoding = {"units": _EPOCH, "dtype": "int64"}
    extra = {"featureType": "timeSeries"} if "station" in new.dims else {}
    if ds.attrs.get("simulated"):
        extra["simulated"] = str(ds.attrs["simulated"])
    new.attrs = {"Conventions": "CF-1.11", **extra, "source": source, "kind": kind}
    return new


def _same(old: xr.Dataset, new: xr.Dataset) -> bool:
    """Equal values, coordinates and header; the history of an earlier replacement is no content."""
    return bool(old.equals(new)) and old.attrs.get("kind") == new.attrs.get("kind")


def _ns(stamp: pd.Timestamp) -> np.ndarray:
    return np.asarray(stamp.to_datetime64(), dtype="datetime64[ns]")


def _unreadable(path: Path, error: Exception) -> Words:
    name = f"{path.parent.name}/{path.name}"
    return Words(
        zh=f"天气预报文件 {name} 无法读取,已跳过。",
        en=f"weather vintage {name} cannot be read and was passed over ({error})",
    )
