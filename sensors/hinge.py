"""Axis of a joint that moves like a hinge, in the axes of both sensors, from the movement alone."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, optimize

from analysis.model import FloatArray
from sensors.clock import ImuPair
from sensors.errors import SensorError

__all__ = ["Hinge", "HingeParams", "find_hinge", "plane_basis"]


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
    gyr_sd_rad_s, acc_sd_m_s2
        Expected mismatch of the two sensors about the hinge: soft tissue and dynamic acceleration.
    fit_samples
        Blocks that enter the fit, spread evenly over the movement.
    axis_sd_deg
        A proximal axis known worse than this (deg) is not used.
    sign_chi2
        Both directions of the proximal axis explain the data unless their misfits differ by this much (chi square).
    """

    block_s: float = 0.04
    min_rate_rad_s: float = 0.12
    min_moving_s: float = 0.3
    min_excursion_deg: float = 5.0
    planar_ratio: float = 0.35
    still_deg: float = 1.5
    trend_s: float = 10.0
    gyr_sd_rad_s: float = 0.1
    acc_sd_m_s2: float = 0.5
    fit_samples: int = 1500
    axis_sd_deg: float = 15.0
    sign_chi2: float = 9.0


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
    unused_deg
        Rotation of the proximal segment that stays out of the angle because its axis is unknown.
    warnings
        What is doubtful about the axis.
    """

    axis1: FloatArray
    axis2: FloatArray
    proximal_deg: float
    unused_deg: float
    warnings: tuple[str, ...]

    @property
    def proximal_moves(self) -> bool:
        """Whether the proximal sensor enters the angle."""
        return bool(self.axis1.any())


def plane_basis(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors that make a right-handed basis with the axis."""
    helper = np.zeros(3)
    helper[int(np.argmin(np.abs(axis)))] = 1.0
    first = np.cross(helper, axis)
    first /= np.linalg.norm(first)
    return first, np.cross(axis, first)


