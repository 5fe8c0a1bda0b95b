from pathlib import Path

import pytest

from forecast import config, stations
from forecast.problems import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def test_beijing_loads_with_absolute_files() -> None:
    beijing = config.load(ROOT / "configs" / "beijing.yaml")
    assert beijing.stations.is_absolute()
    assert len(stations.load(beijing.stations)) == 12
    assert beijing.digest == config.load(ROOT / "configs" / "beijing.yaml").digest


def test_all_errors_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "city: {id: Beijing, zh: 北京, en: Beijing, geocode: '11'}\n"
        "stations: none.csv\nforecast: {members: 5, colour: blue}\n"
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    text = str(caught.value)
    for field in ("city.id", "city.geocode", "forecast.members", "forecast.colour"):
        assert field in text


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "city: {id: b, zh: 北京, en: Beijing, geocode: '110000'}\n"
        "stations: none.csv\nrules: lunar-2001\n"
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert len(caught.value.problems) == 3  # stations, quality, rules
    assert "none.csv" in str(caught.value)
    assert "lunar-2001" in str(caught.value)


def test_every_wrong_station_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(
        "station,name,tier,area,latitude,longitude,reference,background\n"
        "A,a,city,x,95,116,false,false\n"
        "A,b,moon,x,39,116,perhaps,false\n"
    )
    with pytest.raises(ConfigError) as caught:
        stations.load(path)
    text = str(caught.value)
    for part in ("row 2, latitude", "row 3, tier", "row 3, reference", "A twice", "no reference"):
        assert part in text


def test_a_station_is_found_by_code_name_and_alias() -> None:
    names = stations.code_of(stations.load(ROOT / "configs" / "stations" / "beijing.csv"))
    assert names["Dongsi"] == names["东四"] == names["1003A"] == "1003A"


def test_a_name_too_long_for_a_file_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "city: {id: beijing, zh: 北京, en: Beijing, geocode: '110000'}\n"
        f"stations: {'x' * 300}.csv\nrules: {'y' * 300}\n"
    )
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert [p.where.rsplit(": ", 1)[1] for p in caught.value.problems] == [
        "stations", "quality", "rules",
    ]  # fmt: skip
