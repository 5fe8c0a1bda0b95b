"""Words of the page of resumption: key -> (Chinese, English)."""

from typing import Final

from serving.console.texts import own

WORDS: Final[dict[str, tuple[str, str]]] = {
    **own.REQUESTS,
    "title": ("复产", "Resumption"),
    "asked": ("申请", "Asked"),
    "begin": ("申请开始", "from"),
    "load": ("负荷", "Load"),
    "decide": ("决定", "Decide"),
    "suggestion_none": (
        (
            "本时次没有复产测算。把申请表（requests.csv 或 requests.xlsx）放入数据目录，"
            "下一次每日运行给出复产后的超线概率。"
        ),
        (
            "This run holds no resumption plan. With the table of requests (requests.csv or "
            "requests.xlsx) in the home the next daily run tells the risk added."
        ),
    ),
    "table": ("未决申请表（requests.csv）", "Requests not yet answered (requests.csv)"),
    "budget": ("年度预算", "The year's budget"),
    "no_budget": (
        "没有年度预算：{why}",
        "There is no budget of the year: {why}",
    ),
    "why_no_run": ("还没有每日运行。", "no daily run has finished."),
    "why_no_targets": (
        "本市在 {year} 年没有年度目标（configs/budget/{city}.yaml）。",
        "the city has no targets of {year} (configs/budget/{city}.yaml).",
    ),
    "why_not_made": (
        "最近一次每日运行没有留下预算（数据不足，或运行早于此功能）。",
        "the last daily run left none (too little data, or it ran before this was part of it).",
    ),
    "as_of": (
        "截至 {day}：有效 {known} 天，缺测 {unknown} 天（不计）",
        "As of {day}: {known} valid days, {unknown} unknown and not counted",
    ),
    "examples": ("目标为示例值，须由用户确认", "The targets are examples, to be confirmed"),
    "metric": ("指标", "Metric"),
    "target": ("目标", "Target"),
    "used": ("目前", "So far"),
    "left": ("剩余", "Left"),
    "end": ("年末可能（10%–50%–90%）", "Year's end (10–50–90 %)"),
    "met": ("达标概率", "Chance to meet it"),
    "heavy": ("未来几天出现 / 不出现重污染时", "With / without a heavy day soon"),
    "words": ("说明", "In words"),
}
