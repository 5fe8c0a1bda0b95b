"""A run's products in object storage, by URL (fsspec): s3://, gs://, abfs://, file:// ...

    <forecast_store>/<city>/<issue>/forecast.nc, proposal.json, bulletin.* ..., run.json

Copies the run's folder and its run.json last, so a folder with one is whole. Each object is written
under a temporary name and moved into its place; on a store that has no move (S3) the move is a copy
and a delete, and either name holds a whole object. The home keeps everything: a store that does not
answer is a problem that is named, never a lost forecast.
"""

import hashlib
from typing import Any, Final

from forecast.config import CityConfig
from forecast.problems import Problem
from serving.daily import DailyReport

_RUN: Final = "run.json"
_FORECAST: Final = "forecast.nc"


def keep(config: CityConfig, report: DailyReport) -> list[Problem]:
    """Copy a finished run to the city's `forecast_store`; nothing where it names none.

    Returns:
        What went wrong; what is there with the same bytes is not written again.
    """
    if config.forecast_store is None:
        return []
    where = f"forecast_store: {_shown(config.forecast_store)}"
    try:
        _copy(config.forecast_store, config.city.id, report)
    except ImportError as error:
        return [Problem(where, str(error), "fsspec and the store's driver: lantian[scale]")]
    except Exception as error:  # every driver raises its own
        expected = "a store that answers; the home has the forecast: run again to copy it"
        return [Problem(where, repr(error)[:200], expected)]
    return []


def _copy(url: str, city: str, report: DailyReport) -> None:
    import fsspec  # type: ignore[import-untyped]

    fs, root = fsspec.core.url_to_fs(url)
    folder = f"{root.rstrip('/')}/{city}/{report.folder.name}"
    fs.makedirs(folder, exist_ok=True)
    names = {str(p.relative_to(report.folder)): p for p in sorted(report.folder.rglob("*"))}
    files = {n: p for n, p in names.items() if p.is_file() and not p.name.startswith(".")}
    last = files.pop(_RUN).read_bytes()
    if fs.exists(f"{folder}/{_RUN}") and not _same(fs, f"{folder}/{_RUN}", last):
        fs.rm_file(f"{folder}/{_RUN}")  # of a run that other data were read for
    for name, path in {_FORECAST: report.forecast, **files}.items():
        _put(fs, path.read_bytes(), f"{folder}/{name}")
    _put(fs, last, f"{folder}/{_RUN}")


def _put(fs: Any, content: bytes, target: str) -> None:
    """One object, whole or not at all."""
    if _same(fs, target, content):
        return
    folder, _, name = target.rpartition("/")
    fs.makedirs(folder, exist_ok=True)
    temporary = f"{folder}/.{name}.tmp"
    fs.pipe_file(temporary, content)
    fs.mv(temporary, target)


def _same(fs: Any, target: str, content: bytes) -> bool:
    if not fs.exists(target) or fs.size(target) != len(content):
        return False
    there = hashlib.sha256(fs.cat_file(target)).digest()
    return there == hashlib.sha256(content).digest()


def _shown(url: str) -> str:
    """A URL without what may be a password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if rest else url
