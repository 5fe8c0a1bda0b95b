"""Runs cases: each has to end in a clear refusal or a right result, in its time.

A case is a target and a number; the number is the seed of everything in it, so a finding can be
made again. Cases run in children, some hundred in each: a library that crashes ends one child.
"""

import os
import random
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.problems import LantianError
from tests.faults.killing import ended

CPU_SECONDS = 10.0
Case = Callable[[random.Random], str]  # what became of it: a word; raises what it should not


@dataclass(frozen=True)
class Target:
    """Something that takes input from outside."""

    name: str
    prepare: Callable[[Path], Case]  # once in each child, with a folder of its own


@dataclass(frozen=True)
class Finding:
    """A case that ended as none may."""

    target: str
    seed: int
    said: str


class HangError(BaseException):
    """Longer at it than a case may be."""


def one(case: Case, target: str, seed: int) -> tuple[str, Finding | None]:
    """One case: its outcome, and what was wrong with it."""
    chance = random.Random(f"{target}:{seed}")
    try:
        with limited(CPU_SECONDS):
            return case(chance), None
    except LantianError as error:
        if all(p.where and p.found and p.expected for p in error.problems) and error.problems:
            return "refused", None
        return "wrong", Finding(target, seed, f"a refusal without words: {error.problems!r}")
    except HangError:
        return "wrong", Finding(target, seed, f"more than {CPU_SECONDS:g} s")
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        at = next((f for f in reversed(where) if "site-packages" not in f.filename), where[-1])
        place = f"{Path(at.filename).name}:{at.lineno}"
        said = f"{type(error).__name__}: {str(error)[:160]} at {place}".replace("\n", " ")
        return "wrong", Finding(target, seed, said)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """So much processor time, then HangError."""

    def over(*_: Any) -> None:
        raise HangError

    before = signal.signal(signal.SIGPROF, over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def batch(target: Target, seeds: Sequence[int]) -> tuple[Counter[str], list[Finding]]:
    """Cases in a child; one that crashes it is a finding, and the rest go on in another."""
    outcomes: Counter[str] = Counter()
    findings: list[Finding] = []
    left = list(seeds)
    while left:
        todo = list(left)
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:

            def work(home: Path, say: Callable[[str], None], todo: list[int] = todo) -> None:
                warnings.simplefilter("ignore")
                os.chdir(home)
                case = target.prepare(home)
                for seed in todo:
                    outcome, finding = one(case, target.name, seed)
                    say(f"{seed}\t{outcome}\t{finding.said if finding else ''}")

            done = ended(work, Path(folder), limit=3600)
        for line in done.said:
            number, outcome, said = line.split("\t", 2)
            outcomes[outcome] += 1
            if said:
                findings.append(Finding(target.name, int(number), said))
        left = todo[len(done.said) :]
        if done.error:
            raise RuntimeError(f"{target.name}: {done.error}")
        if left:  # it died at the first of these
            outcomes["wrong"] += 1
            findings.append(Finding(target.name, left[0], "the process died"))
            left = left[1:]
    return outcomes, findings
