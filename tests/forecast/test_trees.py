import gzip
import json
from types import SimpleNamespace

import lightgbm as lgb
import numpy as np
import pytest

from forecast import features, trees
from forecast.problems import DataError
from forecast.schema import POLLUTANTS, QUANTILES


@pytest.fixture(scope="module")
def booster() -> lgb.Booster:
    rng = np.random.default_rng(1)
    columns = len(features.names("pm25", weather=True))
    x = rng.normal(size=(600, columns))
    data = lgb.Dataset(x, 3 * x[:, 0] + x[:, 1], params={"verbosity": -1})
    return lgb.train({"num_leaves": 7, "verbosity": -1, "num_threads": 1}, data, 12)


def test_what_is_kept_predicts_as_what_was_trained(booster):
    raw = trees.packed({(2, "pm25"): booster})
    found = trees.unpacked(raw, "here")[2, "pm25"]
    x = np.random.default_rng(2).normal(size=(500, booster.num_feature()))
    x[::5, 0] = np.nan
    np.testing.assert_allclose(found.predict(x), booster.predict(x), rtol=1e-5, atol=1e-5)
    assert raw == trees.packed({(2, "pm25"): booster})
    assert len(raw) < len(gzip.compress(json.dumps(booster.model_to_string()).encode(), 9))


@pytest.mark.parametrize(
    "raw",
    [b"", b"trees", gzip.compress(b"[]", mtime=0), gzip.compress(b'{"x": "y"}', mtime=0)],
    ids=["nothing", "text", "a list", "no trees"],
)
def test_other_files_are_refused(raw):
    with pytest.raises(DataError, match="here"):
        trees.unpacked(raw, "here")


def test_trees_of_other_columns_are_refused(booster):
    x = np.random.default_rng(4).normal(size=(100, 3))
    few = lgb.train({"verbosity": -1, "min_data": 5}, lgb.Dataset(x, x[:, 0]), 2)
    with pytest.raises(DataError, match="3 columns"):
        trees.unpacked(trees.packed({(2, "pm25"): few}), "here")
    with pytest.raises(DataError, match="elsewhere"):
        trees.unpacked(trees.packed({(2, "elsewhere"): booster}), "here")


def test_a_blend_moves_all_quantiles_by_a_share_of_the_medians_distance():
    weights = np.zeros((3, 4, len(POLLUTANTS)), dtype=np.float32)
    weights[2, 1, 0] = 0.25
    blend = trees.MedianTrees({(2, "pm25"): SimpleNamespace()}, weights)
    z = np.broadcast_to(np.linspace(-1, 1, len(QUANTILES)), (1, 96, 2, 6, len(QUANTILES)))
    medians = np.full((1, 96, 2, 6), 2.0, dtype=np.float32)
    found = blend.blended(z, medians, 2) - z
    assert found[0, 24:48, :, 0] == pytest.approx(0.5)
    assert not found[0, :24].any()
    assert not found[0, 24:48, :, 1:].any()
    assert blend.blended(z, None, 2) is z


def test_weights_find_the_better_of_two():
    rng = np.random.default_rng(3)
    truth = rng.normal(0, 1, (200, 96, 1, 6))
    good, bad = truth + rng.normal(0, 0.1, truth.shape), truth + rng.normal(0, 1, truth.shape)
    assert (trees.weights(good, bad, truth) <= 0.1).all()
    assert trees.weights(bad, good, truth).min() == pytest.approx(trees._GRID[-1])
