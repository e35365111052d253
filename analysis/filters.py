"""Zero-lag smoothing, resampling and differentiation of angle, force and EMG series."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from analysis.errors import AnalysisError
from analysis.model import FloatArray

__all__ = ["band_pass", "bridge_gaps", "low_pass", "resample", "time_derivative"]


def low_pass(values: FloatArray, *, rate_hz: float, cutoff_hz: float, order: int = 4) -> FloatArray:
    """Smooth evenly sampled values by a zero-lag Butterworth filter.

    Parameters
    ----------
    values
        Evenly sampled, no NaN, shape (n,).
    rate_hz
        Sampling rate.
    cutoff_hz
        Frequency at which the forward-backward filter has lost 3 dB; at or above the Nyquist frequency the values
        pass unchanged.
    order
        Order of the forward-backward filter, even.

    Raises
    ------
    AnalysisError
        If a value is missing.

    References
    ----------
    .. [1] Winter DA. Biomechanics and Motor Control of Human Movement, 4th ed., 2009, section 3.4.4.2: two passes of an
       order n/2 filter, with the cut-off of each raised so that both together have it. doi:10.1002/9780470549148
    """
    if not np.isfinite(values).all():
        raise AnalysisError(f"expected values without gaps to smooth; {int((~np.isfinite(values)).sum())} are missing")
    passes = 2
    corrected_hz = cutoff_hz / (2 ** (1 / passes) - 1) ** (1 / (2 * (order // passes)))  # [1], eq. 3.15 generalised
    if corrected_hz >= 0.5 * rate_hz:
        return values.copy()
    sos = _low_pass_sections(order // passes, corrected_hz / rate_hz)
    pad = min(values.size - 1, int(3 * rate_hz / cutoff_hz))
    smooth: FloatArray = signal.sosfiltfilt(sos, values, padlen=pad)
    return smooth


def band_pass(values: FloatArray, *, rate_hz: float, band_hz: tuple[float, float], pad: int) -> FloatArray:
    """Keep a band of evenly sampled values by a zero-lag Butterworth filter of order 4.

    Parameters
    ----------
    values
        Evenly sampled, no NaN, shape (n,).
    rate_hz
        Sampling rate.
    band_hz
        Lower and upper cut-off, below the Nyquist frequency.
    pad
        Samples by which the values are extended at both ends while the filter settles.
    """
    kept: FloatArray = signal.sosfiltfilt(_band_pass_sections(*band_hz, rate_hz).copy(), values, padlen=pad)
    return kept


def _low_pass_sections(order: int, cutoff: float) -> NDArray[np.float64]:
    """Design a digital Butterworth low-pass of even order; each movement has a cut-off of its own, many times an exam.

    The bilinear transform of the analogue sections ``1 / (s^2 + 2 sin(phi) s + 1)``; the cut-off is a share of the
    sampling rate.
    """
    if order % 2:
        return np.asarray(signal.butter(order, cutoff, fs=1.0, output="sos"), dtype=np.float64)
    warped = np.tan(np.pi * cutoff)
    phi = np.pi * (2 * np.arange(order // 2) + 1) / (2 * order)
    lean = 2.0 * np.sin(phi) * warped
    whole = 1.0 + lean + warped**2
    gain, one = warped**2 / whole, np.ones_like(phi)
    return np.stack([gain, 2 * gain, gain, one, 2 * (warped**2 - 1) / whole, (1 - lean + warped**2) / whole], axis=1)


@lru_cache(maxsize=32)
def _band_pass_sections(low_hz: float, high_hz: float, rate_hz: float) -> NDArray[np.float64]:
    """Design a band-pass once for all stretches; the array is read-only because it is shared."""
    sos = np.asarray(signal.butter(2, (low_hz, high_hz), btype="bandpass", fs=rate_hz, output="sos"), dtype=np.float64)
    sos.setflags(write=False)
    return sos


def time_derivative(values: FloatArray, *, rate_hz: float) -> FloatArray:
    """Differentiate evenly sampled values by central differences (one-sided at the ends); units per second."""
    return np.gradient(values, 1.0 / rate_hz)


def resample(time_s: FloatArray, values: FloatArray, at_s: FloatArray, *, max_gap_s: float) -> FloatArray:
    """Interpolate values linearly at other times; gaps stay gaps.

    Parameters
    ----------
    time_s, values
        The series; NaN values are gaps, shape (n,).
    at_s
        Times to read it at, shape (m,).
    max_gap_s
        Observed samples further apart than this are not joined: NaN lies between them, and outside the series.

    Returns
    -------
    numpy.ndarray
        Values at `at_s`, shape (m,).
    """
    seen = np.isfinite(values)
    if seen.sum() < 2:
        return np.full(at_s.shape, np.nan)
    known_s = time_s[seen]
    result = np.interp(at_s, known_s, values[seen], left=np.nan, right=np.nan)
    after = np.clip(np.searchsorted(known_s, at_s, side="left"), 1, known_s.size - 1)
    left_s, right_s = known_s[after - 1], known_s[after]
    inside_gap = (right_s - left_s > max_gap_s) & (at_s > left_s) & (at_s < right_s)
    result[inside_gap] = np.nan
    return result


def bridge_gaps(values: FloatArray) -> FloatArray:
    """Join gaps (NaN) by straight lines so that a filter can run; the caller puts the gaps back afterwards.

    Raises
    ------
    AnalysisError
        If nothing was observed.
    """
    seen = np.isfinite(values)
    if not seen.any():
        raise AnalysisError("nothing was observed: every value is missing (NaN)")
    index = np.arange(values.size)
    return np.interp(index, index[seen], values[seen])
