"""Rules of the house that no linter knows."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("forecast", "response", "training", "serving", "twin", "tests", "benchmarks")
MAX_LINES = 400


def sources() -> list[Path]:
    return [f for p in PACKAGES for f in sorted((ROOT / p).rglob("*.py"))]


def test_no_source_file_is_longer_than_the_limit() -> None:
    long = {
        str(f.relative_to(ROOT)): n
        for f in sources()
        if (n := len(f.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert not long


def test_package_files_are_empty() -> None:
    assert not [f for f in sources() if f.name == "__init__.py" and f.stat().st_size]


def test_every_folder_of_a_package_is_one() -> None:
    folders = {
        f.parent for f in sources() if f.parts[len(ROOT.parts)] not in ("tests", "benchmarks")
    }
    assert not [d for d in folders if not (d / "__init__.py").exists()]


def test_nothing_is_left_to_do_in_the_code() -> None:
    marks = re.compile("TO" + "DO|FIX" + "ME")
    assert not [f for f in sources() if marks.search(f.read_text(encoding="utf-8"))]


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = (
        "import sys, serving.cli; "
        "print([m for m in ('torch','lightning','mlflow','pandas','xarray','matplotlib') "
        "if m in sys.modules])"
    )
    python = ROOT / ".venv" / "bin" / "python"
    if not python.exists():
        pytest.skip("no .venv beside the sources: make test creates it")
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"
