"""Readings of the store -> hourly electricity per unit and emission per stack.

Which unit a meter belongs to: its name is the unit's id of the register, or begins with it and a
hyphen or slash (`E0001-U01-M2`); the only unit of an enterprise owns all of its meters. A stack's
name is its id of the register. `electricity` counts in kWh or MWh of the interval; `so2`, `nox`
and `pm` in kg/h. What fits none of these is counted, not used. An hour is known when a meter has as
many values in it as it usually has; intervals are taken to end within their hour.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import xarray as xr
from sqlalchemy import select

from response.register import Register
from serving.store.engine import Store, reading
from serving.store.models import Reading

ELECTRICITY: Final = ("electricity", "power", "用电量")
EMISSIONS: Final = {"so2": "emission_so2", "nox": "emission_nox", "pm": "emission_pm"}
_KWH: Final = {"kwh": 1.0, "kw h": 1.0, "千瓦时": 1.0, "度": 1.0, "mwh": 1000.0, "mw h": 1000.0}
_RATE: Final = {"kg/h": 1.0, "kg h-1": 1.0, "kg h^-1": 1.0, "千克/时": 1.0}
_COLUMNS: Final = ("enterprise", "meter", "parameter", "at", "revision", "value", "unit")


@dataclass(frozen=True)
class Metered:
    """Hourly series, naive UTC stamps at the hour's end; None where nothing fits."""

    power: xr.Dataset | None  # production [kWh] (time, unit)
    stacks: xr.Dataset | None  # emission_* [kg h-1] (time, stack), unit (stack)
    newest: dict[str, dt.datetime]  # by enterprise: stamp of its newest reading
    unused: dict[str, tuple[str, ...]]  # by enterprise: meters and parameters that fit nothing


def metered(
    store: Store, register: Register, enterprises: Collection[str], *, start: dt.datetime,
    end: dt.datetime,
) -> Metered:  # fmt: skip
    """Readings of enterprises stamped in (start, end], each with its highest revision."""
    columns = [Reading.__table__.c[name] for name in _COLUMNS]
    query = select(*columns).where(Reading.at > start, Reading.at <= end)
    if len(enterprises) <= 100:
        query = query.where(Reading.enterprise.in_(sorted(enterprises)))
    with reading(store) as session:
        rows = session.execute(query.order_by(Reading.revision)).all()
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table = table[table["enterprise"].isin(list(enterprises))]
    if table.empty:
        return Metered(None, None, {}, {})
    table = table.drop_duplicates(["enterprise", "meter", "parameter", "at"], keep="last")
    newest = {str(e): pd.Timestamp(t).to_pydatetime()
              for e, t in table.groupby("enterprise")["at"].max().items()}  # fmt: skip
    table["word"] = table["parameter"].str.strip().str.lower()
    table["scale"] = _scale(table)
    table["owner"] = _owners(table, register)
    table["hour"] = pd.DatetimeIndex(table["at"]).ceil("h")
    fits = table["scale"].notna() & table["owner"].notna()
    unread = table.loc[~fits, ["enterprise", "meter", "parameter", "unit"]].drop_duplicates()
    lost: dict[str, list[str]] = {}
    for row in unread.itertuples(index=False):
        lost.setdefault(str(row.enterprise), []).append(
            f"{row.meter}: {row.parameter} [{row.unit}]"
        )
    used = table[fits].assign(value=lambda t: t["value"] * t["scale"])
    # To the end of what was asked for: an hour that has not arrived is missing, not absent.
    hours = pd.date_range(table["hour"].min(), pd.Timestamp(end).ceil("h"), freq="h")
    return Metered(
        _power(used[used["word"].isin(ELECTRICITY)], hours),
        _stacks(used[used["word"].isin(EMISSIONS)], hours),
        newest, {e: tuple(sorted(v)) for e, v in lost.items()},
    )  # fmt: skip


def _scale(table: pd.DataFrame) -> "pd.Series[float]":
    """Factor to kWh or kg/h; NaN: another parameter or unit."""
    unit = table["unit"].str.strip().str.lower()
    power = unit.map(_KWH).where(table["word"].isin(ELECTRICITY))
    return power.fillna(unit.map(_RATE).where(table["word"].isin(EMISSIONS))).astype(float)


def _owners(table: pd.DataFrame, register: Register) -> "pd.Series[str]":
    """Unit of each reading's meter; NaN: none of the register."""
    units = register.units["enterprise"].astype(str)
    ids = set(units.index.astype(str))
    of_stack = {str(s): str(u) for s, u in register.stacks["unit"].items()}
    counts = units.value_counts()
    single = {str(e): str(u) for u, e in units.items() if counts[e] == 1}
    named = table[["enterprise", "meter"]].drop_duplicates()

    def owner(enterprise: str, meter: str, *, stack: bool) -> str | None:
        if stack:
            found = of_stack.get(meter)
        elif meter in ids:
            found = meter
        else:
            found = max((u for u in ids if meter.startswith((f"{u}-", f"{u}/"))), key=len,
                        default=single.get(enterprise))  # fmt: skip
        # A meter never speaks for another enterprise's unit.
        return found if found is not None and str(units[found]) == enterprise else None

    is_stack = table["word"].isin(EMISSIONS)
    known = {
        (e, m, s): owner(e, m, stack=s)
        for e, m in named.itertuples(index=False)
        for s in (False, True)
    }
    keys = zip(table["enterprise"], table["meter"], is_stack, strict=True)
    return pd.Series([known[k] for k in keys], index=table.index, dtype=object)


def _power(table: pd.DataFrame, hours: pd.DatetimeIndex) -> xr.Dataset | None:
    """Electricity per unit: the sum of its meters, known where all of them are."""
    if table.empty:
        return None
    by_meter = _hourly(table, ["owner", "meter"], "sum").reindex(hours)
    # min_count: a unit's hour is known only when each of its meters is.
    counts = by_meter.columns.get_level_values("owner").value_counts()
    total = by_meter.T.groupby(level="owner").sum(min_count=1).T
    known = by_meter.notna().T.groupby(level="owner").sum().T
    total = total.where(known.eq(counts.reindex(total.columns), axis=1))
    return xr.Dataset(
        {"production": (("time", "unit"), total.to_numpy(float))},
        {"time": total.index.to_numpy(), "unit": total.columns.to_numpy().astype(str)},
    )


def _stacks(table: pd.DataFrame, hours: pd.DatetimeIndex) -> xr.Dataset | None:
    """Emission per stack: the mean of its intervals."""
    if table.empty:
        return None
    owner = table.drop_duplicates("meter").set_index("meter")["owner"].sort_index()
    data = {}
    for word, name in EMISSIONS.items():
        part = table[table["word"] == word]
        if len(part):
            wide = _hourly(part, ["meter"], "mean").reindex(index=hours, columns=owner.index)
            data[name] = (("time", "stack"), wide.to_numpy(float))
    coords = {"time": hours, "stack": owner.index.to_numpy().astype(str),
              "unit": ("stack", owner.to_numpy().astype(str))}  # fmt: skip
    return xr.Dataset(data, coords)


def _hourly(table: pd.DataFrame, keys: list[str], how: str) -> pd.DataFrame:
    """(hour, key); NaN where an hour has fewer values than usual."""
    grouped = table.groupby([*keys, "hour"])["value"].agg(["count", how])
    usual = grouped.groupby(level=keys)["count"].transform("median")
    value = grouped[how].where(grouped["count"] >= np.floor(usual))
    return value.unstack(keys)
