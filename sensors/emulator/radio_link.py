"""The air between virtual controllers: connection events, loss with retransmission, reach, supervision.

bumble's `LocalLink` hands every packet over at once and for ever; here data wait for the next connection event,
are lost and sent again, and a unit that cannot be heard for long enough loses its link.
"""

import asyncio
import math
import random
from collections import deque

from bumble import controller as virtual
from bumble import core, hci, link, ll

from sensors.emulator.radio_model import RadioParams

__all__ = ["RadioLink"]

_ROUNDING = 1e-6
"""Share of a connection interval within which two times are the same."""


class _Air:
    """What waits between two connected controllers."""

    def __init__(self, ends: tuple[virtual.Controller, virtual.Controller], anchor_s: float) -> None:
        self.ends = ends
        self.anchor_s = anchor_s
        self.waiting: dict[int, deque[bytes]] = {id(end): deque() for end in ends}
        self.event: asyncio.TimerHandle | None = None

    def connections(self) -> list[tuple[virtual.Controller, virtual.Connection]]:
        """Return both ends' connections to each other; empty once it is over."""
        first, second = self.ends
        pairs = [(first, second), (second, first)]
        return [
            (here, connection)
            for here, there in pairs
            for connection in here.le_connections.values()
            if connection.peer_address in {there.random_address, there.public_address}
        ]


