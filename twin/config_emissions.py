"""Settings of the simulated city's emissions: area sectors, industries, enterprises.

Takes parsed YAML, gives frozen sections. Amounts are tonnes a year where the name ends in `_t`,
kilograms a day where it ends in `_kg_d`.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from forecast.config import Section

Species = Literal["so2", "nox", "pm25", "pm_coarse", "voc", "co", "nh3"]
EMITTED: Final[tuple[Species, ...]] = get_args(Species)
RegisterSpecies = Literal["so2", "nox", "pm", "voc", "co"]
REGISTERED: Final[tuple[RegisterSpecies, ...]] = get_args(RegisterSpecies)
Grade = Literal["A", "B", "C", "D", "leading", "non_leading"]
GRADED: Final = ("A", "B", "C", "D")
Level = Literal["yellow", "orange", "red"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
Profile = Literal["continuous", "heating", "two_shift", "day_shift"]
Surrogate = Literal["population", "rural", "urban", "roads", "crop", "dust", "industrial"]
Amount = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Hours = Annotated[tuple[Amount, ...], Field(min_length=24, max_length=24)]
Months = Annotated[tuple[Amount, ...], Field(min_length=12, max_length=12)]
Week = Annotated[tuple[Amount, ...], Field(min_length=7, max_length=7)]


class Times(Section):
    """When a source acts. Factors are relative: they are brought to mean one over a year.

    The day's first hour is 00:00-01:00 local time; the week's first day is Monday; months are
    values of mid-month, joined by straight lines.
    """

    hours: Hours = (1.0,) * 24
    week: Week = (1.0,) * 7
    months: Months = (1.0,) * 12
    spring_festival: Amount = 1.0  # activity in the festival week relative to other weeks
    heating: bool = False  # True: follows temperature as well
    baseline_k: Amount | None = None  # of the heating demand, where it is not the common one
    fireworks: bool = False  # True: only in the nights of the festival

    @model_validator(mode="after")
    def _not_nothing(self) -> Self:
        for name in ("hours", "week", "months"):
            if sum(getattr(self, name)) <= 0:
                raise ValueError(f"{name} are all zero")
        return self


class Sector(Times):
    """An area source: its year, where it lies and when it acts."""

    annual_t: Mapping[Species, Amount]
    surrogates: Mapping[Surrogate, Amount]  # share of each, brought to sum one
    inside: bool = True  # False: lies in the cells outside the city
    source: str
    assumption: bool

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if sum(self.surrogates.values()) <= 0:
            raise ValueError("surrogates are all zero")
        return self


class Heating(Section):
    """Demand for heat: baseline + max(0, base - temperature), in K."""

    base_k: float = 281.15  # 8 degC: people light the stove below it
    baseline_k: Amount = 0.8  # cooking and hot water, all year
    mean_k: float = 288.15  # climate of the day: mean + amplitude, coldest at coldest_day
    amplitude_k: Amount = 13.4
    coldest_day: int = Field(17, ge=1, le=366)


class EmissionsConfig(Section):
    """Area sources and the common scale of an era."""

    base_year: int
    scale: Mapping[Species, Amount] = {}  # of all sources against the base year; absent: 1
    heating: Heating = Heating()
    sectors: Mapping[str, Sector]


class StackKind(Section):
    """A stack of a kind of unit; sizes are medians, single units vary by 15 %."""

    height_m: Annotated[float, Field(gt=0, le=300)]
    diameter_m: Annotated[float, Field(gt=0, le=15)]
    temperature_k: Annotated[float, Field(ge=250, le=900)]
    speed_m_s: Annotated[float, Field(gt=0, le=60)]
    share: Annotated[float, Field(gt=0, le=1)] = 1.0  # of the unit's emissions


class UnitKind(Section):
    """A kind of production unit of an industry."""

    zh: str
    number: tuple[int, int]  # fewest and most per enterprise
    profile: Profile
    shares: Mapping[RegisterSpecies, Amount]  # weight within the industry, by pollutant
    stacks: tuple[StackKind, ...] = ()
    line: bool = False  # a line that "stop 50 % by line" counts
    min_load: Share = 0.0  # below it, it can only be stopped
    hours_to_stop: Amount = 1.0
    hours_to_restart: Amount = 2.0
    capacity: tuple[float, str] = (1.0, "条")
    fuel: str = "电"
    proof: str = "用电量"

    @field_validator("number")
    @classmethod
    def _order(cls, number: tuple[int, int]) -> tuple[int, int]:
        if not 0 <= number[0] <= number[1] or number[1] == 0:
            raise ValueError(f"fewest to most, not {number}")
        return number

    @model_validator(mode="after")
    def _stacks(self) -> Self:
        if not self.stacks:
            raise ValueError(f"unit {self.zh} has no stack")
        if abs(sum(s.share for s in self.stacks) - 1) > 1e-9:
            raise ValueError(f"shares of the stacks of {self.zh} do not sum to one")
        return self


class Industry(Section):
    """What one industry of the city has, emits and earns."""

    zh: str
    key: str | None = None  # its name among the 39 key industries (2020), None: not one
    code: str = Field(pattern=r"^\d{4}$")  # GB/T 4754-2017 class
    scheme: Literal["graded", "leading"]
    count: int = Field(ge=0)
    voc: Literal["all", "some", "none"]
    guarantee: Amount = 0  # weight of being kept running for livelihood; 0: never
    minor: bool = False  # may be minor (each pollutant at most 100 kg/a)
    key_project: bool = False
    place: Literal["zones", "towns", "foot", "urban"] = "zones"
    annual_t: Mapping[RegisterSpecies, Amount]
    pm25_share: Share = 0.6  # of PM
    value_yuan_d: Annotated[float, Field(gt=0)]  # output of the median enterprise
    trucks_d: Amount  # of the median enterprise
    spread: Annotated[float, Field(ge=0, le=2)] = 0.6  # log-normal sigma of size
    units: Mapping[str, UnitKind]
    source: str
    assumption: bool

    @model_validator(mode="after")
    def _every_pollutant_has_a_unit(self) -> Self:
        if not any(kind.number[0] > 0 for kind in self.units.values()):
            raise ValueError("no kind of unit is in every enterprise")
        certain = [kind for kind in self.units.values() if kind.number[0] > 0]
        for species, amount in self.annual_t.items():
            if amount > 0 and not any(kind.shares.get(species, 0) > 0 for kind in certain):
                raise ValueError(f"no certain unit emits {species}")
        if (self.annual_t.get("voc", 0) > 0) != (self.voc != "none"):
            raise ValueError(f"voc: {self.voc!r} against {self.annual_t.get('voc', 0)} t a year")
        return self


Action = Literal["autonomous", "trucks", "cut", "half_lines", "stop", "exempt", "min_load"]


class Step(Section):
    """What a unit must do at a level."""

    action: Action
    cut: Share = 0.0  # share of output cut, for `cut`
    trucks: Share = 0.0  # share of truck trips that fall away


class MeasureSet(Section):
    """Steps by grade and level, and where they are written."""

    grades: Mapping[Grade, Mapping[Level, Step]]
    source: str
    assumption: bool

    @model_validator(mode="after")
    def _levels(self) -> Self:
        gaps = [f"{g}: {v}" for g, steps in self.grades.items() for v in LEVELS if v not in steps]
        if gaps:
            raise ValueError(f"no step for {gaps}")
        return self


class Measures(Section):
    """The default pattern and what is known of single industries."""

    default: MeasureSet
    industries: Mapping[str, MeasureSet] = {}

    @model_validator(mode="after")
    def _every_grade(self) -> Self:
        missing = sorted(set(get_args(Grade)) - set(self.default.grades))
        if missing:
            raise ValueError(f"the default has no grade {missing}")
        return self


class Industries(Section):
    """configs/twin/industries.yaml."""

    profiles: Mapping[Profile, Times]
    industries: Mapping[str, Industry]
    grade_intensity: Mapping[Grade, Annotated[float, Field(gt=0)]]  # emission per output
    measures: Measures
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _profiles(self) -> Self:
        missing = sorted(set(get_args(Profile)) - set(self.profiles))
        if missing:
            raise ValueError(f"no profile {missing}")
        return self


class Compliance(Section):
    """How many do what they were told: shares of enterprises, assumptions for later use."""

    full: Share = 0.82
    partly: Share = 0.13  # do 40-90 %
    hardly: Share = 0.05  # do 0-30 %, and rather at night
    assumption: bool = True

    @model_validator(mode="after")
    def _sum(self) -> Self:
        if abs(self.full + self.partly + self.hardly - 1) > 1e-9:
            raise ValueError("full + partly + hardly must be one")
        return self


class EnterprisesConfig(Section):
    """How many enterprises, and of which kinds. Counts hold exactly."""

    total: int = Field(gt=0)
    grades: Mapping[Grade, Annotated[int, Field(ge=0)]]
    voc: int = Field(ge=0)
    positive_list: int = Field(ge=0)
    guarantee: int = Field(0, ge=0)
    minor: int = Field(0, ge=0)
    key_project: int = Field(0, ge=0)
    emission_scale: Annotated[float, Field(gt=0)] = 1.0  # of the industries' annual totals
    prefer: Mapping[str, Mapping[str, Amount]] = {}  # industry -> area id -> weight
    compliance: Compliance = Compliance()
    source: str

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        wrong = []
        if (found := sum(self.grades.values())) != self.total:
            wrong.append(f"grades sum to {found}, total is {self.total}")
        if (kinds := self.guarantee + self.minor + self.key_project) > self.total:
            wrong.append(f"kinds sum to {kinds}, total is {self.total}")
        for name in ("voc", "positive_list"):
            if (count := getattr(self, name)) > self.total:
                wrong.append(f"{name} is {count}, total is {self.total}")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


def get_grades() -> tuple[str, ...]:
    """Every grade an enterprise may have."""
    return tuple(get_args(Grade))
