"""The table command: what it adds, whose edition, days, and what it says of wrong cells."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.aqi_table import ADDED, run
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS

HEADER = "time,pm25,pm10,so2,no2,co,o3"
CLEAN = "10,20,5,10,0.4,40"


def table(
    folder: Path, *lines: str, kind: str = "hourly", standard: str = "auto", header: str = HEADER
) -> tuple[list[dict[str, str]], list[Problem]]:
    """Rows of the output and the problems."""
    source, out = folder / "in.csv", folder / "out.csv"
    source.write_text("\n".join((header, *lines)) + "\n", encoding="utf-8")
    problems = run(source, kind=kind, standard=standard, out=out)
    with out.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle)), problems


def test_hourly_row(tmp_path: Path) -> None:
    rows, problems = table(tmp_path, "2026-03-01T01:00,61,121,475,100,5.0,200")
    assert problems == []
    assert rows == [
        {
            "time": "2026-03-01T01:00",
            "pm25": "61", "pm10": "121", "so2": "475", "no2": "100", "co": "5.0", "o3": "200",
            "iaqi_pm25": "101", "iaqi_pm10": "101", "iaqi_so2": "97", "iaqi_no2": "50",
            "iaqi_co": "50", "iaqi_o3": "100",
            "aqi": "101", "level": "3", "category": "轻度污染", "primary": "pm25+pm10",
        }
    ]  # fmt: skip


def test_daily_row(tmp_path: Path) -> None:
    rows, problems = table(tmp_path, "2026-03-01,35,40,475,40,2,161", kind="daily")
    assert problems == []
    (row,) = rows
    assert [row[f"iaqi_{p}"] for p in POLLUTANTS] == ["50", "40", "150", "50", "50", "101"]
    assert (row["aqi"], row["level"], row["primary"]) == ("150", "3", "so2")


@pytest.mark.parametrize(
    ("time", "kind", "aqi"),
    [
        ("2026-02-28T23:00", "hourly", "100"),
        ("2026-02-28T24:00", "hourly", "100"),
        ("2026-03-01T00:00", "hourly", "100"),  # ends the hour of the day before
        ("2026-03-01 00:00:00", "hourly", "100"),
        ("2026-03-01T01:00", "hourly", "114"),
        ("2026-02-28T16:00Z", "hourly", "100"),  # 24:00 local
        ("2026-02-28T17:00Z", "hourly", "114"),
        ("2026-02-28T18:00+01:00", "hourly", "114"),
        ("2026-02-28T24:00+08:00", "hourly", "100"),
        ("2026-02-28", "daily", "100"),
        ("2026-03-01", "daily", "114"),
        ("2026-03-01T00:00:00", "daily", "114"),  # a date, as tables are written
        ("2014-01-01", "daily", "100"),
    ],
)
def test_auto_goes_by_the_natural_day(tmp_path: Path, time: str, kind: str, aqi: str) -> None:
    rows, problems = table(tmp_path, f"{time},75,20,5,10,0.4,40", kind=kind)
    assert problems == []
    assert rows[0]["aqi"] == aqi
    assert rows[0]["time"] == time


def test_a_named_standard_holds_for_all_rows(tmp_path: Path) -> None:
    lines = ("2014-01-01,75,20,5,10,0.4,40", "2030-01-01,75,20,5,10,0.4,40")
    for standard, aqi in (("hj633-2012", "100"), ("hj633-2026", "114")):
        rows, _ = table(tmp_path, *lines, kind="daily", standard=standard)
        assert [r["aqi"] for r in rows] == [aqi, aqi]


def test_missing_values_are_no_problem(tmp_path: Path) -> None:
    rows, problems = table(
        tmp_path,
        "2026-03-01T01:00,61,,NA,NaN,0.4,40",
        "2026-03-01T02:00,10,,5,10,0.4,40",
        "2020-03-01T02:00,40,,5,10,0.4,40",
        "2020-03-01T03:00,,,,,,",
    )
    assert problems == []
    assert [r["aqi"] for r in rows] == ["101", "", "57", ""]
    assert [r["primary"] for r in rows] == ["pm25", "", "pm25", ""]
    assert rows[1]["iaqi_pm25"] == "15"  # the item is published, the AQI is not
    assert rows[3]["level"] == rows[3]["category"] == ""


def test_a_wrong_cell_is_named_and_the_rest_kept(tmp_path: Path) -> None:
    rows, problems = table(
        tmp_path,
        f"2026-03-01T01:00,{CLEAN}",
        '2026-03-01T02:00,200,-3,abc,"1,5",inf,0x1F',
    )
    assert [p.where.split("in.csv: ")[1] for p in problems] == [
        f"row 3, column {p}" for p in POLLUTANTS[1:]
    ]
    assert [p.found for p in problems] == ["'-3'", "'abc'", "'1,5'", "'inf'", "'0x1F'"]
    assert "mg m-3" in problems[3].expected
    assert rows[0]["aqi"] == "20"
    assert (rows[1]["aqi"], rows[1]["primary"], rows[1]["pm10"]) == ("250", "pm25", "-3")


def test_wrong_times(tmp_path: Path) -> None:
    times = ["yesterday", "", "2026-02-30T01:00", "2026-03-01T25:00", "2026-03-01T01:30"]
    times += ["2026-03-01T24:30", "01/03/2026 01:00", "2026-03-01"]
    rows, problems = table(tmp_path, f"2026-03-01T01:00,{CLEAN}", *(f"{t},{CLEAN}" for t in times))
    assert [p.found for p in problems] == [repr(t) for t in times]
    assert problems[0].where.endswith("row 3, column time")
    # Within an hour is wrong but its day is known; of the others no edition is.
    assert [r["aqi"] for r in rows] == ["20", "", "", "", "", "20", "", "", ""]
    fixed, _ = table(
        tmp_path, f"2026-03-01T01:00,{CLEAN}", f"yesterday,{CLEAN}", standard="hj633-2026"
    )
    assert [r["aqi"] for r in fixed] == ["20", "20"]


def test_rows_of_another_length(tmp_path: Path) -> None:
    rows, problems = table(
        tmp_path,
        "2026-03-01T01:00,200,20",
        "2026-03-01T02:00,200,1,5,20,5,10,0.4,40",
        "",
        f"2026-03-01T03:00,{CLEAN},,",
    )
    assert [(p.where.split(": ")[-1], p.found) for p in problems] == [
        ("row 2", "3 cells"), ("row 3", "9 cells"), ("row 5", "9 cells"),
    ]  # fmt: skip
    assert [r["aqi"] for r in rows] == ["250", "", "20"]  # a shifted row is not guessed at
    assert rows[1]["pm25"] == ""


def test_a_time_twice(tmp_path: Path) -> None:
    header = HEADER.replace("time", "time,station")
    rows, problems = table(
        tmp_path,
        f"2026-03-01T00:00,A,{CLEAN}",
        f"2026-03-01T00:00,B,{CLEAN}",
        f"2026-02-28T24:00,A,{CLEAN}",
        header=header,
    )
    assert [p.where.split(": ")[-1] for p in problems] == ["row 4"]
    assert [r["aqi"] for r in rows] == ["20"] * 3


def hours(day: str, values: str, count: int = 24, station: str = "") -> list[str]:
    stamps = pd.date_range(day, periods=count, freq="h") + pd.Timedelta(hours=1)
    return [f"{t:%Y-%m-%dT%H:%M},{station}{values}" for t in stamps]


def test_hourly_to_daily(tmp_path: Path) -> None:
    lines = hours("2026-02-28", "75,20,5,10,0.4,40") + hours("2026-03-01", "75,20,5,10,0.4,40")
    lines[-1] = lines[-1].replace(",75,", ",100,").replace(",40", ",120")
    rows, problems = table(tmp_path, *reversed(lines), kind="hourly-to-daily")
    assert problems == []
    assert [r["time"] for r in rows] == ["2026-02-28", "2026-03-01"]
    assert [r["pm25"] for r in rows] == ["75", "76.041667"]  # 75 + 25/24
    assert [r["o3"] for r in rows] == ["40", "50"]  # (7 * 40 + 120) / 8
    assert [r["aqi"] for r in rows] == ["100", "115"]
    assert list(rows[0]) == [*HEADER.split(","), *ADDED]


def test_hourly_to_daily_by_station_with_gaps(tmp_path: Path) -> None:
    header = HEADER.replace("time", "time,station")
    lines = hours("2026-03-02", CLEAN, 20, "B,") + hours("2026-03-02", CLEAN, 19, "A,")
    lines += hours("2026-03-04", CLEAN, 24, "A,")
    rows, problems = table(tmp_path, *lines, kind="hourly-to-daily", header=header)
    assert problems == []
    assert [(r["station"], r["time"], r["pm25"], r["o3"], r["aqi"]) for r in rows] == [
        ("A", "2026-03-02", "", "40", ""),  # 19 hours; of ozone's windows 14 hold 6 or more
        ("A", "2026-03-04", "10", "40", "20"),
        ("B", "2026-03-02", "10", "40", "20"),
    ]


def test_hourly_to_daily_takes_the_first_of_two_and_no_half_hours(tmp_path: Path) -> None:
    lines = hours("2026-03-02", CLEAN)
    lines += [lines[0].replace(",10,20", ",900,900"), f"2026-03-02T05:30,{CLEAN}"]
    rows, problems = table(tmp_path, *lines, kind="hourly-to-daily")
    assert [p.where.split(": ")[-1] for p in problems] == ["row 27, column time", "row 26"]
    assert [r["pm25"] for r in rows] == ["10"]


def test_hourly_to_daily_knows_the_highest_hour_of_ozone(tmp_path: Path) -> None:
    lines = hours("2020-03-02", "10,20,5,10,0.4,1000")
    rows, _ = table(tmp_path, *lines, kind="hourly-to-daily")
    assert rows[0]["iaqi_o3"] == "400"  # MDA8 above 800: by the 1-h column of 2012


def test_other_columns_and_byte_order_mark(tmp_path: Path) -> None:
    rows, problems = table(
        tmp_path, f'2026-03-01T01:00,{CLEAN},"a, b"', header="\ufeff" + HEADER + ",note"
    )
    assert problems == []
    assert rows[0]["note"] == "a, b"


def test_header_alone(tmp_path: Path) -> None:
    for kind in ("hourly", "daily", "hourly-to-daily"):
        assert table(tmp_path, kind=kind) == ([], [])


def test_wrong_use_is_told_at_once_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        table(tmp_path, kind="weekly", standard="epa")
    assert [p.where for p in caught.value.problems] == ["--kind", "--standard"]
    with pytest.raises(ConfigError) as caught:
        table(tmp_path, header="time,pm25,pm25,so2,aqi,o3")
    text = str(caught.value)
    for found in ("pm10", "no2", "co", "pm25 2 times", "column aqi"):
        assert found in text
    with pytest.raises(ConfigError, match="no column time"):
        table(tmp_path, header="")
    with pytest.raises(ConfigError, match="absent"):
        run(tmp_path / "absent.csv", kind="daily", standard="auto", out=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("kind", "time"), [("daily", "2026-03-01T01:00"), ("hourly", "2026-03-01")]
)
def test_a_table_of_the_other_kind(tmp_path: Path, kind: str, time: str) -> None:
    with pytest.raises(ConfigError, match=time):
        table(tmp_path, f"{time},{CLEAN}", kind=kind)


def test_a_published_table_comes_back(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "cnemc-2020-spring" / "hourly.csv.gz"
    feed = pd.read_csv(path)
    feed = feed[feed["city"].isin(["jiaozuo", "焦作"])]
    feed = feed.drop_duplicates(["Date", "Hour", "WatchPoint"])  # some hours are there twice
    date = pd.to_datetime(feed["Date"].astype(str), format="%Y%m%d")
    time = date + pd.to_timedelta(feed["Hour"], unit="h")
    names = {"PM2.5": "pm25", "PM10": "pm10", "SO2": "so2", "NO2": "no2", "CO": "co"}
    source = feed.rename(columns={**names, "O3_1h": "o3"})[list(POLLUTANTS)]
    source.insert(0, "station", feed["WatchPoint"])
    source.insert(0, "time", time.dt.strftime("%Y-%m-%dT%H:%M"))
    source.to_csv(tmp_path / "in.csv", index=False)
    problems = run(tmp_path / "in.csv", kind="hourly", standard="auto", out=tmp_path / "out.csv")
    assert problems == []
    out = pd.read_csv(tmp_path / "out.csv")
    there = feed["AQI"].notna().to_numpy()
    np.testing.assert_array_equal(out["aqi"][there], feed["AQI"][there])
