"""The year's budget in a daily run: what is used, what is left, what the next days may take.

A city without targets of the run's year has none; a budget that cannot be made is left out and the
page says so: no warning depends on it.
"""

import json
from pathlib import Path
from typing import Final

import pandas as pd

from forecast.config import CityConfig
from forecast.problems import LantianError
from response import budget, budget_config, budget_words, plan_run, resume_run

FILE: Final = "budget.json"


def text(config: CityConfig, home: Path, issue_time: pd.Timestamp) -> str | None:
    """Content of budget.json, from the readings up to the issue time and the run's members.

    Args:
        config: The city.
        home: LANTIAN_HOME with the run's forecast file.
        issue_time: Naive UTC.

    Returns:
        None: no targets of this year, or no past to draw the rest of the year from.
    """
    targets = budget_config.targets_of(config.city.id)
    if targets is None or targets.year != (issue_time + config.offset).year:
        return None
    try:
        members = resume_run.members_of(
            plan_run.forecast_path(home, issue_time), issue_time=issue_time
        )
        if members.first_day.year != targets.year:
            return None
        made = resume_run.year_budget(home, config, members, targets)
    except LantianError:
        return None
    said = budget.as_dict(made) | {
        "words": [{"zh": w.zh, "en": w.en} for w in budget_words.words(made)]
    }
    return json.dumps(said, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
