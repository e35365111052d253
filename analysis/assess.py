"""The one pipeline from a recording to its finding."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

import numpy as np

from analysis.catch import MovementView, view_movement
from analysis.catch_choice import CatchChoiceParams, choose_catch
from analysis.clonus import ClonusParams, clonus_doubts, clonus_duration_s, held_until
from analysis.detectors import DetectorParams, minimum_power_catch, torque_rate_catch
from analysis.emg import usable_emg
from analysis.errors import AnalysisError
from analysis.exam import NOT_GRADED, Exam, ExamParams, examine
from analysis.exam_grade import ExamGradeParams, grade_exam
from analysis.finding import (
    Assessment,
    Detection,
    EmgOnset,
    Pendulum,
    ResistanceParts,
    StretchFinding,
    Tardieu,
    Threshold,
    VelocityClass,
)
from analysis.limb import limb_of
from analysis.model import Recording, TestKind
from analysis.pendulum import PendulumParams, measure_pendulum
from analysis.reflex import (
    ReflexOnset,
    ReflexParams,
    crossing,
    emg_doubts,
    emg_onsets,
    measure_threshold,
    movement_onset,
    threshold_doubts,
    torque_onset,
)
from analysis.repeatability import RepeatabilityParams, describe_repetitions, flag_disagreeing, repetition_doubts
from analysis.resistance import resistance_curve, resistance_of
from analysis.tardieu import TardieuParams, summarise_tardieu
from analysis.velocity_dependence import VelocityDependenceParams, separate_resistance

__all__ = ["NOT_GRADED", "AssessParams", "assess"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessParams:
    """Parameters of all steps of an assessment. See the steps.

    Attributes
    ----------
    exam, catch, grade, parts, detectors, clonus, tardieu, repeatability, reflex, pendulum
        Reading the exam, choosing each stretch's catch, grading, what resistance is made of, other detectors of the
        catch, clonus, the Tardieu scale, how alike repetitions are, EMG and the threshold, the pendulum test.
    """

    exam: ExamParams = field(default_factory=ExamParams)
    catch: CatchChoiceParams = field(default_factory=CatchChoiceParams)
    grade: ExamGradeParams = field(default_factory=ExamGradeParams)
    parts: VelocityDependenceParams = field(default_factory=VelocityDependenceParams)
    detectors: DetectorParams = field(default_factory=DetectorParams)
    clonus: ClonusParams = field(default_factory=ClonusParams)
    tardieu: TardieuParams = field(default_factory=TardieuParams)
    repeatability: RepeatabilityParams = field(default_factory=RepeatabilityParams)
    reflex: ReflexParams = field(default_factory=ReflexParams)
    pendulum: PendulumParams = field(default_factory=PendulumParams)


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
    emg, broken = usable_emg(recording.emg, params.reflex.emg)
    exam = examine(replace(recording, emg=emg), params.exam)
    resistances = [
        None if exam.load is None else resistance_of(exam.motion, leg, exam.load, params.catch.resistance)
        for leg in exam.legs
    ]
    views = [_view(exam, i, params) for i in range(len(exam.legs))]
    graded = grade_exam(exam, views, resistances, params.grade)
    fired, unread = _fire(exam, params.reflex)
    silent = (*broken, *unread)
    parts = _parts(exam, params.parts)
    findings = tuple(
        StretchFinding(
            stretch=stretch,
            catch=choose_catch(exam, i, view=views[i], fired=fired[i], graded=graded, params=params.catch),
            resistance=resistances[i],
            quality=exam.quality[i],
            emg=fired[i],
            parts=parts[i],
            detections=_detections(exam, i, params.detectors),
        )
        for i, stretch in enumerate(exam.stretches)
    )
    findings = flag_disagreeing(
        findings, healthy_range_deg=recording.muscle.healthy_range_deg, params=params.repeatability
    )
    repetitions = describe_repetitions(findings)
    alike = repetition_doubts(repetitions, params.repeatability)
    curves = tuple(None if exam.load is None else resistance_curve(exam.motion, leg, exam.load) for leg in exam.legs)
    threshold, no_threshold = _threshold(exam, fired, views, params)
    tardieu = _tardieu(exam, findings, params)
    unseen = () if tardieu.x is None else clonus_doubts(exam.motion, params.clonus)
    return Assessment(
        recording=recording,
        stretches=findings,
        curves=curves,
        tardieu=tardieu,
        threshold=threshold,
        pendulum=None,
        grade=graded.grade,
        evidence=graded.evidence,
        repeatability=repetitions,
        warnings=(
            *recording.warnings,
            *exam.warnings,
            *alike,
            *broken,
            *silent,
            *unseen,
            *graded.warnings,
            *no_threshold,
        ),
    )


def _view(exam: Exam, index: int, params: AssessParams) -> MovementView:
    """Judge a stretch by its movement; slow ones show no catch."""
    if exam.stretches[index].velocity is VelocityClass.V1:
        return MovementView(departure=None, probability=0.0)
    return view_movement(
        exam.motion,
        exam.legs[index],
        end_range_deg=exam.end_range_deg,
        healthy_range_deg=exam.recording.muscle.healthy_range_deg,
        params=params.catch.movement,
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
        warnings = (*warnings, *pendulum.doubts)
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


def _parts(exam: Exam, params: VelocityDependenceParams) -> tuple[ResistanceParts | None, ...]:
    """Take the resistance of each stretch apart, where there is any."""
    if exam.load is None:
        return (None,) * len(exam.legs)
    return separate_resistance(
        exam.motion,
        exam.legs,
        exam.load,
        slow=exam.of(VelocityClass.V1),
        fast=(*exam.of(VelocityClass.V2), *exam.of(VelocityClass.V3)),
        healthy_range_deg=exam.recording.muscle.healthy_range_deg,
        params=params,
    )


def _detections(exam: Exam, index: int, params: DetectorParams) -> tuple[Detection, ...]:
    """Ask the other detectors of the catch with force; in slow stretches there is none."""
    if exam.load is None or exam.stretches[index].velocity is VelocityClass.V1:
        return ()
    found = (
        detect(exam.motion, exam.legs[index], exam.load, limb=exam.limb, params=params)
        for detect in (torque_rate_catch, minimum_power_catch)
    )
    return tuple(one for one in found if one is not None)


def _fire(exam: Exam, params: ReflexParams) -> tuple[list[tuple[EmgOnset, ...]], tuple[str, ...]]:
    """Find when the stretched muscles began to fire in each stretch, and say what keeps EMG from being read."""
    recording = exam.recording
    read = [
        emg_onsets(recording.emg, exam.motion, leg, group=recording.muscle_group, params=params) for leg in exam.legs
    ]
    said = list(dict.fromkeys(sentence for _, sentences in read for sentence in sentences))
    if exam.legs and recording.emg:
        said += emg_doubts(recording.emg, recording.muscle_group)
    return [onsets for onsets, _ in read], tuple(said)


def _threshold(
    exam: Exam, fired: Sequence[Sequence[EmgOnset]], views: Sequence[MovementView], params: AssessParams
) -> tuple[Threshold | None, tuple[str, ...]]:
    """Fit the reflex threshold to all stretches, or say why not where there were enough of them.

    A gap elsewhere in a stretch does not matter here: the crossing itself must have been observed.
    """
    motion, joint = exam.motion, exam.recording.muscle.joint
    usable = range(len(exam.legs))
    if len(usable) < params.reflex.threshold.min_points or exam.refused:
        return None, ()
    onsets: dict[str, list[ReflexOnset | None]] = {}
    if any(fired):
        first = [min(fired[i], key=lambda one: one.time_s, default=None) for i in usable]
        onsets["emg"] = [None if one is None else ReflexOnset(time_s=one.time_s, sd_s=one.sd_s) for one in first]
    if exam.load is not None:
        onsets["torque"] = [
            torque_onset(motion, exam.legs[i], exam.load, limb=exam.limb, params=params.reflex) for i in usable
        ]
    onsets["movement"] = [_departed(exam, views[i], params) for i in usable]
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


def _departed(exam: Exam, view: MovementView, params: AssessParams) -> ReflexOnset | None:
    """Take the onset of a reflex from a probable catch in the movement."""
    if view.departure is None or view.probability < params.catch.movement.min_probability:
        return None
    return movement_onset(exam.motion, view.departure, params.reflex)


def _tardieu(exam: Exam, findings: Sequence[StretchFinding], params: AssessParams) -> Tardieu:
    """Summarise catches, range and the quality of the reaction."""
    return summarise_tardieu(
        findings,
        stretch_sign=exam.recording.muscle.stretch_sign,
        clonus_s=_clonus_s(exam, params.clonus),
        slight=[
            None if f.resistance is None else f.resistance.peak_excess_Nm >= exam.limb.noticeable_Nm for f in findings
        ],
        params=params.tardieu,
    )


def _clonus_s(exam: Exam, params: ClonusParams) -> list[float]:
    """Measure how long the joint beats after each stretch, while the hand holds it."""
    motion, beats_s = exam.motion, []
    for leg, after in zip_longest(exam.legs, exam.legs[1:]):
        stop = motion.time_s.size - 1 if after is None else after.first
        until = held_until(motion, leg, stop=stop, params=params)
        beats_s.append(clonus_duration_s(motion, leg, until=until, params=params))
    return beats_s
