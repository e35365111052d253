"""The I²C bus, and how it is freed when a sensor was interrupted in the middle of a byte."""

import time

from machine import I2C, Pin

import board

CLOCKS = 9  # enough for the byte and its acknowledge (UM10204, 3.1.16)
HALF_PERIOD_US = 5
TIMEOUT_US = 2000


def open_bus():
    """Return the bus; raises `OSError` where SDA or SCL stays low."""
    free()
    return I2C(0, scl=Pin(board.PIN_SCL), sda=Pin(board.PIN_SDA), freq=board.BUS_RATE_HZ, timeout=TIMEOUT_US)


def free():
    """Clock out whatever a sensor still wants to say."""
    data = Pin(board.PIN_SDA, Pin.IN)
    clock = Pin(board.PIN_SCL, Pin.OPEN_DRAIN, value=1)
    for _ in range(CLOCKS):
        if data.value():
            break
        clock.value(0)
        time.sleep_us(HALF_PERIOD_US)
        clock.value(1)
        time.sleep_us(HALF_PERIOD_US)
    if not data.value() or not clock.value():
        raise OSError("bus stuck")
