"""`lantian demo`: the daily run on a made-up sample. Nothing in it is measured."""

from pathlib import Path

import pandas as pd

from forecast import config as configuration
from forecast import observations, schema
from serving import daily
from serving.daily import DailyReport

SAID = "编造的小样本，不是实测 / a made-up sample, nothing in it was measured"
ISSUE_TIME = pd.Timestamp("2026-02-08T08:00")  # 16:00 local, inside an episode of the sample


def run(home: Path) -> DailyReport:
    """Build the sample in `home` and run one day of it."""
    config = configuration.load(configuration.configs_dir() / "demo.yaml")
    sample = schema.mock_observations(start="2025-12-01", hours=24 * 75, stations=12, seed=20)
    known = sample.sel(time=slice(None, ISSUE_TIME))
    observations.merge(home, known, source="mock", received=ISSUE_TIME)
    return daily.run(config, home=home, issue_time=ISSUE_TIME)
