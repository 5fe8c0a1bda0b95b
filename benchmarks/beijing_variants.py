"""Variants of the network on Beijing: trained to 2014-08, scored on 2014-09-11 .. 2015-02-24.

    LANTIAN_HOME=HOME python -m benchmarks.beijing_variants FOLDER [NAME ...]

Choices of size, loss and training are made here, on time before the scored year of
docs/results/beijing.md. One seed each, observed weather (perfect). Prints MAE by day and CRPS.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from forecast import config, history, network_inputs, predict, quality_limits, stations
from forecast.schema import POLLUTANTS, QUANTILES
from serving import settings as serving_settings
from training import calibrate, job, train
from training.job import Job
from training.settings import Tiers, TrainConfig
from training.windows import Record

UNTIL, LAST = pd.Timestamp("2014-08-31 16:00"), pd.Timestamp("2015-02-27 16:00")
PERFECT = {"perfect": 1.0, "perturbed": 0.0, "none": 0.0}


@dataclass(frozen=True)
class Variant:
    """What differs from the settings' defaults."""

    content: dict[str, dict[str, object]]
    tiers: dict[str, float]


def _variant(tiers: dict[str, float] | None = None, **content: dict[str, object]) -> Variant:
    return Variant(content, tiers or PERFECT)


VARIANTS = {
    "wide": _variant(network={"width": 128, "dropout": 0.3}, optimiser={"steps": 700}),
    "narrow": _variant(network={"width": 64, "dropout": 0.2}, optimiser={"steps": 800}),
    "long": _variant(network={"width": 128}, optimiser={"steps": 900}),
    "dropout .4, decay .1": _variant(
        network={"width": 128, "dropout": 0.4},
        optimiser={"steps": 700, "weight_decay": 0.1, "learning_rate": 2e-3},
    ),
    "dropout .5, decay .3": _variant(
        network={"width": 128, "dropout": 0.5},
        optimiser={"steps": 700, "weight_decay": 0.3, "learning_rate": 3e-3},
    ),
    "channels hidden": _variant(
        network={"width": 128, "dropout": 0.3, "channel_dropout": 0.25},
        optimiser={"steps": 700, "weight_decay": 0.1, "learning_rate": 2e-3},
    ),
    "levels scaled": _variant(
        network={"width": 128, "dropout": 0.3}, optimiser={"steps": 700}, holes={"levels": 0.15}
    ),
    "all tiers at once": _variant(
        {"perfect": 0.55, "perturbed": 0.33, "none": 0.12},
        network={"width": 128}, optimiser={"steps": 800},
    ),
    "attention": _variant(
        network={"width": 96, "trunk": "attention", "dropout": 0.3}, optimiser={"steps": 600}
    ),
    "mixer": _variant(
        network={"width": 96, "trunk": "mixer", "dropout": 0.3}, optimiser={"steps": 600}
    ),
    "as shipped": _variant(
        {"perfect": 0.85, "perturbed": 0.15, "none": 0.0},
        network={"width": 96, "dropout": 0.3}, optimiser={"steps": 600, "weight_decay": 0.05},
    ),
}  # fmt: skip


def main(folder: Path, names: list[str]) -> None:
    """Train and score variants; those that are trained already are only scored."""
    city = config.load(config.configs_dir() / "beijing.yaml")
    register = stations.load(city.stations)
    limits = quality_limits.load(city.quality)
    obs = history.load(serving_settings.home(), register, limits, end=LAST).usable
    whole = Record.of(obs, city.offset, city.forecast.history_hours)
    record = Record.of(obs.sel(time=slice(None, UNTIL)), city.offset, city.forecast.history_hours)
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "record.nc"
    job.keep_record(data, record)
    issues = pd.date_range(UNTIL + pd.Timedelta(days=10), LAST - pd.Timedelta(hours=96), freq="11h")
    perfect = calibrate.weather_of(whole, "perfect", None)
    observed = whole.targets(issues)
    for name in names or list(VARIANTS):
        variant = VARIANTS[name]
        content = TrainConfig.model_validate({**variant.content, "workers": 1})
        scales = train.scales_of(record, UNTIL, content)
        one = Job(name.replace(" ", "-"), 1, ((record.origin, UNTIL),), Tiers(**variant.tiers))
        if not job.is_done(folder, one):
            print(job.train(one, folder, data, content, scales, None), flush=True)
        network, parts = job.network(folder, one), []
        for start in range(0, len(issues), 64):
            at = issues[start : start + 64]
            given = network_inputs.inputs(whole.cut(at, perfect(at), "perfect"), scales)
            z = predict.raw_quantiles((network,), given, whole.stations)
            parts.append(np.moveaxis(scales.concentration(np.moveaxis(z, -1, -2)), -2, -1))
        print(f"{name}: {_scores(np.concatenate(parts), observed)}", flush=True)


def _scores(quantiles: np.ndarray, observed: np.ndarray) -> str:
    q = np.array(QUANTILES)
    words = []
    for name in ("pm25", "o3"):
        p = POLLUTANTS.index(name)
        gap = observed[..., p, None] - quantiles[..., p, :]
        mae = np.abs(gap[..., len(QUANTILES) // 2])
        crps = 2 * np.maximum(q * gap, (q - 1) * gap).mean(axis=-1)
        for what, values in (("MAE", mae), ("CRPS", crps)):
            days = [f"{np.nanmean(values[:, 24 * d : 24 * d + 24]):.1f}" for d in range(3)]
            words.append(f"{name} {what} {' / '.join(days)}")
    return ", ".join(words)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
