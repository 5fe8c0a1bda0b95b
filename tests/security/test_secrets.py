"""Secrets that were planted everywhere, looked for in the log, the trail and the answers."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from forecast.problems import ConfigError
from serving import logs
from serving.store import audit, engine
from serving.store.engine import reading
from tests.serving.console_home import TestClient, field

SECRET = "hunter2-Zq9vTt77"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The log of a running server."""
    out, root = io.StringIO(), logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    logs.configure(out, level=logging.DEBUG)
    yield out
    root.handlers[:], root.level = before[0], before[1]
    structlog.configure(**before[2])


def test_what_people_type_is_not_in_the_log_nor_in_the_trail(
    house: tuple[Any, Any], lines: io.StringIO
) -> None:
    store, app = house
    client = TestClient(app, base_url="http://lantian.test", follow_redirects=False)
    once = field(client.get("/login").text, "once")
    for data in ({"name": "officer", "password": SECRET}, {"name": SECRET, "password": "x"}):
        client.post("/login", data={"once": once, "next": "/", **data})
    bearer = {"Authorization": f"Bearer lt_{SECRET}"}
    client.get("/api/v1/orders", headers=bearer)
    client.get(f"/api/v1/orders?token={SECRET}", headers={"X-CSRF-Token": SECRET})
    client.cookies.set("lantian_session", SECRET)
    client.get(f"/nowhere/{SECRET}")
    client.cookies.clear()
    client.post("/api/v1/readings/meters", content=b'{"readings": "%s"}' % SECRET.encode())
    said = [line for line in lines.getvalue().splitlines() if '"logger": "httpx' not in line]
    text = "\n".join(said)  # without the lines of the asking side
    assert '"route": "/login"' in text
    assert SECRET not in text
    with reading(store) as session:
        assert SECRET not in str(list(audit.entries(session)))


def test_a_mistake_of_the_program_is_logged_without_what_was_sent(
    house: tuple[Any, Any], lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        password = SECRET
        raise RuntimeError("a mistake" + password[:0])

    monkeypatch.setattr("serving.auth.log_in", broken)
    client = TestClient(house[1], base_url="http://lantian.test", raise_server_exceptions=False)
    once = field(client.get("/login").text, "once")
    answer = client.post("/login", data={"once": once, "name": "officer", "password": SECRET})
    assert answer.status_code == 500
    assert SECRET not in answer.text
    assert "a mistake" in lines.getvalue()
    assert SECRET not in lines.getvalue()


@pytest.mark.parametrize("value", [f"postgresql://u:{SECRET}@h/d", f"Bearer {SECRET}",
                                   f"lt_{SECRET}",
                                   f"GET /x?a=1&api_token={SECRET}",
                                   f"/login/cb?code={SECRET}&s"])  # fmt: skip
def test_secrets_inside_any_text_of_any_library_are_left_out(
    lines: io.StringIO, value: str
) -> None:
    logging.getLogger("some.library").error("could not reach %s", value)
    structlog.get_logger("ours").info("event", url=value, nested=f"x {value} y")
    structlog.get_logger("ours").info("event", password=SECRET, csrf=SECRET, api_token=SECRET)
    try:
        raise RuntimeError(value)
    except RuntimeError:
        logging.getLogger("some.library").exception("failed")
    assert "failed" in lines.getvalue()
    assert SECRET not in lines.getvalue()


@pytest.mark.parametrize("url", [f"mysql://u:{SECRET}@h/d", f"{SECRET}", f"sqlite://{SECRET}@"])
def test_a_wrong_url_of_the_store_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        engine.connect(url)
    assert SECRET not in str(told.value)
