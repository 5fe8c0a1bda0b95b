"""One order per enterprise: rows of the store, a page to print, a text to send.

An order says level, start, units with what each has to do on which day, why, what proves it, and
leaves room for signature and seal. A proof parameter nobody gave is shown as missing, not made up.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy.orm import Session

from forecast.problems import DataError, Problem
from response.controls_words import MODE_WORDS
from response.rules import Level
from response.warning_words import colour
from serving.publish.config import House
from serving.publish.message import ZH_MARK, Attachment, Message, marked
from serving.publish.superseding import LIFTED
from serving.store.models import CityWarning, Order

NOT_STATED: Final = ("未载明", "not stated")
_DAY: Final = dt.timedelta(days=1)


@dataclass(frozen=True)
class Signer:
    """Who signed, as it is printed."""

    name: str
    at: dt.datetime  # naive UTC


@dataclass(frozen=True)
class Sheet:
    """One enterprise's order."""

    number: str
    city_zh: str
    city_en: str
    enterprise: str
    enterprise_name: str
    level: Level
    exercise: bool
    issued: dt.datetime
    begins: dt.datetime
    ends: dt.datetime | None
    reason_zh: str
    reason_en: str
    units: tuple[Mapping[str, Any], ...]  # bodies of the rows
    signers: tuple[Signer, ...]
    replaces: bool = False  # an earlier order of the same units

    @property
    def lifted(self) -> bool:
        """True where it ends orders and asks for nothing."""
        return all(unit.get(LIFTED) for unit in self.units)


def rows_of(
    plan_orders: Sequence[Mapping[str, Any]],
    *,
    warning: CityWarning,
    plan_id: int | None,
    level: Level,
    proofs: Mapping[str, Mapping[str, Any]],
    now: dt.datetime,
    offset: dt.timedelta,
) -> list[Order]:
    """Rows of the store: one per unit that has to do something on a day that is not over.

    None begins before it is issued.

    Args:
        plan_orders: `orders` of `controls_tables.as_dict`.
        warning: The warning they belong to.
        plan_id: The plan they come from.
        level: In force.
        proofs: By unit: parameter, zh, en, bound, unit of the reading that proves it.
        now: Naive UTC.
        offset: Local time minus UTC; a day of the plan is a natural local day.
    """
    ordered = sorted(
        (o for o in plan_orders if o["mode"] != "normal" and _end(o, offset) > now),
        key=lambda o: (o["enterprise"], o["unit"], o["day"]),
    )
    rows = []
    for (enterprise, unit), group in groupby(ordered, key=lambda o: (o["enterprise"], o["unit"])):
        own = list(group)
        first, last = _end(own[0], offset) - _DAY, _end(own[-1], offset)
        rows.append(
            Order(
                warning_id=warning.id, exercise=warning.exercise, plan_id=plan_id,
                enterprise=enterprise, unit=unit, at=now, begins_at=max(first, now),
                ends_at=last, supersedes=None,
                body={
                    "level": level,
                    "enterprise_name": own[0]["enterprise_name"],
                    "unit_name": own[0]["unit_name"],
                    "days": [_day(o) for o in own],
                    "proof": dict(proofs[unit]) if unit in proofs else None,
                },
            )
        )  # fmt: skip
    return rows


def write(
    session: Session,
    rows: Sequence[Order],
    *,
    warning: CityWarning,
    house: House,
    city: tuple[str, str],
    reason: tuple[str, str],
    signers: Sequence[Signer],
    now: dt.datetime,
    offset: dt.timedelta,
) -> list[Message]:
    """Put the rows into the session; a message per enterprise and channel that carries orders.

    Raises:
        DataError: A row of another warning or mode.
    """
    for row in rows:
        if (row.warning_id, row.exercise) != (warning.id, warning.exercise):
            found = f"warning {row.warning_id}, exercise {row.exercise}"
            raise DataError([Problem(f"order of {row.unit}", found, f"warning {warning.id}")])
    session.add_all(rows)
    session.flush()
    made = []
    ordered = sorted(rows, key=lambda r: (r.enterprise, r.unit))
    for _, group in groupby(ordered, key=lambda r: r.enterprise):
        sheet = sheet_of(list(group), city=city, reason=reason, signers=signers, now=now)
        page = Attachment(f"{sheet.number}.html", "text/html", text=html(sheet, offset=offset))
        for channel in house.channels_for("order", exercise=warning.exercise):
            made.append(
                Message(
                    f"order:{sheet.number}:{channel.name}", channel.name, "order",
                    warning.exercise, subject(sheet), text(sheet, offset=offset), (page,),
                )
            )  # fmt: skip
    return made


