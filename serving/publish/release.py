"""Publish a signed warning: decision, CAP message, orders and outbox in one transaction.

Whatever fails, nothing is written; once it is committed, everything leaves, sooner or later.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from forecast.config import CityConfig
from forecast.problems import DataError, Problem
from response.rules import Level
from serving import duty, review
from serving.publish import cap, orders, orders_file, outbox, superseding
from serving.publish.cap import Area, MsgType, Notice, Reference
from serving.publish.config import House, Profile
from serving.publish.message import Attachment, Message, marked
from serving.review_state import Actor, Event, State
from serving.store.base import Base
from serving.store.engine import Store, reading
from serving.store.models import CityWarning, Decision, Order, Plan, Publication

KINDS: Final[Mapping[str, MsgType]] = {
    "published": "Alert",
    "raised": "Update",
    "lowered": "Update",
    "cancelled": "Cancel",
}
POSTERS: Final = (("bulletin.zh.png", "image/png"), ("bulletin.zh.html", "text/html"))


@dataclass(frozen=True)
class Words:
    """What an officer says with a publication; times naive UTC."""

    onset: dt.datetime
    expires: dt.datetime | None
    reason_zh: str
    reason_en: str
    observed: bool = False


@dataclass(frozen=True)
class Work:
    """Which plan becomes orders, and what proves each unit's."""

    plan_id: int
    proofs: Mapping[str, Mapping[str, Any]]


def publish(
    store: Store,
    warning_id: int,
    *,
    actor: Actor,
    seen: int,
    words: Words,
    config: CityConfig,
    house: House,
    profile: Profile,
    now: dt.datetime,
    polygons: Sequence[tuple[tuple[float, float], ...]] = (),
    bulletin: Sequence[Attachment] = (),
    work: Work | None = None,
) -> State:
    """Publish the signed draft; its state afterwards.

    Raises:
        Conflict: Someone decided in between.
        Refused: It is not signed, or the actor may not.
        DataError: The message cannot be made of it; nothing was written.
    """
    area = Area(config.city.zh, config.city.en, config.city.geocode, tuple(polygons))
    offset = config.offset.to_pytimedelta()

    def also(
        session: Session, warning: CityWarning, decision: Decision, after: State
    ) -> Sequence[Base]:
        notice = notice_of(session, warning, decision, after, words, house, now)
        xml = cap.build(notice, area, house, profile, offset=offset).decode()
        zh, en = cap.headline(notice, area, profile)
        row = Publication(
            warning_id=warning.id, exercise=warning.exercise, decision_id=decision.id,
            kind=notice.msg_type.lower(), identifier=notice.identifier, at=now,
            body={
                "cap": xml, "sender": house.sender, "sent": cap.stamp(now, offset),
                "level": notice.level, "profile": profile.profile, "headline": {"zh": zh, "en": en},
            },
        )  # fmt: skip
        session.add(row)
        session.flush()
        made = messages(notice, xml, (zh, en), house, bulletin, exercise=warning.exercise)
        written: list[Base] = [row]
        ordered = _orders(session, warning, after, work, now, offset)
        if ordered:
            signers = signers_of(session, warning.id)
            made += orders.write(
                session, ordered, warning=warning, house=house, signers=signers,
                city=(area.zh, area.en), reason=(words.reason_zh, words.reason_en),
                now=now, offset=offset,
            )  # fmt: skip
            written += ordered
        outbox.put(session, made, house=house, now=now, publication_id=row.id)
        return written

    event = Event("publish", now, actor, exercise=_exercise(store, warning_id))
    state = duty.decide(store, warning_id, event, seen=seen, also=also)
    orders_file.refresh(store, config, now=now)
    return state


