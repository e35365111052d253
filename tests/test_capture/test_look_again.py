"""Who walks is found in the samples in which the first search missed them; the model sees dots as people."""

from typing import cast

import numpy as np
import pytest

from analysis.model import Side
from analysis.muscles import Joint
from capture.landmarks import POSE_LANDMARKS
from capture.look_again import look_again
from capture.patient import Person, Sighting, choose_patient, group_people, torso
from capture.pose_model import Pose, PoseModel
from capture.survey import Survey
from capture.video import Timing

TRUNK_PX = 20.0
SHAPE = {"shoulder": (0, -TRUNK_PX / 2), "hip": (0, TRUNK_PX / 2), "knee": (0, 30), "ankle": (0, 50), "nose": (0, -20)}
TIMES = tuple(np.linspace(0.0, 5.5, 12))
START_PX, PACE_PX_S = np.array([20.0, 70.0]), np.array([50.0, 0.0])


def _pose(at: np.ndarray) -> Pose:
    xy = np.zeros((33, 2))
    for k, name in enumerate(POSE_LANDMARKS):
        xy[k] = SHAPE.get(name.split("_", 1)[-1], (0, 0))
    return Pose(xy_px=xy + at, confidence=np.full(33, 0.9), world_m=np.zeros((33, 3)))


class DotModel:
    """Finds a person at the brightest pixel of a view, if there is a bright one."""

    def find(self, image: np.ndarray) -> list[Pose]:
        y, x = np.unravel_index(int(image[..., 0].argmax()), image.shape[:2])
        return [_pose(np.array([x, y], dtype=np.float64))] if image[y, x, 0] else []


def _survey(hidden: set[int]) -> Survey:
    images = []
    for k, time_s in enumerate(TIMES):
        image = np.zeros((140, 340, 3), dtype=np.uint8)
        x, y = (START_PX + PACE_PX_S * time_s).round().astype(int)
        image[y, x] = 0 if k in hidden else 255
        images.append(image)
    timing = Timing(
        n_frames=12,
        interval_s=0.5,
        decoded_s=6.0,
        declared_s=6.0,
        n_dropped=0,
        n_repeated=0,
        n_unordered=0,
        complete=True,
        fault="",
        variable_rate=False,
    )
    return Survey(
        timing=timing,
        time_s=np.array(TIMES),
        sample_time_s=TIMES,
        images=tuple(images),
        width_px=340,
        height_px=140,
        scale=1.0,
        gain=1.0,
        camera_shift=0.0,
    )


def _seen_at(*samples: int) -> Person:
    return Person([Sighting(time_s=float(TIMES[k]), pose=_pose(START_PX + PACE_PX_S * TIMES[k])) for k in samples])


def test_a_walker_is_found_where_they_must_have_been_and_not_behind_a_tree() -> None:
    (walker,) = look_again(_survey(hidden={5}), [_seen_at(3, 4, 6)], cast("PoseModel", DotModel()))
    np.testing.assert_allclose(walker.time_s, np.delete(TIMES, 5))
    np.testing.assert_allclose(torso(walker.xy_px)[0], START_PX + np.outer(walker.time_s, PACE_PX_S), atol=1.0)


@pytest.mark.parametrize("samples", [(4, 5), tuple(range(11))])
def test_who_was_hardly_seen_or_nearly_always_is_left_as_they_are(samples: tuple[int, ...]) -> None:
    person = _seen_at(*samples)
    assert look_again(_survey(hidden=set()), [person], cast("PoseModel", DotModel())) == [person]


def test_sightings_of_different_size_are_not_one_walker() -> None:
    near = Pose(xy_px=_pose(np.zeros(2)).xy_px * 2.0 + [70.0, 70.0], confidence=np.ones(33), world_m=np.zeros((33, 3)))
    people = group_people([Sighting(time_s=0.0, pose=_pose(START_PX)), Sighting(time_s=1.0, pose=near)])
    assert len(people) == 2


def test_who_is_there_all_the_time_is_rather_the_patient() -> None:
    passing, staying = _seen_at(3, 4), Person([Sighting(time_s=t, pose=_pose(np.array([300.0, 70.0]))) for t in TIMES])
    assert choose_patient([passing, staying], joint=Joint.KNEE, side=Side.LEFT) is staying


def test_a_box_that_a_walker_passes_chooses_the_walker() -> None:
    staying = Person([Sighting(time_s=t, pose=_pose(np.array([300.0, 20.0]))) for t in TIMES])
    walker = _seen_at(*range(12))
    chosen = choose_patient([walker, staying], joint=Joint.KNEE, side=Side.LEFT, box_px=(100, 40, 60, 60))
    assert chosen is walker
