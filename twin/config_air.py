"""Settings of the simulated city's air: chemistry, deposition, mixing, background, stations.

Takes parsed YAML, gives frozen sections. What a city's own configuration says lies over the
shipped numbers (configs/twin/air.yaml), key by key. Knows nothing of the air made from them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from forecast.config import Section, configs_dir, read_yaml
from forecast.schema import POLLUTANTS

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Months = Annotated[tuple[NotNegative, ...], Field(min_length=12, max_length=12)]


class Grid(Section):
    """Layers and steps."""

    lid_m: Positive  # top of the residual layer above ground
    least_depth_m: Positive  # the mixed layer is never shallower: stacks, trees and roofs stir it
    steps_per_hour: int = Field(ge=1, le=12)  # transport and chemistry take turns
    wind_power: NotNegative  # wind of the mixed layer: u10 (depth / 2 / 10 m) ** power
    wind_most: Positive  # but not more than so much faster than at 10 m
    leak_m_s: NotNegative  # exchange between the layers by intermittent turbulence
    spin_up_hours: int = Field(ge=0, le=240)
    closed: bool = False  # walls around: for budgets


class Chemistry(Section):
    """Rate constants cm3 molecule-1 s-1 where not said otherwise; sources in air.yaml."""

    no_o3: Positive
    no_o3_k: Positive  # exp(-k / T)
    photolysis_a: Positive  # j(NO2) = a G + b G2, G in W m-2
    photolysis_b: float
    oh_no2: Positive
    oh_so2: Positive
    oh_carbon: Positive  # per carbon of the mixture of VOC
    oh_co: Positive
    oh_rest_s: NotNegative  # s-1, methane and what else is everywhere
    peroxy_no: Positive
    peroxy_peroxy: Positive
    radicals_o3: NotNegative  # s-1 per hPa of vapour, at 800 W m-2
    radicals_voc: NotNegative  # s-1 per carbon
    radicals_no2: NotNegative  # s-1, nitrous acid from surfaces
    voc_kept: Share  # part of oxidised VOC whose products are still reactive
    soa_yield: NotNegative  # ug of aerosol per ug of oxidised VOC
    no2_o3: Positive
    no2_o3_k: Positive
    n2o5_dry: Share  # part of NO3 that ends as nitrate, at 0 and at 100 % humidity
    n2o5_wet: Share
    gamma_so2_low: NotNegative  # uptake of SO2 on haze at 50 % humidity and below it
    gamma_so2_high: NotNegative  # and at 100 %
    surface_m2_g: Positive  # of dry particles
    kappa: NotNegative  # hygroscopicity
    step_s: Positive  # longest step of chemistry


class Deposition(Section):
    """Velocities m s-1 without aerodynamic resistance, by day and by night; rain."""

    velocity_day: Mapping[str, NotNegative]
    velocity_night: Mapping[str, NotNegative]
    resistance_s: Positive  # aerodynamic, times wind: s m-1 times m s-1
    stable_factor: Positive  # how much larger at night
    washout_s: Mapping[str, NotNegative]  # at 1 mm/h
    washout_power: Positive


class Emitted(Section):
    """How emissions enter the air."""

    scale: Mapping[str, NotNegative] = {}  # on top of the emissions' own; absent: 1
    no2_share: Share  # of NOx, by volume
    sulphate_share: Share  # of SO2, by volume
    wind_power: NotNegative  # wind at the stack's top
    stability_k_m: Positive  # potential temperature gradient of stable air


class Regional(Section):
    """The index that drives the regional background, see background.py."""

    stagnation: NotNegative  # all in natural logarithms of the level
    polluted_flow: NotNegative
    clean_flow: NotNegative
    clean_from_degrees: float
    flow_m_s: Positive  # wind above at which a flow counts in full
    rain: NotNegative  # per mm of the last 12 h, at most 10 mm
    noise: NotNegative
    noise_hours: Positive
    species_noise: NotNegative  # log-normal, of each species that hangs on the index
    species_hours: Positive
    build_up_hours: Positive
    clean_hours: Positive  # at flow_m_s out of the clean side
    wane_hours: Positive
    spin_up_hours: int = Field(ge=0)


class Background(Section):
    """What flows in: monthly levels (ug m-3, CO mg m-3) and how species hang on the index."""

    index: Regional
    level: dict[str, Months]  # pm25 coarse so2 no2 co voc nh3 (gas)
    power: dict[str, NotNegative]  # of (P / level of PM2.5)
    residual: dict[str, NotNegative]  # in the residual layer, relative to the mixed layer
    above: dict[str, NotNegative]  # above the lid
    shares_cold: dict[str, Share]  # of PM2.5: pm25 (primary) sulphate nitrate soa, at 0 degC
    shares_warm: dict[str, Share]  # at 25 degC
    no_share: Share  # of NOx in the mixed layer by day
    dust_coarse: NotNegative  # ug m-3 at dust index 1
    dust_pm25: NotNegative
    ozone_clean: Months  # afternoon, ug m-3
    ozone_made: Months  # on top of it, in mean sun and warmth
    ozone_sun_w_m2: Positive  # daily mean radiation that makes this much
    ozone_sun_power: Positive
    ozone_warm_per_k: NotNegative  # e-fold with the temperature above 298 K
    ozone_stagnation: NotNegative
    ozone_hours: Positive  # memory
    ozone_night: Share  # of the afternoon's in the mixed layer of a still night
    scale: NotNegative | dict[str, NotNegative] = 1.0  # an era's, of all or by name of `level`
    source: str
    assumption: bool

    def era(self, name: str) -> float:
        """Factor on the level of one species; ozone and dust have none, absent is one."""
        return self.scale.get(name, 1.0) if isinstance(self.scale, Mapping) else self.scale


class Readout(Section):
    """From fields to the points where stations stand."""

    kinds: dict[str, dict[str, Positive]]  # kind -> pollutant -> factor; absent: 1
    spread: NotNegative  # log-normal, per station and pollutant


def _section(name: str) -> Any:
    return Field(default_factory=lambda: _TYPES[name].model_validate(_shipped()[name]))


class AirConfig(Section):
    """The section `air` of the city's configuration; everything has a default."""

    reference: Literal["273", "298"] = "273"  # GB 3095-2012 before and after September 2018
    grid: Grid = _section("grid")
    chemistry: Chemistry = _section("chemistry")
    deposition: Deposition = _section("deposition")
    emitted: Emitted = _section("emitted")
    background: Background = _section("background")
    readout: Readout = _section("readout")
    reactions: bool = True
    removal: bool = True  # deposition and washout
    sources: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _over_shipped(cls, data: Any) -> Any:
        return _over(_shipped(), data) if isinstance(data, Mapping) else data

    @model_validator(mode="after")
    def _complete(self) -> Self:
        gases = ("so2", "no2", "co", "voc", "nh3")
        wanted = {
            "level": ("pm25", "coarse", *gases),
            "power": ("coarse", *gases),
            "residual": ("pm25", "coarse", "o3", *gases),
            "above": ("pm25", "coarse", "o3", *gases),
            "shares_cold": ("pm25", "sulphate", "nitrate", "soa"),
            "shares_warm": ("pm25", "sulphate", "nitrate", "soa"),
        }
        wrong = [
            f"background.{name}: {sorted(set(names) ^ set(getattr(self.background, name)))}"
            for name, names in wanted.items()
            if set(names) != set(getattr(self.background, name))
        ]
        scale = self.background.scale
        if isinstance(scale, Mapping) and (unknown := sorted(set(scale) - set(wanted["level"]))):
            wrong.append(f"background.scale: unknown {unknown}")
        for name in ("shares_cold", "shares_warm"):
            if abs(sum(getattr(self.background, name).values()) - 1) > 1e-9:
                wrong.append(f"background.{name} does not sum to one")
        for kind, factors in self.readout.kinds.items():
            if unknown := sorted(set(factors) - set(POLLUTANTS)):
                wrong.append(f"readout.kinds.{kind}: unknown {unknown}")
        if self.grid.least_depth_m > self.grid.lid_m / 4:
            wrong.append("grid.least_depth_m above a quarter of lid_m")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self


_TYPES: dict[str, type[Section]] = {
    "grid": Grid, "chemistry": Chemistry, "deposition": Deposition, "emitted": Emitted,
    "background": Background, "readout": Readout,
}  # fmt: skip


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    data: dict[str, Any] = read_yaml(configs_dir() / "twin" / "air.yaml")
    return data


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in top.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _over(below, value) if both else value  # type: ignore[arg-type]
    return merged
