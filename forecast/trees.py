"""Median trees beside the network: gradient boosting of the median, blended in by measured weight.

Takes an IssueBatch, gives medians in the schema's units; LightGBM, no torch. Trees and network are
wrong in different ways: the blend is judged as one forecaster. How much the trees count is decided
per tier of weather, day and pollutant, on blocks of time that neither was trained on.

Kept as text models in one compressed JSON: LightGBM's text format holds numbers, it runs nothing.
"""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import lightgbm as lgb
import numpy as np
import pandas as pd
import xarray as xr

from forecast import boosting_rows, features
from forecast.batch import Floats, FutureWeather, IssueBatch, WeatherTier, part
from forecast.boosting_train import BoostingConfig, parameters
from forecast.network_inputs import TRUST
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS

DAYS: Final = MAX_LEAD // 24
_ALL_LEADS: Final = np.arange(1, MAX_LEAD + 1)
_ROWS_AT_ONCE: Final = 120_000
_STATISTICS: Final = (
    "split_gain=", "leaf_weight=", "leaf_count=", "internal_value=", "internal_weight=",
    "internal_count=", "tree_sizes=", "shrinkage=", "is_linear=",
)  # fmt: skip
_GRID: Final = np.arange(0.0, 0.65, 0.05)


@dataclass(frozen=True)
class MedianTrees:
    """Fitted trees; a tier without any gives the network alone."""

    models: Mapping[tuple[int, str], lgb.Booster]  # by trust and pollutant
    weights: Floats  # (3 trusts, DAYS, POLLUTANTS), 0 where there are no trees

    def medians(self, batch: IssueBatch) -> Floats | None:
        """(issue, lead, station, POLLUTANTS), NaN for pollutants without trees; None: no trees."""
        trust = TRUST[batch.tier]
        mine = [p for p in POLLUTANTS if (trust, p) in self.models]
        if not mine or not self.weights[trust].any():
            return None
        shape = (len(batch.issue_times), MAX_LEAD, len(batch.stations), len(POLLUTANTS))
        out = np.full(shape, np.nan, dtype=np.float32)
        size = max(1, _ROWS_AT_ONCE // max(MAX_LEAD * shape[2], 1))
        for start in range(0, shape[0], size):
            rows = slice(start, start + size)
            seen = part(batch, start, start + size)
            common, past = features.shared(seen, _ALL_LEADS), features.past_of(seen)
            for p in mine:
                x = common.beside(features.own(past, p, _ALL_LEADS)).matrix()
                root = np.asarray(self.models[trust, p].predict(x, num_threads=1))
                out[rows, ..., POLLUTANTS.index(p)] = np.square(root).reshape(out[rows].shape[:3])
        return out

    def blended(self, z: Floats, medians: Floats | None, trust: int) -> Floats:
        """Quantiles in z moved so that their median is the blend's; their shape stays.

        Args:
            z: (issue, lead, station, POLLUTANTS, QUANTILES).
            medians: (issue, lead, station, POLLUTANTS) in the same z, NaN = no trees.
            trust: Whose weights.
        """
        if medians is None:
            return z
        weight = np.repeat(self.weights[trust], 24, axis=0)[None, :, None, :]
        middle = z.shape[-1] // 2
        shift = weight * np.nan_to_num(medians - z[..., middle])
        return np.asarray(z + shift[..., None])


def none() -> MedianTrees:
    """No trees at all."""
    return MedianTrees({}, np.zeros((3, DAYS, len(POLLUTANTS)), dtype=np.float32))


def fit(
    obs: xr.Dataset,
    issue_times: pd.DatetimeIndex,
    futures: Mapping[WeatherTier, FutureWeather],
    offset: pd.Timedelta,
    *,
    rows: int,
    rounds: int,
    seed: int,
) -> dict[tuple[int, str], lgb.Booster]:
    """Trees of the square root of each pollutant, for each tier but `none`.

    Args:
        obs: Schema dataset; nothing outside the targets of `issue_times` teaches.
        issue_times: Whose histories and targets may be used.
        futures: Weather by tier.
        offset: Local time minus UTC.
        rows: Random (issue, lead, station) rows per tier.
        rounds: Trees per model.
        seed: Same data and seed: same trees.
    """
    config = BoostingConfig(rounds=rounds)
    out = {}
    for tier, future in futures.items():
        if tier == "none":
            continue
        x, y = boosting_rows.draw(
            obs, issue_times, future, tier, offset, wanted=rows, missing_share=0.03,
            leads_per_issue=config.leads_per_issue, rng=np.random.default_rng(seed),
        )  # fmt: skip
        for i, p in enumerate(POLLUTANTS):
            known = np.isfinite(y[:, i])
            data = lgb.Dataset(x[p][known], np.sqrt(np.maximum(y[known, i], 0)))
            out[TRUST[tier], p] = lgb.train(parameters(0.5, config, seed), data, rounds)
    return out


def weights(z: Floats, medians: Floats, observed: Floats) -> Floats:
    """Weights (DAYS, POLLUTANTS) with the least absolute error; z-values, NaN = missing.

    Args:
        z: Network's median (issue, lead, station, POLLUTANTS), on blocks it was not trained on.
        medians: The trees', likewise.
        observed: What came.
    """
    out = np.zeros((DAYS, len(POLLUTANTS)), dtype=np.float32)
    for day in range(DAYS):
        hours = slice(24 * day, 24 * day + 24)
        for p in range(len(POLLUTANTS)):
            a, b, y = (v[:, hours, :, p].ravel() for v in (z, medians, observed))
            known = np.isfinite(a) & np.isfinite(b) & np.isfinite(y)
            if known.sum() < 1000:
                continue
            a, b, y = a[known], b[known], y[known]
            errors = [np.abs(np.sinh(a + w * (b - a)) - np.sinh(y)).mean() for w in _GRID]
            out[day, p] = _GRID[int(np.argmin(errors))]
    return out


def packed(models: Mapping[tuple[int, str], lgb.Booster]) -> bytes:
    """Models as compressed JSON, without what prediction does not need; same models, same bytes."""
    texts = {f"{trust}.{p}": _lean(m.model_to_string()) for (trust, p), m in models.items()}
    return gzip.compress(json.dumps(texts, sort_keys=True).encode(), 9, mtime=0)


def unpacked(raw: bytes, where: str) -> dict[tuple[int, str], lgb.Booster]:
    """The models of `packed`.

    Raises:
        DataError: Not such a file, or trees of other columns than this code makes.
    """
    try:
        texts = json.loads(gzip.decompress(raw))
        found = {}
        for key, text in texts.items():
            trust, _, pollutant = key.partition(".")
            found[int(trust), str(pollutant)] = lgb.Booster(model_str=text)
    except (OSError, EOFError, ValueError, TypeError, AttributeError, lgb.basic.LightGBMError) as e:
        raise DataError([Problem(where, f"{type(e).__name__}: {e}"[:200], "trees")]) from e
    problems = []
    for (_, p), model in found.items():
        wanted = len(features.names(p, weather=True)) if p in POLLUTANTS else 0
        if model.num_feature() != wanted:
            words = f"{model.num_feature()} columns"
            problems.append(Problem(f"{where}: {p}", words, f"{wanted} of a pollutant"))
    if problems:
        raise DataError(problems)
    return found


def _lean(text: str) -> str:
    """LightGBM's text without its statistics, numbers to seven digits: a third of the size."""
    kept = [
        line
        for line in text.split("\nend of trees")[0].split("\n")
        if not line.startswith(_STATISTICS)
    ]
    whole = "\n".join(kept) + "\nend of trees\n"
    return re.sub(
        r"(?m)^(threshold|leaf_value)=(.*)$",
        lambda m: f"{m[1]}=" + " ".join(f"{float(v):.7g}" for v in m[2].split()),
        whole,
    )
