"""The network answers for what it was given, and for nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from forecast import network_inputs
from forecast.network import Exchange, quantiles_of
from forecast.schema import MAX_LEAD, POLLUTANTS, QUANTILES
from tests.forecast import network_cases as cases

ISSUE = cases.TIMES[1:2]
LAST = int((ISSUE[0] - cases.ORIGIN).total_seconds() // 3600)


@pytest.mark.parametrize("trunk", ["gru", "lstm", "attention", "mixer"])
def test_quantiles_rise_and_are_concentrations(trunk: str) -> None:
    made = cases.forecaster(trunk=trunk).quantiles(cases.batch())
    n, s = len(cases.TIMES), len(cases.STATIONS)
    assert made.shape == (n, MAX_LEAD, s, len(POLLUTANTS), len(QUANTILES))
    assert np.isfinite(made).all()
    assert (made >= 0).all()
    assert (np.diff(made, axis=-1) >= 0).all()


def test_steps_away_from_the_median_are_softplus_of_the_outputs() -> None:
    raw = torch.zeros(len(QUANTILES))
    raw[QUANTILES.index(0.5)] = 2.0
    made = quantiles_of(raw, torch.tensor(1.0))
    step = np.log(2) / 2  # softplus(0) / 2
    expected = 3.0 + step * np.arange(-4, 5)
    np.testing.assert_allclose(made.numpy(), expected, rtol=1e-5)


def test_shuffled_stations_give_the_shuffled_answer() -> None:
    model = cases.forecaster(networks=2)
    order = np.array([3, 0, 4, 1, 2])
    straight = model.quantiles(cases.batch())
    shuffled = model.quantiles(cases.of_stations(cases.batch(), order))
    np.testing.assert_allclose(shuffled, straight[:, :, order], rtol=2e-3, atol=2e-3)


def test_a_station_without_identity_is_answered_by_what_it_reports() -> None:
    model = cases.forecaster(known=4)
    given = cases.batch()
    strange = given.stations.rename(index={given.stations.index[4]: "somewhere-new"})
    a = model.quantiles(given)
    b = model.quantiles(replace(given, stations=strange))
    np.testing.assert_array_equal(a, b)  # both have the zero identity
    named = given.stations.rename(index={given.stations.index[0]: "somewhere-new"})
    c = model.quantiles(replace(given, stations=named))
    assert np.isfinite(c).all()
    assert not np.allclose(a[:, :, 0], c[:, :, 0])  # a known one is told from a stranger


@pytest.mark.parametrize("tier", ["none", "perfect"])
def test_nothing_after_the_issue_time_changes_the_answer(tier: str) -> None:
    model = cases.forecaster()
    values, air = cases.VALUES.copy(), cases.AIR.copy()
    values[LAST + 1 :] = 999.0
    if tier == "none":
        air[LAST + 1 :] += 50.0
    a = model.quantiles(cases.batch(tier, times=ISSUE))  # type: ignore[arg-type]
    b = model.quantiles(cases.batch(tier, times=ISSUE, values=values, air=air))  # type: ignore[arg-type]
    np.testing.assert_array_equal(a, b)
    values[LAST] = 999.0  # the hour that ends at the issue time is known
    c = model.quantiles(cases.batch(tier, times=ISSUE, values=values, air=air))  # type: ignore[arg-type]
    assert not np.allclose(a, c)


def test_without_weather_a_future_that_is_there_is_not_looked_at() -> None:
    model = cases.forecaster()
    given = cases.batch("none")
    offered = replace(cases.batch("perfect"), tier="none")
    np.testing.assert_array_equal(model.quantiles(given), model.quantiles(offered))
    assert not np.allclose(model.quantiles(given), model.quantiles(cases.batch("perfect")))


def test_the_tier_says_how_far_weather_is_trusted() -> None:
    model = cases.forecaster()
    perfect, perturbed = cases.batch("perfect"), cases.batch("perturbed")
    assert not np.allclose(model.quantiles(perfect), model.quantiles(perturbed))
    archived = replace(perturbed, tier="archived")
    np.testing.assert_array_equal(model.quantiles(perturbed), model.quantiles(archived))


@pytest.mark.parametrize("what", ["pollutant", "day", "station", "all", "weather", "short"])
def test_gaps_give_finite_rising_answers(what: str) -> None:
    given = cases.batch()
    history, air, future = (
        given.history.copy(), given.history_weather.copy(), given.future_weather,
    )  # fmt: skip
    assert future is not None
    future = future.copy()
    if what == "pollutant":
        history[..., POLLUTANTS.index("co")] = np.nan
    elif what == "day":
        history[:, -24:] = np.nan
    elif what == "station":
        history[:, :, 2] = np.nan
        air[:, :, 2] = np.nan
        future[:, :, 2] = np.nan
    elif what == "all":
        history[:], air[:], future[:] = np.nan, np.nan, np.nan
    elif what == "weather":
        future[:, 30:] = np.nan
    else:
        history, air = history[:, -50:], air[:, -50:]
    changed = replace(given, history=history, history_weather=air, future_weather=future)
    made = cases.forecaster().quantiles(changed)
    assert np.isfinite(made).all()
    assert (np.diff(made, axis=-1) >= 0).all()


def test_many_issue_times_are_answered_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cases.forecaster()
    together = model.quantiles(cases.batch())
    monkeypatch.setattr("forecast.predict._ROWS_AT_ONCE", 1)
    np.testing.assert_allclose(model.quantiles(cases.batch()), together, rtol=1e-3, atol=1e-3)


def brought(u: float, v: float) -> np.ndarray:
    """What the middle one of three stations in a row (west, middle, east) is handed.

    Only the west knows 1, only the east knows 2 of the pollutants; 20 km apart.
    """
    exchange = Exchange(1)
    with torch.no_grad():
        exchange.reach.fill_(6.0)  # distance hardly counts
        exchange.pull.fill_(3.0)
        exchange.travel.fill_(-20.0)
    recent = torch.zeros(1, 3, 3)
    recent[0, 0, 0], recent[0, 2, 1] = 1.0, 1.0
    recent[..., 2] = 1.0
    wind = torch.tensor([u, v]).expand(1, 32, 2)
    place = torch.tensor([[-20.0, 0.0], [0.0, 0.0], [20.0, 0.0]])
    made = exchange(recent, wind, place)
    assert made.shape == (1, 32, 3, 2)
    return made[0, 0, 1].detach().numpy()


def test_exchange_brings_what_lies_upwind() -> None:
    from_west, from_east = brought(5.0, 0.0)
    assert from_west > 0.7
    assert from_east < 0.1
    turned = brought(-5.0, 0.0)
    np.testing.assert_allclose(turned, [from_east, from_west], rtol=1e-4)
    across = brought(0.0, 5.0)
    assert across[0] == pytest.approx(across[1], rel=1e-4)


def test_a_silent_station_hands_nothing_on() -> None:
    exchange = Exchange(2)
    recent = torch.tensor([[[3.0, 1.0], [100.0, 0.0], [3.0, 1.0]]])  # the second does not know
    place = torch.tensor([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    made = exchange(recent, torch.ones(1, 32, 2), place)
    np.testing.assert_allclose(made.detach().numpy(), 3.0, rtol=1e-4)


def test_exchange_of_the_inputs_follows_the_city_wind() -> None:
    given = network_inputs.inputs(cases.batch(), cases.scales())
    windy = cases.AIR.copy()
    windy[..., :2] *= -1
    turned = network_inputs.inputs(cases.batch(air=windy), cases.scales())
    np.testing.assert_allclose(turned.wind[:, 2:], -given.wind[:, 2:], atol=1e-4)
    exchange = Exchange(3)
    a, b = (
        exchange(*(torch.from_numpy(v) for v in (g.recent, g.wind, g.place)))
        for g in (given, turned)
    )
    assert not np.allclose(a.detach().numpy(), b.detach().numpy(), atol=1e-3)
