"""What a channel is given: subject, text, attachments; and that an exercise says so everywhere."""

import datetime as dt
import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Final

from forecast.problems import DataError, Problem
from serving.publish.config import Carried
from serving.store.base import canonical

MARK: Final = "演练 EXERCISE"
ZH_MARK: Final = "【演练 EXERCISE】"


@dataclass(frozen=True)
class Attachment:
    """A document: its text, or a file of the home with its SHA-256."""

    name: str
    mime: str
    text: str | None = None
    path: str | None = None  # relative to the home
    sha256: str | None = None


@dataclass(frozen=True)
class Message:
    """One message for one channel, with the key that makes it one."""

    key: str
    channel: str
    carried: Carried
    exercise: bool
    subject: str
    text: str
    attachments: tuple[Attachment, ...] = ()

    def body(self) -> dict[str, Any]:
        """As the outbox keeps it."""
        return {
            "carried": self.carried,
            "subject": self.subject,
            "text": self.text,
            "attachments": [
                {k: v for k, v in asdict(a).items() if v is not None} for a in self.attachments
            ],
        }


def from_body(key: str, channel: str, exercise: bool, body: dict[str, Any]) -> Message:
    """A message as it was put into the outbox."""
    return Message(
        key, channel, body["carried"], exercise, body["subject"], body["text"],
        tuple(Attachment(**a) for a in body["attachments"]),
    )  # fmt: skip


def digest(body: dict[str, Any]) -> str:
    """SHA-256 of a message's body."""
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def marked(text: str, *, exercise: bool) -> str:
    """The text, and before it the mark of an exercise."""
    return f"{ZH_MARK}{text}" if exercise and not text.startswith(ZH_MARK) else text


def check_mode(message: Message) -> None:
    """An exercise says so in subject, text and every document; an actual message never does.

    Raises:
        DataError: With every place that is wrong.
    """
    places = {"subject": message.subject, "text": message.text}
    places |= {a.name: a.text for a in message.attachments if a.text is not None}
    wrong = []
    for where, text in places.items():
        says = "演练" in text and "EXERCISE" in text.upper()
        cap = where.endswith(".xml")
        status = "<status>Exercise</status>" in text if cap else says
        if message.exercise and not (says and status):
            wrong.append(Problem(f"{message.key}: {where}", "no word of the exercise", MARK))
        if not message.exercise and (ZH_MARK in text or (cap and "<status>Exercise" in text)):
            wrong.append(Problem(f"{message.key}: {where}", MARK, "an actual message"))
    if wrong:
        raise DataError(wrong)


def local(at: dt.datetime, offset: dt.timedelta) -> str:
    """A naive UTC time as local words."""
    return f"{at + offset:%Y-%m-%d %H:%M}"
