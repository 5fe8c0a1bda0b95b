"""A store that does not answer, many writers at once, a mistake of the program."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from serving import auth
from serving.store import anchor, audit, readings
from serving.store.engine import Store
from serving.store.readings import Measured
from tests.serving import console_home
from tests.serving.console_home import NOW, PASSWORD, TestClient

Enter = Callable[[str], TestClient]


def busy(*_: object, **__: object) -> None:
    raise OperationalError("", None, Exception("database is locked"))


def test_a_store_that_does_not_answer_is_told_and_is_no_mistake(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = enter("officer")
    monkeypatch.setattr("serving.console.kept.Kept.now", busy)
    answer = client.get("/")
    assert (answer.status_code, "存储暂时无应答" in answer.text) == (503, True)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_mistake_of_the_program_carries_the_headers_and_nothing_of_its_inside(
    served: tuple[Store, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the secret inside")

    cookies = console_home.logged_in(served[1], "officer").cookies
    client = TestClient(
        served[1], base_url="http://lantian.test", raise_server_exceptions=False, cookies=cookies
    )
    monkeypatch.setattr("serving.console.kept.Kept.now", broken)
    # the page that tells it shows a bar while an exercise runs: asked of the same memory
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert answer.headers["x-frame-options"] == "DENY"
    assert "nonce-" in answer.headers["content-security-policy"]


def test_a_session_holds_while_its_last_use_cannot_be_noted(
    house: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = auth.log_in(house, "officer", PASSWORD, address="a", now=NOW)
    monkeypatch.setattr(auth, "writing", busy)
    found = auth.current(house, value, now=NOW + dt.timedelta(minutes=5))
    assert found is not None
    assert found.actor.name == "officer"


def test_writers_at_once_queue_and_the_anchor_ends_at_the_last_row(house: Store) -> None:
    def send(n: int) -> int:
        one = Measured(f"E{n}", "M1", "electricity", NOW, 1.0, "kWh")
        return readings.receive(house, [one], source="tests", actor="tests", now=NOW).new

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(send, range(48))) == 48
    verdict = audit.verify(house)
    assert verdict.whole
    assert house.home is not None
    assert anchor.read(house.home) == (verdict.rows, verdict.last)
    assert anchor._WAITING == {}
