"""Who does what was ordered, while it holds: invented meters with known behaviour."""

import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from response import register_home
from serving import compliance, meters, orders_held
from serving.compliance import Verdict
from serving.publish import orders as publish_orders
from serving.store import audit, engine
from serving.store import readings as kept
from serving.store.engine import Store, reading, writing
from serving.store.models import CityWarning, Decision
from serving.store.readings import Measured
from tests.serving import console_home

HOUR = dt.timedelta(hours=1)
OFFSET = dt.timedelta(hours=8)
ISSUED = dt.datetime(2026, 11, 24, 9)  # 17:00 local
BEGIN = dt.datetime(2026, 11, 24, 16)  # midnight that begins the 25th, local
NOW = BEGIN + 30 * HOUR
FIRMS = ("DOES", "NIGHT", "NOT", "FAKE", "MUTE", "TRUCK")


def night(at: dt.datetime) -> bool:
    hour = (at + OFFSET - HOUR).hour
    return hour >= 22 or hour < 6


def load(firm: str, at: dt.datetime) -> float:
    """What is really run; ordered are 50 % from BEGIN."""
    if at <= BEGIN or firm == "NOT":
        return 1.0
    if firm == "NIGHT":
        return 1.0 if night(at) else 0.5
    return 1.0 if firm == "FAKE" else 0.5


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> None:
    units = pd.DataFrame(
        {"enterprise": list(FIRMS), "hours_to_stop": 1.0}, [f"{f}-U1" for f in FIRMS]
    )
    stacks = pd.DataFrame({"unit": ["FAKE-U1"]}, ["FAKE-U1-S1"])
    firms = pd.DataFrame(
        {"name": FIRMS, "grade": "C", "industry": "水泥", "area": "一县"}, list(FIRMS)
    )
    made = SimpleNamespace(units=units, stacks=stacks, enterprises=firms)
    monkeypatch.setattr(register_home, "current", lambda _home: made)


@pytest.fixture
def house(tmp_path: Path, sqlite_template: Path, register: None) -> Store:
    """A published warning with an order for each firm, three days at half load."""
    console_home.two_runs(tmp_path)
    store, _ = console_home.server(tmp_path, sqlite_template)
    plan = [
        {
            "enterprise": f, "enterprise_name": f, "unit": f"{f}-U1", "unit_name": "线",
            "day": f"2026-11-{day}", "mode": "measure", "load": None if f == "TRUCK" else 0.5,
            "trucks_after": 1, "reason_zh": "限产", "reason_en": "cut", "source": "list",
            "assumption": False,
        }
        for f in FIRMS for day in (25, 26, 27)
    ]  # fmt: skip
    with writing(store) as session:
        warning = session.get(CityWarning, 1)
        assert warning is not None
        rows = publish_orders.rows_of(
            plan, warning=warning, plan_id=None, level="orange", proofs={}, now=ISSUED,
            offset=OFFSET,
        )  # fmt: skip
        session.add_all(rows)
        session.flush()
        audit.append(
            session, at=ISSUED, actor="t", action="order.issue", subject="orders", body={},
            rows=rows,
        )  # fmt: skip
    return store


def read(
    store: Store, *, until: dt.datetime = NOW, firms: tuple[str, ...] = FIRMS[:4],
    step: dt.timedelta = HOUR, unit: str = "kWh",
) -> None:  # fmt: skip
    """Fourteen days and what followed, by meters; FAKE's stack monitor shows what was ordered."""
    first = BEGIN - dt.timedelta(days=14)
    stamps = [first + k * step for k in range(1, int((until - first) / step) + 1)]
    scale = (step / HOUR) / (1000 if unit == "MWh" else 1)
    rows = [
        Measured(
            f, f"{f}-U1", "electricity", at,
            (100 + 900 * load(f, at)) * scale * (1 + 0.01 * math.sin(7.3 * k)), unit,
        )
        for f in firms for k, at in enumerate(stamps)
    ]  # fmt: skip
    if "FAKE" in firms:
        rows += [
            Measured("FAKE", "FAKE-U1-S1", "nox", at,
                     (5.0 if at <= BEGIN else 2.5) * (1 + 0.02 * math.sin(3.1 * k)), "kg/h")
            for k, at in enumerate(stamps)
        ]  # fmt: skip
    kept.receive(store, rows, source="test", actor="t", now=until)


def judged(store: Store, now: dt.datetime = NOW) -> dict[str, Verdict]:
    found = compliance.verdicts(store, Path(str(store.home)), console_home.city(), now=now)
    with reading(store) as session:
        held = orders_held.held(session, "demo", offset=OFFSET)
    return {o.enterprise: found[o.id] for o in held.orders}


def test_behaviour_becomes_a_verdict_with_its_evidence(house: Store) -> None:
    read(house)
    found = judged(house)
    assert (found["DOES"].word, found["DOES"].why) == ("complied", "complied")
    assert found["DOES"].ordered == 0.5
    assert found["DOES"].load == pytest.approx(0.5, abs=0.05)
    assert found["NIGHT"].word == "not_complied"
    assert found["NIGHT"].why == "evades_night"
    assert found["NIGHT"].day == pytest.approx(1, abs=0.1)
    assert found["NIGHT"].night == pytest.approx(0, abs=0.1)
    assert (found["NOT"].word, found["NOT"].why) == ("not_complied", "not")
    # The monitor shows the cut, the meter does not: the meter counts and the two are named.
    assert found["FAKE"].word == "not_complied"
    assert found["FAKE"].contradicts
    assert found["FAKE"].monitor == pytest.approx(1, abs=0.1)
    assert (found["MUTE"].word, found["MUTE"].why) == ("unknown", "no_readings")
    assert (found["TRUCK"].word, found["TRUCK"].why) == ("unknown", "no_load")


