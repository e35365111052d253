"""The video goniometer: from a video file to the patient's landmarks and the angle of the tested joint."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.model import JointAngle, Side, Source, Zero
from analysis.muscles import Joint
from capture.anatomy import JOINTS, limb_points, turn_deg, wrap_deg
from capture.course import Course, CourseFitParams, course_from_pictures, course_from_poses
from capture.doubts import DoubtParams, Doubts, doubts_about
from capture.errors import NoPatientError
from capture.follow import Followed, FollowParams, follow, moves_about
from capture.joint_centres import JointCentreParams, joint_centres
from capture.landmarks import LandmarkTracks
from capture.lens import Lens
from capture.limb import Hinge, HingeParams, fit_hinge
from capture.look_again import LookAgainParams, look_again
from capture.patient import PatientParams, Person, choose_patient, group_people, knees_inside, standing_share
from capture.plane import PlaneCheck, PlaneParams, check_plane
from capture.pose_model import ModelSize, PoseModel
from capture.straighten import Straightener
from capture.survey import Survey, SurveyParams, look_for_people, survey
from capture.tilt import Tilt, TiltParams, corrected_flexion, sagittal_tilt
from capture.tracks import named_sides, tracks_of
from capture.video import VideoReader

__all__ = ["VideoAngleParams", "VideoMeasurement", "measure_video"]

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoAngleParams:
    """Parameters of the steps, and what they share.

    Attributes
    ----------
    search_model, model
        Models that search people and that measure the patient (`capture/models/README.md`: the heavy one is more
        accurate, the full one faster; chosen by us).
    search_people
        People that are looked for in one view (chosen by us).
    held_spread
        Scatter of the joint's landmark, relative to the moved segment's length, up to which the joint counts as held in
        place (chosen by us).
    held_share
        Share of the poses that must agree with the hinge for that (chosen by us).
    max_sd_deg
        An angle that is less certain counts as not observed (chosen by us).
    zero_sd_deg
        Standard deviation of the angle's zero: how much bodies differ in where the model puts the upper arm
        (docs/methods/video_angle.md).
    """

    search_model: ModelSize = ModelSize.FULL
    model: ModelSize = ModelSize.HEAVY
    search_people: int = 2
    held_spread: float = 0.15
    held_share: float = 0.3
    max_sd_deg: float = 20.0
    zero_sd_deg: float = 3.5
    survey: SurveyParams = field(default_factory=SurveyParams)
    patient: PatientParams = field(default_factory=PatientParams)
    look_again: LookAgainParams = field(default_factory=LookAgainParams)
    follow: FollowParams = field(default_factory=FollowParams)
    centres: JointCentreParams = field(default_factory=JointCentreParams)
    hinge: HingeParams = field(default_factory=HingeParams)
    course: CourseFitParams = field(default_factory=CourseFitParams)
    tilt: TiltParams = field(default_factory=TiltParams)
    plane: PlaneParams = field(default_factory=PlaneParams)
    doubts: DoubtParams = field(default_factory=DoubtParams)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoMeasurement:
    """What a video shows of one joint.

    Attributes
    ----------
    angle
        The joint's angle in every frame; NaN where the patient was not seen.
    tracks
        The patient's landmarks in pixels of the displayed image.
    patient_box
        Where the patient is, as chosen (x, y, width, height in pixels of the displayed image).
    gradable
        Whether the recording may be graded; if not, a warning says why.
    warnings
        What the reader should know.
    """

    angle: JointAngle
    tracks: LandmarkTracks
    patient_box: Box
    gradable: bool
    warnings: tuple[str, ...]


@dataclass(slots=True)
class _Progress:
    """Turns the progress of passes into that of the whole, at most a hundred calls."""

    report: Callable[[float], None] | None
    start: float = 0.0
    width: float = 1.0
    last: float = field(default=-1.0)

    def part(self, start: float, width: float) -> Callable[[float], None]:
        self.start, self.width = start, width
        return self._advance

    def _advance(self, share: float) -> None:
        total = self.start + self.width * min(max(share, 0.0), 1.0)
        if self.report is not None and (total >= self.last + 0.01 or self.last < total >= 1.0):
            self.last = total
            self.report(total)


def measure_video(  # noqa: PLR0913 - the contract's options, all named
    path: Path,
    *,
    joint: Joint,
    side: Side,
    stretch_sign: int,
    patient_box: Box | None = None,
    rotation_deg: int | None = None,
    lens: Lens | None = None,
    on_progress: Callable[[float], None] | None = None,
    params: VideoAngleParams = VideoAngleParams(),
) -> VideoMeasurement:
    """Measure the angle of one joint in a video of a passive movement, in three passes over the file.

    1. A survey: time stamps, light, the camera, and the people. The patient is the one whose tested limb is moved about
       a held joint and who does not stand.
    2. The patient's landmarks several times a second, the other people covered up. They agree on a hinge: the joint's
       centre, the segments' lengths and directions.
    3. The picture of the moved segment, learnt from poses that agree, is turned about the hinge through every frame;
       dynamic programming finds the likeliest course, a forward-backward smoother its uncertainty.

    Parameters
    ----------
    path
        The video.
    joint, side
        What is tested.
    stretch_sign
        +1 where a growing angle lengthens the tested muscle, else -1. The first large movement is a stretch: that fixes
        the sign where a picture does not show it (the wrist).
    patient_box
        Where the patient is (x, y, width, height in displayed pixels), in place of the automatic choice.
    rotation_deg
        Clockwise rotation that makes the picture upright, in place of the container's.
    lens
        Calibration of the camera: its lens errors and its tilt are taken out of the pictures before all else.
    on_progress
        Is told the share of the work that is done.

    Raises
    ------
    VideoError
        If the file cannot be read as a video, or the lens calibration does not fit it.
    NoPatientError
        If no patient is found, or the patient's limb is never seen.
    """
    progress = _Progress(on_progress)
    with VideoReader(path, rotation_deg=rotation_deg, lens=lens) as reader:
        seen = survey(reader, on_progress=progress.part(0.0, 0.05), params=params.survey)
        straightener = reader.straightener
        if patient_box is not None and straightener is not None:
            patient_box = straightener.straight_box(patient_box)
        patient, others = _find_patient(path, seen, joint, side, patient_box, params)
        with PoseModel(params.model, max_people=1 + bool(others)) as model:
            followed = follow(
                reader,
                seen,
                patient=patient,
                others=others,
                model=model,
                on_progress=progress.part(0.25, 0.5),
                params=params.follow,
            )
        if followed.found.sum() < 2:
            raise NoPatientError(path, f"the patient's {side} {joint} was seen in fewer than two frames")
        tilt = sagittal_tilt(followed.xy_px[followed.found], params.tilt)
        hinge = _hinge(_with_centres(followed, params), joint, side, params)
        followed = _fix_sides(followed, hinge, joint)
        course = _course(
            reader,
            seen,
            followed,
            hinge,
            joint=joint,
            side=side,
            on_progress=progress.part(0.75, 0.25),
            params=params,
        )
    shown_deg = course.angle_deg
    course = _signed(_from_the_side(course, tilt, joint), joint, stretch_sign)
    trunk_deg = tilt.seen_deg if joint in _SAGITTAL else float("nan")
    check = _plane(followed, hinge, joint, side, trunk_deg, params)
    doubts = doubts_about(seen, followed, hinge, course, check, joint=joint, side=side, params=params.doubts)
    progress.part(1.0, 0.0)(1.0)
    measured = _measurement(path, seen, followed, course, doubts, shown_deg, joint=joint, side=side, params=params)
    return measured if straightener is None else _as_filmed(measured, straightener)


def _as_filmed(measured: VideoMeasurement, straightener: Straightener) -> VideoMeasurement:
    """Put landmarks and patient where they are in the picture that people look at; the angle stays that of the limb."""
    return replace(
        measured,
        tracks=straightener.filmed_tracks(measured.tracks),
        patient_box=straightener.filmed_box(measured.patient_box),
    )


def _find_patient(
    path: Path, seen: Survey, joint: Joint, side: Side, box: Box | None, params: VideoAngleParams
) -> tuple[Person, list[Person]]:
    with PoseModel(params.search_model, max_people=params.search_people) as model:
        people = group_people(look_for_people(seen, model, params.survey), params.patient)
        people = look_again(seen, people, model, params.look_again)
    scaled = (
        None if box is None else (box[0] * seen.scale, box[1] * seen.scale, box[2] * seen.scale, box[3] * seen.scale)
    )
    patient = choose_patient(people, joint=joint, side=side, box_px=scaled, params=params.patient)
    if patient is None and people:
        raise NoPatientError(path, f"nobody was found in the patient box {box}; {len(people)} people are elsewhere")
    if patient is None:
        raise NoPatientError(path, "no person was found; film the patient from the side, whole and in good light")
    if box is None and _only_stands_by(patient, seen, params):
        raise NoPatientError(
            path,
            f"no patient was found for the {side} {joint}: who is in view stands, as an examiner does; film the whole "
            "patient from the side; one who does stand is named with --patient-box",
        )
    return patient, [p for p in people if p is not patient]


def _only_stands_by(person: Person, seen: Survey, params: VideoAngleParams) -> bool:
    """Tell an examiner whom nobody sits or lies beside; who walks is followed, and not graded.

    Legs outside of the picture are guessed, mostly straight: they tell nothing about who sits.
    """
    height, width = seen.images[0].shape[:2]
    legs = [one for one in person.sightings if knees_inside(one.pose.xy_px, width, height)]
    if len(legs) <= params.patient.examiner_standing * len(person.sightings) or moves_about(person, params.follow):
        return False
    return standing_share(Person(legs), params.patient) > params.patient.examiner_standing


def _hinge(followed: Followed, joint: Joint, side: Side, params: VideoAngleParams) -> Hinge | None:
    """Hinge of a joint that is held in place, ``None`` where it is not."""
    found = followed.found
    hinge = fit_hinge(
        followed.xy_px[found],
        followed.confidence[found],
        joint=joint,
        side=side,
        mirrored=followed.mirrored[found],
        params=params.hinge,
    )
    if hinge is None or followed.moving:
        return None
    if hinge.spread > params.held_spread or hinge.agreeing < params.held_share:
        return None
    return replace(
        hinge,
        tips_px=_at_found(hinge.tips_px, found, np.nan),
        flexion_deg=_at_found(hinge.flexion_deg, found, np.nan),
        swapped=_at_found(hinge.swapped, found, 0),
    )


def _at_found(values: NDArray[Any], found: NDArray[np.bool_], missing: float) -> NDArray[Any]:
    spread = np.full((len(found), *values.shape[1:]), missing, dtype=values.dtype)
    spread[found] = values
    return spread


def _with_centres(followed: Followed, params: VideoAngleParams) -> Followed:
    return replace(followed, xy_px=joint_centres(followed.xy_px, params.centres))


def _fix_sides(followed: Followed, hinge: Hinge | None, joint: Joint) -> Followed:
    if hinge is None or not hinge.swapped.any():
        return followed
    return replace(
        followed,
        xy_px=named_sides(followed.xy_px, hinge.swapped, joint),
        confidence=named_sides(followed.confidence, hinge.swapped, joint),
        world_m=named_sides(followed.world_m, hinge.swapped, joint),
    )


def _course(  # noqa: PLR0913 - one argument for each step before it
    reader: VideoReader,
    seen: Survey,
    followed: Followed,
    hinge: Hinge | None,
    *,
    joint: Joint,
    side: Side,
    on_progress: Callable[[float], None],
    params: VideoAngleParams,
) -> Course:
    if hinge is not None:
        course = course_from_pictures(
            reader, seen, followed, hinge, joint=joint, on_progress=on_progress, params=params.course
        )
        if course is not None:
            return course
    flexion = _lone_flexion(seen, followed, joint, side, params) if hinge is None else hinge.flexion_deg
    if np.isfinite(flexion).sum() < _LEAST_POSES:
        raise NoPatientError(reader.path, _unseen(joint, side))
    course = course_from_poses(seen, followed, flexion, params.course)
    least, most = JOINTS[joint].range_deg  # between poses that contradict each other the smoother swings beyond it
    impossible = (course.angle_deg < least) | (course.angle_deg > most)
    return replace(course, sd_deg=np.where(impossible, np.inf, course.sd_deg))


_LEAST_POSES = 2


def _lone_flexion(seen: Survey, followed: Followed, joint: Joint, side: Side, params: VideoAngleParams) -> Points:
    """Angle in each pose alone, NaN where the limb is outside of the picture or bent as no joint can be: guessed."""
    limb = limb_points(joint_centres(followed.xy_px, params.centres), followed.confidence, joint=joint, side=side)
    turned = turn_deg(limb.reference_px, limb.moved_px)
    sense = 1.0 if np.nansum(limb.confidence * np.sin(np.radians(turned))) >= 0 else -1.0
    flexion = wrap_deg(JOINTS[joint].zero_deg - sense * turned)
    least, most = JOINTS[joint].range_deg
    height, width = seen.images[0].shape[:2]
    possible = (flexion >= least) & (flexion <= most) & ~limb.outside(width, height)
    return np.where(possible, flexion, np.nan)


def _unseen(joint: Joint, side: Side) -> str:
    return f"the patient's {side} {joint} was not seen long enough to measure it; film the whole patient from the side"


def _from_the_side(course: Course, tilt: Tilt, joint: Joint) -> Course:
    """Correct the angle for the camera's yaw and pitch; only limbs that move in the sagittal plane."""
    hinge = course.hinge
    if hinge is None or joint not in _SAGITTAL:
        return course
    angle = corrected_flexion(
        hinge.direction_deg(course.angle_deg, joint),
        hinge.reference_deg,
        tilt,
        zero_deg=JOINTS[joint].zero_deg,
        sense=hinge.sense,
    )
    return replace(course, angle_deg=angle)


