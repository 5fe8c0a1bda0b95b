"""What the console keeps in memory: never older than the store, never another visitor's."""

import datetime as dt
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.console import kept, state, summary
from serving.console.kept import Kept
from serving.store import audit, readings
from serving.store.engine import Store, writing
from serving.store.readings import Measured
from tests.serving import console_home
from tests.serving.console_home import ISSUE, NOW, TestClient, field

Enter = Callable[[str], TestClient]
HOUR = dt.timedelta(hours=1)


def test_a_page_is_the_same_whoever_asked_before(home: Path, served: tuple[Store, Any]) -> None:
    """All roles on one server, each compared with a server that nobody has asked before."""
    warm = served[1]
    for name in ("officer", "leader", "viewer"):
        client = console_home.logged_in(warm, name)
        warm.state.site.kept._fragments.clear()
        cold = plain(client.get("/").text)
        for other in ("officer", "leader", "viewer"):
            console_home.logged_in(warm, other).get("/")
        assert plain(client.get("/").text) == cold
        client.cookies.set("lantian_lang", "en")
        assert "建议启动橙色预警" not in client.get("/").text


def plain(page: str) -> str:
    return re.sub(r'(nonce|value)="[\w-]{20,}"', "", page)


def test_a_decision_is_seen_at_once(enter: Enter, served: tuple[Store, Any]) -> None:
    memory: Kept = served[1].state.site.kept
    officer, viewer = enter("officer"), enter("viewer")
    assert "签字 0/2" in viewer.get("/").text
    token = field(officer.get("/").text, "csrf")
    officer.post("/warnings/1/sign", data={"csrf": token, "seen": "1"})
    assert "签字 1/2" in viewer.get("/").text
    assert memory.now(served[0], "demo").standings[0].state.version == 2


def test_readings_and_logins_do_not_make_it_read_again(
    house: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Kept()
    first = memory.now(house, "demo")
    monkeypatch.setattr(state, "open_in", lambda *_: pytest.fail("read again"))
    measured = Measured("E1", "M1", "electricity", NOW - HOUR, 1.0, "kWh")
    readings.receive(house, [measured], source="tests", actor="tests", now=NOW)
    assert memory.now(house, "demo") is first
    kept_now = memory.now(house, "demo")
    assert (kept_now.seq, kept_now.standings) == (first.seq + 1, first.standings)


def test_another_store_under_the_server_is_read(
    house: Store, home: Path, sqlite_template: Path
) -> None:
    """A restored store may have as many rows, or fewer, and other ones."""
    memory = Kept()
    first = memory.now(house, "demo")
    memory._now = kept.Now(first.seq, "0" * 64, (), {})
    assert memory.now(house, "demo").standings[0].id == first.standings[0].id
    memory._now = kept.Now(first.seq + 5, first.hash, (), {})
    assert memory.now(house, "demo").standings[0].id == first.standings[0].id


def test_every_other_row_of_the_trail_makes_it_read_again(house: Store) -> None:
    memory = Kept()
    first = memory.now(house, "demo")
    with writing(house) as session:
        audit.append(session, at=NOW, actor="tests", action="store.restore", subject="store")
    assert memory.now(house, "demo") is not first


def test_a_run_is_listed_from_the_moment_it_is_finished(home: Path) -> None:
    runs = home / "runs"
    before = summary.names(home)
    old = 10**9 * 1_700_000_000  # a folder that nothing has touched for long is not read again
    os.utime(runs, ns=(old, old))
    assert summary.names(home) == before
    later = runs / "20261125T0800Z"
    later.mkdir()
    os.utime(runs, ns=(old + 1, old + 1))
    assert summary.names(home) == before  # no run.json yet
    (later / "run.json").write_text("{}", encoding="utf-8")
    os.utime(runs, ns=(old + 1, old + 1))
    assert summary.names(home) == ["20261125T0800Z", *before]


def test_a_run_done_again_is_shown_anew(home: Path, enter: Enter) -> None:
    client = enter("viewer")
    assert "180–240" in client.get("/").text
    folder = home / "runs" / "20261124T0800Z"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    console_home.leave_run(home, console_home.bulletin(ISSUE, shift=7))
    page = client.get("/").text
    assert "187–247" in page
    assert "180–240" not in page
