"""A bulletin survives the way through JSON; the map's hours are the stations' medians."""

import json

import numpy as np
import pandas as pd
import pytest

from forecast import config as configuration
from forecast.config import configs_dir
from forecast.schema import POLLUTANTS, QUANTILES, WEATHER
from serving.bulletin import hours, saved
from tests.serving.console_home import ISSUE, bulletin, without_day


def test_a_bulletin_comes_back_as_it_was() -> None:
    made = without_day(bulletin())
    text = json.dumps(saved.to_json(made), allow_nan=False)
    assert saved.from_json(json.loads(text)) == made


def test_what_is_no_bulletin_is_refused() -> None:
    with pytest.raises(TypeError):
        saved.from_json({"city": {"zh": "甲", "en": "A"}})


def test_hours_are_medians_and_the_wind_is_each_areas_mean() -> None:
    table = pd.DataFrame(
        {"area": list("aab"), "longitude": [113.0, 113.2, 114.0], "latitude": [35.0, 35.0, 36.0]},
        index=["S1", "S2", "S3"],
    )  # fmt: skip
    quantiles = np.full((96, 3, len(POLLUTANTS), len(QUANTILES)), np.nan)
    pm25 = POLLUTANTS.index("pm25")
    quantiles[:, :2, pm25] = 500.0  # the other quantiles must not count
    quantiles[:, :2, pm25, QUANTILES.index(0.5)] = 75.0
    weather = np.full((96, 3, len(WEATHER)), np.nan)
    weather[:, 0, WEATHER.index("u10")], weather[:, 0, WEATHER.index("v10")] = 1.0, 2.0
    weather[:, 1, WEATHER.index("u10")], weather[:, 1, WEATHER.index("v10")] = 3.0, np.nan
    config = configuration.load(configs_dir() / "demo.yaml").model_copy(
        update={"standard": "hj633-2012"}
    )
    made = hours.hours(config, ISSUE, table, quantiles, weather)
    assert len(made["times"]) == len(made["aqi"]) == 80  # 8 hours of the day, then three days
    assert made["times"][0] == "2026-11-24T09:00:00"
    assert made["aqi"][0] == [100, 100, None]  # HJ 633-2012, table 1: 75 is index 100
    wind = {w["area"]: w for w in made["wind"]}
    assert (wind["a"]["u"][0], wind["a"]["v"][0]) == (1.0, 2.0)  # half a vector is none
    assert (wind["a"]["lon"], wind["a"]["lat"]) == (113.1, 35.0)
    assert wind["b"]["u"][0] is None
    assert hours.hours(config, ISSUE, table, quantiles, None)["wind"] is None
