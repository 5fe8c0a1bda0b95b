"""A proposal in words, Chinese and English, and as plain data for pages and files.

Takes what warning.py found; computes nothing about the air. Times are shown in local time.
"""

from datetime import timezone
from typing import Any, Final

import pandas as pd

from forecast.schema import VARIABLES
from response.rules import Basis, Condition, Criterion, Words
from response.warning import CriterionResult, Moment, Proposal

COLOURS: Final = {
    "blue": Words(zh="蓝色", en="blue"),
    "yellow": Words(zh="黄色", en="yellow"),
    "orange": Words(zh="橙色", en="orange"),
    "red": Words(zh="红色", en="red"),
}
_NONE: Final = Words(zh="无", en="none")


def colour(level: str | None) -> Words:
    """A level's name in both languages."""
    return _NONE if level is None else COLOURS[level]


def criterion_text(criterion: Criterion) -> Words:
    """A criterion in words, without its level."""
    parts = [_condition(c) for c in criterion.all_of]
    return Words(zh="，且".join(p.zh for p in parts), en=" and ".join(p.en for p in parts))


def local(at: pd.Timestamp, offset: pd.Timedelta) -> Words:
    """A naive UTC time in local words."""
    t = at + offset
    return Words(zh=f"{t.month}月{t.day}日{t.hour:02d}时", en=f"{t:%Y-%m-%d %H:%M}")


def iso(at: pd.Timestamp, offset: pd.Timedelta) -> str:
    """A naive UTC time as ISO 8601 with the local offset."""
    zone = timezone(offset.to_pytimedelta())
    return (at + offset).tz_localize(zone).isoformat()


def reasons(p: Proposal) -> tuple[Words, ...]:
    """Why this is proposed: what is met, when, how sure, and what rests on assumptions."""
    said = [_headline(p), _probabilities(p)]
    said += [_criterion(p, r) for r in p.criteria if r.probability > 0]
    said += _episode(p) + _timing(p) + _signs(p) + _dust_and_ozone(p)
    said += [Words(zh=f"依据待确认：{n.zh}。", en=f"Assumption: {n.en}.") for n in assumptions(p)]
    return (*said, *p.rules.notes)


def assumptions(p: Proposal) -> tuple[Words, ...]:
    """Notes on those rules behind this proposal that were not read in their source."""
    used: list[Basis] = [r.criterion.basis for r in p.criteria]
    if p.action in ("start", "raise"):
        used.append(p.rules.lead_time.basis)
    if p.current_level:
        used += [p.rules.cancellation.basis, p.rules.downgrade.basis]
    if p.measured and p.measured.triggered:
        used.append(p.rules.measured_trigger.basis)
    if p.dust.probability > 0:
        used += [p.rules.dust.basis, p.rules.dust.suspected.basis]
    if p.ozone and p.ozone.probability > 0:
        used.append(p.rules.ozone.basis)
    if p.own_level:
        used.append(p.rules.episodes.basis)
    return tuple(dict.fromkeys(b.note for b in used if b.assumption and b.note))


def as_dict(p: Proposal) -> dict[str, Any]:
    """A proposal as plain data: times ISO with offset, both languages."""
    why = reasons(p)
    return {
        "rules": p.rules.edition,
        "issue_time": iso(p.issue_time, p.offset),
        "level": p.level,
        "own_level": p.own_level,
        "action": p.action,
        "current_level": p.current_level,
        "notified_level": p.notified_level,
        "members": p.members,
        "probability": dict(p.probability),
        "thresholds": dict(p.thresholds),
        "start": _moment(p.start, p.offset),
        "end": _moment(p.end, p.offset),
        "open_end": p.open_end,
        "primary": dict(p.primary),
        "announce_by": iso(p.announce_by, p.offset) if p.announce_by is not None else None,
        "at_once": p.at_once,
        "late": p.late,
        "consult": p.consult,
        "cancel_known": p.cancel_known,
        "criteria": [_result(r, p.offset) for r in p.criteria],
        "measured": p.measured and vars(p.measured),
        "ozone": p.ozone and vars(p.ozone),
        "dust": vars(p.dust),
        "assumptions": [{"zh": n.zh, "en": n.en} for n in assumptions(p)],
        "reasons_zh": [w.zh for w in why],
        "reasons_en": [w.en for w in why],
    }


