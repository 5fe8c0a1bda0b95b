"""What the daily runs of two episodes of 2015 propose under each edition of the rules.

    python -m benchmarks.episodes_2015 --home var --out docs/results/episodes-2015.md

Needs a home with the Beijing data and models fitted before the episodes (lantian train).
"""

import argparse
import platform
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from forecast import (
    aqi,
    areas,
    config,
    files,
    history,
    provenance,
    quality_limits,
    standards,
    stations,
    timing,
    validity,
)
from forecast.batch import WeatherTier, stacked
from forecast.config import CityConfig
from forecast.schema import POLLUTANTS
from response import rules, warning
from response.warning import Proposal
from serving import daily, inputs

EDITIONS = ("national-2024", "national-2018", "national-2017", "henan-2014")
TIERS: tuple[WeatherTier, ...] = ("perfect", "perturbed", "none")
EPISODES = {
    "26 November to 2 December (24-h AQI up to 496)": ("2015-11-26", "2015-12-02"),
    "5 to 10 December (up to 297; the first red alert was called on 7 December)": (
        "2015-12-05",
        "2015-12-10",
    ),
}
_HOUR = pd.Timedelta(hours=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    beijing = config.load(config.configs_dir() / "beijing.yaml")
    text = [_preface()]
    for name, (first, last) in EPISODES.items():
        text.append(f"\n## {name}\n")
        text += _measured(beijing, given.home, pd.Timestamp(first), pd.Timestamp(last))
        for tier in TIERS:
            text += _runs(beijing, given.home, pd.Timestamp(first), pd.Timestamp(last), tier)
    files.write_text(given.out, "\n".join(text) + "\n")


def _preface() -> str:
    return f"""# Daily runs of two episodes of 2015 in Beijing

Issue time 16:00 local, LightGBM quantiles with Schaake members (100), fitted on data before
2015-03-01 only. There is no archive of weather forecasts for these days: `perfect` is observed
weather (an upper bound), `perturbed` is observed weather with simulated errors that grow with lead,
`none` is no weather at all. A level is proposed from a probability of 50 %.

Command: `python -m benchmarks.episodes_2015 --home var --out docs/results/episodes-2015.md`, after
`lantian import beijing ...` and `lantian train --config configs/beijing.yaml --until 2015-03-01
--weather TIER` for each tier. Date {date.today()}, code {provenance.code_revision()}, 2 cores,
24 GB, Python {platform.python_version()}.

How to read a cell: the proposed level to be in force (in bold), then the probability in % that the
criteria of blue/yellow/orange/red (as the edition has them) are met by a chain of 24-h windows that
reaches past the issue time. `-` is no warning. Measured hours before the issue time count, so a
running episode can be at 100 %. Every run is asked as if no warning were in force: on 2 December the
chain of windows ends two hours after the issue time, and with a warning in force the run would lower
or cancel it.
"""


def _city_hours(beijing: CityConfig, home: Path, start: pd.Timestamp, end: pd.Timestamp):  # type: ignore[no-untyped-def]
    register = stations.load(beijing.stations)
    known = history.load(
        home, register, quality_limits.load(beijing.quality), start=start, end=end
    ).usable
    city = areas.area_mean(stacked(known, POLLUTANTS), register, axis=1)
    return pd.DatetimeIndex(known["time"].values), city


def _measured(
    beijing: CityConfig, home: Path, first: pd.Timestamp, last: pd.Timestamp
) -> list[str]:
    start, end = timing.to_utc(first) - 24 * _HOUR, timing.to_utc(last) + 96 * _HOUR
    times, city = _city_hours(beijing, home, start, end)
    lines = ["Measured city value per natural day:", "", "| day | AQI | primary |", "|---|---|---|"]
    days = timing.natural_day(times)
    for day in pd.date_range(first, last + pd.Timedelta(days=2)):
        rows = city[days == day]
        values = validity.day_values(rows)
        index = aqi.daily(values, standards.resolve("auto", day.date()))
        shown = "-" if np.isnan(index.aqi) else f"{int(index.aqi)}"
        primary = ", ".join(aqi.primary_names(int(index.primary)))
        lines.append(f"| {day:%m-%d} | {shown} | {primary} |")
    lines += ["", "What the measured hours themselves call for, with hindsight:", ""]
    lines += ["| edition | level | start | end |", "|---|---|---|---|"]
    for edition in EDITIONS:
        said = warning.propose(
            city[None], times, rules.load(edition), thresholds={}, issue_time=times[0],
        )  # fmt: skip
        lines.append(
            f"| {edition} | {said.level or '-'} | {_at(said, 'start')} | {_at(said, 'end')} |"
        )
    return lines


def _runs(
    beijing: CityConfig,
    home: Path,
    first: pd.Timestamp,
    last: pd.Timestamp,
    tier: WeatherTier,
) -> list[str]:
    lines = [f"\n### Weather: {tier}\n"]
    lines.append(
        "| issued | D+1 AQI | D+2 | D+3 | " + " | ".join(EDITIONS) + " | 2024: from, until |"
    )
    lines.append("|---" * (5 + len(EDITIONS)) + "|")
    for day in pd.date_range(first, last):
        at = timing.to_utc(day + 16 * _HOUR)
        known = inputs.gather(beijing, home=home, issue_time=at, replay=tier)
        made = daily.forecast_of(beijing, known)
        index = made.areas.aqi[0]  # (member, day)
        ranges = [
            "{:.0f} ({:.0f}-{:.0f})".format(*np.nanquantile(index[:, d], (0.5, 0.1, 0.9)))
            for d in range(3)
        ]
        said = {
            e: daily.proposal_of(beijing.model_copy(update={"rules": e}), known, made)
            for e in EDITIONS
        }
        span = f"{_at(said['national-2024'], 'start')}, {_at(said['national-2024'], 'end')}"
        cells = [_cell(said[e]) for e in EDITIONS]
        lines.append(f"| {day:%m-%d} | " + " | ".join([*ranges, *cells, span]) + " |")
    return lines


def _cell(said: Proposal) -> str:
    shares = "/".join(f"{100 * p:.0f}" for p in said.probability.values())
    return f"**{said.level or '-'}** {shares}"


def _at(said: Proposal, which: str) -> str:
    moment = getattr(said, which)
    return f"{timing.to_local(moment.median):%m-%d %H:%M}" if moment else "-"


if __name__ == "__main__":
    main()
