"""Settings of the simulated city's observations: sensors by tier, faults, and everything else seen.

Takes parsed YAML, gives frozen sections. What a city's own configuration says lies over the shipped
numbers: `configs/twin/sensors.yaml` (fitted by `python -m twin.sensor_fit`) and
`configs/twin/sensors_assumed.yaml` (by hand: each number there is an assumption or has a source).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml
from forecast.schema import POLLUTANTS, TIERS

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
FaultKind = Literal["outage", "stuck", "unit", "clock", "decay"]


class Shares(Section):
    """How a sensor's error splits over time scales; shares of its variance, sum one."""

    white: Share
    hours: Share
    day: Share
    weeks: Share
    cycle: Share  # stays the same from one maintenance to the next

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.white + self.hours + self.day + self.weeks + self.cycle
        if abs(total - 1) > 1e-3:
            raise ValueError(f"shares sum to {total:g}, not one")
        return self


class Micro(Section):
    """One pollutant of a micro-sensor, in the pollutant's unit of the schema.

    reading = growth(RH) (gain truth + sum cross other) + offset + temperature (T - 10 degC)
    + humidity (RH - 60)+ / 10 + error.
    """

    gain: NotNegative
    cycle_gain_sd: NotNegative  # of the gain from one maintenance to the next
    cross: dict[str, float]  # per unit of another pollutant
    kappa: NotNegative  # hygroscopicity in the growth, 0: none
    offset: float
    temperature: float  # per K
    humidity: float  # per 10 % above 60 %
    additive: NotNegative  # error, standard deviation
    relative: NotNegative  # error per unit of the reading
    shares: Shares
    floor: NotNegative  # less is never shown
    spike_share: Share  # of hours
    spike_factor: Positive


class Ranges(Section):
    """Where the fitted effects of weather hold; outside they stay at the edge."""

    temperature_c: tuple[float, float]
    humidity_percent: tuple[float, float]


class Quality(Section):
    """Part of a tier's sensors: their errors are the fitted micro-sensor's times `scale`."""

    share: Share
    scale: NotNegative


class Tier(Section):
    """What a tier's instruments are like."""

    qualities: tuple[Quality, ...] = Field(min_length=1)
    unit_gain_sd: NotNegative  # between instruments of one make
    unit_offset_sd: NotNegative  # of the factor on the fitted offset, between instruments
    analyser_relative: NotNegative  # what even a good instrument errs
    analyser_floors: NotNegative  # times the instrument's floor of each pollutant
    drift_per_month: NotNegative  # standard deviation of the gain's drift since maintenance
    maintenance_days: Positive
    spikes: NotNegative  # times the fitted share of hours; 0: quality control removes them
    integers: bool  # whole ug m-3 and tenths of mg m-3, as published; else hundredths
    coordinates_swapped: Share  # of stations
    colocation_days_per_year: NotNegative

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if abs(sum(q.share for q in self.qualities) - 1) > 1e-6:
            raise ValueError("shares of qualities do not sum to one")
        return self


class Fault(Section):
    """One kind of fault: how often and how long."""

    per_year: dict[str, NotNegative]  # tier -> events a station and year
    median_hours: Positive
    spread: NotNegative  # of the duration's logarithm
    whole_station: Share  # else one pollutant only

    @model_validator(mode="after")
    def _tiers(self) -> Self:
        if set(self.per_year) != set(TIERS):
            raise ValueError(f"tiers {sorted(self.per_year)}, not {sorted(TIERS)}")
        return self


class Lidar(Section):
    """Vertical profiles and mixing height."""

    bin_m: float = Field(ge=30, le=60)
    top_m: Positive
    lowest_m: NotNegative  # overlap: nothing is seen below
    mass_efficiency_fine: Positive  # m2/g, dry, at 532 nm
    mass_efficiency_coarse: Positive
    kappa: NotNegative
    residual_scale_m: Positive  # above the mixed layer extinction falls with this height
    noise_relative: NotNegative
    noise_per_km: NotNegative  # per km at 1 km, growing with range squared
    most_optical_depth: Positive  # the beam ends here: fog
    height_error_relative: NotNegative
    height_error_m: NotNegative
    height_wrong_share: Share  # residual layer taken for the mixed layer
    missing_share: Share


