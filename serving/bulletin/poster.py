"""The bulletin as one A4 poster, drawn by matplotlib: no browser is needed where it is made.

Sections from above downwards; what has no fixed height (notes, reasons) takes what it needs and
the charts take the rest.
"""

from typing import Final

from forecast.schema import POLLUTANTS
from serving.bulletin import charts, words
from serving.bulletin.charts import INK, MUTED, PALE, RULE
from serving.bulletin.content import AreaRow, Bulletin, Day, Lang
from serving.bulletin.sheet import HEIGHT, WIDTH, Sheet
from serving.bulletin.words import DASH, say

DPI: Final = 225  # 1860 x 2631 pixels
EDGE: Final = 40
FULL: Final = WIDTH - 2 * EDGE
GAP: Final = 16
NAVY: Final = "#0d3b66"
GREY: Final = "#ccd4db"
AMBER: Final = "#fff3d6"
AMBER_EDGE: Final = "#e0a800"
CARD: Final = 402
LINES: Final = 5  # of reasons that the warning box holds
ROWS: Final = 11  # area rows that fit
WARNING_COLOURS: Final = {
    "blue": "#3b7ddd",
    "yellow": "#ffd400",
    "orange": "#ff7e00",
    "red": "#d7191c",
}


def png(bulletin: Bulletin, lang: Lang) -> bytes:
    """Bytes of the poster; the same bulletin gives the same bytes."""
    with charts.style():
        sheet = Sheet()
        y = _header(sheet, bulletin, lang)
        y = _headline(sheet, bulletin, lang, y)
        y = _notes(sheet, bulletin, lang, y)
        y = _cards(sheet, bulletin, lang, y)
        y = _warning(sheet, bulletin, lang, y)
        y = _why(sheet, bulletin, lang, y)
        bottom = _footer(sheet, bulletin, lang)
        bottom = _tables(sheet, bulletin, lang, bottom)
        _pictures(sheet, bulletin, lang, y, bottom)
        return charts.png(sheet.figure, dpi=DPI)


def _header(sheet: Sheet, b: Bulletin, lang: Lang) -> float:
    sheet.box(0, 0, WIDTH, 116, fill=NAVY, radius=0)
    right = float(WIDTH - EDGE)
    for label in reversed(words.labels(b, lang)):
        wide = sheet.width(label, 19) + 28
        right -= wide
        sheet.box(right, 28, wide, 36, fill=AMBER_EDGE, radius=6)
        sheet.text(right + wide / 2, 46, label, 19, ha="center", colour="#111111", bold=True)
        right -= 10
    title = say("title", lang, city=b.city[lang])
    size = sheet.fitted(title, 44, right - EDGE - 20)
    sheet.text(EDGE, 44, title, size, colour="white", bold=True)
    line = " · ".join(
        (
            say("issued", lang, time=words.moment(b.issue_time + b.offset, lang),
                zone=words.zone(b.offset, lang)),
            say("standard", lang, s=b.standard),
            say("rules", lang, s=b.rules),
        )
    )  # fmt: skip
    sheet.text(EDGE, 91, line, sheet.fitted(line, 19, FULL), colour="#d6e4f0")
    return 116.0 + 14


def _headline(sheet: Sheet, b: Bulletin, lang: Lang, y: float) -> float:
    return sheet.paragraph(EDGE, y, words.headline(b, lang), 24, FULL, most=3) + 8


def _notes(sheet: Sheet, b: Bulletin, lang: Lang, y: float) -> float:
    """What went wrong in this run, above everything that rests on it."""
    told = [n for n in b.notes if n.severity != "info"]
    if not told:
        return y
    room = FULL - 180
    cut = [line for n in told for line in sheet.wrapped("· " + n.text[lang], 17, room)]
    lines, left = cut[:5], len(cut) - 5
    if left > 0:
        lines[-1] = say("more_notes", lang)
    high = 16 + 25 * len(lines)
    sheet.box(EDGE, y, FULL, high, fill=AMBER, edge=AMBER_EDGE)
    heading = say("degraded", lang)
    sheet.text(EDGE + 14, y + 21, heading, sheet.fitted(heading, 18, 140), bold=True)
    for i, line in enumerate(lines):
        sheet.text(EDGE + 166, y + 21 + 25 * i, line, 17)
    return y + high + GAP


def _cards(sheet: Sheet, b: Bulletin, lang: Lang, y: float) -> float:
    wide = (FULL - 2 * GAP) / 3
    for i, day in enumerate(b.days[:3]):
        _card(sheet, b, day, lang, EDGE + i * (wide + GAP), y, wide)
    return y + CARD + GAP


