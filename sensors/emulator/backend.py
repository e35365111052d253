"""bleak's two backend classes over the emulated air: `BleakClient` and `BleakScanner` themselves stay unmodified."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar, get_args

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)
from bumble import att, core
from bumble.device import Advertisement, Connection, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address, HCI_Error

from sensors.emulator.adapter import Adapter
from sensors.emulator.advertising import Heard, hear

__all__ = ["EmulatedClient", "EmulatedScanner", "client_backend", "scanner_backend"]

Answer = TypeVar("Answer")

_PROPERTY_NAMES = {name.replace("-", "_").upper(): name for name in get_args(CharacteristicPropertyName)}


def client_backend(adapter: Adapter) -> type[BaseBleakClient]:
    """Return the class to pass as ``BleakClient(..., backend=...)``."""
    return type("EmulatedClientOnAdapter", (EmulatedClient,), {"adapter": adapter})


def scanner_backend(adapter: Adapter) -> type[BaseBleakScanner]:
    """Return the class to pass as ``BleakScanner(..., backend=...)``."""
    return type("EmulatedScannerOnAdapter", (EmulatedScanner,), {"adapter": adapter})


def _require(adapter: Adapter) -> None:
    if not adapter.present:
        raise BleakBluetoothNotAvailableError(
            "No Bluetooth adapters found.", BleakBluetoothNotAvailableReason.NO_BLUETOOTH
        )


class EmulatedScanner(BaseBleakScanner):
    """Scans the emulated air of its class's adapter."""

    adapter: ClassVar[Adapter]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str,  # noqa: ARG002 - bleak passes it
        **_kwargs: Any,  # noqa: ANN401 - arguments of other platforms
    ) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        """Start scanning."""
        _require(self.adapter)
        self.seen_devices = {}
        await self.adapter.listen(self._heard)

    async def stop(self) -> None:
        """Stop scanning."""
        await self.adapter.unlisten(self._heard)

    def _heard(self, advertisement: Advertisement) -> None:
        address = advertisement.address.to_string(with_type_qualifier=False)
        heard: Heard = hear(advertisement.data_bytes)
        if not self.is_allowed_uuid(list(heard.service_uuids)):
            return
        data = AdvertisementData(
            local_name=heard.name,
            manufacturer_data=dict(heard.manufacturer_data),
            service_data={},
            service_uuids=list(heard.service_uuids),
            tx_power=None,
            rssi=self.adapter.link.signal_dbm.get(address, advertisement.rssi),
            platform_data=(),
        )
        device = self.create_or_update_device(address, address, heard.name, None, data)
        self.call_detection_callbacks(device, data)


