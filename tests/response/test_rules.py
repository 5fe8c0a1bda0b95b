"""Editions as data: the numbers of the source, the honesty of the marks, refusals all at once."""

from pathlib import Path

import pytest
import yaml

from forecast.config import configs_dir, read_yaml, validated
from forecast.problems import ConfigError
from response import rules
from response.rules import Rules

# (level, [(sign, bound, hours), ...]) by hand from the source's table of criteria.
CRITERIA = {
    "national-2024": [
        ("yellow", [("gt", 200, 24)]),
        ("yellow", [("gt", 150, 48)]),
        ("orange", [("gt", 200, 48)]),
        ("orange", [("gt", 150, 72)]),
        ("red", [("gt", 200, 72), ("gt", 300, 24)]),
    ],
    "national-2018": [
        ("yellow", [("gt", 200, 48)]),
        ("orange", [("gt", 200, 72)]),
        ("red", [("gt", 200, 96), ("gt", 300, 48)]),
        ("red", [("ge", 500, 24)]),
    ],
    "national-2017": [
        ("blue", [("gt", 200, 24)]),
        ("yellow", [("gt", 200, 48)]),
        ("orange", [("gt", 200, 72), ("gt", 300, 24)]),
        ("red", [("gt", 200, 96), ("gt", 300, 48)]),
        ("red", [("ge", 500, 24)]),
    ],
    "henan-2014": [
        ("blue", [("gt", 200, 24)]),
        ("yellow", [("gt", 200, 72)]),
        ("orange", [("gt", 300, 72)]),
        ("red", [("ge", 500, 24)]),
    ],
}


def test_every_edition_is_tested() -> None:
    assert set(rules.editions()) == set(CRITERIA)


@pytest.mark.parametrize("edition", sorted(CRITERIA))
def test_criteria_are_those_of_the_source(edition: str) -> None:
    found = [
        (c.level, [("gt" if o.gt is not None else "ge", o.bound, o.hours) for o in c.all_of])
        for c in rules.load(edition).criteria
    ]
    assert found == CRITERIA[edition]


@pytest.mark.parametrize("edition", sorted(CRITERIA))
def test_cancellation_is_36_h_and_the_customer_is_told_what_is_missing(edition: str) -> None:
    r = rules.load(edition)
    assert r.cancellation.hours == 36
    assert r.lead_time.hours == 24
    if edition != "national-2017":
        assert any("2023" in n.zh and "确认" in n.zh for n in r.notes)


def test_the_criteria_of_2024_are_marked_as_an_assumption() -> None:
    assert all(level.basis.assumption for level in rules.load("national-2024").levels)
    assert not any(level.basis.assumption for level in rules.load("national-2018").levels[:2])


def test_rules_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        rules.load("national-2024").edition = "x"  # type: ignore[misc]


def test_an_unknown_edition_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="national-2024"):
        rules.load("national-1999")
    with pytest.raises(ConfigError):
        rules.load("../standards/validity")


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    data = read_yaml(configs_dir() / "rules" / "national-2024.yaml")
    data["levels"][0]["any_of"][0]["all_of"] = [{"gt": 200, "ge": 200, "hours": 24}]
    data["levels"][1]["any_of"][0]["all_of"][0]["hours"] = 30  # not a multiple of 24
    data["lead_time"]["basis"]["assumption"] = False  # low certainty is an assumption
    data["surprise"] = 1
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(ConfigError) as refusal:
        validated(Rules, read_yaml(path), path=path)
    said = str(refusal.value)
    assert "either gt or ge" in said
    assert "multiple of 24" in said
    assert "assumption: true exactly where" in said
    assert "surprise" in said


def test_levels_out_of_order_are_refused(tmp_path: Path) -> None:
    data = read_yaml(configs_dir() / "rules" / "national-2024.yaml")
    data["levels"].reverse()
    with pytest.raises(ConfigError, match="lowest first"):
        validated(Rules, data, path=tmp_path / "x.yaml")
