"""Heads over time: circles that cover them, joined from sightings so that none shows between two of them."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from capture.landmarks import POSE_LANDMARKS

__all__ = ["Head", "HeadParams", "HeadTracks", "head_of_landmarks"]

Points = NDArray[np.float64]

_FACE = POSE_LANDMARKS[:11]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadParams:
    """How much around heads is covered, and how sightings are joined over time.

    Attributes
    ----------
    hold_s
        A head stays covered this long before its first and after its last sighting, s (chosen by us: covering too much
        harms nobody).
    join_s
        Sightings of a head at most this far apart are joined, and it stays covered between them, s (chosen by us:
        patient and examiner stay where they are).
    doubt_growth
        By so much the circle has grown `hold_s` away from the nearest sighting (chosen by us).
    steady_s
        The circle holds all sightings within this time, s, that show the head in nearly the same place: single
        sightings are a little off (chosen by us).
    speed_window_s
        The speed of a head is read over this time, s (chosen by us: two looks).
    landmark_growth
        Radius over the largest distance of the facial landmarks, eyes, ears, nose and mouth, from their middle (chosen
        by us: hair, ears and chin are covered).
    trunk_share
        The radius is at least this share of the trunk's length, from hips to shoulders: facial landmarks seen from the
        side lie close together. A head is 0.23 m high, a trunk 0.5 m long (de Leva 1996,
        doi:10.1016/0021-9290(95)00178-6).
    hidden_share
        Where the face was not seen but the trunk was, the circle's middle lies this share of the trunk's length beyond
        the shoulders, and its radius is as large (chosen by us from the same lengths: it reaches from the shoulders
        beyond the crown).
    landmark_confidence
        Least confidence of landmarks that are trusted to show a head (chosen by us, low: see `hold_s`).
    same_radii
        Sightings closer than so many radii to where the head should be show the same head (chosen by us).
    wander_radii_s
        ... and so many more for each second between them, up to `hold_s` (chosen by us; walking is 8 to 12).
    """

    hold_s: float = 1.0
    join_s: float = 10.0
    doubt_growth: float = 0.5
    steady_s: float = 1.0
    speed_window_s: float = 1.1
    landmark_growth: float = 1.9
    trunk_share: float = 0.27
    hidden_share: float = 0.4
    landmark_confidence: float = 0.2
    same_radii: float = 1.5
    wander_radii_s: float = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A circle that covers a head, in pixels of the displayed image."""

    x_px: float
    y_px: float
    radius_px: float

    def holds_middle_of(self, other: "Head") -> bool:
        """Whether two circles cover so much in common that the larger one holds the other's middle."""
        apart_px = math.hypot(self.x_px - other.x_px, self.y_px - other.y_px)
        return apart_px < max(self.radius_px, other.radius_px)

    def grown_over(self, other: "Head") -> "Head":
        """Return the circle about the same middle that holds the other circle, too."""
        reach_px = math.hypot(self.x_px - other.x_px, self.y_px - other.y_px) + other.radius_px
        return self if reach_px <= self.radius_px else replace(self, radius_px=reach_px)


