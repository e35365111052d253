"""Bridge converter NAU7802 on I²C (Nuvoton datasheet, revision 1.7)."""

import time

from micropython import const

PU_CTRL = const(0x00)
CTRL1 = const(0x01)
CTRL2 = const(0x02)
ADCO_B2 = const(0x12)
ADC_CTRL = const(0x15)
PGA_POWER = const(0x1C)

RESET = const(0x01)
DIGITAL_ON = const(0x02)
ANALOG_ON = const(0x04)
POWERED = const(0x08)
CONVERT = const(0x10)
READY = const(0x20)
INTERNAL_SUPPLY = const(0x80)
SUPPLY_3V0_GAIN_128 = const(0x2F)
RATE_320_HZ = const(0x70)
CALIBRATE = const(0x04)
CALIBRATION_FAILED = const(0x08)
CHOPPER_OFF = const(0x30)
BYPASS_CAPACITOR = const(0x80)

TRIES = const(50)
PAUSE_MS = const(10)
FULL_SCALE = const(0x7FFFFF)


class Nau7802:
    """The converter of the force handle; an `OSError` means that it did not answer or does not convert."""

    def __init__(self, bus, address):
        self._bus = bus
        self._address = address
        self._counts = 0

    def start(self):
        """Power up at 320 conversions a second, gain 128, and let it calibrate itself."""
        self._write(PU_CTRL, RESET)
        self._write(PU_CTRL, DIGITAL_ON)
        self._wait(PU_CTRL, POWERED, POWERED)
        self._write(PU_CTRL, DIGITAL_ON | ANALOG_ON | INTERNAL_SUPPLY)
        self._write(CTRL1, SUPPLY_3V0_GAIN_128)
        self._write(CTRL2, RATE_320_HZ)
        self._write(ADC_CTRL, CHOPPER_OFF)
        self._write(PGA_POWER, BYPASS_CAPACITOR)
        self._write(PU_CTRL, DIGITAL_ON | ANALOG_ON | INTERNAL_SUPPLY | CONVERT)
        self._write(CTRL2, RATE_320_HZ | CALIBRATE)
        self._wait(CTRL2, CALIBRATE, 0)
        if self._read(CTRL2) & CALIBRATION_FAILED:
            raise OSError("calibration")

    def read(self):
        """Return the newest conversion in counts; the one before where none is new."""
        if self._read(PU_CTRL) & READY:
            high, middle, low = self._bus.readfrom_mem(self._address, ADCO_B2, 3)
            counts = high << 16 | middle << 8 | low
            self._counts = counts - (1 << 24) if counts & 0x800000 else counts
        return self._counts

    def _wait(self, register, mask, wanted):
        for _ in range(TRIES):
            if self._read(register) & mask == wanted:
                return
            time.sleep_ms(PAUSE_MS)
        raise OSError("register %02x" % register)

    def _read(self, register):
        return self._bus.readfrom_mem(self._address, register, 1)[0]

    def _write(self, register, value):
        self._bus.writeto_mem(self._address, register, bytes((value,)))
