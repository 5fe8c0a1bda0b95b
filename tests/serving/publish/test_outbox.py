"""The outbox and its channels with real receivers, on both engines."""

import datetime as dt
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from forecast.problems import DataError
from serving import duty
from serving.publish import dispatch, outbox, release, reminders
from serving.publish.config import House
from serving.publish.message import Message
from serving.review_state import Event
from serving.store import audit
from serving.store.engine import Refused, Store, reading, writing
from serving.store.models import Acknowledgement, Order, Outgoing, Publication
from tests.serving.publish import cases
from tests.serving.publish.cases import HOUR, MINUTE, NOW, OFFSET, PROOFS, WORDS
from tests.serving.publish.receiver import Receiver, message, receiver

__all__ = ["receiver"]  # a fixture


def send(store: Store, house: House, home: Path, at: dt.datetime = NOW) -> dispatch.Round:
    return dispatch.run(store, house, home=home, clock=lambda: at, chance=random.Random(1))


def publications(store: Store) -> list[Publication]:
    with reading(store) as session:
        return list(session.scalars(select(Publication).order_by(Publication.id)))


def put(store: Store, house: House, *messages: Message) -> list[int]:
    with writing(store) as session:
        return outbox.put(session, messages, house=house, now=NOW)


def test_from_signature_to_receiver_and_to_its_end(
    store: Store, receiver: Receiver, tmp_path: Path
) -> None:
    who = cases.people(store)
    folder = {"name": "gateway", "kind": "folder", "path": "out", "carries": ["cap", "order"]}
    house = cases.house(receiver.channel(), folder)
    warning, state = cases.signed(store, who)
    work = release.Work(cases.plan(store, warning), PROOFS)
    state = cases.publish(store, warning, who, state.version, house=house, work=work)
    assert (state.status, state.in_force) == ("published", "orange")
    assert send(store, house, tmp_path) == dispatch.Round(4, 0)  # 2 CAP, 2 orders to the folder
    state = duty.decide(
        store, warning, Event("raise", NOW, who["wang"], "worse", level="red"), seen=state.version
    )
    state = cases.sign(store, warning, who, state.version)
    state = cases.publish(store, warning, who, state.version, house=house, now=NOW + HOUR)
    assert state.status == "raised"
    event = Event("cancel", NOW, who["wang"], "clean")
    state = duty.decide(store, warning, event, seen=state.version)
    state = cases.sign(store, warning, who, state.version)
    end = release.Words(NOW + 2 * HOUR, None, "空气转好", "clean air")
    cases.publish(store, warning, who, state.version, house=house, words=end, now=NOW + 2 * HOUR)
    sent = send(store, house, tmp_path, NOW + 2 * HOUR).sent
    assert sent == 6  # two CAP messages to two channels; both enterprises: their orders end
    first, second, third = publications(store)
    assert [p.kind for p in (first, second, third)] == ["alert", "update", "cancel"]
    assert first.identifier in second.body["cap"]
    assert f"{second.identifier},2026-11-24T17:00:00+08:00" in third.body["cap"]
    assert [r[2].decode() for r in receiver.requests] == [
        p.body["cap"] for p in (first, second, third)
    ]
    with reading(store) as session:
        rows = list(session.scalars(select(Order).order_by(Order.id)))
        pages = sorted((tmp_path / "out").glob("order*/*.html"))
    assert [(r.enterprise, r.unit) for r in rows[:2]] == [("E1", "U1"), ("E2", "U2")]
    assert [r.supersedes for r in rows] == [None, None, rows[0].id, rows[1].id]
    assert rows[0].begins_at == dt.datetime(2026, 11, 24, 16)  # 25 November 00:00 local
    assert rows[0].ends_at == dt.datetime(2026, 11, 26, 16)
    page = pages[0].read_text()
    assert "甲焦化&lt;有限&gt;公司" in page
    assert "350 kW" in page
    assert "wang" in page
    assert "zhao" in page
    assert "未载明" in pages[1].read_text()
    assert audit.verify(store).whole


def test_nothing_leaves_when_the_decision_fails(store: Store) -> None:
    who = cases.people(store)
    warning, state = cases.signed(store, who)
    bad = release.Words(NOW, NOW - HOUR, "", "")
    with pytest.raises(DataError, match="expires"):
        cases.publish(store, warning, who, state.version, house=cases.house(), words=bad)
    assert publications(store) == []
    assert outbox.listed(store) == []
    with reading(store) as session:
        assert duty.state_of(session, warning) == state


