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


def _home() -> Path:
    return Path(os.environ.get("LANTIAN_HOME", "var"))
