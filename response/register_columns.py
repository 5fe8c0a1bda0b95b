"""The emergency reduction list as it is written: sheets, Chinese columns, what a cell may hold.

Four sheets, header in one row: 企业 (enterprises), 生产单元 (production units), 排放口 (stacks),
措施 (measures). A column maps to one field of the register and says how its cells read: text, a
number with bounds, a percentage (cells 0..100, field 0..1), a temperature (cells in degC, field in
K), yes or no, or one of a set of words. Columns without a field are derived: written on export, not
read. Fields follow the list's usual content; no template of the list's own year was at hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["id", "text", "number", "percent", "celsius", "yes", "word"]
SPECIES: Final = ("so2", "nox", "pm", "voc", "co")
SPECIES_ZH: Final = {"so2": "SO2", "nox": "NOx", "pm": "颗粒物", "voc": "VOCs", "co": "CO"}
LEVELS: Final = ("yellow", "orange", "red")  # lowest first
KELVIN: Final = 273.15

# field value -> words a cell may hold; the first is the one written
GRADES: Final[Mapping[str, tuple[str, ...]]] = {
    "A+": ("A+级", "A+"), "A": ("A级", "A"), "B": ("B级", "B"), "B-": ("B-级", "B-"),
    "C": ("C级", "C"), "D": ("D级", "D"), "leading": ("引领性", "引领性企业"),
    "non_leading": ("非引领性", "非引领性企业"),
}  # fmt: skip
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "ordinary": ("一般",), "guarantee": ("保障类", "民生保障"),
    "minor": ("小微涉气", "小微涉气企业"), "key_project": ("重点建设工程",),
}  # fmt: skip
LEVEL_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "yellow": ("黄色", "黄色预警", "III级"), "orange": ("橙色", "橙色预警", "II级"),
    "red": ("红色", "红色预警", "I级"),
}  # fmt: skip
PROFILES: Final[Mapping[str, tuple[str, ...]]] = {
    "continuous": ("连续",), "heating": ("连续（供热）",), "two_shift": ("两班",),
    "day_shift": ("白班",),
}  # fmt: skip
ACTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "autonomous": ("自主减排",), "trucks": ("限制运输",), "cut": ("限产",),
    "half_lines": ("停产50%（以生产线计）",), "stop": ("停产",), "exempt": ("不停限产",),
    "min_load": ("最低负荷",),
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    Attributes:
        zh: Header.
        name: Column of the register's table; the index of the table for its key; "" derived.
        kind: How a cell reads.
        low, high: Bounds of the cell's number, in the cell's units, inclusive.
        words: Field value -> words, for kind `word`.
        required: The column must be there.
        filled: No cell may be empty; elsewhere an empty cell gives `empty`.
        empty: Field value of an empty cell, or of every row where the column is absent.
    """

    zh: str
    name: str = ""
    kind: Kind = "text"
    low: float = 0.0
    high: float = float("inf")
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    required: bool = True
    filled: bool = True
    empty: object = ""


@dataclass(frozen=True)
class Sheet:
    """One sheet: its name, the register's table it becomes, that table's index, its columns."""

    zh: str
    table: str
    key: str  # "" none
    columns: tuple[Column, ...]


def _amounts(head: str, unit: str, suffix: str, *, prefix: str = "") -> tuple[Column, ...]:
    return tuple(
        Column(f"{head}{zh}({unit})", f"{prefix}{s}{suffix}", "number")
        for s, zh in SPECIES_ZH.items()
    )


