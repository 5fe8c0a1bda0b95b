"""How long a control plan takes, its gap, and what it saves against the flat list.

    python benchmarks/controls.py [--enterprises 470] [--twin] [--time-limit 60]

On a made-up register (470 enterprises, about 1,500 units, 3 days), or with --twin on the simulated
Jiaozuo's. Every goal once, then one order changed by hand. Settings of configs/controls/default.
"""

import argparse
import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast import standards
from forecast.schema import POLLUTANTS
from response import controls, controls_config
from response.controls_case import Case, Plan
from response.controls_config import AIR, SPECIES

RATIOS = {"yellow": 0.1, "orange": 0.2, "red": 0.3}
LEVELS = ("yellow", "orange", "red")
PATTERN = {"B": (1.0, 0.8, 0.5), "B-": (0.9, 0.7, 0.0), "C": (0.5, 0.0, 0.0), "D": (0.0, 0.0, 0.0)}


def register(enterprises: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Made-up enterprises, units and measures with skewed sizes."""
    rng = np.random.default_rng(seed)
    names = [f"E{i:04d}" for i in range(enterprises)]
    grades = rng.choice(["A", "leading", "B", "B-", "C", "D"], enterprises,
                        p=[0.06, 0.04, 0.25, 0.15, 0.35, 0.15])  # fmt: skip
    kinds = rng.choice(["ordinary", "minor", "guarantee", "key_project"], enterprises,
                       p=[0.82, 0.1, 0.05, 0.03])  # fmt: skip
    people = pd.DataFrame(
        {"grade": grades, "kind": kinds, "industry": rng.integers(0, 39, enterprises).astype(str),
         "area": rng.integers(0, 10, enterprises).astype(str)},
        index=pd.Index(names, name="enterprise"),
    )  # fmt: skip
    size = rng.lognormal(0, 1.4, enterprises) * np.where(kinds == "minor", 0.02, 1)
    count = rng.poisson(2.2, enterprises) + 1
    who = np.repeat(np.arange(enterprises), count)
    n = len(who)
    emission = size[who, None] * rng.lognormal(0, 0.8, (n, 5)) * np.array([30, 60, 20, 25, 100])
    slow = rng.random(n) < 0.1
    units = pd.DataFrame(emission, columns=[*SPECIES, "co"],
                         index=pd.Index([f"U{i:05d}" for i in range(n)], name="unit"))  # fmt: skip
    units["enterprise"] = np.array(names)[who]
    units["min_load"] = np.where(rng.random(n) < 0.4, rng.uniform(0.3, 0.7, n), 0.0)
    units["hours_to_stop"] = np.where(slow, rng.uniform(24, 72, n), rng.uniform(0, 8, n))
    units["hours_to_restart"] = units["hours_to_stop"] * rng.uniform(1, 2, n)
    units["value_yuan_d"] = size[who] * rng.lognormal(0, 1, n) * 2e5
    units["trucks_d"] = np.round(size[who] * 10)
    rows = []
    for unit, grade, fleet, least, hours in zip(
        units.index,
        grades[who],
        units["trucks_d"],
        units["min_load"],
        units["hours_to_stop"],
        strict=True,
    ):
        for number, level in enumerate(LEVELS):
            load = PATTERN.get(grade, (1.0, 1.0, 1.0))[number]
            if 0 < load < least or (load == 0 and hours >= 24):
                load = least
            action = "autonomous" if grade not in PATTERN else "stop" if load == 0 else "cut"
            after = fleet if grade not in PATTERN else fleet * 0.5
            rows.append((unit, level, action, load, after, "made up", True))
    columns = ["unit", "level", "action", "load", "trucks_after", "source", "assumption"]
    return people, units, pd.DataFrame(rows, columns=columns)


def effects(units: pd.DataFrame, days: int, seed: int) -> xr.Dataset:
    """Made-up contributions: emission times a dilution of each unit and day, 25 ug m-3 in all."""
    rng = np.random.default_rng(seed)
    dilution = rng.lognormal(0, 0.8, (len(units), days))
    coords = {"unit": units.index.to_numpy(), "day": range(1, days + 1)}
    parts = {}
    for name, kg, total in (("pm25", "pm", 25.0), ("pm10", "pm", 40.0), ("so2", "so2", 5.0),
                            ("no2", "nox", 15.0)):  # fmt: skip
        raw = units[kg].to_numpy()[:, None] * dilution
        parts[name] = (("unit", "day"), raw / raw.sum(axis=0) * total)
    return xr.Dataset(parts, coords=coords)[list(AIR)]


def members(days: int, seed: int) -> np.ndarray:
    """100 members of city days around an AQI of 200."""
    rng = np.random.default_rng(seed)
    middle = np.array([{"pm25": 135, "pm10": 190, "so2": 15, "no2": 60, "co": 1.4, "o3": 60}[p]
                       for p in POLLUTANTS])  # fmt: skip
    return middle * rng.lognormal(0, 0.12, (100, days, 1)) * rng.lognormal(0, 0.05, (100, days, 6))


def line(name: str, plan: Plan, flat: float) -> str:
    gap = "none" if plan.gap is None else f"{plan.gap:.2%}"
    said = f"{name}: {plan.seconds:.1f} s, gap {gap}, {plan.status}, feasible {plan.feasible}"
    changed = (plan.modes != "normal").any(axis=1).sum()
    said += f", loss {plan.loss_yuan / 1e4:.0f}e4 yuan ({plan.loss_yuan / flat:.0%} of flat list)"
    said += f", {changed} of {len(plan.modes)} units"
    if plan.effect is not None:
        said += f", PM2.5 -{plan.effect['pm25'].mean():.2f} ug/m3"
    if plan.promised is not None:
        said += f", over line {plan.without} -> {plan.promised}"
    return said


def flat_loss(case: Case) -> tuple[float, pd.DataFrame]:
    """The flat list through the same arithmetic: every steered unit its listed measure."""
    from response.controls_options import options

    made = options(case.enterprises, case.units, case.measures, level=case.level,
                   days=len(case.days), config=case.config)  # fmt: skip
    all_measure = (made.schedules == 3).all(axis=1)
    trucks = (made.schedules == 1).all(axis=1)
    ok = made.admitted
    chosen = np.where(ok[:, all_measure][:, 0], np.flatnonzero(all_measure)[0],
                      np.where(ok[:, trucks][:, 0], np.flatnonzero(trucks)[0], 0))  # fmt: skip
    rows = np.arange(len(chosen))
    cut = made.cut[rows, chosen].sum(axis=0)
    return float(made.loss[rows, chosen].sum()), pd.DataFrame(cut, columns=list(SPECIES))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--enterprises", type=int, default=470)
    parser.add_argument("--time-limit", type=float, default=60.0)
    parser.add_argument("--level", default="orange")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--twin", action="store_true")
    args = parser.parse_args()
    config = controls_config.load()
    if args.twin:
        from twin import enterprises as twin_enterprises
        from twin import geography, register_measures
        from twin.config import load as load_twin

        twin = load_twin(Path("configs/twin/jiaozuo.yaml"))
        made = twin_enterprises.create(twin, geography.create(twin, seed=args.seed))
        people, units = made.enterprises, made.units
        measures = register_measures.measures(made, twin)
    else:
        people, units, measures = register(args.enterprises, args.seed)
    days = tuple(pd.date_range("2026-12-01", periods=3))
    case = Case(
        enterprises=people, units=units, measures=measures, level=args.level, days=days,
        ratios=dict.fromkeys(SPECIES, RATIOS[args.level]), config=config,
        effects=effects(units, 3, args.seed), members=members(3, args.seed),
        standard=standards.load("hj633-2026"), bottom_line=200, probability=0.1,
    )  # fmt: skip
    flat, cut = flat_loss(case)
    print(f"{len(people)} enterprises, {len(units)} units; flat list {flat / 1e4:.0f}e4 yuan")
    print(f"flat list cuts {(cut.mean() / units[list(SPECIES)].sum()).round(3).to_dict()} of units")
    limit = args.time_limit
    least = controls.plan(case, time_limit_s=limit)
    print(line("least loss", least, flat))
    print(least.totals.to_string(float_format="%.2f"))
    for s in least.shortfalls:
        print(s.text.en)
    print(least.conflicts)
    effect = replace(case, goal="most_effect", budget_yuan=max(1.2 * least.loss_yuan, 0.5 * flat))
    print(line("most effect", controls.plan(effect, time_limit_s=limit), flat))
    line_case = replace(case, goal="bottom_line")
    print(line("bottom line", controls.plan(line_case, time_limit_s=limit), flat))
    unit = least.modes.index[(least.modes != "normal").any(axis=1)][0]
    begin = time.perf_counter()
    again = controls.replan(case, least, {str(unit): "normal"}, time_limit_s=limit)
    changed = (again.modes != least.modes).any(axis=1).sum()
    print(line(f"one unit by hand, {changed} units changed", again, flat))
    print(f"wall {time.perf_counter() - begin:.1f} s; peak memory "
          f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")  # fmt: skip


if __name__ == "__main__":
    main()
