"""Readings in: meters and stacks of enterprises into the store, stations into the observations.

All or nothing: a batch with a fault is refused with every fault. The same batch again changes
nothing. A stamp is the END of its interval and carries an offset.
"""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from forecast import observations, schema
from forecast import stations as registers
from forecast.problems import DataError, Problem
from serving.rest import route, shapes
from serving.rest.access import needs
from serving.rest.problems import Answer
from serving.rest.route import PREFIX, Name, Route, Server, Utc
from serving.store import audit
from serving.store.engine import writing
from serving.store.readings import Batch, Measured
from serving.tokens import Bearer

router = APIRouter(route_class=Route, prefix=PREFIX, tags=["readings"])
log = structlog.get_logger("serving.api")
MOST: Final = 20_000  # readings of a batch
OLDEST: Final = dt.timedelta(days=400)
AHEAD: Final = dt.timedelta(minutes=5)  # a sender's clock may be a little fast
_SIGNED: Final = frozenset({"u10", "v10"})
Word = Annotated[Name, Field(max_length=40)]
Value = Annotated[float, Field(allow_inf_nan=False, ge=-1e12, le=1e12)]


class MeterReading(BaseModel):
    """One value of a meter or stack."""

    model_config = ConfigDict(extra="forbid")
    enterprise: Name | None = Field(None, description="left out: the token's own")
    meter: Name
    parameter: Name = Field(description="such as electricity, nox, flow")
    at: Utc = Field(description="END of the interval, with an offset")
    value: Value
    unit: Word
    revision: int = Field(0, ge=0, le=10_000, description="a correction is a higher one")


class MeterBatch(BaseModel):
    """Readings of one or more enterprises."""

    model_config = ConfigDict(extra="forbid")
    readings: list[MeterReading] = Field(min_length=1, max_length=MOST)


class StationReading(BaseModel):
    """A station's values of one hour; ug m-3, co in mg m-3, weather in SI units; null: missing."""

    model_config = ConfigDict(extra="forbid")
    station: Name
    time: Utc = Field(description="END of the hour, with an offset")
    pm25: Value | None = None
    pm10: Value | None = None
    so2: Value | None = None
    no2: Value | None = None
    co: Value | None = None
    o3: Value | None = None
    u10: Value | None = None
    v10: Value | None = None
    t2m: Value | None = None
    d2m: Value | None = None
    sp: Value | None = None
    tp: Value | None = None


class StationBatch(BaseModel):
    """Readings of the city's stations."""

    model_config = ConfigDict(extra="forbid")
    readings: list[StationReading] = Field(min_length=1, max_length=MOST)


@router.post("/readings/meters", responses={200: {"model": shapes.MetersTaken}})
def meters(
    server: Server,
    who: Annotated[Bearer, Depends(needs("reading.write"))],
    batch: MeterBatch,
) -> Response:
    """Meter and stack readings; a key (enterprise, meter, parameter, at, revision) counts once."""
    now = server.clock()
    wrong = [p for i, r in enumerate(batch.readings) for p in _meter_faults(i, r, who, now)]
    if wrong:
        raise Answer(422, *wrong)
    given = [
        Measured(r.enterprise or who.enterprise or "", r.meter, r.parameter, r.at, r.value, r.unit,
                 r.revision)
        for r in batch.readings
    ]  # fmt: skip
    done = server.intake.receive(server.store, Batch(given, "api", who.actor.name, now))
    server.metrics.readings.labels("new").inc(done.new)
    server.metrics.readings.labels("known").inc(done.known)
    return _answered({"batch": done.batch, "new": done.new, "known": done.known})


