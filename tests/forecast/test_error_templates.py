"""Members: margins are the quantiles', dependence is the errors'."""

import numpy as np
import pandas as pd
import pytest

from forecast import ensemble, error_templates
from forecast.error_templates import BINS, MISSING, ErrorTemplates
from forecast.problems import ConfigError
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES
from tests.forecast import network_cases as cases

N = len(POLLUTANTS)
ISSUE = pd.Timestamp("2025-12-14T16:00")
TWO = cases.STATIONS.iloc[:2]


def test_pit_by_hand() -> None:
    ladder = np.arange(10.0, 100.0, 10.0, dtype=np.float32)  # 10 at 2 % .. 50 at 50 % .. 90 at 98 %
    observed = np.array([50.0, 55.0, 35.0, 5.0, 200.0, np.nan], dtype=np.float32)
    made = error_templates.pit(np.broadcast_to(ladder, (6, 9)), observed)
    # 55 is half way from .5 to .75; 35 half way from .1 to .25; outside: half the outer mass.
    expected = [round(u * 254) for u in (0.5, 0.625, 0.175, 0.01, 0.99)]
    assert list(made[:5]) == expected
    assert made[5] == MISSING
    gap = np.where(np.arange(9) == 3, np.nan, ladder)[None]
    assert error_templates.pit(gap, observed[:1])[0] == MISSING


def templates(pits: np.ndarray, stations: tuple[str, ...]) -> ErrorTemplates:
    times = pd.date_range("2025-12-01", periods=len(pits), freq="3h")
    return ErrorTemplates(times, stations, pits, np.ones(len(pits), dtype=np.int64))


def random_templates(count: int = 60) -> ErrorTemplates:
    rng = np.random.default_rng(0)
    pits = rng.integers(0, BINS, (count, MAX_LEAD, 2, N)).astype(np.uint8)
    return templates(pits, tuple(TWO.index))


def quantiles(stations: int = 2) -> np.ndarray:
    rng = np.random.default_rng(1)
    shape = (MAX_LEAD, stations, N, len(QUANTILES))
    return np.cumsum(rng.uniform(0.5, 5, shape), axis=-1).astype(np.float32)


def members(library: ErrorTemplates, given: np.ndarray, **other: object) -> np.ndarray:
    how: dict[str, object] = {"issue_time": ISSUE, "count": 40, "seed": 3, "stations": TWO}
    how["tier"] = "perturbed"
    return library.members(given, **(how | other))  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [1, 40, 100])  # 100: more than there are templates
def test_margins_are_the_quantile_function_whatever_the_errors(count: int) -> None:
    given = quantiles()
    made = members(random_templates(), given, count=count)
    assert made.shape == (count, MAX_LEAD, 2, N)
    expected = np.moveaxis(np.maximum(given @ ensemble.weights(count), 0), -1, 0)
    np.testing.assert_allclose(np.sort(made, axis=0), np.sort(expected, axis=0), rtol=1e-6)


def test_order_of_the_members_is_that_of_the_errors() -> None:
    """Where errors of an issue are alike everywhere, so are the members; opposite, opposite."""
    level = np.linspace(0, 254, 60).round().astype(np.uint8)
    pits = np.broadcast_to(level[:, None, None, None], (60, MAX_LEAD, 2, N)).copy()
    pits[..., POLLUTANTS.index("o3")] = 254 - pits[..., POLLUTANTS.index("o3")]
    # No more members than templates that are alike: nobody comes twice, nothing is tied.
    made = members(templates(pits, tuple(TWO.index)), quantiles(), count=20)
    rank = made.argsort(axis=0).argsort(axis=0)
    first = rank[:, :1, :1, :1]
    o3 = POLLUTANTS.index("o3")
    np.testing.assert_array_equal(rank[..., :o3], np.broadcast_to(first, rank.shape)[..., :o3])
    np.testing.assert_array_equal(rank[:, 0, 0, o3], 19 - first[:, 0, 0, 0])


