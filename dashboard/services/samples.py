"""The exams that the demo shows: rendered videos, and virtual patients before and after a pump. All are simulated."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from analysis.model import Sex, Side, Subject
from analysis.muscles import MuscleGroup
from analysis.simulate import draw_patient
from dashboard.services.intake import keep_assessment
from dashboard.services.pipeline import OnProgress, analyse, silent
from dashboard.services.virtual_clinic import VirtualVisit, visits_of, write_visits
from records.folder import RecordingFolder, bare_file, read_folder
from records.rows import Phase, RecordingRow
from records.store import Store

__all__ = ["CLIPS", "SampleExam", "add_sample", "is_there", "sample_exams"]

CLIPS = Path(__file__).resolve().parent.parent / "samples" / "clips"
RENDERED_AT = datetime(2024, 2, 5, 10, 0, tzinfo=UTC)
"""Date that the rendered exams carry."""

VIRTUAL_VISITS = (Phase.BASELINE, Phase.TITRATION, Phase.YEAR_1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleExam:
    """One exam of the demo.

    Attributes
    ----------
    name
        Name of the recording in the store; with patient and phase it tells whether the exam is there already.
    subject
        The simulated patient.
    phase, started_at
        Its session.
    make
        Makes the recording; what it writes goes into the folder that it is given.
    """

    name: str
    subject: Subject
    phase: Phase
    started_at: datetime
    make: Callable[[Path], RecordingFolder]

    @property
    def label(self) -> str:
        """What a progress bar calls it."""
        return f"{self.subject.code}, {self.phase.label.lower()}: {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clip:
    """One rendered video: whom it shows, and which limb."""

    file: str
    subject: Subject
    muscle_group: MuscleGroup
    side: Side


_RENDERED = (
    Subject(code="SIM-VIDEO-A", sex=Sex.FEMALE, body_mass_kg=62.0, height_m=1.66),
    Subject(code="SIM-VIDEO-B", sex=Sex.MALE, body_mass_kg=78.0, height_m=1.79),
)
_CLIPS = (
    _Clip(file="elbow_a.mp4", subject=_RENDERED[0], muscle_group=MuscleGroup.ELBOW_FLEXORS, side=Side.LEFT),
    _Clip(file="knee_a.mp4", subject=_RENDERED[0], muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.LEFT),
    _Clip(file="elbow_b.mp4", subject=_RENDERED[1], muscle_group=MuscleGroup.ELBOW_FLEXORS, side=Side.RIGHT),
    _Clip(file="knee_b.mp4", subject=_RENDERED[1], muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.RIGHT),
)

_DRAWN = (
    ("2", MuscleGroup.ELBOW_FLEXORS, 3),
    ("2", MuscleGroup.PLANTARFLEXORS, 3),
    ("1+", MuscleGroup.ELBOW_FLEXORS, 4),
    ("2", MuscleGroup.KNEE_FLEXORS, 5),
    ("2", MuscleGroup.PLANTARFLEXORS, 4),
    ("3", MuscleGroup.ELBOW_FLEXORS, 2),
)
"""Severity before the pump, muscle group and seed of each virtual patient. The seeds were chosen for the demo: five who
answer to the drug, and one whose grade stays."""


def sample_exams() -> tuple[SampleExam, ...]:
    """List the exams of the demo; nothing is made yet."""
    return (*_rendered_exams(), *_virtual_exams())


def _rendered_exams() -> tuple[SampleExam, ...]:
    return tuple(
        SampleExam(
            name=Path(clip.file).stem,
            subject=clip.subject,
            phase=Phase.BASELINE,
            started_at=RENDERED_AT,
            make=partial(_open_clip, clip),
        )
        for clip in _CLIPS
    )


def _open_clip(clip: _Clip, _folder: Path) -> RecordingFolder:
    recording = bare_file(CLIPS / clip.file, clip.muscle_group, clip.side)
    return replace(recording, subject=clip.subject, started_at=RENDERED_AT, simulated=True)


def _virtual_exams() -> tuple[SampleExam, ...]:
    visits = [
        visit
        for place, (grade, group, seed) in enumerate(_DRAWN, start=1)
        for visit in visits_of(
            draw_patient(grade, group, seed=seed), code=f"SIM-{place:03d}", phases=VIRTUAL_VISITS, seed=seed
        )
    ]
    return tuple(_virtual_exam(visit, seed) for seed, visit in enumerate(visits))


def _virtual_exam(visit: VirtualVisit, seed: int) -> SampleExam:
    return SampleExam(
        name=visit.name,
        subject=replace(visit.patient.subject, code=visit.code),
        phase=visit.phase,
        started_at=visit.started_at,
        make=lambda folder: read_folder(next(iter(write_visits([visit], folder, seed=seed)))),
    )


def is_there(store: Store, exam: SampleExam) -> bool:
    """Tell whether the store has the exam with an assessment."""
    recording = _stored(store, exam)
    return recording is not None and store.latest_assessment(recording.id) is not None


def _stored(store: Store, exam: SampleExam) -> RecordingRow | None:
    for session in store.sessions(exam.subject.code):
        if session.phase is exam.phase:
            for recording in store.recordings(session.id):
                if recording.name == exam.name:
                    return recording
    return None


def add_sample(store: Store, exam: SampleExam, on_progress: OnProgress = silent) -> None:
    """Put an exam into the store and analyse it; what is there already is not imported again.

    Raises
    ------
    CatchangleError
        If the disk refuses, or the sample is damaged.
    """
    recording = _stored(store, exam)
    if recording is None:
        store.save_patient(exam.subject, simulated=True)
        session = store.add_session(exam.subject.code, exam.phase, exam.started_at)
        with tempfile.TemporaryDirectory(prefix="catchangle-") as folder:
            recording = store.import_recording(session.id, exam.make(Path(folder)))
    keep_assessment(store, recording, analyse(read_folder(recording.folder), on_progress))
