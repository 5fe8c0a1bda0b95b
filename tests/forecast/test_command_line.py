"""Dates of options: a moment is the same in any time zone it is written in."""

import pandas as pd
import pytest

from forecast import command_line
from forecast.problems import ConfigError

OFFSET = pd.Timedelta(hours=8)


@pytest.mark.parametrize(
    "text",
    ["2015-03-01", "2015-03-01T00:00", "2015-03-01T00:00+08:00", "2015-02-28T16:00Z"],
    ids=["date", "midnight", "offset", "utc"],
)
def test_a_local_midnight_is_one_moment_however_it_is_written(text: str) -> None:
    # A model trained until one spelling is the kept model of a comparison from another.
    assert command_line.local_date(text, OFFSET, "--until") == pd.Timestamp("2015-02-28T16:00")


@pytest.mark.parametrize(
    "text", ["2015-03-01T00:00Z", "2015-03-01T08:00", "soon"], ids=["utc", "hour", "word"]
)
def test_what_is_no_local_midnight_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--until"):
        command_line.local_date(text, OFFSET, "--until")
