"""What the console and the API stand on: made once when the server starts, then only read."""

import datetime as dt
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from forecast.config import CityConfig
from serving.metrics import Metrics
from serving.store.engine import Store
from serving.store.intake import Intake

COOKIE = "lantian_session"  # the console's session


def utc_now() -> dt.datetime:
    """The clock of a running server: naive UTC."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Context:
    """One city's server."""

    store: Store
    home: Path
    config: CityConfig
    clock: Callable[[], dt.datetime] = utc_now
    metrics: Metrics = field(default_factory=Metrics)
    # NetCDF is not thread-safe: whoever reads or writes such a file in the server holds this.
    netcdf: threading.RLock = field(default_factory=threading.RLock)
    intake: Intake = field(default_factory=Intake)  # meter readings of many senders
    metrics_token: str | None = None  # asked for by /metrics where it is set
    cookie: str = COOKIE
