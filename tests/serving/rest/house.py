"""A server with a run, a warning, orders and people, on either engine."""

import asyncio
import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
from fastapi import FastAPI

from forecast import config as configuration
from forecast import forecast_file, schema
from forecast.schema import POLLUTANTS, QUANTILES
from serving import accounts, api, duty, tokens
from serving.context import Context
from serving.duty import Machine
from serving.permissions import actions_of
from serving.rest.access import Buckets, Limits
from serving.review_state import Actor, Event
from serving.store import audit
from serving.store.engine import Store, writing
from serving.store.models import Order, Outgoing, Publication

NOW = dt.datetime(2026, 2, 9, 8)
RUN = "20260208T0800Z"
CITY = configuration.load(configuration.configs_dir() / "demo.yaml")
PEOPLE = {"viewer": None, "officer": None, "leader": None, "data_scientist": None, "admin": None,
          "enterprise": "E1"}  # fmt: skip
PASSWORD = "seven grey herons at dusk"


@dataclass(frozen=True)
class Server:
    app: FastAPI
    context: Context
    tokens: dict[str, str]  # by role; enterprise2 is another enterprise's

    def ask(
        self, role: str | None, path: str, *, method: str = "GET", body: Any = None, **headers: str
    ) -> httpx.Response:
        if role is not None:
            headers["Authorization"] = f"Bearer {self.tokens[role]}"
        given = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.send(method, path, given, json=body)

    def send(
        self, method: str, path: str, headers: dict[str, str], **content: Any
    ) -> httpx.Response:
        """One request, as a server would get it; a mistake of the program is an answer."""

        async def sent() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await client.request(method, path, headers=headers, **content)

        return asyncio.run(sent())


def served(context: Context, **limits: int) -> Server:
    """An application with everything in it."""
    values = {}
    for name, enterprise in (*PEOPLE.items(), ("enterprise2", "E2")):
        role = name.rstrip("2")
        accounts.add(
            context.store, name=name, role=role, password=PASSWORD, enterprise=enterprise,
            by="test", now=NOW,
        )  # fmt: skip
        values[name] = tokens.create(
            context.store, account=name, name="t", scope=actions_of(role),
            expires_at=NOW + dt.timedelta(days=30), by="test", now=NOW,
        )  # fmt: skip
    forecast(context.home)
    decided(context.store)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    given = {name: Buckets(per_minute) for name, per_minute in limits.items()}
    api.attach(app, context, limits=Limits(**given))
    return Server(app, context, values)


def forecast(home: Path) -> None:
    """A run as the daily run leaves it: two stations, twenty members."""
    rng = np.random.default_rng(1)
    n, members, areas = len(POLLUTANTS), 20, ("city", "north")
    register = schema.mock_stations(count=2)
    quantiles = np.sort(rng.uniform(1, 60, (1, 96, 2, n, len(QUANTILES))), axis=-1)
    quantiles[0, 0, 0, 0] = np.nan
    index = np.rint(rng.uniform(120, 260, (1, 3, 2, members)))
    index[0, 0, 0] = [100] * 5 + [150] * 5 + [151] * 4 + [201] * 6  # levels 2, 3, 4, 5
    index[0, 2, 1, 0] = np.nan
    daily = {p: rng.uniform(1, 60, index.shape) for p in POLLUTANTS}
    primary = np.ones(index.shape, dtype=np.uint8)
    header = forecast_file.Header(
        "lightgbm", "lightgbm-1", "d", "auto", "c", "none", "r", True, 8, "2026-01-01T00:00:00"
    )
    layout = forecast_file.Layout(
        pd.DatetimeIndex([pd.Timestamp("2026-02-08T08:00")]), register, areas, members
    )
    chunk = forecast_file.Chunk(quantiles, forecast_file.AreaChunk(index, primary, daily))
    (home / "forecasts").mkdir(parents=True)
    forecast_file.write(home / "forecasts" / f"{RUN}.nc", header, layout, [chunk])
    folder = home / "runs" / RUN
    folder.mkdir(parents=True)
    proposal = {"rules": "national-2024", "level": "orange", "action": "start", "members": 20,
                "probability": {"yellow": 0.9, "orange": 0.6, "red": 0.1},
                "thresholds": {"orange": 0.5}, "assumptions": []}  # fmt: skip
    (folder / "proposal.json").write_text(json.dumps(proposal))
    said = {"model": "lightgbm-1", "weather": "none", "simulated": True, "notes": []}
    (folder / "run.json").write_text(json.dumps(said))
    (home / "forecasts" / "20260209T0800Z.nc").write_bytes(b"of a run that was killed")


def decided(store: Store) -> None:
    """Warning 1: published, with an order for E1 and one for E2; warning 2: an exercise."""
    run = duty.start_run(store, city="demo", issue_time=NOW, now=NOW)
    duty.finish_run(store, run, status="done", report={}, now=NOW - dt.timedelta(hours=2))
    duty.propose(store, Machine("demo", NOW, "yellow", "start", {}), now=NOW)
    officer = Actor(2, "officer", "officer")
    duty.decide(store, 1, Event("sign", NOW, officer, reason="r"), seen=1)

    def also(session, warning, decision, after):  # type: ignore[no-untyped-def]
        publication = Publication(
            warning_id=1, exercise=False, decision_id=decision.id, kind="alert",
            identifier="LT-1", at=NOW, body={"cap": "<alert>黄色</alert>"},
        )  # fmt: skip
        orders = [
            Order(
                warning_id=1, exercise=False, enterprise=enterprise, unit=f"{enterprise}-u1",
                at=NOW, begins_at=NOW, body={"level": "yellow"},
            )
            for enterprise in ("E1", "E2")
        ]  # fmt: skip
        session.add_all([publication, *orders])
        session.flush()
        session.add(
            Outgoing(key="k", channel="mail", exercise=False, body={}, digest="", state="pending",
                     attempts=0, next_attempt=NOW, created_at=NOW - dt.timedelta(minutes=5))
        )  # fmt: skip
        return [publication, *orders]

    duty.decide(store, 1, Event("publish", NOW, officer, reason="r"), seen=2, also=also)
    duty.propose(store, Machine("demo", NOW, "red", "start", {}, exercise=True), now=NOW)
    with writing(store) as session:
        audit.append(session, at=NOW, actor="test", action="ready", subject="test")
