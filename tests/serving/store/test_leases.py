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
