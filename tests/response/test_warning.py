"""Proposals from members: probabilities, times, actions, and words."""

import json
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.problems import ConfigError, DataError
from response import episodes, rules, warning, warning_words, windows
from response.warning import Proposal, propose

OFFSET = pd.Timedelta(hours=8)
THRESHOLDS = {"yellow": 0.5, "orange": 0.5, "red": 0.5}
PAST = 48  # hours up to the issue time
AHEAD = 96
T0 = pd.Timestamp("2024-12-01T00:00")  # UTC; the first hour ends at 01:00
ISSUE = T0 + pd.Timedelta(hours=PAST)


def member(
    *parts: tuple[int, int, float], o3: float = 40.0, pm10: float | None = None
) -> np.ndarray:
    """(hour, 6); parts (first hour, hours, PM2.5) counted from the issue time, 0 elsewhere.

    With nothing around it, 151 for 24 h is exactly one window above 200: any shift of it has a
    mean of at most 144.7 -> 192.
    """
    pm25 = np.zeros(PAST + AHEAD)
    for first, hours, value in parts:
        pm25[PAST + first : PAST + first + hours] = value
    out = np.zeros((PAST + AHEAD, 6))
    out[:, 0], out[:, 1], out[:, 5] = pm25, pm25 * 1.2 if pm10 is None else pm10, o3
    return out


def run(*members: np.ndarray, edition: str = "national-2018", **options: object) -> Proposal:
    times = pd.date_range(T0, periods=PAST + AHEAD, freq="h") + pd.Timedelta(hours=1)
    settings_: dict[str, object] = {"thresholds": THRESHOLDS, "issue_time": ISSUE, **options}
    return propose(np.stack(members), times, rules.load(edition), **settings_)  # type: ignore[arg-type]


def at(hours: int) -> pd.Timestamp:
    return ISSUE + pd.Timedelta(hours=hours)


CLEAN = member()
YELLOW = member((30, 48, 151))  # 2018: above 200 for 48 h, exactly
ORANGE = member((24, 72, 151))


def test_a_single_series_is_certain() -> None:
    p = run(YELLOW)
    assert (p.level, p.action, p.own_level) == ("yellow", "start", "yellow")
    assert p.probability == {"yellow": 1, "orange": 0, "red": 0}
    assert p.start is not None
    assert p.end is not None
    assert p.start.median == p.start.early == p.start.late == at(30)
    assert p.end.median == at(78)
    assert p.open_end == 0


def test_split_members() -> None:
    p = run(CLEAN, CLEAN, YELLOW, ORANGE, ORANGE)
    assert p.probability == {"yellow": 0.6, "orange": 0.4, "red": 0}
    assert p.level == "yellow"
    assert p.start is not None
    assert p.end is not None
    assert (p.start.early, p.start.median, p.start.late) == (at(24), at(24), at(30))
    assert p.end.median == at(96)
    assert p.open_end == pytest.approx(2 / 3)
    by_text = {warning_words.criterion_text(r.criterion).en: r for r in p.criteria}
    assert by_text["24-h AQI above 200 for 48 h"].probability == 0.6
    assert by_text["24-h AQI above 200 for 72 h"].probability == 0.4


def test_the_threshold_of_each_level_decides() -> None:
    members = (CLEAN, CLEAN, YELLOW, ORANGE, ORANGE)
    low = {"yellow": 0.5, "orange": 0.4, "red": 0.5}
    assert run(*members, thresholds=low).level == "orange"
    assert run(*members, thresholds={"yellow": 0.61}).level is None
    with pytest.raises(ConfigError) as refusal:
        run(CLEAN, thresholds={"yellow": 0.0, "purple": 0.5})
    assert len(refusal.value.problems) == 2


def test_a_level_not_in_the_edition_is_refused() -> None:
    with pytest.raises(ConfigError, match="blue"):
        run(CLEAN, current_level="blue")
    assert run(YELLOW, edition="national-2017").probability["blue"] == 1


def test_members_do_not_average_into_a_warning() -> None:
    # A day each, one after the other: no member has two, and a mix of them must not either.
    p = run(member((30, 24, 151)), member((54, 24, 151)))
    assert p.level is None
    assert p.action == "none"


