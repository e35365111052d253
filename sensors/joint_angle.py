"""Two six-axis sensors of unknown mounting to the flexion angle of the joint between them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.model import FloatArray, JointAngle, ReferencePose, SegmentTilt, Source, Zero
from sensors.clock import ClockParams, ImuPair, pair_on_one_clock
from sensors.drift import DriftNoise, DriftPath, estimate_noise, find_steps, smooth_drift
from sensors.ends import EndLooks, EndParams, look_by_ends
from sensors.errors import SensorError
from sensors.gravity import Blocks, GravityLooks, GravityParams, Turning, cut_blocks, look_by_gravity
from sensors.hinge import Hinge, HingeParams, find_hinge
from sensors.rest import RestParams, rest_mask, resting_bias
from sensors.samples import ImuSamples

__all__ = ["DriftParams", "ImuAngle", "ImuAngleParams", "angle_from_imus"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftParams:
    """How the drift of the integrated angle is modelled; all values chosen by us for consumer-grade sensors.

    Attributes
    ----------
    block_s
        One look at the drift per this time (s).
    bias_sd_deg_s
        Bias that a gyroscope may have where no rest shows it (deg/s).
    rested_bias_sd_deg_s
        Bias that is left after a rest showed it (deg/s).
    bias_walk_deg2_s3
        Growth of the bias' variance per second: about 0.05 deg/s over ten minutes.
    rest_noise_deg_s
        Noise of one block's look at the bias in a rest (deg/s).
    least_walk_deg2_s
        Least growth of the drift's variance per second: angle random walk.
    least_look_deg2
        Least variance of one look at the drift.
    lags
        Lags, in blocks, over which the noise is read off the looks.
    step_looks, least_step_sd
        A jump of the drift shows in the means of so many looks on either side, from so many standard deviations on.
    gap_rate_deg_s
        Rate at which the joint may have turned unseen in a gap (deg/s).
    """

    block_s: float = 0.25
    bias_sd_deg_s: float = 2.0
    rested_bias_sd_deg_s: float = 0.05
    bias_walk_deg2_s3: float = 4e-6
    rest_noise_deg_s: float = 0.1
    least_walk_deg2_s: float = 1e-3
    least_look_deg2: float = 0.05
    lags: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    step_looks: int = 6
    least_step_sd: float = 4.0
    gap_rate_deg_s: float = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImuAngleParams:
    """Parameters of the angle from two inertial sensors; values are chosen by us.

    Attributes
    ----------
    max_gap_s
        Lost packets up to this long (s) are bridged; the angle in longer gaps is missing.
    clock, rest, hinge, gravity, ends, drift
        Parameters of the steps; `max_gap_s` replaces the clock's.
    large_movement_share
        The first movement over this share of the whole range is a stretch and fixes the sign.
    range_percentiles
        The whole range lies between these percentiles.
    ripple_hz
        Content of the angle above this frequency (Hz) counts as error: soft tissue, shaking and aliasing.
    ripple_window_s
        Time (s) over which its scatter is taken.
    timing_share
        Standard deviation of a sample's instant as a share of the sampling interval: unknown within it.
    drift_statement_deg
        A standard deviation of the drift beyond this (deg) is said in a warning.
    """

    max_gap_s: float = 0.05
    clock: ClockParams = field(default_factory=ClockParams)
    rest: RestParams = field(default_factory=RestParams)
    hinge: HingeParams = field(default_factory=HingeParams)
    gravity: GravityParams = field(default_factory=GravityParams)
    ends: EndParams = field(default_factory=EndParams)
    drift: DriftParams = field(default_factory=DriftParams)
    large_movement_share: float = 0.35
    range_percentiles: tuple[float, float] = (0.5, 99.5)
    ripple_hz: float = 6.0
    timing_share: float = 0.1
    ripple_window_s: float = 0.5
    drift_statement_deg: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImuAngle:
    """Joint angle from two inertial sensors.

    Attributes
    ----------
    angle
        Flexion angle with its standard deviation, on one even clock.
    tilt
        Rotation of the distal segment about the hinge against gravity.
    warnings
        What is doubtful, in words for the person who reads the finding.
    """

    angle: JointAngle
    tilt: SegmentTilt
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Path:
    """Unsigned angle of one rotation with the variance of its drift, shape (n,), and what is said of it."""

    angle_deg: FloatArray
    variance_deg2: FloatArray
    in_plane: float
    warnings: tuple[str, ...]


def angle_from_imus(
    proximal: ImuSamples,
    distal: ImuSamples,
    *,
    stretch_sign: int,
    reference_pose: ReferencePose | None = None,
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
    pair = pair_on_one_clock(proximal, distal, ClockParams(**{**_fields(params.clock), "max_gap_s": params.max_gap_s}))
    rest1 = rest_mask(pair.gyr1_rad_s, pair.acc1_m_s2, pair.rate_hz, params.rest) & pair.seen1
    rest2 = rest_mask(pair.gyr2_rad_s, pair.acc2_m_s2, pair.rate_hz, params.rest) & pair.seen2
    bias1, bias2 = resting_bias(pair.gyr1_rad_s, rest1), resting_bias(pair.gyr2_rad_s, rest2)
    hinge = find_hinge(pair, bias1, bias2, params.hinge)
    turning = _integrate(pair, hinge, bias1, bias2)
    resting = rest2 & rest1 if hinge.proximal_moves else rest2
    seen = pair.seen2 & pair.seen1 if hinge.proximal_moves else pair.seen2
    joint = _without_drift(pair, hinge, turning, (resting, seen), params)
    sign = stretch_sign * _first_large_movement(joint.angle_deg[seen], params)
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
        tilt = _without_drift(pair, alone, distal_only, (rest2, pair.seen2), params)
    return ImuAngle(
        angle=angle,
        tilt=SegmentTilt(time_s=pair.time_s, tilt_deg=sign * tilt.angle_deg, in_plane=joint.in_plane),
        warnings=pair.warnings + hinge.warnings + joint.warnings,
    )


def _fields(params: ClockParams) -> dict[str, object]:
    return {name: getattr(params, name) for name in params.__dataclass_fields__}


def _integrate(pair: ImuPair, hinge: Hinge, bias1: FloatArray, bias2: FloatArray) -> Turning:
    """Integrate both rates about the axis by the trapezoid rule."""
    rates = [pair.gyr1_rad_s @ hinge.axis1 - bias1 @ hinge.axis1, pair.gyr2_rad_s @ hinge.axis2 - bias2 @ hinge.axis2]
    turned = []
    for rate in rates:
        total = np.empty_like(rate)
        total[0] = 0.0
        np.cumsum((rate[1:] + rate[:-1]) * (0.5 / pair.rate_hz), out=total[1:])
        turned.append(total)
    return Turning(proximal_rad=turned[0], distal_rad=turned[1], rate_rad_s=rates[1])


def _without_drift(
    pair: ImuPair,
    hinge: Hinge,
    turning: Turning,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    params: ImuAngleParams,
) -> _Path:
    """Take the smoothed drift out of the integrated angle."""
    resting, seen = masks
    blocks = cut_blocks(pair.time_s.size, pair.rate_hz, params.drift.block_s)
    looks = look_by_gravity(pair, hinge, turning, blocks, params.gravity)
    rest_looks = _rest_looks(turning, blocks, resting, params.drift)
    unseen_s = blocks.step_s * (1.0 - blocks.mean(seen.astype(float)))
    gap_var = (params.drift.gap_rate_deg_s * unseen_s) ** 2 * (unseen_s > 0)
    if looks.in_plane >= params.gravity.min_in_plane:
        joint = np.rad2deg(looks.gain2 * turning.distal_rad - looks.gain1 * turning.proximal_rad)
        path, tau_s = _smooth_gravity(looks, rest_looks, gap_var, blocks, params)
        errors = _systematic(looks, tau_s / blocks.step_s)
        notes: tuple[str, ...] = ()
    else:
        joint = np.rad2deg(turning.joint_rad)
        path, notes = _smooth_without_gravity(joint, rest_looks, gap_var, blocks, pair.rate_hz, params)
        errors = (params.gravity.scale_sd * (blocks.mean(joint) - np.median(joint))) ** 2
        notes += _drift_statement(path, resting, params)
    middle = blocks.first + 0.5 * (blocks.size - 1)
    at = np.arange(joint.size)
    knots = np.r_[-blocks.size[0], middle, joint.size + blocks.size[0]]
    ends = path.bias_deg_s[[0, -1]] / pair.rate_hz
    value = np.r_[
        path.drift_deg[0] + ends[0] * (knots[0] - middle[0]),
        path.drift_deg,
        path.drift_deg[-1] + ends[1] * (knots[-1] - middle[-1]),
    ]
    return _Path(
        angle_deg=joint - np.interp(at, knots, value),
        variance_deg2=np.interp(at, middle, path.variance_deg2 + errors),
        in_plane=looks.in_plane,
        warnings=notes,
    )


def _rest_looks(
    turning: Turning, blocks: Blocks, resting: NDArray[np.bool_], params: DriftParams
) -> tuple[FloatArray, FloatArray]:
    """Rate of the integrated angle in blocks that rest entirely is bias; NaN elsewhere."""
    joint = np.rad2deg(turning.joint_rad)
    edges = np.r_[blocks.first, joint.size - 1]
    rate = np.diff(joint[edges]) / (blocks.step_s * np.diff(edges) / blocks.size[0])
    rests = blocks.mean(resting.astype(float)) > 0.999
    return np.where(rests, rate, np.nan), np.where(rests, params.rest_noise_deg_s**2, np.nan)


def _smooth_gravity(
    looks: GravityLooks,
    rest_looks: tuple[FloatArray, FloatArray],
    gap_var: FloatArray,
    blocks: Blocks,
    params: ImuAngleParams,
) -> tuple[DriftPath, float]:
    """Smooth the looks by gravity; answers also the time (s) over which they are averaged."""
    drift = params.drift
    trusted = np.where(looks.weight > 0.5 * np.median(looks.weight), looks.drift_deg, np.nan)
    least = DriftNoise(walk_deg2_s=drift.least_walk_deg2_s, look_deg2=drift.least_look_deg2)
    noise = estimate_noise(trusted, blocks.step_s, lags=drift.lags, least=least)
    look_var = noise.look_deg2 * params.gravity.correlated / np.maximum(looks.weight, 1e-6)
    rested = bool(np.isfinite(rest_looks[0]).any())
    path = smooth_drift(
        looks.drift_deg,
        look_var,
        *rest_looks,
        noise.walk_deg2_s * blocks.step_s + gap_var,
        step_s=blocks.step_s,
        bias_prior_deg_s=drift.rested_bias_sd_deg_s if rested else drift.bias_sd_deg_s,
        bias_walk_deg2_s3=drift.bias_walk_deg2_s3,
        start_var_deg2=360.0**2,
    )
    tau_s = float(np.sqrt(np.median(look_var) * blocks.step_s / noise.walk_deg2_s))
    return path, tau_s


def _systematic(looks: GravityLooks, tau_blocks: float) -> FloatArray:
    """Variance (deg2) by the sensor errors: the gyroscopes' below, the accelerometers' above the smoothing time."""
    size = int(np.clip(round(2 * tau_blocks), 1, looks.weight.size))
    slow_gyro = ndimage.uniform_filter1d(looks.gyro_errors_deg, size, axis=0)
    slow_acc = ndimage.uniform_filter1d(looks.look_errors_deg, size, axis=0)
    rows = looks.gyro_errors_deg - slow_gyro + slow_acc
    rows = rows - np.median(rows, axis=0)
    variance: FloatArray = np.einsum("ij,jk,ik->i", rows, looks.covariance, rows)
    return np.maximum(variance, 0.0)


def _smooth_without_gravity(  # noqa: PLR0913 (what is known of the drift without gravity)
    joint_deg: FloatArray,
    rest_looks: tuple[FloatArray, FloatArray],
    gap_var: FloatArray,
    blocks: Blocks,
    rate_hz: float,
    params: ImuAngleParams,
) -> tuple[DriftPath, tuple[str, ...]]:
    """Smooth the drift from rests, or from end positions where the joint keeps coming back to them."""
    drift = params.drift
    looks, look_var = np.full(blocks.first.size, np.nan), np.full(blocks.first.size, np.nan)
    walk = drift.least_walk_deg2_s
    ends = look_by_ends(joint_deg, rate_hz, params.ends)
    rested = bool(np.isfinite(rest_looks[0]).any())
    opening = "the joint's axis is vertical, where gravity cannot show the drift"
    if isinstance(ends, EndLooks):
        step = float(np.median(np.diff(ends.index))) / rate_hz
        least = DriftNoise(walk_deg2_s=walk, look_deg2=drift.least_look_deg2)
        steps = find_steps(
            ends.drift_deg, max(ends.sd_deg, 1e-3), window=drift.step_looks, least_sd=drift.least_step_sd
        )
        noise = estimate_noise(ends.drift_deg - np.cumsum(steps), step, lags=drift.lags[:5], least=least)
        at = np.minimum(ends.index // blocks.size[0], blocks.first.size - 1)
        looks[at], look_var[at], walk = ends.drift_deg, noise.look_deg2, noise.walk_deg2_s
        gap_var = gap_var.copy()
        gap_var[np.maximum(at - 1, 0)] += steps**2
        said = f"{opening}; it was taken out on the assumption that the movement keeps coming back to the same ends"
    elif rested:
        said = f"{opening}; it was taken out by the rests alone"
    else:
        said = f"{opening}, there is no rest and {ends}: the angle drifts with the gyroscope's unknown bias"
    path = smooth_drift(
        looks,
        look_var,
        *rest_looks,
        walk * blocks.step_s + gap_var,
        step_s=blocks.step_s,
        bias_prior_deg_s=drift.rested_bias_sd_deg_s if rested else drift.bias_sd_deg_s,
        bias_walk_deg2_s3=drift.bias_walk_deg2_s3,
        start_var_deg2=360.0**2 if isinstance(ends, EndLooks) else 0.0,
    )
    return path, (said,)


def _drift_statement(path: DriftPath, resting: NDArray[np.bool_], params: ImuAngleParams) -> tuple[str, ...]:
    worst = float(np.sqrt(path.variance_deg2.max()))
    if worst < params.drift_statement_deg:
        return ()
    remedy = "let the limb rest for a second before and after each stretch" if not resting.any() else "rest more often"
    return (f"the angle may have drifted by {1.96 * worst:.0f} deg (95 %); {remedy}",)


def _first_large_movement(angle_deg: FloatArray, params: ImuAngleParams) -> int:
    """Direction of the first movement that covers a large share of the range."""
    low, high = np.percentile(angle_deg, params.range_percentiles)
    least = params.large_movement_share * (high - low)
    up = angle_deg - np.minimum.accumulate(angle_deg) >= least
    down = np.maximum.accumulate(angle_deg) - angle_deg >= least
    return 1 if int(np.argmax(up)) < int(np.argmax(down)) or not down.any() else -1


def _zeroed(
    pair: ImuPair,
    joint: _Path,
    signed: tuple[int, NDArray[np.bool_]],
    hinge: Hinge,
    zeroing: tuple[ReferencePose | None, ImuAngleParams],
) -> tuple[FloatArray, FloatArray, Zero]:
    """Give the angle its sign, its zero and its standard deviation."""
    (sign, seen), (pose, params) = signed, zeroing
    angle = sign * joint.angle_deg
    variance = joint.variance_deg2 + _ripple_var(angle, pair.rate_hz, params) + hinge.unknown_deg**2
    variance += (params.timing_share * _smooth_step(angle, pair.rate_hz, params)) ** 2
    if pose is None:
        return angle - angle[int(np.argmax(seen))], np.sqrt(variance), Zero.RELATIVE
    at = int(np.argmin(np.where(seen, np.abs(pair.time_s - pose.time_s), np.inf)))
    if abs(pair.time_s[at] - pose.time_s) > max(params.max_gap_s, 1.0 / pair.rate_hz):
        raise SensorError(
            f"the reference pose at {pose.time_s:g} s lies where the sensors measured nothing; "
            f"give one between {pair.time_s[0]:.2f} and {pair.time_s[-1]:.2f} s"
        )
    offset = pose.angle_deg - float(np.interp(pose.time_s, pair.time_s, angle))
    return angle + offset, np.sqrt(variance + joint.variance_deg2[at]), Zero.REFERENCE_POSE


def _smooth_step(angle_deg: FloatArray, rate_hz: float, params: ImuAngleParams) -> FloatArray:
    """Change of the angle over one sampling interval, ripple aside."""
    size = _ripple_window(rate_hz, params)
    result: FloatArray = ndimage.uniform_filter1d(np.gradient(angle_deg), size)
    return result


def _ripple_window(rate_hz: float, params: ImuAngleParams) -> int:
    """Samples of a running mean that loses 3 dB at the ripple's frequency; odd, so that it does not delay."""
    return 2 * round(rate_hz * 0.22 / params.ripple_hz) + 1


def _ripple_var(angle_deg: FloatArray, rate_hz: float, params: ImuAngleParams) -> FloatArray:
    """Local variance of content too fast for a limb's angle: soft tissue, shaking, aliasing."""
    size = _ripple_window(rate_hz, params)
    ripple = angle_deg - ndimage.uniform_filter1d(angle_deg, size)
    variance: FloatArray = ndimage.uniform_filter1d(ripple**2, max(1, round(rate_hz * params.ripple_window_s)))
    return np.maximum(variance, 0.0)
