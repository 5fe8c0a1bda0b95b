"""What the measures did: the error of a forecast split into weather, control effect and model.

    result = effect(days, contributions, loads, past=past)

Two ways to the effect, and both together. (a) Contributions: what each unit would have added at
full load, times the load it really shed. (b) Re-run: the forecast made again with observed weather
says what the air would have been; re-run minus observed is effect plus model error, and the errors
of past days without orders say how large the latter is. Both are joined by Bayes' rule: (a) with
its error factor is the prior, the distribution of past errors the likelihood.

    forecast - observed = (forecast - re-run) + effect + rest
                           weather              controls  model

Takes daily values of the city (mean of its reference stations) and knows nothing of stations,
files and people. Everything is ug m-3. Effects are positive where the air got cleaner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import t as student

from forecast.problems import DataError, Problem
from response.evaluation_settings import DEFAULT, Settings
from response.rules import Words

Floats = NDArray[np.float64]
POLLUTANTS: Final = ("pm25", "pm10", "so2", "no2")
EPISODE: Final = "episode"


@dataclass(frozen=True)
class Errors:
    """How the re-run errs when nothing is ordered: log(observed / re-run)."""

    median: float
    scale: float  # of the t distribution
    autocorrelation: float  # from a day to the next
    days: int


@dataclass(frozen=True)
class Effect:
    """What the measures did.

    Attributes:
        table: One row per pollutant and day, and one per pollutant for the episode's mean: day
            (local date or "episode"), pollutant, observed, forecast, rerun; a_low a_mid a_high by
            contributions, b_* by re-run, low mid high of both; weather_error, model_error (as the
            split above, with mid); ug m-3, NaN unknown.
        samples: pollutant -> (draw, day), equally likely effects of both ways.
        errors: pollutant -> how the re-run erred; empty without one.
        settings: What was assumed.
    """

    table: pd.DataFrame
    samples: Mapping[str, Floats]
    errors: Mapping[str, Errors]
    settings: Settings

    def of(self, pollutant: str, day: pd.Timestamp | str = EPISODE) -> "pd.Series[Any]":
        """One row of the table."""
        rows = self.table[(self.table["pollutant"] == pollutant) & (self.table["day"] == day)]
        return rows.iloc[0]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; unknown values are null."""
        rows = self.table.copy()
        rows["day"] = rows["day"].map(lambda d: d if isinstance(d, str) else f"{d:%Y-%m-%d}")
        numbers = rows.select_dtypes("number").columns
        rows[numbers] = rows[numbers].round(2)
        rows = rows.astype(object).where(rows.notna(), None)
        return {
            "interval": self.settings.interval,
            "units": "ug m-3",
            "past_days": {p: e.days for p, e in self.errors.items()},
            "assumptions": {
                "contribution_common": self.settings.contribution_common,
                "contribution_day": self.settings.contribution_day,
                "contribution_bias": self.settings.contribution_bias,
            },
            "rows": rows.to_dict("records"),
        }

    def words(self, pollutant: str = "pm25") -> Words:
        """One sentence on the episode."""
        row = self.of(pollutant)
        name = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2"}[pollutant]
        share = round(100 * self.settings.interval)
        low, mid, high = (f"{row[c]:.1f}" for c in ("low", "mid", "high"))
        if not np.isfinite(row["mid"]):
            return Words(zh=f"{name}的管控效果无法估计。", en=f"{name}: no estimate of the effect.")
        return Words(
            zh=f"管控使{name}日均浓度下降约{mid} µg/m³（{share}%区间{low}～{high}），"
            f"实况均值{row['observed']:.1f} µg/m³。",
            en=f"The measures lowered daily {name} by about {mid} µg/m³ ({share} % interval "
            f"{low} to {high}); observed mean {row['observed']:.1f} µg/m³.",
        )


