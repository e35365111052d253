"""The course of an exam: stretches, returns and rests one after another, before any sensor saw them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from analysis.limb import Limb
from analysis.simulate.dynamics import integrate
from analysis.simulate.examiner import Examiner, ExamPlan, Movement, plan_movements
from analysis.simulate.patient import VirtualPatient
from analysis.simulate.sensing import slow_curve
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
    together
        Up to this many trials, slow and fast ones are integrated together, though they differ in duration.
    reference_s
        Time of the reference pose, within the first rest.
    sway_knot_s
        Time between the random knots of the proximal segment's movement.
    """

    dynamics: DynamicsParams = DYNAMICS
    steps_per_sample: int = 4
    side_by_side: int = 100
    together: int = 60
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
    sway
        Rotation of the proximal segment along the stretch (rad) over the exam's time.
    truth
        What is true of it.
    """

    sitting: Sitting
    limb: Limb
    motion: Motion
    sway: CubicSpline
    truth: ExamTruth


def run_courses(sittings: Sequence[Sitting], plan: ExamPlan, params: SimulationParams) -> Iterator[Course]:
    """Run exams of the same plan side by side, some at a time."""
    for first in range(0, len(sittings), params.side_by_side):
        planned = [_plan(sitting, plan, params) for sitting in sittings[first : first + params.side_by_side]]
        trials = [trial for exam in planned for trial in exam.trials]
        motions = iter(_integrate(trials, params))
        for exam in planned:
            yield _join(exam, [next(motions) for _ in exam.trials], params)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """The movements of one exam, and how the proximal segment sways."""

    sitting: Sitting
    trials: tuple[Trial, ...]
    sway: CubicSpline


def _plan(sitting: Sitting, plan: ExamPlan, params: SimulationParams) -> _Planned:
    """Lay out one exam."""
    step_s, patient, examiner = params.dynamics.step_s, sitting.patient, sitting.examiner
    movements = plan_movements(patient.muscle_group, examiner, plan, np.random.default_rng([sitting.seed, 1]))
    counts = [_steps(movement, step_s) for movement in movements]
    spread_rad = float(np.radians(examiner.proximal_wobble_deg))
    rng = np.random.default_rng([sitting.seed, 2])
    sway = slow_curve(sum(counts) * step_s, spread_rad, rng, knot_s=params.sway_knot_s, axes=1)
    trials = tuple(
        Trial(
            patient=patient,
            examiner=examiner,
            movement=movement,
            seed=(sitting.seed, number),
            sway=sway,
            first_s=sum(counts[:number]) * step_s,
        )
        for number, movement in enumerate(movements)
    )
    return _Planned(sitting=sitting, trials=trials, sway=sway)


def _steps(movement: Movement, step_s: float) -> int:
    return round(movement.total_s / step_s)


def _integrate(trials: list[Trial], params: SimulationParams) -> list[Motion]:
    """Integrate trials, slow and fast ones apart where there are many; results in the order of the trials."""
    if len(trials) <= params.together:
        return list(integrate(trials, params=params.dynamics))
    found: dict[int, Motion] = {}
    for is_slow in (True, False):
        chosen = [i for i, trial in enumerate(trials) if trial.movement.is_slow == is_slow]
        if chosen:
            found.update(zip(chosen, integrate([trials[i] for i in chosen], params=params.dynamics), strict=True))
    return [found[i] for i in range(len(trials))]


def _join(exam: _Planned, motions: list[Motion], params: SimulationParams) -> Course:
    """Put the movements of one exam together, with their truth."""
    patient = exam.sitting.patient
    limb = patient.limb
    stretches = [
        truth_of_stretch(trial, limb, motion, step_s=params.dynamics.step_s)
        for trial, motion in zip(exam.trials, motions, strict=True)
    ]
    return Course(
        sitting=exam.sitting,
        limb=limb,
        motion=Motion.joined(motions),
        sway=exam.sway,
        truth=summarise(patient, stretches),
    )
