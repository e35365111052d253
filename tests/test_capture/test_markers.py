"""The joint angle from other tools' landmarks: planted limbs in the plane and in space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError, DataError
from analysis.model import Side
from analysis.muscles import MuscleGroup
from capture.markers import Markers, angle_of_markers, picture_of_markers

TIME_S = np.arange(90) / 30.0
SWEEP_DEG = 60.0 + 50.0 * np.cos(2.0 * np.pi * TIME_S / 3.0)


def spun(vector: np.ndarray, turn_deg: np.ndarray | float) -> np.ndarray:
    """Turn vectors of the picture anticlockwise, y down."""
    turn = np.radians(turn_deg)
    x, y = vector
    return np.stack([x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)], axis=-1)


def markers(points: dict[str, np.ndarray]) -> Markers:
    xy = np.stack([np.broadcast_to(point, (TIME_S.size, 2)) for point in points.values()], axis=1)
    return Markers(
        time_s=TIME_S,
        names=tuple(points),
        xyz=np.concatenate([xy, np.zeros((*xy.shape[:2], 1))], axis=2),
        confidence=np.ones(xy.shape[:2]),
    )


def leg(
    flexion_deg: np.ndarray, dorsiflexion_deg: float = 0.0, *, side: str = "left", mirrored: bool = False
) -> Markers:
    """Stand a leg in a picture, toes to the right: the shank bends backwards, to the left."""
    hip, knee = np.array([300.0, 100.0]), np.array([300.0, 300.0])
    shank = spun(np.array([0.0, 180.0]), -flexion_deg)
    ankle = knee + shank
    foot = spun(np.array([90.0, 0.0]), -flexion_deg + dorsiflexion_deg)
    points = {"hip": hip, "knee": knee, "ankle": ankle, "heel": ankle - 0.2 * foot, "foot_index": ankle + 0.8 * foot}
    if mirrored:
        points = {name: point * (-1, 1) + (700, 0) for name, point in points.items()}
    return markers({f"{side}_{name}": point for name, point in points.items()})


def arm(flexion_deg: np.ndarray, *, clockwise: bool = True) -> Markers:
    shoulder, elbow = np.array([200.0, 100.0]), np.array([200.0, 220.0])
    return markers(
        {
            "right_shoulder": shoulder,
            "right_elbow": elbow,
            "right_wrist": elbow + spun(np.array([0.0, 100.0]), -flexion_deg if clockwise else flexion_deg),
        }
    )


def in_space(flat: Markers, yaw_deg: float, pitch_deg: float) -> Markers:
    """Turn a picture's plane about in space, y up, in metres, with a little depth of its own."""
    yaw, pitch = np.radians([yaw_deg, pitch_deg])
    about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    xyz = flat.xyz * (0.002, -0.002, 1.0) @ (about_x @ about_y).T
    return Markers(time_s=flat.time_s, names=flat.names, xyz=xyz, confidence=flat.confidence)


def read(source: Markers, group: MuscleGroup, side: Side) -> np.ndarray:
    return angle_of_markers(source, muscle_group=group, side=side).angle.angle_deg


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("side", list(Side))
def test_the_knee_bends_away_from_the_foot(mirrored: bool, side: Side) -> None:
    flexion = SWEEP_DEG - 20.0  # over-extends by 10°
    source = leg(flexion, side=side, mirrored=mirrored)
    assert read(source, MuscleGroup.KNEE_FLEXORS, side) == pytest.approx(flexion, abs=1e-6)


def test_an_over_extended_knee_that_never_bends_is_negative() -> None:
    over = -12.0 + 4.0 * np.cos(TIME_S)
    assert read(leg(over), MuscleGroup.KNEE_EXTENSORS, Side.LEFT) == pytest.approx(over, abs=1e-6)


@pytest.mark.parametrize("clockwise", [False, True])
def test_the_elbow_bends_the_way_it_bends_most(clockwise: bool) -> None:
    flexion = SWEEP_DEG - 18.0
    source = arm(flexion, clockwise=clockwise)
    assert read(source, MuscleGroup.ELBOW_FLEXORS, Side.RIGHT) == pytest.approx(flexion, abs=1e-6)


def test_dorsiflexion_is_positive_at_the_ankle() -> None:
    source = leg(SWEEP_DEG, dorsiflexion_deg=15.0)
    assert read(source, MuscleGroup.PLANTARFLEXORS, Side.LEFT) == pytest.approx(15.0, abs=1e-6)


def test_abduction_is_positive_at_the_hip() -> None:
    points = {
        "right_hip": np.array([200.0, 100.0]),
        "left_hip": np.array([300.0, 100.0]),
        "left_knee": np.array([300.0, 100.0]) + spun(np.array([0.0, 150.0]), 25.0),
    }
    assert read(markers(points), MuscleGroup.HIP_ADDUCTORS, Side.LEFT) == pytest.approx(25.0, abs=1e-6)


