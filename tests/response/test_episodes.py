"""Durations, AND, gaps: index series made by hand, with the level they must give."""

import numpy as np
import pytest

from response import episodes, rules
from response.rules import Condition, Level


def series(*parts: tuple[float, int], hours: int = 400, start: int = 40) -> np.ndarray:
    """An index of WINDOWS: parts (index, hours covered) of adjoining windows, 50 elsewhere.

    A stretch of h hours covered by windows above a bound has h - 23 windows (by their end).
    """
    index = np.full((1, hours), 50.0)
    at = start
    for value, covered in parts:
        if value > 50:
            index[0, at + 23 : at + covered] = value
        at += covered
    return index


def level(edition: str, index: np.ndarray, **options: int) -> Level | None:
    met = episodes.evaluate(index, rules.load(edition), **options)
    return met.rules.at(int(met.rank.max()))


# edition, index, hours covered, level; by hand from the criteria.
EXACT = [
    ("national-2024", 201, 24, "yellow"),
    ("national-2024", 201, 47, "yellow"),
    ("national-2024", 201, 48, "orange"),
    ("national-2024", 151, 47, None),
    ("national-2024", 151, 48, "yellow"),
    ("national-2024", 151, 71, "yellow"),
    ("national-2024", 151, 72, "orange"),
    ("national-2024", 301, 71, "orange"),
    ("national-2024", 301, 72, "red"),
    ("national-2024", 300, 200, "orange"),
    ("national-2024", 200, 24, None),
    ("national-2024", 200, 48, "yellow"),  # by > 150
    ("national-2024", 150, 300, None),
    ("national-2018", 201, 47, None),
    ("national-2018", 201, 48, "yellow"),
    ("national-2018", 201, 71, "yellow"),
    ("national-2018", 201, 72, "orange"),
    ("national-2018", 301, 95, "orange"),
    ("national-2018", 301, 96, "red"),
    ("national-2018", 200, 300, None),
    ("national-2018", 499, 47, None),
    ("national-2018", 499, 24, None),
    ("national-2018", 500, 24, "red"),
    ("national-2017", 201, 24, "blue"),
    ("national-2017", 201, 48, "yellow"),
    ("national-2017", 201, 96, "yellow"),
    ("national-2017", 301, 71, "yellow"),
    ("national-2017", 301, 72, "orange"),
    ("national-2017", 301, 95, "orange"),
    ("national-2017", 301, 96, "red"),
    ("national-2017", 500, 24, "red"),
    ("national-2017", 200, 300, None),
    ("henan-2014", 201, 24, "blue"),
    ("henan-2014", 201, 71, "blue"),
    ("henan-2014", 201, 72, "yellow"),
    ("henan-2014", 300, 300, "yellow"),
    ("henan-2014", 301, 71, "blue"),
    ("henan-2014", 301, 72, "orange"),
    ("henan-2014", 499, 24, "blue"),
    ("henan-2014", 500, 24, "red"),
]


@pytest.mark.parametrize(("edition", "value", "hours", "expected"), EXACT)
def test_duration_and_bound(edition: str, value: float, hours: int, expected: str | None) -> None:
    assert level(edition, series((value, hours))) == expected


def test_one_window_is_not_enough_at_one_hour_less() -> None:
    assert level("national-2024", series((201, 23))) is None


@pytest.mark.parametrize("start", range(24))
def test_any_hour_may_begin_it(start: int) -> None:
    assert level("national-2024", series((201, 48), start=40 + start)) == "orange"


def test_windows_adjoin_and_do_not_overlap() -> None:
    index = np.full((1, 200), 50.0)
    index[0, 60:84] = 201  # 24 windows one hour apart, no two of which are 24 h apart
    assert level("national-2024", index) == "yellow"
    index[0, 84] = 201  # now windows ending at 60 and 84 adjoin
    assert level("national-2024", index) == "orange"


def test_two_adjoining_windows_count_though_those_between_are_clean() -> None:
    index = np.full((1, 200), 50.0)
    index[0, [60, 84]] = 201
    assert level("national-2024", index) == "orange"
    index[0, 84] = 50
    index[0, 85] = 201  # an hour lies between the windows
    assert level("national-2024", index) == "yellow"


def test_an_unknown_window_breaks_a_chain() -> None:
    index = np.full((1, 200), 50.0)
    index[0, [60, 84, 108]] = 160  # 72 h above 150
    assert level("national-2024", index) == "orange"
    index[0, 84] = np.nan
    assert level("national-2024", index) is None


def test_a_window_that_begins_before_the_series_does_not_count() -> None:
    index = np.full((1, 60), 50.0)
    index[0, :23] = 400
    assert level("national-2024", index) is None
    index[0, 23] = 400
    assert level("national-2024", index) == "yellow"


def test_a_series_shorter_than_a_chain() -> None:
    assert level("national-2024", np.full((1, 24), 400.0)) == "yellow"
    assert level("national-2024", np.full((1, 10), 400.0)) is None


