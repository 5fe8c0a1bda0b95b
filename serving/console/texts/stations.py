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
}
