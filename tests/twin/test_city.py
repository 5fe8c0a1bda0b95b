from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import schema
from forecast.problems import ConfigError
from twin import background, geography
from twin.city import City, Controls, HourlyTruth
from twin.city_weather import CityWeather
from twin.config import TwinConfig, load
from twin.config_air import AirConfig
from twin.emissions import AreaSources
from twin.state import CO, SO2, SPECIES, SULPHATE

DEMO = Path(__file__).resolve().parents[2] / "configs" / "twin" / "demo.yaml"
START = pd.Timestamp("2016-01-10 00:00")
LEAD = 60
SO2_AT, NO2_AT, O3_AT, PM25_AT = (schema.POLLUTANTS.index(p) for p in ("so2", "no2", "o3", "pm25"))


def small(air: dict[str, object] | None = None) -> TwinConfig:
    """The demo city on 9 km cells; some of the air's settings others."""
    config = load(DEMO)
    grid = config.geography.grid.model_copy(update={"dx_m": 9000.0})
    geo = config.geography.model_copy(update={"grid": grid})
    given = {"grid": {"spin_up_hours": 6}, "background": {"index": {"spin_up_hours": LEAD}}}
    merged = AirConfig.model_validate(_over(given, air or {}))
    return config.model_copy(update={"geography": geo, "air": merged})


def _over(base: Mapping[str, object], top: Mapping[str, object]) -> dict[str, object]:
    both = {
        k: _over(base[k], v) if isinstance(v, dict) and k in base else v for k, v in top.items()
    }  # type: ignore[arg-type]
    return {**base, **both}


@cache
def grid_shape() -> tuple[int, int]:
    ground = geography.create(small())
    return ground.ny, ground.nx


STILL = {"wind": 1.2, "from": 150.0, "blh": 300.0, "stagnation": 1.0}
FRONT = {"wind": 9.0, "from": 320.0, "blh": 1300.0, "stagnation": 0.0}


def weather(hours: int, change: int | None = None, first: Mapping[str, float] = STILL,
            then: Mapping[str, float] = FRONT, **fixed: float) -> CityWeather:  # fmt: skip
    """Plain weather, the same everywhere: one kind until hour `change`, another after it."""
    count = LEAD + hours
    times = pd.date_range(START - pd.Timedelta(hours=LEAD), periods=count, freq="h")
    later = np.arange(count) >= LEAD + (hours if change is None else change)

    def pick(name: str) -> np.ndarray:
        return np.where(later, then[name], first[name])

    angle, zero = np.radians(pick("from")), np.zeros(count)
    u, v = -pick("wind") * np.sin(angle), -pick("wind") * np.cos(angle)
    sun = 450 * np.maximum(np.cos((times.hour.to_numpy() - 4.5) / 24 * 2 * np.pi), 0)
    series = {
        "u10": u, "v10": v, "u_up": 2 * u, "v_up": 2 * v, "blh": pick("blh"), "ssrd": sun,
        "t2m": zero + 275, "d2m": zero + 270, "sp": zero + 101000, "tp": zero, "cloud": zero,
        "stagnation": pick("stagnation"), "dust": zero, "mixing": sun / (sun + 100),
    }  # fmt: skip
    series |= {name: zero + value for name, value in fixed.items()}
    flat = np.ones(grid_shape())

    def fields(rows: slice) -> dict[str, np.ndarray]:
        return {k: values[rows, None, None] * flat for k, values in series.items()}

    return CityWeather(times, LEAD, series, fields)


def make(config: TwinConfig, hours: int = 30, sky: CityWeather | None = None) -> City:
    sky = weather(hours) if sky is None else sky
    return City.create(config, start=START, hours=hours, weather=sky)


@pytest.fixture(scope="module")
def city() -> City:
    return make(small(), hours=40)


