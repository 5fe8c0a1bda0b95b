"""Production units and stacks of the simulated city's enterprises.

Takes the enterprises and the industries' settings, gives one row per unit and one per stack. The
units of an industry sum to its annual total; minor enterprises stay below 100 kg a year of each
pollutant (the usual bound of a minor source).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from twin.config import TwinConfig
from twin.config_emissions import REGISTERED, Industry, UnitKind
from twin.seeds import rng

MINOR_KG_A: Final = 100.0
_DAYS = 365.0
_FROM_ENTERPRISE: Final = ("area", "x", "y", "longitude", "latitude", "industry", "grade", "kind")


def units(table: pd.DataFrame, config: TwinConfig, *, seed: int) -> pd.DataFrame:
    """Units of every enterprise with their daily emissions; columns as in enterprises.py.

    Args:
        table: The enterprises.
        config: The simulated city's configuration.
        seed: The city's seed.
    """
    kinds = config.industries.industries
    parts = []
    for name, mine in table.groupby("industry", sort=False):
        random = rng(seed, "units", str(name))
        bare = _bare(mine, kinds[str(name)], random)
        parts.append(_with_emissions(bare, mine, kinds[str(name)], config, random))
    rows = pd.concat(parts, ignore_index=True).sort_values(["enterprise", "number"], kind="stable")
    rows["unit"] = rows["enterprise"] + "-U" + rows["number"].astype(str).str.zfill(2)
    return rows.drop(columns="number").set_index("unit")


def stacks(unit_table: pd.DataFrame, kinds: Mapping[str, Industry], *, seed: int) -> pd.DataFrame:
    """One row per unit and stack; sizes vary by 15 % about their kind's; columns as there."""
    random = rng(seed, "stacks")
    rows = []
    for unit, row in zip(unit_table.index, unit_table.to_dict("records"), strict=True):
        for k, stack in enumerate(kinds[row["industry"]].units[row["unit_kind"]].stacks, start=1):
            height, width, warm, speed = np.exp(0.15 * np.clip(random.normal(size=4), -2, 2))
            angle, far = random.uniform(0, 2 * np.pi), random.uniform(20, 150)
            made = {
                "stack": f"{unit}-S{k}",
                "unit": unit,
                "share": stack.share,
                "height_m": round(stack.height_m * height, 1),
                "diameter_m": round(stack.diameter_m * width, 2),
                # Excess over the air's temperature varies, not the temperature itself.
                "temperature_k": round(285 + (stack.temperature_k - 285) * warm, 1),
                "speed_m_s": round(stack.speed_m_s * speed, 1),
                "x": row["x"] + far * np.cos(angle),
                "y": row["y"] + far * np.sin(angle),
            }
            rows.append(made | {c: row[c] for c in ("enterprise", "longitude", "latitude")})
    return pd.DataFrame(rows).set_index("stack")


def _bare(mine: pd.DataFrame, industry: Industry, random: np.random.Generator) -> pd.DataFrame:
    """Units of one industry without emissions: larger works have more of them."""
    rows = []
    for enterprise, rank, kind in zip(mine.index, mine["rank"], mine["kind"], strict=True):
        number = 0
        for key, unit in industry.units.items():
            fewest, most = unit.number
            luck = (0.6 * rank + 0.4 * random.random()) ** 1.7
            count = fewest + int(luck * (most - fewest + 1) * 0.999)
            if kind == "minor":
                count = min(count, max(fewest, 1))
            for k in range(count):
                number += 1
                one = {"enterprise": enterprise, "number": number, "unit_kind": key}
                rows.append(one | {"name": f"{k + 1}#{unit.zh}"})
    return pd.DataFrame(rows)


