"""Limits of the quality tests: one typed YAML (configs/quality), per pollutant and per tier.

Every limit names its source, or says that it is an assumption, or both where the source was not
seen in full text. A tier overrides a pollutant's limits of `default` as a whole.
"""

from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import Field, field_validator, model_validator

from forecast.config import Section, read_yaml, validated
from forecast.schema import TIERS, VARIABLES

Hours = Annotated[int, Field(ge=1, le=24 * 60)]
Positive = Annotated[float, Field(gt=0)]


class Sourced(Section):
    """A limit that says where it comes from."""

    source: str = ""
    assumption: bool = False

    @model_validator(mode="after")
    def _owned(self) -> "Sourced":
        if not self.source and not self.assumption:
            raise ValueError("name the source, or say assumption: true")
        return self


class Range(Sourced):
    """Spans [lowest, highest] in the variable's units: outside is suspect, or fails."""

    suspect: tuple[float, float]
    fail: tuple[float, float]

    @model_validator(mode="after")
    def _nested(self) -> "Range":
        if not self.fail[0] <= self.suspect[0] <= self.suspect[1] <= self.fail[1]:
            raise ValueError("the suspect span lies inside the fail span")
        return self


class Spike(Sourced):
    """A jump over the median of the hours before, in units and as a factor: both are exceeded."""

    rise: Positive
    factor: Annotated[float, Field(gt=1)]
    fail_rise: Positive
    fail_factor: Annotated[float, Field(gt=1)]


class Flat(Sourced):
    """Hours in a row with one value above `above` (at the detection limit values may stay)."""

    above: float
    suspect_hours: Hours
    fail_hours: Hours


class Neighbour(Sourced):
    """Distance from the neighbours' median, as a robust z of logarithms and in units."""

    offset: Positive  # units; added before the logarithm, so that small values do not matter
    sigma: Positive  # least spread of the logarithm
    suspect_z: Positive
    suspect_difference: Positive
    fail_z: Positive
    fail_difference: Positive


class Order(Sourced):
    """PM2.5 above PM10 by more than `margin` is suspect."""

    margin: Annotated[float, Field(ge=0)] = 0.0


class Clock(Sourced):
    """A station that fits its neighbours better when shifted."""

    pollutants: tuple[str, ...]
    window_hours: Hours
    most_shift_hours: Annotated[int, Field(ge=1, le=24)]
    least_correlation: Annotated[float, Field(gt=0, lt=1)]
    least_gain: Annotated[float, Field(gt=0, lt=1)]


class RepeatedDay(Sourced):
    """Hours in a row that equal the day before in all of at least `pollutants` pollutants."""

    pollutants: Annotated[int, Field(ge=1, le=6)]
    suspect_hours: Hours
    fail_hours: Hours


class Coordinates(Sourced):
    """Where stations can be: a box of degrees, and the reach of the network."""

    latitude: tuple[float, float]
    longitude: tuple[float, float]
    reach_km: Positive  # from the median of the stations
    same_m: Positive  # nearer than this two stations have the same coordinates


S = TypeVar("S", bound=Sourced)


class PerTier(Section, Generic[S]):
    """Limits by variable; a tier's own go before the default."""

    default: dict[str, S]
    tiers: dict[str, dict[str, S]] = Field(default_factory=dict)

    @field_validator("default")
    @classmethod
    def _variables(cls, value: dict[str, S]) -> dict[str, S]:
        if wrong := set(value) - set(VARIABLES):
            raise ValueError(f"no variables: {sorted(wrong)}")
        return value

    @field_validator("tiers")
    @classmethod
    def _tiers(cls, value: dict[str, dict[str, S]]) -> dict[str, dict[str, S]]:
        wrong = (set(value) - set(TIERS)) | {v for t in value.values() for v in t} - set(VARIABLES)
        if wrong:
            raise ValueError(f"no tiers or variables: {sorted(wrong)}")
        return value

    def of(self, variable: str, tier: str) -> S | None:
        """The limits of a variable at stations of a tier; None where there are none."""
        return self.tiers.get(tier, {}).get(variable, self.default.get(variable))


class Limits(Section):
    """All tests' limits."""

    edition: str
    radius_km: Positive  # stations within it are neighbours
    least_neighbours: Annotated[int, Field(ge=2)] = 3
    most_neighbours: Annotated[int, Field(ge=3)] = 12  # the nearest ones
    spike_hours: Hours = 3  # the hours before, whose median a value is held against
    range: PerTier[Range]
    spike: PerTier[Spike]
    flat_line: PerTier[Flat]
    neighbours: PerTier[Neighbour]
    pm_order: Order
    clock: Clock
    repeated_day: RepeatedDay
    coordinates: Coordinates


def load(path: Path) -> Limits:
    """Read the limits.

    Raises:
        ConfigError: Everything that is wrong with them, at once.
    """
    return validated(Limits, read_yaml(path), path=path)
