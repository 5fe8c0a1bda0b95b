import numpy as np
import pytest

from twin.transport import Border, Winds, move

NY, NX, LID = 12, 15, 2000.0


def wind_field(seed: int) -> Winds:
    rng = np.random.default_rng(seed)
    u, v = (4 * rng.standard_normal((NY, NX)) for _ in range(2))
    return Winds(u, v, 1.5 * u, 1.5 * v)


def outside(value: float, *, closed: bool = False) -> Border:
    return Border(*(np.full(2, value) for _ in range(3)), closed=closed)


def step(mass, depth, depth_next, winds, border, hours=1.0):  # type: ignore[no-untyped-def]
    return move(
        mass, depth, depth_next, winds, border, lid_m=LID, dx_m=2000.0, dy_m=2500.0,
        seconds=3600.0 * hours,
    )  # fmt: skip


def masses(conc: np.ndarray, depth: np.ndarray) -> np.ndarray:
    return np.stack([conc * depth, conc * (LID - depth)])


def test_a_uniform_concentration_stays_uniform_in_any_wind_and_mixing_height() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.uniform(100, 1500, (2, NY, NX))
    moved = step(
        masses(np.full((2, NY, NX), 7.0), before), before, after, wind_field(2), outside(7.0)
    )
    np.testing.assert_allclose(moved.mass[0] / after, 7.0, rtol=1e-10)
    np.testing.assert_allclose(moved.mass[1] / (LID - after), 7.0, rtol=1e-10)


def test_mass_is_conserved_to_rounding_between_walls() -> None:
    rng = np.random.default_rng(3)
    depth, later = rng.uniform(200, 900, (2, NY, NX))
    mass = masses(rng.uniform(0, 100, (2, NY, NX)), depth)
    winds = wind_field(4)
    closed = outside(50.0, closed=True)
    moved = step(mass, depth, later, winds, closed)
    totals = mass.sum((0, 2, 3)), moved.mass.sum((0, 2, 3))
    np.testing.assert_allclose(totals[1], totals[0], rtol=1e-12)
    np.testing.assert_array_equal(moved.entered, 0.0)


def test_what_enters_is_accounted_for() -> None:
    rng = np.random.default_rng(5)
    depth, later = rng.uniform(200, 900, (2, NY, NX))
    mass = masses(rng.uniform(0, 100, (2, NY, NX)), depth)
    moved = step(mass, depth, later, wind_field(6), outside(30.0))
    gained = moved.mass.sum((0, 2, 3)) - mass.sum((0, 2, 3))
    np.testing.assert_allclose(gained, moved.entered, rtol=1e-9)
    assert np.abs(moved.entered).min() > 0


def test_nothing_becomes_negative_and_no_new_peak_appears() -> None:
    depth = np.full((NY, NX), 500.0)
    mass = masses(np.zeros((2, NY, NX)), depth)
    mass[0, :, 5, 5] = 100.0 * 500
    u = np.full((NY, NX), 3.0)
    winds = Winds(u, 0.4 * u, 1.4 * u, 0.2 * u)
    moved = step(mass, depth, depth, winds, outside(0.0))
    assert moved.mass.min() >= -1e-9
    assert (moved.mass[0] / depth).max() < 100.0


def test_a_puff_moves_as_far_as_the_wind_carries_it() -> None:
    depth = np.full((NY, NX), 500.0)
    mass = masses(np.zeros((2, NY, NX)), depth)
    mass[0, 0, 6, 3] = 500.0
    u = np.full((NY, NX), 2.0)
    moved = step(mass, depth, depth, Winds(u, 0 * u, u, 0 * u), outside(0.0))
    weight = moved.mass[0, 0]
    centre = (weight * np.arange(NX)).sum() / weight.sum()
    assert centre == pytest.approx(3 + 2.0 * 3600 / 2000, abs=0.15)


def test_growing_mixing_dilutes_and_entrains_what_lies_above() -> None:
    depth = np.full((NY, NX), 200.0)
    mass = np.stack([np.full((2, NY, NX), 80.0 * 200), np.full((2, NY, NX), 20.0 * 1800)])
    still = Winds(*(np.zeros((NY, NX)) for _ in range(4)))
    moved = step(mass, depth, 4 * depth, still, outside(0.0))
    # 200 m of 80 with 600 m of 20 above: (200 x 80 + 600 x 20) / 800
    np.testing.assert_allclose(moved.mass[0] / 800, 35.0)


def test_the_same_input_gives_the_same_bits() -> None:
    rng = np.random.default_rng(7)
    depth = rng.uniform(200, 900, (NY, NX))
    mass = masses(rng.uniform(0, 100, (2, NY, NX)), depth)
    a, b = (step(mass, depth, depth, wind_field(8), outside(1.0)).mass for _ in range(2))
    assert a.tobytes() == b.tobytes()