def effect(
    days: Mapping[str, pd.DataFrame],
    contributions: xr.Dataset,
    loads: pd.DataFrame,
    *,
    past: Mapping[str, pd.DataFrame] | None = None,
    seed: int = 1,
    settings: Settings = DEFAULT,
) -> Effect:
    """Estimate what the measures of one episode did.

    Args:
        days: pollutant -> index local day (the episode's, in order); columns observed, and where
            there are forecast (median) and rerun.
        contributions: pollutants (unit, receptor, day) or (unit, day) [ug m-3] at full load, `day`
            as local dates; receptors are averaged: give the ones the observed mean is made of.
        loads: Load really run (unit, day); a unit that is not there ran at full load; NaN: taken
            as ordered by whoever fills it, here refused.
        past: pollutant -> observed and rerun on earlier days without orders, index local day.
        seed: Of the draws.
        settings: What is assumed.

    Raises:
        DataError: Days that contributions or loads lack; NaN loads; observed below zero.
    """
    _check(days, contributions, loads)
    rows, samples, errors = [], {}, {}
    for number, (name, table) in enumerate(days.items()):
        random = np.random.default_rng([seed, number])
        shed = _shed(contributions, loads, name, table.index)
        drawn = _drawn(shed, random, settings)
        found = None
        if past is not None and name in past and "rerun" in table:
            found = errors_of(past[name], settings=settings)
        if found is not None:
            errors[name] = found
        part, both = _rows(name, table, drawn, found, random, settings)
        rows += part
        samples[name] = both
    return Effect(pd.DataFrame(rows), samples, errors, settings)


def errors_of(past: pd.DataFrame, *, settings: Settings = DEFAULT) -> Errors | None:
    """Distribution of log(observed / rerun); None with fewer days than settings ask for."""
    known = past[["observed", "rerun"]].dropna()
    known = known[(known > 0).all(axis=1)]
    if len(known) < settings.least_past_days:
        return None
    error = pd.Series(np.log(known["observed"] / known["rerun"]), known.index)
    median = float(error.median())
    scale = max(float(1.4826 * (error - median).abs().median()), 0.05)
    shifted = (
        error.reindex(pd.DatetimeIndex(error.index) - pd.Timedelta(days=1)).to_numpy() - median
    )
    pairs = np.column_stack([error.to_numpy() - median, shifted])
    pairs = np.clip(pairs[~np.isnan(pairs).any(axis=1)], -3 * scale, 3 * scale)
    rho = 0.5
    if len(pairs) >= 8:
        rho = float(np.clip((pairs[:, 0] * pairs[:, 1]).mean() / (pairs**2).mean(), 0, 0.9))
    return Errors(median, scale, rho, len(known))


def _shed(contributions: xr.Dataset, loads: pd.DataFrame, name: str, days: pd.Index) -> Floats:
    """What the loads shed keep out of the air (day,), as computed."""
    field = contributions[name]
    if "receptor" in field.dims:
        field = field.mean("receptor")
    units = pd.Index(contributions["unit"].to_numpy().astype(str))
    at = units.get_indexer(loads.index.astype(str))
    values = field.sel(day=days.to_numpy()).transpose("unit", "day").to_numpy()[at[at >= 0]]
    share = 1 - loads.loc[:, list(days)].to_numpy(float)[at >= 0]
    return np.asarray((values * share).sum(axis=0))


def _drawn(shed: Floats, random: np.random.Generator, settings: Settings) -> Floats:
    """Effects by contributions (draw, day): one factor for the episode and one for each day."""
    shape = (settings.samples, len(shed))
    common = settings.contribution_common * random.standard_normal((settings.samples, 1))
    own = settings.contribution_day * random.standard_normal(shape)
    return np.asarray(shed * np.exp(settings.contribution_bias + common + own))


