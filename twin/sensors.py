"""Readings of the simulated city's stations: what instruments show of the true air, with faults.

Takes the true concentrations and the weather at the stations by hour, gives readings in the
schema's shape beside a table of every fault. Knows nothing of how the truth was made. The same
seed gives the same bits whether the hours come at once, in blocks or one by one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, attrs_of, dataset
from forecast.weather_derived import relative_humidity
from twin import sensor_faults
from twin.config_sensors import SensorsConfig
from twin.seeds import label
from twin.sensor_faults import MOST_LATE_HOURS, painted
from twin.sensor_noise import hour_number, keys, normal
from twin.sensor_physics import instruments, respond, spikes

_BLOCK = 48
_AHEAD = 64 * 24  # hours of events a bank looks ahead


@dataclass(frozen=True)
class Observed:
    """What was seen, and what was wrong with it.

    Attributes:
        readings: Schema dataset (time, station) of POLLUTANTS; coordinates as the register has
            them (two stations may be exchanged); attrs["simulated"]. NaN: nothing arrived.
        faults: As sensor_faults.table() gives them.
        colocations: station, start, end of every mobile reference.
    """

    readings: xr.Dataset
    faults: pd.DataFrame
    colocations: pd.DataFrame


class SensorBank:
    """The stations' instruments, stepped through time.

    It remembers only what instruments do: the last value shown (for stuck ones) and the hours a
    late clock still has to show.
    """

    def __init__(self, stations: pd.DataFrame, config: SensorsConfig, *, seed: int) -> None:
        """Set the instruments up.

        Args:
            stations: Index = station id; columns tier and, if any is out of work, active.
            config: The settings.
            seed: The city's seed.

        Raises:
            DataError: A tier the settings do not know.
        """
        self.made = instruments(stations, config, seed=seed)
        self._seed = seed
        active = stations["active"] if "active" in stations else pd.Series(True, stations.index)
        self._active = active.to_numpy().astype(bool)
        shape = (len(stations), len(POLLUTANTS))
        self._late = np.full((MOST_LATE_HOURS, *shape), np.nan)
        self._shown = np.full(shape, np.nan)
        self._last: int | None = None
        self._events = sensor_faults.events(self.made, seed=seed, first=0, last=-1)
        self._known = (0, -1)

    def step(
        self, truth: np.ndarray, weather: Mapping[str, np.ndarray], time: pd.Timestamp
    ) -> np.ndarray:
        """Readings of the next hour.

        Args:
            truth: (station, pollutant), schema units.
            weather: t2m and d2m (station,), K.
            time: The hour's stamp, naive UTC, one hour after the previous.

        Returns:
            (station, pollutant), NaN where nothing arrives.

        Raises:
            DataError: Another shape, or not the next hour.
        """
        wide = {name: np.asarray(weather[name])[None] for name in ("t2m", "d2m")}
        return np.asarray(self.run(truth[None], wide, pd.DatetimeIndex([time]))[0])

    def run(
        self, truth: np.ndarray, weather: Mapping[str, np.ndarray], times: pd.DatetimeIndex
    ) -> np.ndarray:
        """Readings of the next hours (hour, station, pollutant); see step()."""
        hours = hour_number(times.to_numpy())
        self._check(truth, weather, hours)
        parts = []
        for begin in range(0, len(hours), _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            parts.append(
                self._block(truth[rows], weather["t2m"][rows], weather["d2m"][rows], hours[rows])
            )
        self._last = int(hours[-1])
        return np.concatenate(parts)

    def _block(
        self, truth: np.ndarray, t2m: np.ndarray, d2m: np.ndarray, hours: np.ndarray
    ) -> np.ndarray:
        found, shape = self._events_of(hours), truth.shape[1:]
        made = self.made
        values = respond(made, truth, t2m, d2m, hours)
        for kind in ("decay", "unit"):
            values = values * painted(found, kind, hours, shape, fill=1.0)
        values = values * spikes(made, hours)
        past = np.concatenate([self._late, values])
        self._late = past[-MOST_LATE_HOURS:].copy()
        late = painted(found, "clock", hours, shape, fill=0.0).astype(np.int64)
        row = np.arange(len(hours))[:, None, None] + MOST_LATE_HOURS - late
        values = np.take_along_axis(past, row, axis=0)
        scale = 10.0**made.decimals
        values = np.rint(values * scale) / scale
        values = self._held(values, painted(found, "stuck", hours, shape, fill=0.0) > 0)
        gone = painted(found, "outage", hours, shape, fill=0.0) > 0
        return np.where(gone | ~self._active[:, None], np.nan, values)

    def _held(self, values: np.ndarray, stuck: np.ndarray) -> np.ndarray:
        """Stuck readings repeat the last one that was not; before any there is nothing."""
        past = np.concatenate([self._shown[None], values])
        free = np.concatenate([np.ones((1, *stuck.shape[1:]), bool), ~stuck])
        number = np.where(free, np.arange(len(past))[:, None, None], 0)
        held = np.take_along_axis(past, np.maximum.accumulate(number, axis=0), axis=0)
        self._shown = held[-1].copy()
        return np.asarray(held[1:])

    def _events_of(self, hours: np.ndarray) -> sensor_faults.Events:
        first, last = int(hours[0]), int(hours[-1])
        if first < self._known[0] or last > self._known[1]:
            self._known = (first, last + _AHEAD)
            self._events = sensor_faults.events(
                self.made, seed=self._seed, first=first, last=last + _AHEAD
            )
        return self._events

    def _check(
        self, truth: np.ndarray, weather: Mapping[str, np.ndarray], hours: np.ndarray
    ) -> None:
        wanted = (len(hours), len(self.made.stations), len(POLLUTANTS))
        problems = []
        if truth.shape != wanted:
            problems.append(Problem("sensors: truth", f"shape {truth.shape}", f"{wanted}"))
        for name in ("t2m", "d2m"):
            shape = np.shape(weather[name]) if name in weather else None
            if shape != wanted[:2]:
                problems.append(Problem(f"sensors: {name}", f"shape {shape}", f"{wanted[:2]}"))
        before = [] if self._last is None else [self._last]
        if not len(hours) or (np.diff([*before, *hours]) != 1).any():
            found = "no hour" if not len(hours) else f"stamps after {before or 'the start'}"
            problems.append(Problem("sensors: times", found, "hour after hour, no gap"))
        if problems:
            raise DataError(problems)


def observe(
    truth: np.ndarray,
    weather: Mapping[str, np.ndarray],
    stations: pd.DataFrame,
    times: pd.DatetimeIndex,
    config: SensorsConfig,
    seed: int,
    *,
    simulated: str | None = None,
) -> Observed:
    """Readings of all hours at once.

    Args:
        truth: True concentrations (hour, station, pollutant), schema order and units.
        weather: At least t2m and d2m (hour, station), K.
        stations: Index = station id; schema.STATION_COORDS, and active where not all are.
        times: Stamps, naive UTC, hour after hour.
        config: The settings.
        seed: The city's seed.
        simulated: What attrs["simulated"] says; not given: the settings' digest.

    Raises:
        DataError: Shapes that do not fit, gaps in time, an unknown tier; all at once.
    """
    bank = SensorBank(stations, config, seed=seed)
    values = bank.run(truth, weather, times)
    return described(bank, values, stations, times, seed=seed, simulated=simulated)


def described(
    bank: SensorBank,
    values: np.ndarray,
    stations: pd.DataFrame,
    times: pd.DatetimeIndex,
    *,
    seed: int,
    simulated: str | None = None,
) -> Observed:
    """Pack readings that a bank gave hour by hour (hour, station, pollutant) as observe() does."""
    hours = hour_number(times.to_numpy())
    first, last = int(hours[0]), int(hours[-1])
    pairs = sensor_faults.swaps(bank.made, seed=seed)
    by_name = {p: values[..., i] for i, p in enumerate(POLLUTANTS)}
    readings = dataset(times, registered(stations, pairs), by_name)
    if simulated is None:
        text = bank.made.config.model_dump_json().encode()
        simulated = label(hashlib.sha256(text).hexdigest()[:16], seed)
    readings.attrs["simulated"] = simulated
    found = sensor_faults.events(bank.made, seed=seed, first=first, last=last)
    moved = _moved(stations, pairs)
    faults = sensor_faults.table(bank.made, found, first=first, last=last, displaced_m=moved)
    together = sensor_faults.colocations(bank.made, found, first=first, last=last)
    return Observed(readings, faults, together)


def registered(stations: pd.DataFrame, pairs: list[tuple[int, int]]) -> pd.DataFrame:
    """The register as it is kept: the pairs' coordinates are exchanged."""
    order = np.arange(len(stations))
    for a, b in pairs:
        order[[a, b]] = order[[b, a]]
    kept = stations.copy()
    for column in ("longitude", "latitude"):
        kept[column] = stations[column].to_numpy()[order]
    return kept


