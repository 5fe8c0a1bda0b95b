"""What the dispersion model asks of a register and of receptors, and the refusal of anything else.

Takes tables, raises on what cannot be computed with. Knows nothing of plumes.
"""

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
import pandas as pd

from forecast.problems import DataError, Problem
from response.plume_profiles import PROFILES

EMITTED: Final = ("so2", "nox", "pm", "voc", "co")
_STACK: Final = ("share", "height_m", "diameter_m", "temperature_k", "speed_m_s")
_PLACE: Final = ("longitude", "latitude")
_SHOWN = 20  # units named where many have the same fault


class Sources(Protocol):
    """The part of a register this module reads (response.register.Register has it)."""

    @property
    def units(self) -> pd.DataFrame:
        """Index `unit`; so2 nox pm voc co [kg/d], NOx as NO2, pm25_share (0..1), profile."""

    @property
    def stacks(self) -> pd.DataFrame:
        """unit, share, height_m, diameter_m, temperature_k, speed_m_s, longitude, latitude."""


def check(register: Sources, receptors: pd.DataFrame) -> None:
    """Refuse tables that cannot be computed with.

    Raises:
        DataError: Columns absent, values missing or below zero, units without stacks or of unknown
            profiles, shares that do not sum to one; all at once.
    """
    problems = [
        *_columns("units", register.units, (*EMITTED, "pm25_share"), ()),
        *_columns("stacks", register.stacks, _STACK, _PLACE),
        *_columns("receptors", receptors, (), _PLACE),
    ]
    for name, table, column in (
        ("units", register.units, "profile"),
        ("stacks", register.stacks, "unit"),
        ("receptors", receptors, "area"),
    ):
        if column not in table:
            problems.append(Problem(f"{name}: {column}", "absent", "a column"))
    for name, table in (("units", register.units), ("receptors", receptors)):
        if not table.index.is_unique:
            twice = table.index[table.index.duplicated()][0]
            problems.append(Problem(f"{name}: index", f"{twice} twice", "once"))
    if not problems:
        problems.extend(_links(register))
    if problems:
        raise DataError(problems)


def _columns(
    name: str, table: pd.DataFrame, amounts: tuple[str, ...], places: tuple[str, ...]
) -> Iterator[Problem]:
    if not len(table):
        yield Problem(name, "no rows", "one at least")
    for column in (*amounts, *places):
        if column not in table:
            yield Problem(f"{name}: {column}", "absent", "a column")
            continue
        values = table[column].to_numpy(float)
        wrong = ~np.isfinite(values)
        if column in amounts:
            wrong |= values < 0
        if wrong.any():
            found = f"{values[wrong][0]} at {table.index[wrong][0]} ({wrong.sum()} in all)"
            yield Problem(f"{name}: {column}", found, "a number, amounts not below zero")


def _links(register: Sources) -> Iterator[Problem]:
    units, stacks = register.units, register.stacks
    for unit in stacks["unit"][~stacks["unit"].isin(units.index)].unique()[:_SHOWN]:
        yield Problem(f"stacks: {unit}", "unknown unit", "one of the register")
    shares = stacks.groupby("unit")["share"].sum().reindex(units.index, fill_value=0.0)
    for unit in shares.index[(shares - 1).abs() > 1e-3][:_SHOWN]:
        yield Problem(f"stacks: {unit}", f"shares sum to {shares[unit]:.3f}", "one")
    for profile in sorted(set(units["profile"].astype(str)) - set(PROFILES)):
        yield Problem("units: profile", repr(profile), f"one of {PROFILES}")
