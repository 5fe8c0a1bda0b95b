"""The simulated city's air held against real air.

    nice -n 10 python -m benchmarks.twin_years YEARS
    nice -n 10 python -m benchmarks.twin_realism DATA YEARS

DATA is the folder of real data (henan-daily, beijing-multi-site, cnemc-2020-spring), YEARS what the
first command made. Writes the section of docs/results/twin.md and its pictures. Tolerances stand in
benchmarks/twin_tolerances.py and were written down before this was first run.
"""

import argparse
import itertools
import platform
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from benchmarks import twin_page, twin_pictures
from benchmarks import twin_records as records
from benchmarks import twin_statistics as st
from benchmarks.twin_records import Record
from benchmarks.twin_tolerances import TOLERANCES
from forecast.files import replace_file
from forecast.schema import POLLUTANTS

EDGES_KM = (0, 10, 20, 40, 60)
PAGE = Path("docs/results/twin.md")
IMAGES = Path("docs/images")
NAMES = {"pm25": "PM2.5", "pm10": "PM10", "so2": "SO2", "no2": "NO2", "co": "CO", "o3": "O3"}
HEAD = """\
Everything called simulated is made by `twin/`: no hour of it is measured. Commands:

```
nice -n 10 python -m benchmarks.twin_years YEARS
nice -n 10 python -m benchmarks.twin_realism DATA YEARS
```

Run on {day}, 2 cores, 24 GB, Python {python}.

- **Simulated**: `configs/twin/realism.yaml`, the configured city on a 3 km grid, {first} to {last}
  (the period of the real daily record), seed {seed}, on which nothing was tuned; `{label}`. Values
  are readings of the national stations at work (4 of 5), the city is their mean without the
  background site. The later setting is the same weather with later emissions and a cleaner region
  (`realism-later.yaml`).
- **Real, daily**: Jiaozuo's city values of the same {days} days (zeros are missing). **Not
  independent**: the levels of the simulated region, month by month, and its index were fitted to
  this same record with other seeds, so monthly means, percentiles and the share of heavy days say
  how well the city was fitted. What lies finer than a day was not fitted to anything below.
- **Real, hourly**: Jiaozuo's hours of that time are not open. Beijing's 12 stations, 2013-03 to
  2016-02, stand in for the shape of a day, autocorrelation and correlation by distance: another
  city, larger, without a plume of its own to the north-west. Four stations of Jiaozuo have 165 h
  each from 2020-03-26 to 04-07: few, and the weeks of closed works.

Tolerances (`benchmarks/twin_tolerances.py`) were committed before the first comparison; a value
may differ by the greater of a share of the real value and an absolute amount. **Bold** misses its
tolerance. ug m-3, CO in mg m-3.
"""
REMARKS = """\
### What the misses mean (written {written}, by hand)

- **Persistence in hours** is held against Beijing, and Jiaozuo is another city: its own daily
  PM2.5 repeats itself after a day with r 0.75, Beijing's with 0.56 (after three days 0.37 and 0.03).
  The simulated 0.77 and 0.33 are Jiaozuo's. The tolerance after 24 and 72 h asked for the wrong
  place; it stays as it was written. After 1 h the simulated series is too smooth by its own fault:
  a cell of 3 km has no street, no gust and no stove beside the monitor. Ozone's days hang together
  too well (0.84 after one, 0.74 after three; Jiaozuo 0.75 and 0.57).
- **Shape of the day.** SO2 is the worst: in Beijing, and in the few hours of Jiaozuo, it peaks at
  09-11 h, as where the growing mixed layer brings down what stacks left aloft; the simulated falls
  all morning, as from sources at the ground. PM and NO2 fall too low by day, NO2 rises too high at
  night. Ozone rises 2 h too early in every season and peaks at 13-14 h instead of 15-16 h; winter
  nights hold 8 ug m-3 where Beijing's hold 20.
- **SO2 hangs on everything else** (r 0.70-0.79 instead of 0.40-0.60): one regional index drives all
  species of the background.
- **Cleanest days**: too clean of PM2.5 and CO; the lowest ozone is not low enough.
- **Episodes**: nearly as many heavy days in fewer and longer runs, 11 a winter instead of 15, the
  longest tenth from 6.6 days on instead of 4.2. One of 570 ug m-3 comes with 4-6 m/s out of the
  south-east: the region outside is a level, not a plume that ends.
- **Stations hang together too well** beyond 20 km (PM, SO2, NO2, CO): the region comes in the same
  along the whole border.
- **The later setting** keeps 0.47 of the heavy days where a third is wanted, and SO2 of spring 2020
  is three times the measured: the region is scaled by one number for all species.
- Three simulated years against three real ones: a share of heavy days of 12 % is uncertain by about
  2 points in either, by chance alone (rough, episodes of three days taken as one draw).
"""


