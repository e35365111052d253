"""What virtual inertial units record of a movement, with their faults; all vectors as rows of x, y and z over time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from analysis.errors import DataError
from analysis.limb import GRAVITY_M_S2
from analysis.model import FloatArray, readonly
from analysis.simulate.curves import Axes, Curve, slow_curve
from analysis.simulate.sensing import SensorModel, draw_clock, draw_normal, read_between

__all__ = ["Kinematics", "VirtualImu", "draw_swing", "observe_imu"]

Vectors = NDArray[np.float64]
"""Vectors over time, shape (n, 3)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VirtualImu:
    """Samples of one inertial unit in its own axes; lost samples are missing rows.

    Attributes
    ----------
    time_s
        Strictly increasing times, shape (n,).
    acc_m_s2
        Specific force, shape (n, 3).
    gyr_rad_s
        Angular rate, shape (n, 3).
    """

    time_s: FloatArray
    acc_m_s2: Vectors
    gyr_rad_s: Vectors

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_s", readonly(self.time_s, "VirtualImu.time_s"))
        for name in ("acc_m_s2", "gyr_rad_s"):
            values = np.array(getattr(self, name), dtype=np.float64, order="C")
            if values.shape != (self.time_s.size, 3):
                raise DataError(f"expected VirtualImu.{name} of shape ({self.time_s.size}, 3); got {values.shape}")
            values.setflags(write=False)
            object.__setattr__(self, name, values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinematics:
    """Movement of a limb through an exam, evenly sampled.

    Attributes
    ----------
    rate_hz
        Sampling rate, the first sample at time 0.
    tilt_rad
        Rotation of the moved segment from hanging down within the plane of movement, along the stretch, the proximal
        segment's movement not included.
    velocity_rad_s, acceleration_rad_s2
        Joint's movement along the stretch.
    sway
        Rotation of the proximal segment along the stretch (rad) as a function of time.
    plane_tilt_rad
        Angle of the plane of movement to the vertical.
    segment_length_m
        Length of the moved segment.
    handed
        +1 or -1: on which side the joint's axis points.
    """

    rate_hz: float
    tilt_rad: FloatArray
    velocity_rad_s: FloatArray
    acceleration_rad_s2: FloatArray
    sway: Curve
    plane_tilt_rad: float
    segment_length_m: float
    handed: int

    @property
    def end_s(self) -> float:
        """Time of the last sample."""
        return (self.tilt_rad.size - 1) / self.rate_hz

    def between(self, at_s: FloatArray, *series: FloatArray) -> tuple[FloatArray, ...]:
        """Read series that are sampled as this movement is at times in between."""
        return read_between(at_s, self.rate_hz, *series)

    def read(self, at_s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Read tilt, velocity and acceleration at other times."""
        tilt, velocity, acceleration = self.between(at_s, self.tilt_rad, self.velocity_rad_s, self.acceleration_rad_s2)
        return tilt, velocity, acceleration


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Turn:
    """A small rotation vector over time with its first two derivatives, each of shape (3, n)."""

    angle: Axes
    rate: Axes
    rate_of_rate: Axes


def observe_imu(
    motion: Kinematics, segment: str, *, sensors: SensorModel, rng: np.random.Generator, swing: Curve
) -> VirtualImu:
    """Record a movement with an inertial unit on the ``"proximal"`` or ``"distal"`` segment.

    The limb's frame has x along gravity's part in the plane of movement and z along the joint's axis, about which a
    stretch turns from x to y. `swing` is the whole limb's rotation, which both units of an exam share.
    """
    clock = draw_clock(motion.end_s, sensors.imu_rate_hz, sensors, rng)
    turn = _turn(swing, motion.sway, clock.true_s)
    moved = motion.read(clock.true_s) if segment == "distal" else None
    force, rate = _segment_signals(motion, moved, sensors, turn)
    angle, turning = _skin(motion.end_s, clock.true_s, sensors, None if moved is None else moved[2], rng)
    force -= _cross(angle, force)
    turning += rate
    turning -= _cross(angle, rate)
    mounting = _mounting(sensors, rng).T
    acc, gyr = draw_normal(rng, (6, clock.true_s.size)).reshape(2, 3, -1)
    acc *= sensors.acc_noise_m_s2
    gyr *= sensors.gyr_noise_rad_s
    acc += mounting @ force
    gyr += mounting @ turning
    acc += rng.normal(0.0, sensors.acc_bias_m_s2, (3, 1))
    gyr += rng.normal(0.0, sensors.gyr_bias_rad_s, (3, 1))
    return VirtualImu(time_s=clock.told_s, acc_m_s2=acc.T, gyr_rad_s=gyr.T)


def _mounting(sensors: SensorModel, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the rotation from the sensor's axes to its segment's."""
    quaternion = rng.standard_normal(4)
    quaternion /= np.sqrt(quaternion @ quaternion)
    if sensors.mounting_deg < 180.0:
        rotvec = Rotation.from_quat(quaternion).as_rotvec() * (sensors.mounting_deg / 180.0)
        quaternion = Rotation.from_rotvec(rotvec).as_quat()
    x, y, z, w = quaternion.tolist()
    return np.array(
        [
            [1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - z * w), 2.0 * (x * z + y * w)],
            [2.0 * (x * y + z * w), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - x * w)],
            [2.0 * (x * z - y * w), 2.0 * (y * z + x * w), 1.0 - 2.0 * (x * x + y * y)],
        ]
    )


