"""Words of the page Today: key -> (Chinese, English)."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("今日", "Today"),
    "issued": ("{city} · {time} 起报", "{city} · issued {time}"),
    "another_run": ("查看其他起报时次", "Other runs"),
    "show": ("查看", "Show"),
    "old": (
        "此预报已是 {hours} 小时前的，不能用于今天的决策。",
        "This forecast is {hours} hours old: not one to decide on today.",
    ),
    "now_in_force": ("当前预警", "In force now"),
    "draft": ("待决", "To decide"),
    "proposal": ("系统建议", "The machine proposes"),
    "probability_of": ("达到该级条件的概率", "Probability that a level's criteria are met"),
    "threshold": ("阈值 {p}", "threshold {p}"),
    "reasons": ("理由", "Reasons"),
    "waiting": ("等待的代价", "Cost of waiting"),
    "announce_by": (
        "按提前量应于 {time} 前发布；每迟 1 小时，企业和市民就少 1 小时准备。",
        "To be announced by {time}; each hour later is an hour less to prepare.",
    ),
    "at_once": (
        "条件已满足，应立即启动：每等 1 小时就少减排 1 小时。",
        (
            "Criteria are met already, to be started at once: each hour of waiting is an hour "
            "without measures."
        ),
    ),
    "too_late": (
        "按提前量应于 {time} 前发布，已经迟了；每再等 1 小时，准备就再少 1 小时。",
        "It was to be announced by {time} and is late; each hour more is an hour less to prepare.",
    ),
    "waiting_none": (
        "不建议预警，等待没有代价。",
        "No warning is proposed: waiting costs nothing.",
    ),
    "sign_title": ("签发", "Sign"),
    "sign_text": (
        "我已查看预报与理由，同意{change}（{level}）。",
        "I have looked at forecast and reasons and agree to {change} ({level}).",
    ),
    "change_start": ("启动预警", "start the warning"),
    "change_raise": ("升级预警", "raise the warning"),
    "change_lower": ("降级预警", "lower the warning"),
    "change_cancel": ("解除预警", "end the warning"),
    "sign": ("签字", "Sign"),
    "signatures": ("签字 {n}/{all}", "signatures {n} of {all}"),
    "open_warning": ("查看预警与会商", "Warning and consultation"),
    "nothing_open": ("没有待决的预警。", "There is nothing to decide."),
    "by_hand": ("手工提出预警或演练", "Open a warning or an exercise by hand"),
    "next_days": ("未来三天", "Next three days"),
    "range": ("AQI 范围", "AQI range"),
    "median": ("中位数", "median"),
    "levels": ("各级概率", "Levels"),
    "primary": ("首要污染物", "Primary pollutant"),
    "over_150": ("AQI>150", "AQI>150"),
    "over_200": ("AQI>200", "AQI>200"),
    "fans": ("逐小时概率预报", "Hourly forecast with probabilities"),
    "quantity": ("要素", "Quantity"),
    "fan_note": (
        "深浅两层为 50% 与 90% 成员范围，黑线为实况，虚线为起报时刻。",
        "Shades: 50% and 90% of the members; black: observed; dashes: issue time.",
    ),
    "map": ("站点分布（逐时）", "Stations by hour"),
    "hour": ("时刻", "Hour"),
    "map_note": (
        "站点值为各站浓度中位数换算的小时 AQI，仅供参考；箭头为各区域平均风。",
        (
            "Hourly index of each station's median forecast, indicative only; arrows: mean "
            "wind of each area."
        ),
    ),
    "no_script": (
        "图表需要 JavaScript；下面是同一时次的公报图，数据表见“站点”页。",
        (
            "Charts need JavaScript; this is the bulletin of the same run. Tables are on the "
            "page Stations."
        ),
    ),
    "bulletin_alt": ("本时次预报公报", "The bulletin of this run"),
    "changed": ("与上一时次相比", "What changed since the last run"),
    "changed_none": ("没有上一时次可比。", "There is no run before it."),
    "day": ("日期", "Day"),
    "before": ("上次（{time}）", "Last run ({time})"),
    "this": ("本次", "This run"),
    "change": ("变化", "Change"),
    "proposed_level": ("建议级别", "Proposed level"),
    "health": ("数据与模型状况", "Data and model"),
    "reporting": ("近 24 小时有数据的站点", "Stations with data in the last 24 h"),
    "missing": ("缺测", "missing"),
    "suspect": ("可疑", "suspect"),
    "failed": ("无效", "failed"),
    "model": ("模型", "Model"),
    "weather": ("气象", "Weather"),
    "standard": ("评价标准", "Index"),
    "rules": ("预警标准", "Rules"),
    "members": ("成员数", "Members"),
    "provenance": (
        "数据 {data} · 配置 {config} · 程序 {code}",
        "data {data} · configuration {config} · code {code}",
    ),
    "recorded": ("运行登记", "Run on record"),
    "run_done": ("正常", "done"),
    "run_degraded": ("降级", "degraded"),
    "run_failed": ("失败", "failed"),
    "run_running": ("运行中", "running"),
    "run_missing": ("未登记", "not on record"),
    "notes": ("本次说明", "Notes of this run"),
    "assumptions": ("依据待确认", "Assumptions"),
    "bulletins": ("公报", "Bulletin"),
}