_SAGITTAL = (Joint.ELBOW, Joint.KNEE, Joint.ANKLE)


def _signed(course: Course, joint: Joint, stretch_sign: int) -> Course:
    """Turn the sign where the picture does not show it, so that the first large movement is a stretch."""
    if not JOINTS[joint].signed_by_stretch:
        return course
    angle = course.angle_deg
    low, high = np.nanpercentile(angle, [5, 95])
    away = np.flatnonzero(np.abs(angle - angle[0]) > 0.5 * (high - low))
    if away.size and np.sign(angle[away[0]] - angle[0]) != np.sign(stretch_sign):
        return replace(course, angle_deg=-angle)
    return course


def _plane(
    followed: Followed, hinge: Hinge | None, joint: Joint, side: Side, trunk_deg: float, params: VideoAngleParams
) -> PlaneCheck:
    believed = followed.found if hinge is None else np.isfinite(hinge.flexion_deg)
    return check_plane(
        followed.world_m[believed],
        followed.xy_px[believed],
        joint=joint,
        side=side,
        trunk_deg=trunk_deg,
        params=params.plane,
    )


def _measurement(  # noqa: PLR0913 - what every step found
    path: Path,
    seen: Survey,
    followed: Followed,
    course: Course,
    doubts: Doubts,
    shown_deg: Points,
    *,
    joint: Joint,
    side: Side,
    params: VideoAngleParams,
) -> VideoMeasurement:
    tracks = tracks_of(seen, followed, hinge=course.hinge, angle_deg=shown_deg, joint=joint, side=side)
    unseen = ~np.isfinite(tracks.xy_px[:, 0, 0]) | (course.sd_deg > params.max_sd_deg)
    if (~unseen).sum() < 2:
        raise NoPatientError(path, _unseen(joint, side))
    angle = JointAngle(
        time_s=seen.time_s,
        angle_deg=np.where(unseen, np.nan, course.angle_deg),
        sd_deg=np.where(unseen, np.nan, course.sd_deg),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=0.5 / seen.timing.interval_s,
        zero_sd_deg=params.zero_sd_deg,
    )
    some = tracks.xy_px[:: 1 + len(tracks.xy_px) // _FRAMES_OF_BOX]  # an hour's landmarks are not copied for a box
    points = some[np.isfinite(some[:, :, 0])]
    points = points if len(points) else tracks.xy_px[np.isfinite(tracks.xy_px[:, :, 0])]
    (left, top), (right, bottom) = np.percentile(points, [1, 99], axis=0)
    return VideoMeasurement(
        angle=angle,
        tracks=tracks,
        patient_box=(float(left), float(top), float(right - left), float(bottom - top)),
        gradable=doubts.gradable,
        warnings=(*doubts.warnings, _ZERO_NOTE),
    )


_FRAMES_OF_BOX = 5000

_ZERO_NOTE = (
    "the zero of an angle from video may be off by some 5 deg, for landmarks are not joint centres; differences within "
    "one recording are not affected"
)
