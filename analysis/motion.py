"""Evenly sampled movement along the stretch: what every detector reads, smoothed once."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import Akima1DInterpolator

from analysis.errors import AnalysisError
from analysis.filters import bridge_gaps, low_pass, resample, time_derivative
from analysis.model import FloatArray, JointAngle

__all__ = ["Motion", "MotionParams", "smooth_motion", "track_motion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionParams:
    """How an angle series is resampled and smoothed.

    Attributes
    ----------
    rate_hz
        Rate of the even grid; a slower source keeps its own. 200 Hz: clinical dossier, section 6; chosen by us.
    cutoff_hz
        Highest cut-off of the zero-lag low-pass; the deceleration of a catch needs 15 Hz or more (dossier, section 6,
        after van den Noort 2009, doi:10.1016/j.gaitpost.2009.05.011).
    min_cutoff_hz
        Lowest cut-off, however noisy the source; a fast stretch of 0.5 s still shows. Chosen by us.
    velocity_noise_deg_s
        The cut-off is lowered until white noise of the samples leaves no more than this in the velocity. Chosen by us.
    bandwidth_share
        Share of the source's bandwidth that is used. Chosen by us.
    max_gap_s
        Observed samples further apart than this (and than three sampling intervals) leave a gap. Chosen by us.
    """

    rate_hz: float = 200.0
    cutoff_hz: float = 15.0
    min_cutoff_hz: float = 3.0
    velocity_noise_deg_s: float = 12.0
    bandwidth_share: float = 0.5
    max_gap_s: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """Movement along the stretch on an even grid.

    Attributes
    ----------
    time_s
        Even grid, shape (n,).
    stretch_deg
        Joint angle times the sign of the stretch: grows as the muscle lengthens. Gaps are bridged; see `seen`.
    velocity_deg_s, acceleration_deg_s2
        Its derivatives.
    raw_deg
        The stretch coordinate before smoothing.
    seen
        False where the joint was not observed.
    sign
        The sign of the stretch; `sign * stretch_deg` is the joint angle.
    rate_hz, cutoff_hz
        Rate of the grid and cut-off of the low-pass.
    noise_deg
        Standard deviation of the samples' white noise, before smoothing.
    systematic_deg
        Median of the error that the source states for its samples; 0 where it states none.
    """

    time_s: FloatArray
    stretch_deg: FloatArray
    velocity_deg_s: FloatArray
    acceleration_deg_s2: FloatArray
    raw_deg: FloatArray
    seen: NDArray[np.bool_]
    sign: int
    rate_hz: float
    cutoff_hz: float
    noise_deg: float
    systematic_deg: float

    @property
    def velocity_noise_deg_s(self) -> float:
        """Standard deviation that the samples' white noise leaves in the smoothed velocity."""
        share = min(2.0 * self.cutoff_hz / self.rate_hz, 1.0)
        return float(2.0 * np.pi * self.cutoff_hz * self.noise_deg * np.sqrt(share / 3.0))

    @property
    def angle_noise_deg(self) -> float:
        """Standard deviation that the samples' white noise leaves in the smoothed angle."""
        return float(self.noise_deg * np.sqrt(min(2.0 * self.cutoff_hz / self.rate_hz, 1.0)))


def track_motion(angle: JointAngle, *, stretch_sign: int, params: MotionParams = MotionParams()) -> Motion:
    """Resample a joint angle evenly, smooth it as far as its noise demands, and differentiate it twice.

    Lost packets are bridged by curves that go on as the samples around them do; longer gaps by straight lines, marked.

    Raises
    ------
    AnalysisError
        If nothing, or less than a few samples, was observed.
    """
    seen_samples = np.isfinite(angle.angle_deg)
    if seen_samples.sum() < _FEWEST_SAMPLES:
        raise AnalysisError(
            f"the joint was observed in {int(seen_samples.sum())} samples of JointAngle.angle_deg (all others are "
            f"missing, NaN); at least {_FEWEST_SAMPLES} are needed"
        )
    rate_hz = min(params.rate_hz, angle.rate_hz)
    first_s, last_s = angle.time_s[seen_samples][[0, -1]]
    time_s = first_s + np.arange(int((last_s - first_s) * rate_hz + 1e-6) + 1) / rate_hz
    gap_s = max(params.max_gap_s, 3.0 / angle.rate_hz)
    observed = resample(angle.time_s, angle.angle_deg, time_s, max_gap_s=gap_s)
    noise_deg = _white_noise(angle.angle_deg[seen_samples])
    stated = angle.sd_deg[np.isfinite(angle.sd_deg)]
    curve = Akima1DInterpolator(angle.time_s[seen_samples], angle.angle_deg[seen_samples])
    seen = np.isfinite(observed)
    bridged = stretch_sign * np.where(seen, curve(time_s), bridge_gaps(observed))
    unsmoothed = Motion(
        time_s=time_s,
        stretch_deg=bridged,
        velocity_deg_s=bridged,
        acceleration_deg_s2=bridged,
        raw_deg=bridged,
        seen=seen,
        sign=stretch_sign,
        rate_hz=rate_hz,
        cutoff_hz=np.inf,
        noise_deg=noise_deg,
        systematic_deg=float(np.median(stated)) if stated.size else 0.0,
    )
    cutoff_hz = _cutoff(noise_deg, rate_hz=rate_hz, bandwidth_hz=angle.bandwidth_hz, params=params)
    return smooth_motion(unsmoothed, cutoff_hz=cutoff_hz)


def smooth_motion(motion: Motion, *, cutoff_hz: float) -> Motion:
    """Smooth a movement anew at another cut-off, and differentiate it."""
    smooth = low_pass(motion.raw_deg, rate_hz=motion.rate_hz, cutoff_hz=cutoff_hz)
    velocity = time_derivative(smooth, rate_hz=motion.rate_hz)
    return replace(
        motion,
        stretch_deg=smooth,
        velocity_deg_s=velocity,
        acceleration_deg_s2=time_derivative(velocity, rate_hz=motion.rate_hz),
        cutoff_hz=cutoff_hz,
    )


_FEWEST_SAMPLES = 8
"""A smoothing filter and a third difference need this many."""


def _white_noise(values: FloatArray) -> float:
    """Estimate the standard deviation of white noise from third differences, which smooth movement hardly enters."""
    third = np.diff(values, n=3)
    return float(1.4826 * np.median(np.abs(third)) / np.sqrt(20.0))  # 1, 3, 3, 1: variance 20 times the samples'


def _cutoff(noise_deg: float, *, rate_hz: float, bandwidth_hz: float, params: MotionParams) -> float:
    """Choose the cut-off that leaves the permitted noise in velocity.

    White noise of deviation s, low-passed at f and differentiated, deviates by ``2 pi f s sqrt(f / (3 f_N))``.
    """
    highest = min(params.cutoff_hz, params.bandwidth_share * bandwidth_hz)
    if noise_deg > 0:
        permitted = params.velocity_noise_deg_s * np.sqrt(3.0 * rate_hz / 2.0) / (2.0 * np.pi * noise_deg)
        highest = min(highest, float(permitted ** (2.0 / 3.0)))
    return max(params.min_cutoff_hz, highest)
