"""A device's clock on the host's: support lines of what came late and of what left early."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from analysis.model import FloatArray
from sensors.errors import SensorError
from sensors.packets import ClockQuality
from sensors.radio_slots import SlotParams, find_slots

__all__ = ["ClockFitParams", "HostClock", "fit_host_clock"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFitParams:
    """How a device's clock is fitted.

    Attributes
    ----------
    max_drift
        Largest relative difference of two clocks; 500 ppm is what Bluetooth permits a device's slow clock (Core
        Specification 5.3, vol. 6, part B, 4.2.2). A shorter recording shows less of it, and is held by this.
    reluctance
        A drift must bring the lines closer by this share of what it turns them by over the recording: the luck of
        single packets at its ends brings less, a true drift half and more. Two-way only: one line alone has its drift
        from the few packets that hardly waited. Chosen by us.
    max_rate_error
        The same where samples are counted instead of clock ticks: inertial sensors keep their own sampling rate to a
        few percent (data sheets of the LSM6DSO and BMI160 families).
    least_error_s
        No fit claims less than this error (s): what both hosts' software takes at least. Chosen by us.
    one_way_share
        Without a ping, the shortest way of a packet is not known; it is taken to be shorter than this share of twice
        the median delay above the support line, which is one connection interval for waits spread evenly. Chosen by us.
    luck
        Without a ping, all packets of a short recording may have waited: the bound leaves this probability that the
        luckiest of them waited longer. Chosen by us.
    min_pings
        With fewer pings the fit is one-way. Chosen by us.
    overlap_s
        Connection events are believed while the two support lines cross by no more than this (s). Chosen by us.
    slots
        How connection events are found.
    slots_share
        Where they are known, arrivals waited for software only, pings for the next event as well: the clock lies this
        share of the way from the upper line to the lower. Chosen by us; half without connection events.
    """

    max_drift: float = 500e-6
    reluctance: float = 0.1
    max_rate_error: float = 0.04
    least_error_s: float = 0.001
    one_way_share: float = 0.5
    luck: float = 0.05
    min_pings: int = 3
    overlap_s: float = 0.001
    slots: SlotParams = field(default_factory=SlotParams)
    slots_share: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClock:
    """A device's clock laid on the host's: an affine map that holds for one epoch of one connection.

    Attributes
    ----------
    quality
        What it was fitted from.
    device_s, host_s
        A moment on both clocks.
    rate
        Host seconds per device second.
    error_s
        Bound of the error within the time that was fitted: two-way, no affine clock that agrees with every packet is
        further away; one-way and nominal, the same above, and one connection interval below.
    """

    quality: ClockQuality
    device_s: float
    host_s: float
    rate: float
    error_s: float

    def at(self, device_s: FloatArray) -> FloatArray:
        """Return times of the host, s, shape as given."""
        moments: FloatArray = self.host_s + self.rate * (np.asarray(device_s, dtype=np.float64) - self.device_s)
        return moments

    @property
    def drift_ppm(self) -> float:
        """By how much the device's clock runs slow, in millionths."""
        return (self.rate - 1.0) * 1e6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lines:
    """Points on the convex hulls that bound the clock; offsets host minus device against centred device time."""

    late: FloatArray
    early: FloatArray
    late_centre: float
    early_centre: float
    drift: float
    points: FloatArray
    reluctance_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Support:
    """Mean of two support lines: offset at device time 0, slope, and by how much they cross."""

    offset_s: float
    slope: float
    overlap_s: float


def fit_host_clock(
    device_s: FloatArray,
    arrival_s: FloatArray,
    *,
    quality: ClockQuality,
    pings: tuple[FloatArray, FloatArray] | None = None,
    params: ClockFitParams = ClockFitParams(),
) -> HostClock:
    """Fit an affine clock between what arrived later and what left earlier.

    Every packet arrives after its last sample was taken: the line that touches all arrivals from below is an upper
    bound of the clock. Every ping left before the device received it: a parallel line that touches all pings from
    above is a lower bound. The clock is the mean of the two; without pings it is the upper bound. Where the pings show
    at which moments the link carries packets (`sensors.radio_slots`), arrivals are counted from the moment at which
    each could leave, which takes the waiting for the radio out of the upper bound.

    Parameters
    ----------
    device_s
        Device times of the last sample of each packet, s (nominal: samples counted at the rate that was set).
    arrival_s
        When each of them arrived, s of the host.
    quality
        What the device offers. Two-way without enough pings becomes one-way.
    pings
        Host times at which pings left, and device times at which they were received.
    params
        Limits.

    Raises
    ------
    SensorError
        If there is no packet, or a value is missing.

    References
    ----------
    .. [1] Zhang L, Liu Z, Xia CH. Clock synchronization algorithms for network measurements. IEEE INFOCOM 2002:160-9
       (convex hulls of one-way delays). doi:10.1109/INFCOM.2002.1019257
    """
    if device_s.size == 0 or device_s.shape != arrival_s.shape:
        raise SensorError(f"expected as many device times as arrivals, at least one; got {device_s.size}")
    two_way = quality is ClockQuality.TWO_WAY and pings is not None and pings[0].size >= params.min_pings
    if quality is ClockQuality.TWO_WAY and not two_way:
        quality = ClockQuality.ONE_WAY
    if not (np.isfinite(device_s).all() and np.isfinite(arrival_s).all()):
        raise SensorError("expected finite times of packets; got missing ones")
    middle = 0.5 * float(device_s.min() + device_s.max())
    drift = params.max_rate_error if quality is ClockQuality.NOMINAL else params.max_drift
    left = pings if two_way and pings is not None else (np.empty(0), np.empty(0))
    early = np.stack([left[1] - middle, left[0] - left[1]])
    reluctance = params.reluctance if two_way else 0.0
    lines = _lines(device_s - middle, arrival_s - device_s, early, drift=drift, reluctance=reluctance)
    support = _support(lines)
    for slots in find_slots(early[0], 1.0 + support.slope, params.slots):
        leave_s = slots.leave(device_s - middle, tolerance_s=params.slots.tolerance_s)
        closer = _lines(leave_s, arrival_s - middle - leave_s, early, drift=drift, reluctance=reluctance)
        held = _support(closer, share=params.slots_share)
        if held.overlap_s <= max(params.overlap_s, support.overlap_s):
            lines, support = closer, held
            break
    ends = np.array([device_s.min(), device_s.max()]) - middle
    return HostClock(
        quality=quality,
        device_s=middle,
        host_s=middle + support.offset_s,
        rate=1.0 + support.slope,
        error_s=max(params.least_error_s, support.overlap_s + _error(lines, support, ends, params)),
    )


