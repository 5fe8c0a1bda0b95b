"""Plan adopted, published to enterprises, answered by them, resumption asked and decided."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from sqlalchemy import select

from serving.store import audit
from serving.store.engine import Store, reading
from serving.store.models import Acknowledgement, Order, Plan, ResumptionRequest
from tests.serving.console.test_warning import EXAMPLE, post
from tests.serving.console_home import TestClient, field

Enter = Callable[[str], TestClient]


def order(enterprise: str, unit: str, day: str, mode: str, **more: Any) -> dict[str, Any]:
    return {
        "enterprise": enterprise, "enterprise_name": f"{enterprise} 公司", "unit": unit,
        "unit_name": f"{unit} 线", "day": day, "mode": mode, "action": "cut", "load": 0.5,
        "mean_load": 0.5, "trucks_after": None, "cut_so2": 1.0, "cut_nox": 2.0, "cut_pm": 3.0,
        "cut_voc": 4.0, "loss_yuan": 1000.0, "effect_pm25": 0.1, "reason_zh": "按清单措施",
        "reason_en": "the listed measure", "source": "list", "assumption": False, "grade": "C",
        "industry": "水泥", "area": "一县", **more,
    }  # fmt: skip


@pytest.fixture
def planned(home: Path) -> Path:
    folder = home / "runs" / "20261124T0800Z" / "plan"
    folder.mkdir()
    orders = [
        order(e, f"{e}-1", day, mode)
        for e, mode in (("E1", "measure"), ("E2", "measure"), ("E3", "normal"))
        for day in ("2026-11-25", "2026-11-26", "2026-11-27")
    ]
    orders[3]["enterprise_name"] = "=HYPERLINK(1)"
    body = {
        "issue_time": "2026-11-24T08:00Z", "level": "orange", "loss_yuan": 9000.0,
        "feasible": False, "shortfalls": [{"text": "SO2 is short", "text_zh": "SO2 不足"}],
        "totals": [{"day": "2026-11-25", "species": "so2", "base": 1, "units": 1, "other": 0,
                    "reached": 18.2, "required": 20.0, "met": False},
                   {"day": "2026-11-26", "species": "so2", "base": 1, "units": 1, "other": 0,
                    "reached": 14.8, "required": 20.0, "met": True}],
        "orders": orders,
    }  # fmt: skip
    (folder / "plan.json").write_text(json.dumps(body), encoding="utf-8")
    (home / "publish.yaml").write_text(EXAMPLE, encoding="utf-8")
    return home


def test_the_plan_shows_totals_and_what_is_missed(planned: Path, enter: Enter) -> None:
    page = enter("officer").get("/plan").text
    assert "尚未采用" in page
    assert "18.2%" in page
    assert "20%" in page
    assert "SO2 不足" in page
    assert "调剂达标" in page  # 14.8 of 20 %: met only by what NOx has over
    assert "显示 2 / 3 个单元" in page  # E3 is left alone
    english = enter("viewer")
    english.get("/language/en")
    assert "SO2 is short" in english.get("/plan").text


def test_a_download_is_no_formula(planned: Path, enter: Enter) -> None:
    client = enter("officer")
    text = client.get("/plan/orders.csv").text
    assert "'=HYPERLINK(1)" in text
    book = openpyxl.load_workbook(io.BytesIO(client.get("/plan/orders.xlsx").content))
    cells = [c.value for row in book["orders"].iter_rows() for c in row]
    assert "'=HYPERLINK(1)" in cells
    assert "E1-1" in cells
    assert client.get("/plan/orders.exe").status_code == 422


def adopted(client: TestClient) -> Any:
    return post(client, "/plan/adopt", seen=0, warning="1", after="0", reason="按系统方案")


def test_adopting_keeps_the_plan_once(planned: Path, enter: Enter, house: Store) -> None:
    first, second = enter("officer"), enter("officer2")
    assert adopted(first).status_code == 303
    assert adopted(second).status_code == 409  # he saw none
    with reading(house) as session:
        (kept,) = session.scalars(select(Plan)).all()
    assert kept.body["reason"] == "按系统方案"
    assert "预警 1 的方案" in first.get("/plan").text


def test_solving_again_takes_the_unit_by_hand(
    planned: Path, enter: Enter, house: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {}

    class Made:
        def as_dict(self) -> dict[str, Any]:
            found = json.loads((planned / "runs/20261124T0800Z/plan/plan.json").read_text())
            return {**found, "loss_yuan": 12345.0}

    def run(*_: Any, **said: Any) -> Made:
        asked.update(said)
        return Made()

    monkeypatch.setattr("response.plan_run.run", run)
    client = enter("officer")
    data = {"warning": "1", "after": "0", "unit": "E1-1", "mode": "normal", "reason": "保供"}
    assert post(client, "/plan/solve", seen=0, **data).status_code == 303
    assert asked["fixed"] == {"E1-1": "normal"}
    assert asked["level"] == "orange"
    page = client.get("/plan").text
    assert "12,345" in page
    assert "E1-1 = 正常生产" in page
    assert post(client, "/plan/solve", seen=0, **{**data, "mode": "x"}).status_code == 422


def test_an_enterprise_sees_and_answers_its_own_orders_only(
    planned: Path, enter: Enter, house: Store
) -> None:
    officer, leader, works = enter("officer"), enter("leader"), enter("works")
    adopted(officer)
    post(officer, "/warnings/1/sign", seen=1)
    post(leader, "/warnings/1/sign", seen=2)
    assert post(officer, "/warnings/1/publish", seen=3).status_code == 303
    with reading(house) as session:
        orders = {o.enterprise: o for o in session.scalars(select(Order))}
    assert set(orders) == {"E1", "E2"}
    page = works.get("/own").text
    assert "E1-1 线" in page
    assert "E2" not in page
    token = field(page, "csrf")
    mine, other = orders["E1"].id, orders["E2"].id

    def answer(number: int, **data: str) -> int:
        sent = {"csrf": token, **data}
        return int(works.post(f"/own/{number}/answer", data=sent).status_code)

    assert answer(other, answer="received") == 422
    assert answer(mine, answer="cannot") == 422  # why?
    assert answer(mine, answer="nonsense") == 422
    assert answer(mine, answer="received") == 303
    assert answer(mine, answer="received") == 303
    with reading(house) as session:
        assert [a.order_id for a in session.scalars(select(Acknowledgement))] == [mine]
    assert "已收到" in officer.get("/enterprises/E1").text

    ask = {"csrf": token, "key": "k1", "begin": "2026-11-27T08:00", "load": "60", "reason": "订单"}
    assert works.post(f"/own/{other}/resume", data=ask).status_code == 422
    assert works.post(f"/own/{mine}/resume", data={**ask, "load": "0"}).status_code == 422
    assert works.post(f"/own/{mine}/resume", data={**ask, "begin": "soon"}).status_code == 422
    for _ in range(2):
        assert works.post(f"/own/{mine}/resume", data=ask).status_code == 303
    with reading(house) as session:
        (asked,) = session.scalars(select(ResumptionRequest)).all()
    assert asked.body["begin"] == "2026-11-27T00:00:00"  # 08:00 local
    assert asked.body["load"] == 0.6

    table = officer.get("/resumption/requests.csv").text.splitlines()
    assert table == ["生产单元,申请复产时间,爬坡时间(h)", "E1-1,2026-11-27 08:00,0.0"]
    held = officer.get("/warnings/1/orders.csv").text.splitlines()
    assert held[1] == "E1-1,2026-11-24T16:00Z,2026-11-27T16:00Z,0.5"
    assert len(held) == 3
    assert officer.get("/warnings/1/weather.csv").status_code == 422
    assert officer.get("/warnings/77/orders.csv").status_code == 422

    assert post(officer, "/resumption/1", seen=0, outcome="wait").status_code == 422
    wait = {"outcome": "wait", "reason": "静稳未结束"}
    assert post(officer, "/resumption/1", seen=0, **wait).status_code == 303
    assert post(leader, "/resumption/1", seen=0, **wait).status_code == 409
    assert "暂缓" in works.get("/own").text
    assert audit.verify(house).whole


def test_accounts_are_made_and_ended_by_an_administrator(enter: Enter) -> None:
    admin, officer = enter("admin"), enter("officer")
    token = field(admin.get("/audit").text, "csrf")
    new = {"csrf": token, "name": "newone", "role": "viewer", "password": "short"}
    assert admin.post("/audit/accounts", data=new).status_code == 422
    new["password"] = "piaoyi baiyun 2468"
    assert admin.post("/audit/accounts", data=new).status_code == 303
    assert "newone" in admin.get("/audit").text
    assert admin.post("/audit/disable", data={"csrf": token, "name": "officer"}).status_code == 303
    assert officer.get("/").status_code == 303  # his session is over
    page = admin.get("/audit?check=yes").text
    assert "逐条核对无误" in page
    assert "account.disable" in page


def test_stations_by_tier(enter: Enter) -> None:
    client = enter("viewer")
    assert client.get("/stations").text.count('<th scope="row">') == 8
    assert client.get("/stations?tier=village").text.count('<th scope="row">') == 2