def _headline(p: Proposal) -> Words:
    now, new = colour(p.current_level), colour(p.level)
    zh, en = {
        "none": ("不建议启动预警", "No warning is proposed"),
        "start": (f"建议启动{new.zh}预警", f"Proposed: start a warning, level {new.en}"),
        "raise": (
            f"建议由{now.zh}升级为{new.zh}预警",
            f"Proposed: raise the warning from {now.en} to {new.en}",
        ),
        "keep": (f"建议维持{now.zh}预警", f"Proposed: keep the {now.en} warning"),
        "lower": (
            f"建议由{now.zh}降级为{new.zh}预警",
            f"Proposed: lower the warning from {now.en} to {new.en}",
        ),
        "cancel": (f"建议解除{now.zh}预警", f"Proposed: cancel the {now.en} warning"),
    }[p.action]
    name = p.rules.name
    return Words(
        zh=f"{zh}（{name.zh}，{p.rules.document}）。", en=f"{en} ({name.en}, {p.rules.document})."
    )


def _probabilities(p: Proposal) -> Words:
    pairs = p.probability.items()
    zh = "，".join(f"{colour(n).zh}{v:.0%}（阈值{p.thresholds[n]:.0%}）" for n, v in pairs)
    en = ", ".join(f"{n} {v:.0%} (threshold {p.thresholds[n]:.0%})" for n, v in pairs)
    return Words(
        zh=f"达到该级别及以上的成员比例（{p.members}个成员）：{zh}。",
        en=f"Share of {p.members} members that reach the level or a higher one: {en}.",
    )


def _criterion(p: Proposal, r: CriterionResult) -> Words:
    text, name = criterion_text(r.criterion), colour(r.criterion.level)
    when = _between(r.start, r.end, p.offset)
    return Words(
        zh=f"{name.zh}条件“{text.zh}”：概率{r.probability:.0%}，{when.zh}。",
        en=f"{name.en.capitalize()} criterion, {text.en}: "
        f"probability {r.probability:.0%}, {when.en}.",
    )


def _episode(p: Proposal) -> list[Words]:
    if p.own_level is None:
        return []
    when = _between(p.start, p.end, p.offset)
    said = [Words(zh=f"过程：{when.zh}。", en=f"Episode: {when.en}.")]
    if p.open_end > 0:
        said.append(
            Words(
                zh=f"{p.open_end:.0%}的成员至预报末尾仍未结束。",
                en=f"In {p.open_end:.0%} of these members it is still on when the forecast ends.",
            )
        )
    if p.primary:
        zh = "，".join(f"{VARIABLES[n].zh} {v:.0%}" for n, v in p.primary)
        en = ", ".join(f"{VARIABLES[n].en} {v:.0%}" for n, v in p.primary)
        said.append(Words(zh=f"首要污染物（占窗口比例）：{zh}。", en=f"Primary, by windows: {en}."))
    return said


def _timing(p: Proposal) -> list[Words]:
    said = []
    hours = p.rules.lead_time.hours
    if p.at_once:
        said.append(
            Words(zh="应立即启动，不适用提前量。", en="To be started at once, without lead time.")
        )
    elif p.announce_by is not None:
        by = local(p.announce_by, p.offset)
        late = Words(
            zh="，已晚于该时刻，应尽快发布", en="; that has passed, issue it without delay"
        )
        said.append(
            Words(
                zh=f"最迟应于{by.zh}发布（提前{hours}小时）{late.zh if p.late else ''}。",
                en=f"To be issued by {by.en} ({hours} h ahead){late.en if p.late else ''}.",
            )
        )
    hold = p.rules.cancellation.hours
    if p.current_level and not p.cancel_known:
        said.append(
            Words(
                zh=f"未来{hold}小时以上的指数不全，不能判断解除或降级。",
                en=f"The index of the next {hold} h and more is not known: "
                "no cancelling or lowering.",
            )
        )
    elif p.action == "cancel":
        said.append(
            Words(
                zh=f"预测低于最低预警条件将持续{hold}小时以上。",
                en=f"Below the lowest level's criteria for more than {hold} h to come.",
            )
        )
        if p.own_level:
            said.append(
                Words(
                    zh=f"其后另有过程达到{colour(p.own_level).zh}条件，应另行启动。",
                    en=f"A separate later episode calls for {p.own_level}: start it anew.",
                )
            )
    if p.consult:
        said.append(Words(zh="降级或解除前须重新会商。", en="Consult again before lowering it."))
    return said


