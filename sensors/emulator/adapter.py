"""The host's Bluetooth adapter on the emulated air, and what its stack does to notifications on their way up."""

import asyncio
import random
from collections.abc import Callable, Sequence

from bumble import hci
from bumble.device import Advertisement, Connection, Device, DeviceConfiguration
from bumble.transport.common import AsyncPipeSink

from sensors.emulator.controller import QuietHost, UnitController
from sensors.emulator.radio_link import RadioLink

__all__ = ["Adapter", "Tap", "bumble_device"]

Tap = Callable[[str, str, bytes], Sequence[bytes]]
"""Given a unit's address, a characteristic and a notification, what the host's stack makes of it."""

_ADDRESS = "C0:00:00:00:00:01"
_TURN_S = 1e-6
"""Least time between two notifications on their way up (chosen by us)."""


def bumble_device(link: RadioLink, name: str, address: str) -> tuple[Device, UnitController]:
    """Put a Bluetooth device with its own controller on the link."""
    controller = UnitController(name, link=link, public_address=address)
    configuration = DeviceConfiguration(name=name, address=hci.Address(address))
    device = Device(config=configuration, host=QuietHost(controller, AsyncPipeSink(controller)))
    return device, controller


class Adapter:
    """One Bluetooth adapter of the host.

    Parameters
    ----------
    link
        The air.
    seed
        Source of the host's delays.
    """

    def __init__(self, link: RadioLink, *, seed: int) -> None:
        self.link = link
        self.params = link.params
        self.present = True
        self.connecting = asyncio.Lock()
        self.tap: Tap | None = None
        self.delivered = 0
        self._rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._listeners: list[Callable[[Advertisement], None]] = []
        self._due_s: dict[str, float] = {}
        self.device, self.controller = bumble_device(link, "adapter", _ADDRESS)
        self.device.on(Device.EVENT_ADVERTISEMENT, self._advertised)

    async def open(self) -> None:
        """Switch the adapter on."""
        await self.device.power_on()

    def vanish(self) -> None:
        """Take the adapter away, as when a stick is pulled: every link ends at once."""
        self.present = False
        self.link.hide(self.controller)
        self.link.break_links(self.controller, reason=hci.HCI_CONNECTION_TIMEOUT_ERROR)

    def come_back(self) -> None:
        """Put the adapter back."""
        self.present = True
        self.link.show(self.controller)

    async def listen(self, listener: Callable[[Advertisement], None]) -> None:
        """Scan on behalf of a listener."""
        self._listeners.append(listener)
        if len(self._listeners) == 1:
            await self.device.start_scanning(legacy=True)

    async def unlisten(self, listener: Callable[[Advertisement], None]) -> None:
        """End a listener's scanning."""
        if listener in self._listeners:
            self._listeners.remove(listener)
            if not self._listeners:
                await self.device.stop_scanning(legacy=True)

    async def connect(self, address: str, timeout_s: float) -> Connection:
        """Connect to a unit, one at a time as real controllers do; a caller that gives up leaves nothing pending."""
        async with self.connecting:
            try:
                return await self.device.connect(hci.Address(address), timeout=timeout_s)
            except asyncio.CancelledError:
                if self.controller.pending_le_connection is not None:
                    await self.device.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
                raise

    def hand_up(self, address: str, characteristic: str, data: bytes, receive: Callable[[bytearray], None]) -> None:
        """Pass a notification to the program, as late as the host's stack makes it, in order."""
        params, loop = self.params, asyncio.get_running_loop()
        delay_s = self._rng.expovariate(1.0 / params.host_delay_s) if params.host_delay_s else 0.0
        if params.host_stall_share and self._rng.random() < params.host_stall_share:
            delay_s += self._rng.expovariate(1.0 / params.host_stall_s)
        due_s = loop.time() + delay_s
        for passed in (data,) if self.tap is None else self.tap(address, characteristic, data):
            # Never two at once: timers that are due together have no order.
            due_s = max(self._due_s.get(address, 0.0) + _TURN_S, due_s)
            self._due_s[address] = due_s
            self.delivered += 1
            loop.call_at(due_s, receive, bytearray(passed))

    def _advertised(self, advertisement: Advertisement) -> None:
        for listener in list(self._listeners):
            listener(advertisement)
