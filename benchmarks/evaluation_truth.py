"""What the measures did, as evaluated, against the simulated city's truth.

    OMP_NUM_THREADS=1 python -m benchmarks.evaluation_truth run --seed 11 --days 49 --cache DIR
    OMP_NUM_THREADS=1 python -m benchmarks.evaluation_truth score --train 11 --seed 12 13 14 --cache DIR

`run` makes a winter with and without episodes of orders (evaluation_truth_run.py). `score` hands
the evaluation what an office would have: observations under the orders, meters and monitors,
contributions, and a re-run with observed weather. The re-run's model is a ridge regression of the
city's daily mean on its weather and the day before, fitted on the city of seed --train alone; the
factor of contributions (bias, spread) in response/evaluation_settings.py comes from that seed too.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks.dispersion_truth import HOUR, OFFSET, WARM_UP_H
from forecast.weather_derived import relative_humidity
from response import evaluation, evaluation_compliance, plume_calibration, plume_settings

POLLUTANTS = evaluation.POLLUTANTS
START = "2015-11-20"
GAP = 1  # days after an episode that still feel it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("run", "score"))
    parser.add_argument("--seed", type=int, nargs="+", default=[12, 13, 14])
    parser.add_argument("--train", type=int, default=11)
    parser.add_argument("--days", type=int, default=49)
    parser.add_argument("--cache", type=Path, default=Path("var/evaluation-truth"))
    args = parser.parse_args()
    if args.what == "run":
        from benchmarks import evaluation_truth_run

        for seed in args.seed:
            made = evaluation_truth_run.run(seed, pd.Timestamp(START), args.days)
            folder = args.cache / f"{seed}-{START}-{args.days}"
            folder.mkdir(parents=True, exist_ok=True)
            for name, value in made.items():
                if isinstance(value, xr.Dataset):
                    value.to_netcdf(folder / f"{name}.nc")
                else:
                    value.to_csv(folder / f"{name}.csv")
        return
    models = fit(load(args.cache, args.train, args.days))
    tables = [episodes(load(args.cache, s, args.days), models) for s in args.seed]
    print("\n".join(lines(pd.concat([t for t, _ in tables]))))
    print("\n".join(compliance_lines(pd.concat([c for _, c in tables]))))


def load(cache: Path, seed: int, days: int) -> dict[str, xr.Dataset | pd.DataFrame]:
    folder = cache / f"{seed}-{START}-{days}"
    made: dict[str, xr.Dataset | pd.DataFrame] = {
        n: xr.load_dataset(folder / f"{n}.nc")
        for n in ("air", "electricity", "monitors", "contributions")
    }
    made["orders"] = pd.read_csv(
        folder / "orders.csv", index_col=0, parse_dates=["start", "end"], dtype={"unit": str}
    )
    made["units"] = pd.read_csv(folder / "units.csv", index_col=0)
    return made


def daily(air: xr.Dataset, name: str) -> pd.DataFrame:
    """City means by local day, one column per pollutant."""
    mean = air[name].isel(receptor=air["reference"].to_numpy()).mean("receptor")
    table = pd.DataFrame(mean.to_numpy(), _days(air), air["pollutant"].to_numpy())
    return table.iloc[WARM_UP_H:].groupby(level=0).mean()[list(POLLUTANTS)]


def _days(air: xr.Dataset) -> pd.DatetimeIndex:
    return (pd.DatetimeIndex(air["time"].to_numpy()) + OFFSET - HOUR).normalize()


def weather(air: xr.Dataset) -> pd.DataFrame:
    """Daily features of the city's weather."""
    w = air[["u10", "v10", "t2m", "d2m", "tp", "blh"]].mean("point").to_dataframe()
    w["wind"] = np.log(np.hypot(w["u10"], w["v10"]) + 0.3)
    w["lid"] = np.log(w["blh"])
    w["rh"] = relative_humidity(w["t2m"].to_numpy(), w["d2m"].to_numpy()) / 100
    w["rain"] = np.log1p(w["tp"])
    kept = w[["u10", "v10", "t2m", "wind", "lid", "rh", "rain"]]
    return kept.set_axis(_days(air)).iloc[WARM_UP_H:].groupby(level=0).mean()


