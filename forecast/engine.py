"""Tasks on Dask distributed: processes of this machine, or a cluster that is there (extra `scale`).

Takes named items and a function; gives an Outcome for each, as they end. One item's failure is its
own: it is tried again later, and a worker that dies costs the item it worked on. What is done twice
must do no harm: a worker that was given up may still be at work. Knows nothing of cities.

At most as many tasks are handed out as there are threads, so a worker that dies takes one with it
and the engine holds no long queue. Exceptions do not travel, words do: what a worker raised may not
be readable here.
"""

import itertools
import logging
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from forecast import provenance
from forecast.problems import ConfigError, LantianError, Problem

LOST: Final = 3  # workers an item may lose before it counts as failed
_WAIT_SECONDS: Final = 60  # for a scheduler that has to answer, and for its first worker
_POLL_SECONDS: Final = 5.0
_CALLS: Final = itertools.count()
# One thread each. Dask's own list also sets MALLOC_TRIM_THRESHOLD_, which gives every freed array
# back to the system at once and cost a third of a city's processor time.
_ENVIRONMENT: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
A = TypeVar("A")
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How an item ended."""

    name: str
    value: T | None  # None where it failed
    attempts: int  # begun, lost workers included
    lost: int  # workers that died under it, as far as the scheduler says
    errors: tuple[str, ...]  # of every attempt that failed, in order

    @property
    def done(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


@dataclass(frozen=True)
class _Try(Generic[A]):
    name: str
    item: A
    attempts: int = 0
    lost: int = 0
    errors: tuple[str, ...] = ()
    since: float = 0.0


@contextmanager
def connected(scheduler: str | None, *, workers: int) -> Iterator[Any]:
    """A client of a cluster.

    Args:
        scheduler: Address such as tcp://host:8786 of a running one; None: processes of this
            machine, one thread each, that end with the block.
        workers: How many of them.

    Raises:
        ConfigError: Dask is not installed; nobody answers at the address, or there is no worker.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        expected = "the extra: lantian[scale]"
        raise ConfigError([Problem("--scheduler, --workers", str(error), expected)]) from error
    if scheduler is None:
        # A lost worker is counted here, not by the scheduler.
        with (
            dask.config.set({
                "distributed.scheduler.allowed-failures": 0,
                "distributed.nanny.pre-spawn-environ": _ENVIRONMENT
                | {"LANTIAN_REVISION": provenance.code_revision()},
            }),
            distributed.LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=workers, threads_per_worker=1, processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            ) as cluster,
            distributed.Client(cluster) as client,  # type: ignore[no-untyped-call]
        ):  # fmt: skip
            yield client
        return
    try:
        client = distributed.Client(  # type: ignore[no-untyped-call]
            scheduler, timeout=_WAIT_SECONDS
        )
    except (OSError, ValueError, TimeoutError) as error:
        problem = Problem("--scheduler", f"{scheduler}: {error}", "a scheduler that answers")
        raise ConfigError([problem]) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_WAIT_SECONDS)
        except TimeoutError as error:
            problem = Problem("--scheduler", f"{scheduler}: no worker", "at least one worker")
            raise ConfigError([problem]) from error
        yield client


def problems(scheduler: str | None, workers: int | None) -> list[Problem]:
    """What is wrong with the options that choose an engine."""
    found = []
    if scheduler is not None and workers is not None:
        both = f"{scheduler} and {workers}"
        found.append(Problem("--scheduler, --workers", both, "a cluster has its own workers"))
    if workers is not None and workers < 1:
        found.append(Problem("--workers", str(workers), "1 at least"))
    return found


@contextmanager
def wanted(scheduler: str | None, workers: int | None) -> Iterator[Any]:
    """A client where options ask for an engine, else None: work is done in this process.

    Raises:
        ConfigError: As of `connected`; both options, or fewer than one worker.
    """
    if wrong := problems(scheduler, workers):
        raise ConfigError(wrong)
    if scheduler is None and workers is None:
        yield None
        return
    with connected(scheduler, workers=workers or 1) as client:
        yield client


def each(
    client: Any,
    work: Callable[[A], T],
    items: Sequence[tuple[str, A]],
    *,
    retries: int = 1,
    limit_seconds: float | None = None,
) -> Iterator[Outcome[T]]:
    """Outcomes of the items, as they end.

    Args:
        client: Of `connected`.
        work: A function of a module (workers import it); gives no None.
        items: Name and argument; names differ. Arguments and values are pickled.
        retries: How often an item that failed is tried again, after all others.
        limit_seconds: An item at work for longer is stopped with its worker and counts as failed
            once; None: no limit.
    """
    import distributed

    call = next(_CALLS)  # a key that is still known would answer for the new task
    waiting = deque(_Try(name, item) for name, item in items)
    running: dict[Any, _Try[A]] = {}
    while waiting or running:
        room = max(1, sum(client.nthreads().values())) - len(running)
        for _ in range(min(room, len(waiting))):
            one = waiting.popleft()
            key = f"{one.name}-{one.attempts + 1}-{call}"
            future = client.submit(_attempt, work, one.item, key=key, pure=False)
            running[future] = replace(one, attempts=one.attempts + 1, since=time.monotonic())
        try:
            distributed.wait(  # type: ignore[no-untyped-call]
                list(running), timeout=_POLL_SECONDS, return_when="FIRST_COMPLETED"
            )
        except TimeoutError:
            if limit_seconds is not None:
                _stop(client, running, limit_seconds)
        for future in [f for f in running if f.done()]:
            again = running.pop(future)
            ended = _ended(future, again)
            future.release()
            if isinstance(ended, Outcome):
                yield ended
            elif ended.lost <= LOST and ended.attempts - ended.lost <= retries:
                waiting.append(ended)
            else:
                yield Outcome(ended.name, None, ended.attempts, ended.lost, ended.errors)


def _attempt(work: Callable[[A], T], item: A) -> tuple[T | None, str]:
    """On the worker: the value, or what went wrong in words."""
    try:
        return work(item), ""
    except LantianError as error:
        return None, str(error)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return None, f"{error!r} ({frame.name}, line {frame.lineno})"


def _ended(future: Any, one: _Try[A]) -> "Outcome[Any] | _Try[A]":
    from distributed.scheduler import KilledWorker

    if future.status == "finished":
        value, wrong = future.result()
        if not wrong:
            return Outcome(one.name, value, one.attempts, one.lost, one.errors)
        return replace(one, errors=(*one.errors, wrong))
    if future.cancelled():
        return replace(one, errors=(*one.errors, "stopped: longer at work than the limit"))
    error = future.exception()
    if isinstance(error, KilledWorker):
        said = f"the worker {error.last_worker.address} died"
        return replace(one, lost=one.lost + 1, errors=(*one.errors, said))
    return replace(one, errors=(*one.errors, repr(error)))


def _stop(client: Any, running: dict[Any, _Try[A]], limit_seconds: float) -> None:
    """Take items that are too long at work from their workers; the workers start anew."""
    late = [f for f, one in running.items() if time.monotonic() - one.since > limit_seconds]
    if not late:
        return
    keys = {f.key for f in late}
    at = [address for address, held in client.processing().items() if keys & set(held)]
    client.cancel(late, force=True)
    if at:
        client.restart_workers(at, raise_for_error=False)
