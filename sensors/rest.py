"""Rests of a sensor: where it does not turn, its gyroscope shows its bias."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.model import FloatArray

__all__ = ["RestParams", "rest_mask", "resting_bias"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestParams:
    """What counts as a rest; all values chosen by us, in the spirit of VQF (doi:10.1016/j.inffus.2022.10.014).

    Attributes
    ----------
    window_s
        A rest lasts at least this long (s).
    gyr_sd_rad_s
        Largest scatter of the angular rate (rad/s per axis) at rest.
    acc_sd_m_s2
        Largest scatter of the specific force (m/s2 per axis) at rest; a slow movement turns gravity beyond it.
    max_bias_rad_s
        Faster steady rates (rad/s) are movement, not bias.
    shrink_s
        Rests are shortened by this much (s) at both ends: movement starts before it shows.
    """

    window_s: float = 0.8
    gyr_sd_rad_s: float = 0.02
    acc_sd_m_s2: float = 0.15
    max_bias_rad_s: float = 0.09
    shrink_s: float = 0.1


def rest_mask(
    gyr_rad_s: FloatArray, acc_m_s2: FloatArray, rate_hz: float, params: RestParams = RestParams()
) -> NDArray[np.bool_]:
    """Tell where an evenly sampled sensor rests.

    Parameters
    ----------
    gyr_rad_s, acc_m_s2
        Signals, shape (n, 3).
    rate_hz
        Their rate.
    params
        What counts as a rest.
    """
    step = max(1, round(rate_hz * params.window_s / 8))  # an eighth of the window resolves it well enough
    blocks = gyr_rad_s.shape[0] // step
    if blocks < 8:
        return np.zeros(gyr_rad_s.shape[0], dtype=bool)
    quiet = np.ones(blocks, dtype=bool)
    for values, limit in ((gyr_rad_s, params.gyr_sd_rad_s), (acc_m_s2, params.acc_sd_m_s2)):
        shaped = values[: blocks * step].reshape(blocks, step, 3)
        mean, square = shaped.mean(axis=1), (shaped**2).mean(axis=1)
        wide_mean = ndimage.uniform_filter1d(mean, 8, axis=0)
        wide = ndimage.uniform_filter1d(square, 8, axis=0) - wide_mean**2
        quiet &= (wide < limit**2).all(axis=1)
        if values is gyr_rad_s:
            quiet &= np.linalg.norm(wide_mean, axis=1) < params.max_bias_rad_s
    shrink = max(1, round(params.shrink_s * rate_hz / step))
    quiet = ndimage.binary_erosion(ndimage.binary_dilation(quiet, iterations=4), iterations=4 + shrink - 1)
    resting: NDArray[np.bool_] = np.r_[np.repeat(quiet, step), np.full(gyr_rad_s.shape[0] - blocks * step, quiet[-1])]
    return resting


def resting_bias(gyr_rad_s: FloatArray, resting: NDArray[np.bool_]) -> FloatArray:
    """Median rate over all rests, zeros where there was none, shape (3,)."""
    if not resting.any():
        return np.zeros(3)
    bias: FloatArray = np.median(gyr_rad_s[resting], axis=0)
    return bias