def test_ties_are_broken_alike_in_every_hour() -> None:
    pits = np.full((60, MAX_LEAD, 2, N), 100, dtype=np.uint8)
    # No more members than templates that are alike: nobody comes twice, nothing is tied.
    made = members(templates(pits, tuple(TWO.index)), quantiles(), count=20)
    rank = made.argsort(axis=0).argsort(axis=0)
    assert (rank == rank[:, :1, :1, :1]).all()


def test_same_seed_same_members_and_another_issue_others() -> None:
    library, given = random_templates(), quantiles()
    a, b = members(library, given), members(library, given)
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, members(library, given, seed=4))
    later = ISSUE + pd.Timedelta(hours=6)
    assert not np.array_equal(a, members(library, given, issue_time=later))


def test_a_strange_station_borrows_errors_and_keeps_its_quantiles() -> None:
    strange = cases.STATIONS.iloc[:3].rename(index={cases.STATIONS.index[2]: "new"})
    given = quantiles(3)
    made = members(random_templates(), given, stations=strange)
    expected = np.moveaxis(np.maximum(given @ ensemble.weights(40), 0), -1, 0)
    np.testing.assert_allclose(np.sort(made, axis=0), np.sort(expected, axis=0), rtol=1e-6)
    rank = made.argsort(axis=0).argsort(axis=0)
    np.testing.assert_array_equal(rank[:, :, 2], rank[:, :, 0])  # third: 2 % 2 stations


def test_hours_without_quantiles_stay_empty() -> None:
    given = quantiles()
    given[90:] = np.nan
    made = members(random_templates(), given)
    assert np.isnan(made[:, 90:]).all()
    assert np.isfinite(made[:, :90]).all()


def test_templates_of_the_season_and_hour_come_first() -> None:
    times = pd.date_range("2025-01-01", "2025-12-31", freq="6h")
    pits = np.zeros((len(times), 1, 1, N), dtype=np.uint8)
    library = ErrorTemplates(times, ("a",), pits, np.ones(len(times), dtype=np.int64))
    chosen = library._alike(pd.Timestamp("2026-01-01T06:00"), 1)
    found = times[chosen]
    assert len(found) >= error_templates.LEAST
    assert set(found.hour) == {6}
    gap = np.minimum(found.day_of_year, 366 - found.day_of_year)
    assert gap.max() <= 46  # December counts as near as January


def test_errors_made_with_weather_of_the_same_trust_are_drawn() -> None:
    times = pd.date_range("2025-12-01", periods=40, freq="6h")
    pits = np.zeros((len(times), 1, 1, N), dtype=np.uint8)
    trust = np.repeat([0, 2], 20)
    library = ErrorTemplates(times, ("a",), pits, trust)
    assert set(trust[library._alike(ISSUE, 2)]) == {2}
    assert set(trust[library._alike(ISSUE, 0)]) == {0}
    assert set(trust[library._alike(ISSUE, 1)]) == {0, 2}  # none of its own: all there are


def test_gaps_of_the_library_are_filled_from_beside() -> None:
    values = np.full((2, MAX_LEAD, 2, N), 50, dtype=np.uint8)
    values[0, 3, 0] = MISSING  # the other station is known: 50
    values[0, 5] = MISSING  # nobody: the hour before
    values[0, 4] = 80
    values[1] = MISSING  # an issue without observations is left out
    times = pd.date_range("2025-12-01", periods=2, freq="D")
    made = error_templates.library(times, ("a", "b"), values, np.array([1, 2]))
    assert list(made.issue_times) == [times[0]]
    assert list(made.trust) == [1]
    assert (made.pit[0, 3, 0] == 50).all()
    assert (made.pit[0, 5] == 80).all()
    assert MISSING not in made.pit


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(ConfigError, match="members"):
        members(random_templates(), quantiles(3))
    with pytest.raises(ConfigError, match="members"):
        members(random_templates(), quantiles(), count=0)