def fit(made: dict) -> dict[str, tuple[np.ndarray, pd.Series, pd.Series]]:
    """Ridge regressions of the log of each pollutant's day on weather and the day before."""
    x, y = weather(made["air"]), np.log(daily(made["air"], "base"))
    mean, sd = x.mean(), x.std()
    models = {}
    for p in POLLUTANTS:
        features = np.column_stack(
            [np.ones(len(x) - 1), ((x - mean) / sd).iloc[1:], y[p].iloc[:-1]]
        )
        penalty = np.diag([0.0] + [2.0] * x.shape[1] + [2.0])
        beta = np.linalg.solve(features.T @ features + penalty, features.T @ y[p].iloc[1:])
        models[p] = (beta, mean, sd)
    return models


def rerun(models: dict, sky: pd.DataFrame, observed: pd.DataFrame, spans: list[list[pd.Timestamp]]):
    """Daily values by pollutant for runs of days, each from the day observed before it."""
    result = pd.DataFrame(np.nan, observed.index, list(POLLUTANTS))
    for days in spans:
        before = days[0] - pd.Timedelta(days=1)
        if before not in observed.index:
            continue
        for p in POLLUTANTS:
            beta, mean, sd = models[p]
            last = np.log(observed.loc[before, p])
            for day in days:
                x = ((sky.loc[day] - mean) / sd).to_numpy()
                last = float(beta[0] + beta[1:-1] @ x + beta[-1] * last)
                result.loc[day, p] = np.exp(last)
    return result


