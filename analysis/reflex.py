"""When the stretch reflex began in each stretch, by EMG, torque or movement, and where its threshold was crossed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from analysis.catch import Departure
from analysis.emg import EmgParams, find_emg_onset, is_stretched, stretched_channels
from analysis.errors import AnalysisError
from analysis.finding import Catch, EmgOnset, Threshold
from analysis.limb import Limb
from analysis.load import LimbLoad
from analysis.model import EmgSignal, FloatArray
from analysis.motion import Motion
from analysis.muscles import MUSCLES, Joint, MuscleGroup
from analysis.stretch import Leg
from analysis.threshold import ReflexPoint, ThresholdParams, fit_threshold

__all__ = [
    "ReflexOnset",
    "ReflexParams",
    "crossing",
    "emg_catch",
    "emg_doubts",
    "emg_onsets",
    "measure_threshold",
    "movement_onset",
    "threshold_doubts",
    "torque_onset",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflexParams:
    """What delays the signs of the reflex, and which crossings count.

    Attributes
    ----------
    delay_s, ankle_delay_s
        From the threshold's crossing to the muscle's EMG; longer at the ankle, whose path is longer. Simulations of
        stretched muscles use 30 to 60 ms (dossier 3); an error of it is an error of mu, of the same size. Chosen by us.
    delay_sd_s
        Its deviation between stretches. Chosen by us.
    rise_s
        Time constant of the muscle's activation: torque follows EMG as a first-order lag (dossier 3: 30 ms).
    torque_lag_s
        By how much the fitted start of the ramp comes late, beyond that lag; negative where it comes early, because
        smoothing spreads the torque's rise to both sides. Chosen by us, on virtual patients.
    movement_lag_s, movement_sd_s
        From EMG to the departure of the movement, and its deviation. Chosen by us.
    after_s
        EMG is sought until so long after the stretch's end: the reflex is late. Chosen by us.
    least_latency_s
        EMG that begins sooner after the start of movement is no stretch reflex (dossier 1.6: 20 ms).
    first_share, last_share
        Crossings in the first share of the range, and, for torque and movement, in the last, are left out: there the
        limb's own acceleration, and the end of range, look like a reflex (dossier 1.6: a tenth).
    catch_ratio, catch_order, max_odds
        A muscle that fires more than this many times as strongly as at rest makes a catch likelier: the odds that the
        movement gives grow with this power of the ratio, up to this factor. Firing alone, in a movement that nothing
        interrupts, is no catch. Chosen by us.
    catch_lag_s, catch_spread_s
        The catch is felt so long after the onset of EMG, give or take the second number: electromechanical delays are
        30 to 60 ms (dossier 3). Chosen by us.
    catch_guard_deg
        A catch comes at least this far before the end of range (as in `CatchParams`). Chosen by us.
    min_catch_probability
        A less probable catch is not reported (as in `CatchParams`). Chosen by us.
    seen_s
        The joint was observed this long before and after the crossing. Chosen by us.
    least_velocity_deg_s
        Slower crossings are left out: the limb is not being stretched. Chosen by us.
    smear_share
        The instant is uncertain by this share of the period at the torque's cut-off. Chosen by us.
    stiffness_sd, viscosity_sd, offset_sd
        Deviations of the passive torque from a healthy limb's, in noticeable torques: per healthy range, per range a
        second, and constant. Chosen by us.
    noise_share
        Deviation of the torque's fit, as a share of the noticeable torque. Chosen by us.
    beyond_s
        The torque is fitted until so long after it became noticeable. Chosen by us.
    least_angle_sd_deg
        Deviation of the angle within an exam that no source undercuts. Chosen by us.
    emg
        How the onset of EMG is found.
    threshold
        What a threshold needs.
    """

    delay_s: float = 0.038
    ankle_delay_s: float = 0.045
    delay_sd_s: float = 0.003
    rise_s: float = 0.03
    torque_lag_s: float = -0.01
    movement_lag_s: float = 0.04
    movement_sd_s: float = 0.015
    after_s: float = 0.1
    least_latency_s: float = 0.02
    first_share: float = 0.1
    last_share: float = 0.1
    catch_ratio: float = 5.0
    catch_order: float = 2.0
    max_odds: float = 20.0
    catch_lag_s: float = 0.045
    catch_spread_s: float = 0.01
    catch_guard_deg: float = 5.0
    min_catch_probability: float = 0.5
    seen_s: float = 0.05
    least_velocity_deg_s: float = 5.0
    smear_share: float = 0.1
    stiffness_sd: float = 1.0
    viscosity_sd: float = 0.1
    offset_sd: float = 0.3
    noise_share: float = 0.1
    beyond_s: float = 0.04
    least_angle_sd_deg: float = 0.3
    emg: EmgParams = field(default_factory=EmgParams)
    threshold: ThresholdParams = field(default_factory=ThresholdParams)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReflexOnset:
    """When the neural drive of a stretch began, before its latency is taken off; instant and standard deviation."""

    time_s: float
    sd_s: float


def emg_onsets(
    channels: Sequence[EmgSignal],
    motion: Motion,
    leg: Leg,
    *,
    group: MuscleGroup,
    params: ReflexParams = ReflexParams(),
) -> tuple[tuple[EmgOnset, ...], tuple[str, ...]]:
    """Find when the stretched muscles began to fire in one stretch, and say which channels could not be read.

    Parameters
    ----------
    channels
        All EMG of the recording; channels of other muscles are passed over.
    motion, leg
        The movement and the stretch in it.
    group
        The stretched muscle group.
    params
        Latencies and detectors.
    """
    found, said = [], []
    for channel in stretched_channels(channels, group):
        try:
            onset = find_emg_onset(
                channel,
                start_s=float(motion.time_s[leg.start]),
                end_s=float(motion.time_s[leg.end]) + params.after_s,
                params=params.emg,
            )
        except AnalysisError as error:
            said.append(str(error))
            continue
        if onset is not None:
            found.append(onset)
    return tuple(found), tuple(said)


def torque_onset(
    motion: Motion, leg: Leg, load: LimbLoad, *, limb: Limb, params: ReflexParams = ReflexParams()
) -> ReflexOnset | None:
    """Find when the drive behind the excess resistance of one stretch began, ``None`` where it never is noticeable.

    The excess is taken for a passive part that differs a little from a healthy limb's (offset, angle, velocity) and a
    ramp of drive that the muscle follows as a first-order lag. The ramp's start is averaged over its likelihood.
    """
    excess = load.excess_Nm[leg.start : leg.end + 1] / limb.noticeable_Nm
    if not np.isfinite(excess).all() or excess.max() < 1.0:
        return None
    until = min(excess.size, int(np.argmax(excess >= 1.0)) + round(params.beyond_s * motion.rate_hz) + 1)
    if until < _FEWEST_SAMPLES:
        return None
    part = slice(leg.start, leg.start + until)
    range_deg = MUSCLES[limb.muscle_group].healthy_range_deg
    passive = np.column_stack(
        [
            np.full(until, params.offset_sd),
            params.stiffness_sd * (motion.stretch_deg[part] - motion.stretch_deg[leg.start]) / range_deg,
            params.viscosity_sd * motion.velocity_deg_s[part] / range_deg,
        ]
    )
    cutoff_s = 1.0 / load.cutoff_hz
    independent_s = 0.5 * cutoff_s
    variance = params.noise_share**2 * max(1.0, independent_s * motion.rate_hz)
    starts = np.arange(until - 2)
    costs = np.array(
        [_ramp_cost(excess[:until], passive, int(start), motion.rate_hz, variance, params) for start in starts]
    )
    weight = np.exp(-0.5 * (costs - costs.min()))
    weight /= weight.sum()
    mean = float(weight @ starts)
    spread_s = float(np.sqrt(weight @ (starts - mean) ** 2)) / motion.rate_hz
    return ReflexOnset(
        time_s=float(motion.time_s[leg.start]) + mean / motion.rate_hz - params.torque_lag_s,
        sd_s=float(np.hypot(spread_s, params.smear_share * cutoff_s)),
    )


_FEWEST_SAMPLES = 5
"""Samples below which a ramp is not told from what precedes it."""


def _ramp_cost(
    excess: FloatArray, passive: FloatArray, start: int, rate_hz: float, variance: float, params: ReflexParams
) -> float:
    """Twice the negative logarithm of the likelihood of a ramp that starts at a sample, all heights averaged."""
    after_s = np.maximum(np.arange(excess.size) - start, 0) / rate_hz
    ramp = (after_s - params.rise_s * -np.expm1(-after_s / params.rise_s)) / params.rise_s
    design = np.column_stack([passive, _RAMP_SD * ramp])
    precision = np.eye(design.shape[1]) + design.T @ design / variance
    projected = design.T @ excess / variance
    return float(
        excess @ excess / variance - projected @ np.linalg.solve(precision, projected) + np.linalg.slogdet(precision)[1]
    )


_RAMP_SD = 3.0
"""Deviation of the ramp's height, in noticeable torques per time constant of activation: wide."""


