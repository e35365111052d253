"""Virtual units against the real drivers: two readings of each protocol, written apart, agree on every value."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sensors.devices import gatt
from sensors.driver import Driver
from sensors.emulator.radio_model import CLEAN_AIR
from sensors.emulator.rig import RIGS, build_rig
from sensors.emulator.unit import UnitPlan, VirtualUnit
from sensors.emulator.virtual_time import run_virtual
from sensors.errors import RefusedError
from sensors.packets import Arrival, Pong, Rejected, SampleBlock, UnitInfo
from sensors.streaming import FoundUnit

PLAN = UnitPlan(address="F0:00:00:00:00:01")
Opener = Callable[..., AbstractAsyncContextManager[Any]]
Room = Any
"""The room of this folder's conftest, which test modules cannot import."""
WORST = {"imu_a": 0.006, "imu_b": 0.006, "force": 0.001}
"""Half a count of the coarsest device: 16 g over 32768 counts, with what single precision adds."""


class Inbox:
    """Keeps what a link hands on."""

    def __init__(self) -> None:
        self.kept: list[tuple[float, str, bytes]] = []

    def notified(self, characteristic: str, data: bytes | bytearray) -> None:
        self.kept.append((asyncio.get_running_loop().time(), characteristic, bytes(data)))

    def forget(self) -> None:
        self.kept.clear()

    def lost(self) -> None:
        raise AssertionError("nothing breaks this link")


def unit_of(room: Room, found: FoundUnit) -> VirtualUnit:
    return next(unit for unit in room.world.units if unit.plan.address == found.address)


async def stream(room: Room, found: FoundUnit, seconds: float) -> tuple[UnitInfo, list[tuple[float, object]]]:
    """Stream one unit through its driver; returns all packets with their times of arrival."""
    radio, inbox = room.radio(), Inbox()
    driver: Driver = radio.drivers[found.kind]
    link = await radio.open(found, inbox)
    for characteristic in driver.notifies:
        await link.subscribe(characteristic)
    info = await driver.identify(link, found.name, found.address)
    info = await driver.start(link, info, driver.rates_hz[-1])
    await asyncio.sleep(seconds)
    await driver.ping(link, 12345)
    await asyncio.sleep(0.2)
    await driver.stop(link)
    await asyncio.sleep(0.5)
    await link.close()
    decoder = driver.decoder(info)
    return info, [
        (time_s, packet)
        for time_s, characteristic, data in inbox.kept
        for packet in decoder.feed(
            Arrival(
                unit_id=info.unit_id,
                segment=0,
                characteristic=characteristic,
                arrival_ns=round(time_s * 1e9),
                data=data,
            )
        )
    ]


@pytest.mark.parametrize("kind", RIGS)
def test_every_kind_streams_what_it_measures(open_rig: Opener, kind: str) -> None:
    async def main() -> None:
        async with open_rig(kind, CLEAN_AIR, seed=5) as room:
            for found in await room.radio().scan(3.0):
                unit = unit_of(room, found)
                info, packets = await stream(room, found, 3.0)
                assert not [packet for _, packet in packets if isinstance(packet, Rejected)]
                check_values(room, unit, info, packets)

    run_virtual(main())


def check_values(room: Room, unit: VirtualUnit, info: UnitInfo, packets: list[tuple[float, object]]) -> None:
    by_channel = defaultdict(list)
    for time_s, packet in packets:
        if isinstance(packet, SampleBlock):
            by_channel[packet.channel].append((time_s, packet))
    roles = room.rig.roles[unit.plan.address]
    assert set(by_channel) == set(info.channels) == set(roles)
    for channel, blocks in by_channel.items():
        signal = room.known[roles[channel]]
        values = np.vstack([block.values for _, block in blocks])
        assert len(values) >= 3.0 * info.rate_hz * 0.3
        if blocks[0][1].stamp is None:
            # Without a stamp only the samples' order and spacing are known: fit the one instant that is free.
            times = blocks[0][0] - np.linspace(0.0, 0.2, 4001)
            spaced = np.arange(len(values)) * blocks[0][1].interval_s / (1 + unit.plan.drift_ppm * 1e-6)
            errors = [np.abs(signal.read(time + spaced) - values).max() for time in times]
            assert min(errors) < 2 * WORST[channel]
            continue
        own_s = np.concatenate(
            [block.stamp * block.tick_s + np.arange(len(block.values)) * block.interval_s for _, block in blocks]
        )
        np.testing.assert_allclose(signal.read(unit.clock.world_s(own_s)), values, atol=WORST[channel])


def test_a_pong_says_when_the_ping_was_there(open_goniometers: Opener) -> None:
    async def main() -> None:
        async with open_goniometers((replace(PLAN, drift_ppm=40.0),), CLEAN_AIR) as room:
            (found,) = await room.radio().scan(3.0)
            loop = asyncio.get_running_loop()
            before_s = loop.time()
            _, packets = await stream(room, found, 1.0)
            (pong,) = [packet for _, packet in packets if isinstance(packet, Pong)]
            assert pong.sent_ns == 12345
            clock = room.world.units[0].clock
            received_s, answered_s = clock.world_s(np.array([pong.received_stamp, pong.answered_stamp]) * 1e-6)
            assert before_s < received_s < answered_s < loop.time()

    run_virtual(main())


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (replace(PLAN, charging=True), "unplug"),
        (replace(PLAN, mtu=23), "too small packets"),
    ],
)
def test_a_unit_that_may_not_start_says_why(open_goniometers: Opener, plan: object, told: str) -> None:
    async def main() -> None:
        async with open_goniometers((plan,)) as room:
            (found,) = await room.radio().scan(3.0)
            with pytest.raises(RefusedError, match=told):
                await stream(room, found, 1.0)

    run_virtual(main())


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (bytes([gatt.COMMAND_SET_RATE, 200, 0]), gatt.STATUS_OK),
        (bytes([gatt.COMMAND_SET_RATE, 201, 0]), gatt.STATUS_BAD_ARGUMENT),
        (bytes([gatt.COMMAND_SET_RATE, 200]), gatt.STATUS_BAD_ARGUMENT),
        (bytes([0x55]), gatt.STATUS_BAD_OP),
        (bytes([gatt.COMMAND_STOP]), gatt.STATUS_OK),
    ],
)
def test_the_goniometer_answers_every_command(open_goniometers: Opener, command: bytes, status: int) -> None:
    async def main() -> list[bytes]:
        replies: list[bytes] = []
        async with open_goniometers() as room, room.client(await room.find(PLAN.address)) as client:
            await client.start_notify(gatt.CHARACTERISTIC_CONTROL, lambda _from, data: replies.append(bytes(data)))
            await client.write_gatt_char(gatt.CHARACTERISTIC_CONTROL, command, response=True)
            await asyncio.sleep(1.0)
        return replies

    assert run_virtual(main()) == [bytes([command[0] | gatt.REPLY_BIT, status])]


def test_a_set_that_nobody_sells_is_refused() -> None:
    with pytest.raises(ValueError, match="choose one of goniometer"):
        build_rig(None, "abacus", {}, seed=0)  # type: ignore[arg-type]