def test_measured_hours_count_when_the_chain_reaches_the_forecast() -> None:
    assert run(member((-47, 48, 151)), edition="national-2018").own_level == "yellow"
    assert run(member((-48, 48, 151)), edition="national-2018").own_level is None


def test_the_lead_time_tells_until_when() -> None:
    p = run(YELLOW)
    assert (p.announce_by, p.late, p.at_once) == (at(6), False, False)
    assert run(member((24, 48, 151))).late is False
    late = run(member((23, 48, 151)))
    assert late.late
    assert "2024-12-03 07:00" in words(late)  # 23 h after 12-03 08:00 local, less 24 h


def test_the_measured_trigger_starts_at_once() -> None:
    p = run(member((-24, 36, 160)))  # heavy now and for 12 h more: below 48 h above 200
    assert p.own_level is None
    assert (p.level, p.action, p.at_once) == ("yellow", "start", True)
    assert p.measured is not None
    assert p.measured.aqi == 210
    better = run(member((-24, 30, 160)))  # mean of the next 12 h is 80
    assert better.measured is not None
    assert (better.measured.triggered, better.level) == (False, None)
    none = run(member((-24, 24, 150), (0, 12, 170)))  # 200 now: not above 200, though it rises
    assert none.measured is not None
    assert not none.measured.triggered


def test_a_notified_level_raises() -> None:
    p = run(YELLOW, notified_level="orange")
    assert (p.level, p.own_level, p.action, p.at_once) == ("orange", "yellow", "start", True)
    assert "Notified from above: orange" in words(p)
    assert run(ORANGE, notified_level="yellow").level == "orange"
    assert run(CLEAN, notified_level="yellow", current_level="yellow").action == "keep"


@pytest.mark.parametrize(
    ("parts", "current", "action", "level"),
    [
        ([], "yellow", "cancel", None),
        ([(-30, 60, 151)], "yellow", "keep", "yellow"),
        ([(-30, 60, 151)], "orange", "lower", "yellow"),
        ([(-30, 110, 151)], "yellow", "raise", "orange"),
        ([(36, 48, 151)], "yellow", "cancel", None),  # 37th hour and later
        ([(35, 48, 151)], "yellow", "keep", "yellow"),
        ([(35, 48, 151)], "red", "lower", "yellow"),
        ([(-30, 110, 151)], "red", "lower", "orange"),
    ],
)
def test_actions(
    parts: list[tuple[int, int, float]], current: str, action: str, level: str | None
) -> None:
    p = run(member(*parts), current_level=current)
    assert (p.action, p.level) == (action, level)
    assert p.consult == (current == "red")


def test_a_later_stage_of_the_same_episode_holds_the_level() -> None:
    # Yellow now, a gap of 20 h, then orange: one episode, so orange stays.
    p = run(member((-47, 50, 151), (23, 72, 151)), current_level="orange")
    assert (p.action, p.level) == ("keep", "orange")


def test_no_cancelling_on_a_short_or_gappy_forecast() -> None:
    times = pd.date_range(T0, periods=PAST + AHEAD, freq="h") + pd.Timedelta(hours=1)
    for ahead, known in ((36, False), (37, True)):
        cut = slice(0, PAST + ahead)
        p = propose(
            CLEAN[None, cut],
            times[cut],
            rules.load("national-2018"),
            thresholds=THRESHOLDS,
            issue_time=ISSUE,
            current_level="yellow",
        )
        assert p.cancel_known is known
        assert p.action == ("cancel" if known else "keep")
    gappy = CLEAN.copy()
    gappy[PAST + 10 : PAST + 16] = np.nan
    assert run(gappy, current_level="yellow").action == "keep"


def test_ozone_gives_a_notice_and_no_colour() -> None:
    p = run(member(o3=300.0), edition="national-2024")
    assert p.level is None
    assert p.ozone is not None
    assert (p.ozone.probability, p.ozone.notice, p.ozone.peak) == (1, True, 300)
    assert "health notice" in words(p)
    clean = run(CLEAN)
    assert clean.ozone is not None
    assert not clean.ozone.notice


def test_suspected_dust_is_left_out_and_said() -> None:
    dusty = member((24, 72, 100), pm10=0.0)
    dusty[PAST + 24 : PAST + 96, 1] = 700
    p = run(dusty, edition="national-2024")
    assert p.level is None
    assert p.dust.probability == 1
    assert p.dust.level_with == "red"
    assert "Dust suspected" in words(p)
    smoky = dusty.copy()
    smoky[:, 0] *= 3
    assert run(smoky, edition="national-2024").level == "red"


