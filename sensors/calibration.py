"""Guided calibration of a hinge: a few slow flexions, and if one is known a posture, give axes, direction and zero."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.errors import DataError
from analysis.model import FloatArray, ReferencePose
from sensors.clock import ImuPair, pair_on_one_clock
from sensors.errors import SensorError
from sensors.gravity import cut_blocks
from sensors.hinge import Hinge, along, find_hinge, plane_basis
from sensors.joint_angle import ImuAngleParams, angle_from_imus
from sensors.rest import rest_mask, resting_bias
from sensors.samples import ImuSamples

__all__ = ["HingeCalibration", "calibrate_hinge", "pose_by_gravity"]

Vector = tuple[float, float, float]
_STANDARD = ImuAngleParams()


@dataclass(frozen=True, slots=True, kw_only=True)
class HingeCalibration:
    """What a guided calibration found; plain numbers, so that a recording can carry it.

    Attributes
    ----------
    axis_proximal, axis_distal
        The hinge's axis in both sensors, unit vectors along flexion; zeros where the proximal segment was still, which
        leaves its axis unknown.
    axis_sd_deg
        How far the distal axis may be off: from the scatter between the parts of the calibration.
    axis_sd_first_deg
        The same after the first of these parts alone: what the calibration improved.
    zero_deg
        Direction of gravity in the plane of movement at a joint angle of 0, which gives the zero of any later recording
        with the same strapping; NaN where no posture was known or gravity does not lie in that plane.
    zero_sd_deg
        Its standard deviation, NaN likewise.
    wobble_deg, proximal_deg
        Soft tissue's turn and the proximal segment's in the calibration, as in `sensors.hinge.Hinge`.
    """

    axis_proximal: Vector
    axis_distal: Vector
    axis_sd_deg: float
    axis_sd_first_deg: float
    zero_deg: float
    zero_sd_deg: float
    wobble_deg: float
    proximal_deg: float

    def __post_init__(self) -> None:
        for name, sizes in (("axis_proximal", (0.0, 1.0)), ("axis_distal", (1.0,))):
            size = float(np.linalg.norm(getattr(self, name)))
            if not any(abs(size - allowed) < 1e-6 for allowed in sizes):
                raise DataError(f"expected a unit vector as HingeCalibration.{name}; got {getattr(self, name)}")

    @property
    def hinge(self) -> Hinge:
        """The hinge, its axes along flexion."""
        return Hinge(
            axis1=np.array(self.axis_proximal),
            axis2=np.array(self.axis_distal),
            proximal_deg=self.proximal_deg,
            unknown_deg=0.0,
            warnings=(),
            wobble_deg=self.wobble_deg,
        )

    def to_plain(self) -> dict[str, float | list[float]]:
        """Return it as numbers and lists, as JSON knows them; a zero that is not known is left out."""
        plain: dict[str, float | list[float]] = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, tuple):
                plain[name] = list(value)
            elif np.isfinite(value):
                plain[name] = value
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, float | list[float]]) -> "HingeCalibration":
        """Read it back.

        Raises
        ------
        DataError
            If something is missing or is no number.
        """
        try:
            return cls(
                axis_proximal=_vector(plain["axis_proximal"]),
                axis_distal=_vector(plain["axis_distal"]),
                axis_sd_deg=_number(plain["axis_sd_deg"]),
                axis_sd_first_deg=_number(plain["axis_sd_first_deg"]),
                zero_deg=_number(plain.get("zero_deg", np.nan)),
                zero_sd_deg=_number(plain.get("zero_sd_deg", np.nan)),
                wobble_deg=_number(plain["wobble_deg"]),
                proximal_deg=_number(plain["proximal_deg"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"expected a hinge calibration as it was written; {error} is missing or wrong") from error


def _number(value: float | list[float]) -> float:
    if isinstance(value, list):
        raise TypeError(f"{value} instead of a number")
    return float(value)


def _vector(value: float | list[float]) -> Vector:
    if not isinstance(value, list):
        raise TypeError(f"{value} instead of three numbers")
    first, second, third = (float(part) for part in value)
    return first, second, third


def calibrate_hinge(
    proximal: ImuSamples,
    distal: ImuSamples,
    *,
    pose: ReferencePose | None = None,
    parts: int = 4,
    params: ImuAngleParams = _STANDARD,
) -> HingeCalibration:
    """Find axes, direction and zero of a hinge from a few slow flexions, the first movement being a flexion.

    Parameters
    ----------
    proximal, distal
        The sensors during the calibration, already strapped on as they will stay.
    pose
        A known posture within it: angle and time.
    parts
        The axis is also sought in so many parts of the calibration, one after the other; their scatter is its
        uncertainty.
    params
        Parameters of the steps.

    Raises
    ------
    SensorError
        If there is too little movement, or as `angle_from_imus` does.
    """
    pair = pair_on_one_clock(proximal, distal, params.clock)
    rests = [
        rest_mask(gyr, acc, pair.rate_hz, params.rest)
        for gyr, acc in ((pair.gyr1_rad_s, pair.acc1_m_s2), (pair.gyr2_rad_s, pair.acc2_m_s2))
    ]
    biases = resting_bias(pair.gyr1_rad_s, rests[0]), resting_bias(pair.gyr2_rad_s, rests[1])
    hinge = find_hinge(pair, *biases, params.hinge)
    found = angle_from_imus(proximal, distal, stretch_sign=1, reference_pose=pose, params=params).angle
    angle = np.interp(pair.time_s, found.time_s, np.nan_to_num(found.angle_deg))
    turning = along(pair.gyr2_rad_s - biases[1], hinge.axis2) - along(pair.gyr1_rad_s - biases[0], hinge.axis1)
    sign = 1.0 if float(np.gradient(angle) @ turning) >= 0 else -1.0
    axis1, axis2 = sign * hinge.axis1, sign * hinge.axis2
    scatter = _axis_scatter_deg(pair, biases[1], axis2, parts, params)
    zero = zero_sd = float("nan")
    if pose is not None:
        direction, share, at = _gravity(pair, (axis1, axis2), params)
        zero, zero_sd = _middle_deg(direction - np.interp(at, pair.time_s, angle))
        if np.median(share) < params.correction.gravity.min_in_plane:
            zero = zero_sd = float("nan")
    return HingeCalibration(
        axis_proximal=_vector(axis1.tolist()),
        axis_distal=_vector(axis2.tolist()),
        axis_sd_deg=scatter / float(np.sqrt(parts)),
        axis_sd_first_deg=scatter,
        zero_deg=zero,
        zero_sd_deg=zero_sd,
        wobble_deg=hinge.wobble_deg,
        proximal_deg=hinge.proximal_deg,
    )


def _axis_scatter_deg(pair: ImuPair, bias: FloatArray, axis: FloatArray, parts: int, params: ImuAngleParams) -> float:
    """Root mean square angle between the axis and those of equal shares of the movement."""
    rates = pair.gyr2_rad_s[pair.seen2] - bias
    moving = rates[np.linalg.norm(rates, axis=1) > params.hinge.min_rate_rad_s]
    axes = [np.linalg.eigh(part.T @ part)[1][:, 2] for part in np.array_split(moving, parts)]
    off = [np.arcsin(min(1.0, float(np.linalg.norm(np.cross(axis, other))))) for other in axes]
    return float(np.rad2deg(np.sqrt(np.mean(np.square(off)))))


def pose_by_gravity(
    proximal: ImuSamples, distal: ImuSamples, calibration: HingeCalibration, params: ImuAngleParams = _STANDARD
) -> ReferencePose:
    """Read the joint's angle where a recording is quietest, by gravity and the calibrated zero.

    Parameters
    ----------
    proximal, distal
        A recording with the sensors strapped on as in the calibration.
    calibration
        One with a zero.
    params
        Parameters of the steps.

    Raises
    ------
    SensorError
        If the calibration has no zero.
    """
    if not np.isfinite(calibration.zero_deg):
        raise SensorError("the calibration has no zero: repeat it with a known posture")
    pair = pair_on_one_clock(proximal, distal, params.clock)
    hinge = calibration.hinge
    direction, _, at = _gravity(pair, (hinge.axis1, hinge.axis2), params)
    blocks = cut_blocks(pair.time_s.size, pair.rate_hz, params.correction.block_s)
    restless = blocks.mean(np.linalg.norm(pair.gyr2_rad_s, axis=1) + np.linalg.norm(pair.gyr1_rad_s, axis=1))
    restless = np.convolve(restless, np.ones(3), mode="same")
    restless[[0, -1]] = np.inf
    quietest = int(np.argmin(restless))
    angle, _ = _middle_deg(direction[quietest - 1 : quietest + 2] - calibration.zero_deg)
    return ReferencePose(time_s=float(at[quietest]), angle_deg=angle)


def _gravity(
    pair: ImuPair, axes: tuple[FloatArray, FloatArray], params: ImuAngleParams
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Direction of gravity across the hinge (deg), its share of the whole, and the time (s), per block."""
    blocks = cut_blocks(pair.time_s.size, pair.rate_hz, params.correction.block_s)
    direction, share = np.ones(blocks.first.size, dtype=complex), np.ones(blocks.first.size)
    for acc, axis, proximal in ((pair.acc1_m_s2, axes[0], True), (pair.acc2_m_s2, axes[1], False)):
        if not axis.any():
            continue
        first, second = plane_basis(axis)
        plane = blocks.mean(along(acc, first)) + 1j * blocks.mean(along(acc, second))
        share = np.minimum(share, np.abs(plane) / np.maximum(np.linalg.norm(acc[blocks.first], axis=1), 1e-6))
        direction = direction * (plane if proximal else np.conj(plane))
    return np.rad2deg(np.angle(direction)), share, blocks.mean(pair.time_s)


def _middle_deg(angles_deg: FloatArray) -> tuple[float, float]:
    """Median of angles on the circle and their scatter."""
    turned = np.exp(1j * np.deg2rad(angles_deg))
    middle = complex(np.median(turned.real), np.median(turned.imag))
    off = np.rad2deg(np.angle(turned / middle))
    return float(np.rad2deg(np.angle(middle))), float(1.4826 * np.median(np.abs(off)))
