"""Pose of two moving sensors against each other, and the hinge axis between them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.drift import shared_memory

__all__ = ["PoseFit", "PoseParams", "Signals", "fit_relative_pose", "plane_basis"]

_UNKNOWNS = 10
"""Rotation vector (3), tangent of the axis (2), bias about it, and biases across it: distal, proximal (2 each)."""

Signals = tuple[FloatArray, FloatArray, FloatArray, FloatArray]  # rates of both sensors, specific forces of both


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseParams:
    """How the pose is fitted; all values chosen by us.

    Attributes
    ----------
    window_s
        The fit takes this much time (s) of the recording, where the proximal sensor turns most.
    min_blocks
        Fewer measured blocks do not carry a fit.
    headings, refined
        Starts of the unknown heading around the circle, and how many of the best are refined.
    gyr_sd_rad_s, gyr_sd_share
        Mismatch of the rates about a perfect hinge (rad/s), and as a share of the rate: soft tissue.
    bias_sd_rad_s
        What is left of each gyroscope's bias across the axis (rad/s): it is fitted, too, or it would speak for a wrong
        heading where little else does.
    acc_sd_m_s2, lever_m
        Mismatch of the specific forces at rest (m/s2), and the lever arm (m) that adds to it in movement.
    correlated
        So many neighbouring blocks share their mismatch.
    distinct_deg
        Proximal axes further apart than this (deg) are different solutions.
    least_misfit
        The expected mismatch is scaled to the one that is found, at least to this share of its variance.
    iterations
        Steps of one refinement.
    residual_stride
        Every so-many-th block enters the mismatch; all enter the integral.
    """

    window_s: float = 60.0
    min_blocks: int = 30
    headings: int = 12
    refined: int = 3
    gyr_sd_rad_s: float = 0.03
    gyr_sd_share: float = 0.05
    bias_sd_rad_s: float = 0.02
    acc_sd_m_s2: float = 0.2
    lever_m: float = 0.3
    correlated: float = 6.0
    distinct_deg: float = 60.0
    least_misfit: float = 0.25
    iterations: int = 30
    residual_stride: int = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PoseFit:
    """Hinge axis of two moving segments.

    Attributes
    ----------
    axis1, axis2
        The axis in the proximal and the distal sensor, unit vectors of shape (3,).
    missed_share
        Standard deviation of the share of the proximal segment's turn that the uncertain axis gets wrong.
    rival
        Both axes of the next best fit whose proximal axis is far from the first, or ``None``.
    rival_chi2
        How much worse the rival explains the data (chi square).
    across_rad_s
        Rates of the distal against the proximal sensor across the axis, as complex numbers; zero in a perfect hinge.
    across_step_s
        Time between them.
    """

    axis1: FloatArray
    axis2: FloatArray
    missed_share: float
    rival: tuple[FloatArray, FloatArray] | None
    rival_chi2: float
    across_rad_s: NDArray[np.complex128]
    across_step_s: float


def fit_relative_pose(
    signals: Signals,
    seen: NDArray[np.bool_],
    axis_guess: FloatArray,
    block_s: float,
    params: PoseParams = PoseParams(),
) -> PoseFit | None:
    """Fit the pose of the distal in the proximal sensor, and the hinge axis, to rates and gravity.

    If the pose at the start and the axis are right, the pose at any time follows by turning about the axis, and then
    both sensors measure the same rate across the axis [1]_ and, at rest, the same gravity [2]_. Unlike constraints on
    magnitudes alone, this sees the direction of what is equal.

    Parameters
    ----------
    signals
        Rates (rad/s, bias removed where known) and specific forces (m/s2) of the proximal and distal sensor:
        gyr1, gyr2, acc1, acc2, each of shape (k, 3), block means.
    seen
        Blocks that both sensors measured, shape (k,).
    axis_guess
        Axis in the distal sensor to start from, shape (3,).
    block_s
        Length of a block.
    params
        How the pose is fitted.

    Returns
    -------
    PoseFit or None
        ``None`` if too few blocks were measured.

    References
    ----------
    .. [1] Seel T, Raisch J, Schauer T. Sensors 2014;14(4):6891-909. doi:10.3390/s140406891
    .. [2] Olsson F, Kok M, Seel T, Halvorsen K. Sensors 2020;20(12):3534. doi:10.3390/s20123534
    """
    part = _window(signals[0] * seen[:, None], block_s, params)
    if seen[part].sum() < params.min_blocks:
        return None
    misfit = _Misfit(tuple(values[part] for values in signals), seen[part], block_s, params)  # type: ignore[arg-type]
    still = int(np.argmin(misfit.acc_sd + 1e3 * ~seen[part]))
    starts = np.stack(
        [
            np.r_[_aligning(misfit.acc1[still], misfit.acc2[still], heading), np.zeros(_UNKNOWNS - 3)]
            for heading in np.linspace(0, 2 * np.pi, params.headings, endpoint=False)
        ]
    )
    misfit.origin(axis_guess, still)
    best = np.argsort(np.sum(np.log1p(misfit(starts) ** 2), axis=1))[: params.refined]
    fits = sorted((_descend(misfit, x, params.iterations) for x in starts[best]), key=lambda fit: fit[1])
    twin = _turned_about(misfit.acc1[still], fits[0][0])
    fits = sorted([*fits, _descend(misfit, twin, params.iterations)], key=lambda fit: fit[1])
    axes = [misfit.axes(x) for x, _, _ in fits]
    scale = max(params.least_misfit, fits[0][1] / (6 * seen[part].sum() / params.correlated))
    across = misfit.across_rad_s(fits[0][0])
    memory = max(1.0, shared_memory(across) * params.residual_stride / params.correlated)
    far = [i for i, (axis1, _) in enumerate(axes) if axis1 @ axes[0][0] < np.cos(np.deg2rad(params.distinct_deg))]
    rival = far[0] if far else 0
    return PoseFit(
        axis1=axes[0][0],
        axis2=axes[0][1],
        missed_share=_missed_share(misfit, fits[0][0], scale * fits[0][2]),
        rival=axes[rival] if bool(far) else None,
        rival_chi2=(fits[rival][1] - fits[0][1]) / scale / memory,
        across_rad_s=across,
        across_step_s=block_s * params.residual_stride,
    )


def _descend(misfit: "_Misfit", x: FloatArray, iterations: int) -> tuple[FloatArray, float, FloatArray]:
    """Gauss-Newton with damping and soft weights; answers the pose, its robust chi square and its covariance."""
    unit, step, damping = np.eye(x.size), 1e-5, 1e-3
    left = misfit(x[None])[0]
    cost = _soft(left)
    inverse: FloatArray = unit
    for _ in range(iterations):
        slope = (misfit(x + step * unit) - left).T / step
        weight = 1.0 / np.sqrt(1.0 + left**2)
        normal = slope.T @ (slope * weight[:, None])
        inverse = np.asarray(np.linalg.inv(normal + 1e-9 * unit), dtype=np.float64)
        move = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), slope.T @ (weight * left))
        tried = misfit((x - move)[None])[0]
        if _soft(tried) < cost:
            gained = cost - _soft(tried)
            x, left, cost, damping = x - move, tried, _soft(tried), damping / 5
            if gained < 1e-2:
                break
        else:
            damping *= 10
    return x, cost, inverse


def _soft(left: FloatArray) -> float:
    """Chi square in which large residuals count linearly."""
    return float(np.sum(2.0 * (np.sqrt(1.0 + left**2) - 1.0)))


def _window(gyr1: FloatArray, block_s: float, params: PoseParams) -> slice:
    """Stretch of the recording in which the proximal sensor turns most."""
    size = round(params.window_s / block_s)
    if gyr1.shape[0] <= size:
        return slice(0, gyr1.shape[0])
    power = np.r_[0.0, np.cumsum(np.einsum("ij,ij->i", gyr1, gyr1))]
    first = int(np.argmax(power[size:] - power[:-size]))
    return slice(first, first + size)


def _aligning(up1: FloatArray, up2: FloatArray, heading: float) -> FloatArray:
    """Rotation vector that takes `up2` to `up1` and turns about it by a heading."""
    first, second = up1 / np.linalg.norm(up1), up2 / np.linalg.norm(up2)
    cross, dot = np.cross(second, first), float(second @ first)
    if np.linalg.norm(cross) < 1e-9:
        helper = np.eye(3)[int(np.argmin(np.abs(first)))]
        cross = np.cross(helper, first)
        tilt = np.zeros(3) if dot > 0 else np.pi * cross / np.linalg.norm(cross)
    else:
        tilt = cross / np.linalg.norm(cross) * np.arctan2(np.linalg.norm(cross), dot)
    return _vector(_matrix(heading * first) @ _matrix(tilt))


def _turned_about(up1: FloatArray, x: FloatArray) -> FloatArray:
    """Pose with the proximal sensor the other way round about the vertical.

    In a movement about one horizontal axis both explain gravity and the rates alike, whichever is true.
    """
    turned: FloatArray = np.r_[_vector(_matrix(np.pi * up1 / np.linalg.norm(up1)) @ _matrix(x[:3])), x[3:]]
    return turned


def _matrix(vectors: FloatArray) -> FloatArray:
    """Rotation matrices of rotation vectors (Rodrigues), shape (..., 3, 3)."""
    angle = np.linalg.norm(vectors, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(vectors / np.maximum(angle[..., 0], 1e-12), -1, 0)
    zero = np.zeros_like(x)
    skew = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(*x.shape, 3, 3)
    result: FloatArray = np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew
    return result


def _vector(matrix: FloatArray) -> FloatArray:
    """Rotation vector of a rotation matrix, by its quaternion's largest part."""
    whole = np.empty((4, 4))
    whole[0, 0] = matrix.trace()
    whole[1:, 1:] = matrix + matrix.T - matrix.trace() * np.eye(3)
    whole[0, 1:] = whole[1:, 0] = (
        matrix[2, 1] - matrix[1, 2],
        matrix[0, 2] - matrix[2, 0],
        matrix[1, 0] - matrix[0, 1],
    )
    quat = np.linalg.eigh(whole)[1][:, 3]
    quat = quat if quat[0] >= 0 else -quat
    size = float(np.linalg.norm(quat[1:]))
    result: FloatArray = quat[1:] * (2 * np.arctan2(size, quat[0]) / size if size > 1e-12 else 2.0)
    return result


