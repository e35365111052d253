"""The Bluetooth side: services, advertising, and what the host wrote, in the order in which it came."""

import bluetooth
from micropython import const

import gatt

IRQ_CONNECT = const(1)
IRQ_DISCONNECT = const(2)
IRQ_WRITE = const(3)
IRQ_MTU = const(21)

NOTIFY = bluetooth.FLAG_READ | bluetooth.FLAG_NOTIFY
MTU_DEFAULT = const(23)
ADVERTISE_US = const(100_000)
ADVERTISED_FLAGS = b"\x02\x01\x06"
TYPE_UUID128 = const(0x07)
TYPE_SHORT_NAME = const(0x08)
BACKLOG = const(16)
CAL_BUFFER = gatt.CAL_BYTES + 4


class Radio:
    """Holds at most one connection; events are ("connected",), ("disconnected",), (characteristic, bytes, t_us)."""

    def __init__(self, clock, model, serial, revision):
        self.mtu = MTU_DEFAULT
        self.connected = False
        self._refused = False
        self._clock = clock
        self._connection = None
        self._events = []
        self._ble = bluetooth.BLE()
        self._ble.active(True)
        self._ble.config(mtu=gatt.MTU_WANTED)
        self._ble.irq(self._irq)
        self._register(model, serial, revision)

    def advertise(self, tag):
        """Offer the service under the unit's name; the name stands in the packet itself, not in a scan response."""
        name = (gatt.NAME_PREFIX + tag).encode()[: gatt.NAME_MAX_BYTES]
        uuid = bytes(reversed(bytes_of(gatt.SERVICE)))
        data = ADVERTISED_FLAGS + field(TYPE_UUID128, uuid) + field(TYPE_SHORT_NAME, name)
        self._ble.gap_advertise(ADVERTISE_US, data, connectable=True)

    def events(self):
        """Return what has happened since the last call."""
        happened, self._events = self._events, []
        return happened

    def notify(self, characteristic, data):
        """Send; returns False where the queue is full, which loses this message and never blocks."""
        if not self.connected:
            return False
        try:
            # the stubs leave the connection out, which the board wants
            handle = self._handles[characteristic]
            self._ble.gatts_notify(self._connection, handle, data)  # type: ignore[call-arg,arg-type]
        except OSError:
            self._refused = True
            return False
        return True

    def take_refused(self):
        """Tell whether the queue refused anything since the last call."""
        refused, self._refused = self._refused, False
        return refused

    def publish(self, characteristic, data):
        """Set what a read of the characteristic returns."""
        self._ble.gatts_write(self._handles[characteristic], data)

    def drop(self):
        """End the connection."""
        if self.connected:
            self._ble.gap_disconnect(self._connection)  # type: ignore[arg-type]  # the stubs want a memoryview

    def _register(self, model, serial, revision):
        information = (
            (gatt.MODEL_NUMBER, model),
            (gatt.SERIAL_NUMBER, serial),
            (gatt.FIRMWARE_REVISION, revision),
            (gatt.HARDWARE_REVISION, gatt.NAME_PREFIX + "1"),
        )
        own = (
            (gatt.CHARACTERISTIC_DATA, NOTIFY),
            (gatt.CHARACTERISTIC_ANALOG, NOTIFY),
            (gatt.CHARACTERISTIC_CONTROL, bluetooth.FLAG_WRITE | bluetooth.FLAG_NOTIFY),
            (gatt.CHARACTERISTIC_INFO, bluetooth.FLAG_READ),
            (gatt.CHARACTERISTIC_SYNC, bluetooth.FLAG_WRITE_NO_RESPONSE | bluetooth.FLAG_NOTIFY),
            (gatt.CHARACTERISTIC_CAL, bluetooth.FLAG_READ | bluetooth.FLAG_WRITE),
        )
        standard = tuple((uuid, bluetooth.FLAG_READ) for uuid, _ in information)
        handles = self._ble.gatts_register_services(
            (
                service(gatt.SERVICE, own),
                service(gatt.DEVICE_INFORMATION_SERVICE, standard),
                service(gatt.BATTERY_SERVICE, ((gatt.BATTERY_LEVEL, NOTIFY),)),
            )
        )
        names = [uuid for uuid, _ in own], [uuid for uuid, _ in standard], [gatt.BATTERY_LEVEL]
        self._handles = {uuid: handle for group, row in zip(names, handles) for uuid, handle in zip(group, row)}
        self._written = {handle: uuid for uuid, handle in self._handles.items()}
        for uuid, text in information:
            self.publish(uuid, text.encode())
        # a longer write than 20 bytes would be cut without a word
        self._ble.gatts_set_buffer(self._handles[gatt.CHARACTERISTIC_CAL], CAL_BUFFER)

    def _irq(self, event, data):
        if event == IRQ_CONNECT:
            self._connection = data[0]
            self.connected = True
            self.mtu = MTU_DEFAULT
            self._events.append(("connected",))
        elif event == IRQ_DISCONNECT:
            self.connected = False
            self._events.append(("disconnected",))
        elif event == IRQ_MTU:
            self.mtu = data[1]
        elif event == IRQ_WRITE and len(self._events) < BACKLOG:
            # the stamp is taken here: a ping's time is when it came, not when the loop came round to it
            stamp = self._clock.now_us()
            self._events.append((self._written[data[1]], bytes(self._ble.gatts_read(data[1])), stamp))


def service(uuid, characteristics):
    """Put a service into the form in which it is registered."""
    return bluetooth.UUID(short(uuid)), tuple((bluetooth.UUID(short(one)), flags) for one, flags in characteristics)


def short(uuid):
    """Return the 16-bit number of a Bluetooth SIG UUID, any other UUID as it is."""
    return int(uuid[4:8], 16) if uuid.startswith("0000") and uuid.endswith("-0000-1000-8000-00805f9b34fb") else uuid


def bytes_of(uuid):
    """Return the 16 bytes of a UUID, first digit first."""
    digits = uuid.replace("-", "")
    return bytes(int(digits[at : at + 2], 16) for at in range(0, 32, 2))


def field(kind, value):
    """Return one field of an advertising packet."""
    return bytes((len(value) + 1, kind)) + value
