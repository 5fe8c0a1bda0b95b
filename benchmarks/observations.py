"""How long the store and the quality tests take on four years of twelve stations.

    python benchmarks/observations.py [FOLDER]

Makes a mock of the size of the Beijing data set (or imports FOLDER with the `beijing` importer),
stores it, loads it, flags it. Nothing is kept.
"""

import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from forecast import observations, quality, quality_limits, schema
from forecast.config import configs_dir
from forecast.importers.run import default_stations, run


def main() -> None:
    """Print seconds per step."""
    received = pd.Timestamp("2026-01-01")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        began = time.perf_counter()
        if len(sys.argv) > 1:
            stations = default_stations("beijing", home)
            start, end = pd.Timestamp("2013-03-01"), pd.Timestamp("2016-02-29")
            report = run(
                "beijing", [Path(sys.argv[1])], home=home, stations=stations, received=received
            )
            print(f"import: {report.values_new} values, {len(report.problems)} problems")
        else:
            hours = 4 * 8766
            ds = schema.mock_observations(start="2013-01-01", hours=hours, stations=12)
            stations = schema.mock_stations(count=12)
            start, end = (pd.Timestamp(t) for t in ds["time"].values[[0, -1]])
            began = time.perf_counter()
            observations.merge(home, ds, source="netcdf", received=received)
        print(f"store: {time.perf_counter() - began:.1f} s")
        began = time.perf_counter()
        obs = observations.load(home, start, end, stations)
        print(f"load {obs.sizes['time']} hours: {time.perf_counter() - began:.2f} s")
        limits = quality_limits.load(configs_dir() / "quality" / "default.yaml")
        began = time.perf_counter()
        flagged = quality.flag(obs, limits)
        print(f"flag: {time.perf_counter() - began:.1f} s")
        table = quality.summary(flagged)
        total = table[table["test"] == "all"].groupby("variable", sort=False)
        share = total[["suspect", "fail"]].sum().div(total["of"].sum(), axis=0) * 100
        print("per cent of values:")
        print(share.round(4).to_string())


if __name__ == "__main__":
    main()
