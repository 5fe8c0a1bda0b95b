"""Why each order, what is missed and what cannot hold together: in Chinese and English."""

from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from response.controls_config import SPECIES, ControlsConfig
from response.controls_program import Program
from response.rules import Words
from response.warning_words import colour

SPECIES_WORDS: Final = {
    "so2": Words(zh="二氧化硫", en="SO2"),
    "nox": Words(zh="氮氧化物", en="NOx"),
    "pm": Words(zh="颗粒物", en="PM"),
    "voc": Words(zh="挥发性有机物", en="VOC"),
}
MODE_WORDS: Final = {
    "normal": Words(zh="正常生产", en="normal running"),
    "trucks": Words(zh="只减运输", en="fewer trucks only"),
    "partial": Words(zh="按清单措施的一半限产", en="half of the listed measure"),
    "measure": Words(zh="按清单措施", en="the listed measure"),
    "min_load": Words(zh="降至最低负荷", en="down to minimum load"),
    "deepest": Words(zh="按更严级别措施", en="the measure of a stricter level"),
}
_RULE_WORDS: Final = {
    "autonomous": Words(zh="A级（含A+）和引领性企业自主减排，不强制限产",
                        en="grades A+, A and leading reduce by themselves; no forced cut"),
    "guarantee": Words(zh="保障类，保持保障负荷", en="guaranteed supply keeps its load"),
    "key_project": Words(zh="重点建设工程，豁免", en="a key project is exempt"),
    "unlisted": Words(zh="清单中本级别无措施", en="the list has no measure at this level"),
    "minor": Words(zh="小微涉气，其他源已满足比例时不采取措施",
                   en="a minor source is left alone while others meet the ratios"),
}  # fmt: skip
_TARGET_WORDS: Final = {
    **{
        f"ratio_{s}": Words(zh=f"{w.zh}减排比例", en=f"the {w.en} ratio")
        for s, w in SPECIES_WORDS.items()
    },
    "trade": Words(zh="二氧化硫与氮氧化物比例之和", en="the sum of the SO2 and NOx ratios"),
    "bottom_line": Words(zh="空气质量底线的概率", en="the probability of the bottom line"),
    "budget": Words(zh="损失上限", en="the limit of the loss"),
    "fairness": Words(zh="同类企业负担差上限", en="the bound on burden between equals"),
    "slow_units": Words(zh="停产慢的机组不能短时停产",
                        en="units that stop slowly cannot stop for so short a time"),
}  # fmt: skip


class _Pair(NamedTuple):
    """Two parts of sentences; may be empty."""

    zh: str
    en: str


def with_reasons(
    orders: pd.DataFrame, program: Program, config: ControlsConfig, *, minor_used: bool
) -> pd.DataFrame:
    """Add reason_zh and reason_en to the orders."""
    facts = unit_facts(orders, program)
    made = orders.join(facts, on="unit")
    reasons = [_reason(row, config, minor_used=minor_used) for row in made.to_dict("records")]
    return orders.assign(reason_zh=[w.zh for w in reasons], reason_en=[w.en for w in reasons])


def unit_facts(orders: pd.DataFrame, program: Program) -> pd.DataFrame:
    """Per unit, index unit: what its best full measure gives and costs, and its place.

    Returns:
        per_percent: yuan per percentage point of the city's base, the species together;
        per_ug: yuan per ug m-3 of PM2.5 at the city and day; inf where it adds nothing;
        place, of: rank by per_percent among units that may be steered; share: of the city's
        registered emission of the species it matters most for; species.
    """
    options, targets = program.options, program.targets
    base = np.array([targets.base[s] for s in SPECIES])
    needed = np.array([max(targets.ratio[s] - targets.other[s], 0.0) for s in SPECIES]) > 0
    index = options.units.index
    reduced = np.where(options.admitted, options.cut.sum(axis=(2, 3)), -1.0).argmax(axis=1)
    rows = np.arange(len(index))
    points = (options.cut[rows, reduced].sum(axis=1) / base * 100)[:, needed].sum(axis=1)
    loss = options.loss[rows, reduced].sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_percent = np.where(points > 0, loss / points, np.inf)
        saved = program.saved[rows, reduced, :, 0].sum(axis=1)
        per_ug = np.where(saved > 1e-12, loss / saved, np.inf)
    emitted = options.units[list(SPECIES)].to_numpy(dtype=float)
    share = emitted / np.maximum(emitted.sum(axis=0), 1e-12)
    facts = pd.DataFrame(
        {
            "per_percent": per_percent,
            "per_ug": per_ug,
            "share": share.max(axis=1),
            "species": np.array(SPECIES, dtype=object)[share.argmax(axis=1)],
        },
        index=index,
    )
    steered = np.isfinite(facts["per_percent"])
    facts["place"] = facts["per_percent"].where(steered).rank(method="first")
    facts["of"] = int(steered.sum())
    return facts.reindex(orders["unit"].unique())


