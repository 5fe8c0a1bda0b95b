"""What the environment says. Read at the edge, passed on as values; secrets come from here only."""

import os
from pathlib import Path


def home() -> Path:
    """LANTIAN_HOME, default `var/` below the working folder."""
    return Path(os.environ.get("LANTIAN_HOME", "var"))


def database_url() -> str:
    """LANTIAN_DATABASE_URL, default SQLite at `lantian.db` of the home."""
    return os.environ.get("LANTIAN_DATABASE_URL") or f"sqlite:///{home().resolve() / 'lantian.db'}"


def metrics_token() -> str | None:
    """LANTIAN_METRICS_TOKEN, which /metrics asks for where it is set."""
    return os.environ.get("LANTIAN_METRICS_TOKEN") or None
