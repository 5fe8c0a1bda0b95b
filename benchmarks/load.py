"""Officers, enterprises and meters at once, with a daily run beside them; then the store is asked.

    python -m benchmarks.load [--users 200] [--minutes 10] [--workers 2] [--out docs/results]

Makes a home (580 stations, a month of runs), serves it, lets locust play users who log in as people
do, and 2,000 enterprises' meter readings a minute, a request for each. Beside it `lantian daily`
runs again and again on a simulated city into the same store. Afterwards every write that was
acknowledged is looked up, and the audit trail is verified. Writes load.json and load.md.
"""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks import load_home, served_home
from serving.store import audit, engine
from serving.store.engine import reading
from serving.store.models import Acknowledgement, Adjustment, Reading, ResumptionRequest

LIMIT = 800  # ms, 95 %
LANTIAN = str(Path(sys.executable).with_name("lantian"))


@dataclass
class Daily:
    """The daily runs beside the load."""

    done: int = 0
    failed: int = 0
    seconds: float = 0.0


def main() -> None:
    """Measure, compare, write."""
    given = argparse.ArgumentParser()
    given.add_argument("--users", type=int, default=200)
    given.add_argument("--minutes", type=float, default=10)
    given.add_argument("--workers", type=int, default=2)
    given.add_argument("--stations", type=int, default=580)
    given.add_argument("--days", type=int, default=30)
    given.add_argument("--city", type=Path, help="A simulated city played before; default: made.")
    given.add_argument("--no-daily", action="store_true")
    given.add_argument("--out", type=Path, default=Path("docs/results"))
    asked = given.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        city = None if asked.no_daily else _city(asked.city or home / "city")
        path = load_home.make(
            home, users=asked.users, stations=asked.stations, days=asked.days,
            minutes=asked.minutes,
        )  # fmt: skip
        with served_home.server(home, workers=asked.workers) as (address, pid):
            daily, stop = Daily(), threading.Event()
            beside = threading.Thread(target=_daily, args=(city, home, daily, stop))
            if city is not None:
                beside.start()
            begun = time.monotonic()
            code = _locust(path, address, asked.users, asked.minutes)
            wall = time.monotonic() - begun
            used = served_home.processor_seconds(pid)
            stop.set()
            if city is not None:
                beside.join()
        told = json.loads((home / "told.json").read_text(encoding="utf-8"))
        found = _compared(home, told, wall)
        found |= {
            "command": f"python -m benchmarks.load --users {asked.users} --minutes "
            f"{asked.minutes:g} --workers {asked.workers}",
            "date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC", "commit": _commit(),
            "load_average": os.getloadavg()[2], "processors": os.cpu_count(), "locust": code,
            "server_processor_share": round(used / wall, 2), "daily": asdict(daily),
            "users": asked.users, "minutes": asked.minutes,
            "readings_asked": round(load_home.METERED * asked.minutes),
        }  # fmt: skip
        log = (home / "server.log").read_text(encoding="utf-8", errors="replace")
        found["server_errors"] = log.count('"status": 5') + log.count("Traceback")
    found["good"] = good(found)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "load.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (asked.out / "load.md").write_text(page(found), encoding="utf-8")
    print(page(found))
    sys.exit(0 if found["good"] else 1)


def _city(home: Path) -> tuple[Path, str]:
    """A simulated city's home and configuration."""
    done = subprocess.run(
        [LANTIAN, "twin", "--out", str(home)], check=True, capture_output=True, text=True
    )
    return home, done.stdout.rsplit("--config ", 1)[1].split()[0]


def _daily(city: tuple[Path, str], home: Path, told: Daily, stop: threading.Event) -> None:
    """One run after the other, an hour apart, into the server's store."""
    at, config = city
    environment = {
        **os.environ, "LANTIAN_HOME": str(at), "OMP_NUM_THREADS": "1",
        "LANTIAN_DATABASE_URL": f"sqlite:///{home / 'lantian.db'}",
    }  # fmt: skip
    month = sorted((at / "observations").glob("*.nc"))[-1].stem
    first = dt.datetime.fromisoformat(f"{month}-08T16:00")
    while not stop.is_set():
        issue = first + dt.timedelta(hours=told.done + told.failed)
        begun = time.monotonic()
        done = subprocess.run(
            [LANTIAN, "daily", "--config", config, "--issue-time", issue.isoformat()],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        told.seconds += time.monotonic() - begun
        good = done.returncode == 0 or "store" not in done.stderr + done.stdout
        told.done, told.failed = told.done + good, told.failed + (not good)
        if not good:
            print(done.stdout[-1500:], done.stderr[-1500:], sep="\n")


def _locust(path: Path, address: str, users: int, minutes: float) -> int:
    """Two users a second come in; the time counts from when all are there."""
    ramp = users / 2
    command = [
        sys.executable, "-m", "locust", "-f", str(Path(__file__).with_name("load_users.py")),
        "--headless", "-u", str(users + load_home.CONCENTRATORS), "-r", "2", "--reset-stats",
        "-t", f"{round(60 * minutes + ramp + 10)}s", "--host", address, "--only-summary",
        "--stop-timeout", "30",
    ]  # fmt: skip
    environment = {**os.environ, "LANTIAN_LOAD": str(path)}
    with (path.parent / "locust.log").open("wb") as log:
        done = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)
    if not path.with_name("told.json").exists():
        raise SystemExit(path.with_name("locust.log").read_text(encoding="utf-8")[-3000:])
    return done.returncode


