"""A resumption plan in words (Chinese and English), as a table and machine-readable.

Says per request what it gets, why, what would change it and the risk it adds; names what rests on
climatology and what is assumed.
"""

from typing import Any, Final

import pandas as pd

from forecast.schema import CITY_AREA
from response.resumption_options import DAY
from response.resumption_records import Cell, Decision, Plan, Promise, Risk
from response.resumption_settings import Limit, Settings
from response.rules import Words

NAMES: Final = {
    "aqi": Words(zh="日AQI", en="daily AQI"),
    "pm25": Words(zh="PM2.5日均", en="daily PM2.5"),
    "pm10": Words(zh="PM10日均", en="daily PM10"),
    "so2": Words(zh="SO₂日均", en="daily SO2"),
    "no2": Words(zh="NO₂日均", en="daily NO2"),
    "co": Words(zh="CO日均", en="daily CO"),
    "o3": Words(zh="O₃日最大8小时", en="daily 8-h O3"),
}
OUTCOMES: Final = {
    "start_now": Words(zh="立即复产", en="start now"),
    "start_at": Words(zh="定时复产", en="start at"),
    "partial": Words(zh="部分负荷", en="partial load"),
    "wait": Words(zh="暂缓", en="wait"),
}


def limit(x: Limit) -> Words:
    """A limit in words."""
    n = NAMES[x.metric]
    area = {CITY_AREA: "全市"}.get(x.area, x.area)
    if x.days_allowed is None:
        return Words(zh=f"{area}{n.zh}>{x.above:g}", en=f"{x.area} {n.en} > {x.above:g}")
    return Words(
        zh=f"{area}{n.zh}>{x.above:g}超过{x.days_allowed}天",
        en=f"{x.area} {n.en} > {x.above:g} on more than {x.days_allowed} days",
    )


def cell(plan: Plan, c: Cell) -> Words:
    """A promise in words: its day or days and its limit."""
    first, last = plan.base.days[min(c.days)], plan.base.days[max(c.days)]
    when = f"{first:%m-%d}" if first == last else f"{first:%m-%d}~{last:%m-%d}"
    name = limit(c.limit)
    return Words(zh=f"{when} {name.zh}", en=f"{when} {name.en}")


def at(plan: Plan, hours: float) -> str:
    """Local time of hours from the first judged day's midnight."""
    start = pd.Timestamp(plan.base.days[0]) + pd.Timedelta(hours=hours)
    return f"{start:%Y-%m-%d %H:%M}"


def outcome(plan: Plan, d: Decision) -> Words:
    """What a request gets."""
    name = OUTCOMES[d.outcome]
    if d.start is None or d.load is None:
        return name
    when, load = at(plan, d.start), f"{d.load:.0%}"
    maybe = (
        Words(zh="（暂定，依据气候态）", en=" (provisional, by climatology)")
        if d.provisional
        else Words.model_construct(zh="", en="")
    )
    if d.outcome == "start_now":
        return Words(zh=f"{name.zh}（{when}）", en=f"{name.en} ({when})")
    if d.outcome == "partial":
        return Words(
            zh=f"{when}起{name.zh}{load}{maybe.zh}", en=f"{name.en} {load} from {when}{maybe.en}"
        )
    return Words(zh=f"{when}复产{maybe.zh}", en=f"{name.en} {when}{maybe.en}")


def reason(plan: Plan, d: Decision) -> Words:
    """Why a request gets what it gets."""
    if d.hindered is not None:
        h, name = d.hindered, cell(plan, d.hindered.cell)
        accepted = h.cell.limit.accepted
        if h.before > accepted:
            return Words(
                zh=f"{name.zh}的概率本已为{_pc(h.before)}，高于可接受的{_pc(accepted)}，不得再增排",
                en=f"P({name.en}) is {_pc(h.before)} already, above the accepted {_pc(accepted)}: "
                "nothing may be added",
            )
        return Words(
            zh=f"如期满负荷复产，{name.zh}的概率将由{_pc(h.before)}升至{_pc(h.after)}，"
            f"超过可接受的{_pc(accepted)}",
            en=f"At full load as wished P({name.en}) would rise from {_pc(h.before)} to "
            f"{_pc(h.after)}, above the accepted {_pc(accepted)}",
        )
    if d.full:
        return Words(
            zh="所申请时段同时启动的单元已满，错峰启动",
            en="as many units as may start together already start at the time asked for",
        )
    if d.start is None:
        return Words(
            zh="申请时间在本次评估时段之外，临近时再报",
            en="asked for a time beyond the days judged; ask again when it is near",
        )
    if d.headroom is not None and d.headroom < 0:
        return Words(
            zh="基线已破底线，但按预报该单元当日不增加全市贡献",
            en="the base breaks a promise, but by the forecast this unit adds nothing to it",
        )
    return Words(zh="各项底线均可守住", en="every promise is kept")


