"""Source contributions against a simulated city's true response.

    OMP_NUM_THREADS=1 nice -n 15 python -m benchmarks.dispersion_truth truth --seed 1 --start 2014-12-03 --days 24
    OMP_NUM_THREADS=1 nice -n 15 python -m benchmarks.dispersion_truth score --seed 1 --start 2014-12-03 --days 24

`truth` runs the simulated city (configs/twin/demo.yaml, 3 km) as it is, once more without each of
some units, and once with every enterprise at 80 %; it keeps the differences at the receptors.
`score` computes contributions under the city's own weather and compares. Differences hold all the
simulated chemistry, secondary particles included.
"""

import argparse
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

from forecast import schema
from forecast.config import configs_dir
from response import dispersion, plume_calibration, plume_settings
from response.plume_settings import Settings
from twin import config as twin_config
from twin.city import City

HOUR = pd.Timedelta(hours=1)
OFFSET = pd.Timedelta(hours=8)
UNITS = 40
CUT = 0.2
TRACE = 1e-4  # ug m-3
EVERY = 4  # cells between points of weather
WARM_UP_H = 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("truth", "score"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", default="2014-12-03")
    parser.add_argument("--days", type=int, default=24)
    parser.add_argument("--units", type=int, default=UNITS)
    parser.add_argument("--cache", type=Path, default=Path("var/dispersion-truth"))
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--share", nargs="*", default=[], help="pm25=0.3 ...: the city's own")
    args = parser.parse_args()
    file = args.cache / f"{args.seed}-{args.start}-{args.days}-{args.units}.nc"
    if args.what == "truth":
        args.cache.mkdir(parents=True, exist_ok=True)
        truth(args.seed, pd.Timestamp(args.start), args.days, args.units).to_netcdf(file)
        return
    shares = {name: float(value) for name, value in (pair.split("=") for pair in args.share)}
    settings = plume_settings.load(args.settings)
    c = settings.calibration
    c = c.model_copy(update={"share": c.share.model_copy(update=shares)})
    settings = settings.model_copy(update={"calibration": c})
    for line in score(xr.load_dataset(file), settings):
        print(line)


def make(seed: int, start: pd.Timestamp, days: int) -> City:
    """The city from a day before the first local day on."""
    config = twin_config.load(configs_dir() / "twin" / "demo.yaml")
    first = start - OFFSET + HOUR - WARM_UP_H * HOUR
    return City.create(config, start=first, hours=24 * days + WARM_UP_H, seed=seed)


def chosen(city: City, count: int) -> list[str]:
    """Units over industries and sizes: of each industry its largest, then one of the middle."""
    units = city.enterprises.units
    size = units[["so2", "nox", "pm"]].sum(axis=1)
    ordered = size[size > 0].sort_values(ascending=False)
    names: list[str] = []
    for quantile in (0.0, 0.3, 0.6, 0.85):
        for _, mine in ordered.groupby(units["industry"].reindex(ordered.index), sort=False):
            name = str(mine.index[int(quantile * (len(mine) - 1))])
            if name not in names:
                names.append(name)
    return names[:count]


def truth(seed: int, start: pd.Timestamp, days: int, count: int) -> xr.Dataset:
    """Base values and differences at the receptors, and the weather at points."""
    city = make(seed, start, days)
    begin = city.snapshot()
    stations = city.geography.stations
    kept = stations["tier"].isin(["city", "township"]).to_numpy()
    hours = 24 * days + WARM_UP_H
    rows = slice(EVERY // 2, None, EVERY)
    sky: dict[str, list[np.ndarray]] = {name: [] for name in schema.WEATHER}
    values, times = [], []
    for _ in range(hours):
        made = city.step()
        values.append(made.stations[kept])
        times.append(made.time)
        for name, store in sky.items():
            store.append(np.asarray(made.weather[name])[rows, rows].ravel())
    base = np.stack(values)
    every = city.enterprises.units.index.astype(str)
    names = chosen(city, count)
    runs = [(n, np.where(every == n, 0.0, 1.0)) for n in names]
    runs.append(("cut", np.full(len(every), 1 - CUT)))
    effect = np.empty((len(runs), *base.shape))
    for i, (name, scale) in enumerate(runs):
        city.restore(begin)
        effect[i] = base - np.stack(
            [city.step(unit_scale=scale).stations[kept] for _ in range(hours)]
        )
        print(f"{i + 1} of {len(runs)}: {name}", flush=True)
    x, y = city.geography.x[rows], city.geography.y[rows]
    longitude, latitude = _degrees(city, *(a.ravel() for a in np.meshgrid(x, y)))
    return xr.Dataset(
        {
            "base": (("time", "receptor", "pollutant"), base),
            "effect": (("run", "time", "receptor", "pollutant"), effect),
            **{
                n: (("time", "point"), np.stack(v).astype(np.float32), schema.attrs_of(n))
                for n, v in sky.items()
            },
        },
        {
            "time": pd.DatetimeIndex(times), "run": [n for n, _ in runs],
            "receptor": stations.index[kept].to_numpy().astype(str),
            "pollutant": list(schema.POLLUTANTS),
            "latitude": ("point", latitude), "longitude": ("point", longitude),
        },
        attrs={"simulated": city.simulated, "seed": seed, "start": str(start), "days": days},
    )  # fmt: skip


def modelled(ds: xr.Dataset, settings: Settings) -> xr.Dataset:
    """Contributions of the tested units and of all, daily, under the city's own weather."""
    city = make(int(ds.attrs["seed"]), pd.Timestamp(ds.attrs["start"]), int(ds.attrs["days"]))
    units = city.enterprises.units
    register = SimpleNamespace(units=units, stacks=city.enterprises.stacks)
    table = city.geography.stations
    receptors = table.loc[ds["receptor"].to_numpy()]
    weather = ds[list(schema.WEATHER)]
    first = pd.Timestamp(ds.attrs["start"]) - OFFSET
    names = [n for n in ds["run"].to_numpy().astype(str) if n != "cut"]
    city_mean = ds["base"].isel(receptor=np.flatnonzero(receptors["reference"])).mean("receptor")
    gases = xr.Dataset({p: city_mean.sel(pollutant=p, drop=True) for p in ("o3", "no2")})
    parts, totals, days = [], [], []
    for day in range(int(ds.attrs["days"])):
        begin = first + 24 * day * HOUR
        window = weather.sel(time=slice(begin - 23 * HOUR, begin + 24 * HOUR))
        made = dispersion.contributions(
            register, window, receptors, settings=settings, after=begin, air=gases
        )
        mean = made[["pm25", "so2", "no2", "pm10", "co"]].mean("time")
        parts.append(mean.sel(unit=names))
        totals.append(mean.sum("unit"))
        days.append(begin + OFFSET)
    index = pd.DatetimeIndex(days, name="day")
    units_of = xr.concat(parts, dim=index)
    total = xr.concat(totals, dim=index)
    result = units_of.merge(total.rename({n: f"{n}_all" for n in total.data_vars}))
    result = result.assign_coords(reference=("receptor", receptors["reference"].to_numpy(bool)))
    emitted = units.loc[names, ["so2", "nox", "pm"]].to_numpy(float)
    return result.assign(emitted=(("unit", "species"), emitted)).assign_coords(
        species=["so2", "nox", "pm"]
    )


def daily_truth(ds: xr.Dataset) -> tuple[xr.Dataset, xr.DataArray]:
    """Natural days of the base by pollutant (day, station) and of the effects (run, day, ...)."""
    kept = ds.isel(time=slice(WARM_UP_H, None))
    days = pd.DatetimeIndex(kept["time"].to_numpy()) + OFFSET - HOUR
    kept = kept.assign_coords(day=("time", days.normalize())).groupby("day").mean()
    base = xr.Dataset(
        {
            p: kept["base"].sel(pollutant=p, drop=True).rename(receptor="station")
            for p in ds["pollutant"].to_numpy().astype(str)
        }
    )
    return base, kept["effect"].transpose("run", "day", "receptor", "pollutant")


def score(ds: xr.Dataset, settings: Settings) -> list[str]:
    """Lines of the table."""
    model = modelled(ds, settings)
    base, effect = daily_truth(ds)
    reference = model["reference"].to_numpy()
    lines = []
    names = model["unit"].to_numpy()
    for p, species in (("pm25", None), ("so2", "so2"), ("no2", "nox")):
        emits = np.ones(len(names), bool)
        if species:
            emits = model["emitted"].sel(species=species).to_numpy() > 0
        true = (
            effect.sel(run=names[emits], pollutant=p).transpose("run", "day", "receptor").to_numpy()
        )
        ours = model[p].sel(unit=names[emits]).transpose("unit", "day", "receptor").to_numpy()
        each = [
            spearmanr(true[:, d, r], ours[:, d, r]).statistic
            for d in range(true.shape[1]) for r in range(true.shape[2])
        ]  # fmt: skip
        # What a unit adds below 1e-4 ug m-3 is trace: there both orders are taken as ties.
        traces = [
            spearmanr(np.where(np.abs(true[:, d, r]) < TRACE, 0, true[:, d, r]),
                      np.where(ours[:, d, r] < TRACE, 0, ours[:, d, r])).statistic
            for d in range(true.shape[1]) for r in range(true.shape[2])
        ]  # fmt: skip
        pooled = [
            spearmanr(true[:, d].ravel(), ours[:, d].ravel()).statistic
            for d in range(true.shape[1])
        ]
        city = [
            spearmanr(true[:, d][:, reference].mean(1), ours[:, d][:, reference].mean(1)).statistic
            for d in range(true.shape[1])
        ]
        size = ours.sum() / true.sum()
        lines.append(
            f"{p}: units {emits.sum()}, rank correlation per receptor and day {np.nanmean(each):.3f}"
            f" (traces as ties {np.nanmean(traces):.3f}),"
            f" all pairs of a day {np.mean(pooled):.3f}, city mean of a day {np.mean(city):.3f};"
            f" sum modelled over true {size:.2f}"
        )
    made = xr.Dataset(
        {p: model[f"{p}_all"].rename(receptor="station") for p in plume_calibration.CALIBRATED}
    )
    observed = plume_calibration.increment(base, reference, settings=settings)
    ours_inc = plume_calibration.increment(made, reference, settings=settings)
    level = plume_calibration.city_sum(made, reference)
    for p in ("pm25", "so2", "no2", "pm10", "co"):
        true = effect.sel(run="cut", pollutant=p).to_numpy()[:, reference].mean(axis=1)
        ours = CUT * made[p].transpose("day", "station").to_numpy()[:, reference].mean(axis=1)
        day_factors = np.array(
            [
                plume_calibration.factors(observed, ours_inc, d, level=level, settings=settings)[p]
                for d in observed.index
            ]
        )
        whole = (
            CUT * made[p].transpose("day", "station").to_numpy()[:, reference].mean(axis=1).sum()
        )
        share = true.sum() / whole * ours_inc[p].sum() / observed[p].sum()
        lines.append(f"{p}: share of the increment that would have been right: {share:.2f}")
        for label, factor in (("uncalibrated", np.ones(len(ours))), ("calibrated", day_factors)):
            ratio = ours * factor / true
            within = np.mean((ratio > 1 / 1.5) & (ratio < 1.5))
            lines.append(
                f"cut {p} {label}: within 1.5 on {within:.0%} of {len(ratio)} days, median ratio"
                f" {np.median(ratio):.2f} (10-90 %: {np.quantile(ratio, 0.1):.2f} to {np.quantile(ratio, 0.9):.2f});"
                f" true share of the increment {np.median(true / CUT / observed[p]):.2f}"
            )
    return lines


def _degrees(city: City, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of grid metres, by the stations' own two coordinates."""
    table = city.geography.stations
    east = np.polyfit(table["x"], table["longitude"], 1)
    north = np.polyfit(table["y"], table["latitude"], 1)
    return np.polyval(east, x), np.polyval(north, y)


if __name__ == "__main__":
    main()