def movement_onset(motion: Motion, departure: Departure, params: ReflexParams = ReflexParams()) -> ReflexOnset:
    """Tell when the drive behind a departure of the movement began."""
    return ReflexOnset(
        time_s=float(motion.time_s[departure.onset]) - params.movement_lag_s,
        sd_s=params.movement_sd_s,
    )


def crossing(
    onset: ReflexOnset, motion: Motion, leg: Leg, *, joint: Joint, params: ReflexParams = ReflexParams()
) -> ReflexPoint | None:
    """Read angle and velocity where the limb crossed the threshold, the reflex's latency earlier; else ``None``."""
    delay_s = params.ankle_delay_s if joint is Joint.ANKLE else params.delay_s
    at_s = onset.time_s - delay_s
    start_s = float(motion.time_s[leg.start])
    if onset.time_s < start_s + params.least_latency_s or at_s < start_s:
        return None
    velocity = float(np.interp(at_s, motion.time_s, motion.velocity_deg_s))
    around = slice(*np.searchsorted(motion.time_s, [at_s - params.seen_s, at_s + params.seen_s]).tolist())
    if velocity < params.least_velocity_deg_s or not motion.seen[around].all():
        return None
    acceleration = float(np.interp(at_s, motion.time_s, motion.acceleration_deg_s2))
    timing = onset.sd_s**2 + params.delay_sd_s**2
    angle_sd = max(params.least_angle_sd_deg, motion.angle_noise_deg)
    return ReflexPoint(
        velocity_deg_s=velocity,
        stretch_deg=float(np.interp(at_s, motion.time_s, motion.stretch_deg)),
        velocity_sd_deg_s=float(np.sqrt(acceleration**2 * timing + motion.velocity_noise_deg_s**2)),
        stretch_sd_deg=float(np.sqrt(velocity**2 * timing + angle_sd**2)),
        covariance_deg2_s=velocity * acceleration * timing,
    )


