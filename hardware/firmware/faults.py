"""What is wrong with the unit at the moment, told to whoever is connected when it begins and when all is well again."""

import gatt


class Faults:
    """Statuses of gatt.yaml; `tell` sends one and returns whether it went out."""

    def __init__(self, tell):
        self._tell = tell
        self._present = set()
        self._told = set()

    def __contains__(self, status):
        return status in self._present

    def set(self, status, present):
        """Note that a fault is there, or is not."""
        if present and status not in self._present:
            self._present.add(status)
            self.tell_new()
        elif not present and status in self._present:
            self._present.remove(status)
            self._told.discard(status)
            if not self._present:
                self._tell(gatt.STATUS_OK)

    def forget_told(self):
        """Somebody new listens: everything is news."""
        self._told = set()

    def tell_new(self):
        """Tell what has not been told; what does not go out is tried again with the next call."""
        for status in sorted(self._present - self._told):
            if self._tell(status):
                self._told.add(status)
