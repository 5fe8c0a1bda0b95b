"""The clock of a server: a simulated city lives in its own days.

Its newest run is of a past that never was; orders, readings and decisions belong to that time. So
there the clock stands half an hour after the newest run's issue time when the server starts or a
newer run finishes, and goes on from there. It never stands before the last decision of a person. A
city that is measured has the clock of the world.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from forecast.config import CityConfig
from serving.console import summary
from serving.context import utc_now
from serving.record_run import AFTER
from serving.store.engine import Store, reading
from serving.store.models import Decision


@dataclass(frozen=True)
class SimulatedClock:
    """Naive UTC of a simulated city."""

    home: Path
    floor: dt.datetime | None  # the last decision of a person when the server started
    started: dt.datetime  # by the world's clock
    world: Callable[[], dt.datetime] = utc_now

    def __call__(self) -> dt.datetime:
        """Its time now; the world's where it has no run yet."""
        names = summary.names(self.home)
        if not names:
            return self.world()
        finished = (self.home / "runs" / names[0] / "run.json").stat().st_mtime
        since = max(self.started, dt.datetime.fromtimestamp(finished, dt.UTC).replace(tzinfo=None))
        begin = dt.datetime.strptime(names[0], "%Y%m%dT%H%MZ") + AFTER
        if self.floor is not None and self.floor > begin:
            begin = self.floor
        return begin + max(self.world() - since, dt.timedelta(0))


def of(config: CityConfig, home: Path, store: Store) -> Callable[[], dt.datetime]:
    """The clock of a city's server."""
    if not config.simulated:
        return utc_now
    with reading(store) as session:
        last = session.scalar(select(func.max(Decision.at)).where(Decision.account_id.is_not(None)))
    return SimulatedClock(home, last, utc_now())