def _signs(p: Proposal) -> list[Words]:
    said = []
    if p.measured and p.measured.triggered:
        ahead, m = p.rules.measured_trigger.improvement_hours, p.measured
        said.append(
            Words(
                zh=f"实测24小时AQI为{m.aqi:.0f}，未来{ahead}小时无明显改善的概率{m.no_improvement:.0%}。",
                en=f"Measured 24-h AQI is {m.aqi:.0f}; no clear improvement in the next {ahead} h "
                f"with probability {m.no_improvement:.0%}.",
            )
        )
    if p.notified_level:
        name = colour(p.notified_level)
        own = colour(p.own_level)
        said.append(
            Words(
                zh=f"上级通知{name.zh}预警（本地预测：{own.zh}），级别取高者。",
                en=f"Notified from above: {name.en} (own forecast: {own.en}); "
                "the higher one holds.",
            )
        )
    return said


def _dust_and_ozone(p: Proposal) -> list[Words]:
    said = []
    if p.dust.probability > 0:
        counted = colour(p.dust.level_with)
        zh = f"已不计PM10，若计入则为{counted.zh}" if p.dust.excluded else "仍计入"
        en = (
            f"PM10 is left out there; counted, the level is {counted.en}"
            if p.dust.excluded
            else "it is counted"
        )
        said.append(
            Words(
                zh=f"疑似沙尘（{p.dust.probability:.0%}的成员）：{zh}。",
                en=f"Dust suspected ({p.dust.probability:.0%} of members): {en}.",
            )
        )
    if p.ozone and p.ozone.notice:
        said.append(
            Words(
                zh=f"臭氧重污染概率{p.ozone.probability:.0%}：不启动颜色预警，发布健康提示。",
                en=f"Heavy ozone pollution with probability {p.ozone.probability:.0%}: "
                "no colour, a health notice.",
            )
        )
    return said


def _condition(c: Condition) -> Words:
    sign, word = (">", "above") if c.gt is not None else ("≥", "at least")
    return Words(
        zh=f"24小时AQI{sign}{c.bound}持续{c.hours}小时",
        en=f"24-h AQI {word} {c.bound} for {c.hours} h",
    )


def _between(start: Moment | None, end: Moment | None, offset: pd.Timedelta) -> Words:
    if start is None or end is None:
        return Words(zh="时间未知", en="time unknown")
    a, b = _spread(start, offset), _spread(end, offset)
    return Words(zh=f"{a.zh}至{b.zh}", en=f"from {a.en} to {b.en}")


def _spread(m: Moment, offset: pd.Timedelta) -> Words:
    middle, early, late = (local(t, offset) for t in (m.median, m.early, m.late))
    if m.early == m.late:
        return middle
    return Words(
        zh=f"{middle.zh}（10–90%：{early.zh}–{late.zh}）",
        en=f"{middle.en} (10-90 %: {early.en} .. {late.en})",
    )


def _moment(m: Moment | None, offset: pd.Timedelta) -> dict[str, str] | None:
    if m is None:
        return None
    return {n: iso(getattr(m, n), offset) for n in ("median", "early", "late")}


def _result(r: CriterionResult, offset: pd.Timedelta) -> dict[str, Any]:
    text = criterion_text(r.criterion)
    return {
        "level": r.criterion.level,
        "text": text.en,
        "text_zh": text.zh,
        "probability": r.probability,
        "start": _moment(r.start, offset),
        "end": _moment(r.end, offset),
        "assumption": r.criterion.basis.assumption,
        "source": r.criterion.basis.source,
    }
