"""Blocks of past years: the season is kept, gaps are never drawn, levels and their error."""

import numpy as np
import pandas as pd
import pytest

from forecast.problems import DataError
from response import season_blocks
from response.budget_config import Resampling

PLAIN = Resampling(
    draws=200, seed=1, block_days=10, window_days=5, same_year=0.5, level_days=180,
    level_power=0.0, level_sd=0.0, level_memory_days=30.0,
)  # fmt: skip
FIRST = pd.Timestamp("2013-01-01")


def past(last: str = "2015-06-30") -> np.ndarray:
    """Value = days since 2013-01-01: (day, 1)."""
    return np.arange(float(len(pd.date_range(FIRST, last, freq="D"))))[:, None]


def draw(values: np.ndarray, settings: Resampling = PLAIN, seed: int = 3) -> np.ndarray:
    first = FIRST + pd.Timedelta(days=len(values))
    dates = pd.date_range(first, "2015-12-31", freq="D")
    return season_blocks.draw(
        values, FIRST, dates, settings, rng=np.random.default_rng(seed)
    )[..., 0]  # fmt: skip


def test_days_come_from_the_same_season_of_past_years() -> None:
    got = draw(past())
    assert got.shape == (200, 184)
    wanted = np.arange(911, 911 + 184)
    back = wanted - got
    assert np.abs(back - np.where(back > 547, 730, 365)).max() <= 5
    assert 0.3 < (back > 547).mean() < 0.7  # both past years


def test_blocks_are_whole() -> None:
    got = draw(past())
    steps = np.diff(got[:, :180].reshape(200, 18, 10), axis=2)
    assert (steps == 1).all()


def test_a_gap_is_never_drawn() -> None:
    values = past()
    values[200] = np.nan  # 2013-07-20
    got = draw(values)
    assert not np.isnan(got).any()
    assert (got == 190).any()
    values[:730] = np.nan
    with pytest.raises(DataError, match="no block without a gap"):
        draw(values)


def test_past_years_are_carried_to_this_years_level() -> None:
    values = np.full((len(past()), 1), 10.0)
    values[730:] = 5.0  # 2015 is half as high
    assert np.unique(draw(values)[:, :170]).tolist() == [10.0]
    full = PLAIN.model_copy(update={"level_power": 1.0})
    assert np.unique(draw(values, full)[:, :170]).tolist() == [5.0]


def test_the_level_has_an_error_that_lasts() -> None:
    values = np.full((len(past()), 1), 10.0)
    noisy = PLAIN.model_copy(update={"level_sd": 0.3, "draws": 4000})
    logs = np.log(draw(values, noisy) / 10.0)
    assert logs[:, 0].std() == pytest.approx(0.3, rel=0.05)
    assert logs[:, 180].std() == pytest.approx(0.3, rel=0.05)
    together = np.corrcoef(logs[:, 5], logs[:, 15])[0, 1]  # adjoining blocks: exp(-10 / 30)
    assert together == pytest.approx(np.exp(-1 / 3), abs=0.05)


def test_the_future_must_follow_the_past() -> None:
    with pytest.raises(DataError, match="days after"):
        season_blocks.draw(
            past(), FIRST, pd.date_range("2015-06-30", periods=3), PLAIN,
            rng=np.random.default_rng(0),
        )  # fmt: skip
