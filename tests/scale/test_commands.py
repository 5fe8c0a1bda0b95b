"""Options of many cities and of engines: wrong use is refused, all at once, first of all."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from forecast import engine
from forecast.problems import ConfigError
from serving.cli import app

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"


def refused(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert isinstance(result.exception, ConfigError), result.output
    return str(result.exception)


def test_one_city_or_many() -> None:
    assert "one of the two" in refused("daily")
    assert "one of the two" in refused("daily", "--config", str(DEMO), "--cities", "x")
    said = refused("daily", "--config", str(DEMO), "--workers", "2", "--limit-minutes", "1")
    assert "--workers" in said
    assert "--limit-minutes" in said


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("same_as: nowhere.yaml\n")
    said = refused(
        "daily", "--cities", str(tmp_path), "--scheduler", "tcp://a:1", "--workers", "0",
        "--retries", "-1", "--limit-minutes", "0",
    ).splitlines()  # fmt: skip
    assert len(said) == 5
    for part in ("--scheduler, --workers", "--workers", "--retries", "--limit", "nowhere.yaml"):
        assert any(part in line for line in said), part


def test_an_engine_is_asked_for_or_not() -> None:
    with engine.wanted(None, None) as client:
        assert client is None
    with pytest.raises(ConfigError, match="1 at least"), engine.wanted(None, 0):
        pass
    with pytest.raises(ConfigError, match="its own workers"), engine.wanted("tcp://a:1", 2):
        pass
