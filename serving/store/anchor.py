"""The trail's anchor: number and hash of the last row, in a file of the home.

It makes a trail that was cut at its end visible. It may lag behind the store by what a killed
process had just committed, and never runs ahead of it.
"""

import fcntl
import json
import logging
import threading
from pathlib import Path
from typing import Final

from forecast.files import write_text
from forecast.problems import DataError, Problem

NAME: Final = "audit.head"
_LOCK: Final = threading.Lock()
_WAITING: Final[dict[Path, list[tuple[int, str]]]] = {}  # rows that are committed, by home
log = logging.getLogger(__name__)


def read(home: Path) -> tuple[int, str] | None:
    """Number and hash; None where there is no anchor yet.

    Raises:
        DataError: The file is not what `advance` writes.
    """
    path = home / NAME
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return int(found["seq"]), str(found["hash"])
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        problem = Problem(str(path), "an unreadable anchor", "seq and hash of the trail's end")
        raise DataError([problem]) from None


def advance(home: Path, seq: int, digest: str) -> None:
    """Move the anchor forward; never back. A full or read-only disk is logged, not raised:
    the decision is already in the store. Who waits for his turn may find that another writer of
    this process has moved it for him.
    """
    mine = (seq, digest)
    with _LOCK:
        _WAITING.setdefault(home, []).append(mine)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with (home / f".{NAME}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            there = read(home)
            if there is None or there[0] < seq:
                with _LOCK:
                    newest = max(_WAITING[home])
                _write(home, *newest)
    except (OSError, DataError):
        log.exception("the trail's anchor was not moved to row %d", seq)
    finally:
        with _LOCK:
            _WAITING[home].remove(mine)
            if not _WAITING[home]:
                del _WAITING[home]


def reset(home: Path, seq: int, digest: str) -> None:
    """Put the anchor where a restored store ends."""
    home.mkdir(parents=True, exist_ok=True)
    _write(home, seq, digest)


def _write(home: Path, seq: int, digest: str) -> None:
    write_text(home / NAME, json.dumps({"hash": digest, "seq": seq}, sort_keys=True) + "\n")
