"""An emulated room: one adapter, the air, and the virtual units in it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sensors.emulator.adapter import Adapter
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.radio_model import RadioParams
from sensors.emulator.unit import VirtualUnit

_SETTLES_S = 0.05
"""Time in which units notice that a link is gone (chosen by us)."""

__all__ = ["World", "emulated_world"]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is in the room."""

    link: RadioLink
    adapter: Adapter
    units: tuple[VirtualUnit, ...]


@asynccontextmanager
async def emulated_world(
    furnish: Callable[[RadioLink], Sequence[VirtualUnit]], *, radio: RadioParams | None = None, seed: int = 0
) -> AsyncIterator[World]:
    """Open a room with an adapter and units, all switched on, within a running event loop.

    Parameters
    ----------
    furnish
        Makes the units on the air that it is given.
    radio
        How the air behaves.
    seed
        Source of all chance in it.
    """
    link = RadioLink(radio or RadioParams(), seed=seed)
    adapter = Adapter(link, seed=seed + 1)
    units = tuple(furnish(link))
    await adapter.open()
    for unit in units:
        await unit.power_on()
    try:
        yield World(link=link, adapter=adapter, units=units)
    finally:
        await _clear_away(adapter, units)


async def _clear_away(adapter: Adapter, units: Sequence[VirtualUnit]) -> None:
    """End all that goes on by itself; units that lose their link first begin to advertise again."""
    for unit in units:
        unit.stop_streaming()
    adapter.vanish()
    await asyncio.sleep(_SETTLES_S)
    for unit in units:
        await unit.device.stop_advertising()
