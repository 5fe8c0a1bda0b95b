"""What a day of a simulated nation costs: python benchmarks/nation.py --out var/nation

340 cities with 1,700 reference and 30,000 lower-tier stations (twin/nation.py), a shared network
(the one shipped for Beijing), readings of 20 days, forecast weather. Measured: the cost as cities
double, one process against two, what charts and drift add, and the whole nation. Writes
docs/results/scale.json and docs/scale.md. Each city's store is there from the day before.
"""

import argparse
import datetime as dt
import importlib
import os
import platform
import resource
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import scale_page

from forecast import engine, provenance
from serving import cities
from serving.cities import Planned
from serving.cities_tasks import CityTask
from serving.store import engine as store_engine
from serving.store import migrate
from training import drift_daily
from twin import nation

ISSUE = pd.Timestamp("2026-11-20T08:00")  # 16:00 local
NOW = dt.datetime(2026, 11, 20, 8, 20)
SEED = 1
NETWORK = Path(__file__).parents[1] / "forecast" / "pretrained" / "beijing"


def main() -> None:
    asked = _asked()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.pop("LANTIAN_DATABASE_URL", None)
    sizes = [int(n) for n in asked.doubling.split(",") if n]
    plan = nation.plan(SEED)[: asked.cities]
    period = nation.Period(ISSUE, days=20, network=NETWORK)
    made_in = _make(asked.out, period, plan, asked.workers)
    if asked.make_only:
        return
    home = asked.out / "home"
    all_cities = cities.plan(asked.out / "configs", home=home, issue_time=lambda _: ISSUE)
    parts, at = {}, 0
    for n in sizes:  # no city twice: nothing is warm that would not be
        parts[n] = all_cities[at : at + n]
        at += n
    largest = parts[sizes[-1]]
    result: dict[str, Any] = {
        "command": f"benchmarks/nation.py --cities {asked.cities} --doubling {asked.doubling}"
        f" --alone {asked.alone} --workers {asked.workers}",
        "date": asked.date, "commit": provenance.code_revision(),
        "machine": {"cores": os.cpu_count(), "processor": _processor(), "memory_gb": _memory(),
                    "load": os.getloadavg()[0]},
        "nation": {
            "cities": len(plan), "reference": sum(c.reference for c in plan),
            "lower": sum(c.lower for c in plan), "days": period.days, "made_seconds": made_in,
        },
    }  # fmt: skip
    with engine.connected(None, workers=asked.workers) as client:
        result["start_seconds"] = _warm(client)
        result["series"] = [_measured(client, parts[n]) for n in sizes]
        few = largest[: min(8, len(largest))]
        result["extras"] = {
            "plain": _measured(client, few),
            "pictures": _measured(client, few, pictures=True),
            "drift": _measured(client, few, judge=True),
        }
        two = _measured(client, largest[: asked.alone])
        if asked.whole:
            result["whole"] = _measured(client, all_cities)
    with engine.connected(None, workers=1) as client:
        _warm(client)
        one = _measured(client, largest[: asked.alone])
    result["one_process"], result["two_processes"] = one, two
    result["ratio"] = round(one["seconds"] / two["seconds"], 2)
    result["client_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    scale_page.keep("nation", result, asked.results)
    print(scale_page.table(result))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cities", type=int, default=nation.CITIES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--doubling", default="1,2,4,8,16,32,64")
    parser.add_argument("--alone", type=int, default=24, help="cities of one process against two")
    parser.add_argument("--make-only", action="store_true", help="the nation, nothing measured")
    parser.add_argument("--no-whole", dest="whole", action="store_false")
    parser.add_argument("--date", default=dt.date.today().isoformat())
    parser.add_argument("--results", type=Path, default=Path("docs"))
    return parser.parse_args()


def _make(
    out: Path, period: nation.Period, plan: tuple[nation.NationCity, ...], workers: int
) -> float | None:
    """The nation on disk; None where it was there."""
    if nation.made(out, period, seed=SEED, cities=plan):
        return None
    began = time.monotonic()
    shutil.rmtree(out, ignore_errors=True)

    def one(city: nation.NationCity) -> str:
        return str(nation.make_city(city, out, period, seed=SEED))

    with engine.connected(None, workers=workers) as client:
        for done in engine.each(client, one, [(c.id, c) for c in plan]):
            if not done.done:
                raise SystemExit(f"{done.name}: {done.errors}")
    template = out / "template.db"
    store = store_engine.connect(f"sqlite:///{template}")
    migrate.upgrade(store)
    store.engine.dispose()
    for city in plan:
        shutil.copy(template, out / "home" / "cities" / city.id / "lantian.db")
    nation.mark(out, period, seed=SEED, cities=plan)
    return round(time.monotonic() - began, 1)


def _warm(client: Any) -> float:
    """Seconds until every worker has read the program."""
    began = time.monotonic()
    names = ("serving.cities_tasks", "forecast.predict", "training.drift_daily")
    for name in names:
        client.run(importlib.import_module, name)
    return round(time.monotonic() - began, 1)


def _measured(
    client: Any, planned: Sequence[Planned], *, pictures: bool = False, judge: bool = False
) -> dict[str, Any]:
    """The day of some cities, on homes that have not run it yet."""
    for p in planned:
        for name in ("forecasts", "runs", "drift"):
            shutil.rmtree(p.home / name, ignore_errors=True)
    tasks = [
        CityTask(
            p.config, p.home.resolve(), p.issue_time, NOW, None, pictures,
            drift_daily.judge if judge else None,
        )
        for p in planned
    ]  # fmt: skip
    began = time.monotonic()
    outcomes = cities.on(client, planned, tasks)
    seconds = time.monotonic() - began
    failed = [o for o in outcomes if o.value is None]
    if failed:
        raise SystemExit(f"{failed[0].name}: {failed[0].errors}")
    done = [o.value for o in outcomes if o.value is not None]
    notes = {n["en"] for v in done for n in v["notes"] if n["severity"] != "info"}
    count = sum(p.stations for p in planned)
    found = {
        "cities": len(planned), "stations": count, "workers": len(client.nthreads()),
        "seconds": round(seconds, 2), "stations_per_second": round(count / seconds, 1),
        "cpu_seconds": round(sum(v["cpu_seconds"] for v in done), 2),
        "peak_mb": max(v["peak_mb"] for v in done), "bytes": sum(v["bytes"] for v in done),
        "problems": sum(len(v["problems"]) for v in done), "notes": sorted(notes)[:3],
    }  # fmt: skip
    print(found, flush=True)
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 10**9


if __name__ == "__main__":
    main()
