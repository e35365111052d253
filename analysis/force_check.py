"""Whether a force can be that of the hand that moved the limb: alive, on the movement's clock, of the limb's weight."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from analysis.errors import AnalysisError
from analysis.gravity import GravityParams, amplitude_prior
from analysis.limb import Limb
from analysis.load import LimbLoad
from analysis.model import ForceSignal, SegmentTilt
from analysis.motion import Motion
from analysis.stretch import Leg

__all__ = ["ForceCheckParams", "require_live_force", "require_pushes_that_move", "require_same_clock", "weight_doubts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForceCheckParams:
    """When a force contradicts the movement; all chosen by us.

    In 60 virtual exams of all muscle groups and grades no force on the movement's clock was refused or doubted; a third
    of those put 0.1 s off were, and more than half of those 0.3 s off: a push of any moment may suit a stiff limb.

    Attributes
    ----------
    max_lag_s, least_lag_s
        The clocks are compared up to the first offset; smaller ones than the second are the alignment's matter
        (`LoadParams.max_lag_s`), or a reflex, which comes late.
    around_s
        Time before and after each fast stretch that is compared.
    least_correlation, least_gain
        The push is believed to belong elsewhere where it correlates there at least so well with what inertia, weight
        and a healthy limb need, and by so much better than where its own clock puts it.
    least_push_share
        A force that shows less than this share of what the fast movements need is no measure of resistance: another
        hand moves the limb too.
    weight_deviations
        A weight that lies so many of its prior's deviations from that of a limb of this size is a doubt.
    gravity
        The prior.
    """

    max_lag_s: float = 0.5
    least_lag_s: float = 0.06
    around_s: float = 0.4
    least_correlation: float = 0.6
    least_gain: float = 0.25
    least_push_share: float = 0.6
    weight_deviations: float = 3.5
    gravity: GravityParams = field(default_factory=GravityParams)


def require_live_force(force: ForceSignal) -> None:
    """Refuse a force that never changes: its sensor was dead, or nothing pushed on it.

    Raises
    ------
    AnalysisError
        If it is so.
    """
    torque = force.lever_m * force.force_N + force.moment_Nm
    seen = torque[np.isfinite(torque)]
    if seen.size and np.ptp(seen) == 0.0:
        raise AnalysisError(
            f"the force never changes from {force.force_N[np.isfinite(force.force_N)][0]:g} N: its sensor was dead or "
            "not pushed on; look at the sensor"
        )


def require_same_clock(
    motion: Motion, legs: Sequence[Leg], load: LimbLoad, params: ForceCheckParams = ForceCheckParams()
) -> None:
    """Refuse a force that fits the movement at another time than its clock says.

    Parameters
    ----------
    motion, legs
        The movement and its fast stretches.
    load
        Their torques.
    params
        When a force is believed to belong elsewhere.

    Raises
    ------
    AnalysisError
        If it is so; the message says by how much.
    """
    needed = load.inertial_Nm + load.weight_Nm + load.healthy_Nm
    most, around = round(params.max_lag_s * motion.rate_hz), round(params.around_s * motion.rate_hz)
    both, pushed, asked = np.zeros(2 * most + 1), np.zeros(2 * most + 1), 0.0
    for leg in legs:
        first, last = max(most, leg.start - around), min(motion.time_s.size - most, leg.end + around)
        push = load.push_Nm[first - most : last + most]
        if last - first < 2 or not np.isfinite(push).all():
            continue
        windows = sliding_window_view(push, last - first)
        away = needed[first:last] - needed[first:last].mean()
        both += windows @ away
        pushed += windows.var(axis=1) * away.size
        asked += float(away @ away)
    if not asked > 0.0 or not (pushed > 0.0).all():
        return
    correlation = both / np.sqrt(pushed * asked)
    best = int(correlation.argmax())
    lag_s = (best - most) / motion.rate_hz
    gain = correlation[best] - correlation[most]
    if abs(lag_s) >= params.least_lag_s and correlation[best] >= params.least_correlation and gain >= params.least_gain:
        raise AnalysisError(
            f"the force comes about {abs(lag_s):.2f} s {'after' if lag_s > 0 else 'before'} the movements that it "
            "should cause; correct its clock_offset_s"
        )


def require_pushes_that_move(
    legs: Sequence[Leg], load: LimbLoad, params: ForceCheckParams = ForceCheckParams()
) -> None:
    """Refuse a force that pulls back while the limb is thrown forwards, or is too small to throw it.

    Its sign is wrong, or the hand with the sensor does not move the limb alone: what it does not show of the limb's
    inertia would be taken for resistance where the limb is braked.

    Parameters
    ----------
    legs
        The fast stretches.
    load
        Their torques.
    params
        How much a force must show.

    Raises
    ------
    AnalysisError
        If it is so.
    """
    push, expected = load.push_Nm - load.weight_Nm, load.inertial_Nm + load.healthy_Nm
    rises = [np.arange(leg.start, leg.peak + 1) for leg in legs]
    rising = np.concatenate(rises) if rises else np.zeros(0, dtype=int)
    rising = rising[np.isfinite(push[rising])]
    if rising.size < _FEWEST_RISING:
        return
    thrown, along = push[rising], expected[rising]
    if float(thrown @ along) < 0.0 and float(np.abs(thrown).mean()) > float(np.abs(along).mean()) * _CLEAR_SHARE:
        raise AnalysisError(
            "the force opposes the fast movements that it should cause: positive is a push along the stretch; check "
            "its sign and its clock_offset_s"
        )
    shown = float(thrown @ along) / float(along @ along)
    if shown < params.least_push_share:
        raise AnalysisError(
            f"the force shows {max(shown, 0.0):.0%} of what the fast movements need: push with the sensor alone, and "
            "check its lever"
        )


_FEWEST_RISING = 8
"""Samples of fast rises below which a wrong sign is not told."""

_CLEAR_SHARE = 0.3
"""A smaller push, as a share of what the movement needs, has no clear sign."""


def weight_doubts(
    load: LimbLoad, limb: Limb, tilt: SegmentTilt | None, params: ForceCheckParams = ForceCheckParams()
) -> tuple[str, ...]:
    """Say that the force finds another weight than a limb of this size has: its unit, lever or zero may be wrong."""
    fit = load.gravity
    likeliest = int(fit.weight.argmax())
    found_Nm = float(np.hypot(fit.cosine_Nm[likeliest], fit.sine_Nm[likeliest]))
    mean_Nm, sd_Nm = amplitude_prior(limb, None if tilt is None else tilt.in_plane, params.gravity)
    if abs(found_Nm - mean_Nm) <= params.weight_deviations * sd_Nm:
        return ()
    said = (
        f"by the force the limb's weight turns it with {found_Nm:.1f} N·m, a limb of this size with {mean_Nm:.1f} N·m"
    )
    return (f"{said}: check the force's unit and zero, its lever_m, and the subject's mass and height",)
