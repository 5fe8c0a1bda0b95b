"""`lantian plan`, `resume`, `evaluate`: thin bodies, heavy imports inside."""

from pathlib import Path
from typing import Annotated, Any

import typer

from forecast import command_line
from forecast.command_line import Config, Json

GOALS = ("least_loss", "most_effect", "bottom_line")
IssueTime = Annotated[
    str | None, typer.Option(help="Local, full hour, of a daily run; default: the newest.")
]
Line = Annotated[int | None, typer.Option(help="Daily AQI of the city not to be exceeded.")]
Probability = Annotated[
    float | None, typer.Option(help="Accepted probability that the bottom line is exceeded, 0..1.")
]
Out = Annotated[Path | None, typer.Option(help="Folder for tables and pictures.")]
Orders = Annotated[
    Path | None, typer.Option(help="CSV: unit, start, end, load. Default: the home's orders.csv.")
]


def attach(app: typer.Typer) -> None:
    """Hang the commands of plan, resumption and evaluation on the command line."""
    app.command()(plan)
    app.command()(resume)
    app.command()(evaluate)


def plan(
    config: Config,
    issue_time: IssueTime = None,
    level: Annotated[
        str | None, typer.Option(help="yellow, orange or red; default: what the run proposed.")
    ] = None,
    objective: Annotated[str, typer.Option(help=", ".join(GOALS))] = "least_loss",
    budget: Annotated[float | None, typer.Option(help="Largest loss, yuan.")] = None,
    bottom_line: Line = None,
    probability: Probability = None,
    fix: Annotated[
        list[str] | None, typer.Option(help="UNIT=MODE by hand; may be given several times.")
    ] = None,
    time_limit: Annotated[float | None, typer.Option(help="Seconds for the solver.")] = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Control plan of a forecast: an order for each production unit and day, with its reason."""
    from forecast import config as configuration
    from response import plan_run
    from serving import settings

    fixed = _wrong_use(objective, budget, bottom_line, probability, fix or [], time_limit)
    city = configuration.load(config)
    made = plan_run.run(
        city,
        home=settings.home(),
        issue_time=_issue(issue_time, city.offset),
        level=level,
        goal=objective,  # type: ignore[arg-type]
        budget_yuan=budget,
        bottom_line=bottom_line,
        probability=probability,
        fixed=fixed,
        time_limit_s=time_limit,
    )
    written = plan_run.write(made, out, offset=city.offset) if out else ()
    command_line.say(made.as_dict(), [*made.lines(), *map(str, written)], as_json=as_json)


def resume(
    config: Config,
    requests: Annotated[Path, typer.Option(help="CSV or Excel: 生产单元, 申请复产时间, ...")],
    issue_time: IssueTime = None,
    bottom_line: Line = None,
    probability: Probability = None,
    orders: Orders = None,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Who may go back to work when, while the bottom line holds."""
    from forecast import config as configuration
    from response import resume_home
    from serving import settings

    city = configuration.load(config)
    made = resume_home.run(
        city,
        home=settings.home(),
        requests=requests,
        issue_time=_issue(issue_time, city.offset),
        orders=orders,
        bottom_line=bottom_line,
        probability=probability,
    )
    written = resume_home.write(made, out) if out else ()
    command_line.say(made.as_dict(), [*made.lines(), *map(str, written)], as_json=as_json)


def evaluate(
    config: Config,
    orders: Annotated[Path, typer.Option(help="CSV: unit, start, end, load.")],
    start: Annotated[str | None, typer.Option(help="First local date; default: all.")] = None,
    end: Annotated[str | None, typer.Option(help="Last local date; default: all.")] = None,
    meters: Annotated[Path | None, typer.Option(help="Electricity: NetCDF or CSV.")] = None,
    monitors: Annotated[Path | None, typer.Option(help="Stack monitors: NetCDF or CSV.")] = None,
    rerun: Annotated[
        Path | None, typer.Option(help="Hindcast made with observed weather (perfect).")
    ] = None,
    issue_time: Annotated[
        str | None, typer.Option(help="Of the warning's forecast; default: before the orders.")
    ] = None,
    line: Annotated[float, typer.Option(help="AQI above which a day counts as polluted.")] = 200,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """After the event: what the orders did, who followed them, what they cost."""
    from forecast import config as configuration
    from response import evaluation_plot, evaluation_run
    from serving import settings

    city = configuration.load(config)
    made = evaluation_run.run(
        city,
        home=settings.home(),
        issue_time=_issue(issue_time, city.offset),
        orders=orders,
        first=None if start is None else command_line.local_date(start, city.offset, "--start"),
        last=None if end is None else command_line.local_date(end, city.offset, "--end"),
        electricity=meters,
        monitors=monitors,
        rerun=rerun,
        line=line,
    )
    written = [*made.write(out), evaluation_plot.write(made, out)] if out else []
    command_line.say(made.as_dict(), [*made.lines(), *map(str, written)], as_json=as_json)


def _issue(text: str | None, offset: Any) -> Any:
    """The issue time named; None: the command's own default."""
    return None if text is None else command_line.issue_time(text, offset)


def _wrong_use(
    objective: str,
    budget: float | None,
    bottom_line: int | None,
    probability: float | None,
    fix: list[str],
    time_limit: float | None,
) -> dict[str, str]:
    """Orders by hand; everything wrong with the options at once otherwise."""
    from forecast.problems import ConfigError, Problem

    problems = []

    def expect(option: str, value: object, expected: str, *, holds: bool) -> None:
        if not holds:
            problems.append(Problem(option, repr(value), expected))

    expect("--objective", objective, f"one of {', '.join(GOALS)}", holds=objective in GOALS)
    expect("--budget", budget, "0 or more yuan", holds=budget is None or budget >= 0)
    named = objective != "most_effect" or budget is not None
    expect("--budget", budget, "an amount, for most_effect", holds=named)
    inside = bottom_line is None or 0 < bottom_line < 500
    expect("--bottom-line", bottom_line, "a daily AQI, 1 .. 499", holds=inside)
    share = probability is None or 0 <= probability < 1
    expect("--probability", probability, "0 .. below 1", holds=share)
    if objective == "bottom_line":
        for option, value in (("--bottom-line", bottom_line), ("--probability", probability)):
            expect(option, value, "a value, for bottom_line", holds=value is not None)
    fast = time_limit is None or time_limit > 0
    expect("--time-limit", time_limit, "more than 0 s", holds=fast)
    fixed: dict[str, str] = {}
    for item in fix:
        unit, _, mode = item.partition("=")
        expect("--fix", item, "UNIT=MODE", holds=bool(unit and mode))
        expect("--fix", item, "each unit once", holds=unit not in fixed)
        fixed[unit] = mode
    if problems:
        raise ConfigError(problems)
    return fixed
