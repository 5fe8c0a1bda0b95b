"""Who may use which page; sessions, forged forms, headers."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from serving.console import routes
from serving.permissions import PERMISSIONS
from serving.store.engine import Store
from tests.serving import console_home
from tests.serving.console_home import NOW, PEOPLE, TestClient, field

Enter = Callable[[str], TestClient]
RUN = "20261124T0800Z"
# Every page and form with the action it needs; a route that is not here fails the test below.
PAGES: dict[str, str] = {
    "GET /": "forecast.read",
    f"GET /data/{RUN}/fans.json": "forecast.read",
    f"GET /data/{RUN}/map.json": "forecast.read",
    f"GET /bulletin/{RUN}.zh.png": "forecast.read",
    "GET /warnings": "warning.read",
    "GET /warnings/1": "warning.read",
    "POST /warnings": "warning.propose",
    "POST /warnings/1/adjust": "warning.adjust",
    "POST /warnings/1/publish": "warning.publish",
    "POST /warnings/1/consult": "warning.consult",
    "POST /warnings/1/notice": "warning.notice",
    "POST /warnings/1/sign": "warning.sign",
    "POST /warnings/1/raise": "warning.change",
    "POST /warnings/1/lower": "warning.change",
    "POST /warnings/1/cancel": "warning.change",
    "POST /warnings/1/drop": "warning.change",
    "POST /warnings/1/reject": "warning.reject",
    "GET /warnings/1/orders.csv": "order.read",
    "GET /warnings/1/electricity.csv": "reading.read",
    "GET /resumption/requests.csv": "resumption.read",
    "GET /plan": "plan.read",
    "GET /plan/orders.csv": "plan.read",
    "POST /plan/adopt": "plan.solve",
    "POST /plan/solve": "plan.solve",
    "GET /enterprises": "enterprise.read",
    "GET /enterprises/E1": "enterprise.read",
    "GET /resumption": "resumption.read",
    "POST /resumption/1": "resumption.decide",
    "GET /own": "order.read_own",
    "POST /own/1/answer": "order.acknowledge",
    "POST /own/1/resume": "resumption.request",
    "GET /stations": "station.read",
    "GET /verification": "verification.read",
    "GET /models": "model.read",
    "GET /audit": "audit.read",
    "POST /audit/accounts": "account.manage",
    "POST /audit/disable": "account.manage",
}
OPEN = {
    "/login", "/logout", "/language/{lang}", "/static/{name}", "/static/plotly/{version}.js",
}  # fmt: skip


def every(app: Any) -> Iterator[Any]:
    """Routes of the application, those of included routers among them (FastAPI nests them)."""
    for route in app.routes:
        inside = getattr(route, "original_router", None)
        if inside is None:
            yield route
        else:
            yield from every(inside)


def test_every_route_of_the_console_is_in_the_table(served: tuple[Store, Any]) -> None:
    known = {p.split(" ")[1] for p in PAGES}
    missing = [
        route.path
        for route in every(served[1])
        if not route.path.startswith(("/api/", "/health", "/ready", "/metrics"))
        and route.path not in OPEN
        and not any(route.path_regex.match(path) for path in known)
    ]  # fmt: skip
    assert missing == []
    assert routes.STATIC.is_dir()


@pytest.mark.parametrize("name", PEOPLE)
def test_a_page_opens_for_its_roles_only(enter: Enter, name: str) -> None:
    client = enter(name)
    role = PEOPLE[name]
    token = _csrf(client)
    for page, action in PAGES.items():
        method, path = page.split(" ")
        data = {"csrf": token, "seen": "0", "days": "0"} if method == "POST" else None
        answer = client.request(method, path, data=data)
        allowed = role in PERMISSIONS[action]
        assert (answer.status_code == 403) != allowed, (page, role, answer.status_code)
        assert answer.status_code < 500, (page, role)


def test_nobody_gets_nothing_but_the_login_page(served: tuple[Store, Any]) -> None:
    client = TestClient(served[1], base_url="http://lantian.test", follow_redirects=False)
    for page in PAGES:
        method, path = page.split(" ")
        answer = client.request(method, path)
        assert answer.status_code in (303, 403), page
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("/login?next=")


def test_a_form_of_another_session_is_refused(enter: Enter, house: Store) -> None:
    officer, leader = enter("officer"), enter("leader")
    stolen = _csrf(leader)
    for token in (stolen, "", "x" * 64, "演练"):
        answer = officer.post("/warnings/1/sign", data={"csrf": token, "seen": "1"})
        assert answer.status_code == 403
        assert "表单" in answer.text
    assert "签字 0/2" in officer.get("/warnings/1").text
    assert officer.post("/logout", data={"csrf": stolen}).status_code == 403


def test_a_session_ends_on_the_server(enter: Enter) -> None:
    client = enter("officer")
    kept = dict(client.cookies)
    assert client.post("/logout", data={"csrf": _csrf(client)}).status_code == 303
    client.cookies.update(kept)
    assert client.get("/").status_code == 303


def test_wrong_passwords_lock_and_say_so(served: tuple[Store, Any]) -> None:
    client = TestClient(served[1], base_url="http://lantian.test", follow_redirects=False)

    def attempt(password: str) -> Any:
        data = {"once": field(client.get("/login").text, "once"), "name": "officer"}
        return client.post("/login", data={**data, "password": password})

    for _ in range(5):
        answer = attempt("wrong")
        assert answer.status_code == 403
        assert "账号或密码不正确" in answer.text
    assert attempt(console_home.PASSWORD).status_code == 429


def test_a_login_form_that_was_not_asked_for_is_refused(served: tuple[Store, Any]) -> None:
    client = TestClient(served[1], base_url="http://lantian.test", follow_redirects=False)
    data = {"once": "", "name": "officer", "password": console_home.PASSWORD}
    assert client.post("/login", data=data).status_code == 403


@pytest.mark.parametrize("after", ["//evil.example", "https://evil.example", "/\\evil", "/a\nb"])
def test_login_never_leads_outside(served: tuple[Store, Any], after: str) -> None:
    client = TestClient(served[1], base_url="http://lantian.test", follow_redirects=False)
    data = {"once": field(client.get("/login").text, "once"), "next": after, "name": "officer"}
    answer = client.post("/login", data={**data, "password": console_home.PASSWORD})
    assert answer.headers["location"] == "/"
    assert client.get("/language/en", params={"next": after}).headers["location"] == "/"


def test_every_answer_carries_the_headers(enter: Enter) -> None:
    client = enter("officer")
    for path in ("/", "/login", "/nowhere", "/static/console.css"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/").headers["cache-control"] == "no-store"
    cookie = client.get("/login").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_pages_ask_nothing_of_the_outside_and_have_no_inline_code(enter: Enter) -> None:
    client = enter("officer")
    for path in ("/", "/warnings", "/warnings/1"):
        text = client.get(path).text
        assert "http://" not in text.replace("http://www.w3.org", "")
        assert "https://" not in text
        assert " style=" not in text
        assert " onclick=" not in text


def test_a_session_that_idles_is_over(home: Any, sqlite_template: Any) -> None:
    clock = [NOW]
    _, application = console_home.server(home, sqlite_template, clock=lambda: clock[0])
    client = console_home.logged_in(application, "officer")
    clock[0] = NOW + dt.timedelta(minutes=31)
    assert client.get("/").status_code == 303


def test_what_went_wrong_inside_is_not_told(
    served: tuple[Store, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = TestClient(
        served[1], base_url="http://lantian.test", follow_redirects=False,
        raise_server_exceptions=False,
    )  # fmt: skip
    data = {"once": field(client.get("/login").text, "once"), "name": "officer", "next": "/"}
    client.post("/login", data={**data, "password": console_home.PASSWORD})
    monkeypatch.setattr(
        "serving.console.today.changes", lambda *_: (_ for _ in ()).throw(RuntimeError("secret"))
    )
    answer = client.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def _csrf(client: TestClient) -> str:
    return field(client.get("/language/zh", follow_redirects=True).text, "csrf")
