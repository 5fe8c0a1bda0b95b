"""How fast the first page answers: 580 stations, a year of runs, officers at once.

    python -m benchmarks.console_today [--officers 50] [--rounds 10] [--workers 2] [--stations 580]

Each round, all officers ask at the same moment and the next round begins when all have their page.
Prints median and 95th percentile of the wall clock, and the processor time of the server a page.
The asking side runs on the same machine.
"""

import argparse
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from benchmarks import served_home


def one(client: httpx.Client) -> float:
    """Seconds for a page."""
    begin = time.perf_counter()
    answer = client.get("/")
    assert answer.status_code == 200, answer.status_code
    return time.perf_counter() - begin


def told(name: str, times: list[float], server: float) -> None:
    ordered = sorted(times)
    print(
        f"{name}: median {statistics.median(times) * 1000:.0f} ms, "
        f"95 % {ordered[int(0.95 * (len(ordered) - 1))] * 1000:.0f} ms, "
        f"server's processor time {server / len(times) * 1000:.1f} ms a page"
    )


def main() -> None:
    """Serve a made-up home, log in, and ask."""
    given = argparse.ArgumentParser()
    given.add_argument("--officers", type=int, default=50)
    given.add_argument("--rounds", type=int, default=10)
    given.add_argument("--workers", type=int, default=2)
    given.add_argument("--stations", type=int, default=580)
    given.add_argument("--days", type=int, default=365)
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        served_home.make(home, stations=asked.stations, days=asked.days).engine.dispose()
        with served_home.server(home, workers=asked.workers) as (address, pid):
            clients = served_home.clients(address, "officer", asked.officers)
            with ThreadPoolExecutor(asked.officers) as pool:
                list(pool.map(one, clients))  # connections, caches
                used, alone = served_home.processor_seconds(pid), []
                for _ in range(20):
                    alone.append(one(clients[0]))
                told("alone", alone, served_home.processor_seconds(pid) - used)
                used, together = served_home.processor_seconds(pid), []
                for _ in range(asked.rounds):
                    together += pool.map(one, clients)
                used = served_home.processor_seconds(pid) - used
                told(f"{asked.officers} at once", together, used)


if __name__ == "__main__":
    main()
