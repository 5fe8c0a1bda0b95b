"""A tiny training from readings to a model that forecasts; the same again, and after a kill."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from forecast import artifact, forecast_file, model_store, network_inputs, observations, schema
from forecast import config as configuration
from forecast.config import CityConfig
from forecast.network import Network
from forecast.problems import ConfigError
from training import drift, fit, hindcast, job, settings
from training.job import Job
from training.settings import Tiers, TrainConfig
from training.windows import Record

# MLflow's store is built on what SQLAlchemy calls outdated; Lightning's advice is not ours either.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

OFFSET = pd.Timedelta(hours=8)
OBS = schema.mock_observations(start="2025-09-01", hours=24 * 105, stations=4, seed=7)
UNTIL = pd.Timestamp("2025-12-09T16:00")
TINY = {
    "network": {"width": 16, "layers": 1, "blocks": 1, "identity": 2, "exchange_heads": 1},
    "optimiser": {"steps": 8, "batch": 4, "checkpoint_steps": 5, "average": 0.9},
    "calibration": {"folds": 2, "every_hours": 47, "templates": 20},
    "trees": {"rows": 0},
    "workers": 1,
    "experts": [
        {
            "serves": ["perfect", "none"],
            "tiers": {"perfect": 0.7, "perturbed": 0, "none": 0.3},
            "seeds": [1],
        }
    ],
}


def tiny(**optimiser: object) -> TrainConfig:
    content = {**TINY, "optimiser": {**TINY["optimiser"], **optimiser}}  # type: ignore[dict-item]
    return TrainConfig.model_validate(content)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> CityConfig:
    register = tmp_path_factory.mktemp("register") / "stations.csv"
    table = schema.mock_stations(count=4, seed=7)
    words = {c: table[c].map({True: "true", False: "false"}) for c in ("reference", "background")}
    table.assign(**words).to_csv(register, index_label="station")
    demo = configuration.load(configuration.configs_dir() / "demo.yaml")
    return demo.model_copy(
        update={
            "forecast": demo.forecast.model_copy(update={"members": 8}),
            "stations": register,
            "calibrate": False,
            "city": demo.city.model_copy(update={"id": "tiny"}),
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, config: CityConfig) -> tuple[Path, Path]:
    """A home with 105 days of mock readings, and the folder of a network trained on 99 of them."""
    home = tmp_path_factory.mktemp("home")
    observations.merge(home, OBS, source="mock", received=pd.Timestamp("2026-01-01"))
    path = home / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    said: list[str] = []
    made = fit.run(
        config, home=home, until=UNTIL, tier="none", model="network", say=said.append,
        settings=path,
    )  # fmt: skip
    assert "3 of 3 networks to train, 1 at a time" in said
    return home, made


def test_what_was_trained_is_kept_and_says_what_it_is(trained: tuple[Path, Path]) -> None:
    home, folder = trained
    found = artifact.read(folder)
    assert found.trained_until == UNTIL
    assert found.about["simulated"] is True
    assert found.about["stations"] == 4
    assert found.networks[0].config.width == 16
    assert (home / "mlflow" / "mlflow.db").is_file()
    kept = model_store.network(home, "tiny", UNTIL)
    assert kept is not None
    assert kept.folder == folder
    # Three 30-day windows are the least that say what is ordinary: 99 days have them.
    assert drift.read(folder)["windows"] == 3
    # Blocks not trained on say what errors are ordinary, by degree of trust in the weather.
    errors = found.about["errors"]
    assert set(errors) == {"0", "2"}
    pm25 = errors["2"]["pm25 h1_24"]
    assert 0 < pm25["mae"] <= pm25["mae_most"]
    card = (folder / "card.md").read_text()
    assert "SIMULATED DATA" in card
    assert f"{pm25['mae']:.3g} ({pm25['mae_most']:.3g})" in card


def test_a_hindcast_by_it_is_made_of_numbers(
    trained: tuple[Path, Path], config: CityConfig, tmp_path: Path
) -> None:
    home, _ = trained
    said: list[str] = []
    report = hindcast.run(
        config, home=home, start=UNTIL, end=UNTIL, every=12, tier="perfect", model="network",
        out=tmp_path / "h.nc", hourly_members=False, say=said.append,
    )  # fmt: skip
    assert (report.model, report.trained_until, report.issue_times) == ("network", UNTIL, 2)
    pm25 = forecast_file.read_stations(tmp_path / "h.nc")["pm25"].to_numpy()
    assert pm25.shape == (2, 96, 4, len(schema.QUANTILES))
    # To the end of D+3: 72 hours after local midnight, 84 after noon.
    for issue, last in enumerate((72, 84)):
        assert np.isfinite(pm25[issue, :last]).all()
        assert np.isnan(pm25[issue, last:]).all()
        assert (np.diff(pm25[issue, :last], axis=-1) >= 0).all()


def test_a_hindcast_before_its_data_end_refuses_it(
    trained: tuple[Path, Path], config: CityConfig
) -> None:
    home, _ = trained
    assert model_store.network(home, "tiny", UNTIL - pd.Timedelta(hours=1)) is None


def test_the_champion_is_not_written_over(trained: tuple[Path, Path], config: CityConfig) -> None:
    home, folder = trained
    pointer = home / "models" / "tiny" / "champion.json"
    pointer.write_text(json.dumps({"folder": str(folder.relative_to(home))}))
    before = (folder / "model.json").stat().st_mtime_ns
    with pytest.raises(ConfigError, match="--tag"):
        fit.run(config, home=home, until=UNTIL, tier="none", model="network", say=print)
    assert (folder / "model.json").stat().st_mtime_ns == before
    pointer.unlink()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the record that single trainings read."""
    folder = tmp_path_factory.mktemp("jobs")
    job.keep_record(folder / "record.nc", Record.of(OBS, OFFSET, 240))
    return folder


