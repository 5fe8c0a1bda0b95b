import numpy as np
import pandas as pd
import pytest

from forecast import standards
from forecast.area_forecast import area_members
from forecast.problems import ConfigError
from forecast.schema import POLLUTANTS, mock_stations

OFFSET = pd.Timedelta(hours=8)
ISSUE = pd.Timestamp("2015-12-05 08:00")  # 16:00 local: D+1 begins with lead 9
STANDARD = standards.load("hj633-2012")


def clean(members: int = 3, stations: int = 4) -> np.ndarray:
    values = np.zeros((members, 96, stations, 6), dtype=np.float32)
    values[:] = [10, 20, 5, 10, 0.3, 40]
    return values


def network() -> pd.DataFrame:
    table = mock_stations(count=4)
    table["reference"] = [True, True, True, False]
    table["background"] = [False, False, True, False]
    return table  # areas county1, county2, county1, county2


def test_the_index_is_of_each_member_and_never_of_a_mean():
    members = clean()
    members[1, 8:32, :, 0] = 150  # PM2.5 of D+1: IAQI 200
    members[2, 8:32, :, 1] = 250  # PM10: IAQI 150
    found = area_members(members, network(), ISSUE, OFFSET, STANDARD)
    assert found.aqi[0, 1:, 0].tolist() == [200, 150]
    assert found.primary[0, :, 0].tolist() == [0, 1 << 0, 1 << 1]
    assert (found.aqi[0, :, 1:] <= 50).all()


def test_days_are_natural_days_after_the_issue():
    members = clean()
    members[0, :8, :, 0] = 400  # the rest of today
    members[0, 8, :, 0] = 240 + 10  # 01:00 of D+1
    found = area_members(members, network(), ISSUE, OFFSET, STANDARD)
    assert found.daily[0, 0, 0, 0] == pytest.approx(20)
    midnight = area_members(members, network(), pd.Timestamp("2015-12-05 16:00"), OFFSET, STANDARD)
    assert midnight.daily[0, 0, 0, 0] == pytest.approx((8 * 400 + 250 + 15 * 10) / 24)


def test_areas_are_of_reference_stations_without_background():
    members = clean()
    members[:, :, 0, 0], members[:, :, 1, 0] = 30, 60
    members[:, :, 2:, 0] = 999
    found = area_members(members, network(), ISSUE, OFFSET, STANDARD)
    assert found.areas == ("city", "county1", "county2")
    assert found.hourly.shape == (3, 3, 96, 6)
    assert found.hourly[:, 0, 0, 0].tolist() == [45, 30, 60]
    assert found.daily.shape == (3, 3, 3, 6)
    assert found.aqi.shape == found.primary.shape == (3, 3, 3)


def test_ozone_counts_by_its_highest_eight_hours():
    members = clean()
    members[0, 8 + 12 : 8 + 20, :, POLLUTANTS.index("o3")] = 160
    found = area_members(members, network(), ISSUE, OFFSET, STANDARD)
    assert found.daily[0, 0, 0, POLLUTANTS.index("o3")] == pytest.approx(160)
    assert found.aqi[0, 0, 0] == 100
    assert found.primary[0, 0, 0] == 1 << POLLUTANTS.index("o3")


def test_a_dead_station_leaves_the_others_and_too_few_leave_nothing():
    table = mock_stations(count=4)
    table["reference"] = True
    members = clean()
    members[:, :, 3] = np.nan
    assert np.isfinite(area_members(members, table, ISSUE, OFFSET, STANDARD).aqi[0]).all()
    members[:, :, 2] = np.nan
    assert np.isnan(area_members(members, table, ISSUE, OFFSET, STANDARD).aqi[0]).all()


def test_shapes_and_networks_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="members"):
        area_members(clean()[:, :90], network(), ISSUE, OFFSET, STANDARD)
    table = network()
    table["reference"] = False
    with pytest.raises(ConfigError, match="city value"):
        area_members(clean(), table, ISSUE, OFFSET, STANDARD)
