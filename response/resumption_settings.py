"""Settings of resumption as typed data: configs/resumption/*.yaml.

Two files: how units restart (`Settings`) and what the city will not let the air cross
(`BottomLine`). Both are choices of the city; what rests on no text is marked an assumption.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated
from forecast.schema import CITY_AREA, POLLUTANTS
from response.rules import Basis

Metric = Literal["aqi", "pm25", "pm10", "so2", "no2", "co", "o3"]
Accepted = Annotated[float, Field(ge=0, lt=1)]
Factor = Annotated[float, Field(ge=1, le=10)]
Weight = Annotated[float, Field(ge=0)]


class Limit(Section):
    """A daily value not to be exceeded, and the accepted probability that it is.

    metric: the daily AQI, or a daily mean [ug m-3, co mg m-3], MDA8 for o3. days_allowed: None
    holds the promise on each day by itself; a number makes it one promise on all days judged:
    that no more than so many of them lie above (what the year's budget still has left).
    """

    area: str = CITY_AREA
    metric: Metric = "aqi"
    above: float = Field(gt=0)
    accepted: Accepted
    days_allowed: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _an_index(self) -> "Limit":
        if self.metric == "aqi" and not (self.above < 500 and self.above == int(self.above)):
            raise ValueError("an AQI that can be exceeded: a whole number below 500")
        return self


class BottomLine(Section):
    """What the city promises; every limit holds by itself."""

    limits: tuple[Limit, ...] = Field(min_length=1)
    assumption: bool = True


class Settings(Section):
    """How units restart, and who comes first."""

    slot_hours: Literal[1, 2, 3, 4, 6, 8, 12, 24]
    notice_hours: int = Field(ge=0, le=72)
    load_step: float = Field(gt=0, le=1)
    cold_factor: Factor
    warm_factor: Factor
    starts_per_slot: int = Field(ge=1)
    exposure: dict[str, Weight]
    grades: dict[str, Annotated[float, Field(gt=0)]]
    other_grade: float = Field(gt=0)
    first_kinds: tuple[str, ...] = ()
    basis: Basis

    @model_validator(mode="after")
    def _known(self) -> "Settings":
        if unknown := sorted(set(self.exposure) - set(POLLUTANTS)):
            raise ValueError(f"weights of {list(POLLUTANTS)}, not of {unknown}")
        if not any(self.exposure.values()):
            raise ValueError("one weight above 0")
        return self


@lru_cache(maxsize=4)
def load(path: Path | None = None) -> Settings:
    """Settings of a file; the shipped ones if left out.

    Raises:
        ConfigError: Everything that is wrong with the file, at once.
    """
    file = path or configs_dir() / "resumption" / "default.yaml"
    return validated(Settings, read_yaml(file), path=file)


def load_bottom_line(path: Path | None = None) -> BottomLine:
    """The bottom line of a file; the shipped example if left out.

    Raises:
        ConfigError: Everything that is wrong with the file, at once.
    """
    file = path or configs_dir() / "resumption" / "bottom-line.yaml"
    return validated(BottomLine, read_yaml(file), path=file)
