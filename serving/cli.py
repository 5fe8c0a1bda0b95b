"""The command line: thin wrappers; each command's body lives where its subject does.

Exit status 0; 1 (ran, but found something wrong in the data: named); 2 (wrong use or
configuration: all errors at once). Heavy imports happen inside the commands.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast import command_line
from forecast.command_line import Config, Json
from serving import (
    commands_cities,
    commands_duty,
    commands_publish,
    commands_response,
    commands_serve,
)
from training import commands as training_commands

if TYPE_CHECKING:
    from twin.world import World

app = typer.Typer(
    help="Lantian 蓝天: air-quality forecast, warning and emission control for a city.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(training_commands.train)
app.command()(training_commands.compare)
app.command()(training_commands.promote)
app.command()(training_commands.drift)
commands_response.attach(app)
commands_duty.attach(app)
commands_publish.attach(app)
commands_serve.attach(app)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="beijing, cnemc, csv, netcdf, weather-netcdf ...")],
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.")],
    stations: Annotated[Path | None, typer.Option(help="Station register (CSV).")] = None,
    city: Annotated[str | None, typer.Option(help="City of a national file (cnemc).")] = None,
    as_json: Json = False,
) -> None:
    """Observations or weather forecasts into the home."""
    from forecast import stations as register
    from serving import imports, settings

    table = register.load(stations) if stations else None
    result = imports.run(
        source, paths, home=settings.home(), stations=table, city=city, received=command_line.now()
    )
    command_line.say(result.as_dict(), result.lines(), as_json=as_json)
    command_line.finish(result.problems)


@app.command()
def daily(
    config: Annotated[Path | None, typer.Option(help="The city's YAML.")] = None,
    issue_time: Annotated[
        str | None, typer.Option(help="Local, full hour; default: the last full hour.")
    ] = None,
    weather: Annotated[
        str | None,
        typer.Option(help="Replays of past days: none, perturbed or perfect (observed)."),
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Posters, and charts in the pages.")] = True,
    drift: Annotated[bool, typer.Option(help="Judge drift; propose a training.")] = True,
    cities: commands_cities.Cities = None,
    scheduler: command_line.Scheduler = None,
    workers: command_line.Workers = None,
    retries: commands_cities.Retries = 1,
    limit_minutes: commands_cities.Limit = None,
    as_json: Json = False,
) -> None:
    """The daily run: observations to forecast to warning proposal to bulletin."""
    from serving import settings, whole_day
    from training import drift_daily

    judge = drift_daily.judge if drift else None
    if cities is not None or config is None:
        if (cities is None) == (config is None):
            command_line.refuse("--config, --cities", "both or neither", "one of the two")
        commands_cities.daily(
            cities, issue_time=issue_time, weather=weather, pictures=pictures,
            scheduler=scheduler, workers=workers, retries=retries, limit_minutes=limit_minutes,
            judge=judge, as_json=as_json,
        )  # fmt: skip
        return
    commands_cities.only_with_cities(scheduler=scheduler, workers=workers, limit=limit_minutes)
    from forecast import config as configuration

    city = configuration.load(config)
    at = command_line.issue_time(issue_time, city.offset)
    day = whole_day.run(
        city, home=settings.home(), database_url=settings.database_url(), issue_time=at,
        now=command_line.now().to_pydatetime(), replay=command_line.tier(weather),
        pictures=pictures, judge=judge,
    )  # fmt: skip
    command_line.say(day.as_dict(), day.lines(), as_json=as_json)
    command_line.finish(day.problems)


@app.command()
def aqi(
    table: Annotated[Path, typer.Argument(help="CSV: time, station, pm25 pm10 so2 no2 co o3.")],
    kind: Annotated[str, typer.Option(help="hourly, daily or hourly-to-daily.")],
    out: Annotated[Path, typer.Option(help="CSV to write.")],
    standard: Annotated[str, typer.Option(help="auto, hj633-2012 or hj633-2026.")] = "auto",
) -> None:
    """Index of a table of concentrations."""
    from forecast import aqi_table

    command_line.finish(aqi_table.run(table, kind=kind, standard=standard, out=out))


@app.command()
def warn(
    table: Annotated[Path, typer.Argument(help="CSV: the city's hourly concentrations.")],
    rules: Annotated[str, typer.Option(help="Edition in configs/rules.")] = "national-2024",
    as_json: Json = False,
) -> None:
    """Which warning a city's hourly concentrations call for, and why."""
    from response import warn_table

    result, problems = warn_table.run(table, rules=rules)
    command_line.say(result.as_dict(), result.lines(), as_json=as_json)
    command_line.finish(problems)


@app.command()
def calibrate(
    table: Annotated[Path, typer.Argument(help="CSV: a sensor beside a reference, hourly.")],
    out: Annotated[Path, typer.Option(help="CSV to write.")],
) -> None:
    """Corrected micro-station values, each from what was known before it."""
    from forecast import calibrate_table

    command_line.finish(calibrate_table.run(table, out=out))


