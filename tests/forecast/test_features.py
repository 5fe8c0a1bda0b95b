from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast import features
from forecast.batch import IssueBatch, batches, leads_of, stacked
from forecast.schema import POLLUTANTS, WEATHER, mock_observations, stations_frame

OFFSET = pd.Timedelta(hours=8)
LEADS = np.array([1, 5, 24, 25, 96])


@pytest.fixture(scope="module")
def batch() -> IssueBatch:
    obs = mock_observations(hours=24 * 20)
    weather, origin = stacked(obs, WEATHER), pd.Timestamp(obs["time"].values[0])
    times = pd.DatetimeIndex(["2026-01-12 08:00", "2026-01-13 15:00"])
    return next(
        batches(obs, times, lambda t: leads_of(weather, origin, t), tier="perfect", offset=OFFSET,
                history_hours=240, stations=stations_frame(obs))
    )  # fmt: skip


def column(columns: features.Columns, name: str) -> np.ndarray:
    return np.broadcast_to(columns.values[name], columns.shape)


def own(batch: IssueBatch, pollutant: str = "pm25") -> features.Columns:
    return features.own(features.past_of(batch), pollutant, LEADS)


def test_names_are_those_of_the_matrix(batch):
    for tier in ("perfect", "none"):
        seen = replace(batch, tier=tier)
        columns = features.shared(seen, LEADS).beside(own(seen, "o3"))
        assert columns.names == features.names("o3", weather=tier != "none")
        assert columns.matrix().shape == (2 * len(LEADS) * 4, len(columns.names))


def test_without_weather_nothing_of_the_future_is_there(batch):
    none = replace(batch, tier="none")
    bare = features.shared(none, LEADS)
    assert not [n for n in bare.names if n.startswith(("at_", "here_", "city_", "since_"))]
    other = replace(none, future_weather=np.full_like(batch.future_weather, 99.0))
    np.testing.assert_array_equal(bare.matrix(), features.shared(other, LEADS).matrix())


def test_calendar_is_local_and_of_the_hour_that_ends(batch):
    # 08:00 UTC = 16:00 local on Monday the 12th; lead 1 is the hour 16-17.
    columns = features.shared(batch, LEADS)
    assert column(columns, "hour")[0, :, 0].tolist() == [16, 20, 15, 16, 15]
    assert column(columns, "weekday")[0, :, 0].tolist() == [0, 0, 1, 1, 4]
    assert column(columns, "lead")[1, :, 2].tolist() == LEADS.tolist()


def test_levels_are_means_of_what_is_known(batch):
    history = np.full_like(batch.history, np.nan)
    history[0, -3:, 1, 0] = [10, np.nan, 30]
    history[0, -30, 1, 0] = 80
    columns = own(replace(batch, history=history))
    assert column(columns, "own_last")[0, 0, 1] == 30
    assert column(columns, "own_mean3")[0, 0, 1] == 20
    assert column(columns, "own_mean72")[0, 0, 1] == 40
    assert column(columns, "own_max24")[0, 0, 1] == 30
    assert column(columns, "own_max72")[0, 0, 1] == 80
    assert np.isnan(column(columns, "own_mean72")[0, 0, 2])
    assert column(columns, "city_last")[0, 0, 2] == 30  # the only station that reports


def test_the_same_hour_is_the_latest_measured_one(batch):
    history = batch.history.copy()
    hours = np.arange(240, dtype=np.float32)  # the last one, 239, ends at the issue time
    history[:, :, :, 0] = hours[None, :, None]
    columns = own(replace(batch, history=history))
    # Leads 1, 5 -> 23, 19 hours before the issue; 24 and 96 -> the issue's own; 25 -> as 1.
    assert column(columns, "own_hour_1d")[0, :, 0].tolist() == [216, 220, 239, 216, 239]
    assert column(columns, "own_hour_3d")[0, 2, 0] == 239 - 24
    assert column(columns, "own_hour_7d")[0, 2, 0] == 239 - 72


def test_city_means_are_of_the_reference_stations(batch):
    columns = own(batch)
    np.testing.assert_array_equal(
        column(columns, "city_last")[:, 0, 3], column(columns, "own_last")[:, 0, 0]
    )  # one station in four is national
    dead = batch.history.copy()
    dead[:, :, 0] = np.nan
    others = own(replace(batch, history=dead))
    assert np.isfinite(column(others, "city_last")).all()


def test_accumulations_run_across_the_issue_time(batch):
    air, future = np.zeros_like(batch.history_weather), np.zeros_like(batch.future_weather)
    air[..., WEATHER.index("tp")] = 1.0
    future[..., WEATHER.index("tp")] = 3.0
    air[..., WEATHER.index("u10")] = 2.0
    future[..., WEATHER.index("u10")] = -2.0
    columns = features.shared(replace(batch, history_weather=air, future_weather=future), LEADS)
    # Lead 5: 19 hours before, 5 after the issue.
    assert column(columns, "city_tp_24")[0, 1, 0] == pytest.approx((19 + 5 * 3) / 24)
    assert column(columns, "since_rain")[0, 1, 0] == pytest.approx(3)
    assert column(columns, "city_u10_24")[0, 1, 0] == pytest.approx((19 - 5) * 2 / 24)
    assert column(columns, "city_speed_24")[0, 1, 0] == pytest.approx(2)
    # What goes and comes back: |net| / path = 14 / 24.
    assert column(columns, "city_recirculation_24")[0, 1, 0] == pytest.approx(1 - 14 / 24)
    assert column(columns, "city_recirculation_24")[0, 2, 0] == pytest.approx(0)


def test_unknown_weather_is_unknown_and_not_zero(batch):
    missing = replace(batch, future_weather=None)
    columns = features.shared(missing, LEADS)
    assert np.isnan(column(columns, "at_speed")).all()
    assert np.isnan(column(columns, "since_speed")).all()
    assert np.isnan(column(columns, "city_speed_24")[:, 3:]).all()
    assert np.isfinite(column(columns, "city_speed_24")[:, 0]).all()  # 23 of 24 hours are known


def test_a_short_history_counts_as_missing_before_its_start(batch):
    short = replace(
        batch, history=batch.history[:, -30:], history_weather=batch.history_weather[:, -5:]
    )
    long = own(batch)
    columns = own(short)
    np.testing.assert_array_equal(columns.values["own_mean24"], long.values["own_mean24"])
    assert features.shared(short, LEADS).matrix().shape[0] == 2 * len(LEADS) * 4


def test_humidity_of_saturated_air_is_a_hundred():
    air = np.zeros((1, 1, 1, len(WEATHER)), dtype=np.float32)
    air[..., WEATHER.index("t2m")] = air[..., WEATHER.index("d2m")] = 290
    assert features.derived(air)["humidity"].item() == pytest.approx(100)
    air[..., WEATHER.index("t2m")] = 300
    # WMO-No. 8: e(16.85 C) = 19.2 hPa, e(26.85 C) = 35.3 hPa.
    assert features.derived(air)["humidity"].item() == pytest.approx(54.2, abs=0.4)


def test_arguments_are_not_modified(batch):
    before = batch.history.copy(), batch.history_weather.copy(), batch.future_weather.copy()
    features.shared(batch, LEADS).beside(own(batch)).matrix()
    for a, b in zip(
        before, (batch.history, batch.history_weather, batch.future_weather), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_every_pollutant_has_its_own_columns(batch):
    names = {p: features.names(p, weather=True) for p in POLLUTANTS}
    for p, columns in names.items():
        assert f"{p}_last" not in columns
        assert len(set(columns)) == len(columns)
