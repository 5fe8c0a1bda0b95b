"""A simulated nation: many small cities, each with a home and a configuration of its own.

    <folder>/configs/<city>.yaml            for `lantian daily --cities <folder>/configs`
    <folder>/stations/<city>.csv            registers
    <folder>/home/cities/<city>/            what arrived: observations, weather forecasts
    <folder>/nation.json                    what was made; written last

Made for measuring what a country costs, not for what the air does (twin.nation_air is waves). Every
city is called simulated. A city can be made alone: it hangs on the seed and its number only.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
import yaml

from forecast import files, model_store, observations, schema
from forecast import weather as weather_store
from forecast.config import configs_dir
from forecast.problems import ConfigError, Problem
from forecast.schema import POLLUTANTS
from twin import nation_air
from twin.seeds import label, rng

SOURCE: Final = "twin"
MARKER: Final = "nation.json"
CITIES: Final = 340
REFERENCE: Final = 1700
LOWER: Final = 30_000
_AREAS: Final = 6
_REACH_HOURS: Final = 120
_OBSERVED: Final = {"u10": 1, "v10": 1, "t2m": 1, "d2m": 1, "sp": -1, "tp": 1}  # decimals shown
_SIZES: Final = (0.8, "lower-tier stations of cities differ as e to this deviation")
_HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class NationCity:
    """One city of the plan."""

    number: int  # from 1
    latitude: float
    longitude: float
    reference: int  # national stations
    lower: int  # county, township and village stations

    @property
    def id(self) -> str:
        """Its id: of home, configuration and stations."""
        return f"sim-{self.number:03d}"

    @property
    def stations(self) -> int:
        """All its stations."""
        return self.reference + self.lower


@dataclass(frozen=True)
class Period:
    """What arrived before an issue time."""

    issue_time: pd.Timestamp  # naive UTC; the last reading
    days: int = 30
    network: Path | None = None  # a trained one that all cities share, by a link


def plan(
    seed: int, *, cities: int = CITIES, reference: int = REFERENCE, lower: int = LOWER
) -> tuple[NationCity, ...]:
    """Cities of a nation; stations sum to what is asked for.

    Raises:
        ConfigError: Fewer than one reference station a city, or fewer than no lower ones.
    """
    if cities < 1 or reference < cities or lower < 0:
        found = f"{cities} cities, {reference} reference and {lower} lower-tier stations"
        raise ConfigError([Problem("nation", found, "a city, a reference station each")])
    draw = rng(seed, "nation", "plan")
    latitude, longitude = draw.uniform(22, 45, cities), draw.uniform(102, 123, cities)
    first = _shared(reference - cities, np.ones(cities)) + 1
    size = np.exp(draw.normal(0.0, _SIZES[0], cities))
    rest = _shared(lower, np.clip(size, 0.25, 4))
    return tuple(
        NationCity(i + 1, round(float(latitude[i]), 3), round(float(longitude[i]), 3),
                   int(first[i]), int(rest[i]))
        for i in range(cities)
    )  # fmt: skip


def make_city(city: NationCity, folder: Path, period: Period, *, seed: int) -> Path:
    """Make one city's home; gives its configuration.

    Raises:
        DataError: Other content is in its home.
    """
    table = _register(city, seed)
    path = folder / "stations" / f"{city.id}.csv"
    shown = table.assign(alias="")
    for column in ("reference", "background"):
        shown[column] = np.where(shown[column], "true", "false")
    files.write_text(path, shown.to_csv(index_label="station"))
    said = label("nation", seed)
    home = folder / "home" / "cities" / city.id
    air = nation_air.waves(seed)
    sent = _readings(city, table, period, air, seed)
    sent.attrs["simulated"] = said
    observations.merge(home, sent, source=SOURCE, received=period.issue_time)
    issue = period.issue_time.floor("12h") - 12 * _HOUR
    made = _vintage(city, air, issue, seed)
    made.attrs["simulated"] = said
    weather_store.save(home, SOURCE, made, issue_time=issue, available_time=issue + 6 * _HOUR)
    if period.network is not None:
        _link(period.network.resolve(), home, city)
    return _config(city, folder, path)


def make(folder: Path, period: Period, *, seed: int, cities: tuple[NationCity, ...]) -> list[Path]:
    """Make the homes of cities; gives their configurations."""
    paths = [make_city(city, folder, period, seed=seed) for city in cities]
    mark(folder, period, seed=seed, cities=cities)
    return paths


def mark(folder: Path, period: Period, *, seed: int, cities: tuple[NationCity, ...]) -> None:
    """Say what was made, once it is."""
    content = _mark(period, seed, cities)
    files.write_text(folder / MARKER, json.dumps(content, indent=1) + "\n")


def made(folder: Path, period: Period, *, seed: int, cities: tuple[NationCity, ...]) -> bool:
    """Whether exactly this was made here before."""
    try:
        kept = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(kept == _mark(period, seed, cities))


def _mark(period: Period, seed: int, cities: tuple[NationCity, ...]) -> dict[str, Any]:
    return {
        "simulated": label("nation", seed), "issue_time": period.issue_time.isoformat(),
        "days": period.days, "cities": len(cities),
        "reference": sum(c.reference for c in cities), "lower": sum(c.lower for c in cities),
    }  # fmt: skip


def _shared(total: int, weights: np.ndarray) -> np.ndarray:
    """Whole numbers in the proportion of weights that sum to the total."""
    exact = total * weights / weights.sum()
    whole = np.floor(exact).astype(int)
    more = np.argsort(whole - exact, kind="stable")[: total - whole.sum()]
    whole[more] += 1
    return np.asarray(whole)


def _register(city: NationCity, seed: int) -> pd.DataFrame:
    """Stations of a city around its centre; the first are the national ones."""
    draw = rng(seed, "nation", "stations", city.id)
    n = city.stations
    lower = np.array(schema.TIERS[1:])[np.arange(city.lower) % 3]
    national = np.arange(n) < city.reference
    return pd.DataFrame(
        {
            "name": [f"模拟{city.number:03d}-{i + 1:03d}" for i in range(n)],
            "tier": np.concatenate([np.full(city.reference, "city"), lower]),
            "area": [f"area{i % _AREAS + 1}" for i in range(n)],
            "latitude": city.latitude + draw.uniform(-0.3, 0.3, n).round(4),
            "longitude": city.longitude + draw.uniform(-0.3, 0.3, n).round(4),
            "reference": national,
            "background": np.zeros(n, dtype=bool),
        },
        index=pd.Index([f"{city.id}-{i + 1:03d}" for i in range(n)], name="station"),
    )  # fmt: skip


def _readings(
    city: NationCity, table: pd.DataFrame, period: Period, air: nation_air.Waves, seed: int
) -> xr.Dataset:
    """What the stations sent: the lower tiers off by a factor, all with gaps."""
    draw = rng(seed, "nation", "readings", city.id)
    hours = pd.date_range(end=period.issue_time, periods=24 * period.days, freq="h")
    places = table["latitude"].to_numpy(), table["longitude"].to_numpy()
    own = int(rng(seed, "nation", "seed", city.id).integers(1 << 31))
    true = nation_air.concentrations(air, hours, *places, own)
    values = {}
    national = table["reference"].to_numpy()
    shape = (len(hours), len(table))
    out = draw.random(shape) < 0.02
    for name in POLLUTANTS:
        factor = np.where(national, 1.0, np.exp(draw.normal(0.0, 0.2, len(table))))
        noise = np.exp(0.05 * draw.standard_normal(shape))
        read = np.round(true[name] * factor * noise, 1 if name == "co" else 0)
        values[name] = np.where(out | (draw.random(shape) < 0.005), np.nan, read)
    weather = nation_air.weather(air, hours, *places)
    values |= {k: np.round(weather[k], decimals) for k, decimals in _OBSERVED.items()}
    return schema.dataset(hours, table, values)


def _vintage(city: NationCity, air: nation_air.Waves, issue: pd.Timestamp, seed: int) -> xr.Dataset:
    """The forecast issued at a time on a grid of a quarter degree around the city."""
    latitude, longitude = (
        np.round(np.floor(centre * 4) / 4 + np.arange(-2, 4) * 0.25, 2)
        for centre in (city.latitude, city.longitude)
    )
    hours = pd.date_range(issue + _HOUR, periods=_REACH_HOURS, freq="h")
    grid = [a.ravel() for a in np.meshgrid(latitude, longitude, indexing="ij")]
    parts = [
        nation_air.weather(
            nation_air.missed(air, seed, day + 0.5), hours[24 * day : 24 * (day + 1)], *grid
        )
        for day in range(_REACH_HOURS // 24)
    ]
    shape = (_REACH_HOURS, len(latitude), len(longitude))
    dims = ("time", "latitude", "longitude")
    return xr.Dataset(
        {
            name: (dims, np.concatenate([p[name] for p in parts]).reshape(shape),
                   schema.attrs_of(name))
            for name in schema.WEATHER
        },
        coords={"time": hours.to_numpy(), "latitude": latitude, "longitude": longitude},
    )  # fmt: skip


def _link(network: Path, home: Path, city: NationCity) -> None:
    manifest = json.loads((network / model_store.MANIFEST).read_text(encoding="utf-8"))
    until = pd.Timestamp(manifest["trained_until"])
    place = model_store.folder(home, city.id, model_store.NETWORK, "none", until)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(network, target_is_directory=True)


def _config(city: NationCity, folder: Path, stations: Path) -> Path:
    content = {
        "city": {
            "id": city.id, "zh": f"模拟城市{city.number:03d}",
            "en": f"Simulated city {city.number:03d}", "geocode": f"{990000 + city.number}",
        },
        "stations": f"../stations/{stations.name}",
        "quality": str(configs_dir() / "quality" / "default.yaml"),
        "weather": {"sources": [SOURCE], "max_age_hours": 36},
        "forecast": {"model": "network", "members": 100, "history_hours": 240, "seed": city.number},
        "calibrate": True,
        "simulated": True,
        "areas": {
            f"area{i}": {"zh": f"模拟{i}区", "en": f"Area {i}"} for i in range(1, _AREAS + 1)
        },
    }  # fmt: skip
    path = folder / "configs" / f"{city.id}.yaml"
    files.write_text(path, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return path