@app.command()
def hindcast(
    config: Config,
    start: Annotated[str, typer.Option(help="Local date of the first issue time (00:00).")],
    end: Annotated[str, typer.Option(help="Local date of the last issue times.")],
    weather: Annotated[str, typer.Option(help="none, perturbed, perfect or archived.")],
    out: Annotated[Path, typer.Option(help="NetCDF to write.")],
    every: Annotated[str, typer.Option(help="Hours between issue times, such as 6h.")] = "6h",
    model: Annotated[str | None, typer.Option(help="Default: the config's champion.")] = None,
    hourly_members: Annotated[bool, typer.Option(help="Keep hourly area members.")] = False,
    scheduler: command_line.Scheduler = None,
    workers: command_line.Workers = None,
) -> None:
    """Forecasts at past issue times from the home's data; no look into the future."""
    from forecast import config as configuration
    from forecast import engine
    from serving import settings
    from training import hindcast as body

    city = configuration.load(config)
    first = command_line.local_date(start, city.offset, "--start")
    last = command_line.local_date(end, city.offset, "--end")
    with engine.wanted(scheduler, workers) as client:
        report = body.run(
            city, home=settings.home(), start=first, end=last, every=command_line.hours(every),
            tier=command_line.tier(weather) or "none", model=model or city.forecast.model,
            out=out, hourly_members=hourly_members, say=command_line.line, client=client,
        )  # fmt: skip
    command_line.say({}, report.lines(), as_json=False)


@app.command()
def verify(
    forecast: Annotated[Path, typer.Argument(help="NetCDF of a forecast or hindcast.")],
    out: Annotated[Path, typer.Option(help="Folder for scores.json and report.html.")],
    reference: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE.nc, scored beside it on the same hours.")
    ] = None,
) -> None:
    """Scores of a hindcast against the home's observations, with intervals and a report."""
    from forecast.verify import run as body
    from serving import settings, verify_words

    pairs = dict(command_line.pair(item) for item in reference or [])
    scores = body.run(forecast, home=settings.home(), out=out, references=pairs)
    command_line.say({}, verify_words.lines(scores, out), as_json=False)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Home of the demo.")] = Path("var/demo"),
    serve: Annotated[bool, typer.Option("--serve", help="Open the console on localhost.")] = False,
) -> None:
    """A simulated city, the daily run before an episode, results in words and pictures."""
    from serving import demo as body
    from serving import record_run

    world = _played(None, out, None, None, None)
    report = body.run(world.config, home=out, first=world.first, last=world.last)
    command_line.say({}, [body.SAID, *report.lines()], as_json=False)
    now, database = command_line.now().to_pydatetime(), f"sqlite:///{out.resolve() / 'lantian.db'}"
    command_line.finish(record_run.after(out, database, report.issue_time, now=now))
    if serve:
        commands_serve.run(world.config, out, database, host="127.0.0.1", port=8410)


@app.command()
def twin(
    out: Annotated[Path, typer.Option(help="Home to play the city into.")],
    config: Annotated[Path | None, typer.Option(help="configs/twin/*.yaml.")] = None,
    start: Annotated[str | None, typer.Option(help="Local date; default: the config's.")] = None,
    days: Annotated[int | None, typer.Option(help="Length; default: the config's.")] = None,
    seed: Annotated[int | None, typer.Option(help="Default: the config's.")] = None,
    closed_loop: Annotated[
        bool, typer.Option("--closed-loop", help="A winter under four policies; goes on by itself.")
    ] = False,
    seeds: Annotated[int, typer.Option(help="Closed loop: how many cities.")] = 1,
) -> None:
    """Simulate a city: readings, weather forecasts, register and truth into a home."""
    if closed_loop:
        _closed_loop(out, start or "2015-12-01", days or 20, seed or 1, seeds)
        return
    world = _played(config, out, start, days, seed)
    command_line.line(
        f"{world.simulated}: {world.stations} stations, {world.vintages} weather forecasts"
    )
    command_line.line(
        f"{world.first} .. {world.last} UTC in {out}; daily run: --config {world.config}"
    )


def _closed_loop(out: Path, start: str, days: int, seed: int, seeds: int) -> None:
    """Policies on simulated cities; progress and pages in a folder."""
    import pandas as pd

    from training import closed_loop_run

    if days < 1 or seeds < 1:
        command_line.refuse("--days, --seeds", f"{days}, {seeds}", "one at least")
    first = command_line.local_date(start, pd.Timedelta(0), "--start")
    closed_loop_run.run(
        out, first=first, days=days, seeds=seeds, first_seed=seed, say=command_line.line
    )


def _played(
    config: Path | None, out: Path, start: str | None, days: int | None, seed: int | None
) -> "World":
    """The simulated city in a home: the one that is there, or a new one."""
    import pandas as pd

    from forecast.config import configs_dir
    from twin import config as configuration
    from twin import world

    city = configuration.load(config or configs_dir() / "twin" / "demo.yaml")
    offset = pd.Timedelta(hours=city.city.utc_offset_hours)
    first = command_line.local_date(
        start or str(city.period.start), offset, "--start"
    ) + pd.Timedelta(hours=1)
    length = days if days is not None else (city.period.end - city.period.start).days + 1
    if length < 1:
        command_line.refuse("--days", str(days), "one day at least")
    there = world.played(city, out, seed=seed)
    last = first + pd.Timedelta(hours=24 * length - 1)
    if not there or (there.first, there.last) != (first, last):
        there = world.play(
            city, out, start=first, hours=24 * length, seed=seed, say=command_line.line
        )
    _import_register(out, there)
    return there


def _import_register(home: Path, there: "World") -> None:
    """The emergency list the simulated city sent becomes the home's register."""
    from forecast import stations
    from serving import imports

    imports.run(
        "register", [home / "register.xlsx"], home=home,
        stations=stations.load(home / "stations.csv"), city=None, received=there.first,
    )  # fmt: skip


def main() -> None:
    """Entry point: answers refusals with words and the exit status of their kind."""
    from forecast.problems import ConfigError, LantianError

    try:
        app()
    except LantianError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)