@dataclass(frozen=True)
class Row:
    """One statistic, simulated and real."""

    rule: str  # key of TOLERANCES
    what: str
    made: float
    real: float
    digits: int = 2

    @property
    def allowed(self) -> float:
        """The greatest difference allowed."""
        return TOLERANCES[self.rule].of(self.real)

    @property
    def held(self) -> bool:
        """Whether it keeps its tolerance."""
        return bool(abs(self.made - self.real) <= self.allowed)

    @property
    def cell(self) -> str:
        """'simulated / real', bold where it misses."""
        text = f"{self.made:.{self.digits}f} / {self.real:.{self.digits}f}"
        return text if self.held else f"**{text}**"

    @property
    def line(self) -> str:
        """A row of a table."""
        made = f"{self.made:.{self.digits}f}"
        made = made if self.held else f"**{made}**"
        return f"| {self.what} | {made} | {self.real:.{self.digits}f} | {self.allowed:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("years", type=Path)
    parser.add_argument("--date", default=str(date.today()))
    given = parser.parse_args()
    made, truth = records.simulated(given.years, "realism")
    later, _ = records.simulated(given.years, "realism-later")
    days = records.real_days(given.data)
    beijing = records.real_beijing(given.data)
    spring = records.real_spring(given.data)
    months = rows_by_month(made.daily, days)
    percentiles = rows_of_percentiles(made.daily, days)
    lines = [
        *rows_of_days(made.daily, days),
        *rows_of_heavy(made.daily, later.daily, days),
        *rows_of_pairs(made.daily, days),
    ]
    hours = [*rows_of_hours(made, beijing), *rows_by_distance(truth, beijing)]
    few = rows_of_spring(later, spring)
    rows = [*months.values(), *percentiles.values(), *lines, *hours, *few]
    text = [
        HEAD.format(
            day=given.date, python=platform.python_version(), first=made.daily.index[0].date(),
            last=made.daily.index[-1].date(), days=len(days),
            label=truth.attrs["simulated"], seed=truth.attrs["simulated"].rsplit(":", 1)[-1],
        ),
        *misses(rows),
        REMARKS.format(written="2026-11-24"),
        "## Monthly means (simulated / real)\n",
        *grid(months, [*range(1, 13)], "month"),
        "\n![Monthly means](../images/twin-months.png)\n",
        "## Percentiles of daily values (simulated / real)\n",
        *grid(percentiles, [5, 25, 50, 75, 90, 95, 99], "percentile"),
        "\n## Days: persistence, week, heavy days, pollutants together\n",
        *table(lines),
        "\n![Persistence, distance, percentiles, episodes](../images/twin-persistence.png)\n",
        "## Hours, against Beijing\n",
        *table(hours),
        "\n![The day](../images/twin-hours.png)\n",
        "![Ozone by season and hour](../images/twin-ozone.png)\n",
        "## Hours of spring 2020, the later setting in the same days of three years\n",
        *table(few),
    ]  # fmt: skip
    twin_page.put(PAGE, "realism", "\n".join(text))
    pictures = {
        "twin-months": twin_pictures.months(made.daily, later.daily, days),
        "twin-hours": twin_pictures.hours(made, beijing, spring),
        "twin-ozone": twin_pictures.ozone(made, beijing),
        "twin-persistence": twin_pictures.persistence(made, truth, beijing, days, EDGES_KM),
    }
    for name, figure in pictures.items():
        replace_file(
            IMAGES / f"{name}.png", lambda path, f=figure: f.savefig(path, format="png", dpi=90)
        )
    print("\n".join(misses(rows)))


