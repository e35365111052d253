"""What is true of a simulated exam, by the operational reading of the modified Ashworth scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from analysis.finding import GRADES, VelocityClass
from analysis.limb import Limb, healthy_torque_Nm
from analysis.model import FloatArray
from analysis.simulate.examiner import Movement
from analysis.simulate.patient import VirtualPatient
from analysis.simulate.trial import Motion, Trial, joint_angle_deg

__all__ = [
    "STANDARD_TRUTH",
    "ExamTruth",
    "StretchTruth",
    "TruthParams",
    "operational_grade",
    "summarise",
    "truth_of_stretch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthParams:
    """Bounds by which the truth is read off a movement.

    Attributes
    ----------
    rest_deg_s, rest_share
        A stretch has ended when the velocity falls below the smaller of this and this share of its peak; it has started
        when the velocity rises above it. Chosen by us.
    grace_s
        How long after its intended end a stretch's peak velocity is still looked for; chosen by us.
    v1_max_deg_s, v3_min_deg_s
        Bounds of the velocity classes (contract).
    end_fraction, most_fraction
        Bounds of f between the grades 1 and 1+, and 1+ and 2 (operational scale).
    short_stop_fraction
        A fast stretch that stops before this fraction of the healthy range is of grade 3 (same source).
    rigid_fraction
        A slow range below this fraction is of grade 4 (same source).
    """

    rest_deg_s: float = 5.0
    rest_share: float = 0.1
    grace_s: float = 0.15
    v1_max_deg_s: float = 70.0
    v3_min_deg_s: float = 150.0
    end_fraction: float = 0.15
    most_fraction: float = 0.50
    short_stop_fraction: float = 0.60
    rigid_fraction: float = 0.15


STANDARD_TRUTH = TruthParams()
"""The bounds of the operational scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchTruth:
    """What is true of one stretch.

    Attributes
    ----------
    start_s, end_s
        Start, and the end where the limb first comes to rest, on the recording's clock.
    start_deg, end_deg
        Joint angles there.
    peak_velocity_deg_s, velocity
        Peak velocity along the stretch and its class.
    catch_angle_deg, catch_time_s
        Joint angle and time at which the excess first reaches the noticeable torque; ``None`` if it does not, and in
        stretches of class V1, for which the scale defines no catch.
    peak_resistance_Nm, peak_excess_Nm
        Largest passive and reflex torque, and its largest excess over a healthy limb, between start and end.
    f
        Fraction of the healthy range over which the excess is noticeable, or that was not reached.
    end_fraction
        Fraction of the healthy range at which the stretch ended.
    travelled_fraction
        Range of the stretch as a fraction of the healthy range.
    """

    start_s: float
    end_s: float
    start_deg: float
    end_deg: float
    peak_velocity_deg_s: float
    velocity: VelocityClass
    catch_angle_deg: float | None
    catch_time_s: float | None
    peak_resistance_Nm: float
    peak_excess_Nm: float
    f: float
    end_fraction: float
    travelled_fraction: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamTruth:
    """What is true of an exam.

    Attributes
    ----------
    stretches
        In order of time.
    grade
        Label of the modified Ashworth scale, by the medians over the graded stretches: those of class V3, or of the
        fastest class there is.
    r1_deg
        Median joint angle of the catches of the graded stretches, if at least half of them have one; else, and in
        grade 0, ``None``.
    r2_deg
        Median joint angle at the end of the slow (V1) stretches; ``None`` without one.
    peak_excess_Nm, f
        Medians over the graded stretches.
    lambda0_deg, mu_s
        Planted static threshold (joint angle) and velocity sensitivity; ``None`` where the reflex law has none.
    """

    stretches: tuple[StretchTruth, ...]
    grade: str
    r1_deg: float | None
    r2_deg: float | None
    peak_excess_Nm: float
    f: float
    lambda0_deg: float | None
    mu_s: float | None


def truth_of_stretch(
    trial: Trial, motion: Motion, resistance_Nm: FloatArray, *, step_s: float, params: TruthParams = STANDARD_TRUTH
) -> StretchTruth:
    """Read the truth of one stretch off its simulated movement and resistance.

    Parameters
    ----------
    trial, motion, resistance_Nm
        Who was moved and how it was meant, what happened, and the passive and reflex torque in it.
    step_s
        Integration step.
    params
        Bounds.
    """
    patient, limb, movement, offset_s = trial.patient, trial.limb, trial.movement, trial.first_s
    start, end = _bounds(motion, movement, step_s, params)
    window = slice(start, end + 1)
    position, velocity = motion.position_rad[window], motion.velocity_rad_s[window]
    range_rad = np.radians(patient.muscle.healthy_range_deg)
    fraction = position / range_rad
    excess = np.maximum(resistance_Nm[window] - healthy_torque_Nm(limb, fraction, velocity), 0.0)
    peak_deg_s = float(np.degrees(velocity.max()))
    velocity_class = _velocity_class(peak_deg_s, params)
    noticed = excess >= limb.noticeable_Nm
    caught = bool(noticed.any()) and velocity_class is not VelocityClass.V1
    first = int(np.argmax(noticed))
    angle_deg = joint_angle_deg(patient.muscle_group, position)
    return StretchTruth(
        start_s=offset_s + start * step_s,
        end_s=offset_s + end * step_s,
        start_deg=float(angle_deg[0]),
        end_deg=float(angle_deg[-1]),
        peak_velocity_deg_s=peak_deg_s,
        velocity=velocity_class,
        catch_angle_deg=float(angle_deg[first]) if caught else None,
        catch_time_s=offset_s + (start + first) * step_s if caught else None,
        peak_resistance_Nm=float(resistance_Nm[window].max()),
        peak_excess_Nm=float(excess.max()),
        f=_resisted_fraction(fraction, noticed),
        end_fraction=float(fraction[-1]),
        travelled_fraction=float(fraction[-1] - fraction[0]),
    )