def episodes(made: dict, models: dict) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of true and estimated effects, one per episode and pollutant; and of compliance."""
    air, orders = made["air"], made["orders"]
    base, seen = daily(air, "base"), daily(air, "controlled")
    # A city's mean of reference instruments errs by a few per cent.
    noise = np.random.default_rng(int(air.attrs["seed"])).normal(0, 0.02, seen.shape)
    observed = seen * np.exp(noise)
    sky = weather(air)
    units = made["units"].set_axis(made["units"].index.astype(str))
    spans = sorted(set(zip(orders["start"], orders["end"], strict=True)))
    spans = [(b + OFFSET, e + OFFSET) for b, e in spans]
    felt = pd.Index([])
    for begin, end in spans:
        felt = felt.union(
            pd.date_range(begin, end - pd.Timedelta(days=1) + GAP * pd.Timedelta(days=1))
        )
    free = [d for d in seen.index[1:] if d not in felt]
    runs = [list(free[k : k + 1]) for k in range(len(free))]
    again_free = rerun(models, sky, observed, runs)
    judged = evaluation_compliance.judge(
        orders, made["electricity"], made["monitors"], units, offset=OFFSET
    )
    factors = _factors(air, made["contributions"])
    rows = []
    for number, (begin, end) in enumerate(spans):
        days = pd.date_range(begin, end - pd.Timedelta(days=1))
        again = rerun(models, sky, observed, [list(days)])
        table = {
            p: pd.DataFrame({"observed": observed.loc[days, p], "rerun": again.loc[days, p]})
            for p in POLLUTANTS
        }
        earlier = [d for d in free if d < days[0]]
        past = {
            p: pd.DataFrame(
                {"observed": observed.loc[earlier, p], "rerun": again_free.loc[earlier, p]}
            )
            for p in POLLUTANTS
        }
        mine = orders[orders["start"] == begin - OFFSET].set_index("unit")["load"]
        loads = judged.loads.reindex(mine.index)
        loads = loads.reindex(columns=days)
        loads = loads.where(loads.notna(), mine, axis=0).clip(0, 1.2)
        kept = made["contributions"].sel(day=days)
        kept = kept.isel(receptor=air["reference"].to_numpy())
        factor = {p: factors[p].loc[days[0]] for p in POLLUTANTS}
        kept = kept.assign({p: kept[p] * factor[p] for p in POLLUTANTS})
        found = evaluation.effect(table, kept, loads, past=past, seed=number)
        for p in POLLUTANTS:
            row = found.of(p).to_dict()
            true = float((base.loc[days, p] - seen.loc[days, p]).mean())
            rows.append(row | {"seed": air.attrs["seed"], "episode": number, "days": len(days),
                               "true": true, "factor": factor[p]})  # fmt: skip
    return pd.DataFrame(rows), _truth_of(judged.table, air)


def _factors(air: xr.Dataset, contributions: xr.Dataset) -> pd.DataFrame:
    """Calibration of each day from the days before, by increments observed and modelled."""
    settings = plume_settings.load()
    mean = air["controlled"].assign_coords(day=("time", _days(air))).isel(
        time=slice(WARM_UP_H, None)).groupby("day").mean()  # fmt: skip
    seen = xr.Dataset(
        {p: mean.sel(pollutant=p, drop=True).rename(receptor="station") for p in POLLUTANTS}
    )
    made = contributions.sum("unit").rename(receptor="station")
    reference = air["reference"].to_numpy()
    observed = plume_calibration.increment(seen, reference, settings=settings)
    ours = plume_calibration.increment(made, reference, settings=settings)
    level = plume_calibration.city_sum(made, reference)
    return pd.DataFrame(
        {
            d: plume_calibration.factors(observed, ours, d, level=level, settings=settings)
            for d in observed.index
        }
    ).T


def _truth_of(judged: pd.DataFrame, air: xr.Dataset) -> pd.DataFrame:
    """Verdicts beside how the units really behaved."""
    acts = air[["fakes", "day_share", "night_share", "late_hours"]].to_dataframe()
    acts.index = acts.index.astype(str)
    own = acts.loc[judged["unit"]].reset_index(drop=True)
    result = pd.concat([judged.reset_index(drop=True), own], axis=1)
    gap = result["day_share"] - result["night_share"]
    overall = result["day_share"] * 2 / 3 + result["night_share"] / 3
    truth = np.select(
        [gap > 0.35, gap < -0.35, overall < 0.15, overall >= 0.85],
        ["evades_night", "evades_day", "not",  "complied"], default="partly",
    )  # fmt: skip
    late = (truth == "complied") & (result["late_hours"] > 3)
    result["truth"] = np.where(late, "late", truth)
    return result[result["ordered"] < 0.99]


def lines(table: pd.DataFrame) -> list[str]:
    """The table of coverage."""
    result = [
        (
            f"{table.groupby(['seed', 'episode']).ngroups} episodes on seeds "
            f"{sorted(table['seed'].unique())}"
        ),
        (
            "| pollutant | true effect, mean (ug m-3) | (a) contributions in 80 % | (b) re-run in 80 % |"
            " both in 80 % | error a | error b | error both | width both / b |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for p, part in table.groupby("pollutant", sort=False):
        inside = {
            k: ((part["true"] >= part[f"{k}low"]) & (part["true"] <= part[f"{k}high"])).mean()
            for k in ("a_", "b_", "")
        }
        error = {k: (part[f"{k}mid"] - part["true"]).abs().mean() for k in ("a_", "b_", "")}
        width = ((part["high"] - part["low"]) / (part["b_high"] - part["b_low"])).mean()
        result.append(
            f"| {p} | {part['true'].mean():.2f} | {inside['a_']:.0%} | {inside['b_']:.0%} |"
            f" {inside['']:.0%} | {error['a_']:.2f} | {error['b_']:.2f} | {error['']:.2f} |"
            f" {width:.2f} |"
        )
        ratio = np.log(part["true"].clip(lower=1e-3) / part["a_mid"].clip(lower=1e-3))
        result.append(
            f"<!-- {p}: log true/contributions median {ratio.median():.2f}, sd "
            f"{1.4826 * (ratio - ratio.median()).abs().median():.2f}, factor {part['factor'].mean():.2f} -->"
        )
    return result


def compliance_lines(judged: pd.DataFrame) -> list[str]:
    """Verdict against truth, and monitors that contradict meters."""
    cross = pd.crosstab(judged["truth"], judged["verdict"])
    right = (judged["truth"] == judged["verdict"]).mean()
    sure = judged["probability"].mean()
    fakes = judged["fakes"] & (judged["done"] < 0.6)
    hit = judged.loc[fakes, "contradicts"].mean()
    wrong = judged.loc[~judged["fakes"], "contradicts"].mean()
    return [
        f"verdict right {right:.1%} of {len(judged)}, mean stated probability {sure:.1%}",
        cross.to_string(),
        (
            f"faked monitors of units that did less than 60 %: {int(fakes.sum())}, found {hit:.1%};"
            f" honest ones called contradicting {wrong:.2%}"
        ),
    ]


if __name__ == "__main__":
    main()
