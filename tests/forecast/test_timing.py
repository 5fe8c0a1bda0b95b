import numpy as np
import pandas as pd
import pytest

from forecast import timing


@pytest.mark.parametrize(
    ("local", "first", "last"),
    [
        ("2015-11-30T16:00", 9, 80),  # 8 hours of the day are left
        ("2015-11-30T00:00", 1, 72),  # closes 29 November: D+1 is the 30th
        ("2015-11-30T01:00", 24, 95),
        ("2015-11-30T23:00", 2, 73),
    ],
)
def test_leads_of_the_three_days(local: str, first: int, last: int) -> None:
    issue = timing.to_utc(pd.Timestamp(local))
    days = timing.day_leads(issue)
    assert days[0][0] == first
    assert days[-1][1] == last == timing.last_lead(issue)
    assert all(b - a == 23 for a, b in days)


def test_a_natural_day_is_one_to_twenty_four_local() -> None:
    stamps = pd.DatetimeIndex(["2015-11-29T16:00", "2015-11-29T17:00", "2015-11-30T16:00"])
    days = timing.natural_day(stamps)  # 00:00 local of the 30th, 01:00, 24:00
    assert [d.day for d in days] == [29, 30, 30]


def test_an_offset_in_the_stamp_is_kept() -> None:
    assert timing.to_utc(pd.Timestamp("2026-01-01T08:00+09:00")) == pd.Timestamp("2025-12-31T23:00")


def test_a_stamp_of_any_unit_never_wraps_round() -> None:
    """The year -1 in seconds, cast to ns, would be a day of 1752."""
    given = np.array(["-0001-02-01T04:00", "2016-02-01T04:00", "2150-01-01T00:00", "NaT"])
    for unit in ("s", "us"):
        times = given.astype(f"datetime64[{unit}]")
        out = timing.in_nanoseconds(times)
        assert out.dtype == np.dtype("datetime64[ns]")
        assert out.tolist() == np.array([None, 1454299200 * 10**9, None, None]).tolist()
