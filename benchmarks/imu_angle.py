"""Cost of the joint angle from a 25-minute pair of sensors, against two bare VQF runs on the same data in the same run.

python benchmarks/imu_angle.py [minutes]
"""

import sys
import time
from collections.abc import Callable

import numpy as np
import vqf

from sensors.joint_angle import angle_from_imus
from sensors.samples import ImuSamples

RATE_HZ = 100.0
ROUNDS = 7


def swinging_pair(minutes: float) -> tuple[ImuSamples, ImuSamples]:
    """Make a still sensor and one that swings by 90 deg every three seconds about a horizontal axis."""
    rng = np.random.default_rng(0)
    time_s = np.arange(0.0, 60.0 * minutes, 1.0 / RATE_HZ)
    angle = np.deg2rad(45.0) * (1 - np.cos(2 * np.pi * time_s / 3.0))
    zero = np.zeros_like(time_s)
    streams = []
    for turned in (zero, angle):
        acc = 9.81 * np.stack([np.sin(turned), np.cos(turned), zero], axis=1)
        gyr = np.stack([zero, zero, np.gradient(turned, time_s)], axis=1)
        noise = [rng.normal(0.0, sd, acc.shape) for sd in (0.05, 0.002)]
        streams.append(ImuSamples(time_s=time_s, acc_m_s2=acc + noise[0], gyr_rad_s=gyr + noise[1] + 0.01))
    return streams[0], streams[1]


def fastest_s(run: Callable[[], object]) -> float:
    """Measure the fastest of several rounds in seconds, which other processes disturb least."""
    took = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        took.append(time.perf_counter() - start)
    return min(took)


def main() -> None:
    """Print seconds and ratios."""
    pair = swinging_pair(float(sys.argv[1]) if len(sys.argv) > 1 else 25.0)
    arrays = [[np.ascontiguousarray(values) for values in (s.gyr_rad_s, s.acc_m_s2)] for s in pair]
    causal = fastest_s(lambda: [vqf.VQF(1 / RATE_HZ).updateBatch(gyr, acc) for gyr, acc in arrays])
    offline = fastest_s(lambda: [vqf.offlineVQF(gyr, acc, None, 1 / RATE_HZ) for gyr, acc in arrays])
    angle = fastest_s(lambda: angle_from_imus(*pair, stretch_sign=1))
    print(f"{pair[0].time_s.size} samples each; angle {angle:.3f} s")
    print(f"two causal VQF runs {causal:.3f} s, ratio {angle / causal:.2f}")
    print(f"two offline VQF runs {offline:.3f} s, ratio {angle / offline:.2f}")


if __name__ == "__main__":
    main()
