"""How fast readings come in: one batch of all enterprises, and each enterprise by itself.

    python -m benchmarks.api_readings [ENTERPRISES] [DATABASE_URL]

The application is asked in this process, without a network between; SQLite with full syncing by
default. Prints seconds, processor seconds and what that is per minute.
"""

import asyncio
import datetime as dt
import logging
import sys
import tempfile
import time
from pathlib import Path

import httpx
import structlog
from fastapi import FastAPI

from forecast import config as configuration
from serving import accounts, api, tokens
from serving.context import Context
from serving.rest.access import Buckets, Limits
from serving.store import audit, engine, migrate

NOW = dt.datetime(2026, 2, 9, 8)
PATH = "/api/v1/readings/meters"


def reading(enterprise: int, hour: int) -> dict[str, object]:
    at = f"2026-02-08T{hour:02d}:00:00Z"
    return {"enterprise": f"E{enterprise}", "meter": "M1", "parameter": "electricity", "at": at,
            "value": 0.1 * enterprise, "unit": "kWh"}  # fmt: skip


async def run(app: FastAPI, token: str, enterprises: int) -> None:
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://x", headers=headers
    ) as client:

        async def send(*readings: dict[str, object]) -> None:
            answer = await client.post(PATH, json={"readings": readings}, timeout=600)
            answer.raise_for_status()

        begun, used = time.perf_counter(), time.process_time()
        await send(*(reading(e, 0) for e in range(enterprises)))
        told("one batch", begun, used, enterprises)
        gate = asyncio.Semaphore(8)

        async def alone(enterprise: int) -> None:
            async with gate:
                await send(reading(enterprise, 1))

        begun, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(alone(e) for e in range(enterprises)))
        told("each by itself", begun, used, enterprises)


def told(what: str, begun: float, used: float, enterprises: int) -> None:
    seconds, processor = time.perf_counter() - begun, time.process_time() - used
    print(f"{what}: {enterprises} enterprises in {seconds:.2f} s ({processor:.2f} s of one "
          f"processor), {60 * enterprises / seconds:.0f} a minute")  # fmt: skip


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    enterprises = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/lantian.db"
        store = engine.connect(url, home=Path(folder))
        migrate.upgrade(store)
        accounts.add(store, name="meters", role="officer", password="seven grey herons at dusk",
                     by="benchmark", now=NOW)  # fmt: skip
        token = tokens.create(store, account="meters", name="b", scope=["reading.write"],
                              expires_at=NOW + dt.timedelta(days=1), by="b", now=NOW)  # fmt: skip
        app = FastAPI()
        config = configuration.load(configuration.configs_dir() / "demo.yaml")
        context = Context(store, Path(folder), config, clock=lambda: NOW)
        api.attach(app, context, limits=Limits(tokens=Buckets(10**7)))
        asyncio.run(run(app, token, enterprises))
        begun = time.perf_counter()
        verdict = audit.verify(store)
        print(f"verify: {verdict.rows} rows in {time.perf_counter() - begun:.2f} s, "
              f"whole {verdict.whole}")  # fmt: skip
        store.engine.dispose()


if __name__ == "__main__":
    main()
