"""Fixation, theft, guessing: what a session is worth to somebody else."""

import datetime as dt
from typing import Any

from serving import auth
from tests.serving import console_home
from tests.serving.console_home import NOW, PASSWORD, TestClient, field

COOKIE = "lantian_session"
BASE = "http://lantian.test"


def login(client: TestClient, name: str, password: str = PASSWORD) -> Any:
    once = field(client.get("/login").text, "once")
    data = {"once": once, "name": name, "password": password, "next": "/"}
    return client.post("/login", data=data)


def test_a_session_that_was_planted_is_never_the_one_that_counts(house: tuple[Any, Any]) -> None:
    store, app = house
    client = TestClient(app, base_url=BASE, follow_redirects=False)
    planted = "A" * 43
    client.cookies.set(COOKIE, planted, domain="lantian.test")
    assert login(client, "viewer").status_code == 303
    value = [c.value for c in client.cookies.jar if c.name == COOKIE and c.value != planted]
    assert len(value) == 1
    assert auth.current(store, planted, now=NOW) is None


def test_logging_in_again_ends_the_session_before(house: tuple[Any, Any]) -> None:
    store, app = house
    client = console_home.logged_in(app, "viewer")
    before = client.cookies[COOKIE]
    assert login(client, "viewer").status_code == 303
    assert client.cookies[COOKIE] != before
    assert auth.current(store, before, now=NOW) is None


def test_a_stolen_cookie_ends_with_logout_with_time_and_with_the_account(
    house: tuple[Any, Any],
) -> None:
    from serving import accounts

    store, app = house
    accounts.add(store, name="victim", role="viewer", password=PASSWORD, by="tests", now=NOW)
    stolen = console_home.logged_in(app, "victim").cookies[COOKIE]
    assert auth.current(store, stolen, now=NOW) is not None
    assert auth.current(store, stolen, now=NOW + auth.IDLE) is None
    kept_busy = console_home.logged_in(app, "victim").cookies[COOKIE]
    step = auth.IDLE - dt.timedelta(minutes=1)
    now = NOW
    while now + step < NOW + auth.ABSOLUTE:
        now += step
        assert auth.current(store, kept_busy, now=now) is not None
    assert auth.current(store, kept_busy, now=NOW + auth.ABSOLUTE) is None
    third = console_home.logged_in(app, "victim").cookies[COOKIE]
    accounts.disable(store, name="victim", by="tests", now=NOW)
    assert auth.current(store, third, now=NOW) is None


def test_the_store_does_not_hold_what_a_thief_of_the_store_could_use(
    house: tuple[Any, Any],
) -> None:
    store, app = house
    value = console_home.logged_in(app, "viewer").cookies[COOKIE]
    with store.engine.connect() as connection:
        dump = "\n".join(connection.connection.driver_connection.iterdump())
    assert value not in dump
    assert PASSWORD not in dump
    assert auth.hashed(value) in dump


def test_cookies_are_for_the_server_alone_and_over_https_where_it_is_so(
    house: tuple[Any, Any],
) -> None:
    from serving import app as application

    secure = application.create(house[1].state.context, secure=True)
    client = TestClient(secure, base_url="https://lantian.test", follow_redirects=False)
    answer = login(client, "viewer")
    (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE)]
    for mark in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"):
        assert mark.lower() in cookie.lower()
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_guessing_locks_the_pair_and_leaves_others_alone(house: tuple[Any, Any]) -> None:
    client = TestClient(house[1], base_url=BASE, follow_redirects=False)
    assert [login(client, "leader", "wrong").status_code for _ in range(5)] == [403] * 5
    assert login(client, "leader").status_code == 429
    assert login(client, "Ｌeader").status_code == 429  # the same name in full width
    assert login(client, "officer2").status_code == 303


def test_an_account_that_is_not_there_answers_like_a_wrong_password(
    house: tuple[Any, Any],
) -> None:
    client = TestClient(house[1], base_url=BASE, follow_redirects=False)
    page = login(client, "nobody-here", "wrong").text.replace("nobody-here", "NAME")
    other = login(client, "scientist", "wrong").text.replace("scientist", "NAME")

    def plain(text: str) -> str:
        return text.replace(field(text, "once"), "").split("nonce")[0] + text.split("<main")[1]

    assert plain(page).replace(field(page, "once"), "") == plain(other).replace(
        field(other, "once"), ""
    )
