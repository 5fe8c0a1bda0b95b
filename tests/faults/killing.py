"""A process that dies by kill -9, at a step or at a moment, and what it had answered until then.

`ended` forks the process that calls it, so that imports and warm caches cost nothing, runs the work
in the child and kills it there. A step is what changes something outside the process: a file opened
for writing, renamed, removed, linked; a folder made; a database statement or commit, before and
after. Steps are seen through audit hooks and SQLAlchemy's events, so the program is not changed.
"""

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Say = Callable[[str], None]  # what the work calls once something was accepted: "kind/name"
Work = Callable[[Path, Say], None]

LIMIT_SECONDS = 300.0
_CHANGES = frozenset({"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"})
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Point:
    """Where the process dies: at its nth step, or so many seconds after it began."""

    step: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    killed: bool
    steps: int  # seen until the end; 0 where it was killed
    seconds: float
    said: tuple[str, ...]
    error: str  # the last line of a traceback, "" where there was none


def ended(
    work: Work,
    home: Path,
    at: Point | None = None,
    *,
    first: Callable[[], object] = lambda: None,
    limit: float = LIMIT_SECONDS,
) -> Ended:
    """Run the work on a home in a child; kill it at a point.

    Args:
        work: What is done.
        home: Steps outside of it are not counted.
        at: None: it may end.
        first: Called in the child before all else (limits, faults that are put in).
        limit: Seconds after which it hangs.

    Raises:
        TimeoutError: It hangs.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    start = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(work, home, at, first, writer)
    os.close(writer)
    try:
        return _followed(pid, reader, at, start, limit)
    finally:
        os.close(reader)


def _followed(pid: int, reader: int, at: Point | None, start: float, limit: float) -> Ended:
    """Read what the child says until it is gone; kill it when its time has come."""
    dies = start + at.seconds if at and at.seconds is not None else None
    heard = b""
    while True:
        now = time.monotonic()
        if now - start > limit:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise TimeoutError(f"still at work after {limit:.0f} s: {heard[-500:]!r}")
        if dies is not None and now >= dies:
            os.kill(pid, signal.SIGKILL)
            dies = None
        wait = min(1.0, max(0.0, dies - now)) if dies is not None else 1.0
        if select.select([reader], [], [], wait)[0]:
            part = os.read(reader, 65536)
            if not part:
                break
            heard += part
    _, status = os.waitpid(pid, 0)
    lines = heard.decode("utf-8", "replace").split("\n")[:-1]
    steps = [int(x.removeprefix("=")) for x in lines if x.startswith("=")]
    errors = [x.removeprefix("!") for x in lines if x.startswith("!")]
    return Ended(
        os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
        steps[-1] if steps else 0,
        time.monotonic() - start,
        tuple(x.removeprefix("+") for x in lines if x.startswith("+")),
        errors[-1] if errors else "",
    )


def _child(
    work: Work, home: Path, at: Point | None, first: Callable[[], object], writer: int
) -> None:
    code = 1
    try:
        steps = Steps(home, at.step if at else None)
        first()
        steps.watch()
        work(home, lambda what: _write(writer, f"+{what}\n"))
        _write(writer, f"={steps.count}\n")
        code = 0
    except BaseException as error:
        said = "".join(traceback.format_exception_only(error)).strip().replace("\n", " | ")
        _write(writer, f"!{said[:2000]}\n")
        if os.environ.get("LANTIAN_FAULTS_TRACE"):
            traceback.print_exc()
    finally:
        os._exit(code)  # never back into the caller's own clean-up


def _write(writer: int, text: str) -> None:
    os.write(writer, text.encode())  # below PIPE_BUF: whole or not at all


class Steps:
    """Counts the steps of this process and ends it at one of them."""

    def __init__(self, home: Path, last: int | None) -> None:
        self.count, self.last, self.home = 0, last, str(home)

    def watch(self) -> None:
        """From now on."""
        sys.addaudithook(self._audited)
        from sqlalchemy import Engine, event

        for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
            event.listen(Engine, name, self._database)
        event.listen(Engine, "engine_disposed", self._database)
        from sqlalchemy import Pool

        event.listen(Pool, "reset", self._database)  # after a commit

    def _audited(self, name: str, given: tuple[Any, ...]) -> None:
        if name == "open":
            if len(given) > 2 and isinstance(given[2], int) and given[2] & _WRITES:
                self._step(given[:1])
        elif name in _CHANGES:
            self._step(given)

    def _step(self, given: tuple[Any, ...]) -> None:
        if any(str(x).startswith(self.home) for x in given):
            self._database()

    def _database(self, *_given: Any, **_more: Any) -> None:
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
