"""A device's clock while it streams: the fit of the last half minute, taken anew every second."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from analysis.model import FloatArray
from sensors.host_clock import ClockFitParams, HostClock, fit_host_clock
from sensors.packets import ClockQuality, Pong, SampleBlock
from sensors.ticks import TickParams, unwrap_near

__all__ = ["LiveClock", "LiveClockParams"]

_NS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveClockParams:
    """How the clock of a streaming device is kept.

    Attributes
    ----------
    window_s
        The fit looks back so long (s): the reference of the project names half a minute.
    refit_s
        Time between two fits (s). Chosen by us.
    jump_s
        A block further than this (s) from where the last fit expects it starts the clock anew; beyond what radio holds
        back. Chosen by us.
    fit, ticks
        Parameters of the steps.
    """

    window_s: float = 30.0
    refit_s: float = 1.0
    jump_s: float = 0.5
    fit: ClockFitParams = field(default_factory=ClockFitParams)
    ticks: TickParams = field(default_factory=TickParams)


class LiveClock:
    """Times of one connection's samples on the host's clock, causally; one per connection.

    Parameters
    ----------
    quality
        What the device offers.
    params
        How it is kept.
    """

    def __init__(self, quality: ClockQuality, params: LiveClockParams = LiveClockParams()) -> None:
        self._quality = quality
        self._params = params
        self._packets: deque[tuple[float, float]] = deque()
        self._pings: deque[tuple[float, float]] = deque()
        self._last: tuple[float, float] | None = None
        self._counted_s = 0.0
        self._fitted_s = -np.inf
        self._clock: HostClock | None = None

    @property
    def clock(self) -> HostClock | None:
        """The latest fit; ``None`` before the first block."""
        return self._clock

    def feed(self, block: SampleBlock, arrival_ns: int) -> FloatArray:
        """Take a block as it arrived; return the host times of its samples, s, shape (n,).

        Times of later blocks may move by what a new fit learns; they are for display, never for a recording.
        """
        arrival_s = arrival_ns * _NS
        interval_s, count = block.interval_s, block.values.shape[0]
        device_s = self._device_s(block.stamp, block.stamp_modulo, block.tick_s, arrival_s)
        if block.stamp is None:
            self._counted_s += (count + block.lost) * interval_s
        if self._clock is not None:
            ahead_s = float(self._clock.at(np.array([device_s]))[0]) - arrival_s
            if abs(ahead_s) > self._params.jump_s:
                self._restart()
                device_s = self._device_s(block.stamp, block.stamp_modulo, block.tick_s, arrival_s)
        self._last = (device_s, arrival_s)
        self._packets.append((device_s + (count - 1) * interval_s, arrival_s))
        self._refit(arrival_s)
        times: FloatArray = device_s + interval_s * np.arange(count, dtype=np.float64)
        return times if self._clock is None else self._clock.at(times)

    def pong(self, pong: Pong) -> None:
        """Take the answer to a ping."""
        if self._last is None:
            return
        sent_s = pong.sent_ns * _NS
        self._pings.append((sent_s, self._unwrap(pong.received_stamp, pong.stamp_modulo, pong.tick_s, sent_s)))

    def _device_s(self, stamp: int | None, modulo: int, tick_s: float, host_s: float) -> float:
        if stamp is None:
            return self._counted_s
        return stamp * tick_s if self._last is None else self._unwrap(stamp, modulo, tick_s, host_s)

    def _unwrap(self, stamp: int, modulo: int, tick_s: float, host_s: float) -> float:
        """Unwrap a stamp near to where the last block lay and the time that passed since."""
        device_s, last_s = self._last or (stamp * tick_s, host_s)
        return unwrap_near(stamp, (device_s + host_s - last_s) / tick_s, modulo) * tick_s

    def _restart(self) -> None:
        """Forget a clock that jumped."""
        self._packets.clear()
        self._pings.clear()
        self._last = self._clock = None
        self._counted_s, self._fitted_s = 0.0, -np.inf

    def _refit(self, now_s: float) -> None:
        if now_s - self._fitted_s < self._params.refit_s:
            return
        self._fitted_s = now_s
        while now_s - self._packets[0][1] > self._params.window_s:
            self._packets.popleft()
        while self._pings and now_s - self._pings[0][0] > self._params.window_s:
            self._pings.popleft()
        device_s, arrival_s = np.array(self._packets).T
        sent_s, received_s = np.array(self._pings).T if self._pings else (np.empty(0), np.empty(0))
        self._clock = fit_host_clock(
            device_s, arrival_s, quality=self._quality, pings=(sent_s, received_s), params=self._params.fit
        )
