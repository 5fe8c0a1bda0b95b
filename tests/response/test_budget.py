"""The year's budget: values by hand, draws joined to members, what days mean, real data."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecast.config import configs_dir
from forecast.problems import ConfigError, DataError
from forecast.schema import POLLUTANTS
from response import budget, budget_config, budget_days, budget_plot, budget_words
from response.budget_config import Resampling, Target, Targets

RESAMPLING = budget_config.load_resampling().model_copy(update={"draws": 200})


def targets(year: int = 2015, **bounds: float) -> Targets:
    shipped = budget_config.load_targets(configs_dir() / "budget" / "beijing.yaml")
    if not bounds:
        return shipped.model_copy(update={"year": year})
    own = tuple(
        Target(metric=m, at_least=b) if m == "good_days" else Target(metric=m, at_most=b)
        for m, b in bounds.items()
    )
    return shipped.model_copy(update={"year": year, "targets": own})


def days_of(last: str, *, seed: int = 1, first: str = "2013-01-01") -> pd.DataFrame:
    """Made-up days with a dirty winter."""
    dates = pd.date_range(first, last, freq="D")
    rng = np.random.default_rng(seed)
    season = 1 + 0.6 * np.cos(2 * np.pi * dates.day_of_year.to_numpy() / 365)
    pm25 = 60 * season * np.exp(0.6 * rng.standard_normal(len(dates)))
    columns = {
        "pm25": pm25, "pm10": 1.6 * pm25, "so2": 0.3 * pm25, "no2": 0.6 * pm25,
        "co": 0.015 * pm25, "o3": 120 - 40 * season,
    }  # fmt: skip
    return pd.DataFrame(columns, index=dates)[list(POLLUTANTS)]


def test_the_composite_index_by_hand() -> None:
    # SO2 60/60 + NO2 40/40 + PM10 70/70 + PM2.5 35/35 = 4; CO and O3 rise from 0 to 100 % of twice
    # the limit in 101 days: their 95th and 90th percentiles are 1.9 and 1.8 limits.
    conc = np.zeros((101, 6))
    for name, value in {"so2": 60, "no2": 40, "pm10": 70, "pm25": 35}.items():
        conc[:, POLLUTANTS.index(name)] = value
    conc[:, POLLUTANTS.index("co")] = np.linspace(0, 8, 101)
    conc[:, POLLUTANTS.index("o3")] = np.linspace(0, 320, 101)
    old = budget_config.load_composite("hj663-2013")
    assert budget.composite_index(conc, old) == pytest.approx(4 + 1.9 + 1.8)
    new = budget_config.load_composite("hj663-2026")
    by_hand = 1 + 2 * 1 + 70 / 60 + 3 * 35 / 30 + 1.9 + 2 * 1.8
    assert budget.composite_index(conc, new) == pytest.approx(by_hand)
    gap = conc.copy()
    gap[3, :4] = np.nan
    assert budget.composite_index(gap, old) == pytest.approx(4 + 1.9 + 1.8, abs=0.01)


def test_days_are_counted_by_the_edition_of_their_date() -> None:
    dates = pd.DatetimeIndex(["2026-02-28", "2026-03-01", "2026-03-02"])
    conc = np.full((3, 6), 1.0)
    conc[:, 0] = [70, 70, 151]  # 70: AQI 94 under 2012, 110 under 2026
    got = budget.year_values(conc, dates, budget_config.load_composite("hj663-2013"))
    assert (got["good_days"], got["heavy_days"]) == (1, 1)
    assert got["pm25_mean"] == pytest.approx(97)


def test_an_unknown_day_is_neither_good_nor_heavy() -> None:
    dates = pd.date_range("2015-01-01", periods=2)
    conc = np.full((2, 6), 1.0)
    conc[1] = np.nan
    got = budget.year_values(conc, dates, budget_config.load_composite("hj663-2013"))
    assert (got["good_days"], got["heavy_days"], got["pm25_mean"]) == (1, 0, 1)


def test_what_is_used_and_left() -> None:
    days = days_of("2015-09-30")
    got = budget.assess(days, targets(pm25_mean=60, heavy_days=30, good_days=150), RESAMPLING)
    year = days.loc["2015"]
    mean = got.standing("pm25_mean")
    assert mean.used == pytest.approx(year["pm25"].mean())
    # the rest's mean that just meets the target
    rest = 92
    assert (mean.used * 273 + (mean.left or 0) * rest) / 365 == pytest.approx(60)
    heavy = got.standing("heavy_days")
    assert heavy.left == 30 - heavy.used
    assert got.known == 273
    assert heavy.end[0] <= heavy.end[1] <= heavy.end[2]
    assert heavy.end[0] >= heavy.used


def test_the_last_day_leaves_nothing_open() -> None:
    got = budget.assess(days_of("2015-12-31"), targets(), RESAMPLING)
    for s in got.standings:
        assert s.end == pytest.approx((s.used,) * 3)
        assert s.met in (0.0, 1.0)


def test_members_take_the_place_of_the_first_days() -> None:
    days = days_of("2015-11-30")
    bad = np.full((10, 3, 6), 20.0)
    bad[:, :, POLLUTANTS.index("co")] = 1
    bad[:4, 1, 0] = 300  # four of ten members bring a heavy day on D+2
    middle = budget.assess(days, targets(), RESAMPLING).standing("heavy_days").end[1]
    goals = targets(heavy_days=middle)
    start = pd.Timestamp("2015-12-02")
    got = budget.assess(days, goals, RESAMPLING, members=bad, members_from=start)
    assert got.forecast_days == 3
    assert got.heavy_soon == pytest.approx(0.4)
    assert got.heavy_day_pm25 == pytest.approx(280 / 365)
    s = got.standings[0]
    assert s.with_heavy is not None
    assert s.without_heavy is not None
    assert s.with_heavy < s.without_heavy
    with pytest.raises(ConfigError, match="after the last day"):
        budget.assess(days, goals, RESAMPLING, members=bad, members_from=pd.Timestamp("2015-11-30"))


def test_the_past_of_the_year_is_not_touched_by_its_future() -> None:
    days = days_of("2016-12-31")
    full = budget.assess(days.loc[:"2015-06-30"], targets(), RESAMPLING)
    changed = days.copy()
    changed.loc["2015-07-01":] *= 5
    again = budget.assess(changed.loc[:"2015-06-30"], targets(), RESAMPLING)
    assert budget.as_dict(full) == budget.as_dict(again)
    with pytest.raises(ConfigError, match="to a day of 2015"):
        budget.assess(days, targets(), RESAMPLING)


def test_targets_say_all_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "t.yaml"
    text = (configs_dir() / "budget" / "beijing.yaml").read_text(encoding="utf-8")
    path.write_text(
        text.replace("year: 2015", "year: 1890").replace("at_least: 180", "at_most: 180"),
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        budget_config.load_targets(path)
    assert len(caught.value.problems) == 2


def test_words_and_picture_in_both_languages() -> None:
    got = budget.assess(days_of("2015-09-30"), targets(), RESAMPLING)
    zh = "\n".join(w.zh for w in budget_words.words(got))
    en = "\n".join(w.en for w in budget_words.words(got))
    assert "不是预报" in zh
    assert "待确认" in zh
    assert "climatology, no forecast" in en
    fig = budget_plot.draw(got)
    assert len(fig.axes) == 5
    assert budget_plot.share(1.0) == ">99%"


def test_a_table_of_days_with_zeros_and_errors(tmp_path: Path) -> None:
    head = "city,date,pm25,pm10,so2,no2,co,o3\n"
    path = tmp_path / "days.csv"
    path.write_text(head + "x,2015-01-02,10,0,1,1,0.5,9\nx,2015-01-01,11,1,1,1,,9\n")
    got = budget_days.from_table(path)
    assert got.index[0] == pd.Timestamp("2015-01-01")
    assert np.isnan(got.loc["2015-01-02", "pm10"])
    assert np.isnan(got.loc["2015-01-01", "co"])
    path.write_text(head + "x,2015-01-02,ten,-1,1,1,1,9\nx,2015-01-02,1,1,1,1,1,9\n")
    with pytest.raises(DataError) as caught:
        budget_days.from_table(path)
    assert len(caught.value.problems) == 3


@pytest.mark.data
def test_the_real_years_of_jiaozuo(shared_data: Path) -> None:
    days = budget_days.from_table(shared_data / "henan-daily" / "jiaozuo.csv")
    year = days.reindex(pd.date_range("2016-01-01", "2016-12-31"))
    composite = budget_config.load_composite("hj663-2013")
    came = budget.year_values(year.to_numpy(), pd.DatetimeIndex(year.index), composite)
    assert came["pm25_mean"] == pytest.approx(float(year["pm25"].mean()))
    goals = targets(2016)
    settings: Resampling = RESAMPLING
    got = budget.assess(days.loc[:"2016-06-30"], goals, settings)
    for s in got.standings:
        assert s.end[0] < s.end[2]
    assert 0 < came["heavy_days"] < 120
