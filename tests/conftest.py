"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the real data sets; tests that need it skip where it is absent."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("LANTIAN_DATA", root.parent / "shared" / "data"))
    if not (folder / "beijing-multi-site").is_dir():
        pytest.skip(f"the real data sets are not at {folder} (set LANTIAN_DATA)")
    return folder
