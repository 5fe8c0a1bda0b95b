"""LightGBM quantile regression: one model per pollutant and quantile, lead as a feature.

Takes an IssueBatch, gives quantiles; trees see the columns of forecast.features. Trained on random
issue hours and leads of everything up to a date; the last days of it, beyond a gap, say when to
stop. A folder holds LightGBM text models and model.json (what they expect and their hashes):
no pickle, and nothing is loaded that does not fit this code.

The target is the square root up to the median and the concentration itself above. Measured on
Beijing, trained to 2014-08, pinball loss 2014-09..2015-02 (square root / concentration / log):
PM2.5 at 0.5: 33.3 / 33.9 / 33.3; at 0.9: 22.8 / 22.1 / 22.9; at 0.1: 12.5 / 12.7 / -. The ratio
to the mean of the past days was worse throughout (PM2.5 at 0.5: 34.4 to 37).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from forecast import features
from forecast.batch import (
    Floats,
    FutureWeather,
    IssueBatch,
    WeatherTier,
    batches,
    leads_of,
    stacked,
)
from forecast.files import write_text
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, VARIABLES, WEATHER, stations_frame

FORMAT: Final = "lantian-boosting-1"
MANIFEST: Final = "model.json"
_ALL_LEADS: Final = np.arange(1, MAX_LEAD + 1)
_ROWS_AT_ONCE: Final = 120_000  # bounds memory of a prediction
_HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class BoostingConfig:
    """Size of the training; the defaults take about eight minutes on two cores."""

    rows: int = 160_000  # drawn rows (issue hour, lead, station); a shorter record gives fewer
    rounds: int = 240
    early_stopping: int = 25  # rounds without gain on the validation block
    leaves: int = 31
    learning_rate: float = 0.1
    min_rows_in_leaf: int = 800
    column_share: float = 0.4
    row_share: float = 0.7
    leads_per_issue: int = 16
    validation_days: int = 30
    gap_hours: int = 240  # between training targets and validation: history plus horizon
    missing_share: float = 0.03  # of batches trained with weather, or a station, missing
    threads: int = 2


@dataclass(frozen=True)
class Boosting:
    """Fitted models of one weather tier."""

    tier: WeatherTier
    trained_until: pd.Timestamp
    config: BoostingConfig
    models: Mapping[tuple[str, float], lgb.Booster]

    @property
    def name(self) -> str:
        """The name in files and tables."""
        return "lightgbm"

    @property
    def uses_weather(self) -> bool:
        """Whether the models have columns of future weather."""
        return self.tier != "none"

    def quantiles(self, batch: IssueBatch) -> Floats:
        """Quantiles (issue, lead, station, POLLUTANTS, QUANTILES), rearranged to be monotone
        (Chernozhukov et al. 2010), never below 0 and never NaN: trees were trained with gaps.

        A batch of any tier will do; a model trained without weather does not look at it.
        """
        seen = replace(batch, tier=self.tier)
        if not self.uses_weather:
            seen = replace(seen, future_weather=None)
        per_issue = MAX_LEAD * len(batch.stations)
        size = max(1, _ROWS_AT_ONCE // max(per_issue, 1))
        parts = [self._some(_cut(seen, i, i + size)) for i in range(0, len(seen.issue_times), size)]
        return np.concatenate(parts)

    def _some(self, batch: IssueBatch) -> Floats:
        out = np.empty(
            (
                len(batch.issue_times),
                MAX_LEAD,
                len(batch.stations),
                len(POLLUTANTS),
                len(QUANTILES),
            ),
            dtype=np.float32,
        )
        common, past = features.shared(batch, _ALL_LEADS), features.past_of(batch)
        for i, pollutant in enumerate(POLLUTANTS):
            x = common.beside(features.own(past, pollutant, _ALL_LEADS)).matrix()
            for j, q in enumerate(QUANTILES):
                z = self.models[pollutant, q].predict(x, num_threads=self.config.threads)
                out[..., i, j] = _concentration(np.asarray(z), q).reshape(out.shape[:3])
        return np.sort(out, axis=-1)


def fit(
    obs: xr.Dataset,
    until: pd.Timestamp,
    future: FutureWeather,
    tier: WeatherTier,
    offset: pd.Timedelta,
    config: BoostingConfig,
    seed: int,
) -> Boosting:
    """Train all models of one weather tier.

    Args:
        obs: Schema dataset on a complete hourly grid, NaN = missing; nothing after `until` is
            used, neither as history nor as target.
        until: Last hour used (naive UTC).
        future: Weather of the coming hours at each issue time; not called for tier `none`.
        tier: What `future` is.
        offset: Local time minus UTC.
        config: Size of the training.
        seed: Same data, seed, threads and machine: same models.

    Raises:
        DataError: The record is too short for history, horizon, gap and validation, or a
            pollutant was never measured.
    """
    kept = obs.sel(time=slice(None, until))
    train, check = _issue_times(kept, until, config)
    rng = np.random.default_rng(seed)
    rows = [_rows(kept, t, future, tier, offset, config, n, rng)
        for t, n in ((train, config.rows), (check, config.rows // 8))]  # fmt: skip
    models: dict[tuple[str, float], lgb.Booster] = {}
    for i, pollutant in enumerate(POLLUTANTS):
        pairs = []
        for columns, targets in rows:
            known = np.isfinite(targets[:, i])
            pairs.append((columns[pollutant][known], targets[known, i]))
        (x, y), (x2, y2) = pairs
        if not len(y) or not len(y2):
            raise DataError([Problem(f"training data: {pollutant}", "no value", "some values")])
        names = list(features.names(pollutant, weather=tier != "none"))
        data = lgb.Dataset(x, y, feature_name=names, free_raw_data=False)
        held = lgb.Dataset(x2, y2, reference=data, free_raw_data=False)
        for q in QUANTILES:
            data.set_label(_target(y, q))
            held.set_label(_target(y2, q))
            models[pollutant, q] = _train(data, held, q, config, seed)
    return Boosting(tier, pd.Timestamp(until), config, models)


def save(model: Boosting, folder: Path) -> None:
    """Write model.json and one text model per pollutant and quantile; model.json comes last."""
    hashes = {}
    for (pollutant, q), booster in model.models.items():
        text = booster.model_to_string()
        file = _file(pollutant, q)
        write_text(folder / file, text)
        hashes[file] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    manifest = _expected(model.tier) | {
        "tier": model.tier,
        "trained_until": model.trained_until.isoformat(),
        "config": asdict(model.config),
        "sha256": hashes,
    }
    write_text(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def load(folder: Path) -> Boosting:
    """Read a folder that `save` wrote.

    Raises:
        DataError: Everything that is absent, changed, or made for other code, at once.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        tier: WeatherTier = manifest["tier"]
        until = pd.Timestamp(manifest["trained_until"])
        config = BoostingConfig(**manifest["config"])
        hashes = dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise DataError([Problem(str(path), found, "a manifest of a saved model")]) from error
    problems = _differences(path, manifest, _expected(tier))
    texts = {}
    for pollutant in POLLUTANTS:
        for q in QUANTILES:
            file = folder / _file(pollutant, q)
            try:
                raw = file.read_bytes()
            except OSError as error:
                problems.append(Problem(str(file), str(error), "a model file"))
                continue
            digest = hashlib.sha256(raw).hexdigest()
            if digest != hashes.get(file.name):
                expected = f"{hashes.get(file.name)} as in {MANIFEST}"
                problems.append(Problem(str(file), f"sha256 {digest}", expected))
            texts[pollutant, q] = raw.decode("utf-8", errors="replace")
    if problems:
        raise DataError(problems)
    models = {k: lgb.Booster(model_str=text) for k, text in texts.items()}
    return Boosting(tier, until, config, models)


