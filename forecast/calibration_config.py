"""Settings of the sensors' calibration: one typed YAML (configs/calibration)."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml, validated

Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Trees(Section):
    """A gradient-boosted expert (LightGBM, L1)."""

    rounds: int = Field(100, ge=1, le=2000)
    leaves: int = Field(15, ge=2, le=255)
    learning_rate: Positive = 0.05
    least_rows: int = Field(200, ge=20)  # none is fitted on fewer
    memory_h: Positive = 480  # weight of a row falls by e in so many hours
    growth: Positive = 0.1  # fitted anew when the rows have grown by this share ...
    most_hours: Positive = 168  # ... and at the latest after so many hours


class ColocatedConfig(Section):
    """A sensor that stands, or stood, beside a reference."""

    offsets: dict[str, Positive]  # of the square-root transform, in the pollutant's units
    first_share: Positive  # sd of a raw value before any reference, as share of it
    ages_h: tuple[Positive, ...]  # ages of the newest reference that are learned for
    state_until_h: Positive  # beyond this age the last reference says nothing of its own
    hold_h: Positive  # e-folding time of the last residual
    refit_h: Positive  # hours between fits of the linear experts
    least_rows: int = Field(ge=10)
    ridge: Positive  # penalty, in standardised columns
    half_lives_h: tuple[Positive, Positive]  # the two memories of the linear experts
    transfer_trees: Trees
    state_trees: Trees
    rate: Positive  # learning rate of the blend at age 1 h
    rate_decay: Share  # it falls with this power of the age
    blend_memory_h: Positive  # its memory
    stuck_h: Positive  # one value for so long: stuck
    stale_h: Positive  # a reference older than this: stale
    learning_rows: int = Field(ge=1)  # fewer rows with a reference so far: learning
    seed: int = 1

    @model_validator(mode="after")
    def _in_order(self) -> "ColocatedConfig":
        if sorted(set(self.ages_h)) != list(self.ages_h):
            raise ValueError("ages_h must increase")
        return self


class PriorSd(Section):
    """How far one sensor's coefficients lie from its tier's, and a tier's from none."""

    level: Positive
    gain: Positive
    humidity: Positive
    temperature: Positive
    cross: Positive


class NetworkConfig(Section):
    """Stations far from any reference, through the references around. Sizes are relative."""

    tiers: tuple[str, ...]  # corrected; stations of other tiers are judged, their values stay
    space: dict[str, Literal["log", "linear"]]
    centre: dict[str, Positive]  # level at which a gain changes nothing; scale of linear spaces
    offsets: dict[str, Positive]  # added before the logarithm
    half_life_days: Positive  # memory of gain, humidity and temperature effects
    fast_half_life_days: Positive  # memory of the offset on top (drift)
    agreement: dict[str, Positive]  # spread of the references that quarters an hour's weight
    mixing_wind: Positive  # m s-1; below it an hour's weight falls with the square of the wind
    reach_km: Positive  # an hour's weight falls by e over this distance to a reference
    noise_sd: dict[str, Positive]  # of one reading against the field, in an hour that counts
    reference_sd: Positive  # of a reference's reading
    prior_sd: PriorSd
    fast_sd: Positive  # how far the offset wanders within its memory
    together_h: Positive  # hours that tell no more than one: errors of the field last
    huber: Positive  # residuals beyond so many sd count less
    learning_hours: Positive  # weight of hours below which a sensor is still being learned
    suspect_score: Positive  # distance from the neighbours over the network's usual one
    out_score: Positive
    back_score: Positive  # below it a sensor that was out comes back
    memory_h: Positive  # of the score
    least_correlation: Share  # with the neighbours; below it a sensor is out
    correlation_h: int = Field(ge=24, le=24 * 60)
    drift_limit: Positive  # level beyond so many prior sd from the tier's: suspect
    quality: str  # limits of the shared tests, in configs/quality


class CalibrationConfig(Section):
    """Everything the calibration needs."""

    colocated: ColocatedConfig
    network: NetworkConfig


def load(path: Path | None = None) -> CalibrationConfig:
    """Read the settings; without a path, the shipped ones.

    Raises:
        ConfigError: Everything that is wrong with them, at once.
    """
    path = path or configs_dir() / "calibration" / "default.yaml"
    return validated(CalibrationConfig, read_yaml(path), path=path)
