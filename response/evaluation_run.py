"""The body of `lantian evaluate`: what an episode's orders did, who followed them, what they cost.

Takes a home (observations, register, the forecast of the issue time), a table of orders, meters
and monitors, and if there is one a file of forecasts made again with observed weather
(`lantian hindcast --weather perfect`). What is not there is left out and said. Contributions use
the weather observed at the stations.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from forecast import files, forecast_file, standards
from forecast.config import CityConfig
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import CITY_AREA
from forecast.schema import POLLUTANTS as SIX
from forecast.timing import to_local
from response import (
    budget_days,
    evaluation,
    evaluation_compliance,
    evaluation_contributions,
    evaluation_events,
    evaluation_meters,
    register_home,
    resume_run,
)
from response.evaluation import POLLUTANTS, Effect
from response.evaluation_compliance import WORDS, Compliance
from response.evaluation_events import OUTCOMES, Cost, Outcome
from response.evaluation_settings import DEFAULT, Settings
from response.rules import Words

_DAY: Final = pd.Timedelta(days=1)
_HOUR: Final = pd.Timedelta(hours=1)
_FELT_DAYS: Final = 1  # days after an order that still feel it


@dataclass(frozen=True)
class Evaluation:
    """Everything known after an event; None where the inputs did not allow it."""

    issue_time: pd.Timestamp  # naive UTC
    days: tuple[pd.Timestamp, ...]  # local
    effect: Effect | None
    compliance: Compliance
    cost: Cost
    outcomes: tuple[Outcome, ...]
    line: float  # AQI of the outcomes
    notes: tuple[Words, ...]
    simulated: bool

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable answer."""
        return {
            "issue_time": f"{self.issue_time:%Y-%m-%dT%H:%MZ}",
            "simulated": self.simulated,
            "days": [f"{d:%Y-%m-%d}" for d in self.days],
            "effect": None if self.effect is None else self.effect.as_dict(),
            "compliance": self.compliance.as_dict(),
            "cost": self.cost.as_dict(),
            "line": self.line,
            "outcomes": [
                {
                    "warning": o.warning or None, "outcome": o.outcome,
                    "start": f"{o.start:%Y-%m-%d}", "end": f"{o.end:%Y-%m-%d}",
                    "lead_hours": _number(o.lead_hours),
                    "probability_without": _number(o.probability_without),
                }
                for o in self.outcomes
            ],
            "notes": [{"zh": n.zh, "en": n.en} for n in self.notes],
        }  # fmt: skip

    def words(self) -> tuple[Words, ...]:
        """The answer in words."""
        said = [Words(zh="【模拟】以下为模拟城市的结果。", en="[Simulated] A made-up city.")]
        said = said if self.simulated else []
        if self.effect is not None:
            have = set(self.effect.table["pollutant"])
            said += [self.effect.words(p) for p in POLLUTANTS if p in have]
        for o in self.outcomes:
            name = OUTCOMES[o.outcome]
            known = np.isfinite(o.lead_hours)
            lead = f"，提前{o.lead_hours:.0f}小时" if known else ""
            lead_en = f", {o.lead_hours:.0f} h ahead" if known else ""
            said.append(Words(zh=f"{o.start:%m月%d日}起：{name.zh}{lead}。",
                              en=f"From {o.start:%d %b}: {name.en}{lead_en}."))  # fmt: skip
        counts = self.compliance.table["verdict"].value_counts()
        met = [(WORDS[str(v)], n) for v, n in counts.items()]
        said.append(
            Words(
                zh="落实情况：" + "，".join(f"{w.zh}{n}条" for w, n in met) + "。",
                en="Orders: " + ", ".join(f"{w.en} {n}" for w, n in met) + ".",
            )
        )
        if wrong := int(self.compliance.table["contradicts"].sum()):
            said.append(
                Words(
                    zh=f"{wrong}条命令的排放监测与用电不符，需核查。",
                    en=f"{wrong} orders: stack monitor and meter contradict; inspect.",
                )
            )
        c = self.cost
        said.append(
            Words(
                zh=f"成本：{c.units}个单元、{c.orders}条命令，"
                f"损失产值约{c.lost_output_yuan / 1e4:.0f}万元，重启{c.restarts}次。",
                en=f"Cost: {c.units} units, {c.orders} orders, about "
                f"{c.lost_output_yuan / 1e6:.2f} million yuan of output, {c.restarts} restarts.",
            )
        )
        return (*said, *self.notes)

    def lines(self) -> list[str]:
        """Chinese, then English."""
        return [text for w in self.words() for text in (w.zh, f"  {w.en}")]

    def write(self, folder: Path) -> list[Path]:
        """evaluation.json (all of it, and in words); tables as CSV (UTF-8 with mark)."""
        folder.mkdir(parents=True, exist_ok=True)
        said = self.as_dict() | {"words": [{"zh": w.zh, "en": w.en} for w in self.words()]}
        text = json.dumps(said, ensure_ascii=False, indent=1, allow_nan=False)
        tables = {"compliance": self.compliance.table, "cost": self.cost.table.reset_index()}
        if self.effect is not None:
            tables["effect"] = self.effect.table
        paths = [folder / "evaluation.json"]
        files.write_text(paths[0], text + "\n")
        for name, table in tables.items():
            path = folder / f"{name}.csv"
            table.to_csv(path, index=False, encoding="utf-8-sig")
            paths.append(path)
        return paths


