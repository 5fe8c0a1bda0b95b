"""The long run of the fault suite: `python -m tests.faults.long [--write] [--points N] [--seed N]`.

Makes every fault so many times, judges what is left, prints the table; with --write it becomes
docs/results/faults.md and faults.json. One process, about half an hour on a busy core.
"""

import argparse
import datetime as dt
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from tests.faults import feeds, kills, memory, surroundings, table, works
from tests.faults.subject import Subject
from tests.faults.table import Count

ROOT = Path(__file__).resolve().parents[2]
STORES = ("signing", "publishing", "meter readings", "migration")
WORDS = {
    "kill -9": "the process dies at a step (a file opened for writing, renamed, removed; a"
    " statement, a commit, before and after) or at a random moment; then it runs again",
    "kill -9, PostgreSQL": "the same with a server as the store",
    "full disk": "a small file system fills up while the work writes; then there is room",
    "read-only home": "nothing can be written; then it can",
    "database gone": "PostgreSQL is stopped (at once or in order) before or amid the work, and"
    " is started again",
    "locked database": "another process holds SQLite's write lock, shortly or longer than waited",
    "damaged NetCDF": "bits flipped or the end missing in a file of observations, weather or"
    " forecasts; reading it has to say so or give every value as it was",
    "lying weather feed": "files with wrong units, impossible values, stamps twice or in disorder;"
    " what is wrong is refused, and the older forecast serves",
    "late weather feed": "a forecast that arrives after its issue is used from then on, not before",
    "clock jumps": "publishing, claims, leases while the clock goes up to ten years either way",
    "messages twice, in any order": "readings in overlapping batches, shuffled; files imported"
    " again and again",
    "solver out of memory": "0.1 to 10 MB of address space are left for a control plan",
    "half a deployment": "the program with a store of an older or an unknown edition; then the"
    " other half follows",
}


