"""TRC files: markers over time, as OpenSim, Sports2D and Pose2Sim write and read them."""

from pathlib import Path

import numpy as np

from capture.landmarks import LandmarkTracks
from capture.markers import Markers
from records.durable import write_file
from records.errors import RecordError
from records.marker_rows import named, number

__all__ = ["read_trc", "write_trc"]

_HEADER_LINES = 5
_CELLS_BEFORE = 2  # number of the frame, and its time
_AXES = 3
_FRAMES_CELL = 2
_UNITS = "px"  # Sports2D says m of its pixel files, too; OpenSim reads either


def read_trc(path: Path) -> Markers:
    """Read the markers of a TRC file; one without coordinates, or at the origin, was not seen.

    Raises
    ------
    RecordError
        If it is no TRC file, or damaged.
    OSError, UnicodeDecodeError, DataError
        If it cannot be read, or its times do not grow; the caller knows what to say.
    """
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    if len(lines) <= _HEADER_LINES or not lines[0].startswith("PathFileType"):
        raise RecordError(path, "is no TRC file: it does not begin with PathFileType and five lines of header")
    names = [cell.strip() for cell in lines[3].split("\t")[_CELLS_BEFORE:] if cell.strip()]
    if not names:
        raise RecordError(path, "row 4: no markers are named")
    rows = [
        _row(path, row, line.split("\t"), len(names))
        for row, line in enumerate(lines[_HEADER_LINES:], start=_HEADER_LINES + 1)
        if line.strip()
    ]
    if len(rows) < 2:
        raise RecordError(path, f"expected at least 2 frames; got {len(rows)}")
    stated = _stated_frames(lines[2])
    if stated is not None and len(rows) < stated:
        raise RecordError(path, f"the header says {stated} frames, {len(rows)} are there; is the file cut off?")
    values = np.array(rows)
    xyz = values[:, 1:].reshape(len(rows), len(names), _AXES)
    unseen = ~np.isfinite(xyz).all(axis=2) | (xyz[..., :2] == 0).all(axis=2)
    xyz = np.where(unseen[..., None], np.nan, xyz)
    return Markers(time_s=values[:, 0], names=named(names), xyz=xyz, confidence=np.where(unseen, 0.0, 1.0))


def _stated_frames(line: str) -> int | None:
    cells = line.split("\t")
    return int(cells[_FRAMES_CELL]) if len(cells) > _FRAMES_CELL and cells[_FRAMES_CELL].strip().isdigit() else None


def _row(path: Path, row: int, cells: list[str], n_markers: int) -> list[float]:
    """Return time and coordinates of a row; empty cells after the last marker are passed over."""
    wanted = _CELLS_BEFORE + _AXES * n_markers
    if len(cells) < wanted or any(cell.strip() for cell in cells[wanted:]):
        hint = "; is the file cut off?" if len(cells) < wanted else ""
        raise RecordError(path, f"row {row}: expected {wanted} cells for {n_markers} markers; got {len(cells)}{hint}")
    return [number(path, row, cell) for cell in cells[1:wanted]]


def write_trc(path: Path, tracks: LandmarkTracks) -> None:
    """Write landmarks as Sports2D writes them before it turns them into metres: pixels, x right, y down, z 0.

    A landmark that was not seen is "nan": OpenSim takes it for missing, and miscounts a row that ends in empty cells.

    Raises
    ------
    StoreError
        If the disk refuses.
    """
    n_frames, n_names = tracks.confidence.shape
    rate_hz = float(1.0 / np.median(np.diff(tracks.time_s))) if n_frames > 1 else 1.0
    rate = f"{rate_hz:.6g}"
    lines = [
        f"PathFileType\t4\t(X/Y/Z)\t{path.name}",
        "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames",
        "\t".join([rate, rate, str(n_frames), str(n_names), _UNITS, rate, "1", str(n_frames)]),
        "\t".join(["Frame#", "Time", *(cell for name in tracks.names for cell in (name, "", ""))]),
        "\t".join(["", "", *(f"{axis}{k}" for k in range(1, n_names + 1) for axis in "XYZ")]),
        "",
    ]
    write_file(path, lambda partial: _write_lines(partial, lines, tracks))


def _write_lines(path: Path, head: list[str], tracks: LandmarkTracks) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in head)
        for frame, (time_s, xy_px) in enumerate(zip(tracks.time_s, tracks.xy_px, strict=True), start=1):
            cells = [cell for x, y in xy_px for cell in _cells(x, y)]
            file.write("\t".join([str(frame), f"{time_s:.6f}", *cells]) + "\n")


def _cells(x_px: float, y_px: float) -> tuple[str, str, str]:
    return (f"{x_px:.4f}", f"{y_px:.4f}", f"{0:.4f}") if np.isfinite((x_px, y_px)).all() else ("nan", "nan", "nan")
