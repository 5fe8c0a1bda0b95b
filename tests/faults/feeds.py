"""Faults of what comes in: damaged files, lying and late weather, clocks, messages, versions."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from sqlalchemy import text

from forecast import forecast_file, observations, schema, weather, weather_import
from forecast.problems import DataError
from serving import record_run
from serving.publish import outbox
from serving.store import leases, migrate, readings
from tests.faults import work_store
from tests.faults.killing import Say, ended
from tests.faults.kills import Undisturbed, after, copied
from tests.faults.subject import ISSUE, RECEIVED, Subject, opened, url
from tests.faults.table import Count, State, failed, judged
from tests.faults.work_store import house_of
from tests.forecast.test_weather_store import fields
from tests.serving.publish.cases import HOUR, NOW

HOURS = pd.Timedelta(hours=1)

# --- damaged NetCDF


def damaged_files(root: Path) -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """One file of each kind in a home, and how the program reads it."""
    home = root / "whole"
    ds = schema.mock_observations(start="2026-01-01", hours=24 * 31, stations=4, seed=3)
    observations.merge(home, ds, source="mock", received=RECEIVED)
    table = schema.stations_frame(ds)
    weather.save(home, "archive", fields(issue=ISSUE), issue_time=ISSUE)
    from tests.serving.rest import house

    house.forecast(home)

    def read_month(path: Path) -> object:
        first, last = pd.Timestamp("2026-01-01"), pd.Timestamp("2026-01-31T23:00")
        return observations.load(path.parents[1], first, last, table)

    def read_vintage(path: Path) -> object:
        kept = weather.latest(path.parents[2], ["archive"], ISSUE + 24 * HOURS, 240)
        if kept is None:
            raise DataError([])
        return weather.read(kept)

    return {
        "observations": (home / "observations" / "2026-01.nc", read_month),
        "weather": (weather.path_of(home, "archive", ISSUE), read_vintage),
        "areas": (
            home / "forecasts" / f"{house.RUN}.nc",
            lambda path: forecast_file.loaded(forecast_file.read_areas(path), path),
        ),
        "stations": (
            home / "forecasts" / f"{house.RUN}.nc",
            lambda path: forecast_file.loaded(forecast_file.read_stations(path), path),
        ),
    }


def damaged(root: Path, count: int, chance: random.Random) -> Count:
    """Bytes changed or the end missing, so many times over the kinds; read in a child."""
    home = root / "damaged"
    home.mkdir()
    kinds = damaged_files(home)
    found = Count()
    for _ in range(count):
        name = chance.choice(list(kinds))
        path, read = kinds[name]
        raw = path.read_bytes()
        try:
            path.write_bytes(_hurt(raw, chance))
            found += _read_again(name, path, read, home, raw)
        finally:
            path.write_bytes(raw)
    shutil.rmtree(home)
    return found


def _hurt(raw: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.4:
        return raw[: chance.randrange(len(raw))]
    hurt = bytearray(raw)
    for _ in range(chance.choice([1, 1, 4, 64])):
        hurt[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return bytes(hurt)


def _read_again(
    name: str, path: Path, read: Callable[[Path], object], home: Path, raw: bytes
) -> Count:
    """A clear refusal, or every value as it was; in a child, for a library may crash."""

    def look(_home: Path, say: Say) -> None:
        try:
            got = read(path)
        except DataError:
            say("refused")
            return
        copy = home / "right" / path.relative_to(home / "whole")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(raw)
        say("right" if _equal(got, read(copy)) else "wrong")

    result = ended(look, home, limit=60)
    if result.said in (("refused",), ("right",)):
        return Count(1)
    return failed(f"damaged {name}", result.error or str(result.said) or "the process died")


def _equal(one: object, other: object) -> bool:
    return isinstance(one, xr.Dataset) and isinstance(other, xr.Dataset) and one.equals(other)


# --- a feed that lies, and one that is late


def _file(path: Path, change: Callable[[xr.Dataset], xr.Dataset], issue: pd.Timestamp) -> Path:
    times = pd.date_range(issue + HOURS, periods=48, freq="h")
    shape = (48, 3, 3)
    units = {"u10": ("m s-1", 2.0), "v10": ("m s-1", -1.0), "t2m": ("K", 280.0),
             "d2m": ("K", 275.0), "sp": ("Pa", 101_000.0)}  # fmt: skip
    ds = xr.Dataset(
        {
            n: (("time", "latitude", "longitude"), np.full(shape, v), {"units": u})
            for n, (u, v) in units.items()
        },
        {"time": times, "latitude": [34.0, 35.0, 36.0], "longitude": [112.0, 113.0, 114.0]},
        {"issue_time": f"{issue:%Y-%m-%dT%H:%M:%SZ}"},
    )
    change(ds).to_netcdf(path)
    return path


def _scaled(name: str, factor: float, plus: float = 0.0) -> Callable[[xr.Dataset], xr.Dataset]:
    return lambda ds: ds.assign({name: ds[name].copy(data=ds[name].values * factor + plus)})


def _units(name: str, units: str) -> Callable[[xr.Dataset], xr.Dataset]:
    def change(ds: xr.Dataset) -> xr.Dataset:
        ds = ds.copy()
        ds[name].attrs["units"] = units
        return ds

    return change


LIES: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "degrees Celsius called K": _scaled("t2m", 1.0, -273.15),
    "hPa called Pa": _scaled("sp", 0.01),
    "a storm beyond any": _scaled("u10", 100.0),
    "an infinite value": _scaled("v10", np.inf),
    "a unit nobody knows": _units("t2m", "furlong"),
    "no unit": _units("u10", ""),
    "stamps twice": lambda ds: xr.concat([ds, ds], "time"),
    "hours in disorder": lambda ds: ds.isel(time=slice(None, None, -1)),
    "no longitude": lambda ds: ds.isel(longitude=0, drop=True),
    "another name for everything": lambda ds: ds.rename({v: f"x{v}" for v in ds.data_vars}),
    "empty": lambda ds: ds.isel(time=slice(0, 0)),
    "an issue long after its hours": lambda ds: ds.assign_attrs(issue_time="2099-01-01T00:00:00Z"),
}


def lying(root: Path, lie: str) -> Count:
    """A vintage that lies is refused, or what is kept of it is possible; the older one serves."""
    where = f"lying feed: {lie}"
    home = root / "lying"
    home.mkdir()
    try:
        good = _file(home / "good.nc", lambda ds: ds, ISSUE - 12 * HOURS)
        done = weather_import.netcdf([good], home=home, source="archive")
        if done.problems:
            return failed(where, f"the good one: {done.problems[0]}")
        bad = _file(home / "bad.nc", LIES[lie], ISSUE - 6 * HOURS)
        said = weather_import.netcdf([bad], home=home, source="archive")
        kept = weather.latest(home, ["archive"], ISSUE + 12 * HOURS, 240)
        if kept is None:
            return failed(where, "nothing to forecast from")
        ds = weather.read(kept)
        possible = np.allclose(ds["t2m"], 280.0) and np.allclose(ds["sp"], 101_000.0)
        possible = possible and np.allclose(ds["u10"], 2.0) and np.allclose(ds["v10"], -1.0)
        if not possible or not (said.problems or kept.issue_time == ISSUE - 6 * HOURS):
            return failed(where, f"taken for right: {said}")
        return Count(1)
    except Exception as error:
        return failed(where, repr(error))
    finally:
        shutil.rmtree(home)


def late(root: Path, minutes: int) -> Count:
    """A vintage that comes so late after the issue is not used before, and is used from then on."""
    home = root / "late"
    weather.save(home, "archive", fields(value=270.0, issue=ISSUE - 24 * HOURS),
                 issue_time=ISSUE - 24 * HOURS)  # fmt: skip
    there = ISSUE + pd.Timedelta(minutes=minutes)
    weather.save(
        home, "archive", fields(value=290.0, issue=ISSUE), issue_time=ISSUE, available_time=there
    )
    wrong = []
    for at in (ISSUE, there - pd.Timedelta(minutes=1), there, there + HOURS):
        kept = weather.latest(home, ["archive"], at, 240)
        value = None if kept is None else float(weather.read(kept)["t2m"].max())
        expected = 290.0 if at >= there else 270.0
        if value != expected:
            wrong.append(f"{value} at {at}")
    shutil.rmtree(home)
    return failed(f"late by {minutes} min", str(wrong)) if wrong else Count(1)


# --- a clock that jumps


def jumping(known: Undisturbed, subject: Subject, chance: random.Random, root: Path) -> Count:
    """Publishing while the clock goes anywhere within ten years, with claims that nobody keeps."""
    jumps = [pd.Timedelta(hours=chance.uniform(-1, 1) * 10.0 ** chance.uniform(0, 5))
             for _ in range(12)]  # fmt: skip

    def work(home: Path, say: Say) -> None:
        subject.work(home, say) if chance.random() < 0.5 else work_store.sign(home, say)
        if not chance.random() < 0.3:
            _released(home)
        store, house = opened(home), house_of(home)
        for jump in jumps:
            at = (pd.Timestamp(NOW) + jump).floor("us").to_pydatetime()
            leases.acquire(store, "daily", holder=f"h{at}", now=at, lasts=HOUR / 6)
            taken = outbox.claim(store, holder="x", house=house, now=at)
            if taken is not None and chance.random() < 0.5:
                outbox.failed(store, taken, "no", house=house, chance=chance, now=at)
        store.engine.dispose()

    with copied(known.template, root) as home:
        first = ended(work, home)
        if first.error:
            return failed("clock", first.error)
        count = after(subject, known, home, first, f"clock {[str(j) for j in jumps]}")
        store = opened(home)
        fence = leases.acquire(store, "daily", holder="new", now=NOW + 2 * HOUR, lasts=HOUR / 6)
        store.engine.dispose()
        return count if fence else count + failed("clock", "the lease is stuck")


def _released(home: Path) -> None:
    """Published but not sent."""
    from serving.publish import dispatch

    kept = dispatch.run
    dispatch.run = lambda *a, **k: dispatch.Round(0, 0)  # in a child
    try:
        work_store.publish(home, lambda _: None)
    finally:
        dispatch.run = kept


# --- messages twice and in any order


def messages(known: Undisturbed, chance: random.Random, root: Path) -> Count:
    """Readings in overlapping batches, some twice, in any order, with a late correction."""
    minutes = [*range(120)] * 2
    chance.shuffle(minutes)

    def work(home: Path, say: Say) -> None:
        store = opened(home)
        while minutes:
            size = chance.randrange(1, 40)
            part, minutes[:size] = minutes[:size], []
            at = [NOW + m * HOUR / 60 for m in part]
            batch = [readings.Measured("E1", "M1", "power", t, float(t.minute), "kW") for t in at]
            readings.receive(store, batch, source="api", actor="e1", now=NOW)
        store.engine.dispose()
        say(f"reading {NOW}")

    with copied(known.template, root) as home:
        first = ended(work, home)
        if first.error:
            return failed("messages", first.error)
        state = work_store.state_of_readings(home)
        return judged(known.state, state, said=first.said, where="messages")


def files_again(known: Undisturbed, subject: Subject, chance: random.Random, root: Path) -> Count:
    """The same file two to four times, an older one between: the corrections stay."""
    with copied(known.template, root) as home:
        for _ in range(chance.randrange(2, 5)):
            first = ended(subject.work, home)
            if first.error:
                return failed(f"{subject.name} again", first.error)
        return judged(known.state, subject.state(home), where=f"{subject.name} again")


# --- half a deployment


def half_deployed(known: Undisturbed, subject: Subject, revision: str | None, root: Path) -> Count:
    """The program with a store of another edition refuses to start; then the other half comes.

    Args:
        revision: The store's, older; None: one that this program does not know.
    """
    where = f"{subject.name} on revision {revision or 'unknown'}"
    with copied(known.template, root) as home:
        store = opened(home)
        if revision:
            migrate.downgrade(store, revision)
        else:
            _set_revision(home, "9999")
        before = _rows(home)
        store.engine.dispose()

        def guarded(home: Path, say: Say) -> None:
            record_run.opened(home, url(home)).engine.dispose()
            subject.work(home, say)

        first = ended(guarded, home)
        if "ConfigError" not in first.error or "lantian migrate" not in first.error:
            return failed(where, f"not refused: {first.error}")
        if _rows(home) != before:
            return failed(where, "changed by a program that does not fit")
        if revision:
            store = opened(home)
            migrate.upgrade(store)
            store.engine.dispose()
        else:
            _set_revision(home, migrate.newest())
        return after(subject, known, home, first, where)


def _set_revision(home: Path, revision: str) -> None:
    store = opened(home)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
    store.engine.dispose()


def _rows(home: Path) -> State:
    store = opened(home)
    with store.engine.connect() as connection:
        tables = connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        ).scalars()
        names = [t for t in tables if not t.startswith("sqlite_")]
        found = [
            (t, str(connection.execute(text(f"SELECT count(*) FROM {t}")).scalar())) for t in names
        ]
    store.engine.dispose()
    return found