def summarise(
    patient: VirtualPatient, limb: Limb, stretches: Sequence[StretchTruth], *, params: TruthParams = STANDARD_TRUTH
) -> ExamTruth:
    """Summarise the truth of an exam's stretches."""
    fastest = max(stretch.velocity for stretch in stretches)
    graded = [stretch for stretch in stretches if stretch.velocity == fastest]
    slow = [stretch for stretch in stretches if stretch.velocity is VelocityClass.V1]
    p = float(median([stretch.peak_excess_Nm for stretch in graded]))
    f = float(median([stretch.f for stretch in graded]))
    grade = operational_grade(
        p_noticeable=p / limb.noticeable_Nm,
        p_considerable=p / limb.considerable_Nm,
        f=f,
        stop_fraction=float(median([stretch.end_fraction for stretch in graded])),
        slow_fraction=float(median([stretch.travelled_fraction for stretch in slow])) if slow else 1.0,
        params=params,
    )
    catches = [stretch.catch_angle_deg for stretch in graded if stretch.catch_angle_deg is not None]
    mu_s = patient.sensitivity_s
    return ExamTruth(
        stretches=tuple(stretches),
        grade=grade,
        r1_deg=float(median(catches)) if grade != "0" and 2 * len(catches) >= len(graded) and catches else None,
        r2_deg=float(median([stretch.end_deg for stretch in slow])) if slow else None,
        peak_excess_Nm=p,
        f=f,
        lambda0_deg=None if mu_s is None else patient.joint_angle_deg(patient.lambda0_deg),
        mu_s=mu_s,
    )


def operational_grade(
    *,
    p_noticeable: float,
    p_considerable: float,
    f: float,
    stop_fraction: float,
    slow_fraction: float,
    params: TruthParams = STANDARD_TRUTH,
) -> str:
    """Grade an exam by the operational scale: the table's first match from the bottom up.

    Parameters
    ----------
    p_noticeable, p_considerable
        Peak excess in units of the noticeable and the considerable torque of the limb.
    f
        Fraction of the healthy range that is noticeably resisted.
    stop_fraction
        Fraction of the healthy range at which the fast stretch stops.
    slow_fraction
        Range of the slow stretch as a fraction of the healthy range.
    params
        Bounds of the scale.
    """
    none, end_of_range, less_than_half, most, considerable, rigid = GRADES
    if slow_fraction < params.rigid_fraction:
        return rigid
    if p_considerable >= 1 or stop_fraction < params.short_stop_fraction:
        return considerable
    if p_noticeable < 1:
        return none
    if f >= params.most_fraction:
        return most
    return less_than_half if f >= params.end_fraction else end_of_range


def _bounds(motion: Motion, movement: Movement, step_s: float, params: TruthParams) -> tuple[int, int]:
    """Find the indices of the stretch's start and end."""
    velocity = motion.velocity_rad_s
    begins = round(movement.lead_s / step_s)
    ends = min(begins + round((movement.duration_s + params.grace_s) / step_s), velocity.size - 1)
    peak = begins + int(np.argmax(velocity[begins : ends + 1]))
    rest = min(np.radians(params.rest_deg_s), params.rest_share * float(velocity[peak]))
    start = begins + int(np.argmax(velocity[begins : peak + 1] > rest))
    returns = round((movement.lead_s + movement.duration_s + movement.hold_s) / step_s)
    if movement.is_slow:
        moving = np.flatnonzero(velocity[peak : ends + 1] > rest)
        return start, min(peak + int(moving[-1]) + 1, velocity.size - 1)
    at_rest = velocity[peak : returns + 1] < rest
    return start, peak + int(np.argmax(at_rest)) if at_rest.any() else min(returns, velocity.size - 1)


def _velocity_class(peak_deg_s: float, params: TruthParams) -> VelocityClass:
    if peak_deg_s >= params.v3_min_deg_s:
        return VelocityClass.V3
    return VelocityClass.V1 if peak_deg_s <= params.v1_max_deg_s else VelocityClass.V2


def _resisted_fraction(fraction: FloatArray, noticed: np.ndarray) -> float:
    """Length of the range travelled under noticeable excess, and of the range beyond the stretch's end."""
    steps = np.maximum(np.diff(np.maximum.accumulate(fraction)), 0.0)
    untravelled = max(0.0, 1.0 - float(fraction.max()))
    return float(np.minimum(steps[noticed[1:]].sum() + untravelled, 1.0))