def run(
    config: CityConfig,
    *,
    home: Path,
    issue_time: pd.Timestamp | None = None,
    orders: Path,
    first: pd.Timestamp | None = None,
    last: pd.Timestamp | None = None,
    electricity: Path | None = None,
    monitors: Path | None = None,
    rerun: Path | None = None,
    line: float = 200.0,
    settings: Settings = DEFAULT,
) -> Evaluation:
    """Evaluate the episode of one table of orders.

    Args:
        config: The city's.
        home: LANTIAN_HOME with observations, register and forecasts/<issue>.nc.
        issue_time: Naive UTC; of the forecast the warning rested on. None: the newest forecast not
            later than the first order, or the first order's start where there is none.
        orders: CSV (evaluation_meters).
        first, last: Naive UTC of the local midnight that begins the first and the last day; orders
            are cut to these days. None: as the orders are.
        electricity: Meters; None: not there.
        monitors: Stack monitors; None: not there.
        rerun: Hindcast file with observed weather that covers the episode and days before it.
        line: AQI above which a day counts as polluted.
        settings: What is assumed.

    Raises:
        ConfigError: Files that cannot be read; no register.
        DataError: Their content is wrong.
    """
    register = register_home.current(home)
    table = _within(evaluation_meters.orders(orders, offset=config.offset), first, last)
    evaluation_compliance.check_orders(table, register.units)
    if not len(table):
        raise DataError([Problem(str(orders), "no orders in the period", "one at least")])
    issue_time = _issue(home, table["start"].min()) if issue_time is None else issue_time
    power = None if electricity is None else evaluation_meters.electricity(
        electricity, offset=config.offset)  # fmt: skip
    stacks = None if monitors is None else evaluation_meters.monitors(
        monitors, offset=config.offset)  # fmt: skip
    judged = evaluation_compliance.judge(
        table, power, stacks, register.units, offset=config.offset, settings=settings
    )
    days = pd.date_range(
        to_local(table["start"].min(), config.offset).normalize(),
        to_local(table["end"].max() - _HOUR, config.offset).normalize(),
    )
    observed = budget_days.from_home(home, config).reindex(days)
    notes: list[Words] = []
    values = {
        p: pd.DataFrame({"observed": observed[p], "forecast": np.nan}, days) for p in POLLUTANTS
    }
    _put_forecast(values, home, issue_time, notes)
    past = _put_rerun(values, rerun, table, days, home, config, notes)
    found = None
    made = evaluation_contributions.contributions(register, home, config, days, notes)
    if made is not None:
        loads = _loads(judged, table, days, config.offset, notes)
        found = evaluation.effect(values, made, loads, past=past, settings=settings)
    outcomes = _outcomes(observed, found, config, issue_time, days, line)
    return Evaluation(
        issue_time, tuple(days), found, judged, evaluation_events.cost(table, register.units),
        outcomes, line, tuple(notes), config.simulated or bool(register.simulated),
    )  # fmt: skip


def _within(
    orders: pd.DataFrame, first: pd.Timestamp | None, last: pd.Timestamp | None
) -> pd.DataFrame:
    """Orders cut to the days asked for."""
    start, end = orders["start"], orders["end"]
    cut = orders.assign(
        start=start if first is None else start.where(~(start < first), first),
        end=end if last is None else end.where(~(end > last + _DAY), last + _DAY),
    )
    # A row that was wrong before stays, so that the check names it.
    kept = (cut["end"] > cut["start"]) | (orders["end"] <= orders["start"])
    return cut[kept].reset_index(drop=True)


def _issue(home: Path, begin: pd.Timestamp) -> pd.Timestamp:
    """Issue time of the newest forecast of a home not later than the first order."""
    names = sorted(p.stem for p in (home / "forecasts").glob("*Z.nc"))
    known = [n for n in names if n <= f"{begin:%Y%m%dT%H%MZ}"]
    return pd.to_datetime(known[-1], format="%Y%m%dT%H%MZ") if known else begin


def _put_forecast(
    values: dict[str, pd.DataFrame], home: Path, issue: pd.Timestamp, notes: list[Words]
) -> None:
    path = home / "forecasts" / f"{issue:%Y%m%dT%H%MZ}.nc"
    try:
        members = resume_run.members_of(path, issue_time=issue)
    except DataError:
        notes.append(
            Words(
                zh="缺少该起报时次的预报，未分解预报误差。",
                en="No forecast of the issue time: its error is not split.",
            )
        )
        return
    city = np.median(members.daily[members.areas.index(CITY_AREA)], axis=0)
    index = pd.date_range(members.first_day, periods=len(city))
    for k, p in enumerate(SIX):
        if p in values:
            row = pd.Series(city[:, k], index).reindex(values[p].index)
            values[p] = values[p].assign(forecast=row)


