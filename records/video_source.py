"""The joint angle of a recording's video, or of what another program measured in it, on the recording's clock."""

from collections.abc import Callable
from dataclasses import replace

from analysis.muscles import MUSCLES
from capture.video_angle import VideoMeasurement, measure_video
from records.folder import RecordingFolder, StreamEntry
from records.landmark_source import is_foreign_measurement, measure_landmarks

__all__ = ["VideoMeasurement", "measure_stream"]


def measure_stream(
    folder: RecordingFolder, entry: StreamEntry, on_progress: Callable[[float], None]
) -> VideoMeasurement:
    """Ask `capture` for the joint angle of a video, and add the stream's clock offset to all its times.

    Raises
    ------
    CaptureError
        If the file is no video, or shows no patient.
    RecordError
        If another program's landmarks are damaged, or do not show the joint.
    """
    measured = _measure(folder, entry, on_progress)
    if not entry.clock_offset_s:
        return measured
    return replace(
        measured,
        angle=replace(measured.angle, time_s=measured.angle.time_s + entry.clock_offset_s),
        tracks=replace(measured.tracks, time_s=measured.tracks.time_s + entry.clock_offset_s),
    )


def _measure(folder: RecordingFolder, entry: StreamEntry, on_progress: Callable[[float], None]) -> VideoMeasurement:
    if is_foreign_measurement(entry.file):
        return measure_landmarks(entry.file, folder.muscle_group, folder.side)
    muscle = MUSCLES[folder.muscle_group]
    return measure_video(
        entry.file,
        joint=muscle.joint,
        side=folder.side,
        stretch_sign=muscle.stretch_sign,
        patient_box=entry.patient_box,
        rotation_deg=entry.rotation_deg,
        lens=entry.lens,
        on_progress=on_progress,
    )
