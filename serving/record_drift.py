"""A proposal to train anew -> the audit trail, once for an issue time; nothing else follows.

Takes what drift found out of the ordinary. Nobody trains or promotes by it: a person does
(docs/retraining.md), and that decision is recorded apart.
"""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from forecast.problems import LantianError, Problem
from serving import record_run
from serving.store import audit
from serving.store.engine import Store, writing
from serving.store.models import Entry

ACTION: Final = "training.propose"
ACTOR: Final = "machine"


def propose(
    home: Path,
    database_url: str,
    city: str,
    issue_time: pd.Timestamp,
    found: Mapping[str, Any],
    *,
    now: dt.datetime,
) -> list[Problem]:
    """Record a proposal; what went wrong, nothing where all is well.

    Args:
        home: LANTIAN_HOME.
        database_url: The store.
        city: Its id.
        issue_time: Last hour judged, naive UTC.
        found: `model` judged, `proposal` in words, `worst` findings.
        now: Naive UTC.
    """
    try:
        store = record_run.opened(home, database_url)
        try:
            _append(store, f"{city}:{issue_time:%Y%m%dT%H%MZ}", found, now)
        finally:
            store.engine.dispose()
    except (LantianError, SQLAlchemyError, OSError) as error:
        said = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
        expected = "a store that answers; the findings are in drift/ of the home"
        return [Problem("store: drift", said, expected)]
    return []


def _append(store: Store, subject: str, found: Mapping[str, Any], now: dt.datetime) -> None:
    same = select(Entry.seq).where(Entry.action == ACTION, Entry.subject == subject).limit(1)
    with writing(store) as session:
        if session.scalar(same) is not None:
            return
        body = {key: found[key] for key in ("model", "proposal", "worst")}
        audit.append(session, at=now, actor=ACTOR, action=ACTION, subject=subject, body=body)
