from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import observations, stations
from forecast.config import configs_dir
from forecast.importers import cnemc
from forecast.importers.run import default_stations, run
from forecast.problems import ConfigError

JIAOZUO = stations.load(configs_dir() / "stations" / "jiaozuo.csv")
TYPES = ("AQI", "PM2.5", "PM2.5_24h", "PM10", "SO2", "NO2", "O3", "O3_8h", "CO")
LONG = "Date,Hour,WatchPoint,AQI,Level,PrimaryPollution,PM2.5,PM10,CO,NO2,O3_1h,O3_8h,SO2,city\n"


def wide(hours: dict[int, float], *, co: float = 0.9) -> str:
    """A day in the wide layout: PM2.5 as given at 1828A, twice that at 1829A."""
    text = "date,hour,type,1001A,1828A,1829A\n"
    for hour, pm25 in hours.items():
        for kind in TYPES:
            value = {"PM2.5": pm25, "CO": co}.get(kind, 30.0)
            text += f"20200401,{hour},{kind},1,{value},{'' if kind == 'PM10' else 2 * value}\n"
    return text


def test_wide(tmp_path: Path) -> None:
    path = tmp_path / "china_sites_20200401.csv"
    path.write_text(wide({0: 41, 1: 42}))
    got = cnemc.read([path], JIAOZUO)
    # hour 0 of 1 April closes 31 March: 16:00 UTC
    assert got.dataset["time"].values[0] == np.datetime64("2020-03-31T16:00")
    np.testing.assert_array_equal(got.dataset["pm25"].values, [[41, 82], [42, 84]])
    np.testing.assert_array_equal(got.dataset["co"].values, [[0.9, 1.8]] * 2)
    assert np.isnan(got.dataset["pm10"].sel(station="1829A")).all()
    assert got.problems == ()
    assert any("1 stations are not in the register" in n for n in got.notes)
    assert got.rows == 18


def test_wide_duplicates_order_and_units(tmp_path: Path) -> None:
    path = tmp_path / "china_sites_20200401.csv"
    text = wide({2: 42}, co=900) + wide({1: 41}, co=900).split("\n", 1)[1]
    path.write_text(text + "20200401,2,PM2.5,1,77,\n20200401,25,PM2.5,1,5,\n20200401,3,XY,1,5,\n")
    got = cnemc.read([path], JIAOZUO)
    np.testing.assert_array_equal(got.dataset["pm25"].sel(station="1828A"), [41, 42])
    assert "co" not in got.dataset
    words = "\n".join(map(str, got.problems))
    # 9 rows an hour: rows 2-10 are hour 2, 11-19 hour 1, 20 repeats, 21 is hour 25
    assert "row 20 for an hour and type that came before" in words
    assert "rows 12, 14-17, 19 before the hour above" in words  # the six types that are read
    assert "'20200401' '25' in row 21" in words
    assert "type 'XY' in 1 row" in words
    assert "median 1350" in words  # of 900 and 1800, in two hours each
    assert len(got.problems) == 5


def long_rows(city: str, name: str, hours: range, *, pm25: float | None = None) -> str:
    return "".join(
        f'20200401,{h},{name},50,良,"a\nb",{pm25 or 20 + h},60,0.5,30,{40 + (0 if pm25 else h)},'
        f"50,9,{city}\n"
        for h in hours
    )


def test_long_takes_the_city_that_holds_the_names(tmp_path: Path) -> None:
    path = tmp_path / "hourly.csv"
    text = LONG + long_rows("nanning", "市环保局", range(3), pm25=300)
    text += long_rows("jiaozuo", "市环保局", range(2)) + long_rows("jiaozuo", "影视城", range(2))
    text += long_rows("jiaozuo", "新站", range(2))
    path.write_text(text, encoding="utf-8")
    got = cnemc.read([path], JIAOZUO)
    np.testing.assert_array_equal(got.dataset["pm25"].values, [[20, 20], [21, 21]])
    assert list(got.dataset["station"].values) == ["1828A", "1830A"]
    assert any("city taken to be jiaozuo" in n for n in got.notes)
    assert [p.found for p in got.problems] == ["station '新站' in 2 rows"]


def test_long_never_guesses(tmp_path: Path) -> None:
    path = tmp_path / "hourly.csv"
    text = (
        LONG + long_rows("nanning", "市环保局", range(3)) + long_rows("baise", "影视城", range(3))
    )
    path.write_text(text, encoding="utf-8")
    got = cnemc.read([path], JIAOZUO)
    assert got.dataset.sizes["time"] == 0
    assert "option city" in got.problems[0].expected
    named = cnemc.read([path], JIAOZUO, cities=["nanning"])
    assert named.dataset["pm25"].shape == (3, 1)


def test_long_leaves_out_the_record_of_a_dead_instrument(tmp_path: Path) -> None:
    path = tmp_path / "hourly.csv"
    text = LONG + long_rows("jiaozuo", "高新区政府", range(20))
    text += long_rows("jiaozuo", "影视城", range(20), pm25=51)
    text += long_rows("jiaozuo", "影视城(对照点)", range(1, 20))
    path.write_text(text, encoding="utf-8")
    got = cnemc.read([path], JIAOZUO).dataset["pm25"].sel(station="1830A")
    # at hour 0 there was the dead record alone: it is no reading either
    np.testing.assert_array_equal(got.values, [np.nan, *range(21, 40)])


def test_real_long_layout_with_the_registers_of_the_project(
    shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "cnemc-2020-spring" / "hourly.csv.gz"
    received = pd.Timestamp("2026-01-01")
    report = run("cnemc", [path], home=tmp_path, stations=None, received=received)
    assert report.rows_read == 142_407
    assert len(report.problems) == 1  # the two dead instruments of Jiaozuo
    assert "影视城" in report.problems[0].found
    start = pd.Timestamp("2020-03-26 10:00")  # 18:00 local
    got = observations.load(tmp_path, start, start, JIAOZUO)
    np.testing.assert_array_equal(got["pm25"].values, [[np.nan, 21, 21, 21, 21]])
    assert got["co"].sel(station="1828A").item() == 0.5
    assert got["o3"].sel(station="1830A").item() == 45


def test_run_refuses_wrong_calls_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        run(
            "tea", [], home=tmp_path, stations=None, received=pd.Timestamp("2026-01-01"),
            options={"city": "x"},
        )  # fmt: skip
    assert len(caught.value.problems) == 3


def test_the_home_may_bring_its_own_stations(tmp_path: Path) -> None:
    text = (configs_dir() / "stations" / "jiaozuo.csv").read_text(encoding="utf-8")
    (tmp_path / "stations.csv").write_text(text.replace("1827A,市监测站", "1827A,新名"))
    union = default_stations("csv", tmp_path)
    assert union.loc["1827A", "name"] == "新名"
    assert "1001A" in union.index
    assert union.index.is_unique