def _with_emissions(
    rows: pd.DataFrame, mine: pd.DataFrame, industry: Industry, config: TwinConfig,
    random: np.random.Generator,
) -> pd.DataFrame:  # fmt: skip
    """Add what each unit emits, earns and needs."""
    owner = mine.loc[rows["enterprise"]]
    kind = rows["unit_kind"].map(industry.units)
    luck = random.lognormal(0, 0.25, (len(rows), len(REGISTERED)))
    minor = (owner["kind"] == "minor").to_numpy()
    intensity = owner["grade"].map(config.industries.grade_intensity).to_numpy(dtype=float)
    scale: dict[str, float] = {str(k): v for k, v in config.emissions.scale.items()}
    fine, coarse = scale.get("pm25", 1.0), scale.get("pm_coarse", 1.0)
    mixed = industry.pm25_share * fine + (1 - industry.pm25_share) * coarse
    era = {s: scale.get(s, 1.0) for s in REGISTERED} | {"pm": mixed}
    daily: dict[str, np.ndarray] = {}
    for i, species in enumerate(REGISTERED):
        share = kind.map(lambda u, s=species: u.shares.get(s, 0.0)).to_numpy(dtype=float)
        if species == "voc":
            share = share * owner["voc"].to_numpy()
        annual = 1000 * config.enterprises.emission_scale * industry.annual_t.get(species, 0)
        if annual <= 0:
            daily[species] = np.zeros(len(rows))
            continue
        weight = share * owner["size"].to_numpy() * intensity * luck[:, i]
        amount = _minor_amounts(rows["enterprise"], share * minor, random)
        weight = np.where(minor, 0.0, weight)
        amount += max(annual - amount.sum(), 0.0) * weight / max(weight.sum(), 1e-300)
        daily[species] = amount * era[species] / _DAYS
    total = rows.groupby("enterprise")["unit_kind"].transform("size").to_numpy()
    lines = kind.map(lambda u: 2.0 if u.line else 1.0)
    part = (lines / lines.groupby(rows["enterprise"]).transform("sum")).to_numpy()
    columns: dict[str, np.ndarray] = {
        **daily,
        "nh3": np.zeros(len(rows)),
        "pm25_share": np.full(len(rows), industry.pm25_share * fine / mixed if mixed else 0.0),
        "value_yuan_d": (owner["value_yuan_d"].to_numpy() * part).round(-1),
        "trucks_d": (owner["trucks_d"].to_numpy() / total).round(1),
        "line": kind.map(lambda u: u.line).to_numpy(dtype=bool),
        "profile": kind.map(lambda u: u.profile).to_numpy(),
        "min_load": kind.map(lambda u: u.min_load).to_numpy(dtype=float),
        "hours_to_stop": kind.map(lambda u: u.hours_to_stop).to_numpy(dtype=float),
        "hours_to_restart": kind.map(lambda u: u.hours_to_restart).to_numpy(dtype=float),
        "capacity": _capacity(kind, owner["size"].to_numpy()),
        "capacity_unit": kind.map(lambda u: u.capacity[1]).to_numpy(),
        "fuel": kind.map(lambda u: u.fuel).to_numpy(),
        "proof": kind.map(lambda u: u.proof).to_numpy(),
    }
    columns |= {c: owner[c].to_numpy() for c in _FROM_ENTERPRISE}
    return rows.assign(**columns)


def _minor_amounts(
    enterprise: "pd.Series[str]", share: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Annual kg of the units of minor enterprises: each enterprise below the bound."""
    number, _ = pd.factorize(enterprise)
    total = np.bincount(number, share)[number]
    amount = random.uniform(0.2, 0.9, number.max() + 1)[number] * MINOR_KG_A
    return np.asarray(amount * share / np.where(total > 0, total, 1.0))


def _capacity(kind: "pd.Series[UnitKind]", size: np.ndarray) -> np.ndarray:  # type: ignore[type-var]
    """Rated capacity: the kind's, with the works' size; a bare count stays one."""
    rated = kind.map(lambda u: u.capacity[0]).to_numpy(dtype=float)
    counted = kind.map(lambda u: u.capacity[1] == "条").to_numpy(dtype=bool)
    scaled = rated * np.clip(size, 0.5, 2.0)
    return np.where(counted, rated, scaled.round(1))
