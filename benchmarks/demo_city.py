"""docs/results/demo-city.md: the network of the simulated demo city in a winter it has not seen.

    lantian twin --out HOME --config configs/twin/demo.yaml --start 2013-11-01 --days 850
    LANTIAN_HOME=HOME lantian train --config HOME/city.yaml --model network --until 2015-11-25
    python -m benchmarks.demo_city HOME [--model FOLDER] [--alone FOLDER] --out OUT [--every 12]

Takes a home with the simulated city and networks; leaves in OUT a forecast file of each variant
(national stations only), scores and demo-city.md. Every variant forecasts the same issue times with
the weather forecasts the city sends (archived) unless its name says otherwise, and is scored by
forecast.verify, as `lantian verify` does. Nothing here was measured: the city is simulated.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks import demo_city_page
from forecast import (
    areas,
    baselines,
    config,
    files,
    forecast_file,
    history,
    issue,
    model_store,
    predict,
    provenance,
    quality_limits,
    schema,
    stations,
    weather_tiers,
)
from forecast.batch import Forecaster, FutureWeather, IssueBatch, batches
from forecast.config import CityConfig
from forecast.issue import IssueForecast
from forecast.verify import run as verify
from forecast.verify import settings as verify_settings
from training import compare_heavy

HOUR: Final = pd.Timedelta(hours=1)
FULL: Final = "network"
_MEMBERS: Final = 100
_SIZE: Final = 10  # issue times at once; the new station takes turns within


@dataclass(frozen=True)
class World:
    """What every variant stands on."""

    config: CityConfig
    register: pd.DataFrame
    obs: xr.Dataset  # what forecasters see: flagged, lower tiers corrected
    truth: xr.Dataset  # what is scored: readings of the national stations as they came
    issue_times: pd.DatetimeIndex
    digest: str


@dataclass(frozen=True)
class Variant:
    """A forecaster, its weather, and what of its input is left."""

    name: str
    forecaster: Forecaster
    tier: Any = "archived"
    change: Callable[[IssueBatch], IssueBatch] = lambda batch: batch
    new: bool = False  # each issue time one national station is new; only it is scored


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--model", type=Path, help="default: the shipped network")
    parser.add_argument("--alone", type=Path, help="a network trained on national stations only")
    parser.add_argument("--start", default="2015-12-01")
    parser.add_argument("--end", default="2016-02-20")
    parser.add_argument("--every", type=int, default=12)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args()
    began = time.process_time()
    world = world_of(chosen.home, chosen.start, chosen.end, chosen.every)
    result = {
        "city": world.config.city.id,
        "seed": json.loads((chosen.home / "twin.json").read_text(encoding="utf-8"))["seed"],
        "stations": len(world.register),
        "tiers": world.register["tier"].value_counts().to_dict(),
        "window": [t.isoformat() for t in world.issue_times[[0, -1]]],
        "issue_times": len(world.issue_times), "every": chosen.every,
        "code_revision": provenance.code_revision(), "data_hash": world.digest,
    }  # fmt: skip
    result["systems"] = scored(
        world, chosen.home, variants(world, chosen.model, chosen.alone), chosen.out
    )
    result["seconds"] = round(time.process_time() - began)
    text = json.dumps(result, ensure_ascii=False, indent=1)
    files.write_text(chosen.out / "demo-city.json", text + "\n")
    files.write_text(chosen.out / "demo-city.md", demo_city_page.page(result))


def world_of(home: Path, start: str, end: str, every: int) -> World:
    """The city of a home, a year before the window included."""
    city = config.load(home / "city.yaml")
    first, last = (pd.Timestamp(t) - city.offset for t in (start, end))
    register = stations.load(city.stations)
    limits = quality_limits.load(city.quality)
    known = history.load(
        home, register, limits, start=first - 400 * 24 * HOUR, end=last + 120 * HOUR,
        calibrated=city.calibrate,
    )  # fmt: skip
    national = register.index[register["reference"].to_numpy(bool)].to_numpy().astype(str)
    truth = known.flagged[list(schema.POLLUTANTS)].sel(station=national)
    times = pd.date_range(first, last, freq=every * HOUR)
    return World(city, register, known.usable, truth, times, provenance.data_hash(known.usable))


def variants(world: World, model: Path | None, alone: Path | None) -> Iterator[Variant]:
    """What is compared, what others are held against first."""
    first = world.issue_times[0]
    kept = model_store.network_named(Path(), world.config.city.id, "network:shipped", first)
    folder = model or (kept.folder if kept else None)
    if folder is None:
        raise SystemExit("no shipped network: name one with --model")
    network = predict.load(folder)
    seen = world.obs.sel(time=slice(None, first))
    offset = world.config.offset
    yield Variant("persistence", baselines.fit_persistence(seen, first, offset), "none")
    yield Variant(FULL, network)
    yield Variant("climatology", baselines.fit_climatology(seen, first, offset), "none")
    yield Variant("no weather forecast", network, "none")
    for name, tiers in (
        ("without village", ("city", "county", "township")),
        ("without village, township", ("city", "county")),
        ("national only", ("city",)),
    ):
        yield Variant(name, network, change=only(tiers))
    if alone is not None:
        yield Variant("trained on national only", predict.load(alone), change=only(("city",)))
    for share in (0.1, 0.3, 0.5):
        yield Variant(f"{share:.0%} of stations missing", network, change=missing(share))
    yield Variant("new station", network, new=True)


def only(tiers: tuple[str, ...]) -> Callable[[IssueBatch], IssueBatch]:
    """Stations of some tiers, as in a city that has no others."""
    return lambda batch: rows_of(batch, batch.stations["tier"].isin(tiers).to_numpy())


def rows_of(batch: IssueBatch, rows: np.ndarray) -> IssueBatch:
    """A batch of some of its stations."""
    future = batch.future_weather
    return replace(
        batch, stations=batch.stations[rows], history=batch.history[:, :, rows],
        history_weather=batch.history_weather[:, :, rows],
        future_weather=None if future is None else future[:, :, rows],
    )  # fmt: skip


def missing(share: float) -> Callable[[IssueBatch], IssueBatch]:
    """Some stations of every tier have been silent for as long as a forecast looks back."""

    def change(batch: IssueBatch) -> IssueBatch:
        values, air = batch.history.copy(), batch.history_weather.copy()
        for i, at in enumerate(batch.issue_times):
            rng = np.random.default_rng([int(100 * share), int(at.value // 3_600_000_000_000)])
            gone = rng.permutation(len(batch.stations))[: round(share * len(batch.stations))]
            values[i][:, gone], air[i][:, gone] = np.nan, np.nan
        return replace(batch, history=values, history_weather=air)

    return change


def renamed(batch: IssueBatch, row: int) -> IssueBatch:
    """One station is new: no readings, and a name that training does not know."""
    values, air = batch.history.copy(), batch.history_weather.copy()
    values[:, :, row], air[:, :, row] = np.nan, np.nan
    names = batch.stations.index.to_numpy().astype(object).copy()
    names[row] = "NEW"
    table = batch.stations.set_axis(pd.Index(names, name=batch.stations.index.name))
    return replace(batch, stations=table, history=values, history_weather=air)


def scored(world: World, home: Path, all_of_them: Iterator[Variant], out: Path) -> dict[str, Any]:
    """Forecast and score each variant, in pairs with the first and with persistence."""
    chosen = verify_settings.load()
    archived = weather_tiers.archived(
        home, world.config.weather.sources, world.register,
        max_age_hours=world.config.weather.max_age_hours, keep=64,
    )  # fmt: skip
    found: dict[str, Any] = {}
    paths: dict[str, Path] = {}
    for variant in all_of_them:
        began = time.process_time()
        path = out / f"{variant.name.replace(' ', '-').replace('%', '')}.nc"
        paths[variant.name] = path
        kept = _kept(path.with_suffix(".json"), world, variant)
        if kept is not None:
            found[variant.name] = kept
            continue
        cut = _write(world, variant, archived, path)
        others = {n: p for n, p in paths.items() if n in (FULL, "persistence") and p != path}
        scores = verify.score(path, world.truth, chosen, references=others, builtin=False)
        made = {k: scores[k] for k in ("stations", "areas", "comparison")} | {
            "heavy_days": compare_heavy.scores(path, world.truth, chosen),
        }
        text = json.dumps({"key": _key(world, variant), "scores": made}, ensure_ascii=False)
        files.write_text(path.with_suffix(".json"), text + "\n")
        found[variant.name] = made
        print(f"{variant.name}: {cut:.0f} + {time.process_time() - began - cut:.0f} s", flush=True)
    return found


def _key(world: World, variant: Variant) -> list[str]:
    """What scores were made of."""
    until = variant.forecaster.trained_until
    times = [t.isoformat() for t in (*world.issue_times[[0, -1]], until)]
    return [world.digest, str(len(world.issue_times)), *times]


def _kept(path: Path, world: World, variant: Variant) -> dict[str, Any] | None:
    """Scores made earlier of the same, or None."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        scores: dict[str, Any] = said["scores"]
        return scores if said["key"] == _key(world, variant) else None
    except (OSError, ValueError, KeyError):
        return None


