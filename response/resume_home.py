"""`lantian resume` on a home: register, forecast, weather and orders in force -> who may resume.

Takes a home and a table of requests; gives what `resume_run.run` gives, with notes on what it rests
on, and leaves nothing unless asked to write. Only the areas that the bottom line is about are
judged. Days after D+3 are not judged here.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from forecast import files, stations
from forecast.config import CityConfig
from forecast.problems import ConfigError, DataError, Problem
from forecast.schema import CITY_AREA
from response import (
    budget_config,
    contributions_home,
    plan_orders,
    plan_run,
    register_home,
    resume_run,
    resumption_requests,
    resumption_settings,
)
from response.register_cells import inert
from response.resume_run import AreaMembers, ResumeResult
from response.resumption_settings import BottomLine, Limit
from response.rules import Words


@dataclass(frozen=True)
class Resumed:
    """A resumption plan with the notes on what it was made from."""

    result: ResumeResult
    notes: tuple[Words, ...]

    def as_dict(self) -> dict[str, Any]:
        """The machine-readable answer."""
        notes = [{"zh": n.zh, "en": n.en} for n in self.notes]
        return {**self.result.as_dict(), "notes": notes}

    def lines(self) -> list[str]:
        """The answer in words, Chinese then English."""
        said = (*self.result.words(), *self.notes)
        return [w.zh for w in said] + [w.en for w in said]


def run(
    config: CityConfig,
    *,
    home: Path,
    requests: Path,
    issue_time: pd.Timestamp | None = None,
    orders: Path | None = None,
    bottom_line: int | None = None,
    probability: float | None = None,
) -> Resumed:
    """Plan who may go back to work.

    Args:
        config: The city.
        home: LANTIAN_HOME, with a register and a forecast file.
        requests: The table of requests.
        issue_time: Naive UTC; the newest forecast if left out.
        orders: Orders in force (plan_orders).
        bottom_line, probability: Daily AQI of the city not to be exceeded, and the accepted
            probability that it is; both or neither (then configs/resumption/bottom-line.yaml).

    Raises:
        ConfigError: Wrong use, no register, no forecast, no weather, no orders.
        DataError: Everything that is wrong with the requests or a file.
    """
    line = line_of(bottom_line, probability)
    asked = resumption_requests.read(requests)
    register = register_home.current(home)
    known = resume_run.members_of(plan_run.forecast_path(home, issue_time), issue_time=issue_time)
    now = plan_orders.in_force(home, known.issue_time, offset=config.offset, orders=orders)
    judged = _only(known, line)
    begins = known.first_day - config.offset
    resume_run.request_table(asked, register, now.loads, begins)  # refused before the long part
    at = resume_run.receptors_of(stations.load(config.stations), judged.areas)
    receptors = stations.load(config.stations).loc[at.index]
    units = tuple(asked.index.astype(str))
    added, notes = contributions_home.receptor_contributions(
        config, home, register, known.issue_time, receptors, pd.Index(units)
    )
    if added is None:
        raise DataError([Problem("contributions", notes[-1].en, "a weather forecast until D+3")])
    settings = resumption_settings.load()
    spent, said = _budget(config, home, known)
    found = resume_run.run(
        judged, added, config, register, requests, dict(now.loads), line, settings, spent=spent
    )
    if line.assumption:
        example = Words(
            zh="底线为示例或命令行所给，由城市决定",
            en="the bottom line is an example or the command's own: the city decides it",
        )
        said = (*said, example)
    base = Words(
        zh="以预报为基线：预报视为已含现行限产的影响",
        en="the forecast is the base: it is taken to know of the orders in force",
    )
    return Resumed(found, (now.note, *notes, base, *said))


def line_of(bottom_line: int | None, probability: float | None) -> BottomLine:
    """The bottom line of the options, or the shipped example.

    Raises:
        ConfigError: One without the other, or out of range.
    """
    if bottom_line is None and probability is None:
        return resumption_settings.load_bottom_line()
    problems = []
    if bottom_line is None or not 0 < bottom_line < 500:
        problems.append(Problem("--bottom-line", str(bottom_line), "a daily AQI, 1 .. 499"))
    if probability is None or not 0 <= probability < 1:
        problems.append(Problem("--probability", str(probability), "0 .. below 1"))
    if problems or bottom_line is None or probability is None:
        raise ConfigError(problems)
    return BottomLine(limits=(Limit(above=bottom_line, accepted=probability),))


def write(resumed: Resumed, out: Path, *, pictures: bool = True) -> tuple[Path, ...]:
    """resumption.json, resumption.csv (UTF-8 with mark) and, for people, .xlsx and .png."""
    table = inert(resumed.result.table())
    said, rows = out / "resumption.json", out / "resumption.csv"
    text = json.dumps(resumed.as_dict(), ensure_ascii=False, indent=1, allow_nan=False)
    files.write_text(said, text + "\n")
    files.write_text(rows, "\ufeff" + table.to_csv(index=False))
    if not pictures:
        return said, rows
    from response import resume_plot

    book = out / "resumption.xlsx"
    files.replace_file(book, lambda p: _book(p, table))
    return said, rows, book, resume_plot.write(resumed.result, out)


def _book(path: Path, table: pd.DataFrame) -> None:
    with path.open("wb") as handle, pd.ExcelWriter(handle, engine="openpyxl") as writer:
        table.to_excel(writer, sheet_name="复产", index=False)


def _only(members: AreaMembers, line: BottomLine) -> AreaMembers:
    """Members of the city and of the areas the bottom line names."""
    wanted = {CITY_AREA, *(x.area for x in line.limits)}
    kept = [k for k, a in enumerate(members.areas) if a in wanted]
    names = tuple(members.areas[k] for k in kept)
    return replace(members, areas=names, daily=members.daily[kept])


def _budget(config: CityConfig, home: Path, members: AreaMembers) -> tuple[Any, tuple[Words, ...]]:
    """The year's budget where the city has targets of this year and a past to draw from."""
    targets = budget_config.targets_of(config.city.id)
    if targets is None or targets.year != members.first_day.year:
        said = Words(zh="本年度无目标，未计预算", en="no targets of this year: no budget")
        return None, (said,)
    try:
        return resume_run.year_budget(home, config, members, targets), ()
    except DataError as error:
        said = Words(
            zh=f"年度预算未能计算：{error.problems[0]}", en=f"no budget: {error.problems[0]}"
        )
        return None, (said,)
