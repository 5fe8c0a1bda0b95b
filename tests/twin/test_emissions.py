"""Area emissions: totals to the tonne, factors that mean one, calendars that act as said."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.config import configs_dir
from forecast.problems import ConfigError, DataError
from twin import activity, config, emissions, geography
from twin.config import TwinConfig
from twin.config_emissions import EMITTED, Heating, Sector, Times
from twin.emissions import AreaSources
from twin.geography import Geography

OFFSET = pd.Timedelta(hours=8)


@pytest.fixture(scope="module")
def demo() -> TwinConfig:
    return config.load(configs_dir() / "twin" / "demo.yaml")


@pytest.fixture(scope="module")
def ground(demo: TwinConfig) -> Geography:
    return geography.create(demo)


@pytest.fixture(scope="module")
def sources(demo: TwinConfig, ground: Geography) -> AreaSources:
    return emissions.area_sources(ground, demo)


def year(number: int) -> pd.DatetimeIndex:
    """UTC hour ends of a local calendar year."""
    starts = pd.date_range(f"{number}-01-01", f"{number + 1}-01-01", freq="h", inclusive="left")
    return starts + pd.Timedelta(hours=1) - OFFSET


def at(local_start: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex([pd.Timestamp(local_start) + pd.Timedelta(hours=1) - OFFSET])


@pytest.mark.parametrize("number", [2015, 2016])
def test_factors_of_a_year_sum_to_8760_hours(sources: AreaSources, number: int) -> None:
    factors = emissions.sector_factors(sources, year(number), offset=OFFSET)
    assert_allclose(factors.sum(axis=0), 8760, rtol=1e-9)  # so a leap year emits no more
    assert (factors >= 0).all()


def test_annual_totals_are_the_configured_ones(
    sources: AreaSources, demo: TwinConfig, ground: Geography
) -> None:
    factors = emissions.sector_factors(sources, year(2015), offset=OFFSET)
    for i, (name, sector) in enumerate(demo.emissions.sectors.items()):
        where = ground.inside if sector.inside else ~ground.inside
        by_species = sources.pattern[i][:, where].sum(axis=1) * factors[:, i].sum() / 1000
        wanted = [sector.annual_t.get(s, 0) for s in EMITTED]
        assert_allclose(by_species, wanted, rtol=1e-9, err_msg=name)


def test_rates_are_the_sum_of_the_sectors(sources: AreaSources) -> None:
    factors = emissions.sector_factors(sources, year(2015)[:30], offset=OFFSET)
    both = emissions.rates(sources, factors)
    alone = [emissions.rates(sources, factors, only=(name,)) for name in sources.sectors]
    assert both.shape == (30, 7, *sources.pattern.shape[2:])
    assert both.dtype == np.float32
    assert_allclose(sum(alone), both, rtol=1e-4, atol=1e-5)


def test_area_rates_are_pattern_times_factor_by_hand(
    demo: TwinConfig, ground: Geography, sources: AreaSources
) -> None:
    times = at("2015-07-15 08:00")
    total = emissions.area_rates(ground, demo, times, offset=OFFSET)
    by_hand = np.zeros(total.shape[1:])
    for i in range(len(sources.sectors)):
        factor = emissions.sector_factors(sources, times, offset=OFFSET)[0, i]
        by_hand += factor * sources.pattern[i]
    assert_allclose(total[0], by_hand, rtol=1e-4)


def test_the_eras_scale_multiplies(demo: TwinConfig, ground: Geography) -> None:
    halved = demo.emissions.model_copy(update={"scale": {"so2": 0.5}})
    scaled = emissions.area_sources(ground, demo.model_copy(update={"emissions": halved}))
    base = emissions.area_sources(ground, demo)
    so2, nox = EMITTED.index("so2"), EMITTED.index("nox")
    assert_allclose(scaled.pattern[:, so2], 0.5 * base.pattern[:, so2])
    assert_allclose(scaled.pattern[:, nox], base.pattern[:, nox])


def test_traffic_has_rush_hours_and_a_quiet_festival(sources: AreaSources) -> None:
    column = sources.sectors.index("traffic")

    def traffic(local: str) -> float:
        return float(emissions.sector_factors(sources, at(local), offset=OFFSET)[0, column])

    assert traffic("2015-11-18 07:00") > 3 * traffic("2015-11-18 02:00")
    assert traffic("2015-11-18 18:00") > 1.1 * traffic("2015-11-18 12:00")
    # 2016-02-08 and 2016-02-29 are Mondays; the first is the lunar new year, activity 0.7.
    assert traffic("2016-02-08 12:00") == pytest.approx(0.7 * traffic("2016-02-29 12:00"), rel=1e-9)


def test_stamps_are_ends_of_hours() -> None:
    one_hour = tuple(1.0 if h == 8 else 0.0 for h in range(24))
    times = pd.date_range("2015-06-01 00:00", periods=24, freq="h")
    found = activity.factors(Times(hours=one_hour), Heating(), times, offset=OFFSET)
    # 08:00-09:00 Beijing is 00:00-01:00 UTC, stamped 01:00.
    assert np.flatnonzero(found).tolist() == [1]


def test_heating_follows_the_temperature() -> None:
    times = at("2015-01-10 12:00").repeat(3)
    kelvin = np.array([281.15, 271.15, 291.15])  # 8, -2 and 18 degC against a base of 8 degC
    heating = Heating(base_k=281.15, baseline_k=2.0)
    found = activity.factors(
        Times(heating=True), heating, times, offset=OFFSET, temperature_k=kelvin
    )
    # Demand is 2, 2 + 10, and 2.
    assert_allclose(found / found[0], [1, 6, 1])


def test_a_cold_year_emits_more_and_the_mean_climate_its_total() -> None:
    times, heating = year(2015), Heating()
    climate = activity.climate_k(heating, activity.local_hours(times, OFFSET))
    source = Times(heating=True)
    same = activity.factors(source, heating, times, offset=OFFSET, temperature_k=climate)
    cold = activity.factors(source, heating, times, offset=OFFSET, temperature_k=climate - 1)
    assert_allclose(same.sum(), 8760, rtol=1e-9)
    assert cold.sum() > 1.05 * same.sum()


def test_a_week_day_and_season_mean_one() -> None:
    source = Times(hours=tuple(range(1, 25)), week=(1, 2, 3, 4, 5, 6, 7))  # type: ignore[arg-type]
    monday = activity.local_hours(pd.DatetimeIndex([at("2015-06-01 00:00")[0]]), OFFSET)
    assert monday[0] == pd.Timestamp("2015-06-01")
    weeks = pd.date_range(at("2015-06-01 00:00")[0], periods=24 * 7, freq="h")
    found = activity.factors(source, Heating(), weeks, offset=OFFSET)
    assert_allclose(found.mean(), 1, rtol=0.01)  # a year is 52 weeks and a day
    assert_allclose(found[:24].mean() / found[24:48].mean(), 0.5)
    assert_allclose(found[23] / found[0], 24)


def test_fireworks_burn_in_festival_nights_only(sources: AreaSources) -> None:
    column = sources.sectors.index("fireworks")
    times = year(2016)
    found = emissions.sector_factors(sources, times, offset=OFFSET)[:, column]
    local = activity.local_hours(times, OFFSET)
    assert set(local[found > 0].strftime("%m-%d")) == {"02-07", "02-08", "02-12", "02-22"}
    assert local[np.argmax(found)] == pd.Timestamp("2016-02-08 00:00")


def test_unknown_years_and_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="years 1999 to 1999"):
        activity.factors(Times(), Heating(), at("1999-05-01"), offset=OFFSET)
    with pytest.raises(DataError, match="temperature_k"):
        activity.factors(
            Times(), Heating(), at("2015-05-01"), offset=OFFSET, temperature_k=np.zeros(2)
        )


def test_an_amount_with_nowhere_to_lie_is_refused(demo: TwinConfig, ground: Geography) -> None:
    everywhere = np.zeros_like(ground.area)
    closed = type(ground)(**{**vars(ground), "area": everywhere})  # no cell is outside
    with pytest.raises(ConfigError, match="neighbour_industry"):
        emissions.area_sources(closed, demo)


def test_every_sector_names_its_source(demo: TwinConfig) -> None:
    for sector in demo.emissions.sectors.values():
        assert isinstance(sector, Sector)
        assert sector.source
