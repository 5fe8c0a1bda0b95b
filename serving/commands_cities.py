"""Options and body of `lantian daily --cities`; heavy imports happen inside functions."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast import command_line

if TYPE_CHECKING:
    import pandas as pd

    from forecast.problems import Problem
    from serving.whole_day import Judge

Cities = Annotated[
    Path | None, typer.Option(help="Folder with a YAML for each city, instead of --config.")
]
Retries = Annotated[int, typer.Option(help="How often a city that failed is tried again.")]
Limit = Annotated[
    float | None, typer.Option(help="A city at work for more minutes than this is stopped.")
]
_WORKERS = 2


def daily(
    folder: Path | None, *, issue_time: str | None, weather: str | None, pictures: bool,
    scheduler: str | None, workers: int | None, retries: int, limit_minutes: float | None,
    judge: "Judge | None", as_json: bool,
) -> None:  # fmt: skip
    """The day of every city of a folder; exit status 1 where a city has no forecast.

    Raises:
        ConfigError: Everything that is wrong with options and configurations, at once.
    """
    from forecast.problems import ConfigError
    from serving import cities, settings

    now = command_line.now()

    def at(offset: "pd.Timedelta") -> "pd.Timestamp":
        return now.floor("h") if issue_time is None else command_line.issue_time(issue_time, offset)

    problems = _option_problems(scheduler, workers, retries, limit_minutes)
    planned: tuple[cities.Planned, ...] = ()
    try:
        tier = command_line.tier(weather)
        planned = cities.plan(folder or Path(), home=settings.home(), issue_time=at)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)

    def say(text: str) -> None:
        print(text, file=sys.stderr if as_json else sys.stdout, flush=True)

    report = cities.run(
        planned, home=settings.home(), now=now.to_pydatetime(), scheduler=scheduler,
        workers=workers or _WORKERS, retries=retries, limit_minutes=limit_minutes, replay=tier,
        pictures=pictures, judge=judge, say=say,
    )  # fmt: skip
    command_line.say(report.as_dict(), report.lines(), as_json=as_json)
    command_line.finish(report.problems())


def only_with_cities(*, scheduler: str | None, workers: int | None, limit: float | None) -> None:
    """Refuse options of many cities where there is one.

    Raises:
        ConfigError: Each of them that was given.
    """
    from forecast.problems import ConfigError, Problem

    given = {"--scheduler": scheduler, "--workers": workers, "--limit-minutes": limit}
    problems = [
        Problem(option, repr(value), "nothing without --cities: one city is one process")
        for option, value in given.items()
        if value is not None
    ]
    if problems:
        raise ConfigError(problems)


def _option_problems(
    scheduler: str | None, workers: int | None, retries: int, limit_minutes: float | None
) -> "list[Problem]":
    from forecast import engine
    from forecast.problems import Problem

    problems = engine.problems(scheduler, workers)
    if retries < 0:
        problems.append(Problem("--retries", str(retries), "0 at least"))
    if limit_minutes is not None and limit_minutes <= 0:
        problems.append(Problem("--limit-minutes", str(limit_minutes), "more than 0"))
    return problems
