"""A solver without memory: the plan fails with words or is right, the warning stands."""

import json
import os
import random
import resource
from pathlib import Path
from types import SimpleNamespace

from response import controls, plan_run
from serving import daily_response
from tests.faults.killing import Say, ended
from tests.faults.kills import Undisturbed, after, copied
from tests.faults.subject import ISSUE, Subject, nothing
from tests.faults.table import Count, State
from tests.faults.work_store import DEMO
from tests.response import controls_cases


def prepare(home: Path) -> None:
    """As far as a run looks before it plans."""
    (home / "register").mkdir()
    (home / "register" / "current.json").write_text("{}", encoding="utf-8")


def plan(home: Path, say: Say) -> None:
    """A plan for a warning, in the daily run's way: whatever happens, a note at most."""
    units = [{"pm": 100.0 + k, "value_yuan_d": 1e5 + k} for k in range(60)]

    def solved(*_given: object, **_more: object) -> object:
        return controls.plan(controls_cases.case(*units, ratio={"pm": 0.05}))

    plan_run.run = solved  # type: ignore[assignment]  # in a child
    warned = SimpleNamespace(level="orange")
    found = daily_response.respond(DEMO, home=home, issue_time=ISSUE, proposal=warned)  # type: ignore[arg-type]
    said = {
        "warning": "orange",
        "plan": None if found.plan is None else found.plan.orders.to_csv(),  # type: ignore[attr-defined]
        "notes": [n.text.en for n in found.notes],
    }
    (home / "plan.json").write_text(json.dumps(said), encoding="utf-8")
    say("warning orange")


def state(home: Path) -> State:
    """The warning stands; the plan is the plan."""
    said = json.loads((home / "plan.json").read_text(encoding="utf-8"))
    return [(f"warning {said['warning']}", ""), ("plan", f"{said['plan']} {said['notes']}")]


SUBJECT = Subject("control plan", prepare, plan, state, nothing)


def without_memory(known: Undisturbed, chance: random.Random, root: Path) -> Count:
    """So little address space left that the solver (or what it stands on) gets no memory."""
    room = int(2**20 * chance.uniform(0.1, 10))

    def limit() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        used = pages * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + room, resource.RLIM_INFINITY))

    with copied(known.template, root) as home:
        first = ended(SUBJECT.work, home, first=limit)
        where = f"{room // 2**20} MB of memory: {first.error or first.said}"
        return after(SUBJECT, known, home, first, where)
