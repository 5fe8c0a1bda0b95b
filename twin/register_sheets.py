"""The simulated register in the format of a real emergency reduction list (应急减排清单).

Takes the enterprises, gives four sheets with Chinese columns, as Excel or CSV: 企业
(enterprises), 生产单元 (production units), 排放口 (stacks), 措施 (measures by level). Fields follow
the list's usual content (regulation notes, 5.6). Codes, contacts and numbers are made up and valid
nowhere: credit codes carry SIM, telephones are zeros.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from openpyxl import Workbook  # type: ignore[import-untyped]

from forecast.files import replace_file
from twin.config import TwinConfig
from twin.config_emissions import REGISTERED
from twin.enterprises import Enterprises
from twin.geography import Geography
from twin.register_measures import measures

GRADES_ZH: Final = {
    "A": "A级", "B": "B级", "C": "C级", "D": "D级", "leading": "引领性", "non_leading": "非引领性",
}  # fmt: skip
KINDS_ZH: Final = {
    "ordinary": "一般", "guarantee": "保障类", "minor": "小微涉气", "key_project": "重点建设工程",
}  # fmt: skip
LEVELS_ZH: Final = {"yellow": "黄色", "orange": "橙色", "red": "红色"}
PROFILES_ZH: Final = {
    "continuous": "连续", "heating": "连续（供热）", "two_shift": "两班", "day_shift": "白班",
}  # fmt: skip
ACTIONS_ZH: Final = {
    "autonomous": "自主减排", "trucks": "限制运输", "cut": "限产",
    "half_lines": "停产50%（以生产线计）", "stop": "停产", "exempt": "不停限产",
    "min_load": "最低负荷",
}  # fmt: skip
SPECIES_ZH: Final = {"so2": "SO2", "nox": "NOx", "pm": "颗粒物", "voc": "VOCs", "co": "CO"}
KELVIN: Final = 273.15


def sheets(made: Enterprises, config: TwinConfig, geography: Geography) -> dict[str, pd.DataFrame]:
    """The four sheets of the list, by name, in the order of the file."""
    zh = {a.id: a.zh for a in geography.areas}
    return {
        "企业": _enterprises(made, zh, _town_names(made, geography)),
        "生产单元": _units(made),
        "排放口": _stacks(made),
        "措施": _measures(made, config),
    }


def write_excel(path: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Put all sheets into one Excel file, whole or not at all."""
    book = Workbook(write_only=True)  # rows are streamed: several times faster than cell by cell
    for name, table in tables.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        sheet.append(list(table.columns))
        for row in zip(*(table[c].tolist() for c in table.columns), strict=True):
            sheet.append(row)
    memory = io.BytesIO()
    book.save(memory)
    replace_file(path, lambda p: p.write_bytes(memory.getvalue()))


