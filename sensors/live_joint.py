"""The joint's angle from whatever streams: decoded packets in, the newest angle out."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.live_angle import LiveAngle, LiveHingeAngle
from sensors.live_clock import LiveClock
from sensors.packets import Arrival, Packet, Pong, Role, SampleBlock, UnitInfo
from sensors.roles import ChannelKey

__all__ = ["AngleFilter", "LiveJoint"]

_ANGULAR = {Role.PROXIMAL, Role.DISTAL}


class AngleFilter(Protocol):
    """What makes an angle of two sensors' samples; called in the order in which they come."""

    def update(
        self, role: Role, time_s: FloatArray, acc_m_s2: NDArray[np.float64], gyr_rad_s: NDArray[np.float64]
    ) -> LiveAngle:
        """Take samples of one sensor, as `LiveHingeAngle.update` does."""


class LiveJoint:
    """A `sensors.streaming.Watch`: lays each unit's samples on the host's clock and feeds the live filter.

    Attributes
    ----------
    latest
        The newest samples of the angle; ``None`` before the first.
    """

    def __init__(self, role_of: Callable[[ChannelKey], Role | None], angle: AngleFilter | None = None) -> None:
        self._role_of = role_of
        self._angle: AngleFilter = angle or LiveHingeAngle()
        self._clocks: dict[str, tuple[int, LiveClock]] = {}
        self.latest: LiveAngle | None = None

    @property
    def angle(self) -> AngleFilter:
        """The filter."""
        return self._angle

    def __call__(self, info: UnitInfo, arrival: Arrival, packets: Sequence[Packet]) -> None:
        """Take what an arrival was decoded to."""
        segment, clock = self._clocks.get(info.unit_id, (-1, LiveClock(info.clock)))
        if segment != arrival.segment:
            clock = LiveClock(info.clock)
            self._clocks[info.unit_id] = (arrival.segment, clock)
        # Channels of one notification are one instant: they are placed once.
        placed: tuple[int | None, NDArray[np.float64]] | None = None
        for packet in packets:
            match packet:
                case Pong():
                    clock.pong(packet)
                case SampleBlock():
                    role = self._role_of((info.unit_id, packet.channel))
                    if role not in _ANGULAR:
                        continue
                    if placed is None or packet.stamp is None or placed[0] != packet.stamp:
                        placed = (packet.stamp, clock.feed(packet, arrival.arrival_ns))
                    self._update(role, placed[1], packet.values)
                case _:
                    pass

    def _update(self, role: Role, time_s: NDArray[np.float64], values: NDArray[np.float64]) -> None:
        if not np.isfinite(values).all():
            return
        angle = self._angle.update(role, time_s, values[:, :3], values[:, 3:])
        if angle.time_s.size or self.latest is None:
            self.latest = angle
