"""CAP 1.2 messages (OASIS, 2010): made from a warning, and read from province or state.

Making is pure: the same warning gives the same bytes. Times carry the local offset, never "Z"
(CAP 1.2, 3.3.2). Reading takes bytes from outside: no entity, no network, at most `LIMIT` bytes.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from lxml import etree

from forecast.problems import DataError, Problem
from response.rules import Level
from response.warning_words import colour
from serving.publish.config import House, Profile
from serving.publish.message import marked

NAMESPACE: Final = "urn:oasis:names:tc:emergency:cap:1.2"
LIMIT: Final = 512 * 1024  # bytes of a message that is read
MsgType = Literal["Alert", "Update", "Cancel"]
Status = Literal["Actual", "Exercise", "Test"]
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


@dataclass(frozen=True)
class Reference:
    """An earlier message."""

    sender: str
    identifier: str
    sent: str  # as it was written there

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{self.sent}"


@dataclass(frozen=True)
class Area:
    """Where it holds; polygons as (latitude, longitude) rings, closed, WGS-84."""

    zh: str
    en: str
    geocode: str | None
    polygons: tuple[tuple[tuple[float, float], ...], ...] = ()


@dataclass(frozen=True)
class Notice:
    """What is to be said; times naive UTC."""

    identifier: str
    msg_type: MsgType
    status: Status
    sent: dt.datetime
    level: Level  # the level put in force; of a Cancel the one that ends
    onset: dt.datetime
    expires: dt.datetime | None
    observed: bool  # pollution is measured already
    reason_zh: str
    reason_en: str
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Received:
    """What the duty room takes from a message of province or state; everything else is left."""

    sender: str
    identifier: str
    sent: dt.datetime  # naive UTC
    status: str
    msg_type: str
    references: tuple[str, ...]
    severities: tuple[str, ...]
    events: tuple[str, ...]
    headlines: tuple[str, ...]
    areas: tuple[str, ...]


def build(
    notice: Notice, area: Area, house: House, profile: Profile, *, offset: dt.timedelta
) -> bytes:
    """A CAP 1.2 message, UTF-8 with declaration.

    Raises:
        DataError: References missing or out of place, an open ring, a level the profile lacks,
            an end before the beginning; all at once.
    """
    _check(notice, area, profile)
    names: Any = {None: NAMESPACE}  # the default namespace; lxml's stubs know named ones alone
    alert = etree.Element(f"{{{NAMESPACE}}}alert", nsmap=names)
    _add(alert, "identifier", notice.identifier)
    _add(alert, "sender", house.sender)
    _add(alert, "sent", stamp(notice.sent, offset))
    _add(alert, "status", notice.status)
    _add(alert, "msgType", notice.msg_type)
    _add(alert, "scope", profile.scope)
    if notice.status == "Exercise":
        _add(alert, "note", "演练 EXERCISE: 非真实预警 not a real warning")
    if notice.references:
        _add(alert, "references", " ".join(map(str, notice.references)))
    for language in ("zh-CN", "en-US"):
        _info(alert, language, notice, area, house, profile, offset)
    return bytes(etree.tostring(alert, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def stamp(at: dt.datetime, offset: dt.timedelta) -> str:
    """A naive UTC time in CAP's spelling: seconds, local offset, never "Z"."""
    local = (at + offset).replace(microsecond=0, tzinfo=dt.timezone(offset))
    text = local.isoformat()
    return text.replace("+00:00", "-00:00")


def identifier(house: House, city: str, warning_id: int, seq: int) -> str:
    """Of the message for one decision: the same decision has the same identifier."""
    return f"{house.sender}.{city}.W{warning_id}.{seq}"


def headline(notice: Notice, area: Area, profile: Profile) -> tuple[str, str]:
    """Chinese and English; the mark of an exercise is in both."""
    words = colour(notice.level)
    zh_verb = {"Alert": "发布", "Update": "变更为", "Cancel": "解除"}[notice.msg_type]
    en_verb = {"Alert": "issued", "Update": "changed to", "Cancel": "ended:"}[notice.msg_type]
    exercise = notice.status != "Actual"
    zh = f"{area.zh}{zh_verb}{profile.event.zh}{words.zh}预警"
    event = profile.event.en.lower()
    en = (
        f"{area.en}: {event} warning {en_verb} {words.en}"
        if notice.msg_type != "Alert"
        else f"{area.en}: {words.en} {event} warning issued"
    )
    return marked(zh, exercise=exercise), marked(en, exercise=exercise)


def read(raw: bytes) -> Received:
    """A CAP message from outside.

    Raises:
        DataError: Too large, not XML, with a document type, not CAP 1.2, or without what CAP
            demands.
    """
    if len(raw) > LIMIT:
        raise DataError([Problem("CAP message", f"{len(raw)} bytes", f"at most {LIMIT}")])
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DataError([Problem("CAP message", str(error)[:200], "well-formed XML")]) from None
    about: Any = root.getroottree().docinfo
    if about.doctype:
        raise DataError([Problem("CAP message", "a document type", "none: entities are refused")])
    if root.tag != f"{{{NAMESPACE}}}alert":
        raise DataError([Problem("CAP message", str(root.tag)[:80], f"alert of {NAMESPACE}")])
    need = {
        name: _one(root, name) for name in ("identifier", "sender", "sent", "status", "msgType")
    }
    missing = [Problem(f"CAP message: {k}", "nothing", "a value") for k, v in need.items() if not v]
    if missing:
        raise DataError(missing)
    return Received(
        need["sender"], need["identifier"], _time(need["sent"]), need["status"], need["msgType"],
        tuple(_one(root, "references").split()), _all(root, "severity"), _all(root, "event"),
        _all(root, "headline"), _all(root, "areaDesc"),
    )  # fmt: skip


