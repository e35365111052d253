"""A recording folder to one typed recording: the angle of each stream, the best one leading."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from analysis.errors import CatchangleError, DataError
from analysis.model import ForceSignal, Gap, JointAngle, Recording, SegmentTilt, Source
from analysis.muscles import MUSCLES
from capture.errors import NoPatientError
from records.alternatives import Candidate, CompareParams, leading, relate
from records.errors import RecordError
from records.folder import RecordingFolder, StreamEntry
from records.gaps import stream_gaps
from records.streams import Stream, StreamParams, read_angle, read_emg, read_force
from records.together import TogetherParams, hold_together
from sensors.errors import SensorError

if TYPE_CHECKING:
    from capture.video_angle import VideoMeasurement

__all__ = ["AssembleParams", "Assembled", "assemble"]

NOT_GRADED = "; not graded"
"""How `capture` ends a warning for which a video may not be graded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembleParams:
    """Parameters of the steps: reading the streams, comparing the angles that they give, and fusing them."""

    streams: StreamParams = field(default_factory=StreamParams)
    compare: CompareParams = field(default_factory=CompareParams)
    together: TogetherParams = field(default_factory=TogetherParams)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assembled:
    """A recording ready for assessment, and what its video showed.

    Attributes
    ----------
    recording
        The recording; its angle is the best one, the others are its alternatives.
    video
        Landmarks and patient of the first video, its times on the recording's clock (subtract the stream's
        ``clock_offset_s`` to find a frame in the file); ``None`` without video.
    """

    recording: Recording
    video: "VideoMeasurement | None"


@dataclass(slots=True, kw_only=True)
class _Gathered:
    """What the streams gave so far."""

    candidates: list[Candidate] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tilt: SegmentTilt | None = None
    imu_gaps: tuple[Gap, ...] = ()
    videos: list["VideoMeasurement"] = field(default_factory=list)
    failures: list[CatchangleError] = field(default_factory=list)


def assemble(
    folder: RecordingFolder,
    *,
    on_progress: Callable[[float], None] | None = None,
    params: AssembleParams = AssembleParams(),
) -> Assembled:
    """Read every stream of a recording, make joint angles of them, and let the best one lead.

    A source that shows no joint angle (a video without the patient, sensors that did not move) is left out with a
    warning where another source remains; a damaged file is always refused.

    Parameters
    ----------
    folder
        The recording.
    on_progress
        Told the share that is done, 0 to 1; videos take the time.
    params
        Parameters of the steps.

    Raises
    ------
    CatchangleError
        If a stream is unusable; the message names the file and what to do.
    """
    tell = on_progress or _say_nothing
    tell(0.0)
    try:
        assembled = _assemble(folder, tell, params)
    except DataError as error:
        raise RecordError(folder.path, str(error)) from error
    tell(1.0)
    return assembled


def _say_nothing(_share: float) -> None:
    """Take a share of progress when nobody listens."""


def _assemble(folder: RecordingFolder, tell: Callable[[float], None], params: AssembleParams) -> Assembled:
    force = [read_force(entry) for entry in _of_kind(folder, Source.FORCE)]
    emg = [read_emg(entry) for entry in _of_kind(folder, Source.EMG)]
    angles = [read_angle(entry, params.streams) for entry in _of_kind(folder, Source.ANGLE)]
    gathered = _Gathered(candidates=[Candidate(angle=stream.signal) for stream in angles])
    gathered.warnings.extend(folder.quality or ())
    for said in (stream.warnings for streams in (angles, force, emg) for stream in streams):
        gathered.warnings.extend(said)
    _gather_imus(folder, gathered, params)
    _gather_videos(folder, gathered, tell)
    if not gathered.candidates:
        raise gathered.failures[0]
    gathered.warnings.extend(f"a source is left out: {failure}" for failure in gathered.failures)
    place, reason = leading(gathered.candidates, params.compare)
    lead = gathered.candidates[place].angle
    others = [candidate.angle for at, candidate in enumerate(gathered.candidates) if at != place]
    compared = [sentence for other in others for sentence in relate(lead, other, params.compare)]
    held = hold_together(lead, [one for at, one in enumerate(gathered.candidates) if at != place], params.together)
    recording = Recording(
        muscle_group=folder.muscle_group,
        side=folder.side,
        test=folder.test,
        subject=folder.subject,
        angle=held.angle,
        alternatives=tuple(others),
        fused=held.fused,
        force=force[0].signal if force else None,
        tilt=gathered.tilt,
        emg=tuple(stream.signal for stream in emg),
        gaps=(*(gathered.imu_gaps if lead.source is Source.IMU else ()), *_force_gaps(folder, force)),
        warnings=(
            *_video_warnings(gathered, lead),
            *gathered.warnings,
            *([reason] if reason else []),
            *compared,
            *held.warnings,
        ),
    )
    return Assembled(recording=recording, video=gathered.videos[0] if gathered.videos else None)


