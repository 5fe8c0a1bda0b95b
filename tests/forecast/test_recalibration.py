"""Spread corrected by past misses: by hand, and for a forecaster that was too sure."""

import numpy as np
from scipy.special import ndtr, ndtri

from forecast import error_templates, recalibration
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES

N = len(POLLUTANTS)
NORMAL = ndtri(QUANTILES).astype(np.float32)


def ladder(centre: float, width: float, issues: int = 1) -> np.ndarray:
    shape = (issues, MAX_LEAD, 1, N, len(QUANTILES))
    return np.broadcast_to(centre + width * NORMAL, shape).astype(np.float32).copy()


def test_nothing_known_changes_nothing() -> None:
    z = ladder(0.3, 2.0)
    np.testing.assert_allclose(recalibration.identity().apply(z, 1), z, rtol=1e-5, atol=1e-5)
    few = {1: np.full((2, MAX_LEAD, 1, N), error_templates.MISSING, np.uint8)}
    np.testing.assert_array_equal(recalibration.fit(few).levels, recalibration.identity().levels)


def test_half_the_spread_is_widened_to_the_whole() -> None:
    """Truth is N(0, 1), the forecast N(0, 1/2): levels are read twice as far out."""
    rng = np.random.default_rng(0)
    observed = rng.standard_normal((300, MAX_LEAD, 1, N)).astype(np.float32)
    # A forecaster whose PITs are exact: Phi(2 y), on the library's grid.
    pits = {1: np.round(ndtr(2 * observed) * 254).astype(np.uint8)}
    made = recalibration.fit(pits)
    z = made.apply(ladder(0.0, 0.5), 1)
    reach = 0.5 * ndtri(0.998)  # never read further out than the levels .002 and .998
    expected = np.clip(NORMAL, -reach, reach)
    np.testing.assert_allclose(z[0, :, 0], np.broadcast_to(expected, (MAX_LEAD, N, 9)), atol=0.1)
    assert (np.diff(z, axis=-1) >= 0).all()
    same = made.apply(ladder(0.0, 0.5), 2)  # another tier was not seen
    np.testing.assert_allclose(same, ladder(0.0, 0.5), rtol=1e-5, atol=1e-5)


def test_a_bias_of_the_past_is_not_corrected() -> None:
    rng = np.random.default_rng(1)
    observed = rng.standard_normal((200, MAX_LEAD, 1, N)) + 1.0
    pits = {0: np.round(ndtr(observed) * 254).astype(np.uint8)}
    z = recalibration.fit(pits).apply(ladder(0.0, 1.0), 0)
    np.testing.assert_allclose(z[..., 4], 0, atol=1e-5)  # the median stays
    np.testing.assert_allclose(z, -z[..., ::-1], atol=1e-4)


def test_days_and_pollutants_are_corrected_apart() -> None:
    rng = np.random.default_rng(2)
    u = rng.random((200, MAX_LEAD, 1, N))
    wide = ndtr(2 * ndtri(u))
    u[:, 24:48, :, 3] = wide[:, 24:48, :, 3]
    made = recalibration.fit({2: np.round(u * 254).astype(np.uint8)})
    z = made.apply(ladder(0.0, 1.0), 2)
    spread = z[0, :, 0, :, 7] - z[0, :, 0, :, 1]
    assert (spread[24:48, 3] > 1.7 * 1.645 * 2 / 1.1).all()
    spread[24:48, 3] = 2 * 1.645
    np.testing.assert_allclose(spread, 2 * 1.645, rtol=0.06)
