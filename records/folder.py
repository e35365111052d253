"""A recording on disk: the folder of the contract, or a bare video or table that enters as a folder of one stream."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PureWindowsPath

from analysis.errors import DataError
from analysis.model import ReferencePose, Side, Source, Subject, TestKind
from analysis.muscles import MuscleGroup, muscle_group
from capture.lens import Lens
from records.columns import ANGLE, TIME
from records.errors import RecordError
from records.landmark_files import is_landmark_file
from records.lens_file import read_lens
from records.manifest import MANIFEST, Manifest, Segment, StreamNote, read_manifest
from records.tables import column_names, is_table

__all__ = ["UNKNOWN_SUBJECT", "RecordingFolder", "StreamEntry", "bare_file", "open_recording", "read_folder"]

UNKNOWN_SUBJECT = "unknown"
"""Subject code of a bare file, which does not say whom it shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEntry:
    """One stream of a recording; what does not belong to its kind is ``None``.

    Attributes
    ----------
    kind
        What it holds.
    file
        Absolute path of the file; it exists.
    segment
        Segment that an IMU is strapped to.
    lever_m
        Distance from the joint's axis to the force sensor.
    muscle
        Muscle of an EMG channel.
    rotation_deg
        Turn that upright display of the video needs, where the file itself does not say it.
    patient_box
        x, y, width, height in pixels of the patient in the first frame.
    lens
        Calibration of the camera that filmed.
    clock_offset_s
        To be added to the stream's times.
    segments
        Start and end, s of the stream's own times, of each stretch that one connection and one clock of the device
        gave; ``None`` where it is not known.
    """

    kind: Source
    file: Path
    segment: Segment | None = None
    lever_m: float | None = None
    muscle: str | None = None
    rotation_deg: int | None = None
    patient_box: tuple[float, float, float, float] | None = None
    lens: Lens | None = None
    clock_offset_s: float = 0.0
    segments: tuple[tuple[float, float], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingFolder:
    """One exam of one muscle group as it lies on disk; its streams exist but have not been read.

    Attributes
    ----------
    path
        The folder, or the bare file.
    name
        Name of the folder, or of the file without its ending.
    muscle_group, side, test, subject
        What was examined, how, and in whom.
    started_at
        Wall-clock time with its zone; ``None`` where it was not recorded.
    reference_pose
        The joint's true angle at one moment; ``None`` where it was not measured.
    simulated
        True for a virtual patient.
    quality
        What went wrong while it was recorded, one sentence each; ``None`` where nobody said.
    streams
        At least one of them gives the joint angle.
    """

    path: Path
    name: str
    muscle_group: MuscleGroup
    side: Side
    test: TestKind
    subject: Subject
    started_at: datetime | None
    reference_pose: ReferencePose | None
    simulated: bool
    streams: tuple[StreamEntry, ...]
    quality: tuple[str, ...] | None = None


def open_recording(path: Path, muscle_group: str | None = None, side: str | None = None) -> RecordingFolder:
    """Open a recording folder, or a bare video or table with what it cannot say of itself.

    Parameters
    ----------
    path
        A folder with ``recording.json`` (or that file itself), a video, or a CSV or Parquet table of the joint angle.
    muscle_group, side
        Needed for a bare file. A folder says them itself; given as well, they must agree with it.

    Raises
    ------
    RecordError
        If it is missing, damaged or incomplete, or contradicts the options.
    """
    if path.name == MANIFEST:
        path = path.parent
    if path.is_dir():
        return _agreed(read_folder(path), muscle_group, side)
    if not path.exists():
        raise RecordError(path, "there is no such file or folder; check the path")
    if muscle_group is None or side is None:
        raise RecordError(path, "a bare file does not say what it shows; give --muscle-group and --side")
    return bare_file(path, _muscle_group(path, muscle_group), _side(path, side))


def _muscle_group(path: Path, name: str) -> MuscleGroup:
    try:
        return muscle_group(name)
    except DataError as error:
        raise RecordError(path, str(error)) from error


def _side(path: Path, name: str) -> Side:
    try:
        return Side(name)
    except ValueError:
        raise RecordError(path, f"unknown side '{name}': choose one of {', '.join(Side)}") from None


def _agreed(folder: RecordingFolder, muscle_group: str | None, side: str | None) -> RecordingFolder:
    for what, said, asked in (
        ("muscle group", folder.muscle_group.value, muscle_group),
        ("side", folder.side.value, side),
    ):
        if asked is not None and asked != said:
            raise RecordError(
                folder.path,
                f"{MANIFEST} says {what} {said}, the option says {asked}; leave the option out or correct it",
            )
    return folder


def bare_file(path: Path, muscle_group: MuscleGroup, side: Side) -> RecordingFolder:
    """Let a bare video or table of the joint angle enter as a recording of one stream; the subject is unknown.

    Raises
    ------
    RecordError
        If there is no such file, or a table does not hold the joint angle.
    """
    if not path.is_file():
        raise RecordError(path, "there is no such file; check the path")
    kind = Source.ANGLE if is_table(path) and not _holds_landmarks(path) else Source.VIDEO
    if kind is Source.ANGLE:
        _check_bare_table(path)
    return RecordingFolder(
        path=path,
        name=path.stem,
        muscle_group=muscle_group,
        side=side,
        test=TestKind.PASSIVE_STRETCH,
        subject=Subject(code=UNKNOWN_SUBJECT),
        started_at=None,
        reference_pose=None,
        simulated=False,
        streams=(StreamEntry(kind=kind, file=path.resolve()),),
    )


def _holds_landmarks(path: Path) -> bool:
    """Tell whether a table holds landmarks, which stand for a video, and not the angle already."""
    return is_landmark_file(path) and ANGLE not in column_names(path)


def _check_bare_table(path: Path) -> None:
    names = column_names(path)
    missing = [name for name in (TIME, ANGLE) if name not in names]
    if missing:
        raise RecordError(
            path,
            f"columns {TIME} and {ANGLE} are expected of a bare table, {' and '.join(missing)} missing; "
            f"sensor streams enter as a folder with {MANIFEST}",
        )


def read_folder(path: Path) -> RecordingFolder:
    """Read what a recording folder says of itself, and check that its streams can make a joint angle.

    Raises
    ------
    NewerVersionError
        If a newer version of the program wrote it.
    RecordError
        If ``recording.json`` is missing or damaged, a stream is missing or lies outside the folder, or the streams
        do not give a joint angle.
    """
    if not path.is_dir():
        raise RecordError(path, "there is no such folder; check the path")
    manifest = read_manifest(path / MANIFEST)
    _check_streams(path / MANIFEST, manifest)
    return RecordingFolder(
        path=path,
        name=path.resolve().name,
        muscle_group=manifest.muscle_group,
        side=manifest.side,
        test=manifest.test,
        subject=manifest.subject,
        started_at=manifest.started_at,
        reference_pose=manifest.reference_pose,
        simulated=manifest.simulated,
        quality=manifest.quality,
        streams=tuple(_entry(path, note) for note in manifest.streams),
    )


def _check_streams(where: Path, manifest: Manifest) -> None:
    kinds = Counter(note.kind for note in manifest.streams)
    twice = [name for name, count in Counter(note.file for note in manifest.streams).items() if count > 1]
    if twice:
        raise RecordError(where, f'two streams name the same file "{twice[0]}"; give each its own')
    _check_imus(where, [note.segment for note in manifest.streams if note.kind is Source.IMU])
    if kinds[Source.FORCE] > 1:
        raise RecordError(where, f"expected one force stream at most; got {kinds[Source.FORCE]}")
    if not kinds[Source.IMU] + kinds[Source.ANGLE] + kinds[Source.VIDEO]:
        raise RecordError(where, "no stream gives the joint angle; add a video, two IMUs or an angle stream")


def _check_imus(where: Path, segments: list[Segment | None]) -> None:
    if not segments or sorted(str(one) for one in segments) == sorted(Segment):
        return
    got = ", ".join(str(one) for one in segments)
    if len(segments) == 1:
        other = next(one for one in Segment if one != segments[0])
        raise RecordError(where, f'one IMU ({got}) instead of two; add the one of the "{other}" segment')
    raise RecordError(where, f'expected two IMUs, one "proximal" and one "distal"; got {got}')


def _entry(folder: Path, note: StreamNote) -> StreamEntry:
    return StreamEntry(
        kind=note.kind,
        file=_inside(folder, note.file),
        segment=note.segment,
        lever_m=note.lever_m,
        muscle=note.muscle,
        rotation_deg=note.rotation_deg,
        patient_box=note.patient_box,
        lens=read_lens(_inside(folder, note.lens)) if isinstance(note.lens, str) else note.lens,
        clock_offset_s=note.clock_offset_s,
        segments=note.segments,
    )


def _inside(folder: Path, name: str) -> Path:
    """Return the file of that name inside the folder; a name that leads out of it is refused."""
    foreign = PureWindowsPath(name)
    outside = RecordError(folder / MANIFEST, f'stream file "{name}" lies outside the folder; put it inside')
    if Path(name).is_absolute() or foreign.drive or foreign.root or ".." in foreign.parts or not name.isprintable():
        raise outside
    root = folder.resolve()
    try:
        file = (root / name).resolve()
    except (OSError, RuntimeError) as error:
        raise RecordError(root / name, "cannot be followed; replace the link by the file") from error
    if not file.is_relative_to(root):
        raise outside
    if not file.is_file():
        raise RecordError(folder / name, f"is named in {MANIFEST} but is not there; copy it into the folder")
    return file
