"""A training record larger than memory: arrays on disk, of which the windows asked for are read.

    <folder>/values.npy    (time, station, POLLUTANTS) float32, hour after hour, NaN = missing
    <folder>/weather.npy   (time, station, WEATHER) float32
    <folder>/record.json   first hour, offset, history, stations; written last

A window of hours is one stretch of the file, so a training reads what it shows the network and no
more. Pages that were read are given back at once: the process stays as small as its batches,
however long the record. Made month by month from the home: two months are in memory at most.
"""

import json
import mmap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast import files, history, quality_limits, schema, stations
from forecast.batch import Floats, stacked
from forecast.config import CityConfig
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, WEATHER
from training.windows import Record

RECORD: Final = "record.json"
_HOUR: Final = pd.Timedelta(hours=1)
_ARRAYS: Final = {"values": POLLUTANTS, "weather": WEATHER}
_BEFORE: Final = pd.Timedelta(days=31)  # read ahead of a month: quality tests look back so far
_CHUNK: Final = 24 * 14  # hours summed at a time


@dataclass(frozen=True)
class Strip:
    """An array (time, station, variable) on disk, all or some of its stations.

    Indexed by hours (whole numbers, a slice or a mask along time), it gives an array in memory.
    """

    disk: np.memmap[Any, np.dtype[np.float32]]
    columns: NDArray[np.int64] | None = None

    def __getitem__(self, hours: Any) -> Floats:
        rows = np.asarray(hours) if not isinstance(hours, slice) else hours
        if isinstance(rows, np.ndarray) and rows.dtype == bool:
            rows = np.flatnonzero(rows)
        if self.columns is None:
            found = np.array(self.disk[rows])
        elif isinstance(rows, slice):
            found = np.array(self.disk[rows][:, self.columns])
        else:
            found = np.array(self.disk[rows[..., None], self.columns])
        self._give_back()
        return found

    def __array__(self, dtype: Any = None, copy: Any = None) -> NDArray[Any]:
        """All of it in memory, read a stretch at a time."""
        found = np.empty(self.shape, dtype=np.float32)
        for start in range(0, len(self), _CHUNK):
            found[start : start + _CHUNK] = self[start : start + _CHUNK]
        return found if dtype is None else found.astype(dtype)

    def __len__(self) -> int:
        return len(self.disk)

    @property
    def shape(self) -> tuple[int, ...]:
        """(time, station, variable)."""
        n = self.disk.shape[1] if self.columns is None else len(self.columns)
        return (self.disk.shape[0], n, self.disk.shape[2])

    def only(self, rows: NDArray[np.int64]) -> "Strip":
        """The same of some of its stations; nothing is read."""
        return replace(self, columns=rows if self.columns is None else self.columns[rows])

    def _give_back(self) -> None:
        held = getattr(self.disk, "_mmap", None)
        if held is not None and hasattr(mmap, "MADV_DONTNEED"):
            held.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True)
class StreamedRecord(Record):
    """A Record whose arrays stay on disk; cut, targets and weather read windows of them."""

    def only(self, rows: np.ndarray) -> "StreamedRecord":
        """The same record of some of its stations; nothing is read."""
        return replace(
            self,
            values=self.values.only(rows),  # type: ignore[attr-defined]
            weather=self.weather.only(rows),  # type: ignore[attr-defined]
            stations=self.stations.iloc[rows],
            rows=self.rows[rows],
        )


def keep(folder: Path, record: Record) -> None:
    """Write a record that is in memory."""
    parts = [(record.values, record.weather)]
    write(folder, iter(parts), _about(record))