def _force_gaps(folder: RecordingFolder, force: Sequence[Stream[ForceSignal]]) -> tuple[Gap, ...]:
    """Return where the force sensor measured nothing while it was recorded."""
    found: list[Gap] = []
    for entry, stream in zip(_of_kind(folder, Source.FORCE), force, strict=True):
        shifted = tuple((a + entry.clock_offset_s, b + entry.clock_offset_s) for a, b in entry.segments or ())
        measured_s = stream.signal.time_s[np.isfinite(stream.signal.force_N)]
        found += stream_gaps("the force sensor", measured_s, shifted)
    return tuple(found)


def _of_kind(folder: RecordingFolder, kind: Source) -> tuple[StreamEntry, ...]:
    return tuple(entry for entry in folder.streams if entry.kind is kind)


def _video_warnings(gathered: _Gathered, lead: JointAngle) -> list[str]:
    """Repeat what the videos warn of; one that is not fit for grading spoils the grade only where it leads."""
    said: list[str] = []
    for video in gathered.videos:
        if video.gradable:
            said.extend(video.warnings)
            continue
        reasons = [one.removesuffix(NOT_GRADED) for one in video.warnings if one.endswith(NOT_GRADED)]
        reason = "; ".join(reasons) or "the video does not show the movement well enough"
        said.append(f"not graded: {reason}" if video.angle is lead else f"the video is for display only: {reason}")
        said.extend(one for one in video.warnings if not one.endswith(NOT_GRADED))
    return said


def _gather_imus(folder: RecordingFolder, gathered: _Gathered, params: AssembleParams) -> None:
    entries = _of_kind(folder, Source.IMU)
    if not entries:
        return
    from records.imu_source import measure_imus  # noqa: PLC0415 (loads the filters only where there are IMUs)

    sign = MUSCLES[folder.muscle_group].stretch_sign
    try:
        measured = measure_imus(folder, entries, stretch_sign=sign, params=params.streams)
    except SensorError as error:
        gathered.failures.append(RecordError(folder.path, str(error)))
        return
    gathered.candidates.append(Candidate(angle=measured.angle))
    gathered.warnings.extend(measured.warnings)
    gathered.tilt = measured.tilt
    gathered.imu_gaps = measured.gaps


def _gather_videos(folder: RecordingFolder, gathered: _Gathered, tell: Callable[[float], None]) -> None:
    entries = _of_kind(folder, Source.VIDEO)
    if not entries:
        return
    from records.video_source import measure_stream  # noqa: PLC0415 (loads cv2 and mediapipe only where there is video)

    for place, entry in enumerate(entries):
        try:
            measured = measure_stream(folder, entry, _part(tell, place, len(entries)))
        except NoPatientError as error:
            gathered.failures.append(error)
            continue
        gathered.candidates.append(Candidate(angle=measured.angle, gradable=measured.gradable))
        gathered.videos.append(measured)


def _part(tell: Callable[[float], None], place: int, parts: int) -> Callable[[float], None]:
    """Return who is told the progress of one part of several."""
    return lambda share: tell((place + share) / parts)
