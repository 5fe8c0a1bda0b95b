"""LightGBM quantile regression: one model per pollutant and quantile, lead as a feature.

Takes an IssueBatch, gives quantiles; trees see the columns of forecast.features. Trained twice on
random issue hours and leads of everything up to a date: first without the last quarter (at most
180 days) and a gap, which say when to stop and how much too narrow the quantiles are; then on all
of it. A folder holds LightGBM text models and model.json (what they expect and their hashes):
no pickle, and nothing is loaded that does not fit this code.

The target is the square root up to the median and the concentration itself above. Measured on
Beijing, trained to 2014-08, pinball loss 2014-09..2015-02 (square root / concentration / log):
PM2.5 at 0.5: 33.3 / 33.9 / 33.3; at 0.9: 22.8 / 22.1 / 22.9; at 0.1: 12.5 / 12.7 / -. The ratio
to the mean of the past days was worse throughout (PM2.5 at 0.5: 34.4 to 37).
"""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd
import xarray as xr

from forecast import features
from forecast.batch import (
    Floats,
    FutureWeather,
    IssueBatch,
    WeatherTier,
    part,
)
from forecast.boosting_rows import Rows, draw, issue_times
from forecast.boosting_train import BoostingConfig as BoostingConfig
from forecast.boosting_train import concentration, final, trial, widened
from forecast.files import write_text
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, VARIABLES, WEATHER

FORMAT: Final = "lantian-boosting-2"
MANIFEST: Final = "model.json"
_ALL_LEADS: Final = np.arange(1, MAX_LEAD + 1)
_ROWS_AT_ONCE: Final = 120_000  # bounds memory of a prediction
_HOUR: Final = pd.Timedelta(hours=1)


@dataclass(frozen=True)
class Boosting:
    """Fitted models of one weather tier."""

    tier: WeatherTier
    trained_until: pd.Timestamp
    config: BoostingConfig
    widening: Mapping[str, tuple[float, ...]]  # per pollutant and quantile, see boosting_train
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
        """Quantiles (issue, lead, station, POLLUTANTS, QUANTILES), monotone, never below 0 and
        never NaN: trees were trained with gaps.

        A batch of any tier will do; a model trained without weather does not look at it.
        """
        seen = replace(batch, tier=self.tier)
        if not self.uses_weather:
            seen = replace(seen, future_weather=None)
        per_issue = MAX_LEAD * len(batch.stations)
        size = max(1, _ROWS_AT_ONCE // max(per_issue, 1))
        parts = [self._some(part(seen, i, i + size)) for i in range(0, len(seen.issue_times), size)]
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

        def fill(i: int) -> None:
            pollutant = POLLUTANTS[i]
            x = common.beside(features.own(past, pollutant, _ALL_LEADS)).matrix()
            for j, q in enumerate(QUANTILES):
                z = self.models[pollutant, q].predict(x, num_threads=1)
                out[..., i, j] = concentration(np.asarray(z), q).reshape(out.shape[:3])
            out[..., i, :] = widened(out[..., i, :], self.widening[pollutant])

        with ThreadPoolExecutor(self.config.threads) as pool:
            list(pool.map(fill, range(len(POLLUTANTS))))
        return out


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
        seed: Same data, seed and machine: same models.

    Raises:
        DataError: The record is too short for history, horizon, gap and validation, or a
            pollutant was never measured.
    """
    kept = obs.sel(time=slice(None, until))
    every, train, check = issue_times(
        kept, until, validation_days=config.validation_days, gap_hours=config.gap_hours
    )
    rng = np.random.default_rng(seed)
    weather = tier != "none"

    def rows(times: pd.DatetimeIndex, wanted: int) -> Rows:
        return draw(
            kept, times, future, tier, offset, wanted=wanted, rng=rng,
            leads_per_issue=config.leads_per_issue, missing_share=config.missing_share,
        )  # fmt: skip

    # One thread per model, several models at a time: no waiting for each other within a tree,
    # and the number of threads changes nothing in the result.
    with ThreadPoolExecutor(config.threads) as pool:
        seen, held = rows(train, config.rows), rows(check, config.rows // 4)
        trials = list(pool.map(
            lambda p: trial(p, seen, held, config, weather=weather, seed=seed), POLLUTANTS
        ))  # fmt: skip
        full = rows(every, config.rows)
        sets = pool.map(
            lambda p, t: final(p, full, t.rounds, config, weather=weather, seed=seed),
            POLLUTANTS, trials,
        )  # fmt: skip
        models = {(p, q): b for p, found in zip(POLLUTANTS, sets, strict=True) for q, b in found}
    widening = {p: t.widening for p, t in zip(POLLUTANTS, trials, strict=True)}
    return Boosting(tier, pd.Timestamp(until), config, widening, models)


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
        "widening": {p: list(w) for p, w in model.widening.items()},
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
        widening = {p: tuple(map(float, manifest["widening"][p])) for p in POLLUTANTS}
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
    return Boosting(tier, until, config, widening, models)


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
