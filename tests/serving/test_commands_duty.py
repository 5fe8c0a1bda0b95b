from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from forecast.problems import ConfigError
from serving import commands_duty

GOOD = "seven grey herons at dusk\n"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.setenv("LANTIAN_HOME", str(tmp_path))
    monkeypatch.delenv("LANTIAN_DATABASE_URL", raising=False)
    out = typer.Typer()
    commands_duty.attach(out)
    return out


def test_the_first_account_comes_by_command_and_is_in_the_trail(
    app: typer.Typer, tmp_path: Path
) -> None:
    def run(*words: str, given: str | None = None) -> str:
        result = CliRunner().invoke(app, words, input=given)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    refused = CliRunner().invoke(app, ["user", "list"])
    assert isinstance(refused.exception, ConfigError)
    assert "0003" in run("migrate")
    assert run("user", "list") == ""  # nobody comes with the house
    run("user", "add", "root", "--role", "admin", "--stdin", given=GOOD)
    assert run("user", "list").startswith("root\tadmin\t-\tactive")
    assert "1 rows hold" in run("audit", "verify")
    assert run("user", "token", "root", "--scope", "audit.read").startswith("lt_")
    run("backup", str(tmp_path / "b" / "copy"))
    run("audit", "export", str(tmp_path / "trail.jsonl"))
    assert len((tmp_path / "trail.jsonl").read_text().splitlines()) == 2
    run("user", "disable", "root")
    assert "disabled" in run("user", "list")
