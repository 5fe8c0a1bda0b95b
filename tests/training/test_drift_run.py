"""Errors, bias and coverage by lead day, single stations, and the command that names findings."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config as configuration
from forecast import forecast_file, model_store, observations, quality, quality_limits, schema
from forecast.batch import leads_of, stacked
from forecast.config import CityConfig
from forecast.problems import ConfigError
from forecast.schema import POLLUTANTS, QUANTILES
from training import drift_errors, drift_run, drift_stations

HOUR = pd.Timedelta(hours=1)


def errors_of(error: float, width: float, issues: int = 60) -> drift_errors.Errors:
    """Forecasts that miss by `error`, observed 50 everywhere, one station."""
    observed = np.full((issues, 96, 1, 6), 50.0, np.float32)
    middle = observed + error
    three = np.stack([middle - width / 2, middle, middle + width / 2], axis=-1)
    times = pd.date_range("2025-01-01", periods=issues, freq="24h")
    return drift_errors.of(times, three, observed)


def test_errors_by_hand() -> None:
    found = errors_of(-4.0, 10.0, issues=3)
    assert found.absolute.shape == (3, 3, 6)
    assert (found.absolute == 4).all()
    assert (found.error == -4).all()
    assert (found.inside == 1).all()  # 50 lies within 41 .. 51
    assert (errors_of(-6.0, 10.0).inside == 0).all()  # but not within 39 .. 49


def test_missing_observations_count_for_nothing() -> None:
    observed = np.full((1, 96, 2, 6), np.nan, np.float32)
    observed[0, :24, 0] = 10.0
    three = np.broadcast_to(np.float32([10, 12, 14]), (1, 96, 2, 6, 3))
    found = drift_errors.of(pd.DatetimeIndex(["2025-01-01"]), three, observed)
    assert (found.absolute[0, 0] == 2).all()
    assert np.isnan(found.absolute[0, 1:]).all()


def test_worse_biased_and_too_narrow_are_named_apart() -> None:
    known = drift_errors.reference(errors_of(2.0, 10.0), days=30)
    assert known["windows"] == 2
    assert known["pm25 h1_24"] == {
        "mae": 2.0, "mae_most": 2.0, "bias_most": 0.2, "outside_most": 0.0,
    }  # fmt: skip

    def beyond(error: float, width: float) -> set[str]:
        found = drift_errors.judge(errors_of(error, width), known)
        return {f.what for f in found if f.beyond and "pm25 h25_48" in f.what}

    assert beyond(2.0, 10.0) == set()
    assert beyond(-2.0, 10.0) == set()
    assert beyond(4.0, 20.0) == {"MAE, ratio to calibration, pm25 h25_48"}
    assert beyond(2.0, 6.0) == {"bias, in 80 % widths, pm25 h25_48"}
    assert beyond(2.0, 3.0) == {
        "bias, in 80 % widths, pm25 h25_48", "outside the 80 % interval, pm25 h25_48",
    }  # fmt: skip


def test_few_forecasts_are_not_judged() -> None:
    known = drift_errors.reference(errors_of(2.0, 10.0), days=30)
    assert drift_errors.judge(errors_of(20.0, 10.0, issues=7), known) == ()
    assert drift_errors.judge(errors_of(20.0, 10.0, issues=8), known)


OBS = schema.mock_observations(start="2025-06-01", hours=24 * 150, stations=4, seed=5)


def stations_beyond(obs: xr.Dataset) -> list[str]:
    flagged = quality.flag(
        obs,
        quality_limits.load(configuration.load(configuration.configs_dir() / "demo.yaml").quality),
    )
    found = drift_stations.judge(flagged, quality.usable(flagged), days=30)
    return [f.what for f in found if f.beyond]


def changed(pollutant: str, station: int, factor: float) -> xr.Dataset:
    obs = OBS.copy(deep=True)
    obs[pollutant][-24 * 30 :, station] *= factor
    return obs


def test_a_station_that_leaves_its_neighbours_is_named() -> None:
    assert stations_beyond(OBS) == []
    name = OBS["station"].values[2]
    found = stations_beyond(changed("pm25", 2, 1.6))
    # Quality's tests see the step, too; its neighbours are not blamed.
    assert set(found) - {f"station {name}: share flagged"} == {
        f"station {name}: level of pm25 beside its neighbours, log ratio"
    }


def test_a_silent_station_is_named() -> None:
    obs = OBS.copy(deep=True)
    for p in POLLUTANTS:
        obs[p][-24 * 4 :, 1] = np.nan
    assert stations_beyond(obs) == [f"station {OBS['station'].values[1]}: silent hours"]


@pytest.fixture
def city(tmp_path: Path) -> CityConfig:
    table = schema.mock_stations(count=4, seed=5)
    words = {c: table[c].map({True: "true", False: "false"}) for c in ("reference", "background")}
    table.assign(**words).to_csv(tmp_path / "stations.csv", index_label="station")
    demo = configuration.load(configuration.configs_dir() / "demo.yaml")
    changes = {"stations": tmp_path / "stations.csv", "calibrate": False}
    return demo.model_copy(update=changes)


def kept_forecasts(home: Path, factor: float) -> None:
    """Daily forecasts whose median is the truth times a factor, intervals of +- 20 %."""
    values, origin = stacked(OBS, POLLUTANTS), pd.Timestamp(OBS["time"].values[0])
    table = schema.stations_frame(OBS)
    for issue in pd.date_range("2025-10-01T16:00", periods=20, freq="24h"):
        came = np.nan_to_num(leads_of(values, origin, pd.DatetimeIndex([issue])), nan=1.0)
        levels = factor * (1 + 0.5 * (np.array(QUANTILES, np.float32) - 0.5))
        quantiles = came[..., None] * levels
        layout = forecast_file.Layout(pd.DatetimeIndex([issue]), table, ("city",), 2)
        header = forecast_file.Header(
            model="network", model_version="v", data_hash="", standard="auto", config_hash="",
            weather_tier="none", code_revision="", simulated=True, utc_offset_hours=8,
            trained_until="",
        )  # fmt: skip
        path = home / "forecasts" / f"{issue:%Y%m%dT%H%MZ}.nc"
        forecast_file.write(path, header, layout, [forecast_file.Chunk(quantiles)])


@pytest.mark.parametrize(("factor", "named"), [(1.0, False), (1.8, True)])
def test_a_home_is_judged_and_nothing_is_trained(
    tmp_path: Path, city: CityConfig, factor: float, named: bool
) -> None:
    home = tmp_path / "home"
    observations.merge(home, OBS, source="mock", received=pd.Timestamp("2026-01-01"))
    until = pd.Timestamp("2025-09-15")
    folder = model_store.folder(home, city.city.id, "network", "none", until)
    folder.mkdir(parents=True)
    usual = {
        f"{p} {b}": {"mae": 10.0, "mae_most": 15.0, "bias_most": 0.5, "outside_most": 0.4}
        for p in POLLUTANTS for b in drift_errors.BLOCKS
    }  # fmt: skip
    about = {"errors": {"0": {"days": 30, "windows": 5, **usual}}}
    manifest = {"trained_until": until.isoformat(), "about": about}
    (folder / "model.json").write_text(json.dumps(manifest))
    kept_forecasts(home, factor)
    before = sorted(home.rglob("*"))
    report = drift_run.run(
        city, home=home, until=pd.Timestamp("2025-10-27T15:00"), out=tmp_path / "out"
    )
    assert before == sorted(home.rglob("*"))
    bias = [f for f in report.findings["forecasts"] if "bias" in f.what and "pm25" in f.what]
    assert len(bias) == 3
    assert [f.beyond for f in bias] == [named] * 3
    assert ("train on data up to today" in report.proposal()) or not named
    # The home's readings before its training ended say what inputs are ordinary.
    assert report.findings["inputs"]
    assert any("made from the home's readings" in n for n in report.notes)
    written = json.loads((tmp_path / "out" / "drift.json").read_text())
    assert written["beyond"] == len(report.beyond)
    assert "## forecasts" in (tmp_path / "out" / "drift.md").read_text()


def test_a_city_without_a_network_is_refused(tmp_path: Path, city: CityConfig) -> None:
    with pytest.raises(ConfigError, match="lantian train"):
        drift_run.run(city, home=tmp_path, until=pd.Timestamp("2025-10-27T15:00"))


def test_which_network_a_name_means(tmp_path: Path) -> None:
    def made(place: Path, until: str) -> Path:
        place.mkdir(parents=True)
        (place / "model.json").write_text(json.dumps({"trained_until": until}))
        return place

    models = tmp_path / "models" / "demo"
    plain = made(models / "network-any" / "20250101T0000Z", "2025-01-01T00:00")
    wide = made(models / "network-wide" / "20250201T0000Z", "2025-02-01T00:00")
    apart = made(tmp_path / "elsewhere", "2025-03-01T00:00")
    now = pd.Timestamp("2025-04-01")

    def meant(name: str, at: pd.Timestamp = now) -> Path | None:
        kept = model_store.network_named(tmp_path, "demo", name, at)
        return kept.folder if kept else None

    assert meant("network") == plain  # a tagged one is a candidate: no run takes it by itself
    assert meant("network:wide") == wide
    assert meant(f"network@{apart}") == apart
    assert meant("network:champion") is None
    assert meant("network:other") is None
    assert meant("network:../demo/network-any") is None
    pointer = {"folder": "models/demo/network-wide/20250201T0000Z"}
    (models / "champion.json").write_text(json.dumps(pointer))
    assert meant("network:champion") == meant("network") == wide
    # What saw the days after the issue time is not used for it.
    assert meant(f"network@{apart}", pd.Timestamp("2025-02-15")) is None
    assert meant("network:wide", pd.Timestamp("2025-01-15")) is None
    with pytest.raises(ConfigError, match="tag"):
        model_store.folder(tmp_path, "demo", "network", "none", now, "champion")
