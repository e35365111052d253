"""All patients with their sessions, as the first page lists them."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.services.reading import Reading, read
from dashboard.services.wording import ABSENT, number
from records.rows import PatientRow, RecordingRow, SessionRow
from records.store import Store

__all__ = ["Entry", "ListedExam", "ListedSession", "describe", "list_patients"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedExam:
    """A recording with what was found in it last; ``None`` where it has not been analysed."""

    recording: RecordingRow
    reading: Reading | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSession:
    """A session with its exams."""

    session: SessionRow
    exams: tuple[ListedExam, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A patient with the sessions in order of time."""

    patient: PatientRow
    sessions: tuple[ListedSession, ...]

    @property
    def exams(self) -> int:
        """Number of exams over all sessions."""
        return sum(len(one.exams) for one in self.sessions)

    @property
    def last_date(self) -> str:
        """Date of the last session."""
        return f"{self.sessions[-1].session.started_at:%Y-%m-%d}" if self.sessions else ABSENT

    @property
    def phases(self) -> str:
        """Phases in order, each once."""
        return ", ".join(dict.fromkeys(one.session.phase.label for one in self.sessions)) or ABSENT

    @property
    def last_grades(self) -> str:
        """Most probable grades of the last session's exams."""
        if not self.sessions:
            return ABSENT
        grades = [exam.reading.grade for exam in self.sessions[-1].exams if exam.reading is not None]
        return ", ".join(grade or ABSENT for grade in grades) or ABSENT


def list_patients(store: Store) -> tuple[Entry, ...]:
    """List every patient with sessions and exams."""
    return tuple(Entry(patient=patient, sessions=_sessions(store, patient.code)) for patient in store.patients())


def _sessions(store: Store, code: str) -> tuple[ListedSession, ...]:
    return tuple(
        ListedSession(session=session, exams=_exams(store, store.recordings(session.id)))
        for session in store.sessions(code)
    )


def _exams(store: Store, recordings: Sequence[RecordingRow]) -> tuple[ListedExam, ...]:
    listed = []
    for recording in recordings:
        latest = store.latest_assessment(recording.id)
        listed.append(ListedExam(recording=recording, reading=None if latest is None else read(latest.finding)))
    return tuple(listed)


def describe(patient: PatientRow) -> str:
    """Say what is known of a patient's body."""
    known = [
        "" if patient.sex is None else patient.sex.value,
        "" if patient.body_mass_kg is None else number(patient.body_mass_kg, " kg", digits=0),
        "" if patient.height_m is None else number(patient.height_m, " m", digits=2),
    ]
    return ", ".join(part for part in known if part) or "sex, mass and height not recorded"
