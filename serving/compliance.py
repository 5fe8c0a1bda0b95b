"""Compliance as officers see it while orders hold: complied, doubtful, not complied, unknown.

Takes the store's orders and readings; judges them as the evaluation after the event does
(response.evaluation_compliance), on the hours up to now. A verdict that is not likely enough, a
late or partial cut, and a stack monitor that contradicts the meter are doubtful: someone looks.
Without readings, or before a unit had time to stop, it is unknown; nobody is accused by a gap.
"""

import datetime as dt
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd
from sqlalchemy import func, select

from forecast.config import CityConfig
from forecast.problems import ConfigError, DataError
from response import evaluation_compliance, register_home
from response.evaluation_settings import DEFAULT
from response.register import Register
from serving import meters, orders_held
from serving.meters import Metered
from serving.orders_held import Held, Stretch
from serving.store.engine import Store, reading
from serving.store.models import Decision, Order, Reading

Word = Literal["complied", "doubtful", "not_complied", "unknown"]
WORDS: Final[tuple[Word, ...]] = ("not_complied", "doubtful", "unknown", "complied")
SURE: Final = 0.7  # probability from which a verdict is told as one; an assumption
RECENT: Final = dt.timedelta(days=10)  # orders that ended longer ago: see their evaluation
_NOT: Final = ("not", "evades_night", "evades_day")
_MOST: Final = 8
_KEPT: "OrderedDict[Hashable, Mapping[int, Verdict]]" = OrderedDict()
_LOCK: Final = threading.Lock()


@dataclass(frozen=True)
class Verdict:
    """What one order came to so far, and on what evidence; None where it is not known."""

    word: Word
    # Of evaluation_compliance.VERDICTS, or: unsure, no_load, no_readings, not_begun, no_unit.
    why: str
    ordered: float | None = None  # load
    load: float | None = None  # run, mean of usual
    day: float | None = None  # share of the cut done by day
    night: float | None = None
    probability: float | None = None  # of `why`; of all ways not to comply where not complied
    evidence: str = "none"  # meter, monitor, none
    monitor: float | None = None  # share of the cut the stack monitor shows
    contradicts: bool = False
    newest: dt.datetime | None = None  # the enterprise's newest reading, naive UTC
    unused: tuple[str, ...] = ()  # its readings that fit no unit


def verdicts(
    store: Store, home: Path, config: CityConfig, *, now: dt.datetime
) -> Mapping[int, Verdict]:
    """By order: all of the city's that hold, are to come, or ended within RECENT.

    Kept until a reading, an order or a decision arrives or another hour begins; so an arrival is
    seen at the next look.
    """
    with reading(store) as session:
        last = session.execute(
            select(
                select(func.max(Reading.batch)).scalar_subquery(),
                select(func.max(Order.id)).scalar_subquery(),
                select(func.max(Decision.id)).scalar_subquery(),
            )
        ).one()
    stamp = home / "register" / "current.json"
    register = stamp.stat().st_mtime_ns if stamp.is_file() else 0
    key = (str(store.engine.url), str(home), config.city.id, *last, register,
           now.replace(minute=0, second=0, microsecond=0))  # fmt: skip
    with _LOCK:
        if key in _KEPT:
            _KEPT.move_to_end(key)
            return _KEPT[key]
        found = _judged(store, home, config, now)
        _KEPT[key] = found
        while len(_KEPT) > _MOST:
            _KEPT.popitem(last=False)
        return found


def register_of(home: Path) -> Register | None:
    """The register that holds, read once until another is taken; None without one."""
    path = home / "register" / "current.json"
    return _register(home, path.stat().st_mtime_ns if path.is_file() else 0)


@lru_cache(maxsize=4)
def _register(home: Path, _mtime_ns: int) -> Register | None:
    try:
        return register_home.current(home)
    except (DataError, ConfigError):
        return None


def _judged(
    store: Store, home: Path, config: CityConfig, now: dt.datetime
) -> Mapping[int, Verdict]:
    offset = config.offset.to_pytimedelta()
    with reading(store) as session:
        held = orders_held.held(session, config.city.id, offset=offset, since=now - RECENT)
    if not held.orders:
        return {}
    register = register_of(home)
    if register is None:
        return {o.id: Verdict("unknown", "no_unit") for o in held.orders}
    begin = min((s.start for s in held.stretches), default=now)
    seen = meters.metered(
        store, register, {o.enterprise for o in held.orders},
        start=begin - dt.timedelta(days=DEFAULT.baseline_days), end=now,
    )  # fmt: skip
    return _of(held, seen, register.units, config, now)


