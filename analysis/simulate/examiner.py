"""How an examiner moves the limb: pace, strength, wobble and what is done after the catch."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from analysis.errors import DataError
from analysis.muscles import MUSCLES, MuscleGroup

__all__ = ["STANDARD_EXAMINER", "STANDARD_PLAN", "ExamPlan", "Examiner", "Movement", "draw_examiner", "plan_movements"]

_MINIMUM_JERK_PEAK = 1.875
"""Peak over mean velocity of a minimum-jerk movement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """Usual durations of one stretch over the whole range."""

    slow_s: float
    medium_s: float
    fast_s: float


_PACES = MappingProxyType(
    {
        MuscleGroup.ELBOW_FLEXORS: _Pace(slow_s=5.0, medium_s=2.2, fast_s=0.70),
        MuscleGroup.ELBOW_EXTENSORS: _Pace(slow_s=5.0, medium_s=2.2, fast_s=0.70),
        MuscleGroup.WRIST_FLEXORS: _Pace(slow_s=5.0, medium_s=2.0, fast_s=0.50),
        MuscleGroup.KNEE_FLEXORS: _Pace(slow_s=5.0, medium_s=1.9, fast_s=0.65),
        MuscleGroup.KNEE_EXTENSORS: _Pace(slow_s=5.0, medium_s=1.9, fast_s=0.65),
        MuscleGroup.PLANTARFLEXORS: _Pace(slow_s=3.0, medium_s=0.8, fast_s=0.17),
        MuscleGroup.HIP_ADDUCTORS: _Pace(slow_s=3.5, medium_s=0.8, fast_s=0.40),
    }
)
"""Elbow as in the project's severity table, ankle as in the KU Leuven recordings, the others chosen by us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """An examiner as a spring and a damper that follow an intended movement; ranges of section 3 of the dossier.

    Stiffness, damping and torque limits are those for an adult elbow; they grow with the limb.

    Attributes
    ----------
    stiffness_Nm_per_rad, damping_Nms_per_rad
        How firmly the limb is guided.
    strength_N
        Largest push beyond what carries the limb.
    end_feel_Nm
        Torque at which a slow stretch is ended.
    hand_kg
        Mass of the hand and of the force sensor, which move with the limb.
    feel
        Share of the limb's inertia and weight that the examiner anticipates.
    pace
        Factor on the usual durations.
    reach
        Fraction of the healthy range that is aimed at.
    wobble_deg
        Standard deviation of the hand's unsteadiness.
    wobble_knot_s
        Time between the random knots of that unsteadiness.
    proximal_wobble_deg
        Standard deviation of the proximal segment's movement in the plane of the stretch.
    reposition_s
        Pause after a fast stretch, before the limb is pushed on; infinite: it is not.
    """

    stiffness_Nm_per_rad: float = 25.0
    damping_Nms_per_rad: float = 1.4
    strength_N: float = 80.0
    end_feel_Nm: float = 6.0
    hand_kg: float = 0.5
    feel: float = 0.9
    pace: float = 1.0
    reach: float = 0.96
    wobble_deg: float = 0.3
    wobble_knot_s: float = 0.25
    proximal_wobble_deg: float = 0.8
    reposition_s: float = 0.35

    def __post_init__(self) -> None:
        for name in ("stiffness_Nm_per_rad", "damping_Nms_per_rad", "strength_N", "end_feel_Nm", "pace", "reach"):
            if not getattr(self, name) > 0:
                raise DataError(f"expected a positive Examiner.{name}; got {getattr(self, name)}")
        if self.wobble_deg < 0 or self.proximal_wobble_deg < 0:
            raise DataError("expected an Examiner.wobble_deg of at least 0; got a negative one")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamPlan:
    """Which stretches are done, in which order, with which rests.

    Attributes
    ----------
    slow, medium, fast
        Number of stretches at V1, V2 and V3, in this order.
    peak_velocities_deg_s
        Further stretches aimed at these peak velocities, after the others.
    lead_s, hold_s, return_s, rest_s
        Stillness at the recording's start; holding after a stretch; duration of the return; rest after it.
    start_fractions
        Bounds between which the stretches start, as fractions of the healthy range; before 0, the muscle is slacker
        than at the range's shortened end.
    pace_spread
        Standard deviation of the logarithm of durations between repetitions.
    threshold_spread_deg
        Standard deviation of the reflex threshold between repetitions, for a healthy range of 130 deg.
    """

    slow: int = 2
    medium: int = 0
    fast: int = 3
    peak_velocities_deg_s: tuple[float, ...] = ()
    lead_s: float = 2.0
    hold_s: float = 1.0
    return_s: float = 1.4
    rest_s: float = 1.6
    start_fractions: tuple[float, float] = (0.0, 0.03)
    pace_spread: float = 0.08
    threshold_spread_deg: float = 2.5

    def __post_init__(self) -> None:
        if self.slow + self.medium + self.fast + len(self.peak_velocities_deg_s) < 1:
            raise DataError("expected an ExamPlan of at least one stretch; got none")
        if any(not velocity > 0 for velocity in self.peak_velocities_deg_s):
            raise DataError(f"expected positive peak velocities; got {self.peak_velocities_deg_s}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One intended stretch with its return; angles are travelled from the shortened end of the healthy range.

    Attributes
    ----------
    duration_s
        Intended duration of the stretch.
    is_slow
        Whether it is ended by the end feel rather than by strength.
    start_deg, target_deg, back_deg
        Where it starts, what it aims at, and where the return ends (the start of the next stretch).
    lead_s, hold_s, return_s, rest_s
        Stillness before the stretch, holding after it, duration of the return, rest after the return.
    push_deg
        How much further the target is moved when the limb is pushed on after the stretch; 0: not at all.
    push_pause_s
        How long after the stretch's intended end that is.
    threshold_shift_deg
        Shift of the reflex threshold in this repetition.
    """

    duration_s: float
    is_slow: bool
    start_deg: float
    target_deg: float
    back_deg: float
    lead_s: float
    hold_s: float
    return_s: float
    rest_s: float
    push_deg: float
    push_pause_s: float
    threshold_shift_deg: float

    @property
    def total_s(self) -> float:
        """Duration with return and rests."""
        return self.lead_s + self.duration_s + self.hold_s + self.return_s + self.rest_s