def write_csv(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Put each sheet into <folder>/<name>.csv, UTF-8 with the mark Excel needs."""
    for name, table in tables.items():
        text = "\ufeff" + table.to_csv(index=False, lineterminator="\r\n")
        replace_file(
            folder / f"{name}.csv",
            lambda p, t=text: p.write_bytes(t.encode()),  # type: ignore[misc]
        )


def _enterprises(made: Enterprises, zh: Mapping[str, str], towns: np.ndarray) -> pd.DataFrame:
    table, daily = made.enterprises, made.units.groupby("enterprise")[list(REGISTERED)].sum()
    daily = daily.reindex(table.index)
    columns: dict[str, object] = {
        "企业编号": table.index,
        "企业名称": table["name"].to_numpy(),
        "统一社会信用代码": table["credit_code"].to_numpy(),
        "排污许可证编号": table["permit"].to_numpy(),
        "所属县区": table["area"].map(zh).to_numpy(),
        "乡镇": towns,
        "经度": table["longitude"].to_numpy(),
        "纬度": table["latitude"].to_numpy(),
        "联系人": table["contact"].to_numpy(),
        "联系电话": "00000000000",
        "国民经济行业代码": table["code"].to_numpy(),
        "行业名称": table["industry_zh"].to_numpy(),
        "重点行业": table["key"].to_numpy(),
        "绩效等级": table["grade"].map(GRADES_ZH).to_numpy(),
        "企业类型": table["kind"].map(KINDS_ZH).to_numpy(),
        "正面清单": _yes(table["positive_list"]),
        "涉VOCs": _yes(table["voc"]),
    }
    for species, name in SPECIES_ZH.items():
        columns[f"年排放量{name}(吨)"] = (daily[species] * 365 / 1000).round(4).to_numpy()
    for species, name in SPECIES_ZH.items():
        columns[f"日排放量{name}(千克)"] = daily[species].round(3).to_numpy()
    columns["日产值(元)"] = table["value_yuan_d"].to_numpy()
    columns["日运输车辆(辆)"] = table["trucks_d"].to_numpy()
    columns["责任人"] = table["contact"].to_numpy()
    return pd.DataFrame(columns)


def _units(made: Enterprises) -> pd.DataFrame:
    units = made.units
    main = made.stacks.sort_values("share", ascending=False, kind="stable")
    main = main.drop_duplicates("unit").set_index("unit").reindex(units.index)
    columns: dict[str, object] = {
        "企业编号": units["enterprise"].to_numpy(),
        "企业名称": units["enterprise"].map(made.enterprises["name"]).to_numpy(),
        "生产单元编号": units.index,
        "生产单元名称": units["name"].to_numpy(),
        "是否生产线": _yes(units["line"]),
        "产能": units["capacity"].to_numpy(),
        "产能单位": units["capacity_unit"].to_numpy(),
        "燃料": units["fuel"].to_numpy(),
        "生产班制": units["profile"].map(PROFILES_ZH).to_numpy(),
    }
    for species, name in SPECIES_ZH.items():
        columns[f"日排放量{name}(千克)"] = units[species].round(3).to_numpy()
    columns |= {
        "PM2.5占颗粒物(%)": (100 * units["pm25_share"]).round(1).to_numpy(),
        "日产值(元)": units["value_yuan_d"].to_numpy(),
        "日运输车辆(辆)": units["trucks_d"].to_numpy(),
        "最低负荷(%)": (100 * units["min_load"]).round(1).to_numpy(),
        "停产所需小时": units["hours_to_stop"].to_numpy(),
        "恢复所需小时": units["hours_to_restart"].to_numpy(),
        "排气筒高度(米)": main["height_m"].to_numpy(),
        "排气筒内径(米)": main["diameter_m"].to_numpy(),
        "排气温度(℃)": (main["temperature_k"] - KELVIN).round(1).to_numpy(),
        "排气流速(米/秒)": main["speed_m_s"].to_numpy(),
        "核查方式": units["proof"].to_numpy(),
    }
    return pd.DataFrame(columns)


def _stacks(made: Enterprises) -> pd.DataFrame:
    stacks = made.stacks
    columns = {
        "排放口编号": stacks.index,
        "生产单元编号": stacks["unit"].to_numpy(),
        "占单元排放(%)": (100 * stacks["share"]).round(2).to_numpy(),
        "排气筒高度(米)": stacks["height_m"].to_numpy(),
        "排气筒内径(米)": stacks["diameter_m"].to_numpy(),
        "排气温度(℃)": (stacks["temperature_k"] - KELVIN).round(1).to_numpy(),
        "排气流速(米/秒)": stacks["speed_m_s"].to_numpy(),
        "经度": stacks["longitude"].to_numpy(),
        "纬度": stacks["latitude"].to_numpy(),
    }
    return pd.DataFrame(columns)


def _measures(made: Enterprises, config: TwinConfig) -> pd.DataFrame:
    table = measures(made, config)
    units = made.units.loc[table["unit"]]
    name = units["name"].to_numpy()
    columns: dict[str, object] = {
        "企业编号": table["enterprise"].to_numpy(),
        "企业名称": table["enterprise"].map(made.enterprises["name"]).to_numpy(),
        "生产单元编号": table["unit"].to_numpy(),
        "生产单元名称": name,
        "预警级别": table["level"].map(LEVELS_ZH).to_numpy(),
        "措施": table["action"].map(ACTIONS_ZH).to_numpy(),
        "停产设备": np.where(table["stopped"], name, ""),
        "负荷(%)": (100 * table["load"]).round(1).to_numpy(),
    }
    for species, zh in SPECIES_ZH.items():
        columns[f"减排量{zh}(千克/日)"] = table[f"cut_{species}"].round(3).to_numpy()
    columns |= {
        "日运输车辆(措施前)": table["trucks_before"].to_numpy(),
        "日运输车辆(措施后)": table["trucks_after"].to_numpy(),
        "停产所需小时": units["hours_to_stop"].to_numpy(),
        "恢复所需小时": units["hours_to_restart"].to_numpy(),
        "核查方式": units["proof"].to_numpy(),
        "依据": table["source"].to_numpy(),
        "是否假定": _yes(table["assumption"]),
    }
    return pd.DataFrame(columns)


def _town_names(made: Enterprises, geography: Geography) -> np.ndarray:
    """The nearest township station's name stands for the township; its area's where none is."""
    towns = geography.stations[geography.stations["tier"] == "township"]
    if towns.empty:
        return made.enterprises["area"].to_numpy().astype(object)
    gap = np.hypot(
        made.enterprises["x"].to_numpy()[:, None] - towns["x"].to_numpy(),
        made.enterprises["y"].to_numpy()[:, None] - towns["y"].to_numpy(),
    )
    other = made.enterprises["area"].to_numpy()[:, None] != towns["area"].to_numpy()
    return np.asarray(towns["name"].to_numpy()[np.argmin(gap + 1e9 * other, axis=1)])


def _yes(values: "pd.Series[bool]") -> np.ndarray:
    return np.where(values.to_numpy(dtype=bool), "是", "否")
