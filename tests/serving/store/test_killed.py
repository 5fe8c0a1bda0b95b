"""kill -9 amid commits: what was answered is there, the trail holds, nothing is half."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import func, select

from serving.store import audit, engine, migrate
from serving.store.engine import reading
from serving.store.models import Proposal

CHILD = """
import datetime as dt, sys
from pathlib import Path
from serving.store import audit, engine
from serving.store.engine import writing
from serving.store.models import Proposal
NOW = dt.datetime(2026, 11, 24, 8)
store = engine.connect(sys.argv[1], home=Path(sys.argv[2]))
while True:
    with writing(store) as session:
        row = Proposal(city="c", exercise=False, issue_time=NOW, at=NOW, action="start", machine={})
        session.add(row)
        audit.append(session, at=NOW, actor="a", action="b", subject="c", rows=[row])
    print(row.id, flush=True)
"""


def test_killed_while_it_commits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'l.db'}"
    store = engine.connect(url, home=tmp_path)
    migrate.upgrade(store)
    chance = random.Random(24)
    answered = 0
    for _ in range(3):
        command = [sys.executable, "-c", CHILD, url, str(tmp_path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout
        answered = int(child.stdout.readline())
        time.sleep(chance.uniform(0.0, 0.3))
        child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate()
        answered = max([answered, *(int(x) for x in rest.split("\n")[:-1])])
        verdict = audit.verify(store)
        assert verdict.broken is None
        with reading(store) as session:
            there = session.scalar(select(func.count()).select_from(Proposal))
        assert there == verdict.rows
        assert answered <= verdict.rows <= answered + 1
    store.engine.dispose()
