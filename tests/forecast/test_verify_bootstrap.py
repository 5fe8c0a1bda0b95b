"""Block bootstrap: deterministic, made of whole blocks, right where theory knows the answer."""

import numpy as np
import pandas as pd
import pytest

from forecast.verify import bootstrap
from forecast.verify.settings import Bootstrap


def test_weights_are_deterministic_and_complete() -> None:
    settings = Bootstrap(resamples=50, block_days=7, seed=3)
    first, second = bootstrap.weights(60, settings), bootstrap.weights(60, settings)
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(first, second)
    assert (first.sum(axis=1) == 60).all()
    other = bootstrap.weights(60, Bootstrap(resamples=50, block_days=7, seed=4))
    assert other is not None
    assert (other != first).any()


def test_days_are_drawn_in_blocks() -> None:
    weight = bootstrap.weights(700, Bootstrap(resamples=200, block_days=7, seed=1))
    assert weight is not None
    # Neighbours inside blocks go together: correlation of adjoining days' counts is about 6 / 7.
    pairs = np.corrcoef(weight[:, :-1].ravel(), weight[:, 1:].ravel())[0, 1]
    assert pairs == pytest.approx(6 / 7, abs=0.02)
    far = np.corrcoef(weight[:, :-20].ravel(), weight[:, 20:].ravel())[0, 1]
    assert far == pytest.approx(0, abs=0.03)


def test_interval_of_a_mean_of_independent_days() -> None:
    rng = np.random.default_rng(0)
    daily = rng.normal(10, 2, (400, 1))
    weight = bootstrap.weights(400, Bootstrap(resamples=4000, block_days=1, seed=1))
    assert weight is not None
    found = bootstrap.interval(bootstrap.resampled(weight, daily)[:, 0] / 400, 0.95)
    assert found is not None
    half = 1.96 * daily.std() / 20
    assert found[0] == pytest.approx(daily.mean() - half, abs=0.03)
    assert found[1] == pytest.approx(daily.mean() + half, abs=0.03)


def test_blocks_widen_the_interval_of_dependent_days() -> None:
    rng = np.random.default_rng(0)
    daily = np.repeat(rng.normal(0, 1, 60), 7)[:, None]  # weeks of one value
    widths = []
    for block in (1, 7):
        weight = bootstrap.weights(420, Bootstrap(resamples=2000, block_days=block, seed=1))
        assert weight is not None
        found = bootstrap.interval(bootstrap.resampled(weight, daily)[:, 0] / 420, 0.95)
        assert found is not None
        widths.append(found[1] - found[0])
    assert widths[1] > 1.8 * widths[0]


def test_too_few_days_or_events_give_no_interval() -> None:
    assert bootstrap.weights(20, Bootstrap(min_days=21)) is None
    samples = np.full(100, np.nan)
    samples[:89] = 1
    assert bootstrap.interval(samples, 0.95) is None
    samples[:90] = 1
    assert bootstrap.interval(samples, 0.95) == (1, 1)


def test_sums_by_local_day_keep_gaps() -> None:
    # 16:00 UTC is midnight of the next local day
    times = pd.DatetimeIndex(["2026-01-01T15:00", "2026-01-01T16:00", "2026-01-03T16:00"])
    days = bootstrap.day_numbers(times, pd.Timedelta(hours=8))
    assert days.tolist() == [0, 1, 3]
    assert bootstrap.by_day(np.array([1.0, 2.0, 4.0]), days).tolist() == [1, 2, 0, 4]
