"""Orientation of one sensor against gravity."""

import numpy as np
import vqf

from analysis.model import FloatArray
from sensors.errors import SensorError
from sensors.samples import ImuSamples

__all__ = ["inclination"]


def inclination(samples: ImuSamples) -> FloatArray:
    """Orientation of a sensor against the vertical; its heading is arbitrary and drifts.

    Parameters
    ----------
    samples
        One sensor; lost packets are bridged by straight lines.

    Returns
    -------
    numpy.ndarray
        Quaternions (w, x, y, z) that turn sensor axes into a frame with z up, at `samples.time_s`, shape (n, 4).

    Raises
    ------
    SensorError
        If the filter cannot take the signals.

    References
    ----------
    .. [1] Laidig D, Seel T. Information Fusion 2023;91:187-204. doi:10.1016/j.inffus.2022.10.014
    """
    step_s = float(np.median(np.diff(samples.time_s)))
    even_s = np.arange(samples.time_s[0], samples.time_s[-1] + step_s, step_s)
    gyr, acc = (
        np.ascontiguousarray(np.stack([np.interp(even_s, samples.time_s, values[:, i]) for i in range(3)], axis=1))
        for values in (samples.gyr_rad_s, samples.acc_m_s2)
    )
    try:
        quat: FloatArray = vqf.offlineVQF(gyr, acc, None, step_s)["quat6D"]
    except (ValueError, RuntimeError) as error:
        raise SensorError(f"the orientation cannot be found from these samples: {error}") from error
    nearest = np.clip(np.rint((samples.time_s - even_s[0]) / step_s).astype(int), 0, even_s.size - 1)
    return np.asarray(quat[nearest], dtype=np.float64)