def _expected(tier: str) -> dict[str, Any]:
    """What a manifest must say for this code to use it."""
    return {
        "format": FORMAT,
        "pollutants": list(POLLUTANTS),
        "quantiles": list(QUANTILES),
        "units": {v: VARIABLES[v].units for v in (*POLLUTANTS, *WEATHER)},
        "features": {p: list(features.names(p, weather=tier != "none")) for p in POLLUTANTS},
    }


def _differences(
    path: Path, manifest: Mapping[str, Any], expected: Mapping[str, Any]
) -> list[Problem]:
    problems = []
    for key, value in expected.items():
        found = manifest.get(key)
        if isinstance(value, dict) and isinstance(found, dict):
            problems += [
                Problem(f"{path}: {key}, {k}", str(found.get(k))[:200], str(v)[:200])
                for k, v in value.items()
                if found.get(k) != v
            ]
        elif found != value:
            problems.append(Problem(f"{path}: {key}", str(found)[:200], str(value)[:200]))
    return problems


def _file(pollutant: str, q: float) -> str:
    return f"{pollutant}_{q:.2f}.txt"


def _issue_times(
    obs: xr.Dataset, until: pd.Timestamp, config: BoostingConfig
) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Hourly issue times for training and for early stopping, a gap between them."""
    if not obs.sizes["time"]:
        raise DataError([Problem("training data", f"nothing up to {until}", "hourly values")])
    first = pd.Timestamp(obs["time"].values[0]) + features.HOURS_BACK // 2 * _HOUR
    last = pd.Timestamp(obs["time"].values[-1]) - MAX_LEAD * _HOUR
    # A short record gives at most a fifth of itself.
    days = min(config.validation_days, max((last - first) / (5 * pd.Timedelta(days=1)), 0))
    start = (last - pd.Timedelta(days=days)).ceil("h")
    # Training targets reach MAX_LEAD beyond their issue time.
    end = start - (config.gap_hours + MAX_LEAD) * _HOUR
    if end - first < pd.Timedelta(days=7):
        found = f"{obs.sizes['time']} hours up to {until}"
        expected = "at least a month: history, horizon, gap and validation"
        raise DataError([Problem("training data", found, expected)])
    return pd.date_range(first, end, freq="h"), pd.date_range(start, last, freq="h")


def _rows(
    obs: xr.Dataset,
    times: pd.DatetimeIndex,
    future: FutureWeather,
    tier: WeatherTier,
    offset: pd.Timedelta,
    config: BoostingConfig,
    wanted: int,
    rng: np.random.Generator,
) -> tuple[dict[str, Floats], Floats]:
    """About `wanted` random rows: columns per pollutant (row, column), targets (row, pollutant)."""
    stations = stations_frame(obs)
    values = stacked(obs, POLLUTANTS)
    origin = pd.Timestamp(obs["time"].values[0])
    leads_each = min(config.leads_per_issue, MAX_LEAD)
    share = wanted / (len(times) * leads_each * len(stations))
    if share * leads_each * len(stations) < 1:  # more hours than rows: not every hour
        times = times[rng.permutation(len(times))[:wanted]]
    mixed = times[rng.permutation(len(times))]
    size = int(np.clip(40_000 // (leads_each * len(stations)), 1, 64))
    columns: dict[str, list[Floats]] = {p: [] for p in POLLUTANTS}
    targets = []
    for batch in batches(obs, mixed, future if tier != "none" else _no_weather, tier=tier,
                         offset=offset, history_hours=features.HOURS_BACK, stations=stations,
                         size=size):  # fmt: skip
        leads = np.sort(rng.choice(MAX_LEAD, leads_each, replace=False)) + 1
        y = leads_of(values, origin, batch.issue_times)[:, leads - 1].reshape(-1, len(POLLUTANTS))
        count = min(len(y), max(1, round(share * len(y))))
        pick = np.sort(rng.choice(len(y), count, replace=False))
        holed = _holed(batch, config.missing_share, rng)
        common, past = features.shared(holed, leads), features.past_of(holed)
        for p in POLLUTANTS:
            columns[p].append(common.beside(features.own(past, p, leads)).matrix()[pick])
        targets.append(y[pick])
    return {p: np.concatenate(c) for p, c in columns.items()}, np.concatenate(targets)


def _no_weather(issue_times: pd.DatetimeIndex) -> Floats | None:  # noqa: ARG001
    return None


def _holed(batch: IssueBatch, share: float, rng: np.random.Generator) -> IssueBatch:
    """The batch with holes, so that trees learn what to do without a value.

    In that share of issue times each: the forecast weather from some lead on, the measured
    weather, the whole network's last hours. And that share of histories of single stations.
    """
    n, _, k, _ = batch.history.shape
    history, air = batch.history.copy(), batch.history_weather.copy()
    for i, j in zip(*np.nonzero(rng.random((n, k)) < share), strict=True):
        history[i, :, j] = np.nan
    for i in np.flatnonzero(rng.random(n) < share):
        history[i, -int(rng.integers(1, 24)) :] = np.nan
    air[rng.random(n) < share] = np.nan
    future = batch.future_weather
    if future is not None:
        future = future.copy()
        for i in np.flatnonzero(rng.random(n) < share):
            future[i, int(rng.integers(0, MAX_LEAD)) :] = np.nan
    return replace(batch, history=history, history_weather=air, future_weather=future)


def _train(
    data: lgb.Dataset, held: lgb.Dataset, q: float, config: BoostingConfig, seed: int
) -> lgb.Booster:
    # Little data lies beyond the outer quantiles: smaller trees there.
    leaves = config.leaves if 0.05 < q < 0.95 else max(config.leaves // 2, 2)
    parameters = {
        "objective": "quantile", "alpha": q, "metric": "quantile",
        "learning_rate": config.learning_rate, "num_leaves": leaves,
        "min_data_in_leaf": config.min_rows_in_leaf, "feature_fraction": config.column_share,
        "bagging_fraction": config.row_share, "bagging_freq": 1, "max_bin": 127,
        "num_threads": config.threads, "seed": seed, "deterministic": True,
        "force_row_wise": True, "verbosity": -1,
    }  # fmt: skip
    stop = lgb.early_stopping(config.early_stopping, verbose=False)
    booster = lgb.train(parameters, data, config.rounds, valid_sets=[held], callbacks=[stop])
    # Only the rounds up to the best one are kept, in memory as in the file.
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=booster.best_iteration))


def _target(conc: Floats, q: float) -> Floats:
    return np.sqrt(np.maximum(conc, 0)) if q <= 0.5 else conc


def _concentration(z: NDArray[np.floating[Any]], q: float) -> NDArray[np.floating[Any]]:
    z = np.maximum(z, 0)
    return np.square(z) if q <= 0.5 else z


def _cut(batch: IssueBatch, start: int, stop: int) -> IssueBatch:
    future = batch.future_weather
    return replace(
        batch,
        issue_times=batch.issue_times[start:stop],
        history=batch.history[start:stop],
        history_weather=batch.history_weather[start:stop],
        future_weather=None if future is None else future[start:stop],
    )
