"""How alike the repetitions of one exam are: their velocity, their start, their catch and their end."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis.detectors import DisagreementParams, disagreeing
from analysis.finding import Repeatability, StretchFinding, VelocityClass

__all__ = ["RepeatabilityParams", "describe_repetitions", "flag_disagreeing", "repetition_doubts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatabilityParams:
    """From where on repetitions are too unlike.

    Attributes
    ----------
    max_velocity_cv
        Coefficient of variation of the fast stretches' peak velocity from which on a warning is given: raters differ
        by 19 to 29 % in it (Banky et al. 2019, abstract), and the catch depends on velocity. Chosen by us.
    disagreement
        When the catch of one repetition lies apart.
    """

    max_velocity_cv: float = 0.2
    disagreement: DisagreementParams = field(default_factory=DisagreementParams)


def flag_disagreeing(
    findings: Sequence[StretchFinding], *, healthy_range_deg: float, params: RepeatabilityParams = RepeatabilityParams()
) -> tuple[StretchFinding, ...]:
    """Flag fast stretches whose catch lies apart from the others', so that the summary leaves them out.

    Parameters
    ----------
    findings
        The stretches of one exam with their catches.
    healthy_range_deg
        Range of the healthy joint.
    params
        When a catch lies apart.
    """
    fast = [i for i, one in enumerate(findings) if one.stretch.velocity is VelocityClass.V3 and not one.quality]
    catches = [findings[i].catch for i in fast]
    apart = disagreeing(
        [None if one is None else one.angle_deg for one in catches],
        intervals=[None if one is None else one.angle_interval95_deg for one in catches],
        healthy_range_deg=healthy_range_deg,
        params=params.disagreement,
    )
    flagged = list(findings)
    for place in apart:
        found = findings[fast[place]]
        flagged[fast[place]] = replace(found, quality=(*found.quality, _APART))
    return tuple(flagged)


_APART = "its catch lies apart from those of the other fast stretches"


def describe_repetitions(findings: Sequence[StretchFinding]) -> Repeatability:
    """Describe how alike the stretches of an exam are; flagged ones are left out.

    Standard deviations are of the sample (n − 1), ``None`` with fewer than two repetitions.

    Parameters
    ----------
    findings
        The stretches of one exam with their catches.
    """
    good = [one for one in findings if not one.quality]
    fast = [one for one in good if one.stretch.velocity is VelocityClass.V3]
    peaks = [one.stretch.peak_velocity_deg_s for one in fast]
    peak_sd = _sd(peaks)
    return Repeatability(
        fast=len(fast),
        peak_velocity_deg_s=float(np.median(peaks)) if peaks else None,
        peak_velocity_cv=None if peak_sd is None else peak_sd / float(np.mean(peaks)),
        start_sd_deg=_sd([one.stretch.start_deg for one in good]),
        r1_sd_deg=_sd([one.catch.angle_deg for one in fast if one.catch is not None]),
        r2_sd_deg=_sd([one.stretch.end_deg for one in good if one.stretch.velocity is VelocityClass.V1]),
    )


def repetition_doubts(found: Repeatability, params: RepeatabilityParams = RepeatabilityParams()) -> tuple[str, ...]:
    """Say what of the repetitions makes the exam less sure, one sentence each."""
    if found.peak_velocity_cv is None or found.peak_velocity_cv <= params.max_velocity_cv:
        return ()
    said = f"the fast stretches' peak velocities differ by {found.peak_velocity_cv:.0%} (coefficient of variation)"
    return (f"{said}: the catch depends on velocity; repeat them at one pace",)


def _sd(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) >= _FEWEST else None


_FEWEST = 2
"""One repetition has no spread."""