class EmulatedClient(BaseBleakClient):
    """A GATT client on the emulated air of its class's adapter."""

    adapter: ClassVar[Adapter]
    _connection: Connection | None = None
    _peer: Peer | None = None
    _mtu = att.ATT_DEFAULT_MTU

    @property
    def name(self) -> str:
        """Address of the unit; the emulated host keeps no names."""
        return self.address

    @property
    def mtu_size(self) -> int:
        """Negotiated MTU."""
        return self._mtu

    @property
    def is_connected(self) -> bool:
        """Whether the link stands."""
        return self._connection is not None

    async def connect(self, pair: bool, **_kwargs: Any) -> None:  # noqa: ANN401, FBT001 - bleak's signature
        """Connect and discover all that the unit offers; nothing is paired."""
        del pair
        _require(self.adapter)
        try:
            connection = await self._ask(self.adapter.connect(self.address, self._timeout))
        except TimeoutError:
            if self.adapter.link.find_le_controller(Address(self.address)) is None:
                raise BleakDeviceNotFoundError(self.address, f"Device {self.address} was not found") from None
            raise
        self._connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, self._dropped)
        try:
            self._peer = Peer(connection)
            self._mtu = await self._ask(self._peer.request_mtu(self.adapter.params.adapter_mtu))
            await self._ask(self._peer.discover_all())  # type: ignore[no-untyped-call]  # bumble's
        except BaseException:
            await self.disconnect()
            raise
        self.services = self._collect(self._peer)

    async def disconnect(self) -> None:
        """End the link; one that ended already is no error."""
        connection = self._connection
        if connection is not None:
            await self._ask(connection.disconnect())

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:  # noqa: ANN401 - bleak's signature
        """Refuse: the emulated units know no pairing."""
        raise BleakError("pairing is not emulated")

    async def unpair(self) -> None:
        """Refuse: the emulated units know no pairing."""
        raise BleakError("pairing is not emulated")

    async def read_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        *,
        use_cached: bool = False,  # noqa: ARG002 - nothing is kept
        **_kwargs: Any,  # noqa: ANN401
    ) -> bytearray:
        """Read a characteristic."""
        return bytearray(await self._ask(self._open().gatt_client.read_value(characteristic.obj)))

    async def read_gatt_descriptor(
        self,
        descriptor: BleakGATTDescriptor,
        *,
        use_cached: bool = False,  # noqa: ARG002 - nothing is kept
        **_kwargs: Any,  # noqa: ANN401
    ) -> bytearray:
        """Read a descriptor."""
        return bytearray(await self._ask(self._open().gatt_client.read_value(descriptor.handle)))

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's signature
    ) -> None:
        """Write a characteristic."""
        client = self._open().gatt_client
        await self._ask(client.write_value(characteristic.obj, bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        """Write a descriptor."""
        client = self._open().gatt_client
        await self._ask(client.write_value(descriptor.handle, bytes(data), with_response=True))

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Subscribe to a characteristic."""
        told = characteristic.uuid

        def notified(data: bytes) -> None:
            self.adapter.hand_up(self.address, told, data, self._while_connected(callback))

        await self._ask(self._open().gatt_client.subscribe(characteristic.obj, notified))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """Unsubscribe from a characteristic."""
        client = self._open().gatt_client
        client.notification_subscribers.pop(characteristic.handle, None)
        await self._ask(client.unsubscribe(characteristic.obj, force=True))

    def _while_connected(self, callback: NotifyCallback) -> Callable[[bytearray], None]:
        connection = self._connection

        def receive(data: bytearray) -> None:
            if self._connection is connection:
                callback(data)

        return receive

    def _open(self) -> Peer:
        if self._peer is None:
            raise BleakError("Not connected")
        return self._peer

    async def _ask(self, request: Awaitable[Answer]) -> Answer:
        """Wait for an answer over the link, with bumble's errors in bleak's words."""
        try:
            return await request
        except asyncio.CancelledError as error:
            # bumble cancels what waits for an answer when a link drops; nobody asked this task to end.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise BleakError("disconnected") from error
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except core.TimeoutError as error:
            raise TimeoutError from error
        except (core.BaseBumbleError, HCI_Error) as error:
            raise BleakError(str(error) or "the link failed") from error

    def _dropped(self, _reason: int) -> None:
        self._connection = None
        self._peer = None
        self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def _collect(self, peer: Peer) -> BleakGATTServiceCollection:
        """List what was discovered in bleak's own terms."""
        collection = BleakGATTServiceCollection()
        for found in peer.services:
            service = BleakGATTService(found, found.handle, _uuid(found.uuid))
            collection.add_service(service)
            for proxy in found.characteristics:
                characteristic = BleakGATTCharacteristic(
                    proxy, proxy.handle, _uuid(proxy.uuid), _properties(proxy), lambda: self._mtu - 3, service
                )
                collection.add_characteristic(characteristic)
                for descriptor in proxy.descriptors:
                    collection.add_descriptor(
                        BleakGATTDescriptor(descriptor, descriptor.handle, _uuid(descriptor.type), characteristic)
                    )
        return collection


def _uuid(found: core.UUID) -> str:
    return str(uuid.UUID(bytes=found.to_bytes(force_128=True)[::-1]))


def _properties(proxy: CharacteristicProxy[bytes]) -> list[CharacteristicPropertyName]:
    return [_PROPERTY_NAMES[flag.name] for flag in type(proxy.properties) if flag in proxy.properties and flag.name]