def test_an_arrival_is_seen_at_once(house: Store) -> None:
    assert judged(house)["DOES"].word == "unknown"
    read(house)
    assert judged(house)["DOES"].word == "complied"


def test_nobody_is_judged_before_the_order_holds(house: Store) -> None:
    early = BEGIN - 2 * HOUR
    read(house, until=early)
    assert {v.why for f, v in judged(house, early).items() if f != "TRUCK"} == {"not_begun"}
    soon = BEGIN + 2 * HOUR  # an hour to stop, less than three hours known after it
    read(house, until=soon)  # the same again is nothing new
    assert judged(house, soon)["DOES"].word == "unknown"


def test_quarters_of_an_hour_and_megawatt_hours_count_the_same(house: Store) -> None:
    read(house, firms=("DOES", "NOT"), step=HOUR / 4, unit="MWh")
    found = judged(house)
    assert found["DOES"].word == "complied"
    assert found["NOT"].word == "not_complied"


def test_what_fits_no_unit_is_named_and_not_used(house: Store) -> None:
    first = BEGIN - 10 * HOUR
    rows = [
        Measured("DOES", "gate", "flow", first, 1.0, "m3"),
        Measured("DOES", "NOT-U1", "electricity", first, 1.0, "kWh"),  # another's unit
    ]
    kept.receive(house, rows, source="test", actor="t", now=first)
    found = judged(house)["DOES"]
    assert found.word == "unknown"
    assert found.unused == ("NOT-U1: electricity [kWh]", "gate: flow [m3]")


def test_an_order_ends_with_the_warning(house: Store) -> None:
    over = BEGIN + 12 * HOUR
    with writing(house) as session:
        row = Decision(
            warning_id=1, exercise=False, seq=99, kind="publish", state="cancelled", level=None,
            in_force=None, at=over, account_id=None, role="officer", reason="", event={},
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.append(session, at=over, actor="t", action="x", subject="x", body={}, rows=[row])
    with reading(house) as session:
        held = orders_held.held(session, "demo", offset=OFFSET, enterprise="DOES")
    (one,) = held.stretches
    assert (one.start, one.end, one.load) == (BEGIN, over, 0.5)


def test_a_gap_is_no_standing_unit(house: Store) -> None:
    read(house, firms=("NOT",), until=BEGIN)
    held = meters.metered(
        house, register_home.current(Path()), {"NOT"}, start=BEGIN - 48 * HOUR, end=NOW
    )
    assert held.power is not None
    assert held.power["production"].sizes == {"time": 78, "unit": 1}  # to NOW
    assert int(held.power["production"].count()) == 48
    assert judged(house)["NOT"].word == "unknown"


@pytest.fixture
def later(tmp_path: Path, house: Store) -> Callable[[str], Any]:
    """The console of the same house at NOW."""
    from serving import app
    from serving.context import Context

    store = engine.connect(f"sqlite:///{tmp_path / 'lantian.db'}", home=tmp_path)
    made = app.create(Context(store, tmp_path, console_home.city(), lambda: NOW))
    return lambda name: console_home.logged_in(made, name)


def test_the_page_puts_the_worst_first_and_filters(
    house: Store, later: Callable[[str], Any]
) -> None:
    read(house)
    officer = later("officer")
    page = officer.get("/enterprises").text
    order = [page.index(f'href="/enterprises/{f}"') for f in ("NIGHT", "MUTE", "DOES")]
    assert order == sorted(order)
    assert "未落实</span> <b>3</b>" in page
    assert "已落实</span> <b>1</b>" in page
    assert "未确认 <b>6</b>" in page
    only = officer.get("/enterprises?verdict=complied").text
    assert 'href="/enterprises/DOES"' in only
    assert 'href="/enterprises/NOT"' not in only
    assert "没有符合条件的企业" in officer.get("/enterprises?answer=cannot").text
    one = officer.get("/enterprises/FAKE").text
    assert "排口监测与用电矛盾" in one
    assert "要求负荷不高于 50%" in one
    meter = officer.get("/warnings/1/electricity.csv").text.splitlines()
    assert meter[0] == "time,unit,production"
    assert len(meter) == 1 + 4 * (14 * 24 + 30)  # four firms, to now
    stack = officer.get("/warnings/1/monitors.csv").text.splitlines()
    assert stack[0] == "time,stack,unit,emission_so2,emission_nox,emission_pm"
    assert stack[1].startswith("2026-11-10T17:00Z,FAKE-U1-S1,FAKE-U1,,5.0")
    works = later("works")  # E1's account: none of these is its own
    assert works.get("/enterprises/NOT").status_code == 403
    assert "NOT" not in works.get("/own").text.replace("NOTE", "")