def notice_of(
    session: Session,
    warning: CityWarning,
    decision: Decision,
    after: State,
    words: Words,
    house: House,
    now: dt.datetime,
) -> Notice:
    """What is to be said of a publication that was just decided."""
    earlier = session.scalars(
        select(Publication).where(Publication.warning_id == warning.id).order_by(Publication.id)
    ).all()
    level: Level | None = after.in_force or (earlier[-1].body["level"] if earlier else None)
    if after.status not in KINDS or level is None:
        raise DataError([Problem(f"warning {warning.id}", after.status, "a level to publish")])
    references = tuple(Reference(p.body["sender"], p.identifier, p.body["sent"]) for p in earlier)
    return Notice(
        identifier=cap.identifier(house, warning.city, warning.id, decision.seq),
        msg_type=KINDS[after.status], status="Exercise" if warning.exercise else "Actual",
        sent=now, level=level, onset=words.onset, expires=words.expires, observed=words.observed,
        reason_zh=words.reason_zh, reason_en=words.reason_en, references=references,
    )  # fmt: skip


def messages(
    notice: Notice,
    xml: str,
    headline: tuple[str, str],
    house: House,
    bulletin: Sequence[Attachment],
    *,
    exercise: bool,
) -> list[Message]:
    """One per channel that carries the CAP message or the bulletin; together where it has both."""
    name = f"cap-{hashlib.sha256(notice.identifier.encode()).hexdigest()[:12]}.xml"
    document = Attachment(name, "application/cap+xml", text=xml)
    text = marked("\n".join([*headline, "", notice.reason_zh, notice.reason_en]), exercise=exercise)
    made = []
    for channel in house.channels:
        if not (channel.exercise if exercise else channel.actual):
            continue
        with_cap = "cap" in channel.carries
        # The bulletin's own page does not say that this is an exercise: it stays in the house.
        with_bulletin = "bulletin" in channel.carries and not exercise and bool(bulletin)
        if not with_cap and not with_bulletin:
            continue
        files = ((document,) if with_cap else ()) + (tuple(bulletin) if with_bulletin else ())
        made.append(
            Message(
                f"{notice.identifier}:{channel.name}", channel.name,
                "cap" if with_cap else "bulletin", exercise, headline[0], text, files,
            )
        )  # fmt: skip
    return made


def bulletin_of(home: Path, folder: Path) -> tuple[Attachment, ...]:
    """A run's bulletin as attachments: by path and SHA-256; only what is there."""
    return tuple(
        Attachment(
            name, mime, path=str((folder / name).relative_to(home)),
            sha256=hashlib.sha256((folder / name).read_bytes()).hexdigest(),
        )
        for name, mime in POSTERS
        if (folder / name).is_file()
    )  # fmt: skip


def signers_of(session: Session, warning_id: int) -> tuple[orders.Signer, ...]:
    """Who signed the draft that the last event published, in order."""
    before = review.fold(duty.events_of(session, warning_id)[:-1])
    return tuple(orders.Signer(s.name, s.at) for s in before.signatures)


def _orders(
    session: Session,
    warning: CityWarning,
    after: State,
    work: Work | None,
    now: dt.datetime,
    offset: dt.timedelta,
) -> list[Order]:
    """Orders of the level now in force, and what they supersede; none where nothing changes."""
    before = superseding.standing(session, warning.id, now=now)
    if after.in_force is None:
        return superseding.linked(
            (), before, warning=warning, plan_id=None, why="cancelled", now=now, offset=offset
        )
    if work is None:
        return []
    plan = session.get(Plan, work.plan_id)
    if plan is None or plan.warning_id != warning.id:
        expected = f"a plan of warning {warning.id}"
        raise DataError([Problem("plan", str(work.plan_id), expected)])
    if plan.body["level"] != after.in_force:
        found = f"level {plan.body['level']}"
        raise DataError([Problem(f"plan {plan.id}", found, after.in_force)])
    rows = orders.rows_of(
        plan.body["orders"], warning=warning, plan_id=plan.id, level=after.in_force,
        proofs=work.proofs, now=now, offset=offset,
    )  # fmt: skip
    return superseding.linked(
        rows, before, warning=warning, plan_id=plan.id, why="changed", now=now, offset=offset
    )


def _exercise(store: Store, warning_id: int) -> bool:
    with reading(store) as session:
        warning = session.get(CityWarning, warning_id)
        return bool(warning and warning.exercise)