def change(plan: Plan, d: Decision) -> Words:
    """What would change a decision."""
    if d.hindered is not None:
        h, name = d.hindered, cell(plan, d.hindered.cell)
        load = d.passing_load or 0.0
        passes = (
            Words(zh=f"；或负荷不高于{_floor(load)}", en=f", or a load of at most {_floor(load)}")
            if load >= 0.01
            else Words(zh="；低负荷也不行", en="; no lower load would do")
        )
        return Words(
            zh=f"可接受概率不低于{_pc(h.after)}（{name.zh}）{passes.zh}；或预报转好",
            en=f"an accepted probability of at least {_pc(h.after)} ({name.en}){passes.en}; "
            "or a better forecast",
        )
    if d.full:
        return Words(zh="同时启动上限提高", en="a higher limit on simultaneous starts")
    if d.start is None:
        return Words(zh="评估时段覆盖申请时间", en="a horizon that reaches the time asked for")
    room = 100 * (d.headroom or 0.0)
    if room < 0:
        return Words(
            zh="基线已破底线；该单元当日不增加超标贡献",
            en="the base itself breaks a promise; this unit adds nothing to it",
        )
    return Words(
        zh=f"预报转差，使超标概率再升{room:.1f}个百分点以上",
        en=f"a forecast worse by more than {room:.1f} percentage points",
    )


def table(plan: Plan, requests: pd.DataFrame) -> pd.DataFrame:
    """One row per request in the order they were taken, Chinese column names."""
    rows = []
    for d in plan.decisions:
        r: dict[str, Any] = requests.loc[d.unit].to_dict()  # type: ignore[assignment]
        rows.append(
            {
                "顺序": d.order,
                "生产单元": d.unit,
                "企业": r["enterprise"],
                "绩效分级": r["grade"],
                "结论": outcome(plan, d).zh,
                "复产时间": "" if d.start is None else at(plan, d.start),
                "负荷(%)": None if d.load is None else round(100 * d.load),
                "依据": "" if d.start is None else ("气候态" if d.provisional else "预报"),
                "原因": reason(plan, d).zh,
                "什么会改变结论": change(plan, d).zh,
                "增加风险(百分点)": round(d.risk.added_pp, 1),
                "风险所在": cell(plan, d.risk.cell).zh,
                "评估期产值(元)": round(d.output_days * float(r["value_yuan_d"])),
                "暴露(µg/m³)": float(f"{d.exposure:.3g}"),
            }
        )
    return pd.DataFrame(rows)


def as_dict(plan: Plan) -> dict[str, Any]:
    """The machine-readable plan; local times, probabilities 0..1, unrounded."""
    return {
        "days": [f"{d:%Y-%m-%d}" for d in plan.base.days],
        "forecast_days": plan.base.forecast_days,
        "decisions": [
            {
                "unit": d.unit,
                "order": d.order,
                "outcome": d.outcome,
                "start": None
                if d.start is None
                else at(plan, d.start).replace(" ", "T") + "+08:00",
                "load": d.load,
                "provisional": d.provisional,
                "output_days": d.output_days,
                "exposure": d.exposure,
                "reason": reason(plan, d).model_dump(),
                "change": change(plan, d).model_dump(),
                "risk": _risk(plan, d.risk),
                "hindered": None if d.hindered is None else _risk(plan, d.hindered),
                "passing_load": d.passing_load,
            }
            for d in plan.decisions
        ],
        "promises": [_promise(plan, p) for p in plan.promises],
    }


