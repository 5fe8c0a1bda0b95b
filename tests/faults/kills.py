"""kill -9 at steps of a subject and at random moments; then the next run, and the judgement."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.faults import receiver
from tests.faults.killing import Ended, Point, ended
from tests.faults.subject import Subject, own_database
from tests.faults.table import Count, State, failed, judged
from tests.faults.work_store import HOUSE_FILE

Fault = Callable[[], object]  # put into the child before it begins


@dataclass(frozen=True)
class Undisturbed:
    """A subject's run that nothing disturbs."""

    template: Path  # an untouched home
    state: State
    ended: Ended


@contextmanager
def homes(subject: Subject, root: Path, *, store: str | None = None) -> Iterator[Undisturbed]:
    """The reference of a subject: prepared once, run once in a child."""
    template = root / f"template {subject.name}"
    template.mkdir(parents=True)
    if store:
        (template / "store.url").write_text(store)
        own_database(template, template="template0")
    subject.prepare(template)
    with copied(template, root) as home:
        done = ended(subject.work, home)
        if done.error or done.killed:
            raise RuntimeError(f"{subject.name} undisturbed: {done}")
        reference = subject.state(home)
    yield Undisturbed(template, reference, done)
    shutil.rmtree(template)


@contextmanager
def copied(template: Path, root: Path) -> Iterator[Path]:
    """A home of its own at a path of always the same length, with a receiver where it sends."""
    home = Path(tempfile.mkdtemp(prefix="home-", dir=root))
    shutil.copytree(template, home, dirs_exist_ok=True)
    own_database(home)
    with ExitStack() as stack:
        if "publishing" in template.name:
            port = stack.enter_context(receiver.listening(home / "kept"))
            (home / HOUSE_FILE).write_text(str(port))
        try:
            yield home
        finally:
            shutil.rmtree(home, ignore_errors=True)


def killed(subject: Subject, known: Undisturbed, point: Point, root: Path) -> Count | None:
    """One death and the next run; None where the work was over before its hour had come."""
    where = f"{subject.name} at {point}"
    with copied(known.template, root) as home:
        death = ended(subject.work, home, point)
        if not death.killed:
            return failed(where, death.error) if death.error else None
        return after(subject, known, home, death, where)


def after(subject: Subject, known: Undisturbed, home: Path, first: Ended, where: str) -> Count:
    """What the next run makes of a home in which something went wrong."""
    half = _told(lambda: subject.whole(home))
    (home / "again").touch()
    again = ended(subject.work, home)
    if again.error or again.killed:
        return failed(where, f"the next run: {again.error or 'died'}")
    try:
        state = subject.state(home)
    except Exception as error:
        return failed(where, f"the state afterwards: {error!r}")
    count = judged(known.state, state, said=first.said, where=where)
    if half:
        return replace(count, wrong_after=1, remarks=(*count.remarks, f"{where}: half: {half}"))
    return count


def points(known: Undisturbed, *, steps: int, moments: int, chance: random.Random) -> list[Point]:
    """So many steps spread over all there are (the first and the last always), and moments."""
    last = known.ended.steps - 1
    if steps >= last + 1:
        at: Sequence[int] = range(last + 1)
    else:
        inner = chance.sample(range(1, last), max(0, steps - 2))
        at = sorted({0, *inner, last})
    span = known.ended.seconds
    times = [Point(seconds=chance.uniform(0.0, span)) for _ in range(moments)]
    return [*(Point(step=s) for s in at), *times]


def _told(look: Callable[[], list[str]]) -> list[str]:
    try:
        return look()
    except Exception as error:
        return [repr(error)]
