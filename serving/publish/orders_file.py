"""The home's orders.csv: signed orders as they held, for `lantian resume` and `evaluate`.

    unit, start, end, load     times local with their offset; load of normal 0..1

Written from the store after each publication and before each run. The store is what counts: the
file may lag by what a killed process had just committed, and the next writing mends it. A real
city's file never holds an exercise's orders, a simulated city's holds nothing else.
"""

import datetime as dt
import fcntl
import logging
from typing import Final

import pandas as pd

from forecast.config import CityConfig
from forecast.files import write_text
from response.plan_orders import IN_FORCE
from serving import orders_held
from serving.store.engine import Store, reading

KEPT: Final = dt.timedelta(days=400)  # orders that ended earlier are in the store alone
COLUMNS: Final = ["unit", "start", "end", "load"]
log = logging.getLogger(__name__)


def refresh(store: Store, config: CityConfig, *, now: dt.datetime) -> bool:
    """Write the file anew; False where it was not written.

    Whatever goes wrong is logged, not raised: the orders are already out.
    """
    if store.home is None:
        return False
    try:
        store.home.mkdir(parents=True, exist_ok=True)
        with (store.home / f".{IN_FORCE}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)  # whoever writes last has read last
            found = table(store, config, now=now)
            if found is None:
                return False
            write_text(store.home / IN_FORCE, found.to_csv(index=False))
    except Exception:
        log.exception("%s was not written", IN_FORCE)
        return False
    return True


def table(store: Store, config: CityConfig, *, now: dt.datetime) -> pd.DataFrame | None:
    """COLUMNS, one row a unit and stretch at one load; None where no order was ever signed."""
    offset = config.offset.to_pytimedelta()
    with reading(store) as session:
        held = orders_held.held(session, config.city.id, offset=offset, since=now - KEPT)
    mine = {o.id for o in held.orders if o.exercise == config.simulated}
    if not mine:
        return None
    zone = dt.timezone(offset)

    def local(at: dt.datetime) -> str:
        return at.replace(tzinfo=dt.UTC).astimezone(zone).isoformat(timespec="minutes")

    rows = [
        (s.unit, local(s.start), local(s.end), s.load)
        for s in sorted(held.stretches, key=lambda s: (s.unit, s.start))
        if s.order in mine
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
