"""The joint angle while the camera runs: causal, as often as the machine manages, for the eye and not for grading."""

from collections import deque
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from analysis.model import Side
from analysis.muscles import MUSCLES, Joint, MuscleGroup
from capture.anatomy import JOINTS, limb_points, turn_deg
from capture.encode import RgbImage, StampedImage
from capture.joint_centres import joint_centres
from capture.patient import Person, Sighting, choose_patient, group_people, torso
from capture.pose_model import ModelSize, Pose, PoseModel
from capture.upright import View

__all__ = ["LiveAngle", "LiveParams", "LiveReading", "Tracker"]

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]

_TURNS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveParams:
    """How the live angle is found and smoothed; all chosen by us.

    Attributes
    ----------
    memory_s
        Who is the patient is told from so much of the past, s.
    explore_every
        One frame in so many is looked at in another orientation: lying people are found when upright.
    max_people
        People that are looked for.
    lost_s
        A patient who was not seen for so long is lost, and the angle with him, s.
    angle_gain, velocity_gain
        Shares of a surprise that the angle and the velocity take over (alpha-beta filter).
    confidence
        Least confidence of the limb's landmarks.
    tap_trunks
        A tap may miss a person's landmarks, which lie inside the body, by so many lengths of the trunk.
    """

    memory_s: float = 5.0
    explore_every: int = 6
    max_people: int = 2
    lost_s: float = 0.7
    angle_gain: float = 0.7
    velocity_gain: float = 0.3
    confidence: float = 0.3
    tap_trunks: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveReading:
    """What one frame showed.

    Attributes
    ----------
    time_s
        Time of the frame.
    angle_deg
        Joint angle, smoothed causally; NaN while the patient is not seen.
    velocity_deg_s
        Velocity along the stretch, NaN likewise.
    xy_px
        The patient's landmarks in the order of `capture.landmarks.POSE_LANDMARKS`, ``None`` while not seen.
    """

    time_s: float
    angle_deg: float
    velocity_deg_s: float
    xy_px: Points | None


class Tracker:
    """Alpha-beta filter of one angle with uneven steps: causal, and the only state that the numbers have."""

    def __init__(self, params: LiveParams = LiveParams()) -> None:
        self._params = params
        self._time_s = self._angle_deg = self._velocity_deg_s = float("nan")

    def update(self, time_s: float, angle_deg: float) -> tuple[float, float]:
        """Take a sample; return the smoothed angle and its velocity (NaN at the first sample and after a loss)."""
        step_s = time_s - self._time_s
        if not 0 < step_s <= self._params.lost_s:
            self._time_s, self._angle_deg, self._velocity_deg_s = time_s, angle_deg, float("nan")
            return self._angle_deg, self._velocity_deg_s
        velocity = 0.0 if np.isnan(self._velocity_deg_s) else self._velocity_deg_s
        expected = self._angle_deg + velocity * step_s
        surprise = angle_deg - expected
        self._time_s = time_s
        self._angle_deg = expected + self._params.angle_gain * surprise
        self._velocity_deg_s = velocity + self._params.velocity_gain * surprise / step_s
        return self._angle_deg, self._velocity_deg_s


