"""What virtual units measure: a movement that begins when the examiner begins, in a world that has its own clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.errors import DataError
from sensors.packets import Channel

__all__ = ["Movement", "Replay", "Signal", "Still"]

Values = NDArray[np.float64]


class Signal(Protocol):
    """What one channel would measure at any time of the movement."""

    def read(self, time_s: Values) -> Values:
        """Return the values at times since the movement's start (s), shape (n, columns)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """A recorded signal, read between its samples and held at its ends.

    Attributes
    ----------
    time_s
        Strictly increasing times, shape (n,).
    values
        In the units of `sensors.packets.SampleBlock`, shape (n, columns).
    """

    time_s: Values
    values: Values

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        times = np.array(self.time_s, dtype=np.float64)
        if values.ndim != 2 or times.shape != values.shape[:1] or times.size < 2 or not (np.diff(times) > 0).all():
            raise DataError(f"expected increasing times for (n, columns) values; got {times.shape} and {values.shape}")
        for name, array in (("time_s", times), ("values", values)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    def read(self, time_s: Values) -> Values:
        """Interpolate linearly; before the first and after the last sample the signal stands still."""
        after = np.clip(np.searchsorted(self.time_s, time_s), 1, self.time_s.size - 1)
        before = after - 1
        share = (time_s - self.time_s[before]) / (self.time_s[after] - self.time_s[before])
        weight = np.clip(share, 0.0, 1.0)[:, np.newaxis]
        result: Values = (1.0 - weight) * self.values[before] + weight * self.values[after]
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A channel that always measures the same."""

    values: tuple[float, ...]

    def read(self, time_s: Values) -> Values:
        """Return the same row for every time."""
        return np.tile(np.array(self.values, dtype=np.float64), (time_s.size, 1))


@dataclass(slots=True, kw_only=True)
class Movement:
    """Signals by channel, and when on the world's clock they begin.

    Attributes
    ----------
    signals
        What each channel measures.
    rest_s
        The movement begins with a rest of so long (s). Until it begins, that rest is played to and fro, so that what
        stands still has its noise; without one, its first moment is held.
    begins_s
        World time of the movement's start (s); ``None`` until somebody begins it.
    """

    signals: Mapping[Channel, Signal] = field(default_factory=dict)
    rest_s: float = 0.0
    begins_s: float | None = None

    def read(self, channel: Channel, world_s: Values) -> Values:
        """Return what a channel measures at times of the world."""
        since_s = world_s - (self.begins_s or 0.0)
        waits = since_s < 0.0 if self.begins_s is not None else np.ones(world_s.shape, dtype=np.bool_)
        to_and_fro_s = np.abs((since_s + self.rest_s) % (2.0 * self.rest_s) - self.rest_s) if self.rest_s else 0.0
        return self.signals[channel].read(np.where(waits, to_and_fro_s, since_s))
