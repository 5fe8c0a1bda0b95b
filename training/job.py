"""One network trained in a process of its own, kept when done, resumed when killed.

    <folder>/<job>/last.ckpt          Lightning's checkpoint, every `checkpoint_steps`
    <folder>/<job>/network.safetensors the averaged weights, with the network's configuration

A process gets paths and settings, not arrays: the record is a file it reads, or a folder of
training.streamed that it maps.
"""

import json
import logging
import os
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
import xarray as xr
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger
from safetensors import safe_open
from safetensors.torch import save_file

from forecast import network_inputs, schema
from forecast.files import replace_file, write_netcdf
from forecast.network import Network, NetworkConfig
from forecast.network_inputs import Scales
from forecast.schema import POLLUTANTS, WEATHER
from training import module, streamed, windows
from training.losses import Scale
from training.module import Data, Examples, Module
from training.settings import Optimiser, Tiers, TrainConfig
from training.windows import Record, Vintages

_FILE = "network.safetensors"
LARGE_BYTES = 2**29  # of a record in memory; a job holds it twice while it reads it
Parts = tuple[tuple[pd.Timestamp, pd.Timestamp], ...]


@dataclass(frozen=True)
class Job:
    """A network to train on parts of a record (first and last hour, naive UTC)."""

    name: str
    seed: int
    parts: Parts
    tiers: Tiers


def kept_record(folder: Path, record: Record) -> Path:
    """Where the jobs read a record, written if it is not there: one that is large as arrays of
    which they read windows, so that none of them holds it."""
    large = 4 * sum(int(np.prod(a.shape)) for a in (record.values, record.weather)) > LARGE_BYTES
    path = folder / ("record" if large else "record.nc")
    if not (path / streamed.RECORD if large else path).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        (streamed.keep if large else keep_record)(path, record)
    return path


def keep_record(path: Path, record: Record) -> None:
    """Write a record where the jobs read it."""
    ds = dataset_of(record)
    ds.attrs |= {
        "offset_hours": record.offset / pd.Timedelta(hours=1),
        "history_hours": record.history_hours,
    }
    write_netcdf(path, ds, level=1)


def dataset_of(record: Record) -> xr.Dataset:
    """A record as a dataset of the schema."""
    times = pd.date_range(record.origin, periods=len(record.values), freq="h")
    values, weather = np.asarray(record.values), np.asarray(record.weather)  # read from disk once
    named = {p: values[..., i] for i, p in enumerate(POLLUTANTS)}
    named |= {w: weather[..., i] for i, w in enumerate(WEATHER)}
    return schema.dataset(times, record.stations, named)


def is_done(folder: Path, job: Job) -> bool:
    """Whether the job's network is kept."""
    return (folder / job.name / _FILE).is_file()


def network(folder: Path, job: Job) -> Network:
    """The network of a job that is done, in evaluation mode."""
    with safe_open(folder / job.name / _FILE, framework="pt") as file:
        content = json.loads(file.metadata()["config"])
        state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - no mapping
    made = Network(NetworkConfig(**{**content, "stations": tuple(content["stations"])}))
    made.load_state_dict(state)
    return made.eval()


def train(
    job: Job, folder: Path, data: Path, settings: TrainConfig, scales: Scales,
    vintages: Vintages | None,
) -> str:  # fmt: skip
    """Train one network and keep it; says how long it took."""
    began = time.monotonic()
    _quiet()
    record = _record(data)
    times = issue_times(record, job.parts)
    if settings.workers > 1:
        torch.set_num_threads(1)
    pl.seed_everything(job.seed, verbose=False)
    real = vintages.of(record.stations) if vintages else None
    examples = Examples(
        record, times, windows.observed(real), scales, settings, job.tiers, job.seed
    )
    given = network_inputs.inputs(record.cut(times[:1], None, "none"), scales)
    section = settings.network
    config = NetworkConfig(
        given.channels(), tuple(map(str, record.stations.index)), **section.model_dump()
    )
    scale = _scale(record, job.parts, scales)
    lightning = Module(config, scale, settings, job.seed)
    place = folder / job.name
    place.mkdir(parents=True, exist_ok=True)
    o = settings.optimiser
    average = module.averaging(o.average)
    trainer = pl.Trainer(
        default_root_dir=place, max_steps=o.steps, max_epochs=1, precision=o.precision,
        devices=_devices(o), num_nodes=o.num_nodes, strategy=o.strategy, accelerator="auto",
        gradient_clip_val=o.clip, enable_progress_bar=os.isatty(2) and settings.workers == 1,
        enable_model_summary=False, log_every_n_steps=10, use_distributed_sampler=False,
        logger=CSVLogger(place, name="", version="curve"),
        callbacks=[
            average,
            ModelCheckpoint(
                place, every_n_train_steps=o.checkpoint_steps, save_last=True, save_top_k=0,
                enable_version_counter=False,
            ),
        ],
    )  # fmt: skip
    last = place / "last.ckpt"
    trainer.fit(
        lightning, Data(examples), ckpt_path=last if last.is_file() else None,
        weights_only=False,
    )  # fmt: skip
    if trainer.is_global_zero:  # one of several processes writes
        state = {k: v.contiguous() for k, v in lightning.network.state_dict().items()}
        about = {"config": json.dumps(asdict(config))}
        replace_file(place / _FILE, lambda p: save_file(state, p, metadata=about))
        last.unlink(missing_ok=True)
    seconds = time.monotonic() - began
    parameters = sum(p.numel() for p in lightning.network.parameters())
    return f"{job.name}: {o.steps} steps, {parameters} parameters, {seconds:.0f} s"


def _devices(o: Optimiser) -> int | str:
    """As configured; without a GPU one, unless a strategy is named for several processes."""
    if not torch.cuda.is_available() and o.strategy == "auto":
        return 1
    return int(o.devices) if o.devices.isdigit() else o.devices


def _record(path: Path) -> Record:
    if path.is_dir():
        return streamed.read(path)
    ds = xr.load_dataset(path)
    offset = pd.Timedelta(hours=float(ds.attrs["offset_hours"]))
    return Record.of(ds, offset, int(ds.attrs["history_hours"]))


def issue_times(record: Record, parts: Parts) -> pd.DatetimeIndex:
    """Issue times whose targets lie within one of the parts."""
    found = [record.issue_times(first, last) for first, last in parts]
    return pd.DatetimeIndex(found[0].append(found[1:]))


def _scale(record: Record, parts: Parts, scales: Scales) -> Scale:
    """Loss scales of the parts; of a record on disk, a stretch at a time."""
    kept = _inside(record, parts)
    if isinstance(record, streamed.StreamedRecord):
        centre = np.asarray(scales.pollutant_centre)
        return module.scale_from(streamed.spread(record, kept, centre), scales)
    return module.scale_of(record.values[kept], scales)


def _inside(record: Record, parts: Parts) -> np.ndarray:
    hours = pd.date_range(record.origin, periods=len(record.values), freq="h")
    kept = np.zeros(len(hours), dtype=bool)
    for first, last in parts:
        kept |= (hours >= first) & (hours <= last)
    return kept


def _quiet() -> None:
    """Lightning's advice is for people at a prompt; a batch keeps its log short."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.*")
    warnings.filterwarnings("ignore", module="torch.*")
