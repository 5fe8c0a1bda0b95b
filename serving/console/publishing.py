"""The console's way to `serving.publish`: what is said with a publication, and its preview."""

import datetime as dt
from typing import Any, Final

from forecast.config import configs_dir
from forecast.problems import ConfigError, Problem
from response.warning_words import colour
from serving import plans
from serving.console import summary
from serving.console.site import Site
from serving.console.state import Standing
from serving.publish import config, release
from serving.publish import preview as publish_preview
from serving.publish.config import Folder, House, Profile
from serving.publish.message import Attachment
from serving.publish.release import Words
from serving.review_state import Actor, State

OWN: Final = "publish.yaml"


def house(site: Site, *, exercise: bool) -> tuple[House, Profile]:
    """Who publishes and how: publish.yaml of the home; an exercise may go by the example.

    Raises:
        ConfigError: No publish.yaml for an actual warning, or what is wrong in the files.
    """
    path = site.house or site.home / OWN
    known = path.is_file()
    if not known:
        if not exercise:
            expected = f"{OWN} of the home: who publishes, and the channels"
            raise ConfigError([Problem(str(path), "nothing", expected)])
        path = configs_dir() / "publish" / "example.yaml"
    there = config.load(path)
    if not known:  # an example's addresses are nobody's: only folders
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


def publish(site: Site, one: Standing, *, actor: Actor, seen: int, now: dt.datetime) -> State:
    """Publish a signed draft with its CAP message, the run's bulletin and the outbox."""
    there, profile = house(site, exercise=one.exercise)
    name = str((one.machine or {}).get("run", ""))
    folder = site.home / "runs" / name
    bulletin: tuple[Attachment, ...] = ()
    if name and name in summary.names(site.home) and not one.exercise:
        bulletin = release.bulletin_of(site.home, folder)
    plan = plans.of_warning(site.store, one.id)
    work = None
    if plan is not None and one.state.level == plan.body["level"]:
        work = release.Work(plan.id, plans.proofs(site.home))
    return release.publish(
        site.store, one.id, actor=actor, seen=seen, words=words_of(one, now=now),
        config=site.context.config, house=there, profile=profile, now=now, bulletin=bulletin,
        work=work,
    )  # fmt: skip


def preview(site: Site, one: Standing, *, now: dt.datetime) -> str:
    """The CAP message as it would be sent now."""
    there, profile = house(site, exercise=one.exercise)
    return publish_preview.cap_of(
        site.store, one.id, words=words_of(one, now=now), config=site.context.config, house=there,
        profile=profile, now=now,
    ).decode()  # fmt: skip


def _utc(moment: Any) -> dt.datetime | None:
    found = moment.get("median") if isinstance(moment, dict) else None
    if not found:
        return None
    return dt.datetime.fromisoformat(found).astimezone(dt.UTC).replace(tzinfo=None)
