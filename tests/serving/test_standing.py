"""What a run takes to be in force: as of its issue time, and never an exercise for real."""

import datetime as dt
from pathlib import Path

import pytest

from serving import duty, standing
from serving.review_state import Actor, Event
from serving.standing import Standing
from serving.store.engine import Store
from tests.serving.publish import cases
from tests.serving.publish.cases import NOW

HOUR = dt.timedelta(hours=1)


def act(store: Store, kind: str, at: dt.datetime, seen: int, who: Actor, **more: object) -> int:
    event = Event(kind, at, who, "reason", **more)  # type: ignore[arg-type]
    return duty.decide(store, 1, event, seen=seen).version


def test_levels_by_the_hour(store: Store) -> None:
    who = cases.people(store)
    wang, zhao = who["wang"], who["zhao"]
    duty.propose(store, duty.Machine("jiaozuo", NOW, "orange", "start", {}), now=NOW)
    act(store, "sign", NOW + HOUR, 1, wang)
    act(store, "sign", NOW + HOUR, 2, zhao)
    act(store, "publish", NOW + 2 * HOUR, 3, wang)
    notice = {"level": "red", "source": "province", "reference": "1"}
    act(store, "notice", NOW + 3 * HOUR, 4, wang, **notice)
    act(store, "notice", NOW + 4 * HOUR, 5, wang, **{**notice, "level": None})
    act(store, "cancel", NOW + 5 * HOUR, 6, wang)
    act(store, "sign", NOW + 5 * HOUR, 7, wang)
    act(store, "sign", NOW + 5 * HOUR, 8, zhao)
    act(store, "publish", NOW + 6 * HOUR, 9, wang)

    def at(hours: float) -> Standing:
        return standing.at(store, "jiaozuo", NOW + hours * HOUR, exercise=False)

    assert at(-1) == Standing()
    assert at(1.5) == Standing()  # signed is not in force
    assert at(2) == Standing("orange")
    assert at(3) == Standing("orange", "red")
    assert at(4.5) == Standing("orange")
    assert at(6) == Standing()
    assert standing.at(store, "jiaozuo", NOW + 3 * HOUR, exercise=True) == Standing()
    assert standing.at(store, "beijing", NOW + 3 * HOUR, exercise=False) == Standing()


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_store_that_does_not_answer_is_said(tmp_path: Path, dialect: str) -> None:
    (tmp_path / "lantian.db").write_bytes(b"nothing of a database at all" * 50)
    url = f"sqlite:///{tmp_path / 'lantian.db'}"
    held, problems = standing.known(tmp_path, url, "jiaozuo", NOW, exercise=False)
    assert held == Standing()
    assert [p.where for p in problems] == ["warning in force"]
    fresh = f"sqlite:///{tmp_path / 'new.db'}"
    assert standing.known(tmp_path, fresh, "jiaozuo", NOW, exercise=False) == (Standing(), [])
