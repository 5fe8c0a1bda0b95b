"""Warning rules as typed data: configs/rules/<edition>.yaml.

Takes an edition's name, gives frozen Rules: what each level asks for, when a warning ends, how
long before it is issued, what dust and ozone do. Every part says where it stands and how sure
that is; whatever was not read in its source is an assumption, and is shown as such to the officer.
Knows nothing of concentrations.
"""

from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated
from forecast.problems import ConfigError, Problem

Level = Literal["blue", "yellow", "orange", "red"]
LEVELS: Final[tuple[Level, ...]] = ("blue", "yellow", "orange", "red")  # lowest first
PARTICLES_AND_GASES: Final = ("pm25", "pm10", "so2", "no2", "co")  # design, section 7 rule 3
WINDOW: Final = 24  # hours
Particle = Literal["pm25", "pm10"]
Bound = Annotated[int, Field(ge=0, le=500)]


class Words(Section):
    """The same text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Basis(Section):
    """Where a rule stands and how sure that is."""

    clause: str = Field(min_length=1)
    source: str = Field(min_length=1)
    certainty: Literal["found", "high", "medium", "low"]
    assumption: bool = False
    note: Words | None = None

    @model_validator(mode="after")
    def _honest(self) -> "Basis":
        if self.assumption != (self.certainty != "found"):
            raise ValueError("assumption: true exactly where certainty is not `found`")
        if self.assumption and self.note is None:
            raise ValueError("a note (zh, en) for the officer where it is an assumption")
        return self


class Condition(Section):
    """24-h AQI above a bound in `windows` adjoining 24-hour windows."""

    gt: Bound | None = None
    ge: Bound | None = None
    hours: int = Field(ge=WINDOW, le=30 * WINDOW, multiple_of=WINDOW)

    @model_validator(mode="after")
    def _one_bound(self) -> "Condition":
        if (self.gt is None) == (self.ge is None):
            raise ValueError("either gt or ge")
        return self

    @property
    def bound(self) -> int:
        """The AQI that is to be exceeded (gt) or reached (ge)."""
        return self.gt if self.gt is not None else self.ge or 0

    @property
    def windows(self) -> int:
        """How many adjoining windows it takes."""
        return self.hours // WINDOW


class AllOf(Section):
    """Conditions that one episode must meet together."""

    all_of: tuple[Condition, ...] = Field(min_length=1)


class LevelRule(Section):
    """One level: any of its criteria calls for it."""

    level: Level
    any_of: tuple[AllOf, ...] = Field(min_length=1)
    basis: Basis


class IndexRule(Section):
    """The 24-h AQI that the criteria are about."""

    window_hours: Literal[24]
    min_hours: int = Field(ge=1, le=WINDOW)
    pollutants: tuple[str, ...]
    basis: Basis

    @model_validator(mode="after")
    def _known(self) -> "IndexRule":
        if self.pollutants != PARTICLES_AND_GASES:
            raise ValueError(f"{list(PARTICLES_AND_GASES)}: the index computes no other choice")
        return self


class Cancellation(Section):
    """Below the lowest level's criteria for more than `hours`."""

    hours: int = Field(ge=0, le=240)
    basis: Basis


class Merging(Section):
    """Two episodes that no cancellation could part are one, at the stricter level."""

    merge: Literal["within_cancellation"]
    basis: Basis


class Downgrade(Section):
    """Below a level's criteria for more than `hours`; `consult`: not by the machine alone."""

    hours: int = Field(ge=0, le=240)
    consult: tuple[Level, ...]
    basis: Basis


class LeadTime(Section):
    """A warning is issued this long before the episode."""

    hours: int = Field(ge=0, le=240)
    basis: Basis


class MeasuredTrigger(Section):
    """Measured 24-h AQI above `gt`, and still so by the mean of the next hours: at once."""

    gt: Bound
    improvement_hours: int = Field(ge=1, le=WINDOW)
    basis: Basis


class Ozone(Section):
    """Ozone raises no colour; above this 8-h mean [ug m-3] a health notice is due."""

    o3_8h_gt: float = Field(gt=0)
    basis: Basis


class SuspectedDust(Section):
    """PM10 primary and PM2.5/PM10 of the window's means below a ratio."""

    ratio_below: float = Field(gt=0, lt=1)
    pollutants: tuple[Particle, ...]
    exclude: bool
    basis: Basis


class Dust(Section):
    """What is left out of the index where dust was determined, and where it is suspected."""

    determined: tuple[Particle, ...]
    suspected: SuspectedDust
    basis: Basis


class Ranges(Section):
    """Which end of an officer's AQI range counts."""

    bound: Literal["upper", "lower"]
    basis: Basis


class Criterion(Section):
    """One criterion with the level it calls for."""

    level: Level
    all_of: tuple[Condition, ...]
    basis: Basis


class Rules(Section):
    """One edition of the warning rules."""

    edition: str = Field(pattern=r"^[a-z0-9-]+$")
    name: Words
    document: str = Field(min_length=1)
    notes: tuple[Words, ...]
    index: IndexRule
    levels: tuple[LevelRule, ...] = Field(min_length=1)
    cancellation: Cancellation
    episodes: Merging
    downgrade: Downgrade
    lead_time: LeadTime
    measured_trigger: MeasuredTrigger
    ozone: Ozone
    dust: Dust
    ranges: Ranges

    @model_validator(mode="after")
    def _ordered(self) -> "Rules":
        ranks = [LEVELS.index(rule.level) for rule in self.levels]
        if ranks != sorted(set(ranks)):
            raise ValueError("levels once each, the lowest first")
        return self

    @property
    def names(self) -> tuple[Level, ...]:
        """Levels this edition has, lowest first."""
        return tuple(rule.level for rule in self.levels)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion, the lowest level's first."""
        return tuple(
            Criterion(level=rule.level, all_of=one.all_of, basis=rule.basis)
            for rule in self.levels
            for one in rule.any_of
        )

    def rank(self, level: str | None) -> int:
        """Place of a level in this edition, 1 the lowest; 0 for none.

        Raises:
            ConfigError: The edition does not have the level.
        """
        if level is None:
            return 0
        for number, name in enumerate(self.names, start=1):
            if name == level:
                return number
        have = ", ".join(self.names)
        raise ConfigError([Problem("level", repr(level), f"one of {have} ({self.edition})")])

    def at(self, rank: int) -> Level | None:
        """The level at a place; None at 0."""
        return self.names[rank - 1] if rank else None


def editions() -> tuple[str, ...]:
    """Names of the editions that are there."""
    return tuple(sorted(p.stem for p in (configs_dir() / "rules").glob("*.yaml")))


@lru_cache(maxsize=16)
def load(edition: str) -> Rules:
    """An edition by its name.

    Raises:
        ConfigError: There is no such edition, or everything that is wrong with its file.
    """
    have = editions()
    if edition not in have:
        raise ConfigError([Problem("rules", repr(edition), f"one of {', '.join(have)}")])
    path = configs_dir() / "rules" / f"{edition}.yaml"
    rules = validated(Rules, read_yaml(path), path=path)
    if rules.edition != edition:
        raise ConfigError([Problem(f"{path}: edition", repr(rules.edition), repr(edition))])
    return rules