def draw_swing(end_s: float, sensors: SensorModel, rng: np.random.Generator) -> Curve:
    """Draw the rotation vector (rad) of the whole limb over an exam; its part about the joint's axis is not used."""
    return slow_curve(end_s, np.radians(sensors.proximal_swing_deg), rng, knot_s=sensors.slow_turn_knot_s, axes=3)


def _turn(swing: Curve, sway: Curve, at_s: FloatArray) -> _Turn:
    """Read the rotation of the whole limb; about the joint's axis it is the proximal segment's sway."""
    turns = swing.derivatives(at_s, 2)
    for turn, about_axis in zip(turns, sway.derivatives(at_s, 2), strict=True):
        turn[2] = about_axis[0]
    return _Turn(angle=turns[0], rate=turns[1], rate_of_rate=turns[2])


def _skin(
    end_s: float,
    at_s: FloatArray,
    sensors: SensorModel,
    acceleration_rad_s2: FloatArray | None,
    rng: np.random.Generator,
) -> tuple[Axes, Axes]:
    """Draw the skin's rotation against the bone and its rate; on the moved segment it lags behind the acceleration."""
    curve = slow_curve(end_s, np.radians(sensors.soft_tissue_deg), rng, knot_s=sensors.slow_turn_knot_s, axes=3)
    angle, rate = curve.derivatives(at_s, 1)
    if acceleration_rad_s2 is not None and sensors.soft_tissue_per_rad_s2 > 0:
        lag = -sensors.soft_tissue_per_rad_s2 * acceleration_rad_s2
        angle[2] += lag
        rate[2] += np.gradient(lag, at_s)
    return angle, rate


def _segment_signals(
    motion: Kinematics,
    moved: tuple[FloatArray, FloatArray, FloatArray] | None,
    sensors: SensorModel,
    swing: _Turn,
) -> tuple[Axes, Axes]:
    """Work out specific force and angular rate in the segment's own frame; `moved` is ``None`` for the proximal one."""
    down = np.array([np.cos(motion.plane_tilt_rad), 0.0, motion.handed * np.sin(motion.plane_tilt_rad)])
    force = _turned_back(-GRAVITY_M_S2 * down, swing.angle)
    rate = swing.rate - 0.5 * _cross(swing.angle, swing.rate)
    spin_rate = swing.rate_of_rate
    along_m = -sensors.lever_fraction * motion.segment_length_m
    if moved is not None:
        tilt_rad, velocity, acceleration = moved
        cos, sin = np.cos(tilt_rad), np.sin(tilt_rad)
        force, rate, spin_rate = (_about_axis(vectors, cos, -sin) for vectors in (force, rate, spin_rate))
        rate[2] += velocity
        spin_rate[2] += acceleration
        along_m = -along_m
    force += _carried(spin_rate, rate, along_m, sensors.offset_m)
    return force, rate


def _carried(spin_rate: Axes, rate: Axes, along_m: float, offset_m: float) -> Axes:
    """Acceleration of a point (along, offset, 0) of a turning body: ``spin_rate x seat + rate x (rate x seat)``."""
    square = rate * rate
    outwards = along_m * rate[0] + offset_m * rate[1]
    carried: Axes = rate * outwards
    carried[0] -= along_m * (square[0] + square[1] + square[2]) + offset_m * spin_rate[2]
    carried[1] -= offset_m * (square[0] + square[1] + square[2]) - along_m * spin_rate[2]
    carried[2] += offset_m * spin_rate[0] - along_m * spin_rate[1]
    return carried


def _turned_back(vector: NDArray[np.float64], angle: Axes) -> Axes:
    """Turn one vector against rotation vectors (Rodrigues' formula)."""
    x, y, z = angle
    size = np.maximum(np.sqrt(x * x + y * y + z * z), 1e-12)
    half = 0.5 * size
    sin, cos = np.sin(half), np.cos(half)
    share = sin / size
    a, b, c = vector
    turned: Axes = np.array([[0.0, -c, b], [c, 0.0, -a], [-b, a, 0.0]]) @ angle  # vector x angle
    turned *= 2.0 * cos * share
    turned += vector[:, np.newaxis] * (1.0 - 2.0 * sin * sin)
    turned += (2.0 * share * share * (vector @ angle)) * angle
    return turned


def _about_axis(vectors: Axes, cos: FloatArray, sin: FloatArray) -> Axes:
    """Turn vectors about the joint's axis (z)."""
    x, y, z = vectors
    turned: Axes = np.empty_like(vectors)
    np.multiply(cos, x, out=turned[0])
    turned[0] -= sin * y
    np.multiply(sin, x, out=turned[1])
    turned[1] += cos * y
    turned[2] = z
    return turned


def _cross(left: Axes, right: Axes) -> Axes:
    """Vector product along the first axis."""
    found: Axes = np.empty_like(left)
    for k, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        np.multiply(left[i], right[j], out=found[k])
        found[k] -= left[j] * right[i]
    return found