class LiveAngle:
    """Follows the patient's tested joint from frame to frame; a context manager.

    Parameters
    ----------
    muscle_group, side
        What is tested.
    patient_box
        x, y, width, height in pixels of where the patient is, in place of the automatic choice.
    params
        How it is done.

    Raises
    ------
    PoseModelMissingError
        If the installation lacks the model.
    """

    def __init__(
        self,
        muscle_group: MuscleGroup,
        side: Side,
        *,
        patient_box: Box | None = None,
        params: LiveParams = LiveParams(),
    ) -> None:
        self._muscle = MUSCLES[muscle_group]
        self._side = side
        self._box = patient_box
        self._params = params
        self._model = PoseModel(ModelSize.FULL, max_people=params.max_people)
        self._sightings: deque[Sighting] = deque()
        self._seen: tuple[Sighting, ...] = ()
        self._tracker = Tracker(params)
        self._turns = self._explored = self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._model.__exit__(kind, error, trace)

    def observe(self, image: StampedImage) -> LiveReading:
        """Look at one frame; times must grow."""
        turns = self._next_turns()
        new = [Sighting(time_s=image.time_s, pose=pose) for pose in _upright_poses(self._model, image.rgb, turns)]
        self._sightings.extend(new)
        while self._sightings and image.time_s - self._sightings[0].time_s > self._params.memory_s:
            self._sightings.popleft()
        self._seen = tuple(self._sightings)
        patient = self._patient()
        seen = None if patient is None else next((one for one in new if one in patient.sightings), None)
        if seen is None:
            return LiveReading(time_s=image.time_s, angle_deg=float("nan"), velocity_deg_s=float("nan"), xy_px=None)
        self._turns = turns
        return self._reading(image.time_s, seen.pose)

    def choose(self, at_px: tuple[float, float]) -> Box | None:
        """Take for the patient whoever was seen last at a point of the picture; may be called from another thread.

        Returns
        -------
        tuple of float or None
            x, y, width, height around the trunk's middle of that person, as `patient_box` takes it; ``None`` if nobody
            was seen there, and the choice stays what it was.
        """
        near = [(_outside(one.pose.xy_px, at_px), -one.time_s, place) for place, one in enumerate(self._seen)]
        if not near or min(near)[0] > self._params.tap_trunks:
            return None
        self._box = _trunk_box(self._seen[min(near)[2]].pose.xy_px)
        return self._box

    def _next_turns(self) -> int:
        """Return the orientation for the next frame: mostly the one in which the patient was seen last."""
        self._count += 1
        if self._count % self._params.explore_every:
            return self._turns
        self._explored = (self._explored + 1) % _TURNS
        return self._explored

    def _patient(self) -> Person | None:
        people = group_people(list(self._sightings))
        return choose_patient(people, joint=self._muscle.joint, side=self._side, box_px=self._box)

    def _reading(self, time_s: float, pose: Pose) -> LiveReading:
        angle_deg = _angle_deg(pose, self._muscle.joint, self._side, self._params.confidence)
        velocity = float("nan")
        if np.isfinite(angle_deg):
            angle_deg, velocity = self._tracker.update(time_s, angle_deg)
        return LiveReading(
            time_s=time_s,
            angle_deg=angle_deg,
            velocity_deg_s=self._muscle.stretch_sign * velocity,
            xy_px=pose.xy_px,
        )


def _outside(xy_px: Points, at_px: tuple[float, float]) -> float:
    """Distance of a point from the box around a person's landmarks over the trunk's length, 0 inside."""
    low, high = np.percentile(xy_px, [5, 95], axis=0)
    trunk = max(float(np.hypot(*torso(xy_px)[1])), _LEAST_BOX_PX)
    return float(np.hypot(*np.maximum(np.maximum(low - at_px, np.array(at_px) - high), 0.0)) / trunk)


def _trunk_box(xy_px: Points) -> Box:
    """Box around the middle of a trunk, one trunk's length in size: who moves a little stays inside."""
    middle, trunk = torso(xy_px)
    length = max(float(np.hypot(*trunk)), _LEAST_BOX_PX)
    x, y = np.maximum(middle - length / 2.0, 0.0)
    return float(x), float(y), length, length


_LEAST_BOX_PX = 20.0


def _upright_poses(model: PoseModel, rgb: RgbImage, turns: int) -> list[Pose]:
    """Find people in a picture turned by quarter turns, and turn their landmarks back."""
    view = View(x_px=0, y_px=0, width_px=rgb.shape[1], height_px=rgb.shape[0], turns=turns)
    return [replace(pose, xy_px=view.back(pose.xy_px, rgb)) for pose in model.find(view.cut(rgb))]


def _angle_deg(pose: Pose, joint: Joint, side: Side, confidence: float) -> float:
    """Return the angle of one pose, NaN where the limb is not trusted; which way a straight joint bends stays open."""
    limb = limb_points(joint_centres(pose.xy_px[None]), pose.confidence[None], joint=joint, side=side)
    if limb.confidence[0] < confidence:
        return float("nan")
    return float(JOINTS[joint].zero_deg - abs(turn_deg(limb.reference_px, limb.moved_px)[0]))
