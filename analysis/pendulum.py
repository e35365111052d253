"""Wartenberg's pendulum test: how far and how often a released shank swings."""

from dataclasses import dataclass, field

import numpy as np

from analysis.errors import AnalysisError
from analysis.finding import Pendulum, PendulumModel
from analysis.limb import Limb
from analysis.model import FloatArray, JointAngle, Zero
from analysis.motion import Motion, MotionParams, track_motion
from analysis.muscles import Joint, Muscle
from analysis.pendulum_model import PendulumModelParams, fit_pendulum_model
from analysis.stretch import turning_points

__all__ = ["PendulumParams", "measure_pendulum"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendulumParams:
    """How a pendulum test is read.

    Attributes
    ----------
    min_swing_deg
        Smallest swing that counts (prominence; clinical dossier 1.10: 3 deg).
    min_noise_ratio
        Smallest swing in standard deviations of the smoothed angle. Chosen by us.
    release_share
        The limb is released where its velocity first exceeds this share of the first swing's peak. Chosen by us.
    min_first_swing_deg
        Smallest first swing of a limb that was dropped. Chosen by us.
    plateau_periods, plateau_s
        The resting angle is the mean over this many periods at the end, or over this time where the limb does not
        swing. Chosen by us.
    max_unrest_share
        The limb has not come to rest where it still swings by more than this share of the first swing at the end.
        Chosen by us: whole periods cancel, so that some swinging does no harm.
    max_fall_s
        A limb that takes longer from its release to its peak velocity was lowered by a hand; a shank takes some 0.3 s.
        Chosen by us.
    before_s, max_before_share
        Within the first time before its release a limb that was at rest moved no quicker than this share of the fall's
        peak velocity. Chosen by us: a swing back is about as quick as the fall.
    raised_ratio
        A movement back that is so many times as long as the one before it is no swing: a hand raises the limb again,
        and the test ends there. Chosen by us.
    drop_share
        Further movements along the fall of this share of the first are other drops. Chosen by us.
    r2n_factor
        Healthy ratio of the first swing to the plateau amplitude (Bajd and Vodovnik 1984,
        doi:10.1016/0141-5425(84)90058-3).
    motion
        Resampling and smoothing.
    model
        Fit of the limb.
    """

    min_swing_deg: float = 3.0
    min_noise_ratio: float = 5.0
    release_share: float = 0.02
    min_first_swing_deg: float = 10.0
    plateau_periods: int = 2
    plateau_s: float = 1.0
    max_unrest_share: float = 0.5
    max_fall_s: float = 0.6
    before_s: float = 0.5
    max_before_share: float = 0.4
    raised_ratio: float = 1.5
    drop_share: float = 0.7
    r2n_factor: float = 1.6
    motion: MotionParams = field(default_factory=MotionParams)
    model: PendulumModelParams = field(default_factory=PendulumModelParams)


def measure_pendulum(
    angle: JointAngle, muscle: Muscle, params: PendulumParams = PendulumParams(), *, limb: Limb | None = None
) -> Pendulum:
    """Measure the swings of a limb that was dropped from a raised position.

    The angle is read along the stretch of the muscle: for the quadriceps the shank falls into flexion. A0 is the
    distance from the release to the resting angle, A1 the first swing, RI = A1 / A0 and R2n = A1 / (1.6 A0) [1]_, [2]_.

    Parameters
    ----------
    angle
        The joint angle, from any source.
    muscle
        The stretched muscle: it says which way the limb falls.
    params
        How the test is read.
    limb
        Inertia and weight of the limb, for its fit; without them, or where the zero of the angle is not known, or at
        another joint than the knee, none is fitted.

    Raises
    ------
    AnalysisError
        If the limb was not dropped, or does not come to a plateau.

    References
    ----------
    .. [1] Whelan A, Sexton A, Jones M, O'Connell C, McGibbon CA. Predictive value of the pendulum test for assessing
       knee extensor spasticity. J Neuroeng Rehabil 2018;15:68. doi:10.1186/s12984-018-0411-x
    .. [2] Bajd T, Vodovnik L. Pendulum testing of spasticity. J Biomed Eng 1984;6:9-16.
       doi:10.1016/0141-5425(84)90058-3
    """
    motion = track_motion(angle, stretch_sign=muscle.stretch_sign, params=params.motion)
    least = max(params.min_swing_deg, params.min_noise_ratio * motion.angle_noise_deg)
    turns = turning_points(motion.stretch_deg, threshold=least)
    first = _first_drop(motion.stretch_deg, turns, params)
    release = _release(motion.velocity_deg_s, turns[first], turns[first + 1], params)
    _require_free_fall(motion, release, turns[first + 1], params)
    end = _end(motion, turns[first:], params)
    swings = [turn for turn in turns[first + 1 :] if turn <= end]
    x = motion.stretch_deg[: end + 1]
    tops = swings[::2]
    period_s = float(np.median(np.diff(motion.time_s[tops]))) if len(tops) > 1 else None
    settled_s = params.plateau_s if period_s is None else params.plateau_periods * period_s
    plateau_deg = _plateau(x, release, max(1, round(settled_s * motion.rate_hz)), params)
    a0_deg = plateau_deg - float(x[release])
    a1_deg = float(x[swings[0]] - x[release])
    if a0_deg < params.min_swing_deg:
        raise AnalysisError(
            f"no pendulum test: the limb comes to rest {a0_deg:.1f} deg from where it was released; release it raised"
        )
    model = None
    if limb is not None and muscle.joint is Joint.KNEE and angle.zero is not Zero.RELATIVE:
        model = _fit_limb(motion, slice(release, end + 1), plateau_deg, limb, params)
    return Pendulum(
        a0_deg=a0_deg,
        a1_deg=a1_deg,
        relaxation_index=a1_deg / a0_deg,
        r2n=a1_deg / (params.r2n_factor * a0_deg),
        swings=len(tops),
        area_ratio=_area_ratio(x[release:] - plateau_deg),
        period_s=period_s,
        damping_ratio=_damping(np.abs(np.diff(x[swings]))),
        release_s=float(motion.time_s[release]),
        resting_deg=motion.sign * plateau_deg,
        peak_velocity_deg_s=float(motion.velocity_deg_s[release : swings[0] + 1].max()),
        model=model,
        doubts=(*_other_drops(motion, turns, first, params), *_unseen(motion, swings, end), *_negative(model)),
    )


def _fit_limb(motion: Motion, swing: slice, plateau_deg: float, limb: Limb, params: PendulumParams) -> PendulumModel:
    """Fit the limb that swings from its release on."""
    return fit_pendulum_model(
        motion.time_s[swing],
        motion.sign * motion.stretch_deg[swing],
        rest_deg=motion.sign * plateau_deg,
        limb=limb,
        params=params.model,
    )


def _first_drop(x: FloatArray, turns: list[int], params: PendulumParams) -> int:
    """Find the turning point that the limb was dropped from: the largest movement along the stretch."""
    swings = np.diff(x[turns]) if len(turns) > 1 else np.zeros(1)
    first = int(swings.argmax())
    if swings[first] < params.min_first_swing_deg:
        raise AnalysisError(
            f"no pendulum test: the largest swing is {max(swings[first], 0.0):.1f} deg; release the raised limb and "
            "let it swing"
        )
    return first


def _release(velocity: FloatArray, lowest: int, top: int, params: PendulumParams) -> int:
    """Walk back from the peak velocity of the first swing to where the limb still rested."""
    peak = lowest + int(velocity[lowest : top + 1].argmax())
    resting = np.flatnonzero(velocity[lowest:peak] <= params.release_share * velocity[peak])
    return lowest + int(resting[-1]) if resting.size else lowest


def _require_free_fall(motion: Motion, release: int, bottom: int, params: PendulumParams) -> None:
    """Refuse a movement that is no fall from rest: lowered by a hand, part of a swing, or not observed."""
    velocity = motion.velocity_deg_s
    peak = release + int(velocity[release : bottom + 1].argmax())
    if (peak - release) / motion.rate_hz > params.max_fall_s:
        raise AnalysisError(
            f"no pendulum test: the limb took {(peak - release) / motion.rate_hz:.1f} s to its largest velocity, as if "
            "a hand had lowered it; let it fall freely"
        )
    before = slice(max(0, release - round(params.before_s * motion.rate_hz)), release + 1)
    if float(np.abs(velocity[before]).max()) > params.max_before_share * velocity[peak]:
        raise AnalysisError(
            "no pendulum test: the limb was already moving when it fell; start the recording before the release, and "
            "check the muscle group"
        )
    if not motion.seen[release : bottom + 1].all():
        unseen_s = (~motion.seen[release : bottom + 1]).sum() / motion.rate_hz
        raise AnalysisError(f"no pendulum test: the joint was not observed for {unseen_s:.2f} s of the first swing")


def _end(motion: Motion, turns: list[int], params: PendulumParams) -> int:
    """Find the last sample of the test: the recording's, or the one before a hand raises the limb again."""
    lengths = np.abs(np.diff(motion.stretch_deg[turns]))
    for i in range(1, lengths.size, 2):  # the movements back
        if lengths[i] > max(params.raised_ratio * lengths[i - 1], params.min_first_swing_deg):
            return _release(-motion.velocity_deg_s, turns[i], turns[i + 1], params)
    return motion.time_s.size - 1


def _plateau(x: FloatArray, release: int, samples: int, params: PendulumParams) -> float:
    """Average the angle over the last samples, whole periods: what is left of the swing cancels."""
    rest = x[-samples:]
    if x.size - samples <= release or np.ptp(rest) > params.max_unrest_share * np.ptp(x[release:]):
        raise AnalysisError(
            "no pendulum test: at the end of the recording, or where it is raised again, the limb still swings by "
            f"{np.ptp(rest):.0f} deg; record until it rests"
        )
    return float(rest.mean())


def _other_drops(motion: Motion, turns: list[int], first: int, params: PendulumParams) -> tuple[str, ...]:
    """Say that a limb was dropped several times, of which one is measured."""
    falls = np.diff(motion.stretch_deg[turns])
    count = int((falls >= params.drop_share * falls[first]).sum())
    if count < _SEVERAL:
        return ()
    at_s = motion.time_s[turns[first]]
    return (f"the limb was dropped {count} times: the drop at {at_s:.1f} s is measured; record each one by itself",)


_SEVERAL = 2
"""Drops."""


def _unseen(motion: Motion, swings: list[int], end: int) -> tuple[str, ...]:
    """Say where the joint was not observed after its first swing."""
    unseen_s = float((~motion.seen[swings[0] : end]).sum()) / motion.rate_hz
    if unseen_s == 0.0:
        return ()
    said = f"the joint was not observed for {unseen_s:.2f} s after its first swing"
    return (f"{said}: swings, damping, area and the fitted limb are less sure",)


def _negative(model: PendulumModel | None) -> tuple[str, ...]:
    """Say that the fitted limb cannot be."""
    if model is None or model.stiffness_Nm_per_rad >= 0.0:
        return ()
    said = "the fitted stiffness is negative, which no joint is"
    return (f"{said}: the limb is lighter than its size says, or the thigh did not lie horizontal",)


def _area_ratio(around: FloatArray) -> float:
    """Imbalance of the areas on the two sides of the plateau, 0 (even) to 1 (on one side only)."""
    above, below = float(around[around > 0].sum()), float(-around[around < 0].sum())
    return abs(above - below) / (above + below) if above + below > 0 else 0.0


def _damping(swings: FloatArray) -> float | None:
    """Damping ratio from the logarithmic decrement of successive half swings (median), ``None`` if not shown."""
    if swings.size < 2:
        return None
    decrement = 2.0 * float(np.median(np.log(swings[:-1] / swings[1:])))  # per full period
    return decrement / float(np.hypot(2.0 * np.pi, decrement)) if decrement > 0 else None
