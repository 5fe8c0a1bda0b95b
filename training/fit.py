"""Fit a forecaster on what lies before a moment, and keep it in the home.

Nothing from `until` on is in the dataset the fit sees, neither as history nor as target; future
weather of a training issue ends with that dataset, too.
"""

import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import xarray as xr

from forecast import baselines, boosting, history, model_store, quality_limits, stations
from forecast.batch import Forecaster, WeatherTier
from forecast.config import CityConfig
from forecast.problems import ConfigError, DataError, Problem
from training import tiers
from training.peers import settings as peer_settings

KEPT = ("lightgbm", *peer_settings.PEERS)  # fitted once, then read from the home
NAMES = ("persistence", "climatology", model_store.NETWORK, *KEPT)


def run(
    config: CityConfig,
    *,
    home: Path,
    until: pd.Timestamp,
    tier: WeatherTier,
    model: str,
    say: Callable[[str], None],
    settings: Path | None = None,
    tag: str = "",
) -> Path:
    """`lantian train`: fit on the home's data before `until` (UTC) and keep the result.

    Args:
        settings: Of the network's training; None: configs/train/<city>.yaml or the general one.
        tag: Keep the network aside as `network:TAG`; no run uses it before it is promoted.

    Returns:
        The folder of the fitted model.

    Raises:
        ConfigError: No model of that name is kept as a file.
        DataError: The home has no data before `until`.
    """
    if model not in (model_store.NETWORK, *KEPT):
        found = f"{model!r}, which is fitted anew in seconds and not kept"
        raise ConfigError([Problem("--model", found, f"one of {(model_store.NETWORK, *KEPT)}")])
    if tag and model != model_store.NETWORK:
        raise ConfigError([Problem("--tag", f"with --model {model}", "a network")])
    register = stations.load(config.stations)
    limits = quality_limits.load(config.quality)
    obs = history.load(home, register, limits, end=until, calibrated=config.calibrate).usable
    if model == model_store.NETWORK:
        return _trained(config, home, obs, until, settings, tag, say)
    fitted(config, home=home, obs=obs, until=until, tier=tier, model=model, say=say)
    return folder_of(config, home, model, tier, until)


def fitted(
    config: CityConfig,
    *,
    home: Path,
    obs: xr.Dataset,
    until: pd.Timestamp,
    tier: WeatherTier,
    model: str,
    say: Callable[[str], None],
) -> Forecaster:
    """A forecaster fitted on `obs` up to `until`: one that is kept, or a new one, then kept."""
    seen = obs.sel(time=slice(None, until))
    if model == "persistence":
        return baselines.fit_persistence(seen, until, config.offset)
    if model == "climatology":
        return baselines.fit_climatology(seen, until, config.offset)
    if model_store.is_network(model):
        return _network(config, home, until, model, say)
    if model in peer_settings.PEERS:
        return _peer(config, home=home, obs=seen, until=until, tier=tier, model=model, say=say)
    if model != "lightgbm":
        raise ConfigError([Problem("model", repr(model), f"one of {NAMES}")])
    folder = folder_of(config, home, model, tier, until)
    if (folder / boosting.MANIFEST).is_file():
        say(f"lightgbm: kept in {folder}")
        return boosting.load(folder)
    began = time.monotonic()
    with_tier = model_store.trained_with(tier)
    say(f"lightgbm: fitting with weather {with_tier} on data up to {until} UTC")
    register = stations.load(config.stations)
    future = tiers.future(with_tier, obs=seen, home=home, config=config, stations=register)
    fit = boosting.fit(
        seen, until, future, with_tier, config.offset, boosting.BoostingConfig(),
        config.forecast.seed,
    )  # fmt: skip
    boosting.save(fit, folder)
    say(f"lightgbm: fitted in {time.monotonic() - began:.0f} s")
    return fit


