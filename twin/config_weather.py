"""Settings of the simulated city's weather: climate, regimes, ground effects, forecast errors.

Takes parsed YAML, gives frozen sections. What a city's own configuration says lies over the
shipped numbers, key by key: `configs/twin/weather.yaml` (fitted by `python -m twin.weather_fit`)
and `configs/twin/weather_regimes.yaml` (by hand). Knows nothing of the series made from them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
# Constant, cosine and sine of the year, then of the half year.
Annual = tuple[float, float, float, float, float]
Mean = tuple[float, float, float]  # constant, cosine and sine of the year
Course = tuple[float, float]  # at the beginning and at the end of a regime's stay
ShareCourse = tuple[Share, Share]
Months = Annotated[tuple[float, ...], Field(min_length=12, max_length=12)]
Seasons = tuple[NotNegative, NotNegative, NotNegative, NotNegative]  # winter, spring, ...
Days = Annotated[tuple[NotNegative, ...], Field(min_length=5, max_length=5)]  # forecast days


class Reference(Section):
    """The point the regional series speaks of."""

    longitude: float = Field(ge=-180, le=180)
    latitude: float = Field(ge=-66, le=66)
    elevation_m: float


class Diurnal(Section):
    """A daily course: waves of 24 h and 12 h in mean solar time, each with a yearly course."""

    cos1: Mean
    sin1: Mean
    cos2: Mean
    sin2: Mean


class Calibration(Section):
    """What the raw regimes miss, by month; found by simulating, see weather_fit.py."""

    mean: dict[str, Months]  # of the raw anomalies: t2m [K], d2m [K], sp [Pa]
    std: dict[str, Months]  # of their daily means
    bias: dict[str, Months]  # left after everything: t2m, d2m [K]
    wind_factor: Months
    sun_factor: Months
    rain_factor: Months


class Climate(Section):
    """The place's climate, as fitted."""

    source: tuple[str, ...]
    t2m_k: Annual
    d2m_k: Annual
    sp_pa: Annual
    t2m_diurnal_k: Diurnal
    d2m_diurnal_k: Diurnal
    day_std: dict[str, Mean]  # of daily means about the yearly course: t2m, d2m [K], sp [Pa]
    wind_m_s: Months
    ssrd_w_m2: Months
    rain_mm: Months  # of the month
    calibration: Calibration


class Stay(Section):
    """How long a regime lasts: gamma distributed, cut off."""

    mean: Positive
    shape: Positive
    least: Positive
    most: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.least <= self.mean <= self.most:
            raise ValueError(f"least <= mean <= most: {self.least}, {self.mean}, {self.most}")
        return self


class Memory(Section):
    """e-folding hours towards the regime's state."""

    wind: Positive
    t2m: Positive
    d2m: Positive
    sp: Positive
    cloud: Positive
    rain: Positive
    dust: Positive
    stagnation: Positive


class Regime(Section):
    """One synoptic situation."""

    zh: str
    en: str
    hours: Stay
    season: Seasons
    next: dict[str, NotNegative]
    from_degrees: Course  # direction the upper wind comes from; turns the short way
    degrees_std: NotNegative
    wind_m_s: Course  # in the layer above the mixed one
    strength_cv: NotNegative  # of wind and anomalies of one event together
    t2m: Course  # anomaly, K before calibration
    d2m: Course
    sp_hpa: Course
    cloud: ShareCourse
    wet: ShareCourse  # probability of rain in an hour
    convective: Share  # part of the rain that follows the sun
    inversion_k: tuple[NotNegative, NotNegative]
    dust: ShareCourse
    stagnation: ShareCourse
    memory_hours: Memory


class Noise(Section):
    """What is not synoptic: standard deviations and e-folding times."""

    slow_hours: Positive
    slow: dict[str, NotNegative]  # anomalies t2m, d2m, sp_hpa before calibration
    meso_hours: Positive
    gust_hours: Positive  # of the wind at the ground
    meso: dict[str, NotNegative]  # t2m, d2m [K], wind [m/s], sp [Pa], cloud
    upper_hours: Positive
    upper_m_s: NotNegative
    rain_hours: Positive