def packed(observed: Observed, truth: np.ndarray, stations: pd.DataFrame) -> xr.Dataset:
    """Readings with the truth beside them.

    Returns:
        The readings' dataset with, for each pollutant p, truth_p (time, station) in the same
        units, and true_longitude, true_latitude by station.
    """
    beside = {}
    for i, p in enumerate(POLLUTANTS):
        attrs = {**attrs_of(p), "long_name": f"simulated truth of {p}"}
        beside[f"truth_{p}"] = (("time", "station"), truth[..., i], attrs)
    places = {
        f"true_{c}": ("station", stations[c].to_numpy().astype(float))
        for c in ("longitude", "latitude")
    }
    return observed.readings.assign(beside).assign_coords(places)


def colocated_table(
    truth: np.ndarray, weather: Mapping[str, np.ndarray], observed: Observed, *, seed: int
) -> pd.DataFrame:
    """The co-located hours with the columns of a co-location file.

    The mobile reference errs like a national station: 2 % and 1 unit of the last place shown.

    Returns:
        station, time (UTC stamp), ref_<p> and <p> for every pollutant, wind_speed [m/s],
        temperature [degC], relative_humidity [%]; wind_speed only where weather has u10 and v10.
    """
    ds = observed.readings
    times, names = ds["time"].to_numpy(), ds["station"].to_numpy().astype(str)
    hours = hour_number(times)
    decimals = np.array([3 if p == "co" else 0 for p in POLLUTANTS])
    parts = []
    periods = observed.colocations
    starts = hour_number(periods["start"].to_numpy())
    ends = hour_number(periods["end"].to_numpy())
    for station, start, end in zip(periods["station"], starts, ends, strict=True):
        s = int(np.flatnonzero(names == station)[0])
        h = np.flatnonzero((hours >= start) & (hours <= end))
        key = keys(seed, "mobile reference", [f"{station}\x00{p}" for p in POLLUTANTS])
        error = np.hypot(0.02 * truth[h, s], 10.0**-decimals) * normal(key, hours[h, None])
        shown = np.maximum(truth[h, s] + error, 0)
        part: dict[str, object] = {"station": station, "time": times[h]}
        for i, p in enumerate(POLLUTANTS):
            part[f"ref_{p}"] = np.round(shown[:, i], int(decimals[i]))
            part[p] = ds[p].to_numpy()[h, s]
        if "u10" in weather and "v10" in weather:
            part["wind_speed"] = np.hypot(weather["u10"][h, s], weather["v10"][h, s]).round(3)
        t2m, d2m = weather["t2m"][h, s], weather["d2m"][h, s]
        part["temperature"] = (t2m - 273.15).round(2)
        part["relative_humidity"] = relative_humidity(t2m, d2m).round(2)
        parts.append(pd.DataFrame(part))
    if not parts:
        return pd.DataFrame(columns=["station", "time", *(f"ref_{p}" for p in POLLUTANTS)])
    return pd.concat(parts, ignore_index=True)


def _moved(stations: pd.DataFrame, pairs: list[tuple[int, int]]) -> dict[int, float]:
    """How far the register puts exchanged stations from where they stand, m."""
    lon, lat = stations["longitude"].to_numpy(float), stations["latitude"].to_numpy(float)
    moved: dict[int, float] = {}
    for a, b in pairs:
        east = np.radians(lon[a] - lon[b]) * np.cos(np.radians((lat[a] + lat[b]) / 2))
        distance = 6_371_000.0 * float(np.hypot(east, np.radians(lat[a] - lat[b])))
        moved |= {a: distance, b: distance}
    return moved
