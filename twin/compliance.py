"""What enterprises of the simulated city do of what they are ordered, and sources nobody knows.

Takes orders (the scale of each unit's activity by hour), gives what is really run: late, in part,
not at night, and never faster than the plant can stop or start. Also plants illegal sources.
Knows nothing of the air or of monitors (metering.py shows what these say).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast.problems import DataError, Problem
from twin.config_emissions import EMITTED
from twin.config_sensors import Metering
from twin.geography import Geography
from twin.seeds import rng


@dataclass(frozen=True)
class Behaviour:
    """How each unit answers to orders; arrays (unit,)."""

    day: np.ndarray  # share of the ordered cut that is done by day
    night: np.ndarray
    late_hours: np.ndarray
    fakes: np.ndarray  # bool: the stack monitor shows what was ordered
    hours_to_stop: np.ndarray
    hours_to_restart: np.ndarray


@dataclass(frozen=True)
class State:
    """Where the units are after an hour; arrays (unit,)."""

    scale: np.ndarray
    ordered_hours: np.ndarray  # how long an order has been in force


def behaviour(
    enterprises: pd.DataFrame, units: pd.DataFrame, config: Metering, *, seed: int
) -> Behaviour:
    """Draw how the units of each enterprise behave.

    Over a whole day an enterprise does its `compliance` share of a cut. Who evades at night does
    nothing then and more by day; who evades by day does all at night. Whoever complies in full is
    neither late nor fakes.

    Args:
        enterprises: Index = enterprise; compliance (0..1), evades (no, day or night).
        units: Index = unit; enterprise, hours_to_stop, hours_to_restart.
        config: The settings.
        seed: The city's seed.
    """
    done = enterprises["compliance"].to_numpy(float)
    evades = enterprises["evades"].to_numpy()
    dark = _night_hours(config) / 24
    by_day = np.where(evades == "night", done / (1 - dark), done)
    by_day = np.where(evades == "day", (done - dark) / (1 - dark), by_day)
    by_night = np.select([evades == "night", evades == "day"], [0.0, 1.0], default=done)
    random = rng(seed, "compliance")
    wrong = done < 1
    late = config.late_hours * np.exp(0.8 * random.standard_normal(len(done)))
    late = np.where(wrong, np.rint(late), 0)
    fakes = wrong & (random.random(len(done)) < config.fake_share)
    of = enterprises.index.get_indexer(pd.Index(units["enterprise"]))
    return Behaviour(
        day=np.clip(by_day, 0, 1)[of],
        night=by_night[of],
        late_hours=late[of],
        fakes=fakes[of],
        hours_to_stop=np.maximum(units["hours_to_stop"].to_numpy(float), 1),
        hours_to_restart=np.maximum(units["hours_to_restart"].to_numpy(float), 1),
    )


def running(units: int) -> State:
    """Everything at work, nothing ordered."""
    return State(np.ones(units), np.zeros(units))


def step(acts: Behaviour, state: State, ordered: np.ndarray, *, night: bool) -> State:
    """What the units run in the next hour.

    Args:
        acts: How they behave.
        state: Where they are.
        ordered: Scale ordered (unit,), 0..1; one: no order.
        night: Whether it is night locally.
    """
    ordered = np.clip(ordered, 0, 1)
    hours = np.where(ordered < 1, state.ordered_hours + 1, 0.0)
    done = acts.night if night else acts.day
    wanted = np.where(hours <= acts.late_hours, 1.0, 1 - done * (1 - ordered))
    slowest = state.scale - 1 / acts.hours_to_stop
    fastest = state.scale + 1 / acts.hours_to_restart
    return State(np.clip(np.clip(wanted, slowest, fastest), 0, 1), hours)


def actual_scale(
    acts: Behaviour, orders: np.ndarray, times: pd.DatetimeIndex, config: Metering, *,
    offset: pd.Timedelta,
) -> np.ndarray:  # fmt: skip
    """What is run (unit, hour) of what is ordered (unit, hour), from full work on.

    Raises:
        DataError: Orders of another shape.
    """
    wanted = (len(acts.day), len(times))
    if orders.shape != wanted:
        raise DataError([Problem("orders", f"shape {orders.shape}", f"(unit, hour) = {wanted}")])
    state, run = running(len(acts.day)), np.empty(orders.shape)
    for i, dark in enumerate(is_night(times, config, offset=offset)):
        state = step(acts, state, orders[:, i], night=bool(dark))
        run[:, i] = state.scale
    return run


def is_night(times: pd.DatetimeIndex, config: Metering, *, offset: pd.Timedelta) -> np.ndarray:
    """Which hours (hour,) begin at night; stamps are naive UTC ends of hours."""
    local = (times + offset - pd.Timedelta(hours=1)).hour.to_numpy()
    first, last = config.night
    dark = (local >= first) | (local < last) if first > last else (local >= first) & (local < last)
    return np.asarray(dark)


@dataclass(frozen=True)
class IllegalSource:
    """A source that no register knows."""

    id: str
    x: float  # m
    y: float
    longitude: float
    latitude: float
    first: pd.Timestamp  # stamps of the first and last hour of its life, naive UTC
    last: pd.Timestamp
    local_hours: tuple[int, ...]  # hours of the local day that begin while it works
    kg_per_hour: tuple[float, ...]  # in the order of EMITTED


def plant(
    geography: Geography, times: pd.DatetimeIndex, *, seed: int, count: int,
    kg_per_hour: Sequence[float] = (2.0, 3.0, 4.0, 3.0, 6.0, 20.0, 0.2),
) -> tuple[IllegalSource, ...]:  # fmt: skip
    """Plant sources at random inside the city, where few live and no stack of the register is.

    Args:
        geography: The city's ground.
        times: Hours in which they may live, naive UTC stamps; each lives a third to all of them.
        seed: The city's seed.
        count: How many.
        kg_per_hour: Mean emission while at work, in the order of EMITTED; each source's is this
            times a lognormal factor.
    """
    random = rng(geography.seed, "illegal sources", str(seed))
    density = geography.population / max(float(geography.population.max()), 1.0)
    free = geography.use("village") + geography.use("industrial") + 0.1 * geography.use("crop")
    weight = np.where(geography.inside, free * np.exp(-3 * density), 0.0).ravel()
    cells = random.choice(weight.size, count, p=weight / weight.sum())
    sources = []
    for i, cell in enumerate(cells):
        row, column = divmod(int(cell), geography.nx)
        shift = random.uniform(-0.5, 0.5, 2) * geography.dx_m
        x, y = float(geography.x[column] + shift[0]), float(geography.y[row] + shift[1])
        lon, lat = geography.plane.to_lonlat(np.array(x), np.array(y))
        life = int(random.integers(max(len(times) // 3, 1), len(times) + 1))
        begin = int(random.integers(0, len(times) - life + 1))
        opens, length = int(random.integers(19, 24)), int(random.integers(5, 10))
        size = float(random.lognormal(0, 0.5))
        sources.append(
            IllegalSource(
                id=f"X{i + 1:03d}", x=x, y=y, longitude=float(lon), latitude=float(lat),
                first=times[begin], last=times[begin + life - 1],
                local_hours=tuple((opens + k) % 24 for k in range(length)),
                kg_per_hour=tuple(round(size * v, 4) for v in kg_per_hour),
            )
        )  # fmt: skip
    return tuple(sources)


def planted_rates(
    sources: Sequence[IllegalSource], times: pd.DatetimeIndex, *, offset: pd.Timedelta
) -> np.ndarray:
    """Emission of planted sources (source, hour, species), kg/h, in the order of EMITTED."""
    local = (times + offset - pd.Timedelta(hours=1)).hour.to_numpy()
    result = np.zeros((len(sources), len(times), len(EMITTED)))
    for i, source in enumerate(sources):
        at_work = np.isin(local, source.local_hours)
        at_work &= np.asarray((times >= source.first) & (times <= source.last))
        result[i] = at_work[:, None] * np.array(source.kg_per_hour)
    return result


def _night_hours(config: Metering) -> int:
    first, last = config.night
    return (last - first) % 24
