"""The catch without force: an interruption of the examiner's movement, told from the examiner's own braking."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.finding import Catch
from analysis.model import FloatArray
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = [
    "CatchParams",
    "Departure",
    "MovementView",
    "catch_probability",
    "find_departure",
    "kinematic_catch",
    "view_movement",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchParams:
    """When a departure from the reference movement is a catch.

    Attributes
    ----------
    guard_deg
        A catch comes at least this far before the end of range (dossier 1.2; chosen by us).
    follow_s
        The interruption shows within this time after the first stop. Chosen by us.
    rest_share
        As in `StretchParams`.
    base, per_abruptness, per_rebound, per_shortfall
        Log-odds of a catch: the base, and per unit of `Departure.abruptness`, `Departure.interruption` and
        `Departure.shortfall`. Chosen by us so that bell-shaped movements of any asymmetry up to 2:1 stay below a tenth
        and an interruption of a fifth of the peak velocity that ends a fifth of the range early is above nine tenths.
    min_probability
        A less probable catch is not reported. Chosen by us.
    noise_ratio
        Changes of velocity below this many standard deviations of its noise are no interruption. Chosen by us.
    timing_share
        Standard deviation of the onset's time as a share of the period at the cut-off frequency. Chosen by us.
    """

    guard_deg: float = 5.0
    follow_s: float = 0.5
    rest_share: float = 0.1
    base: float = -4.0
    per_abruptness: float = 2.0
    per_rebound: float = 15.0
    per_shortfall: float = 15.0
    min_probability: float = 0.5
    noise_ratio: float = 3.0
    timing_share: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """How a fast stretch departs from the examiner's reference movement.

    Attributes
    ----------
    onset
        Sample of the largest departure in acceleration before the largest in velocity.
    half
        Earlier sample at which that departure had reached its half.
    abruptness
        Logarithm of the largest deceleration over that of the reference movement.
    interruption
        Largest gain of velocity after a loss, as a share of the peak velocity: a rebound, or a movement carried on.
    shortfall
        How far before the end of range, less the guard, the first stop is, as a share of the healthy range.
    velocity_share, acceleration_share
        Largest departures in velocity and acceleration over the reference's peaks (after McGibbon 2013).
    """

    onset: int
    half: int
    abruptness: float
    interruption: float
    shortfall: float
    velocity_share: float
    acceleration_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MovementView:
    """What the movement of a stretch alone shows: how it departs from its reference, and how probable a catch is."""

    departure: Departure | None
    probability: float


def view_movement(
    motion: Motion, leg: Leg, *, end_range_deg: float, healthy_range_deg: float, params: CatchParams = CatchParams()
) -> MovementView:
    """Judge a stretch that was not slow by its movement; see `find_departure` and `catch_probability`."""
    departure = find_departure(
        motion, leg, end_range_deg=end_range_deg, healthy_range_deg=healthy_range_deg, params=params
    )
    probability = catch_probability(motion, departure, end_range_deg=end_range_deg, params=params)
    return MovementView(departure=departure, probability=probability)


def find_departure(
    motion: Motion, leg: Leg, *, end_range_deg: float, healthy_range_deg: float, params: CatchParams = CatchParams()
) -> Departure | None:
    """Compare a fast stretch with the minimum-jerk movement that its rising phase announces.

    Parameters
    ----------
    motion, leg
        The movement and the stretch in it.
    end_range_deg
        End of range along the stretch: of the slow stretches, or as far as the limb was ever carried.
    healthy_range_deg
        Range of the healthy joint.
    params
        Guards and times.

    Returns
    -------
    Departure or None
        ``None`` where the stretch has no braking phase to compare.

    References
    ----------
    .. [1] McGibbon CA, Sexton A, Jones M, O'Connell C. Elbow spasticity during passive stretch-reflex: clinical
       evaluation using a wearable sensor system. J Neuroeng Rehabil 2013;10:61. doi:10.1186/1743-0003-10-61
    """
    if leg.end - leg.peak < _FEWEST or leg.peak - leg.start < _FEWEST:
        return None
    dt = 1.0 / motion.rate_hz
    peak_velocity = float(motion.velocity_deg_s[leg.peak])
    duration_s = _reference_duration(motion, leg)
    span = slice(leg.peak, leg.end + 1)
    reference = _bell(0.5 + np.arange(leg.end + 1 - leg.peak) * dt / duration_s) * peak_velocity
    braking = np.gradient(reference, dt)
    velocity_lag = reference - motion.velocity_deg_s[span]
    acceleration_lag = braking - motion.acceleration_deg_s2[span]
    latest = int(velocity_lag.argmax())
    onset = int(acceleration_lag[: max(latest, 1) + 1].argmax())
    half = _half_before(acceleration_lag, onset)
    brisk = max(
        float(motion.acceleration_deg_s2[leg.start : leg.peak + 1].max()), _BELL_BRAKING * peak_velocity / duration_s
    )
    deceleration = float(-motion.acceleration_deg_s2[span].min())
    stop_deg = float(motion.stretch_deg[leg.end])
    return Departure(
        onset=leg.peak + onset,
        half=leg.peak + half,
        abruptness=float(np.log(max(deceleration, 1e-9) / brisk)),
        interruption=_interruption(motion, leg, end_range_deg=end_range_deg, params=params),
        shortfall=max(0.0, end_range_deg - params.guard_deg - stop_deg) / healthy_range_deg,
        velocity_share=float(velocity_lag.max() / peak_velocity),
        acceleration_share=float(acceleration_lag.max() / brisk),
    )


def catch_probability(
    motion: Motion, departure: Departure | None, *, end_range_deg: float, params: CatchParams = CatchParams()
) -> float:
    """Judge how probable a catch is.

    The examiner's own braking is bell-shaped, brakes about as briskly as it accelerated, and ends at the end of range.
    A catch interrupts: it brakes more briskly, rebounds or is carried on, or stops before the end of range; it begins
    before the end of range by a guard.
    """
    if departure is None or motion.stretch_deg[departure.onset] > end_range_deg - params.guard_deg:
        return 1.0 - _NEVER_SURER
    log_odds = (
        params.base
        + params.per_abruptness * departure.abruptness
        + params.per_rebound * departure.interruption
        + params.per_shortfall * departure.shortfall
    )
    return float(np.clip(1.0 / (1.0 + np.exp(-log_odds)), 1.0 - _NEVER_SURER, _NEVER_SURER))


def kinematic_catch(
    motion: Motion, leg: Leg, departure: Departure | None, *, probability: float, params: CatchParams = CatchParams()
) -> Catch | None:
    """Report the catch of a departure at its onset.

    Parameters
    ----------
    motion, leg
        The movement and the stretch in it.
    departure, probability
        See `find_departure` and `catch_probability`.
    params
        What is reported.

    Returns
    -------
    Catch or None
        ``None`` where a catch is less probable than `CatchParams.min_probability`.
    """
    if departure is None or probability < params.min_probability:
        return None
    return Catch(
        time_s=float(motion.time_s[departure.onset]),
        angle_deg=float(motion.sign * motion.stretch_deg[departure.onset]),
        stretch_deg=float(motion.stretch_deg[departure.onset] - motion.stretch_deg[leg.start]),
        angle_interval95_deg=_interval(motion, departure, params),
        probability=probability,
        method="departure from the minimum-jerk reference movement",
    )


_FEWEST = 2
"""Samples on each side of the peak below which there is no phase to compare."""

_BELL_BRAKING = 5.77 / 1.875
"""Largest acceleration of a minimum-jerk movement, in units of its peak velocity over its duration (dossier 1.3)."""

_NEVER_SURER = 0.995
"""No kinematic evidence is certain."""


def _bell(share: NDArray[np.floating]) -> FloatArray:
    """Velocity of a minimum-jerk movement over its peak, at shares of its duration; 0 before and after."""
    s = np.clip(share, 0.0, 1.0)
    return np.asarray(16.0 * s**2 * (1.0 - s) ** 2, dtype=np.float64)


def _reference_duration(motion: Motion, leg: Leg) -> float:
    """Fit the duration of a minimum-jerk movement to the velocity from the start to its peak (least squares)."""
    rise = motion.velocity_deg_s[leg.start : leg.peak + 1]
    before_s = (np.arange(rise.size) - rise.size + 1) / motion.rate_hz
    durations = np.geomspace(1.0, 8.0, 64) * (leg.peak - leg.start) / motion.rate_hz
    misfit = _bell(0.5 + before_s[None, :] / durations[:, None]) * rise[-1] - rise[None, :]
    return float(durations[(misfit**2).sum(axis=1).argmin()])


def _half_before(lag: FloatArray, onset: int) -> int:
    """Walk back from the peak of a departure to where it is at half its height."""
    below = np.flatnonzero(lag[:onset] <= lag[onset] / 2.0)
    return int(below[-1]) if below.size else 0


def _interruption(motion: Motion, leg: Leg, *, end_range_deg: float, params: CatchParams) -> float:
    """Work out the largest gain of velocity after a loss that began before the end of range, over the peak velocity."""
    until = min(leg.last, leg.end + int(params.follow_s * motion.rate_hz))
    velocity = motion.velocity_deg_s[leg.peak : until + 1]
    farthest = np.maximum.accumulate(motion.stretch_deg[leg.peak : until + 1])
    before_end = farthest <= end_range_deg - params.guard_deg
    lowest = np.minimum.accumulate(np.where(before_end, velocity, np.inf))
    gain = velocity - lowest
    largest = float(gain[np.isfinite(gain)].max(initial=0.0))
    return max(0.0, largest - params.noise_ratio * motion.velocity_noise_deg_s) / float(velocity[0])


def _interval(motion: Motion, departure: Departure, params: CatchParams) -> tuple[float, float]:
    """Bound the angle of catch by the earliest and the largest departure, widened by noise and bandwidth."""
    timing_deg = motion.velocity_deg_s[departure.onset] * params.timing_share / motion.cutoff_hz
    spread = 1.96 * float(np.sqrt(motion.angle_noise_deg**2 + motion.systematic_deg**2 + timing_deg**2))
    early = float(motion.stretch_deg[departure.half]) - spread
    late = float(motion.stretch_deg[departure.onset]) + spread
    low, high = sorted((motion.sign * early, motion.sign * max(late, early)))
    return low, high
