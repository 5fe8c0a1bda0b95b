"""Who did what was ordered: electricity meters and stack monitors against the orders.

Takes hourly electricity per unit, hourly emission per stack and the orders; gives one row per
order: the share of the cut that was done by day and by night, a verdict, and how sure it is. What
a unit usually does is learned from its own hours without orders before, hour by hour of the local
day. Where meter and monitor differ, the meter counts: a monitor can be made to show what was
ordered. Knows nothing of the air.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import norm

from forecast.problems import DataError, Problem
from response.evaluation_settings import DEFAULT, Settings
from response.rules import Words

Floats = NDArray[np.float64]
VERDICTS: Final = ("complied", "late", "partly", "evades_night", "evades_day", "not", "unknown")
WORDS: Final[Mapping[str, Words]] = {
    "complied": Words(zh="落实到位", en="complied"),
    "late": Words(zh="落实滞后", en="complied late"),
    "partly": Words(zh="部分落实", en="complied in part"),
    "evades_night": Words(zh="夜间未落实", en="not at night"),
    "evades_day": Words(zh="白天未落实", en="not by day"),
    "not": Words(zh="未落实", en="did not comply"),
    "unknown": Words(zh="无法判断（缺少数据）", en="unknown (no data)"),
}
EMISSIONS: Final = ("emission_so2", "emission_nox", "emission_pm")
ORDER_COLUMNS: Final = ("unit", "start", "end", "load")
_HOUR: Final = pd.Timedelta(hours=1)
_POINTS: Final = norm.ppf((np.arange(25) + 0.5) / 25)


@dataclass(frozen=True)
class Compliance:
    """What every order came to.

    Attributes:
        table: One row per order: unit, start, end (naive UTC), ordered (load), load_done (mean
            load run, of usual), done_day, done_night, done (share of the cut, NaN unknown), sd,
            late_h, monitor_done, verdict, probability (of the verdict), p_<verdict>,
            p_contradicts (monitor shows more of the cut than the meter), contradicts, evidence
            (meter, monitor, none).
        loads: Estimated mean load (unit, local day) of all units that have an order, on every day
            there are data of, 0..1.2; NaN unknown.
    """

    table: pd.DataFrame
    loads: pd.DataFrame

    def as_dict(self) -> dict[str, Any]:
        """Counts by verdict and the rows, for JSON."""
        rows = self.table.copy()
        for column in ("start", "end"):
            rows[column] = rows[column].map(lambda t: t.isoformat())
        numbers = rows.select_dtypes("number").columns
        rows[numbers] = rows[numbers].round(3)
        rows = rows.astype(object).where(rows.notna(), None)
        counts = self.table["verdict"].value_counts()
        return {
            "counts": {v: int(counts.get(v, 0)) for v in VERDICTS},
            "monitor_contradicts_meter": int(self.table["contradicts"].sum()),
            "orders": rows.to_dict("records"),
        }


def judge(
    orders: pd.DataFrame,
    power: xr.Dataset | None,
    monitors: xr.Dataset | None,
    units: pd.DataFrame,
    *,
    offset: pd.Timedelta,
    settings: Settings = DEFAULT,
) -> Compliance:
    """Judge every order.

    Args:
        orders: ORDER_COLUMNS; start and end naive UTC (the order holds in hours stamped after
            start up to and with end), load 0..1 of usual work.
        power: production [kWh] (time, unit), hourly, NaN missing; None: no meters.
        monitors: EMISSIONS [kg h-1] (time, stack) with coordinate `unit` (stack); None: none.
        units: Index unit; hours_to_stop.
        offset: Local time minus UTC.
        settings: What is assumed.

    Raises:
        DataError: Orders without the columns, of unknown units, or with loads outside 0..1.
    """
    check_orders(orders, units)
    ids = pd.Index(sorted(set(orders["unit"].astype(str))))
    seen = {
        "meter": _by_unit(power, ids, ("production",), "unit") if power is not None else None,
        "monitor": _by_unit(monitors, ids, EMISSIONS, "stack") if monitors is not None else None,
    }
    ratios = {
        name: _ratio(*data, orders, ids, offset, settings, idle=name == "meter")
        for name, data in seen.items()
        if data is not None
    }
    rows = [
        _group(part, ids, ratios, units, offset, settings)
        for _, part in orders.groupby(["start", "end"], sort=True)
    ]
    table = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()
    return Compliance(table, _loads(ids, ratios, offset))


def check_orders(orders: pd.DataFrame, units: pd.DataFrame) -> None:
    """Refuse a table of orders that cannot be used, all problems at once."""
    problems = [
        Problem(f"orders: {c}", "absent", "a column") for c in ORDER_COLUMNS if c not in orders
    ]
    if not problems:
        ids = orders["unit"].astype(str)
        unknown = sorted(set(ids[~ids.isin(units.index.astype(str))]))
        problems += [
            Problem(f"orders: unit {u}", "unknown", "a unit of the register") for u in unknown
        ]
        starts, ends = (pd.DatetimeIndex(orders[c]) for c in ("start", "end"))
        loads = orders["load"].to_numpy(float)
        for i in np.flatnonzero(~((loads >= 0) & (loads <= 1))).tolist():  # NaN too
            problems.append(Problem(f"orders: row {i + 2}, load", f"{loads[i]}", "0..1"))
        for i in np.flatnonzero(~(starts < ends)).tolist():
            found = f"{starts[i]} to {ends[i]}"
            problems.append(Problem(f"orders: row {i + 2}", found, "start before end"))
    if problems:
        raise DataError(problems)


@dataclass(frozen=True)
class _Ratio:
    """Work relative to usual: `work` over `usual` (time, unit), both above idling."""

    times: pd.DatetimeIndex
    work: Floats  # NaN unknown
    usual: Floats
    sd: Floats  # (unit,), of an hour's work over usual


def _by_unit(
    ds: xr.Dataset, ids: pd.Index, names: tuple[str, ...], dim: str
) -> tuple[pd.DatetimeIndex, list[Floats]]:
    times = pd.DatetimeIndex(ds["time"].to_numpy())
    owner = pd.Index(ds["unit"].to_numpy().astype(str))
    at = ids.get_indexer(owner)
    tables = []
    for name in names:
        if name not in ds:
            continue
        values = ds[name].transpose("time", dim).to_numpy().astype(float)
        # A unit's hour is known only when all of its stacks are.
        total = np.full((len(times), len(ids)), np.nan)
        for column in np.unique(at[at >= 0]):
            total[:, column] = values[:, at == column].sum(axis=1)
        tables.append(total)
    return times, tables


def _ratio(
    times: pd.DatetimeIndex, tables: list[Floats], orders: pd.DataFrame, ids: pd.Index,
    offset: pd.Timedelta, settings: Settings, *, idle: bool,
) -> _Ratio:  # fmt: skip
    """Work over usual; several tables (pollutants) are averaged by their own usual values."""
    local = (times + offset - _HOUR).hour.to_numpy()
    under = np.zeros((len(times), len(ids)), bool)
    begins, ends = (pd.DatetimeIndex(orders[c]) for c in ("start", "end"))
    owners = ids.get_indexer(pd.Index(orders["unit"].astype(str)))
    for begin, end, owner in zip(begins, ends + 48 * _HOUR, owners, strict=True):
        under[np.asarray((times > begin) & (times <= end)), owner] = True
    first = orders["start"].min() if len(orders) else times[-1]
    learn = np.asarray(times > first - pd.Timedelta(days=settings.baseline_days))[:, None] & ~under
    work, usual = np.zeros(under.shape), np.zeros(under.shape)
    known = np.zeros(under.shape)
    for values in tables:
        free = np.where(learn, values, np.nan)
        by_hour = _hourly_median(free, local)
        count = (~np.isnan(free)).sum(axis=0)
        by_hour[:, count < settings.least_baseline_hours] = np.nan
        mean = _nanmean(by_hour)
        rest = np.minimum(settings.idle_share * mean, _nanmin(values)) if idle else 0.0 * mean
        scale = np.where(mean - rest > 0, mean - rest, np.nan)
        w, u = (values - rest) / scale, ((by_hour - rest) / scale)[local]
        both = ~np.isnan(w) & ~np.isnan(u)
        work += np.where(both, w, 0)
        usual += np.where(both, u, 0)
        known += both
    work = np.where(known > 0, work / np.maximum(known, 1), np.nan)
    usual = np.where(known > 0, usual / np.maximum(known, 1), np.nan)
    error = np.where(learn, work - usual, np.nan)
    return _Ratio(times, work, usual, 1.4826 * _nanmedian(np.abs(error)))


def _group(
    part: pd.DataFrame, ids: pd.Index, ratios: Mapping[str, _Ratio], units: pd.DataFrame,
    offset: pd.Timedelta, settings: Settings,
) -> pd.DataFrame:  # fmt: skip
    """Verdicts of orders that share start and end."""
    begin, end = part["start"].iloc[0], part["end"].iloc[0]
    at = np.asarray(ids.get_indexer(pd.Index(part["unit"].astype(str))), dtype=np.int64)
    load = part["load"].to_numpy(float)
    asked = np.maximum(1 - load, 1e-9)
    by_name = pd.Series(units["hours_to_stop"].to_numpy(float), units.index.astype(str))
    stop = np.ceil(np.maximum(by_name.loc[part["unit"].astype(str)].to_numpy(), 1) * asked)
    shown = {
        n: _shares(r, at, begin, end, asked, stop, offset, settings) for n, r in ratios.items()
    }
    empty = {k: np.full(len(part), np.nan) for k in ("day", "night", "all", "sd", "late", "load")}
    meter, monitor = shown.get("meter", empty), shown.get("monitor", empty)
    by_meter = ~np.isnan(meter["all"])
    use = {k: np.asarray(np.where(by_meter, meter[k], monitor[k]), dtype=float) for k in empty}
    p = _probabilities(use, settings)
    p["unknown"] = np.where(np.isnan(use["all"]), 1.0, 0.0)
    trivial = 1 - load < 1e-6  # nothing was asked
    for name in VERDICTS:
        p[name] = np.where(trivial, float(name == "complied"), p[name])
    table = np.stack([p[v] for v in VERDICTS])
    best = table.argmax(axis=0)
    gap_sd = np.hypot(meter["sd"], monitor["sd"])
    gap = monitor["all"] - meter["all"] - settings.contradiction
    contradicts = np.nan_to_num(norm.cdf(gap / np.maximum(gap_sd, 1e-6)))
    contradicts = np.where(trivial, 0.0, contradicts)
    result = pd.DataFrame(
        {
            "unit": part["unit"].astype(str).to_numpy(), "start": begin, "end": end,
            "ordered": load, "load_done": use["load"], "done_day": use["day"],
            "done_night": use["night"], "done": use["all"], "sd": use["sd"],
            "late_h": use["late"], "monitor_done": monitor["all"],
            "verdict": np.array(VERDICTS)[best], "probability": table.max(axis=0),
        }
    )  # fmt: skip
    for name in VERDICTS:
        result[f"p_{name}"] = p[name]
    result["p_contradicts"] = contradicts
    result["contradicts"] = contradicts > 0.5
    known = ~np.isnan(monitor["all"])
    result["evidence"] = np.where(by_meter, "meter", np.where(known, "monitor", "none"))
    return result


def _shares(
    r: _Ratio, at: NDArray[np.int64], begin: pd.Timestamp, end: pd.Timestamp, asked: Floats,
    stop: Floats, offset: pd.Timedelta, settings: Settings,
) -> dict[str, Floats]:  # fmt: skip
    """Share of the cut that was done, by day and night, after the lawful time to stop."""
    inside = np.asarray((r.times > begin) & (r.times <= end))
    times = r.times[inside]
    work, usual = r.work[inside][:, at], r.usual[inside][:, at]
    hour = np.asarray((times - begin) / _HOUR, dtype=float)[:, None]
    local = (times + offset - _HOUR).hour.to_numpy()
    dark = ((local >= settings.night[0]) | (local < settings.night[1]))[:, None]
    known = ~np.isnan(work) & ~np.isnan(usual)
    w, u = np.where(known, work, 0.0), np.where(known, usual, 0.0)
    total = _over(w.sum(axis=0), u.sum(axis=0))
    # The first hour from which half of the cut is done over three hours.
    three_w, three_u = _three(w), _three(u)
    done = (1 - _over(three_w, three_u)) / asked > 0.5
    ever = done.any(axis=0)
    late = np.where(ever, hour[done.argmax(axis=0), 0] - 3 - stop / 2, 0.0)
    late = np.maximum(late, 0)
    kept = known & (hour > stop + np.where(ever, late, 0))
    result: dict[str, Floats] = {"load": total, "late": np.where(ever, late, np.nan)}
    spread = []
    for name, mask in (("day", kept & ~dark), ("night", kept & dark), ("all", kept)):
        base = np.where(mask, u, 0).sum(axis=0)
        enough = (mask.sum(axis=0) >= 3) & (base > 0.3)
        share = (1 - _over(np.where(mask, w, 0).sum(axis=0), base)) / asked
        result[name] = np.where(enough, share, np.nan)
        # Hours are not independent: one in three counts.
        count = np.maximum(mask.sum(axis=0) / 3, 1)
        mean_usual = np.maximum(base / np.maximum(mask.sum(axis=0), 1), 1e-3)
        own = r.sd[at] / mean_usual / np.sqrt(count)
        spread.append(np.hypot(own, settings.relative_sd) / asked)
    result["sd_day"], result["sd_night"], result["sd"] = spread
    return result


def _probabilities(use: Mapping[str, Floats], settings: Settings) -> dict[str, Floats]:
    """Probability of each verdict, the errors of day and night taken as normal."""
    day = np.where(np.isnan(use["day"]), use["all"], use["day"])
    night = np.where(np.isnan(use["night"]), use["all"], use["night"])
    sd = np.nan_to_num(use["sd"], nan=1.0)
    d = day[:, None, None] + sd[:, None, None] * _POINTS[None, :, None]
    n = night[:, None, None] + sd[:, None, None] * _POINTS[None, None, :]
    dark = ((settings.night[1] - settings.night[0]) % 24) / 24
    both = (1 - dark) * d + dark * n
    late = np.nan_to_num(use["late"]) > settings.late_after_h
    gap = d - n
    wide = (np.abs(gap) > settings.night_gap) & (np.maximum(d, n) > 0.5)
    not_done = (both < settings.none) & ~wide
    done = (both >= settings.enough) & ~wide
    result = {
        "evades_night": (wide & (gap > 0)).mean(axis=(1, 2)),
        "evades_day": (wide & (gap < 0)).mean(axis=(1, 2)),
        "not": not_done.mean(axis=(1, 2)),
        "complied": np.where(late, 0.0, done.mean(axis=(1, 2))),
        "late": np.where(late, done.mean(axis=(1, 2)), 0.0),
        "partly": (~wide & ~not_done & ~done).mean(axis=(1, 2)),
    }
    unknown = np.isnan(use["all"])
    return {k: np.where(unknown, 0.0, v) for k, v in result.items()}


def _loads(ids: pd.Index, ratios: Mapping[str, _Ratio], offset: pd.Timedelta) -> pd.DataFrame:
    """Mean load by unit and local day, by meter and else by monitor."""
    parts = {}
    for name in ("meter", "monitor"):
        if name not in ratios:
            continue
        r = ratios[name]
        day = (r.times + offset - _HOUR).normalize()
        known = ~np.isnan(r.work) & ~np.isnan(r.usual)
        w = pd.DataFrame(np.where(known, r.work, 0), day, ids).groupby(level=0).sum()
        u = pd.DataFrame(np.where(known, r.usual, 0), day, ids).groupby(level=0).sum()
        parts[name] = (w / u.where(u > 0)).clip(0, 1.2).T
    if not parts:
        return pd.DataFrame(index=ids)
    first, *rest = parts.values()
    result = first
    for other in rest:
        result = result.combine_first(other)
    return result


def _three(x: Floats) -> Floats:
    sums = np.cumsum(np.vstack([np.zeros((3, x.shape[1])), x]), axis=0)
    return np.asarray(sums[3:] - sums[:-3])


def _over(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.where(b > 1e-9, a / np.where(b > 1e-9, b, 1), np.nan))


def _hourly_median(values: Floats, local: NDArray[np.int64]) -> Floats:
    return np.stack([_nanmedian(values[local == h]) for h in range(24)])


def _nanmedian(x: Floats) -> Floats:
    ordered = np.sort(x, axis=0)  # NaN last
    count = (~np.isnan(x)).sum(axis=0)
    columns = np.arange(x.shape[1])
    if not len(x):
        return np.full(x.shape[1], np.nan)
    low, high = (
        ordered[np.maximum(count - 1, 0) // 2, columns],
        ordered[np.minimum(count // 2, len(x) - 1), columns],
    )
    return np.asarray(np.where(count > 0, (low + high) / 2, np.nan))


def _nanmean(x: Floats) -> Floats:
    known = ~np.isnan(x)
    count = known.sum(axis=0)
    return np.asarray(
        np.where(count > 0, np.where(known, x, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
    )


def _nanmin(x: Floats) -> Floats:
    return np.asarray(np.where(np.isnan(x), np.inf, x).min(axis=0))
