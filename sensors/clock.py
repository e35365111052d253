"""Two sensor streams on one even clock, with what is missing, frozen or clipped in them known."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.model import FloatArray
from sensors.errors import SensorError
from sensors.samples import ImuSamples

__all__ = ["ClockParams", "ImuPair", "pair_on_one_clock"]

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockParams:
    """What makes two streams usable together; all values chosen by us.

    Attributes
    ----------
    max_gap_s
        Lost packets up to this long (s) are bridged by straight lines; the angle in longer gaps stays missing.
    min_rate_hz
        Slower streams (Hz) cannot show a passive movement.
    min_overlap_s
        Shortest time (s) that both streams must share.
    max_missing
        Largest share of that time that may lie in gaps longer than `max_gap_s`.
    gap_samples
        A gap is also bridged while it is shorter than this many sampling intervals, so that slow sensors may lose one.
    frozen_s
        Exactly repeated samples over this time (s) mean that the sensor stopped measuring.
    still_rad_s
        A repeated sample below this rate (rad/s) may be a filtered sensor at rest, above it is certainly frozen.
    full_scales_deg_s
        Ranges (deg/s) that gyroscopes are built with: values that stand still at one of them are clipped.
    full_scale_tolerance
        Relative distance to a range within which a repeated extreme value counts as clipped.
    clipped_samples
        So many equal extreme samples in a row are clipped, not measured.
    """

    max_gap_s: float = 0.05
    min_rate_hz: float = 20.0
    min_overlap_s: float = 2.0
    max_missing: float = 0.3
    gap_samples: float = 2.5
    frozen_s: float = 0.5
    still_rad_s: float = 0.09
    full_scales_deg_s: tuple[float, ...] = (125.0, 245.0, 250.0, 500.0, 1000.0, 2000.0, 4000.0)
    full_scale_tolerance: float = 0.02
    clipped_samples: int = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImuPair:
    """Two sensors on one even clock.

    Attributes
    ----------
    time_s
        Even times, shape (n,).
    rate_hz
        Sampling rate of that clock.
    bandwidth_hz
        Half the rate of the slower stream.
    acc1_m_s2, gyr1_rad_s, acc2_m_s2, gyr2_rad_s
        Proximal (1) and distal (2) signals in their own axes, gaps bridged by straight lines, shape (n, 3).
    seen1, seen2
        Where the proximal and the distal signal was measured (bridged losses included), shape (n,).
    bridged
        Samples of the clock just before a loss of the distal stream that was bridged, shape (m,).
    bridged_s
        Length of each of these losses, shape (m,).
    warnings
        What was wrong with the streams.
    """

    time_s: FloatArray
    rate_hz: float
    bandwidth_hz: float
    acc1_m_s2: FloatArray
    gyr1_rad_s: FloatArray
    acc2_m_s2: FloatArray
    gyr2_rad_s: FloatArray
    seen1: BoolArray
    seen2: BoolArray
    bridged: NDArray[np.intp]
    bridged_s: FloatArray
    warnings: tuple[str, ...] = ()


def pair_on_one_clock(proximal: ImuSamples, distal: ImuSamples, params: ClockParams = ClockParams()) -> ImuPair:
    """Resample two streams to one even clock over the time they share.

    Parameters
    ----------
    proximal, distal
        The streams; they may start apart, lose packets and have their own rates.
    params
        What is bridged and what is refused.

    Raises
    ------
    SensorError
        If the streams share too little time, are too slow, miss too much or are clipped.
    """
    rates = [_rate_hz(stream, name, params) for stream, name in ((proximal, "proximal"), (distal, "distal"))]
    time = _shared_time(proximal, distal, max(rates), params)
    signals, seen, warnings = [], [], []
    for stream, name, rate in ((proximal, "proximal", rates[0]), (distal, "distal", rates[1])):
        _refuse_clipped(stream, name, params)
        frozen, note = _frozen(stream, name, rate, params)
        warnings += note
        measured = _near_samples(time, stream.time_s, max(params.max_gap_s, params.gap_samples / rate))
        seen.append(measured & ~_inside(time, stream.time_s, frozen))
        signals += [
            _interpolate(time, stream.time_s, stream.acc_m_s2),
            _interpolate(time, stream.time_s, stream.gyr_rad_s),
        ]
    missing = 1.0 - float(np.mean(seen[1]))
    if missing > params.max_missing:
        raise SensorError(
            f"{missing:.0%} of the distal sensor's signal is missing; move the receiver closer and record again"
        )
    if np.mean(seen[0]) * time.size < params.min_overlap_s * max(rates):
        raise SensorError(
            "the proximal sensor measured next to nothing while the distal one did; restart it and record again"
        )
    bridged, bridged_s = _bridged(time, distal.time_s, rates[1])
    return ImuPair(
        time_s=time,
        rate_hz=max(rates),
        bandwidth_hz=0.5 * min(rates),
        acc1_m_s2=signals[0],
        gyr1_rad_s=signals[1],
        acc2_m_s2=signals[2],
        gyr2_rad_s=signals[3],
        seen1=seen[0],
        seen2=seen[1],
        bridged=bridged,
        bridged_s=bridged_s,
        warnings=tuple(warnings),
    )


def _rate_hz(stream: ImuSamples, name: str, params: ClockParams) -> float:
    """Rate of a stream: the median interval is blind to losses, and losses are not a lower rate."""
    rate = float(1.0 / np.median(np.diff(stream.time_s)))
    if rate < params.min_rate_hz:
        raise SensorError(
            f"the {name} sensor sends {rate:.3g} samples per second; at least {params.min_rate_hz:g} are needed"
        )
    return rate


def _shared_time(proximal: ImuSamples, distal: ImuSamples, rate_hz: float, params: ClockParams) -> FloatArray:
    start = max(proximal.time_s[0], distal.time_s[0])
    stop = min(proximal.time_s[-1], distal.time_s[-1])
    if stop <= start:
        raise SensorError(
            f"the two sensors never recorded together (proximal {proximal.time_s[0]:.2f}-{proximal.time_s[-1]:.2f} s, "
            f"distal {distal.time_s[0]:.2f}-{distal.time_s[-1]:.2f} s); check their clock offsets"
        )
    if stop - start < params.min_overlap_s:
        raise SensorError(
            f"the two sensors share only {stop - start:.2f} s; at least {params.min_overlap_s:g} s are needed"
        )
    time: FloatArray = start + np.arange(int((stop - start) * rate_hz * (1 + 1e-12)) + 1) / rate_hz
    return time


def _interpolate(at_s: FloatArray, time_s: FloatArray, values: FloatArray) -> FloatArray:
    result = np.empty((3, at_s.size))
    for axis in range(3):
        result[axis] = np.interp(at_s, time_s, values[:, axis])
    return result.T


def _near_samples(at_s: FloatArray, time_s: FloatArray, max_gap_s: float) -> BoolArray:
    """Tell which times do not lie inside a long gap."""
    seen = np.ones(at_s.size, dtype=bool)
    for i in np.flatnonzero(np.diff(time_s) > max_gap_s):
        seen[np.searchsorted(at_s, time_s[i], side="right") : np.searchsorted(at_s, time_s[i + 1], side="left")] = False
    return seen


def _bridged(at_s: FloatArray, time_s: FloatArray, rate_hz: float) -> tuple[NDArray[np.intp], FloatArray]:
    step = np.diff(time_s)
    lost = np.flatnonzero((step > 1.5 / rate_hz) & (time_s[1:] > at_s[0]) & (time_s[:-1] < at_s[-1]))
    return np.clip(np.searchsorted(at_s, time_s[lost], side="right") - 1, 0, at_s.size - 1), step[lost]


def _inside(at_s: FloatArray, time_s: FloatArray, runs: list[tuple[int, int]]) -> BoolArray:
    inside = np.zeros(at_s.size, dtype=bool)
    for first, last in runs:
        inside[
            np.searchsorted(at_s, time_s[first], side="right") : np.searchsorted(at_s, time_s[last], side="right")
        ] = True
    return inside


def _runs(flags: BoolArray) -> list[tuple[int, int]]:
    """First and last index of each run of true flags."""
    edges = np.flatnonzero(np.diff(np.r_[False, flags, False]))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _frozen(
    stream: ImuSamples, name: str, rate_hz: float, params: ClockParams
) -> tuple[list[tuple[int, int]], list[str]]:
    """Find runs of exactly repeated samples: the link went on, the sensor did not."""
    same = np.flatnonzero(np.diff(stream.gyr_rad_s[:, 0]) == 0)
    repeated = np.zeros(stream.time_s.size - 1, dtype=bool)
    pairs = [values[same + 1] == values[same] for values in (stream.gyr_rad_s, stream.acc_m_s2)]
    repeated[same] = pairs[0].all(axis=1) & pairs[1].all(axis=1)
    runs = [(a, b + 1) for a, b in _runs(repeated) if b - a + 1 >= params.frozen_s * rate_hz]
    moving = [run for run in runs if np.linalg.norm(stream.gyr_rad_s[run[0]]) > params.still_rad_s]
    total = sum(float(stream.time_s[b] - stream.time_s[a]) for a, b in runs)
    if not runs:
        return [], []
    note = (
        f"the {name} sensor repeated the same sample for {total:.1f} s in all, first at "
        f"{stream.time_s[runs[0][0]]:.1f} s: it had stopped measuring or was at perfect rest"
    )
    return (moving if name == "distal" else runs), [note]


def _refuse_clipped(stream: ImuSamples, name: str, params: ClockParams) -> None:
    """Refuse a gyroscope that stands at the end of its range.

    Raises
    ------
    SensorError
        If it does.
    """
    scales = np.deg2rad(params.full_scales_deg_s)
    for axis in range(3):
        rate = stream.gyr_rad_s[:, axis]
        for top in (rate.max(), rate.min()):
            if np.abs(np.abs(top) / scales - 1).min() > params.full_scale_tolerance:
                continue
            at = [a for a, b in _runs(rate == top) if b - a + 1 >= params.clipped_samples]
            if at:
                raise SensorError(
                    f"the {name} sensor's gyroscope is clipped at {abs(np.rad2deg(top)):.0f} deg/s at "
                    f"{stream.time_s[at[0]]:.2f} s; set a larger range and record again"
                )