def test_a_run_is_a_dataset_of_the_schema_and_says_it_is_simulated(city: City) -> None:
    begin = city.snapshot()
    ds = city.run(5, keep_fields=True)
    schema.check_units(ds, schema.POLLUTANTS, where="run")
    assert ds.attrs["simulated"] == city.simulated == f"twin:{city.config.digest}:{city.seed}"
    assert ds["time"].values[0] == np.datetime64(START)
    assert list(ds["station"].values) == list(city.geography.stations.index)
    for name in schema.POLLUTANTS:
        assert np.isfinite(ds[name]).all()
        assert (ds[name] >= 0).all()
    assert (ds["pm10"] >= ds["pm25"]).all()
    assert ds["pm25_field"].shape == (5, city.geography.ny, city.geography.nx)
    # Roadsides and villages differ from their cells, the network as a whole does not.
    np.testing.assert_allclose(city.points.factors.mean(axis=0), 1.0)
    city.restore(begin)


def test_a_snapshot_brings_the_same_bits_back(city: City) -> None:
    begin = city.snapshot()
    one = city.run(26)
    city.restore(begin)
    two = city.run(26)
    city.restore(begin)
    for name in schema.POLLUTANTS:
        assert one[name].values.tobytes() == two[name].values.tobytes()
    with pytest.raises(ValueError):
        begin.mass[0] = 0  # nobody can change a snapshot


def test_the_same_seed_gives_the_same_bits_and_another_seed_another_city() -> None:
    config = small()
    runs = [
        City.create(config, start=START, hours=4, seed=seed).run(4)["pm25"].values
        for seed in (5, 5, 6)
    ]
    assert runs[0].tobytes() == runs[1].tobytes()
    assert not np.array_equal(runs[0], runs[2])


def test_mass_is_kept_when_nothing_enters_leaves_or_reacts() -> None:
    config = small({"grid": {"closed": True, "spin_up_hours": 0}, "reactions": False,
                    "removal": False})  # fmt: skip
    city = City.create(config, start=START, hours=24)  # the city's own weather, hills and all
    before = city.state.mass.sum(axis=(0, 2, 3))
    nothing = np.zeros(len(city.enterprises.units)), dict.fromkeys(city.sources.sectors, 0.0)
    for _ in range(24):
        truth = city.step(unit_scale=nothing[0], sector_scale=nothing[1])
        assert not truth.budget.emitted.any()
    np.testing.assert_allclose(city.state.mass.sum(axis=(0, 2, 3)), before, rtol=1e-11)


def test_the_budget_closes_with_everything_on(city: City) -> None:
    begin = city.snapshot()
    for group in ([SO2, SULPHATE], [CO]):
        city.restore(begin)
        before = city.state.mass[:, group].sum()
        gained = 0.0
        for _ in range(6):
            b = city.step().budget
            gained += (b.entered + b.emitted - b.taken)[group].sum()
        assert city.state.mass[:, group].sum() == pytest.approx(before + gained, rel=1e-10)
    city.restore(begin)


def coarse_by_scale(*, clean: bool) -> list[np.ndarray]:
    """Coarse particles at the ground after twelve hours of no, half and full emissions."""
    air: dict[str, object] = {"reactions": False, "removal": False}
    city = make(small(air | ({"background": {"scale": 0.0}} if clean else {})), hours=12)
    begin, fields = city.snapshot(), []
    for scale in (0.0, 0.5, 1.0):
        city.restore(begin)
        units = np.full(len(city.enterprises.units), scale)
        for _ in range(12):
            truth = city.step(
                unit_scale=units, sector_scale=dict.fromkeys(city.sources.sectors, scale)
            )
        fields.append(np.asarray(truth.fields[1] - truth.fields[0], float))
    return fields


