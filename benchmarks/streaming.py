"""What streaming costs: drivers, engine and journal beside a bare BleakClient loop over the same emulated link.

    python benchmarks/streaming.py [--units 4] [--seconds 120] [--repeats 3] [--out docs/streaming_cost.md]

Each run streams so many virtual goniometers (two inertial units each, 200 Hz) on virtual time, so that only processor
time counts; bare and whole runs take turns in one process, so that other work on the machine meets both. Both include
what the emulation itself costs, which a real radio does not: the difference is what catchangle adds. Exits 1 where the
ratio is above the limit or a sample is missing from the account.
"""

import argparse
import asyncio
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bleak import BleakClient, BleakScanner

from records.journal import JOURNAL_FILE, JournalHeader
from records.journal_writer import JournalWriter
from sensors.devices import gatt
from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.goniometer import VirtualGoniometer
from sensors.emulator.movement import Movement, Still
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.radio_model import RadioParams
from sensors.emulator.unit import UnitPlan
from sensors.emulator.virtual_time import run_virtual
from sensors.emulator.world import World, emulated_world
from sensors.engine import Engine
from sensors.packets import Channel
from sensors.radio import Radio
from sensors.streaming import UnitState

LIMIT = 3.0
RADIO = RadioParams(connection_interval_s=0.03, loss=0.02)


@dataclass(frozen=True)
class Cost:
    """Processor seconds per second of data, and the samples of one channel that came, were lost, and were sent."""

    busy: float
    received: int
    lost: int
    sent: int


def furnish(link: RadioLink, units: int) -> Sequence[VirtualGoniometer]:
    """Put so many goniometers on the air."""
    signals = {
        Channel.IMU_A: Still(values=(0.0, 0.0, 9.81, 0.0, 0.0, 0.0)),
        Channel.IMU_B: Still(values=(0.0, 9.81, 0.0, 0.0, 0.0, 0.0)),
    }
    plans = [
        UnitPlan(address=f"F0:00:00:00:00:{number:02X}", unit_id=f"{number:012x}", tag=str(number), seed=number)
        for number in range(1, units + 1)
    ]
    return [VirtualGoniometer(link, plan, Movement(signals=signals)) for plan in plans]


def sent_by(world: World) -> int:
    """Count what the units' first sensors measured."""
    return sum(ledger.measured[Channel.IMU_A] for unit in world.units for ledger in unit.ledgers)


async def bare(units: int, seconds: float) -> Cost:
    """Subscribe, start and keep the bytes: the least that any program does."""
    async with emulated_world(lambda link: furnish(link, units), radio=RADIO) as world:
        found = await BleakScanner.discover(5.0, backend=scanner_backend(world.adapter))
        kept: list[tuple[int, bytes]] = []
        clients = [BleakClient(device, backend=client_backend(world.adapter)) for device in found]
        for client in clients:
            await client.connect()
            await client.start_notify(
                gatt.CHARACTERISTIC_DATA, lambda _from, data: kept.append((time.perf_counter_ns(), bytes(data)))
            )
            await client.write_gatt_char(gatt.CHARACTERISTIC_CONTROL, bytes([gatt.COMMAND_START]), response=True)
        begun = time.process_time()
        await asyncio.sleep(seconds)
        busy = time.process_time() - begun
        for client in clients:
            await client.write_gatt_char(gatt.CHARACTERISTIC_CONTROL, bytes([gatt.COMMAND_STOP]), response=True)
        await asyncio.sleep(1.0)
        received = sum(struct.unpack_from(gatt.HEADER_FORMAT, data)[5] for _, data in kept)
        for client in clients:
            await client.disconnect()
        return Cost(busy=busy / seconds, received=received, lost=0, sent=sent_by(world))


async def whole(units: int, seconds: float, folder: Path) -> Cost:
    """Stream as an exam does: drivers, engine, pings, watchdog, journal on the disk."""
    loop = asyncio.get_running_loop()
    async with emulated_world(lambda link: furnish(link, units), radio=RADIO) as world:
        radio = Radio(client_backend=client_backend(world.adapter), scanner_backend=scanner_backend(world.adapter))
        header = JournalHeader(started_ns=round(loop.time() * 1e9), exam={}, roles={}, settings={})
        with JournalWriter(folder / JOURNAL_FILE, header) as journal:
            engine = Engine([radio], journal.put, clock_ns=lambda: round(loop.time() * 1e9))
            for found in await engine.scan(5.0):
                engine.add(found)
            running = asyncio.ensure_future(engine.run())
            while any(status.state is not UnitState.STREAMING for status in engine.status()):
                await asyncio.sleep(0.1)
            begun = time.process_time()
            await asyncio.sleep(seconds)
            busy = time.process_time() - begun
            engine.stop()
            await running
        statuses = engine.status()
        return Cost(
            busy=busy / seconds,
            received=sum(status.received[Channel.IMU_A] for status in statuses),
            lost=sum(status.lost[Channel.IMU_A] for status in statuses),
            sent=sent_by(world),
        )


def measure(units: int, seconds: float, repeats: int) -> list[tuple[Cost, Cost]]:
    """Run bare and whole in turn."""
    measured = []
    for _ in range(repeats):
        first = run_virtual(bare(units, seconds))
        with tempfile.TemporaryDirectory() as folder:
            measured.append((first, run_virtual(whole(units, seconds, Path(folder)))))
    return measured


def report(measured: list[tuple[Cost, Cost]], units: int, seconds: float) -> tuple[str, bool]:
    """Put the figures into words, and tell whether the limits hold."""
    least, most = (statistics.median(pair[i].busy for pair in measured) for i in (0, 1))
    ratio = statistics.median(ours.busy / theirs.busy for theirs, ours in measured)
    kept = all(one.received + one.lost == one.sent for pair in measured for one in pair)
    lines = [
        "# Cost of streaming",
        "",
        f"`python benchmarks/streaming.py --units {units} --seconds {seconds:g} --repeats {len(measured)}`",
        "",
        f"{units} x 200 Hz, two inertial units each, over the emulated radio; processor time per second of data:",
        "",
        "| | share of one core |",
        "|---|---|",
        f"| bare BleakClient loop, emulation included | {least:.1%} |",
        f"| drivers, engine and journal, emulation included | {most:.1%} |",
        f"| what catchangle adds | {most - least:.1%} |",
        "",
        f"Ratio {ratio:.2f} (limit {LIMIT:g}). Every sample accounted for in every run: {'yes' if kept else 'NO'}.",
    ]
    return "\n".join(lines) + "\n", ratio <= LIMIT and kept


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text, good = report(measure(given.units, given.seconds, given.repeats), given.units, given.seconds)
    print(text)
    if given.out is not None:
        given.out.write_text(text, encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
