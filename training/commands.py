"""The data scientist's commands: thin wrappers; heavy imports happen inside them.

A home is LANTIAN_HOME (default `var/`), as for every command.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from forecast import command_line
from forecast.command_line import Config, Json


def train(
    config: Config,
    until: Annotated[str, typer.Option(help="Local date: nothing from then on is seen.")],
    model: Annotated[
        str, typer.Option(help="network, lightgbm, or a published peer.")
    ] = "lightgbm",
    weather: Annotated[
        str, typer.Option(help="none, perturbed or perfect; a network serves all of them.")
    ] = "perturbed",
    settings: Annotated[
        Path | None, typer.Option(help="configs/train/*.yaml (network); default: the city's.")
    ] = None,
    tag: Annotated[
        str, typer.Option(help="Keep the network aside, as network:TAG, until it is promoted.")
    ] = "",
) -> None:
    """Fit a forecaster on the home's data and keep it in the home."""
    from forecast import config as configuration
    from training import fit

    city = configuration.load(config)
    folder = fit.run(
        city,
        home=_home(),
        until=command_line.local_date(until, city.offset, "--until"),
        tier=command_line.tier(weather) or "perturbed",
        model=model,
        say=command_line.line,
        settings=settings,
        tag=tag,
    )
    command_line.line(f"{model}: {folder}")


def promote(
    config: Config,
    by: Annotated[str, typer.Option(help="Who decides.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    model: Annotated[Path | None, typer.Option(help="Folder of the candidate.")] = None,
    compare: Annotated[
        Path | None, typer.Option(help="compare.json of candidate and champion.")
    ] = None,
    candidate: Annotated[str, typer.Option(help="The candidate's name in it.")] = "network",
    champion: Annotated[str, typer.Option(help="The champion's name in it.")] = "network:champion",
    force: Annotated[bool, typer.Option(help="Against the gate; the record says so.")] = False,
    rollback: Annotated[bool, typer.Option(help="Return to the champion before.")] = False,
) -> None:
    """Make a trained network the city's champion, or take the last promotion back."""
    from forecast import config as configuration
    from forecast.problems import ConfigError, Problem
    from training import registry

    city = configuration.load(config).city.id
    now = command_line.now()
    if rollback == (model is not None):
        found = "both" if rollback else "neither"
        raise ConfigError([Problem("--model, --rollback", found, "one of the two")])
    if model is None:
        made = registry.roll_back(_home(), city, by=by, reason=reason, now=now)
    else:
        made = registry.promote(
            _home(), city, model, by=by, reason=reason, now=now, comparison=compare,
            names=(candidate, champion), force=force,
        )  # fmt: skip
    for line in made.lines():
        command_line.line(line)


def compare(
    config: Config,
    start: Annotated[str, typer.Option(help="Local date of the first issue time (00:00).")],
    end: Annotated[str, typer.Option(help="Local date of the last issue times.")],
    models: Annotated[
        str,
        typer.Option(help="Names by comma; networks also as network:TAG or network@FOLDER."),
    ],
    out: Annotated[Path, typer.Option(help="Folder; goes on where it stopped.")],
    reference: Annotated[
        str, typer.Option(help="Those among the models that all others are paired with.")
    ] = "",
    every: Annotated[str, typer.Option(help="Hours between issue times, such as 6h.")] = "6h",
    weather: Annotated[
        str, typer.Option(help="Tiers by comma: none, perturbed, perfect, archived.")
    ] = "perfect,perturbed,none",
    scheduler: command_line.Scheduler = None,
    workers: command_line.Workers = None,
    as_json: Json = False,
) -> None:
    """Several forecasters on the same windows, weather and observations, by one scorer."""
    import sys

    from forecast import config as configuration
    from forecast import engine
    from training import compare as body

    def say(text: str) -> None:
        print(text, file=sys.stderr if as_json else sys.stdout, flush=True)

    city = configuration.load(config)
    first = command_line.local_date(start, city.offset, "--start")
    last = command_line.local_date(end, city.offset, "--end")
    with engine.wanted(scheduler, workers) as client:
        report = body.run(
            city, home=_home(), start=first, end=last, every=command_line.hours(every),
            tiers=[command_line.tier(t) for t in _names(weather)], models=_names(models),
            references=_names(reference), out=out, say=say, client=client,
        )  # fmt: skip
    content = {
        "out": str(report.out), "models": list(report.models), "tiers": list(report.tiers),
        "issue_times": report.issue_times, "seconds": round(report.seconds, 1),
    }  # fmt: skip
    command_line.say(content, report.lines(), as_json=as_json)


def drift(
    config: Config,
    days: Annotated[int, typer.Option(help="How many days are judged.")] = 30,
    until: Annotated[
        str | None, typer.Option(help="Local full hour, the last one judged; default: now.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for drift.json and drift.md.")] = None,
    as_json: Json = False,
) -> None:
    """Whether the last days still look like what the network was trained on; never trains.

    Exit status 1 where something is out of the ordinary: each is named.
    """
    from forecast import config as configuration
    from training import drift_run

    city = configuration.load(config)
    at = command_line.issue_time(until, city.offset)
    report = drift_run.run(city, home=_home(), until=at, days=days, out=out)
    command_line.say(report.as_dict(), report.lines(), as_json=as_json)
    command_line.finish(report.beyond)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _home() -> Path:
    return Path(os.environ.get("LANTIAN_HOME", "var"))
