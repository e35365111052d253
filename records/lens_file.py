"""A camera's calibration in a file: JSON as OpenCV or a person writes it, or OpenCV's own YAML or XML."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from analysis.errors import DataError
from capture.lens import Lens
from records.errors import RecordError

__all__ = ["lens_of", "read_lens"]

LARGEST_BYTES = 1 << 20
_OPENCV_ENDINGS = (".yml", ".yaml", ".xml")
_DISTORTION = ("distortion_coefficients", "dist_coeffs", "dist_coeff", "distortion")
_NUMBERS = "expected the numbers of a camera calibration (docs/formats.md shows them)"


def read_lens(path: Path) -> Lens:
    """Read a calibration.

    Raises
    ------
    RecordError
        If the file is missing, or holds no calibration.
    """
    if not path.is_file():
        raise RecordError(path, "there is no such file; name the camera's calibration")
    if path.stat().st_size > LARGEST_BYTES:
        raise RecordError(path, f"is larger than {LARGEST_BYTES} bytes; this is no camera calibration")
    if path.suffix.lower() in _OPENCV_ENDINGS:
        from capture.imaging import read_calibration  # noqa: PLC0415 (loads cv2 only for its own formats)

        return lens_of(path, read_calibration(path))
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise RecordError(
            path, "is no JSON that can be read; write the calibration as docs/formats.md shows"
        ) from error
    except OSError as error:
        raise RecordError(path, f"cannot be read ({error.strerror})") from error
    return lens_of(path, value)


def lens_of(path: Path, value: object, where: str = "") -> Lens:
    """Make a calibration of what JSON said.

    Parameters
    ----------
    path
        The file that said it, for messages.
    value
        ``camera_matrix``, ``distortion_coefficients``, ``image_width`` and ``image_height`` (or ``image_size``), and
        optionally ``roll_deg``, ``pitch_deg``, ``yaw_deg``.
    where
        Begins the message.

    Raises
    ------
    RecordError
        If something is missing or no calibration.
    """
    if not isinstance(value, Mapping):
        raise RecordError(path, f"{where}{_NUMBERS}; got none")
    matrix = _numbers(path, where, value, ("camera_matrix",))
    if len(matrix) != 9:
        raise RecordError(path, f'{where}"camera_matrix": expected 3 x 3 numbers; got {len(matrix)} numbers')
    width, height = _size(path, where, value)
    tilt = {name: _number(path, where, name, value.get(name, 0.0)) for name in ("roll_deg", "pitch_deg", "yaw_deg")}
    try:
        return Lens(
            camera_matrix=tuple((matrix[k], matrix[k + 1], matrix[k + 2]) for k in (0, 3, 6)),
            distortion=_numbers(path, where, value, _DISTORTION),
            width_px=width,
            height_px=height,
            **tilt,
        )
    except DataError as error:
        raise RecordError(path, f"{where}{error}") from error


def _size(path: Path, where: str, value: Mapping[str, object]) -> tuple[int, int]:
    names = [("image_width", "image_height"), ("width_px", "height_px")]
    pair = next(([value[one], value[other]] for one, other in names if one in value and other in value), None)
    numbers = value.get("image_size") if pair is None else pair
    if not isinstance(numbers, list) or len(numbers) != 2:
        raise RecordError(path, f'{where}"image_width" and "image_height" are missing; add the size of the pictures')
    width, height = (_number(path, where, "image size", one) for one in numbers)
    return round(width), round(height)


def _numbers(path: Path, where: str, value: Mapping[str, object], names: tuple[str, ...]) -> tuple[float, ...]:
    """Return the numbers under the first of these names that is there, rows one after the other."""
    name = next((one for one in names if one in value), None)
    if name is None:
        raise RecordError(path, f'{where}"{names[0]}" is missing; {_NUMBERS}')
    found = value[name]
    if isinstance(found, Mapping):  # OpenCV's matrices say their size, and list the numbers as "data"
        found = found.get("data")
    if not isinstance(found, list | tuple):
        raise RecordError(path, f'{where}"{name}": {_NUMBERS}')
    flat = [one for row in found for one in (row if isinstance(row, list | tuple) else [row])]
    return tuple(_number(path, where, name, one) for one in flat)


def _number(path: Path, where: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RecordError(path, f'{where}"{name}": expected numbers; got {str(value)[:40]}')
    return float(value)
