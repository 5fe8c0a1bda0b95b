"""Settings of the control plan: configs/controls/<name>.yaml as typed data.

Each section says where it stands and whether it is an assumption. City-wide ratios live in
configs/measures, what a unit is listed to do in the register. Knows no register and no solver.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from forecast.config import Section, configs_dir, read_yaml, validated
from response.rules import Level

Species = Literal["so2", "nox", "pm", "voc"]
SPECIES: Final[tuple[Species, ...]] = ("so2", "nox", "pm", "voc")
AIR: Final = ("pm25", "pm10", "so2", "no2")  # pollutants that contributions are given for
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]


def _all_species(items: dict[Species, float]) -> dict[Species, float]:
    if set(items) != set(SPECIES):
        raise ValueError(f"one entry for each of {SPECIES}")
    return items


def _none_or_all(items: dict[Species, float]) -> dict[Species, float]:
    return _all_species(items) if items else items


Shares = Annotated[dict[Species, Share], AfterValidator(_all_species)]


class Sourced(Section):
    """A setting with where it stands."""

    source: str = Field(min_length=1)
    assumption: bool


class Base(Sourced):
    """Whole-society emissions: absolute [kg/d], or from the share of registered industry."""

    industry_share: Annotated[dict[Species, Annotated[float, Field(gt=0, le=1)]],
                              AfterValidator(_all_species)]  # fmt: skip
    absolute: Annotated[dict[Species, Positive], AfterValidator(_none_or_all)]


class OtherMeasures(Sourced):
    """What dust and mobile measures of a level save, as shares of the whole base."""

    levels: dict[Level, Shares]


class Ratios(Sourced):
    """Whether the ratios hold on every day or on the mean of the warning's days."""

    over: Literal["day", "warning"]


class Trading(Sourced):
    """SO2 and NOx ratios against each other."""

    allowed: bool
    floor_share: Share


class Grades(Sourced):
    """Grades that act by themselves, and grades that never do less than listed."""

    autonomous: tuple[str, ...]
    mandatory: tuple[str, ...] = ()


class Modes(Sourced):
    """Which modes a unit may be given beside its listed measure."""

    partial: bool
    stricter_levels: bool


class Timing(Sourced):
    """Stopping, restarting and how long a reduction lasts."""

    slow_hours: Positive
    min_stopped_hours: Amount
    min_run_days: int = Field(ge=1, le=4)
    max_modes: int = Field(ge=1, le=2)


class Costs(Sourced):
    """What a restart and a withheld truck cost."""

    restart_share: Amount
    truck_yuan: Amount


class Trucks(Sourced):
    """Emission of one truck and day [kg]."""

    kg_per_truck_day: Annotated[dict[Species, Amount], AfterValidator(_all_species)]


class Fairness(Sourced):
    """Largest difference of lost output between equals, in days of normal output."""

    bound_days: Positive


class Effect(Sourced):
    """Weights of the pollutants in the effect on the city's receptors."""

    weights: dict[Literal["pm25", "pm10", "so2", "no2"], Amount]


class Near(Sourced):
    """What another changed order costs when one unit was fixed by hand."""

    change_share: Amount


class Solver(Section):
    """HiGHS settings."""

    gap: float = Field(gt=0, le=0.2)
    time_limit_s: Positive
    threads: int = Field(ge=1, le=64)
    seed: int = Field(ge=0)


class ControlsConfig(Section):
    """Everything a control plan needs beside the register, the ratios and the forecast."""

    base: Base
    other_measures: OtherMeasures
    ratios: Ratios
    trading: Trading
    grades: Grades
    modes: Modes
    timing: Timing
    costs: Costs
    trucks: Trucks
    fairness: Fairness
    effect: Effect
    near: Near
    solver: Solver

    @property
    def assumptions(self) -> tuple[tuple[str, str], ...]:
        """(section, source) of every section that is an assumption."""
        sections = ((name, getattr(self, name)) for name in type(self).model_fields)
        return tuple(
            (name, s.source) for name, s in sections if isinstance(s, Sourced) and s.assumption
        )


@lru_cache(maxsize=8)
def load(name: str = "default") -> ControlsConfig:
    """The settings of configs/controls/<name>.yaml.

    Raises:
        ConfigError: No such file, or everything that is wrong with it.
    """
    return read(configs_dir() / "controls" / f"{name}.yaml")


def for_city(city: str) -> ControlsConfig:
    """The settings of configs/controls/<city>.yaml, or the default where a city has none."""
    return load(city if (configs_dir() / "controls" / f"{city}.yaml").is_file() else "default")


def read(path: Path) -> ControlsConfig:
    """The settings of a file.

    Raises:
        ConfigError: As in `load`.
    """
    return validated(ControlsConfig, read_yaml(path), path=path)
