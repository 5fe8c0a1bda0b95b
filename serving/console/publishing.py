"""The console's way to `serving.publish`: what is said with a publication, and its preview."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from forecast.config import configs_dir
from forecast.problems import ConfigError, Problem
from response.warning_words import colour
from serving.console import summary
from serving.console.state import Standing
from serving.context import Context
from serving.publish import cap, config, release
from serving.publish.config import Folder, House, Profile
from serving.publish.release import Words
from serving.review_state import Actor, State

OWN: Final = "publish.yaml"
_KINDS: Final[Mapping[str, cap.MsgType]] = {
    "start": "Alert",
    "raise": "Update",
    "lower": "Update",
    "cancel": "Cancel",
}


def house(context: Context, *, exercise: bool) -> tuple[House, Profile]:
    """Who publishes and how: publish.yaml of the home; an exercise may go by the example.

    Raises:
        ConfigError: No publish.yaml for an actual warning, or what is wrong in the files.
    """
    path = context.home / OWN
    if not path.is_file():
        if not exercise:
            expected = f"{OWN} of the home: who publishes, and the channels"
            raise ConfigError([Problem(str(path), "nothing", expected)])
        path = configs_dir() / "publish" / "example.yaml"
    there = config.load(path)
    if path.name != OWN:  # an example's addresses are nobody's: only folders
        kept = tuple(c for c in there.channels if isinstance(c, Folder))
        there = there.model_copy(update={"channels": kept})
    return there, config.load_profile(there.profile)


def words_of(one: Standing, *, now: dt.datetime) -> Words:
    """When it begins and ends and why: the machine's episode, or from now where there is none."""
    machine = one.machine or {}
    begin = _utc(machine.get("start")) or now
    end = _utc(machine.get("end"))
    begin = max(begin, now)
    if end is not None and end <= begin:
        end = None
    reason = next((d.reason for d in reversed(one.decisions) if d.reason), "")
    zh, en = (
        "；".join(machine.get("reasons_zh", [])[:1]),
        " ".join(machine.get("reasons_en", [])[:1]),
    )
    level = colour(one.state.level or one.state.in_force)
    return Words(
        onset=begin, expires=end,
        reason_zh=reason or zh or f"{level.zh}预警",
        reason_en=en or reason or f"{level.en} warning",
        observed=bool((machine.get("measured") or {}).get("triggered")),
    )  # fmt: skip


def publish(context: Context, one: Standing, *, actor: Actor, seen: int, now: dt.datetime) -> State:
    """Publish a signed draft with its CAP message, the run's bulletin and the outbox."""
    there, profile = house(context, exercise=one.exercise)
    name = str((one.machine or {}).get("run", ""))
    folder = context.home / "runs" / name
    bulletin = ()
    if name and name in summary.names(context.home) and not one.exercise:
        bulletin = release.bulletin_of(context.home, folder)
    return release.publish(
        context.store, one.id, actor=actor, seen=seen, words=words_of(one, now=now),
        config=context.config, house=there, profile=profile, now=now, bulletin=bulletin,
    )  # fmt: skip


def preview(context: Context, one: Standing, *, now: dt.datetime) -> str:
    """The CAP message as it would be sent now."""
    there, profile = house(context, exercise=one.exercise)
    words = words_of(one, now=now)
    earlier = tuple(
        cap.Reference(p.body["sender"], p.identifier, p.body["sent"]) for p in one.publications
    )
    level = one.state.level or one.state.in_force
    if level is None:
        return ""
    notice = cap.Notice(
        identifier=cap.identifier(there, one.city, one.id, one.state.version + 1),
        msg_type=_KINDS[one.state.change], status="Exercise" if one.exercise else "Actual",
        sent=now, level=level, onset=words.onset, expires=words.expires, observed=words.observed,
        reason_zh=words.reason_zh, reason_en=words.reason_en, references=earlier,
    )  # fmt: skip
    city = context.config.city
    area = cap.Area(city.zh, city.en, city.geocode)
    return cap.build(
        notice, area, there, profile, offset=context.config.offset.to_pytimedelta()
    ).decode()


def _utc(moment: Any) -> dt.datetime | None:
    found = moment.get("median") if isinstance(moment, dict) else None
    if not found:
        return None
    return dt.datetime.fromisoformat(found).astimezone(dt.UTC).replace(tzinfo=None)
