"""Landmarks of the chosen person through a recording, with the other people covered up.

The model sees a person who keeps their place as they are and in a mirror, in turns: it puts shoulders and hips off
towards one side of the picture, whichever way they face, and the mean of both is free of that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from capture.imaging import cover
from capture.landmarks import POSE_LANDMARKS
from capture.patient import Person, torso
from capture.pose_model import Pose, PoseModel
from capture.survey import Survey, working_image
from capture.upright import View, view_around
from capture.video import Frame, VideoReader

__all__ = ["FollowParams", "Followed", "follow", "moves_about"]

Image = NDArray[np.uint8]
Points = NDArray[np.float64]

_FACE = [k for k, name in enumerate(POSE_LANDMARKS) if name in {"nose", "left_ear", "right_ear", "mouth_left"}]
_TRUNK = [POSE_LANDMARKS.index(f"{s}_{p}") for p, s in (("shoulder", "left"), ("shoulder", "right"), ("hip", "right"))]
_TRUNK += [POSE_LANDMARKS.index("left_hip")]
_N = len(POSE_LANDMARKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowParams:
    """How a person is followed; chosen by us. Lengths are relative to the trunk's.

    Attributes
    ----------
    rate_hz
        Poses per second while the person keeps their place: the limb's movement between them is read off the picture.
    moving_rate_hz
        Poses per second when the person moves about.
    moving_torso
        Movement of the trunk from which on a person moves about.
    margin
        Room around the person in the view.
    gate
        Largest distance of a pose's trunk from where it is expected.
    gate_growth_s
        Growth of that per second in which the person was not seen.
    head
        Radius of the disc that covers another person's head.
    other_sightings
        Sightings that make another person worth covering.
    keep_share
        A view is used further while its success is at least this share of the best view's.
    looks
        Views that are tried in one frame.
    apart
        Another person's trunk is at least so far from the patient's; what is nearer is the patient, badly seen.
    """

    rate_hz: float = 10.0
    moving_rate_hz: float = 30.0
    moving_torso: float = 0.6
    margin: float = 0.15
    gate: float = 0.6
    gate_growth_s: float = 1.0
    head: float = 0.45
    other_sightings: int = 3
    keep_share: float = 0.75
    looks: int = 2
    apart: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Followed:
    """Poses of one person, NaN where the person was not found, in pixels of the working image.

    Attributes
    ----------
    index, time_s
        Frames in which the person was looked for, shape (n,).
    xy_px, confidence, world_m
        Landmarks, shapes (n, 33, 2), (n, 33) and (n, 33, 3).
    view
        Where the person was looked for.
    mirrored
        Which poses the model found in a mirrored picture, shape (n,); their landmarks are turned and named back.
    moving
        Whether the person moves about.
    """

    index: NDArray[np.int64]
    time_s: Points
    xy_px: Points
    confidence: Points
    world_m: Points
    view: View
    mirrored: NDArray[np.bool_]
    moving: bool

    @property
    def found(self) -> NDArray[np.bool_]:
        """Where the person was found, shape (n,)."""
        return np.isfinite(self.xy_px[:, 0, 0])


def moves_about(person: Person, params: FollowParams = FollowParams()) -> bool:
    """Tell whether a person's trunk does not keep its place."""
    middles, trunks = torso(person.xy_px)
    low, high = np.percentile(middles, [5, 95], axis=0)
    return bool(np.hypot(*(high - low)) > params.moving_torso * float(np.median(np.hypot(*trunks.T))))