@router.post("/readings/stations", responses={200: {"model": shapes.StationsTaken}})
def stations(
    server: Server,
    who: Annotated[Bearer, Depends(needs("observation.write"))],
    batch: StationBatch,
) -> Response:
    """Station readings; a present value replaces an older one, which is kept as a revision."""
    now = server.clock()
    register = registers.load(server.config.stations)
    wrong = _station_faults(batch.readings, frozenset(map(str, register.index)), now)
    if wrong:
        raise Answer(422, *wrong)
    digest = hashlib.sha256(batch.model_dump_json().encode()).hexdigest()
    dataset = _dataset(batch.readings, register)
    if server.config.simulated:
        dataset.attrs["simulated"] = "api"
    try:
        with server.netcdf:
            report = observations.merge(
                server.home, dataset, source="api", received=pd.Timestamp(now),
                files=[(f"api by {who.actor.name}", digest)],
            )  # fmt: skip
    except DataError:
        log.exception("the observations cannot be written")
        found = "a month of the observations that cannot be read"
        raise Answer(503, Problem("observations", found, "an undamaged file")) from None
    done = {"new": report.new, "replaced": report.replaced, "same": report.same}
    if report.months:
        with writing(server.store) as session:
            audit.append(
                session, at=now, actor=who.actor.name, action="observations.receive",
                subject="observations", body={**done, "digest": digest},
            )  # fmt: skip
    return _answered(done)


def _answered(content: dict[str, Any]) -> Response:
    return Response(route.dumped(content), media_type="application/json")


def _meter_faults(
    number: int, reading: MeterReading, who: Bearer, now: dt.datetime
) -> Iterator[Problem]:
    where = f"body.readings[{number}]"
    yield from _time_faults(f"{where}.at", reading.at, now)
    if reading.at.second or reading.at.microsecond:
        yield Problem(f"{where}.at", f"{reading.at.isoformat()}Z", "a full minute")
    if who.enterprise is not None and reading.enterprise not in (None, who.enterprise):
        yield Problem(f"{where}.enterprise", repr(reading.enterprise), "your own, or left out")
    if who.enterprise is None and reading.enterprise is None:
        yield Problem(f"{where}.enterprise", "nothing", "an enterprise's id")


def _station_faults(
    readings: Sequence[StationReading], known: frozenset[str], now: dt.datetime
) -> list[Problem]:
    times = Counter((r.station, r.time) for r in readings)
    out: list[Problem] = []
    for i, r in enumerate(readings):
        where = f"body.readings[{i}]"
        out += _time_faults(f"{where}.time", r.time, now)
        if r.time.replace(minute=0, second=0, microsecond=0) != r.time:
            out.append(Problem(f"{where}.time", f"{r.time.isoformat()}Z", "a full hour"))
        if r.station not in known:
            out.append(Problem(f"{where}.station", repr(r.station), "a station of the register"))
        if times[r.station, r.time] > 1:
            out.append(Problem(where, f"{r.station} {r.time.isoformat()}Z twice", "each once"))
        for name, value in _values(r).items():
            if value < 0 and name not in _SIGNED:
                out.append(Problem(f"{where}.{name}", f"{value:g}", "0 or more"))
        if not _values(r):
            out.append(Problem(where, "no value", "one at least"))
    return out


def _time_faults(where: str, at: dt.datetime, now: dt.datetime) -> Iterator[Problem]:
    if not now - OLDEST <= at <= now + AHEAD:
        expected = f"not after now, {OLDEST.days} days old at most"
        yield Problem(where, f"{at.isoformat()}Z", expected)


def _values(reading: StationReading) -> dict[str, float]:
    found = reading.model_dump(exclude={"station", "time"}, exclude_none=True)
    return {str(k): float(v) for k, v in found.items()}


def _dataset(readings: Sequence[StationReading], register: pd.DataFrame) -> Any:
    """Schema dataset (time, station) of the hours and stations that occur."""
    hours = pd.DatetimeIndex(sorted({r.time for r in readings})).as_unit("ns")
    table = register[register.index.astype(str).isin([r.station for r in readings])]
    row = hours.get_indexer(pd.DatetimeIndex([r.time for r in readings]).as_unit("ns"))
    column = pd.Index(table.index.astype(str)).get_indexer(pd.Index([r.station for r in readings]))
    found = [_values(r) for r in readings]
    values = {}
    for name in [v for v in schema.VARIABLES if any(v in f for f in found)]:
        values[name] = np.full((len(hours), len(table)), np.nan)
        values[name][row, column] = [f.get(name, np.nan) for f in found]
    return schema.dataset(hours.to_numpy(), table, values)