def one(folder: Path, data: Path, steps: int, seed: int = 1) -> Network:
    """One network, trained (or gone on with) in `folder`."""
    record = Record.of(OBS, OFFSET, 240)
    tiers = Tiers(perfect=0.7, perturbed=0, none=0.3)
    chosen = Job("one", seed, ((record.origin, UNTIL),), tiers)
    times = record.issue_times(record.origin, UNTIL)[::97]
    batch = replace(record.cut(times, None, "none"))
    scales = network_inputs.fit_scales(record.values, batch)
    job.train(chosen, folder, data, tiny(steps=steps), scales, None)
    return job.network(folder, chosen)


def apart(a: Network, b: Network) -> float:
    """Largest difference of two networks' weights."""
    theirs = b.state_dict()
    return max(float((v - theirs[k]).abs().max()) for k, v in a.state_dict().items())


def test_the_same_seed_gives_the_same_weights(work: Path) -> None:
    first = one(work / "a", work / "record.nc", 8)
    assert apart(first, one(work / "b", work / "record.nc", 8)) == 0.0
    assert apart(first, one(work / "c", work / "record.nc", 8, seed=2)) > 1e-3


def test_killed_and_started_again_it_ends_where_it_would_have(work: Path) -> None:
    """SIGKILL after the first checkpoint: optimiser, averages, schedule, examples and dropout."""
    steps = 24
    code = (
        "from pathlib import Path; from tests.training import test_train as t;"
        f"t.one(Path({str(work / 'killed')!r}), Path({str(work / 'record.nc')!r}), {steps})"
    )
    place = work / "killed" / "one"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    try:
        ends = time.monotonic() + 600
        while not (place / "last.ckpt").is_file():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < ends
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
    assert not (place / "network.safetensors").is_file()
    whole = one(work / "whole", work / "record.nc", steps)
    again = one(work / "killed", work / "record.nc", steps)
    # A fresh process and this one may round the first steps apart (7e-8 seen); in two alike: 0.
    assert apart(whole, again) < 1e-6


def test_settings_of_the_test_are_what_a_file_may_say(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    assert settings.load(path) == tiny()
