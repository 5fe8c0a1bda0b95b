"""What a daily run knows: readings, weather and a fitted forecaster, down the stated ladder.

Takes a configuration, a home and an issue time; gives Inputs, with a note for every rung stepped
down. The ladder of weather is in forecast.weather_tiers; that of models: the configured one fitted
for the tier at hand, fitted for another tier, damped persistence.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast import (
    baselines,
    boosting,
    history,
    issue,
    model_store,
    provenance,
    quality,
    quality_limits,
    stations,
    weather_tiers,
)
from forecast.batch import Forecaster, FutureWeather, IssueBatch, WeatherTier, batches, stacked
from forecast.config import CityConfig
from forecast.ensemble import Dependence
from forecast.history import History
from forecast.importers import run as importing
from forecast.problems import DataError, Problem
from forecast.schema import POLLUTANTS, TIERS
from serving.bulletin.content import Note, Severity, Text, Weather

_HOUR = pd.Timedelta(hours=1)
_SILENT_HOURS = 24  # a station without a reading for so long is called silent
_REPLAYS = {
    "perfect": Text(
        "回放：用实测天气代替天气预报，是上限，不是预报",
        "replay with observed weather as forecast: an upper bound, not a forecast",
    ),
    "perturbed": Text(
        "回放：用加了误差的实测天气代替天气预报",
        "replay with observed weather plus simulated forecast errors",
    ),
    "none": Text("回放：不用天气预报", "replay without a weather forecast"),
}


@dataclass(frozen=True)
class Inputs:
    """Everything a run computes from."""

    history: History  # up to the issue time
    batch: IssueBatch  # of one issue time
    forecaster: Forecaster
    dependence: Dependence
    weather: Weather
    notes: tuple[Note, ...]
    data_hash: str
    suspect_share: float  # of the readings of the last day
    fail_share: float


def gather(
    config: CityConfig, *, home: Path, issue_time: pd.Timestamp, replay: WeatherTier | None
) -> Inputs:
    """Import what has arrived, read it, flag it, and find weather and model.

    Raises:
        DataError: The home has no reading of the city's stations up to the issue time.
    """
    register = stations.load(config.stations)
    notes = _import_inbox(config, home, issue_time, register)
    known = history.load(
        home,
        register,
        quality_limits.load(config.quality),
        end=issue_time,
        calibrated=config.calibrate,
    )
    notes += _gaps(known, issue_time, config.forecast.history_hours)
    future, weather, said = _weather(config, home, issue_time, replay, register)
    batch = next(
        batches(
            known.usable,
            pd.DatetimeIndex([issue_time]),
            future,
            tier=weather.tier,  # type: ignore[arg-type]
            offset=config.offset,
            history_hours=config.forecast.history_hours,
            stations=register,
        )
    )
    forecaster, stepped = _forecaster(config, home, issue_time, batch.tier, known.usable)
    recent = known.flagged.isel(time=slice(-_SILENT_HOURS, None))
    shares = _flag_shares(recent)
    return Inputs(
        known,
        batch,
        forecaster,
        issue.dependence_of(forecaster, known.usable, issue_time, config.offset),
        weather,
        (*notes, *said, *stepped),
        provenance.data_hash(known.usable),
        *shares,
    )


def _import_inbox(
    config: CityConfig, home: Path, issue_time: pd.Timestamp, register: pd.DataFrame
) -> list[Note]:
    notes = []
    for box in config.inbox:
        arrived = sorted(box.path.glob("*")) if box.path.is_dir() else []
        if not arrived:
            zh, en = f"收件目录 {box.path.name} 为空", f"inbox {box.path.name} is empty"
            notes.append(Note(Text(zh, en), "info"))
            continue
        report = importing.run(
            box.source, arrived, home=home, stations=register, received=issue_time
        )
        if report.problems:
            first = str(report.problems[0])
            count = len(report.problems)
            zh = f"导入 {box.path.name} 时发现 {count} 个问题，如：{first}"
            en = f"importing {box.path.name} found {count} problems, such as: {first}"
            notes.append(Note(Text(zh, en), "warning"))
    return notes


def _gaps(known: History, issue_time: pd.Timestamp, history_hours: int) -> list[Note]:
    """Silent stations, empty tiers, hours without any reading; says what was found, fills nothing.

    Raises:
        DataError: Not one reading up to the issue time.
    """
    values = stacked(known.usable, POLLUTANTS)
    there = np.asarray(np.isfinite(values).any(axis=2))  # (hour, station)
    if not there.any():
        found = f"no reading up to {issue_time} UTC"
        raise DataError([Problem("observations of the city's stations", found, "readings")])
    notes = []
    if not there[-history_hours:].any():
        zh = f"最近 {history_hours} 小时没有任何站点数据，预报只反映气候平均"
        en = f"no reading at all in the last {history_hours} h: the forecast is climatology"
        return [Note(Text(zh, en), "error")]
    silent = np.asarray(~there[-_SILENT_HOURS:].any(axis=0))
    tier = known.usable["tier"].values.astype(str)
    for name in TIERS:
        of_tier = tier == name
        if of_tier.any() and silent[of_tier].all():
            zh = f"{name} 级站点全部无数据（{int(of_tier.sum())} 个）"
            en = f"tier {name} is silent ({int(of_tier.sum())} stations)"
            notes.append(Note(Text(zh, en), "warning"))
            silent = silent & ~of_tier
    if silent.any():
        names = known.usable["name"].values.astype(str)[silent]
        some = "、".join(names[:5]) + ("等" if len(names) > 5 else "")
        zh = f"{len(names)} 个站点近 {_SILENT_HOURS} 小时无数据：{some}"
        en = f"{len(names)} stations silent for {_SILENT_HOURS} h: {some}"
        notes.append(Note(Text(zh, en), "warning"))
    last = np.flatnonzero(there.any(axis=1))[-1]
    late = len(there) - 1 - int(last)
    if late:
        zh, en = f"最近 {late} 小时没有任何数据", f"no reading in the last {late} h"
        notes.append(Note(Text(zh, en), "warning"))
    empty = int((~there[-_SILENT_HOURS:].any(axis=1)).sum()) - late
    if empty > 0:
        zh = f"近 {_SILENT_HOURS} 小时中另有 {empty} 小时全网缺测"
        en = f"{empty} further hours of the last {_SILENT_HOURS} have no reading at all"
        notes.append(Note(Text(zh, en), "warning"))
    return notes


def _weather(
    config: CityConfig,
    home: Path,
    issue_time: pd.Timestamp,
    replay: WeatherTier | None,
    register: pd.DataFrame,
) -> tuple[FutureWeather, Weather, list[Note]]:
    if replay is not None and replay != "archived":
        future = _replayed(config, home, issue_time, replay, register)
        return future, Weather(replay, "replay"), [Note(_REPLAYS[replay], "warning")]
    values, tier, words = weather_tiers.future_for_run(home, config, register, issue_time)
    severity: Severity = "warning" if tier == "none" or len(words) > 1 else "info"
    notes = [Note(Text(w.zh, w.en), severity) for w in words]
    source = ", ".join(config.weather.sources) if tier != "none" else ""
    return (lambda _: values), Weather(tier, source), notes


def _replayed(
    config: CityConfig,
    home: Path,
    issue_time: pd.Timestamp,
    replay: WeatherTier,
    register: pd.DataFrame,
) -> FutureWeather:
    """Observed weather after the issue time: read apart from the readings, and only for replays."""
    if replay == "none":
        return weather_tiers.none()
    limits = quality_limits.load(config.quality)
    end = issue_time + _HOUR * (96 + 24)
    later = history.load(home, register, limits, start=issue_time, end=end).usable
    air = later.drop_vars([p for p in POLLUTANTS if p in later])
    if replay == "perfect":
        return weather_tiers.perfect(air)
    return weather_tiers.perturbed(air, seed=config.forecast.seed)


def _forecaster(
    config: CityConfig,
    home: Path,
    issue_time: pd.Timestamp,
    tier: WeatherTier,
    obs: xr.Dataset,
) -> tuple[Forecaster, list[Note]]:
    name = config.forecast.model
    notes: list[Note] = []
    if name == "climatology":
        return baselines.fit_climatology(obs, issue_time, config.offset), notes
    if name == model_store.NETWORK:
        network, said = _network(home, config.city.id, issue_time)
        if network is not None:
            return network, [*notes, *said]
        notes += said
    if name == "lightgbm":
        first = model_store.trained_with(tier)
        for kind in dict.fromkeys((first, "perturbed", "none")):
            kept = model_store.newest(home, config.city.id, name, kind, issue_time)
            if kept is None:
                continue
            try:
                model = boosting.load(kept.folder)
            except DataError as error:
                notes.append(_unusable(kept.folder.name, str(error.problems[0])))
                continue
            if kind != first:
                zh = f"没有为气象等级 {first} 训练的模型，使用为 {kind} 训练的模型"
                en = f"no model fitted for weather {first}: one fitted for {kind} is used"
                notes.append(Note(Text(zh, en), "warning"))
            return model, notes
        zh = f"没有可用的 {name} 模型（起报时刻之前训练的），改用阻尼持续性预报"
        en = f"no {name} model fitted before the issue time: damped persistence is used"
        notes.append(Note(Text(zh, en), "warning"))
    return baselines.fit_persistence(obs, issue_time, config.offset), notes


def _network(
    home: Path, city: str, issue_time: pd.Timestamp
) -> tuple[Forecaster | None, list[Note]]:
    """The promoted, newest or shipped network trained before the issue time, if it can be read."""
    try:
        kept = model_store.network(home, city, issue_time)
        if kept is not None:
            place = kept.folder.resolve()
            manifest = place / model_store.MANIFEST
            said = manifest.read_bytes() if manifest.is_file() else b""
            return _loaded(place, hashlib.sha256(said).hexdigest()), []
    except DataError as error:
        return None, [_unusable(model_store.NETWORK, str(error.problems[0]))]
    zh = "没有在起报时刻之前训练的网络模型，改用阻尼持续性预报"
    en = "no network trained before the issue time: damped persistence is used"
    return None, [Note(Text(zh, en), "warning")]


@lru_cache(maxsize=2)
def _loaded(folder: Path, manifest: str) -> Forecaster:
    """A network, read once by a process that forecasts many cities with it."""
    del manifest  # of the key: it holds the digests of all other files
    from forecast import predict

    return predict.load(folder)


def _unusable(name: str, why: str) -> Note:
    return Note(Text(f"模型 {name} 不可用：{why}", f"model {name} is not usable: {why}"), "warning")


def _flag_shares(recent: xr.Dataset) -> tuple[float, float]:
    """Share of suspect and of failed values among the readings that are there."""
    flags = np.stack([recent[f"{p}_flag"].values for p in POLLUTANTS])
    there = flags != quality.MISSING
    count = max(int(there.sum()), 1)
    return float((flags == quality.SUSPECT).sum() / count), float(
        (flags == quality.FAIL).sum() / count
    )
