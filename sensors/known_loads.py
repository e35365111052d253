"""What a unit's sensors do wrong, from movements and loads that are known; none of it touches a device."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import trapezoid

from analysis.errors import DataError
from analysis.model import FloatArray
from sensors.errors import SensorError

__all__ = [
    "AxisCorrection",
    "CalibrationParams",
    "ForceCorrection",
    "HingeCheck",
    "StillPosition",
    "Turn",
    "calibrate_accelerometer",
    "calibrate_force",
    "calibrate_gyroscope",
    "check_hinge",
    "jig_angle_deg",
]

FACES: NDArray[np.float64] = np.vstack([np.eye(3), -np.eye(3)])
"""Directions that the six faces of a box can look: upwards when the box stands on the opposite one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationParams:
    """What a calibration needs; values chosen by us unless said otherwise.

    Attributes
    ----------
    gravity_m_s2
        Acceleration of gravity (m/s²): the standard value; it differs by 0.5 % between equator and pole.
    still_rad_s
        Largest standard deviation of the rate (rad/s) of a unit that lies still.
    still_m_s2
        Largest standard deviation of the acceleration (m/s²) of a unit that lies still.
    face_cos
        A position belongs to a face if gravity points along it with at least this cosine (20 degrees).
    min_turn_rad
        A turn must be at least this long (rad), or its end counts for too much.
    max_scale_error
        A scale or cross-talk that is off by more (share) is a mistake in the procedure, not the sensor.
    min_loads
        Fewest different loads of the force sensor.
    """

    gravity_m_s2: float = 9.80665
    still_rad_s: float = 0.02
    still_m_s2: float = 0.15
    face_cos: float = 0.94
    min_turn_rad: float = np.pi
    max_scale_error: float = 0.2
    min_loads: int = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AxisCorrection:
    """Correction of a three-axis sensor: corrected = matrix · (measured − offset).

    Attributes
    ----------
    offset
        What the sensor shows without a load, in its unit (m/s² or rad/s), shape (3,).
    matrix
        Scale on the diagonal, cross-talk beside it, shape (3, 3).
    residual
        Root mean square of what is left of the known values, in the same unit.
    """

    offset: FloatArray
    matrix: FloatArray
    residual: float

    def apply(self, measured: FloatArray) -> FloatArray:
        """Correct samples, shape (n, 3)."""
        corrected: FloatArray = (np.asarray(measured) - self.offset) @ self.matrix.T
        return corrected

    def numbers(self) -> tuple[float, ...]:
        """Return offset and matrix row by row, as the unit keeps them."""
        return tuple(float(value) for value in (*self.offset, *self.matrix.ravel()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceCorrection:
    """Correction of the force sensor: newtons = scale · (counts − offset).

    Attributes
    ----------
    offset_counts, scale_N
        The line through the loads.
    residual_N
        Root mean square distance of the loads from it.
    nonlinearity
        Largest distance, as a share of the largest load.
    """

    offset_counts: float
    scale_N: float
    residual_N: float
    nonlinearity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HingeCheck:
    """What the joint angle of two units says on a jig of known angles.

    Attributes
    ----------
    offset_deg
        Its constant error: where the units sit on the jig.
    gain
        Measured degrees per true degree.
    residual_deg
        Root mean square of what is left without both.
    largest_deg
        Largest of them.
    """

    offset_deg: float
    gain: float
    residual_deg: float
    largest_deg: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StillPosition:
    """Samples of a unit that lies still, each of shape (n, 3)."""

    acc_m_s2: FloatArray
    gyr_rad_s: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turn:
    """A known turn about one of the sensor's axes.

    Attributes
    ----------
    axis
        0, 1 or 2: x, y or z.
    angle_rad
        How far it turned, positive by the right hand; a full turn is 2 pi.
    time_s, gyr_rad_s
        The samples, from rest to rest, shapes (n,) and (n, 3).
    """

    axis: int
    angle_rad: float
    time_s: FloatArray
    gyr_rad_s: FloatArray


def calibrate_accelerometer(
    positions: Sequence[StillPosition], params: CalibrationParams = CalibrationParams()
) -> AxisCorrection:
    """Find offset, scales and cross-talk from the unit lying on each of its six faces.

    The least-squares solution of ``measured = offset + inverse · known`` over all positions, with the known
    acceleration along the face that looks upwards [1]_. Where more positions than faces are given, each counts.

    Raises
    ------
    SensorError
        If a face is missing, the unit moved, a position is between faces, or the result is not a sensor's.

    References
    ----------
    .. [1] Frosio I, Pedersini F, Borghese NA. Autocalibration of MEMS accelerometers. IEEE Trans Instrum Meas
       2009;58(6):2034-41. doi:10.1109/TIM.2008.2006137 (sensor model, eq. 1; solved here with known directions)
    """
    means = np.array([_still_mean(position.acc_m_s2, params.still_m_s2, "acceleration") for position in positions])
    for position in positions:
        _still_mean(position.gyr_rad_s, params.still_rad_s, "rate")
    faces = _faces_of(means, params)
    known = FACES[faces] * params.gravity_m_s2
    design = np.hstack([np.ones((len(known), 1)), known])
    solution = np.linalg.lstsq(design, means, rcond=None)[0]
    return _correction(solution[0], solution[1:].T, means, known, params)


def calibrate_gyroscope(
    rest: StillPosition, turns: Sequence[Turn], params: CalibrationParams = CalibrationParams()
) -> AxisCorrection:
    """Find offset, scales and cross-talk from a rest and from known turns about all three axes.

    The offset is the mean rate at rest; the integral of what is measured above it over a turn of known angle is one
    column of the inverse matrix.

    Raises
    ------
    SensorError
        If the unit moved at rest, an axis was not turned, a turn is short, or the result is not a sensor's.
    """
    offset = _still_mean(rest.gyr_rad_s, params.still_rad_s, "rate")
    missing = {0, 1, 2} - {turn.axis for turn in turns}
    if missing:
        raise SensorError(f"no turn about {', '.join('xyz'[axis] for axis in sorted(missing))}; turn about each axis")
    if any(abs(turn.angle_rad) < params.min_turn_rad for turn in turns):
        raise SensorError(f"a turn is shorter than {np.degrees(params.min_turn_rad):.0f} deg; make full turns")
    turned = np.array([trapezoid(turn.gyr_rad_s - offset, turn.time_s, axis=0) for turn in turns])
    known = np.array([turn.angle_rad * np.eye(3)[turn.axis] for turn in turns])
    inverse = np.linalg.lstsq(known, turned, rcond=None)[0].T
    return _correction(offset, inverse, turned + offset, known, params)


def calibrate_force(
    counts: FloatArray, loads_N: FloatArray, params: CalibrationParams = CalibrationParams()
) -> ForceCorrection:
    """Fit the line through known loads, zero among them.

    Parameters
    ----------
    counts, loads_N
        Mean reading and load of each step, shape (n,).

    Raises
    ------
    SensorError
        If there are too few different loads, or the reading does not follow them.
    """
    counts, loads_N = np.asarray(counts, dtype=np.float64), np.asarray(loads_N, dtype=np.float64)
    if np.unique(loads_N).size < params.min_loads:
        raise SensorError(
            f"expected at least {params.min_loads} different loads, no load among them; got {loads_N.size}"
        )
    slope, offset = np.polyfit(loads_N, counts, 1)
    span = float(np.ptp(counts))
    if span == 0 or abs(slope) * np.ptp(loads_N) < (1.0 - params.max_scale_error) * span:
        raise SensorError("the reading does not follow the loads; check the sensor's cable and the weights")
    scale = 1.0 / float(slope)
    left = (counts - offset) * scale - loads_N
    return ForceCorrection(
        offset_counts=float(offset),
        scale_N=scale,
        residual_N=float(np.sqrt(np.mean(left**2))),
        nonlinearity=float(np.abs(left).max() / np.abs(loads_N).max()),
    )


def jig_angle_deg(first: StillPosition, here: StillPosition, params: CalibrationParams = CalibrationParams()) -> float:
    """Return how far the moving node turned (deg, 0 to 180) since the jig's first stop, by gravity alone.

    The jig stands with its axle level and its other arm at rest: gravity turns in the moving node as the joint does.

    Raises
    ------
    SensorError
        If the node moved at a stop.
    """
    ups = [_still_mean(position.acc_m_s2, params.still_m_s2, "acceleration") for position in (first, here)]
    cosine = float(np.dot(*ups) / np.prod([np.linalg.norm(up) for up in ups]))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


def check_hinge(measured_deg: FloatArray, true_deg: FloatArray) -> HingeCheck:
    """Compare the measured joint angle with the jig's: constant error, gain, and what is left.

    Raises
    ------
    DataError
        If fewer than three different angles are given.
    """
    measured, true = np.asarray(measured_deg, dtype=np.float64), np.asarray(true_deg, dtype=np.float64)
    if np.unique(true).size < 3 or measured.shape != true.shape:
        raise DataError(f"expected at least 3 different angles of the jig, measured once each; got {true.tolist()}")
    gain, offset = np.polyfit(true, measured, 1)
    left = measured - (gain * true + offset)
    return HingeCheck(
        offset_deg=float(offset),
        gain=float(gain),
        residual_deg=float(np.sqrt(np.mean(left**2))),
        largest_deg=float(np.abs(left).max()),
    )


def _still_mean(samples: FloatArray, limit: float, what: str) -> FloatArray:
    spread = float(np.std(samples, axis=0).max())
    if spread > limit:
        raise SensorError(
            f"the unit moved: its {what} varied by {spread:.3g}, {limit:g} is allowed; repeat this position"
        )
    mean: FloatArray = np.mean(samples, axis=0)
    return mean


def _faces_of(means: FloatArray, params: CalibrationParams) -> NDArray[np.intp]:
    """Tell which face looks upwards in each position; all six must."""
    cosines = (means / np.linalg.norm(means, axis=1, keepdims=True)) @ FACES.T
    faces: NDArray[np.intp] = np.argmax(cosines, axis=1)
    slanted = np.flatnonzero(cosines.max(axis=1) < params.face_cos)
    if slanted.size:
        raise SensorError(f"position {slanted[0] + 1} is between two faces; lay the unit flat and repeat it")
    missing = set(range(len(FACES))) - set(faces.tolist())
    if missing:
        names = ", ".join(("+x", "+y", "+z", "-x", "-y", "-z")[face] for face in sorted(missing))
        raise SensorError(f"no position with {names} upwards; lay the unit on all six faces")
    return faces


def _correction(
    offset: FloatArray, inverse: FloatArray, measured: FloatArray, known: FloatArray, params: CalibrationParams
) -> AxisCorrection:
    if np.abs(inverse - np.eye(3)).max() > params.max_scale_error:
        worst = float(np.abs(inverse - np.eye(3)).max())
        raise SensorError(
            f"scale or cross-talk would be off by {worst:.0%}, which no sound sensor is; check axes and order of steps"
        )
    matrix: FloatArray = np.linalg.inv(inverse).astype(np.float64)
    left = (measured - offset) @ matrix.T - known
    return AxisCorrection(offset=offset, matrix=matrix, residual=float(np.sqrt(np.mean(left**2))))