def _rows(
    name: str, table: pd.DataFrame, drawn: Floats, errors: Errors | None,
    random: np.random.Generator, settings: Settings,
) -> tuple[list[dict[str, Any]], Floats]:  # fmt: skip
    tails = ((1 - settings.interval) / 2, 0.5, (1 + settings.interval) / 2)
    observed = table["observed"].to_numpy(float)
    empty = np.full(len(table), np.nan)
    forecast = table["forecast"].to_numpy(float) if "forecast" in table else empty
    rerun = table["rerun"].to_numpy(float) if "rerun" in table else empty
    both = np.empty_like(drawn)
    rows = []
    for i, day in enumerate([*table.index, EPISODE]):
        one = slice(None) if day == EPISODE else slice(i, i + 1)
        seen = float(np.mean(observed[one]))  # NaN where a day is not known
        again, before = float(np.mean(rerun[one])), float(np.mean(forecast[one]))
        a = drawn[:, one].mean(axis=1)
        b, weight = np.full(3, np.nan), np.ones(len(a))
        if errors is not None and np.isfinite(again) and np.isfinite(seen) and again > 0:
            count = len(table) if day == EPISODE else 1
            scale = errors.scale * _of_mean(errors.autocorrelation, count)
            spread = errors.median + scale * student.ppf(tails, settings.error_df)
            b = again * np.exp(spread) - seen
            z = (np.log(np.maximum(seen + a, 1e-6) / again) - errors.median) / scale
            weight = student.pdf(z, settings.error_df) + 1e-12
        chosen = random.choice(len(a), len(a), p=weight / weight.sum())
        joined = a[chosen] if np.isfinite(seen) else np.full(len(a), np.nan)
        if day != EPISODE:
            both[:, i] = joined
        row = {"day": day, "pollutant": name, "observed": seen, "forecast": before, "rerun": again}
        for prefix, values in (("a_", np.quantile(a, tails)), ("b_", b),
                               ("", np.quantile(joined, tails))):  # fmt: skip
            row |= dict(zip((f"{prefix}low", f"{prefix}mid", f"{prefix}high"), values, strict=True))
        row["weather_error"] = before - again
        row["model_error"] = again - row["mid"] - seen
        rows.append(row)
    return rows, both


def _of_mean(rho: float, count: int) -> float:
    """Scale of a mean of `count` days over that of one, first-order autocorrelation."""
    lags = np.arange(1, count)
    return float(np.sqrt((count + 2 * ((count - lags) * rho**lags).sum()) / count**2))


def _check(
    days: Mapping[str, pd.DataFrame], contributions: xr.Dataset, loads: pd.DataFrame
) -> None:
    problems = []
    have = pd.DatetimeIndex(contributions["day"].to_numpy())
    for name, table in days.items():
        if name not in contributions:
            problems.append(Problem(f"contributions: {name}", "absent", "a variable"))
        if "observed" not in table or not len(table):
            problems.append(Problem(f"days of {name}", "no observed values", "one at least"))
            continue
        if (table["observed"] < 0).any():
            problems.append(Problem(f"observed {name}", "below zero", "ug m-3"))
        for day in table.index:
            if day not in have:
                problems.append(Problem(f"contributions of {name}", f"no {day:%Y-%m-%d}", "it"))
            if day not in loads.columns:
                problems.append(Problem("loads", f"no {day:%Y-%m-%d}", "every day of the episode"))
            elif loads[day].isna().any():
                unit = loads.index[loads[day].isna()][0]
                problems.append(Problem(f"loads: {unit} on {day:%Y-%m-%d}", "missing", "0..1.2"))
    if problems:
        raise DataError(list(dict.fromkeys(problems)))


def totals(
    loads: pd.DataFrame, contributions: xr.Dataset, pollutant: str, days: Sequence[Any]
) -> "pd.Series[float]":
    """What each unit kept out of the city's air over the days (mean, ug m-3), largest first."""
    field = contributions[pollutant]
    if "receptor" in field.dims:
        field = field.mean("receptor")
    units = pd.Index(contributions["unit"].to_numpy().astype(str))
    kept = loads.loc[loads.index.isin(units)]
    values = (
        field.sel(day=list(days), unit=kept.index.to_numpy()).transpose("unit", "day").to_numpy()
    )
    share = 1 - kept.loc[:, list(days)].to_numpy(float)
    return pd.Series((values * share).mean(axis=1), kept.index).sort_values(ascending=False)
