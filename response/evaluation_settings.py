"""What the evaluation after an event assumes; every number here is an assumption and is shown."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Numbers of the evaluation. None is regulatory.

    Attributes:
        interval: Width of every interval told.
        contribution_common: Log-sd of the factor between contributions and truth that a whole
            episode shares. On the simulated city 0.35 is enough; a real city's own scale is not
            known (docs/results/dispersion.md, docs/results/evaluation.md).
        contribution_day: Log-sd of the part of that factor that is new each day.
        contribution_bias: Median log of true over computed effect; 0: none is claimed.
        error_df: Degrees of freedom of the t distribution of re-run errors.
        least_past_days: Days without orders needed before the re-run says anything.
        samples: Draws.
        baseline_days: Days before an order from which a unit's usual work is learned.
        least_baseline_hours: Known hours needed for that.
        idle_share: Part of a unit's mean power that stays on when it stands.
        relative_sd: Error of a unit's usual work that does not average out.
        enough, none: Share of an ordered cut from which it counts as done, and as not done.
        night_gap: Difference between day and night from which it counts as evasion.
        late_after_h: Hours after the latest lawful stop from which it counts as late.
        contradiction: How much more of the cut a monitor must show than the meter.
        night: Local hours in which the night begins and ends.
    """

    interval: float = 0.8
    contribution_common: float = 0.5
    contribution_day: float = 0.25
    contribution_bias: float = 0.0
    error_df: float = 4.0
    least_past_days: int = 10
    samples: int = 4000
    baseline_days: int = 14
    least_baseline_hours: int = 48
    idle_share: float = 0.1
    relative_sd: float = 0.05
    enough: float = 0.85
    none: float = 0.15
    night_gap: float = 0.35
    late_after_h: float = 3.0
    contradiction: float = 0.25
    night: tuple[int, int] = (22, 6)


DEFAULT = Settings()