def test_retries_back_off_until_it_is_taken(
    store: Store, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [503, 500, 429]
    house = cases.house(receiver.channel(), backoff_seconds=60)
    put(store, house, message())
    at, waits = NOW, []
    for _ in range(3):
        assert send(store, house, tmp_path, at) == dispatch.Round(0, 1)
        row = outbox.listed(store)[0]
        waits.append((row.next_attempt - at).total_seconds())
        assert send(store, house, tmp_path, row.next_attempt - dt.timedelta(seconds=1)).failed == 0
        at = row.next_attempt
    assert [lo <= w <= 2 * lo for w, lo in zip(waits, (30, 60, 120), strict=True)] == [True] * 3
    assert send(store, house, tmp_path, at) == dispatch.Round(1, 0)
    assert [r[1] for r in receiver.requests] == ["k"] * 4
    assert list(receiver.kept) == ["k"]
    assert send(store, house, tmp_path, at + HOUR) == dispatch.Round(0, 0)


@pytest.mark.parametrize("status", [301, 307, 400, 401])
def test_dead_letters_are_seen_and_put_back(
    store: Store, receiver: Receiver, tmp_path: Path, status: int
) -> None:
    receiver.answers = [status]
    house = cases.house(receiver.channel())
    put(store, house, message())
    send(store, house, tmp_path)
    (row,) = outbox.listed(store, states=["dead"])
    assert str(status) in str(row.last_error)
    assert len(receiver.requests) == 1  # a redirect is not followed
    outbox.retry(store, row.id, by="wang", now=NOW + HOUR)
    assert send(store, house, tmp_path, NOW + HOUR) == dispatch.Round(1, 0)
    with pytest.raises(Refused, match="sent"):
        outbox.retry(store, row.id, by="wang", now=NOW)
    assert audit.verify(store).whole


def test_attempts_end_in_a_dead_letter(store: Store, tmp_path: Path) -> None:
    channel = {"name": "platform", "kind": "webhook", "url": "http://127.0.0.1:1/",
               "hosts": ["127.0.0.1"], "carries": ["cap"], "seconds": 1}  # fmt: skip
    house = cases.house(channel, attempts=2)
    put(store, house, message())
    for hours in range(3):
        send(store, house, tmp_path, NOW + hours * HOUR)
    (row,) = outbox.listed(store)
    assert (row.state, row.attempts) == ("dead", 2)
    assert "Refused" in str(row.last_error)


def test_an_update_waits_for_the_alert(store: Store, receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [503, 503]
    who = cases.people(store)
    house = cases.house(receiver.channel(), attempts=2)
    warning, state = cases.signed(store, who)
    state = cases.publish(store, warning, who, state.version, house=house)
    assert send(store, house, tmp_path).failed == 1
    event = Event("raise", NOW, who["wang"], "worse", level="red")
    state = duty.decide(store, warning, event, seen=state.version)
    state = cases.sign(store, warning, who, state.version)
    cases.publish(store, warning, who, state.version, house=house)
    assert send(store, house, tmp_path) == dispatch.Round(0, 0)  # the alert is still on its way
    assert send(store, house, tmp_path, NOW + HOUR) == dispatch.Round(1, 1)  # dead: now the update
    (dead,) = outbox.listed(store, states=["dead"])
    assert "<msgType>Update" in receiver.requests[-1][2].decode()
    with pytest.raises(Refused, match="later publication"):
        outbox.retry(store, dead.id, by="wang", now=NOW + HOUR)


def test_two_dispatchers_do_not_send_twice(store: Store, receiver: Receiver) -> None:
    house = cases.house(receiver.channel())
    put(store, house, message())
    first = outbox.claim(store, holder="a", house=house, now=NOW)
    assert first is not None
    assert outbox.claim(store, holder="b", house=house, now=NOW + MINUTE) is None
    second = outbox.claim(store, holder="b", house=house, now=NOW + house.lease)
    assert second is not None
    assert not outbox.sent(store, first, now=NOW + house.lease)  # his lease was over
    assert not outbox.failed(
        store, first, "x", house=house, chance=random.Random(0), now=NOW, final=True
    )
    assert outbox.sent(store, second, now=NOW + house.lease)
    assert outbox.listed(store)[0].state == "sent"


def test_one_key_is_one_message(store: Store, receiver: Receiver) -> None:
    house = cases.house(receiver.channel())
    assert put(store, house, message(), message("other")) == put(
        store, house, message(), message("other")
    )
    with pytest.raises(DataError, match="another message"):
        put(store, house, message(text="changed"))
    assert len(outbox.listed(store)) == 2


def test_a_row_that_was_changed_is_not_sent(
    store: Store, receiver: Receiver, tmp_path: Path
) -> None:
    house = cases.house(receiver.channel())
    put(store, house, message(), message("whole"))
    with writing(store) as session:
        row = session.scalars(select(Outgoing).where(Outgoing.key == "k")).one()
        row.body = {**row.body, "text": "forged"}
    assert send(store, house, tmp_path) == dispatch.Round(1, 0)
    assert list(receiver.kept) == ["whole"]
    assert "not sent" in str(outbox.listed(store, states=["dead"])[0].last_error)


CHILD = """
import datetime as dt, os, random, signal, sys
from pathlib import Path
from serving.publish import channels, config, dispatch
from serving.store import engine
url, home, house, when = sys.argv[1:]
real = channels.send
def send(*given, **more):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*given, **more)
    os.kill(os.getpid(), signal.SIGKILL)
channels.send = send
store = engine.connect(url, home=Path(home))
dispatch.run(
    store, config.House.model_validate_json(Path(house).read_text()), home=Path(home),
    clock=lambda: dt.datetime(2026, 11, 24, 8), chance=random.Random(1),
)
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_commit_and_send(
    store: Store, receiver: Receiver, tmp_path: Path, when: str
) -> None:
    who = cases.people(store)
    house = cases.house(receiver.channel())
    warning, state = cases.signed(store, who)
    cases.publish(store, warning, who, state.version, house=house)
    (tmp_path / "house.json").write_text(house.model_dump_json())
    url = store.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
    command = [sys.executable, "-c", CHILD, url, str(tmp_path), str(tmp_path / "house.json"), when]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert len(receiver.requests) == (when == "after")
    assert outbox.listed(store)[0].state == "sending"
    assert send(store, house, tmp_path, NOW + MINUTE) == dispatch.Round(0, 0)  # the dead one's
    assert send(store, house, tmp_path, NOW + house.lease) == dispatch.Round(1, 0)
    assert len(receiver.requests) == 1 + (when == "after")
    assert list(receiver.kept.values()) == [publications(store)[0].body["cap"].encode()]
    assert audit.verify(store).whole


def test_an_exercise_never_leaves_as_actual(
    store: Store, receiver: Receiver, tmp_path: Path
) -> None:
    who = cases.people(store)
    drill = receiver.channel("drill", exercise=True)
    house = cases.house(receiver.channel(), drill)
    warning, state = cases.signed(store, who, exercise=True)
    cases.publish(store, warning, who, state.version, house=house)
    assert send(store, house, tmp_path) == dispatch.Round(1, 0)
    ((_, key, body),) = receiver.requests
    assert key.endswith(":drill")
    assert "<status>Exercise</status>" in body.decode()
    with pytest.raises(DataError, match="flagged"):
        put(store, house, message(exercise=True))
    with pytest.raises(DataError, match="no word of the exercise"):
        put(store, house, message(channel="drill", exercise=True))
    # The configuration changed while it waited: it stays in the house.
    with writing(store) as session:
        session.scalars(select(Outgoing)).one().state = "pending"
    unflagged = cases.house(receiver.channel("drill"))
    assert send(store, unflagged, tmp_path).failed == 1
    assert len(receiver.requests) == 1


def test_who_has_not_confirmed_is_reminded_once(store: Store, tmp_path: Path) -> None:
    who = cases.people(store)
    folder = {"name": "gateway", "kind": "folder", "path": "out",
              "carries": ["order", "reminder"], "exercise": True}  # fmt: skip
    house = cases.house(folder, reminder_hours=2)
    warning, state = cases.signed(store, who, exercise=True)
    work = release.Work(cases.plan(store, warning, exercise=True), PROOFS)
    state = cases.publish(store, warning, who, state.version, house=house, work=work)
    assert reminders.remind(store, house, now=NOW + 2 * HOUR - MINUTE, offset=OFFSET) == 0
    with writing(store) as session:
        first = session.scalars(select(Order.id).order_by(Order.id)).first()
        row = Acknowledgement(
            order_id=first, account_id=who["wang"].account, at=NOW, answer="received", note=""
        )
        session.add(row)
        session.flush()
        audit.append(session, at=NOW, actor="a", action="b", subject="c", rows=[row])
    (left,) = reminders.unconfirmed(store, after=2 * HOUR, now=NOW + 2 * HOUR)
    assert (left.enterprise, left.waited) == ("E2", 2 * HOUR)
    assert reminders.remind(store, house, now=NOW + 2 * HOUR, offset=OFFSET) == 1
    assert reminders.remind(store, house, now=NOW + 3 * HOUR, offset=OFFSET) == 0
    assert "演练" in outbox.listed(store)[0].subject
    assert audit.verify(store).whole
    event = Event("cancel", NOW, who["wang"], "over")
    state = duty.decide(store, warning, event, seen=state.version)
    state = cases.sign(store, warning, who, state.version)
    cases.publish(store, warning, who, state.version, house=house, words=WORDS)
    assert reminders.unconfirmed(store, after=2 * HOUR, now=NOW + 3 * HOUR) == []


def test_a_clock_that_ran_ahead_delays_no_message(store: Store, tmp_path: Path) -> None:
    """Claimed, or put off, by a clock a year ahead: due all the same once the clock is right."""
    house = cases.house()
    put(store, house, message("a", "gateway"), message("b", "gateway"))
    ahead = NOW + 365 * 24 * HOUR
    first = outbox.claim(store, holder="x", house=house, now=ahead)  # its dispatcher dies
    second = outbox.claim(store, holder="x", house=house, now=ahead)
    assert first is not None
    assert second is not None
    assert outbox.failed(store, second, "no", house=house, chance=random.Random(1), now=ahead)
    assert send(store, house, tmp_path) == dispatch.Round(2, 0)
