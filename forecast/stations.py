"""The station register of a city: a CSV with one row per station.

Columns: station (code), name, tier (city county township village), area, latitude, longitude
(WGS-84), reference (true for national stations), background (true: left out of the city mean),
alias (other names the sources use, separated by |; may be empty).
"""

from pathlib import Path

import pandas as pd

from forecast.problems import ConfigError, Problem
from forecast.schema import TIERS

COLUMNS = (
    "station", "name", "tier", "area", "latitude", "longitude", "reference", "background", "alias",
)  # fmt: skip
_TRUTH = {"true": True, "false": False}


def load(path: Path) -> pd.DataFrame:
    """Read a station register.

    Returns:
        Index = station code; the other COLUMNS, typed.

    Raises:
        ConfigError: Every wrong cell with file and row, or missing columns, all at once.
    """
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise ConfigError([Problem(str(path), str(error), "a readable CSV")]) from error
    missing = [c for c in COLUMNS[:-1] if c not in raw.columns]
    if missing:
        raise ConfigError([Problem(str(path), f"no column {missing}", f"columns {COLUMNS}")])
    if "alias" not in raw.columns:
        raw["alias"] = ""
    problems = [
        found
        for number, (_, row) in enumerate(raw.iterrows(), start=2)  # row 1 is the header
        for found in _row_problems(f"{path}: row {number}", row)
    ]
    twice = raw.loc[raw["station"].duplicated(), "station"]
    problems += [Problem(str(path), f"station {s} twice", "each station once") for s in twice]
    if not any(raw["reference"] == "true"):
        problems.append(Problem(str(path), "no reference station", "at least one: the city value"))
    if problems:
        raise ConfigError(problems)
    table = raw[list(COLUMNS)].set_index("station")
    table[["latitude", "longitude"]] = table[["latitude", "longitude"]].astype(float)
    for column in ("reference", "background"):
        table[column] = table[column].map(_TRUTH).astype(bool)
    return table


def code_of(table: pd.DataFrame) -> dict[str, str]:
    """Every name a source may use for a station (code, name, aliases) -> its code."""
    names: dict[str, str] = {}
    for code, row in table.iterrows():
        for name in (str(code), row["name"], *str(row["alias"]).split("|")):
            if name:
                names[name] = str(code)
    return names


def _row_problems(where: str, row: "pd.Series[str]") -> list[Problem]:
    problems = []
    if not row["station"].strip():
        problems.append(Problem(where, "empty station", "a station code"))
    if row["tier"] not in TIERS:
        problems.append(Problem(f"{where}, tier", repr(row["tier"]), f"one of {TIERS}"))
    for column, low, high in (("latitude", -90.0, 90.0), ("longitude", -180.0, 180.0)):
        try:
            inside = low <= float(row[column]) <= high
        except ValueError:
            inside = False
        if not inside:
            expected = f"degrees between {low:g} and {high:g}"
            problems.append(Problem(f"{where}, {column}", repr(row[column]), expected))
    for column in ("reference", "background"):
        if row[column] not in _TRUTH:
            problems.append(Problem(f"{where}, {column}", repr(row[column]), "true or false"))
    return problems
