"""The page and the poster: both languages, nothing invented, the same bytes."""

import re
import struct
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast import standards
from serving.bulletin import build, charts, render, words
from serving.bulletin.content import (
    AreaRow,
    Bulletin,
    Category,
    Day,
    Exceedance,
    Fan,
    History,
    Interval,
    Lang,
    Note,
    ObservedDay,
    Primary,
    Station,
    Text,
    WarningBox,
    Weather,
)  # fmt: skip
from serving.bulletin.sheet import Sheet

ISSUE = pd.Timestamp("2026-11-24 08:00")
HOUR = pd.Timedelta(hours=1)
LANGS: tuple[Lang, ...] = ("zh", "en")


def bulletin() -> Bulletin:
    """D+1 and D+3 known, D+2 not; a measured day, a reading and an area value missing."""
    conc: dict[str, Interval | None] = {p: Interval(7, 10, 14) for p in words.POLLUTANT_NAMES}
    conc["so2"] = None
    first = Day(
        1, pd.Timestamp("2026-11-25"), Interval(86, 104, 128), (0, 0.38, 0.55, 0.07, 0, 0),
        (Primary("pm25", 0.93),), Exceedance(0.07, at_least=False),
        Exceedance(0.0, at_least=False), conc, Text("老年人", "the elderly"),
    )  # fmt: skip
    unknown = replace(
        first, number=2, date=pd.Timestamp("2026-11-26"), aqi=None, levels=None, primary=(),
        over_150=Exceedance(0.4, at_least=True), over_200=None, groups=None,
        concentrations=dict.fromkeys(conc),
    )  # fmt: skip
    last = replace(first, number=3, date=pd.Timestamp("2026-11-27"), aqi=Interval(150, 201, 280))
    hours = tuple(ISSUE + HOUR * h for h in range(1, 81))
    past = tuple(ISSUE - HOUR * h for h in range(71, -1, -1))
    fan = Fan(
        "pm25", Text("PM2.5", "PM2.5"), "ug m-3", hours, (0.1, 0.5, 0.9),
        tuple((float(v),) * 80 for v in (50, 90, 160)), past, (60.0,) * 71 + (None,),
        ((35.0, 2), (60.0, 3)),
    )  # fmt: skip
    return Bulletin(
        city=Text("模拟市", "Moni"), issue_time=ISSUE, offset=HOUR * 8, standard="HJ 633-2026",
        rules="national-2024", model="lightgbm", model_version="1",
        weather=Weather("none", ""), simulated=True,
        categories=build.categories(standards.load("hj633-2026")),
        days=(first, unknown, last), members=100,
        observed_days=(ObservedDay(pd.Timestamp("2026-11-23"), None, ()),),
        history=History(past, {"pm25": (60.0,) * 71 + (None,)}), fans=(fan,),
        stations=(
            Station("A", "甲站", "city", 113.2, 35.2, True, None, None, (120, None, 90)),
            Station("B", "乙站", "village", 113.4, 35.1, False, 80, ISSUE, ()),
        ),
        areas=(AreaRow("c1", Text("一县", "County 1"), (Interval(1, 2, 3), None, None)),),
        warning=WarningBox(
            "orange", "start", {"yellow": 0.8, "orange": 0.6, "red": None}, ISSUE, ISSUE + HOUR,
            (Text("理由甲", "reason one"),), (Text("假定甲", "assumption one"),),
        ),
        notes=(Note(Text("没有可用的气象预报", "no usable weather forecast")),),
    )  # fmt: skip


