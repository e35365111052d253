"""The board's very files stream over the virtual link to the real driver, and say by name what is broken."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from firmware_unit import FirmwareUnit, micropython_path
from sensors.devices import gatt
from sensors.devices.goniometer_frames import Calibration, encode_calibration
from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.movement import Movement, Replay, Still
from sensors.emulator.radio_model import RadioParams
from sensors.emulator.unit import UnitPlan
from sensors.emulator.virtual_time import run_virtual
from sensors.emulator.world import World, emulated_world
from sensors.engine import Engine
from sensors.host_clock import fit_host_clock
from sensors.packets import (
    Arrival,
    Channel,
    ClockQuality,
    LinkEvent,
    LinkEventKind,
    Packet,
    Pong,
    Reply,
    SampleBlock,
    UnitInfo,
)
from sensors.radio import Radio
from sensors.streaming import OpenLink, Stamped, UnitState

FIRMWARE = Path(__file__).resolve().parents[2] / "hardware" / "firmware"
ADDRESS = "C4:7C:12:34:56:01"
GRAVITY_M_S2 = 9.80665


@pytest.mark.parametrize("source", sorted(FIRMWARE.glob("*.py")), ids=lambda path: path.name)
def test_every_file_compiles_for_the_board(source: Path, tmp_path: Path) -> None:
    subprocess.run(["mpy-cross", "-o", str(tmp_path / "out.mpy"), str(source)], check=True, capture_output=True)


def still() -> Movement:
    return Movement(
        signals={
            Channel.IMU_A: Still(values=(0.0, 0.0, GRAVITY_M_S2, 0.5, 0.0, 0.0)),
            Channel.IMU_B: Still(values=(GRAVITY_M_S2, 0.0, 0.0, 0.0, -4.0, 0.0)),
            Channel.FORCE: Still(values=(12.5,)),
        }
    )


class Exam:
    """One firmware unit, the real radio module and engine, and all that they said."""

    def __init__(self, world: World, unit: FirmwareUnit) -> None:
        self.world, self.unit = world, unit
        self.stamped: list[Stamped] = []
        self.packets: list[Packet] = []
        self.arrived: list[tuple[Arrival, Sequence[Packet]]] = []
        radio = Radio(client_backend=client_backend(world.adapter), scanner_backend=scanner_backend(world.adapter))
        loop = asyncio.get_running_loop()
        self.engine = Engine(
            [radio],
            self.stamped.append,
            watch=self._watch,
            clock_ns=lambda: round(loop.time() * 1e9),
        )

    def _watch(self, _info: UnitInfo, arrival: Arrival, packets: Sequence[Packet]) -> None:
        self.arrived.append((arrival, packets))
        self.packets.extend(packets)

    async def stream(self, *, seconds: float, during: Callable[["Exam"], Awaitable[None]] | None = None) -> None:
        """Find the unit, stream it, do something meanwhile, stop."""
        (found,) = await self.engine.scan(2.0)
        self.engine.add(found)
        running = asyncio.ensure_future(self.engine.run())
        while self.engine.status()[0].state not in {UnitState.STREAMING, UnitState.REFUSED}:
            await asyncio.sleep(0.1)
        if during is not None:
            await during(self)
        await asyncio.sleep(seconds)
        self.engine.stop()
        await running

    def blocks(self, channel: Channel) -> list[SampleBlock]:
        return [packet for packet in self.packets if isinstance(packet, SampleBlock) and packet.channel is channel]

    def values(self, channel: Channel) -> np.ndarray:
        return np.concatenate([block.values for block in self.blocks(channel)])

    def notices(self) -> list[str]:
        return [one.status for one in self.packets if isinstance(one, Reply) and one.command == "notice"]

    def events(self, kind: LinkEventKind) -> list[LinkEvent]:
        return [one for one in self.stamped if isinstance(one, LinkEvent) and one.kind is kind]


def run_exam(
    flash: Path,
    use: Callable[[Exam], Awaitable[None]],
    *,
    movement: Movement | None = None,
    duration_s: float = 30.0,
    plan: UnitPlan | None = None,
    faults: Iterable[str] = (),
) -> Exam:
    async def main() -> Exam:
        made: list[FirmwareUnit] = []

        def furnish(link):  # noqa: ANN001, ANN202 (the emulator's)
            unit = FirmwareUnit(
                link, plan or UnitPlan(address=ADDRESS), movement or still(), flash=flash, duration_s=duration_s
            )
            unit.faults = set(faults)
            made.append(unit)
            return [unit]

        try:
            async with emulated_world(furnish, radio=RadioParams(loss=0.02), seed=3) as world:
                exam = Exam(world, made[0])
                await use(exam)
                return exam
        finally:
            for unit in made:
                unit.close()

    return run_virtual(main())


def accounted(exam: Exam, channel: Channel) -> None:
    """Every sample between the first and the last has come once, in order."""
    blocks = exam.blocks(channel)
    sequence = [block.sequence for block in blocks]
    assert sequence == list(range(len(blocks)))
    stamps = np.array([block.stamp for block in blocks], dtype=np.int64)
    assert (np.diff(stamps) == 8 * 5000).all()
    assert {block.lost for block in blocks} == {0}


def test_it_streams_two_imus_and_force_without_losing_a_sample(tmp_path: Path) -> None:
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=5.0))
    for channel in (Channel.IMU_A, Channel.IMU_B, Channel.FORCE):
        accounted(exam, channel)
        assert exam.values(channel).shape[0] >= 5.0 * 200
    a, b = exam.values(Channel.IMU_A), exam.values(Channel.IMU_B)
    # half a count of acc (0.0048 m/s², sensed in 0.488 mg), one of gyro (70 mdps)
    np.testing.assert_allclose(a.mean(axis=0), (0, 0, GRAVITY_M_S2, 0.5, 0, 0), atol=0.005)
    np.testing.assert_allclose(b.mean(axis=0), (GRAVITY_M_S2, 0, 0, 0, -4.0, 0), atol=0.005)
    assert exam.notices() == []
    assert exam.unit.endings == []


def test_the_sensors_are_read_when_their_stamp_says(tmp_path: Path) -> None:
    """A rate that grows by 1 rad/s each second tells when each sample was taken, by the unit's own clock."""
    time_s = np.linspace(0.0, 20.0, 2)
    ramp = np.zeros((2, 6))
    ramp[:, 3] = time_s
    signals = dict(still().signals) | {Channel.IMU_A: Replay(time_s=time_s, values=ramp)}
    movement = Movement(signals=signals, begins_s=1000.0)
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=4.0), movement=movement)
    blocks = exam.blocks(Channel.IMU_A)
    stamped_s = np.array([block.stamp for block in blocks], dtype=np.float64) * 1e-6
    told_s = np.array([block.values[0, 3] for block in blocks])
    behind_s = stamped_s - stamped_s[0] - (told_s - told_s[0])
    # the sensor's own output interval is 1.2 ms, a count of the gyro 1.2 mrad/s
    assert np.abs(behind_s).max() < 0.0035


