"""A control plan for people and programs: JSON values, tables for CSV and Excel, lines of words."""

import json
from pathlib import Path
from typing import Any, Final

import pandas as pd

from forecast import files
from response.controls_case import Plan
from response.controls_config import SPECIES
from response.controls_words import MODE_WORDS, SPECIES_WORDS
from response.register_cells import inert
from response.warning_words import colour

GOAL_WORDS: Final = {
    "least_loss": ("损失最小", "least loss"),
    "most_effect": ("损失上限内效果最大", "most effect within the budget"),
    "bottom_line": ("守住空气质量底线", "the bottom line kept"),
}
_STATUS: Final = {
    "optimal": ("达到设定精度", "within the wanted gap"),
    "time_limit": ("到时限，为已找到的最好方案", "time limit: the best plan found"),
    "fallback": (
        "到时限未求得方案，按线性松弛取整，偏严",
        "nothing settled in time: the linear relaxation rounded up, stricter than need be",
    ),
}
_COLUMNS_ZH: Final = {
    "enterprise": "企业", "enterprise_name": "企业名称", "unit": "生产单元",
    "unit_name": "生产单元名称", "day": "日期", "area": "区域", "grade": "绩效等级",
    "industry": "行业", "mode_zh": "措施", "action": "动作", "load": "负荷",
    "mean_load": "日均负荷",
    "trucks_after": "运输车辆（辆/日）", "cut_so2": "减排SO2（千克）", "cut_nox": "减排NOx（千克）",
    "cut_pm": "减排颗粒物（千克）", "cut_voc": "减排VOCs（千克）", "loss_yuan": "损失（元）",
    "effect_pm25": "降低城市PM2.5（微克/立方米）", "reason_zh": "理由", "source": "依据",
    "assumption": "待确认",
}  # fmt: skip


def as_dict(plan: Plan) -> dict[str, Any]:
    """Plain JSON values; days are ISO dates, unknown numbers None."""
    orders = plan.orders.assign(day=plan.orders["day"].dt.strftime("%Y-%m-%d"))
    totals = plan.totals.assign(day=plan.totals["day"].dt.strftime("%Y-%m-%d"))
    effect = None
    if plan.effect is not None:
        effect = plan.effect.set_axis([f"{d:%Y-%m-%d}" for d in plan.days]).to_dict("index")
    return {
        "level": plan.level,
        "goal": plan.goal,
        "days": [f"{d:%Y-%m-%d}" for d in plan.days],
        "status": plan.status,
        "gap": plan.gap,
        "seconds": round(plan.seconds, 3),
        "feasible": plan.feasible,
        "loss_yuan": plan.loss_yuan,
        "effect": effect,
        "promised": None if plan.promised is None else list(plan.promised),
        "without": None if plan.without is None else list(plan.without),
        "minor_used": plan.minor_used,
        "shortfalls": [
            {
                "target": s.target,
                "day": None if s.day is None else f"{s.day:%Y-%m-%d}",
                "required": s.required, "reached": s.reached, "units": s.units,
                "text": s.text.en, "text_zh": s.text.zh,
            }
            for s in plan.shortfalls
        ],
        "conflicts": list(plan.conflicts),
        "conflict_text": None if plan.conflict_text is None else plan.conflict_text.en,
        "conflict_text_zh": None if plan.conflict_text is None else plan.conflict_text.zh,
        "assumptions": [{"section": a, "source": b} for a, b in plan.assumptions],
        "totals": json.loads(totals.to_json(orient="records")),
        "orders": json.loads(orders.to_json(orient="records", double_precision=6)),
    }  # fmt: skip


def tables(plan: Plan) -> dict[str, pd.DataFrame]:
    """The tables of a plan, by name.

    Returns:
        orders: Every unit and day that is not left alone, Chinese headers; unchanged: the units
        left alone and why (first day); totals; by_industry, by_area, by_grade: loss, cuts [kg, sum
        of days] and how many units are reduced.
    """
    orders = plan.orders.assign(mode_zh=plan.orders["mode"].map(lambda m: MODE_WORDS[m].zh))
    reduced = orders[orders["mode"] != "normal"]
    alone = orders.groupby("unit")["mode"].transform(lambda m: (m == "normal").all())
    first = orders[alone & (orders["day"] == plan.days[0])]
    made = {
        "orders": reduced[list(_COLUMNS_ZH)].rename(columns=_COLUMNS_ZH),
        "unchanged": first[
            ["enterprise", "enterprise_name", "unit", "unit_name", "grade", "industry", "reason_zh"]
        ].rename(columns=_COLUMNS_ZH),
        "totals": plan.totals,
    }
    for name in ("industry", "area", "grade"):
        made[f"by_{name}"] = orders.groupby(name).agg(
            loss_yuan=("loss_yuan", "sum"),
            **{f"cut_{s}": (f"cut_{s}", "sum") for s in SPECIES},
            effect_pm25=("effect_pm25", "sum"),
            units=("unit", "nunique"),
        )
        changed = reduced.groupby(name)["unit"].nunique()
        made[f"by_{name}"]["units_reduced"] = changed.reindex(made[f"by_{name}"].index).fillna(0)
        made[f"by_{name}"] = made[f"by_{name}"].sort_values("loss_yuan", ascending=False)
    return made


