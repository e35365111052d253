"""Landmarks of every frame, from poses some frames apart and from the limb's own course."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import medfilt

from analysis.model import Side
from analysis.muscles import Joint
from capture.anatomy import JOINTS
from capture.follow import Followed
from capture.landmarks import POSE_LANDMARKS, LandmarkTracks
from capture.limb import Hinge
from capture.survey import Survey

__all__ = ["named_sides", "tracks_of"]

Points = NDArray[np.float64]

_ARM = ("shoulder", "elbow", "wrist", "pinky", "index", "thumb")
_LEG = ("hip", "knee", "ankle", "heel", "foot_index")
_CHAIN = {Joint.ELBOW: _ARM[1:], Joint.WRIST: _ARM[1:], Joint.KNEE: _LEG[1:], Joint.ANKLE: _LEG[1:], Joint.HIP: _LEG}
_MAX_GAP_S = 0.5
_MEDIAN_POSES = 3


def named_sides(points: Points, swapped: NDArray[np.bool_], joint: Joint) -> Points:
    """Exchange left and right of the tested limbs, landmarks of shape (n, 33, ...), in poses that had them swapped."""
    named = points.copy()
    for name in _CHAIN[joint]:
        left, right = POSE_LANDMARKS.index(f"left_{name}"), POSE_LANDMARKS.index(f"right_{name}")
        named[swapped, left] = points[swapped, right]
        named[swapped, right] = points[swapped, left]
    return named


def tracks_of(
    seen: Survey,
    followed: Followed,
    *,
    hinge: Hinge | None,
    angle_deg: Points,
    joint: Joint,
    side: Side,
) -> LandmarkTracks:
    """Give every frame its landmarks, in pixels of the displayed image.

    Between poses they are interpolated (never over more than half a second); the tested joint and the end of the
    moved segment follow the hinge where there is one.
    """
    found = followed.found
    xy = np.full((len(seen.time_s), len(POSE_LANDMARKS), 2), np.nan)
    confidence = np.zeros((len(seen.time_s), len(POSE_LANDMARKS)))
    if found.any():
        times = followed.time_s[found]
        near = _near(seen.time_s, times)
        for k in range(len(POSE_LANDMARKS)):
            for axis in (0, 1):
                values = _without_spikes(followed.xy_px[found, k, axis])
                xy[near, k, axis] = np.interp(seen.time_s[near], times, values)
            confidence[near, k] = np.interp(seen.time_s[near], times, followed.confidence[found, k])
    if hinge is not None:
        _place_limb(xy, hinge, angle_deg, joint, side)
    xy /= seen.scale  # in place, and handed over read-only: an hour's landmarks are not copied
    np.clip(confidence, 0.0, 1.0, out=confidence)
    for handed_over in (xy, confidence):
        handed_over.setflags(write=False)
    return LandmarkTracks(
        time_s=seen.time_s,
        names=POSE_LANDMARKS,
        xy_px=xy,
        confidence=confidence,
        width_px=seen.width_px,
        height_px=seen.height_px,
    )


def _without_spikes(values: Points) -> Points:
    if len(values) < _MEDIAN_POSES:
        return values
    middle = np.asarray(medfilt(values, _MEDIAN_POSES))
    return np.concatenate([values[:1], middle[1:-1], values[-1:]])


def _near(time_s: Points, known_s: Points) -> NDArray[np.bool_]:
    """Which times lie between known ones that are close together, or close to a single one."""
    after = np.clip(np.searchsorted(known_s, time_s), 0, len(known_s) - 1)
    before = np.clip(after - 1, 0, len(known_s) - 1)
    between = (
        (known_s[before] <= time_s) & (time_s <= known_s[after]) & (known_s[after] - known_s[before] <= _MAX_GAP_S)
    )
    alone = np.minimum(np.abs(known_s[before] - time_s), np.abs(known_s[after] - time_s)) <= _MAX_GAP_S / 2.0
    return np.asarray(between | alone)


def _place_limb(xy: Points, hinge: Hinge, angle_deg: Points, joint: Joint, side: Side) -> None:
    geometry = JOINTS[joint]
    if geometry.moved[0] != geometry.joint:
        return
    seen = np.isfinite(xy[:, 0, 0])
    direction = np.radians(hinge.direction_deg(angle_deg, joint))
    tip = hinge.centre_px + hinge.length_px * np.stack([np.cos(direction), np.sin(direction)], axis=-1)
    ends = [POSE_LANDMARKS.index(f"{side}_{name}") for name in geometry.moved[1]]
    shift = tip - xy[:, ends].mean(axis=1)
    for name in _CHAIN[joint][_CHAIN[joint].index(geometry.moved[1][0]) :]:
        row = POSE_LANDMARKS.index(f"{side}_{name}")
        xy[seen, row] += shift[seen]
    xy[seen, POSE_LANDMARKS.index(f"{side}_{geometry.joint[0]}")] = hinge.centre_px
