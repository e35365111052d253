"""What speaks against a measurement from video: each doubt is a sentence, some of them forbid a grade."""

from dataclasses import dataclass

import numpy as np

from analysis.model import Side
from analysis.muscles import Joint
from capture.anatomy import limb_points
from capture.course import Course
from capture.follow import Followed
from capture.limb import Hinge
from capture.plane import PlaneCheck
from capture.survey import Survey

__all__ = ["DoubtParams", "Doubts", "doubts_about", "doubts_about_time"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubtParams:
    """Limits beyond which a recording is doubtful; chosen by us.

    Attributes
    ----------
    camera_shift
        Movement of the scene, relative to the picture's diagonal.
    lost_share, lost_share_note
        Share of the looks at which the patient was not found: not graded, only noted.
    outside_share
        Share of the poses in which the tested limb leaves the picture.
    hidden_confidence
        The pose model's confidence in the limb, in the middle of the poses, below which the limb is guessed rather than
        seen: 0.94 and more for the patients of the rendered exams and of their altered copies, 0.3 and less for the far
        arm of examiners.
    disagree_share
        Share of the found poses whose limb disagrees with the hinge.
    slow_rate_hz
        Frame rate below which a fast stretch is a handful of frames.
    dropped_share
        Share of frames that may be missing.
    still_deg
        Movement of the joint below which nothing was tested.
    pose_scatter_deg
        Scatter of single poses about the angle.
    swapped_share
        Share of poses that name the limb the other side's.
    """

    camera_shift: float = 0.015
    lost_share: float = 0.4
    lost_share_note: float = 0.15
    outside_share: float = 0.25
    hidden_confidence: float = 0.4
    disagree_share: float = 0.6
    slow_rate_hz: float = 50.0
    dropped_share: float = 0.05
    still_deg: float = 10.0
    pose_scatter_deg: float = 12.0
    swapped_share: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """Sentences for the reader, and whether the recording may be graded in spite of them."""

    warnings: tuple[str, ...]
    gradable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    applies: bool
    text: str
    forbids: bool

    @property
    def sentence(self) -> str:
        return f"{self.text}; not graded" if self.forbids else self.text


def doubts_about(  # noqa: PLR0913 - what every step found
    seen: Survey,
    followed: Followed,
    hinge: Hinge | None,
    course: Course,
    plane: PlaneCheck,
    *,
    joint: Joint,
    side: Side,
    params: DoubtParams = DoubtParams(),
) -> Doubts:
    """Gather everything that speaks against a measurement."""
    found = [
        *_time_doubts(seen, params),
        *_patient_doubts(seen, followed, joint, side, params),
        *_limb_doubts(hinge, course, joint, side, params),
        _Doubt(
            applies=plane.off_plane,
            text=f"off-plane: the movement leaves the image plane ({_tilts(plane)}, the moved segment shortens by "
            f"{plane.shortening:.0%}); film from the side, at right angles to the movement",
            forbids=True,
        ),
    ]
    applying = [doubt for doubt in found if doubt.applies]
    return Doubts(warnings=tuple(d.sentence for d in applying), gradable=not any(d.forbids for d in applying))


def doubts_about_time(seen: Survey, params: DoubtParams = DoubtParams()) -> tuple[str, ...]:
    """Say what speaks against a recording's time stamps and completeness, whatever is measured in it."""
    return tuple(doubt.text for doubt in _time_doubts(seen, params) if doubt.applies)


def _tilts(plane: PlaneCheck) -> str:
    limb = f"tilt of the limb about {plane.tilt_deg:.0f} deg"
    return limb if np.isnan(plane.trunk_deg) else f"{limb}, of the trunk {plane.trunk_deg:.0f} deg"


def _time_doubts(seen: Survey, params: DoubtParams) -> list[_Doubt]:
    t = seen.timing
    rate = 1.0 / t.interval_s
    return [
        _Doubt(
            applies=not t.complete,
            text=f"the file is incomplete: {t.decoded_s:.2f} s of {t.declared_s:.2f} s could be decoded"
            f"{f' ({t.fault})' if t.fault else ''}",
            forbids=True,
        ),
        _Doubt(
            applies=t.variable_rate,
            text=f"the frame rate varies (usually {rate:.1f} per second); the container's time stamps were used",
            forbids=False,
        ),
        _Doubt(
            applies=t.n_dropped > 0,
            text=f"{t.n_dropped} frames were dropped by the camera, beside {t.n_frames} that are there",
            forbids=t.n_dropped > params.dropped_share * t.n_frames,
        ),
        _Doubt(
            applies=t.n_repeated > 0,
            text=f"{t.n_repeated} frames repeat the picture before them while the scene moves: velocities are "
            "less sure",
            forbids=t.n_repeated > params.dropped_share * t.n_frames,
        ),
        _Doubt(
            applies=t.n_unordered > 0,
            text=f"{t.n_unordered} frames were left out because their time stamps are missing or run backwards",
            forbids=t.n_unordered > params.dropped_share * t.n_frames,
        ),
        _Doubt(
            applies=rate < params.slow_rate_hz,
            text=f"{rate:.0f} frames per second resolve movement up to {rate / 2.0:.0f} Hz: a fast stretch is a "
            "handful of frames, its peak velocity and catch are uncertain; film at 60 or more",
            forbids=False,
        ),
    ]


def _patient_doubts(seen: Survey, followed: Followed, joint: Joint, side: Side, params: DoubtParams) -> list[_Doubt]:
    lost = float(1.0 - followed.found.mean())
    height, width = seen.images[0].shape[:2]
    limb = limb_points(followed.xy_px[followed.found], followed.confidence[followed.found], joint=joint, side=side)
    outside = limb.outside(width, height).mean()
    confidence = float(np.median(limb.confidence))
    return [
        _Doubt(
            applies=seen.camera_shift > params.camera_shift,
            text=f"the camera moved (by {seen.camera_shift:.1%} of the picture's diagonal): put it on a stand",
            forbids=True,
        ),
        _Doubt(
            applies=lost > params.lost_share_note,
            text=f"the patient was lost in {lost:.0%} of the looks",
            forbids=lost > params.lost_share,
        ),
        _Doubt(
            applies=bool(outside > params.outside_share),
            text=f"the {side} {joint} leaves the picture in {outside:.0%} of the recording",
            forbids=True,
        ),
        _Doubt(
            applies=confidence < params.hidden_confidence,
            text=f"the {side} {joint} is hardly seen (confidence {confidence:.2f}): the body or somebody else hides it",
            forbids=True,
        ),
        _Doubt(
            applies=followed.moving,
            text="the patient moves about: this is no passive movement of a held limb",
            forbids=True,
        ),
    ]


def _limb_doubts(hinge: Hinge | None, course: Course, joint: Joint, side: Side, params: DoubtParams) -> list[_Doubt]:
    known = course.angle_deg[np.isfinite(course.angle_deg)]
    swing = float(np.ptp(np.percentile(known, [2, 98])))
    swapped = float(hinge.swapped.mean()) if hinge else 0.0
    disagreeing = 1.0 - hinge.agreeing if hinge else 0.0
    return [
        _Doubt(
            applies=hinge is None,
            text=f"the {side} {joint} is not held in place, or its landmarks disagree: the angle comes from "
            "single poses, without the limb's picture",
            forbids=True,
        ),
        _Doubt(
            applies=disagreeing > params.disagree_share,
            text=f"{disagreeing:.0%} of the poses disagree about the {side} {joint}",
            forbids=True,
        ),
        _Doubt(
            applies=swapped > params.swapped_share,
            text=f"the limb that is moved looks like the other side's: check that the {side} {joint} was tested",
            forbids=False,
        ),
        _Doubt(
            applies=swing < params.still_deg,
            text=f"the {joint} hardly moves ({swing:.0f} deg): check joint, side and patient",
            forbids=True,
        ),
        _Doubt(
            applies=hinge is not None and course.pose_scatter_deg > params.pose_scatter_deg,
            text=f"single poses scatter by {course.pose_scatter_deg:.0f} deg about the angle",
            forbids=True,
        ),
        _Doubt(
            applies=hinge is not None and course.hinge is None,
            text="too few poses agree to learn the limb's picture: fast movements are flattened",
            forbids=True,
        ),
    ]
