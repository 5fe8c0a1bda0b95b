"""A hindcast in blocks of issue times, as tasks on an engine; the same bytes as in one process.

Takes what a hindcast stands on (training.hindcast.Ready), gives its chunks in order. Each block is
a forecast file of its own beside the one to be made, whole or not there:

    .<name>.parts/*.nc     removed when the whole is written

so a hindcast that was stopped goes on where it was. A worker makes its own Ready from the home,
once, and refuses where its header is another: other data, settings or program than here.
"""

import pickle
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from forecast import engine, forecast_file
from forecast.forecast_file import AreaChunk, Chunk, Header
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS
from training import hindcast
from training.hindcast import BATCH, Asked, Ready

_MOST: Final = 8  # batches in a block


@dataclass(frozen=True)
class Block:
    """Some of the issue times, to be written to a file of their own."""

    asked: bytes  # an Asked, pickled: a worker keeps what it made of it
    header: Header
    first: int  # number of issue times before it
    count: int
    out: Path


def chunks(
    client: Any, made: Ready, out: Path, *, say: Callable[[str], None], retries: int = 1
) -> Iterator[Chunk]:
    """Chunks of all issue times, in order, made on the engine first.

    Args:
        client: Of `forecast.engine.connected`; its machines see the home and the folder of `out`.
        made: What the hindcast stands on.
        out: The file to be made.
        say: Told of each block.
        retries: How often a block that failed is tried again.

    Raises:
        DataError: Blocks that failed, all of them named; those that are done are kept.
    """
    blocks = _blocks(made, out.resolve(), sum(client.nthreads().values()))
    failed = []
    items = [(block.out.stem, block) for block in blocks]
    for n, ended in enumerate(engine.each(client, make, items, retries=retries), start=1):
        if ended.value is None:
            where = f"block {ended.name} of {out}"
            said = ended.errors[-1].replace("\n", "; ")
            failed.append(Problem(where, said, "forecasts (run again: others are kept)"))
        say(f"[{n}/{len(items)}] block {ended.name}: {'done' if ended.done else 'failed'}")
    if failed:
        raise DataError(failed)
    for block in blocks:
        yield from _read(block.out, hourly=made.asked.hourly_members)


def clear(out: Path) -> None:
    """Remove the parts of a file that is written."""
    shutil.rmtree(_folder(out.resolve()), ignore_errors=True)


def make(block: Block) -> int:
    """On a worker: write a block, or find it written.

    Raises:
        DataError: The home or the program is another than where the hindcast was asked for.
    """
    if block.out.is_file() and forecast_file.attributes(block.out) == block.header:
        return block.count
    ready = _ready(block.asked)
    if ready.header != block.header:
        found, expected = (str(h) for h in (ready.header, block.header))
        raise DataError([Problem("hindcast on this worker", found, expected)])
    times = ready.layout.issue_times[block.first : block.first + block.count]
    layout = replace(ready.layout, issue_times=times)
    made = hindcast.chunks(ready, times, say=_quiet)
    forecast_file.write(block.out, block.header, layout, made)
    return block.count


@lru_cache(maxsize=1)
def _ready(asked: bytes) -> Ready:
    known: Asked = pickle.loads(asked)  # noqa: S301 - from the process that started this worker
    return hindcast.ready(known, say=_quiet)


def _blocks(made: Ready, out: Path, threads: int) -> list[Block]:
    """Whole batches each, about four blocks a thread, so that no thread waits long at the end."""
    total = len(made.layout.issue_times)
    batches = -(-total // BATCH)
    size = BATCH * max(1, min(_MOST, batches // (4 * threads)))
    asked = pickle.dumps(replace(made.asked, home=made.asked.home.resolve()))
    folder = _folder(out)
    key = f"{made.header.data_hash[:8]}-{made.asked.every}-{made.layout.issue_times[0]:%Y%m%d%H}"
    return [
        Block(asked, made.header, first, min(size, total - first),
              folder / f"{key}-{first:05d}-{min(size, total - first)}.nc")
        for first in range(0, total, size)
    ]  # fmt: skip


def _folder(out: Path) -> Path:
    return out.parent / f".{out.name}.parts"


def _read(path: Path, *, hourly: bool) -> Iterator[Chunk]:
    """Chunks as they were written: packing what was packed gives the same numbers."""
    with forecast_file.read_stations(path) as found, forecast_file.read_areas(path) as areas:
        total = found.sizes["issue_time"]
        for first in range(0, total, BATCH):
            rows = {"issue_time": slice(first, first + BATCH)}
            stations = forecast_file.loaded(found[[*POLLUTANTS]].isel(rows), path)
            part = forecast_file.loaded(areas.isel(rows), path)
            yield Chunk(
                np.stack([stations[p].values for p in POLLUTANTS], axis=3),
                AreaChunk(
                    part["aqi_day"].values,
                    part["primary_day"].values,
                    {p: part[f"{p}_day"].values for p in POLLUTANTS},
                    _hourly(part) if hourly else None,
                ),
            )


def _hourly(part: xr.Dataset) -> dict[str, Any]:
    return {p: part[p].values for p in POLLUTANTS}


def _quiet(_: str) -> None:
    """A worker's progress is told where the hindcast was asked for."""
