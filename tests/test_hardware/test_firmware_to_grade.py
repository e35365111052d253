"""A virtual patient's movement through chip registers, firmware, radio and driver to the catch that was planted."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analysis.muscles import MuscleGroup
from analysis.simulate import VirtualExam, draw_patient
from dashboard.cli.application import run
from firmware_unit import COUNTS_PER_NEWTON, FirmwareUnit
from records.journal import JOURNAL_FILE, JournalHeader
from records.journal_folder import convert_journal
from records.journal_writer import JournalWriter
from records.virtual import describe_exam, describe_truth
from sensors.devices import gatt
from sensors.devices.goniometer_frames import Calibration, encode_calibration
from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.movement import Movement
from sensors.emulator.patient import replayable_exam, signals_of
from sensors.emulator.unit import UnitPlan
from sensors.emulator.virtual_time import run_virtual
from sensors.emulator.world import emulated_world
from sensors.engine import Engine
from sensors.packets import Channel, Role
from sensors.radio import Radio
from sensors.streaming import Stamped, UnitState

PLACES = {Channel.IMU_A: Role.PROXIMAL, Channel.IMU_B: Role.DISTAL, Channel.FORCE: Role.FORCE}
LEAD_S = 12.0
"""From switching the unit on to the exam: found, connected and streaming well before."""


def record(exam: VirtualExam, folder: Path, flash: Path) -> float:
    """Stream the exam out of the firmware into a recording folder; return when in it the exam began."""
    force = Calibration(parts=gatt.CAP_FORCE, force_scale=1.0 / COUNTS_PER_NEWTON)
    (flash / "calibration.bin").write_bytes(encode_calibration(force))
    signals = signals_of(exam)
    movement = Movement(signals={channel: signals[role] for channel, role in PLACES.items()})
    length_s = float(exam.true_angle.time_s[-1])
    units: list[FirmwareUnit] = []

    def furnish(link):  # noqa: ANN001, ANN202 (the emulator's)
        movement.begins_s = asyncio.get_running_loop().time() + LEAD_S
        plan = UnitPlan(address="F0:CA:7C:12:34:01", drift_ppm=30.0)
        units.append(FirmwareUnit(link, plan, movement, flash=flash, duration_s=length_s + 2 * LEAD_S))
        return units

    async def main() -> float:
        loop = asyncio.get_running_loop()
        stamped: list[Stamped] = []
        async with emulated_world(furnish, seed=5) as world:
            radio = Radio(client_backend=client_backend(world.adapter), scanner_backend=scanner_backend(world.adapter))
            engine = Engine([radio], stamped.append, clock_ns=lambda: round(loop.time() * 1e9))
            (found,) = await engine.scan(2.0)
            engine.add(found)
            started_ns = round(loop.time() * 1e9)
            running = asyncio.ensure_future(engine.run())
            while engine.status()[0].state is not UnitState.STREAMING:
                await asyncio.sleep(0.1)
            assert movement.begins_s is not None
            delay_s = movement.begins_s - started_ns * 1e-9
            assert loop.time() < movement.begins_s
            await asyncio.sleep(movement.begins_s + length_s - loop.time())
            engine.stop()
            await running
            write(stamped, started_ns, delay_s, engine.status()[0].unit_id)
        return delay_s

    def write(stamped: list[Stamped], started_ns: int, delay_s: float, unit_id: str) -> None:
        header = JournalHeader(
            started_ns=started_ns,
            exam=describe_exam(exam, started_at=datetime(2026, 1, 31, 10, tzinfo=UTC), code="V001", delay_s=delay_s),
            roles={role.value: (unit_id, channel.value) for channel, role in PLACES.items()},
            settings={"lever_m": exam.force.lever_m},
        )
        with JournalWriter(folder / JOURNAL_FILE, header) as writer:
            for one in stamped:
                writer.put(one)

    try:
        return run_virtual(main())
    finally:
        for unit in units:
            unit.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 9])
def test_the_planted_catch_comes_out_at_the_end(
    seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CATCHANGLE_HOME", str(tmp_path / "home"))
    exam = replayable_exam(draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=seed), seed=seed)
    folder, flash = tmp_path / "exam", tmp_path / "flash"
    folder.mkdir()
    flash.mkdir()
    delay_s = record(exam, folder, flash)
    convert_journal(folder)
    assert run(["analyze", str(folder), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["recordings"]
    assert set(result["sources"]) == {"imu", "force"}
    planted = [one for one in describe_truth(exam, delay_s=delay_s)["stretches"] if one["catch_angle_deg"] is not None]
    errors = sorted(
        abs(one["catch"]["angle_deg"] - truth["catch_angle_deg"])
        for truth in planted
        for one in result["stretches"]
        if one["catch"] and abs(one["start_s"] - truth["start_s"]) < 0.5
    )
    assert planted
    assert len(errors) >= len(planted) / 2
    assert errors[len(errors) // 2] < 3.0
