"""The command line from outside: exit status, words, files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
LANTIAN = [sys.executable, "-W", "error::FutureWarning", "-c", "import serving.cli as c; c.main()"]


def lantian(*arguments: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "LANTIAN_HOME": str(home or "")}
    return subprocess.run(
        [*LANTIAN, *arguments], capture_output=True, text=True, env=env, check=False, cwd=ROOT
    )


def hours(start: str, pm25: list[float]) -> str:
    times = pd.date_range(start, periods=len(pm25), freq="h")
    rows = [
        f"{t:%Y-%m-%dT%H:%M},{p},{p + 30},10,40,1.0,20" for t, p in zip(times, pm25, strict=True)
    ]
    return "\n".join(["time,pm25,pm10,so2,no2,co,o3", *rows]) + "\n"


def test_aqi_of_a_table(tmp_path: Path) -> None:
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text(
        "time,station,pm25,pm10,so2,no2,co,o3\n"
        "2015-12-01T10:00,A,151,160,10,40,1.0,20\n"
        "2026-04-01T10:00,A,60,120,10,40,1.0,20\n"
    )
    done = lantian("aqi", str(table), "--kind", "hourly", "--out", str(out))
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(out)
    assert list(rows["aqi"]) == [201, 100]  # 2012; 2026: 60 and 120 are the nodes of 100
    assert list(rows["primary"]) == ["pm25", "pm25+pm10"]
    assert list(rows["level"]) == [5, 2]


def test_aqi_names_a_bad_cell_and_ends_1(tmp_path: Path) -> None:
    table, out = tmp_path / "in.csv", tmp_path / "out.csv"
    table.write_text("time,pm25,pm10,so2,no2,co,o3\n2015-12-01T10:00,high,160,10,40,1.0,20\n")
    done = lantian("aqi", str(table), "--kind", "hourly", "--out", str(out))
    assert done.returncode == 1
    assert "row 2" in done.stderr
    assert "pm25" in done.stderr
    assert "high" in done.stderr
    assert len(pd.read_csv(out)) == 1


def test_warn_says_which_level_and_why(tmp_path: Path) -> None:
    table = tmp_path / "city.csv"
    table.write_text(hours("2026-01-10T01:00", [60.0] * 24 + [160.0] * 48 + [40.0] * 24))
    done = lantian("warn", str(table), "--rules", "national-2024", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["level"] == "orange"  # 24-h AQI > 200 for 2 x 24 h
    assert set(said["probability"]) >= {"yellow", "orange", "red"}
    assert said["probability"]["red"] == 0
    assert said["start"].endswith("+08:00")


def test_wrong_use_ends_2_with_all_errors(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("city: {id: X}\nstations: s.csv\ncolour: blue\n")
    done = lantian("daily", "--config", str(config))
    assert done.returncode == 2
    for field in ("city.id", "city.zh", "colour"):
        assert field in done.stderr
    assert "Traceback" not in done.stderr
    assert lantian("hindcast", "--config", "configs/demo.yaml").returncode == 2
    wrong = lantian(
        "hindcast", "--config", "configs/demo.yaml", "--start", "yesterday", "--end", "2026-01-01",
        "--weather", "none", "--out", "x.nc",
    )  # fmt: skip
    assert wrong.returncode == 2
    assert "--start" in wrong.stderr


def test_an_unknown_source_is_named(tmp_path: Path) -> None:
    done = lantian("import", "satellite", str(tmp_path), home=tmp_path)
    assert done.returncode == 2
    assert "weather-netcdf" in done.stderr


def test_calibrate_corrects_a_sensor_beside_a_reference(tmp_path: Path) -> None:
    table, out = tmp_path / "together.csv", tmp_path / "out.csv"
    times = pd.date_range("2026-01-01", periods=200, freq="h")
    true = [60 + 30 * ((i * 37) % 48) / 48 for i in range(200)]
    rows = [
        f"{t:%Y-%m-%d %H:%M:%S},{v:.0f},{2 * v + 20:.1f}" for t, v in zip(times, true, strict=True)
    ]
    table.write_text("\n".join(["time,ref_pm25,pm25", *rows]) + "\n")
    done = lantian("calibrate", str(table), "--out", str(out))
    assert done.returncode in (0, 1), done.stderr
    corrected = pd.read_csv(out)
    assert len(corrected) == 200
    error = (corrected["pm25"] - pd.Series(true)).abs()[100:].mean()
    assert error < 15  # the sensor itself is off by 90 or so


@pytest.mark.data
def test_beijing_end_to_end(tmp_path: Path, shared_data: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "f.nc"
    done = lantian("import", "beijing", str(shared_data / "beijing-multi-site"), home=home)
    assert done.returncode in (0, 1), done.stderr
    assert "ug/m3 to mg m-3" in done.stdout
    again = lantian("import", "beijing", str(shared_data / "beijing-multi-site"), home=home)
    assert "values new 0, values replaced 0" in again.stdout
    run = lantian(
        "daily", "--config", "configs/beijing.yaml", "--issue-time", "2015-11-28T16:00",
        "--weather", "perfect", "--json", home=home,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert any("upper bound" in n["en"] for n in said["notes"])
    made = lantian(
        "hindcast", "--config", "configs/beijing.yaml", "--start", "2015-11-20", "--end",
        "2015-12-10", "--every", "12h", "--weather", "none", "--model", "persistence", "--out",
        str(out), home=home,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    scored = lantian("verify", str(out), "--out", str(tmp_path / "scores"), home=home)
    assert scored.returncode == 0, scored.stderr
    scores = json.loads((tmp_path / "scores" / "scores.json").read_text())
    assert scores
    assert "http://" not in (tmp_path / "scores" / "report.html").read_text().replace(
        "http://www.w3.org", ""
    ).replace("http://purl.org", "").replace("http://creativecommons.org", "")
