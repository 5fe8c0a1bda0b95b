import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, spearmanr

from forecast import ensemble
from forecast.ensemble import TemplateLibrary, members, probabilities
from forecast.problems import ConfigError, DataError
from forecast.schema import POLLUTANTS, QUANTILES, mock_observations

OFFSET = pd.Timedelta(hours=8)
ISSUE = pd.Timestamp("2026-02-25 08:00")
M = 60


@pytest.fixture(scope="module")
def library() -> TemplateLibrary:
    obs = mock_observations(hours=24 * 120, start="2025-11-01")
    return TemplateLibrary.build(obs, pd.Timestamp("2026-02-20"), OFFSET)


@pytest.fixture(scope="module")
def templates(library) -> np.ndarray:
    return library.draw(ISSUE, M, seed=1)


@pytest.fixture(scope="module")
def quantiles() -> np.ndarray:
    """Log-normal, another level at each lead, station and pollutant."""
    level = np.random.default_rng(2).uniform(20, 90, (96, 4, 6))
    return (level[..., None] * np.exp(0.6 * norm.ppf(QUANTILES))).astype(np.float32)


def drawn(quantiles, templates, seed=1):
    return members(quantiles, templates, issue_time=ISSUE, seed=seed)


def test_margins_are_exactly_the_quantile_function(quantiles, templates):
    found = np.sort(drawn(quantiles, templates), axis=0)
    p = probabilities(M)
    inside = (p >= 0.02) & (p <= 0.98)
    expected = np.interp(p[inside], QUANTILES, quantiles[50, 2, 3])
    assert found[inside, 50, 2, 3] == pytest.approx(expected, rel=1e-5)
    # Every column has the same probabilities.
    ratio = found / found[:, :1, :1, :1] * quantiles[0, 0, 0, 4] / quantiles[None, ..., 4]
    assert ratio == pytest.approx(1, rel=1e-4)


def test_tails_are_exponential_and_end_at_zero():
    q = np.zeros((96, 1, 6, 9), dtype=np.float32)
    q[:] = [1, 8, 9, 10, 11, 12, 13, 20, 26]
    flat = np.random.default_rng(0).random((100, 96, 1, 6)).astype(np.float32)
    found = np.sort(drawn(q, flat), axis=0)[:, 0, 0, 0]
    # P(above 20) = 0.05, above 26 = 0.02: 6 for a factor of 2.5; at 0.005 a factor of 4 more.
    assert found[-1] == pytest.approx(26 + 6 * np.log(4) / np.log(2.5), rel=1e-5)
    assert found[0] == 0  # 1 - 7 * log(4) / log(2.5) lies below zero


def test_ranks_are_those_of_the_templates(quantiles, templates):
    found = drawn(quantiles, templates)
    for at in ((5, 1, 0), (95, 3, 5)):
        column, shape = found[:, *at], templates[:, *at]
        order = np.argsort(column)
        assert (np.diff(shape[order]) >= 0).all()


def test_any_template_value_has_its_place():
    block = np.array([[0.0, -3.5, 1e-30, -0.0, np.inf, -1e9, 7.0]], dtype=np.float32)
    order = ensemble._order(block, np.random.default_rng(0))[0]
    assert order[:2].tolist() == [5, 1]
    assert set(order[2:4].tolist()) == {0, 3}
    assert order[4:].tolist() == [2, 6, 4]


def correlation(x: np.ndarray, a: tuple[int, ...], b: tuple[int, ...]) -> float:
    return float(spearmanr(x[:, *a], x[:, *b]).statistic)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((10, 0, 0), (14, 0, 0)),  # hours
        ((10, 0, 0), (40, 0, 0)),
        ((30, 0, 0), (30, 3, 0)),  # stations
        ((30, 1, 0), (30, 1, 3)),  # pollutants
        ((30, 1, 0), (30, 1, 5)),
    ],
)
def test_dependence_is_that_of_the_templates(quantiles, templates, a, b):
    found = drawn(quantiles, templates)
    assert correlation(found, a, b) == pytest.approx(correlation(templates, a, b), abs=0.03)


def test_daily_means_spread_as_coherent_hours_do(quantiles, templates):
    found = drawn(quantiles, templates)
    rng = np.random.default_rng(0)
    loose = drawn(quantiles, rng.random(templates.shape, dtype=np.float32))
    city = [x[:, :24, :, 0].mean(axis=(1, 2)).std() for x in (found, loose)]
    # Independent hours would all but cancel: 96 values, a tenth of an hour's spread.
    assert city[0] > 5 * city[1]


