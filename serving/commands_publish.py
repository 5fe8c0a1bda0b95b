"""`lantian publish`, `outbox list|retry|send`, `schedule`: thin bodies, heavy imports inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forecast.command_line import Config, Json

if TYPE_CHECKING:
    import datetime as dt

    from serving.schedule import Duty

outbox = typer.Typer(help="Messages on their way out.", no_args_is_help=True)
HouseFile = Annotated[
    Path, typer.Option("--house", help="configs/publish/*.yaml: sender and channels.")
]


def attach(app: typer.Typer) -> None:
    """Hang the commands on the command line."""
    app.add_typer(outbox, name="outbox")
    app.command()(publish)
    app.command()(schedule)


def publish(
    warning: Annotated[int, typer.Argument(help="Number of the warning.")],
    config: Config,
    house: HouseFile,
    onset: Annotated[str, typer.Option(help="Local time from which it holds.")],
    reason_zh: Annotated[str, typer.Option(help="Why, Chinese.")],
    reason_en: Annotated[str, typer.Option(help="Why, English.")],
    expires: Annotated[str | None, typer.Option(help="Local time.")] = None,
    out: Annotated[Path | None, typer.Option(help="CAP file; default: standard output.")] = None,
) -> None:
    """The CAP message of a warning as it stands: a preview, nothing is published.

    A person publishes in the console or by the API, where he is known by his account.
    """
    from forecast import command_line
    from forecast import config as configuration
    from forecast.files import write_bytes
    from serving import commands_duty
    from serving.publish import config as houses
    from serving.publish import preview, release

    city, there = configuration.load(config), houses.load(house)
    words = release.Words(
        _utc(onset, "--onset", city.offset.to_pytimedelta()),
        _utc(expires, "--expires", city.offset.to_pytimedelta()) if expires else None,
        reason_zh, reason_en,
    )  # fmt: skip
    raw = preview.cap_of(
        commands_duty._store(), warning, words=words, config=city, house=there,
        profile=houses.load_profile(there.profile), now=commands_duty._now(),
    )  # fmt: skip
    if out is None:
        command_line.line(raw.decode())
    else:
        write_bytes(out, raw)


@outbox.command("list")
def outbox_list(
    state: Annotated[
        list[str] | None, typer.Option(help="pending, sending, sent, dead; repeat.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Messages, the newest first."""
    from dataclasses import asdict

    from forecast import command_line
    from serving import commands_duty
    from serving.publish import outbox as body

    rows = body.listed(commands_duty._store(), states=state or ())
    data = {"messages": [{k: _plain(v) for k, v in asdict(r).items()} for r in rows]}
    lines = [
        "\t".join([str(r.id), r.state, str(r.attempts), r.channel, r.subject, r.last_error or "-"])
        for r in rows
    ]
    command_line.say(data, lines, as_json=as_json)


@outbox.command("retry")
def outbox_retry(number: Annotated[int, typer.Argument(help="Number of a dead letter.")]) -> None:
    """Put a dead letter back."""
    from serving import commands_duty
    from serving.publish import outbox as body

    store = commands_duty._store()
    body.retry(store, number, by=commands_duty._who(), now=commands_duty._now())


@outbox.command("send")
def outbox_send(config: Config, house: HouseFile) -> None:
    """One round of the dispatcher, for cron and systemd timers."""
    from forecast import command_line
    from serving import schedule as body

    duty = _duty(config, house)
    body.remind(duty)
    body.watch(duty)
    done = body.send(duty)
    command_line.line(f"sent {done.sent}, failed {done.failed}")


def schedule(config: Config, house: HouseFile) -> None:
    """Daily run, imports, outbox, reminders and alarm by the clock, until it is stopped."""
    import signal
    import threading

    from serving import schedule as body

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    running = body.scheduler(_duty(config, house))
    running.start()
    stop.wait()
    running.shutdown(wait=True)  # what is being sent is settled first


def _duty(config: Path, house: Path) -> "Duty":
    import random

    from forecast import config as configuration
    from serving import commands_duty, schedule_jobs, settings
    from serving.publish import config as houses
    from serving.publish import dispatch
    from serving.schedule import Duty

    return Duty(
        commands_duty._store(), settings.home(), configuration.load(config), houses.load(house),
        commands_duty._now, dispatch.holder(), random.Random(),
        schedule_jobs.run_daily, schedule_jobs.run_import,
    )  # fmt: skip


def _utc(text: str, option: str, offset: "dt.timedelta") -> "dt.datetime":
    """Naive UTC of an ISO time; local where it names no offset."""
    import datetime as dt

    from forecast import command_line

    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        command_line.refuse(option, text, "an ISO time, such as 2026-12-01T18:00")
    return at - offset if at.tzinfo is None else at.astimezone(dt.UTC).replace(tzinfo=None)


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else value