def words(plan: Plan, settings: Settings) -> tuple[Words, ...]:
    """The plan in words: each request, each promise, what is assumed."""
    out = []
    for d in plan.decisions:
        o, r, c = outcome(plan, d), reason(plan, d), change(plan, d)
        pp = d.risk.added_pp
        where = cell(plan, d.risk.cell)
        if d.outcome == "wait":
            risk = Words(zh=f"若启动将增加{pp:.1f}", en=f"would add {pp:.1f}")
        else:
            risk = Words(zh=f"增加{pp:.1f}", en=f"adds {pp:.1f}")
        out.append(
            Words(
                zh=f"{d.order}. {d.unit}：{o.zh}。{r.zh}；{risk.zh}个百分点（{where.zh}）。"
                f"改变条件：{c.zh}。",
                en=f"{d.order}. {d.unit}: {o.en}. {r.en}; {risk.en} percentage points "
                f"({where.en}). What would change it: {c.en}.",
            )
        )
    out += [_promise_words(plan, p) for p in plan.promises]
    days = plan.base.forecast_days
    if len(plan.base.days) > days:
        last = plan.base.days[days - 1]
        out.append(
            Words(
                zh=f"{last:%m-%d}之后无逐日预报，采用往年同期气候态天气和预报日平均贡献；"
                "其间的复产时间为暂定，须以后续预报确认。",
                en=f"After {last:%m-%d} there is no forecast: past years' weather and the mean "
                "contribution of the forecast days stand in; starts there are provisional.",
            )
        )
    if settings.basis.note is not None:
        n = settings.basis.note
        out.append(Words(zh=f"* 待确认：{n.zh}。", en=f"* Assumption: {n.en}."))
    if plan.first < 0:
        out.append(
            Words(
                zh=f"* 今日剩余{min(-plan.first, DAY):.0f}小时的影响未评估（无当日预报日均值）。",
                en=f"* The remaining {min(-plan.first, DAY):.0f} h of today are not judged.",
            )
        )
    return tuple(out)


def _iso(plan: Plan, hours: float) -> str:
    return at(plan, hours).replace(" ", "T") + "+08:00"


def _promise_words(plan: Plan, p: Promise) -> Words:
    name, accepted = cell(plan, p.cell), p.cell.limit.accepted
    kept = Words(zh="守住", en="kept")
    if not p.kept:
        broken = p.base > accepted
        kept = Words(zh="基线已破", en="broken by the base") if broken else Words(
            zh="未守住", en="broken")  # fmt: skip
    basis = Words(zh="（气候态）", en=" (climatology)") if p.provisional else Words.model_construct(
        zh="", en="")  # fmt: skip
    return Words(
        zh=f"底线{basis.zh} {name.zh}：可接受{_pc(accepted)}，现{_pc(p.base)}，"
        f"复产后{_pc(p.planned)}，{kept.zh}",
        en=f"Promise{basis.en} {name.en}: accepted {_pc(accepted)}, now {_pc(p.base)}, "
        f"with the plan {_pc(p.planned)}: {kept.en}",
    )


def _risk(plan: Plan, r: Risk) -> dict[str, Any]:
    return {
        "promise": cell(plan, r.cell).en,
        "before": r.before,
        "after": r.after,
        "added_pp": r.added_pp,
        "accepted": r.cell.limit.accepted,
    }


def _promise(plan: Plan, p: Promise) -> dict[str, Any]:
    return {
        "area": p.cell.limit.area,
        "metric": p.cell.limit.metric,
        "above": p.cell.limit.above,
        "days": [f"{plan.base.days[d]:%Y-%m-%d}" for d in p.cell.days],
        "days_allowed": p.cell.limit.days_allowed,
        "accepted": p.cell.limit.accepted,
        "base": p.base,
        "planned": p.planned,
        "kept": p.kept,
        "provisional": p.provisional,
    }


def _pc(p: float) -> str:
    return f"{100 * p:.3g}%"


def _floor(load: float) -> str:
    return f"{int(100 * load)}%"