def _reason(row: dict[Any, Any], config: ControlsConfig, *, minor_used: bool) -> Words:
    rule, mode = row["rule"], row["mode"]
    if mode == "normal":
        if rule in _RULE_WORDS and not (rule == "minor" and minor_used):
            said = _RULE_WORDS[rule]
            source = config.grades.source if rule == "autonomous" else ""
            mark = f"（依据：{source}）" if source else ""
            return Words(zh=f"{said.zh}{mark}", en=f"{said.en}{f' ({source})' if source else ''}")
        price = _price(row)
        return Words(
            zh=f"不需要采取措施：目标由代价更低或贡献更大的机组达到{price.zh}",
            en=f"not needed: cheaper or more effective units meet the targets{price.en}",
        )
    species, said = SPECIES_WORDS[row["species"]], MODE_WORDS[mode]
    cut = row[f"cut_{row['species']}"]
    price = _price(row)
    source = row["source"] or "—"
    star = ("（待确认）", " (assumption)") if row["assumption"] else ("", "")
    return Words(
        zh=f"{said.zh}：当日减排{species.zh}{cut:.0f}千克"
        f"（该机组占登记排放{row['share']:.1%}）{price.zh}；依据：{source}{star[0]}",
        en=f"{said.en}: saves {cut:.0f} kg of {species.en} that day "
        f"(the unit has {row['share']:.1%} of registered emissions){price.en}; "
        f"rule: {source}{star[1]}",
    )


def _price(row: dict[Any, Any]) -> "_Pair":
    """What its full measure costs per percentage point and per ug m-3, and its place."""
    zh, en = "", ""
    if np.isfinite(row["per_percent"]):
        wan = row["per_percent"] / 1e4
        zh += f"；每减1个百分点{wan:.1f}万元，全市第{row['place']:.0f}/{row['of']}位"
        en += f"; {wan:.1f}e4 yuan per percentage point, place {row['place']:.0f} of {row['of']}"
    effect = row["effect_pm25"]
    if np.isfinite(effect) and np.isfinite(row["per_ug"]):
        wan = row["per_ug"] / 1e4
        zh += f"；当日降低城市PM2.5 {effect:.3f}微克/立方米，每微克{wan:.1f}万元"
        en += f"; takes {effect:.3f} ug/m3 off the city's PM2.5, {wan:.1f}e4 yuan per ug/m3"
    return _Pair(zh, en)


def shortfall(target: str, day: Any, required: float, reached: float) -> Words:
    """One missed target in words."""
    name = target_words(target)
    when = ("", "") if day is None else (f"{day:%m月%d日}", f" on {day:%Y-%m-%d}")
    if target == "bottom_line":
        return Words(
            zh=f"{when[0]}{name.zh}：接受{required:.0%}，最好只能做到{reached:.0%}",
            en=f"{name.en}{when[1]}: {required:.0%} accepted, {reached:.0%} is the best there is",
        )
    if target == "budget":
        over = (reached - required) / 1e4
        return Words(
            zh=f"{name.zh}：{required / 1e4:.1f}万元，需要{reached / 1e4:.1f}万元，"
            f"超出{over:.1f}万元",
            en=f"{name.en}: {required / 1e4:.1f}e4 yuan, {reached / 1e4:.1f}e4 are needed, "
            f"{over:.1f}e4 more",
        )
    if target == "fairness":
        return Words(
            zh=f"{name.zh}：{required:.1f}天，只能做到{reached:.1f}天",
            en=f"{name.en}: {required:.1f} days, {reached:.1f} is the best there is",
        )
    return Words(
        zh=f"{when[0]}{name.zh}：要求{required:.1f}%，达到{reached:.1f}%，"
        f"差{required - reached:.1f}个百分点",
        en=f"{name.en}{when[1]}: {required:.1f} % required, {reached:.1f} % reached, "
        f"{required - reached:.1f} points short",
    )


def conflict(targets: tuple[str, ...], level: str) -> Words:
    """Which limits cannot hold together."""
    names = [target_words(t) for t in targets]
    head = colour(level)
    if len(names) == 1:
        return Words(
            zh=f"{head.zh}预警：{names[0].zh}在允许的措施全部用尽后仍达不到"
            "（等级、类别、最低负荷和停产时间不放宽）",
            en=f"{level} warning: {names[0].en} is out of reach even with every permitted measure "
            "(grades, kinds, minimum loads and hours to stop do not give way)",
        )
    return Words(
        zh=f"{head.zh}预警：以下要求不能同时满足，去掉任何一项即可："
        + "、".join(n.zh for n in names),
        en=f"{level} warning: these cannot hold together, and without any one of them the rest "
        "could: " + ", ".join(n.en for n in names),
    )


def target_words(target: str) -> Words:
    """What a target is called."""
    return _TARGET_WORDS.get(target, Words(zh=target, en=target))