def _write(world: World, variant: Variant, archived: FutureWeather, path: Path) -> float:
    """The forecast file of a variant, of national stations; seconds of a core it took."""
    began = time.process_time()
    made = variant.forecaster
    seen = world.obs.sel(time=slice(None, world.issue_times[0]))
    dependence = issue.dependence_of(made, seen, world.issue_times[0], world.config.offset)
    national = np.asarray(world.register["reference"], dtype=bool)
    header = forecast_file.Header(
        model=variant.name, model_version=f"{made.name}-{made.trained_until:%Y%m%dT%H%MZ}",
        data_hash=world.digest, standard=world.config.standard, config_hash=world.config.digest,
        weather_tier=variant.tier, code_revision=provenance.code_revision(), simulated=True,
        utc_offset_hours=world.config.city.utc_offset_hours,
        trained_until=made.trained_until.isoformat(),
    )  # fmt: skip
    layout = forecast_file.Layout(
        world.issue_times, world.register[national], areas.names(world.register[national]), _MEMBERS
    )
    cut = batches(
        world.obs, world.issue_times, weather_tiers.none() if variant.tier == "none" else archived,
        tier=variant.tier, offset=world.config.offset, stations=world.register,
        history_hours=world.config.forecast.history_hours, size=_SIZE,
    )  # fmt: skip

    def chunks() -> Iterator[forecast_file.Chunk]:
        for batch in cut:
            if variant.new:
                yield _new_in_turn(batch, made, national)
                continue
            changed = variant.change(batch)
            at = changed.stations["reference"].to_numpy(bool)
            made_of = issue.forecasts(
                changed, made, dependence, members=_MEMBERS, seed=world.config.forecast.seed,
                standard=world.config.standard,
            )  # fmt: skip
            few = [replace(f, quantiles=f.quantiles[:, at]) for f in made_of]
            yield _of(few, layout.areas, changed)

    forecast_file.write(path, header, layout, chunks())
    return time.process_time() - began


