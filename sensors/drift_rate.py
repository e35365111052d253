"""How fast an integrated angle drifts: read off rests, and off what little gravity lies in the plane of movement."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.drift import shared_memory
from sensors.ends import rest_runs
from sensors.gravity import Blocks, GravityLooks, Turning

__all__ = ["DriftRateParams", "SteadyRate", "fit_rate", "joined", "look_by_rates_in_rests", "steady_rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftRateParams:
    """How well the rate of the drift is known; all values chosen by us for consumer-grade sensors.

    Attributes
    ----------
    rest_noise_deg_s
        Noise of one block's look at the bias in a rest (deg/s).
    rest_moved_deg, rests_known
        Skin and limb move in rests (deg, standard deviation): taken from how differently the rests turned, and as far
        as so many rests would tell it from this number.
    rest_creep_deg_s, creep_scatters
        The joint itself turns in rests, held against a muscle that gives: all rests may share such a rate (deg/s,
        standard deviation), or so many times the scatter of their rates if that is less.
    least_in_plane, least_sd_deg_s
        From this share of gravity in the plane of movement on, the steady rate of the drift is read off it, to no
        better than the second (deg/s).
    """

    rest_noise_deg_s: float = 0.1
    rest_moved_deg: float = 0.3
    rests_known: float = 0.2
    rest_creep_deg_s: float = 0.2
    creep_scatters: float = 2.0
    least_in_plane: float = 0.05
    least_sd_deg_s: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SteadyRate:
    """Rate of the drift over a whole recording and its standard deviation, infinite where nothing tells it (deg/s)."""

    rate_deg_s: float = 0.0
    sd_deg_s: float = np.inf


def look_by_rates_in_rests(
    turning: Turning, blocks: Blocks, resting: NDArray[np.bool_], params: DriftRateParams
) -> tuple[FloatArray, FloatArray]:
    """Take the rate of the integrated angle over each rest as a look at the gyroscopes' bias.

    Returns
    -------
    tuple
        Looks (deg/s) and their variance, one in each rest's middle block and NaN elsewhere, shape (k,) each.
    """
    looks, var = np.full(blocks.first.size, np.nan), np.full(blocks.first.size, np.nan)
    runs = rest_runs(blocks.mean(resting.astype(float)) > 0.999)
    if not runs.size:
        return looks, var
    joint = np.rad2deg(turning.joint_rad)
    edges = np.r_[blocks.first, joint.size - 1][runs]
    lasting_s = np.maximum(np.diff(runs)[:, 0] * blocks.step_s, blocks.step_s)
    rates = np.diff(joint[edges])[:, 0] / lasting_s
    common = np.average(rates, weights=lasting_s**2)
    apart = float(np.sum(((rates - common) * lasting_s) ** 2))
    known = params.rests_known
    moved2 = (known * 2.0 * params.rest_moved_deg**2 + apart) / (known + rates.size - 1)
    creep = params.rest_creep_deg_s
    if rates.size > 1:
        creep = min(creep, params.creep_scatters * float(np.std(rates)))
    at = runs.mean(axis=1).astype(np.intp)
    looks[at] = rates
    var[at] = params.rest_noise_deg_s**2 * blocks.step_s / lasting_s + moved2 / lasting_s**2
    var[at] += rates.size * creep**2  # what all share does not average out
    return looks, var


def steady_rate(looks: GravityLooks, blocks: Blocks, params: DriftRateParams) -> SteadyRate:
    """Read the steady rate of the drift off gravity in the plane of movement, however little there is of it.

    The accelerometers' biases turn with the sensors and come back with the angle: unlike the drift, they do not grow.
    """
    if looks.in_plane < params.least_in_plane:
        return SteadyRate()
    at_s = np.arange(blocks.first.size, dtype=np.float64) * blocks.step_s
    found = fit_rate(at_s, looks.drift_deg, looks.weight)
    return SteadyRate(rate_deg_s=found.rate_deg_s, sd_deg_s=float(np.hypot(found.sd_deg_s, params.least_sd_deg_s)))


def fit_rate(at_s: FloatArray, looks_deg: FloatArray, weight: FloatArray) -> SteadyRate:
    """Fit one constant rate of drift to noisy looks.

    Parameters
    ----------
    at_s, looks_deg
        Times of the looks, and the looks, NaN where there is none, shape (k,).
    weight
        Trust in each look, shape (k,).

    Returns
    -------
    SteadyRate
        The rate; its standard deviation is read off the scatter about the line and how long that lasts. Unknown for
        fewer than three looks.
    """
    used = np.isfinite(looks_deg) & (weight > 0)
    if used.sum() < 3:
        return SteadyRate()
    root = np.sqrt(weight[used])
    design = np.c_[np.ones(root.size), at_s[used] - at_s[used].mean()] * root[:, None]
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ (looks_deg[used] * root)
    left = looks_deg[used] * root - design @ found
    variance = float(left @ left) / float(root @ root) * shared_memory(left) * inverse[1, 1]
    return SteadyRate(rate_deg_s=float(found[1]), sd_deg_s=float(np.sqrt(variance)))


def joined(rest_looks: tuple[FloatArray, FloatArray], steady: SteadyRate) -> tuple[FloatArray, FloatArray]:
    """Add a steady rate to the looks at the bias, in the middle of the recording."""
    looks, var = rest_looks[0].copy(), rest_looks[1].copy()
    at = looks.size // 2
    if not np.isfinite(steady.sd_deg_s):
        return looks, var
    steady_weight = steady.sd_deg_s**-2
    own_weight = 1.0 / var[at] if np.isfinite(looks[at]) else 0.0
    own = looks[at] if own_weight else 0.0
    var[at] = 1.0 / (steady_weight + own_weight)
    looks[at] = var[at] * (steady_weight * steady.rate_deg_s + own_weight * own)
    return looks, var
