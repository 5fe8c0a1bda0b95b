"""How forecasts are scored: thresholds, presets with their source, bootstrap. Knows no files.

The numbers live in configs/verify/*.yaml; unknown keys are refused.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated
from forecast.schema import POLLUTANTS

Share = Annotated[float, Field(gt=0, lt=1)]
LEVELS = 6


class Bootstrap(Section):
    """Circular block bootstrap over days of issue times."""

    resamples: int = Field(1000, ge=1, le=100_000)
    block_days: int = Field(7, ge=1)
    level: Share = 0.95
    seed: int = 1130
    min_days: int = Field(21, ge=2)


class RangePreset(Section):
    """When an observed daily index counts as inside the forecast range around a point value."""

    kind: Literal["relative", "absolute"]
    widths: tuple[float, ...] = Field(min_length=LEVELS, max_length=LEVELS)  # by level of F
    source: str
    assumption: bool = False


class ValueScore(Section):
    """Points for a daily index, by its error and by how many levels it is off."""

    value_steps: tuple[tuple[float, float], ...]  # (error at most, points), errors increasing
    level_points: tuple[float, ...]  # by levels apart 0, 1, ..; beyond the list 0
    day_weights: tuple[float, float, float]
    source: str
    assumption: bool = False


class VerifySettings(Section):
    """Everything a verification needs besides forecasts and observations."""

    bootstrap: Bootstrap = Bootstrap()
    tail_thresholds: dict[str, tuple[float, ...]]
    aqi_events: tuple[int, ...] = (100, 150, 200)
    episode_thresholds: tuple[int, ...] = (150, 200)
    episode_margin_days: int = Field(1, ge=0, le=5)
    episode_gap_days: int = Field(1, ge=0, le=5)
    operational_hour: int = Field(16, ge=0, le=23)
    risk_parameter: Share = 0.5
    ranges: dict[str, RangePreset]
    value_score: ValueScore
    history_days: int = Field(1096, ge=0)
    climatology_half_window_days: int = Field(15, ge=0, le=180)
    climatology_members: int = Field(50, ge=2)

    @model_validator(mode="after")
    def _known(self) -> "VerifySettings":
        if set(self.tail_thresholds) != set(POLLUTANTS):
            raise ValueError(f"tail_thresholds must name each of {POLLUTANTS}")
        return self


def load(path: Path | None = None) -> VerifySettings:
    """Read settings; without a path configs/verify/default.yaml.

    Raises:
        ConfigError: Everything that is wrong with the file, at once.
    """
    chosen = path or configs_dir() / "verify" / "default.yaml"
    return validated(VerifySettings, read_yaml(chosen), path=chosen)
