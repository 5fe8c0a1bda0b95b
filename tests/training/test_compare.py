"""A comparison: same cases, kept where nothing changed, the tables say what the numbers say."""

import json
from pathlib import Path

import pandas as pd
import pytest

from forecast import config as configuration
from forecast import observations, schema
from forecast.config import CityConfig
from forecast.problems import ConfigError
from training import compare, compare_budget, compare_made, compare_tables

START = pd.Timestamp("2026-01-04T16:00")
END = pd.Timestamp("2026-01-06T16:00")


@pytest.fixture(scope="module")
def config() -> CityConfig:
    demo = configuration.load(configuration.configs_dir() / "demo.yaml")
    small = demo.forecast.model_copy(update={"members": 10})
    return demo.model_copy(update={"forecast": small})


def run(
    config: CityConfig, home: Path, said: list[str], models: tuple[str, ...], references: list[str]
) -> compare.CompareReport:
    return compare.run(
        config, home=home, start=START, end=END, every=12, tiers=["none"], models=models,
        references=references, out=home / "out", say=said.append, isolated=False,
    )  # fmt: skip


def test_a_comparison_is_made_kept_and_told(tmp_path: Path, config: CityConfig) -> None:
    obs = schema.mock_observations(start="2025-12-01", hours=24 * 50, stations=12, seed=3)
    observations.merge(tmp_path, obs, source="mock", received=START)
    said: list[str] = []
    names = ("persistence", "climatology")
    report = run(config, tmp_path, said, names, ["persistence"])
    assert report.issue_times == 6
    out = tmp_path / "out"
    result = json.loads((out / "compare.json").read_text())
    both = result["systems"]["none"]
    group = both["climatology"]["comparison"]["persistence"]["stations"]["pm25"]["h1_24"]
    own = both["climatology"]["stations"]["pm25"]["groups"]["h1_24"]
    other = both["persistence"]["stations"]["pm25"]["groups"]["h1_24"]
    # Both always forecast, so the pair's cases are all cases.
    assert group["n"] == own["n"] == other["n"]
    assert group["mae"]["difference"] == pytest.approx(own["mae"] - other["mae"], abs=1e-3)
    assert result["cost"]["persistence-none"]["issue_times"] == 6
    for name in ("compare.md", "compare.html", "leads-none.png", "heavy-none.png"):
        assert (out / name).stat().st_size > 1000
    page = (out / "compare.md").read_text()
    assert f"{own['mae']:.1f}" in page

    # Again: nothing is made or scored a second time.
    before = {p: p.stat().st_mtime_ns for p in (out / "hindcasts").iterdir()}
    said.clear()
    run(config, tmp_path, said, names, ["persistence"])
    assert before == {p: p.stat().st_mtime_ns for p in (out / "hindcasts").iterdir()}
    assert [line for line in said if "kept" in line] == said

    # A damaged hindcast is made again.
    damaged = out / "hindcasts" / "persistence-none.nc"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    said.clear()
    run(config, tmp_path, said, names, ["persistence"])
    assert any(line.startswith("persistence, weather none: made") for line in said)


def test_wrong_names_are_refused_together(tmp_path: Path, config: CityConfig) -> None:
    with pytest.raises(ConfigError) as refused:
        run(config, tmp_path, [], ("persistence", "persistence", "arima"), ["lightgbm"])
    assert len(refused.value.problems) == 3


@pytest.mark.parametrize(
    ("pair", "lower", "text"),
    [
        ((-4.7, [-6.8, -3.0], 0.17), True, "-4.7 (-17 %) [-6.8, -3.0] +"),
        ((0.5, [-0.1, 1.0], -0.02), True, "+0.5 (+2 %) [-0.1, +1.0] ="),
        ((-0.1, [-0.2, -0.05], None), False, "-0.1 [-0.2, -0.1] -"),
        ((0.1, None, None), False, "+0.1"),
    ],
)
def test_differences_in_words(
    pair: tuple[float, list[float] | None, float | None], lower: bool, text: str
) -> None:
    said = {"difference": pair[0], "difference_interval": pair[1], "skill": pair[2]}
    assert compare_tables._difference(said, 1, lower) == text


def test_a_kept_model_of_unknown_cost_is_not_given_one(tmp_path: Path) -> None:
    assert compare_made._kept_cost(tmp_path, object()) is None


def test_networks_are_named_by_tag_or_folder() -> None:
    compare._check(["none"], ["network:wide", "network@/a/b", "network"], ["network:wide"])
    assert compare._plain("lightgbm") == "lightgbm"
    names = {compare._plain(m) for m in ("network:wide", "network@/a/wide", "network@/b/wide")}
    assert len(names) == 3  # files of one do not stand for another's
    assert not any(set(n) & set(":@/") for n in names)


def test_the_budget_of_a_network_is_what_its_own_manifest_says(tmp_path: Path) -> None:
    settings = {
        "experts": [{"seeds": [1, 2, 3]}, {"seeds": [11]}], "optimiser": {"steps": 9, "batch": 4},
        "calibration": {"folds": 2}, "trees": {"rows": 50}, "network": {"width": 16},
    }  # fmt: skip
    said = {"about": {"settings": settings, "train_seconds": 77}}
    (tmp_path / "model.json").write_text(json.dumps(said))
    words = compare_budget.words("network:wide", tmp_path)
    assert words.startswith("4 networks of width 16 and 4 for blocks not trained on, 9 steps of 4")
    assert compare_budget.words("network", tmp_path / "nowhere") == ""
    cost = compare_made._kept_cost(tmp_path, object())
    assert cost == {"seconds": 77.0, "cpu_seconds": None, "peak_mb": None}
