"""What goes wrong with sensors while a recording is made: nothing recorded is lost, and everything is said.

Each fault is done to a recording of its own, so that what the recording says can only come from it.
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from records.journal import JOURNAL_FILE, JournalHeader, JournalNote, read_journal
from records.journal_folder import STOPPED_NOTE, convert_journal
from records.journal_writer import JournalWriter
from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.faults import Fault, FaultKind, Injector, draw_faults
from sensors.emulator.goniometer import VirtualGoniometer
from sensors.emulator.movement import Movement, Values
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.radio_model import RadioParams
from sensors.emulator.unit import UnitPlan
from sensors.emulator.virtual_time import run_virtual
from sensors.emulator.world import emulated_world
from sensors.engine import Engine
from sensors.packets import Arrival, Channel
from sensors.radio import Radio
from sensors.streaming import Stamped, UnitState

UNIT = UnitPlan(address="F0:00:00:00:00:01", unit_id="0102030405a6", drift_ppm=30.0)
RADIO = RadioParams(loss=0.02)
BEFORE_S, AFTER_S = 4.0, 14.0
"""Seconds of recording before the fault, and after it: silence, supervision, a scan and a connection take up to 12."""
VISIBLE = {
    FaultKind.DROP: r"lost \d+ of \d+ samples",
    FaultKind.DUPLICATE: r"sent \d+ packets? twice",
    FaultKind.REORDER: r"\d+ packets? came late",
    FaultKind.CORRUPT: r"messages? that cannot be read|counters were damaged",
    FaultKind.DISCONNECT: r"was lost 1 time",
    FaultKind.STALL: r"fell silent|lost \d+ of \d+ samples",
    FaultKind.CLOCK_JUMP: r"its clock jumped 1 time",
    FaultKind.BATTERY_OUT: r"was lost 1 time",
    FaultKind.ADAPTER_GONE: r"was lost \d times?",
    FaultKind.KILL: r"ended without being stopped",
}
SPOILS = re.compile("|".join(VISIBLE.values()) + "|fell silent|connected anew|overlapped")
"""What a recording says only where something went wrong."""


class Swing:
    """A limb that swings: no two samples are alike."""

    def __init__(self, phase: float) -> None:
        self._phase = phase

    def read(self, time_s: Values) -> Values:
        columns = np.arange(6)[np.newaxis, :]
        return np.sin(2.0 * np.pi * 0.7 * time_s[:, np.newaxis] + columns + self._phase)


class Recording:
    """The engine's sink: a journal, and a count of what it was given."""

    def __init__(self, folder: Path) -> None:
        exam = {"muscle_group": "elbow_flexors", "side": "left", "test": "passive_stretch"}
        exam |= {"started_at": "2026-01-31T10:00:00+01:00", "subject": {"code": "P001"}}
        header = JournalHeader(
            started_ns=round(asyncio.get_running_loop().time() * 1e9),
            exam=exam,
            roles={"proximal": (UNIT.unit_id, "imu_a"), "distal": (UNIT.unit_id, "imu_b")},
            settings={},
        )
        self.writer = JournalWriter(folder / JOURNAL_FILE, header)
        self.arrivals = 0

    def take(self, record: Stamped) -> None:
        self.arrivals += isinstance(record, Arrival)
        self.writer.put(record)

    def stop(self) -> None:
        at_ns = round(asyncio.get_running_loop().time() * 1e9)
        self.writer.put(JournalNote(at_ns=at_ns, name=STOPPED_NOTE, value=1.0))
        self.writer.close()


async def record(
    folder: Path,
    faults: list[Fault],
    *,
    seed: int,
    meanwhile: Callable[[Recording], Coroutine[Any, Any, None]] | None = None,
) -> dict:
    """Record one goniometer while faults are done to it; returns what the engine and the unit say."""
    complaints: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))

    def furnish(link: RadioLink) -> list[VirtualGoniometer]:
        signals = {Channel.IMU_A: Swing(0.0), Channel.IMU_B: Swing(1.0)}
        return [VirtualGoniometer(link, UNIT, Movement(signals=signals, begins_s=0.0))]

    async with emulated_world(furnish, radio=RADIO, seed=seed) as world:
        radio = Radio(client_backend=client_backend(world.adapter), scanner_backend=scanner_backend(world.adapter))
        taken = Recording(folder)
        engine = Engine([radio], taken.take, clock_ns=lambda: round(loop.time() * 1e9))
        while not (found := await engine.scan(2.0)):
            pass
        engine.add(found[0])
        running = asyncio.ensure_future(engine.run())
        while engine.status()[0].state is not UnitState.STREAMING:
            await asyncio.sleep(0.1)
        beside = asyncio.ensure_future(meanwhile(taken)) if meanwhile else None
        injector = Injector(world, seed=seed)
        await injector.run(faults)
        await asyncio.sleep(AFTER_S)
        engine.stop()
        await running
        taken.stop()
        if beside is not None:
            beside.cancel()
        (unit,) = world.units
        return {
            "complaints": complaints,
            "arrivals": taken.arrivals,
            "status": engine.status()[0],
            "done": injector.done,
            "ledgers": unit.ledgers,
            "dropped": taken.writer.dropped,
        }


