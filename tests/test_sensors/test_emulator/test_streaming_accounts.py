"""The whole way from virtual units to the engine's sink: every sample is there or reported lost."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sensors.emulator.faults import FaultKind, Injector, draw_faults
from sensors.emulator.radio_model import RadioParams
from sensors.emulator.unit import UnitPlan
from sensors.emulator.virtual_time import run_virtual
from sensors.engine import Engine
from sensors.host_clock import fit_host_clock
from sensors.packets import Arrival, Channel, ClockQuality, LinkEvent, LinkEventKind, Pong, SampleBlock, UnitInfo
from sensors.streaming import Stamped, UnitStatus

Opener = Callable[..., AbstractAsyncContextManager[Any]]
Room = Any
"""The room of this folder's conftest, which test modules cannot import."""

RADIO = RadioParams(connection_interval_s=0.03, loss=0.05)
SETTLE_S = 15.0
"""Enough for the last fault's reconnection: silence, supervision, a scan, a connection."""


def plans(count: int) -> list[UnitPlan]:
    drifts = (40.0, -40.0, 15.0, -25.0)
    return [
        UnitPlan(
            address=f"F0:00:00:00:00:{number + 1:02X}",
            unit_id=f"{number + 1:012x}",
            tag=str(number),
            drift_ppm=drifts[number % len(drifts)],
            seed=number,
        )
        for number in range(count)
    ]


async def stream(room: Room, seconds: float, *, meanwhile: Callable[[], Any] | None = None) -> list[Stamped]:
    """Stream all units of a room for so long; `room.status` keeps the engine's last word."""
    loop, taken = asyncio.get_running_loop(), list[Stamped]()
    engine = Engine([room.radio()], taken.append, clock_ns=lambda: round(loop.time() * 1e9))
    for found in await engine.scan(3.0):
        engine.add(found)
    running = asyncio.ensure_future(engine.run())
    await asyncio.sleep(10.0)
    if meanwhile is not None:
        await meanwhile()
    await asyncio.sleep(seconds)
    engine.stop()
    await running
    room.status = engine.status()
    return taken


def received_and_lost(status: UnitStatus, channel: Channel) -> int:
    return status.received[channel] + status.lost[channel]


def check_accounts(room: Room, statuses: Sequence[UnitStatus]) -> None:
    by_id = {status.unit_id: status for status in statuses}
    for unit in room.world.units:
        for channel in (Channel.IMU_A, Channel.IMU_B, Channel.FORCE):
            sent = sum(ledger.measured[channel] for ledger in unit.ledgers)
            assert sent > 0
            assert received_and_lost(by_id[unit.plan.unit_id], channel) == sent


@pytest.mark.parametrize(
    ("units", "seconds"),
    [
        (2, 8.0),
        (4, 8.0),
        pytest.param(2, 600.0, marks=pytest.mark.slow),
        pytest.param(4, 600.0, marks=pytest.mark.slow),
    ],
)
def test_every_sample_is_accounted_for(open_goniometers: Opener, units: int, seconds: float) -> None:
    async def main() -> None:
        async with open_goniometers(plans(units), RADIO, seed=units) as room:
            taken = await stream(room, seconds)
            check_accounts(room, room.status)
            assert all(status.lost[Channel.IMU_A] == 0 for status in room.status)
            assert all(status.received[Channel.IMU_A] >= 200 * seconds for status in room.status)
            assert {event.kind for event in taken if isinstance(event, LinkEvent)} == {
                LinkEventKind.CONNECTED,
                LinkEventKind.STARTED,
                LinkEventKind.STOPPED,
            }

    run_virtual(main())


def test_what_the_host_drops_doubles_or_turns_round_is_counted(open_goniometers: Opener) -> None:
    kinds = (FaultKind.DROP, FaultKind.DUPLICATE, FaultKind.REORDER)
    faults = draw_faults(12, units=2, from_s=0.0, to_s=20.0, seed=3, kinds=kinds)

    async def main() -> None:
        async with open_goniometers(plans(2), RADIO) as room:
            injector = Injector(room.world, seed=3)
            await stream(room, 10.0, meanwhile=lambda: injector.run(faults))
            assert sorted(injector.done, key=lambda fault: fault.at_s) == list(faults)
            check_accounts(room, room.status)
            assert sum(status.duplicated for status in room.status) >= sum(
                fault.packets for fault in faults if fault.kind is FaultKind.DUPLICATE
            )
            assert sum(sum(status.lost.values()) for status in room.status) > 0

    run_virtual(main())


def test_units_that_fall_silent_begin_a_new_segment(open_goniometers: Opener) -> None:
    kinds = (FaultKind.DISCONNECT, FaultKind.BATTERY_OUT, FaultKind.ADAPTER_GONE)
    faults = [
        replace(fault, at_s=20.0 * number)
        for number, fault in enumerate(draw_faults(3, units=2, from_s=0.0, to_s=1.0, seed=8, kinds=kinds))
    ]

    async def main() -> None:
        async with open_goniometers(plans(2), RADIO) as room:
            taken = await stream(room, SETTLE_S, meanwhile=lambda: Injector(room.world, seed=1).run(faults))
            lost = [event for event in taken if isinstance(event, LinkEvent) and event.kind is LinkEventKind.LOST]
            assert len(lost) == 4
            for status, unit in zip(sorted(room.status, key=lambda one: one.unit_id), room.world.units, strict=True):
                assert status.segment == len(unit.ledgers) - 1 > 0
                # What was on its way when the link broke is in no account: it is the gap between two segments.
                sent = sum(ledger.measured[Channel.IMU_A] for ledger in unit.ledgers)
                queue = 8 * RADIO.queue_packets * status.segment
                assert sent - queue <= received_and_lost(status, Channel.IMU_A) <= sent
            segments = {(one.unit_id, one.segment) for one in taken if isinstance(one, Arrival)}
            assert len(segments) == sum(status.segment + 1 for status in room.status)

    run_virtual(main())


def test_clocks_are_fitted_through_the_emulated_radio(open_goniometers: Opener) -> None:
    """At 40 ppm, 30 ms and 5 % loss the fitted clock stays within 5 ms of the truth, and of what it claims."""

    async def main() -> None:
        async with open_goniometers(plans(2), RADIO, seed=11) as room:
            taken = await stream(room, 30.0)
            radio = room.radio()
            for unit in room.world.units:
                info = next(one for one in taken if isinstance(one, UnitInfo) and one.unit_id == unit.plan.unit_id)
                decoder = radio.drivers[info.kind].decoder(info)
                arrived, blocks, pongs = [], [], []
                for one in taken:
                    if isinstance(one, Arrival) and one.unit_id == info.unit_id:
                        for packet in decoder.feed(one):
                            if isinstance(packet, SampleBlock) and packet.channel is Channel.IMU_A:
                                arrived.append(one.arrival_ns * 1e-9)
                                blocks.append(packet)
                            elif isinstance(packet, Pong):
                                pongs.append(packet)
                assert len(pongs) > 50
                stamps = np.array([block.stamp * 1e-6 for block in blocks])
                last_s = stamps + 7 * 0.005
                fitted = fit_host_clock(
                    last_s,
                    np.array(arrived),
                    quality=ClockQuality.TWO_WAY,
                    pings=(
                        np.array([pong.sent_ns * 1e-9 for pong in pongs]),
                        np.array([pong.received_stamp * 1e-6 for pong in pongs]),
                    ),
                )
                error_s = np.abs(fitted.at(last_s) - unit.clock.world_s(last_s))
                assert error_s.max() < 0.005
                assert error_s.max() <= fitted.error_s

    run_virtual(main())
