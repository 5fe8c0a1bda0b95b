"""Who may start when: the promise holds, nothing feasible is refused, order, staggering."""

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast import aqi, standards
from forecast.problems import ConfigError, DataError
from forecast.schema import POLLUTANTS
from response import resumption, resumption_options, resumption_settings
from response.resumption_records import Base, Plan
from response.resumption_settings import BottomLine, Limit

SETTINGS = resumption_settings.load().model_copy(
    update={"slot_hours": 24, "cold_factor": 1.5, "load_step": 0.5, "notice_hours": 0}
)
FIRST_DAY = dt.date(2026, 12, 1)


def base_of(pm25: np.ndarray, *, forecast_days: int | None = None) -> Base:
    """One area from PM2.5 (member, day)."""
    members, days = pm25.shape
    conc = np.full((1, members, days, 6), 1.0)
    conc[0, ..., 0] = pm25
    dates = tuple(FIRST_DAY + dt.timedelta(days=d) for d in range(days))
    return Base(("city",), dates, conc, forecast_days or days)


def requests_of(n: int, **changes: list[object]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "enterprise": [f"e{i}" for i in range(n)],
            "grade": ["C"] * n,
            "kind": ["ordinary"] * n,
            "wished": [0.0] * n,
            "ramp_hours": [0.0] * n,
            "value_yuan_d": [1000.0] * n,
            "min_load": [0.5] * n,
            "hours_to_restart": [0.0] * n,
            "load_now": [0.0] * n,
        },
        index=pd.Index([f"u{i}" for i in range(n)], name="unit"),
    )
    return table.assign(**changes)


def adds_of(pm25: list[float], days: int) -> np.ndarray:
    """(unit, area, member 1, day, 6), the same on every day."""
    added = np.zeros((len(pm25), 1, 1, days, 6))
    added[..., 0] = np.array(pm25)[:, None, None, None]
    return added


def plan(
    base: Base, requests: pd.DataFrame, added: np.ndarray, *limits: Limit, **changes: object
) -> Plan:
    return resumption.make_plan(
        base, requests, added, BottomLine(limits=limits),
        SETTINGS.model_copy(update=changes), first=0.0,
    )  # fmt: skip


LIMIT = Limit(metric="pm25", above=100, accepted=0.1)


def test_clean_air_lets_everybody_start_now() -> None:
    made = plan(base_of(np.full((10, 3), 40.0)), requests_of(2), adds_of([5, 5], 3), LIMIT)
    assert [d.outcome for d in made.decisions] == ["start_now", "start_now"]
    assert made.conc[0, 0, :, 0].tolist() == [50, 50, 50]
    assert all(p.kept and p.planned == 0 for p in made.promises)


def test_the_value_per_exposure_and_grade_decides_the_order() -> None:
    # Room for 10 ug: both would need 12. A at twice the weight beats C at 1.5 times the value.
    asked = requests_of(2, grade=["C", "A"], value_yuan_d=[1500.0, 1000.0], min_load=[1.0, 1.0])
    made = plan(base_of(np.full((10, 2), 90.0)), asked, adds_of([6, 6], 2), LIMIT)
    assert [(d.unit, d.outcome) for d in made.decisions] == [("u1", "start_now"), ("u0", "wait")]
    refused = made.decisions[1]
    assert refused.hindered is not None
    assert (refused.hindered.before, refused.hindered.after) == (0, 1)
    assert refused.passing_load == pytest.approx(4 / 6, abs=0.01)
    guarded = plan(base_of(np.full((10, 2), 90.0)), asked.assign(kind=["guarantee", "ordinary"]),
                   adds_of([6, 6], 2), LIMIT)  # fmt: skip
    assert guarded.decisions[0].unit == "u0"


def test_a_bad_first_day_moves_the_start_and_a_tight_one_lowers_the_load() -> None:
    pm25 = np.tile([99.0, 50.0, 50.0], (10, 1))
    late = plan(base_of(pm25), requests_of(1), adds_of([20], 3), LIMIT).decisions[0]
    assert (late.outcome, late.start, late.load) == ("start_at", 24.0, 1.0)
    tight = plan(base_of(np.full((10, 3), 88.0)), requests_of(1), adds_of([20], 3), LIMIT)
    assert (tight.decisions[0].outcome, tight.decisions[0].load) == ("partial", 0.5)
    assert tight.decisions[0].output_days == 1.5