def _lines(device_s: FloatArray, offset_s: FloatArray, early: FloatArray, *, drift: float, reluctance: float) -> _Lines:
    late = np.stack([device_s, offset_s])
    return _Lines(
        late=_hull(late, sign=1.0),
        early=_hull(early, sign=-1.0),
        late_centre=float(device_s.mean()),
        early_centre=float(early[0].mean()) if early.size else 0.0,
        drift=drift,
        points=late,
        reluctance_s=reluctance * float(np.ptp(device_s)),
    )


def _hull(points: NDArray[np.float64], *, sign: float) -> FloatArray:
    """Return the lower (`sign` 1) or upper (-1) convex hull of points, shape (2, m), by Andrew's monotone chain."""
    if points.shape[1] < 3:
        return points
    x, y = points[0].tolist(), (sign * points[1]).tolist()
    chain: list[int] = []
    for i in np.lexsort((y, x)).tolist():
        while len(chain) > 1:
            a, b = chain[-2], chain[-1]
            if (x[b] - x[a]) * (y[i] - y[a]) - (y[b] - y[a]) * (x[i] - x[a]) > 0:
                break
            chain.pop()
        chain.append(i)
    return points[:, chain]


def _support(lines: _Lines, *, share: float = 0.5) -> _Support:
    """Find the two parallel support lines that are nearest to the points, and the line a share of the way down.

    Variables of the linear programme: the upper bound's offset, the lower bound's offset, and the common slope as a
    rise and a fall.
    """
    late, early = lines.late, lines.early
    rows = np.vstack(
        [
            np.stack([np.ones(late.shape[1]), np.zeros(late.shape[1]), late[0], -late[0]], axis=1),
            np.stack([np.zeros(early.shape[1]), -np.ones(early.shape[1]), -early[0], early[0]], axis=1),
        ]
    )
    limits = np.concatenate([late[1], -early[1]])
    below = early.shape[1] > 0
    tilt = -lines.late_centre + (lines.early_centre if below else 0.0)
    goal = np.array([-1.0, 1.0 if below else 0.0, tilt + lines.reluctance_s, -tilt + lines.reluctance_s])
    free, turned = (None, None), (0.0, lines.drift)
    found = linprog(goal, A_ub=rows, b_ub=limits, bounds=[free, free if below else (0.0, 0.0), turned, turned])
    if not found.success or found.x is None:
        raise SensorError("the device's clock and the host's differ by more than any clock may; restart the sensor")
    upper, lower = float(found.x[0]), float(found.x[1])
    slope = float(found.x[2] - found.x[3])
    if not below:
        return _Support(offset_s=upper, slope=slope, overlap_s=0.0)
    return _Support(offset_s=upper - share * (upper - lower), slope=slope, overlap_s=max(0.0, lower - upper))


def _error(lines: _Lines, support: _Support, ends: FloatArray, params: ClockFitParams) -> float:
    """Bound the error at both ends of the time: how far an affine clock between all points can be from the fitted."""
    late, early = lines.late, lines.early
    fitted = support.offset_s + support.slope * ends
    usual_wait_s = float(np.median(lines.points[1] - support.offset_s - support.slope * lines.points[0]))
    if not early.shape[1]:
        few_s = _few_packets(lines.points.shape[1], params)
        return params.one_way_share * 2.0 * usual_wait_s + few_s + _swing(late, ends, lines.drift)
    rows = np.vstack(
        [
            np.stack([np.ones(late.shape[1]), late[0]], axis=1),
            np.stack([-np.ones(early.shape[1]), -early[0]], axis=1),
        ]
    )
    limits = np.concatenate([late[1], -early[1]])
    furthest = 0.0
    for x, y in zip(ends, fitted, strict=True):
        for sign in (1.0, -1.0):
            found = linprog(
                sign * np.array([1.0, x]), A_ub=rows, b_ub=limits, bounds=[(None, None), (-lines.drift, lines.drift)]
            )
            if not found.success:  # no straight line passes between: the overlap was told by `_support`
                return usual_wait_s
            furthest = max(furthest, abs(sign * float(found.fun or 0.0) - y))
    return furthest


def _few_packets(count: int, params: ClockFitParams) -> float:
    """Bound the wait of the luckiest of so many packets, each of which waits evenly up to one connection interval."""
    longest_s = params.slots.longest_units * params.slots.unit_s
    return float(longest_s * (1.0 - params.luck ** (1.0 / count)))


def _swing(late: FloatArray, ends: FloatArray, drift: float) -> float:
    """Bound what the slope of one support line may be wrong by over half of a short recording."""
    span = float(ends[1] - ends[0])
    return 0.0 if late.shape[1] < 2 else min(drift * 0.5 * span, 0.5 * float(np.ptp(late[1])))
