"""The daily run on a made-up city: ladder, determinism, kills, and no look ahead."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config as configuration
from forecast import forecast_file, observations, schema
from forecast.config import CityConfig
from forecast.problems import DataError
from serving import daily

ISSUE = pd.Timestamp("2026-02-08T08:00")
LATER = 24 * 3
DEMO = configuration.configs_dir() / "demo.yaml"


@pytest.fixture(scope="module", autouse=True)
def _one_revision() -> Iterator[None]:
    """A commit made while the tests run must not change what a run writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANTIAN_REVISION", "test")
        yield


@pytest.fixture(scope="module")
def config() -> CityConfig:
    demo = configuration.load(DEMO)
    return demo.model_copy(update={"forecast": demo.forecast.model_copy(update={"members": 30})})


@pytest.fixture(scope="module")
def sample() -> xr.Dataset:
    hours = 24 * 40 + LATER
    start = ISSUE - pd.Timedelta(hours=24 * 40)
    return schema.mock_observations(start=str(start), hours=hours, stations=12, seed=20)


def home_with(path: Path, ds: xr.Dataset) -> Path:
    observations.merge(path, ds, source="mock", received=ISSUE)
    return path


def products(home: Path, *, pictures: bool = True) -> dict[str, bytes]:
    return {
        str(p.relative_to(home)): p.read_bytes()
        for part in ("forecasts", "runs")
        for p in sorted((home / part).rglob("*"))
        if p.is_file() and (pictures or p.suffix != ".png")
    }


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory, config: CityConfig, sample: xr.Dataset
) -> Path:
    home = home_with(tmp_path_factory.mktemp("home"), sample.sel(time=slice(None, ISSUE)))
    daily.run(config, home=home, issue_time=ISSUE)
    return home


def test_a_run_leaves_forecast_proposal_bulletin_and_a_last_file(finished: Path) -> None:
    folder = daily.run_folder(finished, ISSUE)
    names = {p.name for p in folder.iterdir()}
    pages = {f"bulletin.{lang}.{kind}" for lang in ("zh", "en") for kind in ("html", "png")}
    data = {"proposal.json", "bulletin.json", "hours.json", "stations.json", "run.json"}
    assert names == pages | data
    said = json.loads((folder / "run.json").read_text())
    assert said["simulated"] is True
    assert said["weather"] == "none"
    assert len(said["files"]) == 9
    areas = forecast_file.read_areas(daily.forecast_path(finished, ISSUE))
    city = areas["aqi_day"].sel(area="city").values
    assert np.isfinite(city).all()
    assert city.shape == (1, 3, 30)


def test_the_bulletin_says_that_there_was_no_weather_and_that_it_is_simulated(
    finished: Path,
) -> None:
    folder = daily.run_folder(finished, ISSUE)
    page = (folder / "bulletin.zh.html").read_text()
    assert "模拟" in page
    assert "天气预报" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_hours_after_the_third_day_are_left_empty(finished: Path) -> None:
    ds = forecast_file.read_stations(daily.forecast_path(finished, ISSUE))
    known = np.isfinite(ds["pm25"].isel(issue_time=0, station=0, quantile=4).values)
    assert known.sum() == 80  # 16:00: 8 hours of the day, then three days
    assert known[:80].all()


def test_the_future_cannot_reach_a_run(
    tmp_path: Path, config: CityConfig, sample: xr.Dataset, finished: Path
) -> None:
    poisoned = sample.copy(deep=True)
    after = poisoned["time"].values > np.datetime64(ISSUE)
    assert after.sum() == LATER
    for name in schema.POLLUTANTS:
        poisoned[name].values[after] = 999.0 if name != "co" else 30.0
    home = home_with(tmp_path, poisoned)
    daily.run(config, home=home, issue_time=ISSUE)
    assert products(home) == products(finished)


def test_the_same_run_again_changes_nothing(config: CityConfig, finished: Path) -> None:
    before = products(finished)
    daily.run(config, home=finished, issue_time=ISSUE)
    assert products(finished) == before


KILL = """
import os, signal, sys
import pandas as pd
from pathlib import Path
from forecast import config, files
from serving import daily
step, home, issue = int(sys.argv[1]), Path(sys.argv[2]), pd.Timestamp(sys.argv[3])
whole, count = files.replace_file, 0
def replace_file(path, write):
    global count
    def then_die(temporary):
        write(temporary)
        if count == step and half:
            os.kill(os.getpid(), signal.SIGKILL)
    half = bool(int(sys.argv[4]))
    whole(path, then_die)
    if count == step and not half:
        os.kill(os.getpid(), signal.SIGKILL)
    count += 1
for module in list(sys.modules.values()):
    if getattr(module, "replace_file", None) is whole:
        module.replace_file = replace_file
city = config.CityConfig.model_validate_json(sys.argv[5])
daily.run(city, home=home, issue_time=issue)
"""


@pytest.mark.parametrize(("step", "half"), [(0, 1), (1, 0), (3, 1), (6, 1)])
def test_killed_anywhere_and_started_again_it_ends_in_the_same_state(
    tmp_path: Path, config: CityConfig, sample: xr.Dataset, finished: Path, step: int, half: int
) -> None:
    home = home_with(tmp_path, sample.sel(time=slice(None, ISSUE)))
    command = [sys.executable, "-c", KILL, str(step), str(home), str(ISSUE), str(half)]
    command.append(config.model_dump_json())
    died = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False)
    assert died.returncode == -signal.SIGKILL
    assert not (daily.run_folder(home, ISSUE) / "run.json").exists()
    daily.run(config, home=home, issue_time=ISSUE)
    assert products(home) == products(finished)


def test_the_run_degrades_and_says_so(
    tmp_path: Path, config: CityConfig, sample: xr.Dataset
) -> None:
    hurt = sample.sel(time=slice(None, ISSUE)).copy(deep=True)
    tier = hurt["tier"].values.astype(str)
    for name in schema.POLLUTANTS:
        values = hurt[name].values
        values[-30:, 0] = np.nan  # a dead national station
        values[-40:, tier == "village"] = np.nan  # an empty tier
        values[-3:] = np.nan  # nothing in the last hours
        values[-10:-8] = np.nan  # a gap before
    report = daily.run(config, home=home_with(tmp_path, hurt), issue_time=ISSUE)
    said = " | ".join(n.text.en for n in report.notes)
    for part in (
        "tier village is silent",
        "1 stations silent",
        "last 3 h",
        "2 further hours",
        "this run uses none",
    ):
        assert part.lower() in said.lower(), said
    stations = forecast_file.read_stations(daily.forecast_path(tmp_path, ISSUE))
    assert np.isfinite(stations["pm25"].isel(issue_time=0, lead=5, quantile=4).values).all()


def test_a_model_that_is_not_there_is_replaced_and_named(
    tmp_path: Path, config: CityConfig, sample: xr.Dataset
) -> None:
    wanted = config.model_copy(
        update={"forecast": config.forecast.model_copy(update={"model": "lightgbm", "members": 10})}
    )
    home = home_with(tmp_path, sample.sel(time=slice(None, ISSUE)))
    report = daily.run(wanted, home=home, issue_time=ISSUE)
    assert any("damped persistence" in n.text.en for n in report.notes)
    assert forecast_file.attributes(report.forecast).model == "persistence"


def test_a_home_without_readings_is_refused(tmp_path: Path, config: CityConfig) -> None:
    with pytest.raises(DataError, match="no month of observations"):
        daily.run(config, home=tmp_path, issue_time=ISSUE)
