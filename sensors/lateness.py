"""How evenly packets arrive: each packet's delay over the best of the last seconds."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from sensors.packets import SampleBlock

__all__ = ["Lateness", "LatenessParams"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LatenessParams:
    """What is looked back on; chosen by us.

    Attributes
    ----------
    window_s
        Packets of so long (s): a clock that drifts by 40 ppm moves 1 ms in 25 s.
    percentile
        Which delay is told (%).
    jump_s
        A delay that changes by more (s) is a clock that was set: a unit that was silent so long was given up.
    """

    window_s: float = 25.0
    percentile: float = 99.0
    jump_s: float = 2.5


class Lateness:
    """Delays of one channel's blocks against the channel's own clock, or its count at the nominal rate."""

    def __init__(self, params: LatenessParams = LatenessParams()) -> None:
        self._params = params
        self._delays: deque[tuple[int, float]] = deque()
        self._stamp: int | None = None
        self._device_s = 0.0

    def observe(self, arrival_ns: int, block: SampleBlock) -> None:
        """Take one block: its last sample is the one that was just measured when it left."""
        last_s = self._first_s(block) + (len(block.values) - 1) * block.interval_s
        delay_s = arrival_ns * 1e-9 - last_s
        if self._delays and abs(delay_s - self._delays[-1][1]) > self._params.jump_s:
            self._delays.clear()
        self._delays.append((arrival_ns, delay_s))
        oldest_ns = arrival_ns - round(self._params.window_s * 1e9)
        while self._delays[0][0] < oldest_ns:
            self._delays.popleft()

    def _first_s(self, block: SampleBlock) -> float:
        """Return the device's time of the block's first sample, from its stamp or else its count."""
        if block.stamp is None:
            first_s = self._device_s
            self._device_s += len(block.values) * block.interval_s
            return first_s
        if self._stamp is not None:
            step = block.stamp - self._stamp
            if block.stamp_modulo:
                step = (step + block.stamp_modulo // 2) % block.stamp_modulo - block.stamp_modulo // 2
            self._device_s += step * block.tick_s
        self._stamp = block.stamp
        return self._device_s

    def late_ms(self) -> float:
        """Return the delay (ms) that all but the latest hundredth stay below; NaN before the first block."""
        if not self._delays:
            return float("nan")
        delays_s = np.array([delay for _, delay in self._delays])
        return float(np.percentile(delays_s - delays_s.min(), self._params.percentile)) * 1e3