def test_halving_emissions_of_an_inert_species_halves_its_local_part() -> None:
    none, half, full = coarse_by_scale(clean=True)
    local = full - none
    np.testing.assert_allclose(half - none, 0.5 * local, rtol=0.01, atol=0.01 * local.max())
    # On top of a background, transport's limiter bends the response of single cells (here 9 km),
    # not the whole: that is what a budget would not allow.
    none, half, full = coarse_by_scale(clean=False)
    local = full - none
    assert local.max() > 5
    assert (half - none).mean() == pytest.approx(0.5 * local.mean(), rel=0.02)
    np.testing.assert_allclose(half - none, 0.5 * local, atol=0.1 * local.max())


def test_a_front_cleans_the_air() -> None:
    city = make(small(), hours=60, sky=weather(60, change=40))
    daily = city.run(60)["pm25"].mean("station").values
    assert daily[36:40].mean() > 60
    assert daily[-4:].mean() < 0.4 * daily[36:40].mean()


def test_pollution_builds_up_while_the_air_stands_still() -> None:
    sky = weather(50, change=6, first=FRONT, then=STILL)
    values = make(small(), hours=50, sky=sky).run(50)["pm25"].mean("station").values
    assert values[24] > 1.5 * values[4]
    assert values[-1] > values[24]


def test_a_policy_that_cuts_units_lowers_so2_downwind_and_raises_it_nowhere(city: City) -> None:
    begin = city.snapshot()
    usual = city.run(10, keep_fields=True)["so2_field"].values
    city.restore(begin)
    asked: list[HourlyTruth | None] = []

    def policy(time: pd.Timestamp, last: HourlyTruth | None) -> Controls:
        asked.append(last)
        stop = time > START + pd.Timedelta(hours=3)
        return Controls(unit_scale=np.full(len(city.enterprises.units), 0.0 if stop else 1.0))

    cut = city.run(10, policy=policy, keep_fields=True)["so2_field"].values
    city.restore(begin)
    np.testing.assert_array_equal(cut[:4], usual[:4])  # the future does not reach back
    assert asked[0] is None
    assert asked[5] is not None
    assert (cut[5:] <= usual[5:] * 1.02).all()  # the limiter of transport bends a little
    assert (usual - cut)[9].max() > 5
    stack = city.enterprises.stacks
    rate = city.enterprises.units["so2"].reindex(stack["unit"]).to_numpy()
    row, column = city.geography.plane.cell_of(stack["x"].to_numpy(), stack["y"].to_numpy())
    heaviest = np.bincount(row * city.geography.nx + column, rate).argmax()
    assert (usual - cut)[9].ravel()[heaviest] > 0.3 * (usual - cut)[9].max()


def test_less_nox_raises_ozone_in_a_winter_city(city: City) -> None:
    begin = city.snapshot()
    usual = city.run(8, keep_fields=True)
    city.restore(begin)
    for _ in range(8):
        truth = city.step(sector_scale={"traffic": 0.3})
    city.restore(begin)
    more = truth.fields[O3_AT] - usual["o3_field"].values[-1]
    less = truth.fields[NO2_AT] - usual["no2_field"].values[-1]
    assert more.mean() > 0 > less.mean()


def test_ozone_has_its_day_and_no2_its_night(city: City) -> None:
    begin = city.snapshot()
    ds = city.run(30).mean("station")
    city.restore(begin)
    hour = (ds["time"].dt.hour.values + 8) % 24
    noon, night = (hour >= 13) & (hour <= 16), (hour <= 5) | (hour >= 22)
    assert ds["o3"].values[noon].mean() > 1.5 * ds["o3"].values[night].mean()
    assert ds["no2"].values[night].mean() > ds["no2"].values[noon].mean()


def test_the_region_has_episodes_dust_and_an_ozone_of_its_own() -> None:
    config = small()
    settings = config.air.background
    still, front = (
        background.inflow(sky.series, sky.times, settings, seed=1)
        for sky in (weather(40), weather(40, first=FRONT))
    )
    assert still.regional_pm25[-1] > 3 * front.regional_pm25[-1]
    dusty = weather(40, first=FRONT, dust=1.0)
    more = background.inflow(dusty.series, dusty.times, settings, seed=1).conc - front.conc
    assert more[0, -1, -1] == pytest.approx(settings.dust_coarse)
    summer = replace(weather(40), times=weather(40).times + pd.Timedelta(days=170))
    warm = background.inflow(summer.series, summer.times, settings, seed=1)
    assert warm.conc[1, :, 3].mean() > still.conc[1, :, 3].mean()
    assert still.conc.min() >= 0


