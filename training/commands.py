"""The data scientist's commands: thin wrappers; heavy imports happen inside them.

A home is LANTIAN_HOME (default `var/`), as for every command.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from forecast import command_line
from forecast.command_line import Config


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
    champion: Annotated[str, typer.Option(help="The champion's name in it.")] = "champion",
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


def _home() -> Path:
    return Path(os.environ.get("LANTIAN_HOME", "var"))
