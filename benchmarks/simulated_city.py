"""How long the simulated city takes, and how that grows with cells and stations.

    python benchmarks/simulated_city.py [--winter] [DAYS]

Runs some days (5 unless told) of the configured city on grids of 4, 3, 2 and 1.5 km and with a few
and many village stations, and prints a table: milliseconds an hour, and what a winter of 120 days
would take. --winter runs the whole winter on 2 km (target: 4 minutes and 3 GB on two cores,
weather, chemistry, all enterprises and all stations included).
"""

import resource
import sys
import time
from pathlib import Path

import pandas as pd

from twin.city import City
from twin.config import TwinConfig, load

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "twin" / "jiaozuo.yaml"
WINTER_HOURS = 120 * 24
OFFSET = pd.Timedelta(hours=8)


def city_of(dx_m: float, village: int | None = None) -> TwinConfig:
    """The configured city on another grid, with another number of village stations."""
    config = load(CONFIG)
    geo = config.geography
    grid = geo.grid.model_copy(update={"dx_m": dx_m})
    stations = geo.stations
    if village is not None:
        stations = stations.model_copy(update={"village": village})
    return config.model_copy(
        update={"geography": geo.model_copy(update={"grid": grid, "stations": stations})}
    )


def measure(dx_m: float, hours: int, village: int | None = None) -> None:
    """Print one row of the table."""
    config = city_of(dx_m, village)
    begin = time.perf_counter()
    start = pd.Timestamp(config.period.start) - OFFSET + pd.Timedelta(hours=1)
    city = City.create(config, start=start, hours=hours)
    made = time.perf_counter() - begin
    begin, cpu = time.perf_counter(), time.process_time()
    city.run(hours)
    wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    cells = city.geography.nx * city.geography.ny
    print(
        f"{dx_m / 1000:6.1f} {cells:7d} {len(city.geography.stations):9d} {made:8.1f} "
        f"{1000 * wall / hours:9.1f} {1000 * cpu / hours:8.1f} {wall / hours * WINTER_HOURS:9.0f} "
        f"{peak:8.2f}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    numbers = [int(a) for a in sys.argv[1:] if a.isdigit()]
    hours = 24 * (numbers[0] if numbers else 5)
    City.create(city_of(8000.0), start=pd.Timestamp("2015-11-01"), hours=2).run(2)  # compile
    print("    km   cells  stations  create/s  ms/hour   cpu/ms  winter/s  peak/GB")
    if "--winter" in sys.argv:
        measure(2000.0, WINTER_HOURS)
        return
    for dx_m in (4000.0, 3000.0, 2000.0, 1500.0):
        measure(dx_m, hours)
    for village in (0, 2000, 5000):
        measure(2000.0, hours, village)


if __name__ == "__main__":
    main()
