"""How fast the first page answers: 580 stations, officers at once, one server process.

    python -m benchmarks.console_today [--officers 50] [--rounds 4]

Prints median and 95th percentile of the wall clock, and the processor time a page takes.
"""

import argparse
import datetime as dt
import shutil
import statistics
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import uvicorn

from serving.store import engine, migrate
from tests.serving import console_home
from tests.serving.console_home import NOW, PASSWORD, field

PORT = 8765


def main() -> None:
    """Serve a made-up home, log in, and ask."""
    given = argparse.ArgumentParser()
    given.add_argument("--officers", type=int, default=50)
    given.add_argument("--rounds", type=int, default=4)
    asked = given.parse_args()
    home = Path(tempfile.mkdtemp())
    console_home.two_runs(home, stations=580)
    template = home / "template.db"
    store = engine.connect(f"sqlite:///{template}")
    migrate.upgrade(store)
    store.engine.dispose()
    started = dt.datetime.now(dt.UTC)
    _, application = console_home.server(
        home, template, clock=lambda: NOW + (dt.datetime.now(dt.UTC) - started)
    )
    server = uvicorn.Server(uvicorn.Config(application, port=PORT, log_level="error", ws="none"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    clients = [httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=120)]
    data = {"once": field(clients[0].get("/login").text, "once"), "name": "officer", "next": "/"}
    clients[0].post("/login", data={**data, "password": PASSWORD})
    clients += [
        httpx.Client(base_url=clients[0].base_url, cookies=clients[0].cookies, timeout=120)
        for _ in range(asked.officers - 1)
    ]

    def one(client: httpx.Client) -> float:
        begin = time.perf_counter()
        answer = client.get("/")
        assert answer.status_code == 200, answer.status_code
        return time.perf_counter() - begin

    one(clients[0])
    alone, cpu = [], time.process_time()
    for _ in range(20):
        alone.append(one(clients[0]))
    cpu = (time.process_time() - cpu) / 20
    together: list[float] = []
    with ThreadPoolExecutor(asked.officers) as pool:
        for _ in range(asked.rounds):
            together += pool.map(one, clients)
    for name, times in (("alone", alone), (f"{asked.officers} at once", together)):
        ordered = sorted(times)
        print(
            f"{name}: median {statistics.median(times) * 1000:.0f} ms, "
            f"95 % {ordered[int(0.95 * (len(ordered) - 1))] * 1000:.0f} ms"
        )
    print(f"processor time a page, server and client: {cpu * 1000:.1f} ms")
    server.should_exit = True
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
