"""The city's observed days from a home's readings."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast import areas, observations, schema, stations
from serving import city_days
from tests.serving import console_home

CITY = console_home.city()
LATER = dt.datetime(2026, 12, 10)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """PM2.5 of about 130 on 24 and 25 November 2026 local; the 26th has its first 12 hours."""
    register = stations.load(CITY.stations)
    times = pd.date_range("2026-11-23 17:00", periods=60, freq="h")  # 01:00 of the 24th, local
    wiggle = np.random.default_rng(1).normal(0, 2, (len(times), len(register)))
    levels = {"pm25": 130, "pm10": 160, "so2": 10, "no2": 40, "co": 1, "o3": 30}
    values = {p: v * (1 + wiggle / 100) for p, v in levels.items()}
    reference = areas.points(register)
    values["pm25"][:, ~reference] = 400  # lower tiers never make the city's value
    ds = schema.dataset(times, register, values)
    observations.merge(tmp_path, ds, source="test", received=pd.Timestamp("2026-11-26"))
    return tmp_path


def test_only_days_that_are_over_and_whole_are_known(home: Path) -> None:
    first, last = dt.date(2026, 11, 23), dt.date(2026, 11, 26)
    found = city_days.between(CITY, home, first, last, until=LATER)
    assert sorted(found) == [dt.date(2026, 11, 24), dt.date(2026, 11, 25)]
    day = found[dt.date(2026, 11, 24)]
    # HJ 633-2026: 24-h PM2.5 of 115 is 150, of 150 is 200: 130 is 150 + 50 x 15 / 35, rounded up.
    assert day.aqi in (171, 172)
    assert day.primary == ("pm25",)
    # 15:59 UTC of the 25th is 23:59 of that day: it is not over.
    early = dt.datetime(2026, 11, 25, 15, 59)
    assert sorted(city_days.between(CITY, home, first, last, until=early)) == [
        dt.date(2026, 11, 24)
    ]


def test_new_readings_are_seen_at_once(home: Path) -> None:
    first = dt.date(2026, 11, 24)
    before = city_days.between(CITY, home, first, first, until=LATER)[first]
    register = stations.load(CITY.stations)
    times = pd.date_range("2026-11-23 17:00", periods=24, freq="h")
    low = np.random.default_rng(2).normal(40, 2, (24, len(register)))
    ds = schema.dataset(times, register, {"pm25": low})
    observations.merge(home, ds, source="test", received=pd.Timestamp("2026-11-27"))
    assert city_days.between(CITY, home, first, first, until=LATER)[first].aqi < before.aqi


def test_a_home_without_readings_knows_no_day(tmp_path: Path) -> None:
    day = dt.date(2026, 11, 24)
    assert city_days.between(CITY, tmp_path, day, day, until=LATER) == {}
