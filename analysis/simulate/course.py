"""The course of an exam: stretches, returns and rests one after another, before any sensor saw them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.limb import Limb
from analysis.model import FloatArray
from analysis.simulate.curves import Curve, slow_curve
from analysis.simulate.dynamics import integrate
from analysis.simulate.examiner import Examiner, ExamPlan, Movement, plan_movements
from analysis.simulate.patient import VirtualPatient
from analysis.simulate.rows import PassiveTissue
from analysis.simulate.trial import DYNAMICS, DynamicsParams, Motion, Trial
from analysis.simulate.truth import ExamTruth, summarise, truth_of_stretch

__all__ = ["STANDARD_SIMULATION", "Course", "SimulationParams", "Sitting", "run_courses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationParams:
    """How exams are computed.

    Attributes
    ----------
    dynamics
        Constants of the limb model.
    steps_per_sample
        Integration steps between samples of the true series; 4 gives 250 Hz.
    side_by_side
        Exams that are integrated side by side: enough to spread the cost of a step, few enough for the memory.
    reference_s
        Time of the reference pose, within the first rest.
    sway_knot_s
        Time between the random knots of the proximal segment's movement.
    """

    dynamics: DynamicsParams = DYNAMICS
    steps_per_sample: int = 4
    side_by_side: int = 400
    reference_s: float = 0.5
    sway_knot_s: float = 1.5


STANDARD_SIMULATION = SimulationParams()
"""How exams are computed unless it is said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """Who is examined by whom, and the seed of all that happens by chance."""

    patient: VirtualPatient
    examiner: Examiner
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """What happened in one exam.

    Attributes
    ----------
    sitting, limb
        Who was examined, and the limb.
    motion
        The limb's movement at every integration step of the exam.
    resistance_Nm
        Passive and reflex torque together at these steps, positive against the stretch.
    sway
        Rotation of the proximal segment along the stretch (rad) over the exam's time.
    truth
        What is true of it.
    """

    sitting: Sitting
    limb: Limb
    motion: Motion
    resistance_Nm: FloatArray
    sway: Curve
    truth: ExamTruth


def run_courses(sittings: Sequence[Sitting], plan: ExamPlan, params: SimulationParams) -> Iterator[Course]:
    """Run exams of the same plan side by side, some at a time."""
    for first in range(0, len(sittings), params.side_by_side):
        planned = [_plan(sitting, plan, params) for sitting in sittings[first : first + params.side_by_side]]
        trials = [trial for exam in planned for trial in exam.trials]
        motions = integrate(trials, params=params.dynamics)
        for exam in planned:
            yield _join(exam, [next(motions) for _ in exam.trials], params)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """The movements of one exam, and how the proximal segment sways."""

    sitting: Sitting
    limb: Limb
    trials: tuple[Trial, ...]
    sway: Curve


def _plan(sitting: Sitting, plan: ExamPlan, params: SimulationParams) -> _Planned:
    """Lay out one exam."""
    step_s, patient, examiner = params.dynamics.step_s, sitting.patient, sitting.examiner
    limb = patient.limb
    movements = plan_movements(patient.muscle_group, examiner, plan, np.random.default_rng([sitting.seed, 1]))
    counts = [_steps(movement, step_s) for movement in movements]
    spread_rad = float(np.radians(examiner.proximal_wobble_deg))
    rng = np.random.default_rng([sitting.seed, 2])
    sway = slow_curve(sum(counts) * step_s, spread_rad, rng, knot_s=params.sway_knot_s, axes=1)
    trials = tuple(
        Trial(
            patient=patient,
            limb=limb,
            examiner=examiner,
            movement=movement,
            seed=(sitting.seed, number),
            sway=sway,
            first_s=sum(counts[:number]) * step_s,
        )
        for number, movement in enumerate(movements)
    )
    return _Planned(sitting=sitting, limb=limb, trials=trials, sway=sway)


def _steps(movement: Movement, step_s: float) -> int:
    return round(movement.total_s / step_s)


def _join(exam: _Planned, motions: list[Motion], params: SimulationParams) -> Course:
    """Put the movements of one exam together, with their truth."""
    patient, limb = exam.sitting.patient, exam.limb
    motion = Motion.joined(motions)
    resistance_Nm = _resistance(exam, motion, params.dynamics)
    ends = np.cumsum([part.position_rad.size for part in motions])
    stretches = [
        truth_of_stretch(
            trial,
            motion.within(slice(end - part.position_rad.size, end)),
            resistance_Nm[end - part.position_rad.size : end],
            step_s=params.dynamics.step_s,
        )
        for trial, part, end in zip(exam.trials, motions, ends, strict=True)
    ]
    return Course(
        sitting=exam.sitting,
        limb=limb,
        motion=motion,
        resistance_Nm=resistance_Nm,
        sway=exam.sway,
        truth=summarise(patient, limb, stretches),
    )


def _resistance(exam: _Planned, motion: Motion, params: DynamicsParams) -> FloatArray:
    """Work out passive and reflex torque, positive against the stretch."""
    tissue = PassiveTissue.of([exam.sitting.patient], [exam.limb])
    resistance_Nm = tissue.torque(motion.position_rad, motion.velocity_rad_s, params.end_exponent_max)
    resistance_Nm += motion.reflex_Nm
    return resistance_Nm