def emg_catch(
    onsets: Sequence[EmgOnset],
    motion: Motion,
    leg: Leg,
    *,
    probability: float,
    end_range_deg: float,
    params: ReflexParams = ReflexParams(),
) -> Catch | None:
    """Report the catch that a muscle's firing confirms in a fast stretch, where the movement alone is too unsure of it.

    Parameters
    ----------
    onsets
        Onsets of the stretched muscles' EMG in this stretch.
    motion, leg
        The movement and the stretch.
    probability
        How probable the movement alone makes a catch.
    end_range_deg
        End of range along the stretch.
    params
        Latencies, and what counts.

    Returns
    -------
    Catch or None
        The earliest that is probable enough, at the angle that is reached when the muscle's torque has followed its
        EMG.
    """
    for onset in sorted(onsets, key=lambda one: one.time_s):
        evidence = min((onset.amplitude_ratio / params.catch_ratio) ** params.catch_order, params.max_odds)
        odds = evidence * probability / (1.0 - probability)
        confirmed = min(odds / (1.0 + odds), _NEVER_SURER)
        at_s = onset.time_s + params.catch_lag_s
        value = float(np.interp(at_s, motion.time_s, motion.stretch_deg))
        latency_s = onset.time_s - float(motion.time_s[leg.start])
        in_time = latency_s >= params.least_latency_s and at_s <= float(motion.time_s[leg.end])
        if confirmed < params.min_catch_probability or not in_time or value > end_range_deg - params.catch_guard_deg:
            continue
        velocity = float(np.interp(at_s, motion.time_s, motion.velocity_deg_s))
        timing_deg = velocity * float(np.hypot(onset.sd_s, params.catch_spread_s))
        spread = 1.96 * float(np.hypot(timing_deg, np.hypot(motion.angle_noise_deg, motion.systematic_deg)))
        ends = sorted((motion.sign * (value - spread), motion.sign * (value + spread)))
        return Catch(
            time_s=at_s,
            angle_deg=motion.sign * value,
            stretch_deg=value - float(motion.stretch_deg[leg.start]),
            angle_interval95_deg=(ends[0], ends[1]),
            probability=confirmed,
            method="emg",
        )
    return None


