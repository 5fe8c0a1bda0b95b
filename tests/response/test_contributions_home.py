"""A home's contributions: a planted factor is found again, and the plan uses it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config as city_config
from forecast import forecast_file, observations, schema, stations, weather
from forecast.config import configs_dir
from forecast.schema import POLLUTANTS, mock_stations
from response import contributions_home, plan_run, plume_settings, register_home
from response.controls_config import SPECIES
from response.plume_calibration import CALIBRATED
from response.register import Register

ISSUE = pd.Timestamp("2016-01-10 08:00")  # 16:00 local; D+1 is 11 January
HOUR, DAY = pd.Timedelta(hours=1), pd.Timedelta(days=1)
SHIPPED = plume_settings.load()
NEAR = {"M001": (113.13, 35.134), "M005": (113.285, 35.1728)}  # stacks just west of two stations


def plain(**changes: object) -> plume_settings.Settings:
    """Increments are trusted wholly and made by the register alone; nothing else is corrected."""
    s = SHIPPED
    ones = dict.fromkeys(CALIBRATED, 1.0)
    c = s.calibration
    update = {
        "stagnation": 1.0, "trust": 1.0, "prior_days": 0.0, "most": 5.0,
        "scale": c.scale.model_copy(update=ones), "share": c.share.model_copy(update=ones),
    } | changes  # fmt: skip
    return s.model_copy(update={"calibration": c.model_copy(update=update)})


def register() -> Register:
    firms = pd.DataFrame(
        {"grade": "C", "kind": "ordinary", "industry": "铸造", "area": "a", "name": "某厂"},
        index=pd.Index(["E0", "E1"], name="enterprise"),
    )
    units = pd.DataFrame(
        {"enterprise": firms.index, **dict.fromkeys((*SPECIES, "co"), 2000.0), "min_load": 0.0,
         "hours_to_stop": 0.0, "hours_to_restart": 0.0, "trucks_d": 0.0, "pm25_share": 1.0,
         "profile": "continuous", "value_yuan_d": [1e5, 2e5], "name": "1号炉"},
        index=pd.Index(["U0", "U1"], name="unit"),
    )  # fmt: skip
    stacks = pd.DataFrame(
        {"unit": units.index, "share": 1.0, "height_m": 20.0, "diameter_m": 1.0,
         "temperature_k": 280.0, "speed_m_s": 0.0, "longitude": [x for x, _ in NEAR.values()],
         "latitude": [y for _, y in NEAR.values()]},
    )  # fmt: skip
    measures = pd.DataFrame(
        [{"unit": u, "level": level, "action": "stop", "load": 0.0, "trucks_after": 0.0,
          "source": "list", "assumption": False}
         for u in units.index for level in ("yellow", "orange", "red")]
    )  # fmt: skip
    return Register(firms, units, stacks, measures, "")


def save_weather(home: Path, issue: pd.Timestamp, wind: float) -> None:
    """A vintage of an eve: wind from the west, dry, in 100 hours from 14 h before."""
    table = mock_stations(count=12)
    times = pd.date_range(issue - 13 * HOUR, periods=104, freq="h")
    values = {"u10": wind, "v10": 0.0, "t2m": 275.0, "d2m": 268.0, "tp": 0.0, "blh": 400.0,
              "ssrd": 0.0}  # fmt: skip
    shape = (len(times), len(table))
    data = {
        n: (("time", "station"), np.full(shape, v), schema.attrs_of(n)) for n, v in values.items()
    }
    at = {k: ("station", table[k].to_numpy()) for k in ("latitude", "longitude")}
    coords = {"time": times, "station": table.index.to_numpy().astype(str), **at}
    weather.save(home, "archive", xr.Dataset(data, coords), issue_time=issue - 14 * HOUR,
                 available_time=issue - 8 * HOUR)  # fmt: skip


@pytest.fixture
def config():
    city = city_config.load(configs_dir() / "demo.yaml")
    return city.model_copy(
        update={"weather": city.weather.model_copy(update={"sources": ["archive"]})}
    )


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Four eves with weather forecasts, a forecast of the air, a register of two units."""
    for back in range(4):
        save_weather(tmp_path, ISSUE - back * DAY, 3.0 + back)
    shape = (1, 3, 1, 20)
    daily = {p: np.full(shape, 20.0 if p != "co" else 1.0) for p in POLLUTANTS}
    daily["pm25"] = np.broadcast_to(150.0 + np.arange(20.0), shape).copy()
    header = forecast_file.Header(
        "mock", "1", "d", "auto", "c", "none", "r", False, 8, "2016-01-01T00:00"
    )
    layout = forecast_file.Layout(
        pd.DatetimeIndex([ISSUE]), mock_stations(count=12), ("city",), 20
    )  # fmt: skip
    areas = forecast_file.AreaChunk(np.full(shape, 210.0), np.zeros(shape, dtype=np.uint8), daily)
    air = forecast_file.Chunk(np.full((1, 96, 12, 6, 9), 30.0), areas)
    (tmp_path / "forecasts").mkdir()
    forecast_file.write(tmp_path / "forecasts" / "20160110T0800Z.nc", header, layout, [air])
    monkeypatch.setattr(register_home, "current", lambda _: register())
    return tmp_path


