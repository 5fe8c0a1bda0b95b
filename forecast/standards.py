"""Editions of the index and of the limits as typed data: configs/standards/*.yaml.

Takes an edition or a date of the data, gives a frozen Standard (HJ 633: nodes, rounding, rules,
categories, health advice), Limits (GB 3095) or Validity (when a mean counts). Every section
carries its clause, its source and whether it is an assumption. Computes no index.
"""

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from forecast.config import M, Section, configs_dir, read_yaml, validated
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS

Edition = Literal["hj633-2012", "hj633-2026"]
EDITIONS: Final[tuple[Edition, ...]] = ("hj633-2012", "hj633-2026")  # oldest first
LIMIT_EDITIONS: Final = ("gb3095-2012", "gb3095-2026")
Average = Literal["year", "day", "mda8", "hour"]
Column = Literal[
    "pm25_24h", "pm10_24h", "so2_24h", "so2_1h", "no2_24h", "no2_1h",
    "co_24h", "co_1h", "o3_1h", "o3_8h",
]  # fmt: skip
DAILY: Final[tuple[Column, ...]] = (
    "pm25_24h", "pm10_24h", "so2_24h", "no2_24h", "co_24h", "o3_8h",
)  # fmt: skip
HOURLY: Final[tuple[Column, ...]] = (
    "pm25_24h", "pm10_24h", "so2_1h", "no2_1h", "co_1h", "o3_1h",
)  # fmt: skip
COLUMNS: Final = frozenset((*DAILY, *HOURLY))


def _rising(values: tuple[float, ...]) -> tuple[float, ...]:
    if len(values) < 2 or values[0] != 0 or any(a >= b for a, b in pairwise(values)):
        raise ValueError("two or more numbers that start at 0 and rise")
    return values


def _every_pollutant(items: Mapping[str, object]) -> Mapping[str, object]:
    if set(items) != set(POLLUTANTS):
        raise ValueError(f"one entry for each of {POLLUTANTS}")
    return items


Rising = Annotated[tuple[float, ...], AfterValidator(_rising)]
Channel = Annotated[int, Field(ge=0, le=255)]
Share = Annotated[float, Field(gt=0, le=1)]
Pair = tuple[float | None, float | None]


class Cited(Section):
    """A fact with where it stands."""

    clause: str = Field(min_length=1)
    source: str = Field(min_length=1)
    assumption: bool = False  # True: from memory, or the text is silent; shown as such


class Words(Section):
    """The same text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Document(Words):
    """The standard's number and title, and the copy that was read."""

    id: str
    source: str


class Earlier(Cited):
    """Whether data older than every edition take this one."""

    applies: bool


class Breakpoints(Cited):
    """Nodes of the piecewise linear index, [ug m-3], co [mg m-3]."""

    index: Rising
    columns: dict[Column, Rising]

    @model_validator(mode="after")
    def _complete(self) -> "Breakpoints":
        if lacking := sorted(COLUMNS - set(self.columns)):
            raise ValueError(f"columns {lacking} as well")
        if long := sorted(c for c, nodes in self.columns.items() if len(nodes) > len(self.index)):
            raise ValueError(f"no more nodes than index values in {long}")
        return self


class HourlyPm(Cited):
    """Which column an hourly PM value is put on; both editions: the 24-h one."""

    column: Literal["24h"]


class Rounding(Cited):
    """What is done to a concentration before the formula (GB/T 8170: ties go to even)."""

    rule: Literal["none", "half_even"]
    decimals: Annotated[
        dict[str, Annotated[int, Field(ge=0, le=3)]], AfterValidator(_every_pollutant)
    ]


class Range(Cited):
    """Lowest and highest AQI there is."""

    low: int = Field(ge=0)
    high: int = Field(gt=0)


class OverRange(Cited):
    """Above the last node of a column: a fixed index, or the index of another column."""

    column: Column
    index: int | None
    use: Column | None

    @model_validator(mode="after")
    def _one(self) -> "OverRange":
        if (self.index is None) == (self.use is None):
            raise ValueError("either an index or a column to use")
        return self


class Missing(Cited):
    """publish_above: an index with a missing item stands only above it; None = always."""

    publish_above: int | None


class Primary(Cited):
    """A primary pollutant is named only above this AQI."""

    above: int


class Category(Section):
    """One of the six levels."""

    level: int = Field(ge=1, le=6)
    low: int
    high: int | None
    roman: str
    zh_level: str
    zh: str
    en: str
    zh_colour: str
    rgb: tuple[Channel, Channel, Channel]
    cmyk: tuple[int, int, int, int]

    @property
    def hex(self) -> str:
        """Colour as #rrggbb."""
        return "#{:02x}{:02x}{:02x}".format(*self.rgb)


class Categories(Cited):
    """The six levels, in order, without a gap."""

    levels: tuple[Category, ...]

    @model_validator(mode="after")
    def _seamless(self) -> "Categories":
        numbers = [c.level for c in self.levels]
        ends = [c.high for c in self.levels]
        follows = all(
            h is not None and b.low == h + 1 for h, b in zip(ends, self.levels[1:], strict=False)
        )
        if numbers != [1, 2, 3, 4, 5, 6] or not follows or ends[-1] is not None:
            raise ValueError("six levels that adjoin, the last without upper end")
        return self