def fitted_error_s(exam: Exam, drift_ppm: float) -> float:
    """Largest error of the clock fitted from frames and pongs, against the clock that the unit was given."""
    blocks, arrivals, pongs = [], [], []
    for arrival, packets in exam.arrived:
        for packet in packets:
            if isinstance(packet, SampleBlock) and packet.channel is Channel.IMU_A:
                blocks.append(packet)
                arrivals.append(arrival.arrival_ns * 1e-9)
            elif isinstance(packet, Pong):
                pongs.append((packet.sent_ns * 1e-9, packet.received_stamp * 1e-6))
    first_s = np.array([block.stamp for block in blocks], dtype=np.float64) * 1e-6
    last_s = first_s + 7 * 0.005
    pings = np.array(pongs)
    clock = fit_host_clock(last_s, np.array(arrivals), quality=ClockQuality.TWO_WAY, pings=(pings[:, 0], pings[:, 1]))
    true_s = exam.unit.born_s + first_s / (1.0 + drift_ppm * 1e-6)
    return float(np.abs(clock.at(first_s) - true_s).max())


def test_the_clock_is_fitted_within_five_milliseconds(tmp_path: Path) -> None:
    plan = UnitPlan(address=ADDRESS, drift_ppm=40.0)
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=15.0), plan=plan)
    assert fitted_error_s(exam, 40.0) < 0.005


def test_stop_and_restart_begin_a_new_count(tmp_path: Path) -> None:
    async def twice(exam: Exam) -> None:
        await exam.stream(seconds=1.0)
        first = len(exam.blocks(Channel.IMU_A))
        await asyncio.sleep(1.0)
        assert len(exam.blocks(Channel.IMU_A)) == first
        exam.packets.clear()
        again = Exam(exam.world, exam.unit)
        await again.stream(seconds=1.0)
        exam.packets = again.packets

    accounted(run_exam(tmp_path, twice), Channel.IMU_A)


