"""From a home to a control plan: register, forecast, level, contributions or their absence."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import config as city_config
from forecast import forecast_file
from forecast.config import configs_dir
from forecast.problems import ConfigError
from forecast.schema import POLLUTANTS, mock_stations
from response import plan_run, register_home
from response.controls_config import AIR, SPECIES
from response.register import Register

ISSUE = pd.Timestamp("2026-12-01 08:00")  # 16:00 local; D+1 is 2 December


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with a forecast of 20 members about a PM2.5 of 160 and a register of four units."""
    shape = (1, 3, 1, 20)
    daily = {p: np.full(shape, 20.0 if p != "co" else 1.0) for p in POLLUTANTS}
    daily["pm25"] = np.broadcast_to(150.0 + np.arange(20.0), shape).copy()
    header = forecast_file.Header(
        "mock", "1", "d", "auto", "c", "none", "r", False, 8, "2026-11-01T00:00"
    )
    layout = forecast_file.Layout(pd.DatetimeIndex([ISSUE]), mock_stations(count=1), ("city",), 20)
    areas = forecast_file.AreaChunk(np.full(shape, 210.0), np.zeros(shape, dtype=np.uint8), daily)
    chunk = forecast_file.Chunk(np.ones((1, 96, 1, 6, 9)), areas)
    (tmp_path / "forecasts").mkdir()
    forecast_file.write(tmp_path / "forecasts" / "20261201T0800Z.nc", header, layout, [chunk])
    monkeypatch.setattr(register_home, "current", lambda _: register())
    return tmp_path


def register() -> Register:
    names = [f"U{i}" for i in range(4)]
    firms = pd.DataFrame(
        {"grade": "C", "kind": "ordinary", "industry": "铸造", "area": "a", "name": "某厂"},
        index=pd.Index([f"E{i}" for i in range(4)], name="enterprise"),
    )
    units = pd.DataFrame(
        {"enterprise": firms.index, **dict.fromkeys((*SPECIES, "co"), 100.0), "min_load": 0.0,
         "hours_to_stop": 0.0, "hours_to_restart": 0.0, "trucks_d": 0.0,
         "value_yuan_d": [1e5, 2e5, 3e5, 4e5], "name": "1号炉"},
        index=pd.Index(names, name="unit"),
    )  # fmt: skip
    measures = pd.DataFrame(
        [{"unit": u, "level": level, "action": "stop", "load": 0.0, "trucks_after": 0.0,
          "source": "list", "assumption": False}
         for u in names for level in ("yellow", "orange", "red")]
    )  # fmt: skip
    return Register(firms, units, pd.DataFrame(), measures, "")


def jiaozuo():
    return city_config.load(configs_dir() / "jiaozuo.yaml")


def test_without_weather_the_plan_says_that_it_knows_no_contributions(home):
    result = plan_run.run(jiaozuo(), home=home, level="yellow", bottom_line=200)
    assert result.plan.effect is None
    assert any("no usable weather" in n.en for n in result.notes)
    assert f"{result.plan.days[0]:%Y-%m-%d}" == "2026-12-02"
    assert result.plan.without == result.plan.promised
    said = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert said["issue_time"] == "2026-12-01T08:00Z"
    assert any("ratios" in a["section"] for a in said["assumptions"])  # from memory, and shown


def test_a_bottom_line_without_contributions_is_refused(home):
    with pytest.raises(ConfigError, match="effects"):
        plan_run.run(jiaozuo(), home=home, level="yellow", goal="bottom_line", bottom_line=200,
                     probability=0.1)  # fmt: skip


def test_the_level_is_the_runs_own_proposal_unless_named(home):
    with pytest.raises(ConfigError, match="level"):
        plan_run.run(jiaozuo(), home=home)
    folder = home / "runs" / "20261201T0800Z"
    folder.mkdir(parents=True)
    (folder / "proposal.json").write_text('{"level": "orange"}', encoding="utf-8")
    assert plan_run.run(jiaozuo(), home=home).plan.level == "orange"


def test_the_bottom_line_is_kept_and_written_out(home, monkeypatch):
    # AQI 200 holds up to 150 ug m-3: the members stand at 150 .. 169, two may be above: 17 needed.
    parts = {p: (("unit", "day"), np.zeros((4, 3))) for p in AIR}
    parts["pm25"] = (("unit", "day"), np.tile(np.array([[5.0], [8.0], [10.0], [1.0]]), (1, 3)))
    effects = xr.Dataset(parts, coords={"unit": ["U0", "U1", "U2", "U3"]})
    monkeypatch.setattr(plan_run, "city_contributions", lambda *_: (effects, ()))
    result = plan_run.run(
        jiaozuo(), home=home, level="yellow", goal="bottom_line", bottom_line=200, probability=0.1
    )
    assert result.plan.feasible
    assert max(result.plan.promised) <= 0.1
    assert min(result.plan.without) > 0.9
    assert (result.plan.effect["pm25"] >= 17 - 0.5).all()
    paths = plan_run.write(result, home / "out")
    assert all(p.is_file() for p in paths)


def test_no_forecast_is_said(tmp_path):
    with pytest.raises(ConfigError, match="forecast"):
        plan_run.run(jiaozuo(), home=tmp_path, level="yellow")
