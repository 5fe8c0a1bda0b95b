import numpy as np
import pytest

from twin import chemistry, deposition
from twin.aerosol import humidity, particulate_nitrate, pollutants
from twin.chemistry import Sky, rates, react
from twin.config_air import AirConfig
from twin.plume_rise import rise_m, share_below
from twin.state import (
    CO,
    MOLECULES,
    NH3,
    NITRATE,
    NO,
    NO2,
    O3,
    PM25,
    SO2,
    SPECIES,
    SULPHATE,
    VOC,
    unit_per_ug,
)

AIR = AirConfig()
RATES = rates(AIR.chemistry)
PPB = 40.9  # nmol m-3 at 298 K and 1 atm


def sky(shape: tuple[int, ...], *, kelvin=298.0, rh=0.6, sun=0.0) -> Sky:  # type: ignore[no-untyped-def]
    full = [np.full((2, *shape), float(v)) for v in (kelvin, rh, 101325.0, 15.0, sun)]
    return Sky(*full)


def box(**ppb: float) -> np.ndarray:
    """One cell, two layers of 1 m: masses are concentrations, nmol m-3 (PM: ug m-3)."""
    mass = np.zeros((2, len(SPECIES), 1, 1))
    for name, value in ppb.items():
        particle = name in ("pm25", "soa", "coarse")
        mass[:, SPECIES.index(name)] = value * (1.0 if particle else PPB)
    return mass


def after(mass: np.ndarray, where: Sky, hours: float) -> np.ndarray:
    thick = np.ones((2, *mass.shape[2:]))
    return react(mass, thick, where, RATES, seconds=3600 * hours, step_s=600)[0, :, 0, 0]


def test_sulphur_and_nitrogen_are_kept_and_nothing_is_negative() -> None:
    rng = np.random.default_rng(1)
    shape = (6, 7)
    mass = rng.lognormal(3, 3, (2, len(SPECIES), *shape))
    mass[:, NO, :2] = 0
    mass[:, O3, 2:3] = 0
    mass[:, NO2, 3:4] = 0
    thick = rng.uniform(100, 1500, (2, *shape))
    for sun in (0.0, 900.0):
        where = Sky(
            rng.uniform(260, 310, thick.shape), rng.uniform(0.1, 1, thick.shape),
            np.full(thick.shape, 1e5), rng.uniform(1, 30, thick.shape), np.full(thick.shape, sun),
        )  # fmt: skip
        new = react(mass * thick[:, None], thick, where, RATES, seconds=7200, step_s=600)
        assert new.min() >= 0
        assert np.isfinite(new).all()
        for group in ([SO2, SULPHATE], [NO, NO2, NITRATE], [CO], [NH3], [PM25]):
            np.testing.assert_allclose(
                new[:, group].sum(1), (mass * thick[:, None])[:, group].sum(1), rtol=1e-11
            )


def test_by_day_no_no2_and_o3_balance_and_by_night_ozone_is_titrated() -> None:
    day = after(box(no=10, no2=20, o3=40), sky((1, 1), sun=600.0), 1 / 60)
    j = 1.47e-5 * 600 - 4.84e-9 * 600**2
    k = 2.07e-12 * np.exp(-1400 / 298) * MOLECULES
    assert j * day[NO2] == pytest.approx(k * day[NO] * day[O3], rel=1e-6)
    night = after(box(no=50, no2=10, o3=30), sky((1, 1)), 1 / 60)
    np.testing.assert_allclose(night[[NO, NO2, O3]] / PPB, [20, 40, 0], atol=1e-9)


def ozone_after_a_day(nox: float, voc: float) -> float:
    """Ozone (ppb) after six sunny hours in a box that starts with these (ppb, ppbC)."""
    start = box(no=0.3 * nox, no2=0.7 * nox, o3=40, voc=voc, co=400)
    return float(after(start, sky((1, 1), sun=700.0), 6)[O3] / PPB)


