"""The live angle: a planted patient beside an examiner, and the causal filter."""

import numpy as np
import pytest

import capture.live_angle as live_module
from analysis.model import Side
from analysis.muscles import MuscleGroup
from capture.encode import StampedImage
from capture.landmarks import POSE_LANDMARKS
from capture.live_angle import LiveAngle, LiveParams, LiveReading, Tracker
from capture.pose_model import Pose

RGB = np.zeros((480, 640, 3), np.uint8)
RATE_HZ = 15.0
TIME_S = np.arange(90) / RATE_HZ
FLEXION_DEG = 75.0 + 45.0 * np.cos(2.0 * np.pi * TIME_S / 4.0)


def body(middle_px: tuple[float, float], flexion_deg: float, *, sitting: bool) -> Pose:
    """Draw a person from the side whose left elbow bends."""
    x, y = middle_px
    bent = np.radians(flexion_deg)
    points = {"shoulder": (0, -60), "hip": (0, 60), "elbow": (0, 0), "wrist": (60 * np.sin(bent), 60 * np.cos(bent))}
    points |= {"knee": (90, 60), "ankle": (90, 150)} if sitting else {"knee": (0, 150), "ankle": (0, 240)}
    xy_px = np.full((33, 2), (x, y - 100.0))
    for name, (right, down) in points.items():
        for side in ("left", "right"):
            xy_px[POSE_LANDMARKS.index(f"{side}_{name}")] = (x + right, y + down)
    xy_px[POSE_LANDMARKS.index("right_wrist")] = (x, y + 60)
    return Pose(xy_px=xy_px, confidence=np.full(33, 0.9), world_m=np.zeros((33, 3)))


class Scripted:
    """Stands in for the pose model: upright pictures show patient and examiner, in changing order."""

    def __init__(self, *_arguments: object, **_options: object) -> None:
        self.frame = -1

    def __exit__(self, *_what: object) -> None:
        pass

    def find(self, image: np.ndarray) -> list[Pose]:
        self.frame += 1
        if image.shape[0] > image.shape[1]:
            return []
        people = [
            body((400, 200), FLEXION_DEG[self.frame], sitting=True),
            body((150, 150), 20.0, sitting=False),
        ]
        return people[:: 1 if self.frame % 3 else -1]


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[LiveReading]:
    monkeypatch.setattr(live_module, "PoseModel", Scripted)
    params = LiveParams(explore_every=7)
    with LiveAngle(MuscleGroup.ELBOW_FLEXORS, Side.LEFT, params=params) as live:
        return [live.observe(StampedImage(time_s=time_s, rgb=RGB)) for time_s in TIME_S]


def test_the_patient_is_read_and_not_the_examiner(readings: list[LiveReading]) -> None:
    settled = [(reading, flexion) for reading, flexion in zip(readings, FLEXION_DEG, strict=True)][30:]
    seen = [(reading.angle_deg, flexion) for reading, flexion in settled if np.isfinite(reading.angle_deg)]
    assert len(seen) > 0.8 * len(settled)
    assert max(abs(angle - flexion) for angle, flexion in seen) < 4.0


def test_velocity_is_positive_along_the_stretch(readings: list[LiveReading]) -> None:
    slope = -np.gradient(FLEXION_DEG, TIME_S)  # extension stretches the flexors
    velocities = np.array([reading.velocity_deg_s for reading in readings])
    fast = np.isfinite(velocities) & (np.abs(slope) > 50.0) & (TIME_S > 2.5)
    assert fast.sum() > 15
    assert (np.sign(velocities[fast]) == np.sign(slope[fast])).all()


def test_a_frame_without_the_patient_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "PoseModel", Scripted)
    monkeypatch.setattr(Scripted, "find", lambda *_arguments: [])
    with LiveAngle(MuscleGroup.ELBOW_FLEXORS, Side.LEFT) as live:
        reading = live.observe(StampedImage(time_s=0.0, rgb=RGB))
    assert np.isnan(reading.angle_deg)
    assert reading.xy_px is None


def test_the_filter_follows_a_ramp_without_lag() -> None:
    tracker = Tracker()
    for time_s in np.cumsum(np.random.default_rng(1).uniform(0.02, 0.06, 200)):
        angle, velocity = tracker.update(time_s, 10.0 + 80.0 * time_s)
    assert angle == pytest.approx(10.0 + 80.0 * time_s, abs=0.05)
    assert velocity == pytest.approx(80.0, abs=0.5)


def test_the_filter_starts_anew_after_a_loss() -> None:
    tracker = Tracker()
    for time_s in np.arange(20) / 20:
        tracker.update(time_s, 100.0 * time_s)
    angle, velocity = tracker.update(5.0, 20.0)
    assert angle == 20.0
    assert np.isnan(velocity)


def test_a_tap_chooses_the_patient_and_a_tap_beside_chooses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people side by side: whoever is tapped on is the patient, whatever their arms do."""

    def person(x_px: float) -> Pose:
        rng = np.random.default_rng(round(x_px))
        xy = np.column_stack([x_px + rng.uniform(-20, 20, 33), rng.uniform(50, 200, 33)])
        for name, y_px in (("shoulder", 80.0), ("hip", 140.0)):
            for side, across in (("left", -5.0), ("right", 5.0)):
                xy[POSE_LANDMARKS.index(f"{side}_{name}")] = [x_px + across, y_px]
        return Pose(xy_px=xy, confidence=np.ones(33), world_m=np.zeros((33, 3)))

    left, right = person(100.0), person(300.0)
    monkeypatch.setattr("capture.live_angle._upright_poses", lambda *_: [left, right])
    with LiveAngle(MuscleGroup.ELBOW_FLEXORS, Side.LEFT) as live:
        blank = np.zeros((240, 400, 3), dtype=np.uint8)
        live.observe(StampedImage(time_s=0.0, rgb=blank))
        for at_px, wanted in (((305.0, 120.0), right), ((95.0, 120.0), left)):
            assert live.choose(at_px) is not None
            seen = live.observe(StampedImage(time_s=at_px[0], rgb=blank)).xy_px
            assert seen is not None
            np.testing.assert_array_equal(seen, wanted.xy_px)
        assert live.choose((200.0, 20.0)) is None