def _of(
    made: list[IssueForecast], names: tuple[str, ...], batch: IssueBatch
) -> forecast_file.Chunk:
    """A chunk of the areas that national stations have."""
    whole = issue.chunk(made, hourly_members=False)
    if whole.areas is None:
        return whole
    rows = [areas.names(batch.stations).index(n) for n in names]
    few = replace(
        whole.areas, aqi_day=whole.areas.aqi_day[:, :, rows],
        primary_day=whole.areas.primary_day[:, :, rows],
        daily={p: v[:, :, rows] for p, v in whole.areas.daily.items()},
    )  # fmt: skip
    return replace(whole, areas=few)


def _new_in_turn(batch: IssueBatch, made: Forecaster, national: np.ndarray) -> forecast_file.Chunk:
    """Quantiles at the national station that is new at an issue time; the others stay missing."""
    rows = np.flatnonzero(national)
    count = len(batch.issue_times)
    shape = (count, schema.MAX_LEAD, len(rows), len(schema.POLLUTANTS), len(schema.QUANTILES))
    out = np.full(shape, np.nan, dtype=np.float32)
    turn = (batch.issue_times.asi8 // 3_600_000_000_000 // 12) % len(rows)
    for k, row in enumerate(rows):
        at = np.flatnonzero(turn == k)
        if len(at):
            some = renamed(part_of(batch, at), row)
            out[at, :, k] = made.quantiles(some)[:, :, row]
    return forecast_file.Chunk(out)


def part_of(batch: IssueBatch, at: np.ndarray) -> IssueBatch:
    """A batch of some of its issue times."""
    future = batch.future_weather
    return replace(
        batch, issue_times=batch.issue_times[at], history=batch.history[at],
        history_weather=batch.history_weather[at],
        future_weather=None if future is None else future[at],
    )  # fmt: skip


if __name__ == "__main__":
    main()
