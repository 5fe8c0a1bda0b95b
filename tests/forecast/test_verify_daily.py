"""City daily index: levels, ranges, primaries, events, probabilities, by hand and by `scores`."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scores.categorical import ThresholdEventOperator
from scores.probability import brier_score_for_ensemble, crps_for_ensemble

from forecast.schema import POLLUTANTS
from forecast.verify import daily, settings
from forecast.verify.daily import DailyForecast, DailyObserved

OFFSET = pd.Timedelta(hours=8)
RULES = settings.load()


def primary(*names: str) -> np.ndarray:
    return np.array([p in names for p in POLLUTANTS])


def one_case(
    members: list[float],
    observed: float,
    *,
    named: list[np.ndarray] | None = None,
    seen: np.ndarray | None = None,
) -> dict[str, float]:
    """Scores of a single case, D+1 (the other days are missing)."""
    aqi = np.full((1, 3, len(members)), np.nan)
    aqi[0, 0] = members
    who = np.zeros((1, 3, len(members), 6), dtype=bool)
    who[0, 0] = named if named is not None else [primary("pm25")] * len(members)
    target = np.full((1, 3), np.nan)
    target[0, 0] = observed
    found = np.zeros((1, 3, 6), dtype=bool)
    found[0, 0] = seen if seen is not None else primary("pm25")
    dates = daily.target_dates(pd.DatetimeIndex(["2026-01-01T08:00"]), OFFSET)
    losses, valid = daily.case_losses(
        DailyForecast(aqi, who), DailyObserved(dates, target, found), RULES
    )
    values, n = daily.totals(losses, valid)
    assert n.tolist() == [1, 0, 0, 1]
    return {k: float(v[0]) for k, v in values.items()}


def year(seed: int = 0, members: int = 40) -> tuple[DailyForecast, DailyObserved, pd.DatetimeIndex]:
    """A statistically consistent ensemble: members and observation from one distribution."""
    rng = np.random.default_rng(seed)
    times = pd.date_range("2025-01-01T08:00", periods=365, freq="D")
    middle = rng.gamma(3, 40, (365, 3))
    draws = np.clip(
        np.rint(middle[..., None] * np.exp(0.3 * rng.standard_normal((365, 3, members + 1)))),
        1,
        500,
    )
    draws += 0.001 * rng.random(draws.shape)  # no ties: ranks are exact
    who = np.broadcast_to(primary("pm25"), (365, 3, members, 6))
    target = DailyObserved(
        daily.target_dates(times, OFFSET),
        draws[..., 0],
        np.broadcast_to(primary("pm25"), (365, 3, 6)),
    )
    return DailyForecast(draws[..., 1:], who), target, times


@pytest.mark.parametrize(
    ("index", "expected"),
    [(0, 1), (50, 1), (50.5, 2), (51, 2), (100, 2), (101, 3), (150, 3), (151, 4), (200, 4),
     (201, 5), (300, 5), (301, 6), (500, 6)],
)  # fmt: skip
def test_levels(index: float, expected: int) -> None:
    assert daily.level(np.array([index])).tolist() == [expected]
    assert np.isnan(daily.level(np.array([np.nan]))[0])


def test_target_dates() -> None:
    times = pd.DatetimeIndex(["2026-01-01T08:00", "2026-01-01T16:00", "2026-01-01T17:00"])
    first = daily.target_dates(times, OFFSET)[:, 0].astype(str).tolist()
    # 16:00 local; 00:00 of 2 January, which closes the 1st; 01:00 of the 2nd
    assert first == ["2026-01-02", "2026-01-02", "2026-01-03"]


def test_point_forecast_and_levels() -> None:
    found = one_case([90, 100, 101, 180], 101)
    # median 100.5 -> 101: level 3; mean 117.75 -> level 3; most members: level 2
    assert found["mae"] == 0
    assert found["level_accuracy"] == 1
    assert found["level_accuracy_mean"] == 1
    assert found["level_accuracy_probable"] == 0
    assert found["rmse"] == pytest.approx(16.75)
    tied = one_case([90, 90, 180, 180], 160)  # as many at level 2 as at 4: the higher counts
    assert tied["level_accuracy_probable"] == 1


@pytest.mark.parametrize(("observed", "hit"), [(75, 1), (125, 1), (74, 0), (126, 0)])
def test_range_of_25_percent(observed: float, hit: int) -> None:
    assert one_case([100, 100], observed)["range_hj1130-25pct"] == hit


@pytest.mark.parametrize(
    ("point", "observed", "ten", "steps"),
    [(100, 110, 1, 1), (100, 115, 0, 1), (100, 116, 0, 0), (160, 180, 0, 1), (160, 181, 0, 0),
     (250, 280, 0, 1), (250, 219, 0, 0)],
)  # fmt: skip
def test_ranges_in_points(point: float, observed: float, ten: int, steps: int) -> None:
    found = one_case([point, point], observed)
    assert found["range_points-10"] == ten
    assert found["range_cnemc-steps"] == steps


@pytest.mark.parametrize(
    ("point", "observed", "score"),
    # (points for the value + points for the level) / 2
    [(100, 100, 100), (100, 126, (80 + 50) / 2), (100, 201, (30 + 0) / 2), (60, 211, 0),
     (60, 110, (80 + 50) / 2), (160, 90, (60 + 25) / 2)],
)  # fmt: skip
def test_value_score(point: float, observed: float, score: float) -> None:
    assert one_case([point, point], observed)["value_score"] == score


def test_primary_is_what_most_members_name() -> None:
    both = primary("pm25", "no2")
    named = [primary("pm25"), both, primary("o3"), primary()]
    found = one_case([120, 120, 120, 40], 120, named=named, seen=both)
    assert (found["primary_any"], found["primary_exact"]) == (1, 0)
    found = one_case([120, 120, 120, 40], 120, named=named, seen=primary("o3"))
    assert (found["primary_any"], found["primary_exact"]) == (0, 0)
    none = [primary(), primary(), primary("pm25"), primary()]
    assert one_case([40, 40, 60, 40], 60, named=none)["primary_any"] == 0
    clean = one_case([40, 40], 45, named=[primary(), primary()], seen=primary())
    assert np.isnan(clean["primary_any"])  # nothing to hit on a day at or below 50


def test_events_and_probabilities_by_hand() -> None:
    found = one_case([90, 110, 120, 130], 150)
    assert found["brier_100"] == pytest.approx((0.75 - 1) ** 2)
    assert found["brier_150"] == 0  # 150 is not above 150
    assert (found["pod_100"], found["far_100"], found["csi_100"]) == (1, 0, 1)
    assert np.isnan(found["pod_150"])
    false_alarm = one_case([210, 220, 230], 190)
    assert (false_alarm["far_200"], false_alarm["csi_200"]) == (1, 0)


def test_scores_of_the_library() -> None:
    forecast, target, times = year()
    found = daily.area_scores(forecast, target, times, OFFSET, RULES)["days"]["D2"]
    f = xr.DataArray(daily.point(forecast.aqi[:, 1]), dims="case")
    o = xr.DataArray(target.aqi[:, 1], dims="case")
    members = xr.DataArray(forecast.aqi[:, 1], dims=("case", "member"))
    crps = float(crps_for_ensemble(members, o, "member"))
    assert found["crps"] == pytest.approx(crps, rel=1e-5)
    for bound in (100, 150, 200):
        import operator

        table = (
            ThresholdEventOperator()
            .make_contingency_manager(f, o, event_threshold=bound, op_fn=operator.gt)
            .transform()
        )
        assert found[f"pod_{bound}"] == pytest.approx(
            float(table.probability_of_detection()), rel=1e-5
        )
        assert found[f"far_{bound}"] == pytest.approx(float(table.false_alarm_ratio()), rel=1e-5)
        assert found[f"csi_{bound}"] == pytest.approx(
            float(table.critical_success_index()), rel=1e-5
        )
        assert found[f"frequency_bias_{bound}"] == pytest.approx(
            float(table.frequency_bias()), rel=1e-5
        )
        brier = brier_score_for_ensemble(
            members, o, "member", bound, fair_correction=False, event_threshold_operator=operator.gt
        )
        assert found[f"brier_{bound}"] == pytest.approx(brier.item(), rel=1e-5)


def test_a_consistent_ensemble_is_flat_and_reliable() -> None:
    forecast, target, times = year()
    found = daily.area_scores(forecast, target, times, OFFSET, RULES)["days"]["all"]
    ranks = np.array(found["ranks"])
    assert ranks.shape == (41,)
    assert ranks.sum() == pytest.approx(1, abs=1e-4)
    quarters = np.add.reduceat(ranks, [0, 10, 20, 30]) / np.array([10, 10, 10, 11]) * 41
    np.testing.assert_allclose(quarters, 1, atol=0.15)
    curve = found["reliability"]["100"]
    assert sum(curve["n"]) == found["n"] == 365 * 3
    for n, p, rate in zip(curve["n"], curve["forecast"], curve["observed"], strict=True):
        if n > 60:
            assert rate == pytest.approx(p, abs=0.15)
    assert found["cover_80"] == pytest.approx(0.8, abs=0.05)


def test_perfect_members() -> None:
    _, target, times = year()
    exact = DailyForecast(
        np.ceil(target.aqi)[..., None].repeat(5, axis=2),
        target.primary[:, :, None].repeat(5, axis=2),
    )
    whole = DailyObserved(target.dates, np.ceil(target.aqi), target.primary)
    found = daily.area_scores(exact, whole, times, OFFSET, RULES)
    for day in ("D1", "D2", "D3"):
        entry = found["days"][day]
        for name in ("mae", "rmse", "crps", "firm", "brier_100", "brier_200", "far_200"):
            assert entry[name] == 0
        for name in ("level_accuracy", "primary_exact", "pod_200", "csi_150", "r", "cover_50"):
            assert entry[name] == 1
        assert np.trace(np.array(entry["level_table"])) == entry["n"]
    assert found["value_score_weighted"] == 100


def test_missing_days_are_not_scored() -> None:
    forecast, target, times = year()
    holes = target.aqi.copy()
    holes[5] = np.nan
    aqi = forecast.aqi.copy()
    aqi[7, 0, 3] = np.nan
    found = daily.area_scores(
        DailyForecast(aqi, forecast.primary), DailyObserved(target.dates, holes, target.primary),
        times, OFFSET, RULES,
    )  # fmt: skip
    assert found["days"]["D1"]["n"] == 363
    assert found["days"]["D2"]["n"] == 364
    assert sum(s["all"]["n"] for s in found["by_season"].values()) == found["days"]["all"]["n"]


def test_skill_against_climatology_and_itself() -> None:
    forecast, target, times = year()
    rng = np.random.default_rng(9)
    pool = target.aqi.ravel()
    climatology = DailyForecast(rng.choice(pool, (365, 3, 40)), forecast.primary)
    found = daily.paired(forecast, climatology, target, times, OFFSET, RULES)["D1"]
    assert found["n"] == 365
    assert found["crps"]["skill"] > 0.3
    assert found["crps"]["skill_interval"][0] > 0
    assert found["brier_100"]["skill_interval"][0] > 0
    same = daily.paired(forecast, forecast, target, times, OFFSET, RULES)["D1"]
    assert same["crps"]["difference_interval"] == [0, 0]
    assert same["level_accuracy"]["difference"] == 0
