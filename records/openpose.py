"""OpenPose's output: a folder with one JSON file for each frame, people with x, y and confidence of each point."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from capture.landmarks import LandmarkTracks
from capture.markers import Markers
from records.durable import discard, new_folder, place_folder
from records.errors import RecordError, StoreError
from records.landmark_names import BODY_18, BODY_25, BODY_25_OF_OURS, HAND_21
from records.marker_rows import in_picture

__all__ = ["Box", "is_openpose", "read_openpose", "write_openpose"]

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]

_KEYPOINTS = "*_keypoints.json"
_FRAME_NUMBER = re.compile(r"(\d+)_keypoints\.json$")
_LONGEST_STEP = 0.5
"""A person moves less than this share of the body's extent from frame to frame; who is further away is another one."""
_INSIDE = 0.5
"""The patient is who has more than this share of the points in the box."""
_HAND_POINTS = 21


def is_openpose(path: Path) -> bool:
    """Tell whether a folder holds OpenPose's files."""
    return path.is_dir() and next(path.glob(_KEYPOINTS), None) is not None


def read_openpose(folder: Path, rate_hz: float, patient_box: Box | None) -> Markers:
    """Read a folder with one JSON file for each frame, and follow one person through them.

    Parameters
    ----------
    folder
        Files named ``NAME_000000000000_keypoints.json``.
    rate_hz
        Frame rate; the files do not say it.
    patient_box
        Where the patient is in the first frame; needed where it shows several people.

    Raises
    ------
    RecordError
        If files are damaged or of a body model that is not known, or nobody says who is the patient.
    OSError, UnicodeDecodeError, DataError
        If files cannot be read, or two are of the same frame; the caller knows what to say.
    """
    numbered = [(_frame_number(file), file) for file in folder.glob(_KEYPOINTS)]
    if len(numbered) < 2:
        raise RecordError(folder, f"expected a file for each of at least 2 frames; got {len(numbered)}")
    numbered.sort()
    frames = [_openpose_people(file) for _, file in numbered]
    sizes = {person.shape[0] for people in frames for person in people}
    if not sizes:
        raise RecordError(folder, "no file shows a person")
    if len(sizes) > 1:
        raise RecordError(folder, "the files are of different body models; export them with one")
    names = _openpose_names(folder, sizes.pop())
    points = np.stack(_one_person(folder, frames, len(names), patient_box))
    time_s = np.array([number for number, _ in numbered], dtype=np.float64) / rate_hz
    return in_picture(time_s, names, points[..., :2], points[..., 2])


def _frame_number(file: Path) -> int:
    found = _FRAME_NUMBER.search(file.name)
    if found is None:
        raise RecordError(file, "has no frame number in its name; OpenPose writes NAME_000000000000_keypoints.json")
    return int(found.group(1))


def _openpose_names(folder: Path, size: int) -> list[str]:
    hands = [f"{side}_{part}" for side in ("left", "right") for part in HAND_21.values()]
    for body in (BODY_25, BODY_18):
        if size == len(body) + len(hands):
            return [*body, *hands]
    raise RecordError(folder, f"people have {size - len(hands)} points; BODY_25 (25) and COCO (18) are known")


def _openpose_people(file: Path) -> list[Points]:
    """Return x, y, confidence of body and knuckles of each person, shape (k, 3)."""
    try:
        people = json.loads(file.read_text(encoding="utf-8"))["people"]
        return [_openpose_person(person) for person in people]
    except json.JSONDecodeError as error:
        raise RecordError(file, f"is not JSON ({error.msg}, line {error.lineno}); is it cut off?") from error
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise RecordError(file, "is no OpenPose output: expected people with pose_keypoints_2d") from error


def _openpose_person(person: dict[str, Any]) -> Points:
    body = np.array(person["pose_keypoints_2d"], dtype=np.float64).reshape(-1, 3)
    hands = []
    for side in ("left", "right"):
        hand = np.array(person.get(f"hand_{side}_keypoints_2d") or [], dtype=np.float64).reshape(-1, 3)
        hands.append(hand[list(HAND_21)] if hand.size else np.zeros((len(HAND_21), 3)))
    whole: Points = np.concatenate([body, *hands])
    return whole


