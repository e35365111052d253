"""What is known of one unit while it streams: samples that came and are missing, rate, delays, battery, complaints."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from sensors.lateness import Lateness
from sensors.loss import ChannelLedger, Verdict
from sensors.packets import BatteryLevel, Channel, Packet, Rejected, Reply, SampleBlock, UnitInfo
from sensors.streaming import FoundUnit, StreamParams, UnitState, UnitStatus

__all__ = ["UnitAccount"]

_FINE = {"ok", ""}


class UnitAccount:
    """Adds up what a unit's decoders yield over all its connections."""

    def __init__(self, found: FoundUnit, params: StreamParams) -> None:
        self._params = params
        self._status = UnitStatus(
            unit_id="",
            name=found.name,
            kind=found.kind,
            state=UnitState.IDLE,
            battery_percent=found.battery_percent,
        )
        self._ledgers: dict[Channel, ChannelLedger] = {}
        self._closed: list[tuple[Channel, ChannelLedger]] = []
        self._lateness: dict[Channel, Lateness] = {}
        self._arrived: dict[Channel, deque[tuple[int, int]]] = {}
        self._rejected = 0

    @property
    def rejected(self) -> int:
        """Pieces of bytes so far that were no message."""
        return self._rejected

    def enter(self, state: UnitState, message: str | None = None) -> None:
        """Note where the unit is, and what is wrong if anything is."""
        self._status = replace(self._status, state=state, message=self._status.message if message is None else message)

    def begin(self, info: UnitInfo, segment: int) -> None:
        """Begin a connection: counters start anew, sums stay."""
        self._closed += self._ledgers.items()
        self._ledgers, self._lateness, self._arrived = {}, {}, {}
        self._status = replace(
            self._status,
            unit_id=info.unit_id,
            name=info.name,
            segment=segment,
            clock=info.clock,
            battery_percent=self._status.battery_percent if info.battery_percent is None else info.battery_percent,
        )

    def observe(self, arrival_ns: int, packets: Sequence[Packet]) -> bool:
        """Take what an arrival was decoded to; return whether samples were in it."""
        blocks = dict[Channel, SampleBlock]()
        for packet in packets:
            match packet:
                case SampleBlock():
                    if self._block(arrival_ns, packet):
                        blocks[packet.channel] = packet
                case BatteryLevel():
                    self._status = replace(self._status, battery_percent=packet.percent)
                case Rejected():
                    self._rejected += 1
                case Reply(command="notice"):
                    words = packet.status.replace("_", " ")
                    self._status = replace(self._status, message="" if packet.status in _FINE else f"it says: {words}")
                case _:
                    pass
        # Only a notification's last block of a channel was measured just before it left.
        for channel, block in blocks.items():
            self._lateness.setdefault(channel, Lateness()).observe(arrival_ns, block)
        return any(isinstance(packet, SampleBlock) for packet in packets)

    def _block(self, arrival_ns: int, block: SampleBlock) -> bool:
        """Count a block; return whether its delay tells something of the radio."""
        ledger = self._ledgers.setdefault(block.channel, ChannelLedger())
        verdict = ledger.observe(block)
        if verdict is Verdict.DUPLICATE:
            return False
        arrived = self._arrived.setdefault(block.channel, deque())
        arrived.append((arrival_ns, len(block.values)))
        oldest_ns = arrival_ns - round(self._params.rate_window_s * 1e9)
        while arrived[0][0] <= oldest_ns:
            arrived.popleft()
        if verdict is Verdict.RESTART:
            self._lateness.pop(block.channel, None)
        return verdict is not Verdict.LATE

    def status(self, now_ns: int, overflowed: int) -> UnitStatus:
        """Sum up."""
        ledgers = [*self._closed, *self._ledgers.items()]
        received, lost = dict[Channel, int](), dict[Channel, int]()
        for channel, ledger in ledgers:
            received[channel] = received.get(channel, 0) + ledger.received
            if ledger.lost is not None:
                lost[channel] = lost.get(channel, 0) + ledger.lost
        late = [lateness.late_ms() for lateness in self._lateness.values()]
        return replace(
            self._status,
            received=received,
            lost=lost,
            duplicated=sum(ledger.duplicated for _, ledger in ledgers),
            rejected=self._rejected,
            overflowed=overflowed,
            rate_hz=self._rate_hz(now_ns),
            arrival_p99_ms=max(late, default=float("nan")),
        )

    def _rate_hz(self, now_ns: int) -> float:
        """Count the samples of the last seconds, without those of the first block, which are older than it."""
        rates = [0.0]
        for arrived in self._arrived.values():
            recent = [(at, n) for at, n in arrived if at > now_ns - self._params.rate_window_s * 1e9]
            if len(recent) > 1:
                rates.append(sum(n for _, n in recent[1:]) / ((recent[-1][0] - recent[0][0]) * 1e-9 or float("inf")))
        return max(rates) if self._arrived else float("nan")