def _stated(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """The same columns, which need not be there: sums that units give as well."""
    return tuple(
        Column(c.zh, c.name, c.kind, c.low, c.high, required=False, filled=False, empty=None)
        for c in columns
    )


def _optional(zh: str, name: str = "") -> Column:
    return Column(zh, name, required=False, filled=False)


_STACK: Final[tuple[tuple[str, str, Kind, float, float], ...]] = (
    ("排气筒高度(米)", "height_m", "number", 1.0, 400.0),
    ("排气筒内径(米)", "diameter_m", "number", 0.05, 20.0),
    ("排气温度(℃)", "temperature_k", "celsius", -40.0, 1200.0),
    ("排气流速(米/秒)", "speed_m_s", "number", 0.0, 100.0),
)  # fmt: skip

ENTERPRISES: Final = Sheet("企业", "enterprises", "enterprise", (
    Column("企业编号", "enterprise", "id"),
    Column("企业名称", "name"),
    Column("统一社会信用代码", "credit_code"),
    Column("排污许可证编号", "permit", filled=False),
    Column("所属县区", "area"),
    Column("乡镇", "town", filled=False),
    Column("经度", "longitude", "number", -180, 180),
    Column("纬度", "latitude", "number", -180, 180),
    Column("联系人", "contact", filled=False),
    Column("联系电话", "phone", filled=False),
    Column("国民经济行业代码", "code"),
    Column("行业名称", "industry"),
    Column("重点行业", "key_industry", filled=False),
    Column("绩效等级", "grade", "word", words=GRADES),
    Column("企业类型", "kind", "word", words=KINDS),
    Column("正面清单", "positive_list", "yes"),
    Column("涉VOCs", "voc", "yes"),
    *_stated(_amounts("年排放量", "吨", "_t_a")),
    *_stated(_amounts("日排放量", "千克", "_kg_d")),
    Column("日产值(元)", "value_yuan_d", "number"),
    Column("日运输车辆(辆)", "trucks_d", "number"),
    _optional("责任人", "responsible"),
))  # fmt: skip

UNITS: Final = Sheet("生产单元", "units", "unit", (
    Column("企业编号", "enterprise", "id"),
    _optional("企业名称"),
    Column("生产单元编号", "unit", "id"),
    Column("生产单元名称", "name"),
    Column("是否生产线", "line", "yes"),
    Column("产能", "capacity", "number", required=False, filled=False, empty=None),
    _optional("产能单位", "capacity_unit"),
    _optional("燃料", "fuel"),
    Column("生产班制", "profile", "word", words=PROFILES),
    *_amounts("日排放量", "千克", ""),
    Column("PM2.5占颗粒物(%)", "pm25_share", "percent", 0, 100),
    Column("日产值(元)", "value_yuan_d", "number"),
    Column("日运输车辆(辆)", "trucks_d", "number"),
    Column("最低负荷(%)", "min_load", "percent", 0, 100),
    Column("停产所需小时", "hours_to_stop", "number"),
    Column("恢复所需小时", "hours_to_restart", "number"),
    *(
        Column(zh, "", kind, low, high, required=False, filled=False, empty=None)
        for zh, _, kind, low, high in _STACK
    ),
    Column("核查方式", "proof"),
))  # fmt: skip

STACKS: Final = Sheet("排放口", "stacks", "stack", (
    Column("排放口编号", "stack", "id"),
    Column("生产单元编号", "unit", "id"),
    Column("占单元排放(%)", "share", "percent", 0, 100),
    *(Column(zh, name, kind, low, high) for zh, name, kind, low, high in _STACK),
    Column("经度", "longitude", "number", -180, 180),
    Column("纬度", "latitude", "number", -180, 180),
))  # fmt: skip

MEASURES: Final = Sheet("措施", "measures", "", (
    _optional("企业编号"),
    _optional("企业名称"),
    Column("生产单元编号", "unit", "id"),
    _optional("生产单元名称"),
    Column("预警级别", "level", "word", words=LEVEL_WORDS),
    Column("措施", "action", "word", words=ACTIONS),
    _optional("停产设备", "stopped"),
    Column("负荷(%)", "load", "percent", 0, 100),
    *_stated(_amounts("减排量", "千克/日", "", prefix="cut_")),
    Column(
        "日运输车辆(措施前)", "trucks_before", "number", required=False, filled=False, empty=None
    ),
    Column("日运输车辆(措施后)", "trucks_after", "number"),
    Column("停产所需小时", "", "number", required=False, filled=False, empty=None),
    Column("恢复所需小时", "", "number", required=False, filled=False, empty=None),
    Column("核查方式", "proof", filled=False),
    Column("依据", "source", filled=False),
    Column("是否假定", "assumption", "yes"),
))  # fmt: skip

SHEETS: Final = (ENTERPRISES, UNITS, STACKS, MEASURES)
