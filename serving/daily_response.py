"""The daily run's response: warning -> control plan -> resumption plan.

Takes the proposal and a home that already holds the forecast; gives what can be made and notes on
what cannot. A home without a register has no response; a plan or a resumption that fails is a note
of the bulletin and loses neither forecast nor warning.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import pandas as pd

from forecast import files
from forecast.config import CityConfig
from forecast.problems import LantianError
from response import controls_tables, plan_orders, plan_run, resume_home
from response.plan_run import PlanResult
from response.resume_home import Resumed
from response.warning import Proposal
from serving import daily_budget
from serving.bulletin import response as sections
from serving.bulletin.content import Bulletin, Note, Text

REQUESTS: Final = ("requests.xlsx", "requests.csv")  # in the home
T = TypeVar("T")


@dataclass(frozen=True)
class Response:
    """What a run has to say of controls; None where there is nothing to say or it failed."""

    plan: PlanResult | None = None
    resumption: Resumed | None = None
    notes: tuple[Note, ...] = ()
    budget: str | None = None  # of daily_budget


def respond(
    config: CityConfig, *, home: Path, issue_time: pd.Timestamp, proposal: Proposal
) -> Response:
    """Plan for a warning that is proposed or kept, and answer the requests in the home.

    Args:
        config: The city.
        home: LANTIAN_HOME with the run's forecast file.
        issue_time: Naive UTC.
        proposal: The run's.
    """
    spent = daily_budget.text(config, home, issue_time)
    if not (home / "register" / "current.json").is_file():
        return Response(budget=spent)
    notes: list[Note] = []
    level = proposal.level
    plan = None
    if level is not None:
        plan = _tried(
            lambda: plan_run.run(config, home=home, issue_time=issue_time, level=level),
            Text("减排方案", "control plan"), notes,
        )  # fmt: skip
    asked = next((home / n for n in REQUESTS if (home / n).is_file()), None)
    resumption = None
    if asked is not None:
        resumption = _tried(
            lambda: resume_home.run(config, home=home, issue_time=issue_time, requests=asked),
            Text("复产安排", "resumption"), notes,
        )  # fmt: skip
    return Response(plan, resumption, tuple(notes), spent)


def shown(bulletin: Bulletin, found: Response) -> Bulletin:
    """The bulletin with the response's sections and notes."""
    parts = []
    if found.plan is not None:
        parts.append(sections.plan_section(found.plan))
    if found.resumption is not None:
        parts.append(sections.resumption_section(found.resumption, found.plan))
    return replace(bulletin, response=tuple(parts), notes=(*bulletin.notes, *found.notes))


def write(found: Response, folder: Path, *, offset: pd.Timedelta) -> list[Path]:
    """plan/ and resumption/ beside the bulletin: JSON and CSV, the same bytes for the same inputs.

    Seconds the solver took are left out, and no workbook is written: both differ from run to run
    (`lantian plan --out` gives the workbook).
    """
    written = []
    if found.budget is not None:
        written.append(folder / daily_budget.FILE)
        files.write_text(written[-1], found.budget)
    if found.plan is not None:
        said = {k: v for k, v in found.plan.as_dict().items() if k != "seconds"}
        text = json.dumps(said, ensure_ascii=False, indent=1, allow_nan=False)
        written.append(folder / "plan" / "plan.json")
        files.write_text(written[-1], text + "\n")
        orders = plan_orders.table(found.plan.plan, offset=offset)
        written.append(folder / "plan" / plan_orders.NAME)
        files.write_text(written[-1], orders.to_csv(index=False))
        for name, table in controls_tables.tables(found.plan.plan).items():
            written.append(folder / "plan" / f"{name}.csv")
            keep = table.index.name is not None
            files.write_text(written[-1], "\ufeff" + table.to_csv(index=keep))
    if found.resumption is not None:
        written += resume_home.write(found.resumption, folder / "resumption", pictures=False)
    return written


def _tried(make: Callable[[], T], what: Text, notes: list[Note]) -> T | None:
    try:
        return make()
    except LantianError as error:
        # A bulletin names the file, not the machine's folders.
        first = re.sub(r"(?<=\s)/\S*/|^/\S*/", "", str(error.problems[0]))
        more = len(error.problems) - 1
        rest = (f"（另有{more}项）", f" (and {more} more)") if more else ("", "")
        zh, en = f"{what.zh}未能形成：{first}{rest[0]}", f"no {what.en}: {first}{rest[1]}"
    except Exception as error:  # whatever it is, forecast and warning must stand
        zh, en = (f"{what.zh}未能形成：{error!r}", f"no {what.en}: {error!r}")
    notes.append(Note(Text(zh, en), "error"))
    return None
