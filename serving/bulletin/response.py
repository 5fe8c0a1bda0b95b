"""Control plan and resumption plan -> the sections a bulletin shows.

Takes the results of response/plan_run.py and resume_home.py, gives plain texts: totals against the
legal ratio, the cost, the largest orders, who may go back to work, what is assumed. A machine's
proposal, as the warning is.
"""

from typing import Final

import pandas as pd

from response import resumption_words
from response.controls_config import SPECIES
from response.controls_words import MODE_WORDS, SPECIES_WORDS
from response.plan_run import PlanResult
from response.resume_home import Resumed
from response.rules import Words
from response.warning_words import colour
from serving.bulletin.content import Section, Text

ROWS: Final = 8
_WAN: Final = 1e4
_MILLION: Final = 1e6
_SETTINGS: Final = {
    "base": Text("全社会排放基数", "whole-society emissions"),
    "other_measures": Text("扬尘和移动源减排量", "dust and mobile measures"),
    "ratios": Text("减排比例", "ratios"),
    "trading": Text("SO2与NOx调剂", "SO2 against NOx"),
    "grades": Text("绩效分级", "grades"),
    "modes": Text("可选措施", "modes"),
    "timing": Text("停启时间", "times to stop and restart"),
    "costs": Text("损失系数", "costs"),
    "trucks": Text("车辆排放系数", "emission per truck"),
    "fairness": Text("同类公平上限", "fairness bound"),
    "effect": Text("效果权重", "weights of the effect"),
    "near": Text("改单代价", "cost of changes"),
}


def plan_section(result: PlanResult) -> Section:
    """Totals against the ratios, cost, effect and the largest orders of a plan."""
    plan = result.plan
    changed = int((plan.modes != "normal").any(axis=1).sum())
    level = colour(plan.level)
    first, last = (f"{d:%m-%d}" for d in (plan.days[0], plan.days[-1]))
    zh = (
        f"按{level.zh}预警，{first}至{last}：{changed}/{len(plan.modes)}个生产单元采取措施，"
        f"损失约{plan.loss_yuan / _WAN:,.0f}万元"
    )
    en = (
        f"{level.en}, {first} to {last}: {changed} of {len(plan.modes)} units reduced, loss about "
        f"{plan.loss_yuan / _MILLION:,.1f} million yuan"
    )
    if plan.effect is not None:
        saved = " / ".join(f"{v:.1f}" for v in plan.effect["pm25"])
        zh += f"，全市PM2.5预计降低{saved} µg/m³"
        en += f"; PM2.5 of the city lower by {saved} µg/m³"
    points = [_ratio(plan.totals, s) for s in SPECIES]
    points += [Text(f"未达：{s.text.zh}", f"missed: {s.text.en}") for s in plan.shortfalls]
    if plan.conflict_text is not None:
        points.append(Text(plan.conflict_text.zh, plan.conflict_text.en))
    columns, rows = _orders(result)
    names = [_SETTINGS.get(s, Text(s, s)) for s, _ in plan.assumptions]
    kept = list(dict.fromkeys((n.zh, n.en) for n in names))
    said = Text(
        "待确认的设定：" + "、".join(zh for zh, _ in kept),
        "to be confirmed: " + ", ".join(en for _, en in kept),
    )
    return Section(
        Text("减排方案建议", "Proposed control plan"), Text(zh + "。", en + "."), tuple(points),
        columns, rows, (said, *(Text(n.zh, n.en) for n in result.notes)),
    )  # fmt: skip


