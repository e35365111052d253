"""What the store refuses to keep: names, grades that a scale does not have, one patient's exam under another."""

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from analysis.model import Subject
from records.errors import StoreError
from records.folder import UNKNOWN_SUBJECT, RecordingFolder
from records.rows import SCALES, PatientRow, RatingRow

__all__ = ["CODE", "check_patient_code", "check_rating", "check_zone", "subject_in"]

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
"""A code: up to 32 letters, digits, points, dashes and underscores; no blanks, so that no full name fits in."""
SHOWN_CHARACTERS = 40


def check_patient_code(home: Path, code: str) -> None:
    """Refuse what could be a name.

    Raises
    ------
    StoreError
        If it is no code.
    """
    if not CODE.fullmatch(code) or code == UNKNOWN_SUBJECT:
        raise StoreError(
            home,
            f"{code[:SHOWN_CHARACTERS]!r} is no patient code: use up to 32 letters, digits, '.', '-' or '_', "
            f"no blanks, never a name, and not '{UNKNOWN_SUBJECT}'",
        )


def check_zone(home: Path, moment: datetime) -> None:
    """Refuse a time without a zone.

    Raises
    ------
    StoreError
        If it has none.
    """
    if moment.utcoffset() is None:
        raise StoreError(home, f"the time {moment} has no zone; give it one")


def check_rating(home: Path, rating: RatingRow) -> None:
    """Refuse a rating that its scale does not have, or that a name signs.

    Raises
    ------
    StoreError
        If it is so.
    """
    check_zone(home, rating.given_at)
    if not CODE.fullmatch(rating.rater):
        shown = rating.rater[:SHOWN_CHARACTERS]
        raise StoreError(home, f"{shown!r} is no rater's code; use letters and digits without blanks, never a name")
    grades = SCALES.get(rating.scale)
    if grades is None:
        raise StoreError(home, f"unknown scale {rating.scale!r}: choose one of {', '.join(SCALES)}")
    if rating.grade not in grades:
        raise StoreError(
            home, f"scale '{rating.scale}' has no grade {rating.grade!r}: choose one of {', '.join(grades)}"
        )


def subject_in(patient: PatientRow, source: RecordingFolder) -> Subject:
    """Return who a recording shows, completed by what is known of the patient.

    Raises
    ------
    StoreError
        If it shows somebody else, or a simulated patient where this one is real.
    """
    subject, known = source.subject, patient.subject
    if subject.code not in (patient.code, UNKNOWN_SUBJECT):
        raise StoreError(
            source.path, f"is a recording of '{subject.code}', the session is of '{patient.code}'; choose the right one"
        )
    if source.simulated and not patient.simulated:
        raise StoreError(source.path, f"is simulated, patient '{patient.code}' is not; keep them apart")
    return replace(
        known,
        sex=subject.sex or known.sex,
        body_mass_kg=subject.body_mass_kg or known.body_mass_kg,
        height_m=subject.height_m or known.height_m,
    )
