"""Settings of the dispersion model: one typed YAML, unknown keys refused, all errors at once.

Takes a path, gives frozen Settings. Knows nothing of units, weather or how a plume grows.
"""

from pathlib import Path

from pydantic import Field

from forecast.config import Section, configs_dir, read_yaml, validated

DEFAULT = "dispersion/default.yaml"


class Puffs(Section):
    """How emissions are cut into puffs."""

    per_hour: int = Field(2, ge=1, le=12)
    life_h: int = Field(12, ge=6, le=48)
    outside_km: float = Field(30, gt=0)


class Wind(Section):
    """The wind that carries a puff."""

    least_m_s: float = Field(0.5, gt=0)
    most: float = Field(1.6, ge=1)
    veer_degrees: float = Field(10, ge=-45, le=45)
    meander_m_s: float = Field(0.5, ge=0)
    meander_scale_s: float = Field(900, gt=0)
    assumption: bool = True


class Mixing(Section):
    """The mixed layer and how hot plumes meet it."""

    least_m: float = Field(100, gt=0)
    most_m: float = Field(2500, gt=0)
    gradient_e_k_m: float = Field(0.02, gt=0)
    gradient_f_k_m: float = Field(0.035, gt=0)
    buoyant_spread: float = Field(3.5, ge=0)
    assumption: bool = True


class Receptor(Section):
    """What a receptor stands for."""

    radius_m: float = Field(1000, ge=0)
    urban_km: float = Field(3, ge=0)
    assumption: bool = True


class Six(Section):
    """One number for each thing that ground and rain take."""

    fine: float = Field(0, ge=0)
    coarse: float = Field(0, ge=0)
    so2: float = Field(0, ge=0)
    nox: float = Field(0, ge=0)
    nitrate: float = Field(0, ge=0)
    sulphate: float = Field(0, ge=0)


class Deposition(Section):
    """What ground and rain take."""

    velocity_m_s: Six = Six()
    washout_s: Six = Six()
    washout_power: float = Field(0.8, gt=0)
    assumption: bool = True


class Chemistry(Section):
    """First-order formation of sulphate, nitrate and organics; NO2 of NOx."""

    primary_sulphate: float = Field(0.02, ge=0, le=1)
    so2_sun_h: float = Field(0.008, ge=0)
    so2_humid_h: float = Field(3e-10, ge=0)
    nox_sun_h: float = Field(0.1, ge=0)
    nox_dark_h: float = Field(0.02, ge=0)
    voc_sun_h: float = Field(0.06, ge=0)
    soa_yield: float = Field(0.05, ge=0)
    nitrate_half_k: float = Field(288, gt=0)
    nitrate_width_k: float = Field(4, gt=0)
    nitrate_humid_k: float = Field(10, ge=0)
    nitrate_marginal: float = Field(0.05, ge=0, le=1)
    no2_initial: float = Field(0.1, ge=0, le=1)
    no2_most: float = Field(0.5, ge=0, le=1)
    no2_hours: float = Field(0.7, gt=0)
    o3_half: float = Field(15, gt=0)
    assumption: bool = True


class Ozone(Section):
    """The local sensitivity of ozone."""

    voc_to_nox: float = Field(8, gt=0)
    regime_width: float = Field(0.7, gt=0)
    cold_k: float = Field(283, gt=0)
    per_voc: float = Field(1.0, ge=0)
    per_nox: float = Field(3.0, ge=0)
    titration_error: float = Field(0.5, ge=0)
    production_error: float = Field(1.0, ge=0)
    assumption: bool = True


class Profile(Section):
    """When a unit works."""

    hours: tuple[float, ...] = Field((1.0,) * 24, min_length=24, max_length=24)
    week: tuple[float, ...] = Field((1.0,) * 7, min_length=7, max_length=7)
    heating: bool = False


class Profiles(Section):
    """The working profiles a register can name."""

    continuous: Profile = Profile()
    heating: Profile = Profile(heating=True)
    two_shift: Profile = Profile()
    day_shift: Profile = Profile()
    assumption: bool = True


class Heating(Section):
    """Demand for heat, relative to a winter day of the mean."""

    base_k: float = 281.15
    baseline_k: float = Field(7, ge=0)
    mean_k: float = Field(6, gt=0)


class Share(Section):
    """Part of the local increment that registered units make."""

    pm25: float = Field(0.4, gt=0, le=1)
    pm10: float = Field(0.4, gt=0, le=1)
    so2: float = Field(0.65, gt=0, le=1)
    no2: float = Field(0.2, gt=0, le=1)
    co: float = Field(0.35, gt=0, le=1)


class Scale(Section):
    """What contributions are multiplied by before any day was seen."""

    pm25: float = Field(0.7, gt=0)
    pm10: float = Field(0.7, gt=0)
    so2: float = Field(0.86, gt=0)
    no2: float = Field(0.83, gt=0)
    co: float = Field(0.61, gt=0)


class Calibration(Section):
    """How the local share is brought to observed increments."""

    percentile: float = Field(10, ge=0, le=50)
    half_life_days: float = Field(10, gt=0)
    prior_days: float = Field(3, gt=0)
    trust: float = Field(0.2, ge=0, le=1)
    stagnation: float = Field(0.6, gt=0, le=1)
    least: float = Field(0.2, gt=0, le=1)
    most: float = Field(5, ge=1)
    share: Share = Share()
    scale: Scale = Scale()
    assumption: bool = True


class Settings(Section):
    """Everything the dispersion model needs beside register and weather."""

    sources: tuple[str, ...] = ()
    puffs: Puffs = Puffs()
    wind: Wind = Wind()
    mixing: Mixing = Mixing()
    receptor: Receptor = Receptor()
    deposition: Deposition = Deposition()
    chemistry: Chemistry = Chemistry()
    ozone: Ozone = Ozone()
    profiles: Profiles = Profiles()
    heating: Heating = Heating()
    calibration: Calibration = Calibration()
    utc_offset_hours: int = Field(8, ge=-12, le=14)


def load(path: Path | None = None) -> Settings:
    """Read settings; without a path those of configs/dispersion/default.yaml.

    Raises:
        ConfigError: Everything that is wrong with them, at once.
    """
    path = configs_dir() / DEFAULT if path is None else path
    return validated(Settings, read_yaml(path), path=path)
