"""Which catch a stretch shows: resistance and movement fused, else the movement, and EMG where that is unsure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis.catch import CatchParams, MovementView, kinematic_catch
from analysis.exam import Exam
from analysis.exam_grade import ExamGrade
from analysis.finding import Catch, EmgOnset, VelocityClass
from analysis.grade_model import SeenCatch
from analysis.grading import GradingParams
from analysis.motion import Motion
from analysis.ordinal import logistic
from analysis.reflex import ReflexParams, emg_catch
from analysis.resistance import ResistanceParams, force_catch
from analysis.stretch import Leg

__all__ = ["CatchChoiceParams", "choose_catch", "fuse_catches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchChoiceParams:
    """When which source may report a catch.

    Attributes
    ----------
    movement, resistance, reflex, grading
        See the steps.
    max_catch_sd_share
        Without force, a catch whose place the model knows less well than to this share of the healthy range is not
        reported. Chosen by us.
    max_slight
        Nor is it in an exam whose grades 0 and 1 together are more probable than this. Chosen by us.
    least_departure, least_short_share
        Nor is it where the movement hardly departs from an examiner's own (bell-shaped movements stay below the first,
        a probability), unless the fast stretches stop this share of the healthy range before the slow ones, or the limb
        is as stiff as `GradingParams.stiff_ratio` says. Chosen by us.
    """

    movement: CatchParams = field(default_factory=CatchParams)
    resistance: ResistanceParams = field(default_factory=ResistanceParams)
    reflex: ReflexParams = field(default_factory=ReflexParams)
    grading: GradingParams = field(default_factory=GradingParams)
    max_catch_sd_share: float = 0.1
    max_slight: float = 0.1
    least_departure: float = 0.1
    least_short_share: float = 0.05


def choose_catch(
    exam: Exam,
    index: int,
    *,
    view: MovementView,
    fired: Sequence[EmgOnset],
    graded: ExamGrade,
    params: CatchChoiceParams = CatchChoiceParams(),
) -> Catch | None:
    """Report the catch of one stretch; slow ones have none.

    Parameters
    ----------
    exam, index
        The exam, and which of its stretches.
    view, fired
        What its movement and its EMG show.
    graded
        What the exam as a whole shows, and what the trained model says of each stretch.
    params
        Which source may report what.
    """
    if exam.stretches[index].velocity is VelocityClass.V1:
        return None
    leg = exam.legs[index]
    if exam.load is None or not np.isfinite(exam.load.push_Nm[leg.start : leg.end + 1]).all():
        return _moved_catch(exam, index, view, graded, params) or _emg_catch(exam, index, fired, view, params)
    # The excess itself decides, and the rules of the scale: the trained probability was silent about excess that was
    # planted plainly.
    resisted = force_catch(
        exam.motion, leg, exam.load, limb=exam.limb, exam_probability=_spastic(graded), params=params.resistance
    )
    moved = kinematic_catch(exam.motion, leg, view.departure, probability=view.probability, params=params.movement)
    return resisted if resisted is None or moved is None else fuse_catches(exam.motion, leg, (resisted, moved))


def fuse_catches(motion: Motion, leg: Leg, catches: Sequence[Catch]) -> Catch:
    """Fuse what several sources say of the catch of one stretch, each weighed by its interval.

    Where they lie further apart than their intervals let expect, the fused interval grows by that factor (Birge 1932,
    doi:10.1103/PhysRev.40.207), so that a disagreement is not made to look like precision. The probability is that of
    the surest.

    Parameters
    ----------
    motion, leg
        The movement and the stretch.
    catches
        Catches of that stretch, one or more.
    """
    angles = np.array([one.angle_deg for one in catches])
    sds = np.array([np.ptp(one.angle_interval95_deg) / (2.0 * 1.96) for one in catches])
    weights = 1.0 / np.maximum(sds, _LEAST_SD_DEG) ** 2
    angle = float(np.average(angles, weights=weights))
    chi2 = float((weights * (angles - angle) ** 2).sum()) / max(1, angles.size - 1)
    half = 1.96 * float(np.sqrt(max(1.0, chi2) / weights.sum()))
    travelled = motion.stretch_deg[leg.start : leg.end + 1]
    at = leg.start + int(np.argmax(travelled >= min(motion.sign * angle, float(travelled.max()))))
    return Catch(
        time_s=float(motion.time_s[at]),
        angle_deg=angle,
        stretch_deg=motion.sign * angle - float(travelled[0]),
        angle_interval95_deg=(angle - half, angle + half),
        probability=max(one.probability for one in catches),
        method="; and ".join(dict.fromkeys(one.method for one in catches)),
    )


_LEAST_SD_DEG = 0.5
"""No source places a catch better than this."""


def _spastic(graded: ExamGrade) -> float:
    """Probability that the exam shows more than grade 0 by the rules of the scale, 1 where they were not asked."""
    odds = None if graded.evidence is None else graded.evidence.exam.get("rule1")
    return 1.0 if odds is None else float(logistic(np.array(odds)))


def _judged(graded: ExamGrade, index: int, params: CatchChoiceParams) -> SeenCatch | None:
    """Take what the trained model says of one stretch, with what the exam as a whole leaves open."""
    grade, evidence = graded.grade, graded.evidence
    judged = graded.judged[index] if graded.judged else None
    if judged is None or grade is None or evidence is None:
        return None
    slight = grade.probabilities["0"] + grade.probabilities["1"]
    stiff = evidence.exam["slow_reached"] <= params.grading.stiff_ratio * params.grading.rigid_share
    stops_short = evidence.exam["fast_gap"] >= params.least_short_share
    return replace(judged, sure_exam=slight <= params.max_slight, shows=bool(stiff or stops_short))


def _moved_catch(
    exam: Exam, index: int, view: MovementView, graded: ExamGrade, params: CatchChoiceParams
) -> Catch | None:
    """Report the catch that interrupts the movement, else the one that the trained model infers."""
    leg = exam.legs[index]
    shown = kinematic_catch(exam.motion, leg, view.departure, probability=view.probability, params=params.movement)
    judged = _judged(graded, index, params)
    may_be = judged is not None and (judged.shows or view.probability >= params.least_departure)
    return _inferred_catch(exam, leg, judged, params) if shown is None and judged and may_be else shown


def _inferred_catch(exam: Exam, leg: Leg, judged: SeenCatch, params: CatchChoiceParams) -> Catch | None:
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


def _emg_catch(
    exam: Exam, index: int, fired: Sequence[EmgOnset], view: MovementView, params: CatchChoiceParams
) -> Catch | None:
    """Report the catch that EMG confirms where resistance was not measured and the movement alone is too unsure."""
    if exam.load is not None or exam.stretches[index].velocity is VelocityClass.V1:
        return None
    return emg_catch(
        fired,
        exam.motion,
        exam.legs[index],
        probability=view.probability,
        end_range_deg=exam.end_range_deg,
        params=params.reflex,
    )
