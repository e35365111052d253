"""Between the database's rows and the values of `records.rows`."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from analysis.model import Sex, Side, Subject, TestKind
from analysis.muscles import MuscleGroup
from records.database import Row
from records.rows import AssessmentRow, PatientRow, Phase, RatingRow, RecordingRow, SessionRow

__all__ = [
    "FILL_IN_PATIENT",
    "SAME_RECORDING",
    "SAME_SESSION",
    "assessment_columns",
    "assessment_of",
    "now",
    "patient_of",
    "rating_columns",
    "rating_of",
    "recording_columns",
    "recording_of",
    "session_columns",
    "session_of",
    "subject_columns",
    "utc_text",
]

Columns = Mapping[str, object]

FILL_IN_PATIENT = """
    UPDATE patients SET
        sex = coalesce(:sex, sex),
        body_mass_kg = coalesce(:body_mass_kg, body_mass_kg),
        height_m = coalesce(:height_m, height_m)
    WHERE code = :code
"""
SAME_SESSION = """
    SELECT * FROM sessions WHERE patient_code = :patient_code AND phase = :phase AND started_utc = :started_utc
"""
SAME_RECORDING = """
    SELECT recordings.* FROM recordings JOIN sessions ON sessions.id = recordings.session_id
    WHERE sessions.patient_code = :key AND recordings.sha256 = :sha256
"""


def now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def utc_text(moment: datetime) -> str:
    """Write a moment so that texts sort as the moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def patient_of(row: Row) -> PatientRow:
    """Read a row of patients."""
    return PatientRow(
        code=row["code"],
        sex=None if row["sex"] is None else Sex(row["sex"]),
        body_mass_kg=row["body_mass_kg"],
        height_m=row["height_m"],
        simulated=bool(row["simulated"]),
    )


def subject_columns(subject: Subject) -> Columns:
    """Write what is known of a patient."""
    return {
        "code": subject.code,
        "sex": None if subject.sex is None else subject.sex.value,
        "body_mass_kg": subject.body_mass_kg,
        "height_m": subject.height_m,
    }


def session_of(row: Row) -> SessionRow:
    """Read a row of sessions."""
    return SessionRow(
        id=row["id"],
        patient_code=row["patient_code"],
        phase=Phase(row["phase"]),
        started_at=datetime.fromisoformat(row["started_at"]),
    )


def session_columns(session: SessionRow) -> Columns:
    """Write a session: its time as it was given, and in UTC for order and identity."""
    return {
        "id": session.id,
        "patient_code": session.patient_code,
        "phase": session.phase.value,
        "started_at": session.started_at.isoformat(),
        "started_utc": utc_text(session.started_at),
    }


def recording_of(row: Row, recordings: Path) -> RecordingRow:
    """Read a row of recordings, whose folders lie in `recordings` under their ids."""
    return RecordingRow(
        id=row["id"],
        session_id=row["session_id"],
        name=row["name"],
        muscle_group=MuscleGroup(row["muscle_group"]),
        side=Side(row["side"]),
        test=TestKind(row["test"]),
        folder=recordings / row["id"],
        sha256=row["sha256"],
        simulated=bool(row["simulated"]),
    )


def recording_columns(recording: RecordingRow) -> Columns:
    """Write a recording; where its folder lies follows from its id."""
    return {
        "id": recording.id,
        "session_id": recording.session_id,
        "name": recording.name,
        "muscle_group": recording.muscle_group.value,
        "side": recording.side.value,
        "test": recording.test.value,
        "sha256": recording.sha256,
        "simulated": recording.simulated,
        "imported_at": utc_text(now()),
    }


def assessment_of(row: Row) -> AssessmentRow:
    """Read a row of assessments."""
    return AssessmentRow(
        id=row["id"],
        recording_id=row["recording_id"],
        made_at=datetime.fromisoformat(row["made_at"]),
        version=row["version"],
        finding=json.loads(row["finding"]),
    )


def assessment_columns(assessment: AssessmentRow) -> Columns:
    """Write an assessment."""
    return {
        "id": assessment.id,
        "recording_id": assessment.recording_id,
        "made_at": utc_text(assessment.made_at),
        "version": assessment.version,
        "finding": json.dumps(assessment.finding, allow_nan=False),
    }


def rating_of(row: Row) -> RatingRow:
    """Read a row of ratings."""
    return RatingRow(
        id=row["id"],
        recording_id=row["recording_id"],
        rater=row["rater"],
        scale=row["scale"],
        grade=row["grade"],
        given_at=datetime.fromisoformat(row["given_at"]),
    )


def rating_columns(rating: RatingRow) -> Columns:
    """Write a rating."""
    return {
        "id": rating.id,
        "recording_id": rating.recording_id,
        "rater": rating.rater,
        "scale": rating.scale,
        "grade": rating.grade,
        "given_at": utc_text(rating.given_at),
    }
