"""Enterprises: counts exact, totals exact, tables that fit, and the list they are exported to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from forecast.config import configs_dir
from twin import config, enterprises, geography, register_measures, register_sheets
from twin.config import TwinConfig
from twin.config_emissions import EMITTED, REGISTERED
from twin.enterprises import Enterprises
from twin.geography import Geography

OFFSET = pd.Timedelta(hours=8)


@pytest.fixture(scope="module")
def city() -> TwinConfig:
    return config.load(configs_dir() / "twin" / "jiaozuo.yaml")


@pytest.fixture(scope="module")
def ground(city: TwinConfig) -> Geography:
    return geography.create(city)


@pytest.fixture(scope="module")
def made(city: TwinConfig, ground: Geography) -> Enterprises:
    return enterprises.create(city, ground)


@pytest.fixture(scope="module")
def listed(made: Enterprises, city: TwinConfig) -> pd.DataFrame:
    return register_measures.measures(made, city)


def test_the_published_counts_hold(made: Enterprises) -> None:
    table = made.enterprises
    grades = table["grade"].value_counts()
    assert len(table) == 470
    assert (grades["A"], grades["B"], grades["leading"]) == (23, 76, 21)
    assert table["voc"].sum() == 305
    assert table["positive_list"].sum() == 274
    assert (made.units.groupby("enterprise")["voc"].sum() > 0).sum() == 305
    assert table["kind"].value_counts().to_dict() == {
        "ordinary": 388,
        "minor": 58,
        "guarantee": 16,
        "key_project": 8,
    }
    assert 1400 <= len(made.units) <= 1600


def test_each_industry_emits_its_annual_total(made: Enterprises, city: TwinConfig) -> None:
    annual = made.units.groupby("industry")[list(REGISTERED)].sum() * 365 / 1000
    for name, industry in city.industries.industries.items():
        wanted = [industry.annual_t.get(s, 0) for s in REGISTERED]
        assert_allclose(annual.loc[name], wanted, rtol=1e-9, err_msg=name)


def test_minor_sources_stay_below_100_kg_a_year(made: Enterprises) -> None:
    minor = made.units[made.units["kind"] == "minor"]
    annual = minor.groupby("enterprise")[list(REGISTERED)].sum() * 365
    assert annual.to_numpy().max() <= 100
    voc = made.enterprises["voc"].reindex(annual.index)
    assert ((annual["voc"] > 0) == voc).all()


def test_guarantee_is_mostly_power_and_heat(made: Enterprises) -> None:
    kept = made.enterprises[made.enterprises["kind"] == "guarantee"]
    assert (kept["industry"] == "power_heating").sum() >= 12


def test_better_grades_stand_on_the_positive_list(made: Enterprises) -> None:
    share = made.enterprises.groupby("grade")["positive_list"].mean()
    assert share["A"] == share["leading"] == share["B"] == 1
    assert share["D"] < share["C"]


def test_every_enterprise_lies_in_its_area(made: Enterprises, ground: Geography) -> None:
    table = made.enterprises
    found = geography.area_ids(ground, table["x"].to_numpy(), table["y"].to_numpy())
    assert (found == table["area"].to_numpy()).all()
    lon, lat = ground.plane.to_lonlat(table["x"].to_numpy(), table["y"].to_numpy())
    assert_allclose(lon, table["longitude"], atol=1e-5)
    assert_allclose(lat, table["latitude"], atol=1e-5)


def test_stacks_carry_all_of_each_unit(made: Enterprises) -> None:
    assert enterprises.check(made, where="city") == []
    assert_allclose(made.stacks.groupby("unit")["share"].sum(), 1)
    assert made.stacks["height_m"].between(5, 250).all()
    assert made.stacks["temperature_k"].between(280, 700).all()


def test_output_and_trucks_of_units_sum_to_the_enterprise(made: Enterprises) -> None:
    sums = made.units.groupby("enterprise")[["value_yuan_d", "trucks_d"]].sum()
    sums = sums.reindex(made.enterprises.index)
    assert_allclose(sums["value_yuan_d"], made.enterprises["value_yuan_d"], rtol=0.01)
    assert_allclose(sums["trucks_d"], made.enterprises["trucks_d"], atol=0.5)


def test_tables_that_do_not_fit_are_named_at_once(made: Enterprises) -> None:
    first, second = made.units.index[0], made.units.index[1]
    people = made.enterprises.copy()
    people.loc["E0002", "grade"] = "E"
    people.loc["E0003", "kind"] = "friend"
    units = made.units.copy()
    units.loc[second, "enterprise"] = "E9999"
    stacks = made.stacks[made.stacks["unit"] != first]
    broken = replace(made, enterprises=people, units=units, stacks=stacks)
    said = [str(p) for p in enterprises.check(broken, where="city")]
    for part in (f"{first}: found no stack", "grade 'E'", "kind 'friend'", "unknown enterprise"):
        assert any(part in line for line in said), part
    assert len(said) == 4


def year() -> pd.DatetimeIndex:
    starts = pd.date_range("2015-01-01", "2016-01-01", freq="h", inclusive="left")
    return starts + pd.Timedelta(hours=1) - OFFSET


def test_profiles_of_a_year_mean_one_and_act_as_named(made: Enterprises) -> None:
    some = replace(made, units=made.units.drop_duplicates("profile"))
    found = enterprises.unit_factors(some, year(), offset=OFFSET)
    assert_allclose(found.mean(axis=1), 1, rtol=1e-5)
    by_name = dict(zip(some.units["profile"], found.astype(float), strict=True))
    assert_allclose(by_name["continuous"], 1, rtol=1e-6)
    noon, night = 24 * 160 + 10, 24 * 160 + 2  # local hours of a Wednesday in June
    assert by_name["day_shift"][noon] > 20 * by_name["day_shift"][night]
    assert (
        by_name["heating"][: 31 * 24].mean() > 1.4 * by_name["heating"][24 * 120 : 24 * 150].mean()
    )
    festival = 24 * 49 + 10  # 2015-02-19
    assert by_name["day_shift"][festival] < 0.15 * by_name["day_shift"][festival + 24 * 28]


def test_unit_rates_are_daily_emission_over_24_hours(made: Enterprises) -> None:
    few = replace(made, units=made.units.head(3))
    day = pd.date_range("2015-06-10", periods=24, freq="h") + pd.Timedelta(hours=1) - OFFSET
    found = enterprises.unit_rates(few, day, offset=OFFSET)
    assert found.shape == (3, 24, len(EMITTED))
    kiln = few.units.iloc[0]
    assert kiln["profile"] == "continuous"
    assert_allclose(found[0, :, EMITTED.index("nox")].sum(), kiln["nox"], rtol=1e-5)
    pm = found[0, :, EMITTED.index("pm25")] + found[0, :, EMITTED.index("pm_coarse")]
    assert_allclose(pm.sum(), kiln["pm"], rtol=1e-5)


def test_same_seed_same_enterprises(city: TwinConfig, ground: Geography, made: Enterprises) -> None:
    again = enterprises.create(city, ground)
    assert again.enterprises.equals(made.enterprises)
    assert again.units.equals(made.units)
    assert again.stacks.equals(made.stacks)


def test_the_eras_scale_reaches_the_units(
    city: TwinConfig, ground: Geography, made: Enterprises
) -> None:
    scale = {"so2": 0.48, "pm25": 0.5}
    later = city.emissions.model_copy(update={"scale": scale})
    scaled = enterprises.create(city.model_copy(update={"emissions": later}), ground)
    assert_allclose(scaled.units["so2"], 0.48 * made.units["so2"])
    before, after = enterprises.mean_rates(made.units), enterprises.mean_rates(scaled.units)
    fine, coarse = EMITTED.index("pm25"), EMITTED.index("pm_coarse")
    assert_allclose(after[:, fine], 0.5 * before[:, fine])
    assert_allclose(after[:, coarse], before[:, coarse])


def of(listed: pd.DataFrame, made: Enterprises, **where: str) -> pd.DataFrame:
    units = made.units
    for column, value in where.items():
        units = units[units[column] == value]
    return listed[listed["unit"].isin(units.index)].set_index("level")


def test_grades_a_and_leading_act_by_themselves(listed: pd.DataFrame, made: Enterprises) -> None:
    for grade in ("A", "leading"):
        found = of(listed, made, grade=grade, kind="ordinary")
        assert set(found["action"]) == {"autonomous"}
        assert (found["load"] == 1).all()


def test_cement_clinker_follows_the_found_text(listed: pd.DataFrame, made: Enterprises) -> None:
    # 340号: C stops half the lines at yellow and all above; D stops at all levels.
    c = of(listed, made, industry="cement_clinker", grade="C", kind="ordinary", unit_kind="kiln")
    assert set(c.loc["yellow", "action"]) == {"half_lines"}
    assert (c.loc[["orange", "red"], "load"] == 0).all()
    assert not c["assumption"].any()
    d = of(listed, made, industry="cement_clinker", grade="D")
    assert (d["load"] == 0).all()


def test_half_of_the_lines_rounds_the_stopped_ones_up() -> None:
    rows = [("E1", "kiln", True)] * 3 + [("E1", "yard", False)] + [("E2", "kiln", True)]
    units = pd.DataFrame(rows, columns=["enterprise", "unit_kind", "line"]).assign(name="x")
    # Three lines: two stop; the yard runs with the third; a single line stops.
    found = register_measures._half_of_lines(units)
    assert_allclose(found, [1, 0, 0, 1 / 3, 0])


def test_what_stops_slowly_goes_to_its_minimum_load(
    listed: pd.DataFrame, made: Enterprises
) -> None:
    glass = of(listed, made, industry="glass", unit_kind="furnace", grade="D", kind="ordinary")
    assert (glass["load"] == 0.8).all()
    assert not glass["stopped"].any()


def test_guaranteed_and_minor_ones_are_exempt(listed: pd.DataFrame, made: Enterprises) -> None:
    for kind in ("guarantee", "minor", "key_project"):
        found = of(listed, made, kind=kind)
        assert set(found["action"]) == {"exempt"}
        assert (found[[f"cut_{s}" for s in REGISTERED]] == 0).all(axis=None)


def test_cuts_grow_with_the_level(listed: pd.DataFrame) -> None:
    wide = listed.pivot_table(index="unit", columns="level", values="load")
    assert (wide["orange"] <= wide["yellow"]).all()
    assert (wide["red"] <= wide["orange"]).all()
    assert (listed["trucks_after"] <= listed["trucks_before"]).all()


def test_the_list_survives_excel(
    made: Enterprises, city: TwinConfig, ground: Geography, tmp_path: Path
) -> None:
    tables = register_sheets.sheets(made, city, ground)
    assert [len(t) for t in tables.values()] == [
        470,
        len(made.units),
        len(made.stacks),
        3 * len(made.units),
    ]
    short = {name: table.head(40) for name, table in tables.items()}
    register_sheets.write_excel(tmp_path / "清单.xlsx", short)
    back = pd.read_excel(tmp_path / "清单.xlsx", sheet_name=None, dtype={"国民经济行业代码": str})
    assert list(back) == ["企业", "生产单元", "排放口", "措施"]
    for name, table in short.items():
        assert list(back[name].columns) == list(table.columns)
    assert back["企业"]["绩效等级"].tolist() == short["企业"]["绩效等级"].tolist()
    assert_allclose(back["生产单元"]["日排放量NOx(千克)"], short["生产单元"]["日排放量NOx(千克)"])
    register_sheets.write_csv(tmp_path / "csv", short)
    text = (tmp_path / "csv" / "措施.csv").read_bytes()
    assert text.startswith("\ufeff企业编号,".encode())
    assert text.count(b"\r\n") == 41


def test_nobody_can_take_the_list_for_a_real_one(
    made: Enterprises, city: TwinConfig, ground: Geography
) -> None:
    table = register_sheets.sheets(made, city, ground)["企业"]
    assert table["企业名称"].str.startswith("模拟").all()
    assert table["统一社会信用代码"].str.contains("SIM").all()
    assert set(table["联系电话"]) == {"00000000000"}
    # The sum of a pollutant in the sheet is the city's, to the rounding of its cells.
    assert_allclose(table["年排放量NOx(吨)"].sum(), 22704, atol=0.05)


def test_who_does_not_comply_is_there_and_rare(made: Enterprises) -> None:
    table = made.enterprises
    assert 0.03 < (table["compliance"] < 0.3).mean() + (table["evades"] == "day").mean() < 0.3
    assert (table.loc[table["evades"] == "no", "compliance"] == 1).all()
    assert np.isfinite(table["compliance"]).all()