@pytest.fixture(scope="module")
def pages() -> dict[Lang, str]:
    return {lang: render.render_html(bulletin(), lang) for lang in LANGS}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the poster writes."""
    said: list[str] = []
    original = Sheet.text

    def spy(self: Sheet, x: float, y: float, text: str, size: float, **look: object) -> None:
        said.append(text)
        original(self, x, y, text, size, **look)  # type: ignore[arg-type]

    monkeypatch.setattr(Sheet, "text", spy)
    return said


def test_the_page_says_what_must_be_said_in_both_languages(pages: dict[Lang, str]) -> None:
    for text in (
        "模拟市空气质量预报公报", "模拟城市", "未使用气象预报", "没有可用的气象预报",
        "建议启动橙色预警", "理由甲", "假定甲", "86–128", "良至轻度污染", "中位数 104",
        "资料不足，不计算 AQI", "≥40%", "理由甲", "HJ 633-2026", "lightgbm 1", "PM2.5\u00a093%",
    ):  # fmt: skip
        assert text in pages["zh"], text
    for text in (
        "Moni Air Quality Forecast Bulletin", "SIMULATED CITY", "NO WEATHER FORECAST",
        "no usable weather forecast", "Orange warning proposed", "Not enough data",
        "Good to lightly polluted", "reason one", "assumption one",
    ):  # fmt: skip
        assert text in pages["en"], text
    assert not re.search("[\u4e00-\u9fff]", re.sub("甲站|Noto.*sans-serif", "", pages["en"]))


def test_what_is_missing_is_a_dash(pages: dict[Lang, str]) -> None:
    row = re.search(r"<tr><td><b>SO₂.*?</tr>", pages["zh"], re.S)
    assert row is not None
    assert row[0].count("—") == 4  # no reading, no forecast on any day
    assert re.search(r'class="chip day unknown"[^>]*><b>—</b>', pages["zh"])
    assert re.search(r"一县</td>.*?—.*?—.*?</tr>", pages["zh"], re.S)
    assert "红色 —" in pages["zh"]  # a level whose probability is not known


def test_the_page_refers_to_nothing_outside_itself(pages: dict[Lang, str]) -> None:
    for page in pages.values():
        text = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", page)
        assert "http" not in text
        assert "://" not in page
        assert not re.search(r"<(script|link|iframe)|@import|url\(", text)


def test_text_from_outside_is_escaped() -> None:
    evil = replace(bulletin(), notes=(Note(Text("<script>x</script>", "<b>")),))
    assert "<script>x" not in render.render_html(evil, "zh")


def test_the_same_bulletin_gives_the_same_bytes(pages: dict[Lang, str]) -> None:
    assert render.render_html(bulletin(), "zh") == pages["zh"]
    once, again = (render.render_png(bulletin(), "zh") for _ in range(2))
    assert once == again
    assert struct.unpack(">II", once[16:24]) == (1860, 2631)
    assert b"Software" not in once[:200]


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("zh", ("模拟城市", "未使用气象预报", "· 没有可用的气象预报", "资料不足，不计算 AQI",
                "建议启动橙色预警", "86–128", "≥40%", "—")),
        ("en", ("SIMULATED CITY", "NO WEATHER FORECAST", "· no usable weather forecast",
                "Not enough data: no index is given", "Orange warning proposed", "150–280")),
    ],
)  # fmt: skip
def test_the_poster_says_it_too(drawn: list[str], lang: Lang, expected: tuple[str, ...]) -> None:
    render.render_png(bulletin(), lang)
    assert not [text for text in expected if text not in drawn]


def test_a_bulletin_of_nothing_still_renders(drawn: list[str]) -> None:
    b = bulletin()
    bare = replace(
        b, days=tuple(replace(d, aqi=None, levels=None, over_150=None) for d in b.days),
        fans=(), stations=(), areas=(), observed_days=(), history=History((), {}),
        warning=None, notes=(), health=None, simulated=False, weather=Weather("archived", "gfs"),
    )  # fmt: skip
    page = render.render_html(bare, "zh")
    render.render_png(bare, "zh")
    assert "本次未能形成预警建议" in page
    assert "本次未能形成预警建议" in drawn
    assert words.headline(bare, "zh") == "资料不足，不计算 AQI"
    assert "模拟城市" not in page


def test_the_replay_of_observed_weather_is_named() -> None:
    perfect = replace(bulletin(), weather=Weather("perfect", "observed"))
    assert words.labels(perfect, "zh") == ["模拟城市", "回放 · 使用实况气象"]
    assert words.labels(replace(perfect, simulated=False), "en") == ["REPLAY · OBSERVED WEATHER"]


def test_the_headline_names_the_worst_upper_bound_and_the_unknown_day() -> None:
    said = words.headline(bulletin(), "zh")
    assert "11月25日、11月27日空气质量为良至重度污染" in said
    assert "最不利为11月27日，AQI 上限 280（重度污染）" in said
    assert said.endswith("11月26日资料不足。")


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "—"), (0.0, "0%"), (0.004, "<1%"), (0.5, "50%"), (0.996, ">99%"), (1.0, "100%")],
)
def test_rare_is_not_never_and_likely_is_not_certain(share: float | None, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("level", "ink"),
    [
        (1, "#111111"),
        (2, "#111111"),
        (3, "#111111"),
        (4, "#ffffff"),
        (5, "#ffffff"),
        (6, "#ffffff"),
    ],
)
def test_text_is_readable_on_every_official_colour(level: int, ink: str) -> None:
    category: Category = bulletin().categories[level - 1]
    assert charts.ink_on(category) == ink


def test_midnight_is_the_end_of_its_day() -> None:
    assert words.short_moment(pd.Timestamp("2026-11-25 00:00"), "zh") == "11月24日 24:00"


def test_every_index_has_a_level() -> None:
    b = bulletin()
    found = [b.category(v) for v in (0, 50, 51, 100, 101, 150, 151, 200, 201, 300, 301, 500)]
    assert [c.level for c in found if c] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert b.category(None) is None
    assert b.category(float(np.nan)) is None


def test_long_text_is_cut_into_lines_that_fit() -> None:
    with charts.style():
        sheet = Sheet()
        text = "儿童、老年人及心脏病、呼吸系统疾病患者应减少长时间、高强度的户外锻炼 P(AQI>150) 35%"
        lines = sheet.wrapped(text, 16, 200)
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")
        assert all(sheet.width(line, 16) <= 200 + 16 for line in lines)  # a mark may hang over
        assert not [line for line in lines if line[0] in "，。、"]