def _put_rerun(
    values: dict[str, pd.DataFrame], path: Path | None, orders: pd.DataFrame,
    days: pd.DatetimeIndex, home: Path, config: CityConfig, notes: list[Words],
) -> dict[str, pd.DataFrame] | None:  # fmt: skip
    """Re-run of the episode, and of earlier days with what was observed then."""
    if path is None:
        notes.append(Words(zh="未提供用实况气象重算的预报，效果仅按贡献估计。",
                           en="No re-run with observed weather: contributions alone."))  # fmt: skip
        return None
    header = forecast_file.attributes(path)
    if header.weather_tier != "perfect":
        found = f"weather {header.weather_tier}"
        raise ConfigError([Problem(f"--rerun {path}", found, "perfect (observed weather)")])
    group = forecast_file.read_areas(path)
    kept = forecast_file.loaded(group[[f"{p}_day" for p in POLLUTANTS]].sel(area=CITY_AREA), path)
    median = kept.median("member")
    issues = pd.DatetimeIndex(kept["issue_time"].to_numpy())
    local = issues + config.offset
    first = (local + _DAY - pd.Timedelta(1, "ns")).normalize()
    # An issue after the orders began knows what they did: it cannot say what would have been.
    free = np.asarray(issues <= orders["start"].min())
    seen = budget_days.from_home(home, config)
    felt = pd.DatetimeIndex(days).union(pd.DatetimeIndex([days[-1] + _FELT_DAYS * _DAY]))
    past = {}
    for p in POLLUTANTS:
        rows = []
        for i in np.flatnonzero(free).tolist():
            for day in range(kept.sizes["day"]):
                value = float(median[f"{p}_day"].isel(issue_time=i, day=day))
                rows.append((first[i] + day * _DAY, issues[i], day, value))
        table = pd.DataFrame(rows, columns=["date", "issue", "day", "rerun"]).dropna()
        newest = table.sort_values("issue").groupby("date")["rerun"].last()
        values[p] = values[p].assign(rerun=newest.reindex(values[p].index))
        # Past errors of the days ahead that the episode has: D+2 stands for them.
        middle = table[table["day"] == min(1, kept.sizes["day"] - 1)]
        before = middle.sort_values("issue").groupby("date")["rerun"].last()
        before = before[(before.index < days[0]) & ~before.index.isin(felt)]
        past[p] = pd.DataFrame({"observed": seen[p].reindex(before.index), "rerun": before})
    return past


def _loads(
    judged: Compliance, orders: pd.DataFrame, days: pd.DatetimeIndex, offset: pd.Timedelta,
    notes: list[Words],
) -> pd.DataFrame:  # fmt: skip
    """Load by unit and day: as measured; where nothing was measured, as ordered, and said."""
    ids = sorted(set(orders["unit"].astype(str)))
    ordered = pd.DataFrame(1.0, ids, days)
    starts, ends = (orders[c].to_numpy("datetime64[ns]")[:, None] for c in ("start", "end"))
    begins = (days - offset).to_numpy("datetime64[ns]")[None]
    day = _DAY.to_timedelta64()
    lasts = (np.minimum(ends, begins + day) - np.maximum(starts, begins)) / day
    shed = np.maximum(lasts, 0) * (1 - orders["load"].to_numpy(float))[:, None]
    ordered -= pd.DataFrame(shed, columns=days).groupby(orders["unit"].astype(str).to_numpy()).sum()
    measured = judged.loads.reindex(index=ids, columns=days)
    gone = measured.isna()
    if gone.any(axis=None):
        count = int(gone.any(axis=1).sum())
        notes.append(Words(zh=f"{count}个单元缺少计量数据，按命令要求的负荷计算。",
                           en=f"{count} units without meters: taken as ordered."))  # fmt: skip
    return measured.where(~gone, ordered).clip(0, 1.2)


def _outcomes(
    observed: pd.DataFrame, found: Effect | None, config: CityConfig, issue: pd.Timestamp,
    days: pd.DatetimeIndex, line: float,
) -> tuple[Outcome, ...]:  # fmt: skip
    standard = standards.resolve(config.standard, days[0].date())
    index = evaluation_events.index_without(observed, {}, standard)[0]
    without = np.full(len(days), np.nan)
    if found is not None:
        drawn = evaluation_events.index_without(observed, found.samples, standard)
        known = np.isfinite(drawn)
        share = (drawn > line).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        without = np.where(known.any(axis=0), share, np.nan)
    table = pd.DataFrame({"aqi": index, "probability_without": without}, days)
    warning = pd.DataFrame(
        {"id": ["episode"], "issued": [to_local(issue, config.offset)], "start": [days[0]],
         "end": [days[-1]]}
    )  # fmt: skip
    return tuple(
        replace(o, warning="" if o.outcome == "miss" else f"{issue:%Y%m%dT%H%MZ}")
        for o in evaluation_events.outcomes(warning, table, line=line)
    )


def _number(value: float) -> float | None:
    return round(float(value), 3) if np.isfinite(value) else None