def test_the_accepted_share_is_counted_on_members() -> None:
    # 2 of 10 members would pass 100: not at 10 %, but at 20 %.
    pm25 = np.array([[95.0]] * 2 + [[50.0]] * 8)
    asked, added = requests_of(1, min_load=[1.0]), adds_of([10], 1)
    no = plan(base_of(pm25), asked, added, LIMIT).decisions[0]
    assert no.outcome == "wait"
    assert no.risk.added_pp == pytest.approx(20)
    yes = plan(base_of(pm25), asked, added, LIMIT.model_copy(update={"accepted": 0.2}))
    assert yes.decisions[0].outcome == "start_now"
    assert yes.decisions[0].headroom == pytest.approx(0)


def test_a_day_the_base_breaks_takes_nothing_more() -> None:
    pm25 = np.tile([150.0, 50.0], (10, 1))
    asked = requests_of(2)
    made = plan(base_of(pm25), asked, adds_of([0.01, 0], 2), LIMIT)
    by = {d.unit: d for d in made.decisions}
    assert (by["u0"].outcome, by["u0"].start) == ("start_at", 24.0)
    assert by["u1"].outcome == "start_now"  # adds nothing
    assert made.promises[0].base == made.promises[0].planned == 1


def test_heating_up_counts() -> None:
    # 85 + 10 passes, 85 + 1.5 x 10 does; 86 + 15 does not on the first day.
    asked = requests_of(1, ramp_hours=[24.0], min_load=[1.0])
    assert plan(base_of(np.full((1, 3), 85.0)), asked, adds_of([10], 3),
                LIMIT).decisions[0].outcome == "start_now"  # fmt: skip
    heated = plan(base_of(np.array([[86.0, 50, 86]])), asked, adds_of([10], 3), LIMIT)
    assert heated.decisions[0].start == 24
    still = asked.assign(ramp_hours=[0.0], hours_to_restart=[24.0])
    again = plan(base_of(np.array([[86.0, 50, 86]])), still, adds_of([10], 3), LIMIT)
    assert again.decisions[0].start == 24


def test_no_more_units_than_allowed_start_together() -> None:
    made = plan(base_of(np.full((5, 3), 10.0)), requests_of(5), adds_of([1] * 5, 3), LIMIT,
                starts_per_slot=2)  # fmt: skip
    starts = [d.start for d in made.decisions]
    assert starts == [0, 0, 24, 24, 48]
    assert [d.full for d in made.decisions] == [False, False, True, True, True]


def test_days_left_of_the_year_are_one_promise() -> None:
    # One day over 100 is left of the year; with the unit both days would be over.
    left = Limit(metric="pm25", above=100, accepted=0, days_allowed=1)
    made = plan(base_of(np.full((4, 2), 95.0)), requests_of(1, min_load=[1.0]),
                adds_of([10], 2), left)  # fmt: skip
    assert (made.decisions[0].outcome, made.decisions[0].start) == ("start_at", 24.0)
    assert made.promises[0].kept


def test_beyond_the_forecast_a_start_is_provisional() -> None:
    pm25 = np.full((4, 5), 99.0)
    pm25[:, 3:] = 50.0  # climatology allows what the forecast does not
    made = plan(base_of(pm25, forecast_days=3), requests_of(1), adds_of([10], 5), LIMIT)
    found = made.decisions[0]
    assert (found.outcome, found.start, found.provisional) == ("start_at", 72.0, True)
    soon = plan(base_of(pm25[:, ::-1].copy(), forecast_days=3), requests_of(1),
                adds_of([1], 5), LIMIT).decisions[0]  # fmt: skip
    assert (soon.start, soon.provisional) == (0.0, False)
    never = plan(base_of(np.full((4, 5), 99.0), forecast_days=3), requests_of(1),
                 adds_of([10], 5), LIMIT).decisions[0]  # fmt: skip
    assert never.outcome == "wait"
    assert never.hindered is not None
    wished_late = plan(base_of(np.full((4, 3), 50.0)), requests_of(1, wished=[100.0]),
                       adds_of([10], 3), LIMIT).decisions[0]  # fmt: skip
    assert (wished_late.outcome, wished_late.hindered) == ("wait", None)


