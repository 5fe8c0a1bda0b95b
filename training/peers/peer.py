"""A published network as a forecaster: trained like everything else here, judged like it, too.

Trained twice, as the trees are (forecast.boosting): first without the last quarter of the record
(at most 180 days) and a gap, which says how many steps are best and how much too narrow the
quantiles are; then that many steps on all of it. The budget is a number of steps, so that the
same data, seed and machine give the same network; its seconds are kept beside it.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import torch
import xarray as xr
from torch import Tensor

from forecast import boosting_rows
from forecast.batch import Floats, FutureWeather, IssueBatch, WeatherTier, part
from forecast.boosting_train import widened, widening_factors
from forecast.problems import DataError, Problem
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES, stations_frame
from training.peers import networks
from training.peers.networks import Pick
from training.peers.settings import PeerConfig
from training.peers.windows import N, Scale, windows
from training.windows import Record

_HOUR: Final = pd.Timedelta(hours=1)
_AT_ONCE: Final = 8  # issue times of a prediction


@dataclass(frozen=True)
class Cost:
    """What the training took."""

    seconds: float  # by the clock
    cpu_seconds: float  # of this process: what a free core would have needed
    trial_steps: int
    steps: int  # of the final training
    parameters: int


@dataclass(frozen=True)
class Peer:
    """A trained peer of one weather tier."""

    label: str
    tier: WeatherTier
    trained_until: pd.Timestamp
    config: PeerConfig
    scale: Scale
    stations: tuple[str, ...]
    widening: dict[str, tuple[float, ...]]  # per pollutant and quantile, as for the trees
    cost: Cost
    net: Any

    @property
    def name(self) -> str:
        """The name in files and tables."""
        return self.label

    @property
    def parameters(self) -> int:
        """Trained parameters."""
        return self.cost.parameters

    def quantiles(self, batch: IssueBatch) -> Floats:
        """Quantiles (issue, lead, station, POLLUTANTS, QUANTILES), monotone, never below 0.

        Raises:
            DataError: A network of all stations together is asked for others than its own.
        """
        names = tuple(batch.stations.index.astype(str))
        if self.config.together == "all" and names != self.stations:
            found, own = f"stations {names}", f"those it was trained on: {self.stations}"
            raise DataError([Problem(self.name, found, own)])
        seen = replace(batch, tier=self.tier)
        n = len(batch.issue_times)
        return np.concatenate([self._some(part(seen, i, i + _AT_ONCE))
                               for i in range(0, n, _AT_ONCE)])  # fmt: skip

    def _some(self, batch: IssueBatch) -> Floats:
        out = raw(self.net, self.config, self.scale, batch)
        for i, p in enumerate(POLLUTANTS):
            out[..., i, :] = widened(out[..., i, :], self.widening[p])
        return out


def fit(
    obs: xr.Dataset,
    until: pd.Timestamp,
    future: FutureWeather,
    tier: WeatherTier,
    offset: pd.Timedelta,
    config: PeerConfig,
    seed: int,
    *,
    label: str,
    say: Callable[[str], None],
) -> Peer:
    """Train a peer on `obs` up to `until`.

    Args:
        obs: Schema dataset on a complete hourly grid, NaN = missing; nothing after `until` is
            used, neither as history nor as target.
        until: Last hour used (naive UTC).
        future: Weather of the coming hours at each issue time; not called for tier `none`.
        tier: What `future` is.
        offset: Local time minus UTC.
        config: The peer and its budget.
        seed: Decides weights and draws.
        label: Its name in files and tables.
        say: Told the progress.

    Raises:
        DataError: The record is too short for history, horizon, gap and validation.
    """
    began, cpu = time.monotonic(), time.process_time()
    torch.set_num_threads(config.threads)
    kept = obs.sel(time=slice(None, until))
    every, early, check = boosting_rows.issue_times(
        kept, until, validation_days=config.validation_days, gap_hours=config.gap_hours
    )
    last = early[-1] + MAX_LEAD * _HOUR
    scale = Scale.of(kept.sel(time=slice(None, last)), stations_frame(kept))
    record = Record.of(kept, offset, config.history_hours)
    source = _Source(record, future, tier)
    held = check[np.linspace(0, len(check) - 1, config.validation_issues).astype(int)]
    steps, factors = _trial(source, early, held, scale, config, seed, label, say)
    scale = Scale.of(kept, stations_frame(kept))
    net = networks.build(config, scale, len(record.stations), seed)
    for step, value in _training(net, source, every, scale, config, seed, steps):
        if step % max(steps // config.checks, 1) == 0:
            say(f"{label}: step {step} of {steps}, loss {value:.4f}")
    net.eval()
    cost = Cost(
        time.monotonic() - began, time.process_time() - cpu, config.steps, steps,
        networks.parameters(net),
    )  # fmt: skip
    names = tuple(record.stations.index.astype(str))
    return Peer(label, tier, until, config, scale, names, factors, cost, net)


def raw(net: Any, config: PeerConfig, scale: Scale, batch: IssueBatch) -> Floats:
    """Quantiles of a network as it gives them, put in order, in concentration."""
    w = windows(batch, scale, config.history_hours)
    shape = (len(batch.issue_times), len(batch.stations), N, MAX_LEAD, len(QUANTILES))
    with torch.inference_mode():
        made = networks.forward(net, config, w).numpy()
    if config.together == "all":
        made = made.reshape(shape[0], MAX_LEAD, shape[1], N, -1)
    elif config.together == "pollutants":
        made = np.moveaxis(made.reshape(shape[0], shape[1], MAX_LEAD, N, -1), 2, 1)
    else:
        made = np.moveaxis(made.reshape(shape), 3, 1)
    return np.sort(scale.concentration(made), axis=-1)


@dataclass(frozen=True)
class _Source:
    """What issue times are cut from, with the weather of one tier."""

    record: Record
    future: FutureWeather
    tier: WeatherTier

    def cut(self, times: pd.DatetimeIndex) -> tuple[IssueBatch, Floats]:
        """What was known and what came: targets (issue, lead, station, POLLUTANTS)."""
        coming = None if self.tier == "none" else self.future(times)
        return self.record.cut(times, coming, self.tier), self.record.targets(times)


def _trial(
    source: _Source, early: pd.DatetimeIndex, held: pd.DatetimeIndex, scale: Scale,
    config: PeerConfig, seed: int, label: str, say: Callable[[str], None],
) -> tuple[int, dict[str, tuple[float, ...]]]:  # fmt: skip
    """Train without the last quarter: best number of steps, and how much wider it must be."""
    net = networks.build(config, scale, len(source.record.stations), seed)
    best: tuple[float, int, Floats | None] = (float("inf"), config.steps, None)
    parts = [source.cut(held[i : i + _AT_ONCE]) for i in range(0, len(held), _AT_ONCE)]
    y = np.concatenate([targets for _, targets in parts])
    every = max(config.steps // config.checks, 1)
    for step, value in _training(net, source, early, scale, config, seed, config.steps):
        if step % every and step != config.steps:
            continue
        net.eval()
        made = np.concatenate([raw(net, config, scale, batch) for batch, _ in parts])
        net.train()
        score = _score(made, y, scale)
        say(f"{label}: trial step {step} of {config.steps}, loss {value:.4f}, held-out {score:.4f}")
        if score < best[0]:
            best = (score, step, made)
    made = best[2] if best[2] is not None else made
    factors = {}
    for i, p in enumerate(POLLUTANTS):
        known = np.isfinite(y[..., i])
        found = np.moveaxis(made[..., i, :][known], -1, 0)
        factors[p] = tuple(widening_factors(found, y[..., i][known])) if known.any() else (1.0,) * 9
    return best[1], factors


def _score(made: Floats, y: Floats, scale: Scale) -> float:
    """Mean quantile score of held-out hours over the pollutants' spreads."""
    q = np.array(QUANTILES, dtype=np.float32)
    gap = y[..., None] - made
    each = np.nanmean(np.maximum(q * gap, (q - 1) * gap), axis=(0, 1, 2, 4))
    return float(np.nanmean(each / np.array(scale.spread)))


