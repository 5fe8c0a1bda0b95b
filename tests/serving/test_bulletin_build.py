"""What a bulletin shows, from members made by hand."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import schema
from forecast.config import City, CityConfig
from forecast.problems import DataError
from response import rules, warning
from serving.bulletin import build, measured, proposal
from serving.bulletin.content import Bulletin, Interval, Note, Primary, Text, Weather

ISSUE = pd.Timestamp("2026-11-24 08:00")  # 16:00 local
OFFSET = pd.Timedelta(hours=8)
CLEAN = {"pm25": 60.0, "pm10": 10.0, "so2": 10.0, "no2": 10.0, "co": 0.5, "o3": 10.0}
CONFIG = CityConfig(
    city=City(id="moni", zh="模拟市", en="Moni", geocode="410800", utc_offset_hours=8),
    stations=Path("stations.csv"),
    standard="hj633-2026",
)


@dataclass(frozen=True)
class Members:
    areas: tuple[str, ...]
    hourly: np.ndarray
    daily: np.ndarray
    aqi: np.ndarray
    primary: np.ndarray


def members() -> Members:
    """Ten members; D+1 known, D+2 known in six members, D+3 in none."""
    index = np.full((2, 10, 3), np.nan, dtype=np.float32)
    index[:, :, 0] = [310, 40, 60, 80, 101, 120, 151, 160, 199, 201]
    index[:, :6, 1] = [210, 210, 210, 160, 160, 150]
    primary = np.zeros((2, 10, 3), dtype=np.uint8)
    primary[:, :, 0] = [1, 0, 1, 1, 1, 1, 1, 1, 3, 32]  # bits: pm25 1, pm10 2, o3 32
    clean = np.array(list(CLEAN.values()), dtype=np.float32)
    hourly = np.broadcast_to(clean, (2, 10, 96, 6)).copy()
    hourly[..., 0] = np.arange(10, 101, 10)[None, :, None]
    daily = hourly[:, :, :3].copy()
    daily[:, :, 2] = np.nan
    return Members(("city", "county1"), hourly, daily, index, primary)


def observations(hours: int = 200, *, after: int = 0) -> xr.Dataset:
    """Three stations with the same clean air, the first one national; ends at the issue time."""
    times = pd.date_range(end=ISSUE + pd.Timedelta(hours=after), periods=hours + after, freq="h")
    table = schema.mock_stations(count=3)
    values = {n: np.full((len(times), 3), v) for n, v in CLEAN.items()}
    return schema.dataset(times, table, values)


def made(obs: xr.Dataset | None = None, issue: pd.Timestamp = ISSUE, **changes: object) -> Bulletin:
    given: dict[str, object] = {
        "members": members(),
        "quantiles": None,
        "obs": observations() if obs is None else obs,
        "weather": Weather("archived", "gfs", ISSUE - pd.Timedelta(hours=6), 6.0),
        "model": "lightgbm",
        "model_version": "1",
        "proposal": None,
        "notes": (Note(Text("缺气象", "no weather")),),
    }
    return build.build(CONFIG, issue, **{**given, **changes})  # type: ignore[arg-type]


def test_range_and_probabilities_are_counted_over_members() -> None:
    day = made().days[0]
    # sorted: 40 60 80 101 120 151 160 199 201 310; 10 % = 1st, 50 % = 5th, 90 % = 9th of ten
    assert day.aqi == Interval(40, 120, 201)
    assert day.levels == pytest.approx((0.1, 0.2, 0.2, 0.3, 0.1, 0.1))
    assert (day.over_150.value, day.over_200.value) == pytest.approx((0.5, 0.2))
    assert not day.over_150.at_least
    assert day.primary == (Primary("pm25", 0.8), Primary("pm10", 0.1), Primary("o3", 0.1))
    assert day.concentrations["pm25"] == Interval(10, 50, 90)
    assert day.date == pd.Timestamp("2026-11-25")


def test_sensitive_groups_follow_what_exceeds_in_a_tenth_of_the_members() -> None:
    # PM2.5 70 80 90 100 are above 60, the node of 100: four members in ten; nothing else is
    assert made().days[0].groups == Text(
        "心血管或呼吸系统疾病患者、儿童和青少年、户外活动较多的人群、老年人",
        "people with cardiovascular or respiratory disease, children and young people, "
        "people active outdoors, the elderly",
    )
    low = members()
    low.daily[:, :, 0, 0] = 60
    assert made(members=low).days[0].groups is None


def test_a_day_that_some_members_cannot_judge_has_no_index_but_a_lower_bound() -> None:
    day = made().days[1]
    assert (day.aqi, day.levels, day.primary) == (None, None, ())
    assert (day.over_150.value, day.over_150.at_least) == (pytest.approx(0.5), True)
    assert (day.over_200.value, day.over_200.at_least) == (pytest.approx(0.3), True)


def test_a_day_without_data_says_nothing() -> None:
    day = made().days[2]
    assert (day.aqi, day.over_150, day.over_200) == (None, None, None)
    assert set(day.concentrations.values()) == {None}


def test_the_past_is_shown_as_measured_and_gaps_stay_gaps() -> None:
    obs = observations()
    local = pd.DatetimeIndex(obs["time"].values) + OFFSET
    gap = (local > "2026-11-22 00:00") & (local <= "2026-11-22 05:00")  # 19 of 24 hours are left
    obs["pm25"].values[gap] = np.nan
    obs["co"].values[-1] = np.nan
    b = made(obs)
    assert [d.date.day for d in b.observed_days] == [19, 20, 21, 22, 23]
    assert [d.aqi for d in b.observed_days] == [100, 100, 100, None, 100]  # 60 is the node of 100
    assert b.observed_days[0].primary == ("pm25",)
    assert b.observed_days[3].primary == ()
    assert len(b.history.times) == 72
    assert b.history.times[-1] == ISSUE
    assert b.history.values["co"][-1] is None
    assert b.history.values["co"][-2] == pytest.approx(0.5)


def test_hours_that_observations_lack_count_as_missing() -> None:
    b = made(observations(hours=10))
    assert b.history.values["pm25"][0] is None
    assert {d.aqi for d in b.observed_days} == {None}


def test_nothing_after_the_issue_time_is_read() -> None:
    poisoned = observations(after=30)
    for name in CLEAN:
        poisoned[name].values[-30:] = 900
    assert made(poisoned) == made()


def test_an_issue_at_midnight_closes_the_day_before() -> None:
    midnight = pd.Timestamp("2026-11-24 16:00")  # 00:00 local of the 25th
    b = made(observations(after=8), midnight)
    assert b.days[0].date == pd.Timestamp("2026-11-25")
    assert b.observed_days[-1].date == pd.Timestamp("2026-11-24")
    assert b.observed_days[-1].aqi == 100
    assert len(b.fans[0].times) == 72


def test_stations_show_their_newest_hour_and_the_index_of_their_medians() -> None:
    obs = observations()
    for name in CLEAN:
        obs[name].values[-1, 1] = np.nan
        obs[name].values[-3:, 2] = np.nan
    quantiles = np.full((96, 3, 6, 9), 700.0, dtype=np.float32)
    quantiles[:, :, :, 4] = [115, 10, 10, 10, 0.5, 10]  # only the median counts
    quantiles[32:, 2] = np.nan  # from lead 33, D+2 begins
    b = made(obs, quantiles=quantiles)
    assert [s.now for s in b.stations] == [100, 100, None]
    assert [s.now_time for s in b.stations] == [ISSUE, ISSUE - pd.Timedelta(hours=1), None]
    assert b.stations[0].days == (150, 150, 150)
    assert b.stations[2].days == (150, None, None)
    assert [s.reference for s in b.stations] == [True, False, False]


def test_the_running_index_joins_measured_and_forecast_hours_member_by_member() -> None:
    m = members()
    m.hourly[..., 0] = 115
    by_key = {f.key: f for f in made(members=m).fans}
    aqi24 = by_key["aqi24"]
    # lead 1: (23 x 60 + 115) / 24 = 62.29, rounded 62; 100 + 50 / 55 x 2 = 101.8, up to 102
    assert {q[0] for q in aqi24.values} == {102.0}
    assert {q[23] for q in aqi24.values} == {150.0}
    assert aqi24.observed[-1] == 100.0
    assert len(aqi24.times) == 80  # to the end of D+3
    assert aqi24.times[0] == ISSUE + pd.Timedelta(hours=1)


def test_fans_are_quantiles_over_members_and_an_unknown_hour_is_none() -> None:
    m = members()
    m.hourly[0, 3, 5, 0] = np.nan
    pm25 = next(f for f in made(members=m).fans if f.key == "pm25")
    assert pm25.values[3][0] == pytest.approx(55)  # median of 10, 20 .. 100
    assert pm25.values[3][5] is None
    assert pm25.observed[-1] == pytest.approx(60)
    assert pm25.lines == ((35, 2), (60, 3), (115, 4), (150, 5), (250, 6))


def test_areas_leave_the_city_out_and_carry_names() -> None:
    names = {"county1": Text("一县", "County 1")}
    (row,) = made(area_names=names).areas
    assert row.name.zh == "一县"
    assert row.days == (Interval(40, 120, 201), None, None)
    assert made().areas[0].name == Text("county1", "county1")


def test_data_health_counts_stations_of_the_last_day() -> None:
    obs = observations()
    for name in CLEAN:
        obs[name].values[-24:, 2] = np.nan
    health = measured.data_health(obs, ISSUE)
    assert (health.stations, health.reporting) == (3, 2)
    assert health.by_tier == (("city", 1, 1), ("county", 1, 1), ("township", 0, 1))
    assert health.missing_share == pytest.approx(1 / 3)


def test_a_simulated_city_is_called_so_by_config_or_data() -> None:
    assert not made().simulated
    assert made(observations().assign_attrs(simulated="twin")).simulated


def test_misfitting_arrays_are_refused_all_at_once() -> None:
    wrong = replace(members(), areas=("north", "south"))
    with pytest.raises(DataError) as error:
        made(members=wrong, quantiles=np.zeros((96, 7, 6, 9), dtype=np.float32))
    assert len(error.value.problems) == 2


def test_a_proposal_becomes_a_box_with_assumptions_apart() -> None:
    hourly = np.tile(np.array(list(CLEAN.values())), (10, 96, 1))
    hourly[:, 24:, 0] = 220.0  # 24-h AQI of 270 once the window is full
    times = pd.date_range(end=ISSUE + pd.Timedelta(hours=80), periods=96, freq="h")
    found = warning.propose(
        hourly, times, rules.load("national-2024"), thresholds={}, issue_time=ISSUE,
        standard="hj633-2026",
    )  # fmt: skip
    box = proposal.warning_box(found)
    assert box.level == found.level == "orange"
    assert box.action == "start"
    assert box.probabilities["yellow"] == 1.0
    assert box.assumptions
    assert not [r for r in box.reasons for a in box.assumptions if a.zh in r.zh]
    assert box.reasons[0].zh.startswith("橙色条件")
    assert box.start == found.start.median
