"""The unit's clock: microseconds modulo 2^32, from a counter that wraps much sooner."""

import time

WRAP = 0xFFFFFFFF


class Clock:
    """Widens `time.ticks_us`; has to be read once in a few minutes, which every loop does."""

    def __init__(self):
        self._ticks = time.ticks_us()
        self._us = 0

    def now_us(self):
        """Return the time since power-on, modulo 2^32 µs."""
        ticks = time.ticks_us()
        self._us = (self._us + time.ticks_diff(ticks, self._ticks)) & WRAP
        self._ticks = ticks
        return self._us


def until(later_us, now_us):
    """Return how far `later_us` lies ahead (negative: behind), across the wrap."""
    ahead = (later_us - now_us) & WRAP
    return ahead - WRAP - 1 if ahead > WRAP >> 1 else ahead
