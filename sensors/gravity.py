"""Looks at the drift of an integrated joint angle, by gravity in the plane of movement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.clock import ImuPair
from sensors.hinge import Hinge, along, plane_basis

__all__ = ["Blocks", "GravityLooks", "GravityParams", "Turning", "cut_blocks", "look_by_gravity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GravityParams:
    """How gravity corrects the integrated angle; values are chosen by us for consumer-grade sensors.

    Attributes
    ----------
    min_in_plane
        Smallest share of gravity in the plane of movement that still tells an angle.
    strong_in_plane
        Below this share a tilt of the axis by a degree looks like several: positions that the joint comes back to are
        preferred where it does.
    scale_sd
        Gyroscope scale error (MPU-6050 data sheet: 3 % tolerance, taken as three standard deviations).
    acc_bias_m_s2
        Accelerometer bias (same data sheet: 50-80 mg, taken as three standard deviations), tilt of the axis included.
    acc_scale
        Accelerometer scale mismatch between two axes, and their skew.
    lever_m
        Distance of the sensor from the joint's axis.
    dynamic_floor
        Acceleration of this share of gravity is ordinary.
    trend_s
        Drift is told from sensor errors as what changes slower than this (s).
    lever_left_m
        Lever arm that remains uncertain once it is fitted: looks in fast turns weigh less.
    fit_noise_deg
        Least noise of one look in the fit of the sensor errors: the model is no better than this.
    correlated
        So many neighbouring looks share their noise (soft tissue, dynamics).
    max_independent
        The fit counts at most so many independent looks: what the model leaves out repeats with the movement and does
        not average out, however long the recording.
    fit_rows
        About so many looks enter the fit, spread evenly; all are corrected.
    robust_sd
        Looks beyond so many standard deviations lose weight.
    passes
        Rounds of weighting and removing the lever arm's acceleration.
    """

    min_in_plane: float = 0.15
    strong_in_plane: float = 0.4
    scale_sd: float = 0.01
    acc_bias_m_s2: float = 0.2
    acc_scale: float = 0.01
    lever_m: float = 0.2
    dynamic_floor: float = 0.03
    trend_s: float = 20.0
    lever_left_m: float = 0.02
    fit_noise_deg: float = 0.5
    correlated: float = 4.0
    max_independent: float = 40.0
    fit_rows: int = 1500
    robust_sd: float = 2.5
    passes: int = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Cut of an even series into blocks: first sample of each, shape (k,), samples per block, and their length (s)."""

    first: NDArray[np.intp]
    size: NDArray[np.intp]
    step_s: float

    def mean(self, values: FloatArray) -> FloatArray:
        """Mean of each block."""
        result: FloatArray = np.add.reduceat(values, self.first) / self.size
        return result


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turning:
    """Rotation of both segments about the hinge axis by integrated rates, in radians, shape (n,).

    Attributes
    ----------
    proximal_rad, distal_rad
        Integrated rates about the axis.
    rate_rad_s
        Rate of the distal segment about it.
    """

    proximal_rad: FloatArray
    distal_rad: FloatArray
    rate_rad_s: FloatArray

    @property
    def joint_rad(self) -> FloatArray:
        """Integrated joint angle."""
        return self.distal_rad - self.proximal_rad


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GravityLooks:
    """What gravity says about the integrated angle.

    Attributes
    ----------
    drift_deg
        Integrated (and scaled) minus true angle, up to a constant, one per block, shape (k,).
    weight
        Trust in each look relative to a quiet one, 0 to 1, shape (k,).
    gain1, gain2
        Factors of the proximal and the distal integrated rate: gyroscope scale errors removed.
    gyro_errors_deg, look_errors_deg
        Per block, the error of the integrated angle and of the looks per unit of each uncertain sensor error (deg),
        shape (k, p); `covariance` is that of the p errors.
    in_plane
        Share of gravity in the plane of movement.
    """

    drift_deg: FloatArray
    weight: FloatArray
    gain1: float
    gain2: float
    gyro_errors_deg: FloatArray
    look_errors_deg: FloatArray
    covariance: FloatArray
    in_plane: float


