"""The calibration in flash: written beside the old one, then renamed; its CRC tells whether it is whole."""

import binascii
import os
import struct

import gatt

PATH = "calibration.bin"
PARTIAL = "calibration.new"
CRC_BYTES = 4
# Where the numbers of CAL_FORMAT lie in their list
PARTS = 1
GYRO_OFFSETS = {gatt.CAP_IMU_A: 16, gatt.CAP_IMU_B: 40}
FORCE_OFFSET = 52


class Store:
    """What is kept while the power is off. `fault` is true where the flash holds something that was not written."""

    def __init__(self):
        self.fault = False
        self.blob = b""
        try:
            with open(PATH, "rb") as file:
                blob = file.read()
        except OSError:
            return
        if is_whole(blob):
            self.blob = blob
        else:
            self.fault = True

    def write(self, blob):
        """Keep a calibration; an empty one forgets it. Returns whether it was one."""
        if blob and not is_whole(blob):
            return False
        with open(PARTIAL, "wb") as file:
            file.write(blob)
        os.rename(PARTIAL, PATH)
        self.blob = bytes(blob)
        self.fault = False
        return True

    def crc(self):
        """Return the lower 16 bits of the CRC that the blob ends with, 0 without one."""
        return struct.unpack(gatt.CAL_CRC_FORMAT, self.blob[-CRC_BYTES:])[0] & 0xFFFF if self.blob else 0

    def fields(self):
        """Return the calibration's numbers as a list; those of an uncalibrated unit where there is none."""
        if self.blob:
            return list(struct.unpack(gatt.CAL_FORMAT, self.blob[: gatt.CAL_BYTES]))
        plain = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]
        return [gatt.CAL_VERSION, 0, 0, 0] + plain * 4 + [0, 0.0, 0.0]

    def write_fields(self, fields):
        """Keep changed numbers."""
        self.write(packed(fields))

    def hold_fields(self, fields):
        """Use changed numbers until the power goes off."""
        self.blob = packed(fields)


def packed(fields):
    """Return the blob of a list of numbers."""
    body = struct.pack(gatt.CAL_FORMAT, *fields)
    return body + struct.pack(gatt.CAL_CRC_FORMAT, binascii.crc32(body))


def is_whole(blob):
    """Tell a calibration that is complete, of this layout and unharmed; an empty file is one that was forgotten."""
    if not blob:
        return True
    if len(blob) != gatt.CAL_BYTES + CRC_BYTES or blob[0] != gatt.CAL_VERSION:
        return False
    return binascii.crc32(blob[: gatt.CAL_BYTES]) == struct.unpack(gatt.CAL_CRC_FORMAT, blob[gatt.CAL_BYTES :])[0]
