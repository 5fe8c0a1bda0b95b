"""A warning through the pages: consultation, two people, publication; and two at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from serving.store.engine import Store, reading
from serving.store.models import Adjustment, Decision, Publication
from tests.serving import console_home
from tests.serving.console_home import TestClient, field

Enter = Callable[[str], TestClient]
EXAMPLE = """
profile: cap-cn.yaml
sender: demo.lantian.example
sender_name: {zh: 示例市指挥部, en: Demo office}
channels:
  - {name: gateway, kind: folder, path: outbox, carries: [cap, bulletin], exercise: true}
"""


@pytest.fixture
def served(home: Path, store: Store) -> tuple[Store, Any]:
    """Decisions are tried on both engines; what pages only show, on one."""
    return console_home.on(store, home)


def post(client: TestClient, path: str, *, seen: int, **data: Any) -> Any:
    token = field(client.get("/warnings").text, "csrf")
    return client.post(path, data={"csrf": token, "seen": str(seen), **data})


def days(high: int) -> dict[str, Any]:
    made: dict[str, Any] = {"days": "3"}
    for n in range(3):
        made |= {f"date{n}": f"2026-11-{25 + n}", f"low{n}": "100", f"high{n}": str(high)}
        made[f"primary{n}"] = ["pm25", "pm10"]
    return made


def test_today_shows_the_proposal_and_takes_the_signature(enter: Enter) -> None:
    client = enter("officer")
    page = client.get("/").text
    assert "建议启动橙色预警" in page
    assert "180–240" in page  # D+2
    assert "−20" in page  # 25 November: median 170, in yesterday's run 190
    assert "+10" in page  # 26 November: 210 after 200
    assert 'action="/warnings/1/sign"' in page
    assert post(client, "/warnings/1/sign", seen=1).headers["location"] == "/warnings/1"
    page = client.get("/").text
    assert "签字 1/2" in page
    assert 'action="/warnings/1/sign"' not in page  # he cannot sign twice


def test_orange_takes_two_people_and_the_second_is_a_leader(enter: Enter, home: Any) -> None:
    (home / "publish.yaml").write_text(EXAMPLE, encoding="utf-8")
    officer, second, leader = enter("officer"), enter("officer2"), enter("leader")
    assert post(officer, "/warnings/1/sign", seen=1).status_code == 303
    assert post(officer, "/warnings/1/sign", seen=2).status_code == 422
    assert post(second, "/warnings/1/sign", seen=2).status_code == 422
    assert post(officer, "/warnings/1/publish", seen=2).status_code == 422
    assert post(leader, "/warnings/1/sign", seen=2).status_code == 303
    page = officer.get("/warnings/1").text
    assert "CAP 预览" in page
    assert "urn:oasis:names:tc:emergency:cap:1.2" in page
    assert post(officer, "/warnings/1/publish", seen=3).status_code == 303
    page = officer.get("/warnings/1").text
    assert "预警 1 · 已发布" in page
    assert "demo.lantian.example" in page


def test_an_actual_warning_is_not_published_under_an_examples_name(
    enter: Enter, house: Store
) -> None:
    officer, leader = enter("officer"), enter("leader")
    post(officer, "/warnings/1/sign", seen=1)
    post(leader, "/warnings/1/sign", seen=2)
    answer = post(officer, "/warnings/1/publish", seen=3)
    assert answer.status_code == 422
    assert "publish.yaml" in answer.text
    with reading(house) as session:
        assert session.scalars(select(Publication)).all() == []


def test_consultation_shows_what_the_days_call_for_and_writes_only_when_adopted(
    enter: Enter, house: Store
) -> None:
    client = enter("officer")
    post(client, "/warnings/1/consult", seen=1)
    page = post(client, "/warnings/1/adjust", seen=2, do="see", **days(180)).text
    # national-2024: above 150 for 48 h is yellow, for 72 h orange
    assert '<span id="calls-for"><span class="tag orange">橙色</span>' in page
    assert "仅为测算" in page
    assert post(client, "/warnings/1/adjust", seen=2, do="see", **days(140)).text.count(
        '<span id="calls-for"><span class="tag no">无预警</span>'
    )
    with reading(house) as session:
        assert session.scalars(select(Adjustment)).all() == []
    answer = post(
        client, "/warnings/1/adjust", seen=2, do="adopt", level="yellow", reason="北风提前",
        **days(180),
    )  # fmt: skip
    assert answer.status_code == 303
    with reading(house) as session:
        (kept,) = session.scalars(select(Adjustment)).all()
    assert kept.calls_for == "orange"
    assert [d["high"] for d in kept.days] == [180, 180, 180]
    page = client.get("/warnings/1").text
    assert "北风提前" in page
    assert "190–265" in page  # the machine's own days stay


def test_adjusting_without_a_reason_or_with_nonsense_writes_nothing(
    enter: Enter, house: Store
) -> None:
    client = enter("officer")
    post(client, "/warnings/1/consult", seen=1)
    empty = post(client, "/warnings/1/adjust", seen=2, do="adopt", level="yellow", **days(180))
    assert empty.status_code == 422
    wrong = {**days(180), "high1": "abc", "date2": "tomorrow"}
    answer = post(client, "/warnings/1/adjust", seen=2, do="see", **wrong)
    assert answer.status_code == 422
    assert "abc" in answer.text
    assert "tomorrow" in answer.text
    with reading(house) as session:
        assert session.scalars(select(Decision.seq)).all() == [1, 2]


def test_the_second_of_two_is_told_what_the_first_did(enter: Enter, house: Store) -> None:
    first, second = enter("officer"), enter("officer2")
    assert post(first, "/warnings/1/consult", seen=1).status_code == 303
    answer = post(second, "/warnings/1/reject", seen=1, reason="另有判断")
    assert answer.status_code == 409
    assert "他人已先处理" in answer.text
    assert "进入会商" in answer.text
    assert "officer（值班员）" in answer.text
    with reading(house) as session:
        assert session.scalars(select(Decision.kind)).all() == ["propose", "consult"]


@pytest.mark.parametrize("seen", [0, 7])
def test_a_version_nobody_can_have_seen_is_refused(enter: Enter, seen: int) -> None:
    assert post(enter("officer"), "/warnings/1/sign", seen=seen).status_code == 409


def test_raise_lower_cancel_with_reasons(enter: Enter, home: Any) -> None:
    (home / "publish.yaml").write_text(EXAMPLE, encoding="utf-8")
    officer, leader = enter("officer"), enter("leader")

    def version() -> int:
        return int(field(officer.get("/warnings/1").text, "seen"))

    def signed(*, alone: bool = False) -> None:
        assert post(officer, "/warnings/1/sign", seen=version()).status_code == 303
        if not alone:  # yellow takes one signature
            assert post(leader, "/warnings/1/sign", seen=version()).status_code == 303
        assert post(officer, "/warnings/1/publish", seen=version()).status_code == 303

    signed()
    assert post(officer, "/warnings/1/raise", seen=version(), level="red").status_code == 422
    raised = post(officer, "/warnings/1/raise", seen=version(), level="red", reason="静稳加强")
    assert raised.status_code == 303
    signed()
    assert "已升级" in officer.get("/warnings/1").text
    lowered = post(officer, "/warnings/1/lower", seen=version(), level="yellow", reason="转北风")
    assert lowered.status_code == 303
    signed()
    assert post(officer, "/warnings/1/cancel", seen=version(), reason="已转良").status_code == 303
    signed(alone=True)
    page = officer.get("/warnings/1").text
    assert "预警 1 · 已解除" in page
    assert page.count("<details><summary>") == 4  # four messages left the house


def test_an_exercise_cannot_be_taken_for_real(enter: Enter) -> None:
    client = enter("officer")
    post(client, "/warnings/1/reject", seen=1, reason="不需要")
    made = post(client, "/warnings", seen=0, level="red", exercise="yes", reason="年度演练")
    page = client.get(made.headers["location"]).text
    assert page.count("演练：仅为演练，不对外发布") == 2  # above and below
    assert "<title>【演练】" in page
    assert '<body class="exercise">' in page
    english = client.get("/language/en", params={"next": made.headers["location"]})
    assert "EXERCISE EXERCISE" in client.get(english.headers["location"]).text
    assert "EXERCISE" in client.get("/").text


def test_the_notice_of_the_province_raises_the_draft(enter: Enter) -> None:
    client = enter("officer")
    more = {"source": "province", "reference": "豫环攻坚办〔2026〕1号", "level": "red"}
    answer = post(client, "/warnings/1/notice", seen=1, reason="省级通知", **more)
    assert answer.status_code == 303
    page = client.get("/warnings/1").text
    assert "豫环攻坚办〔2026〕1号" in page
    assert '预警 1 · 待会商 <span class="tag red">' in page


def test_what_is_not_there_is_said(enter: Enter) -> None:
    client = enter("officer")
    assert client.get("/warnings/99").status_code == 422
    assert client.get("/warnings/abc").status_code == 422
    assert client.get("/?run=20990101T0000Z").status_code == 422
    assert client.get("/?run=../../etc").status_code == 422
    assert client.get("/nowhere").status_code == 404


def test_a_home_without_a_run_says_so(tmp_path: Any, enter: Enter, home: Any) -> None:
    client = enter("officer")
    (home / "runs").rename(home / "gone")
    assert "还没有预报" in client.get("/").text
