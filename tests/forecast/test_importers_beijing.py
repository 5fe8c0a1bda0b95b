import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import observations, stations
from forecast.config import configs_dir
from forecast.importers import beijing
from forecast.importers.rows import Imported
from forecast.importers.run import run

HEADER = "No,year,month,day,hour,PM2.5,PM10,SO2,NO2,CO,O3,TEMP,PRES,DEWP,RAIN,wd,WSPM,station\n"
REGISTER = stations.load(configs_dir() / "stations" / "beijing.csv")


def line(hour: int, pm25: str = "40", *, co: str = "700", wd: str = "W", station: str = "") -> str:
    name = station or "Dongsi"
    return f"1,2015,12,1,{hour},{pm25},60,8,50,{co},20,-0.7,1023.2,-5,0.3,{wd},2,{name}\n"


def read(tmp_path: Path, text: str, name: str = "PRSA.csv") -> Imported:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return beijing.read([path], REGISTER)


def test_units_and_time_are_converted_and_said_so(tmp_path: Path) -> None:
    got = read(tmp_path, HEADER + line(0))
    one = got.dataset.isel(time=0, station=0)
    assert one["station"].item() == "1003A"
    # 00:00 local on 1 December is the end of the hour 16:00 UTC of 30 November
    assert one["time"].values == np.datetime64("2015-11-30T16:00")
    assert one["co"].item() == 0.7
    assert one["t2m"].item() == pytest.approx(272.45)
    assert one["d2m"].item() == pytest.approx(268.15)
    assert one["sp"].item() == pytest.approx(102320)
    assert one["tp"].item() == 0.3
    assert one["u10"].item() == pytest.approx(2)  # from the west: towards the east
    assert one["v10"].item() == pytest.approx(0, abs=1e-12)
    assert got.problems == ()
    assert "mg m-3" in " ".join(got.notes)
    assert "ends of hours already" in " ".join(got.notes)


def test_wind_needs_a_direction_unless_calm() -> None:
    east, north = beijing.wind(np.array([3.0, 0.0, 2.0]), np.array([np.nan, np.nan, 22.5]))
    np.testing.assert_allclose(east, [np.nan, 0, -0.76536686])  # 2 sin 22.5, from NNE
    np.testing.assert_allclose(north, [np.nan, 0, -1.84775907])


def test_every_wrong_thing_is_reported_and_costs_nothing_else(tmp_path: Path) -> None:
    text = HEADER + "".join(
        [
            line(0),  # row 2
            line(1, "x"),  # row 3: no number
            line(2, "-3"),  # row 4: negative
            line(2, "99"),  # row 5: the hour of row 4 again
            line(4, "NA"),  # row 6
            line(3, "33"),  # row 7: before row 6
            line(5, station="Atlantis"),  # row 8
            line(6, station="Atlantis"),  # row 9
            line(24),  # row 10: no such hour
            "1,2015,12,1\n",  # row 11: cut off
            line(7, wd="up"),  # row 12
        ]
    )
    got = read(tmp_path, text)
    pm25 = got.dataset["pm25"].sel(station="1003A")
    # row 4 has no value left, so row 5's is the first present one of its hour
    np.testing.assert_array_equal(pm25.values, [40, np.nan, 99, 33, np.nan, 40])
    assert not np.isnan(got.dataset["pm10"]).any()
    assert got.rows == 10
    words = {str(p).split("PRSA.csv")[1] for p in got.problems}
    expected = (
        ("PM2.5", "'x' in row 3"),
        ("PM2.5", "-3 in row 4"),
        ("1003A", "row 5 for the same hour as row 4"),
        ("1003A", "row 7 before the hour above"),
        ("'Atlantis'", "in 2 rows"),
        ("year", "'2015 12 1 24' in row 10"),
        ("", "4 cells in row 11"),
        ("wd", "'up' in row 12"),
    )
    for where, what in expected:
        assert any(where in w and what in w for w in words), (where, what, words)
    assert len(got.problems) == len(expected)


