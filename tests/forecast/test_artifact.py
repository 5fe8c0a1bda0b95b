"""A model on disk: the same after reading, and refused in words where anything differs."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecast import artifact, predict
from forecast.problems import DataError
from tests.forecast import network_cases as cases


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    artifact.write(cases.forecaster(networks=2).model, folder)
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    for path in kept.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_only_safetensors_and_json_lie_there(kept: Path) -> None:
    names = sorted(p.name for p in kept.iterdir())
    assert names == [artifact.ERRORS, artifact.MANIFEST, artifact.WEIGHTS]
    for name in (artifact.ERRORS, artifact.WEIGHTS):
        raw = (kept / name).read_bytes()
        size = int.from_bytes(raw[:8], "little")
        json.loads(raw[8 : 8 + size])  # a header of names, types, places: no program


def test_round_trip(kept: Path) -> None:
    model = cases.forecaster(networks=2).model
    read = artifact.read(kept)
    assert read.scales == model.scales
    assert read.trained_until == model.trained_until
    assert read.about == model.about
    assert [n.config for n in read.networks] == [n.config for n in model.networks]
    np.testing.assert_array_equal(read.errors.pit, model.errors.pit)
    assert list(read.errors.issue_times) == list(model.errors.issue_times)
    np.testing.assert_array_equal(read.recalibration.levels, model.recalibration.levels)
    again = kept.parent / "again"
    artifact.write(read, again)
    assert (again / artifact.WEIGHTS).stat().st_size == (kept / artifact.WEIGHTS).stat().st_size


def test_whole_numbers_cost_little(kept: Path) -> None:
    given = cases.batch()
    before = predict.NetworkForecaster(cases.forecaster(networks=2).model).quantiles(given)
    after = predict.load(kept).quantiles(given)
    middle = before[..., 4]
    gap = np.abs(after[..., 4] - middle).mean() / middle.std()
    assert gap < 0.05


@pytest.mark.parametrize("name", [artifact.ERRORS, artifact.WEIGHTS])
def test_one_flipped_byte_is_refused(folder: Path, name: str) -> None:
    raw = bytearray((folder / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / name).write_bytes(raw)
    with pytest.raises(DataError, match=f"{name}: found sha256"):
        artifact.read(folder)


def test_truncated_and_absent_files_are_named_together(folder: Path) -> None:
    raw = (folder / artifact.WEIGHTS).read_bytes()
    (folder / artifact.WEIGHTS).write_bytes(raw[: len(raw) // 3])
    (folder / artifact.ERRORS).unlink()
    with pytest.raises(DataError) as refused:
        artifact.read(folder)
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "lantian-network-0"),
        ("pollutants", ["pm10", "pm25", "so2", "no2", "co", "o3"]),
        ("quantiles", [0.1, 0.5, 0.9]),
        ("leads", 72),
        ("units", {"pm25": "mg m-3"}),
    ],
)
def test_a_model_for_other_numbers_is_refused_by_name(
    folder: Path, key: str, value: object
) -> None:
    path = folder / artifact.MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(manifest | {key: value}), encoding="utf-8")
    with pytest.raises(DataError, match=f"model.json: {key}"):
        artifact.read(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"networks": 3}'])
def test_a_manifest_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / artifact.MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="manifest of a trained network"):
        artifact.read(folder)


def test_tensors_that_do_not_fit_the_manifest_are_refused(folder: Path) -> None:
    path = folder / artifact.MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["networks"][0]["width"] = 32
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(DataError, match="tensors of the manifest"):
        artifact.read(folder)


def test_arrays_are_kept_by_their_indices_not_by_their_memory(tmp_path: Path) -> None:
    """A view with its axes swapped is written in memory's order unless it is laid out anew."""
    model = cases.forecaster(networks=1).model
    pits = np.random.default_rng(1).integers(0, 254, model.errors.pit.shape).astype(np.uint8)
    turned = np.asfortranarray(pits)
    artifact.write(replace(model, errors=replace(model.errors, pit=turned)), tmp_path)
    np.testing.assert_array_equal(artifact.read(tmp_path).errors.pit, pits)
