"""The network's arrays: scaled, free of NaN, and of the past alone where they must be."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecast import network_inputs
from forecast.network_inputs import PAST_STEPS, STEPS, Scales
from forecast.schema import MAX_LEAD, POLLUTANTS
from tests.forecast import network_cases as cases

PLAIN = Scales((10.0,) * 6, (5.0,) * 6, {}, {}, {})


def test_scale_by_hand_and_back() -> None:
    conc = np.array([[10.0, 15.0, 5.0, 10 + 5 * np.sinh(2), 0.0, np.nan]], dtype=np.float32)
    z = PLAIN.z(conc)
    np.testing.assert_allclose(
        z[0], [0, np.arcsinh(1), -np.arcsinh(1), 2, np.arcsinh(-2), np.nan], rtol=1e-5
    )
    np.testing.assert_allclose(PLAIN.concentration(z), conc, rtol=1e-4, atol=1e-4)
    assert (PLAIN.concentration(np.full((1, 6), -9.0, np.float32)) == 0).all()


def test_scales_are_the_quartiles_of_the_record() -> None:
    conc = np.tile(np.arange(101, dtype=np.float32)[:, None, None], (1, 2, 6))
    conc[::7, 0] = np.nan  # gaps count for nothing
    made = network_inputs.fit_scales(conc, cases.batch())
    assert made.pollutant_centre[0] == pytest.approx(50, abs=1)
    assert made.pollutant_width[0] == pytest.approx(50, abs=1)
    assert made.city["city_speed_3"][1] > 0


def test_shapes_and_no_gap_anywhere() -> None:
    given = cases.batch()
    future = given.future_weather
    assert future is not None
    future = future.copy()
    future[:, 40:] = np.nan
    history = given.history.copy()
    history[0] = np.nan
    made = network_inputs.inputs(
        replace(given, history=history, future_weather=future), cases.scales()
    )
    n, s = len(cases.TIMES), len(cases.STATIONS)
    assert made.past.shape[:2] == (n, PAST_STEPS)
    assert made.future.shape[:2] == (n, STEPS)
    assert made.hours.shape[:3] == (n, MAX_LEAD, s)
    assert made.same_hour.shape[:3] == (n, 24, s)
    assert made.recent.shape == (n, s, len(POLLUTANTS) + 1)
    for name in ("past", "field", "future", "station", "hours", "same_hour", "recent", "wind"):
        values = getattr(made, name)
        assert values.dtype == np.float32, name
        assert np.isfinite(values).all(), name
    assert (made.hours[:, 40:, :, -1] == 0).all()  # its last channel says: weather is not known
    assert (made.hours[:, :40, :, -1] == 1).all()
    assert (made.recent[0, :, -1] == 0).all()  # nothing to hand on
    assert (made.recent[1, :, -1] == 1).all()


def test_trust_is_that_of_the_tier_and_none_has_no_weather() -> None:
    for tier, trust in (("none", 0), ("perturbed", 1), ("archived", 1), ("perfect", 2)):
        made = network_inputs.inputs(
            replace(cases.batch(), tier=tier),  # type: ignore[arg-type]
            cases.scales(),
        )
        assert (made.trust == trust).all()
        assert (made.hours[..., -1] == (tier != "none")).all()


def test_same_hour_is_that_of_yesterday() -> None:
    """Lead 24 + k has the hour of lead k: its newest known value lies 24 - k hours back."""
    made = network_inputs.inputs(cases.batch(), cases.scales())
    z = cases.scales().z(cases.batch().history)
    for lead in (1, 10, 24):
        expected = np.nan_to_num(z[:, lead - 25])
        np.testing.assert_allclose(made.same_hour[:, lead - 1, :, :6], expected, rtol=1e-5)


def test_place_is_km_east_and_north_of_the_centre() -> None:
    stations = cases.STATIONS.iloc[:2].assign(latitude=[35.0, 35.1], longitude=[113.0, 113.0])
    made = network_inputs.inputs(
        replace(
            cases.of_stations(cases.batch(), np.array([0, 1])), stations=stations,
        ),
        cases.scales(),
    )  # fmt: skip
    np.testing.assert_allclose(made.place, [[0, -5.56], [0, 5.56]], atol=0.01)


def test_arguments_stay_as_they_were() -> None:
    given = cases.batch()
    before = given.history.copy(), given.history_weather.copy()
    network_inputs.inputs(given, cases.scales())
    np.testing.assert_array_equal(given.history, before[0])
    np.testing.assert_array_equal(given.history_weather, before[1])
    assert isinstance(given.stations, pd.DataFrame)
