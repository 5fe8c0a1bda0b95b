"""The dispatcher: claim, send, settle, until nothing is due. Any number may run at once."""

import datetime as dt
import os
import random
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forecast.problems import DataError
from serving.publish import channels, outbox
from serving.publish.channels import Failure
from serving.publish.config import Channel, House
from serving.publish.message import Message, check_mode
from serving.publish.outbox import Claim
from serving.store.engine import Store

Clock = Callable[[], dt.datetime]
MOST: Final = 1000  # messages of one round; what is left is due in the next


@dataclass(frozen=True)
class Round:
    """What one round did."""

    sent: int
    failed: int


def holder() -> str:
    """A name that no other dispatcher has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def run(
    store: Store,
    house: House,
    *,
    home: Path,
    clock: Clock,
    chance: random.Random,
    name: str | None = None,
) -> Round:
    """Send what is due; a channel's failure is kept with its message and never raised."""
    me = name or holder()
    done = failures = 0
    for _ in range(MOST):
        taken = outbox.claim(store, holder=me, house=house, now=clock())
        if taken is None:
            break
        failure = _attempt(taken, house, home)
        if failure is None:
            done += outbox.sent(store, taken, now=clock())
            continue
        failures += 1
        said = "; ".join(f"{p.where}: {p.found}" for p in failure.problems)
        outbox.failed(
            store, taken, said, house=house, chance=chance, now=clock(), final=failure.final
        )
    return Round(done, failures)


def _attempt(taken: Claim, house: House, home: Path) -> Failure | None:
    message = taken.message
    try:
        channels.send(message, _allowed(message, house), home=home)
    except Failure as failure:
        return failure
    except Exception as error:  # a fault of a channel's library must not hold up the others
        return Failure(message.channel, f"{type(error).__name__}: {error}")
    return None


def _allowed(message: Message, house: House) -> Channel:
    """The channel, where it may still have this message: the configuration may have changed."""
    channel = house.channel(message.channel)
    if channel is None:
        raise Failure(message.channel, "no such channel any more", final=True)
    if not (channel.exercise if message.exercise else channel.actual):
        mode = "an exercise" if message.exercise else "an actual message"
        raise Failure(message.channel, f"{mode} is not for it", final=True)
    try:
        check_mode(message)
    except DataError as error:
        raise Failure(message.channel, str(error), final=True) from error
    return channel