def test_cutting_nox_raises_ozone_where_it_is_polluted_and_lowers_it_where_it_is_clean() -> None:
    assert ozone_after_a_day(60, 80) > ozone_after_a_day(90, 80) + 2  # VOC-limited
    assert ozone_after_a_day(2, 150) < ozone_after_a_day(4, 150) - 2  # NOx-limited
    for nox in (3, 90):  # less VOC never makes more
        assert ozone_after_a_day(nox, 60) < ozone_after_a_day(nox, 120)


def test_radicals_balance_and_oh_has_the_published_order() -> None:
    o3, no, no2, voc, co = 80 * PPB, 0.5 * PPB, 8 * PPB, 50 * PPB, 400 * PPB
    oh, made = chemistry.radicals(o3, no, no2, voc, co, 20.0, 1.0, RATES)
    assert 3e6 < oh * MOLECULES < 2e7  # molecules cm-3 at noon in summer
    q = RATES.radicals_o3 * o3 * 20 + RATES.radicals_voc * voc + RATES.radicals_no2 * no2
    peroxy = made / (MOLECULES * RATES.peroxy_no * no)
    lost = MOLECULES * (RATES.oh_no2 * no2 * oh + 2 * RATES.peroxy_peroxy * peroxy**2)
    assert lost == pytest.approx(q, rel=1e-9)


def test_sulphate_forms_by_sun_and_faster_in_damp_haze() -> None:
    def made(**weather: float) -> float:
        start = box(so2=20, pm25=150, no2=20, o3=30, voc=60)
        return float(after(start, sky((1, 1), kelvin=275.0, **weather), 6)[SULPHATE] / 20 / PPB)

    assert made(rh=0.9) > 2 * made(rh=0.4) > 0
    assert made(rh=0.4, sun=500.0) > 1.1 * made(rh=0.4)
    assert made(rh=0.95) < 0.5  # of the SO2 within six hours


def test_nitrate_forms_at_night_from_ozone_and_the_damper_the_more() -> None:
    def made(**weather: float) -> float:
        return float(after(box(no2=15, o3=40), sky((1, 1), **weather), 5)[NITRATE] / PPB)

    assert made(rh=0.9) > 1.5 * made(rh=0.3) > 0.1
    none = after(box(no=30, no2=15, o3=0), sky((1, 1), rh=0.9), 5)
    assert none[NITRATE] == 0  # no ozone, no NO3


def test_particulate_nitrate_is_in_equilibrium_with_its_gases() -> None:
    k = np.exp(84.6 - 24220 / 298)  # ppb2, dry, at 298 K
    ppb = 101325 / (8.314462 * 298)
    p = particulate_nitrate(30 * ppb, 50 * ppb, 5 * ppb, 298.0, 0.4, 101325.0) / ppb
    assert (30 - p) * (50 - 10 - p) == pytest.approx(k, rel=1e-6)
    assert particulate_nitrate(30.0, 8.0, 5.0, 270.0, 0.5, 1e5) == 0  # sulphate takes all ammonia
    cold = particulate_nitrate(400.0, 2000.0, 100.0, 270.0, 0.5, 1e5)
    assert 0.98 * 400 < cold <= 400
    damp, dry = (particulate_nitrate(400.0, 2000.0, 100.0, 300.0, rh, 1e5) for rh in (0.9, 0.4))
    assert damp > dry


def test_monitors_read_dry_particles_and_gases_at_the_reference_state() -> None:
    one = np.ones((1, 1))
    conc = np.zeros((len(SPECIES), 1, 1))
    conc[SULPHATE] = conc[SO2] = 1000.0
    conc[NH3] = 3000.0
    conc[NITRATE] = 500.0  # all particle at 260 K
    conc[PM25], conc[SPECIES.index("soa")], conc[SPECIES.index("coarse")] = 10.0, 5.0, 40.0
    got = pollutants(conc, 260.0 * one, 0.5 * one, 101325.0 * one, reference="298")[:, 0, 0]
    fine = 10 + 5 + 1.375 * 96.06 + 1.29 * 0.5 * 62.0
    np.testing.assert_allclose(got[:2], [fine, fine + 40], rtol=2e-3)
    assert got[2] == pytest.approx(64.06 * 260 / 298.15)
    old = pollutants(conc, 260.0 * one, 0.5 * one, 101325.0 * one, reference="273")[:, 0, 0]
    np.testing.assert_allclose(old[[0, 2]], [got[0] * 260 / 273.15, 64.06 * 260 / 273.15])


