"""Heads over time: circles that cover them, joined from sightings so that none shows between two of them."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from capture.landmarks import POSE_LANDMARKS

__all__ = ["Head", "HeadParams", "HeadTracks", "head_of_landmarks"]

Points = NDArray[np.float64]

_FACE = POSE_LANDMARKS[:11]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadParams:
    """How heads are looked for and how much around them is covered.

    Attributes
    ----------
    follow_s
        Faces that were found are looked for near where they were this often, s; between, heads move in straight lines
        (chosen by us: a person who walks at 1.4 m/s moves one radius).
    look_s
        Faces are looked for in the whole picture this often, s (chosen by us).
    survey_s
        Faces in all four orientations, and whole people, are looked for this often, s (chosen by us: lying people do
        not come and go).
    follow_radii
        A face is looked for within so many radii of where it was (chosen by us, three times the walker's way).
    follow_side_px
        The picture around it is scaled to this (chosen by us: a face is then 30 pixels wide).
    hold_s
        A head stays covered this long before its first and after its last sighting, and sightings this far apart are
        still joined, s (chosen by us: covering too much harms nobody).
    doubt_growth
        By so much the circle has grown when it is given up (chosen by us).
    speed_window_s
        The speed of a head is read over this time, s (chosen by us).
    face_growth
        Radius of the covered circle over half the longer side of the face's box, which reaches from the brows to the
        chin (chosen by us: hair, ears and chin are covered).
    landmark_growth
        Radius over the largest distance of the facial landmarks, eyes, ears, nose and mouth, from their middle (same).
    trunk_share
        The radius is at least this share of the trunk's length, from hips to shoulders: facial landmarks seen from the
        side lie close together. A head is 0.23 m high, a trunk 0.5 m long (de Leva 1996,
        doi:10.1016/0021-9290(95)00178-6).
    landmark_confidence
        Least confidence of landmarks that are trusted to show a head (chosen by us, low: see `hold_s`).
    max_people
        People looked for at once (chosen by us).
    same_radii
        Sightings closer than so many radii to where the head should be show the same head (chosen by us).
    wander_radii_s
        ... and so many more for each second between them (chosen by us; 10 is walking).
    """

    follow_s: float = 0.1
    look_s: float = 0.5
    survey_s: float = 2.0
    follow_radii: float = 3.0
    follow_side_px: int = 160
    hold_s: float = 1.0
    doubt_growth: float = 0.5
    speed_window_s: float = 0.5
    face_growth: float = 1.7
    landmark_growth: float = 1.9
    trunk_share: float = 0.27
    landmark_confidence: float = 0.2
    max_people: int = 5
    same_radii: float = 1.5
    wander_radii_s: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A circle that covers a head, in pixels of the displayed image."""

    x_px: float
    y_px: float
    radius_px: float


@dataclass(slots=True, kw_only=True, eq=False)
class _Path:
    """Sightings of one head in order of time; the only thing here that grows."""

    times_s: list[float] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)

    def add(self, time_s: float, head: Head) -> None:
        self.times_s.append(time_s)
        self.heads.append(head)

    def at(self, time_s: float, params: HeadParams) -> Head | None:
        """Return the head at a time: between sightings on a straight line, before and after as it moved there."""
        if time_s <= self.times_s[0]:
            return self._beyond(0, time_s, params)
        if time_s >= self.times_s[-1]:
            return self._beyond(len(self.times_s) - 1, time_s, params)
        after = bisect_right(self.times_s, time_s)
        share = (time_s - self.times_s[after - 1]) / (self.times_s[after] - self.times_s[after - 1])
        one, other = self.heads[after - 1], self.heads[after]
        return Head(
            x_px=one.x_px + share * (other.x_px - one.x_px),
            y_px=one.y_px + share * (other.y_px - one.y_px),
            radius_px=max(one.radius_px, other.radius_px),
        )

    def distance(self, time_s: float, head: Head, params: HeadParams) -> float:
        """Return how far a later sighting is from where this head should be, 1 at the limit of what is the same."""
        expected = self._beyond(len(self.times_s) - 1, time_s, params)
        waited_s = time_s - self.times_s[-1]
        if expected is None or waited_s <= 0:
            return np.inf
        allowed = params.same_radii + params.wander_radii_s * waited_s
        apart_px = float(np.hypot(head.x_px - expected.x_px, head.y_px - expected.y_px))
        return apart_px / (allowed * max(head.radius_px, self.heads[-1].radius_px))

    def _beyond(self, end: int, time_s: float, params: HeadParams) -> Head | None:
        """Carry the first or last sighting on at the speed that the head had there; the circle grows with doubt."""
        away_s = time_s - self.times_s[end]
        if abs(away_s) > params.hold_s:
            return None
        velocity = self._velocity(end, params)
        head = self.heads[end]
        return Head(
            x_px=head.x_px + away_s * velocity[0],
            y_px=head.y_px + away_s * velocity[1],
            radius_px=head.radius_px * (1 + params.doubt_growth * abs(away_s) / params.hold_s),
        )

    def _velocity(self, end: int, params: HeadParams) -> tuple[float, float]:
        """Return the velocity near the first or last sighting, pixels/s; none where the sightings do not tell."""
        near = [k for k, t in enumerate(self.times_s) if 0 < abs(t - self.times_s[end]) <= params.speed_window_s]
        if not near:
            return 0.0, 0.0
        other = near[0] if end else near[-1]
        passed_s = self.times_s[end] - self.times_s[other]
        one, last = self.heads[other], self.heads[end]
        return (last.x_px - one.x_px) / passed_s, (last.y_px - one.y_px) / passed_s