def resumption_section(resumed: Resumed, planned: PlanResult | None = None) -> Section:
    """Who may go back to work, the promises, what it rests on.

    A unit that the same run's plan orders to reduce waits: the order goes before the request.
    """
    plan = resumed.result.plan
    counts = pd.Series([d.outcome for d in plan.decisions]).value_counts()
    said = [(resumption_words.OUTCOMES[str(o)], n) for o, n in counts.items()]
    zh = "，".join(f"{w.zh}{n}项" for w, n in said)
    en = ", ".join(f"{w.en} {n}" for w, n in said)
    points = []
    for p in plan.promises:
        name, accepted = resumption_words.cell(plan, p.cell), p.cell.limit.accepted
        shares = f"{accepted:.0%} / {p.base:.0%} / {p.planned:.0%}"
        points.append(
            Text(
                f"{name.zh}的概率（可接受/现状/复产后）：{shares}",
                f"P({name.en}), accepted / now / with the plan: {shares}",
            )
        )
    orders = None if planned is None else planned.plan.orders
    bound = set() if orders is None else set(orders[orders["mode"] != "normal"]["unit"])
    held = sum(d.unit in bound and d.outcome != "wait" for d in plan.decisions)
    if held:
        zh += f"；其中{held}项本次方案要求减排，从方案，暂缓"
        en += f"; {held} of them are under orders of the proposed plan and wait"
    rows = []
    for d in plan.decisions[:ROWS]:
        what, why = resumption_words.outcome(plan, d), resumption_words.reason(plan, d)
        if d.unit in bound:
            what = resumption_words.OUTCOMES["wait"]
            why = Words(zh="本次减排方案要求该单元减排", en="the proposed plan orders it to reduce")
        rows.append((Text(d.unit, d.unit), Text(what.zh, what.en), Text(why.zh, why.en)))
    basis = resumed.result.settings.basis.note
    notes = [Text(n.zh, n.en) for n in resumed.notes]
    if basis is not None:
        notes.append(Text(f"待确认：{basis.zh}", f"to be confirmed: {basis.en}"))
    columns = (Text("生产单元", "Unit"), Text("建议", "Proposal"), Text("理由", "Reason"))
    return Section(
        Text("复产建议", "Proposed resumption"),
        Text(f"{len(plan.decisions)}项申请：{zh}。", f"{len(plan.decisions)} requests: {en}."),
        tuple(points), columns, tuple(rows), tuple(notes),
    )  # fmt: skip


def _ratio(totals: pd.DataFrame, species: str) -> Text:
    rows = totals[totals["species"] == species]
    reached = " / ".join(f"{v:.1f}" for v in rows["reached"])
    required = rows["required"].iloc[0]
    name = SPECIES_WORDS[species]
    met, traded = bool(rows["met"].all()), bool(rows["traded"].any())
    mark = ("调剂达标", "met by trading") if traded and met else ("达标", "met")
    mark = mark if met else ("未达标", "missed")
    return Text(
        f"{name.zh}减排{reached}%，要求{required:.0f}%：{mark[0]}",
        f"{name.en} cut by {reached} %, {required:.0f} % required: {mark[1]}",
    )


def _orders(result: PlanResult) -> tuple[tuple[Text, ...], tuple[tuple[Text, ...], ...]]:
    """The orders that lower PM2.5 most (without contributions: that cost most), first day."""
    plan = result.plan
    orders = plan.orders[(plan.orders["day"] == plan.days[0]) & (plan.orders["mode"] != "normal")]
    by = "loss_yuan" if plan.effect is None else "effect_pm25"
    most = orders.sort_values(by, ascending=False, kind="stable").head(ROWS)
    rows = []
    for r in most.to_dict("records"):
        mode = MODE_WORDS[str(r["mode"])]
        firm = str(r["enterprise_name"] or r["enterprise"])
        unit = str(r["unit_name"] or r["unit"])
        mark = " *" if r["assumption"] else ""
        effect = "—" if plan.effect is None else f"{r['effect_pm25']:.2f}"
        loss = r["loss_yuan"] / _WAN
        rows.append(
            (
                Text(firm, firm), Text(unit, unit), Text(mode.zh + mark, mode.en + mark),
                Text(f"{r['load']:.0%}", f"{r['load']:.0%}"),
                Text(f"{loss:.1f}万", f"{loss / 100:.2f} M"), Text(effect, effect),
            )
        )  # fmt: skip
    columns = (
        Text("企业", "Enterprise"), Text("生产单元", "Unit"),
        Text("措施（*待确认）", "Measure (* to be confirmed)"), Text("负荷", "Load"),
        Text("损失（元）", "Loss (yuan)"), Text("降低PM2.5", "PM2.5 µg/m³"),
    )  # fmt: skip
    return columns, tuple(rows)
