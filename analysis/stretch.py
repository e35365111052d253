"""Where the stretches of the tested muscle are in a movement, and how fast they were."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from analysis.filters import low_pass, time_derivative
from analysis.finding import Stretch, VelocityClass
from analysis.model import FloatArray, JointAngle
from analysis.motion import Motion, MotionParams, track_motion
from analysis.muscles import Muscle

__all__ = [
    "Leg",
    "StretchParams",
    "describe_legs",
    "find_legs",
    "find_stretches",
    "swings_like_pendulum",
    "velocity_class",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchParams:
    """What counts as a stretch.

    Attributes
    ----------
    v1_max_deg_s, v3_min_deg_s
        Velocity bands of the contract: V1 up to the first, V3 from the second, V2 between.
    min_range_share
        Smallest stretch as a share of the healthy range: a third of what the operational scale calls rigid (0.15).
        Chosen by us.
    min_noise_ratio
        Smallest stretch in standard deviations of the smoothed angle. Chosen by us.
    min_largest_share
        Smallest stretch, and smallest return that separates two stretches, as a share of the largest movement: less
        is wobble, a rebound, or the examiner's re-positioning after a catch. Chosen by us.
    min_velocity_deg_s, min_mean_velocity_deg_s
        A slower peak, or a slower mean, is drift. Chosen by us; the slowest protocol in use moves at 5 deg/s.
    min_interval_s
        A limb that moves again so soon after its last peak velocity was not returned by a hand: it rebounds or shakes.
        Chosen by us.
    rest_share, rest_velocity_deg_s
        The limb rests where its velocity is below this share of the peak (Bar-On 2013,
        doi:10.1016/j.gaitpost.2012.11.003, from memory of the literature: 10 %), in quick movements below the lesser of
        that and this velocity or three deviations of its noise. Chosen by us.
    slow_end_share
        A slow stretch ends where it has all but this share of its range: hesitation on the way is not its end.
        Chosen by us.
    scale_hz_s, scale_share
        The movement's own scale: velocity is smoothed at the first number over the time that its quickest passage over
        the second's share of the range takes, which loses 1 % of the peak of a minimum-jerk movement. Chosen by us.
    passage_shares
        The peak velocity is sought between these shares of the leg's range. Chosen by us.
    slow_of_exam_ratio
        In an exam with V3 stretches but none in the V1 band, those slower than the V3 band and than this share of the
        slowest V3 stretch are the exam's slow stretches ("as slow as possible"), and count as V1. Chosen by us.
    motion
        Resampling and smoothing.
    """

    v1_max_deg_s: float = 70.0
    v3_min_deg_s: float = 150.0
    min_range_share: float = 0.05
    min_noise_ratio: float = 5.0
    min_largest_share: float = 0.3
    min_velocity_deg_s: float = 4.0
    min_mean_velocity_deg_s: float = 1.2
    min_interval_s: float = 0.5
    rest_share: float = 0.1
    rest_velocity_deg_s: float = 5.0
    slow_end_share: float = 0.02
    scale_hz_s: float = 0.4
    scale_share: float = 0.25
    passage_shares: tuple[float, float] = (0.1, 0.9)
    slow_of_exam_ratio: float = 0.4
    motion: MotionParams = field(default_factory=MotionParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class SwingParams:
    """What tells a free swing from an examiner's hand; all chosen by us.

    Attributes
    ----------
    min_swing_deg
        Smallest half swing.
    min_swings
        Fewest half swings in a row, each smaller than the one before it.
    half_period_s
        Bounds of the time of each half swing: a shank swings in 0.65 to 1.2 s, clonus beats in 0.1 to 0.2 s.
    drop_share
        The first swing is at least this share of the largest in the recording.
    back_share
        The swing back is at least this share of the first.
    """

    min_swing_deg: float = 3.0
    min_swings: int = 4
    half_period_s: tuple[float, float] = (0.28, 0.8)
    drop_share: float = 0.5
    back_share: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One movement between two turning points along the stretch, with the stretch in it.

    Attributes
    ----------
    first, last
        Samples of the turning points.
    start, peak, end
        Samples of the stretch's start, its peak velocity and its (first) end.
    peak_velocity_deg_s
        Velocity at the peak, smoothed to the scale of the movement.
    """

    first: int
    last: int
    start: int
    peak: int
    end: int
    peak_velocity_deg_s: float


