"""Hourly scores: held to hand-made numbers and to the library `scores`."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm
from scores.continuous import rmse, tw_quantile_score
from scores.probability import crps_for_ensemble, rank_histogram

from forecast.schema import QUANTILES
from forecast.verify import station, summary
from forecast.verify.station import GROUPS, Sums

OFFSET = pd.Timedelta(hours=8)
THRESHOLDS = (75.0, 150.0)


def sums_of(quantiles: np.ndarray, observed: np.ndarray) -> Sums:
    times = pd.date_range("2026-01-01T08:00", periods=len(quantiles), freq="6h")
    groups = station.lead_groups(times, OFFSET)
    found = station.losses(quantiles.astype("f4"), observed.astype("f4"), THRESHOLDS)
    return station.summed(found, groups)


def scores_of(sums: Sums) -> dict[str, float]:
    values = summary.derived(sums.metrics, sums.by_lead.sum(axis=(1, 2)), sums.n.sum())
    return {k: float(v) for k, v in values.items()}


def random_case(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    observed = rng.gamma(2, 50, (3, 96, 2)).round()
    quantiles = np.sort(rng.gamma(2, 50, (3, 96, 2, 9)), axis=-1).round(1)
    return quantiles, observed


def test_quantile_weights_are_the_nearest_probability() -> None:
    expected = [0.035, 0.04, 0.1, 0.2, 0.25, 0.2, 0.1, 0.04, 0.035]
    np.testing.assert_allclose(station.quantile_weights(), expected)


def test_one_case_by_hand() -> None:
    quantiles = np.full((1, 96, 1, 9), np.nan)
    quantiles[0, 0, 0] = [10, 20, 30, 40, 60, 80, 100, 160, 200]
    observed = np.full((1, 96, 1), np.nan)
    observed[0, 0, 0] = 100
    found = sums_of(quantiles, observed)
    scores = scores_of(found)
    assert found.n.sum() == 1
    assert scores["mae"] == 40
    assert scores["bias"] == -40
    # mean: .035*10 + .04*20 + .1*30 + .2*40 + .25*60 + .2*80 + .1*100 + .04*160 + .035*200
    assert scores["rmse"] == pytest.approx(100 - 66.55)
    # pinball: t (y - q) below y, (1 - t)(q - y) above it
    pinball = [
        0.02 * 90,
        0.05 * 80,
        0.1 * 70,
        0.25 * 60,
        0.5 * 40,
        0.75 * 20,
        0,
        0.05 * 60,
        0.02 * 100,
    ]
    weights = [0.035, 0.04, 0.1, 0.2, 0.25, 0.2, 0.1, 0.04, 0.035]
    crps = 2 * sum(w * p for w, p in zip(weights, pinball, strict=True))
    assert scores["crps"] == pytest.approx(crps)
    assert scores["pinball"] == pytest.approx(sum(pinball) / 9)
    # above 75 only: q = 75 x5, 80, 100, 160, 200 against 100
    tail = [
        0.02 * 25,
        0.05 * 25,
        0.1 * 25,
        0.25 * 25,
        0.5 * 25,
        0.75 * 20,
        0,
        0.05 * 60,
        0.02 * 100,
    ]
    twcrps = 2 * sum(w * p for w, p in zip(weights, tail, strict=True))
    assert scores["twcrps_75"] == pytest.approx(twcrps)
    assert [scores[f"cover_{c}"] for c in ("50", "80", "90", "96")] == [0, 1, 1, 1]
    assert (scores["pod_75"], scores["csi_75"]) == (0, 0)  # the median, 60, missed it
    assert np.isnan(scores["csi_150"])
    # y equals the 0.9 quantile: the case is shared by the ranks below and above it
    assert found.ranks[-1].tolist() == [0, 0, 0, 0, 0, 0, 0.5, 0.5, 0, 0]


def test_scores_of_the_library() -> None:
    quantiles, observed = random_case()
    found = scores_of(sums_of(quantiles, observed))
    y = xr.DataArray(observed, dims=("i", "l", "s"))
    q = xr.DataArray(quantiles, dims=("i", "l", "s", "q"))
    mean = (q * xr.DataArray(station.quantile_weights(), dims="q")).sum("q")
    assert found["rmse"] == pytest.approx(float(rmse(mean, y)), rel=1e-5)
    for threshold in THRESHOLDS:
        expected = 2 * sum(
            w * float(tw_quantile_score(q.isel(q=k), y, t, (threshold, np.inf)))
            for k, (t, w) in enumerate(zip(QUANTILES, station.quantile_weights(), strict=True))
        )
        assert found[f"twcrps_{threshold:g}"] == pytest.approx(expected, rel=1e-5)
    ranks = sums_of(quantiles, observed).ranks[-1]
    expected_ranks = rank_histogram(q, y, "q").values
    np.testing.assert_allclose(ranks / ranks.sum(), expected_ranks, rtol=1e-5)


def test_crps_of_nine_quantiles_is_near_that_of_the_distribution() -> None:
    rng = np.random.default_rng(1)
    observed = rng.normal(100, 20, (4, 96, 2))
    quantiles = np.broadcast_to(100 + 20 * norm.ppf(QUANTILES), (*observed.shape, 9))
    draws = xr.DataArray(100 + 20 * norm.ppf((np.arange(500) + 0.5) / 500), dims="m")
    y = xr.DataArray(observed.ravel(), dims="i")
    exact = float(crps_for_ensemble(draws.broadcast_like(y), y, "m"))
    assert scores_of(sums_of(quantiles, observed))["crps"] == pytest.approx(exact, rel=0.03)


def test_a_perfect_forecast_has_no_error() -> None:
    _, observed = random_case()
    quantiles = np.broadcast_to(observed[..., None], (*observed.shape, 9))
    found = scores_of(sums_of(quantiles, observed))
    for name in ("mae", "bias", "crps", "pinball", "twcrps_75"):
        assert found[name] == 0
    assert found["rmse"] == pytest.approx(0, abs=1e-4)
    assert [found[f"{k}_75"] for k in ("pod", "far", "csi", "frequency_bias")] == [1, 0, 1, 1]


def test_a_climatological_forecast_is_calibrated() -> None:
    rng = np.random.default_rng(2)
    observed = rng.normal(100, 20, (40, 96, 4))
    quantiles = np.broadcast_to(100 + 20 * norm.ppf(QUANTILES), (*observed.shape, 9))
    sums = sums_of(quantiles, observed)
    expected = np.diff([0, *QUANTILES, 1])
    np.testing.assert_allclose(sums.ranks[-1] / sums.ranks[-1].sum(), expected, atol=0.01)
    found = scores_of(sums)
    assert found["cover_50"] == pytest.approx(0.5, abs=0.02)
    assert found["cover_90"] == pytest.approx(0.9, abs=0.02)


def test_only_observed_hours_with_a_whole_forecast_are_scored() -> None:
    quantiles, observed = random_case()
    observed[0, :10] = np.nan
    quantiles[1, 5, 1, 8] = np.nan
    changed = quantiles.copy()
    changed[0, :10] = 5000  # where nothing was observed, anything may be forecast
    first, second = sums_of(quantiles, observed), sums_of(changed, observed)
    assert first.n.sum() == 3 * 96 * 2 - 20 - 1
    assert scores_of(first) == scores_of(second)
    assert first.ranks[-1].sum() == pytest.approx(first.n.sum())


def test_lead_groups_follow_hours_and_natural_days() -> None:
    # 00:00 UTC is 08:00 local: 16 hours are left of the day, D+1 is leads 17 .. 40
    times = pd.DatetimeIndex(["2026-01-01T00:00", "2026-01-01T16:00"])
    groups = station.lead_groups(times, OFFSET)
    hours = {g: np.flatnonzero(groups[0, :, i]) + 1 for i, g in enumerate(GROUPS)}
    assert (hours["h25_48"][0], hours["h25_48"][-1]) == (25, 48)
    assert (hours["D1"][0], hours["D1"][-1], len(hours["D3"])) == (17, 40, 24)
    assert len(hours["all"]) == 96
    midnight = np.flatnonzero(groups[1, :, GROUPS.index("D1")]) + 1
    assert (midnight[0], midnight[-1]) == (1, 24)  # 00:00 local closes the day before


def test_chunks_add_up_and_common_cases_are_those_of_both() -> None:
    quantiles, observed = random_case()
    whole = sums_of(quantiles, observed)
    times = pd.date_range("2026-01-01T08:00", periods=3, freq="6h")
    groups = station.lead_groups(times, OFFSET)
    parts = [
        station.summed(
            station.losses(quantiles[r].astype("f4"), observed[r].astype("f4"), THRESHOLDS),
            groups[r],
        )
        for r in (slice(0, 1), slice(1, 3))
    ]
    joined = station.joined(parts)
    np.testing.assert_allclose(joined.by_lead, whole.by_lead)
    np.testing.assert_allclose(joined.by_station, whole.by_station)
    found = station.losses(quantiles.astype("f4"), observed.astype("f4"), THRESHOLDS)
    among = np.zeros(observed.shape, dtype=bool)
    among[0, 0, 0] = True
    assert station.summed(found, groups, among=among).n.sum() == 1


def test_rmse_is_pooled_not_a_mean_of_rmses() -> None:
    observed = np.full((1, 96, 2), 100.0)
    quantiles = np.full((1, 96, 2, 9), 100.0)
    quantiles[0, 0, 0] = 130
    quantiles[0, 0, 1] = 140
    observed[0, 1:] = np.nan
    assert scores_of(sums_of(quantiles, observed))["rmse"] == pytest.approx(
        np.sqrt((900 + 1600) / 2), rel=1e-5
    )


def test_skill_stands_on_common_cases() -> None:
    quantiles, observed = random_case()
    far = quantiles + 100
    times = pd.date_range("2026-01-01T08:00", periods=3, freq="6h")
    groups = station.lead_groups(times, OFFSET)
    from forecast.verify.settings import Bootstrap

    a, b = (
        station.summed(station.losses(x.astype("f4"), observed.astype("f4"), THRESHOLDS), groups)
        for x in (quantiles, far)
    )
    found = summary.paired(a, b, groups, times, OFFSET, Bootstrap())
    entry = found["all"]["mae"]
    assert entry["difference"] == pytest.approx(entry["own"] - entry["other"], rel=1e-4)
    assert entry["skill"] == pytest.approx(1 - entry["own"] / entry["other"], rel=1e-4)
    assert entry["skill_interval"] is None  # one day of issue times
    assert found["all"]["n"] == 3 * 96 * 2
