"""Stands in for MicroPython's bluetooth: a peripheral whose radio is the host process."""

from world import world

FLAG_READ = 0x0002
FLAG_WRITE_NO_RESPONSE = 0x0004
FLAG_WRITE = 0x0008
FLAG_NOTIFY = 0x0010

ENOMEM = 12
BUFFER_BYTES = 20  # as on the board: a longer write is cut to it unless the buffer was made larger
IRQ_CONNECT = 1
IRQ_DISCONNECT = 2
IRQ_WRITE = 3
IRQ_MTU = 21


class UUID:
    """A UUID: 16 bits or a text."""

    def __init__(self, value):
        self.text = "0000%04x-0000-1000-8000-00805f9b34fb" % value if isinstance(value, int) else value


class BLE:
    """The radio."""

    def __init__(self):
        self._irq = None
        self._names = []
        self._values = []
        self._sizes = []
        world.radio = self

    def active(self, on):
        """Switch it on."""

    def config(self, mtu):
        """Set the largest MTU."""
        world.sent.append(["mtu", mtu])

    def irq(self, handler):
        """Set what is called when something happens."""
        self._irq = handler

    def gatts_register_services(self, services):
        """Take the services; return the handles of their characteristics."""
        handles = []
        for service, characteristics in services:
            row = []
            for uuid, flags in characteristics:
                row.append(len(self._names))
                self._names.append(uuid.text)
                self._values.append(b"")
                self._sizes.append(BUFFER_BYTES)
                world.sent.append(["characteristic", service.text, uuid.text, flags])
            handles.append(tuple(row))
        return tuple(handles)

    def gatts_set_buffer(self, handle, size):
        """Make room for longer writes."""
        self._sizes[handle] = size

    def gatts_write(self, handle, data):
        """Set a value."""
        self._values[handle] = bytes(data)
        world.sent.append(["value", self._names[handle], hexed(data)])

    def gatts_read(self, handle):
        """Return a value."""
        return self._values[handle]

    def gatts_notify(self, connection, handle, data):
        """Send, whether anybody subscribed or not, as on the board."""
        if "queue" in world.faults:
            raise OSError(ENOMEM)
        world.sent.append(["notify", self._names[handle], hexed(data)])

    def gap_advertise(self, interval_us, adv_data, connectable=True):
        """Offer the unit."""
        world.sent.append(["advertise", hexed(adv_data)])

    def gap_disconnect(self, connection):
        """End the connection."""
        world.sent.append(["disconnect"])

    def happen(self, event):
        """Take what the host says that happened."""
        kind = event[0]
        if kind == "connect":
            self._irq(IRQ_CONNECT, (0, 0, b""))
        elif kind == "disconnect":
            self._irq(IRQ_DISCONNECT, (0, 0, b""))
        elif kind == "mtu":
            self._irq(IRQ_MTU, (0, event[1]))
        elif kind == "write":
            handle = self._names.index(event[1])
            data = bytes(int(event[2][at : at + 2], 16) for at in range(0, len(event[2]), 2))
            self._values[handle] = data[: self._sizes[handle]]
            self._irq(IRQ_WRITE, (0, handle))


def hexed(data):
    """Write bytes as text."""
    return "".join("%02x" % byte for byte in data)