def find_stretches(angle: JointAngle, muscle: Muscle, params: StretchParams = StretchParams()) -> tuple[Stretch, ...]:
    """Find the movements that lengthen a muscle, in order of time.

    Turning points with a hysteresis split the movement into legs; each leg along the stretch is one stretch, from
    where it leaves rest to where it first comes to rest. What follows a stop without a return (a rebound, the
    examiner carrying the limb on, re-positioning) belongs to the same leg and is no stretch of its own.

    Raises
    ------
    AnalysisError
        If too little was observed.
    """
    motion = track_motion(angle, stretch_sign=muscle.stretch_sign, params=params.motion)
    return describe_legs(motion, find_legs(motion, muscle, params=params), params=params)


def find_legs(motion: Motion, muscle: Muscle, *, params: StretchParams = StretchParams()) -> tuple[Leg, ...]:
    """Find the legs along the stretch that are large and quick enough to be stretches."""
    legs: list[Leg] = []
    shaken_until = -np.inf
    for first, last in _rising_legs(motion, muscle, params):
        leg = _leg(motion, first, last, params)
        if leg is None:
            continue
        shaken = motion.time_s[leg.peak] - shaken_until < params.min_interval_s
        shaken_until = float(motion.time_s[leg.peak])
        if not shaken:
            legs.append(leg)
    return tuple(legs)


def describe_legs(
    motion: Motion, legs: tuple[Leg, ...], *, params: StretchParams = StretchParams()
) -> tuple[Stretch, ...]:
    """Describe the stretches of all legs in time, joint angle and velocity class."""
    stretches = tuple(_describe(motion, leg, params) for leg in legs)
    classes = {stretch.velocity for stretch in stretches}
    if VelocityClass.V1 in classes or VelocityClass.V3 not in classes:
        return stretches
    fast = min(s.peak_velocity_deg_s for s in stretches if s.velocity is VelocityClass.V3)
    slow = min(params.v3_min_deg_s, params.slow_of_exam_ratio * fast)
    return tuple(replace(s, velocity=VelocityClass.V1) if s.peak_velocity_deg_s < slow else s for s in stretches)


def _describe(motion: Motion, leg: Leg, params: StretchParams) -> Stretch:
    """Describe the stretch of one leg."""
    return Stretch(
        start_s=float(motion.time_s[leg.start]),
        peak_s=float(motion.time_s[leg.peak]),
        end_s=float(motion.time_s[leg.end]),
        start_deg=float(motion.sign * motion.stretch_deg[leg.start]),
        end_deg=float(motion.sign * motion.stretch_deg[leg.end]),
        peak_velocity_deg_s=leg.peak_velocity_deg_s,
        velocity=velocity_class(leg.peak_velocity_deg_s, params=params),
    )


def velocity_class(peak_velocity_deg_s: float, *, params: StretchParams = StretchParams()) -> VelocityClass:
    """Sort a stretch by its peak velocity."""
    if peak_velocity_deg_s <= params.v1_max_deg_s:
        return VelocityClass.V1
    return VelocityClass.V3 if peak_velocity_deg_s >= params.v3_min_deg_s else VelocityClass.V2


def turning_points(values: FloatArray, *, threshold: float) -> list[int]:
    """List the samples where a series turns by more than a threshold, its first and last extreme included."""
    turns: list[int] = []
    low = high = 0
    direction = 0
    rising = np.diff(values)
    extreme = np.r_[True, rising[:-1] * rising[1:] <= 0, True] if values.size > 1 else np.ones(values.size, dtype=bool)
    candidates = np.flatnonzero(extreme)  # a series turns at its extremes only: most samples need no look
    for i, value in zip(candidates.tolist(), values[candidates].tolist(), strict=True):
        if direction >= 0 and value > values[high]:
            high = i
        if direction <= 0 and value < values[low]:
            low = i
        if direction >= 0 and values[high] - value > threshold:
            turns.append(high)
            direction, low = -1, i
        elif direction <= 0 and value - values[low] > threshold:
            turns.append(low)
            direction, high = 1, i
    if direction:
        turns.append(high if direction > 0 else low)
    return turns


def swings_like_pendulum(motion: Motion, *, params: SwingParams = SwingParams()) -> bool:
    """Tell whether the limb was dropped and swings freely.

    An examiner returns a limb to where it started, and a caught or stiff limb shakes quicker than its weight swings.
    A pendulum's turning points close in on its plateau, in equal times, beginning with the largest movement.
    """
    turns = turning_points(motion.stretch_deg, threshold=params.min_swing_deg)
    swings = np.abs(np.diff(motion.stretch_deg[turns]))
    times = np.diff(motion.time_s[turns])
    if swings.size < params.min_swings:
        return False
    quick = (times >= params.half_period_s[0]) & (times <= params.half_period_s[1])
    for i in np.flatnonzero(swings >= params.drop_share * swings.max()):
        run = slice(i, i + params.min_swings)
        falling = np.diff(swings[run]) < 0
        if falling.size == params.min_swings - 1 and falling.all() and quick[run].all():
            return bool(swings[i + 1] >= params.back_share * swings[i])
    return False


