"""The daily run, the duty room, meters, migration: works on a store, and what is in it then."""

import datetime as dt
import hashlib
import json
import random
from pathlib import Path

from sqlalchemy import select, text

from forecast import config as configuration
from forecast import observations, schema
from serving import daily, duty, record_run
from serving.publish import dispatch, release
from serving.review_state import Event
from serving.store import audit, migrate, readings
from serving.store.engine import Store, reading
from serving.store.models import (
    Account,
    Decision,
    Order,
    Outgoing,
    Proposal,
    Publication,
    Reading,
    Run,
    Signature,
)
from tests.faults.killing import Say
from tests.faults.subject import ISSUE, files_of, opened, prepare_store
from tests.faults.table import State
from tests.serving.publish import cases
from tests.serving.publish.cases import HOUR, NOW, PROOFS

DEMO = configuration.load(configuration.configs_dir() / "demo.yaml")
SMALL = DEMO.model_copy(update={"forecast": DEMO.forecast.model_copy(update={"members": 10})})


def prepare_daily(home: Path) -> None:
    """Twenty days of readings and a store."""
    ds = schema.mock_observations(
        start=str(ISSUE - 24 * 20 * HOUR), hours=24 * 20 + 1, stations=4, seed=20
    )
    observations.merge(home, ds, source="mock", received=ISSUE)
    prepare_store(home)


def run_daily(home: Path, say: Say) -> None:
    """The run and its record; pages are drawn as a few bytes, for they take most of the time."""
    daily.render.render_html = lambda b, lang, **_: f"<html>{lang}"  # in a child
    daily.render.render_png = lambda b, lang, **_: b"PNG" + lang.encode()
    daily.run(SMALL, home=home, issue_time=ISSUE)
    store = opened(home)
    record_run.record(store, home, ISSUE, now=NOW)
    store.engine.dispose()
    say("run demo 2026-02-08 08:00:00 exercise=True")


def state_of_daily(home: Path) -> State:
    """Every product, and what is on record."""
    return [*files_of(home, "forecasts", "runs"), *state_of_store(home)]


def half_daily(home: Path) -> list[str]:
    """A run that says it is finished has every file it names."""
    folder = daily.run_folder(home, ISSUE)
    if not (folder / "run.json").is_file():
        return []
    said = json.loads((folder / "run.json").read_text())["files"]
    return [
        f"{name} is not what run.json says"
        for name, digest in said.items()
        if hashlib.sha256((home / name).read_bytes()).hexdigest() != digest
    ]


def prepare_people(home: Path) -> None:
    """An officer and a leader."""
    prepare_store(home)
    store = opened(home)
    cases.people(store)
    store.engine.dispose()


def sign(home: Path, say: Say) -> None:
    """The machine proposes; officer and leader sign what they see unsigned."""
    store = opened(home)
    _signed(store, _who(store), say)
    store.engine.dispose()


def _who(store: Store) -> dict[str, cases.Actor]:
    with reading(store) as session:
        rows = session.scalars(select(Account).order_by(Account.id)).all()
        return {r.name: cases.Actor(r.id, r.name, r.role) for r in rows}


def _signed(store: Store, who: dict[str, cases.Actor], say: Say) -> int:
    machine = duty.Machine("jiaozuo", NOW, "orange", "start", {"p": 0.7})
    filed = duty.propose(store, machine, now=NOW)
    say(f"proposal jiaozuo {NOW}")
    number = int(filed.warning_id or 0)
    for name in ("wang", "zhao"):
        with reading(store) as session:
            state = duty.state_of(session, number)
        if state.status in ("proposed", "in_consultation") and name not in [
            s.name for s in state.signatures
        ]:
            duty.decide(store, number, Event("sign", NOW, who[name]), seen=state.version)
        say(f"signature {number}.1 {name}")
    return number


HOUSE_FILE = "receiver.port"


def house_of(home: Path) -> cases.House:
    """A folder in the home and, where a receiver listens, a platform that honours keys."""
    folder = {"name": "gateway", "kind": "folder", "path": "out", "carries": ["cap", "order"]}
    channels: list[dict[str, object]] = [folder]
    port = home / HOUSE_FILE
    if port.is_file():
        channels.append({
            "name": "platform", "kind": "webhook", "carries": ["cap", "order"], "seconds": 20,
            "url": f"http://127.0.0.1:{port.read_text()}/cap", "hosts": ["127.0.0.1"],
        })  # fmt: skip
    return cases.house(*channels)


def publish(home: Path, say: Say) -> None:
    """Signed, published with orders, sent; cancelled again, signed, published, sent."""
    store = opened(home)
    who, house = _who(store), house_of(home)
    number = _signed(store, who, say)
    later = 0 if not (home / "again").is_file() else 2  # hours: leases of the dead are over
    with reading(store) as session:
        state = duty.state_of(session, number)
        plan = session.scalars(select(cases.Plan.id)).first()
    if state.status == "signed":
        work = release.Work(plan or cases.plan(store, number), PROOFS)
        state = cases.publish(
            store, number, who, state.version, house=house, work=work
        )  # fmt: skip
    say("publication alert")
    dispatch.run(store, house, home=home, clock=lambda: NOW + later * HOUR, chance=random.Random(1))
    store.engine.dispose()


