"""The moments at which a radio link carries packets, read off the pings: a packet cannot leave between them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from analysis.model import FloatArray

__all__ = ["RadioSlots", "SlotParams", "find_slots"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotParams:
    """How the connection events of a Bluetooth link are found.

    Attributes
    ----------
    unit_s
        Connection intervals are multiples of this (s) (Core Specification 5.3, vol. 6, part B, 4.5.1).
    shortest_units, longest_units
        Intervals that are tried: 7.5 to 100 ms, what hosts give to sensors.
    concentration
        Pings must be received this much at one phase of the interval (length of their mean phasor): 0.9 lets a
        firmware answer with a scatter of 7 % of it. Chosen by us.
    fewest_pings
        With fewer, a phase may be chance. Chosen by us.
    clock_error_s
        What the first fit of the clock may be wrong by at its ends (s); the phase's drift is searched within it.
        Chosen by us.
    early_percentile
        A firmware notes a ping late, never early: the event lies at this percentile of the phases. Chosen by us.
    tolerance_s
        A packet whose last sample lies this little after an event (s) may have caught it. Chosen by us.
    """

    unit_s: float = 0.00125
    shortest_units: int = 6
    longest_units: int = 80
    concentration: float = 0.9
    fewest_pings: int = 8
    clock_error_s: float = 0.02
    early_percentile: float = 10.0
    tolerance_s: float = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioSlots:
    """Evenly spaced connection events on the device's clock."""

    first_s: float
    interval_s: float

    def leave(self, ready_s: FloatArray, *, tolerance_s: float) -> FloatArray:
        """Return when packets that were ready at these device times left at the earliest."""
        steps = np.ceil((ready_s - self.first_s - tolerance_s) / self.interval_s)
        return np.maximum(ready_s, self.first_s + steps * self.interval_s)


_MULTIPLES = (2, 3, 5)


def find_slots(received_s: FloatArray, rate: float, params: SlotParams = SlotParams()) -> Iterator[RadioSlots]:
    """Find the connection events that all pings were received at, the longest interval first.

    Every part of the true interval fits as well, and where pings leave in step with the link multiples may: the caller
    takes the first that contradicts no packet.

    Parameters
    ----------
    received_s
        Device times at which pings were received.
    rate
        Host seconds per device second, roughly: intervals are counted by the host's clock.
    params
        What is tried.
    """
    if received_s.size < params.fewest_pings:
        return
    centre = float(received_s.mean())
    centred = received_s - centre
    span = float(np.ptp(centred)) or 1.0
    for units in range(params.longest_units, params.shortest_units - 1, -1):
        nominal_s = units * params.unit_s / rate
        widest = 2.0 * params.clock_error_s / span
        steps = np.arange(-widest, widest + 1e-15, nominal_s / (8.0 * span))
        phasors = np.exp(2j * np.pi * np.outer(1.0 + steps, centred) / nominal_s)
        length = np.abs(phasors.mean(axis=1))
        best = int(length.argmax())
        if length[best] < params.concentration:
            continue
        interval_s = nominal_s / (1.0 + float(steps[best]))
        turns = 2j * np.pi * centred / interval_s
        if max(abs(np.exp(turns / times).mean()) for times in _MULTIPLES) >= params.concentration:
            return  # pings in step with the link: every multiple fits as well, and none can be told
        mean_phase = float(np.angle(phasors[best].mean())) / (2 * np.pi) * interval_s
        late = np.mod(centred - mean_phase + 0.5 * interval_s, interval_s) - 0.5 * interval_s
        early = float(np.percentile(late, params.early_percentile))
        yield RadioSlots(first_s=centre + mean_phase + early, interval_s=interval_s)
