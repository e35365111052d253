"""The one pipeline from a recording to its finding."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis.catch import CatchParams, Departure, catch_probability, find_departure, kinematic_catch
from analysis.clonus import ClonusParams, clonus_duration_s
from analysis.errors import AnalysisError
from analysis.evidence import EvidenceParams
from analysis.exam_evidence import ExamEvidence, ExamView, gather_evidence
from analysis.finding import (
    Assessment,
    Catch,
    EmgOnset,
    Grade,
    Pendulum,
    Resistance,
    Stretch,
    StretchFinding,
    Tardieu,
    Threshold,
    VelocityClass,
)
from analysis.grade_model import GradeModel, SeenCatch, standard_model
from analysis.grading import GradingParams, grade_by_force
from analysis.limb import Limb, limb_of
from analysis.load import LimbLoad, LoadParams, measure_load
from analysis.model import Recording, TestKind
from analysis.motion import Motion, track_motion
from analysis.pendulum import PendulumParams, measure_pendulum
from analysis.reflex import (
    ReflexOnset,
    ReflexParams,
    crossing,
    emg_catch,
    emg_doubts,
    emg_onsets,
    measure_threshold,
    movement_onset,
    threshold_doubts,
    torque_onset,
)
from analysis.resistance import (
    ResistanceParams,
    fast_evidence,
    force_catch,
    resistance_curve,
    resistance_of,
)
from analysis.stretch import Leg, StretchParams, describe_legs, find_legs, swings_like_pendulum, velocity_class
from analysis.tardieu import TardieuParams, summarise_tardieu

__all__ = ["NOT_GRADED", "AssessParams", "assess"]

NOT_GRADED = "not graded:"
"""A warning of a recording that starts with these words keeps its grade from being given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessParams:
    """Parameters of all steps of an assessment.

    Attributes
    ----------
    stretch, catch, load, resistance, clonus, tardieu, reflex, pendulum, grading, evidence
        See the steps.
    model
        The trained grade.
    max_catch_sd_share
        Without force, a catch whose place the model knows less well than to this share of the healthy range is not
        reported. Chosen by us.
    max_slight
        Nor is it in an exam whose grades 0 and 1 together are more probable than this. Chosen by us.
    least_departure, least_short_share
        Nor is it where the movement hardly departs from an examiner's own (bell-shaped movements stay below the first,
        a probability), unless the fast stretches stop this share of the healthy range before the slow ones, or the limb
        is as stiff as `stiff_ratio` says. Chosen by us.
    stiff_ratio
        Without a fast stretch, an exam whose widest range is below this many times that of a rigid limb is graded all
        the same: so stiff a limb cannot be moved fast. Chosen by us.
    force_lag_s
        A correction of the force's clock from this on (s) is reported; the search ends at `load.max_lag_s`. Chosen by
        us.
    max_gap_s, least_gap_s, max_gap_share
        A stretch is flagged and left out if the joint was not observed for longer than the first, or for longer than
        the second (and three sampling intervals) while it turned by more than this share of the healthy range. Chosen
        by us.
    """

    stretch: StretchParams = field(default_factory=StretchParams)
    catch: CatchParams = field(default_factory=CatchParams)
    load: LoadParams = field(default_factory=LoadParams)
    resistance: ResistanceParams = field(default_factory=ResistanceParams)
    clonus: ClonusParams = field(default_factory=ClonusParams)
    tardieu: TardieuParams = field(default_factory=TardieuParams)
    reflex: ReflexParams = field(default_factory=ReflexParams)
    pendulum: PendulumParams = field(default_factory=PendulumParams)
    grading: GradingParams = field(default_factory=GradingParams)
    evidence: EvidenceParams = field(default_factory=EvidenceParams)
    model: GradeModel = field(default_factory=standard_model)
    max_catch_sd_share: float = 0.1
    max_slight: float = 0.1
    least_departure: float = 0.1
    least_short_share: float = 0.05
    stiff_ratio: float = 2.0
    force_lag_s: float = 0.02
    max_gap_s: float = 0.25
    least_gap_s: float = 0.04
    max_gap_share: float = 0.08


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Exam:
    """A recording on its way to a finding."""

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