def test_a_lost_link_is_found_again_as_a_new_segment(tmp_path: Path) -> None:
    async def drop(exam: Exam) -> None:
        await asyncio.sleep(2.0)
        assert exam.unit.connection is not None
        await exam.unit.connection.disconnect()
        await asyncio.sleep(6.0)

    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=3.0, during=drop))
    assert len(exam.events(LinkEventKind.LOST)) == 1
    segments = {one.segment for one in exam.stamped if isinstance(one, Arrival)}
    assert segments == {0, 1}


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("imu_b", "imu_missing"),
        ("imu_a", "imu_missing"),
        ("force", "force_missing"),
        ("force_power", "force_missing"),
        ("force_calibration", "force_missing"),
    ],
)
def test_a_sensor_that_is_missing_at_the_start_is_named(tmp_path: Path, fault: str, status: str) -> None:
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=3.0), faults=[fault])
    assert status in exam.notices()
    told = {Channel.IMU_A: "imu_a", Channel.IMU_B: "imu_b", Channel.FORCE: "force"}
    for channel, name in told.items():
        assert bool(exam.blocks(channel)) is not fault.startswith(name)


@pytest.mark.parametrize(("fault", "status"), [("imu_b", "imu_missing"), ("force", "force_missing")])
def test_a_sensor_that_falls_out_while_streaming_is_named(tmp_path: Path, fault: str, status: str) -> None:
    async def pull(exam: Exam) -> None:
        await asyncio.sleep(3.0)
        exam.unit.faults = {fault}

    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=3.0, during=pull))
    assert status in exam.notices()
    accounted(exam, Channel.IMU_A)


def test_a_bus_that_is_stuck_refuses_the_start_by_name(tmp_path: Path) -> None:
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=1.0), faults=["bus"])
    (status,) = exam.engine.status()
    assert status.state is UnitState.REFUSED
    assert "shorted" in status.message
    assert exam.blocks(Channel.IMU_A) == []


def test_a_full_queue_is_counted_and_named(tmp_path: Path) -> None:
    async def jam(exam: Exam) -> None:
        await asyncio.sleep(3.0)
        exam.unit.faults = {"queue"}
        await asyncio.sleep(0.5)
        exam.unit.faults = set()
        await asyncio.sleep(3.0)

    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=1.0, during=jam))
    assert "queue_full" in exam.notices()
    sequence = [block.sequence for block in exam.blocks(Channel.IMU_A)]
    missing = sequence[-1] + 1 - len(sequence)
    assert 10 <= missing <= 15  # half a second of 25 frames


def test_it_does_not_stream_on_a_charger(tmp_path: Path) -> None:
    async def plug(exam: Exam) -> None:
        await asyncio.sleep(3.0)
        exam.unit.volts = {"4": 2.0, "3": 2.5}

    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=8.0, during=plug))
    assert "charging" in exam.notices()
    assert any("charged" in event.detail for event in exam.events(LinkEventKind.REFUSED))


def test_an_empty_battery_is_told(tmp_path: Path) -> None:
    async def drain(exam: Exam) -> None:
        exam.unit.volts = {"4": 1.78, "3": 0.0}
        await asyncio.sleep(2.0)

    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=3.0, during=drain))
    assert "battery_low" in exam.notices()
    assert exam.engine.status()[0].battery_percent == pytest.approx(6, abs=4)


def test_a_damaged_calibration_is_named_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "calibration.bin").write_bytes(b"\x01" + bytes(215))
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=2.0))
    assert "storage" in exam.notices()
    info = next(one for one in exam.stamped if isinstance(one, UnitInfo))
    assert info.details["calibration"] == ""


@pytest.mark.slow
def test_sixty_seconds_lose_no_sample(tmp_path: Path) -> None:
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=60.0), duration_s=80.0)
    for channel in (Channel.IMU_A, Channel.IMU_B, Channel.FORCE):
        accounted(exam, channel)
        assert exam.values(channel).shape[0] >= 60.0 * 200


def test_the_interpreter_is_installed() -> None:
    assert Path(micropython_path()).is_file()
    assert gatt.RATES_HZ[-1] == 200


def test_a_calibration_survives_in_flash_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    blob = encode_calibration(Calibration(parts=gatt.CAP_FORCE, force_offset=100, force_scale=0.0005))

    async def write(exam: Exam) -> None:
        (found,) = await exam.engine.scan(2.0)
        kept: list[bytes] = []

        async def talk(link: OpenLink) -> None:
            await link.write(gatt.CHARACTERISTIC_CAL, blob, response=True)
            await asyncio.sleep(0.5)
            await link.write(gatt.CHARACTERISTIC_CAL, blob[:-1] + b"\x00", response=True)
            await asyncio.sleep(0.5)
            kept.append(await link.read(gatt.CHARACTERISTIC_CAL))

        await exam.engine.converse(found, talk)
        assert kept == [blob]

    run_exam(tmp_path, write)
    assert (tmp_path / "calibration.bin").read_bytes() == blob
    exam = run_exam(tmp_path, lambda exam: exam.stream(seconds=1.0))
    # 12.5 N are 25000 counts of the simulated converter
    assert exam.values(Channel.FORCE).mean() == pytest.approx((25000 - 100) * 0.0005)