def test_everything_wrong_is_said_at_once() -> None:
    asked = requests_of(2, load_now=[1.0, 0.0], min_load=[0.5, 2.0])
    added = adds_of([5, -1], 1)
    with pytest.raises(DataError) as caught:
        plan(base_of(np.full((2, 1), 50.0)), asked, added, LIMIT)
    assert len(caught.value.problems) == 3
    with pytest.raises(ConfigError, match="shape"):
        plan(base_of(np.full((2, 1), 50.0)), requests_of(1), added, LIMIT)


def test_a_unit_is_not_credited_for_eating_ozone() -> None:
    added = adds_of([0], 1)
    added[..., POLLUTANTS.index("o3")] = -5
    made = plan(base_of(np.full((2, 1), 50.0)), requests_of(1), added, LIMIT)
    assert made.conc[0, 0, 0, POLLUTANTS.index("o3")] == 1.0


def test_output_while_the_load_rises() -> None:
    # 12 h of ramp lose 6 h; a horizon inside the ramp gets the triangle's area.
    got = resumption_options.running(np.array([0.0, 42.0]), 12.0, 48.0)
    assert got.tolist() == [42 / 24, 6**2 / 24 / 24]


CASES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "level": st.sampled_from([60.0, 110.0, 140.0, 170.0]),
        "accepted": st.sampled_from([0.0, 0.05, 0.1, 0.25]),
        "per_slot": st.sampled_from([1, 2, 9]),
    }
)


