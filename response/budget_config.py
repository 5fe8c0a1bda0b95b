"""Targets of the year, the composite index and the resampling as typed data: configs/budget."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS
from response.rules import Basis, Words

Metric = Literal["good_days", "heavy_days", "pm25_mean", "pm10_mean", "composite"]
METRICS: Final[tuple[Metric, ...]] = (
    "good_days", "heavy_days", "pm25_mean", "pm10_mean", "composite",
)  # fmt: skip


def _six(items: dict[str, "Item"]) -> dict[str, "Item"]:
    if set(items) != set(POLLUTANTS):
        raise ValueError(f"one entry for each of {POLLUTANTS}")
    return items


class Item(Section):
    """One pollutant's part of the composite index."""

    statistic: Literal["mean", "p90", "p95"]
    limit: float = Field(gt=0)
    weight: float = Field(ge=0)


class Composite(Section):
    """An edition of the composite index."""

    edition: str
    name: Words
    clause: str
    source: str
    assumption: bool
    note: Words
    items: Annotated[dict[str, Item], AfterValidator(_six)]


class Target(Section):
    """A bound of one value of the year."""

    metric: Metric
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one(self) -> "Target":
        wanted = "at_least" if self.metric == "good_days" else "at_most"
        if getattr(self, wanted) is None or None not in (self.at_least, self.at_most):
            raise ValueError(f"{wanted} and nothing else for {self.metric}")
        return self

    @property
    def bound(self) -> float:
        """The number that is to be reached or kept."""
        return float(self.at_least if self.at_least is not None else self.at_most or 0)


class Targets(Section):
    """What a city is to reach in a year."""

    city: str
    year: int = Field(ge=2013, le=2100)
    composite: str
    basis: Basis
    targets: tuple[Target, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _once(self) -> "Targets":
        names = [t.metric for t in self.targets]
        if len(set(names)) < len(names):
            raise ValueError("each metric once")
        return self


class Resampling(Section):
    """How the rest of a year is drawn."""

    draws: int = Field(ge=100, le=20000)
    seed: int
    block_days: int = Field(ge=1, le=60)
    window_days: int = Field(ge=0, le=60)
    same_year: float = Field(ge=0, le=1)
    level_days: int = Field(ge=30, le=366)
    level_power: float = Field(ge=0, le=1)
    level_sd: float = Field(ge=0, le=1)
    level_memory_days: float = Field(gt=0)


def load_targets(path: Path) -> Targets:
    """Targets of a file.

    Raises:
        ConfigError: Everything that is wrong with it, at once.
    """
    targets = validated(Targets, read_yaml(path), path=path)
    load_composite(targets.composite)
    return targets


def targets_of(city: str) -> Targets | None:
    """The shipped targets of a city; None where there are none."""
    path = configs_dir() / "budget" / f"{city}.yaml"
    return load_targets(path) if path.is_file() else None


@lru_cache(maxsize=4)
def load_composite(edition: str) -> Composite:
    """An edition of the composite index.

    Raises:
        ConfigError: There is no such edition, or its file is wrong.
    """
    folder = configs_dir() / "budget" / "composite"
    have = sorted(p.stem for p in folder.glob("*.yaml"))
    if edition not in have:
        raise ConfigError([Problem("composite index", repr(edition), f"one of {have}")])
    path = folder / f"{edition}.yaml"
    return validated(Composite, read_yaml(path), path=path)


@lru_cache(maxsize=4)
def load_resampling(path: Path | None = None) -> Resampling:
    """Settings of the resampling; the shipped ones if left out."""
    file = path or configs_dir() / "budget" / "resampling.yaml"
    return validated(Resampling, read_yaml(file), path=file)
