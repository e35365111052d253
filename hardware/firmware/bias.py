"""The rate that the gyroscopes show at rest."""

import time

import gatt
from store import GYRO_OFFSETS, PARTS

RATE_HZ = 100
RADIANS = 3.141592653589793 / 180


def add_gyro_bias(fields, sensing, seconds, range_dps, feed):
    """Return the calibration with the mean rate over so many seconds; None where a sensor stops answering.

    Whether the unit did lie still is for the host to judge, which sees the same samples.
    """
    parts = sensing.imu_parts()
    sums = {part: [0, 0, 0] for part in parts}
    n = seconds * RATE_HZ
    for _ in range(n):
        for part in parts:
            sample = sensing.read_imu(part)
            if sample is None:
                return None
            for axis in range(3):
                sums[part][axis] += sample[axis]
        feed()
        time.sleep_ms(1000 // RATE_HZ)
    if not parts:
        return None
    for part in parts:
        fields[PARTS] |= part
        for axis in range(3):
            fields[GYRO_OFFSETS[part] + axis] = sums[part][axis] / n * range_dps / gatt.FULL_SCALE_COUNTS * RADIANS
    return fields
