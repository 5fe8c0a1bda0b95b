"""A finished run goes on record once; a store that fails costs no forecast."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from forecast.problems import DataError
from serving import record_run
from serving.store import audit, engine
from serving.store.engine import reading
from serving.store.models import Decision, Proposal, Run
from tests.serving import console_home
from tests.serving.console_home import ISSUE, NOW, bulletin, without_day


@pytest.fixture
def home(tmp_path: Path) -> Path:
    console_home.leave_run(tmp_path, bulletin())
    return tmp_path


def url(home: Path) -> str:
    return f"sqlite:///{home / 'lantian.db'}"


def test_a_run_is_recorded_once_with_its_proposal(home: Path) -> None:
    assert record_run.after(home, url(home), ISSUE, now=NOW) == []
    store = engine.connect(url(home), home=home)
    with reading(store) as session:
        rows = audit.length(session)
    assert record_run.after(home, url(home), ISSUE, now=NOW) == []
    with reading(store) as session:
        run = session.scalars(select(Run)).one()
        proposal = session.scalars(select(Proposal)).one()
        assert audit.length(session) == rows  # nothing was written again
        assert session.scalars(select(Decision.kind)).all() == ["propose"]
    assert (run.status, run.city, run.exercise) == ("done", "demo", False)
    assert proposal.run_id == run.id
    assert proposal.level == "orange"
    assert proposal.machine["days"][2] == {
        "date": "2026-11-27", "low": 190, "high": 265, "primary": ["pm25"],
    }  # fmt: skip
    assert proposal.machine["run"] == "20261124T0800Z"
    store.engine.dispose()


def test_killed_between_run_and_proposal_it_is_completed(home: Path) -> None:
    store = record_run.opened(home, url(home))
    from serving import duty

    duty.start_run(store, city="demo", issue_time=ISSUE.to_pydatetime(), now=NOW)
    store.engine.dispose()
    assert record_run.after(home, url(home), ISSUE, now=NOW) == []
    store = engine.connect(url(home))
    with reading(store) as session:
        assert session.scalars(select(Run.status)).all() == ["done"]
        assert session.scalar(select(func.count()).select_from(Proposal)) == 1
    store.engine.dispose()


def test_a_simulated_city_only_ever_makes_an_exercise(tmp_path: Path) -> None:
    from dataclasses import replace

    console_home.leave_run(tmp_path, replace(bulletin(), simulated=True))
    assert record_run.after(tmp_path, url(tmp_path), ISSUE, now=NOW) == []
    store = engine.connect(url(tmp_path))
    with reading(store) as session:
        assert session.scalars(select(Proposal.exercise)).all() == [True]
    store.engine.dispose()


def test_days_are_not_invented() -> None:
    assert record_run.days_of(without_day(bulletin())) == []


def test_a_store_that_is_down_is_a_note(home: Path, tmp_path: Path) -> None:
    unreachable = "postgresql://nobody@127.0.0.1:1/none"
    (problem,) = record_run.after(home, unreachable, ISSUE, now=NOW)
    assert problem.where == "store"
    assert "nobody" not in problem.found  # no address with an account in a log
    (tmp_path / "broken.db").write_text("no database " * 100)
    broken = f"sqlite:///{tmp_path / 'broken.db'}"
    assert record_run.after(home, broken, ISSUE, now=NOW)


def test_a_run_that_did_not_finish_is_refused(home: Path) -> None:
    (home / "runs" / "20261124T0800Z" / "run.json").unlink()
    store = record_run.opened(home, url(home))
    with pytest.raises(DataError, match=r"run\.json"):
        record_run.record(store, home, ISSUE, now=NOW)
    store.engine.dispose()
