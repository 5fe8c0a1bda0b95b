"""Planted illegal sources of the simulated city: are they found, and how often is nothing there?

    OMP_NUM_THREADS=1 python -m benchmarks.hotspots_truth run --seed 21 22 23 --cache DIR
    OMP_NUM_THREADS=1 python -m benchmarks.hotspots_truth score --seed 22 23 --cache DIR

`run` makes the air of configs/twin/demo.yaml (3 km) with more village stations, and what planted
sources (twin/compliance.py) add at each station. The grid cannot hold a plume of some hundred
metres, so their part comes from the puff model of response/dispersion.py with the city's true
winds at points and receptors of 300 m; the search knows only a straight plume and winds with an
error. Sensors err, drift and fail as the simulated ones do. `score` searches each noon.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial import cKDTree

from benchmarks.dispersion_truth import EVERY, HOUR, OFFSET, _degrees
from forecast import schema
from forecast.config import configs_dir
from response import dispersion, hotspots, hotspots_increments, plume_settings
from response.hotspots_scan import Rows
from twin import compliance, sensors
from twin import config as twin_config
from twin.city import City
from twin.config_emissions import EMITTED
from twin.seeds import rng

START = pd.Timestamp("2015-12-01")
VILLAGES = 150
SOURCES = 6
WINDOW_H = 48
FIRST_DAY = 5
NEAR_M = 2000.0
TURN, SPEED = np.radians(15.0), 0.1  # errors of the wind the search knows, one sigma
POLLUTANTS = ("pm25", "so2", "no2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "score"))
    parser.add_argument("--seed", type=int, nargs="+", default=[22, 23])
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--threshold", type=float, nargs="+", default=[hotspots.DEFAULT.threshold])
    parser.add_argument("--cache", type=Path, default=Path("var/hotspots-truth"))
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    if args.what == "run":
        for seed in args.seed:
            air, sources = run(seed, args.days)
            air.to_netcdf(args.cache / f"{seed}-{args.days}.nc")
            sources.to_csv(args.cache / f"{seed}-{args.days}.csv")
        return
    print("| seeds | threshold | sources found | source-days found | lists a day | false a day |")
    print("|---|---|---|---|---|---|")
    for threshold in args.threshold:
        parts = []
        for seed in args.seed:
            name = args.cache / f"{seed}-{args.days}"
            air = xr.load_dataset(f"{name}.nc")
            sources = pd.read_csv(f"{name}.csv", index_col=0, parse_dates=["first", "last"])
            parts.append(score(air, sources, threshold))
        print(line(args.seed, threshold, parts))


def run(seed: int, days: int) -> tuple[xr.Dataset, pd.DataFrame]:
    """What stations show with the planted sources, and the sources."""
    config = twin_config.load(configs_dir() / "twin" / "demo.yaml")
    geo = config.geography
    counts = geo.stations.model_copy(update={"village": VILLAGES})
    config = config.model_copy(update={"geography": geo.model_copy(update={"stations": counts})})
    hours = 24 * days
    begin = START - OFFSET + HOUR
    city = City.create(config, start=begin, hours=hours, seed=seed)
    stations = city.geography.stations
    rows = slice(EVERY // 2, None, EVERY)
    sky: dict[str, list[np.ndarray]] = {name: [] for name in schema.WEATHER}
    values, t2m, d2m = [], [], []
    for _ in range(hours):
        made = city.step()
        values.append(made.stations)
        for name, store in sky.items():
            store.append(np.asarray(made.weather[name])[rows, rows].ravel())
        t2m.append(float(np.mean(made.weather["t2m"])))
        d2m.append(float(np.mean(made.weather["d2m"])))
    times = pd.date_range(begin, periods=hours, freq="h")
    x, y = city.geography.x[rows], city.geography.y[rows]
    px, py = (a.ravel() for a in np.meshgrid(x, y))
    longitude, latitude = _degrees(city, px, py)
    weather = xr.Dataset(
        {n: (("time", "point"), np.stack(v), schema.attrs_of(n)) for n, v in sky.items()},
        {"time": times, "latitude": ("point", latitude), "longitude": ("point", longitude)},
    )
    planted = compliance.plant(city.geography, times[24 * FIRST_DAY - WINDOW_H :], seed=seed,
                               count=SOURCES)  # fmt: skip
    truth = np.stack(values)
    truth += _added(planted, weather, stations, times)
    wide = np.ones((1, len(stations)))
    air = {"t2m": np.array(t2m)[:, None] * wide, "d2m": np.array(d2m)[:, None] * wide}
    shown = sensors.observe(
        truth, air, stations, times, config.sensors, seed, simulated=city.simulated
    )
    observed = next(v for v in vars(shown).values() if isinstance(v, xr.Dataset))
    stacks = city.enterprises.stacks.groupby("unit").first()
    sx, sy = city.geography.plane.to_xy(
        stacks["longitude"].to_numpy(), stacks["latitude"].to_numpy()
    )
    result = xr.Dataset(
        {p: (("time", "station"), observed[p].transpose("time", "station").to_numpy()) for p in POLLUTANTS}
        | {f"true_{p}": (("time", "station"), truth[:, :, schema.POLLUTANTS.index(p)]) for p in POLLUTANTS}
        | {n: (("time", "point"), weather[n].to_numpy()) for n in ("u10", "v10", "blh")},
        {
            "time": times, "station": stations.index.to_numpy().astype(str),
            "x": ("station", stations["x"].to_numpy()), "y": ("station", stations["y"].to_numpy()),
            "reference": ("station", stations["reference"].to_numpy().astype(bool)),
            "px": ("point", px), "py": ("point", py),
            "unit": stacks.index.to_numpy().astype(str), "ux": ("unit", sx), "uy": ("unit", sy),
            "height": ("unit", stacks["height_m"].to_numpy()),
        },
        attrs={"simulated": city.simulated, "seed": seed},
    )  # fmt: skip
    table = pd.DataFrame(
        [{"id": s.id, "x": s.x, "y": s.y, "first": s.first, "last": s.last,
          "hours": " ".join(map(str, s.local_hours)), "pm25_kg_h": s.kg_per_hour[2]}
         for s in planted]
    ).set_index("id")  # fmt: skip
    return result, table


def _added(planted, weather: xr.Dataset, stations: pd.DataFrame, times: pd.DatetimeIndex):
    """What the sources add (hour, station, pollutant)."""
    base = plume_settings.load()
    receptor = base.receptor.model_copy(update={"radius_m": 300.0})
    added = np.zeros((len(times), len(stations), len(schema.POLLUTANTS)))
    for s in planted:
        hours = tuple(float(h in s.local_hours) for h in range(24))
        shift = plume_settings.Profile(hours=hours)
        profiles = base.profiles.model_copy(update={"day_shift": shift})
        settings = base.model_copy(update={"receptor": receptor, "profiles": profiles})
        rate = dict(zip(EMITTED, s.kg_per_hour, strict=True))
        day = len(s.local_hours)
        units = pd.DataFrame(
            {"so2": rate["so2"] * day, "nox": rate["nox"] * day, "voc": rate["voc"] * day,
             "pm": (rate["pm25"] + rate["pm_coarse"]) * day, "co": rate["co"] * day,
             "pm25_share": rate["pm25"] / (rate["pm25"] + rate["pm_coarse"]),
             "profile": "day_shift"}, pd.Index([s.id], name="unit"),
        )  # fmt: skip
        stacks = pd.DataFrame(
            {"unit": [s.id], "share": 1.0, "height_m": 6.0, "diameter_m": 0.5,
             "temperature_k": 330.0, "speed_m_s": 2.0, "longitude": s.longitude,
             "latitude": s.latitude}
        )  # fmt: skip
        made = dispersion.contributions(
            SimpleNamespace(units=units, stacks=stacks), weather, stations, settings=settings,
            workers=1,
        )  # fmt: skip
        alive = np.asarray((times >= s.first) & (times <= s.last))[:, None]
        for p in ("pm25", "pm10", "so2", "no2", "co"):
            values = made[p].isel(unit=0).transpose("time", "receptor").to_numpy()
            added[:, :, schema.POLLUTANTS.index(p)] += np.where(alive, values, 0)
    return added


def score(air: xr.Dataset, sources: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """One row per noon: lists, false ones, and which sources at work were in a top five."""
    times = pd.DatetimeIndex(air["time"].to_numpy())
    x, y = air["x"].to_numpy(), air["y"].to_numpy()
    local = (times + OFFSET - HOUR).hour.to_numpy()
    night = np.asarray((local >= 19) | (local < 7))
    made = {
        p: hotspots_increments.increments(air[p].to_numpy().astype(float), x, y, night=night)
        for p in POLLUTANTS
    }
    nearest = cKDTree(np.column_stack([air["px"], air["py"]])).query(np.column_stack([x, y]))[1]
    random = rng(int(air.attrs["seed"]), "hotspots", "wind")
    u, v = (air[n].to_numpy()[:, nearest].astype(float) for n in ("u10", "v10"))
    turn = TURN * random.standard_normal((len(times), 1))
    size = np.exp(SPEED * random.standard_normal((len(times), 1)))
    u, v = (
        size * (u * np.cos(turn) - v * np.sin(turn)),
        size * (u * np.sin(turn) + v * np.cos(turn)),
    )
    lid = air["blh"].to_numpy()[:, nearest].astype(float)
    step = 1000.0
    gx, gy = np.meshgrid(np.arange(x.min() - 4000, x.max() + 4000, step),
                         np.arange(y.min() - 4000, y.max() + 4000, step))  # fmt: skip
    near = cKDTree(np.column_stack([x, y])).query(np.column_stack([gx.ravel(), gy.ravel()]))[0]
    grid = gx.ravel()[near < 8000], gy.ravel()[near < 8000]
    units = pd.DataFrame(
        {"x": air["ux"].to_numpy(), "y": air["uy"].to_numpy(), "height_m": 1.5 * air["height"].to_numpy()},
        air["unit"].to_numpy(),
    )  # fmt: skip
    settings = hotspots.Settings(threshold=threshold)
    result = []
    for noon in range(24 * FIRST_DAY + 11, len(times), 24):
        window = np.arange(noon - WINDOW_H + 1, noon + 1)
        window = window[night[window]]
        hour, place = np.meshgrid(np.arange(len(window)), np.arange(len(x)), indexing="ij")
        hour, place = hour.ravel(), place.ravel()
        rows = [
            Rows(hour, place, x[place], y[place], made[p].value[window].ravel(),
                 made[p].sd[window].ravel())
            for p in POLLUTANTS
        ]  # fmt: skip
        sky = hotspots.Sky(u[window].ravel(), v[window].ravel(), lid[window].ravel())
        found = hotspots.find(
            rows, [sky] * len(rows), times[window], grid, units, settings=settings
        )
        work = (
            pd.Series(
                {
                    k: sum(
                        int(h) in map(int, s["hours"].split())
                        for h, t in zip(local[window], times[window], strict=True)
                        if s["first"] <= t <= s["last"]
                    )
                    for k, s in sources.iterrows()
                }
            )
            >= 5
        )
        active = sources[work]
        false, hit = 0, set()
        for spot in found.found:
            close: set[str] = set()
            for entry in spot.sources[:-1]:
                gap = np.hypot(active["x"] - entry.x, active["y"] - entry.y)
                close |= set(active.index[gap <= NEAR_M])
            hit |= close
            false += not close
        result.append({"noon": times[noon], "lists": len(found.found), "false": false,
                       "active": tuple(active.index), "hit": tuple(sorted(hit))})  # fmt: skip
    return pd.DataFrame(result)


def line(seeds: list[int], threshold: float, parts: list[pd.DataFrame]) -> str:
    """A row of the table."""
    planted = [{s for a in t["active"] for s in a} for t in parts]
    hit = [{s for a in t["hit"] for s in a} for t in parts]
    days = sum(len(t) for t in parts)
    source_days = sum(len(a) for t in parts for a in t["active"])
    hit_days = sum(len(a) for t in parts for a in t["hit"])
    return (
        f"| {seeds} | {threshold:g} | {sum(map(len, hit))} of {sum(map(len, planted))} |"
        f" {hit_days} of {source_days} | {sum(t['lists'].sum() for t in parts) / days:.2f} |"
        f" {sum(t['false'].sum() for t in parts) / days:.2f} |"
    )


if __name__ == "__main__":
    main()