def build(
    config: CityConfig, home: Path, first: pd.Timestamp, last: pd.Timestamp, folder: Path
) -> None:
    """Write a home's readings as a record, a month at a time.

    Args:
        config: The city.
        home: LANTIAN_HOME.
        first: First hour, naive UTC.
        last: Last hour.
        folder: Where.

    Raises:
        ConfigError: The city corrects its lower tiers: that learns from all hours before, so it
            cannot be done by the month.
        DataError: No observations, or a month that cannot be read.
    """
    if config.calibrate:
        found = "calibrate: true"
        raise DataError([Problem(config.city.id, found, "a city whose tiers are not corrected")])
    register = stations.load(config.stations)
    limits = quality_limits.load(config.quality)

    def months() -> Iterator[tuple[Floats, Floats]]:
        at = first
        while at <= last:
            end = min(at + pd.offsets.MonthEnd(0) + pd.Timedelta(hours=23), last).floor("h")
            known = history.load(home, register, limits, start=at - _BEFORE, end=end).usable
            part = known.sel(time=slice(at, end))
            yield stacked(part, POLLUTANTS), stacked(part, WEATHER)
            at = end + _HOUR

    hours = int((last - first) / _HOUR) + 1
    about = _content(first, hours, config.offset, config.forecast.history_hours, register)
    write(folder, months(), about)


def write(folder: Path, parts: Iterator[tuple[Floats, Floats]], about: dict[str, Any]) -> None:
    """Write a record from parts along time: (hours, station, POLLUTANTS) and (..., WEATHER)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    shape = (about["hours"], len(about["stations"]["station"]))
    made = {
        name: np.lib.format.open_memmap(
            folder / f"{name}.npy", mode="w+", dtype=np.float32, shape=(*shape, len(variables))
        )
        for name, variables in _ARRAYS.items()
    }
    at = 0
    for values, weather in parts:
        stop = at + len(values)
        made["values"][at:stop], made["weather"][at:stop] = values, weather
        at = stop
    if at != shape[0]:
        raise DataError([Problem(str(folder), f"{at} hours", f"{shape[0]} hours")])
    for array in made.values():
        array.flush()
    files.write_text(folder / RECORD, json.dumps(about, ensure_ascii=False) + "\n")


def read(folder: Path) -> StreamedRecord:
    """Open a record; its arrays stay on disk.

    Raises:
        DataError: The folder holds no whole record.
    """
    path = folder / RECORD
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        table = pd.DataFrame(about["stations"]).set_index("station")
        arrays = {n: Strip(np.load(folder / f"{n}.npy", mmap_mode="r")) for n in _ARRAYS}
        shapes = {n: (about["hours"], len(table), len(v)) for n, v in _ARRAYS.items()}
        if any(arrays[n].shape != shapes[n] for n in _ARRAYS):
            raise ValueError(f"shapes {[a.shape for a in arrays.values()]}")
    except (OSError, ValueError, KeyError) as error:
        raise DataError([Problem(str(path), str(error), "a whole training record")]) from error
    return StreamedRecord(
        arrays["values"],  # type: ignore[arg-type]
        arrays["weather"],  # type: ignore[arg-type]
        pd.Timestamp(about["first"]),
        table,
        pd.Timedelta(hours=float(about["offset_hours"])),
        int(about["history_hours"]),
        np.arange(len(table)),
    )


def spread(record: Record, kept: NDArray[np.bool_], centre: NDArray[Any]) -> NDArray[np.float64]:
    """Mean absolute distance from `centre` by pollutant over the kept hours; NaN where none is."""
    total, count = np.zeros(len(centre)), np.zeros(len(centre))
    hours = np.flatnonzero(kept)
    for start in range(0, len(hours), _CHUNK):
        part = np.abs(record.values[hours[start : start + _CHUNK]].astype(np.float64) - centre)
        total += np.nansum(part, axis=(0, 1))
        count += np.isfinite(part).sum(axis=(0, 1))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _about(record: Record) -> dict[str, Any]:
    return _content(
        record.origin, len(record.values), record.offset, record.history_hours, record.stations
    )


def _content(
    first: pd.Timestamp, hours: int, offset: pd.Timedelta, history_hours: int, table: pd.DataFrame
) -> dict[str, Any]:
    columns = {c: table[c].tolist() for c in schema.STATION_COORDS}
    return {
        "first": first.isoformat(), "hours": hours, "offset_hours": offset / _HOUR,
        "history_hours": history_hours,
        "stations": {"station": table.index.astype(str).tolist(), **columns},
    }  # fmt: skip
