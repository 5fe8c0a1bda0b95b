"""The register in the home: one current list, every earlier one kept with its date.

    <home>/register/versions/<UTC stamp>-<digest>/   企业.csv 生产单元.csv 排放口.csv 措施.csv
    <home>/register/current.json                     which of them holds, and what is known of it
    <home>/register/errors/<name>-<digest>.xlsx/.csv what a refused list was refused for

A version is written whole under another name and renamed; it holds from the moment current.json is
replaced. A faulty list changes nothing but errors/. Decision 8.
"""

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import pandas as pd

from forecast import files
from forecast.problems import ConfigError, Problem
from response import measures, register_faults, register_read, register_write
from response.register import Register
from response.register_check import Box

MARGIN_DEG: Final = 1.0  # how far from its stations a city's stacks may lie


@dataclass(frozen=True)
class Version:
    """One list that was imported.

    Attributes:
        id: Name of its folder.
        received: When, UTC, ISO.
        source: The file or folder's name.
        simulated: "" or the simulated city's label.
        enterprises, units, stacks: How many.
        filled: Units whose measures were not in the list and were filled from configs/measures.
        edition: The edition they were filled from.
        digest: SHA-256 of the content.
    """

    id: str
    received: str
    source: str
    simulated: str
    enterprises: int
    units: int
    stacks: int
    filled: int
    edition: str
    digest: str


@dataclass(frozen=True)
class Stored:
    """What an import did: the version that holds now, whether it held before, and what is odd."""

    version: Version
    unchanged: bool
    notes: tuple[str, ...]


class Refused(register_faults.ListError):
    """A faulty list, with the error sheets that were written."""

    def __init__(self, error: register_faults.ListError, path: Path, sheets: tuple[Path, ...]):
        super().__init__(path, error.faults)
        self.sheets = sheets


def store(
    path: Path,
    *,
    home: Path,
    received: pd.Timestamp,
    stations: pd.DataFrame | None = None,
    edition: str = measures.EDITION,
) -> Stored:
    """Make a list the home's register; the one before is kept.

    Args:
        path: Excel file or folder of CSV files.
        home: The home; the caller holds its lock (files.exclusive).
        received: Now, UTC, naive.
        stations: latitude, longitude of the city's stations: stacks must lie within 1 degree.
        edition: Measures for units that the list gives none.

    Raises:
        Refused: A faulty list; the error sheets are written, nothing else is.
        DataError: Not a list at all.
    """
    folder = home / "register"
    try:
        read = register_read.read(path, box=_box(stations))
    except register_faults.ListError as error:
        stem = f"{path.stem}-{_digest(str(error))[:8]}"
        sheets = register_faults.write(folder / "errors", error.faults, stem=stem)
        raise Refused(error, path, sheets) from error
    register, filled = measures.fill(read.register, edition=edition)
    notes = [str(f.problem(path)) for f in read.notes]
    notes += _notes(register, filled, edition)
    tables = register_write.sheets(register)
    content = {
        n: "\ufeff" + t.to_csv(index=False, lineterminator="\r\n") for n, t in tables.items()
    }
    digest = _digest("".join(f"{n}\n{text}" for n, text in content.items()))
    now = _current(home)
    if now is not None and now.digest == digest:
        return Stored(now, True, tuple(notes))
    version = Version(
        id=f"{received:%Y%m%dT%H%M%SZ}-{digest[:8]}",
        received=f"{received:%Y-%m-%dT%H:%M:%SZ}",
        source=path.name,
        simulated=register.simulated,
        enterprises=len(register.enterprises),
        units=len(register.units),
        stacks=len(register.stacks),
        filled=filled,
        edition=edition if filled else "",
        digest=digest,
    )
    _write(folder, version, content)
    return Stored(version, False, tuple(notes))


def current(home: Path) -> Register:
    """The register that holds.

    Raises:
        ConfigError: None was imported yet.
        DataError: The stored list is damaged.
    """
    version = _current(home)
    if version is None:
        found = f"no register in {home / 'register'}"
        raise ConfigError([Problem("register", found, "lantian import register PATH first")])
    made = register_read.load(home / "register" / "versions" / version.id)
    return replace(made, simulated=version.simulated)


def versions(home: Path) -> tuple[Version, ...]:
    """Every list that was imported, the oldest first."""
    found = sorted((home / "register" / "versions").glob("*/version.json"))
    return tuple(_version(p) for p in found if not p.parent.name.startswith("."))


def _write(folder: Path, version: Version, content: dict[str, str]) -> None:
    final = folder / "versions" / version.id
    partial = folder / "versions" / f".{version.id}.tmp"
    shutil.rmtree(partial, ignore_errors=True)  # what a run that died left
    for name, text in content.items():
        files.write_bytes(partial / f"{name}.csv", text.encode())
    said = json.dumps(asdict(version), ensure_ascii=False, indent=1)
    files.write_text(partial / "version.json", said)
    if final.exists():  # written by a run that died before it was made current
        shutil.rmtree(partial)
    else:
        partial.rename(final)
    handle = os.open(final.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    files.write_text(folder / "current.json", said)


def _current(home: Path) -> Version | None:
    path = home / "register" / "current.json"
    return _version(path) if path.is_file() else None


def _version(path: Path) -> Version:
    return Version(**json.loads(path.read_text(encoding="utf-8")))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _box(stations: pd.DataFrame | None) -> Box | None:
    if stations is None or stations.empty:
        return None
    lon, lat = stations["longitude"], stations["latitude"]
    return Box(
        lon.min() - MARGIN_DEG,
        lat.min() - MARGIN_DEG,
        lon.max() + MARGIN_DEG,
        lat.max() + MARGIN_DEG,
    )


def _notes(register: Register, filled: int, edition: str) -> list[str]:
    notes = []
    if register.simulated:
        notes.append(f"simulated register 模拟清单 ({register.simulated})")
    if filled:
        notes.append(f"measures of {filled} units were missing: filled from edition {edition}")
    differences = measures.differences(register, edition=edition)
    if len(differences):
        units = differences["unit"].nunique()
        notes.append(
            f"measures of {units} units differ from edition {edition} (kept as listed): "
            f"{(differences['strictness'] == 'looser').sum()} looser, "
            f"{(differences['strictness'] == 'stricter').sum()} stricter"
        )
    return notes
