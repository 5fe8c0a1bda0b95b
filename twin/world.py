"""The simulated city played into a home, as the outside world would: readings, weather, register.

Takes a configuration and a period; leaves in the home what a real city sends (observations, weather
vintages, station register, emergency list), a configuration for the daily run, and apart from it,
under truth/, what no real city has: the true concentrations and what was wrong with each sensor.
Everything carries the word simulated. Knows nothing of forecasts.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
import yaml

from forecast import files, model_store, observations, schema
from forecast import weather as weather_store
from forecast.config import configs_dir
from twin import register_sheets, sensors, weather_fields
from twin.city import City
from twin.config import TwinConfig
from twin.weather import Regional, regional
from twin.weather_vintages import issues, vintage

SOURCE = "twin"
MARKER = "twin.json"
_HOUR = pd.Timedelta(hours=1)
_OBSERVED = {"u10": 1, "v10": 1, "t2m": 1, "d2m": 1, "sp": -1, "tp": 1}  # decimals shown


@dataclass(frozen=True)
class World:
    """What was played into a home."""

    home: Path
    config: Path  # for the daily run
    first: pd.Timestamp  # first and last hour, naive UTC
    last: pd.Timestamp
    stations: int
    vintages: int
    simulated: str


def play(
    config: TwinConfig,
    home: Path,
    *,
    start: pd.Timestamp,
    hours: int,
    seed: int | None = None,
    vintages_from: pd.Timestamp | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> World:
    """Simulate a period and put it into a home.

    Args:
        config: The simulated city.
        home: A home of its own: a simulated city and a real one never share one.
        start: First hour (end stamp, naive UTC).
        hours: Length of the period.
        seed: Another seed than the configuration's.
        vintages_from: Weather forecasts are written from this issue time on; None: all.
        say: Told what is being done.

    Raises:
        ConfigError: The configuration or period is wrong.
    """
    say(f"simulating {config.city.zh} {config.city.en}: {hours} h from {start} UTC")
    city = City.create(config, start=start, hours=hours, seed=seed)
    truth = city.run(hours)
    say("reading its instruments")
    observed, air = _readings(city, truth)
    station_file = _write_register(home, city)
    sent = observed.readings.assign(air).sel(station=station_file.index.to_numpy().astype(str))
    observations.merge(home, sent, source=SOURCE, received=start + hours * _HOUR)
    true = np.stack([truth[p].values for p in schema.POLLUTANTS], axis=-1)
    both = sensors.packed(observed, true, city.geography.stations)
    files.write_netcdf(home / "truth" / "truth.nc", both)
    files.write_text(home / "truth" / "faults.csv", observed.faults.to_csv(index=False))
    files.write_text(home / "truth" / "colocations.csv", observed.colocations.to_csv(index=False))
    say("writing weather forecasts and the register")
    count = _write_vintages(home, city, vintages_from)
    tables = register_sheets.sheets(city.enterprises, config, city.geography)
    register_sheets.write_excel(home / "register.xlsx", tables)
    path = _write_config(home, config, station_file, _forecaster(config, start, seed))
    last = start + (hours - 1) * _HOUR
    world = World(home, path, start, last, len(station_file), count, city.simulated)
    _mark(world, config, seed)
    return world


def played(config: TwinConfig, home: Path, *, seed: int | None = None) -> World | None:
    """What an earlier run put into a home, if it was this city and it was finished."""
    try:
        kept = json.loads((home / MARKER).read_text(encoding="utf-8"))
        if kept["digest"] != config.digest or kept["seed"] != _seed(config, seed):
            return None
        return World(
            home, home / "city.yaml", pd.Timestamp(kept["first"]), pd.Timestamp(kept["last"]),
            int(kept["stations"]), int(kept["vintages"]), str(kept["simulated"]),
        )  # fmt: skip
    except (OSError, ValueError, KeyError):
        return None


def _readings(
    city: City, truth: xr.Dataset
) -> tuple[sensors.Observed, dict[str, tuple[tuple[str, str], np.ndarray, dict[str, str]]]]:
    """Readings of every station, and the weather observed there (true, rounded as it is shown)."""
    stations = city.geography.stations
    times = pd.DatetimeIndex(truth["time"].values)
    series, place = _region(city)
    rows = slice(city.weather.lead, city.weather.lead + len(times))
    air = weather_fields.fields(series, rows, place)
    true = np.stack([truth[p].values for p in schema.POLLUTANTS], axis=-1)
    observed = sensors.observe(
        true, air, stations, times, city.config.sensors, city.seed, simulated=city.simulated
    )
    shown = {
        name: (("time", "station"), np.round(air[name], decimals), schema.attrs_of(name))
        for name, decimals in _OBSERVED.items()
    }
    return observed, shown


def _region(city: City) -> tuple[Regional, weather_fields.Ground]:
    """The region's weather, made again as the city made it, and the ground under the stations."""
    times = city.weather.times
    series = regional(
        city.config.weather, times[0], times[-1], seed=city.seed, simulated=city.simulated
    )
    whole = weather_fields.ground_of(city.geography, settings=city.config.weather.fields)
    stations = city.geography.stations
    return series, weather_fields.points(whole, stations["x"].to_numpy(), stations["y"].to_numpy())


