"""One issue time from a forecaster to members: what no forecaster may do to a run."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecast import forecast_file, issue
from forecast.batch import Floats, IssueBatch
from forecast.ensemble import TemplateLibrary
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES
from tests.forecast import network_cases as cases

ISSUE = pd.DatetimeIndex(["2025-12-24T16:00"])


@dataclass(frozen=True)
class Runaway:
    """A dust storm beyond all it saw."""

    name: str = "runaway"
    trained_until: pd.Timestamp = cases.ORIGIN

    def quantiles(self, batch: IssueBatch) -> Floats:
        shape = (len(batch.issue_times), MAX_LEAD, len(batch.stations), 6, len(QUANTILES))
        return np.full(shape, 1e6, dtype=np.float32)


def test_a_forecaster_that_runs_away_ends_at_what_a_file_holds() -> None:
    batch = cases.batch("none", times=ISSUE)
    offset = batch.offset
    library = TemplateLibrary.build(cases.OBS, ISSUE[0], offset)
    made = next(
        issue.forecasts(batch, Runaway(), library, members=3, seed=1, standard="hj633-2012")
    )
    for i, p in enumerate(POLLUTANTS):
        assert np.nanmax(made.quantiles[:, :, i]) == np.float32(forecast_file.REACH[p])
    packed = forecast_file._pack(made.quantiles[:, :, 1], forecast_file.STEP["pm10"], "pm10")
    assert packed.max() == 32767
