"""Flags and calibration of single stations, on hand-made values."""

import numpy as np
import pandas as pd
import pytest

from forecast import quality, quality_limits, schema, sensor_health
from forecast.config import configs_dir
from forecast.history import History
from serving import station_health

LIMITS = quality_limits.load(configs_dir() / "quality" / "default.yaml")


@pytest.fixture
def known() -> History:
    """Two days of four stations: the second stands still, the third is silent for a day."""
    register = schema.mock_stations(count=4)
    times = pd.date_range("2026-01-01", periods=48, freq="h")
    random = np.random.default_rng(5)
    pm25 = 60 + 20 * np.sin(np.arange(48) / 4)[:, None] + random.normal(0, 2, (48, 4))
    pm25[20:, 1] = 61.0
    pm25[24:, 2] = np.nan
    ds = schema.dataset(times, register, {"pm25": pm25, "pm10": pm25 + 30})
    flagged = quality.flag(ds, LIMITS)
    return History(flagged, quality.usable(flagged))


def test_each_station_has_its_flags_of_the_last_day(known: History) -> None:
    found = station_health.content(known)
    assert found["hours"] == 24
    assert found["calibrated"] is False
    first, still, silent, _ = found["stations"].values()
    assert (first["known"], first["of"], first["failed"]) == (48, 48, 0)
    assert still["tests"]["flat_line"] > 0
    assert still["failed"] + still["suspect"] > 0
    assert silent["known"] == 0
    assert "state" not in first
    order = sorted(found["stations"].values(), key=station_health.worst_first)
    assert order[0] is still
    assert order[1] is silent


def test_sensors_have_a_state_references_have_none(known: History) -> None:
    stations = known.usable["station"].size
    health = np.zeros((48, stations), dtype=np.int8)
    health[-1, 1] = 3
    reason = np.zeros((48, stations), dtype=np.uint8)
    reason[-1, 1] = sensor_health.READING | sensor_health.DRIFT
    sd = np.full((48, stations), 5.04)
    sd[-3:, 1] = np.nan  # the newest one known is told
    sd[:, 2] = np.nan
    made = known.usable[["pm25"]].assign(
        health=(("time", "station"), health), pm25_reason=(("time", "station"), reason),
        pm25_sd=(("time", "station"), sd),
    )  # fmt: skip
    found = station_health.content(History(known.flagged, known.usable, made))["stations"]
    first, second, third, fourth = found.values()
    assert "state" not in first  # a national station
    assert (second["state"], second["reasons"], second["sd"]) == ("out", ["reading", "drift"], 5.0)
    assert (third["state"], third["sd"]) == ("ok", None)
    assert fourth["reasons"] == []
