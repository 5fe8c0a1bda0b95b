"""Whole files or none: written to a temporary name, synced, renamed; one writer per home.

A run that dies while it writes leaves the old file as it was. The temporary file it leaves behind
has a fixed name, so the next run overwrites it.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import xarray as xr


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Call write(temporary path), then put its file in the place of `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_text(path: Path, text: str) -> None:
    """Put text (UTF-8) in the place of a file, whole or not at all."""
    replace_file(path, lambda p: p.write_text(text, encoding="utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Put bytes in the place of a file, whole or not at all."""
    replace_file(path, lambda p: p.write_bytes(content))


def write_netcdf(path: Path, ds: xr.Dataset, *, level: int = 3) -> None:
    """Put a dataset in the place of a NetCDF-4 file, compressed, whole or not at all."""
    encoding = {
        str(name): {"zlib": True, "complevel": level, "shuffle": True}
        for name, v in ds.variables.items()
        if v.ndim and v.dtype.kind in "fiub"
    }
    replace_file(
        path, lambda p: ds.to_netcdf(p, engine="netcdf4", format="NETCDF4", encoding=encoding)
    )


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Wait until this process alone writes in a home; the lock goes with the process."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