def test_an_era_scales_the_region_by_species_and_leaves_ozone_and_the_rest() -> None:
    sky = weather(40, dust=0.5)

    def of(scale: float | dict[str, float]) -> np.ndarray:
        settings = small({"background": {"scale": scale}}).air.background
        return background.inflow(sky.series, sky.times, settings, seed=1).conc

    plain = of(1.0)
    so2 = of({"so2": 0.25})
    rest = [i for i in range(len(SPECIES)) if i != SO2]
    np.testing.assert_allclose(so2[..., SO2], 0.25 * plain[..., SO2])
    np.testing.assert_array_equal(so2[..., rest], plain[..., rest])
    names = ("pm25", "coarse", "so2", "no2", "co", "voc", "nh3")
    np.testing.assert_array_equal(of(dict.fromkeys(names, 0.8)), of(0.8))
    # Gases hang on P / level, which an era of less PM2.5, even of none, does not touch.
    np.testing.assert_array_equal(of({"pm25": 0.0})[..., SO2], plain[..., SO2])


def test_wrong_calls_are_refused_with_all_problems(city: City) -> None:
    with pytest.raises(ConfigError) as error:
        city.step(unit_scale=np.ones(3), sector_scale={"volcanoes": 1.0})
    assert len(error.value.problems) == 2
    with pytest.raises(ConfigError, match="below zero"):
        city.step(sector_scale=-np.ones(len(city.sources.sectors)))
    with pytest.raises(ConfigError) as error:
        City.create(city.config, start=pd.Timestamp("2016-01-01 00:30"), hours=0)
    assert len(error.value.problems) == 2
    begin = city.snapshot()
    with pytest.raises(ConfigError, match="below its 40 hours"):
        city.run(41)
    city.restore(begin)
    with pytest.raises(ConfigError, match="snapshot"):
        city.restore(replace(begin, mass=begin.mass[:, :, :2]))


def test_wrong_settings_of_the_air_are_refused() -> None:
    with pytest.raises(ValueError, match="does not sum to one"):
        AirConfig.model_validate({"background": {"shares_cold": {"soa": 0.9}}})
    with pytest.raises(ValueError, match=r"background\.scale: unknown \['o3'\]"):
        AirConfig.model_validate({"background": {"scale": {"o3": 0.5, "so2": 0.5}}})
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        AirConfig.model_validate({"background": {"scale": {"so2": -0.5}}})
    with pytest.raises(ValueError, match="unknown \\['ozone'\\]"):
        AirConfig.model_validate({"readout": {"kinds": {"urban": {"ozone": 1.0}}}})


def test_area_sources_are_what_the_emissions_say(city: City) -> None:
    assert isinstance(city.sources, AreaSources)
    kg = city.sources.pattern[:, 4].sum()  # VOC, kg/h
    nmol = city._pattern[:, 5].sum() * city.geography.dx_m**2
    scale = city.config.air.emitted.scale.get("voc", 1.0)
    assert nmol * 3600 * 14.03e-12 == pytest.approx(kg * scale)


def test_the_later_years_are_the_same_city_with_less_in_its_air() -> None:
    base, later = (load(DEMO.with_name(f"jiaozuo{name}.yaml")) for name in ("", "-later"))
    assert later.geography == base.geography
    region = later.air.background
    assert base.air.background.scale == 1
    assert region.era("so2") < region.era("co") < region.era("pm25") < 1
    assert later.air.reference == "298"
    assert later.emissions.scale["so2"] == 0.48
