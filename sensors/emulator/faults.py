"""What goes wrong in a clinic, drawn from a seed and done to an emulated room at its time."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bumble import hci

from sensors.emulator.unit import VirtualUnit
from sensors.emulator.world import World

__all__ = ["Fault", "FaultKind", "Injector", "draw_faults"]

_PACKETS = (1, 6)
_STALL_S = (0.3, 6.0)
_AWAY_S = (3.0, 8.0)
_JUMP_S = (0.2, 30.0)


class FaultKind(StrEnum):
    """What can go wrong."""

    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    CORRUPT = "corrupt"
    DISCONNECT = "disconnect"
    STALL = "silent stall"
    CLOCK_JUMP = "clock jump"
    BATTERY_OUT = "battery out"
    ADAPTER_GONE = "adapter gone"
    KILL = "kill -9"


_IN_THE_STACK = (FaultKind.DROP, FaultKind.DUPLICATE, FaultKind.REORDER, FaultKind.CORRUPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Attributes
    ----------
    kind
        What.
    at_s
        When, from the injector's start (s).
    unit
        Number of the unit that it happens to; the adapter and the process have no unit.
    packets
        How many notifications of samples it concerns, where it happens in the host's stack.
    lasts_s
        How long it lasts, where it does (s).
    jump_s
        By how much the unit's clock jumps (s).
    """

    kind: FaultKind
    at_s: float
    unit: int = 0
    packets: int = 1
    lasts_s: float = 0.0
    jump_s: float = 0.0


def draw_faults(
    n: int, *, units: int, from_s: float, to_s: float, seed: int, kinds: Sequence[FaultKind] = tuple(FaultKind)
) -> tuple[Fault, ...]:
    """Draw faults evenly over the kinds, in the order of their times; a kill ends what is after it.

    Parameters
    ----------
    n
        How many.
    units
        Number of units they may happen to.
    from_s, to_s
        Span of their times (s).
    seed
        Source of all chance.
    kinds
        What may happen.
    """
    rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    drawn = []
    for number in range(n):
        kind = kinds[(number + seed) % len(kinds)]
        lasts = _STALL_S if kind is FaultKind.STALL else _AWAY_S
        drawn.append(
            Fault(
                kind=kind,
                at_s=from_s + (to_s - from_s) * (number + rng.uniform(0.0, 0.5)) / n,
                unit=rng.randrange(units),
                packets=rng.randint(*_PACKETS),
                lasts_s=rng.uniform(*lasts),
                jump_s=rng.choice((-1, 1)) * rng.uniform(*_JUMP_S),
            )
        )
    return tuple(sorted(drawn, key=lambda fault: fault.at_s))


class Injector:
    """Does faults to an emulated room; `done` lists those that came about.

    Parameters
    ----------
    world
        The room.
    seed
        Source of what corruption does.
    """

    def __init__(self, world: World, *, seed: int) -> None:
        self.done: list[Fault] = []
        self._world = world
        self._rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._armed: dict[str, list[tuple[Fault, int]]] = {}
        self._held: dict[str, tuple[object, bytes]] = {}
        world.adapter.tap = self._tap

    async def run(self, faults: Sequence[Fault]) -> None:
        """Do the faults at their times; one that lasts does not hold up the next."""
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        lasting = []
        for fault in faults:
            await asyncio.sleep(max(begun_s + fault.at_s - loop.time(), 0.0))
            if fault.kind in _IN_THE_STACK:
                address = self._world.units[fault.unit].plan.address
                self._armed.setdefault(address, []).append((fault, fault.packets))
            else:
                lasting.append(asyncio.ensure_future(self._do(fault)))
        await asyncio.gather(*lasting)

    async def _do(self, fault: Fault) -> None:
        unit = self._world.units[fault.unit]
        self.done.append(fault)
        if fault.kind is FaultKind.DISCONNECT:
            self._world.link.break_links(unit.controller, reason=hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR)
        elif fault.kind is FaultKind.CLOCK_JUMP:
            unit.clock.jump(fault.jump_s)
        elif fault.kind is FaultKind.STALL:
            await self._stall(unit, fault.lasts_s)
        elif fault.kind is FaultKind.BATTERY_OUT:
            unit.power_off()
            await asyncio.sleep(max(fault.lasts_s, self._world.link.params.supervision_timeout_s))
            unit.revive()
        elif fault.kind is FaultKind.ADAPTER_GONE:
            self._world.adapter.vanish()
            await asyncio.sleep(fault.lasts_s)
            self._world.adapter.come_back()

    @staticmethod
    async def _stall(unit: VirtualUnit, lasts_s: float) -> None:
        unit.stalled = True
        await asyncio.sleep(lasts_s)
        unit.stalled = False

    def _tap(self, address: str, characteristic: str, data: bytes) -> Sequence[bytes]:
        """Pass a notification on, or what a fault makes of it; only those with samples are concerned."""
        unit = next(unit for unit in self._world.units if unit.plan.address == address)
        if characteristic not in {series.characteristic for series in unit.series()}:
            return (data,)
        connection, held = self._held.pop(address, (None, None))
        if held is not None and connection is unit.connection:
            return (data, held)
        armed = self._armed.get(address)
        if not armed:
            return (data,)
        fault, left = armed[0]
        if left == fault.packets:
            self.done.append(fault)
        armed[:1] = [(fault, left - 1)] if left > 1 else []
        if fault.kind is FaultKind.REORDER:
            self._held[address] = (unit.connection, data)
            return ()
        return self._spoilt(fault.kind, data)

    def _spoilt(self, kind: FaultKind, data: bytes) -> Sequence[bytes]:
        if kind is FaultKind.DROP:
            return ()
        if kind is FaultKind.DUPLICATE:
            return (data, data)
        # What reaches a program in spite of the radio's own check sums is cut off, or is something else altogether.
        if self._rng.random() < 0.5:
            return (data[: self._rng.randrange(1, len(data))],)
        return (self._rng.randbytes(len(data)),)
