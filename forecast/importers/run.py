"""`lantian import` for observations: files -> importer -> store, and a report of what was done.

Takes paths and the name of a layout; knows which importer reads which layout, nothing of the
layouts themselves. Problems in the data do not stop it: everything that can be read is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from forecast import observations
from forecast import stations as registers
from forecast.config import configs_dir
from forecast.importers import beijing, cnemc, netcdf, table
from forecast.importers.rows import Imported
from forecast.problems import ConfigError, Problem

SOURCES: Final = ("beijing", "cnemc", "csv", "netcdf")


@dataclass(frozen=True)
class ImportReport:
    """What an import read and what it did to the store."""

    files: int
    values_new: int
    values_replaced: int
    values_same: int
    rows_read: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def run(
    source: str,
    paths: Sequence[Path],
    *,
    home: Path,
    stations: pd.DataFrame | None,
    received: pd.Timestamp,
    options: Mapping[str, str] | None = None,
) -> ImportReport:
    """Import files into the store of a home.

    Args:
        source: One of SOURCES.
        paths: Files, folders or zips.
        home: LANTIAN_HOME.
        stations: Register. None: configs/stations/beijing.csv for `beijing`, for the others all
            of configs/stations and stations.csv of the home, which goes before them.
        received: Time of receipt, naive UTC.
        options: `city` for cnemc: the city of the register as the long layout writes it, more
            spellings separated by commas.

    Raises:
        ConfigError: No such source or option, no path, or a wrong register.
        DataError: A month of the store cannot be read; nothing was written.
    """
    options = dict(options or {})
    problems = []
    if source not in SOURCES:
        problems.append(Problem("source", repr(source), f"one of {list(SOURCES)}"))
    if not paths:
        problems.append(Problem("paths", "none", "at least one file or folder"))
    allowed = {"city"} if source == "cnemc" else set()
    problems += [
        Problem(f"option {name}", repr(options[name]), f"one of {sorted(allowed)}")
        for name in sorted(set(options) - allowed)
    ]
    if problems:
        raise ConfigError(problems)
    register = default_stations(source, home) if stations is None else stations
    read = _read(source, paths, register, options)
    report = observations.MergeReport(0, 0, 0, ())
    if read.dataset.sizes["time"]:
        report = observations.merge(
            home, read.dataset, source=source, received=received, files=read.files
        )
    return ImportReport(
        len(read.files),
        report.new,
        report.replaced,
        report.same,
        read.rows,
        read.problems,
        read.notes,
    )


def default_stations(source: str, home: Path) -> pd.DataFrame:
    """The register an import uses where none is named; column `city` is the register's file name.

    Raises:
        ConfigError: Everything that is wrong in any of its files.
    """
    folder = configs_dir() / "stations"
    files = [folder / "beijing.csv"] if source == "beijing" else sorted(folder.glob("*.csv"))
    own = home / "stations.csv"
    if source != "beijing" and own.is_file():
        files.insert(0, own)
    tables = [registers.load(file).assign(city=file.stem) for file in files]
    union = pd.concat(tables)
    return union[~union.index.duplicated()]


def _read(
    source: str, paths: Sequence[Path], register: pd.DataFrame, options: Mapping[str, str]
) -> Imported:
    if source == "cnemc":
        cities = [c.strip() for c in options.get("city", "").split(",") if c.strip()]
        return cnemc.read(paths, register, cities=cities)
    reader = {"beijing": beijing.read, "csv": table.read, "netcdf": netcdf.read}[source]
    return reader(paths, register)
