"""Samples to frames as gatt.yaml lays them out."""

import struct

import gatt

LOST_MAX = 255
SEQ_WRAP = 0xFFFF


def samples_per_frame(mtu):
    """Return how many IMU samples a notification carries; 0 where not even one fits."""
    room = mtu - gatt.MTU_ATT_OVERHEAD - gatt.HEADER_BYTES
    return max(0, min(gatt.SAMPLES_MAX, room // gatt.SAMPLE_BYTES_IMU))


class Frames:
    """Gathers samples of one type, n to a frame."""

    def __init__(self, kind, layout, n, period_us):
        self._kind = kind
        self._layout = layout
        self._size = struct.calcsize(layout)
        self._n = n
        self._period_us = period_us
        self._buffer = bytearray(gatt.HEADER_BYTES + n * self._size)
        self._seq = 0
        self._filled = 0
        self._first_us = 0
        self._flags = 0
        self._lost = 0

    def add(self, at_us, values, flags):
        """Take one sample; return the frame when it is full, else None. The frame is valid until the next call."""
        if not self._filled:
            self._first_us = at_us
            self._flags = 0
        struct.pack_into(self._layout, self._buffer, gatt.HEADER_BYTES + self._filled * self._size, *values)
        self._flags |= flags
        self._filled += 1
        return self.finish() if self._filled == self._n else None

    def finish(self):
        """Return what has been gathered as a frame, None where nothing has."""
        if not self._filled:
            return None
        lost = min(self._lost, LOST_MAX)
        struct.pack_into(
            gatt.HEADER_FORMAT,
            self._buffer,
            0,
            gatt.PROTOCOL << 4 | self._kind,
            self._flags,
            self._seq,
            self._first_us,
            self._period_us,
            self._filled,
            lost,
        )
        self._seq = self._seq + 1 & SEQ_WRAP
        self._lost = 0
        size = gatt.HEADER_BYTES + self._filled * self._size
        self._filled = 0
        return memoryview(self._buffer)[:size]

    def miss(self, samples):
        """Count samples not read in time; those gathered go too, since a frame has one interval throughout."""
        self._lost += samples + self._filled
        self._filled = 0
