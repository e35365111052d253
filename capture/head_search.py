"""Search a film for the heads of all people, so that they can be made unrecognisable."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capture.heads import Head, HeadParams, HeadTracks, head_of_landmarks
from capture.landmarks import POSE_LANDMARKS, LandmarkTracks
from capture.pose_model import ModelSize, PoseModel
from capture.upright import View, search_views, view_around
from capture.video import Frame, VideoReader

__all__ = ["HeadSearchParams", "find_heads"]

Image = NDArray[np.uint8]
Points = NDArray[np.float64]

_SHOULDERS = [POSE_LANDMARKS.index(f"{side}_shoulder") for side in ("left", "right")]
_HIPS = [POSE_LANDMARKS.index(f"{side}_hip") for side in ("left", "right")]
_UPPER_BODY = [*range(11), *_SHOULDERS, *_HIPS]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadSearchParams:
    """How heads are looked for; chosen by us where nothing else is said.

    Attributes
    ----------
    look_s
        A part of the views of the picture is searched for people this often, s; the whole picture is covered each
        time, in changing strips and orientations.
    follow_s
        People who were found are looked for where they were this often, s: people in an exam hardly move in that time,
        and who walks at 1.4 m/s stays in the view.
    tracked_s
        The patient's landmarks are read this often, s.
    forget_s
        A person who was not found again for so long is looked for no longer, s.
    views_per_look
        Views that are searched in one look; in the first frame all are.
    tile_share, tile_least_px
        Squares in which small people in the background are found, side relative to the picture's longer side, and the
        least side: whoever is too small for the model in a larger part of a small picture has no face to recognise.
    tile_step
        Distance between the squares over their side.
    tiles_per_look
        Squares that are searched in one look; in the first frame all are.
    margins
        Room around face and trunk, relative to their extent, of the enlarged views in which a newly found person is
        looked for again. Limbs and furniture that were taken for people are mostly not found again.
    n_again
        In so many of these views the person must be found.
    follow_margins
        The same for the views that a person is followed in; the second is used where the first does not show the
        person, who may have moved.
    again_radii
        In these views the head must lie within so many radii of where it was found first.
    body_confidence
        Mean confidence of a person's landmarks from which on a missing head is worth mentioning.
    max_people
        People looked for at once.
    """

    look_s: float = 1.0
    follow_s: float = 0.5
    tracked_s: float = 0.1
    forget_s: float = 2.0
    views_per_look: int = 4
    tile_share: float = 0.35
    tile_least_px: int = 360
    tile_step: float = 0.6
    tiles_per_look: int = 1
    margins: tuple[float, ...] = (0.3, 0.5, 0.15)
    n_again: int = 2
    follow_margins: tuple[float, ...] = (0.3, 0.7)
    again_radii: float = 0.5
    body_confidence: float = 0.5
    max_people: int = 5


_SEARCH_PARAMS = HeadSearchParams()
_HEAD_PARAMS = HeadParams()


def find_heads(
    video: Path,
    *,
    tracks: LandmarkTracks | None = None,
    rotation_deg: int | None = None,
    params: HeadSearchParams = _SEARCH_PARAMS,
    head_params: HeadParams = _HEAD_PARAMS,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> HeadTracks:
    """Find the heads of everybody in a film: the patient, the examiner and bystanders.

    People are searched in the picture and in parts of it, four ways up, because patients lie; who was found is
    looked for again in an enlarged view, and from then on where they were. The patient's head also comes from the
    landmarks that were followed.

    Parameters
    ----------
    video
        The film.
    tracks
        The patient's landmarks on the film's clock, if there are any.
    rotation_deg
        As for `capture.video.VideoReader`.
    params
        How heads are looked for.
    head_params
        How much around them is covered, and how they are joined over time.
    on_progress
        Told the share done.

    Raises
    ------
    VideoError
        If the film cannot be read.
    """
    sightings = [] if tracks is None else _patient_sightings(tracks, params, head_params)
    with (
        VideoReader(video, rotation_deg=rotation_deg) as reader,
        PoseModel(ModelSize.FULL, max_people=params.max_people) as people,
    ):
        search = _Search(people, HeadTracks(sightings, head_params), params, head_params)
        last = None
        for last in reader.frames():
            sightings += [(last.time_s, head) for head in search.look(last)]
            on_progress(min(1.0, last.time_s / reader.declared_s) if reader.declared_s > 0 else 0.0)
        if last is not None:
            sightings += [(last.time_s, head) for head in search.look(last, final=True)]
    return HeadTracks(sorted(sightings, key=lambda sighting: sighting[0]), head_params, headless_s=search.headless_s)


def _patient_sightings(
    tracks: LandmarkTracks, params: HeadSearchParams, head_params: HeadParams
) -> list[tuple[float, Head]]:
    found: list[tuple[float, Head]] = []
    for time_s, xy_px, confidence in zip(tracks.time_s, tracks.xy_px, tracks.confidence, strict=True):
        if found and time_s - found[-1][0] < params.tracked_s:
            continue
        head = head_of_landmarks(xy_px, confidence, tracks.names, head_params)
        if head is not None and _touches(head, tracks.width_px, tracks.height_px):
            found.append((float(time_s), head))
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seen:
    """A person with a head: the circle over it, all landmarks, how sure the model was, and when it was seen."""

    head: Head
    xy_px: Points
    confidence: float
    time_s: float

    def apart(self, head: Head) -> float:
        """Return the distance to another head in radii of the larger circle."""
        apart_px = float(np.hypot(self.head.x_px - head.x_px, self.head.y_px - head.y_px))
        return apart_px / max(self.head.radius_px, head.radius_px)


class _Search:
    """Looks for people in some frames of a film, and between these frames where people were."""

    def __init__(self, people: PoseModel, patient: HeadTracks, params: HeadSearchParams, heads: HeadParams) -> None:
        self._people = people
        self._patient = patient
        self._params = params
        self._heads = heads
        self._n_looks = 0
        self._looked_s = self._followed_s = -np.inf
        self._known: list[_Seen] = []
        self.headless_s: list[float] = []

    def look(self, frame: Frame, *, final: bool = False) -> list[Head]:
        """Return the heads found in a frame, none if nobody is due to be looked for; at the end somebody is."""
        p = self._params
        if self._looked_s == frame.time_s or (final and self._followed_s == frame.time_s):
            return []
        whole = final or frame.time_s - self._looked_s >= p.look_s
        if not whole and frame.time_s - self._followed_s < p.follow_s:
            return []
        self._followed_s = frame.time_s
        image = frame.rgb()
        found = self._search(image, frame.time_s) if whole else []
        found += self._follow(image, frame.time_s, found)
        kept = [one for one in self._known if frame.time_s - one.time_s <= p.forget_s and not _among(one, found)]
        self._known = [*found, *kept]
        return [one.head for one in found]

    def _search(self, image: Image, time_s: float) -> list[_Seen]:
        """Search views of the picture; who is not where somebody was before must be found in enlarged views, too."""
        self._looked_s = time_s
        candidates = [one for view in self._views(image) for one in self._people_in(image, view, time_s)]
        self._n_looks += 1
        found = []
        for group in _grouped(candidates):
            surest = max(group, key=lambda one: one.confidence)
            if _among(surest, self._known, self._params.again_radii) or self._found_again(image, surest):
                found.append(replace(surest, head=reduce(Head.grown_over, [one.head for one in group])))
        return found

    def _views(self, image: Image) -> list[View]:
        """Choose the views of a look: all of them in the first, some in turn in the later ones."""
        p = self._params
        height, width = image.shape[:2]
        chosen: list[View] = []
        for views, per_look in (
            (search_views(width, height), p.views_per_look),
            (_tiles(width, height, p), p.tiles_per_look),
        ):
            first = self._n_looks * per_look
            some = [views[(first + k) % len(views)] for k in range(min(per_look, len(views)))]
            chosen += some if self._n_looks else views
        return chosen

    def _follow(self, image: Image, time_s: float, found: list[_Seen]) -> list[_Seen]:
        """Look for people who were seen before and not now, each in a view around the place where they were."""
        followed: list[_Seen] = []
        tracked = self._patient.at(time_s)
        for one in self._known:
            if _among(one, [*found, *followed]) or any(one.apart(head) < self._params.again_radii for head in tracked):
                continue
            waited_s = min(time_s - one.time_s, self._heads.hold_s)
            reach = self._heads.same_radii + self._heads.wander_radii_s * waited_s
            tries = (self._near(image, one, margin, time_s, reach) for margin in self._params.follow_margins)
            taken = [*found, *followed, *(other for other in self._known if other is not one)]
            again = next((seen for seen in tries if seen is not None and not _among(seen, taken)), None)
            followed += [] if again is None else [again]
        return followed

    def _found_again(self, image: Image, one: _Seen) -> bool:
        """Whether enough of the enlarged views show the person, too."""
        needed = self._params.n_again
        for left, margin in zip(range(len(self._params.margins), 0, -1), self._params.margins, strict=True):
            if needed in {0, left + 1}:
                break
            needed -= self._near(image, one, margin, one.time_s, self._params.again_radii) is not None
        return needed == 0

    def _near(self, image: Image, one: _Seen, margin: float, time_s: float, reach: float) -> _Seen | None:
        """Look for a person in an enlarged view of where they were; ``None`` if no head is within reach, in radii."""
        others = self._people_in(image, _upper_body_view(one, margin), time_s)
        nearest = min(others, key=lambda other: other.apart(one.head), default=None)
        return nearest if nearest is not None and nearest.apart(one.head) < reach else None

    def _people_in(self, image: Image, view: View, time_s: float) -> list[_Seen]:
        """Find people with heads in a view; note the time where a person has none."""
        shown = view.cut(image)
        if min(shown.shape[:2]) < _LEAST_VIEW_PX:
            return []
        seen = []
        for pose in self._people.find(shown):
            xy_px, confidence = view.back(pose.xy_px, image), float(pose.confidence.mean())
            head = head_of_landmarks(xy_px, pose.confidence, POSE_LANDMARKS, self._heads)
            if head is None and confidence >= self._params.body_confidence:
                self.headless_s.append(time_s)
            if head is not None and _touches(head, image.shape[1], image.shape[0]):
                seen.append(_Seen(head=head, xy_px=xy_px, confidence=confidence, time_s=time_s))
        return seen


_LEAST_VIEW_PX = 16


def _upper_body_view(one: _Seen, margin: float) -> View:
    """View of a person's face and trunk, turned so that the trunk is upright."""
    x, y = one.xy_px[_SHOULDERS].mean(axis=0) - one.xy_px[_HIPS].mean(axis=0)
    turns = round(float(np.degrees(np.arctan2(x, -y))) / 90.0) % 4
    return view_around(one.xy_px[_UPPER_BODY], margin=margin, turns=turns)