class RadioLink(link.LocalLink):
    """A link bus on which time passes as on the air.

    Parameters
    ----------
    params
        How the air behaves.
    seed
        Source of all its chance.
    """

    def __init__(self, params: RadioParams, *, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # bumble does not annotate it
        self.params = params
        self._rng = random.Random(seed)  # noqa: S311 - a simulation, not a secret
        self._airs: dict[frozenset[int], _Air] = {}
        self._hidden: set[int] = set()
        self.retransmissions = 0
        self.signal_dbm: dict[str, int] = {}

    def waiting(self, sender: virtual.Controller) -> int:
        """Count the packets of one controller that were not acknowledged yet."""
        return sum(len(air.waiting[id(sender)]) for air in self._airs.values() if sender in air.ends)

    def hide(self, unit: virtual.Controller) -> None:
        """Put a controller out of reach; its links break if it stays there for the supervision time-out."""
        if id(unit) in self._hidden:
            return
        self._hidden.add(id(unit))
        loop = asyncio.get_running_loop()
        loop.call_later(self.params.supervision_timeout_s, self._supervise, unit)

    def show(self, unit: virtual.Controller) -> None:
        """Bring a controller back into reach."""
        self._hidden.discard(id(unit))
        for air in self._airs.values():
            if unit in air.ends:
                self._arrange(air)

    def is_hidden(self, unit: virtual.Controller) -> bool:
        """Tell whether a controller is out of reach."""
        return id(unit) in self._hidden

    def break_links(self, unit: virtual.Controller, *, reason: int) -> None:
        """End all links of a controller on both sides with an HCI reason."""
        for key, air in list(self._airs.items()):
            if unit in air.ends:
                self._forget(key)
        for other in list(self.controllers):
            self._part(_Air((unit, other), 0.0), reason)

    def send_acl_data(
        self,
        sender_controller: virtual.Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        """Queue data for the next connection event."""
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection is None or receiver is None or transport != core.PhysicalTransport.LE:
            return
        air = self._between(sender_controller, receiver)
        air.waiting[id(sender_controller)].append(data)
        self._arrange(air)

    def send_advertising_pdu(self, sender_controller: virtual.Controller, packet: ll.AdvertisingPdu) -> None:
        """Hand an advertisement, or a request to connect, to everybody in reach who hears it."""
        if id(sender_controller) in self._hidden:
            return
        loop = asyncio.get_running_loop()
        for hearer in self.controllers:
            if hearer is not sender_controller and id(hearer) not in self._hidden and self._hears(hearer, packet):
                loop.call_soon(hearer.on_ll_advertising_pdu, packet)

    def _hears(self, hearer: virtual.Controller, packet: ll.AdvertisingPdu) -> bool:
        if isinstance(packet, ll.ConnectInd):
            return True
        listens = hearer.le_scan_enable or hearer.pending_le_connection is not None
        return listens and not self._lost(self.params.advertising_loss)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Hand over a control packet behind the data that wait; one that cannot be heard is lost."""
        sender = self.find_le_controller(sender_address)
        receiver = self.find_le_controller(receiver_address)
        if sender is None or receiver is None:
            return
        loop = asyncio.get_running_loop()
        ends = isinstance(packet, ll.TerminateInd)
        if ends:
            self._forget(frozenset((id(sender), id(receiver))))
        if not self._hidden & {id(sender), id(receiver)}:
            loop.call_soon(self._control, receiver, sender_address, packet)
        elif ends:
            silence = ll.TerminateInd(hci.HCI_CONNECTION_TIMEOUT_ERROR)
            loop.call_later(self.params.supervision_timeout_s, self._control, receiver, sender_address, silence)

    def _control(self, receiver: virtual.Controller, sender_address: hci.Address, packet: ll.ControlPdu) -> None:
        if sender_address in receiver.le_connections:
            receiver.on_ll_control_pdu(sender_address, packet)

    def _between(self, first: virtual.Controller, second: virtual.Controller) -> _Air:
        key = frozenset((id(first), id(second)))
        if key not in self._airs:
            phase_s = self._rng.uniform(0.0, self.params.connection_interval_s)
            self._airs[key] = _Air((first, second), asyncio.get_running_loop().time() + phase_s)
        return self._airs[key]

    def _forget(self, key: frozenset[int]) -> None:
        air = self._airs.pop(key, None)
        if air is not None and air.event is not None:
            air.event.cancel()

    def _arrange(self, air: _Air) -> None:
        """Plan the next connection event, if something waits and nothing is planned."""
        if air.event is not None or not any(air.waiting.values()):
            return
        if self._hidden & {id(end) for end in air.ends}:
            return
        loop = asyncio.get_running_loop()
        # An event that happens now counts as past, whatever rounding makes of its time.
        intervals = math.floor((loop.time() - air.anchor_s) / self.params.connection_interval_s + _ROUNDING) + 1
        air.event = loop.call_at(air.anchor_s + intervals * self.params.connection_interval_s, self._event, air)

    def _event(self, air: _Air) -> None:
        """Carry what one connection event can; it closes at the first packet that is not acknowledged."""
        air.event = None
        if self._hidden & {id(end) for end in air.ends}:
            return
        elapsed_s = 0.0
        for turn in range(2 * self.params.packets_per_event):
            sender, receiver = air.ends if turn % 2 == 0 else air.ends[::-1]
            queue = air.waiting[id(sender)]
            if not queue or elapsed_s > self.params.connection_interval_s:
                continue
            if self._lost(1.0 - (1.0 - self.params.loss) ** self._fragments(queue[0])):
                self.retransmissions += 1
                break
            data = queue.popleft()
            elapsed_s += len(data) * self.params.airtime_s_per_octet
            asyncio.get_running_loop().call_later(elapsed_s, self._deliver, sender, receiver, data)
        self._arrange(air)

    def _deliver(self, sender: virtual.Controller, receiver: virtual.Controller, data: bytes) -> None:
        for address in (sender.random_address, sender.public_address):
            if address in receiver.le_connections:
                receiver.on_link_acl_data(address, core.PhysicalTransport.LE, data)
                return

    def _fragments(self, data: bytes) -> int:
        return -(-len(data) // self.params.packet_octets)

    def _lost(self, share: float) -> bool:
        return share > 0 and self._rng.random() < share

    def _supervise(self, unit: virtual.Controller) -> None:
        if id(unit) in self._hidden:
            self.break_links(unit, reason=hci.HCI_CONNECTION_TIMEOUT_ERROR)

    def _part(self, air: _Air, reason: int) -> None:
        for here, connection in air.connections():
            here.on_le_disconnected(connection, reason)