def cut_blocks(n: int, rate_hz: float, block_s: float) -> Blocks:
    """Cut n samples into equal blocks; the last takes what is left over."""
    size = max(1, round(block_s * rate_hz))
    first = (np.arange(max(1, n // size)) * size).astype(np.intp)
    return Blocks(first=first, size=np.diff(np.r_[first, n]).astype(np.intp), step_s=size / rate_hz)


def look_by_gravity(
    pair: ImuPair, hinge: Hinge, turning: Turning, blocks: Blocks, params: GravityParams = GravityParams()
) -> GravityLooks:
    """Compare the integrated joint angle with gravity in the plane of movement, and remove the sensors' own errors.

    Gravity in the plane, turned back by the integrated angle, stands still but for the drift; accelerations average
    out because velocities are bounded. Scale errors of the gyroscopes, biases and scale errors of the accelerometers
    and the lever arm of the distal sensor are linear in small errors and found by least squares with priors.

    Parameters
    ----------
    pair, hinge, turning
        Signals, axis and integrated rates.
    blocks
        One look is taken per block.
    params
        Priors of the sensor errors.
    """
    plane2 = _in_plane(pair.acc2_m_s2, hinge.axis2)
    back2 = np.exp(1j * turning.distal_rad)
    total2 = float(np.sqrt(np.median(np.einsum("ij,ij->i", pair.acc2_m_s2, pair.acc2_m_s2))))
    fixed2 = blocks.mean(plane2 * back2)
    steady = np.abs(fixed2)
    in_plane = min(1.0, float(np.median(steady)) / total2)
    fixed1, back1 = np.ones(blocks.first.size, dtype=complex), None
    if hinge.proximal_moves:
        back1 = np.exp(1j * turning.proximal_rad)
        fixed1 = blocks.mean(_in_plane(pair.acc1_m_s2, hinge.axis1) * back1)
    edges = np.minimum(np.r_[blocks.first, turning.rate_rad_s.size - 1], turning.rate_rad_s.size - 1)
    velocity = 1j * turning.rate_rad_s[edges] * back2[edges]
    sweep = np.diff(velocity) / (blocks.size / blocks.size[0] * blocks.step_s)  # mean acceleration per metre of lever
    seen = blocks.mean(((pair.seen1 | (not hinge.proximal_moves)) & pair.seen2).astype(float))
    fit = _Fit(
        fixed1=fixed1,
        fixed2=fixed2,
        turn2=blocks.mean(back2),
        turn1=None if back1 is None else blocks.mean(back1),
        sweep=sweep,
        joint=blocks.mean(turning.distal_rad),
        proximal=blocks.mean(turning.proximal_rad),
        seen=seen > 0.5,
        step_s=blocks.step_s,
    )
    return _solve(fit, in_plane, params)


def _in_plane(acc: FloatArray, axis: FloatArray) -> FloatArray:
    first, second = plane_basis(axis)
    return along(acc, first) + 1j * along(acc, second)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """Block means that enter the fit; complex numbers are vectors in the plane of movement."""

    fixed1: FloatArray
    fixed2: FloatArray
    turn2: FloatArray
    turn1: FloatArray | None
    sweep: FloatArray
    joint: FloatArray
    proximal: FloatArray
    seen: NDArray[np.bool_]
    step_s: float

    def columns(self, gravity: float) -> tuple[FloatArray, FloatArray, int]:
        """Error of the look (rad) per unit of each sensor error, their prior units, and how many are gyroscopes'."""
        toward2 = self.turn2 * np.conj(self.fixed2) / np.maximum(np.abs(self.fixed2), 1e-9)
        gyro = [self.joint - self.joint.mean()]
        acc = [toward2.imag / gravity, toward2.real / gravity, (toward2**2).imag, (toward2**2).real]
        if self.turn1 is not None:
            gyro.append(-(self.proximal - self.proximal.mean()))
            toward1 = self.turn1 * np.conj(self.fixed1) / np.maximum(np.abs(self.fixed1), 1e-9)
            acc += [toward1.imag / gravity, toward1.real / gravity, (toward1**2).imag, (toward1**2).real]
        lever = self.sweep * np.conj(self.fixed2) / np.maximum(np.abs(self.fixed2), 1e-9) / gravity
        return np.stack([*gyro, *acc], axis=1), np.stack([lever.imag, lever.real], axis=1), len(gyro)


def _solve(fit: _Fit, in_plane: float, params: GravityParams) -> GravityLooks:
    """Fit the sensor errors, reweight by what is left, and take the lever arm's acceleration out of gravity."""
    gravity = float(np.median(np.abs(fit.fixed2[fit.seen])))
    steady_cols, lever_cols, n_gyro = fit.columns(gravity)
    n_acc = steady_cols.shape[1] - n_gyro
    acc_sd = np.tile([params.acc_bias_m_s2] * 2 + [params.acc_scale] * 2, n_acc // 4)
    prior = np.r_[np.full(n_gyro, params.scale_sd), acc_sd, params.lever_m, params.lever_m]
    columns = np.c_[steady_cols, lever_cols]
    lever, fixed2 = 0.0 + 0.0j, fit.fixed2
    weight = fit.seen.astype(float)
    noise = np.deg2rad(params.fit_noise_deg)
    for _ in range(params.passes):
        fixed2 = fit.fixed2 - lever * fit.sweep
        dynamic = np.hypot(np.abs(fixed2) / gravity - 1.0, params.lever_left_m * np.abs(fit.sweep) / gravity)
        quiet = fit.seen / (1.0 + (dynamic / params.dynamic_floor) ** 2)
        look = _unwrapped(fixed2 * np.conj(fit.fixed1), quiet) + _lever_part(lever_cols, lever)
        found, cov, left = _ridge(columns, look, quiet * np.minimum(weight, 1.0), (prior, noise), fit.step_s, params)
        sd = max(1.4826 * float(np.median(np.abs(left[fit.seen]))), 1e-6)
        weight = np.minimum(1.0, params.robust_sd * sd / np.maximum(np.abs(left), 1e-12))
        noise = max(sd, np.deg2rad(params.fit_noise_deg))
        lever = complex(found[-2], found[-1])
    gyro = np.zeros_like(columns)
    gyro[:, :n_gyro] = columns[:, :n_gyro]
    return GravityLooks(
        drift_deg=np.where(fit.seen, np.rad2deg(look - columns @ found), np.nan),
        weight=quiet * weight,
        gain1=1.0 - (found[1] if n_gyro > 1 else 0.0),
        gain2=1.0 - found[0],
        gyro_errors_deg=np.rad2deg(gyro),
        look_errors_deg=np.rad2deg(columns - gyro),
        covariance=cov,
        in_plane=in_plane,
    )


def _unwrapped(vectors: FloatArray, quiet: FloatArray) -> FloatArray:
    """Direction of each look without jumps by a turn: a fast movement's accelerations must not count as turns.

    The quieter half of the looks is unwrapped; drift is slow, so the others take the turn nearest to those around them.
    """
    direction = np.angle(vectors)
    calm = np.flatnonzero((quiet > 0) & (quiet >= np.median(quiet)))
    if calm.size < 2:
        return np.unwrap(direction)
    around = np.interp(np.arange(direction.size), calm, np.unwrap(direction[calm]))
    nearest: FloatArray = around + np.angle(np.exp(1j * (direction - around)))
    return nearest


def _lever_part(lever_cols: FloatArray, lever: complex) -> FloatArray:
    """Restore to a look what the removed lever acceleration added: the columns see looks before its removal."""
    result: FloatArray = lever_cols @ np.array([lever.real, lever.imag])
    return result


def _ridge(
    columns: FloatArray,
    look: FloatArray,
    weight: FloatArray,
    scales: tuple[FloatArray, float],
    step_s: float,
    params: GravityParams,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weighted least squares of sensor errors on top of a slow trend; answers errors, covariance and residual."""
    prior, noise = scales
    knots = max(2, 1 + round(look.size * step_s / params.trend_s))
    position = np.linspace(0, knots - 1, look.size)
    used = slice(None, None, max(1, look.size // params.fit_rows))
    design = np.c_[_hats(position[used], knots), columns[used] * prior]
    start = float(np.median(look))
    shared = max(params.correlated, float(weight[used].sum()) / params.max_independent)
    root = np.sqrt(weight[used] / shared) / noise
    weighted = design * root[:, None]
    penalty = np.r_[np.full(knots, 1e-6), np.ones(prior.size)]
    inverse = np.linalg.inv(weighted.T @ weighted + np.diag(penalty))
    found = inverse @ (weighted.T @ ((look[used] - start) * root))
    errors = found[knots:] * prior
    trend = np.interp(position, np.arange(knots), found[:knots])
    return errors, inverse[knots:, knots:] * np.outer(prior, prior), look - start - trend - columns @ errors


def _hats(position: FloatArray, knots: int) -> FloatArray:
    """Piecewise linear functions, one per knot 0, 1, 2, ..."""
    result: FloatArray = np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(knots)))
    return result
