"""Search a film for the heads of all people, so that they can be made unrecognisable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from capture.face import FaceModel
from capture.heads import Head, HeadParams, HeadTracks, head_of_landmarks
from capture.landmarks import POSE_LANDMARKS, LandmarkTracks
from capture.pose_model import ModelSize, PoseModel
from capture.upright import View
from capture.video import Frame, VideoReader

__all__ = ["find_heads"]

Image = NDArray[np.uint8]

_TURNS = (0, 1, 2, 3)
_PARAMS = HeadParams()


def find_heads(
    video: Path,
    *,
    tracks: LandmarkTracks | None = None,
    rotation_deg: int | None = None,
    params: HeadParams = _PARAMS,
    on_progress: Callable[[float], None] = lambda _share: None,
) -> HeadTracks:
    """Find the heads of everybody in a film: the patient, the examiner and bystanders.

    Faces come from a face detector that sees the picture in four orientations, because patients lie; heads that are
    turned away come from a search for whole people, and the patient's from the landmarks that were followed.

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
    on_progress
        Told the share done.

    Raises
    ------
    VideoError
        If the film cannot be read.
    """
    sightings = [] if tracks is None else _patient_sightings(tracks, params)
    with (
        VideoReader(video, rotation_deg=rotation_deg) as reader,
        PoseModel(ModelSize.FULL, max_people=params.max_people) as people,
    ):
        search = _Search(FaceModel(), people, params)
        for frame in reader.frames():
            sightings += [(frame.time_s, head) for head in search.look(frame)]
            on_progress(min(1.0, frame.time_s / reader.declared_s) if reader.declared_s > 0 else 0.0)
    return HeadTracks(sorted(sightings, key=lambda sighting: sighting[0]), params)


def _patient_sightings(tracks: LandmarkTracks, params: HeadParams) -> list[tuple[float, Head]]:
    found = []
    for time_s, xy_px, confidence in zip(tracks.time_s, tracks.xy_px, tracks.confidence, strict=True):
        head = head_of_landmarks(xy_px, confidence, tracks.names, params)
        if head is not None:
            found.append((float(time_s), head))
    return found


class _Search:
    """Looks at some frames of a film whole, at some in every orientation, and follows faces between them."""

    def __init__(self, faces: FaceModel, people: PoseModel, params: HeadParams) -> None:
        self._faces = faces
        self._people = people
        self._params = params
        self._followed_s = self._looked_s = self._surveyed_s = -np.inf
        self._followed: list[_Followed] = []

    def look(self, frame: Frame) -> list[Head]:
        p = self._params
        if frame.time_s - self._surveyed_s >= p.survey_s:
            self._followed_s = self._looked_s = self._surveyed_s = frame.time_s
            image = frame.rgb()
            return _merged([*self._look_whole(image, frame.time_s, _TURNS), *self._people_in(image)])
        if frame.time_s - self._looked_s >= p.look_s:
            self._followed_s = self._looked_s = frame.time_s
            return self._look_whole(frame.rgb(), frame.time_s, sorted({0, *(one.turns for one in self._followed)}))
        if self._followed and frame.time_s - self._followed_s >= p.follow_s:
            self._followed_s = frame.time_s
            return self._follow(frame.rgb(), frame.time_s)
        return []

    def _look_whole(self, image: Image, time_s: float, all_turns: Iterable[int]) -> list[Head]:
        """Look for faces in the whole picture; those that are found are followed from then on."""
        found: list[_Followed] = []
        for turns in all_turns:
            view = View(x_px=0, y_px=0, width_px=image.shape[1], height_px=image.shape[0], turns=turns)
            found += self._faces_in(image, view, time_s, side_px=None)
        return self._keep(found, time_s)

    def _follow(self, image: Image, time_s: float) -> list[Head]:
        """Look for each face near where it should be, in the orientation that it was found in."""
        found: list[_Followed] = []
        for one in self._followed:
            x_px, y_px = one.expected(time_s)
            half_px = max(1, round(self._params.follow_radii * one.head.radius_px))
            near = View(
                x_px=round(x_px) - half_px,
                y_px=round(y_px) - half_px,
                width_px=2 * half_px,
                height_px=2 * half_px,
                turns=one.turns,
            )
            if 0 < x_px < image.shape[1] and 0 < y_px < image.shape[0]:
                found += self._faces_in(image, near, time_s, side_px=self._params.follow_side_px)
        return self._keep(found, time_s)

    def _keep(self, found: list["_Followed"], time_s: float) -> list[Head]:
        """Remember what was found, and for a while what was not found again."""
        found = _distinct([self._moving(one) for one in found])
        missed = [one for one in self._followed if time_s - one.seen_s <= self._params.hold_s]
        self._followed = _distinct([*found, *missed])
        return [one.head for one in found]

    def _moving(self, one: "_Followed") -> "_Followed":
        """Give a sighting the velocity that it has from an earlier one of the same head."""
        earlier = [known for known in self._followed if known.turns == one.turns and known.reaches(one, self._params)]
        if not earlier:
            return one
        before = min(earlier, key=lambda known: known.distance_px(one))
        passed_s = one.seen_s - before.seen_s
        velocity = ((one.head.x_px - before.head.x_px) / passed_s, (one.head.y_px - before.head.y_px) / passed_s)
        return replace(one, velocity_px_s=velocity)

    def _faces_in(self, image: Image, view: View, time_s: float, *, side_px: int | None) -> list["_Followed"]:
        growth = self._params.face_growth
        return [
            _Followed(
                turns=view.turns,
                seen_s=time_s,
                head=_back(
                    Head(
                        x_px=face.x_px,
                        y_px=face.y_px,
                        radius_px=growth * max(face.width_px, face.height_px) / 2,
                    ),
                    view,
                    image,
                ),
            )
            for face in self._faces.find(view.cut(image), side_px=side_px)
        ]

    def _people_in(self, image: Image) -> list[Head]:
        heads = []
        for turns in _TURNS:
            view = View(x_px=0, y_px=0, width_px=image.shape[1], height_px=image.shape[0], turns=turns)
            for pose in self._people.find(view.cut(image)):
                head = head_of_landmarks(pose.xy_px, pose.confidence, POSE_LANDMARKS, self._params)
                if head is not None:
                    heads.append(_back(head, view, image))
        return heads


@dataclass(frozen=True, slots=True, kw_only=True)
class _Followed:
    """A head found by its face, the quarter turns that made the face upright, and how the head moves."""

    head: Head
    turns: int
    seen_s: float
    velocity_px_s: tuple[float, float] = (0.0, 0.0)

    def expected(self, time_s: float) -> tuple[float, float]:
        passed_s = time_s - self.seen_s
        return self.head.x_px + passed_s * self.velocity_px_s[0], self.head.y_px + passed_s * self.velocity_px_s[1]

    def distance_px(self, other: "_Followed") -> float:
        x_px, y_px = self.expected(other.seen_s)
        return float(np.hypot(other.head.x_px - x_px, other.head.y_px - y_px))

    def reaches(self, later: "_Followed", params: HeadParams) -> bool:
        passed_s = later.seen_s - self.seen_s
        allowed = params.same_radii + params.wander_radii_s * passed_s
        return passed_s > 0 and self.distance_px(later) <= allowed * self.head.radius_px


def _distinct(found: list[_Followed]) -> list[_Followed]:
    """Keep the first of several that show the same head in the same orientation."""
    kept: list[_Followed] = []
    for one in found:
        if not any(one.turns == other.turns and one.distance_px(other) < other.head.radius_px for other in kept):
            kept.append(one)
    return kept


def _merged(heads: list[Head]) -> list[Head]:
    """Take heads whose middles lie within one another for one, as large as the largest of them."""
    merged: list[Head] = []
    for head in heads:
        for place, known in enumerate(merged):
            radius_px = max(head.radius_px, known.radius_px)
            if np.hypot(head.x_px - known.x_px, head.y_px - known.y_px) < radius_px / 2:
                merged[place] = replace(known, radius_px=radius_px)
                break
        else:
            merged.append(head)
    return merged


def _back(head: Head, view: View, image: Image) -> Head:
    x_px, y_px = view.back(np.array([head.x_px, head.y_px]), image)
    return replace(head, x_px=float(x_px), y_px=float(y_px))