def test_determined_dust_takes_the_episode_out() -> None:
    mask = np.zeros(PAST + AHEAD, dtype=bool)
    mask[PAST + 24 :] = True
    assert run(ORANGE, dust=mask).level is None
    assert run(ORANGE).level == "orange"


def test_the_primary_pollutant() -> None:
    assert run(YELLOW).primary == (("pm25", 1.0),)
    coarse = member((24, 72, 110), pm10=0.0)
    coarse[PAST + 24 : PAST + 96, 1] = 360  # PM10 215, PM2.5 144 (2012)
    assert run(coarse).primary == (("pm10", 1.0),)


def test_a_forecast_without_hours_ahead_is_refused() -> None:
    with pytest.raises(DataError, match="after the issue time"):
        run(CLEAN, issue_time=at(AHEAD))


def test_without_measured_hours() -> None:
    p = run(YELLOW, issue_time=T0)
    assert p.measured is None
    assert p.level == "yellow"


def test_assumptions_are_shown() -> None:
    assert any(
        "not read" in n.en for n in warning_words.assumptions(run(YELLOW, edition="national-2024"))
    )
    assert not any("not read" in n.en for n in warning_words.assumptions(run(YELLOW)))
    lowered = run(member((-30, 110, 151)), current_level="red")
    assert any("downgrade" in n.en for n in warning_words.assumptions(lowered))
    assert "must confirm" in words(run(YELLOW, edition="national-2024"))


def test_words_and_data() -> None:
    p = run(CLEAN, CLEAN, YELLOW, ORANGE, ORANGE)
    zh = "".join(w.zh for w in warning_words.reasons(p))
    assert "建议启动黄色预警" in zh
    assert "PM2.5" in zh
    assert "黄色60%" in zh
    data = warning_words.as_dict(p)
    assert data["start"]["median"] == "2024-12-04T08:00:00+08:00"
    assert data["probability"]["orange"] == 0.4
    json.dumps(data)


def words(p: Proposal) -> str:
    return "\n".join(w.en for w in warning_words.reasons(p))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    edition=st.sampled_from(["national-2024", "national-2018", "national-2017", "henan-2014"]),
)
def test_more_pollution_never_lowers_the_level(seed: int, edition: str) -> None:
    # Suspected dust apart: more PM10 alone may make a window look like dust.
    rng = np.random.default_rng(seed)
    hours, r = 24 * 9, rules.load(edition)
    times = pd.date_range("2026-02-25", periods=hours, freq="h")
    base = np.repeat(rng.choice([30.0, 120, 160, 260, 520], (4, 18)), 12, axis=1)
    conc = np.zeros((4, hours, 6))
    conc[..., 0], conc[..., 1] = base, base * 1.1
    conc[rng.random(conc.shape[:2]) < 0.05] = np.nan
    more = conc * rng.uniform(1, 1.3, conc.shape)

    def ranks(c: np.ndarray) -> np.ndarray:
        found = windows.day_windows(c, times, r, offset=OFFSET, exclude_suspected=False)
        met = episodes.evaluate(found.aqi, r, after=100)
        return np.asarray(met.rank.max(axis=1))

    assert (ranks(more) >= ranks(conc)).all()


def test_a_hundred_members_are_quick() -> None:
    rng = np.random.default_rng(0)
    conc = rng.gamma(4.0, 40.0, (100, 200, 6))
    times = pd.date_range("2024-12-01", periods=200, freq="h")
    r = rules.load("national-2024")
    propose(conc, times, r, thresholds=THRESHOLDS, issue_time=times[103])
    begin = time.perf_counter()
    propose(conc, times, r, thresholds=THRESHOLDS, issue_time=times[103])
    assert time.perf_counter() - begin < 3  # about 0.1 s here; the limit is for slow machines


def test_shares_count_members_not_episodes() -> None:
    index = np.full((2, 300), 50.0)
    index[0, [60, 84, 200, 224]] = 210
    met = episodes.evaluate(index, rules.load("national-2018"))
    assert warning.shares(met).tolist() == [0.5, 0, 0]
