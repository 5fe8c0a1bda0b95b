"""kill -9 at a few steps and moments of everything; the long version takes many more."""

import random
from pathlib import Path

import pytest

from tests.faults import kills, works
from tests.faults.killing import Point, ended
from tests.faults.table import judged, total


@pytest.mark.parametrize("name", list(works.BY_NAME))
def test_killed_and_run_again_nothing_is_lost_doubled_or_other(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANTIAN_REVISION", "test")
    subject = works.BY_NAME[name]
    chance = random.Random(7)
    with kills.homes(subject, tmp_path) as known:
        assert known.ended.steps > 8
        assert known.ended.said
        some = kills.points(known, steps=3, moments=1, chance=chance)
        found = [kills.killed(subject, known, p, tmp_path) for p in some]
    count = total(c for c in found if c is not None)
    assert count.count >= 3
    assert count.clean, count.remarks


def test_the_judge_sees_what_is_lost_doubled_and_other() -> None:
    right = [("a", "1"), ("b", "2")]
    assert judged(right, right, said=["a"]).clean
    assert judged(right, [("a", "1")]).lost == 1
    assert judged(right, right, said=["c"]).lost == 1
    assert judged(right, [*right, ("a", "1")]).doubled == 1
    assert judged(right, [("a", "1"), ("b", "3")]).wrong_after == 1
    assert judged(right, [*right, ("trail", "broken")]).wrong_after == 1


def test_a_process_dies_at_its_step_and_says_what_it_had_done(tmp_path: Path) -> None:
    def work(home, say):  # type: ignore[no-untyped-def]
        for name in "abc":
            (home / name).write_text(name)
            say(f"file {name}")

    assert ended(work, tmp_path).steps == 3
    death = ended(work, tmp_path, Point(step=2))
    assert death.killed
    assert death.said == ("file a", "file b")
    failed = ended(lambda home, say: 1 / 0, tmp_path)  # type: ignore[arg-type, return-value]
    assert "ZeroDivisionError" in failed.error
