"""Sensors before an exam: which of them was shaken, and recordings in their own memories."""

import asyncio
from collections.abc import Sequence

import numpy as np

from dashboard.services.sensing import Introduced, Room, ignore
from sensors.devices.dot import DotDriver
from sensors.engine import Engine
from sensors.errors import LinkError
from sensors.packets import Arrival, Packet, SampleBlock, UnitInfo
from sensors.roles import ChannelKey, find_shaken

__all__ = ["find_role", "record_on_board"]

_SHAKE_WINDOW = 300
"""Samples of each channel that are looked at: a second and a half of a fast sensor (chosen by us)."""
_LOOK_S = 0.1


async def find_role(room: Room, chosen: Sequence[Introduced], *, seconds: float) -> ChannelKey:
    """Stream until one sensor is shaken, tapped or pushed, and tell which.

    Raises
    ------
    LinkError
        If none was within the time.
    """
    recent: dict[ChannelKey, list[np.ndarray]] = {}

    def watch(info: UnitInfo, _arrival: Arrival, packets: Sequence[Packet]) -> None:
        for packet in packets:
            if isinstance(packet, SampleBlock):
                rows = recent.setdefault((info.unit_id, packet.channel), [])
                rows.extend(packet.values)
                del rows[:-_SHAKE_WINDOW]

    engine = Engine(room.airs, ignore, watch=watch)
    for one in chosen:
        engine.add(one.found)
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(engine.run())
    room.begin()
    until_s = loop.time() + seconds
    try:
        while not running.done() and loop.time() < until_s:
            await asyncio.wait([running], timeout=_LOOK_S)
            shaken = find_shaken({key: np.array(rows) for key, rows in recent.items()})
            if shaken is not None:
                return shaken
    finally:
        engine.stop()
        await running
    raise LinkError("no sensor was shaken alone; shake or tap one for two seconds, and keep the others still")


async def record_on_board(
    room: Room, chosen: Sequence[Introduced], *, seconds: int, now_unix_s: int
) -> tuple[str, ...]:
    """Let the DOTs among the units record in their own memories, and return their names.

    Raises
    ------
    LinkError
        If there is none, or one does not take the command.
    """
    engine, driver, names = Engine(room.airs, ignore), DotDriver(), list[str]()
    for one in chosen:
        if one.found.kind == driver.kind:
            await engine.converse(one.found, lambda link: driver.record_on_board(link, now_unix_s, seconds))
            names.append(one.info.unit_id if one.info else one.found.name)
    if not names:
        raise LinkError(
            "no sensor here records on board: this is for Movella DOTs; switch them on and bring them close"
        )
    return tuple(names)
