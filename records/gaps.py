"""Where a stream has nothing to say: what lies between its samples, and between its clocks."""

from dataclasses import dataclass

import numpy as np

from analysis.model import FloatArray, Gap

__all__ = ["GapParams", "step_gaps", "stream_gaps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapParams:
    """When a loss is a gap.

    Attributes
    ----------
    longest_s
        Lost packets up to this long (s) are bridged; as `sensors.joint_angle.ImuAngleParams.max_gap_s`, so that what
        is not bridged is not graded. One lost packet of eight samples at 200 Hz is shorter.
    longest_intervals
        Slow sensors may lose one sample: a gap is longer than so many sampling intervals. As
        `sensors.clock.ClockParams.gap_samples`.
    """

    longest_s: float = 0.05
    longest_intervals: float = 2.5


def step_gaps(
    time_s: FloatArray, segments: tuple[tuple[float, float], ...], params: GapParams = GapParams()
) -> tuple[tuple[float, float], ...]:
    """Return start and end of every gap: steps that are too long, and changes of the clock however short.

    Parameters
    ----------
    time_s
        Times of the samples.
    segments
        Start and end of each stretch that was placed by one clock; empty where that is not known.
    params
        What a gap is.
    """
    if time_s.size < 2:
        return ()
    step_s = np.diff(time_s)
    longest_s = max(params.longest_s, params.longest_intervals * float(np.median(step_s)))
    gap = step_s > longest_s
    for start_s, _ in segments[1:]:
        at = int(np.searchsorted(time_s, start_s - _ROUNDING_S))
        if 0 < at < time_s.size:
            gap[at - 1] = True
    return tuple((float(time_s[i]), float(time_s[i + 1])) for i in np.flatnonzero(gap))


_ROUNDING_S = 2e-6
"""Times in ``recording.json`` are rounded to microseconds."""


def stream_gaps(
    name: str, time_s: FloatArray, segments: tuple[tuple[float, float], ...], params: GapParams = GapParams()
) -> tuple[Gap, ...]:
    """Return the gaps of a stream with the reason in words; `name` as in "the distal sensor"."""
    starts = np.array([start for start, _ in segments[1:]])
    said = []
    for start_s, end_s in step_gaps(time_s, segments, params):
        changed = bool(((starts > start_s) & (starts <= end_s + _ROUNDING_S)).any())
        what = "changed its clock or connection after" if changed else "sent nothing for"
        said.append(Gap(start_s=start_s, end_s=end_s, reason=f"{name} {what} {1e3 * (end_s - start_s):.0f} ms"))
    return tuple(said)
