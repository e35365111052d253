"""Keeping recordings and what was found in them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from analysis.model import Side, Subject
from analysis.muscles import MuscleGroup
from dashboard.errors import DashboardError, UsageError
from dashboard.services.pipeline import Analysed, OnProgress, analyse, silent
from records.folder import UNKNOWN_SUBJECT, open_recording
from records.manifest import MANIFEST
from records.rows import AssessmentRow, Phase, RecordingRow, SessionRow
from records.store import Store

__all__ = ["Arrival", "Shelf", "Uploaded", "keep_assessment", "place_uploads", "receive", "session_for"]

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def keep_assessment(store: Store, recording: RecordingRow, analysed: Analysed) -> AssessmentRow:
    """Add an assessment to a stored recording, signed with the program's version; older ones stay.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    return store.save_assessment(
        recording.id, analysed.assessment, version=version("catchangle"), tracks=analysed.tracks
    )


def session_for(store: Store, code: str, phase: Phase, started_at: datetime) -> SessionRow:
    """Return the patient's session of that phase and day, a new one where there is none."""
    for session in store.sessions(code):
        if session.phase is phase and session.started_at.date() == started_at.date():
            return session
    return store.add_session(code, phase, started_at)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where one run of the command line keeps its recordings.

    Attributes
    ----------
    store
        The open store.
    patient
        Code of the patient; ``None`` takes the recording's own subject.
    phase
        Phase of the sessions.
    """

    store: Store
    patient: str | None
    phase: Phase

    @classmethod
    def open(cls, home: Path | None, patient: str | None, phase: Phase | None) -> "Shelf":
        """Open the store for a run.

        Raises
        ------
        StoreError
            If the store cannot be opened.
        """
        return cls(Store.open(home), patient, phase or Phase.OTHER)

    def keep(self, analysed: Analysed) -> AssessmentRow:
        """Keep a recording and its assessment under the patient; the same content is kept once.

        Raises
        ------
        UsageError
            If neither the recording nor the command says whose it is.
        StoreError
            If the disk refuses.
        """
        subject = self._subject(analysed.folder.subject, analysed.folder.path)
        folder = replace(analysed.folder, subject=subject)
        self.store.save_patient(subject, simulated=folder.simulated)
        started_at = folder.started_at or datetime.now(UTC)
        session = session_for(self.store, subject.code, self.phase, started_at)
        return keep_assessment(self.store, self.store.import_recording(session.id, folder), analysed)

    def _subject(self, subject: Subject, path: Path) -> Subject:
        if self.patient is not None:
            return Subject(
                code=self.patient, sex=subject.sex, body_mass_kg=subject.body_mass_kg, height_m=subject.height_m
            )
        if subject.code == UNKNOWN_SUBJECT:
            raise UsageError(f"{path}: it does not say whose it is; add --patient CODE")
        return subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What a person says of a recording that comes in.

    Attributes
    ----------
    code, phase, started_at
        Patient and session; the time is used where the recording does not say it itself.
    muscle_group, side
        Needed for a bare video or CSV.
    subject
        What sizes the limb, where the recording does not say it itself.
    """

    code: str
    phase: Phase
    started_at: datetime
    muscle_group: MuscleGroup | None
    side: Side | None
    subject: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """A file as a browser sent it; its name is whatever the browser said."""

    name: str
    content: bytes


def receive(store: Store, source: Path, arrival: Arrival, on_progress: OnProgress = silent) -> RecordingRow:
    """Analyse a recording and keep it under the patient; what cannot be analysed is not kept.

    Raises
    ------
    CatchangleError
        If the recording or what was said of it is unusable; nothing is kept then.
    """
    if not arrival.code:
        raise DashboardError("the patient's code is missing: enter one, never a name")
    if not source.name:
        raise DashboardError("no recording was named: enter a path, or upload a file")
    opened = open_recording(source.expanduser(), arrival.muscle_group, arrival.side)
    folder = replace(opened, subject=_merged(opened.subject, arrival.subject))
    analysed = analyse(folder, on_progress)
    store.save_patient(folder.subject, simulated=folder.simulated)
    session = session_for(store, arrival.code, arrival.phase, folder.started_at or arrival.started_at)
    recording = store.import_recording(session.id, folder)
    keep_assessment(store, recording, analysed)
    return recording


def _merged(own: Subject, said: Subject) -> Subject:
    """Return what the recording says of its subject, filled up with what the person says, under the person's code."""
    return Subject(
        code=said.code,
        sex=own.sex or said.sex,
        body_mass_kg=own.body_mass_kg or said.body_mass_kg,
        height_m=own.height_m or said.height_m,
    )


def place_uploads(uploads: Sequence[Uploaded], folder: Path) -> Path:
    """Write uploaded files into an empty folder; return the recording that they make.

    Raises
    ------
    DashboardError
        If a name is not a plain file name, or several files come without a recording.json.
    """
    for upload in uploads:
        if not _PLAIN_NAME.fullmatch(upload.name):
            raise DashboardError(
                f"the file name '{upload.name[:60]}' cannot be used: rename it to letters, digits, '.', '-' and '_'"
            )
        (folder / upload.name).write_bytes(upload.content)
    if any(upload.name == MANIFEST for upload in uploads):
        return folder
    if len(uploads) != 1:
        raise DashboardError(f"upload one video or CSV, or all files of a recording folder with its {MANIFEST}")
    return folder / uploads[0].name
