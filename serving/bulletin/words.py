"""The words of a bulletin in Chinese and English, and how its numbers are spelt.

Takes plain values, gives text. An unknown value is always the same dash, never a guess.
"""

from types import MappingProxyType
from typing import Final

import pandas as pd

from serving.bulletin.content import (
    Bulletin,
    Day,
    Exceedance,
    Interval,
    Lang,
    Primary,
    Text,
    WarningBox,
)
from serving.bulletin.texts import WORDS

DASH: Final = "—"
LIKELY_PRIMARY: Final = 0.1  # a primary pollutant in fewer members is not printed on a card


POLLUTANT_NAMES: Final = MappingProxyType(
    {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO₂", "no2": "NO₂", "co": "CO", "o3": "O₃"}
)
_WEEKDAYS: Final = (
    Text("周一", "Mon"), Text("周二", "Tue"), Text("周三", "Wed"), Text("周四", "Thu"),
    Text("周五", "Fri"), Text("周六", "Sat"), Text("周日", "Sun"),
)  # fmt: skip
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip


def say(key: str, lang: Lang, **values: object) -> str:
    """The words of a key, with its fields filled."""
    return WORDS[key][lang].format(**values)


def date(day: pd.Timestamp, lang: Lang) -> str:
    """Month and day, such as 11月25日 or 25 Nov."""
    return f"{day.month}月{day.day}日" if lang == "zh" else f"{day.day} {_MONTHS[day.month - 1]}"


def weekday(day: pd.Timestamp, lang: Lang) -> str:
    """周三 or Wed."""
    return _WEEKDAYS[day.weekday()][lang]


def moment(local: pd.Timestamp, lang: Lang) -> str:
    """Date and time of a local stamp, with the year."""
    if lang == "zh":
        return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year} {local:%H:%M}"


def short_moment(local: pd.Timestamp, lang: Lang) -> str:
    """Date and time without the year; midnight is the 24:00 that ends a day."""
    if local == local.normalize():
        return f"{date(local - pd.Timedelta(days=1), lang)} 24:00"
    return f"{date(local, lang)} {local:%H:%M}"


def zone(offset: pd.Timedelta, lang: Lang) -> str:
    """Name of the local time."""
    hours = offset / pd.Timedelta(hours=1)
    return say("local_time", lang) if hours == 8 else f"UTC{hours:+g}"


def percent(share: float | None) -> str:
    """Whole per cent; what is possible but rare is not written as never, nor likely as certain."""
    if share is None:
        return DASH
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share * 100:.0f}%"


def exceedance(value: Exceedance | None) -> str:
    """A probability, with its sign where it is only a lower bound."""
    if value is None:
        return DASH
    return ("≥" if value.at_least else "") + percent(value.value)


def number(value: float | None, pollutant: str = "") -> str:
    """A concentration or index: CO with one decimal, everything else whole (HJ 633, 4.2.2)."""
    if value is None:
        return DASH
    return f"{value:.1f}" if pollutant == "co" else f"{value:.0f}"


def interval(value: Interval | None, pollutant: str = "") -> str:
    """Low–high."""
    if value is None:
        return DASH
    return f"{number(value.low, pollutant)}–{number(value.high, pollutant)}"


def primaries(day: Day, lang: Lang, *, most: int = 6) -> str:
    """The leading pollutants with their shares, most likely first."""
    if day.aqi is None:
        return DASH
    likely = [p for p in day.primary if p.share >= LIKELY_PRIMARY]
    if not likely:
        return say("no_primary", lang)
    return ("、" if lang == "zh" else ", ").join(map(_with_share, likely[:most]))


def _with_share(p: Primary) -> str:
    return f"{POLLUTANT_NAMES[p.pollutant]}\u00a0{percent(p.share)}"


def level_range(bulletin: Bulletin, value: Interval | None, lang: Lang) -> str:
    """Levels from the low to the high end of a range: 良至中度污染."""
    if value is None:
        return say("no_data", lang)
    low, high = bulletin.category(value.low), bulletin.category(value.high)
    if low is None or high is None:
        return say("no_data", lang)
    if low.level == high.level:
        return low.name[lang]
    if lang == "en":
        return f"{low.name.en} to {_lower(high.name.en)}"
    short = low.name.zh
    if short.endswith("污染") and high.name.zh.endswith("污染"):
        short = short.removesuffix("污染")
    return f"{short}至{high.name.zh}"


