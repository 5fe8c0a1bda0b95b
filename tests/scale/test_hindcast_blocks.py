"""A hindcast in blocks on worker processes has the bytes of one made in this process."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecast import config as configuration
from forecast import engine, forecast_file, observations, schema
from forecast.problems import DataError
from training import hindcast, hindcast_blocks

START = pd.Timestamp("2026-01-09T16:00")  # 10 January, 00:00 local


@pytest.mark.parametrize("hourly", [False, True])
def test_blocks_have_the_bytes_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hourly: bool
) -> None:
    monkeypatch.setenv("LANTIAN_REVISION", "test")
    demo = configuration.load(configuration.configs_dir() / "demo.yaml")
    small = demo.forecast.model_copy(update={"members": 10})
    config = demo.model_copy(update={"forecast": small})
    sample = schema.mock_observations(start="2025-12-20", hours=24 * 34, stations=4, seed=3)
    observations.merge(tmp_path / "home", sample, source="mock", received=START)

    def run(name: str, client: Any) -> bytes:
        hindcast.run(
            config, home=tmp_path / "home", start=START, end=START + pd.Timedelta(days=3),
            every=2, tier="perturbed", model="persistence", out=tmp_path / name,
            hourly_members=hourly, say=said.append, client=client,
        )  # fmt: skip
        return (tmp_path / name).read_bytes()

    said: list[str] = []
    whole = run("whole.nc", None)
    assert forecast_file.attributes(tmp_path / "whole.nc").code_revision == "test"
    if hourly:  # without an engine: parts read and packed again are the same
        monkeypatch.setattr(engine, "each", _here)
        assert run("parts.nc", _Two()) == whole
        return
    with engine.connected(None, workers=1) as client:
        assert run("parts.nc", client) == whole
    assert [s for s in said if "block" in s and s.endswith("done")] == said[-2:]  # 48 = 32 + 16
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "parts.nc", "whole.nc"]


def test_a_worker_with_other_data_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = configuration.load(configuration.configs_dir() / "demo.yaml")
    sample = schema.mock_observations(start="2025-12-20", hours=24 * 34, stations=4, seed=3)
    observations.merge(tmp_path, sample, source="mock", received=START)
    asked = hindcast.Asked(demo, tmp_path, START, START, 12, "none", "persistence", False)
    made = hindcast.ready(asked, say=lambda _: None)
    (block,) = hindcast_blocks._blocks(made, tmp_path / "x.nc", 2)
    later = sample.sel(time=slice("2026-01-05", "2026-01-06")) + 1.0
    for name in later.data_vars:
        later[name].attrs = sample[name].attrs
    observations.merge(tmp_path, later, source="mock", received=START)
    with pytest.raises(DataError, match="hindcast on this worker"):
        hindcast_blocks.make(block)
    assert not block.out.exists()


class _Two:
    """Stands for a client with two threads."""

    def nthreads(self) -> dict[str, int]:
        return {"a": 1, "b": 1}


def _here(_: Any, work: Any, items: Any, *, retries: int) -> Any:
    for name, item in items:
        yield engine.Outcome(name, work(item), 1, 0, ())
