"""A house, a signed warning, a clock: shared by the tests of publishing."""

import datetime as dt
from typing import Any

from forecast import config as configuration
from forecast.config import configs_dir
from response.rules import Level
from serving import duty
from serving.duty import Machine
from serving.publish import config as house_config
from serving.publish import release
from serving.publish.config import House
from serving.review_state import Actor, Event, State
from serving.store import audit
from serving.store.engine import Store, writing
from serving.store.models import Account, Plan

NOW = dt.datetime(2026, 11, 24, 8, 0)
OFFSET = dt.timedelta(hours=8)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
JIAOZUO = configuration.load(configs_dir() / "jiaozuo.yaml")
PROFILE = house_config.load_profile(configs_dir() / "publish" / "cap-cn.yaml")
WORDS = release.Words(
    onset=NOW + 24 * HOUR,
    expires=NOW + 72 * HOUR,
    reason_zh="受静稳天气影响，预计25日至27日AQI日均值>200 & 首要污染物PM2.5",
    reason_en="Stagnant air: daily AQI above 200 from 25 to 27 <expected>",
)
PLAN: dict[str, Any] = {
    "level": "orange",
    "orders": [
        {
            "enterprise": "E1", "enterprise_name": "甲焦化<有限>公司", "unit": "U1",
            "unit_name": "1#焦炉", "day": day, "mode": mode, "load": load, "trucks_after": 4.0,
            "reason_zh": "按清单措施：当日减排颗粒物120千克", "reason_en": "the listed measure",
            "source": "340号", "assumption": False,
        }
        for day, mode, load in (
            ("2026-11-25", "measure", 0.7), ("2026-11-26", "measure", 0.7),
            ("2026-11-27", "normal", 1.0),
        )
    ]
    + [
        {
            "enterprise": "E2", "enterprise_name": "乙水泥厂", "unit": "U2", "unit_name": "窑",
            "day": "2026-11-25", "mode": "deepest", "load": 0.0, "trucks_after": None,
            "reason_zh": "按更严级别措施", "reason_en": "stricter",
            "source": "", "assumption": True,
        }
    ],
}  # fmt: skip
PROOFS = {
    "U1": {"parameter": "power", "zh": "推焦车用电", "en": "power", "bound": 350, "unit": "kW"}
}


def house(*channels: dict[str, Any], **given: Any) -> House:
    """A house with these channels; a folder channel where none is given."""
    folder = {"name": "gateway", "kind": "folder", "path": "out", "carries": ["cap", "order"]}
    data = {
        "profile": configs_dir() / "publish" / "cap-cn.yaml", "sender": "jiaozuo.example",
        "sender_name": {"zh": "焦作市攻坚办", "en": "Jiaozuo Office"},
        "channels": list(channels) or [folder], **given,
    }  # fmt: skip
    return House.model_validate(data)


def people(store: Store) -> dict[str, Actor]:
    """An officer and a leader."""
    found = {}
    with writing(store) as session:
        for name, role in (("wang", "officer"), ("zhao", "leader")):
            row = Account(name=name, display=name, role=role, password="-", created_at=NOW)
            session.add(row)
            session.flush()
            found[name] = Actor(row.id, name, role)
    return found


def signed(
    store: Store, who: dict[str, Actor], level: Level = "orange", *, exercise: bool = False
) -> tuple[int, State]:
    """A warning with both signatures."""
    machine = Machine("jiaozuo", NOW, level, "start", {"p": 0.7}, exercise=exercise)
    filed = duty.propose(store, machine, now=NOW)
    assert filed.warning_id is not None
    return filed.warning_id, sign(store, filed.warning_id, who, 1)


def sign(store: Store, warning: int, who: dict[str, Actor], seen: int) -> State:
    """Both signatures under the present draft."""
    duty.decide(store, warning, Event("sign", NOW, who["wang"]), seen=seen)
    return duty.decide(store, warning, Event("sign", NOW, who["zhao"]), seen=seen + 1)


def publish(store: Store, warning: int, who: dict[str, Actor], seen: int, **given: Any) -> State:
    """Published by the officer."""
    return release.publish(
        store, warning, actor=who["wang"], seen=seen,
        **{"words": WORDS, "config": JIAOZUO, "profile": PROFILE, "now": NOW, **given},
    )  # fmt: skip


def plan(store: Store, warning: int, *, exercise: bool = False) -> int:
    """A plan in the store."""
    with writing(store) as session:
        row = Plan(warning_id=warning, exercise=exercise, at=NOW, body=PLAN)
        session.add(row)
        session.flush()
        audit.append(session, at=NOW, actor="a", action="plan", subject="plans", rows=[row])
        return row.id
