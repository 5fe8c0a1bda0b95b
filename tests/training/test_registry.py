"""Promotion: the gate names what is worse, decisions are kept, and one command takes one back."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast import artifact, model_store
from forecast.problems import ConfigError, DataError
from tests.forecast import network_cases as cases
from training import registry

NOW = pd.Timestamp("2026-01-02T03:00")
WHO: dict[str, Any] = {"by": "Li Wei", "reason": "better in winter", "now": NOW}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    artifact.write(cases.forecaster().model, folder)
    return folder


def in_home(model: Path, home: Path, stamp: str) -> Path:
    folder = home / "models" / "demo" / "network-any" / stamp
    shutil.copytree(model, folder)
    return folder


def compared(
    path: Path, difference: float, half: float, *, key: str = "mae", reference: str = "champion"
) -> Path:
    """A comparison in which only PM2.5 of the first day differs."""
    one = {
        "difference": difference,
        "difference_interval": [difference - half, difference + half],
    }
    pair = {"stations": {"pm25": {"h1_24": {key: one}}}, "areas": {}}
    content = {"systems": {"perfect": {"network": {"comparison": {reference: pair}}}}}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_first_promotion_and_what_the_store_then_says(tmp_path: Path, model: Path) -> None:
    folder = in_home(model, tmp_path, "20251210T0000Z")
    good = compared(tmp_path / "compare.json", -3.0, 1.0, reference="persistence")
    made = registry.promote(tmp_path, "demo", folder, comparison=good, **WHO)
    assert made.action == "promote"
    assert not made.forced
    found = model_store.champion(tmp_path, "demo")
    assert found is not None
    assert found.folder == folder
    assert found.trained_until == pd.Timestamp("2025-12-10")
    pointer = json.loads((tmp_path / "models/demo/champion.json").read_text(encoding="utf-8"))
    assert pointer["by"] == "Li Wei"
    assert pointer["at"] == "2026-01-02T03:00:00"
    assert pointer["comparison"] == registry._sha(good)


def test_worse_beyond_the_interval_is_refused_by_name_and_kept(tmp_path: Path, model: Path) -> None:
    folder = in_home(model, tmp_path, "20251210T0000Z")
    first = compared(tmp_path / "a.json", -3.0, 1.0, reference="persistence")
    registry.promote(tmp_path, "demo", folder, comparison=first, **WHO)
    other = in_home(model, tmp_path, "20251211T0000Z")
    worse = compared(tmp_path / "b.json", 2.0, 1.5)
    with pytest.raises(DataError, match=r"PM2.5 MAE h1_24: \+2 \[\+0.5, \+3.5\]"):
        registry.promote(tmp_path, "demo", other, comparison=worse, **WHO)
    assert registry.pointer(tmp_path, "demo")["folder"].endswith("20251210T0000Z")  # type: ignore[index]
    assert [d["action"] for d in registry.decisions(tmp_path, "demo")] == ["promote", "refuse"]
    forced = registry.promote(tmp_path, "demo", other, comparison=worse, force=True, **WHO)
    assert forced.forced
    assert forced.failed
    assert registry.pointer(tmp_path, "demo")["folder"].endswith("20251211T0000Z")  # type: ignore[index]


@pytest.mark.parametrize(
    ("key", "difference", "half", "passes"),
    [
        ("mae", 2.0, 2.5, True),  # worse, but within the interval
        ("mae", -2.0, 0.5, True),
        ("crps", 0.5, 0.4, False),
        ("rmse", 9.0, 0.1, True),  # not a line of the gate
    ],
)
def test_lines_of_the_gate(
    tmp_path: Path, key: str, difference: float, half: float, passes: bool
) -> None:
    path = compared(tmp_path / "c.json", difference, half, key=key)
    assert (registry.gate(path, True, ("network", "champion"), "x") == []) is passes


def test_a_higher_level_accuracy_is_better(tmp_path: Path) -> None:
    one = {"difference": -0.1, "difference_interval": [-0.2, -0.05]}
    pair = {"stations": {}, "areas": {"city": {"D2": {"level_accuracy": one}}}}
    content = {"systems": {"none": {"network": {"comparison": {"champion": pair}}}}}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    (line,) = registry.gate(path, True, ("network", "champion"), "x")
    assert "AQI level right D2" in line


def test_without_a_comparison_only_by_force(tmp_path: Path, model: Path) -> None:
    folder = in_home(model, tmp_path, "20251210T0000Z")
    with pytest.raises(DataError, match="no comparison"):
        registry.promote(tmp_path, "demo", folder, **WHO)
    assert model_store.champion(tmp_path, "demo") is None
    assert registry.promote(tmp_path, "demo", folder, force=True, **WHO).forced


def test_roll_back_returns_step_by_step(tmp_path: Path, model: Path) -> None:
    stamps = ("20251210T0000Z", "20251211T0000Z")
    for stamp in stamps:
        registry.promote(tmp_path, "demo", in_home(model, tmp_path, stamp), force=True, **WHO)
    back = registry.roll_back(tmp_path, "demo", **WHO)
    assert back.folder.endswith(stamps[0])
    assert registry.pointer(tmp_path, "demo")["folder"] == back.folder  # type: ignore[index]
    assert registry.roll_back(tmp_path, "demo", **WHO).folder == ""
    assert model_store.champion(tmp_path, "demo") is None
    with pytest.raises(ConfigError, match="nothing promoted"):
        registry.roll_back(tmp_path, "demo", **WHO)
    actions = [d["action"] for d in registry.decisions(tmp_path, "demo")]
    assert actions == ["promote", "promote", "roll-back", "roll-back"]


def test_a_model_promoted_twice_is_taken_back_once(tmp_path: Path, model: Path) -> None:
    first = in_home(model, tmp_path, "20251210T0000Z")
    second = in_home(model, tmp_path, "20251211T0000Z")
    for folder in (first, second, second):
        registry.promote(tmp_path, "demo", folder, force=True, **WHO)
    assert registry.roll_back(tmp_path, "demo", **WHO).folder.endswith("20251210T0000Z")
    assert registry.roll_back(tmp_path, "demo", **WHO).folder == ""


def test_no_way_back_to_a_model_that_was_changed(tmp_path: Path, model: Path) -> None:
    first = in_home(model, tmp_path, "20251210T0000Z")
    registry.promote(tmp_path, "demo", first, force=True, **WHO)
    second = in_home(model, tmp_path, "20251211T0000Z")
    registry.promote(tmp_path, "demo", second, force=True, **WHO)
    manifest = first / artifact.MANIFEST
    manifest.write_text(manifest.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(DataError, match="changed since"):
        registry.roll_back(tmp_path, "demo", **WHO)


def test_a_model_from_elsewhere_is_copied_in(tmp_path: Path, model: Path) -> None:
    home = tmp_path / "home"
    made = registry.promote(home, "demo", model, force=True, **WHO)
    assert made.folder.startswith("models/demo/promoted/")
    artifact.read(home / made.folder)


def test_wrong_use_is_refused(tmp_path: Path, model: Path) -> None:
    with pytest.raises(ConfigError, match="--by") as refused:
        registry.promote(tmp_path, "demo", model, by="", reason=" ", now=NOW)
    assert len(refused.value.problems) == 2
    with pytest.raises(ConfigError, match="a model of demo"):
        registry.promote(tmp_path, "beijing", model, force=True, **WHO)
    broken = tmp_path / "broken.json"
    broken.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="a comparison that holds"):
        registry.promote(tmp_path, "demo", model, comparison=broken, **WHO)


def test_a_decision_that_died_before_its_line_is_known_and_not_made_again(
    tmp_path: Path, model: Path
) -> None:
    """champion.json is replaced first: who looks sees what was decided, and the log follows."""
    places = [in_home(model, tmp_path, stamp) for stamp in ("20251210T0000Z", "20251211T0000Z")]
    for folder in places:
        registry.promote(tmp_path, "demo", folder, force=True, **WHO)
    log = tmp_path / "models" / "demo" / registry.LOG
    first, second = log.read_text(encoding="utf-8").splitlines()
    log.write_text(first + "\n", encoding="utf-8")
    assert [d["folder"] for d in registry.decisions(tmp_path, "demo")] == [
        str(folder.relative_to(tmp_path)) for folder in places
    ]
    registry.roll_back(tmp_path, "demo", **WHO)
    assert log.read_text(encoding="utf-8").splitlines()[:2] == [first, second]
    champion = model_store.champion(tmp_path, "demo")
    assert champion is not None
    assert champion.folder == places[0]
    registry.roll_back(tmp_path, "demo", **WHO)
    assert model_store.champion(tmp_path, "demo") is None
    with pytest.raises(ConfigError, match="nothing promoted"):
        registry.roll_back(tmp_path, "demo", **WHO)
    assert len(log.read_text(encoding="utf-8").splitlines()) == 4
