"""Another level's orders take the place of the earlier ones; what ends is told; orders.csv."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import select

from response import plan_orders
from serving import duty
from serving.publish import orders, orders_file, outbox, release, superseding
from serving.review_state import Actor, Event, State
from serving.store import audit
from serving.store.engine import Store, reading, writing
from serving.store.models import Order, Outgoing, Plan
from tests.serving.publish import cases
from tests.serving.publish.cases import HOUR, JIAOZUO, NOW, OFFSET, PLAN, PROOFS

DAY = dt.timedelta(days=1)
LATER = NOW + DAY + 2 * HOUR  # 25 November 18:00 local: in the middle of the first ordered day


def kept(store: Store, warning: int, level: str, rows: list[dict[str, Any]]) -> int:
    with writing(store) as session:
        row = Plan(
            warning_id=warning, exercise=False, at=NOW, body={"level": level, "orders": rows}
        )
        session.add(row)
        session.flush()
        audit.append(session, at=NOW, actor="a", action="plan", subject="plans", rows=[row])
        return row.id


def published(store: Store, *, exercise: bool = False) -> tuple[int, dict[str, Actor], State]:
    who = cases.people(store)
    warning, state = cases.signed(store, who, exercise=exercise)
    house = cases.house(
        {"name": "gateway", "kind": "folder", "path": "out", "carries": ["order"], "exercise": True}
    )
    work = release.Work(cases.plan(store, warning, exercise=exercise), PROOFS)
    return warning, who, cases.publish(store, warning, who, state.version, house=house, work=work)


def changed(
    store: Store, warning: int, who: dict[str, Actor], state: State, kind: Any,
    work: release.Work | None, at: dt.datetime,
) -> State:  # fmt: skip
    level = {"raise": "red", "lower": "yellow"}.get(kind)
    event = Event(kind, at, who["wang"], "reason", level=level)  # type: ignore[arg-type]
    state = duty.decide(store, warning, event, seen=state.version)
    for name in ("wang", "zhao")[: state.signatures_needed]:
        state = duty.decide(store, warning, Event("sign", at, who[name]), seen=state.version)
    house = cases.house(
        {"name": "gateway", "kind": "folder", "path": "out", "carries": ["order"], "exercise": True}
    )
    return cases.publish(store, warning, who, state.version, house=house, work=work, now=at)


def bodies(store: Store) -> list[dict[str, Any]]:
    with reading(store) as session:
        return [row.body for row in session.scalars(select(Outgoing))]


def every(store: Store) -> list[Order]:
    with reading(store) as session:
        return list(session.scalars(select(Order).order_by(Order.id)))


def test_a_raised_warning_supersedes_and_lifts(store: Store) -> None:
    warning, who, state = published(store)
    first, second = every(store)
    assert (first.unit, second.unit) == ("U1", "U2")
    # Red stops U1 from 25 November on; U2, which orange stopped, is left alone.
    red = [{**o, "load": 0.2, "mode": "deepest"} for o in PLAN["orders"] if o["unit"] == "U1"]
    plan = kept(store, warning, "red", red)
    state = changed(store, warning, who, state, "raise", release.Work(plan, PROOFS), LATER)
    _, _, new, lifted = every(store)
    assert (new.unit, new.supersedes, new.body["level"]) == ("U1", first.id, "red")
    assert new.begins_at == LATER  # not at 25 November 00:00: it was not out yet
    assert (lifted.unit, lifted.supersedes, lifted.body["lifted"]) == ("U2", second.id, True)
    assert [d["mode"] for d in lifted.body["days"]] == ["normal"]
    told = {r.subject for r in outbox.listed(store)}
    assert "焦作市重污染天气减排指令解除：乙水泥厂" in told
    (body,) = [b for b in bodies(store) if "红色预警减排指令" in b["subject"]]
    assert "此前对上述单元下达的指令失效" in body["text"]
    assert "Earlier orders to these units end" in body["attachments"][0]["text"]
    assert sum("此前" in b["text"] for b in bodies(store)) == 1  # the first ones replaced nothing
    with reading(store) as session:
        assert [o.id for o in superseding.standing(session, warning, now=LATER)] == [new.id]

    state = changed(store, warning, who, state, "cancel", None, LATER + HOUR)
    last = every(store)[-1]
    assert (last.unit, last.supersedes) == ("U1", new.id)
    assert last.body["days"][0]["reason_zh"].startswith("预警解除")
    assert len(every(store)) == 5  # U2's was lifted before: nobody is told twice
    assert audit.verify(store).whole


def test_a_level_without_a_plan_leaves_the_orders(store: Store) -> None:
    warning, who, state = published(store)
    changed(store, warning, who, state, "lower", None, LATER)
    assert len(every(store)) == 2


def test_a_day_that_is_over_is_not_ordered(store: Store) -> None:
    warning, *_ = published(store)
    with reading(store) as session:
        row = session.get_one(Order, every(store)[0].id)
        there = session.get_one(duty.CityWarning, warning)
    late = NOW + 2 * DAY  # 26 November 16:00: 25 is over, U2 had that day only
    rows = orders.rows_of(
        PLAN["orders"], warning=there, plan_id=None, level="orange", proofs={}, now=late,
        offset=OFFSET,
    )  # fmt: skip
    assert [(r.unit, [d["day"] for d in r.body["days"]]) for r in rows] == [("U1", ["2026-11-26"])]
    assert row.begins_at == dt.datetime(2026, 11, 24, 16)


def test_orders_csv_holds_what_held(store: Store, tmp_path: Path) -> None:
    warning, who, state = published(store)
    path = tmp_path / "orders.csv"
    before = pd.read_csv(path)
    assert before.to_dict("list") == {
        "unit": ["U1", "U2"],
        "start": ["2026-11-25T00:00+08:00"] * 2,
        "end": ["2026-11-27T00:00+08:00", "2026-11-26T00:00+08:00"],
        "load": [0.7, 0.0],
    }
    changed(store, warning, who, state, "cancel", None, LATER)
    assert set(pd.read_csv(path)["end"]) == {"2026-11-25T18:00+08:00"}
    at = pd.Timestamp(LATER)
    for moment, loads in ((at - HOUR, {"U1": 0.7, "U2": 0.0}), (at + HOUR, {})):
        found = plan_orders.in_force(tmp_path, moment, offset=JIAOZUO.offset)
        assert found.loads == loads
    path.unlink()
    assert orders_file.refresh(store, JIAOZUO, now=LATER)
    assert path.is_file()


def test_an_exercise_never_reaches_a_real_citys_orders_csv(store: Store, tmp_path: Path) -> None:
    published(store, exercise=True)
    assert len(every(store)) == 2
    assert not (tmp_path / "orders.csv").exists()
    simulated = JIAOZUO.model_copy(update={"simulated": True})
    assert orders_file.refresh(store, simulated, now=NOW)
    assert len(pd.read_csv(tmp_path / "orders.csv")) == 2
    nowhere = replace(store, home=None)
    assert not orders_file.refresh(nowhere, simulated, now=NOW)
