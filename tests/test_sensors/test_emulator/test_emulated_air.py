"""The air and the backend: unmodified BleakClient and BleakScanner over a link that behaves like one."""

import asyncio
import struct
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from bleak import BleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from sensors.devices import gatt
from sensors.emulator.advertising import advertisement, hear
from sensors.emulator.backend import scanner_backend
from sensors.emulator.radio_model import CLEAN_AIR, RadioParams
from sensors.emulator.unit import UnitPlan
from sensors.emulator.virtual_time import run_virtual

PLAN = UnitPlan(address="F0:00:00:00:00:01")
OTHER = replace(PLAN, address="F0:00:00:00:00:02", tag="2", signal_dbm=-80, seed=1)
Opener = Callable[..., AbstractAsyncContextManager[Any]]
START, STOP = bytes([gatt.COMMAND_START]), bytes([gatt.COMMAND_STOP])


@given(name=st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8))
def test_what_is_advertised_is_heard(name: str) -> None:
    heard = hear(advertisement(name=name, service=gatt.SERVICE))
    assert (heard.name, heard.service_uuids) == (name, (gatt.SERVICE,))


@given(data=st.binary(max_size=31))
def test_no_advertisement_upsets_the_scanner(data: bytes) -> None:
    hear(data)


def test_an_advertisement_too_long_is_refused() -> None:
    with pytest.raises(DataError, match="31 octets"):
        advertisement(name="GONIO-123", service=gatt.SERVICE)


def test_a_scan_finds_units_with_service_and_signal(open_goniometers: Opener) -> None:
    async def main() -> None:
        async with open_goniometers((PLAN, OTHER)) as room:
            backend = scanner_backend(room.world.adapter)
            found = await BleakScanner.discover(3.0, return_adv=True, service_uuids=[gatt.SERVICE], backend=backend)
            assert {address: (device.name, heard.rssi) for address, (device, heard) in found.items()} == {
                PLAN.address: ("GONIO-1", -55),
                OTHER.address: ("GONIO-2", -80),
            }
            other = "0000180d-0000-1000-8000-00805f9b34fb"
            assert not await BleakScanner.discover(3.0, service_uuids=[other], backend=backend)

    run_virtual(main())


def test_a_client_reads_what_the_unit_is(open_goniometers: Opener) -> None:
    async def main() -> None:
        async with open_goniometers() as room, room.client(await room.find(PLAN.address)) as client:
            assert client.mtu_size == gatt.MTU_WANTED
            assert {service.uuid for service in client.services} >= {gatt.SERVICE, gatt.BATTERY_SERVICE}
            info = struct.unpack(gatt.INFO_FORMAT, await client.read_gatt_char(gatt.CHARACTERISTIC_INFO))
            assert info[6].hex() == PLAN.unit_id
            assert await client.read_gatt_char(gatt.BATTERY_LEVEL) == bytearray([PLAN.battery_percent])
            with pytest.raises(BleakGATTProtocolError):
                await client.read_gatt_char(gatt.CHARACTERISTIC_DATA)
        assert room.gone == [PLAN.address]

    run_virtual(main())


@pytest.mark.parametrize("interval_ms", [7.5, 30.0, 60.0])
def test_lossy_air_delivers_everything_in_order_and_late(open_goniometers: Opener, interval_ms: float) -> None:
    radio = RadioParams(connection_interval_s=interval_ms / 1000, loss=0.2)

    async def main() -> tuple[list[int], int, int]:
        sequences: list[int] = []
        async with open_goniometers(radio=radio) as room, room.client(await room.find(PLAN.address)) as client:
            await client.start_notify(
                gatt.CHARACTERISTIC_DATA,
                lambda _from, data: sequences.append(struct.unpack_from(gatt.HEADER_FORMAT, data)[2]),
            )
            await client.write_gatt_char(gatt.CHARACTERISTIC_CONTROL, START, response=True)
            await asyncio.sleep(20.0)
            await client.write_gatt_char(gatt.CHARACTERISTIC_CONTROL, STOP, response=True)
            await asyncio.sleep(1.0)
            (unit,) = room.world.units
            return sequences, sum(unit.ledgers[0].handed.values()), room.world.link.retransmissions

    sequences, handed, retransmissions = run_virtual(main())
    assert sequences == list(range(len(sequences)))
    assert len(sequences) >= 490
    assert handed >= 2 * 8 * len(sequences)
    assert retransmissions > 50


