"""Who may do a periodic job: two instances with one store do not do it twice."""

import datetime as dt

from serving.store import audit
from serving.store.engine import Store, writing
from serving.store.models import Lease


def acquire(
    store: Store, name: str, *, holder: str, now: dt.datetime, lasts: dt.timedelta
) -> int | None:
    """Take or renew a lease; its fence, None where another holds it.

    The fence grows with each change of holder: who works under an older one has lost it. A lease
    that ends further ahead than anyone takes one (twice, for clocks a little apart) comes from a
    clock that was wrong: it holds nobody up.
    """
    with writing(store) as session:
        audit.lock(session)
        row = session.get(Lease, name)
        if row is None:
            session.add(Lease(name=name, holder=holder, until=now + lasts, fence=1))
            return 1
        if row.holder != holder:
            if now < row.until <= now + 2 * lasts:
                return None
            row.holder, row.fence = holder, row.fence + 1
        row.until = now + lasts
        return row.fence
