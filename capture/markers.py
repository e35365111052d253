"""The joint angle from landmarks that another tool made, in the image plane or in space."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError, DataError
from analysis.model import FloatArray, JointAngle, Side, Source, Zero, readonly
from analysis.muscles import MUSCLES, Joint, MuscleGroup
from capture.anatomy import JOINTS, other_side
from capture.landmarks import LandmarkTracks

__all__ = ["MarkerAngle", "MarkerParams", "Markers", "angle_of_markers", "picture_of_markers"]

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Markers:
    """Points on one person over time, in the plane of a picture or in space, in any unit of length.

    Attributes
    ----------
    time_s
        Strictly increasing times, shape (n,).
    names
        Names as `capture.landmarks.POSE_LANDMARKS` has them where the point is one of those, else the tool's own.
    xyz
        Positions, NaN where not seen, shape (n, k, 3). In a picture z is 0, x runs to the right and y down.
    confidence
        0 to 1 each, shape (n, k); 1 where the tool states none, 0 where the point was not seen.
    """

    time_s: FloatArray
    names: tuple[str, ...]
    xyz: Points
    confidence: Points

    def __post_init__(self) -> None:
        time = readonly(self.time_s, "Markers.time_s")
        if not (np.isfinite(time).all() and (np.diff(time) > 0).all()):
            raise DataError("expected finite, strictly increasing times in Markers; got some that are not")
        if len(set(self.names)) != len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(f"expected every marker once; got '{twice}' twice")
        object.__setattr__(self, "time_s", time)
        for name, shape in (("xyz", (time.size, len(self.names), 3)), ("confidence", (time.size, len(self.names)))):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != shape:
                raise DataError(f"expected Markers.{name} of shape {shape}; got {values.shape}")
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    @property
    def planar(self) -> bool:
        """Whether every marker keeps its depth: a picture, or a plane put into space."""
        depth = self.xyz[..., 2]
        seen = np.isfinite(depth)
        low = np.where(seen, depth, np.inf).min(axis=0)
        high = np.where(seen, depth, -np.inf).max(axis=0)
        return bool(np.all((high <= low) | ~seen.any(axis=0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkerParams:
    """What is trusted of another tool's landmarks.

    Attributes
    ----------
    confidence
        Points of less confidence are gaps; 0.3 as Sports2D's default for keypoints.
    plain_sign_deg
        A joint that never bends beyond this leaves it open which way it bends (chosen by us).
    both_ways_deg
        A joint that bends beyond this both ways is doubtful: the sides were exchanged, or the body turned round
        (chosen by us: no elbow or knee extends so far).
    fastest_deg_s
        A change faster than this is no movement of a limb but an error of the tool (chosen by us; fast stretches reach
        600 °/s).
    foreshortened
        In a picture, a segment seen at less than this share of its greatest length points out of the plane: the angle
        is then more than 10° off (chosen by us).
    """

    confidence: float = 0.3
    plain_sign_deg: float = 15.0
    both_ways_deg: float = 30.0
    fastest_deg_s: float = 2000.0
    foreshortened: float = 0.75


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarkerAngle:
    """The angle of one joint from landmarks.

    Attributes
    ----------
    angle
        The angle; NaN where the landmarks were not seen. What another tool's landmarks are worth is not known: the
        standard deviation is NaN.
    gradable
        Whether the recording may be graded; if not, a warning says why.
    warnings
        What limits the angle, one sentence each.
    """

    angle: JointAngle
    gradable: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Limb:
    """Directions of the resting and the moved segment, and of the foot where it was seen, shape (n, 3)."""

    reference: Points
    moved: Points
    foot: Points


def angle_of_markers(
    markers: Markers, *, muscle_group: MuscleGroup, side: Side, params: MarkerParams = MarkerParams()
) -> MarkerAngle:
    """Read the tested joint's angle off landmarks.

    The angle between the two segments is taken in space. Which way is flexion is decided once for the whole recording:
    at the knee by the foot, which points forward; at the elbow and at a knee without a foot by the way in which the
    joint bends; at the wrist, where neither shows the palm's side, by the first large movement, which is a stretch.
    Landmarks in space, of a body that may turn, show over-extension at the knee only.

    Parameters
    ----------
    markers
        The landmarks.
    muscle_group, side
        What is tested.
    params
        What is trusted.

    Raises
    ------
    AnalysisError
        If a landmark that the joint needs is not among the markers, or is never seen.
    """
    muscle = MUSCLES[muscle_group]
    limb = _limb(markers, muscle.joint, side, params)
    between_deg = _between_deg(limb.reference, limb.moved)
    if np.isfinite(between_deg).sum() < 2:
        raise AnalysisError(f"the {side} {muscle.joint} is seen in fewer than two frames of the landmarks")
    notes: list[str] = []
    faults: list[str] = []
    bend_deg = JOINTS[muscle.joint].zero_deg - between_deg
    if JOINTS[muscle.joint].zero_deg > 90.0:  # straight is zero: the joint may bend either way
        bend_deg = bend_deg * (_way_in_picture if markers.planar else _way_in_space)(limb, muscle.joint)
        if JOINTS[muscle.joint].signed_by_stretch:
            bend_deg = bend_deg * _first_move(bend_deg) * muscle.stretch_sign
            notes.append(f"which way the {muscle.joint} bends is told by its first large movement, which is a stretch")
        else:
            notes += _flat(bend_deg, muscle.joint, params)
            faults += _wrong_way(bend_deg, muscle.joint, params)
    faults += _jumps(markers.time_s, bend_deg, params)
    if markers.planar:
        faults += _out_of_plane(limb, params)
    angle = JointAngle(
        time_s=markers.time_s,
        angle_deg=bend_deg,
        sd_deg=np.full(markers.time_s.size, np.nan),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=0.5 / float(np.median(np.diff(markers.time_s))),
    )
    return MarkerAngle(angle=angle, gradable=not faults, warnings=(*faults, *notes))


def _limb(markers: Markers, joint: Joint, side: Side, params: MarkerParams) -> _Limb:
    geometry = JOINTS[joint]

    def vector(ends: tuple[tuple[str, ...], tuple[str, ...]]) -> Points:
        return _point(markers, ends[1], side, params) - _point(markers, ends[0], side, params)

    foot = np.full((markers.time_s.size, 3), np.nan)
    if joint is Joint.KNEE and {f"{side}_heel", f"{side}_foot_index"} <= set(markers.names):
        foot = vector((("heel",), ("foot_index",)))
    return _Limb(reference=vector(geometry.reference), moved=vector(geometry.moved), foot=foot)


def _point(markers: Markers, parts: tuple[str, ...], side: Side, params: MarkerParams) -> Points:
    """Return the mean of the named points that the markers have, shape (n, 3)."""
    names = [
        f"{other_side(side)}_{part.removeprefix('other_')}" if part.startswith("other_") else f"{side}_{part}"
        for part in parts
    ]
    places = [markers.names.index(name) for name in names if name in markers.names]
    if not places:
        raise AnalysisError(
            f"the landmarks have no {' or '.join(names)}; there are: {', '.join(markers.names) or 'none'}"
        )
    seen = markers.confidence[:, places] >= params.confidence
    mean: Points = np.where(seen[..., None], markers.xyz[:, places], np.nan).mean(axis=1)
    return mean


def _between_deg(one: Points, other: Points) -> Points:
    """Return the angle between directions in space, 0 to 180."""
    across = np.linalg.norm(np.cross(one, other), axis=-1)
    along = (one * other).sum(axis=-1)
    degenerate = (np.linalg.norm(one, axis=-1) == 0) | (np.linalg.norm(other, axis=-1) == 0)
    return np.where(degenerate, np.nan, np.degrees(np.arctan2(across, along)))


def _way_in_picture(limb: _Limb, joint: Joint) -> Points:
    """Return +1 where the joint bends the way it bends most, or away from the foot, else -1; shape (n,)."""
    turning = np.nan_to_num(np.cross(limb.reference, limb.moved))
    hinge = _axis(turning)
    if joint is Joint.KNEE and np.isfinite(limb.foot).all(axis=1).any():
        forward = _axis(np.nan_to_num(np.cross(limb.moved, limb.foot)))
        hinge = hinge if hinge @ forward > 0 else -hinge
    return np.where(turning @ hinge >= 0, 1.0, -1.0)


def _way_in_space(limb: _Limb, joint: Joint) -> Points:
    """Return -1 where a knee bends towards the front, which the foot tells, else +1.

    A body that turns in space has no fixed hinge; other joints are taken to bend, never to over-extend.
    """
    if joint is not Joint.KNEE or not np.isfinite(limb.foot).all(axis=1).any():
        return np.ones(len(limb.moved))
    turning = np.nan_to_num(np.cross(limb.reference, limb.moved))
    forward = np.nan_to_num(np.cross(limb.moved, limb.foot))
    return np.where((turning * forward).sum(axis=1) >= 0, 1.0, -1.0)


def _axis(turning: Points) -> Points:
    """Return the common direction of many axes of rotation, pointing the way of the greater part."""
    _, _, directions = np.linalg.svd(turning, full_matrices=False)
    axis: Points = directions[0]
    return axis if (turning @ axis).sum() >= 0 else -axis


def _flat(bend_deg: Points, joint: Joint, params: MarkerParams) -> list[str]:
    if np.nanpercentile(bend_deg, 98) < params.plain_sign_deg:
        return [f"the {joint} hardly bends: flexion and extension may be exchanged"]
    return []


def _wrong_way(bend_deg: Points, joint: Joint, params: MarkerParams) -> list[str]:
    low = float(np.nanpercentile(bend_deg, 2))
    if low < -params.both_ways_deg:
        return [f"the {joint} seems to bend by {-low:.0f}° the wrong way: sides may be exchanged in the landmarks"]
    return []


def _first_move(bend_deg: Points) -> float:
    """Return the direction in which the angle first leaves its start by half of its range."""
    seen = bend_deg[np.isfinite(bend_deg)]
    low, high = np.percentile(seen, [2, 98])
    away = seen - seen[0]
    far = np.abs(away) > 0.5 * (high - low)
    return float(np.sign(away[np.argmax(far)])) if far.any() else 1.0


def _jumps(time_s: FloatArray, bend_deg: Points, params: MarkerParams) -> list[str]:
    seen = np.isfinite(bend_deg)
    speed = np.abs(np.diff(bend_deg[seen]) / np.diff(time_s[seen]))
    jumps = int((speed > params.fastest_deg_s).sum())
    if not jumps:
        return []
    at_s = float(time_s[seen][int(np.argmax(speed > params.fastest_deg_s))])
    return [f"the landmarks jump {jumps} times, first at {at_s:.2f} s: no limb moves so fast"]


def _out_of_plane(limb: _Limb, params: MarkerParams) -> list[str]:
    warnings = []
    for name, segment in (("resting", limb.reference), ("moved", limb.moved)):
        length = np.linalg.norm(segment, axis=1)
        length = length[np.isfinite(length)]
        if length.size and np.percentile(length, 10) < params.foreshortened * np.percentile(length, 90):
            warnings.append(f"the {name} segment seems to change its length: it points out of the picture's plane")
    return warnings


def picture_of_markers(markers: Markers) -> LandmarkTracks:
    """Show markers as landmarks of a picture: pixels as they are, lengths scaled and laid on their widest plane.

    Angles in that picture are for display; `angle_of_markers` measures in space.
    """
    points = markers.xyz.reshape(-1, 3)
    seen = np.asarray(np.isfinite(points).all(axis=1))
    if not seen.any():
        flat, size = markers.xyz[..., :2], np.ones(2)
    elif markers.planar and np.ptp(points[seen], axis=0).max() > _LARGEST_EXTENT_M:
        flat, size = markers.xyz[..., :2], points[seen, :2].max(axis=0)
    else:
        flat = _widest_plane(points, seen).reshape(*markers.xyz.shape[:2], 2)
        size = np.nanmax(flat.reshape(-1, 2), axis=0)
    return LandmarkTracks(
        time_s=markers.time_s,
        names=markers.names,
        xy_px=flat,
        confidence=markers.confidence,
        width_px=max(1, int(np.ceil(size[0]))),
        height_px=max(1, int(np.ceil(size[1]))),
    )


_LARGEST_EXTENT_M = 50.0
_PICTURE_PX = 1000.0


def _widest_plane(points: Points, seen: NDArray[np.bool_]) -> Points:
    """Lay points with y up on the plane in which they spread most, y down, the longest side 1000 pixels."""
    centred = points - points[seen].mean(axis=0)
    up = np.array([0.0, 1.0, 0.0])
    level = centred[seen] * (1.0 - up)
    across = np.linalg.svd(level, full_matrices=False)[2][0]
    flat = np.stack([centred @ across, -centred @ up], axis=1)
    low, high = flat[seen].min(axis=0), flat[seen].max(axis=0)
    picture: Points = (flat - low) * (_PICTURE_PX / max(float((high - low).max()), 1e-9))
    return picture