def test_humidity_is_one_at_the_dew_point() -> None:
    assert humidity(np.array(290.0), np.array(290.0)) == pytest.approx(1.0)
    # es(20 C) = 23.4 hPa, es(10 C) = 12.3 hPa
    assert humidity(np.array(293.15), np.array(283.15)) == pytest.approx(12.28 / 23.37, rel=0.01)


def test_the_ground_takes_its_share_and_rain_takes_from_both_layers() -> None:
    mass = box(so2=10, co=500, nitrate=3, nh3=20)
    mass[:, PM25] = 80
    thick = np.full((2, 1, 1), 300.0)
    mass *= 300

    def go(rain: float) -> deposition.Taken:
        return deposition.deposit(
            mass, thick, sky((1, 1), sun=400.0), AIR.deposition, wind_m_s=np.full((1, 1), 2.0),
            rain_mm_h=np.full((1, 1), rain), seconds=3600,
        )  # fmt: skip

    dry, wet = go(0), go(3)
    # 1 / (56/2 + 1/0.006) m s-1 over 300 m for an hour
    left = np.exp(-3600 / (28 + 1 / AIR.deposition.velocity_day["so2"]) / 300)
    assert dry.mass[0, SO2, 0, 0] == pytest.approx(mass[0, SO2, 0, 0] * left)
    np.testing.assert_array_equal(dry.mass[1], mass[1])
    np.testing.assert_array_equal(wet.mass[:, CO], mass[:, CO])
    assert (wet.mass[1, [SO2, NH3, PM25]] < mass[1, [SO2, NH3, PM25]]).all()
    np.testing.assert_allclose(wet.taken, mass.sum((0, 2, 3)) - wet.mass.sum((0, 2, 3)), atol=1e-9)
    assert wet.mass.min() >= 0


def test_the_leak_between_layers_evens_them_out_and_keeps_mass() -> None:
    mass = np.stack([np.full((1, 1, 1), 100.0 * 200), np.zeros((1, 1, 1))])
    thick = np.stack([np.full((1, 1), 200.0), np.full((1, 1), 800.0)])
    some = deposition.leak(mass, thick, 0.01, 3600)
    assert some.sum() == pytest.approx(mass.sum())
    assert mass[0] > some[0] > 0
    long = deposition.leak(mass, thick, 0.01, 1e9)
    np.testing.assert_allclose(long[:, 0, 0, 0] / thick[:, 0, 0], [20, 20])


def test_plume_rise_follows_briggs() -> None:
    def rise(**over: float) -> float:
        given = {"d": 3.0, "gas": 400.0, "v": 12.0, "air": 280.0, "wind": 4.0, **over}
        flags = np.array([bool(over.get("stable"))])
        return float(
            rise_m(
                np.array([given["d"]]), np.array([given["gas"]]), np.array([given["v"]]),
                air_k=np.array([given["air"]]), wind_m_s=np.array([given["wind"]]), stable=flags,
                stability_k_m=0.02,
            )[0]
        )  # fmt: skip

    flux = 9.80665 * 12 * 9 / 4 * 0.3
    assert flux > 55
    assert rise() == pytest.approx(38.71 * flux**0.6 / 4)
    s = 9.80665 / 280 * 0.02
    assert rise(stable=1.0) == pytest.approx(2.6 * (flux / 4 / s) ** (1 / 3))
    assert rise(gas=280.0) == pytest.approx(3 * 3 * 12 / 4)
    assert rise(wind=8.0) < rise()


def test_a_plume_is_shared_where_the_mixing_height_cuts_it() -> None:
    height, rise = np.full(3, 100.0), np.full(3, 100.0)  # from 150 to 250 m
    np.testing.assert_allclose(
        share_below(height, rise, np.array([120.0, 175.0, 400.0])), [0, 0.25, 1]
    )


def test_a_microgram_of_each_gas_is_so_many_nanomoles() -> None:
    assert unit_per_ug("so2") == pytest.approx(1000 / 64.06)
    assert unit_per_ug("pm25") == 1
    assert SPECIES.index("voc") == VOC
