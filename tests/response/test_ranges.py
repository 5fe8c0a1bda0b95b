import pytest

from forecast.problems import DataError
from response import rules
from response.ranges import level_of_ranges

R = rules.load("national-2024")


def test_the_upper_bound_decides() -> None:
    found = level_of_ranges([(130, 155), (140, 170), (90, 120)], R)
    assert (found.level, found.first_day, found.last_day) == ("yellow", 0, 1)


def test_an_upper_bound_at_the_limit_is_not_above_it() -> None:
    assert level_of_ranges([(130, 150), (140, 150), (150, 150)], R).level is None
    assert level_of_ranges([(170, 200)], R).level is None
    assert level_of_ranges([(170, 201)], R).level == "yellow"


def test_jiaozuo_orange_on_three_days_of_moderate_pollution() -> None:
    assert level_of_ranges([(140, 170), (160, 190), (150, 180)], R).level == "orange"


def test_a_day_without_forecast_breaks_the_chain() -> None:
    assert level_of_ranges([(140, 170), None, (150, 180)], R).level is None
    assert level_of_ranges([], R).level is None


def test_wrong_ranges_are_named_all_at_once() -> None:
    with pytest.raises(DataError) as refusal:
        level_of_ranges([(170, 140), (100, 120), (0, 501)], R)
    assert "day 1" in str(refusal.value)
    assert "day 3" in str(refusal.value)
