"""Bluetooth: what is in the air, and connections to it. The only module that knows bleak."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bleak_retry_connector import BleakNotFoundError, BleakOutOfConnectionSlotsError, establish_connection

from sensors.devices import BLUETOOTH_DRIVERS, gatt
from sensors.driver import Driver
from sensors.errors import LinkError, NoRadioError, RefusedError
from sensors.streaming import FoundUnit, Listener

__all__ = ["BluetoothLink", "Radio", "RadioParams"]

Answer = TypeVar("Answer")

_NO_ADAPTER = "no Bluetooth adapter found: plug one in, or switch Bluetooth on in the system's settings"
_NO_SERVICE = (
    "the system's Bluetooth service does not answer: install and start it (Linux: packages bluez and dbus, then "
    "systemctl start bluetooth), or plug in a Bluetooth adapter"
)
_NO_PERMISSION = (
    "this program may not use Bluetooth: allow it in the system's privacy settings (Linux: add the user to the group "
    "bluetooth and log in again)"
)
_SWITCHED_OFF = "Bluetooth is switched off: switch it on in the system's settings"
_BY_REASON = {
    BleakBluetoothNotAvailableReason.POWERED_OFF: _SWITCHED_OFF,
    BleakBluetoothNotAvailableReason.DENIED_BY_USER: _NO_PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: _NO_PERMISSION,
    BleakBluetoothNotAvailableReason.DENIED_BY_UNKNOWN: _NO_PERMISSION,
    BleakBluetoothNotAvailableReason.NO_BLE_CENTRAL_ROLE: "the Bluetooth adapter knows no low energy: use another one",
}
_BY_DBUS_ERROR = {
    "org.bluez.Error.NotReady": _SWITCHED_OFF,
    "org.bluez.Error.NotAvailable": _NO_ADAPTER,
    "org.freedesktop.DBus.Error.ServiceUnknown": _NO_SERVICE,
    "org.freedesktop.DBus.Error.NoReply": _NO_SERVICE,
    "org.freedesktop.DBus.Error.AccessDenied": _NO_PERMISSION,
}
_ELSEWHERE = "bring it closer, switch it on, and close other programs, telephones and tablets that may hold it"


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioParams:
    """How long the radio is waited for; all values chosen by us.

    Attributes
    ----------
    connect_attempts
        Attempts to connect before a unit is said to be out of reach.
    connect_s
        Longest time for all attempts together (s).
    operation_s
        Longest time for one read, write or subscription (s): three times the longest connection supervision that
        systems use is more than enough.
    answer_s
        Longest time for the answer to a command (s).
    """

    connect_attempts: int = 3
    connect_s: float = 45.0
    operation_s: float = 6.0
    answer_s: float = 3.0


class BluetoothLink:
    """An open connection to one unit."""

    def __init__(self, name: str, listener: Listener, params: RadioParams) -> None:
        self._name = name
        self._listener = listener
        self._params = params
        self._client: BleakClient | None = None
        self._closing = False
        self._asking: dict[str, list[Callable[[bytes], None]]] = {}

    def attach(self, client: BleakClient) -> None:
        """Take the connection that was made."""
        self._client = client

    def disconnected(self, _client: BleakClient) -> None:
        """Tell the holder, unless it closed the link itself."""
        if not self._closing:
            self._listener.lost()

    async def read(self, characteristic: str) -> bytes:
        """Read a characteristic."""
        async with self._operation("read") as client:
            return bytes(await client.read_gatt_char(characteristic))

    async def write(self, characteristic: str, data: bytes, *, response: bool) -> None:
        """Write a characteristic, in the way that it offers where it has but one."""
        async with self._operation("write") as client:
            found = client.services.get_characteristic(characteristic)
            if found is None:
                raise BleakCharacteristicNotFoundError(characteristic)
            offered = found.properties
            with_response = "write" in offered if response else "write-without-response" not in offered
            await client.write_gatt_char(found, data, response=with_response)

    async def ask(
        self, characteristic: str, data: bytes, *, answers_on: str, understand: Callable[[bytes], Answer | None]
    ) -> Answer:
        """Write, and return the first notification of `answers_on` that `understand` makes sense of."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def listen(notified: bytes) -> None:
            if not answered.done() and (answer := understand(notified)) is not None:
                answered.set_result(answer)

        asking = self._asking.setdefault(answers_on, [])
        asking.append(listen)
        try:
            await self.write(characteristic, data, response=True)
            async with asyncio.timeout(self._params.answer_s):
                return await answered
        except TimeoutError as error:
            raise LinkError(f"{self._name}: does not answer; switch it off and on, and bring it closer") from error
        finally:
            asking.remove(listen)

    def forget(self) -> None:
        """Have the listener drop what came so far."""
        self._listener.forget()

    async def subscribe(self, characteristic: str) -> None:
        """Have the notifications of a characteristic handed on."""
        async with self._operation("listen to") as client:
            await client.start_notify(characteristic, partial(self._notified, characteristic))

    async def close(self) -> None:
        """Disconnect."""
        self._closing = True
        if self._client is None:
            return
        with suppress(BleakError, OSError, TimeoutError, EOFError):
            async with asyncio.timeout(self._params.operation_s):
                await self._client.disconnect()

    def _notified(self, characteristic: str, _from: BleakGATTCharacteristic, data: bytearray) -> None:
        # The listener stamps and keeps; whatever else is done with the bytes comes after that.
        self._listener.notified(characteristic, data)
        for listen in tuple(self._asking.get(characteristic, ())):
            listen(bytes(data))

    @asynccontextmanager
    async def _operation(self, doing: str) -> AsyncIterator[BleakClient]:
        if self._client is None:
            raise LinkError(f"{self._name}: is not connected")
        try:
            async with asyncio.timeout(self._params.operation_s):
                yield self._client
        except (BleakError, OSError, EOFError) as error:
            raise _explained(error, f"{self._name}: cannot {doing} it") from error