def _write_vintages(home: Path, city: City, since: pd.Timestamp | None) -> int:
    series, place = _region(city)
    count = 0
    for issue in issues(series):
        if issue < (since or city.weather.times[city.weather.lead]):
            continue
        made = vintage(series, issue, city.geography.stations, place)
        weather_store.save(
            home, SOURCE, made, issue_time=issue,
            available_time=pd.Timestamp(made["available_time"].values.item()),
        )  # fmt: skip
        count += 1
    return count


def _write_register(home: Path, city: City) -> pd.DataFrame:
    """The stations at work; one that no longer is would count as a missing point for ever."""
    at_work = city.geography.stations["active"].to_numpy().astype(bool)
    table = city.geography.stations.loc[at_work, list(schema.STATION_COORDS)].copy()
    table["alias"] = ""
    for column in ("reference", "background"):
        table[column] = np.where(table[column].to_numpy(), "true", "false")
    files.write_text(home / "stations.csv", table.to_csv(index_label="station"))
    return table


def _forecaster(config: TwinConfig, start: pd.Timestamp, seed: int | None) -> str:
    """The network where one ships that knows this city (its ground hangs on the seed) before start.

    A network would forecast for any city, but one of another seed has other stations by the same
    names: it gets damped persistence.
    """
    if _seed(config, seed) != config.seed:
        return "persistence"
    kept = model_store.network_named(Path(), config.city.id, "network:shipped", start)
    return "persistence" if kept is None else model_store.NETWORK


def _write_config(home: Path, config: TwinConfig, stations: pd.DataFrame, model: str) -> Path:
    areas = {
        str(a.id): {"zh": a.zh, "en": a.en}
        for a in config.geography.areas
        if str(a.id) in set(stations["area"])
    }
    content = {
        "city": {
            "id": config.city.id,
            "zh": config.city.zh,
            "en": config.city.en,
            "geocode": config.city.geocode,
            "utc_offset_hours": config.city.utc_offset_hours,
        },
        "stations": "stations.csv",
        "quality": str(configs_dir() / "quality" / "default.yaml"),
        "weather": {"sources": [SOURCE], "max_age_hours": 36},
        "forecast": {"model": model, "members": 100, "history_hours": 240, "seed": 1},
        "calibrate": True,
        "simulated": True,
        "areas": areas,
    }
    path = home / "city.yaml"
    files.write_text(path, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return path


def _mark(world: World, config: TwinConfig, seed: int | None) -> None:
    content = {
        "simulated": world.simulated,
        "digest": config.digest,
        "seed": _seed(config, seed),
        "first": world.first.isoformat(),
        "last": world.last.isoformat(),
        "stations": world.stations,
        "vintages": world.vintages,
    }
    files.write_text(world.home / MARKER, json.dumps(content, indent=1) + "\n")


def _seed(config: TwinConfig, seed: int | None) -> int:
    return config.seed if seed is None else seed