class Satellite(Section):
    """A daily pass."""

    local_hour: float = Field(ge=0, lt=24)
    efficiency_fine: Positive  # m2/g
    efficiency_coarse: Positive
    kappa: NotNegative
    residual_scale_m: Positive
    background_aod: NotNegative
    aod_relative: NotNegative
    aod_additive: NotNegative
    free_no2_column: NotNegative  # 1e15 molecules cm-2
    no2_relative: NotNegative
    no2_additive: NotNegative
    haze_aod: Positive  # thicker is often taken for cloud
    clear_share: Share  # of an overcast field's cells that are seen all the same


class Reports(Section):
    """Calls to the hotline 12369."""

    per_million_day: NotNegative  # on a clean day, without a source near
    per_excess: NotNegative  # growth of the rate per unit of relative excess of PM2.5
    odour_per_source_day: NotNegative  # near a strong source, times people within reach
    dust_gain: NotNegative
    fireworks_gain: NotNegative
    reach_m: Positive
    false_share: Share
    duplicate_share: Share
    place_error_m: Positive
    delay_hours: Positive
    hourly: tuple[NotNegative, ...] = Field(min_length=24, max_length=24)


class Mobile(Section):
    """Vehicles that measure while they drive."""

    vehicles: int = Field(ge=0)
    speed_km_h: Positive
    shifts: tuple[tuple[int, int], ...]  # local hours, from and to
    pm25_relative: NotNegative
    pm25_additive: NotNegative
    no2_relative: NotNegative
    no2_additive: NotNegative
    plume_share: Share  # minutes behind a truck
    plume_factor: Positive
    position_error_m: NotNegative


class Metering(Section):
    """Stack monitors and electricity meters."""

    concentration_relative: NotNegative
    flow_relative: NotNegative
    calibration_hours: int = Field(ge=1)
    calibration_days: Positive
    stuck_per_year: NotNegative
    outage_per_year: NotNegative
    median_hours: Positive
    cap_factor: Positive  # full scale, times the mean concentration
    idle_share: Share  # of a unit's power that stays on when it stands
    treatment_share: Share  # of its power that abatement takes
    meter_relative: NotNegative
    kwh_per_yuan: Positive  # at the mean output
    fake_share: Share  # of those who do not comply: the monitor shows what was ordered
    late_hours: NotNegative  # median of who complies late
    night: tuple[int, int]  # local hours when the inspectors sleep


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    folder = configs_dir() / "twin"
    by_hand: dict[str, Any] = read_yaml(folder / "sensors_assumed.yaml")
    fitted = folder / "sensors.yaml"  # absent only before the first fit, which then gives it
    return {**by_hand, **(read_yaml(fitted) if fitted.is_file() else {})}


class SensorsConfig(Section):
    """The section `sensors` of the city's configuration; everything has a default."""

    # The shipped numbers stand below what a configuration says, so these factories never run.
    micro: dict[str, Micro] = Field(default_factory=dict)
    ranges: Ranges = Field(default_factory=lambda: _absent("ranges"))
    instrument_floor: dict[str, NotNegative] = Field(default_factory=dict)
    unit_factor: dict[str, Positive] = Field(default_factory=dict)
    tiers: dict[str, Tier] = Field(default_factory=dict)
    faults: dict[FaultKind, Fault] = Field(default_factory=dict)
    lidar: Lidar = Field(default_factory=lambda: _absent("lidar"))
    satellite: Satellite = Field(default_factory=lambda: _absent("satellite"))
    reports: Reports = Field(default_factory=lambda: _absent("reports"))
    mobile: Mobile = Field(default_factory=lambda: _absent("mobile"))
    metering: Metering = Field(default_factory=lambda: _absent("metering"))
    source: str = ""

    @model_validator(mode="before")
    @classmethod
    def _over_shipped(cls, data: Any) -> Any:
        return _over(_shipped(), data) if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _complete(self) -> Self:
        problems = []
        for field, wanted in (
            ("micro", POLLUTANTS), ("instrument_floor", POLLUTANTS), ("unit_factor", POLLUTANTS),
            ("tiers", TIERS), ("faults", get_args(FaultKind)),
        ):  # fmt: skip
            if set(getattr(self, field)) != set(wanted):
                problems.append(f"{field}: {sorted(getattr(self, field))}, not {sorted(wanted)}")
        for name, one in self.micro.items():
            if strange := sorted(set(one.cross) - set(POLLUTANTS)):
                problems.append(f"micro.{name}.cross: unknown {strange}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    """`top` laid over `base`, mappings key by key, all else whole."""
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _over(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _absent(section: str) -> Any:
    raise KeyError(f"the shipped numbers have no section {section}")
