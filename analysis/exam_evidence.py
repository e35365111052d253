"""The evidence of a whole exam: its fast stretches together, its slow ones, and what the rules of the scale say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.catch import Departure
from analysis.emg import stretched_channels
from analysis.evidence import (
    STANDARD_EVIDENCE,
    Evidence,
    EvidenceParams,
    Sources,
    emg_evidence,
    force_evidence,
    movement_evidence,
    pooled,
    slow_evidence,
    sources_of,
)
from analysis.finding import Grade
from analysis.limb import Limb
from analysis.load import LimbLoad
from analysis.model import Recording
from analysis.motion import Motion
from analysis.muscles import Joint
from analysis.resistance import ResistanceParams, peak_excess_sd
from analysis.stretch import Leg

__all__ = ["ExamEvidence", "ExamView", "gather_evidence"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExamView:
    """What of an exam its evidence is read from.

    Attributes
    ----------
    recording, motion, limb
        The exam, its movement and the limb.
    legs, departures
        Its stretches, and how each departs from its reference movement (``None``: not compared).
    load
        The torques, ``None`` without force.
    graded, slow
        Which stretches are graded, at least one, and which are slow.
    rules
        The grade by the rules of the scale, ``None`` without force.
    """

    recording: Recording
    motion: Motion
    limb: Limb
    legs: tuple[Leg, ...]
    departures: tuple[Departure | None, ...]
    load: LimbLoad | None
    graded: tuple[int, ...]
    slow: tuple[int, ...]
    rules: Grade | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExamEvidence:
    """Evidence of an exam.

    Attributes
    ----------
    sources
        What it was read from.
    exam
        Of the exam as a whole.
    stretches
        Of each stretch with its exam's, ``None`` for slow ones; same length as the exam's stretches.
    """

    sources: Sources
    exam: Evidence
    stretches: tuple[Evidence | None, ...]


def gather_evidence(view: ExamView, params: EvidenceParams = STANDARD_EVIDENCE) -> ExamEvidence:
    """Read the evidence of an exam from all of its sources."""
    range_deg = view.recording.muscle.healthy_range_deg
    channels = stretched_channels(view.recording.emg, view.recording.muscle_group)
    own: list[dict[str, float] | None] = []
    for i, leg in enumerate(view.legs):
        if i in view.slow and i not in view.graded:
            own.append(None)
            continue
        found = dict(
            movement_evidence(view.motion, leg, view.departures[i], healthy_range_deg=range_deg, params=params)
        )
        found |= _force(view, leg, params)
        if channels:
            found |= emg_evidence(channels, view.motion, leg, healthy_range_deg=range_deg, params=params)
        own.append(found)
    graded = [one for i in view.graded if (one := own[i]) is not None]
    exam = dict(pooled(_alike(graded)))
    exam |= slow_evidence(view.motion, [view.legs[i] for i in view.slow], healthy_range_deg=range_deg, params=params)
    exam["fast_gap"] = exam["slow_reached"] - exam["reached"]
    common = _common(view)
    sources = sources_of(
        view.motion,
        has_force=view.rules is not None and "peak" in exam,
        has_emg=bool(np.isfinite(exam.get("emg_peak", np.nan))),
        params=params,
    )
    of_exam = {f"x_{name}": value for name, value in exam.items()}
    return ExamEvidence(
        sources=sources,
        exam=exam | common,
        stretches=tuple(None if one is None else {**one, **of_exam, **common} for one in own),
    )


def _force(view: ExamView, leg: Leg, params: EvidenceParams) -> Evidence:
    """Read the resistance of one stretch, nothing where the force was not observed in it."""
    if view.load is None or not np.isfinite(view.load.push_Nm[leg.start : leg.end + 1]).all():
        return {}
    return force_evidence(
        view.motion,
        leg,
        view.load,
        limb=view.limb,
        excess_sd_Nm=peak_excess_sd(leg, view.load, limb=view.limb, params=_RESISTANCE),
        healthy_range_deg=view.recording.muscle.healthy_range_deg,
        params=params,
    )


_RESISTANCE = ResistanceParams()


def _alike(stretches: Sequence[Evidence]) -> list[Evidence]:
    """Keep the numbers that all stretches have."""
    names = set(stretches[0]).intersection(*stretches[1:])
    return [{name: one[name] for name in stretches[0] if name in names} for one in stretches]


def _common(view: ExamView) -> dict[str, float]:
    """Tell the joint, and what the rules of the scale say, as log-odds of at least each grade.

    Not the muscle group: an antagonist's mirrored movement has the same grade.
    """
    found = {f"joint_{joint.value}": float(joint is view.recording.muscle.joint) for joint in Joint}
    if view.rules is not None:
        below = np.cumsum(list(view.rules.probabilities.values()))[:-1]
        at_least = np.clip(1.0 - below, _LEAST, 1.0 - _LEAST)
        odds = np.log(at_least / (1.0 - at_least))
        found |= {f"rule{cut + 1}": float(value) for cut, value in enumerate(odds)}
        found["rule_mean"] = float(at_least.sum())
    return found


_LEAST = 0.002
"""Probability that the rules leave to any cut."""
