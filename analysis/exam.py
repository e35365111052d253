"""What was recorded of an exam: its movement, its stretches, what each weighs, and which of them can be judged."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis.errors import AnalysisError
from analysis.finding import Stretch, VelocityClass
from analysis.force_check import (
    ForceCheckParams,
    require_live_force,
    require_pushes_that_move,
    require_same_clock,
    weight_doubts,
)
from analysis.limb import Limb, limb_of
from analysis.load import LimbLoad, LoadParams, measure_load
from analysis.model import Recording
from analysis.motion import Motion, track_motion
from analysis.stretch import Leg, StretchParams, describe_legs, find_legs, swings_like_pendulum, velocity_class

__all__ = ["NOT_GRADED", "Exam", "ExamParams", "examine"]

NOT_GRADED = "not graded:"
"""A warning of a recording that starts with these words keeps its grade from being given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamParams:
    """How an exam is read before anything is judged.

    Attributes
    ----------
    stretch, load, force
        See the steps.
    force_lag_s
        A correction of the force's clock from this on (s) is reported; the search ends at `load.max_lag_s`. Chosen by
        us.
    max_gap_s, least_gap_s, max_gap_share
        A stretch is flagged and left out if the joint was not observed for longer than the first, or for longer than
        the second (and three sampling intervals) while it turned by more than this share of the healthy range. Chosen
        by us.
    """

    stretch: StretchParams = field(default_factory=StretchParams)
    load: LoadParams = field(default_factory=LoadParams)
    force: ForceCheckParams = field(default_factory=ForceCheckParams)
    force_lag_s: float = 0.02
    max_gap_s: float = 0.25
    least_gap_s: float = 0.04
    max_gap_share: float = 0.08


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exam:
    """A recording on its way to a finding.

    Attributes
    ----------
    recording, motion
        What was recorded, and its movement.
    legs, stretches, quality
        Its stretches as samples and as findings, and for each the reasons why it is left out of the summary.
    limb, load
        The limb that moved, and its torques; ``None`` without force.
    warnings
        What limits the exam.
    """

    recording: Recording
    motion: Motion
    legs: tuple[Leg, ...]
    stretches: tuple[Stretch, ...]
    quality: tuple[tuple[str, ...], ...]
    limb: Limb
    load: LimbLoad | None
    warnings: tuple[str, ...]

    def of(self, velocity: VelocityClass) -> tuple[int, ...]:
        """List the indices of the stretches of one velocity that are not flagged."""
        return tuple(
            i
            for i, (stretch, quality) in enumerate(zip(self.stretches, self.quality, strict=True))
            if stretch.velocity is velocity and not quality
        )

    @property
    def refused(self) -> bool:
        """Whether the recording says of itself that it must not be graded."""
        return any(warning.startswith(NOT_GRADED) for warning in self.recording.warnings)

    @property
    def end_range_deg(self) -> float:
        """End of range along the stretch: of the slow stretches, else as far as the limb was ever carried."""
        slow = [float(self.motion.stretch_deg[self.legs[i].last]) for i in self.of(VelocityClass.V1)]
        if slow:
            return float(np.median(slow))
        return max((float(self.motion.stretch_deg[leg.last]) for leg in self.legs), default=0.0)

    def range_share(self, index: int) -> float:
        """Range of a stretch with what was carried on at once, as a share of the healthy range."""
        x = self.motion.stretch_deg
        leg = self.legs[index]
        return float((x[leg.end] - x[leg.start]) / self.recording.muscle.healthy_range_deg)


def examine(recording: Recording, params: ExamParams = ExamParams()) -> Exam:
    """Find the stretches of a recording, what they weigh, and what keeps each from being judged.

    Parameters
    ----------
    recording
        One exam of one muscle group.
    params
        How it is read.

    Raises
    ------
    AnalysisError
        If the joint was not observed.
    """
    motion = track_motion(recording.angle, stretch_sign=recording.muscle.stretch_sign, params=params.stretch.motion)
    limb = limb_of(recording.muscle_group, recording.subject)
    legs: tuple[Leg, ...] = ()
    warnings: list[str] = []
    if swings_like_pendulum(motion):
        warnings.append("the limb swings like a pendulum: no stretches were sought; set the test to 'pendulum'")
    else:
        legs = find_legs(motion, recording.muscle, params=params.stretch)
        if not legs:
            warnings.append("no stretch was found: nothing moves along the stretch of this muscle far and fast enough")
    stretches = describe_legs(motion, legs, params=params.stretch)
    exam = Exam(
        recording=recording,
        motion=motion,
        legs=legs,
        stretches=stretches,
        quality=tuple(_quality(recording, motion, leg, params) for leg in legs),
        limb=limb,
        load=None,
        warnings=(*warnings, *_velocity_warnings(stretches, params.stretch)),
    )
    return _weigh(exam, params)


