"""Words of the page of models: key -> (Chinese, English)."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("模型", "Models"),
    "now": ("当前业务模型", "What runs now"),
    "configured": ("配置的模型", "Configured"),
    "last_run": ("最近一次运行所用", "Used by the last run"),
    "champion": ("冠军模型", "Champion"),
    "no_champion": (
        "尚未推举冠军模型：使用随程序提供或最近训练的网络，没有则退回统计模型。",
        "None was promoted: the shipped or the newest trained network runs, else the baselines.",
    ),
    "plain": (
        "本市配置为统计基准模型（{name}），每次运行时由历史数据即时拟合，没有可比较的训练版本。",
        (
            "This city runs a baseline ({name}) that is fitted from the history at each run: there "
            "are no trained versions to compare."
        ),
    ),
    "promoted": (
        "由 {by} 于 {at}（UTC）推举：{reason}",
        "Promoted by {by} at {at} (UTC): {reason}",
    ),
    "forced": ("未过门槛，强制推举", "promoted against the gate"),
    "drift": ("漂移监测", "Drift"),
    "no_drift": (
        "还没有漂移报告。每日运行或 lantian drift 生成后显示在这里。",
        "There is no drift report yet. The daily run or `lantian drift` leaves one.",
    ),
    "drift_of": (
        "{first} 至 {last}（UTC），对照 {model}（训练至 {until}）",
        "{first} to {last} UTC against {model}, trained until {until}",
    ),
    "drift_good": ("各项均在常态范围内。", "Nothing is out of the ordinary."),
    "drift_bad": ("{n} 项超出常态", "{n} out of the ordinary"),
    "part_inputs": ("输入", "Inputs"),
    "part_forecasts": ("预报误差", "Forecasts"),
    "part_stations": ("单站", "Single stations"),
    "judged": ("检查 {n} 项，超出 {bad} 项", "{n} judged, {bad} beyond"),
    "not_judged": ("未检查", "not judged"),
    "statistic": ("统计量", "Statistic"),
    "value": ("数值", "Value"),
    "usual": ("常态上限", "Ordinary up to"),
    "proposal_train": (
        "建议：查看列出的项目，再用截至今日的数据训练并比较；系统没有自动训练。",
        (
            "Proposal: look at what is named, then train on data up to today and compare; nothing "
            "was trained."
        ),
    ),
    "proposal_stations": (
        "建议：检修列出的站点；模型无需为此训练。",
        "Proposal: look after the stations named; the model needs no training for it.",
    ),
    "earlier": ("此前的报告", "Earlier reports"),
    "unreadable": ("无法读取：{fault}", "It cannot be read: {fault}"),
    "all": ("全部模型", "All models"),
    "none": ("没有训练过的模型。", "There is no trained model."),
    "name": ("模型", "Model"),
    "is_champion": ("冠军", "champion"),
    "challenger": ("候选", "challenger"),
    "shipped": ("随程序提供", "shipped with the program"),
    "span": ("训练数据（UTC）", "Training data (UTC)"),
    "until": ("至 {until}", "until {until}"),
    "stations_n": ("站点数", "Stations"),
    "card": ("模型卡", "Model card"),
    "simulated": ("【模拟数据训练】", "[trained on simulated data]"),
    "serves": ("适用气象", "Weather served"),
    "networks": ("{tiers}：{n} 个网络", "{tiers}: {n} networks"),
    "data": ("数据散列", "Hash of the data"),
    "code": ("代码版本", "Code"),
    "seconds": ("训练耗时", "Training took"),
    "seconds_n": ("{n} 秒（在训练它的机器上）", "{n} s on the machine it was made on"),
    "trust_0": ("无气象预报", "without weather"),
    "trust_1": ("有误差的气象预报", "weather with errors"),
    "trust_2": (
        "观测气象（perfect，仅为上限）",
        "observed weather (perfect: an upper bound)",
    ),
    "errors": (
        "未参与训练的时段上，城市评价站点中位数平均绝对误差（括号内为最差时段）：{trust}",
        (
            "Mean absolute error of the median at the city's stations, in blocks of time not "
            "trained on (in brackets the worst window): {trust}"
        ),
    ),
    "pollutant": ("污染物", "Pollutant"),
    "no_errors": ("未保存误差。", "Errors were not kept."),
    "limits": ("不适用于", "What it is not for"),
    "limit_city": (
        "只为本市训练，不能直接用于其他城市。",
        "It was trained for this city alone.",
    ),
    "limit_cuts": (
        "没有见过的减排不在其中：不能用它回答措施效果。",
        "Cuts of emissions it has not seen are not in it: it does not say what a measure does.",
    ),
    "text": ("训练时写下的模型卡原文", "The card as training wrote it"),
    "decisions": ("推举与回退记录", "Promotions and roll-backs"),
    "no_decisions": ("还没有推举记录。", "Nothing was promoted or refused yet."),
    "promote": ("推举", "promoted"),
    "refuse": ("门槛未过，拒绝", "refused by the gate"),
    "roll-back": ("回退", "rolled back"),
    "by": ("决定人", "By"),
    "why": ("理由", "Reason"),
    "gate": ("未达门槛", "Lines of the gate not met"),
    "how": (
        "训练、比较与推举由数据分析员用命令完成（docs/retraining.md）；本页只读。",
        (
            "Training, comparison and promotion are commands of the data scientist "
            "(docs/retraining.md); this page only reads."
        ),
    ),
}
