"""Virtual patients and exams with a known truth: pure, seeded and fast."""

from analysis.simulate.cohort import CohortParams, draw_cohort
from analysis.simulate.course import SimulationParams
from analysis.simulate.exam import (
    TrueSeries,
    VirtualExam,
    exam_truths,
    simulate_exam,
    simulate_exams,
)
from analysis.simulate.examiner import Examiner, ExamPlan, draw_examiner
from analysis.simulate.inertial import VirtualImu
from analysis.simulate.patient import Clonus, Posture, ReflexLaw, VirtualPatient
from analysis.simulate.sensing import SensorModel
from analysis.simulate.severity import SeverityParams, after_baclofen, draw_patient
from analysis.simulate.truth import ExamTruth, StretchTruth, TruthParams, operational_grade

__all__ = [
    "Clonus",
    "CohortParams",
    "ExamPlan",
    "ExamTruth",
    "Examiner",
    "Posture",
    "ReflexLaw",
    "SensorModel",
    "SeverityParams",
    "SimulationParams",
    "StretchTruth",
    "TrueSeries",
    "TruthParams",
    "VirtualExam",
    "VirtualImu",
    "VirtualPatient",
    "after_baclofen",
    "draw_cohort",
    "draw_examiner",
    "draw_patient",
    "exam_truths",
    "operational_grade",
    "simulate_exam",
    "simulate_exams",
]