def assess(recording: Recording, params: AssessParams = AssessParams()) -> Assessment:
    """Find stretches, catches, resistance and their summary in a recording.

    Parameters
    ----------
    recording
        One exam of one muscle group. A warning of it that starts with ``not graded:`` keeps the grade from being given
        and flags every stretch.
    params
        Parameters of all steps.

    Raises
    ------
    AnalysisError
        If the joint was not observed.
    """
    if recording.test is TestKind.PENDULUM:
        return _assess_pendulum(recording, params)
    exam = _examine(recording, params)
    resistances = [
        None if exam.load is None else resistance_of(exam.motion, leg, exam.load, params.resistance)
        for leg in exam.legs
    ]
    seen = [_depart(exam, i, params) for i in range(len(exam.legs))]
    evidence, grade, why = _grade(exam, seen, resistances, params)
    fired, silent = _fire(exam, params)
    findings = tuple(
        StretchFinding(
            stretch=stretch,
            catch=_catch(exam, i, seen[i], evidence, _judged(evidence, i, grade, params), params)
            or _emg_catch(exam, i, fired[i], seen[i], params),
            resistance=resistances[i],
            quality=exam.quality[i],
            emg=fired[i],
        )
        for i, stretch in enumerate(exam.stretches)
    )
    curves = tuple(None if exam.load is None else resistance_curve(exam.motion, leg, exam.load) for leg in exam.legs)
    threshold, no_threshold = _threshold(exam, fired, seen, params)
    return Assessment(
        recording=recording,
        stretches=findings,
        curves=curves,
        tardieu=_tardieu(exam, findings, params),
        threshold=threshold,
        pendulum=None,
        grade=grade,
        evidence=evidence,
        warnings=(*recording.warnings, *exam.warnings, *silent, *why, *no_threshold),
    )


def _assess_pendulum(recording: Recording, params: AssessParams) -> Assessment:
    """Assess a pendulum test; what it does not show becomes a warning."""
    pendulum: Pendulum | None = None
    warnings = recording.warnings
    if not np.isfinite(recording.angle.angle_deg).any():
        raise AnalysisError("the joint was not observed: every value of JointAngle.angle_deg is missing (NaN)")
    try:
        limb = limb_of(recording.muscle_group, recording.subject)
        pendulum = measure_pendulum(recording.angle, recording.muscle, params.pendulum, limb=limb)
        if pendulum.model is not None and limb.assumed:
            missing = ", ".join(limb.assumed)
            warnings = (*warnings, f"{missing} not recorded: the fitted limb has the weight of an average adult")
    except AnalysisError as error:
        warnings = (*warnings, str(error))
    return Assessment(
        recording=recording,
        stretches=(),
        curves=(),
        tardieu=Tardieu(r1_deg=None, r2_deg=None, spasticity_angle_deg=None, x=None),
        threshold=None,
        pendulum=pendulum,
        grade=None,
        warnings=warnings,
    )


