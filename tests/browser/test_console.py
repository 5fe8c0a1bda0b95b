"""The duty room in a real browser: log in, sign, with and without JavaScript; accessibility."""

import datetime as dt
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.serving import console_home
from tests.serving.console_home import NOW, PASSWORD

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (apt install chromium)"
)
DESK = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def address(tmp_path: Path, sqlite_template: Path) -> Iterator[str]:
    console_home.two_runs(tmp_path, stations=60)
    started = dt.datetime.now(dt.UTC)
    _, application = console_home.server(
        tmp_path, sqlite_template, clock=lambda: NOW + (dt.datetime.now(dt.UTC) - started)
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 30
    while not server.started and time.monotonic() < until:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def entered(page: Any, address: str, name: str) -> None:
    page.goto(f"{address}/login")
    page.get_by_label("账号").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    page.wait_for_url(f"{address}/")


def wrong(page: Any) -> list[str]:
    """What axe finds against WCAG 2.1 A and AA."""
    from axe_playwright_python.sync_playwright import Axe

    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found]


def test_an_officer_logs_in_looks_and_signs(browser: Any, address: str) -> None:
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda m: said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: said.append(str(e)))
    page.on("request", lambda r: asked.append(r.url))
    entered(page, address, "officer")
    page.locator("#fan-chart .main-svg").first.wait_for(timeout=20000)
    page.locator("#map-chart .main-svg").first.wait_for(timeout=20000)
    assert page.locator("#map-chart .scatterlayer .point").count() == 60
    page.locator("#hour").focus()
    before = page.locator("#hour-text").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("#hour-text").inner_text() != before
    assert wrong(page) == []
    page.get_by_role("button", name="签字").click()
    page.wait_for_url(f"{address}/warnings/1")
    assert "签字 1/2" in page.locator("main").inner_text()
    assert wrong(page) == []
    assert said == []
    outside = [u for u in asked if not u.startswith((address, "data:", "blob:"))]
    assert outside == []
    context.close()


def test_everything_is_decided_without_javascript(browser: Any, address: str) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    entered(page, address, "officer")
    assert page.locator("img.poster").count() == 1  # the charts' place
    page.get_by_role("link", name="查看预警与会商").click()
    page.get_by_role("button", name="进入会商").click()
    page.get_by_label("2026-11-27 AQI 上限").fill("149")  # below its lower end, 190
    page.get_by_role("button", name="看对应级别").click()
    assert "190 .. 149" in page.get_by_role("alert").last.inner_text()
    assert page.get_by_label("2026-11-27 AQI 上限").input_value() == "149"  # nothing is lost
    page.get_by_label("2026-11-27 AQI 下限").fill("100")
    page.get_by_role("button", name="看对应级别").click()
    assert "黄色" in page.locator("#calls-for").inner_text()
    page.locator("#reason-adjust").fill("第三天转北风")
    page.get_by_role("button", name="采用").click()
    assert "会商中 黄色" in page.locator("h1").inner_text()
    page.get_by_role("button", name="签字").click()
    assert "已签发待发布" in page.locator("h1").inner_text()
    context.close()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_no_page_is_wider_than_its_window(browser: Any, address: str, size: dict[str, int]) -> None:
    context = browser.new_context(viewport=size)
    page = context.new_page()
    entered(page, address, "officer")
    for path in ("/", "/warnings", "/warnings/1"):
        page.goto(address + path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size["width"], path
    context.close()