def made(config, home: Path):
    city = stations.load(config.stations)
    daily, notes = contributions_home.receptor_contributions(
        config, home, register(), ISSUE, city[city["reference"]]
    )
    assert daily is not None, [n.en for n in notes]
    return daily, [n.en for n in notes]


def observe(home: Path, factor: float) -> None:
    """Stations as the model has them, but for a factor, on a regional 40 ug m-3."""
    table = mock_stations(count=12)
    times = pd.date_range("2016-01-06 16:00", ISSUE, freq="h") + HOUR
    # What the reference stations have over the network's low percentile, day by day.
    rows = {}
    for path in sorted((home / "contributions").glob("*.json")):
        begin = pd.to_datetime(path.name.split("-")[0], format="%Y%m%dT%H%MZ")
        rows[begin] = contributions_home._kept(path)["increment"]
    # Readings that never move would count as stuck: an hourly swing of all stations together.
    swing = np.sin(2 * np.pi * np.arange(len(times)) / 24)[:, None]
    values = {}
    for p in CALIBRATED:
        grid = np.tile((40.0 + 10 * swing) / (80.0 if p == "co" else 1.0), (1, 12))
        for begin, row in rows.items():
            own = (times > begin) & (times <= begin + DAY)
            grid[np.ix_(own, table["reference"].to_numpy())] += factor * row[p]
        values[p] = grid
    observations.merge(home, schema.dataset(times, table, values), source="test", received=ISSUE)


def test_a_planted_factor_is_found_again_and_the_plan_uses_it(config, home, monkeypatch):
    monkeypatch.setattr(plume_settings, "load", plain)
    before, notes = made(config, home)
    assert any("3 modelled days before, 0 of them" in n for n in notes)
    assert before["pm25"].attrs["calibration"] == [1.0, 1.0, 1.0]
    plan = plan_run.run(config, home=home, level="yellow", bottom_line=200)
    observe(home, 2.5)
    after, notes = made(config, home)
    # The issue's own day is modelled but not over yet: its readings do not count.
    assert any("3 modelled days before, 2 of them" in n for n in notes), notes
    assert after["pm25"].attrs["calibration"] == pytest.approx([2.5] * 3, rel=0.02)
    np.testing.assert_allclose(after["so2"], 2.5 * before["so2"], rtol=0.05)
    again = plan_run.run(config, home=home, level="yellow", bottom_line=200)
    ordered = (plan.plan.modes != "normal").to_numpy()
    assert ordered.any()
    assert np.array_equal(ordered, (again.plan.modes != "normal").to_numpy())
    np.testing.assert_allclose(again.plan.effect["pm25"], 2.5 * plan.plan.effect["pm25"], rtol=0.02)


def test_the_air_above_a_stagnant_day_is_brought_back_and_the_days_before_are_kept(
    config, home, monkeypatch
):
    monkeypatch.setattr(plume_settings, "load", lambda: plain(stagnation=0.5, trust=0.0))
    calls = []
    model = contributions_home._modelled

    def counted(*arguments):
        calls.append(arguments[-2])
        return model(*arguments)

    monkeypatch.setattr(contributions_home, "_modelled", counted)
    daily, _ = made(config, home)
    assert len(calls) == 3
    # Wind of 4, 5 and 6 m/s before, 3 m/s now: more than usual, so less than modelled.
    assert all(f < 1 for f in daily["pm25"].attrs["calibration"])
    again, _ = made(config, home)
    assert len(calls) == 3
    xr.testing.assert_equal(again, daily)
    # A damaged sum is made again, not believed.
    path = sorted((home / "contributions").glob("*.json"))[0]
    path.write_text("{")
    third, _ = made(config, home)
    assert len(calls) == 4
    xr.testing.assert_equal(third, daily)


def test_no_reading_after_the_issue_time_counts(config, home, monkeypatch):
    monkeypatch.setattr(plume_settings, "load", plain)
    made(config, home)
    observe(home, 2.5)
    known, _ = made(config, home)
    table = mock_stations(count=12)
    times = pd.date_range(ISSUE + HOUR, periods=48, freq="h")
    values = {p: np.full((48, 12), 900.0) for p in CALIBRATED if p != "co"}
    observations.merge(home, schema.dataset(times, table, values), source="t", received=ISSUE)
    later, _ = made(config, home)
    xr.testing.assert_equal(later, known)
