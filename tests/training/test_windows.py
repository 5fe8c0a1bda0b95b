"""Training examples see what a run would see, and targets come after the issue time."""

import numpy as np
import pandas as pd
import pytest

from forecast import schema
from forecast.network_inputs import Inputs
from forecast.schema import MAX_LEAD, POLLUTANTS
from tests.forecast import network_cases as cases
from training import windows
from training.windows import Holes, Record

NO_HOLES = Holes(stations=0, network=0, levels=0, many=0)
RECORD = Record.of(cases.OBS, cases.OFFSET, 240)
ISSUE = pd.DatetimeIndex(["2025-12-16T03:00"])
LAST = int((ISSUE[0] - RECORD.origin).total_seconds() // 3600)
NAMES = ("past", "field", "future", "station", "hours", "same_hour", "recent", "wind", "trust")


def example(
    record: Record, shares: dict[str, float], *, holes: Holes = NO_HOLES,
    times: pd.DatetimeIndex = ISSUE,
) -> tuple[Inputs, np.ndarray]:  # fmt: skip
    rng = np.random.default_rng(1)
    return windows.mixed(record, times, windows.observed(), shares, cases.scales(), holes, rng)


def equal(a: Inputs, b: Inputs) -> bool:
    return all(np.array_equal(getattr(a, k), getattr(b, k)) for k in NAMES)


@pytest.mark.parametrize("tier", ["none", "perturbed", "perfect"])
def test_no_reading_after_the_issue_time_reaches_the_inputs(tier: str) -> None:
    poisoned = cases.OBS.copy(deep=True)
    for name in POLLUTANTS:
        poisoned[name].values[LAST + 1 :] = 777.0
    if tier == "none":
        for name in ("u10", "v10", "t2m", "sp"):
            poisoned[name].values[LAST + 1 :] += 40.0
    other = Record.of(poisoned, cases.OFFSET, 240)
    (a, before), (b, after) = example(RECORD, {tier: 1.0}), example(other, {tier: 1.0})
    assert equal(a, b)
    assert not np.array_equal(before, after, equal_nan=True)
    assert (after == 777).all()
    poisoned["pm25"].values[LAST] = 777.0  # known at the issue time
    c, _ = example(Record.of(poisoned, cases.OFFSET, 240), {tier: 1.0})
    assert not equal(a, c)


def test_targets_are_the_hours_after_the_issue_time() -> None:
    _, targets = example(RECORD, {"none": 1.0})
    np.testing.assert_array_equal(targets[0], RECORD.values[LAST + 1 : LAST + 1 + MAX_LEAD])


def test_issue_times_end_a_horizon_before_the_end() -> None:
    times = RECORD.issue_times(RECORD.origin, pd.Timestamp("2025-12-20T00:00"))
    assert times[-1] == pd.Timestamp("2025-12-16T00:00")
    assert times[0] == RECORD.origin + pd.Timedelta(hours=24)
    everything = RECORD.issue_times(RECORD.origin, pd.Timestamp("2030-01-01"))
    assert np.isfinite(RECORD.targets(everything[-1:])).mean() > 0.9  # whole to its last lead


def test_before_the_record_there_is_nothing() -> None:
    early = pd.DatetimeIndex([RECORD.origin + pd.Timedelta(hours=30)])
    made = RECORD.cut(early, None, "none")
    assert made.history.shape[1] == 240
    assert np.isnan(made.history[0, : 240 - 31]).all()
    np.testing.assert_array_equal(made.history[0, -31:], RECORD.values[:31])


def test_tiers_are_mixed_by_share_and_stay_in_order() -> None:
    times = RECORD.issue_times(RECORD.origin, pd.Timestamp("2025-12-24"))[::1][:120]
    shares = {"perfect": 0.5, "perturbed": 0.3, "none": 0.2}
    made, targets = example(RECORD, shares, times=times)
    found = np.bincount(made.trust, minlength=3) / len(times)
    np.testing.assert_allclose(found, [0.2, 0.3, 0.5], atol=0.12)
    np.testing.assert_array_equal(targets, RECORD.targets(times))
    plain, _ = example(RECORD, {"perfect": 1.0}, times=times)
    np.testing.assert_array_equal(made.station, plain.station)  # row i is issue time i
    unseen = made.trust == 0
    assert (made.hours[unseen][..., -1] == 0).all()
    assert (made.hours[~unseen][..., -1] == 1).all()


def test_perturbed_weather_is_drawn_anew() -> None:
    rng = np.random.default_rng(0)
    way = windows.observed()
    a, b = (way(RECORD, "perturbed", ISSUE, rng) for _ in range(2))
    assert a is not None
    assert b is not None
    assert not np.allclose(a, b, equal_nan=True)
    perfect = way(RECORD, "perfect", ISSUE, rng)
    assert perfect is not None
    np.testing.assert_array_equal(perfect[0], RECORD.weather[LAST + 1 : LAST + 97])
    assert way(RECORD, "none", ISSUE, rng) is None


def test_holes_hide_the_past_and_never_the_targets() -> None:
    holes = Holes(stations=1.0, network=0, levels=0, many=0)
    made, targets = example(RECORD, {"perfect": 1.0}, holes=holes)
    assert (made.recent == 0).all()
    assert np.isfinite(targets).mean() > 0.9
    before = RECORD.values.copy()
    example(RECORD, {"perfect": 1.0}, holes=Holes(1.0, 1.0, 0.0, 1.0))
    np.testing.assert_array_equal(RECORD.values, before)


def test_a_record_of_some_stations_keeps_their_rows() -> None:
    few = RECORD.only(np.array([1, 3])).only(np.array([1]))
    assert list(few.rows) == [3]
    assert list(few.stations.index) == [schema.stations_frame(cases.OBS).index[3]]
    np.testing.assert_array_equal(few.values[:, 0], RECORD.values[:, 3])
