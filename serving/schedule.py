"""The clock of the house: daily run, imports, outbox, reminders, alarm; one scheduler per instance.

Each job is a plain function of the clock and may run at any time, any number of times: what is
done is done once, by the store's leases and keys. So two instances, or one that was down at the
hour, end in the same state. APScheduler only says when.
"""

import datetime as dt
import logging
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from forecast.config import CityConfig
from serving import duty
from serving.publish import dispatch, outbox, reminders
from serving.publish.config import House
from serving.publish.message import Message, local, marked
from serving.store import audit, leases
from serving.store.engine import Store, reading, writing
from serving.store.models import Outgoing, Run

LEASE: Final = dt.timedelta(minutes=10)
RENEW_SECONDS: Final = 120.0
log = logging.getLogger(__name__)

ALARMS: Final = {
    "late": ("日常预报未按时完成", "the daily run is late"),
    "failed": ("日常预报运行失败", "the daily run failed"),
    "degraded": ("日常预报降级运行", "the daily run is degraded"),
}


@dataclass(frozen=True)
class Duty:
    """What the jobs stand on."""

    store: Store
    home: Path
    config: CityConfig
    house: House
    clock: Callable[[], dt.datetime]
    holder: str
    chance: random.Random
    run_daily: Callable[["Duty", dt.datetime], None]  # forecasts and records it in the store
    run_import: Callable[["Duty", str, Path], None]

    @property
    def offset(self) -> dt.timedelta:
        """Local time minus UTC."""
        return self.config.offset.to_pytimedelta()

    @property
    def exercise(self) -> bool:
        """A simulated city's runs and alarms are exercises."""
        return self.config.simulated


@contextmanager
def held(duty_: Duty, name: str) -> Iterator[bool]:
    """Whether this instance has the job; renewed in the background while it works."""
    key = f"{name}:{duty_.config.city.id}"

    def take() -> int | None:
        return leases.acquire(duty_.store, key, holder=duty_.holder, now=duty_.clock(), lasts=LEASE)

    if take() is None:
        yield False
        return
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEW_SECONDS):
            try:
                take()
            except Exception:
                log.exception("lease %s was not renewed", key)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield True
    finally:
        over.set()
        thread.join()


def daily(duty_: Duty) -> bool:
    """The day's run, where it is due and not there yet; whether it was started here.

    A run that failed is tried again at the next call; a finished one never.
    """
    issue = due_issue(duty_)
    if issue is None or status_of(duty_, issue) in ("done", "degraded"):
        return False
    with held(duty_, "daily") as mine:
        if not mine or status_of(duty_, issue) in ("done", "degraded"):
            return False
        try:
            duty_.run_daily(duty_, issue)
        except Exception as error:
            log.exception("daily run %s failed", issue)
            number = duty.start_run(
                duty_.store, city=duty_.config.city.id, issue_time=issue,
                exercise=duty_.exercise, now=duty_.clock(),
            )  # fmt: skip
            duty.finish_run(
                duty_.store, number, status="failed", now=duty_.clock(),
                report={"error": f"{type(error).__name__}: {error}"[:500]},
            )  # fmt: skip
    status = status_of(duty_, issue)
    if status in ("failed", "degraded"):
        alarm(duty_, issue, status)
    return True


def due_issue(duty_: Duty) -> dt.datetime | None:
    """Issue time of today's run (naive UTC, the full hour before its time); None before it."""
    local_now = duty_.clock() + duty_.offset
    hour, minute = map(int, duty_.house.schedule.daily_at.split(":"))
    at = local_now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return at.replace(minute=0) - duty_.offset if local_now >= at else None


def status_of(duty_: Duty, issue: dt.datetime) -> str | None:
    """Of today's run: running, done, degraded, failed; None where there is none."""
    same = (Run.city == duty_.config.city.id, Run.issue_time == issue)
    with reading(duty_.store) as session:
        # Either mode: a run on simulated readings is recorded as an exercise.
        found = set(session.scalars(select(Run.status).where(*same)))
    return next((s for s in ("done", "degraded", "running", "failed") if s in found), None)


