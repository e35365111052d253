"""Axis of a joint that moves like a hinge, in the axes of both sensors, from the movement alone."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from analysis.model import FloatArray
from sensors.clock import ImuPair
from sensors.errors import SensorError
from sensors.pose import PoseFit, PoseParams, Signals, fit_relative_pose, plane_basis

__all__ = ["Hinge", "HingeParams", "along", "find_hinge", "hinge_of_blocks", "plane_basis"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HingeParams:
    """How the axis is found; values without a paper are chosen by us.

    Attributes
    ----------
    block_s
        Signals are averaged over this time (s) before the axis is sought.
    min_rate_rad_s
        Slower samples (rad/s) do not tell the axis.
    min_moving_s
        Least time (s) of movement faster than that.
    min_excursion_deg
        Smallest rotation (deg) from which an axis can be told.
    planar_ratio
        Below this ratio of the second to the first principal rate the movement is a hinge's; above, the axis is
        weakly observed and a warning says so.
    still_deg
        The proximal segment counts as still while it turns less than this (deg); its noise is then kept out.
    trend_s
        Movement is told from gyroscope bias by taking away the mean over this time (s).
    wobble_trend_s
        Turns across the axis slower than this (s) may be the gyroscopes' bias and do not count as soft tissue's.
    wobble_share
        Share of soft tissue's scatter that is faster than that, for skin that moves over a few seconds.
    unknown_deg
        A part of the proximal segment's turn this large (deg) that may be missing from the angle is said in a warning.
    ambiguous_chi2
        A rival solution that explains the data worse by less than this (chi square) is said in a warning.
    tied_chi2
        Below this the two are tied, and the one in which the proximal segment is dragged along is taken: the better one
        is less than three times as likely, so that leaving the turn out errs less in the mean than a choice.
    dragged_correlation
        From this correlation of the two rates about the axis on, the proximal segment is dragged along.
    pose
        Parameters of the fit where both segments move.
    """

    block_s: float = 0.04
    min_rate_rad_s: float = 0.12
    min_moving_s: float = 0.3
    min_excursion_deg: float = 5.0
    planar_ratio: float = 0.35
    still_deg: float = 0.5
    trend_s: float = 10.0
    wobble_trend_s: float = 10.0
    wobble_share: float = 0.9
    unknown_deg: float = 2.0
    ambiguous_chi2: float = 20.0
    tied_chi2: float = 2.2
    dragged_correlation: float = 0.5
    pose: PoseParams = field(default_factory=PoseParams)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hinge:
    """Hinge axis in both sensors' axes.

    Attributes
    ----------
    axis1, axis2
        Unit vectors of the same direction in the proximal and the distal sensor, shape (3,); `axis1` is zero where
        the proximal segment was still or its axis could not be told, so that it adds nothing to the angle.
    proximal_deg
        How far the proximal segment turned.
    unknown_deg
        Standard deviation of the part of the proximal segment's turn that may be missing from the angle.
    wobble_deg
        Standard deviation, about one axis, of the slow turns across the hinge that a rigid hinge would not make: skin
        moves on bone alike about all axes, so that this much of the angle is the skin's.
    warnings
        What is doubtful about the axis.
    """

    axis1: FloatArray
    axis2: FloatArray
    proximal_deg: float
    unknown_deg: float
    warnings: tuple[str, ...]
    wobble_deg: float = 0.0

    @property
    def proximal_moves(self) -> bool:
        """Whether the proximal sensor enters the angle."""
        return bool(self.axis1.any())


def along(vectors: FloatArray, axis: FloatArray) -> FloatArray:
    """Component of each vector along an axis; long series are faster so than through a threaded matrix product."""
    result: FloatArray = vectors[:, 0] * axis[0] + vectors[:, 1] * axis[1] + vectors[:, 2] * axis[2]
    return result


def find_hinge(pair: ImuPair, bias1: FloatArray, bias2: FloatArray, params: HingeParams = HingeParams()) -> Hinge:
    """Find the hinge axis in both sensors from how they turn.

    A still proximal sensor leaves the distal sensor's principal axis of rotation. Where both move, the pose of one
    against the other is fitted with the axis.

    Parameters
    ----------
    pair
        Both sensors on one clock.
    bias1, bias2
        Gyroscope bias as far as rests show it (rad/s), shape (3,).
    params
        How the axis is found.

    Raises
    ------
    SensorError
        If there is too little movement to tell an axis.
    """
    step = max(1, round(params.block_s * pair.rate_hz))
    both = _block_mean((pair.seen1 & pair.seen2).astype(float)[:, None], step)[:, 0] > 0.999
    distal = _block_mean(pair.seen2.astype(float)[:, None], step)[:, 0] > 0.999
    gyr1, gyr2 = _block_mean(pair.gyr1_rad_s, step) - bias1, _block_mean(pair.gyr2_rad_s, step) - bias2
    forces = _block_mean(pair.acc1_m_s2, step), _block_mean(pair.acc2_m_s2, step)
    return hinge_of_blocks((gyr1, gyr2, *forces), (both, distal), step / pair.rate_hz, params)


def hinge_of_blocks(
    signals: Signals,
    seen: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    block_s: float,
    params: HingeParams = HingeParams(),
) -> Hinge:
    """Find the hinge axis as `find_hinge` does, from block means.

    Parameters
    ----------
    signals
        Rates without bias (rad/s) and specific forces of the proximal and distal sensor: gyr1, gyr2, acc1, acc2, each
        of shape (k, 3).
    seen
        Blocks that both sensors, and that the distal one measured, shape (k,) each.
    block_s
        Length of a block.
    params
        How the axis is found.

    Raises
    ------
    SensorError
        If there is too little movement to tell an axis.
    """
    (gyr1, gyr2, acc1, acc2), (both, distal) = signals, seen
    proximal = _excursion_deg(gyr1 * both[:, None], acc1[both], block_s, params)
    moving = distal & (np.linalg.norm(gyr2, axis=1) > params.min_rate_rad_s)
    excursion = _excursion_deg(gyr2 * distal[:, None], acc2[distal], block_s, params)
    if excursion < params.min_excursion_deg or moving.sum() * block_s < params.min_moving_s:
        raise SensorError(
            f"too little movement to find the joint's axis: the distal sensor turned {excursion:.1f} deg; "
            f"record a slow and a fast stretch over the whole range"
        )
    axis, ratio = _principal(gyr2[moving])
    fit = None if proximal < params.still_deg else fit_relative_pose(signals, both, axis, block_s, params.pose)
    if fit is not None:
        return _from_fit(fit, (gyr1[both], gyr2[both]), proximal, params)
    first, second = plane_basis(axis)
    across = np.where(distal, along(gyr2, first) + 1j * along(gyr2, second), 0.0)
    still = proximal < params.still_deg
    return Hinge(
        axis1=np.zeros(3),
        axis2=axis,
        proximal_deg=proximal,
        unknown_deg=0.5 * proximal if still else proximal,
        warnings=_weak_axis(ratio, params) if still else (*_weak_axis(ratio, params), _unknown(proximal)),
        wobble_deg=_wobble_deg(across, block_s, params),
    )


def _from_fit(fit: PoseFit, rates: tuple[FloatArray, FloatArray], proximal_deg: float, params: HingeParams) -> Hinge:
    """Turn the fitted pose into a hinge, with what is doubtful about it."""
    axis1, axis2 = fit.axis1, fit.axis2
    along1 = rates[0] @ axis1
    unknown = proximal_deg * min(1.0, fit.missed_share)
    left = rates[1] - np.outer(along1, axis2)
    warnings = list(_weak_axis(_principal(left)[1], params))
    if unknown > params.unknown_deg:
        warnings.append(_unknown(unknown))
    if fit.rival is not None and fit.rival_chi2 < params.ambiguous_chi2:
        if fit.rival_chi2 < params.tied_chi2:
            axis1, axis2 = _dragged_along(fit, fit.rival, rates, params)
        warnings.append(
            f"the proximal segment turned by {proximal_deg:.0f} deg and the data cannot tell well in which "
            "direction: hold it still"
        )
        unknown = max(unknown, 0.5 * proximal_deg)
    return Hinge(
        axis1=axis1,
        axis2=axis2,
        proximal_deg=proximal_deg,
        unknown_deg=unknown,
        warnings=tuple(warnings),
        wobble_deg=_wobble_deg(fit.across_rad_s, fit.across_step_s, params),
    )


def _dragged_along(
    fit: PoseFit, rival: tuple[FloatArray, FloatArray], rates: tuple[FloatArray, FloatArray], params: HingeParams
) -> tuple[FloatArray, FloatArray]:
    """Choose between tied axes the pair in which the proximal segment follows the distal one.

    Where it does neither follow nor oppose, its turn is left out: that errs by as much, but a wrong choice by twice.
    """
    along1, along2 = rates[0] @ fit.axis1, rates[1] @ fit.axis2
    follows = float(np.corrcoef(along1, along2)[0, 1])
    if abs(follows) < params.dragged_correlation:
        return np.zeros(3), fit.axis2
    return (fit.axis1, fit.axis2) if follows > 0 else rival


def _wobble_deg(across_rad_s: NDArray[np.complex128], step_s: float, params: HingeParams) -> float:
    """Scatter of the integrated rates across the axis about their slow trend, per axis."""
    turned = np.cumsum(across_rad_s) * step_s
    window = min(max(3, round(params.wobble_trend_s / step_s)), turned.size)
    parts = signal.detrend(np.rad2deg(np.stack([turned.real, turned.imag])), axis=1)
    left = parts - ndimage.uniform_filter1d(parts, window, axis=1)
    return float(np.sqrt(np.mean(left**2))) / params.wobble_share


def _block_mean(values: FloatArray, step: int) -> FloatArray:
    blocks = values.shape[0] // step
    mean: FloatArray = values[: blocks * step].reshape(blocks, step, values.shape[1]).mean(axis=1)
    return mean


def _excursion_deg(gyr: FloatArray, acc: FloatArray, block_s: float, params: HingeParams) -> float:
    """How far a sensor turned, by its gyroscope beyond a slow trend and by gravity; blind to shaking."""
    turned = signal.detrend(np.cumsum(gyr, axis=0) * block_s, axis=0)  # a bias that no rest shows is no turn
    window = min(max(3, round(params.trend_s / block_s)), gyr.shape[0])
    if turned.shape[0] * block_s > 2 * params.trend_s:
        turned = turned - ndimage.uniform_filter1d(turned, window, axis=0)
    low, high = np.percentile(turned, (1, 99), axis=0)
    by_gyr = float(np.rad2deg((high - low).max()))
    smooth = ndimage.uniform_filter1d(acc, max(1, round(1.0 / block_s)), axis=0)
    smooth = smooth / np.linalg.norm(smooth, axis=1, keepdims=True)
    mean = np.median(smooth, axis=0)
    off = np.rad2deg(np.linalg.norm(np.cross(smooth, mean / np.linalg.norm(mean)), axis=1))
    return max(by_gyr, float(np.percentile(off, 99)))


def _principal(gyr: FloatArray) -> tuple[FloatArray, float]:
    """Principal axis of rotation and how much turns about the next one, relative to it."""
    power, axes = np.linalg.eigh(gyr.T @ gyr)
    return axes[:, 2], float(np.sqrt(max(power[1], 0.0) / power[2]))


def _weak_axis(ratio: float, params: HingeParams) -> tuple[str, ...]:
    if ratio <= params.planar_ratio:
        return ()
    return (
        (
            f"the movement was not that of one hinge ({ratio:.0%} of it turned about another axis): the joint's axis "
            "is weakly known and the angle with it"
        ),
    )


def _unknown(unknown_deg: float) -> str:
    return (
        f"the proximal segment turned as well, about {unknown_deg:.0f} deg of it in a way that cannot be told from the "
        "joint's movement: hold it still"
    )