def sheet_of(
    rows: Sequence[Order],
    *,
    city: tuple[str, str],
    reason: tuple[str, str],
    signers: Sequence[Signer],
    now: dt.datetime,
) -> Sheet:
    """One enterprise's rows as its order."""
    asked = [r for r in rows if not r.body.get(LIFTED)] or list(rows)
    first = asked[0]
    ends = [r.ends_at for r in asked]
    return Sheet(
        number=f"W{first.warning_id}-{min(r.id for r in rows)}",
        city_zh=city[0], city_en=city[1], enterprise=first.enterprise,
        enterprise_name=first.body["enterprise_name"], level=first.body["level"],
        exercise=first.exercise, issued=now, begins=min(r.begins_at for r in asked),
        ends=None if None in ends else max(e for e in ends if e is not None),
        reason_zh=reason[0], reason_en=reason[1], units=tuple(r.body for r in rows),
        signers=tuple(signers), replaces=any(r.supersedes is not None for r in asked),
    )  # fmt: skip


def subject(sheet: Sheet) -> str:
    """Of the mail, and heading of the page."""
    what = "减排指令解除" if sheet.lifted else f"{colour(sheet.level).zh}预警减排指令"
    zh = f"{sheet.city_zh}重污染天气{what}：{sheet.enterprise_name}"
    return marked(zh, exercise=sheet.exercise)


def text(sheet: Sheet, *, offset: dt.timedelta) -> str:
    """The order in words, Chinese."""
    lines = [
        f"指令编号：{sheet.number}",
        f"企业：{sheet.enterprise_name}（{sheet.enterprise}）",
    ]
    if sheet.lifted:
        lines.append(f"解除时间：{_local(sheet.begins, offset)}（北京时间）")
    else:
        lines += [
            f"级别：{colour(sheet.level).zh}预警",
            f"开始：{_local(sheet.begins, offset)}（北京时间）",
            f"结束：{_local(sheet.ends, offset) if sheet.ends else '另行通知'}",
        ]
    lines.append(f"原因：{sheet.reason_zh}")
    for unit in sheet.units:
        lines.append(f"· {unit['unit_name']}")
        lines += [
            f"    {d['day']}：{MODE_WORDS[d['mode']].zh}，负荷 {_percent(d['load'])}"
            for d in unit["days"]
        ]
        lines.append("    原指令解除" if unit.get(LIFTED) else f"    核查参数：{proof(unit)[0]}")
    if sheet.replaces and not sheet.lifted:
        lines.append("本指令下达后，此前对上述单元下达的指令失效。")
    if not sheet.lifted:
        lines.append("收到后请立即确认；不能执行的请说明原因。")
    return marked("\n".join(lines), exercise=sheet.exercise)


def html(sheet: Sheet, *, offset: dt.timedelta) -> str:
    """The order as a page for screen and A4 paper, Chinese with English; nothing from outside."""
    pages = Environment(
        loader=PackageLoader("serving.publish", "."), autoescape=True, undefined=StrictUndefined
    )
    return pages.get_template("order.html.j2").render(
        sheet=sheet, colour=colour(sheet.level), modes=MODE_WORDS, proof=proof, percent=_percent,
        local=lambda at: _local(at, offset), mark=ZH_MARK,
    )  # fmt: skip


def proof(unit: Mapping[str, Any]) -> tuple[str, str]:
    """What proves it, Chinese and English."""
    found = unit["proof"]
    if not found:
        return NOT_STATED
    bound = "" if found.get("bound") is None else f" ≤ {found['bound']:g} {found.get('unit', '')}"
    return f"{found['zh']}{bound}", f"{found['en']}{bound}"


def _end(order: Mapping[str, Any], offset: dt.timedelta) -> dt.datetime:
    """The end of an order's day, naive UTC."""
    return dt.datetime.fromisoformat(order["day"]) - offset + _DAY


def _day(order: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("day", "mode", "load", "trucks_after", "reason_zh", "source", "assumption")
    kept = {k: order.get(k) for k in keys}
    return {**kept, "reason_en": order.get("reason_en", order.get("reason"))}


def _percent(load: float | None) -> str:
    return "—" if load is None else f"{load:.0%}"


def _local(at: dt.datetime, offset: dt.timedelta) -> str:
    return f"{at + offset:%Y-%m-%d %H:%M}"
