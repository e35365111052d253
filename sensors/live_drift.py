"""Causal filter of a hinge's angle: integrated rate, the bias behind it, and what gravity shows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.hinge import Hinge, along, plane_basis

__all__ = ["AngleState", "BlockLooks", "LiveDriftParams", "advance", "look_at_blocks"]

_STANDARD_GRAVITY_M_S2 = 9.80665


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDriftParams:
    """Noise of the live filter; all values chosen by us for consumer-grade sensors.

    Attributes
    ----------
    bias_sd_deg_s
        Bias that a gyroscope may have before anything shows it (deg/s).
    bias_walk_deg2_s3
        Growth of the bias' variance per second.
    walk_deg2_s
        Growth of the angle's variance per second: angle random walk.
    scale_sd
        Gyroscope scale error: what the angle gains it may gain wrongly by this share.
    acc_sd_m_s2
        Error of the specific force in the plane of movement: bias, scale, tilt of the axis.
    correlated_s
        Looks within this time (s) share their error.
    lever_m, dynamic_floor
        Acceleration by this lever arm, relative to gravity, beyond this share makes a look weigh less.
    min_in_plane
        Smallest share of gravity in the plane of movement that still tells an angle.
    rest_sd_deg_s, rest_wobble_per_s
        How well the mean rate of one rest shows the bias (deg/s): at best, and per degree of the skin's wobble, which
        goes on in rests.
    floor_sd_deg
        Error (deg) that no filter takes out: accelerometer bias and scale turn with the segment.
    unseen_deg_s
        Rate at which the joint may have turned unseen in a gap (deg/s).
    outlier_sds
        Looks further off than so many standard deviations lose weight.
    """

    bias_sd_deg_s: float = 2.0
    bias_walk_deg2_s3: float = 4e-6
    walk_deg2_s: float = 1e-3
    scale_sd: float = 0.01
    acc_sd_m_s2: float = 0.2
    correlated_s: float = 1.0
    lever_m: float = 0.15
    dynamic_floor: float = 0.06
    min_in_plane: float = 0.15
    rest_sd_deg_s: float = 0.1
    rest_wobble_per_s: float = 1.3
    floor_sd_deg: float = 0.7
    unseen_deg_s: float = 100.0
    outlier_sds: float = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BlockLooks:
    """What each block says, in degrees: its turn about the hinge, gravity's direction and its variance; shape (k,).

    Attributes
    ----------
    turned_deg
        Turn of the joint by the gyroscopes.
    gravity_deg, gravity_var
        Joint angle by gravity up to a constant, wrapped, and its variance; NaN where gravity shows nothing.
    unseen_var
        Variance that the block adds because a sensor was not seen.
    """

    turned_deg: FloatArray
    gravity_deg: FloatArray
    gravity_var: FloatArray
    unseen_var: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class AngleState:
    """Angle (deg), bias (deg/s) and gravity's constant (deg), with their covariance.

    The covariance is that of angle-angle, angle-bias, angle-constant, bias-bias, bias-constant, constant-constant. The
    constant is ``None`` before the first look.
    """

    angle_deg: float
    bias_deg_s: float
    constant_deg: float | None
    covariance: tuple[float, float, float, float, float, float]

    @classmethod
    def start(cls, angle_deg: float, angle_var: float, bias_deg_s: float, params: LiveDriftParams) -> "AngleState":
        """Begin at a known angle with a bias that is only guessed."""
        return cls(
            angle_deg=angle_deg,
            bias_deg_s=bias_deg_s,
            constant_deg=None,
            covariance=(angle_var, 0.0, 0.0, params.bias_sd_deg_s**2, 0.0, 360.0**2),
        )


def look_at_blocks(
    signals: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    seen: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    hinge: Hinge,
    block_s: float,
    params: LiveDriftParams,
) -> BlockLooks:
    """Turn blocks into looks at the angle.

    Parameters
    ----------
    signals
        Integrated rates of a block (rad) and mean specific forces (m/s2): turned1, turned2, acc1, acc2, shape (k, 3).
        The angular acceleration of a block is taken from the one before it, so that one block alone has none.
    seen
        Whether the proximal and the distal sensor were measured, shape (k,).
    hinge
        The axes.
    block_s
        Length of a block.
    params
        Noise.
    """
    turned1, turned2, acc1, acc2 = signals
    rate = along(turned2, hinge.axis2) / block_s
    vectors = _in_plane(acc2, hinge.axis2)
    size = np.abs(vectors)
    direction = np.conj(vectors)
    var = (params.acc_sd_m_s2 / np.maximum(size, 1e-6)) ** 2
    if hinge.proximal_moves:
        other = _in_plane(acc1, hinge.axis1)
        direction = direction * other
        var = var + (params.acc_sd_m_s2 / np.maximum(np.abs(other), 1e-6)) ** 2
        size = np.minimum(size, np.abs(other))
    force = np.abs(np.linalg.norm(acc2, axis=1) - _STANDARD_GRAVITY_M_S2)
    spin = np.abs(np.diff(rate, prepend=rate[:1])) / block_s + rate**2
    dynamic = (force + params.lever_m * spin) / np.maximum(size, 1e-6)
    var = var * (1.0 + (dynamic / params.dynamic_floor) ** 2) * (params.correlated_s / block_s)
    used = seen[1] if not hinge.proximal_moves else seen[0] & seen[1]
    shown = used & (size > params.min_in_plane * _STANDARD_GRAVITY_M_S2)
    return BlockLooks(
        turned_deg=np.rad2deg(along(turned2, hinge.axis2) - along(turned1, hinge.axis1)),
        gravity_deg=np.where(shown, np.rad2deg(np.angle(direction)), np.nan),
        gravity_var=np.where(shown, np.rad2deg(np.rad2deg(var)), np.nan),
        unseen_var=np.where(used, 0.0, (params.unseen_deg_s * block_s) ** 2),
    )


def _in_plane(acc: FloatArray, axis: FloatArray) -> FloatArray:
    first, second = plane_basis(axis)
    return along(acc, first) + 1j * along(acc, second)


def advance(
    state: AngleState,
    looks: BlockLooks,
    at: int,
    rest: tuple[float, float] | None,
    block_s: float,
    params: LiveDriftParams,
) -> AngleState:
    """Predict over one block and correct by what it shows; plain floats, which are faster than small arrays.

    Parameters
    ----------
    state
        At the block's start.
    looks, at
        What the blocks say, and which of them.
    rest
        Mean rate of the joint over a rest that ends with this block (deg/s) and its variance, or ``None``.
    block_s
        Length of a block.
    params
        Noise.
    """
    angle, bias, constant = state.angle_deg, state.bias_deg_s, state.constant_deg
    p00, p01, p02, p11, p12, p22 = state.covariance
    turned = float(looks.turned_deg[at])
    angle += turned - bias * block_s
    p00 += block_s * (block_s * p11 - 2 * p01) + params.walk_deg2_s * block_s
    p00 += (params.scale_sd * turned) ** 2 + float(looks.unseen_var[at])
    p01 -= block_s * p11
    p02 -= block_s * p12
    p11 += params.bias_walk_deg2_s3 * block_s
    look, var = float(looks.gravity_deg[at]), float(looks.gravity_var[at])
    if look == look:  # noqa: PLR0124 (not NaN)
        if constant is None:
            constant = look - angle
        left = (look - angle - constant + 180.0) % 360.0 - 180.0
        c0, c1, c2 = p00 + p02, p01 + p12, p02 + p22
        total = c0 + c2 + var
        over = left * left / (params.outlier_sds**2 * total)
        total += var * max(0.0, over - 1.0)
        angle, bias, constant = angle + c0 / total * left, bias + c1 / total * left, constant + c2 / total * left
        p00, p01, p02 = p00 - c0 * c0 / total, p01 - c0 * c1 / total, p02 - c0 * c2 / total
        p11, p12, p22 = p11 - c1 * c1 / total, p12 - c1 * c2 / total, p22 - c2 * c2 / total
    if rest is not None:
        total = p11 + rest[1]
        left = rest[0] - bias
        c0, c1, c2 = p01, p11, p12
        angle, bias = angle + c0 / total * left, bias + c1 / total * left
        constant = None if constant is None else constant + c2 / total * left
        p00, p01, p02 = p00 - c0 * c0 / total, p01 - c0 * c1 / total, p02 - c0 * c2 / total
        p11, p12, p22 = p11 - c1 * c1 / total, p12 - c1 * c2 / total, p22 - c2 * c2 / total
    return AngleState(
        angle_deg=angle, bias_deg_s=bias, constant_deg=constant, covariance=(p00, p01, p02, p11, p12, p22)
    )