STANDARD_EXAMINER = Examiner()
"""An average examiner."""

STANDARD_PLAN = ExamPlan()
"""Two slow and three fast stretches."""


def draw_examiner(seed: int) -> Examiner:
    """Draw an examiner from the ranges of section 3 of the dossier; pace +-15 %."""
    rng = np.random.default_rng([seed, 41])
    return Examiner(
        stiffness_Nm_per_rad=float(rng.uniform(15.0, 40.0)),
        damping_Nms_per_rad=float(rng.uniform(0.8, 2.0)),
        strength_N=float(rng.uniform(60.0, 120.0)),
        end_feel_Nm=float(rng.uniform(4.5, 8.0)),
        hand_kg=float(rng.uniform(0.4, 0.8)),
        feel=float(rng.uniform(0.75, 1.0)),
        pace=float(rng.uniform(0.85, 1.15)),
        reach=float(rng.uniform(0.94, 0.98)),
        wobble_deg=float(rng.uniform(0.1, 0.6)),
        proximal_wobble_deg=float(rng.uniform(0.3, 1.5)),
        reposition_s=float(rng.uniform(0.25, 0.6)) if rng.random() < 0.7 else float("inf"),
    )


def plan_movements(
    group: MuscleGroup, examiner: Examiner, plan: ExamPlan, rng: np.random.Generator
) -> tuple[Movement, ...]:
    """Lay out the intended movements of an exam of one muscle group."""
    range_deg = MUSCLES[group].healthy_range_deg
    pace = _PACES[group]
    usual = (
        [(pace.slow_s, True)] * plan.slow + [(pace.medium_s, False)] * plan.medium + [(pace.fast_s, False)] * plan.fast
    )
    span_deg = examiner.reach * range_deg
    aimed = [(_MINIMUM_JERK_PEAK * span_deg / v / examiner.pace, v < 70.0) for v in plan.peak_velocities_deg_s]
    durations = [*usual, *aimed]
    starts_deg = rng.uniform(*plan.start_fractions, len(durations) + 1) * range_deg
    return tuple(
        Movement(
            duration_s=duration_s * examiner.pace * float(np.exp(rng.normal(0.0, plan.pace_spread))),
            is_slow=is_slow,
            start_deg=float(starts_deg[index]),
            target_deg=min(examiner.reach + float(rng.normal(0.0, 0.005)), 0.99) * range_deg,
            back_deg=float(starts_deg[index + 1]),
            lead_s=plan.lead_s if index == 0 else 0.0,
            hold_s=plan.hold_s,
            return_s=plan.return_s * float(rng.uniform(0.85, 1.15)),
            rest_s=plan.rest_s * float(rng.uniform(0.85, 1.15)),
            push_deg=0.0 if is_slow or np.isinf(examiner.reposition_s) else 0.06 * range_deg,
            push_pause_s=0.0 if is_slow else examiner.reposition_s,
            threshold_shift_deg=float(rng.normal(0.0, plan.threshold_spread_deg)) * range_deg / 130.0,
        )
        for index, (duration_s, is_slow) in enumerate(durations)
    )