def case(seed: int, level: float, n: int = 4) -> tuple[Base, pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    conc = rng.gamma(8.0, level / 8, (2, 20, 2, 6))
    conc[..., POLLUTANTS.index("co")] /= 60
    conc[..., POLLUTANTS.index("o3")] /= 2
    dates = (dt.date(2026, 2, 28), dt.date(2026, 3, 1))  # across the change of edition
    asked = requests_of(
        n,
        value_yuan_d=list(rng.uniform(1e3, 1e5, n)),
        grade=list(rng.choice(["A", "B", "C", "D"], n)),
        min_load=list(rng.choice([0.5, 1.0], n)),
        ramp_hours=list(rng.choice([0.0, 12.0], n)),
        load_now=list(rng.choice([0.0, 0.4], n)),
        wished=list(rng.choice([0.0, 20.0], n)),
    )
    added = rng.exponential(8.0, (n, 2, 1, 2, 6)) * rng.choice([0, 1], (n, 2, 1, 1, 6))
    return Base(("city", "north"), dates, conc, 2), asked, added


def limits_of(accepted: float) -> tuple[Limit, ...]:
    return (
        Limit(above=200, accepted=accepted),
        Limit(area="north", metric="pm10", above=180, accepted=accepted),
        Limit(above=150, accepted=accepted, days_allowed=1),
    )


def broken_shares(base: Base, conc: np.ndarray, limits: tuple[Limit, ...]) -> list[float]:
    """Every promise counted here, by the index, without the code under test."""
    out = []
    for limit in limits:
        own = conc[base.areas.index(limit.area)]
        if limit.metric == "aqi":
            index = [
                aqi.daily(own[:, d], standards.resolve("auto", day)).aqi
                for d, day in enumerate(base.days)
            ]
            over = np.stack(index, axis=1) > limit.above
        else:
            over = own[..., POLLUTANTS.index(limit.metric)] > limit.above
        if limit.days_allowed is None:
            out += list(over.mean(axis=0))
        else:
            out.append(float((over.sum(axis=1) > limit.days_allowed).mean()))
    return out


def cells(limits: tuple[Limit, ...]) -> list[tuple[Limit, list[int]]]:
    return [
        (limit, days)
        for limit in limits
        for days in ([[0], [1]] if limit.days_allowed is None else [[0, 1]])
    ]


def allowed(base: Base, conc: np.ndarray, limits: tuple[Limit, ...]) -> bool:
    """True where a state keeps every promise, and adds nothing where the base breaks one."""
    before = broken_shares(base, base.conc, limits)
    after = broken_shares(base, conc, limits)
    more = conc - base.conc
    for b, a, (limit, days) in zip(before, after, cells(limits), strict=True):
        names = POLLUTANTS if limit.metric == "aqi" else (limit.metric,)
        which = [POLLUTANTS.index(n) for n in names]
        own = more[base.areas.index(limit.area)][:, days][..., which]
        if b > limit.accepted + 1e-12:
            if own.max() > 1e-12:
                return False
        elif a > limit.accepted + 1e-12:
            return False
    return True


def everything(base: Base, asked: pd.DataFrame, added: np.ndarray) -> list[list[np.ndarray]]:
    """Per request: what each of its choices adds."""
    table = asked.assign(ramp=asked["ramp_hours"])
    starts = resumption_options.slots(0.0, 48.0, SETTINGS)
    out = []
    for u, unit in enumerate(asked.index):
        o = resumption_options.of(table.loc[unit], starts, 2, SETTINGS)
        out.append([added[u] * f[:, None] for f in o.factor])
    return out


@settings(max_examples=60, deadline=None, derandomize=True)
@given(c=CASES)
def test_no_plan_breaks_its_promise_and_no_feasible_request_is_refused(c: dict[str, float]) -> None:
    base, asked, added = case(int(c["seed"]), c["level"])
    limits = limits_of(c["accepted"])
    made = plan(base, asked, added, *limits, starts_per_slot=int(c["per_slot"]))
    assert allowed(base, made.conc, limits)
    np.testing.assert_allclose(
        [p.planned for p in made.promises], broken_shares(base, made.conc, limits)
    )
    starts = [d.start for d in made.decisions if d.start is not None]
    assert all(starts.count(s) <= c["per_slot"] for s in starts)
    # Refused: not one of its choices could be added to the plan.
    choices = everything(base, asked, added)
    grid = resumption_options.slots(0.0, 48.0, SETTINGS)
    for d in made.decisions:
        if d.outcome != "wait":
            continue
        u = asked.index.get_loc(d.unit)
        row = asked.assign(ramp=asked["ramp_hours"]).loc[d.unit]
        o = resumption_options.of(row, grid, 2, SETTINGS)
        for k, more in enumerate(choices[u]):
            room = starts.count(o.start[k]) < c["per_slot"]
            assert not (room and allowed(base, made.conc + more, limits))


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), level=st.sampled_from([110.0, 140.0]))
def test_against_exhaustive_search(seed: int, level: float) -> None:
    """All requests are granted in full wherever that is possible at all; value near the best."""
    base, asked, added = case(seed, level, n=3)
    limits = limits_of(0.25)
    made = plan(base, asked, added, *limits)
    table = asked.assign(ramp=asked["ramp_hours"])
    grid = resumption_options.slots(0.0, 48.0, SETTINGS)
    options = [resumption_options.of(table.loc[u], grid, 2, SETTINGS) for u in asked.index]
    choices = everything(base, asked, added)
    none = np.zeros_like(base.conc)
    best = 0.0
    for picks in itertools.product(*[range(-1, len(o)) for o in options]):
        more = sum((choices[u][k] for u, k in enumerate(picks) if k >= 0), none)
        if allowed(base, base.conc + more, limits):
            value = sum(
                options[u].output[k] * asked["value_yuan_d"].iloc[u]
                for u, k in enumerate(picks)
                if k >= 0
            )
            best = max(best, value)
    own = sum(d.output_days * asked.loc[d.unit, "value_yuan_d"] for d in made.decisions)
    assert own <= best + 1e-6
    full = sum((choices[u][0] for u in range(3)), none)
    if allowed(base, base.conc + full, limits):
        assert all(d.load == 1 for d in made.decisions)
        assert own == pytest.approx(best)
    assert (own > 0) == (best > 0)  # where anything may start, something does


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), step=st.sampled_from([0.05, 0.1, 0.2]))
def test_a_looser_promise_never_makes_the_first_difference_worse(seed: int, step: float) -> None:
    base, asked, added = case(seed, 130.0)
    tight = plan(base, asked, added, *limits_of(0.05)).decisions
    loose = plan(base, asked, added, *limits_of(0.05 + step)).decisions
    for a, b in zip(tight, loose, strict=True):
        assert a.unit == b.unit
        if (a.start, a.load) != (b.start, b.load):
            assert b.output_days >= a.output_days - 1e-9
            break