def write(plan: Plan, out: Path) -> tuple[Path, ...]:
    """plan.json, one CSV per table (UTF-8 with mark, as Excel wants it) and plan.xlsx."""
    paths = [out / "plan.json"]
    text = json.dumps(as_dict(plan), ensure_ascii=False, indent=1, allow_nan=False)
    files.write_text(paths[0], text)
    made = {name: inert(table) for name, table in tables(plan).items()}
    for name, table in made.items():
        paths.append(out / f"{name}.csv")
        keep = table.index.name is not None
        files.write_text(paths[-1], "\ufeff" + table.to_csv(index=keep))
    book = out / "plan.xlsx"

    def workbook(path: Path) -> None:
        with path.open("wb") as f, pd.ExcelWriter(f, engine="openpyxl") as writer:
            for name, table in made.items():
                table.to_excel(writer, sheet_name=name, index=table.index.name is not None)

    files.replace_file(book, workbook)
    return (*paths, book)


def lines(plan: Plan) -> list[str]:
    """The plan in words, Chinese then English."""
    return _lines(plan, 0) + _lines(plan, 1)


def _lines(plan: Plan, lang: int) -> list[str]:
    zh = lang == 0
    level, goal, status = colour(plan.level), GOAL_WORDS[plan.goal], _STATUS[plan.status]
    changed = int((plan.modes != "normal").any(axis=1).sum())
    span = f"{plan.days[0]:%Y-%m-%d}..{plan.days[-1]:%Y-%m-%d}"
    gap = "—" if plan.gap is None else f"{plan.gap:.2%}"
    said = [
        f"减排方案（{level.zh}，{goal[0]}）{span}：{changed}/{len(plan.modes)}个生产单元采取措施，"
        f"损失{plan.loss_yuan / 1e4:.0f}万元"
        if zh
        else f"Control plan ({level.en}, {goal[1]}) {span}: {changed} of {len(plan.modes)} units "
        f"reduced, loss {plan.loss_yuan / 1e4:.0f}e4 yuan",
        f"求解：{status[0]}，差距{gap}，{plan.seconds:.1f}秒"
        if zh
        else f"Solved: {status[1]}, gap {gap}, {plan.seconds:.1f} s",
    ]
    for species in SPECIES:
        rows = plan.totals[plan.totals["species"] == species]
        name = SPECIES_WORDS[species]
        reached = "/".join(f"{v:.1f}" for v in rows["reached"])
        required = rows["required"].iloc[0]
        traded = rows["traded"].any()
        said.append(
            f"  {name.zh}减排{reached}%（要求{required:.0f}%{'，SO2与NOx调剂' if traded else ''}）"
            if zh
            else f"  {name.en}: {reached} % of {required:.0f} % required"
            f"{', SO2 and NOx traded' if traded else ''}"
        )
    if plan.promised is not None and plan.without is not None:
        before = "/".join(f"{v:.0%}" for v in plan.without)
        after = "/".join(f"{v:.0%}" for v in plan.promised)
        said.append(
            f"  超过底线的概率：无方案{before}，有方案{after}" if zh
            else f"  probability above the bottom line: {before} without, {after} with the plan"
        )  # fmt: skip
    said += [f"  {'未达' if zh else 'missed'}: {s.text.zh if zh else s.text.en}"
             for s in plan.shortfalls]  # fmt: skip
    if plan.conflict_text is not None:
        said.append(f"  {plan.conflict_text.zh if zh else plan.conflict_text.en}")
    names = ", ".join(section for section, _ in plan.assumptions)
    said.append(f"  待确认的设定：{names}" if zh else f"  assumptions: {names}")
    return said
