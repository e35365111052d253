"""Stands in for MicroPython's time: the world's, not the clock's on the wall."""

from world import world

PERIOD = 1 << 30  # as on the ESP32


def ticks_us():
    """Return microseconds that wrap as on the board."""
    return world.now_us & (PERIOD - 1)


def ticks_diff(later, earlier):
    """Return the signed difference across the wrap."""
    return ((later - earlier + PERIOD // 2) & (PERIOD - 1)) - PERIOD // 2


def sleep_us(us):
    """Let time pass."""
    world.advance(us)


def sleep_ms(ms):
    """Let time pass."""
    world.advance(ms * 1000)
