"""A few thousand cases of bad input: a clear refusal or a right result, never anything else."""

import random
from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from forecast.problems import ConfigError, DataError, Problem
from serving.publish import cap
from tests.fuzz import mutate
from tests.fuzz.long import BY_NAME
from tests.fuzz.runner import Target, batch, one
from tests.serving.publish import cases

SOME = {"config": 110, "cap": 500, "observations": 25, "stations": 40, "resumption": 40}


@pytest.mark.parametrize("name", list(BY_NAME))
def test_bad_input_ends_in_words_or_in_a_right_result(name: str) -> None:
    size = next((n for start, n in SOME.items() if name.startswith(start)), 8)
    outcomes, findings = batch(BY_NAME[name], range(10**6, 10**6 + size))
    assert not findings
    assert sum(outcomes.values()) == size
    assert outcomes["refused"] + outcomes["problems told"] > 0


def test_what_no_case_may_do_is_seen(tmp_path: Path) -> None:
    def case(chance: random.Random) -> str:
        seed = chance.randrange(4)
        if seed == 0:
            raise KeyError("x")
        if seed == 1:
            raise DataError([])
        if seed == 2:
            raise ConfigError([Problem("here", "this", "that")])
        return "taken"

    seen = {one(case, "t", n)[0] for n in range(40)}
    assert seen == {"wrong", "refused", "taken"}
    said = [f.said for n in range(40) if (f := one(case, "t", n)[1])]
    assert any("KeyError" in s for s in said)
    assert any("without words" in s for s in said)


def test_a_case_that_hangs_or_crashes_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.runner.CPU_SECONDS", 0.05)

    def prepare(_folder: Path):  # type: ignore[no-untyped-def]
        numbers: Iterator[int] = iter(range(100))

        def case(_chance: random.Random) -> str:
            number = next(numbers)
            if number == 1:
                import os

                os.abort()
            while number == 0:
                pass
            return "taken"

        return case

    outcomes, findings = batch(Target("t", prepare), range(2))
    assert outcomes["wrong"] == 2
    assert [f.said for f in findings] == ["more than 0.05 s", "the process died"]


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_any_bytes_are_no_cap_message(raw: bytes) -> None:
    with pytest.raises(DataError):
        cap.read(raw)


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_any_words_make_a_message_that_is_read_again(zh: str, en: str) -> None:
    from tests.fuzz.messages import AREA, NOW, OFFSET, _notice

    notice = _notice(reason_zh=zh, reason_en=en, expires=NOW + 48 * cases.HOUR)
    try:
        raw = cap.build(notice, AREA, cases.house(), cases.PROFILE, offset=OFFSET)
    except DataError:
        return
    assert cap.read(raw).identifier == "LT-1"


def test_what_is_changed_is_a_copy() -> None:
    good = {"a": [1, {"b": 2}], "c": "x"}
    for seed in range(200):
        mutate.tree(good, random.Random(seed))
    assert good == {"a": [1, {"b": 2}], "c": "x"}
