"""Accelerometer and gyroscope LSM6DSO or LSM6DSOX on I²C (ST datasheets DS12140 and DS12814)."""

import struct
import time

from micropython import const

WHO_AM_I = const(0x0F)
CTRL1_XL = const(0x10)
CTRL2_G = const(0x11)
CTRL3_C = const(0x12)
OUTX_L_G = const(0x22)

IDENTITY = const(0x6C)
SOFTWARE_RESET = const(0x01)
BLOCK_UPDATE_AND_INCREMENT = const(0x44)
# 833 Hz: a sample that is read 200 times a second is at most 1.2 ms old
ACC_833_HZ_16_G = const(0x74)
GYRO_833_HZ_2000_DPS = const(0x7C)

# The sensor counts 70 mdps at 2000 dps (datasheet, table 2); a frame counts 2000/32768 = 61.035 mdps: 1.14688 x 2^16
GYRO_SCALE = const(75162)
COUNT_MAX = const(32767)
RESET_MS = const(10)


class Lsm6dso:
    """One sensor; an `OSError` of the bus means that it did not answer."""

    def __init__(self, bus, address):
        self._bus = bus
        self._address = address
        self._raw = bytearray(12)

    def start(self):
        """Reset and configure; raises `OSError` where nothing or something else answers."""
        identity = self._bus.readfrom_mem(self._address, WHO_AM_I, 1)[0]
        if identity != IDENTITY:
            raise OSError("who_am_i %02x" % identity)
        self._write(CTRL3_C, SOFTWARE_RESET)
        time.sleep_ms(RESET_MS)
        self._write(CTRL3_C, BLOCK_UPDATE_AND_INCREMENT)
        self._write(CTRL1_XL, ACC_833_HZ_16_G)
        self._write(CTRL2_G, GYRO_833_HZ_2000_DPS)

    def read(self):
        """Return gyro x y z in counts of 2000/32768 dps, then acc x y z in counts of 16/32768 g."""
        self._bus.readfrom_mem_into(self._address, OUTX_L_G, self._raw)
        gx, gy, gz, ax, ay, az = struct.unpack("<6h", self._raw)
        return scaled(gx), scaled(gy), scaled(gz), ax, ay, az

    def _write(self, register, value):
        self._bus.writeto_mem(self._address, register, bytes((value,)))


def scaled(raw):
    """Count a gyro reading on the frame's scale; what goes beyond it stands at its end."""
    value = (raw * GYRO_SCALE + 32768) >> 16
    return COUNT_MAX if value > COUNT_MAX else -COUNT_MAX - 1 if value < -COUNT_MAX - 1 else value
