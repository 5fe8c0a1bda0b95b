"""A few of each fault but death: disk, permissions, locks, feeds, clocks, messages, editions."""

import random
from pathlib import Path

import pytest

from tests.faults import feeds, kills, memory, surroundings, works
from tests.faults.table import Count, as_json, as_page, total


@pytest.fixture(autouse=True)
def _one_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTIAN_REVISION", "test")


def clean(*counts: Count | None) -> None:
    found = total(c for c in counts if c is not None)
    assert found.clean, found.remarks


@pytest.mark.parametrize("name", ["import of weather", "publishing"])
def test_a_full_disk_or_a_read_only_home(tmp_path: Path, name: str) -> None:
    subject = works.BY_NAME[name]
    with kills.homes(subject, tmp_path) as known:
        try:
            clean(
                surroundings.full_disk(subject, known, 4, tmp_path),
                surroundings.full_disk(subject, known, 64, tmp_path),
                surroundings.read_only(subject, known, tmp_path),
            )
        except surroundings.UnavailableError as error:
            pytest.skip(str(error))


def test_a_locked_store_an_older_edition_a_clock_that_jumps(tmp_path: Path) -> None:
    subject, chance = works.BY_NAME["publishing"], random.Random(5)
    with kills.homes(subject, tmp_path) as known:
        clean(
            surroundings.locked(subject, known, 0.3, tmp_path),
            surroundings.locked(subject, known, 2.5, tmp_path),
            feeds.half_deployed(known, subject, "0001", tmp_path),
            feeds.half_deployed(known, subject, None, tmp_path),
            feeds.jumping(known, subject, chance, tmp_path),
            feeds.jumping(known, subject, chance, tmp_path),
        )


def test_messages_twice_and_in_any_order(tmp_path: Path) -> None:
    subject = works.BY_NAME["meter readings"]
    with kills.homes(subject, tmp_path) as known:
        clean(*(feeds.messages(known, random.Random(n), tmp_path) for n in range(3)))


def test_damaged_files_say_so_or_are_right(tmp_path: Path) -> None:
    clean(feeds.damaged(tmp_path, 30, random.Random(2)))


@pytest.mark.parametrize("lie", list(feeds.LIES))
def test_a_feed_that_lies(tmp_path: Path, lie: str) -> None:
    clean(feeds.lying(tmp_path, lie))


def test_a_feed_that_is_late(tmp_path: Path) -> None:
    clean(*(feeds.late(tmp_path, minutes) for minutes in (1, 59, 60, 700)))


def test_a_solver_without_memory(tmp_path: Path) -> None:
    with kills.homes(memory.SUBJECT, tmp_path) as known:
        clean(*(memory.without_memory(known, random.Random(n), tmp_path) for n in range(2)))


def test_the_table_names_every_fault_and_what_went_wrong() -> None:
    table = {"a": Count(3), "b": Count(2, 0, 1, 0, ("b: twice x",))}
    words = {"a": "first", "b": "second"}
    assert '"b": {\n  "count": 2,\n  "lost": 0,\n  "doubled": 1,\n  "wrong_after": 0' in as_json(
        table
    )
    page = as_page(table, about={"Date": "d"}, words=words)
    assert "| **all** | 5 | 0 | 1 | 0 |" in page
    assert "- b: twice x" in page