def _missed_share(misfit: "_Misfit", x: FloatArray, cov: FloatArray) -> float:
    """Uncertainty of the proximal axis (by differences) toward what the proximal sensor turns about."""
    step = 1e-5
    slope = np.stack([(misfit.axes(x + step * unit)[0] - misfit.axes(x)[0]) / step for unit in np.eye(x.size)], axis=1)
    turns_about = np.linalg.eigh(misfit.gyr1.T @ misfit.gyr1)[1][:, 2]
    return float(np.sqrt(max(float(turns_about @ slope @ cov @ slope.T @ turns_about), 0.0)))


class _Misfit:
    """Normalised mismatch of both sensors for poses (rotation vector), axes (tangent), biases about and across them.

    Vectors across the axis are complex numbers; integrals of the rates are taken once, so that a pose costs a product.
    """

    def __init__(self, signals: Signals, seen: NDArray[np.bool_], block_s: float, params: PoseParams) -> None:
        self.gyr1, gyr2, self.acc1, self.acc2 = signals
        square = np.einsum("ij,ij->i", gyr2, gyr2)
        force = np.linalg.norm(self.acc2, axis=1)
        dynamic = np.abs(force - np.median(force)) + params.lever_m * (
            square + np.linalg.norm(np.gradient(gyr2, block_s, axis=0), axis=1)
        )
        self.acc_sd = np.hypot(params.acc_sd_m_s2, dynamic)
        spread = np.sqrt(params.correlated / params.residual_stride) / np.where(seen, 1.0, 1e-6)
        gyr_sd = np.hypot(params.gyr_sd_rad_s, params.gyr_sd_share * np.sqrt(square))
        rows = slice(None, None, params.residual_stride)
        self.scale = (spread * np.stack([gyr_sd, self.acc_sd]))[:, rows, None]
        self.vectors = [np.stack(pair)[:, rows] for pair in ((self.gyr1, self.acc1), (gyr2, self.acc2))]
        self.turned = [np.cumsum(gyr, axis=0) * block_s for gyr in (self.gyr1, gyr2)]
        self.elapsed_s = np.arange(seen.size) * block_s
        self.rows, self.seen = rows, seen[rows]
        self.bias_sd = params.bias_sd_rad_s

    def origin(self, axis: FloatArray, at: int) -> None:
        """Set the axis around which the tangent lies and the block at which the pose holds."""
        self.axis0, self.tangent = axis, np.stack(plane_basis(axis))
        self.turned1, self.turned2 = ((turned - turned[at])[self.rows] for turned in self.turned)
        self.since_s = (self.elapsed_s - self.elapsed_s[at])[self.rows, None]

    def axes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Axis in the proximal and the distal sensor."""
        axis2 = self.axis0 + x[3:5] @ self.tangent
        axis2 = axis2 / np.linalg.norm(axis2)
        return _matrix(x[:3]) @ axis2, axis2

    def __call__(self, tried: FloatArray) -> FloatArray:
        """Mismatch of each row of `tried`, shape (rows, 5 per block and 4 for the biases)."""
        across, along = self._mismatch(tried)
        left = across / self.scale
        parts = np.concatenate([left.real, left.imag, (along / self.scale[1])[None]])
        result: FloatArray = np.c_[parts.reshape(-1, tried.shape[0]).T, tried[:, 6:] / self.bias_sd]
        return result

    def across_rad_s(self, x: FloatArray) -> NDArray[np.complex128]:
        """Rates across the axis that a perfect hinge would not have, zero where not both were measured."""
        rates: NDArray[np.complex128] = np.where(self.seen, self._mismatch(x[None])[0][0, :, 0], 0.0)
        return rates

    def _mismatch(self, tried: FloatArray) -> tuple[NDArray[np.complex128], FloatArray]:
        """Rates and forces across the axis (2, blocks, tries), and forces along it (blocks, tries)."""
        poses = _matrix(tried[:, :3])
        axes2 = self.axis0 + tried[:, 3:5] @ self.tangent
        axes2 /= np.linalg.norm(axes2, axis=1, keepdims=True)
        first, second = plane_basis(axes2)
        planes = first + 1j * second
        axes1, planes1 = (np.einsum("pij,pj->pi", poses, vectors) for vectors in (axes2, planes))
        angle = self.turned2 @ axes2.T - self.turned1 @ axes1.T - self.since_s * tried[:, 5]
        back = np.exp(-1j * angle)
        across = self.vectors[1] @ planes.T - self.vectors[0] @ planes1.T * back
        across[0] -= tried[:, 6] + 1j * tried[:, 7] - (tried[:, 8] + 1j * tried[:, 9]) * back
        return across, self.vectors[1][1] @ axes2.T - self.vectors[0][1] @ axes1.T


def plane_basis(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two unit vectors across each axis, right-handed with it, shape (..., 3) [1]_.

    References
    ----------
    .. [1] Duff T et al. Building an orthonormal basis, revisited. J Comput Graph Tech 2017;6(1):1-8.
    """
    x, y, z = np.moveaxis(axis, -1, 0)
    sign = np.copysign(1.0, z)
    a = -1.0 / (sign + z)
    b = x * y * a
    return np.stack([1.0 + sign * x * x * a, sign * b, -sign * x], axis=-1), np.stack(
        [b, sign + y * y * a, -y], axis=-1
    )
