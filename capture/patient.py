"""Who of the people in a recording is the patient: whose tested limb is moved, and who does not stand."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.model import Side
from analysis.muscles import Joint
from capture.anatomy import limb_points, other_side, turn_deg
from capture.landmarks import POSE_LANDMARKS
from capture.pose_model import Pose

__all__ = [
    "PatientParams",
    "Person",
    "Sighting",
    "choose_patient",
    "group_people",
    "knees_inside",
    "standing_share",
    "torso",
]

Points = NDArray[np.float64]

_SHOULDERS = [POSE_LANDMARKS.index("left_shoulder"), POSE_LANDMARKS.index("right_shoulder")]
_HIPS = [POSE_LANDMARKS.index("left_hip"), POSE_LANDMARKS.index("right_hip")]
_KNEES = [POSE_LANDMARKS.index("left_knee"), POSE_LANDMARKS.index("right_knee")]
_ANKLES = [POSE_LANDMARKS.index("left_ankle"), POSE_LANDMARKS.index("right_ankle")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientParams:
    """What tells people apart, and the patient from the others.

    Attributes
    ----------
    same_torso
        Two sightings show the same person if the middles of their trunks are closer than this share of the trunk's
        length (chosen by us).
    walk_torso_s, walk_gap_s
        Sightings that do not overlap in time are one walking person if this many trunk lengths per second, and this
        time, lie between them at most (chosen by us: 2 m/s and a trunk of 0.5 m).
    same_trunk_deg
        ... and if their trunks point the same way within this angle (chosen by us).
    same_length
        A walking person's trunk keeps its length in the picture within this ratio (chosen by us).
    held_share
        A joint is held still while it stays within this share of the moved segment's length (chosen by us).
    full_swing_deg
        A swing of the tested joint from which on more does not make a person more of a patient (chosen by us).
    free_swing
        Worth of a swing about a joint that is not held, as in walking, against one about a held joint (chosen by us).
    standing_weight
        Weight of a person who stands upright against one who sits or lies (chosen by us).
    examiner_standing
        Who stands in a larger share of the sightings, and stays there, is no patient unless the user says so: on the
        rendered exams examiners reach 0.8 to 1.0 where their legs are seen, patients 0.06 at most (chosen by us).
    straight_deg
        Hip and knee angles beyond which a person stands (chosen by us; 180 is straight).
    lying_deg
        Tilt of the trunk against the picture's vertical from which on a person lies (chosen by us).
    """

    same_torso: float = 0.5
    walk_torso_s: float = 4.0
    walk_gap_s: float = 1.5
    same_trunk_deg: float = 50.0
    same_length: tuple[float, float] = (0.65, 1.5)
    held_share: float = 0.3
    full_swing_deg: float = 60.0
    free_swing: float = 0.3
    standing_weight: float = 0.25
    examiner_standing: float = 0.5
    straight_deg: float = 140.0
    lying_deg: float = 50.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sighting:
    """One pose at one time, in pixels of the working image."""

    time_s: float
    pose: Pose


@dataclass(slots=True, eq=False)
class Person:
    """Sightings of one person, in the order of time."""

    sightings: list[Sighting] = field(default_factory=list)

    @property
    def xy_px(self) -> Points:
        """Landmarks, shape (n, 33, 2)."""
        return np.stack([s.pose.xy_px for s in self.sightings])

    @property
    def confidence(self) -> Points:
        """Confidence, shape (n, 33)."""
        return np.stack([s.pose.confidence for s in self.sightings])

    @property
    def time_s(self) -> Points:
        """Times, shape (n,)."""
        return np.array([s.time_s for s in self.sightings])


def torso(xy_px: Points) -> tuple[Points, Points]:
    """Middle of the trunk and the vector from the hips to the shoulders, of landmarks of shape (..., 33, 2)."""
    shoulders = xy_px[..., _SHOULDERS, :].mean(axis=-2)
    hips = xy_px[..., _HIPS, :].mean(axis=-2)
    return (shoulders + hips) / 2.0, shoulders - hips


def group_people(sightings: list[Sighting], params: PatientParams = PatientParams()) -> list[Person]:
    """Gather sightings, in the order of time, into people; a sighting joins the person whose trunk is nearest."""
    people: list[Person] = []
    for sighting in sorted(sightings, key=lambda s: s.time_s):
        distances = [_distance(person, sighting, params) for person in people]
        if distances and min(distances) < 1.0:
            people[int(np.argmin(distances))].sightings.append(sighting)
        else:
            people.append(Person([sighting]))
    return _join_walkers(people, params)


def _distance(person: Person, sighting: Sighting, params: PatientParams) -> float:
    """Distance of a sighting from a person, 1 at the limit of what is the same person."""
    middle, trunk = torso(sighting.pose.xy_px)
    best = np.inf
    for known in person.sightings[-_RECENT:]:
        known_middle, known_trunk = torso(known.pose.xy_px)
        length = max(float(np.hypot(*known_trunk)), float(np.hypot(*trunk)), 1.0)
        turned = abs(float(turn_deg(known_trunk, trunk))) / params.same_trunk_deg
        best = min(best, max(float(np.hypot(*(middle - known_middle))) / (params.same_torso * length), turned))
    return best


_RECENT = 8


def _join_walkers(people: list[Person], params: PatientParams) -> list[Person]:
    """Join people who were never seen at the same time into one who walked from here to there."""
    joined: list[Person] = []
    for person in sorted(people, key=lambda p: p.sightings[0].time_s):
        before = [(_walk(p, person, params), p) for p in joined]
        pace, nearest = min(before, key=lambda item: item[0], default=(np.inf, person))
        if pace < 1.0:
            nearest.sightings.extend(person.sightings)
        else:
            joined.append(Person(list(person.sightings)))
    return joined


def _walk(first: Person, second: Person, params: PatientParams) -> float:
    """Pace that it takes to be both people, 1 at the limit; infinite if they were seen at the same time."""
    end, start = first.sightings[-1], second.sightings[0]
    gap_s = start.time_s - end.time_s
    if not 0.0 < gap_s <= params.walk_gap_s:
        return float("inf")
    (here, trunk), (there, later_trunk) = torso(end.pose.xy_px), torso(start.pose.xy_px)
    length = max(float(np.hypot(*trunk)), 1.0)
    if not params.same_length[0] < float(np.hypot(*later_trunk)) / length < params.same_length[1]:
        return float("inf")
    return float(np.hypot(*(there - here))) / (length * params.walk_torso_s * gap_s)


def choose_patient(
    people: list[Person],
    *,
    joint: Joint,
    side: Side,
    box_px: tuple[float, float, float, float] | None = None,
    params: PatientParams = PatientParams(),
) -> Person | None:
    """Choose the person whose tested limb swings about a joint that is held, preferring those who sit or lie.

    Parameters
    ----------
    people
        Everybody who was seen.
    joint, side
        What is tested.
    box_px
        Where the user says the patient is (x, y, width, height); it overrides the rest.

    Returns
    -------
    Person or None
        ``None`` if nobody was seen, or nobody in the box.
    """
    if box_px is not None:
        inside = [p for p in people if _share_inside(p, box_px) > 0.5]
        passing = [p for p in people if _share_inside(p, box_px) > 0.0]
        return max(inside or passing, key=lambda p: len(p.sightings) * _share_inside(p, box_px), default=None)
    n_times = len({s.time_s for p in people for s in p.sightings})
    return max(
        people, key=lambda p: patient_score(p, joint=joint, side=side, n_times=n_times, params=params), default=None
    )


def patient_score(
    person: Person, *, joint: Joint, side: Side, n_times: int, params: PatientParams = PatientParams()
) -> float:
    """Score how well a person fits the patient's part in the exam; only comparisons between people mean something.

    `n_times` is the number of times at which people were seen: the patient is there all the time.
    """
    swings = [_swing(person, joint, which, params) for which in (side, other_side(side))]
    swing = max(swings[0], 0.8 * swings[1])
    there = len(set(person.time_s.tolist())) / n_times
    return there * (0.2 + swing) * _posture_weight(person, params)


def _share_inside(person: Person, box_px: tuple[float, float, float, float]) -> float:
    x, y, width, height = box_px
    middle, _ = torso(person.xy_px)
    inside = (middle[:, 0] >= x) & (middle[:, 0] <= x + width) & (middle[:, 1] >= y) & (middle[:, 1] <= y + height)
    return float(inside.mean())


def _swing(person: Person, joint: Joint, side: Side, params: PatientParams) -> float:
    """Swing of the joint, 0 to 1: about a centre that is held, or else anyhow, which counts for less."""
    limb = limb_points(person.xy_px, person.confidence, joint=joint, side=side)
    length = float(np.median(np.hypot(*limb.moved_px.T)))
    held = np.hypot(*(limb.joint_px - np.median(limb.joint_px, axis=0)).T) < params.held_share * length
    turned = turn_deg(limb.reference_px, limb.moved_px)
    about_held = held.mean() * _range(turned[held], params)
    return float(max(about_held, params.free_swing * _range(turned, params)))


def _range(turned_deg: Points, params: PatientParams) -> float:
    if len(turned_deg) < 3:
        return 0.0
    low, high = np.percentile(np.degrees(np.unwrap(np.radians(turned_deg))), [10, 90])
    return min(1.0, float(high - low) / params.full_swing_deg)


def _posture_weight(person: Person, params: PatientParams) -> float:
    return 1.0 - (1.0 - params.standing_weight) * standing_share(person, params)


def knees_inside(xy_px: Points, width: float, height: float) -> bool:
    """Tell whether both knees of a pose, shape (33, 2), lie in a picture of some size."""
    knees = xy_px[_KNEES]
    return bool(((knees >= 0) & (knees <= np.array([width, height]))).all())


def standing_share(person: Person, params: PatientParams = PatientParams()) -> float:
    """Share of a person's sightings in which they stand: hips and knees straight, the trunk upright."""
    xy = person.xy_px
    _, trunk = torso(xy)
    lying = np.abs(turn_deg(np.array([0.0, -1.0]), trunk)) > params.lying_deg
    hips = np.abs(turn_deg(trunk, xy[:, _KNEES].mean(axis=1) - xy[:, _HIPS].mean(axis=1)))
    thighs = xy[:, _KNEES] - xy[:, _HIPS]
    shanks = xy[:, _ANKLES] - xy[:, _KNEES]
    knees = 180.0 - np.abs(turn_deg(thighs, shanks)).max(axis=1)
    standing = (hips > params.straight_deg) & (knees > params.straight_deg) & ~lying
    return float(standing.mean())