def _weigh(exam: Exam, params: ExamParams) -> Exam:
    """Add the torques where there is a force sensor, with what limits them."""
    if exam.recording.force is None or not exam.legs:
        return exam
    warnings = list(exam.warnings)
    if exam.limb.sized_from_defaults:
        missing = ", ".join(exam.limb.assumed)
        warnings.append(
            f"{missing} not recorded: the limb's weight, inertia and thresholds are those of an average adult"
        )
    if exam.recording.tilt is None:
        warnings.append(
            "the segment's tilt against gravity was not recorded: its weight was fitted in the joint angle, resistance "
            "is less certain"
        )
    if not exam.of(VelocityClass.V1):
        warnings.append("no slow stretch: the limb's weight is known from body size and rest alone")
    legs = {velocity: [exam.legs[i] for i in exam.of(velocity)] for velocity in VelocityClass}
    try:
        load = measure_load(exam.recording, exam.motion, exam.limb, legs=legs, params=params.load)
        require_live_force(exam.recording.force)
        if legs[VelocityClass.V1]:
            warnings += weight_doubts(load, exam.limb, exam.recording.tilt, params.force)
        require_same_clock(exam.motion, legs[VelocityClass.V3], load, params.force)
        require_pushes_that_move(legs[VelocityClass.V3], load, params.force)
    except AnalysisError as error:
        return replace(exam, warnings=(*warnings, f"resistance was not measured: {error}"))
    if abs(load.lag_s) >= params.force_lag_s:
        which = "behind" if load.lag_s > 0 else "ahead of"
        warnings.append(
            f"the force was {1e3 * abs(load.lag_s):.0f} ms {which} the movement in the fast stretches, and was shifted "
            "by that; align the clocks"
        )
    return replace(exam, load=load, warnings=tuple(warnings))


def _quality(recording: Recording, motion: Motion, leg: Leg, params: ExamParams) -> tuple[str, ...]:
    """Name the reasons to leave a stretch out of the summary."""
    reasons = []
    angle = recording.angle
    seen_s = angle.time_s[np.isfinite(angle.angle_deg)]
    start_s, end_s = motion.time_s[leg.start], motion.time_s[leg.end]
    inside = seen_s[max(0, np.searchsorted(seen_s, start_s) - 1) : np.searchsorted(seen_s, end_s, side="right") + 1]
    gaps_s = np.diff(inside)
    turned_deg = np.abs(np.diff(np.interp(inside, motion.time_s, motion.stretch_deg)))
    unseen = gaps_s > max(params.least_gap_s, 3.0 / angle.rate_hz)
    unseen &= (gaps_s > params.max_gap_s) | (turned_deg > params.max_gap_share * recording.muscle.healthy_range_deg)
    if unseen.any():
        worst = int(np.where(unseen, gaps_s, 0.0).argmax())
        reasons.append(
            f"the joint was not observed for {1000 * gaps_s[worst]:.0f} ms of the stretch, while it turned by "
            f"{turned_deg[worst]:.0f} deg"
        )
    reasons += [gap.reason for gap in recording.gaps if gap.start_s < end_s and gap.end_s > start_s]
    if any(warning.startswith(NOT_GRADED) for warning in recording.warnings):
        reasons.append("the recording was marked as not to be graded")
    return tuple(reasons)


def _velocity_warnings(stretches: Sequence[Stretch], params: StretchParams) -> list[str]:
    """Say where velocities are not what the test asks for."""
    warnings = []
    taken = [
        s.peak_velocity_deg_s
        for s in stretches
        if s.velocity is VelocityClass.V1 and velocity_class(s.peak_velocity_deg_s, params=params) is not s.velocity
    ]
    if taken:
        warnings.append(
            f"the slow stretches of this exam peaked at {max(taken):.0f} deg/s, above the V1 band of "
            f"{params.v1_max_deg_s:g} deg/s: R2 and the slow resistance may hold some reflex"
        )
    if stretches and all(s.velocity is not VelocityClass.V3 for s in stretches):
        warnings.append(f"no fast stretch: none reached the V3 band of {params.v3_min_deg_s:g} deg/s")
    if stretches and all(s.velocity is not VelocityClass.V1 for s in stretches):
        warnings.append("no slow stretch: R2 and the end of range are not known")
    return warnings
