"""A finished daily run -> the store: the run and what the machine proposes.

Takes a home and an issue time; reads what the run left in its folder. The same run again changes
nothing. The forecast never depends on it: whoever calls `after` is told what went wrong.
"""

import datetime as dt
import json
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy import make_url, select
from sqlalchemy.exc import SQLAlchemyError

from forecast.problems import DataError, LantianError, Problem
from serving import consultation, daily, duty
from serving.bulletin import saved
from serving.bulletin.content import Bulletin
from serving.consultation import Day
from serving.duty import Filed, Machine
from serving.store import engine, migrate
from serving.store.engine import Store, reading
from serving.store.models import Proposal, Run

AFTER: Final = dt.timedelta(minutes=30)  # of the issue time: a simulated city's run is done
_LIKELY: Final = 0.25  # share of members from which a pollutant is a day's primary one
_MOST: Final = 2


def after(
    home: Path, database_url: str, issue_time: pd.Timestamp, *, now: dt.datetime
) -> list[Problem]:
    """Record a run that has just finished; what went wrong, nothing where all is well.

    A store of this program's own (SQLite) that is not there yet is made.
    """
    try:
        store = opened(home, database_url)
        try:
            record(store, home, issue_time, now=now)
        finally:
            store.engine.dispose()
    except LantianError as error:
        return [Problem(f"store: {p.where}", p.found, p.expected) for p in error.problems]
    except (SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
        expected = "a store that answers; the forecast is kept: run again to record it"
        return [Problem("store", said, expected)]
    return []


def opened(home: Path, database_url: str) -> Store:
    """The store at this program's revision; an SQLite file that is not there is made.

    Raises:
        ConfigError: It is of another revision: `lantian migrate`.
    """
    url = make_url(database_url) if "://" in database_url else None
    fresh = (
        bool(url and url.get_backend_name() == "sqlite" and url.database)
        and not Path(str(url.database) if url else "").exists()
    )
    store = engine.connect(database_url, home=home)
    if fresh:
        migrate.upgrade(store)
    migrate.require_current(store)
    return store


def record(
    store: Store,
    home: Path,
    issue_time: pd.Timestamp,
    *,
    now: dt.datetime,
    exercise: bool | None = None,
) -> Filed | None:
    """File a run and its proposal.

    Args:
        store: The store.
        home: LANTIAN_HOME.
        issue_time: Naive UTC.
        now: Naive UTC.
        exercise: Whether it is one; default: what is simulated is, so that no simulated city ever
            warns a real one.

    Returns:
        Where the proposal went; None where the same run was recorded before.

    Raises:
        DataError: The run did not finish.
    """
    folder = daily.run_folder(home, issue_time)
    run, proposal = (_read(folder / name) for name in ("run.json", "proposal.json"))
    bulletin = saved.from_json(_read(folder / "bulletin.json"))
    mode = bool(run["simulated"]) if exercise is None else exercise
    if run["simulated"]:  # it happened in the city's own days (simulated_clock)
        now = (issue_time + AFTER).to_pydatetime()
    city = str(run["run"]).rsplit("-", 1)[0]
    at = issue_time.to_pydatetime()
    if _recorded(store, city, at, exercise=mode) == run:
        return None
    number = duty.start_run(store, city=city, issue_time=at, exercise=mode, now=now)
    content = {**proposal, "days": consultation.to_json(days_of(bulletin)), "run": folder.name}
    filed = duty.propose(
        store,
        Machine(
            city, at, proposal["level"], str(proposal["action"]), content,
            exercise=mode, valid_until=_valid_until(bulletin), run_id=number,
        ),
        now=now,
    )  # fmt: skip
    degraded = any(note["severity"] != "info" for note in run["notes"])
    status = "degraded" if degraded else "done"
    duty.finish_run(store, number, status=status, report=run, now=now)
    return filed


def days_of(bulletin: Bulletin) -> list[Day]:
    """The machine's days for consultation: AQI range over the members, likely primaries.

    Empty where a day has no index: nothing is invented to fill a form.
    """
    if any(day.aqi is None for day in bulletin.days):
        return []
    made = []
    for day in bulletin.days:
        low, high = (round(day.aqi.low), round(day.aqi.high)) if day.aqi else (0, 0)
        likely = [p.pollutant for p in day.primary if p.share >= _LIKELY][:_MOST]
        if not likely and high > 50:
            likely = [p.pollutant for p in day.primary[:1]]
        made.append(Day(day.date.date(), low, min(high, 500), tuple(likely)))
    return made


def _valid_until(bulletin: Bulletin) -> dt.datetime:
    """The end of D+1, local: by then a newer run has looked at the same days."""
    end = bulletin.days[0].date + pd.Timedelta(days=1) - bulletin.offset
    return end.to_pydatetime()


def _recorded(store: Store, city: str, at: dt.datetime, *, exercise: bool) -> Any:
    """The report of a run whose proposal is filed, too; None where it is not complete."""
    same = (Run.city == city, Run.issue_time == at, Run.exercise == exercise)
    with reading(store) as session:
        row = session.scalars(select(Run).where(*same)).one_or_none()
        if row is None or row.finished_at is None:
            return None
        proposed = select(Proposal.id).where(Proposal.run_id == row.id).limit(1)
        return row.report if session.scalar(proposed) is not None else None


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        problem = Problem(str(path), str(error), "what a finished daily run leaves")
        raise DataError([problem]) from None
    return dict(found)
