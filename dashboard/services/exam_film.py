"""The film and the contact sheet of an analysed exam."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from analysis.finding import StretchFinding
from analysis.model import Source
from capture.contact_sheet import write_contact_sheet
from capture.drawing import ExamFilm
from capture.head_search import find_heads
from capture.landmarks import LandmarkTracks
from capture.overlay import OverlayLog, write_overlay
from dashboard.errors import DashboardError
from dashboard.services.pipeline import Analysed, silent
from records.folder import StreamEntry

__all__ = ["write_film"]

HEADS_SHARE = 0.7
"""Part of the work that the search for heads takes."""


def write_film(
    analysed: Analysed,
    out: Path,
    *,
    sheet: Path | None = None,
    blur_heads: bool = True,
    on_progress: Callable[[float], None] = silent,
) -> OverlayLog:
    """Write the film of an exam, and its contact sheet where one is asked for.

    Parameters
    ----------
    analysed
        The exam.
    out
        MP4 file of the film.
    sheet
        PNG or JPEG file of the contact sheet, or ``None``.
    blur_heads
        Whether all heads are made unrecognisable.
    on_progress
        Takes the share done, 0 to 1.

    Raises
    ------
    CatchangleError
        If the exam has no video, or something cannot be read or written.
    """
    stream = _video(analysed)
    film, tracks, findings = _on_video_clock(analysed, stream.clock_offset_s)
    share = HEADS_SHARE if blur_heads else 0.0
    heads = None
    if blur_heads:
        heads = find_heads(
            stream.file,
            tracks=tracks,
            rotation_deg=stream.rotation_deg,
            on_progress=lambda done: on_progress(share * done),
        )
    log = write_overlay(
        stream.file,
        out,
        film,
        heads=heads,
        rotation_deg=stream.rotation_deg,
        on_progress=lambda done: on_progress(share + (1 - share) * done),
    )
    if sheet is not None:
        write_contact_sheet(stream.file, sheet, film, findings, heads=heads, rotation_deg=stream.rotation_deg)
    return log


def _video(analysed: Analysed) -> StreamEntry:
    videos = [stream for stream in analysed.folder.streams if stream.kind is Source.VIDEO]
    if not videos:
        raise DashboardError(f"{analysed.folder.path}: has no video to draw on; give a video, or a recording with one")
    return videos[0]


def _on_video_clock(
    analysed: Analysed, offset_s: float
) -> tuple[ExamFilm, LandmarkTracks | None, tuple[StretchFinding, ...]]:
    """Bring what was found from the recording's clock to the video's."""
    recording = analysed.assembled.recording
    tracks = analysed.tracks
    if tracks is not None:
        tracks = replace(tracks, time_s=tracks.time_s - offset_s)
    findings = tuple(_earlier(found, offset_s) for found in analysed.assessment.stretches)
    film = ExamFilm(
        muscle_group=recording.muscle_group,
        side=recording.side,
        angle=replace(recording.angle, time_s=recording.angle.time_s - offset_s),
        tracks=tracks,
        findings=findings,
    )
    return film, tracks, findings


def _earlier(found: StretchFinding, by_s: float) -> StretchFinding:
    one = found.stretch
    return replace(
        found,
        stretch=replace(one, start_s=one.start_s - by_s, peak_s=one.peak_s - by_s, end_s=one.end_s - by_s),
        catch=None if found.catch is None else replace(found.catch, time_s=found.catch.time_s - by_s),
    )