def _training(
    net: Any, source: _Source, times: pd.DatetimeIndex, scale: Scale, config: PeerConfig,
    seed: int, steps: int,
) -> Iterator[tuple[int, float]]:  # fmt: skip
    """Take steps; yields (step, loss) after each."""
    rng = np.random.default_rng([seed, steps])
    torch.manual_seed(seed)
    net.train()
    trained = [p for p in net.parameters() if p.requires_grad]
    adam = torch.optim.AdamW(trained, lr=config.learning_rate, weight_decay=config.weight_decay)
    rate = torch.optim.lr_scheduler.LambdaLR(adam, lambda k: _warm_then_cosine(k, steps))
    for step in range(1, steps + 1):
        drawn = times[rng.integers(0, len(times), config.issues_per_step)]
        batch, y = source.cut(drawn)
        value = _loss(net, batch, y, scale, config, rng)
        adam.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        adam.step()
        rate.step()
        yield step, float(value.detach())


def _warm_then_cosine(step: int, steps: int) -> float:
    warm = max(1, min(50, steps // 10))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(steps - warm, 1)))) + 0.01


def _loss(
    net: Any, batch: IssueBatch, y: Floats, scale: Scale, config: PeerConfig,
    rng: np.random.Generator,
) -> Tensor:  # fmt: skip
    w = windows(boosting_rows.holed(batch, config.missing_share, rng), scale, config.history_hours)
    n, _, s, _ = y.shape
    column = np.arange(N)
    if config.together == "all":
        z = networks.forward(net, config, w)
        target = y.reshape(n, MAX_LEAD, s * N)
        column = np.tile(column, s)[None]
    else:
        apart = config.together == "none"
        at = Pick.drawn(n, s, config.windows_per_issue, apart, rng)
        z = networks.forward(net, config, w, at)
        target = y[at.issue, :, at.station]
        column = column[None]
        if apart:
            target = target[np.arange(len(target)), :, at.pollutant][..., None]
            column = at.pollutant[:, None]

    def of(values: tuple[float, ...]) -> Tensor:
        return torch.tensor(np.array(values, dtype=np.float32)[column])[:, None]  # (b or 1, 1, k)

    centre, width, spread = of(scale.centre), of(scale.width), of(scale.spread)
    mask = torch.from_numpy(np.isfinite(target).astype(np.float32))
    conc = torch.where(mask > 0, torch.from_numpy(np.nan_to_num(target)), centre)
    in_z = networks.pinball(z, torch.asinh((conc - centre) / width), mask)
    made = torch.sinh(z.clamp(-6, 6)) * (width / spread)[..., None]
    in_conc = networks.pinball(made, (conc - centre) / spread, mask)
    return (1 - config.linear) * in_z + config.linear * in_conc
