"""One complete, typed YAML per training: configs/train/*.yaml; unknown keys refused.

Takes a path, gives a frozen TrainConfig. What a network is and what is minimised are sections of
their own; the city and its data come from the city's configuration.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]


class NetworkSection(Section):
    """Size of the network (forecast.network.NetworkConfig)."""

    width: int = Field(128, ge=16, le=1024)
    layers: int = Field(2, ge=1, le=8)
    blocks: int = Field(2, ge=1, le=8)
    dropout: Share = 0.25
    channel_dropout: Share = 0.0
    identity: int = Field(8, ge=1, le=64)
    identity_dropout: Share = 0.3
    exchange_heads: int = Field(3, ge=1, le=16)
    trunk: Literal["gru", "lstm", "mixer", "attention"] = "gru"


class LossSection(Section):
    """What is minimised (training.losses)."""

    pollutants: tuple[Weight, Weight, Weight, Weight, Weight, Weight] = (2, 1, 0.7, 1, 1, 1.5)
    linear: Share = 0.5
    tail: Weight = 0.3
    day: Weight = 0.3


class Tiers(Section):
    """Share of training issue times whose future weather comes in a tier."""

    perfect: Share = 0.5
    perturbed: Share = 0.35
    archived: Share = 0.0
    none: Share = 0.15

    @model_validator(mode="after")
    def _whole(self) -> "Tiers":
        total = self.perfect + self.perturbed + self.archived + self.none
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares sum to 1, found {total}")
        return self


class Expert(Section):
    """Networks for some tiers of weather, and what they practise.

    One network for all tiers was worse in each than networks that specialise
    (docs/results/beijing-variants.md).
    """

    serves: tuple[Literal["none", "perturbed", "archived", "perfect"], ...] = Field(min_length=1)
    tiers: Tiers
    seeds: tuple[int, ...] = Field(min_length=1)


class HolesSection(Section):
    """How often parts of what was known are hidden while training (training.windows.Holes)."""

    stations: Share = 0.05
    network: Share = 0.03
    levels: Share = 0.0
    many: Share = 0.1


class Optimiser(Section):
    """AdamW with one cycle of the learning rate."""

    steps: int = Field(1500, ge=1)
    batch: int = Field(32, ge=1, le=4096)  # issue times, each with all its stations
    learning_rate: Positive = 1.5e-3
    weight_decay: Weight = 0.01
    warm_up: Share = 0.15
    clip: Positive = 1.0
    average: Share = 0.995  # decay of the running mean of the weights (EMA)
    checkpoint_steps: int = Field(100, ge=1)  # a kill costs at most so many
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    devices: str = "auto"  # a number of them, or auto; without a GPU one unless a strategy is named
    num_nodes: int = Field(1, ge=1)  # started by Lightning's own launcher or Slurm
    strategy: Literal["auto", "ddp", "ddp_spawn", "fsdp"] = "auto"


class CalibrationSection(Section):
    """Blocks of time, each forecast by a network that was trained on the others."""

    folds: int = Field(2, ge=2, le=12)
    every_hours: int = Field(7, ge=1)  # issue times; prime to 24: every hour of the day
    templates: int = Field(240, ge=20, le=4000)  # errors kept for members


class TreesSection(Section):
    """Median trees beside the network (forecast.trees)."""

    rows: int = Field(150_000, ge=0)  # per tier of weather; 0: no trees
    rounds: int = Field(160, ge=1)


class TrainConfig(Section):
    """configs/train/<name>.yaml."""

    network: NetworkSection = NetworkSection()
    loss: LossSection = LossSection()
    experts: tuple[Expert, ...] = Field(
        (
            Expert(
                serves=("perfect",),
                tiers=Tiers(perfect=0.85, perturbed=0.15, none=0),
                seeds=(1, 2, 3),
            ),
            Expert(
                serves=("perturbed", "archived", "none"),
                tiers=Tiers(perfect=0.1, perturbed=0.6, none=0.3),
                seeds=(11, 12),
            ),
        ),
        min_length=1,
    )
    holes: HolesSection = HolesSection()
    optimiser: Optimiser = Optimiser()
    calibration: CalibrationSection = CalibrationSection()
    trees: TreesSection = TreesSection()
    gap_hours: int = Field(240, ge=96)  # between training targets and a calibration block
    stations_per_step: int | None = Field(None, ge=2)  # of a large network; None: all
    workers: int = Field(2, ge=1, le=64)  # networks trained side by side, one core each

    @model_validator(mode="after")
    def _each_tier_once(self) -> "TrainConfig":
        served = [tier for e in self.experts for tier in e.serves]
        if len(set(served)) != len(served):
            raise ValueError(f"each tier is served by one expert, found {served}")
        return self


def load(path: Path) -> TrainConfig:
    """Read a training configuration.

    Raises:
        ConfigError: Everything that is wrong with it, at once.
    """
    return validated(TrainConfig, read_yaml(path), path=path)


def default(city: str) -> Path:
    """configs/train/<city>.yaml, or the general one."""
    own = configs_dir() / "train" / f"{city}.yaml"
    return own if own.is_file() else configs_dir() / "train" / "default.yaml"
