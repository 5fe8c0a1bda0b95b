"""What all commands share: options, times and words of the command line.

Typer only; heavy imports happen inside functions. Exit status 0; 1 (ran, but found something wrong
in the data: named); 2 (wrong use or configuration: all errors at once).
"""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    import pandas as pd

Config = Annotated[Path, typer.Option("--config", help="The city's YAML.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask scheduler, such as tcp://host:8786.")
]
Workers = Annotated[
    int | None, typer.Option(help="Processes of this machine, where there is no --scheduler.")
]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def now() -> "pd.Timestamp":
    """The moment, naive UTC: the only place of the command line that reads the clock."""
    import pandas as pd

    return pd.Timestamp(datetime.now(UTC).replace(tzinfo=None))


def issue_time(text: str | None, offset: "pd.Timedelta") -> "pd.Timestamp":
    """A full hour in local time as naive UTC; None: the last full hour."""
    from forecast import timing

    if text is None:
        return now().floor("h")
    at = timing.to_utc(timestamp(text, "--issue-time"), offset)
    if at != at.floor("h"):
        refuse("--issue-time", text, "a full hour")
    return at


def local_date(text: str, offset: "pd.Timedelta", option: str) -> "pd.Timestamp":
    """Midnight of a local date as naive UTC; anything else is refused.

    The same moment may be written with an offset of its own, such as 2015-02-28T16:00Z.
    """
    from forecast import timing

    at = timing.to_utc(timestamp(text, option), offset)
    if at + offset != (at + offset).normalize():
        refuse(option, text, "a date such as 2015-03-01, or its local midnight with an offset")
    return at


def timestamp(text: str, option: str) -> "pd.Timestamp":
    """A date or time in words; anything else is refused."""
    import pandas as pd

    try:
        at = pd.Timestamp(text)
    except ValueError:
        refuse(option, text, "a date or time such as 2015-11-30T16:00")
    if pd.isna(at):
        refuse(option, text, "a date or time such as 2015-11-30T16:00")
    return at


def hours(text: str) -> int:
    """Whole hours such as 6h, at most a month."""
    number = text.removesuffix("h")
    if not number.isdigit() or not 1 <= int(number) <= 24 * 31:
        refuse("--every", text, "whole hours such as 6h")
    return int(number)


def tier(text: str | None) -> Any:
    """A weather tier, or None; anything else is refused."""
    tiers = ("none", "perturbed", "perfect", "archived")
    if text is not None and text not in tiers:
        refuse("--weather", text, f"one of {', '.join(tiers)}")
    return text


def pair(item: str) -> tuple[str, Path]:
    """NAME=FILE.nc as a pair."""
    name, _, file = item.partition("=")
    if not name or not file:
        refuse("--reference", item, "NAME=FILE.nc")
    return name, Path(file)


def refuse(option: str, found: str, expected: str) -> NoReturn:
    """Refuse the use of an option: exit status 2 in the end."""
    from forecast.problems import ConfigError, Problem

    raise ConfigError([Problem(option, repr(found), expected)])


def line(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


def say(data: dict[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print machine-readable data or lines."""
    if as_json:
        print(json.dumps(data, ensure_ascii=False, indent=2))
        return
    for one in lines:
        print(one)


def finish(problems: Iterable[object]) -> None:
    """Print problems found in the data; exit status 1 where there are any."""
    found = list(problems)
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        raise typer.Exit(1)