def find_hinge(pair: ImuPair, bias1: FloatArray, bias2: FloatArray, params: HingeParams = HingeParams()) -> Hinge:
    """Find the hinge axis in both sensors from how they turn.

    A still proximal sensor leaves the distal sensor's principal axis of rotation. Where both move, the rates across the
    axis must be equal in both sensors [1]_ and so must gravity along it [2]_.

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

    References
    ----------
    .. [1] Seel T, Raisch J, Schauer T. Sensors 2014;14(4):6891-909. doi:10.3390/s140406891
    .. [2] Olsson F, Kok M, Seel T, Halvorsen K. Sensors 2020;20(12):3534. doi:10.3390/s20123534
    """
    step = max(1, round(params.block_s * pair.rate_hz))
    both = _block_mean((pair.seen1 & pair.seen2).astype(float)[:, None], step)[:, 0] > 0.999
    distal = _block_mean(pair.seen2.astype(float)[:, None], step)[:, 0] > 0.999
    gyr1, gyr2 = _block_mean(pair.gyr1_rad_s, step) - bias1, _block_mean(pair.gyr2_rad_s, step) - bias2
    acc1, acc2 = _block_mean(pair.acc1_m_s2, step), _block_mean(pair.acc2_m_s2, step)
    block_s = step / pair.rate_hz
    proximal = _excursion_deg(gyr1 * both[:, None], acc1[both], block_s, params)
    moving = distal & (np.linalg.norm(gyr2, axis=1) > params.min_rate_rad_s)
    excursion = _excursion_deg(gyr2 * distal[:, None], acc2[distal], block_s, params)
    if excursion < params.min_excursion_deg or moving.sum() * block_s < params.min_moving_s:
        raise SensorError(
            f"too little movement to find the joint's axis: the distal sensor turned {excursion:.1f} deg; "
            f"record a slow and a fast stretch over the whole range"
        )
    axis, ratio = _principal(gyr2[moving])
    warnings = []
    if proximal < params.still_deg:
        if ratio > params.planar_ratio:
            warnings.append(_weak_axis(ratio))
        return Hinge(
            axis1=np.zeros(3), axis2=axis, proximal_deg=proximal, unused_deg=proximal, warnings=tuple(warnings)
        )
    used = np.flatnonzero(both & (np.linalg.norm(gyr2, axis=1) > params.min_rate_rad_s))
    used = used[:: max(1, used.size // params.fit_samples)]
    if used.size < 20:
        return Hinge(
            axis1=np.zeros(3), axis2=axis, proximal_deg=proximal, unused_deg=proximal, warnings=(_unused(proximal),)
        )
    return _fit_both((gyr1[used], gyr2[used], acc1[used], acc2[used]), proximal, params)


def _block_mean(values: FloatArray, step: int) -> FloatArray:
    blocks = values.shape[0] // step
    mean: FloatArray = values[: blocks * step].reshape(blocks, step, values.shape[1]).mean(axis=1)
    return mean


def _excursion_deg(gyr: FloatArray, acc: FloatArray, block_s: float, params: HingeParams) -> float:
    """How far a sensor turned, by its gyroscope beyond a slow trend and by gravity; blind to shaking."""
    turned = np.cumsum(gyr, axis=0) * block_s
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


def _weak_axis(ratio: float) -> str:
    return (
        f"the movement was not that of one hinge ({ratio:.0%} of it turned about another axis): the joint's axis is "
        "weakly known and the angle with it"
    )


def _unused(proximal_deg: float) -> str:
    return (
        f"the proximal segment turned by {proximal_deg:.0f} deg about an axis that cannot be told; its part is missing "
        "from the angle: hold it still"
    )


def _misfit(
    axes: tuple[FloatArray, FloatArray],
    data: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    params: HingeParams,
) -> FloatArray:
    """Normalised residuals of the two hinge constraints, [1] eq. 3 and [2] eq. 15."""
    (axis1, axis2), (gyr1, gyr2, acc1, acc2) = axes, data
    across1 = np.linalg.norm(np.cross(gyr1, axis1), axis=1)
    across2 = np.linalg.norm(np.cross(gyr2, axis2), axis=1)
    force = acc1 @ axis1 - acc2 @ axis2
    return np.r_[(across1 - across2) / params.gyr_sd_rad_s, force / params.acc_sd_m_s2]


def _vector_misfit(
    axes: tuple[FloatArray, FloatArray],
    data: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    params: HingeParams,
) -> float:
    """Chi square of the rates across the axis as vectors, in the frame that axis and gravity span in both sensors."""
    parts = []
    for axis, gyr, acc in zip(axes, data[:2], data[2:], strict=True):
        first, second = plane_basis(axis)
        gravity = acc @ first + 1j * (acc @ second)
        parts.append((gyr @ first + 1j * (gyr @ second)) * np.conj(gravity) / np.maximum(np.abs(gravity), 1e-9))
    square = np.abs(parts[0] - parts[1]) ** 2 / params.gyr_sd_rad_s**2
    return float(np.sum(square / (1 + square)))


def _refine(
    start: tuple[FloatArray, FloatArray],
    data: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    params: HingeParams,
) -> tuple[tuple[FloatArray, FloatArray], float, FloatArray]:
    """Fit both axes; answers the axes, the robust chi square and the covariance of the tangent coordinates (rad2)."""
    tangents = [np.stack(plane_basis(axis)) for axis in start]

    def axes(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        moved = [axis + part @ tangent for axis, part, tangent in zip(start, (x[:2], x[2:]), tangents, strict=True)]
        return moved[0] / np.linalg.norm(moved[0]), moved[1] / np.linalg.norm(moved[1])

    fit = optimize.least_squares(lambda x: _misfit(axes(x), data, params), np.zeros(4), loss="soft_l1", max_nfev=30)
    cov = np.linalg.pinv(fit.jac.T @ fit.jac)
    return axes(fit.x), 2 * float(fit.cost), cov


def _fit_both(
    data: tuple[FloatArray, FloatArray, FloatArray, FloatArray], proximal_deg: float, params: HingeParams
) -> Hinge:
    """Fit both axes from several starts and choose the direction of the proximal one."""
    axes1 = np.linalg.eigh(data[0].T @ data[0])[1].T
    axes2 = np.linalg.eigh(data[1].T @ data[1])[1].T
    starts = [(sign * a, b) for a in axes1 for b in axes2 for sign in (1.0, -1.0)]
    starts.sort(key=lambda start: float(np.sum(np.log1p(_misfit(start, data, params) ** 2))))
    fits = [_refine(start, data, params) for start in starts[:4]]
    (axis1, axis2), _, _ = min(fits, key=lambda fit: fit[1])
    options = []
    for sign in (1.0, -1.0):
        axes, cost, cov = _refine((sign * axis1, axis2), data, params)
        options.append((cost + _vector_misfit(axes, data, params), axes, cov))
    options.sort(key=lambda option: option[0])
    certain = options[1][0] - options[0][0] > params.sign_chi2
    (axis1, axis2), cov = options[0][1], options[0][2]
    sd_deg = float(np.rad2deg(np.sqrt(cov[:2, :2].trace())))
    ratio = _principal(data[1] - (data[0] @ axis1)[:, None] * axis2)[1]
    warnings = [_weak_axis(ratio)] if ratio > params.planar_ratio else []
    if sd_deg > params.axis_sd_deg:
        warnings.append(_unused(proximal_deg))
        return Hinge(
            axis1=np.zeros(3), axis2=axis2, proximal_deg=proximal_deg, unused_deg=proximal_deg, warnings=tuple(warnings)
        )
    if not certain:
        dragged = float((data[0] @ axis1) @ (data[1] @ axis2))
        axis1 = axis1 if dragged >= 0 else -axis1
        warnings.append(
            f"the proximal segment turned by {proximal_deg:.0f} deg and the data cannot tell in which direction; taken as "
            "dragged along by the movement: hold it still"
        )
    return Hinge(axis1=axis1, axis2=axis2, proximal_deg=proximal_deg, unused_deg=0.0, warnings=tuple(warnings))