def test_co_in_other_units_is_refused_not_converted(tmp_path: Path) -> None:
    got = read(tmp_path, HEADER + line(0, co="0.7") + line(1, co="1.2"))
    assert "co" not in got.dataset
    assert not np.isnan(got.dataset["pm25"]).any()
    assert "ug/m3" in got.problems[0].expected
    assert "CO" in got.problems[0].where


def test_zips_in_zips_and_broken_archives(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as z:
        z.writestr("PRSA_a.csv", HEADER + line(0))
    with zipfile.ZipFile(tmp_path / "uci.zip", "w") as z:
        z.writestr("inner.zip", inner.getvalue())
        z.writestr("data.csv", "one,two\n1,2\n")
    whole = gzip.compress((HEADER + line(1)).encode())
    (tmp_path / "good.csv.gz").write_bytes(whole)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    got = beijing.read([tmp_path, tmp_path / "absent.csv"], REGISTER)
    assert got.dataset.sizes["time"] == 2
    assert [Path(p.where).name for p in got.problems] == ["bad.zip", "cut.csv.gz", "absent.csv"]
    assert any("data.csv is of another kind" in n for n in got.notes)
    assert {name for name, _ in got.files} == {"uci.zip", "good.csv.gz"}


def test_a_later_file_corrects_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + line(0, "40") + line(1, "41"))
    (tmp_path / "b.csv").write_text(HEADER + line(0, "50") + line(1, "NA"))
    got = beijing.read([tmp_path], REGISTER)
    np.testing.assert_array_equal(got.dataset["pm25"].values[:, 0], [50, 41])
    assert got.problems == ()
    assert "a.csv: 1 values give way to those of a later file (row 2)" in got.notes[-1]


def test_a_year_nobody_measured_in_is_no_year_of_another_century(tmp_path: Path) -> None:
    """A year of -1 wrapped round to 1752; a bare carriage return in the header was no answer."""
    got = read(tmp_path, HEADER + line(0) + line(1).replace("2015", "-1"))
    assert got.dataset.sizes["time"] == 1
    assert any("date and an hour" in p.expected for p in got.problems)
    assert read(tmp_path, HEADER.replace("month", "mo\rnth") + line(0)).problems


def test_two_real_stations(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "beijing-multi-site"
    for name in ("Dingling", "Tiantan"):
        source = folder / f"PRSA_Data_{name}_20130301-20160229.csv.gz"
        with gzip.open(source, "rt") as handle:
            head = [next(handle) for _ in range(1 + 31 * 24)]
        (tmp_path / f"{name}.csv").write_text("".join(head))
    home = tmp_path / "home"
    received = pd.Timestamp("2026-01-01")
    paths = [tmp_path / "Dingling.csv", tmp_path / "Tiantan.csv"]
    first = run("beijing", paths, home=home, stations=None, received=received)
    assert (first.files, first.rows_read, first.problems) == (2, 2 * 31 * 24, ())
    again = run("beijing", paths, home=home, stations=None, received=received)
    assert (again.values_new, again.values_replaced) == (0, 0)
    assert again.values_same == first.values_new
    start = pd.Timestamp("2013-02-28 16:00")
    got = observations.load(home, start, start + pd.Timedelta(hours=743), REGISTER)
    assert [str(s) for s in got["station"][got["pm25"].count("time") > 0].values] == [
        "1002A", "1004A",
    ]  # fmt: skip
    # First record of Tiantan in the source: PM2.5 6, CO 300 ug/m3, TEMP -0.5
    raw = pd.read_csv(tmp_path / "Tiantan.csv")
    one = got.sel(station="1004A").isel(time=0)
    assert one["pm25"].item() == raw["PM2.5"][0]
    assert one["co"].item() == raw["CO"][0] / 1000
    assert one["t2m"].item() == raw["TEMP"][0] + 273.15
    assert got["no2"].sel(station="1002A").count() == pd.read_csv(paths[0])["NO2"].count()