def _info(
    alert: etree._Element,
    language: str,
    notice: Notice,
    area: Area,
    house: House,
    profile: Profile,
    offset: dt.timedelta,
) -> None:
    zh = language == "zh-CN"
    level = profile.levels[notice.level]
    exercise = notice.status != "Actual"
    ends = notice.msg_type == "Cancel"
    info = _add(alert, "info")
    _add(info, "language", language)
    for category in profile.category:
        _add(info, "category", category)
    _add(info, "event", profile.event.zh if zh else profile.event.en)
    for response in ("AllClear",) if ends else level.response:
        _add(info, "responseType", response)
    _add(info, "urgency", _urgency(notice, profile))
    _add(info, "severity", level.severity)
    _add(info, "certainty", "Observed" if notice.observed else "Likely")
    for code in profile.event_codes:
        pair = _add(info, "eventCode")
        _add(pair, "valueName", code.name)
        _add(pair, "value", code.value)
    _add(info, "effective", stamp(notice.sent, offset))
    _add(info, "onset", stamp(notice.onset, offset))
    if notice.expires is not None:
        _add(info, "expires", stamp(notice.expires, offset))
    _add(info, "senderName", house.sender_name.zh if zh else house.sender_name.en)
    _add(info, "headline", headline(notice, area, profile)[0 if zh else 1])
    reason = notice.reason_zh if zh else notice.reason_en
    _add(info, "description", marked(reason, exercise=exercise))
    if not ends:
        text = level.instruction.zh if zh else level.instruction.en
        _add(info, "instruction", marked(text, exercise=exercise))
    if house.web:
        _add(info, "web", house.web)
    if house.contact:
        _add(info, "contact", house.contact)
    colours = _add(info, "parameter")
    _add(colours, "valueName", "warningColour")
    _add(colours, "value", notice.level)
    place = _add(info, "area")
    _add(place, "areaDesc", area.zh if zh else area.en)
    for ring in area.polygons:
        _add(place, "polygon", " ".join(f"{lat:.5f},{lon:.5f}" for lat, lon in ring))
    if area.geocode:
        code_of = _add(place, "geocode")
        _add(code_of, "valueName", "GB/T 2260")
        _add(code_of, "value", area.geocode)


def _urgency(notice: Notice, profile: Profile) -> str:
    if notice.msg_type == "Cancel":
        return "Past"
    near = dt.timedelta(hours=profile.immediate_below_hours)
    return "Immediate" if notice.onset - notice.sent < near else "Expected"


def _check(notice: Notice, area: Area, profile: Profile) -> None:
    wrong = []
    if (notice.msg_type == "Alert") == bool(notice.references):
        expected = "none for an Alert, the earlier messages for an Update or a Cancel"
        wrong.append(Problem("references", str(len(notice.references)), expected))
    if re.search(r"[\s,<&]", notice.identifier) or not notice.identifier:
        wrong.append(Problem("identifier", repr(notice.identifier), "no blank, comma, < or &"))
    if notice.level not in profile.levels:
        expected = f"a level of profile {profile.profile}"
        wrong.append(Problem("level", notice.level, expected))
    if notice.expires is not None and notice.expires <= max(notice.sent, notice.onset):
        wrong.append(Problem("expires", str(notice.expires), "after it was sent and begins"))
    for number, ring in enumerate(area.polygons, 1):
        if len(ring) < 4 or ring[0] != ring[-1] or not all(_on_earth(*point) for point in ring):
            expected = "4 points at least, closed, (latitude, longitude)"
            wrong.append(Problem(f"polygon {number}", f"{len(ring)} points", expected))
    if not area.geocode and not area.polygons:
        wrong.append(Problem("area", "no geocode, no polygon", "one of them"))
    if wrong:
        raise DataError(wrong)


def _on_earth(latitude: float, longitude: float) -> bool:
    return -90 <= latitude <= 90 and -180 <= longitude <= 180


def _add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    if text is not None:
        child.text = clean(text)
    return child


def clean(text: str) -> str:
    """Without what XML 1.0 has no place for; mark-up is escaped by the writer."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _one(root: etree._Element, name: str) -> str:
    return (root.findtext(f"{{{NAMESPACE}}}{name}") or "").strip()[:2000]


def _all(root: etree._Element, name: str) -> tuple[str, ...]:
    found: Sequence[etree._Element] = list(root.iter(f"{{{NAMESPACE}}}{name}"))
    return tuple(dict.fromkeys((e.text or "").strip()[:2000] for e in found if e.text))


def _time(text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(text.replace("-00:00", "+00:00"))
        if at.tzinfo is None:
            raise ValueError
        return at.astimezone(dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        expected = "ISO 8601 with its offset"
        raise DataError([Problem("CAP message: sent", text[:60], expected)]) from None
