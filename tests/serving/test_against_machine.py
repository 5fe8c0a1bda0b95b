"""Officers against the machine, on hand-made days."""

import datetime as dt

import pytest

from serving import against_machine
from serving.against_machine import Version
from serving.city_days import CityDay
from serving.consultation import Day

DAY = dt.date(2026, 11, 25)
OFFSET = dt.timedelta(hours=8)
NIGHT = dt.timedelta(days=1)


def day(n: int, low: int, high: int, *primary: str) -> Day:
    return Day(DAY + n * NIGHT, low, high, primary)


def version(**more: object) -> Version:
    said = {
        "warning": 1, "exercise": False, "at": dt.datetime(2026, 11, 24, 9),
        "issued": dt.datetime(2026, 11, 24, 8), "machine_level": "orange",
        "officer_level": "yellow", "reason": "北风",
        "machine": (day(0, 150, 198, "pm25"), day(1, 180, 240, "pm25"), day(2, 190, 265, "pm25")),
        "officer": (day(0, 140, 160, "pm25"), day(1, 150, 180, "pm10"), day(2, 90, 120, "pm10")),
        **more,
    }  # fmt: skip
    return Version(**said)  # type: ignore[arg-type]


CAME = {
    DAY: CityDay(155, ("pm25",)),
    DAY + NIGHT: CityDay(250, ("pm25", "pm10")),
}


def test_each_side_is_scored_on_the_same_days() -> None:
    found = against_machine.pairs([version()], CAME, offset=OFFSET)
    assert [p.lead for p in found] == [1, 2, 3]
    assert found[2].observed is None
    (one, m1, o1), (two, m2, o2), (three, m3, o3) = against_machine.by_lead(found)
    assert (one, two, three) == (1, 2, 3)
    assert (m1.days, m1.inside, m1.missed, m1.width) == (1, 1, 0, 48)
    assert (o1.inside, o1.missed, o1.width) == (1, 0, 20)
    assert (m2.inside, m2.missed) == (0, 10)  # 250 against 180..240
    assert (o2.inside, o2.missed) == (0, 70)  # against 150..180
    assert (m2.primary, o2.primary, o2.primary_days) == (1, 1, 1)
    assert (m3.days, o3.days, m3.missed) == (0, 0, None)  # not known: not scored


def test_a_day_that_had_begun_when_the_officer_adjusted_is_left_out() -> None:
    late = version(at=dt.datetime(2026, 11, 24, 17))  # 01:00 of the 25th, local
    found = against_machine.pairs([late], CAME, offset=OFFSET)
    assert [p.officer.date for p in found] == [DAY + NIGHT, DAY + 2 * NIGHT]
    assert [p.lead for p in found] == [2, 3]  # the lead is the machine's


def test_a_clean_day_has_no_primary_to_hit() -> None:
    clean = against_machine.score([(day(0, 20, 60, "pm10"), CityDay(40, ()))])
    assert (clean.days, clean.inside, clean.primary, clean.primary_days) == (1, 1, 0, 0)


@pytest.mark.parametrize(("low", "high", "missed"), [(100, 120, 30), (160, 180, 10), (150, 150, 0)])
def test_distance_from_a_range(low: int, high: int, missed: int) -> None:
    found = against_machine.score([(day(0, low, high, "pm25"), CityDay(150, ("pm25",)))])
    assert found.missed == missed