def _compared(home: Path, told: dict[str, Any], wall: float) -> dict[str, Any]:
    """Every acknowledged write in the store, and the trail whole."""
    store = engine.connect(f"sqlite:///{home / 'lantian.db'}", home=home)
    said = told.pop("acknowledged")
    with reading(store) as session:
        there = {
            "adjustments": set(session.scalars(select(Adjustment.reason))),
            "answers": {
                (o, a) for o, a in session.execute(
                    select(Acknowledgement.order_id, Acknowledgement.answer)
                )
            },
            "requests": {
                key.partition(":")[2] for key in session.scalars(select(ResumptionRequest.key))
            },
            "readings": {
                (e, f"{at.isoformat()}+00:00", r, v) for e, at, r, v in session.execute(
                    select(Reading.enterprise, Reading.at, Reading.revision, Reading.value)
                )
            },
        }  # fmt: skip
    verdict = audit.verify(store)
    store.engine.dispose()
    writes = {}
    for kind, rows in said.items():
        keys = [tuple(r) if isinstance(r, list) else r for r in rows]
        lost = [k for k in keys if k not in there[kind]]
        writes[kind] = {
            "acknowledged": len(keys), "in_store": len(there[kind]), "lost": len(lost)
        }  # fmt: skip
    return {
        **told, "writes": writes, "trail_rows": verdict.rows, "trail_whole": verdict.whole,
        "wall": round(wall, 1),
    }  # fmt: skip


def good(found: dict[str, Any]) -> bool:
    """No error, 95 % of all and of each group within the limit, nothing lost, the trail whole."""
    lost = sum(w["lost"] for w in found["writes"].values())
    slow = [r for r in found["rows"] if r["name"] == "Aggregated" and r["p95"] >= LIMIT]
    runs = found["daily"]["failed"]
    return not (found["failed"] or found["server_errors"] or lost or slow or runs) and bool(
        found["trail_whole"]
    )


def page(found: dict[str, Any]) -> str:
    """docs/results/load.md."""
    rows = sorted(found["rows"], key=lambda r: (r["name"] == "Aggregated", -r["requests"]))
    seconds = found["seconds"] or 1
    lines = [
        "# Load",
        "",
        (
            f"`{found['command']}`, {found['date']}, commit {found['commit']}, "
            f"{found['processors']} processors, load of 15 minutes {found['load_average']:.1f}."
        ),
        (
            f"{found['users']} users (a quarter officers, leaders and viewers, three quarters "
            f"enterprises) for {found['minutes']:g} minutes after all had logged in; "
            f"{load_home.METERED} enterprises' meter readings a minute, a request each; locust, "
            "server and daily run share the machine."
        ),
        "",
        (
            f"Asked: no error, 95 % below {LIMIT} ms, no lost write. "
            f"{'Met.' if found['good'] else '**Not met.**'}"
        ),
        "",
        "| request | number | a second | median ms | 95 % ms | 99 % ms | slowest ms |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r['method'] or ''} {r['name']} | {r['requests']} | {r['requests'] / seconds:.1f} | "
        f"{r['p50']} | {r['p95']} | {r['p99']} | {r['most']:.0f} |"
        for r in rows
    ]
    lines += ["", "| write | acknowledged | in the store | lost |", "|---|---|---|---|"]
    lines += [
        f"| {k} | {w['acknowledged']} | {w['in_store']} | {w['lost']} |"
        for k, w in found["writes"].items()
    ]
    daily = found["daily"]
    mean = daily["seconds"] / max(1, daily["done"] + daily["failed"])
    lines += [
        "",
        f"- Failed requests from the first second on: {sum(found['failed'].values())}"
        + "".join(f"; {k}: {n}" for k, n in list(found["failed"].items())[:10]),
        f"- Officers who came second and were told (409): {sum(found['conflicts'].values())}",
        f"- Lines of the server's log with status 5xx or a traceback: {found['server_errors']}",
        (
            f"- Daily runs beside it: {daily['done']} done, {daily['failed']} failed, "
            f"{mean:.0f} s each"
        ),
        (
            f"- Audit trail afterwards: {found['trail_rows']} rows, "
            f"{'whole' if found['trail_whole'] else '**broken**'}"
        ),
        (
            f"- Processors the server used: {found['server_processor_share']} of "
            f"{found['processors']}, ramp included"
        ),
        "",
    ]
    return "\n".join(lines)


def _commit() -> str:
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return said.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
