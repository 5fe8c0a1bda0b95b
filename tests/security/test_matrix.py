"""Every route of the application, as the application lists them: who gets in, with what headers."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute

from tests.serving.console import test_access as pages
from tests.serving.console_home import PEOPLE, TestClient
from tests.serving.rest import test_access as rest

Enter = Callable[[str], TestClient]
HEADERS = ("x-content-type-options", "x-frame-options", "referrer-policy",
           "cross-origin-opener-policy", "content-security-policy")  # fmt: skip
# Answered without an account: what a browser needs to log in, what machines watch, what is public.
OPEN = pages.OPEN | {path for _, path in rest.OPEN} | {"/api/v1/openapi.json"}
CATCH_ALL = {"/api/{rest:path}"}
RUN = "20261124T0800Z"


def routes(app: Any) -> Iterator[tuple[str, str]]:
    """Method and pattern of each."""
    for route in pages.every(app):
        for method in sorted(route.methods - {"HEAD", "OPTIONS"}):
            yield method, route.path


def filled(pattern: str) -> str:
    """A pattern with plausible values."""
    known = {"run": RUN, "name": "fans", "lang": "zh", "kind": "csv", "version": "1"}
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda m: known.get(m[1], "1"), pattern)


def test_every_route_has_a_row_in_a_table_of_who_may(house: tuple[Any, Any]) -> None:
    """Those tables are walked role by role in tests/serving/console and tests/serving/rest."""
    console = [p.split(" ") for p in pages.PAGES]
    missing = []
    for route in pages.every(house[1]):
        if route.path in OPEN | CATCH_ALL:
            continue
        for method in route.methods - {"HEAD", "OPTIONS"}:
            there = (method, route.path) in rest.ROUTES or any(
                method == m and route.path_regex.match(path) for m, path in console
            )
            if not there:
                missing.append((method, route.path))
    assert missing == []
    assert len(list(pages.every(house[1]))) > 45  # an empty walk would find nothing missing


def test_nothing_but_fastapi_routes_answers(house: tuple[Any, Any]) -> None:
    """A mounted application or a web socket would pass by the tables."""
    assert [type(r).__name__ for r in pages.every(house[1]) if not isinstance(r, APIRoute)] == []


def test_without_an_account_only_the_open_routes_answer(house: tuple[Any, Any]) -> None:
    client = TestClient(house[1], base_url="http://lantian.test", follow_redirects=False)
    for method, pattern in routes(house[1]):
        answer = client.request(method, filled(pattern))
        if pattern in OPEN:
            assert answer.status_code < 500, (method, pattern)
        elif pattern.startswith(("/api/", "/health", "/ready", "/metrics")):
            assert answer.status_code in (401, 404, 405, 429), (method, pattern)
        else:
            to_login = answer.headers.get("location", "").startswith("/login?next=")
            assert answer.status_code == 403 or (answer.status_code == 303 and to_login), pattern


@pytest.mark.parametrize("name", ["viewer", "officer", "works", "admin"])
def test_every_answer_of_every_route_carries_the_headers(
    house: tuple[Any, Any], enter: Enter, name: str
) -> None:
    client = enter(name)
    for method, pattern in routes(house[1]):
        if pattern == "/logout" or (method != "GET" and PEOPLE[name] == "officer"):
            continue
        answer = client.request(method, filled(pattern))
        assert [h for h in HEADERS if h not in answer.headers] == [], (method, pattern)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'"), pattern
        assert "unsafe" not in policy or pattern.startswith("/bulletin/"), pattern
        assert answer.status_code < 500, (method, pattern)


def test_a_form_without_this_sessions_token_changes_nothing(
    house: tuple[Any, Any], enter: Enter
) -> None:
    """Every posting route of the console, with the cookie alone as a foreign page would send it."""
    for method, pattern in routes(house[1]):
        if method == "GET" or pattern.startswith("/api/") or pattern in CATCH_ALL | {"/login"}:
            continue
        for name in ("officer", "admin", "works", "leader"):
            answer = enter(name).request(method, filled(pattern), data={"seen": "1", "do": "adopt"})
            assert answer.status_code in (403, 405), (method, pattern, name)
