"""Where years ended, against where the budget said they may end, from days of the year.

    LANTIAN_HOME=HOME python benchmarks/budget_hindcast.py DATA [--scan]

DATA is the folder of real data (henan-daily); HOME holds the Beijing observations. Every year
that has a past and a known end is assessed on the last day before each start, with nothing later
than that day. No forecast members: what is measured is the resampling. --scan tries settings.
"""

import os
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from forecast.config import configs_dir, load
from response import budget, budget_config, budget_days
from response.budget_config import METRICS, Resampling, Targets

STARTS = ("04-01", "07-01", "09-01", "11-01", "12-01")


def cities(data: Path) -> dict[str, pd.DataFrame]:
    """Daily values of every city."""
    found = {
        p.stem: budget_days.from_table(p) for p in sorted((data / "henan-daily").glob("*.csv"))
    }
    home = Path(os.environ["LANTIAN_HOME"])
    return {**found, "beijing": budget_days.from_home(home, load(configs_dir() / "beijing.yaml"))}


def years(days: pd.DataFrame) -> list[int]:
    """Years with an end and at least nine months of days before them."""
    known = days.index[days.notna().all(axis=1)]
    return [
        y
        for y in range(known[0].year + 1, known[-1].year + 1)
        if known[-1] >= pd.Timestamp(y, 12, 31) and (pd.Timestamp(y, 1, 1) - known[0]).days >= 270
    ]


def hindcast(
    days: pd.DataFrame, year: int, start: str, resampling: Resampling, template: Targets
) -> pd.DataFrame:
    """One row per metric: what was said and what came."""
    last = pd.Timestamp(f"{year}-{start}") - pd.Timedelta(days=1)
    targets = template.model_copy(update={"year": year})
    said = budget.assess(days.loc[:last], targets, resampling)
    whole = days.reindex(pd.date_range(f"{year}-01-01", f"{year}-12-31"))
    came = budget.year_values(
        whole.to_numpy(), pd.DatetimeIndex(whole.index), budget_config.load_composite("hj663-2013")
    )
    rows = [(m, *said.standing(m).end, float(came[m])) for m in METRICS]
    return pd.DataFrame(rows, columns=["metric", "p10", "p50", "p90", "came"])


def table(data: dict[str, pd.DataFrame], resampling: Resampling) -> pd.DataFrame:
    template = budget_config.load_targets(configs_dir() / "budget" / "beijing.yaml")
    parts = [
        hindcast(days, year, start, resampling, template).assign(city=city, year=year, start=start)
        for city, days in data.items()
        for year in years(days)
        for start in STARTS
    ]
    out = pd.concat(parts, ignore_index=True)
    out["inside"] = (out["came"] >= out["p10"]) & (out["came"] <= out["p90"])
    out["error"] = (out["came"] - out["p50"]).abs()
    out["width"] = out["p90"] - out["p10"]
    return out


def main() -> None:
    data = cities(Path(sys.argv[1]))
    shipped = budget_config.load_resampling()
    if "--scan" in sys.argv:
        for sd, memory, power in product((0.0, 0.15, 0.25, 0.35), (30, 90), (0.0, 0.5, 1.0)):
            update = {
                "level_sd": sd,
                "level_memory_days": memory,
                "level_power": power,
                "draws": 500,
            }
            got = table(data, shipped.model_copy(update=update))
            henan = got[got["city"] != "beijing"]
            inside = got.groupby("metric")["inside"].mean()
            print(sd, memory, power, f"inside {got['inside'].mean():.2f}",
                  f"henan {henan['inside'].mean():.2f}", inside.round(2).to_dict(),
                  got.groupby("metric")["error"].mean().round(2).to_dict())  # fmt: skip
        return
    got = table(data, shipped)
    n = got.groupby("start").size() // len(METRICS)
    print("80 % interval holds the year's end, % (city-years:", n.to_dict(), ")")
    cover = got.pivot_table("inside", "metric", "start", aggfunc="mean", sort=False)
    cover["all"] = got.groupby("metric")["inside"].mean()
    print((100 * cover).round(0).astype(int).to_string())
    print(f"all: {100 * got['inside'].mean():.0f} %")
    print("by city and year, %")
    print((100 * got.groupby(["city", "year"])["inside"].mean()).round(0).to_string())
    for name in ("error", "width"):
        print({"error": "mean |median - end|", "width": "mean width of the interval"}[name])
        print(got.pivot_table(name, "metric", "start", sort=False).round(2).to_string())
    below = np.mean(got["came"] < got["p10"]), np.mean(got["came"] > got["p90"])
    print(f"below the interval {below[0]:.2f}, above {below[1]:.2f}")


if __name__ == "__main__":
    main()
