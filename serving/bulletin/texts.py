"""The texts of a bulletin: key -> (Chinese, English). Fields in braces are filled by words.say."""

from types import MappingProxyType
from typing import Final

from serving.bulletin.content import Text

_PAIRS: Final[dict[str, tuple[str, str]]] = {
    "title": ("{city}空气质量预报公报", "{city} Air Quality Forecast Bulletin"),
    "issued": ("发布时间 {time}（{zone}）", "Issued {time} ({zone})"),
    "standard": ("评价标准 {s}", "Index: {s}"),
    "rules": ("预警标准 {s}", "Warning rules: {s}"),
    "simulated": ("模拟城市", "SIMULATED CITY"),
    "simulated_long": (
        "本公报为模拟城市的结果，站点、气象与浓度均由程序生成，不代表任何真实城市的空气质量。",
        (
            "This bulletin shows a simulated city: stations, weather and concentrations are "
            "generated and stand for no real city's air."
        ),
    ),
    "perfect": ("回放 · 使用实况气象", "REPLAY · OBSERVED WEATHER"),
    "perfect_long": (
        "回放：以实况气象代替气象预报（perfect），结果优于业务预报所能达到的水平。",
        (
            "Replay: observed weather stands in for a forecast (perfect); no operational forecast "
            "could be this well informed."
        ),
    ),
    "perturbed": ("回放 · 扰动气象", "REPLAY · PERTURBED WEATHER"),
    "perturbed_long": (
        "回放：气象预报由实况加随时效增长的误差生成（perturbed）。",
        (
            "Replay: the weather forecast is observed weather with errors that grow with lead "
            "(perturbed)."
        ),
    ),
    "no_weather": ("未使用气象预报", "NO WEATHER FORECAST"),
    "no_weather_long": (
        "本次未使用气象预报，预报的不确定性明显增大。",
        "This run used no weather forecast: its uncertainty is markedly larger.",
    ),
    "days": ("未来三天预报", "Next three days"),
    "range": ("AQI 范围", "AQI range"),
    "primary": ("首要污染物", "Primary pollutant"),
    "heavy": ("重污染概率", "Heavy pollution"),
    "over_150": ("AQI>150 概率", "P(AQI>150)"),
    "over_200": ("AQI>200 概率", "P(AQI>200)"),
    "levels": ("各级别概率", "Probability of each level"),
    "advice": ("健康提示", "Health advice"),
    "groups": ("敏感人群", "Sensitive groups"),
    "effect": ("健康影响", "Health effects"),
    "no_data": ("资料不足", "Not enough data"),
    "no_data_long": (
        "资料不足，不计算 AQI",
        "Not enough data: no index is given",
    ),
    "no_primary": ("无（AQI≤50）", "none (AQI≤50)"),
    "concentrations": (
        "日均浓度预报（O₃ 为日最大 8 小时平均）",
        "Daily means (O₃: maximum 8-h mean)",
    ),
    "units": ("单位 μg/m³，CO 为 mg/m³", "μg/m³; CO in mg/m³"),
    "observed": ("近日实况", "Observed"),
    "now": ("当前浓度（全市 1 小时均值）", "City now (1-h means)"),
    "history": ("近 72 小时全市小时浓度", "City hourly concentrations, last 72 h"),
    "fans": ("逐小时概率预报", "Hourly probabilistic forecast"),
    "fan_aqi24": ("24 小时滑动 AQI", "AQI of the last 24 h"),
    "fan_caption": (
        "黑线为实况，粗线为中位数，阴影由深到浅为 {bands} 成员范围；红虚线为发布时刻",
        "Black: observed; thick line: median; shades: {bands} of members; red dashes: issue time",
    ),
    "maps": ("站点分布", "Stations"),
    "map_now": ("最近一小时 AQI", "Latest hourly AQI"),
    "map_day": ("{date} 预报 AQI", "{date} forecast AQI"),
    "map_caption": (
        "站点预报 AQI 由各站浓度分位中位数换算，仅供参考",
        "Station forecasts are the index of the median concentrations: indicative only",
    ),
    "map_marks": (
        "圆：城市站，方：县区站，三角：乡镇站，小点：村级站；空心为无数据",
        "circle: city, square: county, triangle: township, dot: village; hollow: no data",
    ),
    "areas": ("分区预报 AQI 中位数（范围）", "AQI by area, median (range)"),
    "area": ("区域", "Area"),
    "more_areas": ("另有 {n} 个区域见网页版", "{n} more areas on the web page"),
    "warning": ("重污染天气预警建议", "Proposed heavy-pollution warning"),
    "warning_unknown": ("本次未能形成预警建议", "No proposal could be made in this run"),
    "start": ("建议启动{level}预警", "{level} warning proposed"),
    "raise": ("建议升级为{level}预警", "Raise to {level}"),
    "keep": ("建议维持{level}预警", "Keep {level} in force"),
    "lower": ("建议降级为{level}预警", "Lower to {level}"),
    "cancel": ("建议解除预警", "End the warning"),
    "none": ("不建议启动预警", "No warning proposed"),
    "blue": ("蓝色", "Blue"),
    "assumptions_count": (
        "规则中有 {n} 项假定待用户确认，见网页版。",
        "{n} assumptions in the rules are to be confirmed: see the web page.",
    ),
    "yellow": ("黄色", "Yellow"),
    "orange": ("橙色", "Orange"),
    "red": ("红色", "Red"),
    "met": ("满足启动条件的概率", "Probability that the criteria are met"),
    "period": ("{start} 至 {end}", "{start} to {end}"),
    "assumptions": ("待确认的规则假定", "Assumptions in the rules, to be confirmed"),
    "proposal_note": (
        "机器建议，须经会商并由值班人员签发后生效。",
        "A machine's proposal: it takes effect only after consultation and signature.",
    ),
    "notes": ("本次运行说明", "About this run"),
    "degraded": ("本次运行须知", "Please note"),
    "stations_reporting": ("报数站点", "Stations reporting"),
    "data_health": ("数据质量（近 24 小时）", "Data (last 24 h)"),
    "missing_share": ("缺测", "missing"),
    "suspect_share": ("可疑", "suspect"),
    "fail_share": ("无效", "fail"),
    "model": ("模型", "Model"),
    "weather": ("气象", "Weather"),
    "weather_none": ("无", "none"),
    "vintage": ("起报 {time}，时龄 {age} 小时", "issued {time}, {age} h old"),
    "members": ("{n} 个集合成员", "{n} ensemble members"),
    "range_note": (
        "范围为集合成员的 {low}–{high} 百分位；AQI、级别和概率均由成员逐一计算得出。",
        (
            "Ranges are the {low}–{high} percentiles of the members; index, levels and "
            "probabilities are computed member by member."
        ),
    ),
    "dash_note": ("“—”表示无资料。", "“—” means no data."),
    "run": ("运行", "Run"),
    "config": ("配置", "config"),
    "data": ("数据", "data"),
    "code": ("代码", "code"),
    "city": ("城市站", "city"),
    "county": ("县区站", "county"),
    "township": ("乡镇站", "township"),
    "village": ("村级站", "village"),
    "reference": ("国控站", "national"),
    "station": ("站点", "Station"),
    "date": ("日期", "Date"),
    "pollutant": ("污染物", "Pollutant"),
    "table_stations": ("国控站点", "National stations"),
    "more_notes": ("…… 其余说明见网页版", "… further notes are on the web page"),
    "median": ("中位数", "median"),
    "now_short": ("当前小时", "latest hour"),
    "heavy_200": ("重污染（AQI>200）概率", "Heavy pollution (AQI>200)"),
    "headline_unknown": ("{days}资料不足。", " {days}: not enough data."),
    "advice_assumed": (
        "健康提示的措辞引自 HJ 633-2012 表 2 的公开转载，待与现行标准原文核对。",
        "Health advice: HJ 633-2012, table 2, from reprints; to be checked with the standard.",
    ),
    "local_time": ("北京时间", "Beijing time"),
    "km": ("千米", "km"),
    "north": ("北", "N"),
    "legend_aqi": ("AQI 级别", "AQI level"),
}
WORDS: Final = MappingProxyType({k: Text(*v) for k, v in _PAIRS.items()})