def _one_person(folder: Path, frames: Iterable[list[Points]], n_points: int, patient_box: Box | None) -> list[Points]:
    """Follow the patient from frame to frame; nobody near enough is nobody."""
    followed: list[Points] = []
    last: Points | None = None
    for people in frames:
        if last is None:
            last = _first_person(folder, people, patient_box)
            chosen = last
        else:
            chosen = _nearest(people, last)
        last = last if chosen is None else chosen
        followed.append(np.zeros((n_points, 3)) if chosen is None else chosen)
    return followed


def _nearest(people: list[Points], last: Points) -> Points | None:
    nearest = min(people, key=lambda person: _apart(person, last), default=None)
    return nearest if nearest is not None and _apart(nearest, last) <= _LONGEST_STEP else None


def _first_person(folder: Path, people: list[Points], patient_box: Box | None) -> Points | None:
    if patient_box is None:
        if len(people) > 1:
            raise RecordError(
                folder, f"the first frame shows {len(people)} people; say where the patient is (patient box)"
            )
        return people[0] if people else None
    x, y, width, height = patient_box
    low, high = np.array([x, y]), np.array([x + width, y + height])

    def inside(person: Points) -> float:
        seen = person[person[:, 2] > 0, :2]
        return float(((seen >= low) & (seen <= high)).all(axis=1).mean()) if seen.size else 0.0

    best = max(people, key=inside, default=None)
    return best if best is not None and inside(best) > _INSIDE else None


def _apart(one: Points, other: Points) -> float:
    """Return the median distance of two people's points over the extent of the second; infinite if none is common."""
    common = (one[:, 2] > 0) & (other[:, 2] > 0)
    if not common.any():
        return float("inf")
    extent = np.ptp(other[other[:, 2] > 0, :2], axis=0).max()
    return float(np.median(np.hypot(*(one[common, :2] - other[common, :2]).T)) / max(extent, 1.0))


def write_openpose(folder: Path, tracks: LandmarkTracks) -> None:
    """Write landmarks as OpenPose does, body model BODY_25 and hands, one file for each frame.

    The neck is the middle of the shoulders and the middle of the hips that of the hips; points that we have none for
    (the small toes) and points that were not seen are 0, 0 with confidence 0, as OpenPose writes them.

    Raises
    ------
    StoreError
        If the folder is there already, or the disk refuses.
    """
    if folder.exists():
        raise StoreError(folder, "is there already; name another folder or remove it")
    partial = new_folder(folder.parent)
    try:
        for frame in range(tracks.time_s.size):
            file = partial / f"{folder.name}_{frame:012d}_keypoints.json"
            file.write_text(json.dumps(_frame(tracks, frame)), encoding="utf-8")
        place_folder(partial, folder)
    except OSError as error:
        raise StoreError(
            folder, f"cannot be written ({error.strerror}); free space or choose another folder"
        ) from error
    finally:
        discard(partial)


def _frame(tracks: LandmarkTracks, frame: int) -> dict[str, Any]:
    points = dict(
        zip(tracks.names, np.column_stack([tracks.xy_px[frame], tracks.confidence[frame]]).tolist(), strict=True)
    )
    person = {
        "person_id": [-1],
        "pose_keypoints_2d": [cell for name in BODY_25 for cell in _point(name, points)],
        "face_keypoints_2d": [],
        **{f"hand_{side}_keypoints_2d": _hand(side, points) for side in ("left", "right")},
        "pose_keypoints_3d": [],
    }
    seen = np.isfinite(tracks.xy_px[frame]).all(axis=1).any()
    return {"version": 1.3, "people": [person] if seen else []}


def _point(name: str, points: dict[str, list[float]]) -> list[float]:
    parts = {"Neck": "shoulder", "MidHip": "hip"}
    if name not in parts:
        return _cells(points.get(BODY_25_OF_OURS.get(name, "")))
    ends = [_cells(points.get(f"{side}_{parts[name]}")) for side in ("left", "right")]
    if min(end[2] for end in ends) == 0:
        return _cells(None)
    return [float(value) for value in np.mean(ends, axis=0)]


def _hand(side: str, points: dict[str, list[float]]) -> list[float]:
    named = {place: _cells(points.get(f"{side}_{part}")) for place, part in HAND_21.items()}
    return [cell for place in range(_HAND_POINTS) for cell in named.get(place, _cells(None))]


def _cells(point: list[float] | None) -> list[float]:
    return [0.0, 0.0, 0.0] if point is None or not np.isfinite(point).all() else [round(value, 4) for value in point]
