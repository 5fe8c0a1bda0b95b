"""Where a product comes from: hashes of its data and the revision of the code."""

import hashlib
import os
import subprocess
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
import xarray as xr


def data_hash(ds: xr.Dataset) -> str:
    """Hash of a dataset's values, times and stations (16 hex digits)."""
    digest = hashlib.sha256()
    for name in sorted(map(str, ds.variables)):
        values = ds[name].values
        digest.update(name.encode())
        if values.dtype.kind in "OUT":
            digest.update("\n".join(map(str, values.ravel())).encode())
        else:
            digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]


def code_revision() -> str:
    """LANTIAN_REVISION, else the commit of a checkout (+ when changed), else the version."""
    return os.environ.get("LANTIAN_REVISION") or _checkout_or_version()


@lru_cache(maxsize=1)
def _checkout_or_version() -> str:
    root = Path(__file__).resolve().parents[1]
    if (root / ".git").exists():
        try:
            commit = _git(root, "rev-parse", "--short=12", "HEAD")
            changed = _git(root, "status", "--porcelain", "--untracked-files=no")
            return commit + ("+" if changed else "")
        except (OSError, subprocess.CalledProcessError):
            pass
    return metadata.version("lantian")


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 -- fixed program, no outside words
        ["git", *arguments],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