def one_fault(kind: FaultKind, seed: int) -> list[Fault]:
    return list(draw_faults(1, units=1, from_s=BEFORE_S, to_s=BEFORE_S + 4.0, seed=seed, kinds=(kind,)))


def check_fault(folder: Path, kind: FaultKind, seed: int) -> None:
    faults = one_fault(kind, seed)
    said = run_virtual(record(folder, faults, seed=seed))
    assert not said["complaints"]
    assert said["done"] == faults
    assert said["dropped"] == 0
    journal = read_journal(folder / JOURNAL_FILE)
    assert sum(isinstance(record, Arrival) for record in journal.records) == said["arrivals"]
    assert (journal.damaged, journal.cut_bytes) == (0, 0)
    converted = convert_journal(folder)
    assert any(re.search(VISIBLE[kind], sentence) for sentence in converted.quality), (kind, converted.quality)
    manifest = json.loads((folder / "recording.json").read_text(encoding="utf-8"))
    assert manifest["quality"] == list(converted.quality)
    check_samples(said, manifest)


def check_samples(said: dict, manifest: dict) -> None:
    """Every sample that the engine received is in the recording or told as left out, and nothing is there twice."""
    for stream, channel in zip(manifest["streams"], (Channel.IMU_A, Channel.IMU_B), strict=True):
        samples = stream["samples"]
        measured = sum(ledger.measured[channel] for ledger in said["ledgers"])
        kept = samples["received"] + samples["damaged"] + samples["overlapping"]
        in_flight = 8 * RADIO.queue_packets * (len(said["ledgers"]) - 1)
        assert kept + samples["lost"] <= measured + 8
        # A frame can tell of 255 samples that were never measured; that there were more, it says in a word.
        at_least = any("lost_at_least" in sentence for sentence in manifest["quality"])
        assert at_least or measured - in_flight <= kept + samples["lost"]
        assert kept == said["status"].received[channel]


def kill_one(folder: Path, seed: int) -> None:
    """Kill a recording with SIGKILL: what was taken a second before is there."""
    child = subprocess.run(
        [sys.executable, __file__, str(folder), str(seed)], capture_output=True, text=True, timeout=300, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    told = [line.split() for line in (folder / "told").read_text(encoding="ascii").splitlines()]
    times = np.array([float(at) for at, _ in told])
    taken = np.array([int(count) for _, count in told])
    journal = read_journal(folder / JOURNAL_FILE)
    recovered = sum(isinstance(record, Arrival) for record in journal.records)
    # A machine that held the whole process up between two words held its journal up as well.
    held_up_s = float(np.diff(times).max())
    acknowledged = taken[times <= times[-1] - 1.0 - held_up_s]
    assert acknowledged.size
    assert recovered >= acknowledged[-1]
    assert recovered > 0
    converted = convert_journal(folder)
    assert any(re.search(VISIBLE[FaultKind.KILL], sentence) for sentence in converted.quality)
    assert converted.received > 0


@pytest.mark.parametrize("kind", list(FaultKind))
def test_a_fault_costs_nothing_and_is_said(tmp_path: Path, kind: FaultKind) -> None:
    if kind is FaultKind.KILL:
        kill_one(tmp_path, seed=1)
    else:
        check_fault(tmp_path, kind, seed=1)


def test_a_recording_without_faults_says_nothing(tmp_path: Path) -> None:
    said = run_virtual(record(tmp_path, [], seed=5))
    converted = convert_journal(tmp_path)
    assert not said["complaints"]
    assert not [sentence for sentence in converted.quality if SPOILS.search(sentence)]
    assert converted.lost == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", range(200))
def test_two_hundred_faults(tmp_path: Path, number: int) -> None:
    kinds = tuple(FaultKind)
    kind = kinds[number % len(kinds)]
    if kind is FaultKind.KILL:
        kill_one(tmp_path, seed=1000 + number)
    else:
        check_fault(tmp_path, kind, seed=1000 + number)


async def _tell_and_die(folder: Path, seed: int) -> None:
    """Record in real time, tell ten times a second how much was taken, and be killed at a drawn moment."""
    dies_after_s = float(np.random.default_rng(seed).uniform(2.2, 4.0))
    loop = asyncio.get_running_loop()

    async def tell(taken: Recording) -> None:
        begun_s = told_s = loop.time()
        held_up_s = 0.0
        with (folder / "told").open("w", encoding="ascii") as told:
            # On a machine that holds the process up, a second before the end is told of only if it lasts longer.
            while told_s - begun_s < dies_after_s + held_up_s:
                told.write(f"{told_s} {taken.arrivals}\n")
                told.flush()
                await asyncio.sleep(0.1)
                held_up_s = max(held_up_s, loop.time() - told_s)
                told_s = loop.time()
        os.kill(os.getpid(), signal.SIGKILL)

    await record(folder, [], seed=seed, meanwhile=tell)


if __name__ == "__main__":
    asyncio.run(_tell_and_die(Path(sys.argv[1]), int(sys.argv[2])))