def _examine(recording: Recording, params: AssessParams) -> _Exam:
    """Find the stretches of a recording and what they weigh."""
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
    exam = _Exam(
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


def _weigh(exam: _Exam, params: AssessParams) -> _Exam:
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
    try:
        load = measure_load(
            exam.recording,
            exam.motion,
            exam.limb,
            legs={velocity: [exam.legs[i] for i in exam.of(velocity)] for velocity in VelocityClass},
            params=params.load,
        )
    except AnalysisError as error:
        return replace(exam, warnings=(*warnings, f"resistance was not measured: {error}"))
    if abs(load.lag_s) >= params.force_lag_s:
        which = "behind" if load.lag_s > 0 else "ahead of"
        warnings.append(
            f"the force was {1e3 * abs(load.lag_s):.0f} ms {which} the movement in the fast stretches, and was shifted "
            "by that; align the clocks"
        )
    return replace(exam, load=load, warnings=tuple(warnings))


def _quality(recording: Recording, motion: Motion, leg: Leg, params: AssessParams) -> tuple[str, ...]:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What the movement of a stretch alone shows of a catch."""

    departure: Departure | None
    probability: float


def _depart(exam: _Exam, index: int, params: AssessParams) -> _Seen:
    """Judge a stretch by its movement; slow ones show no catch."""
    if exam.stretches[index].velocity is VelocityClass.V1:
        return _Seen(departure=None, probability=0.0)
    departure = find_departure(
        exam.motion,
        exam.legs[index],
        end_range_deg=exam.end_range_deg,
        healthy_range_deg=exam.recording.muscle.healthy_range_deg,
        params=params.catch,
    )
    probability = catch_probability(exam.motion, departure, end_range_deg=exam.end_range_deg, params=params.catch)
    return _Seen(departure=departure, probability=probability)


def _judged(evidence: ExamEvidence | None, index: int, grade: Grade | None, params: AssessParams) -> SeenCatch | None:
    """Ask the trained model for the catch of one stretch; it is silent on exams that it does not grade."""
    of_stretch = None if evidence is None else evidence.stretches[index]
    if evidence is None or of_stretch is None or grade is None:
        return None
    judged = params.model.catch(of_stretch, evidence.sources)
    slight = grade.probabilities["0"] + grade.probabilities["1"]
    stiff = evidence.exam["slow_reached"] <= params.stiff_ratio * params.grading.rigid_share
    stops_short = evidence.exam["fast_gap"] >= params.least_short_share
    return replace(judged, sure_exam=slight <= params.max_slight, shows=bool(stiff or stops_short))


def _catch(
    exam: _Exam,
    index: int,
    seen: _Seen,
    evidence: ExamEvidence | None,
    judged: SeenCatch | None,
    params: AssessParams,
) -> Catch | None:
    """Report the catch of one stretch: read off the resistance where it was measured, else off the movement.

    With force the excess itself decides, and the rules of the scale: the trained probability was silent about excess
    that was planted plainly.
    """
    if exam.stretches[index].velocity is VelocityClass.V1:
        return None
    motion, leg = exam.motion, exam.legs[index]
    if exam.load is None or not np.isfinite(exam.load.push_Nm[leg.start : leg.end + 1]).all():
        shown = kinematic_catch(motion, leg, seen.departure, probability=seen.probability, params=params.catch)
        may_be = judged is not None and (judged.shows or seen.probability >= params.least_departure)
        return _inferred_catch(exam, leg, judged, params) if shown is None and judged and may_be else shown
    odds = None if evidence is None else evidence.exam.get("rule1")
    spastic = 1.0 if odds is None else float(1.0 / (1.0 + np.exp(-odds)))
    return force_catch(motion, leg, exam.load, limb=exam.limb, exam_probability=spastic, params=params.resistance)


def _inferred_catch(exam: _Exam, leg: Leg, judged: SeenCatch, params: AssessParams) -> Catch | None:
    """Report a catch that is no interruption, where slow stretches show the range and the model is sure."""
    placed = judged.sd_share <= params.max_catch_sd_share and bool(exam.of(VelocityClass.V1))
    if not (judged.reported and judged.sure_exam and placed):
        return None
    motion, range_deg = exam.motion, exam.recording.muscle.healthy_range_deg
    travelled = motion.stretch_deg[leg.start : leg.end + 1] - motion.stretch_deg[leg.start]
    value = float(np.clip(judged.share * range_deg, 0.0, travelled.max()))
    at = leg.start + int(np.argmax(travelled >= value))
    sd_deg = float(np.hypot(judged.sd_share * range_deg, motion.systematic_deg))
    angle = motion.sign * (float(motion.stretch_deg[leg.start]) + value)
    return Catch(
        time_s=float(motion.time_s[at]),
        angle_deg=angle,
        stretch_deg=value,
        angle_interval95_deg=(angle - 1.96 * sd_deg, angle + 1.96 * sd_deg),
        probability=judged.probability,
        method="inferred from range and course of the movement",
    )


def _fire(exam: _Exam, params: AssessParams) -> tuple[list[tuple[EmgOnset, ...]], tuple[str, ...]]:
    """Find when the stretched muscles began to fire in each stretch, and say what keeps EMG from being read."""
    recording = exam.recording
    read = [
        emg_onsets(recording.emg, exam.motion, leg, group=recording.muscle_group, params=params.reflex)
        for leg in exam.legs
    ]
    said = list(dict.fromkeys(sentence for _, sentences in read for sentence in sentences))
    if exam.legs and recording.emg:
        said += emg_doubts(recording.emg, recording.muscle_group)
    return [onsets for onsets, _ in read], tuple(said)


def _emg_catch(exam: _Exam, index: int, fired: Sequence[EmgOnset], seen: _Seen, params: AssessParams) -> Catch | None:
    """Report the catch that EMG confirms where resistance was not measured and the movement alone is too unsure."""
    if exam.load is not None or exam.stretches[index].velocity is VelocityClass.V1:
        return None
    return emg_catch(
        fired,
        exam.motion,
        exam.legs[index],
        probability=seen.probability,
        end_range_deg=exam.end_range_deg,
        params=params.reflex,
    )


def _threshold(
    exam: _Exam, fired: Sequence[Sequence[EmgOnset]], seen: Sequence[_Seen], params: AssessParams
) -> tuple[Threshold | None, tuple[str, ...]]:
    """Fit the reflex threshold to all stretches, or say why not where there were enough of them.

    A gap elsewhere in a stretch does not matter here: the crossing itself must have been observed.
    """
    motion, joint = exam.motion, exam.recording.muscle.joint
    usable = range(len(exam.legs))
    refused = any(warning.startswith(NOT_GRADED) for warning in exam.recording.warnings)
    if len(usable) < params.reflex.threshold.min_points or refused:
        return None, ()
    onsets: dict[str, list[ReflexOnset | None]] = {}
    if any(fired):
        first = [min(fired[i], key=lambda one: one.time_s, default=None) for i in usable]
        onsets["emg"] = [None if one is None else ReflexOnset(time_s=one.time_s, sd_s=one.sd_s) for one in first]
    if exam.load is not None:
        onsets["torque"] = [
            torque_onset(motion, exam.legs[i], exam.load, limb=exam.limb, params=params.reflex) for i in usable
        ]
    onsets["movement"] = [_departed(exam, seen[i], params) for i in usable]
    crossings = {
        method: [
            None if one is None else crossing(one, motion, exam.legs[i], joint=joint, params=params.reflex)
            for i, one in zip(usable, found, strict=True)
        ]
        for method, found in onsets.items()
    }
    try:
        threshold = measure_threshold(
            crossings,
            start_deg=float(np.median([motion.stretch_deg[exam.legs[i].start] for i in usable])),
            end_deg=exam.end_range_deg,
            stretch_sign=exam.recording.muscle.stretch_sign,
            params=params.reflex,
        )
    except AnalysisError as error:
        return None, (str(error),)
    return threshold, threshold_doubts(threshold, end_deg=exam.motion.sign * exam.end_range_deg)


def _departed(exam: _Exam, seen: _Seen, params: AssessParams) -> ReflexOnset | None:
    """Take the onset of a reflex from a probable catch in the movement."""
    if seen.departure is None or seen.probability < params.catch.min_probability:
        return None
    return movement_onset(exam.motion, seen.departure, params.reflex)


def _tardieu(exam: _Exam, findings: Sequence[StretchFinding], params: AssessParams) -> Tardieu:
    """Summarise catches, range and the quality of the reaction."""
    return summarise_tardieu(
        findings,
        stretch_sign=exam.recording.muscle.stretch_sign,
        clonus_s=[clonus_duration_s(exam.motion, leg, until=leg.last, params=params.clonus) for leg in exam.legs],
        slight=[
            None if f.resistance is None else f.resistance.peak_excess_Nm >= exam.limb.noticeable_Nm for f in findings
        ],
        params=params.tardieu,
    )


def _grade(
    exam: _Exam, seen: Sequence[_Seen], resistances: Sequence[Resistance | None], params: AssessParams
) -> tuple[ExamEvidence | None, Grade | None, tuple[str, ...]]:
    """Grade the exam from what was recorded, or say why not."""
    if not exam.legs or any(warning.startswith(NOT_GRADED) for warning in exam.recording.warnings):
        return None, None, ()
    fast = exam.of(VelocityClass.V3)
    why: tuple[str, ...] = ()
    if not fast:
        fast, why = _substitute(exam, params)
    if not fast:
        return None, None, (*why, f"{NOT_GRADED} the scale is defined for a fast stretch")
    measured = tuple(i for i in fast if resistances[i] is not None)
    view = ExamView(
        recording=exam.recording,
        motion=exam.motion,
        limb=exam.limb,
        legs=exam.legs,
        departures=tuple(one.departure for one in seen),
        load=exam.load,
        graded=measured or fast,
        slow=exam.of(VelocityClass.V1),
        rules=_rules(exam, measured, params),
    )
    evidence = gather_evidence(view, params.evidence)
    grade, strange = params.model.grade(evidence.exam, evidence.sources, rules_share=params.grading.rules_share)
    if strange:
        return evidence, None, (*why, f"{NOT_GRADED} {strange}")
    if view.rules or grade is None:
        return evidence, grade, why
    note = "the grade is inferred from movement alone: resistance was not measured"
    return evidence, grade, (*why, note)


def _rules(exam: _Exam, measured: Sequence[int], params: AssessParams) -> Grade | None:
    """Carry the measured resistance through the rules of the scale, ``None`` where it was not measured."""
    if exam.load is None or not measured:
        return None
    range_deg = exam.recording.muscle.healthy_range_deg
    slow = [exam.range_share(i) for i in exam.of(VelocityClass.V1)]
    return grade_by_force(
        [
            fast_evidence(exam.motion, exam.legs[i], exam.load, healthy_range_deg=range_deg, params=params.resistance)
            for i in measured
        ],
        slow_share=float(np.median(slow)) if slow else None,
        limb=exam.limb,
        params=params.grading,
    )


def _substitute(exam: _Exam, params: AssessParams) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Choose the stretches to grade by where none was fast: a limb that cannot be moved far cannot be moved fast."""
    usable = [i for i in range(len(exam.legs)) if not exam.quality[i]]
    widest = max((exam.range_share(i) for i in usable), default=1.0)
    if widest >= params.stiff_ratio * params.grading.rigid_share:
        return (), ()
    quickest = max(usable, key=lambda i: exam.stretches[i].peak_velocity_deg_s)
    return (quickest,), ("no fast stretch was possible in this range: graded by the quickest",)
