"""Sensors beside the camera: units streamed by an event loop in a thread of its own, into the recording's journal."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from analysis.errors import CatchangleError
from dashboard.errors import DashboardError
from records.journal import JournalHeader, JournalNote
from records.journal_folder import JOINED_NOTE, STOPPED_NOTE, VIDEO_NOTE
from records.journal_writer import JournalWriter
from sensors.engine import Engine
from sensors.errors import LinkError
from sensors.packets import Arrival, Channel, LinkEvent, Role, UnitInfo
from sensors.roles import ChannelKey, RoleMap, assign_roles
from sensors.streaming import Air, FoundUnit, Stamped, UnitState, UnitStatus, Watch

__all__ = ["SensorChoice", "SensorPlan", "SensorSession", "real_airs"]

Airs = Callable[[], AbstractAsyncContextManager[Sequence[Air]]]
"""Opens the airs that units are looked for in, within the event loop that streams them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorChoice:
    """A unit that the person named for a role: by name, address or identity, with its channel where it has several."""

    role: Role
    unit: str
    channel: Channel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorPlan:
    """Which sensors are to be recorded, and how; times chosen by us.

    Attributes
    ----------
    airs
        Where they are looked for.
    choices
        What was named; without any, all that are in the air, with the roles that are remembered.
    remembered
        Roles that were told before.
    settings
        What the streams' keys need besides: ``lever_m`` of the force, ``muscle`` of the EMG.
    begin
        Called when the recording starts.
    scan_s
        How long units are listened for (s).
    ready_s
        How long they have to begin streaming (s): connecting takes some seconds each.
    stop_s
        How long they have to stop (s).
    early_s
        The recording begins with what came so long (s) before it was started; without, with all that came.
    """

    airs: Airs
    choices: Sequence[SensorChoice] = ()
    remembered: RoleMap = field(default_factory=RoleMap)
    settings: Mapping[str, Any] = field(default_factory=dict)
    begin: Callable[[], None] = lambda: None
    scan_s: float = 5.0
    ready_s: float = 60.0
    stop_s: float = 15.0
    early_s: float | None = None


@asynccontextmanager
async def real_airs(*, with_lsl: bool = False) -> AsyncIterator[Sequence[Air]]:
    """Open this machine's Bluetooth, and the Lab Streaming Layer where it is asked for: that one asks the network."""
    from sensors.radio import Radio  # noqa: PLC0415 (loads bleak only for those who record sensors)

    if not with_lsl:
        yield (Radio(),)
        return
    from sensors.lsl import LslAir  # noqa: PLC0415 (an optional extra)

    yield (Radio(), LslAir())