def test_the_same_seed_gives_the_same_air(open_goniometers: Opener) -> None:
    async def main(seed: int) -> list[tuple[float, bytes]]:
        arrived: list[tuple[float, bytes]] = []
        loop = asyncio.get_running_loop()
        async with open_goniometers(seed=seed) as room, room.client(await room.find(PLAN.address)) as client:
            await client.start_notify(
                gatt.CHARACTERISTIC_DATA, lambda _from, data: arrived.append((loop.time(), bytes(data)))
            )
            await client.write_gatt_char(gatt.CHARACTERISTIC_CONTROL, START, response=True)
            await asyncio.sleep(5.0)
        return arrived

    first, again, other = (run_virtual(main(seed)) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_out_of_reach_for_a_moment_keeps_the_link_and_for_long_loses_it(open_goniometers: Opener) -> None:
    radio = replace(CLEAN_AIR, supervision_timeout_s=2.0)

    async def main() -> None:
        async with open_goniometers(radio=radio) as room:
            client = room.client(await room.find(PLAN.address))
            await client.connect()
            unit = room.world.units[0].controller
            room.world.link.hide(unit)
            await asyncio.sleep(1.5)
            room.world.link.show(unit)
            await asyncio.sleep(3.0)
            assert client.is_connected
            assert not room.gone
            room.world.link.hide(unit)
            await asyncio.sleep(2.5)
            assert not client.is_connected
            assert room.gone == [PLAN.address]
            room.world.link.show(unit)
            await client.connect()
            assert await client.read_gatt_char(gatt.BATTERY_LEVEL)
            await client.disconnect()

    run_virtual(main())


def test_a_unit_that_is_not_there_does_not_block_the_next(open_goniometers: Opener) -> None:
    async def main() -> None:
        async with open_goniometers() as room:
            with pytest.raises(BleakDeviceNotFoundError):
                await room.client("F0:00:00:00:00:99", timeout=5.0).connect()
            room.world.link.hide(room.world.units[0].controller)
            with pytest.raises(TimeoutError):
                await room.client(PLAN.address, timeout=5.0).connect()
            given_up = asyncio.ensure_future(room.client(PLAN.address, timeout=30.0).connect())
            await asyncio.sleep(1.0)
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            room.world.link.show(room.world.units[0].controller)
            async with room.client(PLAN.address) as client:
                assert client.is_connected

    run_virtual(main())


def test_a_link_that_drops_under_a_question_is_an_error_not_a_cancellation(open_goniometers: Opener) -> None:
    async def main() -> None:
        async with open_goniometers(radio=CLEAN_AIR) as room:
            client = room.client(await room.find(PLAN.address))
            await client.connect()
            asking = asyncio.ensure_future(client.read_gatt_char(gatt.CHARACTERISTIC_INFO))
            await asyncio.sleep(0)
            room.world.link.break_links(room.world.units[0].controller, reason=0x13)
            with pytest.raises(BleakError, match="disconnected"):
                await asking
            with pytest.raises(BleakError):
                await client.read_gatt_char(gatt.CHARACTERISTIC_INFO)
            await client.disconnect()

    run_virtual(main())


def test_without_an_adapter_nothing_scans_or_connects(open_goniometers: Opener) -> None:
    async def main() -> None:
        async with open_goniometers() as room:
            device = await room.find(PLAN.address)
            client = room.client(device)
            await client.connect()
            room.world.adapter.vanish()
            await asyncio.sleep(0.1)
            assert not client.is_connected
            with pytest.raises(BleakBluetoothNotAvailableError):
                await room.client(device).connect()
            with pytest.raises(BleakBluetoothNotAvailableError):
                await BleakScanner.discover(1.0, backend=scanner_backend(room.world.adapter))
            room.world.adapter.come_back()
            async with room.client(device) as again:
                assert again.is_connected

    run_virtual(main())


def test_a_full_queue_refuses_and_the_number_is_gone(open_goniometers: Opener) -> None:
    """What the radio's queue refuses shows as a jump of the numbers, and adds up."""
    radio = replace(CLEAN_AIR, queue_packets=4, supervision_timeout_s=3.0)

    async def main() -> tuple[list[int], int, int]:
        sequences: list[int] = []
        async with open_goniometers(radio=radio) as room:
            async with room.client(await room.find(PLAN.address)) as client:
                await client.start_notify(
                    gatt.CHARACTERISTIC_DATA,
                    lambda _from, data: sequences.append(struct.unpack_from(gatt.HEADER_FORMAT, data)[2]),
                )
                await client.write_gatt_char(gatt.CHARACTERISTIC_CONTROL, START, response=True)
                await asyncio.sleep(2.0)
                room.world.link.hide(room.world.units[0].controller)
                await asyncio.sleep(1.0)
                room.world.link.show(room.world.units[0].controller)
                await asyncio.sleep(2.0)
            (ledger,) = room.world.units[0].ledgers
            return sequences, ledger.handed["imu_a"], ledger.measured["imu_a"]

    sequences, handed, measured = run_virtual(main())
    steps = np.diff(sequences)
    assert (steps >= 1).all()
    assert (steps > 1).sum() == 1
    missing = int((steps - 1).sum())
    assert 15 <= missing <= 25
    in_flight = handed // 8 - len(sequences)
    assert 0 <= in_flight <= 4
    assert measured - handed == 8 * missing
