"""The chips on the bus, register by register: a driver that sets them up wrongly reads wrong numbers here too."""

import os
import struct

from world import world

MOVEMENT = "movement.bin"
MOVEMENT_RATE_HZ = 1000
ROW = struct.calcsize("<13f")
GYRO_MDPS = (8.75, 17.5, 35.0, 70.0)  # by FS_G of CTRL2_G
ACC_MG = (0.061, 0.488, 0.122, 0.244)  # by FS_XL of CTRL1_XL
ODR_HZ = (0, 12.5, 26, 52, 104, 208, 416, 833, 1667, 3333, 6667)
INT16 = 32767


class Movement:
    """What happens to the sensors: rows of gyro A (dps), acc A (g), gyro B, acc B, converter's input (counts)."""

    def __init__(self):
        self._file = open(MOVEMENT, "rb")
        self._rows = os.stat(MOVEMENT)[6] // ROW
        self._row = bytearray(ROW)
        self._at = None

    def at(self, us):
        """Return the row at a time; the last one holds for ever."""
        index = min(int(us * MOVEMENT_RATE_HZ / 1e6), self._rows - 1)
        if index != self._at:
            self._file.seek(index * ROW)
            self._file.readinto(self._row)
            self._at = index
        return struct.unpack("<13f", self._row)


movement = Movement()


class Lsm6dsoChip:
    """Registers 0x0F to 0x2D of the inertial sensor; measures nothing until it is switched on."""

    def __init__(self, part, column):
        self.part = part
        self._column = column
        self._reset()

    def _reset(self):
        self._registers = bytearray(128)
        self._registers[0x0F] = 0x6C
        self._registers[0x12] = 0x04  # address increments after a reset

    def write(self, register, value):
        """Take a byte."""
        if register == 0x12 and value & 0x01:
            self._reset()
        elif register != 0x0F:
            self._registers[register] = value

    def read(self, register, n):
        """Give n bytes."""
        if register <= 0x2D and register + n > 0x22:
            self._measure()
        if not self._registers[0x12] & 0x04:
            return bytes([self._registers[register]] * n)
        return bytes(self._registers[register : register + n])

    def _measure(self):
        gyro, acc = self._registers[0x11], self._registers[0x10]
        self._put(0x22, gyro, 0, [1000 / GYRO_MDPS[gyro >> 2 & 3]] * 3)
        self._put(0x28, acc, 3, [1000 / ACC_MG[acc >> 2 & 3]] * 3)

    def _put(self, register, control, offset, counts_per_unit):
        rate = ODR_HZ[control >> 4]
        if not rate:
            return
        measured_us = int(world.now_us * rate / 1e6) * 1e6 / rate
        row = movement.at(measured_us)
        for axis in range(3):
            counts = round(row[self._column + offset + axis] * counts_per_unit[axis])
            counts = max(-INT16 - 1, min(INT16, counts))
            struct.pack_into("<h", self._registers, register + 2 * axis, counts)


class Nau7802Chip:
    """Registers 0x00 to 0x1F of the bridge converter."""

    RATES_HZ = {0: 10, 1: 20, 2: 40, 3: 80, 7: 320}

    def __init__(self, part):
        self.part = part
        self._registers = bytearray(32)
        self._last = None

    def write(self, register, value):
        """Take a byte."""
        if register == 0 and value & 0x01:
            self._registers = bytearray(32)
        self._registers[register] = value

    def read(self, register, n):
        """Give n bytes."""
        if register == 0x00:
            self._tell_state()
        elif register == 0x02:
            calibrating = self._registers[2]
            self._registers[2] = calibrating & ~0x04  # it is done when it is asked again
            if "force_calibration" in world.faults:
                return bytes([calibrating & ~0x04 | 0x08])
        elif register <= 0x12 < register + n:
            counts = int(movement.at(world.now_us)[12]) & 0xFFFFFF if self._converts() else 0
            self._registers[0x12:0x15] = bytes((counts >> 16, counts >> 8 & 0xFF, counts & 0xFF))
            self._last = self._conversion()
        return bytes(self._registers[register : register + n])

    def _converts(self):
        return self._registers[0] & 0x16 == 0x16 and self._registers[1] & 0x07 == 0x07

    def _conversion(self):
        return int(world.now_us * self.RATES_HZ.get(self._registers[2] >> 4 & 7, 10) / 1e6)

    def _tell_state(self):
        state = self._registers[0] & ~0x28
        if state & 0x02 and "force_power" not in world.faults:
            state |= 0x08
        if self._converts() and self._conversion() != self._last:
            state |= 0x20
        self._registers[0] = state


CHIPS = {0x6B: Lsm6dsoChip("imu_a", 0), 0x6A: Lsm6dsoChip("imu_b", 6), 0x2A: Nau7802Chip("force")}