class Sensitive(Cited):
    """Groups to be told when a pollutant's IAQI is above `above`."""

    above: int
    groups: Annotated[dict[str, tuple[str, ...]], AfterValidator(_every_pollutant)]
    names: dict[str, Words]

    @model_validator(mode="after")
    def _named(self) -> "Sensitive":
        used = {g for groups in self.groups.values() for g in groups}
        if used != set(self.names):
            raise ValueError(f"a name for each group used: {sorted(used)}")
        return self

    def of(self, pollutant: str) -> tuple[Words, ...]:
        """Names of the groups that one pollutant concerns."""
        return tuple(self.names[g] for g in self.groups[pollutant])


class LevelAdvice(Section):
    """What a level does to health, and what to do."""

    effect: Words
    measures: Words


class Advice(Cited):
    """Health advice, level 1 first."""

    levels: Annotated[tuple[LevelAdvice, ...], Field(min_length=6, max_length=6)]


class Standard(Section):
    """One edition of HJ 633."""

    edition: Edition
    document: Document
    effective_from: dt.date
    effective_to: dt.date | None
    earlier: Earlier
    breakpoints: Breakpoints
    hourly_pm: HourlyPm
    rounding: Rounding
    aqi_range: Range
    over_range: tuple[OverRange, ...]
    missing: Missing
    primary: Primary
    categories: Categories
    sensitive: Sensitive | None
    advice: Advice

    @model_validator(mode="after")
    def _short_columns_have_a_rule(self) -> "Standard":
        ruled = {o.column for o in self.over_range}
        full = len(self.breakpoints.index)
        short = {c for c, nodes in self.breakpoints.columns.items() if len(nodes) < full}
        if ruled != short:
            raise ValueError(f"an over_range rule for each short column: {sorted(short)}")
        return self


class Period(Cited):
    """Limits in force between two dates: pollutant -> average -> (level 1, level 2)."""

    effective_from: dt.date
    effective_to: dt.date | None
    limits: Annotated[dict[str, dict[Average, Pair]], AfterValidator(_every_pollutant)]


class Limits(Section):
    """One edition of GB 3095."""

    edition: str
    document: Document
    periods: tuple[Period, ...]


class DayMean(Cited):
    """Hours a 24-h mean needs."""

    min_hours: int = Field(ge=1, le=24)


class Ozone8h(Cited):
    """Hours an 8-h mean needs."""

    min_hours: int = Field(ge=1, le=8)


class Mda8(Cited):
    """8-h means a daily maximum needs, and the limit above which fewer do."""

    first_end: int = Field(ge=1, le=24)
    min_windows: int = Field(ge=1, le=24)
    limit: float = Field(gt=0)


class AreaMean(Cited):
    """Share of points an area mean needs."""

    min_share: Share
    few_points: int = Field(ge=1)
    min_share_few: Share


class Validity(Section):
    """When a mean counts."""

    day_mean: DayMean
    ozone_8h: Ozone8h
    mda8: Mda8
    area_mean: AreaMean


def read(path: Path, model: type[M]) -> M:
    """Read a file of configs/standards into its model.

    Raises:
        ConfigError: Everything that is wrong with the file, at once.
    """
    return validated(model, read_yaml(path), path=path)


@lru_cache(maxsize=8)
def load(edition: str) -> Standard:
    """An edition of HJ 633 by its name.

    Raises:
        ConfigError: There is no such edition, or its file is wrong.
    """
    if edition not in EDITIONS:
        raise ConfigError([Problem("standard", repr(edition), f"one of {list(EDITIONS)}")])
    return read(configs_dir() / "standards" / f"{edition}.yaml", Standard)


def for_date(date: dt.date) -> Edition:
    """The edition that holds for data of a (local) date.

    The newest edition in force on that day; before the first one's date the edition that is
    marked `earlier` (2012: national practice since 2013, an assumption).
    """
    day = dt.date(date.year, date.month, date.day)
    for edition in reversed(EDITIONS):
        if load(edition).effective_from <= day:
            return edition
    return next(e for e in EDITIONS if load(e).earlier.applies)


def resolve(name: str, date: dt.date) -> Standard:
    """The standard a config names: "auto" goes by the date of the data."""
    return load(for_date(date) if name == "auto" else name)


@lru_cache(maxsize=8)
def load_limits(edition: str) -> Limits:
    """An edition of GB 3095 by its name.

    Raises:
        ConfigError: There is no such edition, or its file is wrong.
    """
    if edition not in LIMIT_EDITIONS:
        raise ConfigError([Problem("limits", repr(edition), f"one of {list(LIMIT_EDITIONS)}")])
    return read(configs_dir() / "standards" / f"{edition}.yaml", Limits)


def limits_for(date: dt.date) -> Period:
    """Limits of GB 3095 for data of a date; before the first edition's date, that edition's."""
    day = dt.date(date.year, date.month, date.day)
    periods = [p for e in LIMIT_EDITIONS for p in load_limits(e).periods]
    return next((p for p in reversed(periods) if p.effective_from <= day), periods[0])


@lru_cache(maxsize=1)
def load_validity() -> Validity:
    """The rules of configs/standards/validity.yaml."""
    return read(configs_dir() / "standards" / "validity.yaml", Validity)
