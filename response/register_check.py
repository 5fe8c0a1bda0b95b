"""What the sheets of a list mean together: identities, sums, places, and levels in their order.

Takes typed tables (None or NaN where a cell was faulty already), gives faults (the list is refused)
and notes (told, not refused). Knows nothing of files.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from response import measures_config
from response.credit_code import is_valid
from response.register_columns import (
    ENTERPRISES,
    LEVELS,
    MEASURES,
    SHEETS,
    SPECIES,
    SPECIES_ZH,
    STACKS,
    UNITS,
    Sheet,
)
from response.register_faults import Fault

SHARE_PERCENT: Final = 0.05  # what the shares of a unit's stacks may miss 100 by, being rounded
SUM_SHARE: Final = 0.01  # what an enterprise's stated emission may miss its units' sum by
_SMALL: Final = 1e-6


@dataclass(frozen=True)
class Box:
    """Where a city lies, degrees WGS-84."""

    west: float
    south: float
    east: float
    north: float


CHINA: Final = Box(73.0, 3.0, 136.0, 54.0)


@dataclass
class _Told:
    """Faults and notes while they are collected."""

    faults: list[Fault]
    notes: list[Fault]

    def __call__(
        self, sheet: Sheet, column: str, rows: pd.DataFrame, found: Callable[[pd.Series], str],
        expected: str, *, note: bool = False,
    ) -> None:  # fmt: skip
        """One fault (or note) per row."""
        into = self.notes if note else self.faults
        for _, row in rows.iterrows():
            into.append(Fault(sheet.zh, int(row["row"]), column, found(row), expected))


def check(
    tables: Mapping[str, pd.DataFrame], *, box: Box | None
) -> tuple[list[Fault], list[Fault]]:
    """Check the tables against each other; what needs a missing table is left out.

    Args:
        tables: By name of the register's table; `row` is the row in the sheet.
        box: Where the city lies; None: anywhere in China.

    Returns:
        Faults (the list is refused) and notes (told, not refused).
    """
    told = _Told([], [])
    people, units = tables.get("enterprises"), tables.get("units")
    stacks, measures = tables.get("stacks"), tables.get("measures")
    for sheet in SHEETS:
        if sheet.key and sheet.table in tables:
            _unique(told, sheet, tables[sheet.table])
    if people is not None:
        _enterprises(told, people)
        _place(told, ENTERPRISES, people, box or CHINA)
    if units is not None and people is not None:
        _known(told, UNITS, "企业编号", units, "enterprise", people["enterprise"])
        _owns(told, people, units)
        _sums(told, people, units)
    if stacks is not None:
        _place(told, STACKS, stacks, box or CHINA)
    if stacks is not None and units is not None:
        _known(told, STACKS, "生产单元编号", stacks, "unit", units["unit"])
        _shares(told, units, stacks)
    if measures is not None:
        _levels(told, measures)
    if measures is not None and units is not None:
        _known(told, MEASURES, "生产单元编号", measures, "unit", units["unit"])
        _loads(told, measures, units)
    return told.faults, told.notes


def _unique(told: _Told, sheet: Sheet, table: pd.DataFrame) -> None:
    head = next(c.zh for c in sheet.columns if c.name == sheet.key)
    twice = table[table[sheet.key].notna() & table[sheet.key].duplicated()]
    first = table.drop_duplicates(sheet.key).set_index(sheet.key)["row"]
    told(
        sheet, head, twice,
        lambda r: f"{r[sheet.key]} 重复 (again; first in row {first[r[sheet.key]]})",
        "每个编号一次 (each identifier once)",
    )  # fmt: skip
    if table.empty:
        told.faults.append(Fault(sheet.zh, 0, "", "无数据 (no rows)", "至少一行 (one row or more)"))


def _known(
    told: _Told, sheet: Sheet, head: str, table: pd.DataFrame, field: str, ids: "pd.Series[str]"
) -> None:
    strange = table[table[field].notna() & ~table[field].isin(ids.dropna())]
    told(
        sheet,
        head,
        strange,
        lambda r: f"{r[field]} 不存在 (unknown)",
        "已登记的编号 (one of the list)",
    )


def _owns(told: _Told, people: pd.DataFrame, units: pd.DataFrame) -> None:
    idle = people[people["enterprise"].notna() & ~people["enterprise"].isin(units["enterprise"])]
    told(
        ENTERPRISES, "企业编号", idle, lambda r: f"{r['enterprise']} 无生产单元 (no unit)",
        "至少一个生产单元 (one unit or more)",
    )  # fmt: skip


def _enterprises(told: _Told, people: pd.DataFrame) -> None:
    """Credit codes (GB 32100-2015) and industry codes (GB/T 4754)."""
    code = people["credit_code"].astype("string").fillna("")
    given = people[code != ""]
    made_up = given["credit_code"].astype("string").str.contains("SIM", na=False)
    wrong = given[~made_up & ~given["credit_code"].map(is_valid).astype(bool)]
    expected = "18位，校验码正确 (18 characters, check digit right; GB 32100-2015)"
    told(ENTERPRISES, "统一社会信用代码", wrong, lambda r: str(r["credit_code"]), expected)
    if made_up.any():
        found = f"{int(made_up.sum())} 个模拟代码 (simulated codes, no valid check digit)"
        told.notes.append(Fault(ENTERPRISES.zh, 0, "统一社会信用代码", found, expected))
    real = people[people["code"].notna()]
    odd = real[~real["code"].astype("string").str.fullmatch(r"[A-T]?\d{4}").fillna(False)]
    told(
        ENTERPRISES, "国民经济行业代码", odd, lambda r: str(r["code"]),
        "四位数字，可带门类字母 (four digits; GB/T 4754)",
    )  # fmt: skip
    known = measures_config.load().key_industries
    strange = people[people["key_industry"].notna() & ~people["key_industry"].isin(["", *known])]
    told(
        ENTERPRISES, "重点行业", strange, lambda r: str(r["key_industry"]),
        f"空，或39个之一 (empty or one of the 39): {'、'.join(known)}", note=True,
    )  # fmt: skip
    same = given[given["credit_code"].duplicated(keep=False)]
    told(
        ENTERPRISES, "统一社会信用代码", same, lambda r: f"{r['credit_code']} 重复 (again)",
        "一般每个企业一个 (usually one per enterprise)", note=True,
    )  # fmt: skip


def _place(told: _Told, sheet: Sheet, table: pd.DataFrame, box: Box) -> None:
    lon, lat = table["longitude"], table["latitude"]
    inside = lon.between(box.west, box.east) & lat.between(box.south, box.north)
    swapped = lat.between(box.west, box.east) & lon.between(box.south, box.north)
    wanted = f"{box.west:g}..{box.east:g}E, {box.south:g}..{box.north:g}N (WGS-84)"
    known = lon.notna() & lat.notna()
    for head, wrong in (
        ("经度", known & ~inside & (swapped | ~lon.between(box.west, box.east))),
        ("纬度", known & ~inside & ~swapped & lon.between(box.west, box.east)),
    ):
        told(sheet, head, table.assign(swapped=swapped)[wrong], _spot, wanted)


def _spot(row: pd.Series) -> str:
    said = f"{row['longitude']:g}, {row['latitude']:g}"
    return f"{said} 经纬度颠倒 (longitude and latitude swapped)" if row["swapped"] else said


def _shares(told: _Told, units: pd.DataFrame, stacks: pd.DataFrame) -> None:
    """Units have stacks whose shares make 100 %, to their rounding."""
    bare = units[units["unit"].notna() & ~units["unit"].isin(stacks["unit"])]
    told(
        UNITS, "生产单元编号", bare, lambda r: f"{r['unit']} 无排放口 (no stack)",
        "至少一个排放口 (one stack or more)",
    )  # fmt: skip
    known = stacks[stacks["unit"].notna()]
    sums = known.groupby("unit")["share"].sum()
    faulty = known.loc[known["share"].isna(), "unit"]  # told already, cell by cell
    off = sums[(100 * (sums - 1)).abs() > SHARE_PERCENT + _SMALL].drop(faulty, errors="ignore")
    first = known.drop_duplicates("unit")
    told(
        STACKS, "占单元排放(%)", first[first["unit"].isin(off.index)],
        lambda r: f"{r['unit']} 合计 {100 * off[r['unit']]:.6g}",
        "合计 100 (shares of a unit sum to 100)",
    )  # fmt: skip


def _sums(told: _Told, people: pd.DataFrame, units: pd.DataFrame) -> None:
    """The enterprise's stated day is its units' day; noted, since rounding and lists differ."""
    daily = units.groupby("enterprise")[list(SPECIES)].sum(min_count=1)
    daily = daily.reindex(people["enterprise"])
    count = units.groupby("enterprise").size().reindex(people["enterprise"]).to_numpy()
    for s in SPECIES:
        stated, total = people[f"{s}_kg_d"].to_numpy(), daily[s].to_numpy()
        gap = np.abs(stated - total) > SUM_SHARE * np.maximum(stated, total) + 0.002 * count
        told(
            ENTERPRISES, f"日排放量{SPECIES_ZH[s]}(千克)", people[gap],
            _number_of(f"{s}_kg_d"),
            "与生产单元合计一致 (the sum of its units)", note=True,
        )  # fmt: skip


def _number_of(column: str) -> Callable[[pd.Series], str]:
    return lambda row: f"{row[column]:g}"


def _levels(told: _Told, measures: pd.DataFrame) -> None:
    """One row per unit and level; none looser than the one below it."""
    known = measures[measures["unit"].notna() & measures["level"].notna()]
    twice = known[known.duplicated(["unit", "level"])]
    told(
        MEASURES, "预警级别", twice, lambda r: f"{r['unit']} {r['level']} 重复 (twice)",
        "每单元每级别一行 (one row per unit and level)",
    )  # fmt: skip
    once = known.drop_duplicates(["unit", "level"])
    for field, head, scale in (("load", "负荷(%)", 100), ("trucks_after", "日运输车辆(措施后)", 1)):
        wide = once.pivot(index="unit", columns="level", values=field).reindex(columns=list(LEVELS))
        least = wide.cummin(axis=1).shift(1, axis=1)  # the strictest of the levels below
        below = least.to_numpy(float)
        for u, k in np.argwhere(wide.to_numpy(float) > below + _SMALL):
            unit, level = wide.index[u], LEVELS[k]
            row = once[(once["unit"] == unit) & (once["level"] == level)].iloc[0]
            found = f"{unit} {level} {scale * row[field]:g} > {scale * below[u, k]:g}"
            wanted = "不宽于下一级别 (no looser than the level below)"
            told.faults.append(Fault(MEASURES.zh, int(row["row"]), head, found, wanted))


def _loads(told: _Told, measures: pd.DataFrame, units: pd.DataFrame) -> None:
    """A load is none, or at least the unit's minimum; every unit has each level or none."""
    by_unit = units.drop_duplicates("unit").set_index("unit")["min_load"]
    least = measures["unit"].map(by_unit)
    low = measures[(measures["load"] > 0) & (measures["load"] < least - _SMALL)]
    told(
        MEASURES, "负荷(%)", low, lambda r: f"{100 * r['load']:g}",
        "0，或不低于单元最低负荷 (0, or the unit's minimum load at least)",
    )  # fmt: skip
    limits = units["proof"].astype("string").str.contains("|".join(measures_config.LIMIT_WORDS))
    told(
        UNITS, "核查方式", units[limits.fillna(False)], lambda r: str(r["proof"]),
        "设备或工序参数，非排放限值 (a parameter of the process, no emission limit)", note=True,
    )  # fmt: skip
    count = measures.groupby("unit")["level"].nunique()
    part = units[units["unit"].map(count).between(1, len(LEVELS) - 1)]
    told(
        UNITS, "生产单元编号", part, lambda r: f"{r['unit']}: {count[r['unit']]} 个级别 (levels)",
        "三个级别的措施，或全无 (measures for all three levels, or none)",
    )  # fmt: skip