@dataclass(slots=True, kw_only=True, eq=False)
class _Path:
    """Sightings of one head in order of time; the only thing here that grows."""

    times_s: list[float] = field(default_factory=list)
    heads: list[Head] = field(default_factory=list)

    def add(self, time_s: float, head: Head) -> None:
        self.times_s.append(time_s)
        self.heads.append(head)

    def at(self, time_s: float, params: HeadParams) -> list[Head]:
        """Return circles that cover the head at a time.

        Between sightings it is on a straight line, before and after as it moved there; both where it moved on or was
        not seen for long.
        """
        return [self._steadied(head, time_s, params) for head in self._placed(time_s, params)]

    def _placed(self, time_s: float, params: HeadParams) -> list[Head]:
        after = bisect_right(self.times_s, time_s)
        if after == 0 or after == len(self.times_s):
            beyond = self._beyond(0 if after == 0 else after - 1, time_s, params)
            return [] if beyond is None else [beyond]
        between = self._between(after, time_s, params)
        one, other = self.heads[after - 1], self.heads[after]
        if self.times_s[after] - self.times_s[after - 1] <= params.hold_s and one.holds_middle_of(other):
            return [between]
        ends = (self._beyond(end, time_s, params) for end in (after - 1, after))
        return [between, *(end for end in ends if end is not None)]

    def distance(self, time_s: float, head: Head, params: HeadParams) -> float:
        """Return how far a later sighting is from where this head should be, 1 at the limit of what is the same."""
        waited_s = time_s - self.times_s[-1]
        if waited_s <= 0:
            return np.inf
        allowed = params.same_radii + params.wander_radii_s * min(waited_s, params.hold_s)
        expected = self._beyond(len(self.times_s) - 1, time_s, params) or self.heads[-1]
        apart_px = float(np.hypot(head.x_px - expected.x_px, head.y_px - expected.y_px))
        return apart_px / (allowed * max(head.radius_px, self.heads[-1].radius_px))

    def _steadied(self, head: Head, time_s: float, params: HeadParams) -> Head:
        """Grow a circle until it holds the circles of all sightings about that time whose middles lie in it."""
        first = bisect_left(self.times_s, time_s - params.steady_s)
        near = self.heads[first : bisect_right(self.times_s, time_s + params.steady_s)]
        return reduce(Head.grown_over, filter(head.holds_middle_of, near), head)

    def _between(self, after: int, time_s: float, params: HeadParams) -> Head:
        """Join two sightings by a straight line; the circle grows with the time to the nearer one."""
        since_s, until_s = time_s - self.times_s[after - 1], self.times_s[after] - time_s
        share = since_s / (since_s + until_s)
        one, other = self.heads[after - 1], self.heads[after]
        growth = params.doubt_growth * min(since_s, until_s, params.hold_s) / params.hold_s
        return Head(
            x_px=one.x_px + share * (other.x_px - one.x_px),
            y_px=one.y_px + share * (other.y_px - one.y_px),
            radius_px=(1 + growth) * max(one.radius_px, other.radius_px),
        )

    def _beyond(self, end: int, time_s: float, params: HeadParams) -> Head | None:
        """Carry a sighting on at the speed that the head had on the other side of it; the circle grows with doubt."""
        away_s = time_s - self.times_s[end]
        if abs(away_s) > params.hold_s:
            return None
        velocity = self._velocity(end, params, earlier=away_s > 0)
        head = self.heads[end]
        return Head(
            x_px=head.x_px + away_s * velocity[0],
            y_px=head.y_px + away_s * velocity[1],
            radius_px=head.radius_px * (1 + params.doubt_growth * abs(away_s) / params.hold_s),
        )

    def _velocity(self, end: int, params: HeadParams, *, earlier: bool) -> tuple[float, float]:
        """Return the velocity before or after a sighting, pixels/s; none where the sightings do not tell."""
        if earlier:
            other = bisect_left(self.times_s, self.times_s[end] - params.speed_window_s)
        else:
            other = bisect_right(self.times_s, self.times_s[end] + params.speed_window_s) - 1
        if other == end:
            return 0.0, 0.0
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
    headless_s
        Times at which a person was found whose head was not.
    """

    def __init__(
        self,
        sightings: Iterable[tuple[float, Head]],
        params: HeadParams = HeadParams(),
        *,
        headless_s: Iterable[float] = (),
    ) -> None:
        self.headless_s = tuple(headless_s)
        self._params = params
        self._paths: list[_Path] = []
        for time_s, together in groupby(sightings, key=lambda sighting: sighting[0]):
            self._join(time_s, _united([head for _, head in together]))

    def _join(self, time_s: float, heads: list[Head]) -> None:
        """Give each head seen at a time to the path that it fits best; what fits none begins a new one."""
        open_paths = [path for path in self._paths if time_s - path.times_s[-1] <= self._params.join_s]
        fits = [(path.distance(time_s, head, self._params), path, head) for path in open_paths for head in heads]
        waiting = list(heads)
        for distance, path, head in sorted(fits, key=lambda fit: fit[0]):
            if distance <= 1 and head in waiting and path.times_s[-1] < time_s:
                path.add(time_s, head)
                waiting.remove(head)
        self._paths += [_Path(times_s=[time_s], heads=[head]) for head in waiting]

    def at(self, time_s: float) -> list[Head]:
        """Return the circles to be covered at a time."""
        return [head for path in self._paths for head in path.at(time_s, self._params)]


def _united(heads: list[Head]) -> list[Head]:
    """Take circles that hold one another's middles for one head."""
    united: list[Head] = []
    for head in heads:
        place = next((k for k, known in enumerate(united) if known.holds_middle_of(head)), None)
        if place is None:
            united.append(head)
        else:
            united[place] = united[place].grown_over(head)
    return united


def head_of_landmarks(
    xy_px: Points, confidence: Points, names: tuple[str, ...], params: HeadParams = HeadParams()
) -> Head | None:
    """Place a circle over the head of one person: over the landmarks of the face, grown, or else beyond the shoulders.

    Parameters
    ----------
    xy_px, confidence, names
        Landmarks of one person at one time, shapes (k, 2) and (k,), and their names.
    params
        How much around the face is covered.

    Returns
    -------
    Head or None
        ``None`` where neither the face's nor the trunk's landmarks are trusted.
    """
    known = np.asarray(np.isfinite(xy_px).all(axis=1), dtype=np.bool_)
    trusted = np.asarray(known & (confidence >= params.landmark_confidence), dtype=np.bool_)
    sure = [place for place, name in enumerate(names) if name in _FACE and trusted[place]]
    hips_px, shoulders_px = (_middle_px(xy_px, names, part, known if sure else trusted) for part in ("hip", "shoulder"))
    trunk_px = shoulders_px - hips_px
    length_px = float(np.nan_to_num(np.hypot(*trunk_px)))
    if sure:
        middle = xy_px[sure].mean(axis=0)
        reach_px = float(np.hypot(*(xy_px[sure] - middle).T).max())
        radius_px = max(params.landmark_growth * reach_px, params.trunk_share * length_px)
    else:
        middle = shoulders_px + params.hidden_share * trunk_px
        radius_px = params.hidden_share * length_px
    if not radius_px > 0:
        return None
    return Head(x_px=float(middle[0]), y_px=float(middle[1]), radius_px=radius_px)


def _middle_px(xy_px: Points, names: tuple[str, ...], part: str, usable: NDArray[np.bool_]) -> Points:
    """Return the middle between left and right of a part, as far as they are usable; NaN where neither is."""
    rows = [place for place, name in enumerate(names) if name in {f"left_{part}", f"right_{part}"} and usable[place]]
    return xy_px[rows].mean(axis=0) if rows else np.full(2, np.nan)
