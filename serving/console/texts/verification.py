"""Words of the page of verification: key -> (Chinese, English)."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("检验", "Verification"),
    "skill": ("预报技巧（按时效）", "Skill by lead"),
    "no_scores": (
        (
            "还没有检验结果。由数据分析员运行：lantian verify 文件 --out 数据目录/verification/名称"
            "，结果随即显示在本页。"
        ),
        (
            "There are no scores yet. A data scientist runs `lantian verify FILE --out "
            "HOME/verification/NAME`; they then show here."
        ),
    ),
    "report": ("检验报告", "Report"),
    "show": ("显示", "Show"),
    "unreadable": ("无法读取：{fault}", "It cannot be read: {fault}"),
    "model": ("模型", "Model"),
    "weather": ("气象", "Weather"),
    "issued": ("起报", "Issue times"),
    "issues": ("{n} 次，{first} 至 {last}", "{n}, {first} to {last}"),
    "stations_n": ("{n} 个站点", "{n} stations"),
    "tier_none": ("无气象预报", "no weather forecast"),
    "tier_perturbed": (
        "加扰动的观测气象",
        "observed weather with errors that grow with lead",
    ),
    "tier_perfect": (
        "观测气象代替预报（perfect）：是上限，不是业务水平",
        "perfect: observed weather as if it were forecast; an upper bound, not operational skill",
    ),
    "tier_archived": ("存档的气象预报", "archived weather forecasts"),
    "simulated": ("【模拟】以下为模拟数据的得分。", "[Simulated] Scores on simulated data."),
    "curve": (
        "PM2.5 中位数平均绝对误差随时效变化：第 1 小时 {first}，第 {hours} 小时 {last} μg/m³",
        "Mean absolute error of PM2.5's median by lead: {first} at 1 h, {last} μg/m³ at {hours} h",
    ),
    "by_station": ("站点小时浓度", "Hourly concentrations at stations"),
    "pollutant": ("污染物", "Pollutant"),
    "lead": ("时效", "Lead"),
    "mae": ("平均绝对误差（95% 区间）", "MAE (95 % interval)"),
    "bias": ("偏差", "Bias"),
    "crps": ("CRPS", "CRPS"),
    "cover": ("80% 区间命中", "80 % interval holds"),
    "cases": ("样本数", "Cases"),
    "against": ("CRPS 技巧，对 {name}", "CRPS skill against {name}"),
    "city_days": ("城市日 AQI", "The city's daily AQI"),
    "level_right": ("级别正确", "Level right"),
    "primary_right": ("首要污染物正确", "Primary pollutant right"),
    "hits": ("AQI>200 命中率 / 空报率 / CSI", "AQI > 200: POD / FAR / CSI"),
    "brier": ("AQI>200 布里尔评分", "AQI > 200: Brier score"),
    "days_n": ("天数", "Days"),
    "few": (
        "样本很少时得分只供参考。",
        "With few cases a score says little.",
    ),
    "officers": ("会商与系统对比", "Officers against the machine"),
    "officers_how": (
        "会商调整后的预报与系统原预报都保留，用同一天的实况检验。实况受当时管控措施影响。",
        (
            "The adjusted forecast and the machine's are both kept and verified on the same days. "
            "What was observed is so under the measures then in force."
        ),
    ),
    "none_changed": (
        "还没有会商调整过的预报；未调整的以系统预报为准。",
        "No forecast has been adjusted in consultation yet; an unadjusted one is the machine's.",
    ),
    "actual": ("实际预警", "Actual warnings"),
    "none_known": (
        "{n} 个被调整的预报日尚无实况（日期未到或缺测）。",
        "{n} adjusted days are not known yet (still to come, or readings are missing).",
    ),
    "side": ("方案", "Version"),
    "machine": ("系统", "Machine"),
    "officer": ("会商", "Officers"),
    "day_lead": ("提前天数", "Days ahead"),
    "inside": ("实况在区间内", "Observed within the range"),
    "missed": ("平均偏出区间", "Mean distance from the range"),
    "width": ("平均区间宽度", "Mean width of the range"),
    "primary": ("首要污染物命中", "Primary pollutant right"),
    "of": ("{n}/{all}", "{n} of {all}"),
    "each": ("逐日对比", "Day by day"),
    "date": ("日期", "Date"),
    "warning": ("预警 {id}", "Warning {id}"),
    "observed": ("实况 AQI", "Observed AQI"),
    "not_yet": ("尚无", "not yet"),
    "levels": ("级别对比", "Levels"),
    "levels_how": (
        "“按实况”为把实况日 AQI 代入同一标准得到的级别（按自然日，仅供参考）。",
        (
            "`By what came` puts the observed daily index into the same criteria (natural days: "
            "indicative only)."
        ),
    ),
    "adjusted_at": ("调整时间", "Adjusted"),
    "machine_level": ("系统建议", "Machine"),
    "officer_level": ("会商结果", "Officers"),
    "called": ("按实况", "By what came"),
    "why": ("理由", "Reason"),
    "episodes": ("已结束的过程与评估", "Past episodes and their evaluation"),
    "no_episodes": ("还没有结束的预警。", "No warning has ended yet."),
    "not_evaluated": (
        "尚未评估：lantian evaluate --out 数据目录/evaluations/warning-{id}",
        "not evaluated: `lantian evaluate --out HOME/evaluations/warning-{id}`",
    ),
    "ended": ("结束", "Ended"),
    "other_evaluations": ("其他评估", "Other evaluations"),
    "period": ("时段", "Days"),
    "result": ("结论", "Result"),
}