class HeadTracks:
    """All heads of a film over time.

    Parameters
    ----------
    sightings
        Time and head, in order of time.
    params
        How sightings are joined and how long they hold.
    """

    def __init__(self, sightings: Iterable[tuple[float, Head]], params: HeadParams = HeadParams()) -> None:
        self._params = params
        self._paths: list[_Path] = []
        for time_s, head in sightings:
            open_paths = (path for path in self._paths if time_s - path.times_s[-1] <= params.hold_s)
            nearest = min(open_paths, key=lambda path: path.distance(time_s, head, params), default=None)
            if nearest is None or nearest.distance(time_s, head, params) > 1:
                nearest = _Path()
                self._paths.append(nearest)
            nearest.add(time_s, head)

    def at(self, time_s: float) -> list[Head]:
        """Return the heads to be covered at a time."""
        return [head for path in self._paths if (head := path.at(time_s, self._params)) is not None]


def head_of_landmarks(
    xy_px: Points, confidence: Points, names: tuple[str, ...], params: HeadParams = HeadParams()
) -> Head | None:
    """Place a circle over the head of one person from the landmarks of the face, grown.

    Parameters
    ----------
    xy_px, confidence, names
        Landmarks of one person at one time, shapes (k, 2) and (k,), and their names.
    params
        How much around the face is covered.

    Returns
    -------
    Head or None
        ``None`` where the face's landmarks are not trusted.
    """
    rows = [place for place, name in enumerate(names) if name in _FACE]
    sure = [row for row in rows if confidence[row] >= params.landmark_confidence and np.isfinite(xy_px[row]).all()]
    if not sure:
        return None
    middle = xy_px[sure].mean(axis=0)
    reach_px = float(np.hypot(*(xy_px[sure] - middle).T).max())
    trunk_px = _trunk_px(xy_px, names)
    return Head(
        x_px=float(middle[0]),
        y_px=float(middle[1]),
        radius_px=max(params.landmark_growth * reach_px, params.trunk_share * trunk_px),
    )


def _trunk_px(xy_px: Points, names: tuple[str, ...]) -> float:
    """Return the length from the hips to the shoulders, 0 where they were not seen."""
    ends = []
    for part in ("hip", "shoulder"):
        points = xy_px[[place for place, name in enumerate(names) if name in {f"left_{part}", f"right_{part}"}]]
        points = points[np.isfinite(points).all(axis=1)]
        if not points.size:
            return 0.0
        ends.append(points.mean(axis=0))
    return float(np.hypot(*(ends[1] - ends[0])))
