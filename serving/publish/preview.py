"""The CAP message a warning's draft would give: for the officer before he publishes."""

import datetime as dt
from dataclasses import replace

from forecast.config import CityConfig
from forecast.problems import DataError, Problem
from serving import duty
from serving.publish import cap, release
from serving.publish.config import House, Profile
from serving.publish.release import Words
from serving.review_table import AFTER
from serving.store.engine import Store, reading
from serving.store.models import CityWarning, Decision


def cap_of(
    store: Store,
    warning_id: int,
    *,
    words: Words,
    config: CityConfig,
    house: House,
    profile: Profile,
    now: dt.datetime,
) -> bytes:
    """The message as it would be published now, signed or not; nothing is written.

    Raises:
        DataError: No such warning, or no message can be made of it.
    """
    with reading(store) as session:
        warning = session.get(CityWarning, warning_id)
        if warning is None:
            raise DataError([Problem("warning", str(warning_id), "a warning that is there")])
        state = duty.state_of(session, warning_id)
        after = replace(state, status=AFTER[state.change], in_force=state.level)
        coming = Decision(seq=state.version + 1)
        notice = release.notice_of(session, warning, coming, after, words, house, now)
    area = cap.Area(config.city.zh, config.city.en, config.city.geocode)
    return cap.build(notice, area, house, profile, offset=config.offset.to_pytimedelta())
