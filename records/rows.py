"""The rows of the store as values; the database behind them is nobody else's business."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from analysis.finding import GRADES, ResistanceCurve
from analysis.model import FloatArray, Sex, Side, Subject, TestKind
from analysis.muscles import MuscleGroup

__all__ = [
    "SCALES",
    "AssessedSeries",
    "AssessmentRow",
    "PatientRow",
    "Phase",
    "RatingRow",
    "RecordingRow",
    "SessionRow",
]


class Phase(StrEnum):
    """When in the course of a treatment a session took place, in order."""

    BASELINE = "baseline"
    SCREENING_BOLUS = "screening_bolus"
    TITRATION = "titration"
    YEAR_1 = "year_1"
    YEAR_5 = "year_5"
    YEAR_10 = "year_10"
    OTHER = "other"

    @property
    def label(self) -> str:
        """The phase in words."""
        return _LABELS[self]


_LABELS = MappingProxyType(
    {
        Phase.BASELINE: "Baseline",
        Phase.SCREENING_BOLUS: "Screening bolus",
        Phase.TITRATION: "Titration",
        Phase.YEAR_1: "1 year",
        Phase.YEAR_5: "5 years",
        Phase.YEAR_10: "10 years",
        Phase.OTHER: "Other",
    }
)

SCALES = MappingProxyType(
    {"mas": GRADES, "ashworth_0_4": ("0", "1", "2", "3", "4"), "ashworth_1_5": ("1", "2", "3", "4", "5")}
)
"""Scales that a rater may grade on, each with its ordered labels; no scale is turned into another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRow:
    """A patient: a code, never a name, and what sizes the limb."""

    code: str
    sex: Sex | None
    body_mass_kg: float | None
    height_m: float | None
    simulated: bool

    @property
    def subject(self) -> Subject:
        """The patient as recordings name the subject."""
        return Subject(code=self.code, sex=self.sex, body_mass_kg=self.body_mass_kg, height_m=self.height_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One visit of a patient in a phase of the treatment."""

    id: str
    patient_code: str
    phase: Phase
    started_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingRow:
    """One recording of a session; `folder` is a recording folder that the store owns.

    `sha256` identifies the content: the streams and what ``recording.json`` says of them.
    """

    id: str
    session_id: str
    name: str
    muscle_group: MuscleGroup
    side: Side
    test: TestKind
    folder: Path
    sha256: str
    simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentRow:
    """One assessment of a recording, with the version of the program that made it; `finding` is the contract's JSON."""

    id: str
    recording_id: str
    made_at: datetime
    version: str
    finding: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRow:
    """A rater's own grade of a recording, on the scale that the rater used."""

    id: str
    recording_id: str
    rater: str
    scale: str
    grade: str
    given_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssessedSeries:
    """What an assessment was read off, for display.

    Attributes
    ----------
    time_s, angle_deg, sd_deg
        The leading joint angle on the recording's clock; NaN where not observed, shape (n,).
    velocity_deg_s
        Its velocity (growing joint angle is positive), NaN where not observed, shape (n,).
    curves
        Resistance along each stretch; ``None`` for a stretch without.
    """

    time_s: FloatArray
    angle_deg: FloatArray
    sd_deg: FloatArray
    velocity_deg_s: FloatArray
    curves: tuple[ResistanceCurve | None, ...]
