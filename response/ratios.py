"""City-wide reduction ratios a warning level asks for: configs/measures/ratios.yaml.

    asked = ratios.load("2024").of("orange")      # {"so2": 0.2, "nox": 0.2, "pm": 0.2, "voc": 0.2}
    asked = ratios.for_rules("national-2024").of("orange")

Shares 0..1 of the whole society's emissions, pollutant by pollutant. Knows nothing of a city's
emissions or of measures.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Final, Literal, TypeVar, get_args

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated
from forecast.problems import ConfigError, Problem
from response.rules import Basis, Words

Level = Literal["yellow", "orange", "red"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)  # lowest first
T = TypeVar("T")
Ratio = Annotated[float, Field(ge=0, le=1)]


class ByPollutant(Section):
    """Share of the whole society's emission, 0..1."""

    so2: Ratio
    nox: Ratio
    pm: Ratio
    voc: Ratio


class Trading(Section):
    """Whether SO2 and NOx may stand in for each other."""

    allowed: bool
    basis: Basis


class Ratios(Section):
    """One edition of the ratios."""

    name: Words
    document: str = Field(min_length=1)
    levels: Mapping[Level, ByPollutant]
    basis: Basis
    denominator: Basis
    trading: Trading

    @model_validator(mode="after")
    def _complete(self) -> "Ratios":
        if set(self.levels) != set(LEVELS):
            raise ValueError(f"levels {list(LEVELS)}, once each")
        for low, high in pairwise(LEVELS):
            for species, least in self.of(low).items():
                if self.of(high)[species] < least:
                    raise ValueError(f"{species}: {high} asks for less than {low}")
        return self

    def of(self, level: str) -> dict[str, float]:
        """Ratios of a level by species so2, nox, pm, voc.

        Raises:
            ConfigError: No such level.
        """
        for name, found in self.levels.items():
            if name == level:
                return found.model_dump()
        raise ConfigError([Problem("level", repr(level), f"one of {', '.join(LEVELS)}")])

    @property
    def assumptions(self) -> tuple[Words, ...]:
        """What of it was not read in its source, in words for the officer."""
        parts = (self.basis, self.denominator, self.trading.basis)
        return tuple(b.note for b in parts if b.assumption and b.note)


class _File(Section):
    editions: Mapping[str, Ratios]
    rules: Mapping[str, str]

    @model_validator(mode="after")
    def _known(self) -> "_File":
        if strange := sorted(set(self.rules.values()) - set(self.editions)):
            raise ValueError(f"rules name editions that are not there: {strange}")
        return self


def editions() -> tuple[str, ...]:
    """Names of the editions that are there."""
    return tuple(sorted(_file().editions))


def load(edition: str) -> Ratios:
    """Ratios of an edition (2017, 2019, 2024).

    Raises:
        ConfigError: No such edition, or everything that is wrong with the file.
    """
    return _named(_file().editions, edition, "ratios")


def for_rules(edition: str) -> Ratios:
    """Ratios that go with an edition of the warning rules (configs/rules).

    Raises:
        ConfigError: No ratios are named for these rules.
    """
    return load(_named(_file().rules, edition, "ratios for rules"))


def _named(table: Mapping[str, T], name: str, what: str) -> T:
    if name not in table:
        raise ConfigError([Problem(what, repr(name), f"one of {', '.join(sorted(table))}")])
    return table[name]


@lru_cache(maxsize=1)
def _file() -> _File:
    path = configs_dir() / "measures" / "ratios.yaml"
    return validated(_File, read_yaml(path), path=path)
