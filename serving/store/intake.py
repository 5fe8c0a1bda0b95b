"""Meter readings of many senders at once: whoever's turn it is writes all that wait.

A commit waits for the disk, and the store has one writer at a time. Two thousand enterprises that
each send their own hour would wait for two thousand commits; here those that arrive during one
commit share the next. Each is answered only after its own readings are safe.
"""

import threading
from dataclasses import dataclass, field
from typing import Final

from serving.store import readings
from serving.store.engine import Store
from serving.store.readings import Batch, Received

MOST: Final = 20_000  # readings of one commit, beyond those of its first batch


@dataclass
class _Job:
    batch: Batch
    done: Received | Exception | None = None


@dataclass
class Intake:
    """The queue of one server process."""

    _waiting: list[_Job] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def receive(self, store: Store, batch: Batch) -> Received:
        """Write a batch, with others that wait; return when it is committed.

        Raises:
            Conflict: As of `readings.receive`.
        """
        job = _Job(batch)
        with self._guard:
            self._waiting.append(job)
        with self._turn:
            while job.done is None:
                if not (taken := self._next()):  # the thread that had it was ended
                    raise RuntimeError("readings were not written; send them again")
                _write(store, taken)
        if isinstance(job.done, Exception):
            raise job.done
        return job.done

    def _next(self) -> list[_Job]:
        """The oldest jobs, up to MOST readings, one at least."""
        with self._guard:
            count, total = 0, 0
            for job in self._waiting:
                total += len(job.batch.readings)
                if count and total > MOST:
                    break
                count += 1
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken


def _write(store: Store, jobs: list[_Job]) -> None:
    try:
        for job, done in zip(
            jobs, readings.receive_all(store, [j.batch for j in jobs]), strict=True
        ):
            job.done = done
    except Exception as error:
        if len(jobs) == 1:
            jobs[0].done = error
            return
        for job in jobs:  # one by one: what one of them brings takes no other down
            _write(store, [job])
