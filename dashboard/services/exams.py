"""One recording with everything that a page shows of it."""

from dataclasses import dataclass
from pathlib import Path

from analysis.model import Source
from dashboard.services.intake import keep_assessment
from dashboard.services.pipeline import OnProgress, analyse, silent
from dashboard.services.reading import Reading, read
from dashboard.services.wording import plain
from records.folder import StreamEntry, read_folder
from records.rows import AssessedSeries, AssessmentRow, PatientRow, RatingRow, RecordingRow, SessionRow
from records.store import Store

__all__ = ["Exam", "exam_label", "limb_label", "open_exam", "reanalyse", "video_file"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exam:
    """A recording in its session, with its latest assessment; ``None`` where it has not been analysed.

    Attributes
    ----------
    patient, session, recording
        Whose it is, when it was made, what was examined.
    assessment, series
        The latest assessment and the series behind it.
    assessments
        How many there are.
    ratings
        Raters' own grades.
    video, video_offset_s
        The video and what its clock needs to be on the recording's clock.
    """

    patient: PatientRow
    session: SessionRow
    recording: RecordingRow
    assessment: AssessmentRow | None
    series: AssessedSeries | None
    assessments: int
    ratings: tuple[RatingRow, ...]
    video: Path | None
    video_offset_s: float

    @property
    def reading(self) -> Reading | None:
        """The numbers of the latest assessment by name."""
        return None if self.assessment is None else read(self.assessment.finding)


def open_exam(store: Store, session: SessionRow, recording: RecordingRow) -> Exam:
    """Gather what a page shows of one recording.

    Raises
    ------
    RecordError
        If the store is damaged.
    """
    patient = store.patient(session.patient_code)
    latest = store.latest_assessment(recording.id)
    stream = _video_stream(recording)
    return Exam(
        patient=patient,
        session=session,
        recording=recording,
        assessment=latest,
        series=None if latest is None else store.series(latest.id),
        assessments=len(store.assessments(recording.id)),
        ratings=tuple(store.ratings(recording.id)),
        video=None if stream is None else stream.file,
        video_offset_s=0.0 if stream is None else stream.clock_offset_s,
    )


def video_file(recording: RecordingRow) -> Path | None:
    """Return the recording's first video, ``None`` where it has none.

    Raises
    ------
    RecordError
        If the recording's folder is damaged.
    """
    stream = _video_stream(recording)
    return None if stream is None else stream.file


def _video_stream(recording: RecordingRow) -> StreamEntry | None:
    streams = read_folder(recording.folder).streams
    return next((stream for stream in streams if stream.kind is Source.VIDEO), None)


def reanalyse(store: Store, recording: RecordingRow, on_progress: OnProgress = silent) -> AssessmentRow:
    """Analyse a stored recording again; the new assessment is added, the old ones stay.

    Raises
    ------
    CatchangleError
        If the recording is damaged, or shows no joint angle.
    """
    return keep_assessment(store, recording, analyse(read_folder(recording.folder), on_progress))


def limb_label(recording: RecordingRow) -> str:
    """Name what was examined."""
    return f"{recording.side.value} {plain(recording.muscle_group.value)}"


def exam_label(recording: RecordingRow) -> str:
    """Name an exam by what was examined, and by its recording."""
    return f"{limb_label(recording)} ({recording.name})"
