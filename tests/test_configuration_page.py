"""docs/configuration.md says what the code reads."""

import re
from pathlib import Path

import yaml

from tests import configuration_page

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("forecast", "response", "training", "serving", "twin")


def test_the_page_is_what_the_models_say() -> None:
    """If it fails: python -m tests.configuration_page."""
    assert configuration_page.PAGE.read_text(encoding="utf-8") == configuration_page.page()


def test_every_variable_of_the_environment_is_on_the_page() -> None:
    found: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"\b((?:LANTIAN|MLFLOW)_[A-Z0-9_]*[A-Z0-9])\b", text))
    assert found - configuration_page.INTERNAL == set(configuration_page.ENVIRONMENT)


def test_every_shipped_file_belongs_to_a_pattern_of_the_page() -> None:
    """A configuration that no model reads would be on no page."""
    patterns = [
        re.escape(file)
        .replace(r"\*", "[^/]*")
        .replace("<city>", "[^/]+")
        .replace("<house>", "[^/]+")
        for file, _, _ in configuration_page.roots()
    ]
    # tables of regulations, registers, a list, the legal ratios, a simulated city's parts
    others = {"standards", "stations", "cities", "twin"}
    for path in sorted((ROOT / "configs").rglob("*.yaml")):
        name = str(path.relative_to(ROOT))
        if path.parent.name in others:
            continue
        assert any(re.fullmatch(p, name) for p in patterns), name
        assert yaml.safe_load(path.read_text(encoding="utf-8")) is not None