def _card(sheet: Sheet, b: Bulletin, day: Day, lang: Lang, x: float, y: float, w: float) -> None:
    median = b.category(day.aqi.median if day.aqi else None)
    ink = charts.ink_on(median)
    sheet.box(x, y, w, CARD, fill="white", edge=RULE)
    sheet.box(x, y, w, 132, fill=charts.colour(median) if day.aqi else GREY)
    when = f"{words.date(day.date, lang)}  {words.weekday(day.date, lang)}"
    sheet.text(x + 16, y + 24, when, 21, colour=ink, bold=True)
    sheet.text(x + w - 16, y + 24, f"D+{day.number}", 17, colour=ink, ha="right")
    if day.aqi is None:
        sheet.text(x + 16, y + 74, DASH, 52, colour=ink, bold=True)
        sheet.text(x + 16, y + 112, say("no_data_long", lang), 19, colour=ink)
    else:
        span = words.interval(day.aqi)
        sheet.text(x + 16, y + 71, span, 52, colour=ink, bold=True)
        left = x + 16 + sheet.width(span, 52) + 14
        middle = f"{say('median', lang)} {words.number(day.aqi.median)}"
        sheet.text(left, y + 60, say("range", lang), 16, colour=ink)
        sheet.text(left, y + 82, middle, 16, colour=ink)
        level = words.level_range(b, day.aqi, lang)
        sheet.text(x + 16, y + 112, level, sheet.fitted(level, 22, w - 32), colour=ink, bold=True)
    sheet.text(x + 16, y + 147, say("levels", lang), 14, colour=MUTED)
    _level_bar(sheet, b, day, x + 16, y + 158, w - 32)
    rows = (
        ("primary", words.primaries(day, lang, most=2)),
        ("over_150", words.exceedance(day.over_150)),
        ("heavy_200", words.exceedance(day.over_200)),
    )
    for i, (key, value) in enumerate(rows):
        level_y = y + 206 + 27 * i
        sheet.text(x + 16, level_y, say(key, lang), 18, colour=MUTED)
        room = w - 44 - sheet.width(say(key, lang), 18)
        size = sheet.fitted(value, 19, room)
        sheet.text(x + w - 16, level_y, value, size, ha="right", bold=True)
    sheet.rule(x + 16, y + 283, w - 32, colour=RULE)
    if median is None:
        return
    # advice follows the upper end of the range: who trusts the median is surprised every tenth day
    upper = b.category(day.aqi.high if day.aqi else None) or median
    parts = [(f"{say('advice', lang)} · {upper.advice[lang]}", INK)]
    if day.groups is not None:
        parts.append((f"{say('groups', lang)} · {day.groups[lang]}", MUTED))
    size, spacing = 16.0, 1.32
    room, high = w - 36, CARD - 296.0
    while size > 11 and high < size * spacing * sum(
        len(sheet.wrapped(text, size, room)) for text, _ in parts
    ):
        size -= 0.5
    at = y + 290
    for text, shade in parts:
        at = sheet.paragraph(x + 16, at, text, size, room, colour=shade, spacing=spacing)


def _level_bar(sheet: Sheet, b: Bulletin, day: Day, x: float, y: float, w: float) -> None:
    """Probability of each level, as lengths of a bar in the official colours."""
    if day.levels is None:
        sheet.box(x, y, w, 24, fill=PALE, edge=RULE, radius=0)
        sheet.text(x + w / 2, y + 12, DASH, 15, ha="center", colour=MUTED)
        return
    left = x
    for category, share in zip(b.categories, day.levels, strict=True):
        wide = w * share
        if wide <= 0:
            continue
        fill = charts.colour(category)
        sheet.box(left, y, wide, 24, fill=fill, edge="white", radius=0, line=0.5)
        label = words.percent(share)
        if sheet.width(label, 15) + 8 < wide:
            ink = charts.ink_on(category)
            sheet.text(left + wide / 2, y + 12, label, 15, ha="center", colour=ink)
        left += wide


