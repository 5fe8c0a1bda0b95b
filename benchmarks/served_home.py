"""A made-up home with a year of runs and a server on it, for console_today and load."""

import datetime as dt
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pandas as pd

from forecast.config import configs_dir
from serving import record_run
from serving.store import engine, migrate
from serving.store.engine import Store
from tests.serving import console_home

CITY = "demo"


def issue() -> pd.Timestamp:
    """The newest run's issue time: the last 16:00 of Beijing time; naive UTC."""
    now = pd.Timestamp.now("UTC").tz_localize(None)
    return (now - pd.Timedelta(hours=8)).normalize() + pd.Timedelta(hours=8)


def make(home: Path, *, stations: int, days: int) -> Store:
    """Runs of `days` days, accounts and today's proposal; the store stays open."""
    newest = issue()
    for ago in range(days):
        made = console_home.bulletin(
            newest - ago * 24 * console_home.HOUR, stations=stations, shift=-(ago % 40)
        )
        console_home.leave_run(home, made, level="orange" if ago == 0 else "yellow")
    store = engine.connect(f"sqlite:///{home / 'lantian.db'}", home=home)
    migrate.upgrade(store)
    console_home.people(store)
    record_run.record(store, home, newest, now=dt.datetime.now(dt.UTC).replace(tzinfo=None))
    return store


@contextmanager
def server(home: Path, *, workers: int) -> Iterator[tuple[str, int]]:
    """`lantian serve` on a home, ready to answer; its address and its process' number."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("lantian")), "serve", "--config", str(configs_dir() / "demo.yaml"),
        "--port", str(port), "--workers", str(workers),
    ]  # fmt: skip
    environment = {**os.environ, "LANTIAN_HOME": str(home), "OMP_NUM_THREADS": "1"}
    environment["LANTIAN_DATABASE_URL"] = f"sqlite:///{home / 'lantian.db'}"
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _ready(address, process, home / "server.log")
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(30)


def _ready(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(3000):
        if process.poll() is not None:
            raise SystemExit(log.read_text(encoding="utf-8")[-2000:])
        try:
            if httpx.get(f"{address}/ready", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the server does not answer")


def processor_seconds(pid: int) -> float:
    """What a process and its children have used of a processor so far (Linux)."""
    ticks = os.sysconf("SC_CLK_TCK")
    return sum(_ticks(p) for p in [pid, *_children(pid)]) / ticks


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_children(int(child))]
    return found


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def clients(address: str, name: str, count: int) -> list[httpx.Client]:
    """Connections of one officer who logged in once: as many desks as wanted."""
    first = httpx.Client(base_url=address, timeout=120)
    once = console_home.field(first.get("/login").text, "once")
    data = {"once": once, "name": name, "password": console_home.PASSWORD, "next": "/"}
    answer = first.post("/login", data=data)
    if answer.status_code != 303:
        raise SystemExit(f"login: {answer.status_code}")
    others = [
        httpx.Client(base_url=address, cookies=first.cookies, timeout=120) for _ in range(count - 1)
    ]
    return [first, *others]
