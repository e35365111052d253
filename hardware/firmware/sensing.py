"""Both inertial sensors and the force handle: which of them answer, and their samples."""

import board
import gatt
from bus import open_bus
from lsm6dso import Lsm6dso
from nau7802 import Nau7802

ADDRESSES = ((gatt.CAP_IMU_A, board.ADDRESS_IMU_A), (gatt.CAP_IMU_B, board.ADDRESS_IMU_B))


class Sensing:
    """A sensor that stops answering is left alone until `open` is called again."""

    def __init__(self, faults):
        self._faults = faults
        self._imus = {}
        self._force = None
        self.open()

    def open(self):
        """Look for every sensor and set it up."""
        self._imus = {}
        self._force = None
        try:
            bus = open_bus()
        except OSError:
            self._faults.set(gatt.STATUS_BUS_STUCK, True)
            return
        self._faults.set(gatt.STATUS_BUS_STUCK, False)
        for part, address in ADDRESSES:
            imu = Lsm6dso(bus, address)
            if answers(imu):
                self._imus[part] = imu
        force = Nau7802(bus, board.ADDRESS_FORCE)
        self._force = force if answers(force) else None
        self._faults.set(gatt.STATUS_IMU_MISSING, len(self._imus) < len(ADDRESSES))
        self._faults.set(gatt.STATUS_FORCE_MISSING, self._force is None)

    def complete(self):
        """Tell whether all of them answer."""
        return len(self._imus) == len(ADDRESSES) and self._force is not None

    def caps(self):
        """Return what there is, bit by bit."""
        return sum(self._imus) | (0 if self._force is None else gatt.CAP_FORCE)

    def has_force(self):
        """Tell whether the force handle answers."""
        return self._force is not None

    def imu_parts(self):
        """Return the inertial sensors that answer."""
        return tuple(self._imus)

    def read_imu(self, part):
        """Return gyro and acc of one sensor in counts, None without an answer."""
        imu = self._imus.get(part)
        if imu is None:
            return None
        try:
            return imu.read()
        except OSError:
            del self._imus[part]
            self._faults.set(gatt.STATUS_IMU_MISSING, True)
            return None

    def read_force(self):
        """Return the force in counts, None without an answer."""
        if self._force is None:
            return None
        try:
            return self._force.read()
        except OSError:
            self._force = None
            self._faults.set(gatt.STATUS_FORCE_MISSING, True)
            return None


def answers(sensor):
    """Start a sensor; tell whether it is there."""
    try:
        sensor.start()
    except OSError:
        return False
    return True
