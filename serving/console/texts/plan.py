"""Words of the control plan's page: key -> (Chinese, English)."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("管控方案", "Control plan"),
    "of_run": (
        "{time} 起报的预报所附方案，尚未采用",
        "Plan of the forecast issued {time}; not adopted",
    ),
    "of_warning": ("预警 {id} 的方案（{time} 采用）", "Plan of warning {id} (adopted {time})"),
    "no_plan": (
        "没有方案：需要企业清单，且系统建议或已有预警。",
        "No plan: it takes a register, and a warning that is proposed or open.",
    ),
    "level": ("级别", "Level"),
    "loss": ("估算损失", "Estimated loss"),
    "yuan": ("{n} 元", "{n} yuan"),
    "feasible": ("各项减排比例均达到。", "Every ratio is reached."),
    "not_feasible": ("有目标达不到：", "Targets that are missed:"),
    "totals": ("减排比例与法定要求", "Reached against the legal ratio"),
    "day": ("日期", "Day"),
    "species": ("污染物", "Pollutant"),
    "reached": ("达到", "Reached"),
    "required": ("要求", "Required"),
    "met": ("达标", "Met"),
    "yes": ("是", "yes"),
    "traded": ("调剂达标", "met by trading SO₂ and NOₓ"),
    "leading": ("引领性", "leading"),
    "non_leading": ("非引领性", "not leading"),
    "no": ("否", "no"),
    "by_industry": ("按行业", "By industry"),
    "by_grade": ("按绩效等级", "By grade"),
    "by_area": ("按区域", "By area"),
    "units": ("生产单元", "Units"),
    "reduced": ("其中限产", "reduced"),
    "loss_yuan": ("损失（元）", "Loss (yuan)"),
    "cut": ("减排（千克，合计）", "Cut (kg, sum)"),
    "orders": ("各单元安排", "Order of each unit"),
    "enterprise": ("企业", "Enterprise"),
    "unit": ("单元", "Unit"),
    "mode": ("安排", "Order"),
    "load": ("负荷", "Load"),
    "why": ("理由", "Reason"),
    "grade": ("等级", "Grade"),
    "filter": ("筛选", "Filter"),
    "all": ("全部", "all"),
    "industry": ("行业", "Industry"),
    "area": ("区域", "Area"),
    "show": ("显示", "Show"),
    "shown": ("显示 {n} / {all} 个单元", "{n} of {all} units shown"),
    "adopt": ("采用到预警", "Adopt for the warning"),
    "adopt_text": (
        "采用后，发布预警时按此方案向企业下达指令。",
        "Once adopted, publishing the warning sends these orders to the enterprises.",
    ),
    "no_warning": (
        "没有待决的预警，方案不能采用。",
        "No warning is open: nothing to adopt it for.",
    ),
    "other_level": (
        "方案级别（{plan}）与预警级别（{warning}）不同：重新求解后才能用于发布。",
        (
            "The plan's level ({plan}) is not the warning's ({warning}): solve again before "
            "it is used."
        ),
    ),
    "change": ("改一个单元并重新求解", "Change one unit and solve again"),
    "change_text": (
        "其余单元重新优化，仍须达到法定比例。可能需要一分钟。",
        "All other units are settled again under the legal ratio. This may take a minute.",
    ),
    "solve": ("求解并采用", "Solve and adopt"),
    "csv": ("下载 CSV", "Download CSV"),
    "excel": ("下载 Excel", "Download Excel"),
    "fixed": ("人工固定", "Fixed by hand"),
    "assumptions": ("依据待确认", "Assumptions"),
}