class _Follower:
    """Where the person is expected, and which views of it have worked."""

    def __init__(self, patient: Person, others: list[Person], params: FollowParams) -> None:
        self._params = params
        self._others = others
        middles, trunks = torso(patient.xy_px)
        self._times = patient.time_s
        self._middles = middles
        self._length = float(np.median(np.hypot(*trunks.T)))
        self.moving = moves_about(patient, params)
        spread = patient.xy_px - middles[:, None] if self.moving else patient.xy_px
        edges = np.percentile(spread, [5, 95], axis=0).reshape(-1, 2)
        self.view = view_around(edges, margin=params.margin, turns=0)
        self._tries = np.zeros(8)
        self._hits = np.zeros(8)
        self._last: tuple[float, Points] | None = None

    def find(self, image: Image, time_s: float, model: PoseModel) -> tuple[Pose | None, bool]:
        """Find the person in one image, and tell whether in a mirror; a failed look is repeated in another view."""
        for _ in range(self._params.looks):
            pose, mirrored = self._look(image, time_s, model)
            if pose is not None:
                return pose, mirrored
        return None, False

    def _look(self, image: Image, time_s: float, model: PoseModel) -> tuple[Pose | None, bool]:
        expected, reach = self._expected(time_s)
        arm = self._next_arm()
        covered = self._covered(image, time_s) if arm >= 4 else image
        mirrored = not self.moving and self._tries[arm] % 2 == 1
        view = replace(self._view(expected, arm % 4), mirrored=mirrored)
        poses: list[Pose] = []
        shown = view.cut(covered)
        if min(shown.shape[:2]) > _LEAST_VIEW_PX:
            poses = [replace(pose, xy_px=view.back(pose.xy_px, covered)) for pose in model.find(shown)]
            poses = [pose.seen_in_mirror() for pose in poses] if mirrored else poses
        distance = [float(np.hypot(*(torso(p.xy_px)[0] - expected))) / self._length for p in poses]
        self._tries[arm] += 1
        if not distance or min(distance) > reach:
            return None, mirrored
        best = poses[int(np.argmin(distance))]
        self._hits[arm] += 1
        self._last = (time_s, torso(best.xy_px)[0])
        return best, mirrored

    def _expected(self, time_s: float) -> tuple[Points, float]:
        known = np.array([np.interp(time_s, self._times, self._middles[:, k]) for k in (0, 1)])
        if not self.moving:
            return np.median(self._middles, axis=0), self._params.gate
        gap = float(np.abs(self._times - time_s).min())
        if self._last is not None and time_s - self._last[0] < gap:
            known, gap = self._last[1], time_s - self._last[0]
        return known, self._params.gate + self._params.gate_growth_s * gap

    def _view(self, expected: Points, turns: int) -> View:
        shift = np.round(expected).astype(int) if self.moving else np.zeros(2, dtype=int)
        return replace(self.view, x_px=self.view.x_px + int(shift[0]), y_px=self.view.y_px + int(shift[1]), turns=turns)

    def _next_arm(self) -> int:
        """Choose the least tried of the views that work; the others are covered only if that helps to find the person.

        What is covered may hide the patient's own hand, so an open view is preferred as long as it works.
        """
        if self._tries.min() == 0 and self._others:
            return int(np.argmin(self._tries))
        rate = (self._hits + 1.0) / (self._tries + 1.0)
        opened = rate[:4].max() >= self._params.keep_share * rate.max() or not self._others
        arms = np.arange(4) if opened else np.arange(4, 8)
        good = arms[rate[arms] >= self._params.keep_share * rate[arms].max()]
        return int(good[np.argmin(self._tries[good])])

    def _covered(self, image: Image, time_s: float) -> Image:
        for other in self._others:
            near = other.sightings[int(np.argmin(np.abs(other.time_s - time_s)))].pose.xy_px
            length = float(np.hypot(*torso(near)[1]))
            image = cover(image, disc=(near[_FACE].mean(axis=0), self._params.head * length), hull_px=near[_TRUNK])
        return image


_LEAST_VIEW_PX = 16


def follow(  # noqa: PLR0913 - one argument for each step before it
    reader: VideoReader,
    seen: Survey,
    *,
    patient: Person,
    others: list[Person],
    model: PoseModel,
    on_progress: Callable[[float], None],
    params: FollowParams = FollowParams(),
) -> Followed:
    """Read a recording a second time and find the chosen person in it, several times a second."""
    worth = [o for o in others if len(o.sightings) >= params.other_sightings and _apart(o, patient) > params.apart]
    follower = _Follower(patient, worth, params)
    period = 1.0 / (params.moving_rate_hz if follower.moving else params.rate_hz)
    rows: list[tuple[int, float, Pose | None, bool]] = []
    for frame in _at_rate(reader, period):
        image = working_image(frame, seen)
        rows.append((frame.index, frame.time_s, *follower.find(image, frame.time_s, model)))
        on_progress(frame.time_s / max(float(seen.time_s[-1]), 1e-6))
    missing = (np.full((_N, 2), np.nan), np.zeros(_N), np.full((_N, 3), np.nan))
    return Followed(
        index=np.array([r[0] for r in rows]),
        time_s=np.array([r[1] for r in rows]),
        xy_px=np.stack([r[2].xy_px if r[2] else missing[0] for r in rows]),
        confidence=np.stack([r[2].confidence if r[2] else missing[1] for r in rows]),
        world_m=np.stack([r[2].world_m if r[2] else missing[2] for r in rows]),
        view=follower.view,
        mirrored=np.array([r[3] for r in rows]),
        moving=follower.moving,
    )


def _apart(other: Person, patient: Person) -> float:
    """Distance between the trunks of two people, relative to the patient's trunk, when they are nearest in time."""
    middles, trunks = torso(patient.xy_px)
    theirs, _ = torso(other.xy_px)
    nearest = np.abs(other.time_s[:, None] - patient.time_s).argmin(axis=1)
    away = np.hypot(*(theirs - middles[nearest]).T)
    return float(np.median(away) / max(float(np.median(np.hypot(*trunks.T))), 1.0))


def _at_rate(reader: VideoReader, period_s: float) -> Iterator[Frame]:
    due = 0.0
    for frame in reader.frames():
        if frame.time_s >= due - _TIMING_SLACK * period_s:
            due = max(due + period_s, frame.time_s)
            yield frame


_TIMING_SLACK = 0.05