def _tiles(width_px: int, height_px: int, params: HeadSearchParams) -> list[View]:
    """Cover a large picture with overlapping squares; none for a small picture."""
    side = round(params.tile_share * max(width_px, height_px))
    if side < params.tile_least_px:
        return []
    lefts, tops = (_evenly(length, side, params.tile_step) for length in (width_px, height_px))
    return [View(x_px=x, y_px=y, width_px=side, height_px=side, turns=0) for x in lefts for y in tops]


def _evenly(length_px: int, side_px: int, step: float) -> list[int]:
    spare_px = max(0, length_px - side_px)
    return [round(at) for at in np.linspace(0, spare_px, int(np.ceil(spare_px / (step * side_px))) + 1)]


def _among(one: _Seen, others: list[_Seen], radii: float = 1.0) -> bool:
    return any(one.apart(other.head) < radii for other in others)


def _grouped(seen: list[_Seen]) -> list[list[_Seen]]:
    """Gather sightings of the same head at the same time, the surest first."""
    groups: list[list[_Seen]] = []
    for one in sorted(seen, key=lambda one: -one.confidence):
        near = next((group for group in groups if one.apart(group[0].head) < _SAME_RADII), None)
        if near is None:
            groups.append([one])
        else:
            near.append(one)
    return groups


_SAME_RADII = 0.5


def _touches(head: Head, width_px: int, height_px: int) -> bool:
    """Whether any of a circle can be in a picture."""
    inside_x = -head.radius_px < head.x_px < width_px + head.radius_px
    return inside_x and -head.radius_px < head.y_px < height_px + head.radius_px
