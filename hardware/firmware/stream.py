"""From start to stop: every sensor read when it is due, and what was not read in time counted."""

import time

import gatt
from clock import WRAP, until
from frames import Frames
from nau7802 import FULL_SCALE

CLIP = 32767
NO_IMU = (0, 0, 0, 0, 0, 0)
WAKE_EARLY_US = 1000
NAP_US = 5000


class Stream:
    """One run of the sensors; a frame's flags come from them and from `common`, which the caller keeps up to date."""

    def __init__(self, clock, sensing, radio, rate_hz, n):
        self.common = 0
        self._clock = clock
        self._sensing = sensing
        self._radio = radio
        self._period_us = 1_000_000 // rate_hz
        self._imu = Frames(gatt.FRAME_IMU, gatt.SAMPLE_FORMAT_IMU, n, self._period_us)
        self._force = Frames(gatt.FRAME_FORCE, gatt.SAMPLE_FORMAT_FORCE, n, self._period_us)
        self._due_us = clock.now_us() + self._period_us & WRAP

    def step(self):
        """Wait a little, or read every sensor if it is time."""
        ahead = until(self._due_us, self._clock.now_us())
        if ahead > 2 * WAKE_EARLY_US:  # leave the processor to the radio, but be back in time
            time.sleep_us(min(ahead - WAKE_EARLY_US, NAP_US))
            return
        if ahead > 0:
            time.sleep_us(ahead)
        self._skip_missed()
        self._read(self._due_us)
        self._due_us = self._due_us + self._period_us & WRAP

    def finish(self):
        """Send what has been gathered."""
        self._send(gatt.CHARACTERISTIC_DATA, self._imu.finish())
        self._send(gatt.CHARACTERISTIC_ANALOG, self._force.finish())

    def _skip_missed(self):
        missed = -until(self._due_us, self._clock.now_us()) // self._period_us
        if missed > 0:
            self._imu.miss(missed)
            if self._sensing.has_force():
                self._force.miss(missed)
            self._due_us = self._due_us + missed * self._period_us & WRAP

    def _read(self, at_us):
        a = self._sensing.read_imu(gatt.CAP_IMU_A)
        b = self._sensing.read_imu(gatt.CAP_IMU_B)
        flags = self.common | (0 if a else gatt.FLAG_IMU_A_MISSING) | (0 if b else gatt.FLAG_IMU_B_MISSING)
        values = (a or NO_IMU) + (b or NO_IMU)
        flags |= clipped(values, 0, gatt.FLAG_GYRO_CLIP) | clipped(values, 3, gatt.FLAG_ACC_CLIP)
        self._send(gatt.CHARACTERISTIC_DATA, self._imu.add(at_us, values, flags))
        counts = self._sensing.read_force()
        if counts is not None:
            flags = self.common | (gatt.FLAG_SATURATED if abs(counts) >= FULL_SCALE else 0)
            self._send(gatt.CHARACTERISTIC_ANALOG, self._force.add(at_us, (counts,), flags))

    def _send(self, characteristic, frame):
        if frame is not None:
            self._radio.notify(characteristic, frame)


def clipped(values, first, flag):
    """Return the flag where one of both sensors' three values from `first` on stands at the end of its scale."""
    for start in (first, first + 6):
        for value in values[start : start + 3]:
            if value >= CLIP or value < -CLIP:
                return flag
    return 0