def state_of_store(home: Path) -> State:
    """What was decided, once for each row; a broken trail is a thing of its own."""
    store = opened(home)
    with reading(store) as session:
        found: State = [
            *((f"proposal {p.city} {p.issue_time}", f"{p.level}") for p in _all(session, Proposal)),
            *(
                (f"decision {d.warning_id}.{d.seq}", f"{d.kind} {d.state} {d.role}")
                for d in _all(session, Decision)
            ),
            *(
                (f"signature {s.warning_id}.{s.draft} {_name(session, s)}", s.digest)
                for s in _all(session, Signature)
            ),
            *((f"publication {p.kind}", f"{p.identifier}") for p in _all(session, Publication)),
            *((f"order {o.enterprise} {o.unit}", f"{o.begins_at}") for o in _all(session, Order)),
            *((f"outbox {o.key}", o.state) for o in _all(session, Outgoing)),
            *(
                (f"run {r.city} {r.issue_time} exercise={r.exercise}", str(r.status))
                for r in _all(session, Run)
            ),
        ]
    verdict = audit.verify(store)
    store.engine.dispose()
    return found + ([("trail", str(verdict.broken))] if verdict.broken else [])


def _all(session, kind):  # type: ignore[no-untyped-def]
    return session.scalars(select(kind)).all()


def _name(session, signature):  # type: ignore[no-untyped-def]
    return session.get_one(Account, signature.account_id).name


def state_of_publishing(home: Path) -> State:
    """The store, the folder, and what the receiver keeps: one thing for each key and content."""
    found = [*state_of_store(home), *files_of(home, "out")]
    kept = home / "kept"
    if kept.is_dir():
        for path in sorted(kept.iterdir()):
            body = path.read_bytes()
            name = "cap" if b"<alert" in body else hashlib.sha256(body).hexdigest()[:12]
            found.append((f"received {name}", path.name))
    return found


def half_store(home: Path) -> list[str]:
    """The trail holds, right after the death."""
    store = opened(home)
    verdict = audit.verify(store)
    store.engine.dispose()
    return [str(verdict.broken)] if verdict.broken else []


def receive_readings(home: Path, say: Say) -> None:
    """Six batches of twenty, as a meter's gateway sends them until they are taken."""
    store = opened(home)
    for k in range(6):
        at = [NOW + dt.timedelta(minutes=k * 20 + m) for m in range(20)]
        batch = [readings.Measured("E1", "M1", "power", t, float(t.minute), "kW") for t in at]
        readings.receive(store, batch, source="api", actor="e1", now=NOW)
        for t in at:
            say(f"reading {t}")
    store.engine.dispose()


def state_of_readings(home: Path) -> State:
    """Every reading."""
    store = opened(home)
    with reading(store) as session:
        found = [(f"reading {r.at}", f"{r.value} {r.unit}") for r in _all(session, Reading)]
    verdict = audit.verify(store)
    store.engine.dispose()
    return found + ([("trail", str(verdict.broken))] if verdict.broken else [])


def prepare_migration(home: Path) -> None:
    """A store of the first edition with rows in it."""
    store = opened(home)
    migrate.upgrade(store, "0001")
    insert = (
        "INSERT INTO runs (city, exercise, issue_time, status, started_at)"
        " VALUES ('c', :x, :t, 'done', :t)"
    )
    with store.engine.begin() as connection:
        for hour in range(20):
            at = dt.datetime(2026, 1, 1, hour)
            connection.execute(text(insert), {"x": False, "t": at})
    store.engine.dispose()


def migrated(home: Path, say: Say) -> None:
    """To the newest edition."""
    store = opened(home)
    migrate.upgrade(store)
    store.engine.dispose()
    say("revision")


def state_of_migration(home: Path) -> State:
    """Revision, rows and the definition of every table."""
    store = opened(home)
    found: State = [("revision", str(migrate.current(store)))]
    with store.engine.connect() as connection:
        rows = connection.execute(text("SELECT id, city, issue_time, status FROM runs"))
        found += [(f"row {r.id}", f"{r.city} {r.issue_time} {r.status}") for r in rows]
        if store.sqlite:
            tables = "SELECT type, name, sql FROM sqlite_master"
        else:
            tables = (
                "SELECT table_name AS type, column_name AS name, data_type AS sql"
                " FROM information_schema.columns WHERE table_schema = 'public'"
            )
        found += [(f"{t.type} {t.name}", str(t.sql)) for t in connection.execute(text(tables))]
    store.engine.dispose()
    return found