class SensorSession:
    """Units that stream while a recording is made; a context manager.

    Entering it finds the units, connects to them and waits until all of them stream; `record` then opens the journal,
    beginning with what came since. Whatever happens to a unit afterwards is in the journal, and in `status`.

    Parameters
    ----------
    plan
        Which units.
    watch
        Sees the decoded packets, in the thread of the event loop; for live views.

    Raises
    ------
    CatchangleError
        On entering, if a unit is not found, refuses, or does not begin to stream in time.
    """

    def __init__(self, plan: SensorPlan, *, watch: Watch | None = None) -> None:
        self._plan = plan
        self._watch = watch
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._journal: JournalWriter | None = None
        self._early: deque[Stamped] = deque()
        self._joined: set[tuple[str, int]] = set()
        self._found: list[FoundUnit] = []
        self._status: tuple[UnitStatus, ...] = ()
        self._units: dict[str, UnitInfo] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._failure: BaseException | None = None
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="sensors", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._wait_until_streaming()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if self._journal is not None:
            self._journal.close()

    @property
    def fault(self) -> str:
        """Why the sensors are no longer recorded, empty while they are."""
        if self._journal is not None and self._journal.fault:
            return self._journal.fault
        return "" if self._failure is None else str(self._failure)

    def status(self) -> tuple[UnitStatus, ...]:
        """Tell what is known of each unit now."""
        return self._status

    def units(self) -> tuple[UnitInfo, ...]:
        """Return what the units that stream say of themselves."""
        with self._lock:
            return tuple(self._units.values())

    def roles(self) -> dict[Role, ChannelKey]:
        """Return which channel has which role.

        Raises
        ------
        DashboardError
            If a unit that was named is not there, or no sensor has a role.
        """
        units = list(self._units.values())
        if not self._plan.choices:
            found = {role: key for key, role in assign_roles(units, self._plan.remembered).items()}
            if not found:
                present = ", ".join(sorted(f"{unit.name} ({unit.unit_id})" for unit in units))
                raise DashboardError(
                    f"no sensor has a role yet ({present}): name them with --sensor proximal=UNIT, or tell their roles "
                    "once with `catchangle sensors assign`"
                )
            return found
        identities = {
            found.address.casefold(): one.unit_id for found, one in zip(self._found, self.status(), strict=True)
        }
        choices = [
            replace(choice, unit=identities.get(choice.unit.casefold(), choice.unit)) for choice in self._plan.choices
        ]
        return {choice.role: _chosen(choice, choices, units) for choice in choices}

    def record(self, path: Path, exam: Mapping[str, Any]) -> None:
        """Open the journal, beginning with the first packet that came.

        Parameters
        ----------
        path
            The journal's file.
        exam
            What ``recording.json`` says of the exam.

        Raises
        ------
        CatchangleError
            If the disk refuses, or roles are not known.
        """
        roles = self.roles()
        with self._lock:
            first_ns = min(
                (one.arrival_ns for one in self._early if isinstance(one, Arrival)), default=time.perf_counter_ns()
            )
            said = [unit for unit in self._units.values() if not any(unit is early for early in self._early)]
            header = JournalHeader(
                started_ns=first_ns - _BEFORE_NS,
                exam=exam,
                roles={role.value: (unit, channel.value) for role, (unit, channel) in roles.items()},
                settings=dict(self._plan.settings),
            )
            self._journal = JournalWriter(path, header)
            for record in (*said, *self._early):
                self._journal.put(record)
            self._early = deque()
            for unit_id, segment in sorted(self._joined):
                value = f"{segment} {unit_id}"
                self._journal.put(JournalNote(at_ns=header.started_ns, name=JOINED_NOTE, value=value))
        self._plan.begin()

    def video_began(self, at_s: float) -> None:
        """Note when the first frame was taken, s of `time.perf_counter`."""
        if self._journal is not None:
            at_ns = round(at_s * 1e9)
            self._journal.put(JournalNote(at_ns=at_ns, name=VIDEO_NOTE, value=float(at_ns)))

    def stop(self) -> None:
        """Stop the units, and note that the recording ended as it should."""
        self._end()
        if self._journal is not None and not self._journal.fault:
            self._journal.put(JournalNote(at_ns=time.perf_counter_ns(), name=STOPPED_NOTE, value=1.0))
            self._journal.close()

    def _run(self) -> None:
        """Run the event loop (in its own thread)."""
        try:
            asyncio.run(self._stream())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self._failure = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def _stream(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._plan.airs() as airs:
            engine = Engine(airs, self._take, watch=self._watch)
            for found in _wanted(await engine.scan(self._plan.scan_s), self._plan.choices):
                self._found.append(found)
                engine.add(found)
            self._engine = engine
            self._status = engine.status()
            running = asyncio.ensure_future(engine.run())
            while not running.done():
                await asyncio.wait([running], timeout=_STATUS_S)
                self._status = engine.status()  # in the loop's own thread: others may not look while packets come
            await running

    def _take(self, record: Stamped) -> None:
        """Keep what came (called in the event loop)."""
        with self._changed:
            if isinstance(record, UnitInfo):
                self._units[record.unit_id] = record
            if self._journal is not None:
                self._journal.put(record)
            else:
                self._early.append(record)
                self._forget_early()
            self._changed.notify_all()

    def _forget_early(self) -> None:
        """Keep, of what came before the recording, only the last seconds and what the units are."""
        if self._plan.early_s is None:
            return
        since_ns = time.perf_counter_ns() - round(self._plan.early_s * 1e9)
        while len(self._early) > 1 and _at_ns(self._early[0]) < since_ns:
            gone = self._early.popleft()
            if isinstance(gone, Arrival):
                self._joined.add((gone.unit_id, gone.segment))

    def _wait_until_streaming(self) -> None:
        until_s = time.monotonic() + self._plan.scan_s + self._plan.ready_s
        while True:
            with self._changed:
                self._changed.wait(timeout=_LOOK_S)
            if self._failure is not None:
                raise self._failed(self._failure)
            states = self.status()
            refused = [one for one in states if one.state is UnitState.REFUSED]
            if refused:
                raise LinkError(refused[0].message or f"{refused[0].name}: refuses")
            if states and all(one.state in {UnitState.STREAMING, UnitState.STALLED} for one in states):
                return
            late = [one for one in states if one.state is not UnitState.STREAMING]
            if time.monotonic() > until_s:
                why = "; ".join(f"{one.name}: {one.message or one.state.value}" for one in late)
                raise LinkError(
                    f"not every sensor streams after {self._plan.ready_s:.0f} s ({why or 'none was found'})"
                )

    def _failed(self, error: BaseException) -> BaseException:
        return error if isinstance(error, CatchangleError) else DashboardError(f"the sensors cannot be read: {error}")

    def _end(self) -> None:
        """Stop the units and wait for the thread."""
        engine, loop = self._engine, self._loop
        if engine is not None and loop is not None and not self._ended:
            loop.call_soon_threadsafe(engine.stop)
        self._thread.join(timeout=self._plan.stop_s)


_STATUS_S = 0.05
"""What is known of the units is gathered so often."""
_LOOK_S = 0.1
"""How often it is looked whether all units stream."""
_BEFORE_NS = 100_000_000
"""The first packet's samples were taken a little before it came: times begin above zero."""


def _at_ns(record: Stamped) -> int:
    """When something happened; what a unit is holds at any time."""
    match record:
        case Arrival():
            return record.arrival_ns
        case LinkEvent():
            return record.at_ns
        case _:
            return 0


def _wanted(found: Sequence[FoundUnit], choices: Sequence[SensorChoice]) -> list[FoundUnit]:
    """Return the units to open: those that were named; all of them where an identity is known only to the unit itself.

    Raises
    ------
    LinkError
        If nothing was found.
    """
    if not found:
        raise LinkError(
            "no sensor was found: switch them on, bring them closer, and close other programs that hold them"
        )
    named = {name.casefold() for choice in choices for name in [choice.unit]}
    by_name = [unit for unit in found if {unit.name.casefold(), unit.address.casefold()} & named]
    told = {name.casefold() for unit in by_name for name in (unit.name, unit.address)}
    return by_name if choices and named <= told else list(found)


def _chosen(choice: SensorChoice, choices: Sequence[SensorChoice], units: Sequence[UnitInfo]) -> ChannelKey:
    """Find the unit and channel of a choice.

    Raises
    ------
    DashboardError
        If there is no such unit, or it measures no such thing.
    """
    name = choice.unit.casefold()
    alike = [one for one in units if name in {one.unit_id.casefold(), one.name.casefold()}]
    if len(alike) != 1:
        what = "several sensors are called so" if alike else "no such sensor streams"
        present = ", ".join(sorted(f"{one.name} ({one.unit_id})" for one in units)) or "none"
        raise DashboardError(f"--sensor {choice.role}={choice.unit}: {what}; name one by its identity: {present}")
    unit = alike[0]
    channel = choice.channel or _usual(choice, choices, unit)
    if channel not in unit.channels:
        offered = ", ".join(unit.channels)
        raise DashboardError(f"--sensor {choice.role}={choice.unit}: it measures {offered}; name one as UNIT:CHANNEL")
    return unit.unit_id, channel


def _usual(choice: SensorChoice, choices: Sequence[SensorChoice], unit: UnitInfo) -> Channel:
    """Return the channel that a role is usually measured with; the second IMU of a unit that has the proximal one."""
    if choice.role is Role.FORCE:
        return Channel.FORCE
    if choice.role is Role.EMG:
        return Channel.EMG
    twice = sum(other.unit.casefold() == choice.unit.casefold() and _is_inertial(other) for other in choices) > 1
    second = choice.role is Role.DISTAL and twice and Channel.IMU_B in unit.channels
    return Channel.IMU_B if second else Channel.IMU_A


def _is_inertial(choice: SensorChoice) -> bool:
    return choice.role in {Role.PROXIMAL, Role.DISTAL}
