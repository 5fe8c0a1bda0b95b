"""One process of `lantian serve`: what the command was given, and the application made of it.

Several processes share a port and a store. Each is started anew, so what the command was given
travels in its environment; numbers for Prometheus are added up in a folder. Limits on requests are
counted in each process by itself.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from serving.store.engine import Store

GIVEN: Final = "LANTIAN_SERVE"
SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"  # the client library's own name


@dataclass(frozen=True)
class Given:
    """What the command was given; absolute paths."""

    config: Path
    home: Path
    house: Path | None  # who publishes; None: publish.yaml of the home
    https: bool


def hand_on(given: Given, database_url: str, shared: Path | None) -> None:
    """Into the environment, for `build` in this process or those it starts.

    Args:
        given: Of the command.
        database_url: The store.
        shared: An empty folder for the numbers of several processes; None for one process.
    """
    house = str(given.house) if given.house else None
    values = {"config": str(given.config), "house": house, "https": given.https}
    os.environ[GIVEN] = json.dumps(values)
    os.environ["LANTIAN_HOME"] = str(given.home)
    os.environ["LANTIAN_DATABASE_URL"] = database_url
    os.environ.pop(SHARED, None)
    if shared is not None:
        os.environ[SHARED] = str(shared)


def store_of(given: Given) -> Store:
    """The store at this program's revision, and a configuration that is whole.

    Raises:
        ConfigError: A wrong configuration, or a store of another revision.
    """
    from forecast import config as configuration
    from serving import record_run, settings

    configuration.load(given.config)
    return record_run.opened(given.home, settings.database_url())


def build() -> FastAPI:
    """The application by the environment that `hand_on` left."""
    from forecast import config as configuration
    from serving import app, logs, oidc, oidc_routes, settings, simulated_clock
    from serving.context import Context

    said = json.loads(os.environ[GIVEN])
    house = Path(said["house"]) if said["house"] else None
    given = Given(Path(said["config"]), settings.home(), house, said["https"])
    store, city = store_of(given), configuration.load(given.config)
    logs.configure()  # JSON lines without secrets, uvicorn's own among them
    clock = simulated_clock.of(city, given.home, store)
    context = Context(store, given.home, city, clock, metrics_token=settings.metrics_token())
    made = app.create(context, secure=given.https, house=given.house)
    oidc_routes.attach(made, oidc.from_environment(os.environ))
    return made