def watch(duty_: Duty) -> str | None:
    """From the alarm's hour on: what is wrong with today's run; None where nothing is."""
    issue = due_issue(duty_)
    local_now = duty_.clock() + duty_.offset
    if issue is None or f"{local_now:%H:%M}" < duty_.house.schedule.alarm_at:
        return None
    status = status_of(duty_, issue)
    if status == "done":
        return None
    kind = status if status in ("failed", "degraded") else "late"
    alarm(duty_, issue, kind)
    return kind


def alarm(duty_: Duty, issue: dt.datetime, kind: str) -> int:
    """One alarm per run, kind and channel into the outbox; number of new ones."""
    zh, en = ALARMS[kind]
    city = duty_.config.city
    when = local(issue, duty_.offset)
    words = f"{city.zh} {when} 起报：{zh}。请于20:00前人工处置。\n{city.en} {when}: {en}."
    with writing(duty_.store) as session:
        audit.lock(session)
        made = [
            Message(
                f"alarm:{city.id}:{issue:%Y%m%dT%H%MZ}:{kind}:{channel.name}", channel.name,
                "alarm", duty_.exercise, marked(f"{city.zh}：{zh}", exercise=duty_.exercise),
                marked(words, exercise=duty_.exercise),
            )
            for channel in duty_.house.channels_for("alarm", exercise=duty_.exercise)
        ]  # fmt: skip
        there = set(
            session.scalars(select(Outgoing.key).where(Outgoing.key.in_([m.key for m in made])))
        )
        new = [m for m in made if m.key not in there]
        if new:
            now = duty_.clock()
            outbox.put(session, new, house=duty_.house, now=now)
            audit.append(session, at=now, actor="schedule", action="run.alarm", subject=new[0].key)
    return len(new)


def imports(duty_: Duty) -> int:
    """Each source once; one that fails does not hold up the next. Number that went well."""
    done = 0
    with held(duty_, "import") as mine:
        for source in duty_.house.schedule.sources if mine else ():
            try:
                duty_.run_import(duty_, source.source, duty_.home / source.path)
                done += 1
            except Exception:
                log.exception("import of %s failed", source.source)
    return done


def send(duty_: Duty) -> dispatch.Round:
    """What is due in the outbox."""
    return dispatch.run(
        duty_.store, duty_.house, home=duty_.home, clock=duty_.clock, chance=duty_.chance
    )


def remind(duty_: Duty) -> int:
    """Reminders of orders nobody confirmed."""
    return reminders.remind(duty_.store, duty_.house, now=duty_.clock(), offset=duty_.offset)


def scheduler(duty_: Duty) -> Any:
    """An APScheduler with all jobs, not started; times are the city's."""
    from apscheduler.schedulers.background import BackgroundScheduler
    from apscheduler.triggers.cron import CronTrigger

    zone = dt.timezone(duty_.offset)
    made = BackgroundScheduler(timezone=zone)
    when: dict[Callable[[Duty], Any], dict[str, Any]] = {
        daily: {"minute": "*/5"},
        imports: {"minute": duty_.house.schedule.import_minute},
        watch: {"minute": "*/5"},
        remind: {"minute": "*/10"},
        send: {"minute": "*"},
    }
    for job, fields in when.items():
        made.add_job(
            _kept, CronTrigger(timezone=zone, **fields), args=(job, duty_), id=job.__name__,
            coalesce=True, max_instances=1, misfire_grace_time=300,
        )  # fmt: skip
    return made


def _kept(job: Callable[[Duty], Any], duty_: Duty) -> None:
    """A job that fails is logged; the others and its next time go on."""
    try:
        job(duty_)
    except Exception:
        log.exception("job %s failed", job.__name__)
