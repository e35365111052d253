"""A Tindeq Progressor as a virtual unit, written from its public interface: force with a stamp per sample."""

import struct
from collections.abc import Sequence

from bumble.gatt import Service

from sensors.emulator.advertising import advertisement
from sensors.emulator.unit import Burst, Series, VirtualUnit
from sensors.packets import Channel

__all__ = ["VirtualProgressor"]

_SERVICE = "7e4e1701-1ea6-40c9-9dcc-13d34ffead57"
_DATA = "7e4e1702-1ea6-40c9-9dcc-13d34ffead57"
_CONTROL = "7e4e1703-1ea6-40c9-9dcc-13d34ffead57"
_START, _STOP, _VERSION, _BATTERY, _IDENTITY = 0x65, 0x66, 0x6B, 0x6F, 0x70
_REPLY, _WEIGHTS = 0, 1
_RATE_HZ = 80.0
_PER_PACKET = 8
_N_PER_KG = 9.80665
_MILLIVOLTS = 3900


class VirtualProgressor(VirtualUnit):
    """A hand-held dynamometer."""

    @property
    def name(self) -> str:
        """Name that it advertises."""
        return f"Progressor_{self.plan.tag}"

    def advertised(self) -> bytes:
        """Return its advertisement."""
        return advertisement(name=self.name)

    def services(self) -> Sequence[Service]:
        """Return its one service."""
        return [
            Service(
                _SERVICE,
                [
                    self.characteristic(_DATA, "NOTIFY"),
                    self.characteristic(_CONTROL, "WRITE", "WRITE_WITHOUT_RESPONSE", write=self._commanded),
                ],
            )
        ]

    def series(self) -> Sequence[Series]:
        """Return its one series."""
        return [
            Series(
                characteristic=_DATA,
                channels=(Channel.FORCE,),
                rate_hz=_RATE_HZ,
                per_packet=_PER_PACKET,
                encode=self._weights,
            )
        ]

    def _commanded(self, command: bytes) -> None:
        operation = command[0] if command else 0
        answers = {
            _VERSION: self.plan.firmware.encode(),
            _BATTERY: struct.pack("<I", _MILLIVOLTS),
            _IDENTITY: bytes.fromhex(self.plan.unit_id),
        }
        if operation == _START:
            self.start_streaming()
        elif operation == _STOP:
            self.stop_streaming()
        elif operation in answers:
            self.soon(self._reply(answers[operation]))

    async def _reply(self, value: bytes) -> None:
        await self.notify(_DATA, bytes([_REPLY, len(value)]) + value)

    def _weights(self, burst: Burst) -> bytes:
        body = b"".join(
            struct.pack("<fI", force_N / _N_PER_KG, self.clock.stamp(burst.own_s + index / _RATE_HZ))
            for index, force_N in enumerate(burst.values[Channel.FORCE][:, 0])
        )
        return bytes([_WEIGHTS, len(body)]) + body
