"""Calls to the hotline 12369 in the simulated city: when, where, what; some false, some repeated.

Takes people and air on the grid and the places of sources; gives a table of calls with what was
behind each. Knows nothing of how the air was made. An hour's calls hang on the seed and that
hour's air alone.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd

from twin.config_sensors import Reports
from twin.seeds import rng
from twin.terrain import Plane

KINDS: Final[Mapping[str, str]] = {
    "smoke": "烟尘污染",
    "odour": "工业异味",
    "dust": "工地扬尘",
    "fireworks": "燃放烟花爆竹",
    "other": "其他",
}
COLUMNS: Final = (
    "time", "seen", "kind", "longitude", "latitude", "x", "y", "truth", "source", "true_x",
    "true_y",
)  # fmt: skip
_GOOD_PM25, _GOOD_COARSE = 75.0, 75.0  # ug m-3: people begin to complain above


def calls(
    population: np.ndarray,
    pm25: np.ndarray,
    pm10: np.ndarray,
    times: pd.DatetimeIndex,
    plane: Plane,
    config: Reports,
    *,
    seed: int,
    offset: pd.Timedelta,
    sources: pd.DataFrame | None = None,
    fireworks: np.ndarray | None = None,
) -> pd.DataFrame:
    """All calls of some hours.

    Args:
        population: Persons by cell (ny, nx).
        pm25: True PM2.5 (hour, ny, nx), ug m-3.
        pm10: True PM10 (hour, ny, nx), ug m-3.
        times: Stamps, naive UTC.
        plane: The grid's plane.
        config: The settings.
        seed: The city's seed.
        offset: Local time minus UTC.
        sources: Index = id; x, y [m], odour (0..1 or more) of what smells when it works, and if
            given `active` columns are not needed: pass those at work. None: nothing smells.
        fireworks: Strength 0..1 by hour; None: none are let off.

    Returns:
        COLUMNS: time of the call and `seen`, the hour's stamp it speaks of (naive UTC); kind in
        Chinese; place as told (degrees and metres); truth: real, false or duplicate; source: id
        behind an odour call, else ""; the true place in metres. By time.
    """
    if not len(times):
        return pd.DataFrame(columns=list(COLUMNS))
    parts = [
        _hour(
            population, pm25[i], pm10[i], stamp, plane, config, seed=seed, offset=offset,
            sources=sources, fireworks=0.0 if fireworks is None else float(fireworks[i]),
        )
        for i, stamp in enumerate(times)
    ]  # fmt: skip
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    table = pd.DataFrame(columns)
    stamps = times.to_numpy().astype("datetime64[ns]")
    table["seen"] = np.repeat(stamps, [len(p["seconds"]) for p in parts])
    table["time"] = table["seen"] + pd.to_timedelta(table["seconds"], unit="s")
    lon, lat = plane.to_lonlat(table["x"].to_numpy(), table["y"].to_numpy())
    table["longitude"], table["latitude"] = lon.round(5), lat.round(5)
    table["kind"] = table["kind"].map(dict(KINDS))
    table = table.sort_values(["time", "x"], kind="stable").reset_index(drop=True)
    return table[list(COLUMNS)]


def _hour(
    population: np.ndarray, pm25: np.ndarray, pm10: np.ndarray, stamp: pd.Timestamp, plane: Plane,
    config: Reports, *, seed: int, offset: pd.Timedelta, sources: pd.DataFrame | None,
    fireworks: float,
) -> dict[str, np.ndarray]:  # fmt: skip
    """An hour's calls as columns: kind, truth, source, true_x, true_y, x, y, seconds."""
    random = rng(seed, "reports", str(stamp))
    local = int((stamp + offset - pd.Timedelta(hours=1)).hour)
    daily = np.asarray(config.hourly)
    weight = float(daily[local] / daily.mean()) / 24
    base = population / 1e6 * config.per_million_day * weight
    fine = np.maximum(pm25 / _GOOD_PM25 - 1, 0)
    coarse = np.maximum((pm10 - pm25) / _GOOD_COARSE - 1, 0)
    rates = {
        "smoke": base * 0.5 * (1 + config.per_excess * fine),
        "dust": base * 0.3 * (1 + config.dust_gain * coarse),
        "fireworks": base * config.fireworks_gain * fireworks,
        "other": base * 0.2,
    }
    parts = []
    for kind, rate in rates.items():
        cells = _drawn(random, rate)
        inside = random.uniform(-0.5, 0.5, (2, len(cells))) * plane.dx_m
        parts.append(_columns(kind, *(_centres(cells, plane) + inside)))
    if sources is not None and len(sources):
        parts.append(_odours(random, population, sources, plane, config, weight))
    expected = sum(float(rate.sum()) for rate in rates.values())
    number = int(random.poisson(config.false_share / (1 - config.false_share) * expected))
    cells = random.choice(population.size, number, p=population.ravel() / population.sum())
    untrue = _columns("other", *_centres(cells, plane), truth="false")
    untrue["kind"] = random.choice(list(KINDS), number).astype(object)
    told = {k: np.concatenate([p[k] for p in (*parts, untrue)]) for k in untrue}
    again = random.random(len(told["kind"])) < config.duplicate_share
    told = {k: np.concatenate([v, v[again]]) for k, v in told.items()}
    count = len(told["kind"])
    told["truth"][count - int(again.sum()) :] = "duplicate"
    delay = random.exponential(config.delay_hours, count)
    told["seconds"] = np.rint((random.uniform(-1, 0, count) + delay) * 3600)
    away = random.normal(0, config.place_error_m, (2, count))
    told["x"], told["y"] = told["true_x"] + away[0], told["true_y"] + away[1]
    return told


def _odours(
    random: np.random.Generator, population: np.ndarray, sources: pd.DataFrame, plane: Plane,
    config: Reports, weight: float,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Calls about smells: by strength and the people within reach (per 10,000)."""
    x, y = sources["x"].to_numpy(float), sources["y"].to_numpy(float)
    # The bell is a product of one along x and one along y, so no (source, cell) table is needed.
    along = np.exp(-((plane.x[None] - x[:, None]) ** 2) / (2 * config.reach_m**2))
    across = np.exp(-((plane.y[None] - y[:, None]) ** 2) / (2 * config.reach_m**2))
    near = ((across @ population) * along).sum(axis=1) / 1e4
    mean = config.odour_per_source_day * weight * sources["odour"].to_numpy(float) * near
    count = random.poisson(mean)
    which = np.repeat(np.arange(len(sources)), count)
    spread = random.normal(0, config.reach_m / 2, (2, len(which)))
    columns = _columns("odour", x[which] + spread[0], y[which] + spread[1])
    columns["source"] = sources.index.to_numpy().astype(str)[which].astype(object)
    return columns


def _drawn(random: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """Cells (flat) in which something happens, as often as it does."""
    flat = rate.ravel()
    return np.repeat(np.arange(flat.size), random.poisson(np.maximum(flat, 0)))


def _centres(cells: np.ndarray, plane: Plane) -> np.ndarray:
    """Centres (2, n) of cells given by flat number, m east and north."""
    row, column = np.divmod(cells, plane.nx)
    return np.stack([plane.x[column], plane.y[row]])


def _columns(
    kind: str, x: np.ndarray, y: np.ndarray, *, truth: str = "real"
) -> dict[str, np.ndarray]:
    def filled(word: str) -> np.ndarray:
        return np.full(len(x), word, dtype=object)

    return {
        "kind": filled(kind), "truth": filled(truth), "source": filled(""), "true_x": x,
        "true_y": y,
    }  # fmt: skip
