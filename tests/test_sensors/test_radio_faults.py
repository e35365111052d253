"""Whatever the system's Bluetooth raises becomes one line with a remedy; no foreign exception leaves the radio."""

# ruff: noqa: ANN401, ARG002, C901 - the backends have bleak's own signatures

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from sensors.devices import gatt, witmotion
from sensors.emulator.virtual_time import run_virtual
from sensors.errors import LinkError, NoRadioError, RefusedError
from sensors.radio import Radio
from sensors.streaming import FoundUnit

REASON = BleakBluetoothNotAvailableReason
WRITE_ONLY, MISSING, SILENT = "0000aa01-0000-1000-8000-00805f9b34fb", "0000aa02-0000-1000-8000-00805f9b34fb", "silent"


class Listens:
    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.losses = self.forgotten = 0

    def notified(self, characteristic: str, data: bytes | bytearray) -> None:
        self.heard.append((characteristic, bytes(data)))

    def forget(self) -> None:
        self.forgotten += 1

    def lost(self) -> None:
        self.losses += 1


def advertised(name: str | None, services: list[str], battery: int | None = None) -> AdvertisementData:
    return AdvertisementData(
        local_name=name,
        manufacturer_data={},
        service_data={} if battery is None else {gatt.BATTERY_SERVICE: bytes([battery])},
        service_uuids=services,
        tx_power=None,
        rssi=-60,
        platform_data=(),
    )


def scanner(*heard: tuple[str, AdvertisementData], error: Exception | None = None) -> type[BaseBleakScanner]:
    class Scanner(BaseBleakScanner):
        def __init__(self, detection_callback: Any, service_uuids: Any, scanning_mode: str, **_kwargs: Any) -> None:
            super().__init__(detection_callback, service_uuids)

        async def start(self) -> None:
            if error is not None:
                raise error
            for address, data in heard:
                device = self.create_or_update_device(address, address, data.local_name or "", None, data)
                self.call_detection_callbacks(device, data)

        async def stop(self) -> None:
            pass

    return Scanner


def client(*, connecting: Exception | None = None, reading: Exception | None = None) -> type[BaseBleakClient]:
    class Client(BaseBleakClient):
        connected = False
        on_notify: Callable[[bytearray], None] | None = None

        @property
        def name(self) -> str:
            return "Plain"

        @property
        def mtu_size(self) -> int:
            return 23

        @property
        def is_connected(self) -> bool:
            return self.connected

        async def connect(self, pair: bool, **_kwargs: Any) -> None:
            if connecting is not None:
                raise connecting
            self.connected = True
            self.services = BleakGATTServiceCollection()
            service = BleakGATTService(None, 1, gatt.SERVICE)
            self.services.add_service(service)
            for handle, uuid in enumerate((gatt.CHARACTERISTIC_INFO, gatt.CHARACTERISTIC_CONTROL, WRITE_ONLY), start=2):
                offered = ["write-without-response"] if uuid == WRITE_ONLY else ["read", "write", "notify"]
                characteristic = BleakGATTCharacteristic(None, handle, uuid, offered, lambda: 20, service)
                self.services.add_characteristic(characteristic)

        async def disconnect(self) -> None:
            self.connected = False
            if self._disconnected_callback:
                self._disconnected_callback()

        async def pair(self, *_args: Any, **_kwargs: Any) -> None: ...

        async def unpair(self) -> None: ...

        async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_kwargs: Any) -> bytearray:
            if reading is not None:
                raise reading
            await asyncio.sleep(1000.0)
            return bytearray()

        async def read_gatt_descriptor(self, *_args: Any, **_kwargs: Any) -> bytearray:
            return bytearray()

        async def write_gatt_char(self, characteristic: BleakGATTCharacteristic, data: Any, response: bool) -> None:
            WRITES.append((characteristic.uuid, bytes(data), response))
            if self.on_notify is not None:
                for answer in (b"other", b"yes"):
                    self.on_notify(bytearray(answer))

        async def write_gatt_descriptor(self, *_args: Any) -> None: ...

        async def start_notify(self, characteristic: BleakGATTCharacteristic, callback: Any, **_kwargs: Any) -> None:
            self.on_notify = callback

        async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None: ...

    return Client


WRITES: list[tuple[str, bytes, bool]] = []
FOUND = FoundUnit(
    kind="goniometer", name="GONIO-1", address="AA:BB", handle=BLEDevice(address="AA:BB", name="GONIO-1", details=None)
)


def scanned(*heard: tuple[str, AdvertisementData], error: Exception | None = None) -> tuple[FoundUnit, ...]:
    async def main() -> tuple[FoundUnit, ...]:
        return await Radio(scanner_backend=scanner(*heard, error=error)).scan(1.0)

    return run_virtual(main())


def opened(then: Callable[[Any], Any], **errors: Exception) -> Listens:
    async def main() -> Listens:
        listener = Listens()
        link = await Radio(client_backend=client(**errors)).open(FOUND, listener)
        try:
            await then(link)
        finally:
            await link.close()
        return listener

    return run_virtual(main())


