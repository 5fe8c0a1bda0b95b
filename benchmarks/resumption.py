"""How long a resumption plan takes, and how near its value comes to exhaustive search.

    python benchmarks/resumption.py [--units 1500]

Made-up members (100), 13 areas, three days, slots of 6 h, six loads; requests in a warning's end.
"""

import argparse
import datetime as dt
import time

import numpy as np
import pandas as pd

from response import resumption, resumption_settings
from response.resumption_records import Base
from response.resumption_settings import BottomLine, Limit


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--units", type=int, default=1500)
    units = parser.parse_args().units
    rng = np.random.default_rng(1)
    areas = ("city", *(f"a{i}" for i in range(12)))
    weather = rng.gamma(12.0, 110.0 / 12, (1, 100, 3, 1))
    conc = weather * np.array([1, 1.5, 0.2, 0.5, 0.015, 0.6]) * rng.uniform(0.9, 1.1, (13, 1, 1, 1))
    dates = tuple(dt.date(2026, 12, 1) + dt.timedelta(days=d) for d in range(3))
    table = pd.DataFrame(
        {
            "enterprise": "e", "grade": rng.choice(["A", "B", "C", "D"], units), "kind": "ordinary",
            "wished": 0.0, "ramp_hours": rng.choice([0.0, 12, 24], units),
            "value_yuan_d": rng.lognormal(11, 1, units), "min_load": rng.choice([0.3, 0.5, 1], units),
            "hours_to_restart": 12.0, "load_now": rng.choice([0.0, 0.5], units),
        },
        index=[f"u{i}" for i in range(units)],
    )  # fmt: skip
    added = rng.lognormal(-4, 1.2, (units, 13, 1, 3, 1)) * np.array([1, 1.3, 0.5, 0.6, 0.01, 0])
    line = BottomLine(
        limits=(
            Limit(above=200, accepted=0.25),
            *(Limit(area=a, above=200, accepted=0.35) for a in areas[1:4]),
        )
    )
    begin = time.perf_counter()
    plan = resumption.make_plan(
        Base(areas, dates, conc, 3), table, added, line, resumption_settings.load(), first=-6.0
    )
    seconds = time.perf_counter() - begin
    kinds = pd.Series([d.outcome for d in plan.decisions]).value_counts().to_dict()
    print(
        f"{units} requests: {seconds:.1f} s, {kinds}, all kept: {all(p.kept for p in plan.promises)}"
    )


if __name__ == "__main__":
    main()
