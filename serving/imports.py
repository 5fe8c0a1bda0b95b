"""`lantian import`: one door for observations, weather forecasts and the enterprise register."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import files
from forecast.importers import run as observed
from forecast.problems import ConfigError, Problem

REGISTER = "register"
WEATHER_SOURCES = ("weather-netcdf", "weather-grib", "weather-kdd2018")


@dataclass(frozen=True)
class Imported:
    """What an import did, in words and numbers."""

    numbers: dict[str, int]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]

    def as_dict(self) -> dict[str, Any]:
        """Machine-readable form."""
        found = [vars(p) for p in self.problems]
        return {**self.numbers, "notes": list(self.notes), "problems": found}

    def lines(self) -> list[str]:
        """The report in words; problems are printed apart."""
        counted = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in self.numbers.items())
        return [counted, *self.notes]


def run(
    source: str,
    paths: Sequence[Path],
    *,
    home: Path,
    stations: pd.DataFrame | None,
    city: str | None,
    received: pd.Timestamp,
) -> Imported:
    """Import observations, weather or the register.

    Raises:
        ConfigError: No such source.
        DataError: Nothing that can be read at all.
    """
    if source == REGISTER:
        return _register(paths, home=home, stations=stations, received=received)
    if source in observed.SOURCES:
        options = {"city": city} if city else {}
        with files.exclusive(home):
            report = observed.run(
                source, paths, home=home, stations=stations, received=received, options=options
            )
        names = ("files", "rows_read", "values_new", "values_replaced", "values_same")
        numbers = {n: getattr(report, n) for n in names}
        return Imported(numbers, report.notes, report.problems)
    return _weather(source, paths, home=home, stations=stations)


def _weather(
    source: str, paths: Sequence[Path], *, home: Path, stations: pd.DataFrame | None
) -> Imported:
    from forecast import weather_import

    if source not in WEATHER_SOURCES:
        known = [*observed.SOURCES, *WEATHER_SOURCES, REGISTER]
        raise ConfigError([Problem("SOURCE", repr(source), f"one of {known}")])
    with files.exclusive(home):
        if source == "weather-kdd2018":
            done = weather_import.kdd2018(paths, home=home)
        elif source == "weather-grib":
            done = weather_import.grib(paths, home=home, stations=stations)
        else:
            done = weather_import.netcdf(paths, home=home, stations=stations)
    numbers = {"stored": len(done.stored), "unchanged": len(done.unchanged)}
    return Imported(numbers, done.notes, done.problems)


def _register(
    paths: Sequence[Path], *, home: Path, stations: pd.DataFrame | None, received: pd.Timestamp
) -> Imported:
    """The list becomes the home's register, or an error sheet is written and nothing changes."""
    from response import register_home

    if len(paths) != 1:
        found = f"{len(paths)} paths"
        raise ConfigError([Problem("PATH", found, "one Excel file or one folder of CSV files")])
    with files.exclusive(home):
        try:
            done = register_home.store(paths[0], home=home, received=received, stations=stations)
        except register_home.Refused as refused:
            counted = {"stored": 0, "faults": len(refused.faults)}
            notes = tuple(f"error sheet {sheet}" for sheet in refused.sheets)
            return Imported(counted, ("nothing imported", *notes), refused.problems)
    version = done.version
    numbers = {
        "stored": int(not done.unchanged),
        "unchanged": int(done.unchanged),
        "enterprises": version.enterprises,
        "units": version.units,
        "stacks": version.stacks,
        "measures_filled": version.filled,
    }
    return Imported(numbers, (f"register {version.id}", *done.notes), ())