def main(given: list[str] | None = None) -> int:
    """Run it; exit status 1 where anything was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=30, help="deaths of each kind of work")
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--write", action="store_true", help="into docs/results")
    parser.add_argument("--only", default="", help="kinds of work, `feeds`, `server`; by commas:"
                        " added to what docs/results/faults.json holds")  # fmt: skip
    options = parser.parse_args(given)
    only = [name for name in options.only.split(",") if name]
    before = table.read(ROOT / "docs" / "results") if only else {}
    os.environ.setdefault("LANTIAN_REVISION", "test")
    began = time.monotonic()

    def saved(found: dict[str, Count]) -> None:
        about = {
            "Command": f"`python -m tests.faults.long --points {options.points}"
            f" --seed {options.seed} --write`"
            + (f", then the same with `--only '{options.only}'`" if only else ""),
            "Date": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
            "Commit": _commit(),
            "Machine": f"{os.cpu_count()} cores, {_memory_gb()} GB, {platform.system()};"
            f" one process, {(time.monotonic() - began) / 60:.0f} min beside other work",
        }
        words = {n: WORDS[n.split(":")[0]] + _of(n) for n in found}
        table.write(ROOT / "docs" / "results", found, about=about, words=words)

    with tempfile.TemporaryDirectory(prefix="lantian-faults-") as folder:
        Path(folder).chmod(0o755)  # root's server runs as another user
        chance = random.Random(options.seed)
        keep = saved if options.write else lambda _: None
        found = everything(Path(folder), options.points, chance, keep, before, only)
    say(table.as_json(found))
    whole = table.total(found.values())
    for remark in whole.remarks:
        say(remark)
    return 0 if whole.clean else 1


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def everything(
    root: Path,
    points: int,
    chance: random.Random,
    saved: Callable[[dict[str, Count]], None],
    before: dict[str, Count],
    only: list[str],
) -> dict[str, Count]:
    """Every fault, by name; `saved` after each kind, for a run that is stopped.

    Args:
        before: What is added to.
        only: Kinds of work, `feeds`, `server`; none: all of them.
    """
    found = dict(before)

    def add(name: str, made: Iterable[Count | None]) -> None:
        start = time.monotonic()
        counts = [c for c in _tried(name, made) if c is not None]
        found[name] = found.get(name, Count()) + table.total(counts)
        took = time.monotonic() - start
        say(f"{name}: {found[name].count} in {took:.0f} s")
        for remark in table.total(counts).remarks[:5]:
            say(f"    {remark[:600]}")
        saved(found)

    todo: dict[str, Callable[[], None]] = {
        s.name: partial(on_subject, s, root, points, chance, add) for s in works.SUBJECTS
    }
    todo["feeds"] = partial(_rest, root, points, chance, add)
    todo["server"] = partial(on_server, root, points, chance, add)
    for name in only or todo:
        try:
            todo[name]()
        except Exception as error:  # costs no other kind, and is no clean run
            add(f"kill -9: {name}", [table.failed(name, f"the suite itself: {error!r}")])
    return found


Add = Callable[[str, Iterable[Count | None]], None]


def on_subject(subject: Subject, root: Path, points: int, chance: random.Random, add: Add) -> None:
    """Deaths, disk, locks, clocks and versions of one kind of work."""
    few = max(1, points // 10)
    with kills.homes(subject, root) as known:
        some = kills.points(known, steps=points * 2 // 3, moments=points // 3, chance=chance)
        add(f"kill -9: {subject.name}", (kills.killed(subject, known, p, root) for p in some))
        rooms = [int(4 * 2 ** chance.uniform(0, 8)) // 4 * 4 for _ in range(2 * few)]
        add("full disk", (surroundings.full_disk(subject, known, kb, root) for kb in rooms))
        add("read-only home", (surroundings.read_only(subject, known, root) for _ in range(1)))
        if subject.name in STORES:
            times = [0.3, 1.0, 5.0][: few + 1]
            add("locked database", (surroundings.locked(subject, known, t, root) for t in times))
        if subject.name == "publishing":
            add("clock jumps",
                (feeds.jumping(known, subject, chance, root) for _ in range(points)))  # fmt: skip
        if subject.name == "meter readings":
            add("messages twice, in any order",
                (feeds.messages(known, chance, root) for _ in range(points)))  # fmt: skip
        if subject.name.startswith("import"):
            add("messages twice, in any order",
                (feeds.files_again(known, subject, chance, root) for _ in range(few)))  # fmt: skip
        if subject.name in ("signing", "publishing", "meter readings"):
            editions = ("0001", "0002", None)
            add("half a deployment",
                (feeds.half_deployed(known, subject, e, root) for e in editions))  # fmt: skip


def _rest(root: Path, points: int, chance: random.Random, add: Add) -> None:
    add("damaged NetCDF", (feeds.damaged(root, points * 5, chance) for _ in range(1)))
    add("lying weather feed", (feeds.lying(root, lie) for lie in feeds.LIES))
    waits = [chance.randrange(1, 1200) for _ in range(points)]
    add("late weather feed", (feeds.late(root, m) for m in waits))
    with kills.homes(memory.SUBJECT, root) as known:
        add("solver out of memory",
            (memory.without_memory(known, chance, root) for _ in range(points)))  # fmt: skip


def on_server(root: Path, points: int, chance: random.Random, add: Add) -> None:
    """What needs PostgreSQL."""
    try:
        with surroundings.server(root) as running:
            for name in STORES:
                subject = works.BY_NAME[name]
                with kills.homes(subject, root, store=running.get_uri()) as known:
                    add("kill -9, PostgreSQL",
                        (surroundings.killed_client(subject, known, chance, root)
                         for _ in range(points // 3)))  # fmt: skip
                    add("database gone",
                        (surroundings.database_gone(subject, known, running, chance, root)
                         for _ in range(max(1, points // 6))))  # fmt: skip
    except surroundings.UnavailableError as error:
        say(f"left out: {error}")


def _tried(name: str, made: Iterable[Count | None]) -> Iterable[Count | None]:
    """What a fault's own machinery cannot do is told, and costs no other fault."""
    try:
        yield from made
    except surroundings.UnavailableError as error:
        say(f"left out: {name}: {error}")
    except Exception as error:
        say(f"broke off: {name}: {error!r}")
        yield table.failed(name, f"the suite itself: {error!r}")


def _of(name: str) -> str:
    _, _, subject = name.partition(": ")
    return f" ({subject})" if subject else ""


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _memory_gb() -> int:
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)


if __name__ == "__main__":
    sys.exit(main())
