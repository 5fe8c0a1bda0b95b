"""The forecast file: one NetCDF-4 file for a run or a hindcast, in chunks, whole or not.

Takes quantiles and members of some issue times, gives a file with two groups; knows nothing of
models or scores. Layout (design, section 5):

    /stations   pm25 .. o3   (issue_time, lead, station, quantile)   ug m-3, co mg m-3
                station coordinates: name tier area latitude longitude reference background
    /areas      aqi_day      (issue_time, day, area, member)         1; missing where not known
                primary_day  (issue_time, day, area, member)         bits of POLLUTANTS, 0 = none
                pm25_day so2_day no2_day pm10_day co_day             natural-day means
                o3_day       (issue_time, day, area, member)         greatest 8-h mean of the day
                pm25 .. o3   (issue_time, lead, area, member)        only with hourly members

`issue_time` is UTC; `lead` 1..96 counts hours after it, and a value belongs to the hour that ends
there; `day` 1..3 is D+1..D+3. Concentrations are packed as int16 in steps of 0.1 ug m-3 (reach
+-3276.7) and 0.002 mg m-3 (reach +-65.5); a value beyond that is refused, never clipped. Missing
is the fill value, NaN when read. Every block carries a checksum, so damage shows when it is read.
The bytes depend on the content alone: no clock and no host name goes in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import netCDF4
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast.files import replace_file
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, STATION_COORDS, VARIABLES, attrs_of
from forecast.timing import DAYS

FILL: Final = np.int16(-32768)
STEP: Final[Mapping[str, float]] = {p: 0.002 if p == "co" else 0.1 for p in POLLUTANTS}
PRIMARY_BITS: Final[Mapping[str, int]] = {p: 1 << i for i, p in enumerate(POLLUTANTS)}
_REACH = 32767
# The largest hourly value a file holds; forecasts end there (forecast.issue).
REACH: Final[Mapping[str, float]] = {p: _REACH * step for p, step in STEP.items()}
_CHUNK_BYTES = 512 * 1024
_HOURS = "hours since 1970-01-01 00:00:00"
_DAILY = ("aqi_day", "primary_day", *(f"{p}_day" for p in POLLUTANTS))


@dataclass(frozen=True)
class Header:
    """Where a forecast comes from; written as global attributes."""

    model: str
    model_version: str
    data_hash: str
    standard: str  # edition of the index, or auto: by the date of the data
    config_hash: str
    weather_tier: str  # none, perturbed, perfect (observed weather: an upper bound), archived
    code_revision: str
    simulated: bool
    utc_offset_hours: int
    trained_until: str  # ISO, UTC; empty where nothing was fitted


@dataclass(frozen=True)
class Layout:
    """What a file will hold, known before the first value."""

    issue_times: pd.DatetimeIndex  # naive UTC, on the hour, increasing
    stations: pd.DataFrame  # index = station id, schema.STATION_COORDS
    areas: tuple[str, ...]  # the area "city" is the whole city
    members: int
    hourly_members: bool = False


@dataclass(frozen=True)
class AreaChunk:
    """What the members say about the areas at n adjoining issue times; NaN = missing."""

    aqi_day: NDArray[Any]  # (n, day, area, member), 0..500
    primary_day: NDArray[np.uint8]  # same dims, sum of PRIMARY_BITS, 0 = none
    daily: Mapping[str, NDArray[Any]]  # pollutant -> same dims; o3 is MDA8, the others 24-h means
    hourly: Mapping[str, NDArray[Any]] | None = None  # pollutant -> (n, lead, area, member)


@dataclass(frozen=True)
class Chunk:
    """Forecasts at n adjoining issue times."""

    quantiles: NDArray[Any]  # (n, lead, station, POLLUTANTS, QUANTILES), NaN = missing
    areas: AreaChunk | None = None  # None: stays missing in the file


def write(path: Path, header: Header, layout: Layout, chunks: Iterable[Chunk]) -> None:
    """Write a forecast file from chunks in the order of the issue times; whole or not at all.

    Args:
        path: Replaced in one step once everything is written and synced.
        header: Global attributes.
        layout: Dimensions and coordinates.
        chunks: Any number of issue times each; only one is held at a time.

    Raises:
        DataError: A value beyond the packing's reach, negative, or quantiles that decrease; wrong
            shapes; fewer or more issue times than the layout announces. The old file stays.
    """
    _check_layout(path, layout)
    replace_file(path, lambda temporary: _fill(temporary, path, header, layout, chunks))


def _fill(
    temporary: Path, path: Path, header: Header, layout: Layout, chunks: Iterable[Chunk]
) -> None:
    count = len(layout.issue_times)
    with netCDF4.Dataset(temporary, "w", format="NETCDF4") as nc:
        nc.setncatts({"Conventions": "CF-1.11", "title": "Lantian forecast"})
        nc.setncatts({k: int(v) if isinstance(v, bool) else v for k, v in asdict(header).items()})
        stations, areas = _make_stations(nc, layout), _make_areas(nc, layout)
        at = 0
        for chunk in chunks:
            n = len(chunk.quantiles)
            where = f"{path}: issue times {at}..{at + n - 1}"
            if at + n > count:
                _refuse(where, f"{at + n} issue times", f"{count}, as announced")
            _put_stations(stations, slice(at, at + n), chunk.quantiles, layout, where)
            if chunk.areas is None:
                areas["primary_day"][at : at + n] = 0
            else:
                _put_areas(areas, slice(at, at + n), chunk.areas, layout, where)
            at += n
        if at != count:
            _refuse(str(path), f"{at} issue times", f"{count}, as announced")


def _check_layout(path: Path, layout: Layout) -> None:
    times = layout.issue_times
    problems = []
    if not len(times) or not times.is_monotonic_increasing or times.has_duplicates:
        problems.append(Problem(f"{path}: issue times", f"{len(times)}", "increasing, at least 1"))
    if len(times) and (times != times.floor("h")).any():
        problems.append(Problem(f"{path}: issue times", "between hours", "full hours"))
    missing = [c for c in STATION_COORDS if c not in layout.stations.columns]
    if missing:
        problems.append(Problem(f"{path}: stations", f"no columns {missing}", str(STATION_COORDS)))
    if not layout.areas or layout.members < 1:
        found = f"{len(layout.areas)} areas, {layout.members} members"
        problems.append(Problem(f"{path}: areas", found, "at least one of each"))
    if problems:
        raise DataError(problems)


def _make_stations(nc: Any, layout: Layout) -> Any:
    group = nc.createGroup("stations")
    table = layout.stations
    _make_common(group, layout)
    _dimension(group, "station", table.index.to_numpy().astype(str), {"cf_role": "timeseries_id"})
    _dimension(group, "quantile", np.array(QUANTILES), {"units": "1"})
    for column in STATION_COORDS:
        kept = table[column].to_numpy()
        if column in ("name", "tier", "area"):
            variable = group.createVariable(column, str, ("station",))
            variable[:] = kept.astype(object)
        elif column in ("reference", "background"):
            variable = group.createVariable(column, "i1", ("station",))
            variable.setncattr("dtype", "bool")
            variable[:] = kept.astype("i1")
        else:
            variable = group.createVariable(column, "f8", ("station",))
            east_or_north = "degrees_east" if column == "longitude" else "degrees_north"
            variable.setncatts({"units": east_or_north, "standard_name": column})
            variable[:] = kept.astype(float)
    dims = ("issue_time", "lead", "station", "quantile")
    for p in POLLUTANTS:
        extra = {"coordinates": " ".join(STATION_COORDS)}
        _packed(group, p, dims, STEP[p], {**attrs_of(p), **extra})
    return group


def _make_areas(nc: Any, layout: Layout) -> Any:
    group = nc.createGroup("areas")
    _make_common(group, layout)
    _dimension(group, "day", np.arange(1, DAYS + 1, dtype="i4"), {"long_name": "D+1 .. D+3"})
    _dimension(group, "area", np.array(layout.areas, dtype=str), {})
    _dimension(group, "member", np.arange(1, layout.members + 1, dtype="i4"), {})
    dims = ("issue_time", "day", "area", "member")
    _packed(group, "aqi_day", dims, 1.0, {"units": "1", "long_name": "daily air-quality index"})
    meaning = {
        "long_name": "primary pollutants of the day, 0 = none",
        "flag_masks": np.array(list(PRIMARY_BITS.values()), dtype="u1"),
        "flag_meanings": " ".join(PRIMARY_BITS),
    }
    _variable(group, "primary_day", "u1", dims, fill=False).setncatts(meaning)
    for p in POLLUTANTS:
        kind = "greatest 8-h mean of the natural day" if p == "o3" else "mean of the natural day"
        long_name = f"{VARIABLES[p].en}, {kind}"
        _packed(group, f"{p}_day", dims, STEP[p], {**attrs_of(p), "long_name": long_name})
    if layout.hourly_members:
        for p in POLLUTANTS:
            _packed(group, p, ("issue_time", "lead", "area", "member"), STEP[p], attrs_of(p))
    return group


def _make_common(group: Any, layout: Layout) -> None:
    hours = (layout.issue_times - pd.Timestamp(0)) // pd.Timedelta(hours=1)
    attrs = {"units": _HOURS, "calendar": "proleptic_gregorian"}
    attrs["standard_name"] = "forecast_reference_time"
    _dimension(group, "issue_time", hours.to_numpy().astype("i8"), attrs)
    lead = {"units": "h", "long_name": "hours from the issue time to the end of the hour"}
    _dimension(group, "lead", np.arange(1, MAX_LEAD + 1, dtype="i4"), lead)


def _dimension(group: Any, name: str, values: NDArray[Any], attrs: Mapping[str, str]) -> None:
    group.createDimension(name, len(values))
    text = values.dtype.kind in "UO"
    variable = group.createVariable(name, str if text else values.dtype, (name,))
    variable.setncatts(attrs)
    variable[:] = values.astype(object) if text else values


def _packed(
    group: Any, name: str, dims: tuple[str, ...], step: float, attrs: Mapping[str, str]
) -> None:
    variable = _variable(group, name, "i2", dims, fill=FILL)
    variable.setncatts({"scale_factor": np.float64(step), "add_offset": np.float64(0), **attrs})


def _variable(group: Any, name: str, kind: str, dims: tuple[str, ...], *, fill: Any) -> Any:
    sizes = [len(group.dimensions[d]) for d in dims]
    row = int(np.prod(sizes[1:])) * np.dtype(kind).itemsize
    chunks = [min(sizes[0], max(1, _CHUNK_BYTES // row)), *sizes[1:]]
    variable = group.createVariable(
        name, kind, dims, zlib=True, complevel=3, shuffle=True, fletcher32=True,
        chunksizes=chunks, fill_value=fill,
    )  # fmt: skip
    variable.set_auto_maskandscale(False)  # packed here, where overflow is seen
    return variable


def _put_stations(
    group: Any, rows: slice, quantiles: NDArray[Any], layout: Layout, where: str
) -> None:
    n = rows.stop - rows.start
    shape = (n, MAX_LEAD, len(layout.stations), len(POLLUTANTS), len(QUANTILES))
    _check_shape(quantiles, shape, f"{where}, quantiles")
    if (np.diff(quantiles, axis=-1) < 0).any():
        _refuse(f"{where}, quantiles", "decreasing values", "values that never decrease")
    for i, p in enumerate(POLLUTANTS):
        group[p][rows] = _pack(quantiles[:, :, :, i], STEP[p], f"{where}, {p}")


def _put_areas(group: Any, rows: slice, chunk: AreaChunk, layout: Layout, where: str) -> None:
    n = rows.stop - rows.start
    shape = (n, DAYS, len(layout.areas), layout.members)
    _check_shape(chunk.aqi_day, shape, f"{where}, aqi_day")
    _check_shape(chunk.primary_day, shape, f"{where}, primary_day")
    group["aqi_day"][rows] = _pack(chunk.aqi_day, 1.0, f"{where}, aqi_day")
    group["primary_day"][rows] = chunk.primary_day.astype("u1")
    for p in POLLUTANTS:
        _check_shape(chunk.daily[p], shape, f"{where}, {p}_day")
        group[f"{p}_day"][rows] = _pack(chunk.daily[p], STEP[p], f"{where}, {p}_day")
    if not layout.hourly_members:
        return
    if chunk.hourly is None:
        _refuse(where, "no hourly members", "hourly members, as announced")
    else:
        for p in POLLUTANTS:
            _check_shape(chunk.hourly[p], (n, MAX_LEAD, *shape[2:]), f"{where}, {p}")
            group[p][rows] = _pack(chunk.hourly[p], STEP[p], f"{where}, {p}")


def _pack(values: NDArray[Any], step: float, where: str) -> NDArray[np.int16]:
    steps = np.rint(np.asarray(values, dtype=np.float64) / step)
    missing = np.isnan(steps)
    known = steps[~missing]
    if known.size and (known.min() < 0 or known.max() > _REACH):
        found = f"{known.min() * step:g} .. {known.max() * step:g}"
        _refuse(where, found, f"values between 0 and {_REACH * step:g}")
    return np.where(missing, FILL, steps).astype(np.int16)


def _check_shape(values: NDArray[Any], shape: tuple[int, ...], where: str) -> None:
    if values.shape != shape:
        _refuse(where, f"shape {values.shape}", f"shape {shape}")


def _refuse(where: str, found: str, expected: str) -> None:
    raise DataError([Problem(where, found, expected)])


def attributes(path: Path) -> Header:
    """Global attributes of a forecast file.

    Raises:
        DataError: The file is absent, damaged, or not a forecast file.
    """
    with _opened(path, None) as ds:
        attrs = dict(ds.attrs)
    missing = [f for f in Header.__dataclass_fields__ if f not in attrs]
    if missing:
        _refuse(str(path), f"no attributes {missing}", "a forecast file")
    kept = {f: attrs[f] for f in Header.__dataclass_fields__}
    kept["simulated"] = bool(kept["simulated"])
    kept["utc_offset_hours"] = int(kept["utc_offset_hours"])
    return Header(**kept)


def read_stations(path: Path) -> xr.Dataset:
    """The group /stations, not yet loaded: POLLUTANTS (issue_time, lead, station, quantile).

    Missing is NaN; close the dataset (or use it in a with) when done. `loaded` loads parts of it.

    Raises:
        DataError: The file is absent or damaged, or the group or a variable is not there.
    """
    return _group(path, "stations", POLLUTANTS, ("issue_time", "lead", "station", "quantile"))


def read_areas(path: Path) -> xr.Dataset:
    """The group /areas, not yet loaded: aqi_day, primary_day, <pollutant>_day, perhaps hourly.

    Raises:
        DataError: As of `read_stations`.
    """
    return _group(path, "areas", _DAILY, ("issue_time", "day", "area", "member"))


def loaded(part: xr.Dataset, path: Path) -> xr.Dataset:
    """Load (part of) a lazily read group.

    Raises:
        DataError: A block of the file is damaged.
    """
    try:
        return part.load()
    except (OSError, RuntimeError) as error:
        raise DataError([Problem(str(path), str(error), "an undamaged forecast file")]) from error


def primary_sets(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """primary_day as truth values (..., POLLUTANTS)."""
    bits = np.array([PRIMARY_BITS[p] for p in POLLUTANTS], dtype=np.uint8)
    return np.asarray((mask[..., None] & bits) > 0)


def primary_mask(is_primary: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Truth values (..., POLLUTANTS) as primary_day: the inverse of `primary_sets`."""
    bits = np.array([PRIMARY_BITS[p] for p in POLLUTANTS], dtype=np.uint8)
    return np.asarray((is_primary * bits).sum(axis=-1), dtype=np.uint8)


def _group(path: Path, name: str, variables: Sequence[str], dims: tuple[str, ...]) -> xr.Dataset:
    ds = _opened(path, name)
    problems = [
        Problem(
            f"{path}: /{name}/{v}", "absent" if v not in ds else f"dims {ds[v].dims}", f"{dims}"
        )
        for v in variables
        if v not in ds or ds[v].dims != dims
    ]
    if problems:
        ds.close()
        raise DataError(problems)
    try:
        times = np.asarray(ds["issue_time"].values, dtype="datetime64[ns]")
        out = ds.assign_coords(issue_time=("issue_time", times))
    except (OSError, RuntimeError) as error:
        ds.close()
        raise DataError([Problem(str(path), str(error), "an undamaged forecast file")]) from error
    out.set_close(ds.close)  # a derived dataset does not know the file it came from
    return out


def _opened(path: Path, group: str | None) -> xr.Dataset:
    where = f"{path}: /{group or ''}"
    if not path.is_file():
        raise DataError([Problem(str(path), "no file", "a forecast file")])
    try:
        return xr.open_dataset(
            path, engine="netcdf4", group=group, decode_timedelta=False, cache=False
        )
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise DataError([Problem(where, str(error), "a readable forecast file")]) from error
