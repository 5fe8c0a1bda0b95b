"""Episodes: found, missed, mistimed by a known number of days."""

import numpy as np
import pytest

from forecast.verify import episodes

DATES = np.datetime64("2026-01-01") + np.arange(20)


def series(**runs: tuple[int, list[float]]) -> np.ndarray:
    out = np.full(20, 80.0)
    for first, values in runs.values():
        out[first : first + len(values)] = values
    return out


def test_find() -> None:
    values = series(a=(0, [210, 220]), b=(5, [201, 350, 250]), c=(19, [300]))
    found = [(e.first, e.last, e.peak, e.value) for e in episodes.find(values, 200, gap=0)]
    assert found == [(0, 1, 1, 220), (5, 7, 6, 350), (19, 19, 19, 300)]
    assert episodes.find(np.full(5, np.nan), 200, gap=0) == []
    assert len(episodes.find(np.array([210, np.nan, 210]), 200, gap=0)) == 2
    assert episodes.find(np.array([200.0]), 200, gap=0) == []  # above, not at


def test_short_gaps_are_bridged() -> None:
    values = np.array([210, 150, 220, np.nan, 230, 150, 150, 240])
    found = [(e.first, e.last, e.peak) for e in episodes.find(values, 200, gap=1)]
    assert found == [(0, 4, 4), (7, 7, 7)]
    assert len(episodes.find(values, 200, gap=2)) == 1


def test_timing_errors_misses_and_false_alarms() -> None:
    observed = series(a=(3, [210, 260, 240]), b=(12, [220, 230]))
    late = series(a=(4, [230, 250, 280, 210]), b=(17, [250]))  # one day late; b missed
    found = episodes.compared(DATES, observed, [observed, late], 200, margin=1, gap=0)
    assert [(e["first"], e["last"], e["days"]) for e in found["events"]] == [
        ("2026-01-04", "2026-01-06", 3),
        ("2026-01-13", "2026-01-14", 2),
    ]
    exact, second = found["days"]["D1"], found["days"]["D2"]
    assert (exact["n_events"], exact["found"], exact["false_alarms"]) == (2, 2, 0)
    assert (exact["onset_mean_abs"], exact["peak_mean_abs"], exact["end_mean_abs"]) == (0, 0, 0)
    assert (second["found"], second["missed"], second["false_alarms"]) == (1, 1, 1)
    first = found["events"][0]["D2"]
    assert (first["onset"], first["peak"], first["end"], first["peak_aqi"]) == (1, 2, 2, 280)
    assert found["events"][1]["D2"] == {"found": False}


def test_margin_and_longest_overlap() -> None:
    observed = series(a=(5, [210, 210, 210]))
    early = series(a=(3, [250, 250]))  # ends the day before
    assert (
        episodes.compared(DATES, observed, [early], 200, margin=1, gap=0)["days"]["D1"]["found"]
        == 1
    )
    assert (
        episodes.compared(DATES, observed, [early], 200, margin=0, gap=0)["days"]["D1"]["found"]
        == 0
    )
    split = series(a=(4, [250]), b=(6, [220, 220]))
    event = episodes.compared(DATES, observed, [split], 200, margin=1, gap=0)["events"][0]["D1"]
    assert (event["onset"], event["end"]) == (1, 0)


def test_an_episode_nobody_forecast_for_is_not_counted() -> None:
    observed = series(a=(0, [210, 210]), b=(10, [220]))
    forecast = observed.copy()
    forecast[:5] = np.nan
    found = episodes.compared(DATES, observed, [forecast], 200, margin=1, gap=0)
    assert found["events"][0]["D1"] is None
    assert (found["days"]["D1"]["n_events"], found["days"]["D1"]["found"]) == (1, 1)


@pytest.mark.parametrize(
    ("hours", "expected"), [([2, 8, 14, 20], 14), ([0, 6, 12, 18], 18), ([16], 16), ([4], 4)]
)
def test_operational_hour(hours: list[int], expected: int) -> None:
    assert episodes.operational_hour(np.array(hours), 16) == expected


def test_series_by_day() -> None:
    targets = DATES[[3, 1]]
    out = episodes.series_by_day(DATES[:5], targets, np.array([7.0, 5.0]))
    np.testing.assert_array_equal(out, [np.nan, 5, np.nan, 7, np.nan])