@pytest.mark.parametrize(("gap", "parts"), [(35, 1), (36, 1), (37, 2)])
def test_two_episodes_closer_than_the_cancellation_window_are_one(gap: int, parts: int) -> None:
    # 24 h of yellow, a gap, 48 h of orange.
    index = series((210, 24), (50, gap), (210, 48))
    met = episodes.evaluate(index, rules.load("national-2024"))
    assert met.episode.max() == parts
    assert met.rank[0].tolist() == ([0, 2] if parts == 1 else [0, 1, 2])
    span = episodes.first_episode(met, 2)
    assert span.first[0] == (
        40 if parts == 1 else 40 + 24 + gap
    )  # the stricter level from the start
    assert span.last[0] == 40 + 24 + gap + 48 - 1


def test_and_must_hold_within_one_episode() -> None:
    r = "national-2024"
    heavy, severe = (210, 72), (310, 24)
    assert level(r, series(heavy, severe)) == "red"
    assert level(r, series(severe, heavy)) == "red"
    assert level(r, series(heavy, (50, 36), severe)) == "red"
    assert level(r, series(heavy, (50, 37), severe)) == "orange"
    assert level(r, series((210, 71), (50, 37), (310, 24))) == "orange"


def test_and_of_2018_needs_both_durations() -> None:
    assert level("national-2018", series((210, 60), (310, 47))) == "orange"
    assert level("national-2018", series((210, 60), (310, 48))) == "red"


def test_the_span_of_a_level_is_that_of_its_own_windows() -> None:
    # 30 h at 160 adjoining 60 h at 210: windows at 160 end between; orange by both criteria.
    index = np.full((1, 300), 50.0)
    index[0, 63:100] = 160
    index[0, 100:160] = 210
    met = episodes.evaluate(index, rules.load("national-2024"))
    span = episodes.first_episode(met, 2)
    assert (span.first[0], span.last[0]) == (40, 159)
    severe = met.rules.rank("red")
    assert not episodes.first_episode(met, severe).there[0]


def test_only_what_reaches_beyond_the_issue_hour_counts() -> None:
    index = series((210, 48))  # covers cells 40 .. 87
    assert level("national-2024", index, after=86) == "orange"
    assert level("national-2024", index, after=87) is None


def test_the_severe_day_of_an_and_may_lie_in_the_past() -> None:
    index = series((310, 24), (210, 120))
    assert level("national-2024", index, after=100) == "red"
    assert level("national-2018", index, after=100) == "orange"


def test_members_are_judged_each_by_itself() -> None:
    index = np.concatenate([series((210, 48)), series((50, 48)), series((310, 72))])
    met = episodes.evaluate(index, rules.load("national-2024"))
    assert met.rank.max(axis=1).tolist() == [2, 0, 3]


def test_daily_values_are_windows_of_one_cell() -> None:
    daily = np.array([[180.0, 180, 60, 180, 180, 60, 60, 180, 180]])
    met = episodes.evaluate(daily, rules.load("national-2024"), stride=1)
    # A gap of one day (24 h) does not part, one of two days (48 h) does.
    assert met.episode.tolist() == [[1, 1, 1, 1, 1, 0, 0, 2, 2]]


def plain_level(index: list[float], edition: str) -> int:
    """The rules once more, for one series, in loops and sets, straight from the words."""
    r = rules.load(edition)

    def covered(c: Condition) -> set[int]:
        hours: set[int] = set()
        for begin in range(len(index) - c.hours + 1):
            ends = [begin + 24 * n + 23 for n in range(c.hours // 24)]
            if all(index[e] > c.gt if c.gt is not None else index[e] >= c.bound for e in ends):
                hours |= set(range(begin, begin + c.hours))
        return hours

    def parted(hours: set[int]) -> list[set[int]]:
        parts: list[set[int]] = []
        for h in sorted(hours):
            if parts and h - max(parts[-1]) - 1 <= 36:
                parts[-1].add(h)
            else:
                parts.append({h})
        return parts

    singles = set().union(*[covered(c.all_of[0]) for c in r.criteria if len(c.all_of) == 1])
    best = 0
    for c in r.criteria:
        sets = [covered(one) for one in c.all_of]
        if any(all(part & s for s in sets) for part in parted(singles.union(*sets))):
            best = max(best, r.rank(c.level))
    return best


@pytest.mark.parametrize("edition", rules.editions())
@pytest.mark.parametrize("seed", range(6))
def test_against_plain_loops(edition: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.array([60.0, 150, 160, 200, 210, 310, 500, np.nan])
    share = [0.3, 0.1, 0.15, 0.05, 0.2, 0.15, 0.04, 0.01]
    index = np.repeat(rng.choice(values, (12, 40), p=share), 9, axis=1)
    met = episodes.evaluate(index, rules.load(edition))
    assert met.rank.max(axis=1).tolist() == [plain_level(list(row), edition) for row in index]