def headline(bulletin: Bulletin, lang: Lang) -> str:
    """One sentence: what to expect, and the worst that must be reckoned with."""
    known = [d for d in bulletin.days if d.aqi is not None]
    if not known:
        return say("no_data_long", lang)
    first, last = date(known[0].date, lang), date(known[-1].date, lang)
    whole = Interval(
        min(d.aqi.low for d in known if d.aqi),
        0.0,
        max(d.aqi.high for d in known if d.aqi),
    )
    worst = max(known, key=lambda d: d.aqi.high if d.aqi else 0.0)
    high = worst.aqi.high if worst.aqi else 0.0
    category = bulletin.category(high)
    name = category.name[lang] if category else DASH
    risk = exceedance(worst.over_200)
    span = level_range(bulletin, whole, lang)
    unknown = [date(d.date, lang) for d in bulletin.days if d.aqi is None]
    if unknown:
        comma = "、" if lang == "zh" else ", "
        first, last, until = comma.join(date(d.date, lang) for d in known), "", ""
    else:
        until = "至" if lang == "zh" else " to "
    rest = say("headline_unknown", lang, days=", ".join(unknown)) if unknown else ""
    if lang == "zh":
        return (
            f"预计{first}{until}{last}空气质量为{span}；最不利为{date(worst.date, lang)}，"
            f"AQI 上限 {number(high)}（{name}），重污染概率 {risk}。{rest}"
        )
    return (
        f"{first}{until}{last}: {_lower(span)}. Worst on {date(worst.date, lang)}: AQI up to "
        f"{number(high)} ({_lower(name)}), heavy pollution {risk}.{rest}"
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def labels(bulletin: Bulletin, lang: Lang) -> list[str]:
    """Badges that must be seen first: simulated, replay weather, no weather."""
    keys = ["simulated"] if bulletin.simulated else []
    keys += {"perfect": ["perfect"], "perturbed": ["perturbed"], "none": ["no_weather"]}.get(
        bulletin.weather.tier, []
    )
    return [say(k, lang) for k in keys]


def weather_line(bulletin: Bulletin, lang: Lang) -> str:
    """Source, tier and age of the weather forecast."""
    w = bulletin.weather
    if w.tier == "none":
        return say("weather_none", lang)
    parts = [w.source or w.tier]
    if w.source and w.tier != w.source:
        parts.append(w.tier)
    if w.vintage is not None:
        age = DASH if w.age_hours is None else f"{w.age_hours:.0f}"
        local = short_moment(w.vintage + bulletin.offset, lang)
        parts.append(say("vintage", lang, time=local, age=age))
    return " · ".join(parts)


def with_range(value: Interval | None, pollutant: str = "") -> str:
    """Median (low–high)."""
    if value is None:
        return DASH
    return f"{number(value.median, pollutant)} ({interval(value, pollutant)})"


def short_level(name: str) -> str:
    """A level's name without the word that all polluted ones share."""
    return name.replace("污染", "").replace(" polluted", "").strip()


def warning_title(warning: WarningBox | None, lang: Lang) -> str:
    """The proposal in a few words."""
    if warning is None:
        return DASH
    level = say(warning.level, lang) if warning.level else DASH
    return say(warning.action, lang, level=level)


def warning_line(b: Bulletin, lang: Lang) -> str:
    """When, and how likely the criteria of each level are met."""
    if b.warning is None:
        return say("warning_unknown", lang)
    parts = []
    if b.warning.start is not None and b.warning.end is not None:
        start, end = (short_moment(t + b.offset, lang) for t in (b.warning.start, b.warning.end))
        parts.append(say("period", lang, start=start, end=end))
    shares = "  ".join(
        f"{say(level, lang)} {percent(share)}" for level, share in b.warning.probabilities.items()
    )
    return " · ".join([*parts, f"{say('met', lang)}: {shares}"])


def fan_caption(b: Bulletin, lang: Lang) -> str:
    """What the line and the shades of the fan charts are."""
    if not b.fans:
        return DASH
    levels = b.fans[0].quantiles
    half = len(levels) // 2
    bands = " / ".join(
        f"{levels[i] * 100:.0f}–{levels[-1 - i] * 100:.0f}%" for i in range(half - 1, -1, -1)
    )
    return say("fan_caption", lang, bands=bands)


def health_line(b: Bulletin, lang: Lang) -> str:
    """How much of the network reported."""
    h = b.health
    if h is None:
        return DASH
    tiers = " ".join(f"{say(t, lang)} {seen}/{total}" for t, seen, total in h.by_tier)
    shares = " ".join(
        f"{say(key, lang)} {percent(value)}"
        for key, value in (
            ("missing_share", h.missing_share),
            ("suspect_share", h.suspect_share),
            ("fail_share", h.fail_share),
        )
    )
    inner = f" ({tiers})" if len(h.by_tier) > 1 else ""
    return f"{say('stations_reporting', lang)} {h.reporting}/{h.stations}{inner} · {shares}"


def small_print(b: Bulletin, lang: Lang, *, most: int = 2) -> list[str]:
    """How the bulletin was made and how it is to be read; at most `most` remarks of the run."""
    low, high = (f"{q * 100:.0f}" for q in b.range_quantiles)
    made = [
        f"{say('model', lang)}: {b.model} {b.model_version}".rstrip(),
        say("members", lang, n=b.members),
        f"{say('weather', lang)}: {weather_line(b, lang)}",
    ]
    p = b.provenance
    marks = [
        f"{say(key, lang)} {value}"
        for key, value in (
            ("run", p.run), ("config", p.config), ("data", p.data), ("code", p.code),
        )
        if value
    ]  # fmt: skip
    lines = []
    if b.simulated:
        lines.append(say("simulated_long", lang))
    if b.weather.tier in ("perfect", "perturbed"):
        lines.append(say(f"{b.weather.tier}_long", lang))
    if b.weather.tier == "none":
        lines.append(say("no_weather_long", lang))
    lines += [n.text[lang] for n in b.notes if n.severity == "info"][:most]
    if b.advice_assumed:
        lines.append(say("advice_assumed", lang))
    lines.append(" ".join((say("range_note", lang, low=low, high=high), say("dash_note", lang))))
    lines.append(f"{say('data_health', lang)}: {health_line(b, lang)}")
    return [*lines, " · ".join([*made, *marks])]
