"""The simulated city as one object: step it hour by hour, with a scale on every source.

    city = City.create(config, seed=1, start=pd.Timestamp("2015-11-01 01:00"), hours=24 * 120)
    truth = city.step(unit_scale=scales)  # one hour, the policy's scales on it
    year = city.run(24 * 7, policy=policy)

Takes a configuration; gives the truth: concentration fields, and values where stations stand. The
same configuration, seed, start and scales give the same bits. Everything else of the city (ground,
enterprises, weather) hangs on it as attributes. Knows nothing of instruments, forecasts or plans.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
import xarray as xr

from forecast import schema
from forecast.problems import ConfigError, Problem
from twin import air_hour, background, chemistry, emissions, geography, injection, readout
from twin.air_hour import Budget
from twin.city_weather import CityWeather, weather_of
from twin.config import TwinConfig
from twin.enterprises import Enterprises, unit_factors
from twin.enterprises import create as create_enterprises
from twin.geography import Geography
from twin.seeds import label
from twin.state import State

_HOUR = pd.Timedelta(hours=1)
_CHUNK_HOURS = 24  # weather and activity are made a day at a time


@dataclass(frozen=True)
class Controls:
    """What a policy asks of one hour; None leaves everything as it is."""

    unit_scale: np.ndarray | None = None  # (unit,)
    sector_scale: np.ndarray | Mapping[str, float] | None = None  # (sector,) or by name


@dataclass(frozen=True)
class HourlyTruth:
    """One hour of the city's air as it is; pollutants in the order of schema.POLLUTANTS."""

    time: pd.Timestamp  # naive UTC, end of the hour
    fields: np.ndarray  # (6, ny, nx) at the ground, hourly mean, schema units
    aloft: np.ndarray  # (6, ny, nx) in the residual layer
    depth_m: np.ndarray  # (ny, nx) of the mixed layer at the hour's end
    stations: np.ndarray  # (station, 6)
    weather: Mapping[str, np.ndarray]  # fields of the hour (ny, nx)
    budget: Budget


Policy = Callable[[pd.Timestamp, HourlyTruth | None], Controls]


@dataclass(frozen=True)
class _Day:
    """A chunk of hours: what drives the air, made once."""

    asked: int  # hour of the chunk's grid
    first: int  # hour of row 0: the period may begin within a chunk
    weather: Mapping[str, np.ndarray]  # (hour, ny, nx)
    sectors: np.ndarray  # (hour, sector) activity
    units: np.ndarray  # (unit, hour) activity


