"""The last reading: found within three hours, followed as far as it pays, never invented."""

import numpy as np
import pytest

from forecast import artifact, last_reading
from forecast.problems import DataError
from tests.forecast import network_cases as cases


def test_the_last_value_of_three_hours_and_none_older() -> None:
    history = np.full((1, 5, 2, 6), np.nan, dtype=np.float32)
    history[0, :, 0, 0] = [1, 2, 3, 4, np.nan]
    history[0, :2, 1, 0] = 7  # three hours of silence
    found = last_reading.latest(history)
    assert found[0, 0, 0] == 4
    assert np.isnan(found[0, 1, 0])


def test_a_median_moves_its_share_and_stays_where_nothing_was_read() -> None:
    pulled = last_reading.none()
    pulled.pull[2, 0, 0], pulled.narrow[2, 0, 0] = 0.5, 0.25
    z = np.broadcast_to(np.array([0.0, 1.0, 2.0], np.float32), (1, 96, 2, 6, 3)).copy()
    last = np.full((1, 2, 6), np.nan, dtype=np.float32)
    last[0, 0, 0] = 5.0
    out = pulled.apply(z, last, trust=2)
    # 1 + half of (5 - 1), and a quarter of the distances
    np.testing.assert_allclose(out[0, 0, 0, 0], [2.75, 3.0, 3.25])
    np.testing.assert_array_equal(out[0, 0, 1], z[0, 0, 1])
    np.testing.assert_array_equal(out[0, 1:], z[0, 1:])
    assert pulled.apply(z, last, trust=0) is z


def test_what_persists_is_followed_less_and_less_and_noise_not_at_all() -> None:
    rng = np.random.default_rng(3)
    truth = np.cumsum(rng.normal(size=(4000, 97, 1, 6)), axis=1).astype(np.float32)
    last, came = truth[:, 0], truth[:, 1:]
    medians = np.zeros_like(came) + truth.mean(axis=1, keepdims=True)
    found = last_reading.fit({1: (medians, last, came)})
    share = found.pull[1, :, 0]
    assert share[0] > 0.9
    assert (np.diff(share) <= 0).all()
    assert found.narrow[1, 0, 0] < 0.5
    noise = rng.normal(size=last.shape).astype(np.float32)
    still = last_reading.fit({1: (came, noise, came)})
    assert not still.pull.any()
    assert not found.pull[0].any()  # a tier that was not shown


def test_an_artifact_keeps_it_and_refuses_nonsense(tmp_path) -> None:
    model = cases.forecaster().model
    model.last.pull[2, 0, 0] = 0.125
    artifact.write(model, tmp_path)
    assert artifact.read(tmp_path).last.pull[2, 0, 0] == 0.125
    path = tmp_path / "model.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.125", "1.125"), encoding="utf-8")
    with pytest.raises(DataError, match="last_reading"):
        artifact.read(tmp_path)