def test_same_seed_same_members_other_issue_other_draw(library, quantiles, templates):
    again = library.draw(ISSUE, M, seed=1)
    np.testing.assert_array_equal(again, templates)
    np.testing.assert_array_equal(drawn(quantiles, again), drawn(quantiles, templates))
    assert (library.draw(ISSUE, M, seed=2) != templates).any()


def test_templates_are_of_the_same_hour_and_ended_before_the_issue():
    obs = mock_observations(hours=24 * 200, start="2025-08-01", stations=1)
    stamps = np.arange(obs.sizes["time"], dtype=float)
    obs["pm25"][:] = stamps[:, None]
    library = TemplateLibrary.build(obs, pd.Timestamp("2026-02-16"), OFFSET)
    issue = pd.Timestamp("2025-12-20 05:00")
    row = int((issue - pd.Timestamp("2025-08-01 01:00")) / pd.Timedelta(hours=1))
    found = library.draw(issue, 30, seed=1)[:, :, 0, 0]
    assert (found[:, -1] <= row).all()
    assert len(set(found[:, 0])) == 30
    assert (np.diff(found, axis=1) == 1).all()
    assert ((found[:, 0] - (row + 1)) % 24 == 0).all()
    assert (found[:, 0] >= row - 46 * 24).all()  # the season, not the summer


def test_what_comes_after_the_issue_is_not_seen():
    obs = mock_observations(hours=24 * 60)
    issue = pd.Timestamp("2026-02-10 00:00")
    poisoned = obs.copy(deep=True)
    for name in POLLUTANTS:
        poisoned[name].loc[{"time": slice(issue + pd.Timedelta(hours=1), None)}] = 9e3
    one, two = (
        TemplateLibrary.build(o, pd.Timestamp("2026-02-25"), OFFSET).draw(issue, 50, seed=1)
        for o in (obs, poisoned)
    )
    np.testing.assert_array_equal(one, two)


def test_few_days_are_used_again_and_no_day_at_all_leaves_random_ranks(quantiles):
    library = TemplateLibrary.build(mock_observations(hours=24 * 9), ISSUE, OFFSET)
    many = library.draw(pd.Timestamp("2026-01-09"), 500, seed=1)
    assert np.isfinite(many).all()
    none = library.draw(pd.Timestamp("2026-01-02"), M, seed=1)
    assert np.isnan(none).all()
    found = drawn(quantiles, none)
    # A member keeps its random rank, so hours still do not cancel.
    assert correlation(found, (0, 0, 0), (60, 2, 3)) == pytest.approx(1)


def test_a_missing_template_value_goes_with_its_episode(quantiles, templates):
    holed = templates.copy()
    holed[:, 20:40, 1, 0] = np.nan  # one station, 20 hours
    holed[:5, :, 2] = np.nan  # one station, some members
    found = drawn(quantiles, holed)
    full = drawn(quantiles, templates)
    assert np.isfinite(found).all()
    for at in ((30, 1, 0), (50, 2, 0)):
        assert spearmanr(found[:, *at], full[:, *at]).statistic > 0.8


def test_gaps_are_filled_by_what_was_known_at_the_time():
    values = np.full((100, 2, 6), np.nan, dtype=np.float32)
    values[:, 0, 0] = 10
    values[:, 1, 0] = 20
    values[40:70, 1, 0] = np.nan
    values[80:, :, 0] = np.nan
    found = ensemble._filled(values)
    # Alone, the network's mean is 10; the station was 20 / 15 of it so far.
    assert found[40:70, 1, 0] == pytest.approx(10 * 4 / 3)
    assert found[80 : 80 + 12, 1, 0] == pytest.approx(20)
    assert np.isnan(found[80 + 12 :, :, 0]).all()
    assert np.isnan(found[..., 1]).all()


def test_missing_quantiles_stay_missing(quantiles, templates):
    holed = quantiles.copy()
    holed[:, :, 2] = np.nan
    found = drawn(holed, templates)
    assert np.isnan(found[..., 2]).all()
    assert np.isfinite(np.delete(found, 2, axis=-1)).all()


def test_shapes_that_do_not_fit_and_an_empty_record_are_refused(quantiles, templates):
    with pytest.raises(ConfigError, match="templates"):
        drawn(quantiles[:90], templates)
    with pytest.raises(DataError, match="no hour up to"):
        TemplateLibrary.build(mock_observations(hours=48), pd.Timestamp("2020-01-01"), OFFSET)
