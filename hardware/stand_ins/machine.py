"""Stands in for MicroPython's machine: pins, converter, bus and watchdog of the world."""

from chips import CHIPS
from world import world

ENODEV = 19
ETIMEDOUT = 116


class Pin:
    """A pin; the bus lines can be held low by a fault."""

    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    LIGHT = 10
    LINES = (6, 7)

    def __init__(self, number, mode=IN, value=None):
        self.number = number
        self._mode = mode
        self._value = 1 if value is None else value

    def value(self, new=None):
        """Set or read the level."""
        if new is not None:
            self._value = new
            if self.number == self.LIGHT:
                world.light = new
        if self.number in self.LINES and "bus" in world.faults:
            return 0
        return self._value


class ADC:
    """A converter's pin, with its voltage from the world."""

    ATTN_11DB = 3

    def __init__(self, pin, atten=0):
        self._number = str(pin.number)
        self._atten = atten

    def read_uv(self):
        """Return the voltage at the pin in µV; a converter without attenuation ends at 0.75 V."""
        volts = world.volts.get(self._number, 0.0)
        return int(1e6 * (volts if self._atten == self.ATTN_11DB else min(volts, 0.75)))


class I2C:
    """The bus: chips that are missing do not acknowledge, a stuck bus times out."""

    def __init__(self, bus, scl, sda, freq, timeout):
        self.freq = freq

    def _chip(self, address):
        if "bus" in world.faults:
            raise OSError(ETIMEDOUT)
        chip = CHIPS.get(address)
        if chip is None or chip.part in world.faults:
            raise OSError(ENODEV)
        return chip

    def readfrom_mem(self, address, register, n):
        """Read n bytes from a register on."""
        return self._chip(address).read(register, n)

    def readfrom_mem_into(self, address, register, buffer):
        """Read into a buffer."""
        buffer[:] = self._chip(address).read(register, len(buffer))

    def writeto_mem(self, address, register, data):
        """Write to a register."""
        for place, value in enumerate(data):
            self._chip(address).write(register + place, value)


class WDT:
    """The watchdog: time that passes without a feed ends the run."""

    def __init__(self, timeout):
        world.watchdog_us = timeout * 1000
        self.feed()

    def feed(self):
        """Say that the program is alive."""
        world.fed_us = world.now_us


def unique_id():
    """Return the chip's identity."""
    return b"\x02\x00\x5e\x10\x20\x30"


def reset():
    """Restart: the host starts the program anew."""
    world.end("reset")
