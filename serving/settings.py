"""What the environment says: where the home is. Read at the edge, passed on as values."""

import os
from pathlib import Path


def home() -> Path:
    """LANTIAN_HOME, default `var/` below the working folder."""
    return Path(os.environ.get("LANTIAN_HOME", "var"))
