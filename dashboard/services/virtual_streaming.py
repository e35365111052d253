"""A virtual patient's exam, streamed by virtual sensors over a virtual radio into a recording folder."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from analysis.muscles import MuscleGroup
from analysis.simulate import VirtualExam, draw_patient
from records.durable import discard, new_folder, place_folder, write_file
from records.errors import RecordError
from records.journal import JOURNAL_FILE, JournalHeader, JournalNote, read_journal
from records.journal_folder import STOPPED_NOTE, convert_journal, decoder_of
from records.journal_writer import JournalWriter
from records.virtual import TRUTH, describe_exam, describe_truth
from sensors.emulator.backend import client_backend, scanner_backend
from sensors.emulator.faults import Fault, FaultKind, Injector, draw_faults
from sensors.emulator.patient import replayable_exam, signals_of
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.radio_model import RadioParams
from sensors.emulator.rig import RIGS, Rig, build_rig
from sensors.emulator.unit import VirtualUnit
from sensors.emulator.virtual_time import run_virtual
from sensors.emulator.world import World, emulated_world
from sensors.engine import Engine
from sensors.errors import LinkError
from sensors.host_clock import HostClock
from sensors.packets import Arrival, Channel, ClockQuality, Role, UnitInfo
from sensors.radio import Radio
from sensors.streaming import FoundUnit, Stamped, StreamParams, UnitState, UnitStatus
from sensors.timeline import build_timeline

__all__ = ["RIGS", "RadioParams", "Scenario", "ScenarioParams", "Streamed", "StreamedUnit", "stream_exam"]

_SECOND_NS = 1e9
_SHORTEST_S = 0.001
"""A shorter sleep may end before the clock has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioParams:
    """When what happens in a simulated recording; all values chosen by us.

    Attributes
    ----------
    scan_s, scans
        How long units are listened for at a time (s), and how often at most.
    streaming_within_s
        All units must stream within so long (s).
    settle_s
        From the moment at which all stream to the movement's start (s).
    told_every_s
        Time between two words on how far it is (s).
    """

    scan_s: float = 3.0
    scans: int = 5
    streaming_within_s: float = 120.0
    settle_s: float = 2.0
    told_every_s: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is simulated.

    Attributes
    ----------
    rig
        Which set of sensors, one of `sensors.emulator.rig.RIGS`.
    muscle_group
        What is examined.
    grade
        Grade of the modified Ashworth scale that the patient is drawn around; what the exam shows is its truth's.
    seed
        Source of all chance.
    radio
        How the air behaves.
    faults
        Number of faults that are done to it while it records.
    real_time
        Whether it takes as long as the exam does; else time jumps.
    code
        The subject's code.
    started_at
        Date of the recording, with its zone.
    params
        When what happens.
    """

    rig: str = "goniometer"
    muscle_group: MuscleGroup = MuscleGroup.ELBOW_FLEXORS
    grade: str = "2"
    seed: int = 1
    radio: RadioParams = field(default_factory=RadioParams)
    faults: int = 0
    real_time: bool = False
    code: str = "V001"
    started_at: datetime
    params: ScenarioParams = field(default_factory=ScenarioParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedUnit:
    """What became of one unit's samples.

    Attributes
    ----------
    name, kind, unit_id
        Which unit.
    sent
        Samples by channel that it measured while it streamed.
    received, lost
        Those that came, and those that are reported missing, by the receiver's account.
    duplicated, rejected
        Packets that came twice, and pieces of bytes that were no message.
    connections
        How often it was connected.
    clock
        Worst quality of its clock in the recording; ``None`` if nothing of it was recorded.
    clock_error_s
        The recording's own bound of its clock's error (s).
    clock_residual_s
        By how much its clock was off in truth (s); ``None`` for a unit whose clock nobody can read.
    """

    name: str
    kind: str
    unit_id: str
    sent: Mapping[Channel, int]
    received: Mapping[Channel, int]
    lost: Mapping[Channel, int]
    duplicated: int
    rejected: int
    connections: int
    clock: ClockQuality | None
    clock_error_s: float | None
    clock_residual_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """A simulated recording.

    Attributes
    ----------
    folder
        Where it is.
    units
        The units' accounts.
    seconds
        Its length (s).
    faults
        What was done to it.
    quality
        What it says of itself.
    """

    folder: Path
    units: tuple[StreamedUnit, ...]
    seconds: float
    faults: tuple[Fault, ...]
    quality: tuple[str, ...]


def stream_exam(
    scenario: Scenario, folder: Path, *, on_progress: Callable[[float], None] = lambda _share: None
) -> Streamed:
    """Simulate a patient, stream the exam through the drivers that stream real sensors, and record it.

    Parameters
    ----------
    scenario
        What is simulated.
    folder
        Recording folder to make.
    on_progress
        Takes the share done, 0 to 1.

    Raises
    ------
    RecordError
        If the folder is there already, or the disk refuses.
    SensorError
        If the units do not begin to stream.
    AnalysisError
        If there is no such grade.
    """
    if folder.exists():
        raise RecordError(folder, "is there already; name another folder or remove it")
    patient = draw_patient(scenario.grade, scenario.muscle_group, seed=scenario.seed)
    exam = replayable_exam(patient, seed=scenario.seed)
    partial = new_folder(folder.parent)
    try:
        session = _Session(scenario, exam, partial, on_progress)
        work = session.run()
        asyncio.run(work) if scenario.real_time else run_virtual(work)
        converted = convert_journal(partial)
        _write_truth(partial, exam, session.delay_s)
        units = session.accounts()
        place_folder(partial, folder)
    finally:
        discard(partial)
    return Streamed(
        folder=folder,
        units=units,
        seconds=converted.seconds,
        faults=tuple(session.done),
        quality=converted.quality,
    )


class _Session:
    """One run of the emulated room, from the scan to the closed journal."""

    def __init__(
        self, scenario: Scenario, exam: VirtualExam, folder: Path, on_progress: Callable[[float], None]
    ) -> None:
        self._scenario, self._exam, self._folder, self._on_progress = scenario, exam, folder, on_progress
        self._rigs: list[Rig] = []
        self._writer: JournalWriter | None = None
        self._before: list[Stamped] = []
        self._statuses: tuple[UnitStatus, ...] = ()
        self._addresses: list[str] = []
        self._started_ns = 0
        self.delay_s = 0.0
        self.done: list[Fault] = []

    async def run(self) -> None:
        """Stream and record the exam."""
        loop = asyncio.get_running_loop()
        scenario = self._scenario
        async with emulated_world(self._furnish, radio=scenario.radio, seed=scenario.seed) as world:
            backends = client_backend(world.adapter), scanner_backend(world.adapter)
            radio = Radio(client_backend=backends[0], scanner_backend=backends[1])
            engine = Engine([radio], self._take, params=StreamParams(), clock_ns=lambda: _now_ns(loop))
            await self._find(engine, world)
            self._started_ns = _now_ns(loop)
            running = asyncio.ensure_future(engine.run())
            try:
                await self._until_streaming(engine, running)
                with self._open(engine) as self._writer:
                    await self._record(world, running)
                    engine.stop()
                    await running
                    self._writer.put(JournalNote(at_ns=_now_ns(loop), name=STOPPED_NOTE, value=1.0))
            finally:
                engine.stop()
                await asyncio.gather(running, return_exceptions=True)
            self._statuses = engine.status()

    def accounts(self) -> tuple[StreamedUnit, ...]:
        """Hold what was received against what was sent."""
        journal = read_journal(self._folder / JOURNAL_FILE)
        records = [record for record in journal.records if isinstance(record, UnitInfo | Arrival)]
        return tuple(
            self._account(status, self._unit_at(address), records)
            for status, address in zip(self._statuses, self._addresses, strict=True)
        )

    def _account(self, status: UnitStatus, unit: VirtualUnit, records: Sequence[UnitInfo | Arrival]) -> StreamedUnit:
        channels = self._rigs[0].roles[unit.plan.address]
        timeline = build_timeline(status.unit_id, records, decoder_of=decoder_of, origin_ns=self._started_ns)
        tracks = list(timeline.tracks.values()) if timeline is not None else []
        pieces = [piece for track in tracks for piece in track.pieces]
        residuals = [self._residual_s(unit, piece.clock) for piece in pieces]
        known = [residual for residual in residuals if residual is not None]
        order = list(ClockQuality)
        return StreamedUnit(
            name=status.name,
            kind=status.kind,
            unit_id=status.unit_id,
            sent={channel: sum(ledger.measured[channel] for ledger in unit.ledgers) for channel in channels},
            received=dict(status.received),
            lost=dict(status.lost),
            duplicated=status.duplicated,
            rejected=status.rejected,
            connections=status.segment + 1,
            clock=max((track.quality for track in tracks), key=order.index, default=None),
            clock_error_s=max((float(track.error_s) for track in tracks), default=None),
            clock_residual_s=max(known, default=None),
        )

    def _residual_s(self, unit: VirtualUnit, fitted: HostClock) -> float | None:
        """Return by how much a fitted clock is off in its middle, by whichever of the unit's clocks it is one of."""
        if fitted.quality is ClockQuality.NOMINAL:
            return None
        told_s = fitted.host_s + self._started_ns / _SECOND_NS
        wraps_s = unit.wraps_at_s
        off_s = []
        for clock in {id(ledger.clock): ledger.clock for ledger in unit.ledgers}.values():
            for jump_s in clock.jumps_s:
                own_s = fitted.device_s - jump_s
                rounds = 0 if wraps_s is None else round((clock.own_s(told_s) - own_s) / wraps_s)
                true_s = clock.world_s(np.array([own_s + rounds * (wraps_s or 0.0)]))[0]
                off_s.append(abs(float(true_s) - told_s))
        return min(off_s)

    def _furnish(self, link: RadioLink) -> Sequence[VirtualUnit]:
        scenario, exam = self._scenario, self._exam
        rest_s = exam.reference_pose.time_s
        self._rigs.append(build_rig(link, scenario.rig, signals_of(exam), seed=scenario.seed, rest_s=rest_s))
        return self._rigs[0].units

    def _unit_at(self, address: str) -> VirtualUnit:
        return next(unit for unit in self._rigs[0].units if unit.plan.address == address)

    async def _find(self, engine: Engine, world: World) -> None:
        params = self._scenario.params
        heard = dict[str, FoundUnit]()
        for _ in range(params.scans):
            heard |= {found.address: found for found in await engine.scan(params.scan_s)}
            if len(heard) == len(world.units):
                break
        else:
            raise LinkError(f"{len(world.units) - len(heard)} of the virtual units were not heard: lower the loss")
        for found in heard.values():
            engine.add(found)
            self._addresses.append(found.address)

    async def _until_streaming(self, engine: Engine, running: "asyncio.Future[None]") -> None:
        params = self._scenario.params
        for _ in range(int(params.streaming_within_s / params.told_every_s)):
            if running.done():
                break
            if all(status.state is UnitState.STREAMING for status in engine.status()):
                return
            await asyncio.sleep(params.told_every_s)
        failed = [status for status in engine.status() if status.state is not UnitState.STREAMING]
        told = "; ".join(status.message or f"{status.name} does not stream" for status in failed)
        raise LinkError(f"the virtual sensors did not begin to stream: {told}")

    def _open(self, engine: Engine) -> JournalWriter:
        """Open the journal with all that came since the recording's start, and say when the exam begins."""
        scenario, exam = self._scenario, self._exam
        begins_s = asyncio.get_running_loop().time() + scenario.params.settle_s
        self.delay_s = begins_s - self._started_ns / _SECOND_NS
        self._rigs[0].begin(begins_s)
        unit_ids = dict(zip(self._addresses, (status.unit_id for status in engine.status()), strict=True))
        roles: dict[str, tuple[str, str]] = {
            role.value: (unit_ids[address], channel.value)
            for address, channels in self._rigs[0].roles.items()
            for channel, role in channels.items()
        }
        header = JournalHeader(
            started_ns=self._started_ns,
            exam=describe_exam(exam, started_at=scenario.started_at, code=scenario.code, delay_s=self.delay_s),
            roles={role.value: roles[role.value] for role in Role if role.value in roles},
            settings={"lever_m": exam.force.lever_m},
        )
        writer = JournalWriter(self._folder / JOURNAL_FILE, header)
        for record in self._before:
            writer.put(record)
        return writer

    async def _record(self, world: World, running: "asyncio.Future[None]") -> None:
        loop, params = asyncio.get_running_loop(), self._scenario.params
        begun_s = loop.time()
        exam_s = float(self._exam.true_angle.time_s[-1])
        length_s = params.settle_s + exam_s
        faulting = asyncio.ensure_future(self._do_faults(world, exam_s))
        try:
            while (elapsed_s := loop.time() - begun_s) < length_s and not running.done():
                self._on_progress(elapsed_s / length_s)
                await asyncio.sleep(max(min(params.told_every_s, length_s - elapsed_s), _SHORTEST_S))
        finally:
            faulting.cancel()
            await asyncio.gather(faulting, return_exceptions=True)

    async def _do_faults(self, world: World, exam_s: float) -> None:
        scenario = self._scenario
        if scenario.faults == 0:
            return
        injector = Injector(world, seed=scenario.seed)
        self.done = injector.done
        kinds = [kind for kind in FaultKind if kind is not FaultKind.KILL]
        await injector.run(
            draw_faults(
                scenario.faults, units=len(world.units), from_s=0.0, to_s=exam_s, seed=scenario.seed, kinds=kinds
            )
        )

    def _take(self, record: Stamped) -> None:
        """Journal what comes; what comes before all units are known, and with them the journal's header, waits."""
        if self._writer is not None:
            self._writer.put(record)
        else:
            self._before.append(record)


def _now_ns(loop: asyncio.AbstractEventLoop) -> int:
    return round(loop.time() * _SECOND_NS)


def _write_truth(folder: Path, exam: VirtualExam, delay_s: float) -> None:
    text = json.dumps(describe_truth(exam, delay_s=delay_s), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_file(folder / TRUTH, lambda partial: partial.write_text(text, encoding="utf-8"))