class Physics(Section):
    """Numbers of the surface and the boundary layer."""

    surface_ratio_day: Share  # 10 m wind over the wind above, well mixed
    surface_ratio_night: Share  # the same over a stable layer without inversion
    inversion_drag_per_k: NotNegative  # how much an inversion decouples the surface at night
    turn_day_degrees: float  # the surface wind is backed by so much
    turn_night_degrees: float
    jet_night: NotNegative  # the wind above gains at night
    rain_scale_mm: Positive
    rain_power: Positive
    rain_warm_per_k: NotNegative  # intensity with the season's temperature
    rain_least_mm: Positive
    cloud_sun: Share  # radiation lost under full cloud
    cloud_sun_power: Positive
    haze_sun: Share  # lost at full stagnation
    dust_sun: Share
    diurnal_clear: Positive  # daily range under a clear and an overcast sky, over the mean one
    diurnal_overcast: Positive
    tide_pa: tuple[float, float, float, float]  # cos, sin of 24 h, cos, sin of 12 h, solar time
    heat_share: Months  # of absorbed radiation that heats the air
    lapse_k_m: Positive  # stability the mixed layer grows into
    lapse_per_inversion: NotNegative
    blh_least_m: Positive
    blh_calm_m: Positive
    blh_per_m_s: NotNegative
    blh_lid_m: Positive


class FieldSettings(Section):
    """What ground and place do to the regional weather."""

    lapse_day_k_m: float
    lapse_night_k_m: float
    dew_lapse_k_m: float
    slope_km: Positive  # scale on which slopes move air
    slope_full: Positive  # slope (m/m) at which breeze and blocking are full
    breeze_day_m_s: NotNegative
    breeze_night_m_s: NotNegative
    blocking: Share
    froude_full: Positive
    heat_island_k: NotNegative
    heat_island_day_k: NotNegative
    urban_drag: Share
    forest_drag_per_km: NotNegative  # sheltered hills: drag with height above the plain
    wavelengths_km: tuple[Positive, Positive]
    modes: int = Field(ge=4, le=64)
    eddy_hours: Positive
    spread: dict[str, NotNegative]  # t2m, d2m [K], wind [m/s], sp [Pa], blh, rain, cloud [1]
    rain_per_km: NotNegative


class Vintages(Section):
    """How forecasts err; by forecast day 1..5, see weather_vintages.py."""

    source: tuple[str, ...]
    every_hours: int = Field(ge=1, le=24)
    reach_hours: int = Field(ge=24, le=144)
    delay_hours: NotNegative
    timing_hours: Days  # standard deviation of the shift in time
    timing_smooth_hours: Positive
    timing_limit_hours: Positive
    wind_gain: Positive
    amplitude: Days  # of the wind, relative
    direction_degrees: Days
    wind_m_s: Days
    t2m_k: Days
    d2m_k: Days
    sp_pa: Days
    cloud: Days
    rain_keep: tuple[Share, ...] = Field(min_length=5, max_length=5)  # correlation of showers
    blh: Days  # relative
    memory_hours: Positive
    meso_known_hours: Positive  # how long small disturbances can be foreseen
    missed_front: tuple[Share, ...] = Field(min_length=5, max_length=5)
    false_front: tuple[Share, ...] = Field(min_length=5, max_length=5)
    published_rmse: dict[str, tuple[float, float, float]]  # days 1..3, for comparison


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    folder = configs_dir() / "twin"
    by_hand: dict[str, Any] = read_yaml(folder / "weather_regimes.yaml")
    return {**by_hand, **read_yaml(folder / "weather.yaml")}


class WeatherConfig(Section):
    """The section `weather` of the city's configuration; everything has a default."""

    reference: Reference = Field(
        default_factory=lambda: Reference.model_validate(_shipped()["reference"])
    )
    climate: Climate = Field(default_factory=lambda: Climate.model_validate(_shipped()["climate"]))
    regimes: dict[str, Regime] = Field(default_factory=dict, min_length=2)
    noise: Noise = Field(default_factory=lambda: Noise.model_validate(_shipped()["noise"]))
    physics: Physics = Field(default_factory=lambda: Physics.model_validate(_shipped()["physics"]))
    fields: FieldSettings = Field(
        default_factory=lambda: FieldSettings.model_validate(_shipped()["fields"])
    )
    vintages: Vintages = Field(
        default_factory=lambda: Vintages.model_validate(_shipped()["vintages"])
    )
    sources: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _over_shipped(cls, data: Any) -> Any:
        return _over(_shipped(), data) if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _linked(self) -> Self:
        names = set(self.regimes)
        wrong = {}
        for name, regime in self.regimes.items():
            if unknown := sorted(set(regime.next) - names):
                wrong[name] = f"unknown regimes {unknown}"
            elif not any(w > 0 for w in regime.next.values()) or name in regime.next:
                wrong[name] = "must lead to another regime"
            elif not all(
                any(self.regimes[n].season[s] * w > 0 for n, w in regime.next.items())
                for s in range(4)
            ):
                wrong[name] = "has a season without a regime to follow"
        if wrong:
            raise ValueError(f"next regimes: {wrong}, have {sorted(names)}")
        return self


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _over(below, value) if both else value  # type: ignore[arg-type]
    return merged
