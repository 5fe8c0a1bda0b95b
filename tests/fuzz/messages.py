"""Targets that come over the wire: CAP messages of others, our own with any words, API bodies."""

import asyncio
import json
import random
import shutil
from pathlib import Path
from typing import Any

import httpx
import structlog
from lxml import etree

from serving.context import Context
from serving.publish import cap
from serving.publish.cap import Area, Notice, Reference
from serving.store import engine, migrate
from tests.fuzz import mutate
from tests.fuzz.runner import Case, Target
from tests.serving.publish import cases
from tests.serving.rest import house

NOW = cases.NOW
OFFSET = cases.OFFSET
AREA = Area("焦作市", "Jiaozuo", "410800", (((35.0, 113.0), (35.1, 113.0), (35.0, 113.1),
                                           (35.0, 113.0)),))  # fmt: skip


def _notice(**changes: Any) -> Notice:
    base: dict[str, Any] = {
        "identifier": "LT-1", "msg_type": "Alert", "status": "Actual", "sent": NOW,
        "level": "orange", "onset": NOW + cases.HOUR, "expires": NOW + 48 * cases.HOUR,
        "observed": False, "reason_zh": "静稳", "reason_en": "calm", "references": (),
    }  # fmt: skip
    return Notice(**{**base, **changes})


def _cap_in(folder: Path) -> Case:
    good = cap.build(_notice(), AREA, cases.house(), cases.PROFILE, offset=OFFSET)

    def case(chance: random.Random) -> str:
        made = cap.read(mutate.raw(good, chance))
        if not made.identifier or made.sent.tzinfo is not None:
            raise AssertionError(f"taken: {made}")
        return "taken"

    return case


def _cap_out(folder: Path) -> Case:
    house_ = cases.house()

    def word(chance: random.Random) -> str:
        some = [chance.choice(mutate.TOKENS), "重污染天气", chr(chance.randrange(1, 0xD7FF))]
        return "".join(chance.choice(some) for _ in range(chance.randrange(1, 6)))

    def case(chance: random.Random) -> str:
        times = [NOW + cases.HOUR * chance.uniform(-100, 100) for _ in range(2)]
        references = tuple(
            Reference(word(chance), word(chance), cap.stamp(NOW, OFFSET))
            for _ in range(chance.choice([0, 0, 1, 2]))
        )
        notice = _notice(
            msg_type=chance.choice(["Alert", "Update", "Cancel"]), references=references,
            status=chance.choice(["Actual", "Exercise"]), onset=times[0],
            expires=chance.choice([None, times[1]]), reason_zh=word(chance), reason_en=word(chance),
            level=chance.choice(["yellow", "orange", "red"]), observed=chance.random() < 0.5,
        )  # fmt: skip
        raw = cap.build(notice, AREA, house_, cases.PROFILE, offset=OFFSET)
        etree.fromstring(raw)  # our own
        read = cap.read(raw)
        if read.identifier != "LT-1" or read.status != notice.status:
            raise AssertionError(f"another message than was meant: {read}")
        return "taken"

    return case


METERS = {
    "readings": [
        {"meter": "M1", "parameter": "power", "at": "2026-02-09T07:00:00Z", "value": 12.5,
         "unit": "kW"},
        {"meter": "M1", "parameter": "power", "at": "2026-02-09T07:01:00Z", "value": 13,
         "unit": "kW", "revision": 1},
    ]
}  # fmt: skip
STATIONS = {
    "readings": [
        {"station": "M001", "time": "2026-02-09T07:00:00Z", "pm25": 60.0, "co": 0.8},
        {"station": "M002", "time": "2026-02-09T07:00:00Z", "pm25": 61.0, "o3": 80},
    ]
}  # fmt: skip
WARNING = {"seen": 1, "reason": "r", "level": "orange", "days": [], "kind": "sign"}


def _api(role: str, path: str, good: Any) -> Any:
    """Bodies at one route of a server with everything in it."""

    def prepare(folder: Path) -> Case:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        home = folder / "home"
        home.mkdir()
        template = folder.parent / "fuzz-template.db"
        if not template.is_file():
            store = engine.connect(f"sqlite:///{home / 'lantian.db'}")
            migrate.upgrade(store)
            store.engine.dispose()
        else:
            shutil.copy(template, home / "lantian.db")
        store = engine.connect(f"sqlite:///{home / 'lantian.db'}", home=home)
        context = Context(store, home, house.CITY, clock=lambda: house.NOW)
        served = house.served(context, tokens=10**7, strangers=10**7)
        headers = {
            "Authorization": f"Bearer {served.tokens[role]}", "Content-Type": "application/json"
        }  # fmt: skip
        transport = httpx.ASGITransport(served.app, raise_app_exceptions=True)
        client = httpx.AsyncClient(transport=transport, base_url="http://here")
        loop = asyncio.new_event_loop()
        plain = json.dumps(good).encode()

        def case(chance: random.Random) -> str:
            if chance.random() < 0.2:
                body = mutate.raw(plain, chance)
            else:
                changed = mutate.tree(good, chance)
                body = json.dumps(changed, default=str).encode()
            answer = loop.run_until_complete(client.post(path, content=body, headers=headers))
            if answer.status_code >= 500:
                raise AssertionError(f"{answer.status_code} {answer.text[:200]} for {body[:200]!r}")
            if answer.status_code >= 400:
                if not answer.json()["errors"]:
                    raise AssertionError(f"no words: {answer.text[:200]}")
                return "refused"
            return "taken"

        return case

    return prepare


TARGETS = (
    Target("cap of others", _cap_in),
    Target("cap of ours", _cap_out),
    Target("api meters", _api("enterprise", "/api/v1/readings/meters", METERS)),
    Target("api stations", _api("officer", "/api/v1/readings/stations", STATIONS)),
    Target("api acknowledgement", _api("enterprise", "/api/v1/orders/1/acknowledgements",
                                       {"answer": "received", "note": "n"})),
    Target("api resumption", _api("enterprise", "/api/v1/resumption-requests",
                                  {"key": "k1", "order": 1, "load": 0.5, "reason": "r",
                                   "begin": "2026-02-10T08:00:00Z"})),
)  # fmt: skip
