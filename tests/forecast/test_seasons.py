import numpy as np
import pandas as pd
import pytest

from forecast.schema import mock_observations
from forecast.seasons import by_day, mean, quantiles_of, season_hour, valid_times


def test_quantiles_of_few_values():
    # n = 19: (n + 1) q - 1 is 1 at q = 0.1, 9 at 0.5, 17 at 0.9 (from 0).
    values = np.arange(19, dtype=np.float32)[::-1, None]
    found = quantiles_of(values, 1)[0]
    assert found[[2, 4, 6]] == pytest.approx([1, 9, 17])
    assert found[0] == 0
    assert np.isnan(quantiles_of(values, 20)).all()


def test_a_stamp_belongs_to_the_hour_it_ends():
    offset = pd.Timedelta(hours=8)
    # 16:00 UTC = 24:00 local of 31 December: the last hour of that day, the last season.
    season, hour = season_hour(pd.DatetimeIndex(["2025-12-31 16:00", "2025-12-31 17:00"]), offset)
    assert season.tolist() == [23, 0]
    assert hour.tolist() == [23, 0]


def test_days_begin_with_the_value_stamped_one_oclock_local():
    obs = mock_observations(hours=48, stations=1)
    until = pd.Timestamp(obs["time"].values[40])
    days, first = by_day(obs, until, pd.Timedelta(hours=8))
    # The first stamp is 01:00 UTC = 09:00 local: eight hours of that day are missing.
    assert first == pd.Timestamp("2026-01-01")
    assert days.shape == (3, 24, 1, 6)
    assert np.isnan(days[0, :8]).all()
    assert days[0, 8, 0, 0] == pytest.approx(obs["pm25"].values[0, 0])
    assert np.isnan(days[2, 1:]).all()


def test_mean_leaves_the_unknown_out():
    values = np.array([[1.0, np.nan], [3.0, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(mean(values), np.array([2.0, np.nan], dtype=np.float32))


def test_leads_begin_an_hour_after_the_issue_time():
    stamps = valid_times(pd.DatetimeIndex(["2026-01-01 00:00"]))
    assert stamps[0, 0] == np.datetime64("2026-01-01T01:00")
    assert stamps[0, -1] == np.datetime64("2026-01-05T00:00")