def _warning(sheet: Sheet, b: Bulletin, lang: Lang, y: float) -> float:
    warning = b.warning
    block = 300.0
    room = FULL - block - 40
    reasons: list[str] = []
    if warning is not None:
        for reason in warning.reasons:
            if reason[lang]:
                reasons += sheet.wrapped("· " + reason[lang], 17, room)
        reasons = reasons[: LINES - bool(warning.assumptions)]
        if warning.assumptions:
            reasons.append("· " + say("assumptions_count", lang, n=len(warning.assumptions)))
    for part in b.response:
        colon = "：" if lang == "zh" else ": "
        reasons += sheet.wrapped(f"· {part.title[lang]}{colon}{part.summary[lang]}", 17, room)[:2]
    high = max(92.0, 46 + 25 * len(reasons) + 8)
    level = warning.level if warning else None
    fill = WARNING_COLOURS.get(level or "", PALE)
    ink = "white" if level in ("red", "blue") else INK
    sheet.box(EDGE, y, FULL, high, fill="white", edge=RULE)
    sheet.box(EDGE, y, block, high, fill=fill, edge=RULE)
    middle = EDGE + block / 2
    sheet.text(middle, y + 22, say("warning", lang), sheet.fitted(say("warning", lang), 17, 280),
               ha="center", colour=ink)  # fmt: skip
    main = words.warning_title(warning, lang)
    size = sheet.fitted(main, 28, block - 24)
    sheet.text(middle, y + high / 2 + 8, main, size, ha="center", bold=True, colour=ink)
    note = say("proposal_note", lang)
    if warning is not None:
        for i, line in enumerate(sheet.wrapped(note, 13, block - 24)[:2]):
            if high > 120:
                sheet.text(middle, y + high - 30 + 17 * i, line, 13, ha="center", colour=ink)
    left = EDGE + block + 20
    line = words.warning_line(b, lang)
    sheet.text(left, y + 23, line, sheet.fitted(line, 19, room), bold=True)
    for i, why in enumerate(reasons):
        sheet.text(left, y + 54 + 25 * i, why, 17)
    return y + high + GAP


def _why(sheet: Sheet, b: Bulletin, lang: Lang, y: float) -> float:
    """What drives the forecast: each factor with its share of the three days."""
    if b.explanation is None:
        return y
    title = b.explanation.title[lang]
    cells = [f"{row[0][lang]} {' / '.join(c[lang] for c in row[1:])}" for row in b.explanation.rows]
    gap = " ； " if lang == "zh" else ";  "
    _heading(sheet, EDGE, y, title, FULL)
    lines = sheet.wrapped(gap.join(cells), 16, FULL - 13)[:2]
    for i, line in enumerate(lines):
        sheet.text(EDGE + 13, y + 38 + 23 * i, line, 16)
    return y + 30 + 23 * len(lines) + GAP


def _heading(sheet: Sheet, x: float, y: float, text: str, room: float) -> None:
    sheet.box(x, y + 3, 5, 18, fill=NAVY, radius=0)
    sheet.text(x + 13, y + 12, text, sheet.fitted(text, 19, room - 13), bold=True)


def _pictures(sheet: Sheet, b: Bulletin, lang: Lang, top: float, bottom: float) -> None:
    """Fan charts at the left, four maps at the right, in what height is left."""
    left = 640.0
    _heading(sheet, EDGE, top, say("fans", lang), left)
    inner = bottom - top - 34
    count = max(len(b.fans), 1)
    each = (inner - 46) / count
    for i, chart in enumerate(b.fans):
        ax = sheet.chart(EDGE + 36, top + 34 + each * i, left - 86, each - 8)
        charts.fan(ax, b, chart, lang, size=6.6, last=i == count - 1)
    caption = words.fan_caption(b, lang)
    size = sheet.fitted(caption, 14, left - 10)
    sheet.text(EDGE, bottom - 8, caption, size, colour=MUTED, va="bottom")
    x = EDGE + left + 14
    room = WIDTH - EDGE - x
    _heading(sheet, x, top, say("maps", lang), room)
    gap, axis = 14.0, 40.0  # between the maps; for the degrees at the left
    wide, high = (room - axis - gap) / 2, (inner - 20 - 32 - 20 - 52) / 2
    for which in range(4):
        column, row = which % 2, which // 2
        ax = sheet.chart(x + axis + column * (wide + gap), top + 54 + row * (high + 32), wide, high)
        charts.station_map(ax, b, lang, which=which, size=6.2, furniture=which == 0)
        if column:
            ax.set_yticklabels([])
        if not row:
            ax.set_xticklabels([])
    _map_legend(sheet, b, lang, x, bottom - 36, room)
    caption = say("map_caption", lang)
    size = sheet.fitted(caption, 14, room)
    sheet.text(x, bottom - 8, caption, size, colour=MUTED, va="bottom")


def _map_legend(sheet: Sheet, b: Bulletin, lang: Lang, x: float, y: float, room: float) -> None:
    each = room / max(len(b.categories), 1)
    for i, c in enumerate(b.categories):
        sheet.box(x + i * each, y - 8, 16, 14, fill=charts.colour(c), edge="#999999", radius=0)
        name = words.short_level(c.name[lang])
        sheet.text(x + i * each + 20, y, name, sheet.fitted(name, 13.5, each - 22), colour=MUTED)


def _tables(sheet: Sheet, b: Bulletin, lang: Lang, bottom: float) -> float:
    """Concentrations at the left; measured days and areas at the right. Returns the upper edge."""
    shown = list(b.areas[:ROWS])
    row = 22.0
    left_high = 30 + row * 7 + 34
    right_high = 30 + row * (len(shown) + 1) + (18 if len(b.areas) > ROWS else 0)
    top = bottom - max(left_high + 62, right_high) - 6
    _concentrations(sheet, b, lang, EDGE, top, 640, row)
    _observed(sheet, b, lang, EDGE, top + left_high - 24, 640)
    x = EDGE + 654
    _areas(sheet, b, shown, lang, x, top, WIDTH - EDGE - x, row)
    return top - GAP


