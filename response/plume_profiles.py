"""When units work: relative emission by hour from the profile the register names.

Takes profile names, hours and temperature; gives factors whose weekly mean is one (heat: over a
day of mean demand). Holidays are not known here: a register that knows of a stop says so by load.
"""

from typing import Final

import numpy as np
import pandas as pd

from response.plume_settings import Profile, Profiles, Settings

PROFILES: Final = tuple(name for name in Profiles.model_fields if name != "assumption")


def activity(
    profiles: "pd.Series[str]", times: pd.DatetimeIndex, kelvin: np.ndarray, *, settings: Settings
) -> np.ndarray:
    """Relative emission (unit, hour).

    Args:
        profiles: Name by unit.
        times: Ends of hours, naive UTC.
        kelvin: The region's temperature (hour,), K; heat follows its mean over a day.
        settings: The profiles.
    """
    begin = times + pd.Timedelta(hours=settings.utc_offset_hours - 1)
    warmth = pd.Series(kelvin).rolling(24, min_periods=1).mean().to_numpy()
    heat = settings.heating
    demand = (heat.baseline_k + np.maximum(heat.base_k - warmth, 0)) / (
        heat.baseline_k + heat.mean_k
    )
    rows = {}
    for name in PROFILES:
        profile: Profile = getattr(settings.profiles, name)
        hours, week = np.array(profile.hours), np.array(profile.week)
        made = (
            hours[begin.hour.to_numpy()]
            * week[begin.day_of_week.to_numpy()]
            / (hours.mean() * week.mean())
        )
        rows[name] = made * demand if profile.heating else made
    return np.stack([rows[name] for name in profiles.astype(str)])
