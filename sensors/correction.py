"""An integrated joint angle without its drift."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.model import FloatArray
from sensors.clock import ImuPair
from sensors.drift import DriftNoise, DriftPath, estimate_noise, find_steps, smooth_drift
from sensors.drift_rate import DriftRateParams, SteadyRate, joined, look_by_rates_in_rests, steady_rate
from sensors.ends import EndLooks, EndParams, look_by_ends, look_by_rests
from sensors.gravity import Blocks, GravityLooks, GravityParams, Turning, cut_blocks, look_by_gravity
from sensors.hinge import Hinge

__all__ = ["Corrected", "CorrectionParams", "without_drift"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionParams:
    """How the drift of the integrated angle is modelled; all values chosen by us for consumer-grade sensors.

    Attributes
    ----------
    block_s
        One look at the drift per this time (s).
    bias_sd_deg_s
        Bias that a gyroscope may have before any rest or look shows it (deg/s).
    bias_walk_deg2_s3
        Growth of the bias' variance per second: about 0.05 deg/s over ten minutes.
    least_walk_deg2_s
        Least growth of the drift's variance per second: angle random walk.
    least_look_deg2
        Least variance of one look at the drift.
    lags
        Lags, in blocks, over which the noise is read off the looks.
    step_looks, least_step_sd
        A jump of the drift shows in the means of so many looks on either side, from so many standard deviations on.
    drift_statement_deg
        A standard deviation of the drift beyond this (deg) is said in a warning.
    gravity, ends, rate
        Parameters of the looks at the drift and at its rate.
    gap_rate_deg_s
        Rate at which the joint may have turned unseen in a gap (deg/s).
    """

    block_s: float = 0.25
    bias_sd_deg_s: float = 2.0
    bias_walk_deg2_s3: float = 4e-6
    least_walk_deg2_s: float = 1e-3
    least_look_deg2: float = 0.05
    lags: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    step_looks: int = 6
    least_step_sd: float = 4.0
    gap_rate_deg_s: float = 100.0
    drift_statement_deg: float = 3.0
    gravity: GravityParams = field(default_factory=GravityParams)
    ends: EndParams = field(default_factory=EndParams)
    rate: DriftRateParams = field(default_factory=DriftRateParams)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corrected:
    """Angle of one rotation without drift.

    Attributes
    ----------
    angle_deg, variance_deg2
        The angle, up to sign and a constant, and the variance of what drift is left, shape (n,).
    in_plane
        Share of gravity in the plane of movement.
    warnings
        What the correction rests on where it is not gravity.
    """

    angle_deg: FloatArray
    variance_deg2: FloatArray
    in_plane: float
    warnings: tuple[str, ...]


def without_drift(
    pair: ImuPair,
    hinge: Hinge,
    turning: Turning,
    masks: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    params: CorrectionParams,
) -> Corrected:
    """Take the smoothed drift out of an integrated angle.

    The drift is smoothed, forward and backward, from gravity in the plane of movement and from rests. Where the axis is
    vertical, turning points take gravity's place as long as they agree with each other.

    Parameters
    ----------
    pair, hinge, turning
        Signals, axis and integrated rates.
    masks
        Where the joint rests and where it was measured, both of shape (n,).
    params
        How the drift is modelled.
    """
    resting, seen = masks
    blocks = cut_blocks(pair.time_s.size, pair.rate_hz, params.block_s)
    looks = look_by_gravity(pair, hinge, turning, blocks, params.gravity)
    rest_looks = look_by_rates_in_rests(turning, blocks, resting, params.rate)
    unseen_s = blocks.step_s * (1.0 - blocks.mean(seen.astype(float)))
    gap_var = (params.gap_rate_deg_s * unseen_s) ** 2 + _bridging_var(pair, turning, blocks)
    unscaled = np.rad2deg(turning.joint_rad)
    weak = looks.in_plane < params.gravity.strong_in_plane
    steady = steady_rate(looks, blocks, params.rate)
    held = _held_positions(unscaled, pair.rate_hz, steady, params) if weak else ""
    if looks.in_plane >= params.gravity.min_in_plane and isinstance(held, str):
        joint = np.rad2deg(looks.gain2 * turning.distal_rad - looks.gain1 * turning.proximal_rad)
        path, tau_s = _smooth_gravity(looks, rest_looks, gap_var, blocks, params)
        errors = _systematic(looks, tau_s / blocks.step_s)
        notes: tuple[str, ...] = ()
    else:
        joint = unscaled
        path, notes = _smooth_without_gravity(held, (rest_looks, steady), gap_var, blocks, params)
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
    return Corrected(
        angle_deg=joint - np.interp(at, knots, value),
        variance_deg2=np.interp(at, middle, path.variance_deg2 + errors),
        in_plane=looks.in_plane,
        warnings=notes,
    )


def _bridging_var(pair: ImuPair, turning: Turning, blocks: Blocks) -> FloatArray:
    """Variance (deg2) that bridged losses add: the rate may have changed anywhere between the samples around them."""
    after = np.minimum(pair.bridged + np.ceil(pair.bridged_s * pair.rate_hz).astype(int), pair.time_s.size - 1)
    change = np.rad2deg(turning.rate_rad_s[after] - turning.rate_rad_s[pair.bridged])
    block = np.minimum(pair.bridged // blocks.size[0], blocks.first.size - 1)
    square = (0.5 * change * pair.bridged_s) ** 2 / 3.0  # an instant of change spread evenly over the loss
    return np.bincount(block, weights=square, minlength=blocks.first.size).astype(np.float64)


def _smooth_gravity(
    looks: GravityLooks,
    rest_looks: tuple[FloatArray, FloatArray],
    gap_var: FloatArray,
    blocks: Blocks,
    params: CorrectionParams,
) -> tuple[DriftPath, float]:
    """Smooth the looks by gravity; answers also the time (s) over which they are averaged."""
    trusted = np.where(looks.weight > 0.5 * np.median(looks.weight), looks.drift_deg, np.nan)
    least = DriftNoise(walk_deg2_s=params.least_walk_deg2_s, look_deg2=params.least_look_deg2)
    noise = estimate_noise(trusted, blocks.step_s, lags=params.lags, least=least)
    look_var = noise.look_deg2 * params.gravity.correlated / np.maximum(looks.weight, 1e-6)
    path = smooth_drift(
        looks.drift_deg,
        look_var,
        *rest_looks,
        noise.walk_deg2_s * blocks.step_s + gap_var,
        step_s=blocks.step_s,
        bias_prior_deg_s=params.bias_sd_deg_s,
        bias_walk_deg2_s3=params.bias_walk_deg2_s3,
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


def _held_positions(
    joint_deg: FloatArray, rate_hz: float, steady: SteadyRate, params: CorrectionParams
) -> EndLooks | str:
    """Find positions that the joint comes back to: its turning points, or else its rests, or why there are none."""
    ends = look_by_ends(joint_deg, rate_hz, params.ends)
    if isinstance(ends, EndLooks):
        return ends
    rests = look_by_rests(joint_deg, rate_hz, params.ends, known=(steady.rate_deg_s, steady.sd_deg_s))
    return rests if isinstance(rests, EndLooks) else ends


def _smooth_without_gravity(
    ends: EndLooks | str,
    rates: tuple[tuple[FloatArray, FloatArray], SteadyRate],
    gap_var: FloatArray,
    blocks: Blocks,
    params: CorrectionParams,
) -> tuple[DriftPath, tuple[str, ...]]:
    """Smooth the drift from rests, or from end positions where the joint keeps coming back to them."""
    looks, look_var = np.full(blocks.first.size, np.nan), np.full(blocks.first.size, np.nan)
    walk = params.least_walk_deg2_s
    rest_looks, steady = rates
    rested = bool(np.isfinite(rest_looks[0]).any())
    opening = "the joint's axis is nearly vertical, where gravity hardly shows the drift"
    if isinstance(ends, EndLooks):
        step = float(np.median(np.diff(ends.index))) * blocks.step_s / float(blocks.size[0])
        rest_looks = (
            np.full_like(looks, np.nan),
            np.full_like(looks, np.nan),
        )  # their positions say more than their rates
        least = DriftNoise(walk_deg2_s=walk, look_deg2=max(params.least_look_deg2, ends.least_sd_deg**2))
        steps = _steps(ends, params)
        noise = estimate_noise(ends.drift_deg - np.cumsum(steps), step, lags=params.lags[:5], least=least)
        at = np.minimum(ends.index // blocks.size[0], blocks.first.size - 1)
        looks[at], look_var[at], walk = ends.drift_deg, noise.look_deg2, noise.walk_deg2_s
        gap_var = gap_var.copy()
        gap_var[np.maximum(at - 1, 0)] += steps**2
        said = (
            f"{opening}; it was taken out on the assumption that the movement keeps coming back to the same positions"
        )
    elif rested:
        said = f"{opening}; it was taken out by the rests alone"
    else:
        said = f"{opening}, there is no rest and {ends}: the angle drifts with the gyroscope's unknown bias"
    path = smooth_drift(
        looks,
        look_var,
        *joined(rest_looks, steady),
        walk * blocks.step_s + gap_var,
        step_s=blocks.step_s,
        bias_prior_deg_s=params.bias_sd_deg_s,
        bias_walk_deg2_s3=params.bias_walk_deg2_s3,
        start_var_deg2=360.0**2 if isinstance(ends, EndLooks) else 0.0,
    )
    return path, (said,)


def _steps(ends: EndLooks, params: CorrectionParams) -> FloatArray:
    """Find the drift's jumps from look to look; looks that were chosen for lying on one line have none."""
    if ends.on_a_line:
        return np.zeros(ends.drift_deg.size)
    return find_steps(ends.drift_deg, max(ends.sd_deg, 1e-3), window=params.step_looks, least_sd=params.least_step_sd)


def _drift_statement(path: DriftPath, resting: NDArray[np.bool_], params: CorrectionParams) -> tuple[str, ...]:
    worst = float(np.sqrt(path.variance_deg2.max()))
    if worst < params.drift_statement_deg:
        return ()
    remedy = "let the limb rest for a second before and after each stretch" if not resting.any() else "rest more often"
    return (f"the angle may have drifted by {1.96 * worst:.0f} deg (95 %); {remedy}",)