def misses(rows: list[Row]) -> list[str]:
    """What misses its tolerance, by name."""
    missed = [r for r in rows if not r.held]
    lines = [f"## What misses ({len(missed)} of {len(rows)})\n"]
    for rule in dict.fromkeys(r.rule for r in rows):
        all_of = [r for r in rows if r.rule == rule]
        mine = [f"{r.what} {r.cell.strip('*')}" for r in all_of if not r.held]
        if mine:
            lines.append(f"- {rule}, {len(mine)} of {len(all_of)}: {'; '.join(mine)}")
    return [*lines, ""]


def table(rows: list[Row]) -> list[str]:
    return ["| | simulated | real | tolerance |", "|---|---|---|---|", *(r.line for r in rows)]


def grid(rows: dict[tuple[str, int], Row], columns: list[int], name: str) -> list[str]:
    lines = [f"| {name} | " + " | ".join(map(str, columns)) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for p in POLLUTANTS:
        cells = " | ".join(rows[p, c].cell for c in columns)
        lines.append(f"| {NAMES[p]} | {cells} |")
    return lines


def _rule(name: str, pollutant: str) -> str:
    own = f"{name}, {pollutant}"
    return own if own in TOLERANCES else name


def rows_by_month(made: pd.DataFrame, real: pd.DataFrame) -> dict[tuple[str, int], Row]:
    a, b = (d.groupby(pd.DatetimeIndex(d.index).month).mean() for d in (made, real))
    return {
        (p, m): Row(
            _rule("monthly mean", p), f"{NAMES[p]} in month {m}", float(a[p][m]), float(b[p][m]),
            1 if p == "co" else 0,
        )
        for p in POLLUTANTS for m in range(1, 13)
    }  # fmt: skip


def rows_of_percentiles(made: pd.DataFrame, real: pd.DataFrame) -> dict[tuple[str, int], Row]:
    return {
        (p, q): Row(
            _rule("percentile", p), f"{NAMES[p]} {q} %", made[p].quantile(q / 100),
            real[p].quantile(q / 100), 1 if p == "co" else 0,
        )
        for p in POLLUTANTS for q in (5, 25, 50, 75, 90, 95, 99)
    }  # fmt: skip


def rows_of_days(made: pd.DataFrame, real: pd.DataFrame) -> list[Row]:
    rows = []
    for lag in (1, 3):
        rule = f"autocorrelation, daily, lag {lag}"
        for p in POLLUTANTS:
            both = [st.autocorrelation(d[p].to_numpy(), lag) for d in (made, real)]
            rows.append(Row(rule, f"{rule[17:]}, {NAMES[p]}: autocorrelation", both[0], both[1]))
    for p in POLLUTANTS:
        both = [st.weekend(d[p]) for d in (made, real)]
        rows.append(
            Row("weekend to weekdays", f"weekend to weekdays, {NAMES[p]}", both[0], both[1])
        )
    return rows


def rows_of_heavy(made: pd.DataFrame, later: pd.DataFrame, real: pd.DataFrame) -> list[Row]:
    heavy = {k: st.heavy_days(d) for k, d in (("m", made), ("l", later), ("r", real))}
    share = {k: 100 * v.mean() for k, v in heavy.items()}
    runs = {k: np.array([n for _, n in st.episodes(v)]) for k, v in heavy.items()}
    per = {k: len(runs[k]) / st.winters(v) for k, v in heavy.items()}
    return [
        Row("share of heavy days, %", "heavy days, % of days", share["m"], share["r"], 1),
        Row(
            "heavy days, later setting to the first",
            "heavy days of the later setting to the first (real: what is wanted)",
            share["l"] / share["m"], 1 / 3,
        ),
        Row("heavy episodes per winter", "heavy episodes per winter", per["m"], per["r"], 1),
        Row(
            "length of an episode, mean days", "length of an episode, mean, days",
            float(runs["m"].mean()), float(runs["r"].mean()), 1,
        ),
        Row(
            "length of an episode, 90 % of them, days", "length of an episode, 90 %, days",
            float(np.quantile(runs["m"], 0.9)), float(np.quantile(runs["r"], 0.9)), 1,
        ),
    ]  # fmt: skip


def rows_of_pairs(made: pd.DataFrame, real: pd.DataFrame) -> list[Row]:
    rows = []
    for name, months in (("the year", tuple(range(1, 13))), *st.SEASONS.items()):
        parts = [d[np.isin(d.index.month, months)] for d in (made, real)]  # type: ignore[attr-defined]
        both = [float(d["pm25"].mean() / d["pm10"].mean()) for d in parts]
        rows.append(Row("pm25/pm10", f"PM2.5 to PM10, {name}", both[0], both[1]))
    a, b = st.correlations(made), st.correlations(real)
    for p, q in a:
        rows.append(
            Row("correlation of pollutants", f"r of {NAMES[p]} and {NAMES[q]}, daily",
                a[p, q], b[p, q])
        )  # fmt: skip
    return rows


def rows_of_hours(made: Record, real: Record) -> list[Row]:
    rows = []
    for p in POLLUTANTS:
        a, b = st.by_hour(made.hourly[p]), st.by_hour(real.hourly[p])
        difference = float(np.abs(a - b).mean())
        rows.append(
            Row(_rule("hour of day, mean difference", p),
                f"shape of the day, {NAMES[p]}: mean difference", difference, 0.0)
        )  # fmt: skip
    for lag in (1, 24, 72):
        for p in POLLUTANTS:
            both = [st.autocorrelation(d.values(p), lag) for d in (made, real)]
            rule = f"autocorrelation, {lag} h"
            rows.append(Row(rule, f"after {lag} h, {NAMES[p]}: autocorrelation", both[0], both[1]))
    tables = [st.season_hours(r.hourly["o3"]) for r in (made, real)]
    for season in st.SEASONS:
        x, y = (t.loc[season].to_numpy() / t.loc[season].mean() for t in tables)
        rows.append(
            Row("ozone by season and hour, mean difference",
                f"ozone by hour, {season}: mean difference of shapes",
                float(np.abs(x - y).mean()), 0.0)
        )  # fmt: skip
    return rows


def rows_by_distance(truth: xr.Dataset, real: Record) -> list[Row]:
    rows = []
    for p in POLLUTANTS:
        a, _ = st.by_distance(
            truth[p].to_numpy(), truth["latitude"].to_numpy(), truth["longitude"].to_numpy(),
            EDGES_KM,
        )  # fmt: skip
        places = real.stations
        b, n = st.by_distance(
            real.values(p), places["latitude"].to_numpy(), places["longitude"].to_numpy(), EDGES_KM
        )
        for i, (low, high) in enumerate(itertools.pairwise(EDGES_KM)):
            if n[i]:
                what = f"r between stations {low}-{high} km apart, {NAMES[p]}"
                rows.append(Row("correlation by distance", what, a[i], b[i]))
    return rows


def rows_of_spring(later: Record, real: Record) -> list[Row]:
    first, last = real.hourly.index[[0, -1]]
    parts = []
    for year in later.hourly.index.year.unique():  # type: ignore[attr-defined]
        part = later.hourly.loc[first.replace(year=year) : last.replace(year=year)]
        if len(part) == len(real.hourly):
            parts.append(part)
    known = real.hourly["pm25"].notna().to_numpy()
    rows = []
    for p in POLLUTANTS:
        made = float(np.mean([part[p].to_numpy()[known].mean() for part in parts]))
        mean = float(real.hourly[p].mean())
        rule = _rule("spring 2020, mean", p)
        rows.append(Row(rule, f"mean, {NAMES[p]}", made, mean, 1))
    for p in POLLUTANTS:
        both = (
            float(np.mean([st.autocorrelation(part[p].to_numpy(), 1) for part in parts])),
            st.autocorrelation(real.hourly[p].to_numpy(), 1),
        )
        rows.append(
            Row("autocorrelation, 1 h", f"after 1 h, {NAMES[p]}: autocorrelation", both[0], both[1])
        )
    return rows


if __name__ == "__main__":
    main()