def _rising_legs(motion: Motion, muscle: Muscle, params: StretchParams) -> list[tuple[int, int]]:
    """List first and last samples of the movements along the stretch."""
    x = motion.stretch_deg
    least = max(params.min_range_share * muscle.healthy_range_deg, params.min_noise_ratio * motion.angle_noise_deg)
    threshold = max(least, params.min_largest_share * _largest_rise(x))
    turns = turning_points(x, threshold=threshold)
    return [(a, b) for a, b in pairwise(turns) if x[b] - x[a] > threshold]


def _largest_rise(values: FloatArray) -> float:
    """Work out the largest rise from any sample to a later one."""
    return float((values - np.minimum.accumulate(values)).max())


def _leg(motion: Motion, first: int, last: int, params: StretchParams) -> Leg | None:
    """Find the stretch between two turning points, or ``None`` where it is mere drift."""
    inside = slice(first, last + 1)
    calm = _calm(motion, first, last, params)
    calm_velocity = time_derivative(calm, rate_hz=motion.rate_hz)
    share = (calm - calm[0]) / (calm[-1] - calm[0])
    passing = (share >= params.passage_shares[0]) & (share <= params.passage_shares[1])
    peak = int(np.where(passing, calm_velocity, -np.inf).argmax())
    peak_velocity = float(calm_velocity[peak])
    if peak_velocity < params.min_velocity_deg_s:
        return None
    if velocity_class(peak_velocity, params=params) is VelocityClass.V1:
        start, end = _slow_bounds(calm, calm_velocity <= params.rest_share * peak_velocity, params)
        peak = min(max(peak, start), end)
    else:
        velocity = motion.velocity_deg_s[inside]
        peak = int(np.where(passing, velocity, -np.inf).argmax())
        moving = max(params.rest_velocity_deg_s, 3.0 * motion.velocity_noise_deg_s)
        start, end = _bounds(velocity <= min(params.rest_share * velocity[peak], moving), peak)
        if velocity_class(peak_velocity, params=params) is VelocityClass.V3:
            peak_velocity = float(velocity[peak])
    slowest_s = (motion.stretch_deg[first + end] - motion.stretch_deg[first + start]) / params.min_mean_velocity_deg_s
    if not 0 < (end - start) / motion.rate_hz <= slowest_s:
        return None
    return Leg(
        first=first,
        last=last,
        start=first + start,
        peak=first + peak,
        end=first + end,
        peak_velocity_deg_s=peak_velocity,
    )


def _calm(motion: Motion, first: int, last: int, params: StretchParams) -> FloatArray:
    """Smooth a leg to the scale of its own movement."""
    x = motion.stretch_deg[first : last + 1]
    passage_s = _quickest_passage(x, params.scale_share * (x[-1] - x[0])) / motion.rate_hz
    scale_hz = params.scale_hz_s / passage_s
    if scale_hz >= motion.cutoff_hz:
        return x
    margin = int(motion.rate_hz / scale_hz)
    low = max(0, first - margin)
    around = motion.stretch_deg[low : last + 1 + margin]
    return low_pass(around, rate_hz=motion.rate_hz, cutoff_hz=scale_hz)[first - low : last + 1 - low]


def _quickest_passage(x: FloatArray, rise: float) -> int:
    """Count the samples that the quickest passage over a rise takes (at least one)."""
    top = np.maximum.accumulate(x)
    reached = np.searchsorted(top, x + rise, side="left")
    arrives = reached < x.size
    return int(max(1, (reached - np.arange(x.size))[arrives].min())) if arrives.any() else max(1, x.size - 1)


def _bounds(resting: np.ndarray[tuple[int], np.dtype[np.bool_]], peak: int) -> tuple[int, int]:
    """Walk from the peak to rest on both sides."""
    before = np.flatnonzero(resting[:peak])
    after = np.flatnonzero(resting[peak:])
    return (int(before[-1]) if before.size else 0), (peak + int(after[0]) if after.size else resting.size - 1)


def _slow_bounds(
    x: FloatArray, resting: np.ndarray[tuple[int], np.dtype[np.bool_]], params: StretchParams
) -> tuple[int, int]:
    """Take a slow stretch from its last rest in its first half to where it has all but a little of its range."""
    bottom, top = float(x.min()), float(x.max())
    half = int(np.argmax(x >= (bottom + top) / 2.0))
    early = np.flatnonzero(resting[:half] & (x[:half] <= bottom + (top - bottom) / 4.0))
    end = int(np.argmax(x >= top - params.slow_end_share * (top - bottom)))
    return (int(early[-1]) if early.size else 0), end