@dataclass
class City:
    """A city that can be stepped. Its only changing parts are `state` and a cache."""

    config: TwinConfig
    seed: int
    geography: Geography
    enterprises: Enterprises
    sources: emissions.AreaSources
    weather: CityWeather
    inflow: background.Inflow
    points: readout.Points
    state: State
    _rates: chemistry.Rates
    _stacks: injection.Stacks
    _pattern: np.ndarray  # (sector, species, ny, nx), species' unit m-2 s-1
    _warmth: np.ndarray  # (hour of weather.times,) 24-h mean temperature, K
    _day: _Day | None = None
    _last: HourlyTruth | None = None

    @classmethod
    def create(
        cls,
        config: TwinConfig,
        *,
        start: pd.Timestamp,
        hours: int,
        seed: int | None = None,
        weather: CityWeather | None = None,
    ) -> Self:
        """Make the city and let its air settle.

        Args:
            config: The city's configuration.
            start: End of the first hour, naive UTC.
            hours: How many hours it can be stepped.
            seed: Another seed than the configuration's.
            weather: Another weather than the city's own, for experiments.

        Raises:
            ConfigError: The start is no full hour of naive UTC, or there are no hours.
        """
        seed = config.seed if seed is None else seed
        problems = []
        if start.tzinfo is not None or start != start.floor("h"):
            problems.append(Problem("simulated city: start", str(start), "a full hour, naive UTC"))
        if hours < 1:
            problems.append(Problem("simulated city: hours", str(hours), "one at least"))
        if problems:
            raise ConfigError(problems)
        ground = geography.create(config, seed=seed)
        made = create_enterprises(config, ground)
        area = emissions.area_sources(ground, config)
        sky = weather_of(config, ground, start, hours, seed=seed) if weather is None else weather
        air = config.air
        table = injection.speciation(air.emitted, ground.dx_m**2)
        inflow = background.inflow(sky.series, sky.times, air.background, seed=seed)
        warmth = pd.Series(np.asarray(sky.series["t2m"])).rolling(24, min_periods=1).mean()
        first = -min(air.grid.spin_up_hours, sky.lead)
        border = inflow.border(sky.lead + first)
        blh = sky.fields(slice(sky.lead + first, sky.lead + first + 1))["blh"][0]
        depth = air_hour.depth_of(blh, air.grid)
        mass = air_hour.filled(border, depth, air.grid.lid_m)
        city = cls(
            config=config,
            seed=seed,
            geography=ground,
            enterprises=made,
            sources=area,
            weather=sky,
            inflow=inflow,
            points=readout.points(ground, air.readout, seed=seed),
            state=_frozen(State(first, start + (first - 1) * _HOUR, mass, depth)),
            _rates=chemistry.rates(air.chemistry),
            _stacks=injection.stacks_of(made, ground, table),
            _pattern=np.einsum("kpyx,ps->ksyx", area.pattern, table),
            _warmth=warmth.to_numpy(),
        )
        while city.state.hour < 0:
            city.step()
        city._last = None
        return city

    @property
    def simulated(self) -> str:
        """What attrs["simulated"] of everything made here says."""
        return label(self.config.digest, self.seed)

    @property
    def offset(self) -> pd.Timedelta:
        """Local time minus UTC."""
        return pd.Timedelta(hours=self.config.city.utc_offset_hours)

    def step(
        self,
        *,
        unit_scale: np.ndarray | None = None,
        sector_scale: np.ndarray | Mapping[str, float] | None = None,
    ) -> HourlyTruth:
        """Make the next hour.

        Args:
            unit_scale: Emission of each unit relative to what it would be (unit,), in the order of
                `enterprises.units`; None: all one.
            sector_scale: The same of the area sectors, by name (others one) or (sector,).

        Raises:
            ConfigError: Scales of another length, negative or of unknown sectors; the period ends.
        """
        units, sectors = self._scales(unit_scale, sector_scale)
        hour = self.state.hour
        if hour >= self.weather.hours:
            found = f"hour {hour}"
            raise ConfigError(
                [Problem("simulated city", found, f"below its {self.weather.hours} hours")]
            )
        day = self._day_of(hour)
        row = hour - day.first
        w = {name: values[row] for name, values in day.weather.items()}
        air, ground = self.config.air, self.geography
        source = injection.source(
            np.tensordot(day.sectors[row] * sectors, self._pattern, axes=1),
            self._stacks,
            day.units[:, row] * units,
            depth_m=air_hour.depth_of(w["blh"], air.grid),
            air_k=w["t2m"],
            wind_m_s=np.hypot(w["u10"], w["v10"]),
            sun_w_m2=w["ssrd"],
            settings=air.emitted,
        )
        made = air_hour.advance(
            self.state.mass,
            self.state.depth,
            w,
            source,
            self.inflow.border(self.weather.lead + hour, closed=air.grid.closed),
            settings=air,
            constants=self._rates,
            dx_m=ground.dx_m,
        )
        time = self.state.time + _HOUR
        self.state = _frozen(State(hour + 1, time, made.mass, made.depth))
        self._last = HourlyTruth(
            time=time,
            fields=made.mean[0].astype(np.float32),
            aloft=made.mean[1].astype(np.float32),
            depth_m=made.depth,
            stations=self.points.read(made.mean[0]),
            weather=w,
            budget=made.budget,
        )
        return self._last

    def run(
        self, hours: int, *, policy: Policy | None = None, keep_fields: bool = False
    ) -> xr.Dataset:
        """Step many hours.

        Args:
            hours: How many.
            policy: Asked before each hour with its end and the truth of the hour before (None at
                the first); None: everything runs as usual.
            keep_fields: Keep the fields too: <pollutant>_field (time, y, x), float32. 1.5 GB for a
                year of 2,000 cells: run such a period in pieces.

        Returns:
            The truth at the stations, a dataset of the schema (time, station), float32.

        Raises:
            ConfigError: As step() does.
        """
        stations = self.geography.stations
        values = np.empty((hours, len(stations), 6), dtype=np.float32)
        shape = (hours, 6, self.geography.ny, self.geography.nx) if keep_fields else (0, 6, 0, 0)
        fields = np.empty(shape, dtype=np.float32)
        times = []
        for i in range(hours):
            asked = policy(self.state.time + _HOUR, self._last) if policy else Controls()
            truth = self.step(unit_scale=asked.unit_scale, sector_scale=asked.sector_scale)
            values[i] = truth.stations
            if keep_fields:
                fields[i] = truth.fields
            times.append(truth.time)
        by_name = {name: values[:, :, i] for i, name in enumerate(schema.POLLUTANTS)}
        table = stations[list(schema.STATION_COORDS)]
        ds = schema.dataset(pd.DatetimeIndex(times), table, by_name)
        ds.attrs["simulated"] = self.simulated
        if keep_fields:
            for i, name in enumerate(schema.POLLUTANTS):
                attrs = schema.attrs_of(name)
                ds[f"{name}_field"] = (("time", "y", "x"), fields[:, i], attrs)
            ds = ds.assign_coords(x=self.geography.x, y=self.geography.y)
        return ds

    def snapshot(self) -> State:
        """The air now; restore() brings it back bit by bit."""
        return self.state

    def restore(self, state: State) -> None:
        """Go back (or forth) to a snapshot of this city.

        Raises:
            ConfigError: It is another grid's.
        """
        if state.mass.shape != self.state.mass.shape:
            found, expected = str(state.mass.shape), str(self.state.mass.shape)
            raise ConfigError([Problem("snapshot of the simulated city", found, expected)])
        self.state = _frozen(state)
        self._last = None

    def _scales(
        self,
        unit_scale: np.ndarray | None,
        sector_scale: np.ndarray | Mapping[str, float] | None,
    ) -> tuple[np.ndarray, np.ndarray]:
        names = self.sources.sectors
        problems = []
        if isinstance(sector_scale, Mapping):
            if unknown := sorted(set(sector_scale) - set(names)):
                problems.append(Problem("sector_scale", f"{unknown}", f"some of {names}"))
            sector_scale = np.array([float(sector_scale.get(name, 1.0)) for name in names])
        scales = []
        for field, given, length in (
            ("unit_scale", unit_scale, len(self.enterprises.units)),
            ("sector_scale", sector_scale, len(names)),
        ):
            scale = np.ones(length) if given is None else np.asarray(given, dtype=float)
            if scale.shape != (length,):
                problems.append(Problem(field, f"shape {scale.shape}", f"({length},)"))
            elif not np.all(np.isfinite(scale) & (scale >= 0)):
                problems.append(Problem(field, "values below zero or missing", "zero or more"))
            scales.append(scale)
        if problems:
            raise ConfigError(problems)
        return scales[0], scales[1]

    def _day_of(self, hour: int) -> _Day:
        """The chunk that holds an hour; the same whatever was asked for before."""
        first = hour // _CHUNK_HOURS * _CHUNK_HOURS
        if self._day is None or self._day.asked != first:
            lead, total = self.weather.lead, len(self.weather.times)
            begin = max(lead + first, 0)
            rows = slice(begin, min(lead + first + _CHUNK_HOURS, total))
            times, warmth = self.weather.times[rows], self._warmth[rows]
            self._day = _Day(
                first,
                begin - lead,
                self.weather.fields(rows),
                emissions.sector_factors(
                    self.sources, times, offset=self.offset, temperature_k=warmth
                ),
                unit_factors(self.enterprises, times, offset=self.offset, temperature_k=warmth),
            )
        return self._day


def _frozen(state: State) -> State:
    for array in (state.mass, state.depth):
        array.flags.writeable = False
    return state
