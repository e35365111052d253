"""Who is the patient: drawn people with known parts in an exam."""

import numpy as np
import pytest

from analysis.model import Side
from analysis.muscles import Joint
from capture.landmarks import POSE_LANDMARKS
from capture.patient import PatientParams, Person, Sighting, choose_patient, group_people, standing_share, torso
from capture.pose_model import Pose

SEATED = {
    "shoulder": (0, -100),
    "hip": (0, 0),
    "knee": (80, 5),
    "ankle": (80, 90),
    "elbow": (5, -45),
    "wrist": (60, -40),
}
STANDING = {
    "shoulder": (0, -100),
    "hip": (0, 0),
    "knee": (2, 90),
    "ankle": (3, 170),
    "elbow": (40, -60),
    "wrist": (80, -40),
}


def _sighting(time_s: float, shape: dict[str, tuple[float, float]], at: tuple[float, float], swing: float) -> Sighting:
    rng = np.random.default_rng(round(1000 * time_s))
    xy = np.zeros((33, 2))
    for name, place in shape.items():
        for side in ("left", "right"):
            xy[POSE_LANDMARKS.index(f"{side}_{name}")] = place
    elbow = np.array(shape["elbow"])
    angle = np.radians(swing)
    xy[POSE_LANDMARKS.index("left_wrist")] = elbow + 55 * np.array([np.cos(angle), np.sin(angle)])
    xy += np.array(at) + rng.normal(0, 1.0, xy.shape)
    return Sighting(time_s=time_s, pose=Pose(xy_px=xy, confidence=np.full(33, 0.9), world_m=np.zeros((33, 3))))


def _exam() -> list[Sighting]:
    times = np.linspace(0, 8, 12)
    patient = [_sighting(t, SEATED, (400, 250), 60 * np.sin(t)) for t in times]
    examiner = [_sighting(t + 0.01, STANDING, (250, 250), 25 * np.sin(t)) for t in times for _ in range(2)]
    return patient + examiner


def test_people_are_told_apart() -> None:
    assert sorted(len(p.sightings) for p in group_people(_exam())) == [12, 24]


def test_the_seated_person_whose_elbow_is_moved_is_the_patient() -> None:
    patient = choose_patient(group_people(_exam()), joint=Joint.ELBOW, side=Side.LEFT)
    assert patient is not None
    assert torso(patient.xy_px)[0][:, 0].mean() == pytest.approx(400, abs=5)


def test_a_box_overrides_the_choice() -> None:
    people = group_people(_exam())
    chosen = choose_patient(people, joint=Joint.ELBOW, side=Side.LEFT, box_px=(200, 100, 100, 300))
    assert chosen is not None
    assert torso(chosen.xy_px)[0][:, 0].mean() == pytest.approx(250, abs=5)
    assert choose_patient(people, joint=Joint.ELBOW, side=Side.LEFT, box_px=(0, 0, 20, 20)) is None


def test_nobody_is_no_patient() -> None:
    assert choose_patient([], joint=Joint.KNEE, side=Side.LEFT) is None


def test_an_examiner_is_told_by_how_they_stand() -> None:
    limit = PatientParams().examiner_standing
    times = np.linspace(0, 8, 12)
    assert standing_share(Person([_sighting(t, STANDING, (250, 250), 25 * np.sin(t)) for t in times])) > limit
    assert standing_share(Person([_sighting(t, SEATED, (400, 250), 60 * np.sin(t)) for t in times])) < limit
    lying = {name: (y, x) for name, (x, y) in STANDING.items()}
    assert standing_share(Person([_sighting(t, lying, (400, 250), 60 * np.sin(t)) for t in times])) < limit
