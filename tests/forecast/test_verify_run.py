"""Verification end to end: a file, observations from the store, scores.json and the page."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import forecast_file, observations
from forecast.batch import leads_of, stacked
from forecast.forecast_file import AreaChunk, Chunk, Header, Layout
from forecast.problems import ConfigError, DataError
from forecast.schema import POLLUTANTS, mock_observations, stations_frame
from forecast.verify import daily, observed, run, settings

OFFSET = pd.Timedelta(hours=8)
HEADER = Header(
    model="oracle", model_version="1", data_hash="d", standard="auto", config_hash="c",
    weather_tier="perfect", code_revision="r", simulated=False, utc_offset_hours=8,
    trained_until="2025-01-01T00:00",
)  # fmt: skip
TIMES = pd.date_range("2025-03-01T10:00", periods=50, freq="12h")
RULES = settings.load().model_copy(
    update={"bootstrap": settings.Bootstrap(resamples=50, block_days=3)}
)


@pytest.fixture(scope="module")
def obs() -> xr.Dataset:
    ds = mock_observations(start="2024-12-31T16:00", hours=24 * 100, stations=4, seed=5)
    ds = ds.assign_coords(reference=("station", [True, True, True, False]))
    del ds.attrs["simulated"]
    return ds


def chunks(obs: xr.Dataset, factor: float) -> Iterator[Chunk]:
    """The truth times a factor, certain of it; gaps are forecast as 20."""
    truth = leads_of(stacked(obs, POLLUTANTS), pd.Timestamp(obs["time"].values[0]), TIMES)
    values = np.where(np.isnan(truth), 20, truth) * factor
    quantiles = np.repeat(values[..., None], 9, axis=-1)
    days = observed.days(obs, ("city",), "auto", OFFSET)
    target = observed.targets(days, 0, daily.target_dates(TIMES, OFFSET))
    aqi = np.clip(np.ceil(np.where(np.isnan(target.aqi), 50, target.aqi) * factor), 1, 500)
    shape = (len(TIMES), 3, 1, 4)
    mask = forecast_file.primary_mask(target.primary)[:, :, None, None]
    conc = {p: np.ones(shape) for p in POLLUTANTS}
    members = np.broadcast_to(aqi[:, :, None, None], shape)
    yield Chunk(quantiles, AreaChunk(members, np.broadcast_to(mask, shape), conc))


def file_of(path: Path, obs: xr.Dataset, factor: float, **changes: Any) -> Path:
    layout = Layout(TIMES, stations_frame(obs), ("city",), 4)
    forecast_file.write(path, replace(HEADER, **changes), layout, chunks(obs, factor))
    return path


@pytest.fixture(scope="module")
def perfect(obs: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return file_of(tmp_path_factory.mktemp("f") / "perfect.nc", obs, 1.0)


@pytest.fixture(scope="module")
def scores(obs: xr.Dataset, perfect: Path) -> dict[str, Any]:
    worse = file_of(perfect.with_name("worse.nc"), obs, 1.5)
    return run.score(perfect, obs, RULES, references={"worse": worse}, builtin=True)


def test_the_truth_scores_without_error(scores: dict[str, Any]) -> None:
    for p in POLLUTANTS:
        for group, entry in scores["stations"][p]["groups"].items():
            assert entry["n"] > 0, (p, group)
            assert entry["mae"] == pytest.approx(0, abs=1e-5)
            assert entry["crps"] == pytest.approx(0, abs=1e-5)
    city = scores["areas"]["city"]
    for day in ("D1", "D2", "D3"):
        assert city["days"][day]["level_accuracy"] == 1
        assert city["days"][day]["primary_exact"] == 1
        assert city["days"][day]["mae"] == 0
        assert city["days"][day]["counts"]["miss_150"] == 0
    events = city["episodes"]["150"]["days"]["D1"]
    assert events["n_events"] > 0
    assert (events["missed"], events["onset_mean_abs"], events["false_alarms"]) == (0, 0, 0)


def test_every_reference_is_beaten_on_common_cases(scores: dict[str, Any]) -> None:
    assert set(scores["comparison"]) == {"worse", "persistence", "climatology"}
    for name, pairs in scores["comparison"].items():
        entry = pairs["stations"]["pm25"]["D1"]
        assert entry["n"] == scores["stations"]["pm25"]["groups"]["D1"]["n"], name
        assert entry["crps"]["skill"] == pytest.approx(1, abs=1e-4)
        assert entry["mae"]["difference_interval"][1] < 0
    worse = scores["comparison"]["worse"]["stations"]["pm25"]["D1"]
    mean = scores["stations"]["pm25"]["groups"]["D1"]["mean_observed"]
    assert worse["mae"]["other"] == pytest.approx(mean / 2, rel=1e-3)
    assert scores["comparison"]["persistence"]["areas"]["city"]["D1"]["crps"]["other"] > 0


def test_references_learn_from_before_the_first_issue_time_only(
    scores: dict[str, Any], obs: xr.Dataset, perfect: Path
) -> None:
    poisoned = obs.copy(deep=True)
    late = poisoned["time"].values > (TIMES[-1] + pd.Timedelta(hours=96)).to_datetime64()
    assert late.any()
    poisoned["pm25"].values[late] = 900
    again = run.score(perfect, poisoned, RULES, references={}, builtin=True)
    for name in ("persistence", "climatology"):
        first, second = (s["comparison"][name]["stations"]["pm25"] for s in (scores, again))
        assert first == second


def test_scores_are_plain_json_and_deterministic(
    scores: dict[str, Any], obs: xr.Dataset, perfect: Path
) -> None:
    text = json.dumps(scores, allow_nan=False)
    worse = perfect.with_name("worse.nc")
    again = run.score(perfect, obs, RULES, references={"worse": worse}, builtin=True)
    assert json.dumps(again) == text
    assert scores["schema_version"] == 1
    assert scores["header"]["weather_tier"] == "perfect"
    assert scores["issue_times"]["n"] == 50


def test_products_of_a_run(obs: xr.Dataset, perfect: Path, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    observations.merge(home, obs, source="mock", received=pd.Timestamp("2025-06-01"))
    config = tmp_path / "rules.yaml"
    config.write_text(json.dumps(RULES.model_dump(mode="json")))
    found = run.run(perfect, home=home, out=out, config=config, builtin=False)
    assert json.loads((out / "scores.json").read_text(encoding="utf-8")) == found
    assert found["comparison"] == {}
    assert found["stations"]["pm25"]["groups"]["all"]["mae"] == pytest.approx(0, abs=1e-5)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "perfect" in page
    assert "上限" in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert "http" not in re.sub(r"data:[^\"]*", "", page)
    assert "模拟数据" not in page
    assert sorted(p.name for p in out.iterdir()) == ["report.html", "scores.json"]


def test_a_simulated_city_is_called_simulated(obs: xr.Dataset, tmp_path: Path) -> None:
    from forecast.verify import report

    path = file_of(tmp_path / "s.nc", obs, 1.0, simulated=True, weather_tier="none")
    found = run.score(path, obs, RULES, references={}, builtin=False)
    assert found["simulated"]
    page = report.render(found)
    assert "模拟数据" in page
    assert "只能作上限" not in page


def test_a_file_without_members_is_scored_at_stations(obs: xr.Dataset, tmp_path: Path) -> None:
    from forecast.verify import report

    layout = Layout(TIMES, stations_frame(obs), ("city",), 4)
    bare = [replace(c, areas=None) for c in chunks(obs, 1.2)]
    forecast_file.write(tmp_path / "f.nc", HEADER, layout, bare)
    found = run.score(tmp_path / "f.nc", obs, RULES, references={}, builtin=False)
    assert found["areas"] == {}
    assert found["stations"]["o3"]["groups"]["D1"]["bias"] > 0
    assert "could be scored" in report.render(found)


def test_nothing_observed_and_taken_names_are_refused(
    obs: xr.Dataset, perfect: Path, tmp_path: Path
) -> None:
    empty = obs.isel(time=slice(0, 24 * 40))
    with pytest.raises(DataError, match="no observation"):
        run.score(perfect, empty, RULES, references={}, builtin=False)
    with pytest.raises(ConfigError, match="persistence"):
        run.score(perfect, obs, RULES, references={"persistence": perfect}, builtin=True)
    shifted = Layout(TIMES + pd.Timedelta(hours=1), stations_frame(obs), ("city",), 4)
    other = tmp_path / "other.nc"
    forecast_file.write(other, HEADER, shifted, chunks(obs, 1.0))
    with pytest.raises(DataError, match=r"other\.nc"):
        run.score(perfect, obs, RULES, references={"other": other}, builtin=False)


def test_settings_refuse_unknown_keys(tmp_path: Path) -> None:
    wrong = RULES.model_dump(mode="json") | {"surprise": 1}
    (tmp_path / "w.yaml").write_text(json.dumps(wrong))
    with pytest.raises(ConfigError, match="surprise"):
        settings.load(tmp_path / "w.yaml")


def test_built_in_references_do_not_see_the_future(obs: xr.Dataset) -> None:
    poisoned = obs.copy(deep=True)
    late = poisoned["time"].values > TIMES[0].to_datetime64()
    for p in POLLUTANTS:
        poisoned[p].values[late] = 60
    clean, wrong = (
        run._builtin(ds, TIMES, OFFSET, {"persistence": {}, "climatology": {}})
        for ds in (obs, poisoned)
    )
    for a, b in zip(clean, wrong, strict=True):
        assert a.quantiles is not None
        assert b.quantiles is not None
        first = a.quantiles(TIMES[:1])
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(first, b.quantiles(TIMES[:1]))
