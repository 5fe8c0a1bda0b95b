"""Words of the stations' page: key -> (Chinese, English)."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("站点", "Stations"),
    "station": ("站点", "Station"),
    "tier": ("类别", "Tier"),
    "now": ("最近小时 AQI", "Latest hourly AQI"),
    "at": ("读数时间", "Read at"),
    "day": ("D+{n}", "D+{n}"),
    "health": ("近 24 小时状况", "The last 24 h"),
    "reporting": ("有数据的站点", "Stations with data"),
    "missing": ("缺测", "missing"),
    "suspect": ("可疑", "suspect"),
    "failed": ("无效", "failed"),
    "silent": ("无读数的站点", "Stations without a reading"),
    "note": (
        "预报为各站浓度中位数换算的日 AQI，仅供参考。",
        "Forecasts are the daily index of each station's median: indicative only.",
    ),
    "filter": ("类别", "Tier"),
    "all": ("全部", "all"),
    "show": ("显示", "Show"),
    "known": ("有值", "Values"),
    "of": ("{n}/{all}", "{n} of {all}"),
    "flags": ("质控标记（近 24 小时）", "Flags (the last 24 h)"),
    "no_flags": ("无", "none"),
    "flag": ("可疑 {suspect}，无效 {failed}", "suspect {suspect}, failed {failed}"),
    "test_range": ("超出量程", "out of range"),
    "test_spike": ("突跳", "spike"),
    "test_flat_line": ("数值不变", "flat line"),
    "test_pm_order": ("PM2.5 高于 PM10", "PM2.5 above PM10"),
    "test_neighbours": ("与周边不符", "unlike its neighbours"),
    "test_clock": ("时钟偏移", "clock shifted"),
    "test_repeated_day": ("整日重复", "day repeated"),
    "test_coordinates": ("坐标可疑", "coordinates"),
    "calibration": ("校准状态", "Calibration"),
    "no_calibration": (
        "本市未启用微站校准：各站数值按原样使用。",
        "This city does not correct its lower tiers: values are used as they came.",
    ),
    "no_health": (
        "这次运行没有留下单站质控结果（运行早于此功能）。",
        "This run left nothing of single stations (it ran before this was part of it).",
    ),
    "calibrated": (
        "乡镇与村级站通过国控站在线校准（只用当时之前的数据）：",
        "Township and village sensors are corrected through the national stations, online:",
    ),
    "reference": ("基准站", "reference"),
    "state_ok": ("正常", "ok"),
    "state_learning": ("学习中", "learning"),
    "state_suspect": ("存疑", "suspect"),
    "state_out": ("停用", "out"),
    "reason_reading": ("读数异常", "readings"),
    "reason_far": ("长期偏离周边", "far from its neighbours"),
    "reason_unrelated": ("与周边不同步", "unrelated to its neighbours"),
    "reason_drift": ("漂移", "drift"),
    "reason_clock": ("时钟偏移", "clock"),
    "reason_coordinates": ("坐标不符", "coordinates"),
    "sd": ("PM2.5 校准标准误差 {n} μg/m³", "PM2.5 corrected, standard error {n} μg/m³"),
    "only": ("只看", "Only"),
    "only_all": ("全部", "all"),
    "only_silent": ("无读数", "without a reading"),
    "only_flagged": ("有质控标记", "with flags"),
    "only_out": ("传感器存疑或停用", "sensor suspect or out"),
    "nothing": ("没有符合条件的站点。", "No station fits."),
    "hotspots": ("热点", "Hotspots"),
    "hotspots_why": (
        (
            "暂不显示热点清单：方法在模拟城市上没有达到可用标准（多数为误报，"
            "见 docs/results/hotspots.md），不能据此派人检查。"
        ),
        (
            "No list of hotspots is shown: on the simulated city the method missed its goal (most "
            "are false, docs/results/hotspots.md); nobody should be sent out by it."
        ),
    ),
}
