"""Tiny cities for tests of control plans: plain numbers, so that the optimum is known by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import xarray as xr

from forecast import standards
from forecast.schema import POLLUTANTS
from response import controls_config
from response.controls_case import Case, Plan
from response.controls_config import AIR, SPECIES, ControlsConfig

DAYS = tuple(pd.date_range("2026-12-01", periods=2))
NONE = {"so2": 0.0, "nox": 0.0, "pm": 0.0, "voc": 0.0}


def config(**changes: dict[str, object]) -> ControlsConfig:
    """Plain arithmetic: base = 1000 kg/d each, no other measures, no trading, no restart cost."""
    data = controls_config.load().model_dump()
    plain: dict[str, dict[str, object]] = {
        "base": {"absolute": dict.fromkeys(SPECIES, 1000.0)},
        "other_measures": {"levels": {"yellow": NONE, "orange": NONE, "red": NONE}},
        "trading": {"allowed": False},
        "modes": {"partial": False},
        "costs": {"restart_share": 0.0, "truck_yuan": 0.0},
        "trucks": {"kg_per_truck_day": NONE},
        "fairness": {"bound_days": 100.0},
        "solver": {"gap": 1e-6, "threads": 1},
    }
    for part in (plain, changes):
        for section, values in part.items():
            data[section].update(values)
    return ControlsConfig.model_validate(data)


def city(*units: dict[str, object]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """One enterprise per unit unless named; a stop at orange unless `load` says otherwise."""
    plain = {
        "so2": 0.0, "nox": 0.0, "pm": 100.0, "voc": 0.0, "co": 0.0, "min_load": 0.0,
        "hours_to_stop": 0.0, "hours_to_restart": 0.0, "value_yuan_d": 1e5, "trucks_d": 0.0,
        "grade": "C", "kind": "ordinary", "industry": "铸造", "area": "a", "load": 0.0,
        "red": 0.0, "trucks_after": 0.0,
    }  # fmt: skip
    table = pd.DataFrame([plain | u for u in units])
    table.index = pd.Index([f"u{i}" for i in range(len(table))], name="unit")
    if "enterprise" not in table:
        table["enterprise"] = [f"e{i}" for i in range(len(table))]
    people = table.groupby("enterprise")[["grade", "kind", "industry", "area"]].first()
    rows = [
        {"unit": unit, "level": level, "action": "stop" if load == 0 else "cut", "load": load,
         "trucks_after": u["trucks_after"], "source": "test list", "assumption": False}
        for unit, u in table.iterrows()
        for level, load in (("orange", u["load"]), ("red", min(u["load"], u["red"])))
    ]  # fmt: skip
    columns = ["enterprise", *SPECIES, "co", "min_load", "hours_to_stop", "hours_to_restart",
               "value_yuan_d", "trucks_d"]  # fmt: skip
    return people, table[columns], pd.DataFrame(rows)


def case(*units: dict[str, object], ratio: dict[str, float] | None = None, **more: object) -> Case:
    people, table, measures = city(*units)
    wanted = {"pm": 0.1} if ratio is None else ratio
    kept = {"config": config(), "days": DAYS} | more
    return Case(people, table, measures, level="orange", ratios=NONE | wanted, **kept)


def modes(plan: Plan, day: int = 1) -> list[str]:
    return plan.modes[day].tolist()


def effects(pm25: list[float]) -> xr.Dataset:
    zero = np.zeros((len(pm25), len(DAYS)))
    parts = dict.fromkeys(AIR, (("unit", "day"), zero))
    parts["pm25"] = (("unit", "day"), np.tile(np.array(pm25)[:, None], (1, len(DAYS))))
    return xr.Dataset(parts, coords={"unit": [f"u{i}" for i in range(len(pm25))]})


def members(pm25: list[float]) -> np.ndarray:
    clean = {"pm25": 0.0, "pm10": 60.0, "so2": 10.0, "no2": 30.0, "co": 0.5, "o3": 40.0}
    made = np.tile([clean[p] for p in POLLUTANTS], (len(pm25), len(DAYS), 1)).astype(float)
    made[..., POLLUTANTS.index("pm25")] = np.array(pm25)[:, None]
    return made


def line_case(**more: object) -> Case:
    # AQI 200 is PM2.5 150 ug m-3; rounding lets 150.5 pass (half to even).
    asked = case(
        {"value_yuan_d": 1e5}, {"value_yuan_d": 2e5}, goal="bottom_line", ratio={},
        effects=effects([10.0, 30.0]), members=members([140, 149, 155, 170, 190]),
        standard=standards.load("hj633-2026"), bottom_line=200, probability=0.4,
    )  # fmt: skip
    return replace(asked, **more)
