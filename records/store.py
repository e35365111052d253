"""The store: patients, sessions, recordings, assessments and ratings, embedded, on this machine only."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from analysis.finding import Assessment
from analysis.model import Subject
from capture.landmarks import LandmarkTracks
from records.copying import content_sha256, copy_recording
from records.database import Database, Row, Writing
from records.durable import PARTIAL, discard, new_folder, place_folder, refusal
from records.errors import StoreError
from records.findings import finding_of
from records.folder import RecordingFolder
from records.home import data_folder
from records.mapping import (
    FILL_IN_PATIENT,
    SAME_RECORDING,
    SAME_SESSION,
    assessment_columns,
    assessment_of,
    now,
    patient_of,
    rating_columns,
    rating_of,
    recording_columns,
    recording_of,
    session_columns,
    session_of,
    subject_columns,
    utc_text,
)
from records.rows import (
    AssessedSeries,
    AssessmentRow,
    PatientRow,
    Phase,
    RatingRow,
    RecordingRow,
    SessionRow,
)
from records.rules import check_patient_code, check_rating, check_zone, subject_in
from records.series import read_series, read_tracks, write_series, write_tracks

__all__ = ["DATABASE_NAME", "Store"]

DATABASE_NAME = "catchangle.sqlite"
RECORDINGS = "recordings"
ASSESSMENTS = "assessments"
ABANDONED_S = 24 * 3600.0
"""A partial folder older than this belongs to a program that died; it is removed when the store is opened."""


class Store:
    """Everything that was recorded and found, in one folder of this machine.

    The folder holds a database, ``recordings/<id>/`` (recording folders of the contract) and ``assessments/<id>/``
    (series as Parquet). Every change is written whole or not at all. Several programs and threads may use it at once.
    """

    def __init__(self, home: Path, database: Database) -> None:
        self.home = home
        self._database = database

    @classmethod
    def open(cls, home: Path | None = None) -> Self:
        """Open the store, make it where there is none, and bring an older one up to date.

        Parameters
        ----------
        home
            Folder of the store; else ``CATCHANGLE_HOME``, else the platform's data folder.

        Raises
        ------
        NewerVersionError
            If a newer version of the program wrote it; nothing is changed.
        StoreError
            If it cannot be opened or written.
        """
        folder = data_folder(home)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StoreError(folder, refusal(error)) from error
        database = Database.open(folder / DATABASE_NAME)
        for part in (RECORDINGS, ASSESSMENTS):
            _remove_abandoned(folder / part)
        return cls(folder, database)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def patients(self) -> tuple[PatientRow, ...]:
        """Return all patients in the order of their codes."""
        return tuple(patient_of(row) for row in self._rows("SELECT * FROM patients ORDER BY code"))

    def patient(self, code: str) -> PatientRow:
        """Return the patient of that code.

        Raises
        ------
        StoreError
            If there is none.
        """
        return patient_of(self._row("patient", "SELECT * FROM patients WHERE code = :key", code))

    def save_patient(self, subject: Subject, *, simulated: bool = False) -> PatientRow:
        """Add a patient, or fill in what is newly known of one; what is known is never emptied.

        Raises
        ------
        StoreError
            If the code could be a name (`records.rules.CODE` says what a code is), or a simulated patient would be
            mixed with a real one.
        """
        check_patient_code(self.home, subject.code)
        columns = subject_columns(subject)
        with self._database.writing() as writing:
            known = writing.row("SELECT * FROM patients WHERE code = :code", code=subject.code)
            if known is None:
                writing.insert("patients", {**columns, "simulated": simulated, "created_at": utc_text(now())})
            elif bool(known["simulated"]) != simulated:
                kind = "simulated" if known["simulated"] else "real"
                raise StoreError(
                    self.home, f"patient '{subject.code}' is already there and {kind}; choose another code"
                )
            else:
                writing.update(FILL_IN_PATIENT, **columns)
        return self.patient(subject.code)

    def sessions(self, patient_code: str) -> tuple[SessionRow, ...]:
        """Return the sessions of a patient in the order of time."""
        statement = "SELECT * FROM sessions WHERE patient_code = :key ORDER BY started_utc, id"
        return tuple(session_of(row) for row in self._rows(statement, patient_code))

    def session(self, session_id: str) -> SessionRow:
        """Return one session.

        Raises
        ------
        StoreError
            If there is none of that id.
        """
        return session_of(self._row("session", "SELECT * FROM sessions WHERE id = :key", session_id))

    def add_session(self, patient_code: str, phase: Phase, started_at: datetime) -> SessionRow:
        """Add a session; the same patient, phase and time again returns the one that is there.

        Raises
        ------
        StoreError
            If there is no such patient, or the time has no zone.
        """
        check_zone(self.home, started_at)
        self.patient(patient_code)
        session = SessionRow(id=_new_id(), patient_code=patient_code, phase=Phase(phase), started_at=started_at)
        columns = session_columns(session)
        with self._database.writing() as writing:
            known = writing.row(SAME_SESSION, **columns)
            if known is not None:
                return session_of(known)
            writing.insert("sessions", columns)
        return session

    def recordings(self, session_id: str) -> tuple[RecordingRow, ...]:
        """Return the recordings of a session in the order of import."""
        statement = "SELECT * FROM recordings WHERE session_id = :key ORDER BY imported_at, id"
        return tuple(self._recording_of(row) for row in self._rows(statement, session_id))

    def recording(self, recording_id: str) -> RecordingRow:
        """Return one recording.

        Raises
        ------
        StoreError
            If there is none of that id.
        """
        return self._recording_of(self._row("recording", "SELECT * FROM recordings WHERE id = :key", recording_id))

    def import_recording(self, session_id: str, source: RecordingFolder) -> RecordingRow:
        """Copy a recording into the store; the same content of the same patient again returns the one that is there.

        Raises
        ------
        RecordError
            If a file of the recording cannot be read.
        StoreError
            If there is no such session, the recording is of another patient, a simulated one is given to a real
            patient, or the disk refuses; nothing is kept then.
        """
        patient = self.patient(self.session(session_id).patient_code)
        subject = subject_in(patient, source)
        recording = RecordingRow(
            id=(new_id := _new_id()),
            session_id=session_id,
            name=source.name,
            muscle_group=source.muscle_group,
            side=source.side,
            test=source.test,
            folder=self.home / RECORDINGS / new_id,
            sha256=content_sha256(source),
            simulated=source.simulated or patient.simulated,
        )
        same = self._rows(SAME_RECORDING, patient.code, sha256=recording.sha256)
        if same:
            return self._recording_of(same[0])

        def insert(writing: Writing) -> Row | None:
            meanwhile = writing.row(SAME_RECORDING, key=patient.code, sha256=recording.sha256)
            if meanwhile is None:
                writing.insert("recordings", recording_columns(recording))
            return meanwhile

        found = self._place(recording.folder, lambda partial: copy_recording(source, partial, subject), insert)
        return recording if found is None else self._recording_of(found)

    def assessments(self, recording_id: str) -> tuple[AssessmentRow, ...]:
        """Return all assessments of a recording, newest first."""
        statement = "SELECT * FROM assessments WHERE recording_id = :key ORDER BY made_at DESC, rowid DESC"
        return tuple(assessment_of(row) for row in self._rows(statement, recording_id))

    def latest_assessment(self, recording_id: str) -> AssessmentRow | None:
        """Return the newest assessment of a recording, ``None`` where there is none."""
        return next(iter(self.assessments(recording_id)), None)

    def save_assessment(
        self, recording_id: str, assessment: Assessment, *, version: str, tracks: LandmarkTracks | None = None
    ) -> AssessmentRow:
        """Add an assessment with its series; older ones stay.

        Parameters
        ----------
        recording_id
            What was assessed.
        assessment
            The assessment.
        version
            Version of the program that made it.
        tracks
            The patient's landmarks, where a video was measured.

        Raises
        ------
        StoreError
            If there is no such recording, or the disk refuses; nothing is kept then.
        """
        recording = self.recording(recording_id)
        row = AssessmentRow(
            id=_new_id(),
            recording_id=recording_id,
            made_at=now(),
            version=version,
            finding={**finding_of(assessment, path=recording.name), "version": version},
        )

        def write(partial: Path) -> None:
            write_series(assessment, partial)
            if tracks is not None:
                write_tracks(tracks, partial)

        self._place(
            self.home / ASSESSMENTS / row.id,
            write,
            lambda writing: writing.insert("assessments", assessment_columns(row)),
        )
        return row

    def series(self, assessment_id: str) -> AssessedSeries:
        """Return the series that an assessment was read off.

        Raises
        ------
        RecordError
            If there is none of that id, or its files are damaged.
        """
        return read_series(self._assessment_folder(assessment_id))

    def tracks(self, assessment_id: str) -> LandmarkTracks | None:
        """Return the landmarks that were kept with an assessment, ``None`` where it came from no video.

        Raises
        ------
        RecordError
            If there is none of that id, or its file is damaged.
        """
        return read_tracks(self._assessment_folder(assessment_id))

    def ratings(self, recording_id: str) -> tuple[RatingRow, ...]:
        """Return the raters' grades of a recording in the order in which they were given."""
        statement = "SELECT * FROM ratings WHERE recording_id = :key ORDER BY given_at, rowid"
        return tuple(rating_of(row) for row in self._rows(statement, recording_id))

    def add_rating(
        self, recording_id: str, *, rater: str, scale: str, grade: str, given_at: datetime | None = None
    ) -> RatingRow:
        """Add a rater's grade, on the rater's own scale (`SCALES`); earlier ones stay.

        Raises
        ------
        StoreError
            If there is no such recording, the rater's code could be a name, or the scale has no such grade.
        """
        self.recording(recording_id)
        row = RatingRow(
            id=_new_id(), recording_id=recording_id, rater=rater, scale=scale, grade=grade, given_at=given_at or now()
        )
        check_rating(self.home, row)
        with self._database.writing() as writing:
            writing.insert("ratings", rating_columns(row))
        return row

    def _rows(self, statement: str, key: str = "", **values: object) -> tuple[Row, ...]:
        with self._database.reading() as reading:
            return tuple(reading.rows(statement, **({"key": key} if ":key" in statement else {}), **values))

    def _row(self, what: str, statement: str, key: str) -> Row:
        rows = self._rows(statement, key)
        if not rows:
            raise StoreError(self.home, f"there is no {what} '{key}'; reload the list, or add it first")
        return rows[0]

    def _recording_of(self, row: Row) -> RecordingRow:
        return recording_of(row, self.home / RECORDINGS)

    def _assessment_folder(self, assessment_id: str) -> Path:
        row = self._row("assessment", "SELECT id FROM assessments WHERE id = :key", assessment_id)
        return self.home / ASSESSMENTS / str(row["id"])

    def _place(
        self, folder: Path, write: Callable[[Path], None], insert: Callable[[Writing], Row | None]
    ) -> Row | None:
        """Write a folder and its row, both or neither; `insert` returns a row that makes the folder unnecessary."""
        partial = new_folder(folder.parent)
        try:
            try:
                write(partial)
            except OSError as error:
                raise StoreError(folder.parent, refusal(error)) from error
            with self._database.writing() as writing:
                known = insert(writing)
                if known is None:
                    place_folder(partial, folder)  # inside the transaction: a failed rename undoes the row
        except BaseException:
            self._discard_unless_named(folder)
            raise
        finally:
            discard(partial)
        return known

    def _discard_unless_named(self, folder: Path) -> None:
        """Remove a folder whose row was undone; where that is not certain, it stays: an extra folder harms nobody."""
        with suppress(StoreError):
            named = "SELECT 1 FROM recordings WHERE id = :key UNION SELECT 1 FROM assessments WHERE id = :key"
            if not self._rows(named, folder.name):
                discard(folder)


def _new_id() -> str:
    return uuid4().hex


def _remove_abandoned(folder: Path) -> None:
    """Remove what a program that died left half-written."""
    oldest = time.time() - ABANDONED_S
    for partial in folder.glob(f"{PARTIAL}*"):
        with suppress(OSError):
            if partial.stat().st_mtime < oldest:
                discard(partial)