async def nothing(_link: Any) -> None: ...


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (FileNotFoundError(2, "No such file or directory"), "start it"),
        (ConnectionRefusedError(111, "Connection refused"), "start it"),
        (PermissionError(13, "Permission denied"), "may not use Bluetooth"),
        (BleakBluetoothNotAvailableError("none", REASON.NO_BLUETOOTH), "plug one in"),
        (BleakBluetoothNotAvailableError("off", REASON.POWERED_OFF), "switch it on"),
        (BleakBluetoothNotAvailableError("no", REASON.DENIED_BY_USER), "privacy settings"),
        (BleakBluetoothNotAvailableError("?", REASON.UNKNOWN), "plug one in"),
        (BleakDBusError("org.bluez.Error.NotReady", ["Resource Not Ready"]), "switch it on"),
        (BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["bluez"]), "start it"),
        (BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["no"]), "may not use Bluetooth"),
        (BleakError("something of the\nsystem"), "something of the system"),
        (OSError("odd"), "odd"),
        (EOFError(), "Bluetooth service"),
    ],
)
def test_a_machine_that_cannot_scan_is_told_what_to_do(error: Exception, remedy: str) -> None:
    with pytest.raises(NoRadioError, match=remedy) as raised:
        scanned(error=error)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (BleakDeviceNotFoundError("AA:BB"), "out of range or connected elsewhere"),
        (TimeoutError(), "out of range or connected elsewhere"),
        (BleakError("br-connection-canceled"), "close other programs"),
        (OSError("link"), "close other programs"),
        (BleakBluetoothNotAvailableError("off", REASON.POWERED_OFF), "switch it on"),
    ],
)
def test_a_unit_that_cannot_be_reached_is_told_with_what_to_do(error: Exception, remedy: str) -> None:
    with pytest.raises(LinkError, match=remedy):
        opened(nothing, connecting=error)


def test_a_unit_that_refuses_is_told_by_what() -> None:
    with pytest.raises(LinkError, match="READ_NOT_PERMITTED"):
        opened(lambda link: link.read(gatt.CHARACTERISTIC_INFO), reading=BleakGATTProtocolError(2))


def test_a_unit_that_never_answers_is_given_up() -> None:
    with pytest.raises(LinkError, match="GONIO-1"):
        opened(lambda link: link.read(gatt.CHARACTERISTIC_INFO))


@pytest.mark.parametrize("doing", ["read", "write", "subscribe"])
def test_a_missing_characteristic_is_a_firmware_of_another_version(doing: str) -> None:
    async def work(link: Any) -> None:
        if doing == "write":
            await link.write(MISSING, b"", response=True)
        else:
            await getattr(link, doing)(MISSING)

    with pytest.raises(RefusedError, match="firmware is of another version"):
        opened(work)


def test_an_answer_is_the_notification_that_is_understood_and_all_are_handed_on() -> None:
    async def work(link: Any) -> None:
        await link.subscribe(gatt.CHARACTERISTIC_CONTROL)
        answer = await link.ask(
            gatt.CHARACTERISTIC_CONTROL,
            b"go",
            answers_on=gatt.CHARACTERISTIC_CONTROL,
            understand=lambda data: data if data == b"yes" else None,
        )
        assert answer == b"yes"

    listener = opened(work)
    assert [data for _, data in listener.heard] == [b"other", b"yes"]


def test_no_answer_is_told() -> None:
    async def work(link: Any) -> None:
        await link.ask(
            gatt.CHARACTERISTIC_CONTROL, b"", answers_on=gatt.CHARACTERISTIC_CONTROL, understand=lambda _data: None
        )

    with pytest.raises(LinkError, match="does not answer"):
        opened(work)


def test_a_characteristic_is_written_in_the_way_that_it_offers() -> None:
    WRITES.clear()

    async def work(link: Any) -> None:
        await link.write(WRITE_ONLY, b"1", response=True)
        await link.write(gatt.CHARACTERISTIC_CONTROL, b"2", response=True)
        await link.write(gatt.CHARACTERISTIC_CONTROL, b"3", response=False)

    opened(work)
    # Control offers only writing with response, the other only without.
    assert WRITES == [
        (WRITE_ONLY, b"1", False),
        (gatt.CHARACTERISTIC_CONTROL, b"2", True),
        (gatt.CHARACTERISTIC_CONTROL, b"3", True),
    ]


def test_closing_is_no_loss() -> None:
    assert opened(nothing).losses == 0


def test_units_are_told_by_service_before_name_and_others_are_left_out() -> None:
    found = scanned(
        ("01", advertised("GONIO-7", [gatt.SERVICE.upper()], battery=66)),
        ("02", advertised("WT901BLE67", [])),
        ("03", advertised("Progressor_9", [])),
        ("04", advertised("Headphones", ["0000110b-0000-1000-8000-00805f9b34fb"])),
        ("05", advertised("IMU_1234ab", [witmotion.SERVICE])),
        ("06", advertised(None, [gatt.SERVICE])),
    )
    by_address = {unit.address: unit for unit in found}
    assert {address: unit.kind for address, unit in by_address.items()} == {
        "01": "goniometer",
        "02": "witmotion",
        "03": "progressor",
        "05": "witmotion",
        "06": "goniometer",
    }
    assert by_address["01"].battery_percent == 66.0
    assert by_address["01"].signal_dbm == -60.0


def test_one_unit_is_found_again_as_soon_as_it_is_heard() -> None:
    async def main() -> tuple[FoundUnit | None, float]:
        loop = asyncio.get_running_loop()
        radio = Radio(scanner_backend=scanner(("AA:BB", advertised("GONIO-1", [gatt.SERVICE]))))
        begun_s = loop.time()
        return await radio.find(FOUND, 5.0), loop.time() - begun_s

    found, took_s = run_virtual(main())
    assert found is not None
    assert took_s < 1.0


def test_a_unit_of_another_radio_cannot_be_opened() -> None:
    async def main() -> None:
        await Radio().open(FoundUnit(kind="goniometer", name="G", address="1"), Listens())

    with pytest.raises(LinkError, match="scan again"):
        run_virtual(main())
