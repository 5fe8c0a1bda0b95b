"""A record on disk gives the examples of the record in memory; the months of a home, the home's."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import config as configuration
from forecast import history, observations, quality_limits, schema, stations
from forecast.batch import stacked
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, WEATHER
from tests.forecast import network_cases as cases
from training import job, module, streamed, train, windows
from training.module import Examples
from training.settings import Tiers, TrainConfig
from training.windows import Record

RECORD = Record.of(cases.OBS, cases.OFFSET, 240)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> streamed.StreamedRecord:
    folder = tmp_path_factory.mktemp("record")
    streamed.keep(folder, RECORD)
    return streamed.read(folder)


@pytest.mark.parametrize("some", [None, 2])
def test_examples_are_those_of_the_record_in_memory(
    kept: streamed.StreamedRecord, some: int | None
) -> None:
    settings = TrainConfig(stations_per_step=some)
    tiers = Tiers(perfect=0.4, perturbed=0.4, none=0.2)
    for step in range(3):
        made = [
            module.example(
                Examples(
                    record, record.issue_times(record.origin, pd.Timestamp("2030-01-01")),
                    windows.observed(), cases.scales(), settings, tiers, 7,
                ),
                step,
            )
            for record in (RECORD, kept)
        ]  # fmt: skip
        for a, b in zip(*made, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_processes_of_one_training_see_different_examples(kept: streamed.StreamedRecord) -> None:
    times = kept.issue_times(kept.origin, pd.Timestamp("2030-01-01"))
    examples = Examples(kept, times, windows.observed(), cases.scales(), TrainConfig(), Tiers(), 7)
    a, b = (module.example(examples, 0, rank)[0].numpy() for rank in (0, 1))
    assert not np.array_equal(a, b)


def test_nothing_is_read_before_it_is_asked_for(kept: streamed.StreamedRecord) -> None:
    part = kept.only(np.array([2, 0])).only(np.array([1]))
    assert isinstance(part.values, streamed.Strip)
    assert part.values.shape == (len(RECORD.values), 1, len(POLLUTANTS))
    assert list(part.stations.index) == [RECORD.stations.index[0]]
    np.testing.assert_array_equal(part.values[10:13], RECORD.values[10:13, [0]])
    np.testing.assert_array_equal(np.asarray(part.weather), RECORD.weather[:, [0]])


def test_the_loss_scale_is_that_of_the_record_in_memory(kept: streamed.StreamedRecord) -> None:
    inside = np.zeros(len(RECORD.values), dtype=bool)
    inside[100:900] = True
    whole = module.scale_of(RECORD.values[inside], cases.scales())
    centre = np.asarray(cases.scales().pollutant_centre)
    by_part = module.scale_from(streamed.spread(kept, inside, centre), cases.scales())
    np.testing.assert_allclose(by_part.spread.numpy(), whole.spread.numpy(), rtol=1e-5)


def test_a_home_by_the_month_is_the_home(tmp_path: Path) -> None:
    demo = configuration.load(configuration.configs_dir() / "demo.yaml")
    sample = schema.mock_observations(start="2025-11-20", hours=24 * 75, stations=4, seed=3)
    received = pd.Timestamp("2026-02-10")
    observations.merge(tmp_path, sample, source="mock", received=received)
    first, last = (pd.Timestamp(sample["time"].values[i]) for i in (0, -1))
    streamed.build(demo, tmp_path, first, last, tmp_path / "record")
    made = streamed.read(tmp_path / "record")
    register, limits = stations.load(demo.stations), quality_limits.load(demo.quality)
    known = history.load(tmp_path, register, limits, start=first, end=last).usable
    assert made.origin == first
    np.testing.assert_array_equal(made.values[:], stacked(known, POLLUTANTS))
    np.testing.assert_array_equal(made.weather[:], stacked(known, WEATHER))


def test_a_record_on_disk_is_a_dataset_and_has_scales(kept: streamed.StreamedRecord) -> None:
    made, known = (job.dataset_of(r.only(np.array([0, 1]))) for r in (kept, RECORD))
    assert made.equals(known)
    until = RECORD.origin + pd.Timedelta(hours=len(RECORD.values) - 1)
    a, b = (train.scales_of(r, until, TrainConfig()) for r in (kept, RECORD))
    assert a == b


def test_a_large_record_is_kept_as_arrays_and_a_small_one_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = job.kept_record(tmp_path, RECORD)
    assert small.name == "record.nc"
    monkeypatch.setattr(job, "LARGE_BYTES", 0)
    large = job.kept_record(tmp_path, RECORD)
    before = (large / "values.npy").stat().st_mtime_ns
    assert job.kept_record(tmp_path, RECORD) == large
    assert (large / "values.npy").stat().st_mtime_ns == before
    for path in (small, large):
        np.testing.assert_array_equal(np.asarray(job._record(path).values), RECORD.values)


def test_half_a_record_is_refused(tmp_path: Path) -> None:
    streamed.keep(tmp_path, RECORD)
    (tmp_path / streamed.RECORD).unlink()
    with pytest.raises(DataError, match="a whole training record"):
        streamed.read(tmp_path)
    about = streamed._about(RECORD)
    with pytest.raises(DataError, match="hours"):
        streamed.write(tmp_path, iter([(RECORD.values[:5], RECORD.weather[:5])]), about)
    with pytest.raises(DataError):
        streamed.read(tmp_path)