def _network(
    config: CityConfig, home: Path, until: pd.Timestamp, name: str, say: Callable[[str], None]
) -> Forecaster:
    """The network a run at `until` may use: promoted, trained in this home, shipped, or named."""
    from forecast import predict

    kept = model_store.network_named(home, config.city.id, name, until)
    if kept is None:
        found = f"no {name} trained before {until} UTC, in the home or shipped"
        expected = "lantian train --model network --until a date not after it"
        raise ConfigError([Problem(f"model of {config.city.id}", found, expected)])
    say(f"{name}: {kept.folder.name}, trained until {kept.trained_until} UTC")
    return predict.load(kept.folder)


def _trained(
    config: CityConfig, home: Path, obs: xr.Dataset, until: pd.Timestamp, settings: Path | None,
    tag: str, say: Callable[[str], None],
) -> Path:  # fmt: skip
    """Train a network and keep it; one that is kept already with these settings is kept."""
    from training import card, drift, train
    from training import settings as train_settings
    from training.windows import Record, Vintages

    folder = model_store.folder(home, config.city.id, model_store.NETWORK, "none", until, tag)
    champion = model_store.champion(home, config.city.id)
    if champion is not None and champion.folder.resolve() == folder.resolve():
        expected = "--tag NAME: what was promoted is not written over"
        raise ConfigError([Problem(str(folder), "the champion", expected)])
    chosen = train_settings.load(settings or train_settings.default(config.city.id))
    real = None
    if any(e.tiers.archived > 0 for e in chosen.experts):
        real = Vintages(home, config.weather.sources, config.weather.max_age_hours)
    made = train.run(config, chosen, obs, home=home, until=until, vintages=real, say=say)
    train.save(made, folder)
    card.write(folder)
    (folder / drift.FILE).unlink(missing_ok=True)
    try:  # what is ordinary, for `lantian drift`
        seen = Record.of(obs.sel(time=slice(None, until)), config.offset, 0)
        drift.keep(drift.reference(seen), folder)
    except DataError as error:
        say(f"no statistics for drift: {error.problems[0]}")
    return folder


def _peer(
    config: CityConfig, *, home: Path, obs: xr.Dataset, until: pd.Timestamp, tier: WeatherTier,
    model: str, say: Callable[[str], None],
) -> Forecaster:  # fmt: skip
    """A published network, kept or newly trained (extra `peers`)."""
    try:
        from training.peers import peer, peer_file
    except ImportError as error:
        found = f"{model!r} without {error.name}"
        raise ConfigError([Problem("model", found, "the extra: lantian[peers]")]) from error
    folder = folder_of(config, home, model, tier, until)
    if (folder / peer_file.MANIFEST).is_file():
        kept = peer_file.load(folder)
        if kept.config == peer_settings.named(model):
            say(f"{model}: kept in {folder}")
            return kept
        say(f"{model}: kept in {folder}, but trained with other settings: trained anew")
    with_tier = model_store.trained_with(tier)
    say(f"{model}: training with weather {with_tier} on data up to {until} UTC")
    register = stations.load(config.stations)
    future = tiers.future(with_tier, obs=obs, home=home, config=config, stations=register)
    made = peer.fit(
        obs, until, future, with_tier, config.offset, peer_settings.named(model),
        config.forecast.seed, label=model, say=say,
    )  # fmt: skip
    peer_file.save(made, folder)
    say(f"{model}: trained in {made.cost.seconds:.0f} s, {made.cost.steps} steps are best")
    return made


def folder_of(
    config: CityConfig, home: Path, model: str, tier: WeatherTier, until: pd.Timestamp
) -> Path:
    """Where a model is kept; `tier` is the weather it is to serve."""
    if model_store.is_network(model):
        kept = model_store.network_named(home, config.city.id, model, until)
        if kept is not None:
            return kept.folder
    kind = model_store.trained_with(tier)
    return model_store.folder(home, config.city.id, model, kind, until)
