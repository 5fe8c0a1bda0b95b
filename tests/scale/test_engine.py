"""The engine with real worker processes: what fails, fails alone."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forecast import engine
from forecast.engine import Outcome
from forecast.problems import ConfigError, DataError, Problem

# Functions that run on workers are defined inside tests: they travel by value.


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with engine.connected(None, workers=2) as made:
        yield made


def by_name(outcomes: Iterator[Outcome[Any]]) -> dict[str, Outcome[Any]]:
    return {o.name: o for o in outcomes}


def test_a_value_for_each_item(client: Any) -> None:
    found = by_name(engine.each(client, lambda n: 2 * n, [(f"n{i}", i) for i in range(5)]))
    assert {k: o.value for k, o in found.items()} == {f"n{i}": 2 * i for i in range(5)}
    assert {(o.attempts, o.lost, o.errors) for o in found.values()} == {(1, 0, ())}


def test_what_fails_is_tried_again_after_the_others_and_reported(
    client: Any, tmp_path: Path
) -> None:
    def work(name: str) -> str:
        with (tmp_path / "log").open("a") as log:
            log.write(f"{name}\n")
        if name == "once" and (tmp_path / "log").read_text().split().count("once") == 1:
            raise DataError([Problem("hour", "none", "one"), Problem("day", "none", "one")])
        if name == "never":
            raise ZeroDivisionError("no")
        return name

    names = ["once", "never", *"abcdef"]
    found = by_name(engine.each(client, work, [(n, n) for n in names], retries=1))
    assert found["once"].value == "once"
    assert found["once"].attempts == 2
    said = "hour: found none, expected one\nday: found none, expected one"
    assert found["once"].errors == (said,)  # both problems, in words
    assert not found["never"].done
    assert found["never"].attempts == 2
    assert all("ZeroDivisionError('no') (work, line" in e for e in found["never"].errors)
    assert all(found[n].attempts == 1 for n in "abcdef")
    order = (tmp_path / "log").read_text().split()
    assert set(order[-2:]) == {"once", "never"}


def test_a_worker_that_is_killed_costs_its_item_time_and_nothing_else(
    client: Any, tmp_path: Path
) -> None:
    def work(name: str) -> int:
        if name == "victim" and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    found = by_name(engine.each(client, work, [(n, n) for n in ("victim", *"abcd")], retries=0))
    assert all(o.done for o in found.values())
    assert (found["victim"].attempts, found["victim"].lost) == (2, 1)
    assert "died" in found["victim"].errors[0]
    assert all((found[n].attempts, found[n].lost) == (1, 0) for n in "abcd")


def test_an_item_that_takes_too_long_is_stopped_with_its_worker(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_POLL_SECONDS", 0.2)

    def work(name: str) -> str:
        if name == "slow" and not (tmp_path / "began").exists():
            (tmp_path / "began").touch()
            time.sleep(600)
        return name

    items = [(n, n) for n in ("slow", "a", "b")]
    found = by_name(engine.each(client, work, items, retries=1, limit_seconds=4))
    assert {k: o.value for k, o in found.items()} == {"slow": "slow", "a": "a", "b": "b"}
    assert found["slow"].attempts == 2
    assert "longer at work than the limit" in found["slow"].errors[0]


def test_nobody_at_the_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_WAIT_SECONDS", 1)
    with (
        pytest.raises(ConfigError, match="a scheduler that answers"),
        engine.connected("tcp://127.0.0.1:9", workers=1),
    ):
        pass
