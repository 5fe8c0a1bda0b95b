"""Ordinary months raise nothing; a shifted sensor, a new climate or silence are named."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecast import schema
from forecast.problems import DataError
from forecast.schema import POLLUTANTS
from tests.forecast import network_cases as cases
from training import drift
from training.windows import Record

OBS = schema.mock_observations(start="2025-01-01", hours=24 * 390, stations=5, seed=4)
RECORD = Record.of(OBS, cases.OFFSET, 240)
TRAIN = replace(RECORD, values=RECORD.values[: 24 * 360], weather=RECORD.weather[: 24 * 360])
KNOWN = drift.reference(TRAIN)


def beyond(record: Record) -> list[str]:
    return [f.what for f in drift.judge(record, KNOWN) if f.beyond]


def test_distance_by_hand() -> None:
    grid = np.linspace(0, 100, 101)
    same = np.linspace(0, 100, 1001)
    assert drift._ks(same, grid) == pytest.approx(0, abs=0.02)
    assert drift._ks(same + 30, grid) == pytest.approx(0.3, abs=0.02)
    assert drift._ks(same + 500, grid) == pytest.approx(1, abs=0.02)
    assert np.isnan(drift._ks(same[:10], grid))
    dry = np.zeros(500)
    assert drift._ks(dry, np.concatenate([np.zeros(95), np.arange(6.0)])) < 0.1


def test_a_window_of_the_training_part_is_ordinary() -> None:
    """By construction at most a few of its own windows lie beyond the quantile."""
    part = replace(TRAIN, values=TRAIN.values[: 24 * 90], weather=TRAIN.weather[: 24 * 90])
    assert len(beyond(part)) <= 2


def test_ten_times_the_level_is_named() -> None:
    values = RECORD.values.copy()
    values[-24 * 30 :, :, POLLUTANTS.index("so2")] *= 10
    assert "distribution of so2" in beyond(replace(RECORD, values=values))
    assert "distribution of so2" not in beyond(RECORD)


def test_silence_is_named_by_tier_and_pollutant() -> None:
    values = RECORD.values.copy()
    city = RECORD.stations["tier"].to_numpy() == "city"
    values[-24 * 30 :, city] = np.nan
    assert "share missing, tier city" in beyond(replace(RECORD, values=values))
    values[-24 * 30 :, :, POLLUTANTS.index("co")] = np.nan
    assert any("co hardly reported" in w for w in beyond(replace(RECORD, values=values)))


def test_kept_and_read_again(tmp_path: Path) -> None:
    drift.keep(KNOWN, tmp_path)
    read = drift.read(tmp_path)
    assert drift.judge(RECORD, read) == drift.judge(RECORD, KNOWN)
    with pytest.raises(DataError, match="statistics of the training part"):
        drift.read(tmp_path / "nowhere")
    with pytest.raises(DataError, match="at least"):
        drift.reference(replace(TRAIN, values=TRAIN.values[:800], weather=TRAIN.weather[:800]))