def _concentrations(
    sheet: Sheet, b: Bulletin, lang: Lang, x: float, y: float, w: float, row: float
) -> None:
    _heading(sheet, x, y, say("concentrations", lang), w)
    ends = [x + 150 + (w - 150) / 4 * (k + 1) for k in range(4)]
    y += 42
    heads = [say("now_short", lang), *(words.date(d.date, lang) for d in b.days[:3])]
    for end, head in zip(ends, heads, strict=False):
        sheet.text(end, y, head, 16, ha="right", colour=MUTED)
    sheet.rule(x, y + 12, w, colour=RULE)
    for i, pollutant in enumerate(POLLUTANTS):
        at = y + row * (i + 1)
        units = "mg/m³" if pollutant == "co" else "μg/m³"
        sheet.text(x, at, words.POLLUTANT_NAMES[pollutant], 17, bold=True)
        sheet.text(x + 68, at, units, 14, colour=MUTED)
        past = b.history.values.get(pollutant, ())
        latest = words.number(past[-1] if past else None, pollutant)
        cells = [latest, *(words.with_range(d.concentrations.get(pollutant), pollutant)
                           for d in b.days[:3])]  # fmt: skip
        for end, cell in zip(ends, cells, strict=False):
            sheet.text(end, at, cell, sheet.fitted(cell, 16, (w - 150) / 4 - 8), ha="right")


def _observed(sheet: Sheet, b: Bulletin, lang: Lang, x: float, y: float, w: float) -> None:
    days = b.observed_days[-5:]
    _heading(sheet, x, y, say("observed", lang), 110)
    if not days:
        sheet.text(x + 130, y + 12, DASH, 18)
        return
    each = w / len(days)
    for i, day in enumerate(days):
        category = b.category(day.aqi)
        left, top = x + i * each, y + 30
        sheet.box(left, top, each - 8, 46, fill=charts.colour(category), edge=RULE, radius=5)
        ink = charts.ink_on(category)
        name = f" {words.short_level(category.name[lang])}" if category else ""
        line = f"{DASH if day.aqi is None else day.aqi}{name}"
        sheet.text(left + (each - 8) / 2, top + 15, line, sheet.fitted(line, 17, each - 16),
                   ha="center", colour=ink, bold=True)  # fmt: skip
        lead = "+".join(words.POLLUTANT_NAMES[p] for p in day.primary)
        line = f"{words.date(day.date, lang)} {lead}".strip()
        sheet.text(left + (each - 8) / 2, top + 34, line, sheet.fitted(line, 14, each - 16),
                   ha="center", colour=ink)  # fmt: skip


def _areas(
    sheet: Sheet, b: Bulletin, shown: list[AreaRow], lang: Lang,
    x: float, y: float, w: float, row: float,
) -> None:  # fmt: skip
    _heading(sheet, x, y, say("areas", lang), w)
    y += 42
    ends = [x + 120 + (w - 120) / 3 * (k + 1) for k in range(3)]
    for end, day in zip(ends, b.days, strict=False):
        sheet.text(end - 6, y, words.date(day.date, lang), 16, ha="right", colour=MUTED)
    sheet.rule(x, y + 12, w, colour=RULE)
    for i, area in enumerate(shown):
        at = y + row * (i + 1)
        name = area.name[lang]
        sheet.text(x, at, name, sheet.fitted(name, 16, 112))
        for end, value in zip(ends, area.days, strict=False):
            category = b.category(value.median if value else None)
            cell = words.with_range(value)
            size = sheet.fitted(cell, 15, (w - 120) / 3 - 34)
            if category is not None:
                left = end - (w - 120) / 3 + 8
                sheet.box(left, at - 8, 14, 16, fill=charts.colour(category), edge=RULE, radius=0)
            sheet.text(end - 6, at, cell, size, ha="right")
    if len(b.areas) > len(shown):
        more = say("more_areas", lang, n=len(b.areas) - len(shown))
        sheet.text(x, y + row * (len(shown) + 1), more, 14, colour=MUTED)


def _footer(sheet: Sheet, b: Bulletin, lang: Lang) -> float:
    """How it was made, in small print at the bottom. Returns its upper edge."""
    lines = [
        line for text in words.small_print(b, lang) for line in sheet.wrapped(text, 13.5, FULL)
    ]
    top = HEIGHT - 16 - 19 * len(lines) - 8
    sheet.rule(EDGE, top, FULL, colour=RULE)
    for i, line in enumerate(lines):
        sheet.text(EDGE, top + 17 + 19 * i, line, 13.5, colour=MUTED)
    return top - 8