class Radio:
    """Bluetooth of this machine, or an emulated one by its two bleak backend classes."""

    def __init__(
        self,
        drivers: Mapping[str, Driver] = BLUETOOTH_DRIVERS,
        *,
        client_backend: type[BaseBleakClient] | None = None,
        scanner_backend: type[BaseBleakScanner] | None = None,
        params: RadioParams = RadioParams(),
    ) -> None:
        self.drivers = drivers
        self._client_backend = client_backend
        self._scanner_backend = scanner_backend
        self._params = params
        # An adapter has one pending connection, and many cannot scan meanwhile.
        self._busy = asyncio.Lock()

    async def scan(self, seconds: float) -> tuple[FoundUnit, ...]:
        """Listen for units of known kinds, the nearest first."""
        heard = dict[str, FoundUnit]()

        def hear(unit: FoundUnit) -> None:
            heard[unit.address] = unit

        async with self._listening(hear):
            await asyncio.sleep(seconds)
        return tuple(sorted(heard.values(), key=lambda unit: -(unit.signal_dbm or -127.0)))

    async def find(self, found: FoundUnit, seconds: float) -> FoundUnit | None:
        """Listen for one unit that was found before, and return as soon as it is heard."""
        heard: asyncio.Future[FoundUnit] = asyncio.get_running_loop().create_future()

        def hear(unit: FoundUnit) -> None:
            if (unit.kind, unit.address) == (found.kind, found.address) and not heard.done():
                heard.set_result(unit)

        async with self._listening(hear):
            await asyncio.wait([heard], timeout=seconds)
        return heard.result() if heard.done() else None

    @asynccontextmanager
    async def _listening(self, hear: Callable[[FoundUnit], None]) -> AsyncIterator[None]:
        def recognise(device: BLEDevice, advertisement: AdvertisementData) -> None:
            unit = _recognise(device, advertisement, self.drivers)
            if unit is not None:
                hear(unit)

        try:
            async with self._busy, BleakScanner(recognise, backend=self._scanner_backend):
                yield
        except (BleakError, OSError, EOFError) as error:
            raise _explained(error, "cannot scan", no_radio=True) from error

    async def open(self, found: FoundUnit, listener: Listener) -> BluetoothLink:
        """Connect to a unit that a scan has found."""
        if not isinstance(found.handle, BLEDevice):
            raise LinkError(f"{found.name}: was not found by this radio; scan again")
        link = BluetoothLink(found.name, listener, self._params)
        try:
            async with self._busy, asyncio.timeout(self._params.connect_s):
                client = await establish_connection(
                    BleakClient,
                    found.handle,
                    found.name,
                    disconnected_callback=link.disconnected,
                    max_attempts=self._params.connect_attempts,
                    use_services_cache=False,
                    winrt={"use_cached_services": False},
                    backend=self._client_backend,
                )
        except (BleakError, OSError, EOFError) as error:
            raise _explained(error, f"{found.name}: cannot connect") from error
        link.attach(client)
        return link


def _recognise(device: BLEDevice, advertisement: AdvertisementData, drivers: Mapping[str, Driver]) -> FoundUnit | None:
    """Tell a unit's kind by its services, or else by its name."""
    services = {service.lower() for service in advertisement.service_uuids}
    name = advertisement.local_name or device.name or ""
    by_service = [kind for kind, driver in drivers.items() if services.intersection(driver.services)]
    by_name = [kind for kind, driver in drivers.items() if name.startswith(driver.name_prefixes)]
    kinds = by_service or by_name
    if not kinds:
        return None
    battery = advertisement.service_data.get(gatt.BATTERY_SERVICE, b"")
    return FoundUnit(
        kind=kinds[0],
        name=name or device.address,
        address=device.address,
        signal_dbm=float(advertisement.rssi),
        battery_percent=float(battery[0]) if len(battery) == 1 else None,
        handle=device,
    )


def _explained(error: Exception, what: str, *, no_radio: bool = False) -> LinkError:
    """Say what failed and what a person can do."""
    radio = _radio_fault(error)
    if radio is not None:
        return NoRadioError(radio)
    if isinstance(error, BleakCharacteristicNotFoundError):
        return RefusedError(f"{what}: it lacks {error.char_specifier}; its firmware is of another version: update it")
    if no_radio:
        return NoRadioError(f"{what}: {_one_line(error)}; {_NO_SERVICE}")
    return LinkError(f"{what}: {_unit_fault(error)}")


def _unit_fault(error: Exception) -> str:
    """Say what is wrong between this machine and the unit."""
    if isinstance(error, BleakGATTProtocolError):
        return f"it refuses ({error.code.name}); switch it off and on, and update its firmware"
    if isinstance(error, BleakOutOfConnectionSlotsError):
        return "the adapter holds as many connections as it can; disconnect other devices"
    if isinstance(error, BleakDeviceNotFoundError | BleakNotFoundError | TimeoutError):
        return f"it is out of range or connected elsewhere; {_ELSEWHERE}"
    return f"{_one_line(error)}; {_ELSEWHERE}"


def _radio_fault(error: Exception) -> str | None:
    """Return what is wrong with this machine's Bluetooth, if it is at fault."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _BY_REASON.get(error.reason, _NO_ADAPTER)
    if isinstance(error, BleakDBusError):
        return _BY_DBUS_ERROR.get(error.dbus_error)
    if isinstance(error, PermissionError):
        return _NO_PERMISSION
    # Without D-Bus its socket is missing, or nobody listens there.
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        return _NO_SERVICE
    return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
