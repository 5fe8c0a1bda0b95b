"""Lightning around the network: what a step is, what is averaged, which examples a step sees.

Torch and Lightning. The examples of a step depend on (seed, step) alone, so a training that was
killed and goes on from its last checkpoint sees what it would have seen. The weights kept are the
running mean (EMA) of the trajectory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.swa_utils import get_ema_avg_fn
from torch.utils.data import DataLoader, IterableDataset

from forecast import areas
from forecast.network import Network, NetworkConfig
from forecast.network_inputs import PATCH, STEPS, Scales
from forecast.predict import tensors
from training import losses, windows
from training.losses import LossConfig, Scale
from training.settings import Tiers, TrainConfig
from training.windows import Holes, Record, Weather

Batch = tuple[Tensor, ...]


@dataclass(frozen=True)
class Examples:
    """Where a training takes its examples from."""

    record: Record
    issue_times: pd.DatetimeIndex
    weather: Weather
    scales: Scales
    settings: TrainConfig
    tiers: Tiers
    seed: int


class Stream(IterableDataset[Batch]):
    """Batches of the steps from `first` on; of several processes each has its own."""

    def __init__(self, examples: Examples, first: int, rank: int = 0) -> None:
        self.examples = examples
        self.first = first
        self.rank = rank

    def __iter__(self) -> Iterator[Batch]:
        for step in range(self.first, self.examples.settings.optimiser.steps):
            yield example(self.examples, step, self.rank)


def example(examples: Examples, step: int, rank: int = 0) -> Batch:
    """Tensors of one step: the network's inputs, leads, identities, targets, area weights."""
    settings = examples.settings
    rng = np.random.default_rng([examples.seed, step, *([rank] if rank else [])])
    times = examples.issue_times
    drawn = np.sort(rng.choice(len(times), min(settings.optimiser.batch, len(times)), False))
    record = examples.record
    many = settings.stations_per_step
    if many is not None and many < len(record.stations):
        record = record.only(_some_stations(record, many, rng))
    shares = {k: v for k, v in examples.tiers.model_dump().items() if v > 0}
    given, observed = windows.mixed(
        record, times[drawn], examples.weather, shares, examples.scales,
        Holes(**settings.holes.model_dump()), rng,
    )  # fmt: skip
    leads = np.arange(STEPS) * PATCH + rng.integers(0, PATCH, STEPS) + 1
    known = {s: i + 1 for i, s in enumerate(examples.record.stations.index)}
    identity = torch.tensor([known[s] for s in record.stations.index])
    return (
        *tensors(given), identity, torch.from_numpy(leads),
        torch.from_numpy(np.ascontiguousarray(observed[:, leads - 1])),
        torch.from_numpy(city_weights(record.stations)),
    )  # fmt: skip


def city_weights(stations: pd.DataFrame) -> np.ndarray:
    """1 for the stations that make the city value, 0 for others; float32 (s,)."""
    counts = areas.points(stations)
    if not counts.any():
        counts = np.ones(len(stations), dtype=bool)
    return np.asarray(counts, dtype=np.float32)


class Module(pl.LightningModule):
    """One network in training."""

    def __init__(
        self, config: NetworkConfig, scale: Scale, settings: TrainConfig, seed: int
    ) -> None:
        super().__init__()
        self.seed = seed
        self.network = Network(config)
        self.scale = scale
        self.settings = settings
        self.loss = LossConfig(**settings.loss.model_dump())

    def training_step(self, batch: Batch, _: int) -> Tensor:
        """Loss of a step.

        What is dropped depends on (seed, step) alone, like the examples: a checkpoint keeps no
        state of the generator.
        """
        state = np.random.SeedSequence([self.seed, self.global_step]).generate_state(1)
        torch.manual_seed(int(state[0]))
        *given, identity, leads, observed, city = batch
        z = self.network(*given, identity, leads)
        scale = replace(
            self.scale,
            centre=self.scale.centre.to(z), width=self.scale.width.to(z),
            spread=self.scale.spread.to(z),
        )  # fmt: skip
        value = losses.loss(z, observed, scale, city, self.loss)
        self.log("loss", value, prog_bar=True, batch_size=len(observed))
        return value

    def configure_optimizers(self) -> Any:
        """AdamW, one cycle of the learning rate over all steps."""
        o = self.settings.optimiser
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=o.learning_rate, weight_decay=o.weight_decay
        )
        cycle = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, o.learning_rate, total_steps=o.steps + 1, pct_start=o.warm_up,
            final_div_factor=100,
        )  # fmt: skip
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": cycle, "interval": "step"},
        }


class Data(pl.LightningDataModule):
    """Hands the trainer the steps that are left."""

    def __init__(self, examples: Examples) -> None:
        super().__init__()
        self.examples = examples

    def train_dataloader(self) -> DataLoader[Batch]:
        """Batches ready made: no collation, no worker processes (cutting takes a tenth)."""
        done, rank = 0, 0
        if self.trainer is not None:
            done, rank = self.trainer.global_step, self.trainer.global_rank
        return DataLoader(Stream(self.examples, done, rank), batch_size=None)


def averaging(decay: float) -> WeightAveraging:
    """Running mean of the weights over steps."""
    mean: Any = get_ema_avg_fn  # not typed in torch
    return WeightAveraging(avg_fn=mean(decay))


def scale_of(values: np.ndarray, scales: Scales) -> Scale:
    """Loss scales of a training record.

    Args:
        values: (time, station, POLLUTANTS) of the training part.
        scales: Of the same part.
    """
    centre = np.asarray(scales.pollutant_centre, dtype=np.float32)
    spread = np.nanmean(np.abs(values.reshape(-1, len(centre)) - centre), axis=0)
    return scale_from(spread, scales)


def scale_from(spread: np.ndarray, scales: Scales) -> Scale:
    """Loss scales from the mean absolute distance of each pollutant from its centre."""
    centre = np.asarray(scales.pollutant_centre, dtype=np.float32)
    made = (centre, scales.pollutant_width, np.nan_to_num(spread, nan=1.0))
    return Scale(*(torch.tensor(np.asarray(v), dtype=torch.float32) for v in made))


def _some_stations(record: Record, many: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of all stations that make the city value, and of others drawn at random."""
    city = np.flatnonzero(city_weights(record.stations))
    rest = np.setdiff1d(np.arange(len(record.stations)), city)
    more = rng.choice(rest, max(0, min(many - len(city), len(rest))), replace=False)
    return np.sort(np.concatenate([city, more]))
