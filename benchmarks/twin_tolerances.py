"""What the simulated city's air is held to, written down before the comparison was first run.

A difference is allowed up to the greater of `relative` times the real value and `absolute`.
"""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Tolerance:
    """How far a simulated statistic may lie from the real one."""

    relative: float = 0.0
    absolute: float = 0.0

    def of(self, real: float) -> float:
        """The greatest allowed difference."""
        return max(self.relative * abs(real), self.absolute)


TOLERANCES = MappingProxyType(
    {
        # Jiaozuo, daily values of the city, 2013-12-31 .. 2017-01-31
        "monthly mean": Tolerance(0.25, 5.0),
        "monthly mean, co": Tolerance(0.25, 0.2),
        "percentile": Tolerance(0.25, 5.0),
        "percentile, co": Tolerance(0.25, 0.2),
        "autocorrelation, daily, lag 1": Tolerance(absolute=0.10),
        "autocorrelation, daily, lag 3": Tolerance(absolute=0.12),
        "weekend to weekdays": Tolerance(absolute=0.05),
        "share of heavy days, %": Tolerance(absolute=3.0),
        "heavy days, later setting to the first": Tolerance(absolute=0.12),
        "heavy episodes per winter": Tolerance(0.30),
        "length of an episode, mean days": Tolerance(0.30),
        "length of an episode, 90 % of them, days": Tolerance(absolute=2.0),
        "pm25/pm10": Tolerance(absolute=0.07),
        "correlation of pollutants": Tolerance(absolute=0.15),
        # Beijing, hourly, 12 stations, 2013-03 .. 2016-02
        "hour of day, mean difference": Tolerance(absolute=0.08),
        "hour of day, mean difference, o3": Tolerance(absolute=0.15),
        "autocorrelation, 1 h": Tolerance(absolute=0.04),
        "autocorrelation, 24 h": Tolerance(absolute=0.12),
        "autocorrelation, 72 h": Tolerance(absolute=0.12),
        "correlation by distance": Tolerance(absolute=0.10),
        "ozone by season and hour, mean difference": Tolerance(absolute=0.20),
        # Jiaozuo, hourly, some days of spring 2020; the later setting in the same days of 3 years
        "spring 2020, mean": Tolerance(0.35, 5.0),
        "spring 2020, mean, co": Tolerance(0.35, 0.2),
        # LightGBM: skill over persistence, relative to what it is on Beijing
        "skill over persistence": Tolerance(1 / 3),
    }
)
