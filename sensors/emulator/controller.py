"""bumble's virtual Bluetooth controller, with what keeps it from behaving like a real one mended.

Version 0.0.236 ignores the cancelling of a connection (every later one then fails), and splits data into 27 octets.
"""

import asyncio

from bumble import controller as virtual
from bumble import hci
from bumble.host import Host

__all__ = ["QuietHost", "UnitController"]

_OCTETS = 251
"""Longest data packet with data length extension (Bluetooth Core 5.3, Vol 6, Part B, 2.4)."""
_MICROSECONDS = 17040
"""Its longest time on air, as HCI states it."""


class UnitController(virtual.Controller):
    """A controller that can be cancelled, sends long packets and advertises in the classic way."""

    le_acl_data_packet_length = _OCTETS
    supported_max_tx_octets = _OCTETS
    supported_max_rx_octets = _OCTETS
    suggested_max_tx_octets = _OCTETS
    supported_max_tx_time = _MICROSECONDS
    supported_max_rx_time = _MICROSECONDS
    le_features = virtual.Controller.le_features & ~(
        hci.LeFeatureMask.LE_EXTENDED_ADVERTISING | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
    )

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Take a packet from the host; unlike its base it does not put each one into words for a log."""
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        else:
            super().on_hci_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the host, without putting it into words for a log."""
        if self.host:
            asyncio.get_running_loop().call_soon(self.host.on_packet, bytes(packet))

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Give up the pending connection, and say so (Bluetooth Core 5.3, Vol 4, Part E, 7.8.13)."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        asyncio.get_running_loop().call_soon(self._tell_cancelled, pending)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def _tell_cancelled(
        self, pending: hci.HCI_LE_Create_Connection_Command | hci.HCI_LE_Extended_Create_Connection_Command
    ) -> None:
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )


class QuietHost(Host):
    """bumble's host, without putting each packet into words for a log: half of what streaming costs."""

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the controller."""
        if self.hci_sink:
            self.hci_sink.on_packet(bytes(packet))

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Take a packet from the controller."""
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        elif isinstance(packet, hci.HCI_Event):
            self.on_hci_event_packet(packet)
        else:
            super().on_hci_packet(packet)
