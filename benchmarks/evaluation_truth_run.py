"""A simulated city with and without episodes of orders: the truth that `evaluation_truth` scores.

Runs the city of configs/twin/demo.yaml (3 km) twice under one seed: as it is, and with orders in
every episode as its enterprises really follow them (late, in part, not at night). Keeps what the
receptors, meters and monitors show, the weather at points, and what each unit adds by day.
"""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks.dispersion_truth import EVERY, HOUR, OFFSET, WARM_UP_H, _degrees, make
from forecast import schema
from response import dispersion, plume_settings
from twin import compliance, metering
from twin.city import City
from twin.enterprises import unit_factors
from twin.seeds import rng

FIRST_EPISODE, EVERY_DAYS = 9, 4  # local days
LOADS = (0.0, 0.3, 0.5, 0.7)


def episodes(days: int, seed: int) -> list[tuple[int, int]]:
    """First and last local day of each episode, counted from 0: one to three days long."""
    random = rng(seed, "evaluation", "episodes")
    starts = range(FIRST_EPISODE, days - 3, EVERY_DAYS)
    return [(s, s + int(random.integers(0, 3))) for s in starts]


def orders(
    city: City, spans: list[tuple[int, int]], start: pd.Timestamp, seed: int
) -> pd.DataFrame:
    """Orders: a random part of the enterprises, each unit with a load."""
    random = rng(seed, "evaluation", "orders")
    units = city.enterprises.units
    rows = []
    for first, last in spans:
        share = random.uniform(0.4, 0.95)
        firms = city.enterprises.enterprises.index
        asked = set(firms[random.random(len(firms)) < share])
        begin = start - OFFSET + 24 * first * HOUR
        end = start - OFFSET + 24 * (last + 1) * HOUR
        for unit, firm in units["enterprise"].items():
            if firm in asked:
                load = max(float(random.choice(LOADS)), float(units.loc[unit, "min_load"]))
                rows.append((unit, begin, end, load))
    return pd.DataFrame(rows, columns=["unit", "start", "end", "load"])


def ordered_scale(table: pd.DataFrame, units: pd.Index, times: pd.DatetimeIndex) -> np.ndarray:
    """Ordered scale (unit, hour): one where nothing is ordered."""
    scale = np.ones((len(units), len(times)))
    for (begin, end), part in table.groupby(["start", "end"]):
        hours = np.flatnonzero((times > begin) & (times <= end))
        scale[np.ix_(units.get_indexer(part["unit"]), hours)] = part["load"].to_numpy()[:, None]
    return scale


def run(seed: int, start: pd.Timestamp, days: int) -> dict[str, xr.Dataset | pd.DataFrame]:
    """Everything of one seed: air, meters, monitors, contributions and orders."""
    city = make(seed, start, days)
    begin = city.snapshot()
    hours = 24 * days + WARM_UP_H
    times = pd.date_range(start - OFFSET + HOUR - WARM_UP_H * HOUR, periods=hours, freq="h")
    table = orders(city, episodes(days, seed), start, seed)
    units = city.enterprises.units
    ids = pd.Index(units.index.astype(str))
    asked = ordered_scale(table, ids, times)
    config = city.config.sensors.metering
    acts = compliance.behaviour(city.enterprises.enterprises, units, config, seed=seed)
    actual = compliance.actual_scale(acts, asked, times, config, offset=OFFSET)
    stations = city.geography.stations
    kept = stations["tier"].isin(["city", "township"]).to_numpy()
    rows = slice(EVERY // 2, None, EVERY)
    sky: dict[str, list[np.ndarray]] = {name: [] for name in schema.WEATHER}
    plain = []
    for _ in range(hours):
        made = city.step()
        plain.append(made.stations[kept])
        for name, store in sky.items():
            store.append(np.asarray(made.weather[name])[rows, rows].ravel())
    city.restore(begin)
    held = [city.step(unit_scale=actual[:, i]).stations[kept] for i in range(hours)]
    x, y = city.geography.x[rows], city.geography.y[rows]
    longitude, latitude = _degrees(city, *(a.ravel() for a in np.meshgrid(x, y)))
    air = xr.Dataset(
        {
            "base": (("time", "receptor", "pollutant"), np.stack(plain)),
            "controlled": (("time", "receptor", "pollutant"), np.stack(held)),
            "actual": (("unit", "time"), actual.astype(np.float32)),
            **{
                n: (("time", "point"), np.stack(v).astype(np.float32), schema.attrs_of(n))
                for n, v in sky.items()
            },
        },
        {
            "time": times, "receptor": stations.index[kept].to_numpy().astype(str),
            "reference": ("receptor", stations["reference"].to_numpy()[kept].astype(bool)),
            "pollutant": list(schema.POLLUTANTS), "unit": ids.to_numpy(),
            "latitude": ("point", latitude), "longitude": ("point", longitude),
            "fakes": ("unit", acts.fakes), "day_share": ("unit", acts.day),
            "night_share": ("unit", acts.night), "late_hours": ("unit", acts.late_hours),
            "hours_to_stop": ("unit", acts.hours_to_stop),
        },
        attrs={"simulated": city.simulated, "seed": seed, "start": str(start), "days": days},
    )  # fmt: skip
    factors = _factors(city, times, air)
    rates = metering.mean_rates(units)[:, None, :] * factors[:, :, None]
    power = metering.electricity(
        units, factors, actual, acts, asked, times, config, seed=seed, simulated=city.simulated
    )
    stacks = metering.stack_monitors(
        city.enterprises.stacks, units, rates, actual, asked, acts, times, config, seed=seed,
        simulated=city.simulated,
    )  # fmt: skip
    return {
        "air": air,
        "electricity": power,
        "monitors": stacks.drop_vars([v for v in stacks if str(v).startswith("truth_")]),
        "contributions": _contributions(city, air, stations, start, days),
        "orders": table,
        "units": units[["value_yuan_d", "hours_to_stop", "hours_to_restart"]],
    }


def _factors(city: City, times: pd.DatetimeIndex, air: xr.Dataset) -> np.ndarray:
    warm = pd.Series(air["t2m"].mean("point").to_numpy()).rolling(24, min_periods=1).mean()
    return unit_factors(city.enterprises, times, offset=OFFSET, temperature_k=warm.to_numpy())


def _contributions(
    city: City, air: xr.Dataset, stations: pd.DataFrame, start: pd.Timestamp, days: int
) -> xr.Dataset:
    """pm25 pm10 so2 no2 (unit, receptor, day) at full load under the city's own weather."""
    register = SimpleNamespace(units=city.enterprises.units, stacks=city.enterprises.stacks)
    receptors = stations.loc[air["receptor"].to_numpy()]
    settings = plume_settings.load()
    city_mean = air["controlled"].isel(receptor=np.flatnonzero(air["reference"])).mean("receptor")
    gases = xr.Dataset({p: city_mean.sel(pollutant=p, drop=True) for p in ("o3", "no2")})
    parts = []
    for day in range(days):
        begin = start - OFFSET + 24 * day * HOUR
        window = air[list(schema.WEATHER)].sel(time=slice(begin - 17 * HOUR, begin + 24 * HOUR))
        made = dispersion.contributions(
            register, window, receptors, settings=settings, after=begin, air=gases, workers=1
        )
        parts.append(made[["pm25", "pm10", "so2", "no2"]].mean("time"))
    index = pd.DatetimeIndex([start + pd.Timedelta(days=d) for d in range(days)], name="day")
    return xr.concat(parts, dim=index).astype(np.float32)