@pytest.mark.parametrize("palm", [-1.0, 1.0])
def test_the_first_large_movement_of_the_wrist_is_a_stretch(palm: float) -> None:
    flexion = 40.0 * np.cos(2.0 * np.pi * TIME_S / 3.0)  # from flexion towards extension and back
    wrist = np.array([200.0, 220.0])
    source = markers(
        {
            "right_elbow": np.array([200.0, 100.0]),
            "right_wrist": wrist,
            "right_index": wrist + spun(np.array([0.0, 60.0]), palm * flexion),
        }
    )
    found = angle_of_markers(source, muscle_group=MuscleGroup.WRIST_FLEXORS, side=Side.RIGHT)
    assert found.angle.angle_deg == pytest.approx(flexion, abs=1e-6)
    assert "first large movement" in found.warnings[0]


@settings(deadline=None)
@given(yaw_deg=st.floats(-180, 180), pitch_deg=st.floats(-80, 80))
def test_the_angle_in_space_does_not_depend_on_the_view(yaw_deg: float, pitch_deg: float) -> None:
    flexion = SWEEP_DEG - 18.0
    source = in_space(leg(flexion), yaw_deg, pitch_deg)
    found = angle_of_markers(source, muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.LEFT)
    assert found.angle.angle_deg == pytest.approx(flexion, abs=1e-4)


def test_the_angle_never_jumps_by_a_half_turn() -> None:
    deep = 85.0 + 75.0 * np.sin(TIME_S)
    for group, source in ((MuscleGroup.KNEE_FLEXORS, leg(deep)), (MuscleGroup.ELBOW_FLEXORS, arm(deep))):
        side = Side.LEFT if group is MuscleGroup.KNEE_FLEXORS else Side.RIGHT
        assert np.abs(np.diff(read(source, group, side))).max() < 5.0


def test_points_that_are_not_trusted_are_gaps_not_zeros() -> None:
    source = leg(SWEEP_DEG)
    confidence = source.confidence.copy()
    confidence[10:20, source.names.index("left_ankle")] = 0.1
    doubtful = Markers(time_s=source.time_s, names=source.names, xyz=source.xyz, confidence=confidence)
    angle = read(doubtful, MuscleGroup.KNEE_FLEXORS, Side.LEFT)
    assert np.isnan(angle[10:20]).all()
    assert np.isfinite(angle).sum() == TIME_S.size - 10


def test_exchanged_legs_are_said_and_not_graded() -> None:
    source = leg(SWEEP_DEG)
    xyz = source.xyz.copy()
    for name in ("ankle", "heel", "foot_index"):
        place = source.names.index(f"left_{name}")
        xyz[5:15, place, 0] = 600.0 - xyz[5:15, place, 0]
    swapped = Markers(time_s=source.time_s, names=source.names, xyz=xyz, confidence=source.confidence)
    found = angle_of_markers(swapped, muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.LEFT)
    assert not found.gradable
    assert any("jump" in warning or "wrong way" in warning for warning in found.warnings)


def test_a_limb_that_points_out_of_the_picture_is_said_and_not_graded() -> None:
    yaw = np.radians(65.0 * np.cos(2.0 * np.pi * TIME_S / 3.0))
    source = leg(SWEEP_DEG)
    xyz = source.xyz.copy()
    xyz[..., 0] = 300.0 + (xyz[..., 0] - 300.0) * np.cos(yaw)[:, None]
    turned = Markers(time_s=source.time_s, names=source.names, xyz=xyz, confidence=source.confidence)
    found = angle_of_markers(turned, muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.LEFT)
    assert not found.gradable
    assert "out of the picture's plane" in " ".join(found.warnings)


def test_a_clean_limb_is_gradable_without_a_word() -> None:
    found = angle_of_markers(leg(SWEEP_DEG), muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.LEFT)
    assert found.gradable
    assert found.warnings == ()


def test_a_missing_landmark_is_named() -> None:
    with pytest.raises(AnalysisError, match="no right_hip; there are: left_hip"):
        angle_of_markers(leg(SWEEP_DEG), muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.RIGHT)


def test_a_limb_that_is_never_seen_is_refused() -> None:
    source = leg(SWEEP_DEG)
    unseen = Markers(time_s=source.time_s, names=source.names, xyz=source.xyz, confidence=0 * source.confidence)
    with pytest.raises(AnalysisError, match="fewer than two frames"):
        angle_of_markers(unseen, muscle_group=MuscleGroup.KNEE_FLEXORS, side=Side.LEFT)


def test_markers_check_themselves() -> None:
    with pytest.raises(DataError, match="twice"):
        Markers(time_s=np.arange(2.0), names=("a", "a"), xyz=np.zeros((2, 2, 3)), confidence=np.ones((2, 2)))
    with pytest.raises(DataError, match="increasing"):
        Markers(time_s=np.zeros(2), names=("a",), xyz=np.zeros((2, 1, 3)), confidence=np.ones((2, 1)))


def test_pixels_are_shown_as_they_are_and_metres_as_a_picture() -> None:
    flat = leg(SWEEP_DEG)
    assert np.array_equal(picture_of_markers(flat).xy_px, flat.xyz[..., :2])
    shown = picture_of_markers(in_space(flat, 40.0, 0.0))
    assert max(shown.width_px, shown.height_px) == pytest.approx(1000, abs=1)
    hip, knee = (shown.xy_px[0, shown.names.index(f"left_{name}")] for name in ("hip", "knee"))
    assert hip[1] < knee[1]  # up stays up