def _of(
    held: Held, seen: Metered, units: pd.DataFrame, config: CityConfig, now: dt.datetime
) -> Mapping[int, Verdict]:
    ids = set(units.index.astype(str))
    begun = [s for s in held.stretches if s.start < now and s.unit in ids]
    known = {e: (seen.newest.get(e), seen.unused.get(e, ())) for e in
             {o.enterprise for o in held.orders}}  # fmt: skip
    rows: dict[int, list[dict[str, Any]]] = {}
    if begun and (seen.power is not None or seen.stacks is not None):
        table = pd.DataFrame({
            "unit": [s.unit for s in begun], "start": [pd.Timestamp(s.start) for s in begun],
            "end": [pd.Timestamp(s.end) for s in begun], "load": [s.load for s in begun],
        })  # fmt: skip
        judged = evaluation_compliance.judge(
            table, seen.power, seen.stacks, units, offset=config.offset
        ).table
        of_row = {
            (row["unit"], row["start"], row["end"], row["ordered"]): {
                str(k): v for k, v in row.items()
            }
            for row in judged.to_dict("records")
        }
        for s in begun:
            row = of_row[s.unit, pd.Timestamp(s.start), pd.Timestamp(s.end), s.load]
            rows.setdefault(s.order, []).append(row)
    stretches: dict[int, list[Stretch]] = {}
    for s in held.stretches:
        stretches.setdefault(s.order, []).append(s)
    return {
        o.id: _verdict(o, stretches.get(o.id, []), rows.get(o.id, []), known[o.enterprise], ids,
                       now)
        for o in held.orders
    }  # fmt: skip


def _verdict(
    order: Order, own: list[Stretch], rows: list[dict[str, Any]],
    known: tuple[dt.datetime | None, tuple[str, ...]], ids: set[str], now: dt.datetime,
) -> Verdict:  # fmt: skip
    newest, unused = known
    unread: tuple[Word, Any] = ("unknown", None)
    if not own:
        return Verdict("unknown", "no_load", newest=newest, unused=unused)
    load = min(s.load for s in own)
    if order.unit not in ids:
        return Verdict("unknown", "no_unit", load, newest=newest, unused=unused)
    if all(s.start >= now for s in own):
        return Verdict("unknown", "not_begun", load, newest=newest, unused=unused)
    told = [(_word(row), row) for row in rows]
    # A stretch that is over and of which nothing is known keeps the whole from being complied.
    open_ = [t for t in told if not (t[0] == "unknown" and t[1]["end"] > pd.Timestamp(now))]
    word, row = min(open_ or told, key=lambda t: WORDS.index(t[0]), default=unread)
    if row is None or row["verdict"] == "unknown":
        why = "no_readings" if newest is None else "unknown"
        return Verdict("unknown", why, load, newest=newest, unused=unused)
    why, probability = str(row["verdict"]), float(row["probability"])
    if word == "not_complied":
        probability = _against(row)
    elif word == "doubtful" and probability < SURE:
        why = "unsure"
    return Verdict(
        word, why, float(row["ordered"]), _number(row["load_done"]), _number(row["done_day"]),
        _number(row["done_night"]), None if why == "unsure" else probability,
        str(row["evidence"]), _number(row["monitor_done"]), bool(row["contradicts"]),
        newest, unused,
    )  # fmt: skip


def _word(row: Mapping[str, Any]) -> Word:
    verdict = row["verdict"]
    if verdict == "unknown":
        return "unknown"
    sure = row["probability"] >= SURE and not row["contradicts"]
    if verdict == "complied" and sure:
        return "complied"
    # Not to have complied may be known though which way is not: day or night.
    return "not_complied" if _against(row) >= SURE else "doubtful"


def _against(row: Mapping[str, Any]) -> float:
    return sum(float(row[f"p_{name}"]) for name in _NOT)


def _number(value: Any) -> float | None:
    return None if value is None or value != value else float(value)
