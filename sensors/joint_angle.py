"""Two six-axis sensors of unknown mounting to the flexion angle of the joint between them."""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.model import FloatArray, JointAngle, ReferencePose, SegmentTilt, Source, Zero
from sensors.clock import ClockParams, ImuPair, pair_on_one_clock
from sensors.correction import Corrected, CorrectionParams, without_drift
from sensors.errors import SensorError
from sensors.gravity import Turning
from sensors.hinge import Hinge, HingeParams, along, find_hinge
from sensors.rest import RestParams, rest_mask, resting_bias
from sensors.samples import ImuSamples
from sensors.soft_tissue import SoftTissueParams, TissueLag, find_tissue_lag, without_tissue_lag

__all__ = ["ImuAngle", "ImuAngleParams", "angle_from_imus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImuAngleParams:
    """Parameters of the angle from two inertial sensors; values are chosen by us.

    Attributes
    ----------
    max_gap_s
        Lost packets up to this long (s) are bridged; the angle in longer gaps is missing.
    clock, rest, hinge, correction, tissue
        Parameters of the steps; `max_gap_s` replaces the clock's.
    large_movement_share
        The first movement over this share of the whole range is a stretch and fixes the sign.
    range_percentiles
        The whole range lies between these percentiles.
    ripple_hz
        Content of the angle above this frequency (Hz) counts as error: soft tissue, shaking and aliasing.
    ripple_window_s
        Time (s) over which its scatter is taken.
    pose_pause_s, pose_pause_deg, least_pause_s
        If the angle stays within the second (deg) of a reference pose for the third (s) at least, the pose is that of
        the whole pause, up to the first (s) before and after it, as far as what changes in it is the skin's.
    unsteady_deg
        How far (deg, standard deviation) a resting limb truly moves in such a pause.
    timing_share
        Standard deviation of a sample's instant as a share of the sampling interval: unknown within it.
    """

    max_gap_s: float = 0.05
    clock: ClockParams = field(default_factory=ClockParams)
    rest: RestParams = field(default_factory=RestParams)
    hinge: HingeParams = field(default_factory=HingeParams)
    correction: CorrectionParams = field(default_factory=CorrectionParams)
    tissue: SoftTissueParams = field(default_factory=SoftTissueParams)
    large_movement_share: float = 0.35
    range_percentiles: tuple[float, float] = (0.5, 99.5)
    ripple_hz: float = 6.0
    timing_share: float = 0.12
    pose_pause_s: float = 2.0
    pose_pause_deg: float = 1.2
    least_pause_s: float = 0.5
    unsteady_deg: float = 0.5
    ripple_window_s: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImuAngle:
    """Joint angle from two inertial sensors.

    Attributes
    ----------
    angle
        Flexion angle with its standard deviation, on one even clock.
    tilt
        Rotation of the distal segment about the hinge against gravity.
    tissue_lag
        Lag of the soft tissue under the distal sensor, taken out of both.
    warnings
        What is doubtful, in words for the person who reads the finding.
    """

    angle: JointAngle
    tilt: SegmentTilt
    tissue_lag: TissueLag
    warnings: tuple[str, ...]


def angle_from_imus(
    proximal: ImuSamples,
    distal: ImuSamples,
    *,
    stretch_sign: int,
    reference_pose: ReferencePose | None = None,
    hinge: Hinge | None = None,
    params: ImuAngleParams = ImuAngleParams(),
) -> ImuAngle:
    """Find the hinge axis of a joint from its movement and integrate the flexion angle about it without drift.

    Both streams are put on one clock; the axis follows from the movement; the rates about it are integrated; the drift
    of the integral is smoothed, forward and backward, from gravity in the plane of movement and from rests. Where the
    axis is vertical, gravity shows nothing and the same end positions of a repeated movement take its place, as long as
    the data do not contradict them. The angle carries no delay.

    Parameters
    ----------
    proximal, distal
        Sensors on the two segments, strapped on in any way.
    stretch_sign
        +1 if the angle grows during a stretch of the tested muscles, -1 if it falls. The first large movement is taken
        as a stretch.
    reference_pose
        True angle at one moment; without it the angle starts at 0 and is relative.
    hinge
        A calibrated one (`sensors.calibration`) whose axes point along flexion: it fixes the sign, too.
    params
        Parameters of all steps.

    Raises
    ------
    SensorError
        If the streams share no time, miss too much, are clipped, hold too little movement, or the reference pose lies
        where nothing was measured.
    ValueError
        If `stretch_sign` is neither +1 nor -1.
    """
    if stretch_sign not in (-1, 1):
        raise ValueError(f"expected stretch_sign +1 or -1; got {stretch_sign}")
    pair = pair_on_one_clock(proximal, distal, replace(params.clock, max_gap_s=params.max_gap_s))
    rest1 = rest_mask(pair.gyr1_rad_s, pair.acc1_m_s2, pair.rate_hz, params.rest) & pair.seen1
    rest2 = rest_mask(pair.gyr2_rad_s, pair.acc2_m_s2, pair.rate_hz, params.rest) & pair.seen2
    bias1, bias2 = resting_bias(pair.gyr1_rad_s, rest1), resting_bias(pair.gyr2_rad_s, rest2)
    calibrated = hinge is not None
    hinge = _with_calibration(find_hinge(pair, bias1, bias2, params.hinge), hinge)
    turning = _integrate(pair, hinge, bias1, bias2)
    resting = rest2 & rest1 if hinge.proximal_moves else rest2
    seen = pair.seen2 & pair.seen1 if hinge.proximal_moves else pair.seen2
    assumed = _refuse_or_assume_still(pair, hinge, seen, params)
    joint = without_drift(pair, hinge, turning, (resting, seen), params.correction)
    lag = find_tissue_lag(pair, hinge, turning.distal_rad, params.tissue)
    distal_deg = np.rad2deg(turning.distal_rad)
    thrown_deg = distal_deg - without_tissue_lag(distal_deg, lag.lag_s2, pair.rate_hz)
    joint = replace(joint, angle_deg=joint.angle_deg - thrown_deg)
    sign = 1 if calibrated else stretch_sign * _first_large_movement(joint.angle_deg[seen], params)
    angle_deg, sd_deg, zero = _zeroed(pair, joint, (sign, seen), hinge, (reference_pose, params))
    angle = JointAngle(
        time_s=pair.time_s,
        angle_deg=np.where(seen, angle_deg, np.nan),
        sd_deg=np.where(seen, sd_deg, np.nan),
        source=Source.IMU,
        zero=zero,
        bandwidth_hz=pair.bandwidth_hz,
    )
    tilt = joint
    if hinge.proximal_moves:
        alone = Hinge(axis1=np.zeros(3), axis2=hinge.axis2, proximal_deg=0.0, unknown_deg=0.0, warnings=())
        distal_only = Turning(
            proximal_rad=np.zeros_like(turning.distal_rad), distal_rad=turning.distal_rad, rate_rad_s=turning.rate_rad_s
        )
        tilt = without_drift(pair, alone, distal_only, (rest2, pair.seen2), params.correction)
        tilt = replace(tilt, angle_deg=tilt.angle_deg - thrown_deg)
    return ImuAngle(
        angle=angle,
        tilt=SegmentTilt(time_s=pair.time_s, tilt_deg=sign * tilt.angle_deg, in_plane=joint.in_plane),
        tissue_lag=lag,
        warnings=pair.warnings + assumed + hinge.warnings + joint.warnings,
    )


def _with_calibration(found: Hinge, calibrated: Hinge | None) -> Hinge:
    """Put calibrated axes in place of those found; a proximal axis that either does not know stays with the other."""
    if calibrated is None:
        return found
    if found.proximal_moves and not calibrated.proximal_moves:
        sign = 1.0 if float(found.axis2 @ calibrated.axis2) >= 0 else -1.0
        return replace(found, axis1=sign * found.axis1, axis2=sign * found.axis2)
    return replace(
        found,
        axis1=calibrated.axis1 if found.proximal_moves else found.axis1,
        axis2=calibrated.axis2,
        unknown_deg=0.0 if found.proximal_moves else found.unknown_deg,
        warnings=(),
    )


def _refuse_or_assume_still(
    pair: ImuPair, hinge: Hinge, seen: NDArray[np.bool_], params: ImuAngleParams
) -> tuple[str, ...]:
    """Say that an unseen proximal segment is taken to be still, or refuse if it had moved.

    Raises
    ------
    SensorError
        If the proximal segment moved and too much of either signal is missing.
    """
    missing = 1.0 - float(np.mean(seen))
    if missing > params.clock.max_missing:
        raise SensorError(
            f"{missing:.0%} of the signal of one of the sensors is missing while both segments moved; move the "
            "receiver closer and record again"
        )
    measured_s = float(np.sum(pair.seen1)) / pair.rate_hz
    if hinge.proximal_moves or np.mean(pair.seen1) >= 1.0 - params.clock.max_missing:
        return ()
    return (f"the proximal sensor measured for {measured_s:.0f} s only, at rest; the segment is taken to be still",)


def _integrate(pair: ImuPair, hinge: Hinge, bias1: FloatArray, bias2: FloatArray) -> Turning:
    """Integrate both rates about the axis by the trapezoid rule."""
    rates = [
        along(gyr, axis) - float(bias @ axis)
        for gyr, axis, bias in ((pair.gyr1_rad_s, hinge.axis1, bias1), (pair.gyr2_rad_s, hinge.axis2, bias2))
    ]
    turned = []
    for rate in rates:
        total = np.empty_like(rate)
        total[0] = 0.0
        np.cumsum((rate[1:] + rate[:-1]) * (0.5 / pair.rate_hz), out=total[1:])
        turned.append(total)
    return Turning(proximal_rad=turned[0], distal_rad=turned[1], rate_rad_s=rates[1])


def _first_large_movement(angle_deg: FloatArray, params: ImuAngleParams) -> int:
    """Direction of the first movement that covers a large share of the range."""
    low, high = np.percentile(angle_deg, params.range_percentiles)
    least = params.large_movement_share * (high - low)
    up = angle_deg - np.minimum.accumulate(angle_deg) >= least
    down = np.maximum.accumulate(angle_deg) - angle_deg >= least
    return 1 if int(np.argmax(up)) < int(np.argmax(down)) or not down.any() else -1


def _zeroed(
    pair: ImuPair,
    joint: Corrected,
    signed: tuple[int, NDArray[np.bool_]],
    hinge: Hinge,
    zeroing: tuple[ReferencePose | None, ImuAngleParams],
) -> tuple[FloatArray, FloatArray, Zero]:
    """Give the angle its sign, its zero and its standard deviation."""
    (sign, seen), (pose, params) = signed, zeroing
    angle = sign * joint.angle_deg
    variance = (
        joint.variance_deg2 + _ripple_var(angle, pair.rate_hz, params) + hinge.unknown_deg**2 + hinge.wobble_deg**2
    )
    variance += (params.timing_share * _smooth_step(angle, pair.rate_hz, params)) ** 2
    if pose is None:
        return angle - angle[int(np.argmax(seen))], np.sqrt(variance), Zero.RELATIVE
    at = int(np.argmin(np.where(seen, np.abs(pair.time_s - pose.time_s), np.inf)))
    if abs(pair.time_s[at] - pose.time_s) > max(params.max_gap_s, 1.0 / pair.rate_hz):
        raise SensorError(
            f"the reference pose at {pose.time_s:g} s lies where the sensors measured nothing; "
            f"give one between {pair.time_s[0]:.2f} and {pair.time_s[-1]:.2f} s"
        )
    pause = _pause_around(angle, seen, at, pair.rate_hz, params)
    here = float(np.interp(pose.time_s, pair.time_s, angle))
    if np.any(pause):
        skin = hinge.wobble_deg**2 / (hinge.wobble_deg**2 + params.unsteady_deg**2)
        here += skin * (float(np.mean(angle[pause])) - here)
    offset_var = joint.variance_deg2[at] + hinge.wobble_deg**2
    return angle + pose.angle_deg - here, np.sqrt(variance + offset_var), Zero.REFERENCE_POSE


def _pause_around(
    angle_deg: FloatArray, seen: NDArray[np.bool_], at: int, rate_hz: float, params: ImuAngleParams
) -> NDArray[np.bool_]:
    """Tell where the joint rests around the reference pose: the skin's movement averages out over the pause.

    Only samples within a degree or so of the pose's own, with none further off in between, belong to it.
    """
    reach = round(params.pose_pause_s * rate_hz)
    around = slice(max(0, at - reach), at + reach + 1)
    near = seen[around] & (np.abs(angle_deg[around] - angle_deg[at]) <= params.pose_pause_deg)
    label, _ = ndimage.label(near)
    pause = np.zeros(angle_deg.size, dtype=bool)
    here = label[at - around.start]
    inside = (label == here) if here else np.zeros(label.size, dtype=bool)
    pause[around] = inside if inside.sum() >= params.least_pause_s * rate_hz else False
    return pause


def _smooth_step(angle_deg: FloatArray, rate_hz: float, params: ImuAngleParams) -> FloatArray:
    """Change of the angle over one sampling interval, ripple aside."""
    size = _ripple_window(rate_hz, params)
    result: FloatArray = ndimage.uniform_filter1d(np.gradient(angle_deg), size)
    return result


def _ripple_window(rate_hz: float, params: ImuAngleParams) -> int:
    """Count samples of a running mean that loses 3 dB at the ripple's frequency; odd, so that it does not delay."""
    return 2 * round(rate_hz * 0.22 / params.ripple_hz) + 1


def _ripple_var(angle_deg: FloatArray, rate_hz: float, params: ImuAngleParams) -> FloatArray:
    """Local variance of content too fast for a limb's angle: soft tissue, shaking, aliasing."""
    size = _ripple_window(rate_hz, params)
    ripple = angle_deg - ndimage.uniform_filter1d(angle_deg, size)
    variance: FloatArray = ndimage.uniform_filter1d(ripple**2, max(1, round(rate_hz * params.ripple_window_s)))
    return np.maximum(variance, 0.0)
