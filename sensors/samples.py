"""Samples of one inertial measurement unit on the recording's clock."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from analysis.model import FloatArray, readonly

__all__ = ["ImuSamples"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImuSamples:
    """Accelerometer and gyroscope of one sensor, in its own axes; how it is strapped on is unknown.

    Attributes
    ----------
    time_s
        Strictly increasing times on the recording's clock, shape (n,), n >= 2; lost packets are missing times.
    acc_m_s2
        Specific force, +9.81 upwards at rest, shape (n, 3).
    gyr_rad_s
        Angular rate, shape (n, 3).
    """

    time_s: FloatArray
    acc_m_s2: NDArray[np.float64]
    gyr_rad_s: NDArray[np.float64]

    def __post_init__(self) -> None:
        time = readonly(self.time_s, "ImuSamples.time_s")
        if time.size < 2:
            raise DataError(f"expected at least 2 samples of an IMU; got {time.size}")
        if not (np.diff(time) > 0).all():
            raise DataError(
                "expected strictly increasing times of an IMU; got times that stand still, go back or are missing"
            )
        object.__setattr__(self, "time_s", time)
        for name in ("acc_m_s2", "gyr_rad_s"):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != (time.size, 3):
                raise DataError(f"expected ImuSamples.{name} of shape ({time.size}, 3); got {values.shape}")
            if not np.isfinite(values).all():
                raise DataError(f"expected finite values in ImuSamples.{name}; got missing or infinite ones")
            values.setflags(write=False)
            object.__setattr__(self, name, values)