_NEVER_SURER = 0.995
"""No evidence is certain."""


def emg_doubts(channels: Sequence[EmgSignal], group: MuscleGroup) -> tuple[str, ...]:
    """Say which channels are taken for the stretched muscle's, or passed over, without their name saying so."""
    unknown = [one.muscle for one in channels if is_stretched(one.muscle, group) is None]
    if not unknown:
        return ()
    names = ", ".join(f"'{name}'" for name in unknown)
    if len(channels) == 1:
        return (f"the EMG of {names} is taken for the stretched muscle's: no known name of a muscle says so",)
    return (f"the EMG of {names} is not used: no known name of a muscle says which it is",)


def threshold_doubts(threshold: Threshold, *, end_deg: float) -> tuple[str, ...]:
    """Say what limits a threshold; `end_deg` is the joint angle at the end of range."""
    said = []
    first = threshold.points[0][1] if threshold.points else end_deg
    direction = 1.0 if end_deg >= first else -1.0
    if direction * (threshold.tsrt_deg - end_deg) > 0:
        said.append(
            "the reflex threshold at rest lies beyond the range of the joint: without movement, no stretch sets off the"
            " reflex"
        )
    if threshold.mu_s <= 0:
        said.append("the reflex threshold does not fall with velocity: this is not the usual stretch reflex")
    if threshold.method != "emg":
        said.append(
            f"the reflex threshold was read off the {threshold.method}, not EMG: mu holds the error of an assumed "
            "electromechanical delay"
        )
    return tuple(said)


def measure_threshold(
    points: Mapping[str, Sequence[ReflexPoint | None]],
    *,
    start_deg: float,
    end_deg: float,
    stretch_sign: int,
    params: ReflexParams = ReflexParams(),
) -> Threshold:
    """Fit the threshold to the first source whose crossings support one.

    Parameters
    ----------
    points
        By the name of what showed the reflex, most trusted first: the crossing of each stretch, ``None`` without one.
    start_deg, end_deg
        The range that the exam went through, along the stretch.
    stretch_sign
        +1 where a growing joint angle lengthens the muscle.
    params
        Which crossings count, and what a threshold needs.

    Raises
    ------
    AnalysisError
        If no source supports a threshold; the message is that of the most trusted one.
    """
    refusal: AnalysisError | None = None
    for method, crossings in points.items():
        last_share = 0.0 if method == "emg" else params.last_share
        low = start_deg + params.first_share * (end_deg - start_deg)
        high = end_deg - last_share * (end_deg - start_deg)
        inside = [one for one in crossings if one is not None and low <= one.stretch_deg <= high]
        try:
            return fit_threshold(inside, stretch_sign=stretch_sign, method=method, params=params.threshold)
        except AnalysisError as error:
            refusal = refusal or error
    raise refusal or AnalysisError("no reflex threshold: nothing showed the onset of a reflex")
