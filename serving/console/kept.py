"""What stands now, and what of a page belongs to a run: kept until it changes.

A warning changes only with a row of the trail, written in the same transaction under the trail's
lock. So what was read at row n holds while the rows after n are of other matters (readings,
logins): one look at the trail's end replaces a dozen queries on every page.
"""

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from typing import Final

from markupsafe import Markup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from serving.console import state
from serving.console.state import Standing
from serving.store.engine import Store, reading
from serving.store.models import Entry, Run

# Rows of the trail that change neither a warning nor a run.
APART: Final = (
    "readings.receive", "observations.receive", "login", "logout", "login.failed", "login.locked",
    "token.create", "token.revoke",
)  # fmt: skip
_MOST: Final = 64  # fragments


@dataclass(frozen=True)
class Now:
    """The city's open warnings and how its runs are on record, as of one row of the trail."""

    seq: int
    hash: str  # of that row: a store that was restored has another one there, or none
    standings: tuple[Standing, ...]
    runs: dict[dt.datetime, str]  # issue time, naive UTC -> status; an actual run before exercises

    @property
    def exercise_open(self) -> bool:
        """Whether an exercise runs."""
        return any(s.exercise for s in self.standings)


@dataclass
class Kept:
    """The memory of one console."""

    _now: Now | None = None
    _fragments: "OrderedDict[Hashable, Markup]" = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def now(self, store: Store, city: str) -> Now:
        """What stands at this moment."""
        known = self._now
        with reading(store) as session:
            end = _unmoved(session, known) if known is not None else None
            if known is not None and end is not None:
                if end[0] > known.seq:  # so that few rows are looked at next time
                    self._now = replace(known, seq=end[0], hash=end[1])
                return known
            last = select(Entry.seq, Entry.hash).order_by(Entry.seq.desc()).limit(1)
            seq, digest = session.execute(last).one_or_none() or (0, "")
            standings = tuple(state.open_in(session, city))
            query = select(Run.issue_time, Run.status).where(Run.city == city)
            runs: dict[dt.datetime, str] = {}
            for at, status in session.execute(query.order_by(Run.exercise)):
                runs.setdefault(at, status)
        found = Now(seq, digest, standings, runs)
        self._now = found
        return found

    def fragment(self, key: Hashable, make: Callable[[], Markup]) -> Markup:
        """A part of a page by everything that it depends on; nothing of a visitor may be in it."""
        with self._lock:
            found = self._fragments.get(key)
            if found is not None:
                self._fragments.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._fragments[key] = made
            while len(self._fragments) > _MOST:
                self._fragments.popitem(last=False)
        return made


def _unmoved(session: Session, known: Now) -> tuple[int, str] | None:
    """The trail's last row where none after the known one may change what stands; else None."""
    others = func.count().filter(Entry.seq > known.seq, Entry.action.not_in(APART))
    mine = func.max(Entry.hash).filter(Entry.seq == known.seq)
    query = select(func.max(Entry.seq), mine, others).where(Entry.seq >= known.seq)
    last, digest, moved = session.execute(query).one()
    if moved or last is None or digest != known.hash:
        return None
    if last == known.seq:
        return last, digest
    return last, session.scalars(select(Entry.hash).where(Entry.seq == last)).one()
