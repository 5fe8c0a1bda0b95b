"""Published networks: no look ahead, no pickle, the same forecast in any order of stations."""

import dataclasses
import importlib.util
import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast import schema, weather_tiers
from forecast.batch import IssueBatch, WeatherTier, batches
from forecast.problems import ConfigError, DataError
from training.peers import settings
from training.peers.windows import Scale, windows

OFFSET = pd.Timedelta(hours=8)
UNTIL = pd.Timestamp("2026-01-09T16:00")
AT = pd.DatetimeIndex(["2026-01-10T16:00", "2026-01-11T04:00"])
SMALL = {
    "tft": {"hidden_size": 8, "n_head": 2},
    "tide": {"hidden_size": 16, "decoder_output_dim": 4, "temporal_decoder_dim": 8},
    "nhits": {"mlp_units": [[16, 16]] * 3},
    "tsmixerx": {"n_block": 1, "ff_dim": 8, "revin": False},
}
needs_library = pytest.mark.skipif(
    importlib.util.find_spec("neuralforecast") is None, reason="the extra `peers`"
)


@pytest.fixture(scope="module")
def sample() -> xr.Dataset:
    return schema.mock_observations(start="2025-12-01", hours=24 * 50, stations=5, seed=3)


def cut(obs: xr.Dataset, tier: WeatherTier = "perfect") -> IssueBatch:
    return next(
        batches(
            obs,
            AT,
            weather_tiers.perfect(obs),
            tier=tier,
            offset=OFFSET,
            history_hours=240,
            stations=schema.stations_frame(obs),
        )
    )


def poisoned(obs: xr.Dataset, after: pd.Timestamp, names: tuple[str, ...]) -> xr.Dataset:
    made = obs.copy(deep=True)
    for name in names:
        if name in made:
            made[name].values[made["time"].values > after.to_datetime64()] = 77.0
    return made


def test_windows_end_at_the_issue_time_and_mark_what_is_missing(sample: xr.Dataset) -> None:
    scale = Scale.of(sample.sel(time=slice(None, UNTIL)), schema.stations_frame(sample))
    batch = cut(sample)
    batch.history[0, -1, 2, 0] = np.nan
    w = windows(batch, scale, 24)
    assert w.past.shape == (2, 24, 5, 6)
    assert w.future.shape[:3] == (2, 24 + 96, 5)
    assert w.known[0, -1, 2, 0] == 0
    assert w.past[0, -1, 2, 0] == 0
    # PM2.5 of the issue hour, by hand: asinh((c - median) / interquartile range).
    c = float(sample["pm25"].sel(time=AT[1]).values[1])
    z = np.arcsinh((c - scale.centre[0]) / scale.width[0])
    assert w.past[1, -1, 1, 0] == pytest.approx(z, abs=1e-5)
    # The first coming hour is the one after the issue time.
    i = list(scale.air).index("t2m")
    t = float(sample["t2m"].sel(time=AT[0] + pd.Timedelta(hours=1)).values[3])
    mean, std = scale.air["t2m"]
    assert w.future[0, 24, 3, i] == pytest.approx((t - mean) / std, abs=1e-4)


def test_without_weather_the_coming_hours_are_unknown(sample: xr.Dataset) -> None:
    scale = Scale.of(sample, schema.stations_frame(sample))
    w = windows(cut(sample, "none"), scale, 24)
    n = len(scale.air)
    assert (w.future[:, 24:, :, : n + 1] == 0).all()
    assert (w.future[:, :24, :, n] > 0).all()


def test_weather_that_was_never_measured_is_no_channel(sample: xr.Dataset) -> None:
    less = sample.drop_vars("sp")
    scale = Scale.of(less, schema.stations_frame(less))
    assert not {"blh", "sp"} & set(scale.air)
    assert np.isfinite(windows(cut(less), scale, 24).future).all()


def test_unknown_peer_is_refused() -> None:
    with pytest.raises(ConfigError, match="arima"):
        settings.named("arima")


@needs_library
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list(SMALL))
def test_a_peer(name: str, sample: xr.Dataset, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from training.peers import peer, peer_file

    config = dataclasses.replace(
        settings.named(name), sizes=SMALL[name], history_hours=24, steps=2, checks=1,
        issues_per_step=2, windows_per_issue=3, validation_issues=3, validation_days=4,
        gap_hours=24,
    )  # fmt: skip

    def fitted(obs: xr.Dataset) -> peer.Peer:
        return peer.fit(
            obs, UNTIL, weather_tiers.perfect(obs.sel(time=slice(None, UNTIL))), "perfect",
            OFFSET, config, 1, label=name, say=lambda _: None,
        )  # fmt: skip

    own = fitted(sample)
    made = own.quantiles(cut(sample))
    assert made.shape == (2, 96, 5, 6, 9)
    assert np.isfinite(made).all()
    assert (made >= 0).all()
    assert (np.diff(made, axis=-1) >= 0).all()

    # Nothing after the training's end reaches the training; nothing after an issue its forecast.
    late = poisoned(sample, UNTIL, (*schema.POLLUTANTS, *schema.WEATHER))
    np.testing.assert_array_equal(fitted(late).quantiles(cut(sample)), made)
    future = poisoned(sample, AT[-1], schema.POLLUTANTS)
    np.testing.assert_array_equal(own.quantiles(cut(future)), made)

    folder = tmp_path / "kept"
    peer_file.save(own, folder)
    again = peer_file.load(folder)
    np.testing.assert_array_equal(again.quantiles(cut(sample)), made)
    assert again.trained_until == UNTIL

    shuffled = cut(sample.isel(station=[3, 1, 4, 0, 2]))
    if config.together == "all":
        with pytest.raises(DataError, match="stations"):
            own.quantiles(shuffled)
    else:
        np.testing.assert_allclose(
            own.quantiles(shuffled), made[:, :, [3, 1, 4, 0, 2]], rtol=1e-3, atol=1e-3
        )

    weights = folder / peer_file.WEIGHTS
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(bytes(raw))
    manifest = json.loads((folder / "model.json").read_text())
    manifest["quantiles"] = [0.5]
    (folder / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError) as refused:
        peer_file.load(folder)
    assert len(refused.value.problems) == 2
