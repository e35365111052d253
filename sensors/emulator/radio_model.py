"""How the emulated air behaves; every chance in it comes from one seed."""

from dataclasses import dataclass

from analysis.errors import DataError

__all__ = ["CLEAN_AIR", "RadioParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioParams:
    """Properties of the links of one adapter; values chosen by us from what hosts use, unless said otherwise.

    Attributes
    ----------
    connection_interval_s
        Time between two connection events (s): 7.5 to 60 ms on the hosts that we know.
    loss
        Share of data packets that the other side does not acknowledge; they are sent again in the next event.
    advertising_loss
        Share of advertisements that a scanner misses.
    packets_per_event
        How many data packets one connection event carries in each direction.
    packet_octets
        Longest data packet (Bluetooth Core 5.3, Vol 6, Part B, 2.4: 251 with data length extension).
    airtime_s_per_octet
        Time that one octet takes on air (s): 8 µs at 1 Mbit/s.
    supervision_timeout_s
        Silence after which a link counts as lost (s).
    host_delay_s, host_stall_share, host_stall_s
        Mean of what the host's stack adds to each notification (s, exponential), share of notifications that meet
        a busy host, and mean of what that adds (s). The order of notifications stays.
    queue_packets
        How many notifications a unit's own radio queues before it refuses more.
    adapter_mtu
        Largest MTU that the host's adapter asks for.
    """

    connection_interval_s: float = 0.030
    loss: float = 0.02
    advertising_loss: float = 0.1
    packets_per_event: int = 6
    packet_octets: int = 251
    airtime_s_per_octet: float = 8e-6
    supervision_timeout_s: float = 2.0
    host_delay_s: float = 0.001
    host_stall_share: float = 0.02
    host_stall_s: float = 0.02
    queue_packets: int = 24
    adapter_mtu: int = 247

    def __post_init__(self) -> None:
        for name in ("connection_interval_s", "supervision_timeout_s", "packets_per_event", "queue_packets"):
            if not getattr(self, name) > 0:
                raise DataError(f"expected a positive RadioParams.{name}; got {getattr(self, name)}")
        for name in ("loss", "advertising_loss", "host_stall_share"):
            if not 0 <= getattr(self, name) < 1:
                raise DataError(f"expected RadioParams.{name} of at least 0 and below 1; got {getattr(self, name)}")


CLEAN_AIR = RadioParams(loss=0.0, advertising_loss=0.0, host_stall_share=0.0)
"""A radio that loses nothing; its connection interval and the host's delay stay."""
