"""Targets that are configuration: cities, standards, rules, simulated cities, training, house.

A changed structure goes in behind the YAML parser (which is slow and not ours); now and then the
text itself is changed. What is taken has to be dumped and taken again with the same content.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from forecast import config, quality_limits, standards
from forecast.config import configs_dir
from response import (
    budget_config,
    controls_config,
    measures_config,
    plume_settings,
    resumption_settings,
    rules,
)
from serving.publish import config as house
from tests.fuzz import mutate
from tests.fuzz.runner import Case, Target
from training import settings as training
from twin import config as twin

Loader = Callable[[Path], Any]


def _through(loader: Loader, module: Any, source: Path, text_share: float = 0.02) -> Any:
    """A target: the file's content changed, and read by the program's own loader.

    Args:
        loader: Reads a path.
        module: Where the loader looks `read_yaml` up.
        source: A file that is right.
        text_share: Share of cases in which the text is changed instead.
    """

    def prepare(folder: Path) -> Case:
        raw = source.read_bytes()
        good = yaml.safe_load(raw)
        place = folder / source.name
        kept = module.read_yaml
        plain = getattr(loader, "__wrapped__", loader)  # not what was read before

        def case(chance: random.Random) -> str:
            if chance.random() < text_share:
                place.write_bytes(mutate.raw(raw, chance))
                module.read_yaml = lambda p: kept(place if p == source else p)
            else:
                changed = mutate.tree(good, chance)
                module.read_yaml = lambda p: changed if p == source else kept(p)
            try:
                made = plain(source)
            finally:
                module.read_yaml = kept
            if isinstance(made, BaseModel):
                json.loads(made.model_dump_json())
            return "taken"

        return case

    return prepare


def _by_name(folder_name: str, edition: str, module: Any, load: Callable[[str], Any]) -> Any:
    """A target of an edition that is loaded by its name from configs/."""
    source = configs_dir() / folder_name / f"{edition}.yaml"

    def prepare(folder: Path) -> Case:
        good = yaml.safe_load(source.read_bytes())
        kept = module.read_yaml
        plain = getattr(load, "__wrapped__", load)

        def case(chance: random.Random) -> str:
            changed = mutate.tree(good, chance)
            module.read_yaml = lambda p: changed if p == source else kept(p)
            try:
                plain(edition)
            finally:
                module.read_yaml = kept
            return "taken"

        return case

    return prepare


CONFIGS = configs_dir()
TARGETS = (
    Target("config city", _through(config.load, config, CONFIGS / "demo.yaml")),
    Target("config jiaozuo", _through(config.load, config, CONFIGS / "jiaozuo.yaml")),
    Target("config standard 2026", _by_name("standards", "hj633-2026", standards, standards.load)),
    Target("config standard 2012", _by_name("standards", "hj633-2012", standards, standards.load)),
    Target("config rules", _by_name("rules", "national-2024", rules, rules.load)),
    Target("config twin", _through(twin.load, twin, CONFIGS / "twin" / "demo.yaml")),
    Target("config train", _through(training.load, training, CONFIGS / "train" / "default.yaml")),
    Target(
        "config quality",
        _through(quality_limits.load, quality_limits, CONFIGS / "quality" / "default.yaml"),
    ),
    Target("config house", _through(house.load, house, CONFIGS / "publish" / "example.yaml")),
    Target("config cap", _through(house.load_profile, house, CONFIGS / "publish" / "cap-cn.yaml")),
    Target(
        "config measures",
        _by_name("measures", measures_config.EDITION, measures_config, measures_config.load),
    ),
    Target(
        "config controls",
        _through(controls_config.read, controls_config, CONFIGS / "controls" / "default.yaml"),
    ),
    Target(
        "config plume",
        _through(plume_settings.load, plume_settings, CONFIGS / "dispersion" / "default.yaml"),
    ),
    Target(
        "config resumption",
        _through(
            resumption_settings.load, resumption_settings, CONFIGS / "resumption" / "default.yaml"
        ),
    ),
    Target(
        "config budget",
        _through(
            budget_config.load_targets,
            budget_config,
            CONFIGS / "budget" / "jiaozuo.yaml",
        ),
    ),
)
