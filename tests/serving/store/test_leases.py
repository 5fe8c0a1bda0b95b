import datetime as dt

from serving.store import leases
from serving.store.engine import Store

NOW = dt.datetime(2026, 11, 24, 8)
MINUTE = dt.timedelta(minutes=1)


def test_one_holder_until_its_time_is_over(store: Store) -> None:
    def take(holder: str, minutes: int) -> int | None:
        now = NOW + minutes * MINUTE
        return leases.acquire(store, "daily", holder=holder, now=now, lasts=5 * MINUTE)

    assert [take("a", 0), take("b", 1), take("a", 4), take("b", 8)] == [1, None, 1, None]
    assert [take("b", 9), take("a", 10)] == [2, None]


def test_a_lease_taken_by_a_clock_far_ahead_holds_nobody_up(store: Store) -> None:
    ahead = NOW + dt.timedelta(days=400)
    lasts = dt.timedelta(minutes=10)
    assert leases.acquire(store, "daily", holder="a", now=ahead, lasts=lasts) == 1
    assert leases.acquire(store, "daily", holder="b", now=NOW, lasts=lasts) == 2
    skewed = NOW + dt.timedelta(minutes=9)  # two machines' clocks a little apart
    assert leases.acquire(store, "other", holder="a", now=skewed, lasts=lasts) == 1
    assert leases.acquire(store, "other", holder="b", now=NOW, lasts=lasts) is None
