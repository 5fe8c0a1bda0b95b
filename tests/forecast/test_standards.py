"""The editions as data: dates, every number's source, and refusal of wrong files."""

import datetime as dt
from pathlib import Path

import pytest
import yaml

from forecast import standards
from forecast.config import configs_dir
from forecast.problems import ConfigError
from forecast.schema import POLLUTANTS


@pytest.mark.parametrize(
    ("day", "edition"),
    [
        (dt.date(2013, 3, 1), "hj633-2012"),  # before any date of effect: practice since 2013
        (dt.date(2016, 1, 1), "hj633-2012"),
        (dt.date(2026, 2, 28), "hj633-2012"),
        (dt.date(2026, 3, 1), "hj633-2026"),
        (dt.date(2040, 1, 1), "hj633-2026"),
    ],
)
def test_edition_goes_by_the_date_of_the_data(day: dt.date, edition: str) -> None:
    assert standards.for_date(day) == edition
    assert standards.resolve("auto", day).edition == edition
    assert standards.resolve("hj633-2026", day).edition == "hj633-2026"


def test_a_time_of_day_counts_as_its_date() -> None:
    assert standards.for_date(dt.datetime(2026, 3, 1, 5)) == "hj633-2026"


@pytest.mark.parametrize("edition", standards.EDITIONS)
def test_levels_and_colours(edition: str) -> None:
    levels = standards.load(edition).categories.levels
    assert [c.zh for c in levels] == ["优", "良", "轻度污染", "中度污染", "重度污染", "严重污染"]
    assert [c.high for c in levels] == [50, 100, 150, 200, 300, None]
    assert [c.hex for c in levels] == [
        "#00e400", "#ffff00", "#ff7e00", "#ff0000", "#99004c", "#7e0023",
    ]  # fmt: skip
    assert levels[0].low == {"hj633-2012": 0, "hj633-2026": 1}[edition]


def test_only_the_node_at_100_of_pm_differs_between_editions() -> None:
    old, new = (standards.load(e).breakpoints.columns for e in standards.EDITIONS)
    differ = {
        (column, i): (a, b)
        for column in old
        for i, (a, b) in enumerate(zip(old[column], new[column], strict=True))
        if a != b
    }
    assert differ == {("pm25_24h", 2): (75, 60), ("pm10_24h", 2): (150, 120)}


def test_sensitive_groups_of_2026() -> None:
    sensitive = standards.load("hj633-2026").sensitive
    assert sensitive is not None
    assert [w.zh for w in sensitive.of("co")] == ["心血管疾病患者"]
    assert [w.en for w in sensitive.of("so2")] == [
        "people with asthma", "children and young people", "the elderly",
    ]  # fmt: skip
    assert all(sensitive.of(p) for p in POLLUTANTS)
    assert standards.load("hj633-2012").sensitive is None


@pytest.mark.parametrize(
    ("day", "pollutant", "average", "pair"),
    [
        (dt.date(2014, 1, 1), "pm25", "day", (None, 75)),
        (dt.date(2026, 2, 28), "pm10", "day", (None, 150)),
        (dt.date(2026, 3, 1), "pm25", "day", (35, 60)),
        (dt.date(2030, 12, 31), "so2", "hour", (150, 500)),
        (dt.date(2031, 1, 1), "pm25", "day", (25, 50)),
        (dt.date(2031, 1, 1), "so2", "day", (50, 50)),
        (dt.date(2031, 1, 1), "no2", "year", (30, 30)),
    ],
)
def test_limits_by_date(
    day: dt.date, pollutant: str, average: standards.Average, pair: tuple[float | None, float]
) -> None:
    assert standards.limits_for(day).limits[pollutant][average] == pair


def test_the_index_nodes_of_2026_are_the_limits_of_its_transition() -> None:
    nodes = standards.load("hj633-2026").breakpoints.columns
    limits = standards.limits_for(dt.date(2026, 3, 1)).limits
    for pollutant in POLLUTANTS:
        daily = "o3_8h" if pollutant == "o3" else f"{pollutant}_24h"
        average = "mda8" if pollutant == "o3" else "day"
        assert nodes[daily][2] == limits[pollutant][average][1]  # type: ignore[index]


def test_the_limit_that_saves_a_short_mda8_is_that_of_every_period() -> None:
    for edition in standards.LIMIT_EDITIONS:
        for period in standards.load_limits(edition).periods:
            assert period.limits["o3"]["mda8"][1] == standards.load_validity().mda8.limit


def test_what_is_from_memory_is_marked() -> None:
    rules = standards.load_validity()
    assert not rules.day_mean.assumption
    assert rules.mda8.assumption
    assert rules.area_mean.assumption
    assert standards.load("hj633-2012").aqi_range.assumption
    assert not standards.load("hj633-2026").breakpoints.assumption


@pytest.mark.parametrize("loader", [standards.load, standards.load_limits])
def test_unknown_edition_is_refused(loader: object) -> None:
    with pytest.raises(ConfigError, match="hj633-1996"):
        loader("hj633-1996")  # type: ignore[operator]


def test_all_errors_of_a_file_at_once(tmp_path: Path) -> None:
    text = (configs_dir() / "standards" / "hj633-2026.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    data["breakpoints"]["columns"]["pm25_24h"] = [0, 60, 35]
    data["rounding"]["decimals"].pop("co")
    data["missing"]["clause"] = ""
    data["colour"] = "red"
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        standards.read(path, standards.Standard)
    where = "\n".join(p.where for p in caught.value.problems)
    for field in ("breakpoints.columns.pm25_24h", "rounding.decimals", "missing.clause", "colour"):
        assert field in where


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["breakpoints"]["columns"].pop("co_1h"), "co_1h"),
        (lambda d: d["over_range"].pop(), "so2_1h"),
        (lambda d: d["over_range"][0].update(use="so2_24h"), "either an index"),
        (lambda d: d["categories"]["levels"][2].update(low=103), "adjoin"),
        (lambda d: d["sensitive"]["groups"]["co"].append("athletes"), "athletes"),
        (lambda d: d["breakpoints"]["columns"].update(co_24h=[0, *range(2, 22, 2)]), "co_24h"),
    ],
)
def test_a_standard_that_contradicts_itself(tmp_path: Path, change: object, message: str) -> None:
    text = (configs_dir() / "standards" / "hj633-2026.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    change(data)  # type: ignore[operator]
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        standards.read(path, standards.Standard)
