"""Size of the moved limb and the resistance of a healthy one: what the analysis and the simulation share."""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from analysis.errors import DataError
from analysis.model import FloatArray, Sex, Subject
from analysis.muscles import MUSCLES, MuscleGroup

__all__ = [
    "GRAVITY_M_S2",
    "HEALTHY_ENDS_DEG",
    "HEALTHY_LIMB",
    "HealthyLimbParams",
    "Limb",
    "healthy_scale",
    "healthy_torque_Nm",
    "limb_of",
    "stretch_fraction",
]

GRAVITY_M_S2 = 9.80665
"""Standard gravity (CGPM 1901)."""

_REFERENCE_MASS_KG = 70.0
"""Body mass at which thresholds and healthy torque are given (operational reading of the modified Ashworth scale)."""

_ANKLE_BEHIND_FOOT = 0.25
"""Distance from the heel to the ankle's axis as a fraction of foot length; chosen by us, de Leva gives none."""

HEALTHY_ENDS_DEG = MappingProxyType(
    {
        MuscleGroup.ELBOW_FLEXORS: (140.0, 10.0),
        MuscleGroup.ELBOW_EXTENSORS: (10.0, 140.0),
        MuscleGroup.WRIST_FLEXORS: (60.0, -60.0),
        MuscleGroup.KNEE_FLEXORS: (110.0, 0.0),
        MuscleGroup.KNEE_EXTENSORS: (10.0, 120.0),
        MuscleGroup.PLANTARFLEXORS: (-25.0, 20.0),
        MuscleGroup.HIP_ADDUCTORS: (0.0, 45.0),
    }
)
"""Joint angles at which the healthy range of each test starts (muscle shortened) and ends (muscle lengthened).

Their distance is the healthy range of the operational scale; where the range lies is chosen by us. Hamstrings are
stretched with the hip flexed.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Segment:
    """One body segment by de Leva: fractions of body mass and of segment length, mean length in m."""

    mass: float
    com: float
    gyration: float
    length_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """De Leva's table for one sex; gyration about the axis of the movement (the thigh's is that of abduction)."""

    height_m: float
    mass_kg: float
    forearm: _Segment
    hand: _Segment
    thigh: _Segment
    shank: _Segment
    foot: _Segment


_BODIES = MappingProxyType(
    {
        Sex.MALE: _Body(
            height_m=1.741,
            mass_kg=73.0,
            forearm=_Segment(mass=0.0162, com=0.4574, gyration=0.276, length_m=0.2689),
            hand=_Segment(mass=0.0061, com=0.7900, gyration=0.628, length_m=0.0862),
            thigh=_Segment(mass=0.1416, com=0.4095, gyration=0.329, length_m=0.4222),
            shank=_Segment(mass=0.0433, com=0.4459, gyration=0.255, length_m=0.4340),
            foot=_Segment(mass=0.0137, com=0.4415, gyration=0.257, length_m=0.2581),
        ),
        Sex.FEMALE: _Body(
            height_m=1.735,
            mass_kg=61.9,
            forearm=_Segment(mass=0.0138, com=0.4559, gyration=0.261, length_m=0.2643),
            hand=_Segment(mass=0.0056, com=0.7474, gyration=0.531, length_m=0.0780),
            thigh=_Segment(mass=0.1478, com=0.3612, gyration=0.369, length_m=0.3685),
            shank=_Segment(mass=0.0481, com=0.4416, gyration=0.271, length_m=0.4323),
            foot=_Segment(mass=0.0129, com=0.4014, gyration=0.299, length_m=0.2283),
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limb:
    """The part of the body that a test moves about one joint.

    Attributes
    ----------
    muscle_group
        The tested muscle group; it says which segments move.
    inertia_kg_m2
        Moment of inertia about the joint's axis.
    gravity_moment_Nm
        Moment of the limb's weight about the joint when the limb is horizontal in a vertical plane (m g d).
    scale_m
        The operational scale's m = body mass / 70 kg x segment length / reference segment length, the reference being
        de Leva's mean of that sex.
    segment_length_m
        Length of the moved segment: forearm, hand (wrist to third metacarpal), shank, foot, or thigh and shank together
        for the hip.
    assumed
        Names of the `Subject` fields that were missing and taken from de Leva's means; empty if all were recorded.
    """

    muscle_group: MuscleGroup
    inertia_kg_m2: float
    gravity_moment_Nm: float
    scale_m: float
    segment_length_m: float
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("inertia_kg_m2", "gravity_moment_Nm", "scale_m", "segment_length_m"):
            if not getattr(self, name) > 0:
                raise DataError(f"expected a positive Limb.{name}; got {getattr(self, name)}")

    @property
    def sized_from_defaults(self) -> bool:
        """Whether anything that sizes the limb was missing."""
        return bool(self.assumed)

    @property
    def noticeable_Nm(self) -> float:  # noqa: N802 - the unit keeps its capital
        """Excess that a rater notices in this limb, m x tau_n."""
        return self.scale_m * MUSCLES[self.muscle_group].noticeable_Nm

    @property
    def considerable_Nm(self) -> float:  # noqa: N802 - the unit keeps its capital
        """Excess that makes this limb hard to move, m x tau_c."""
        return self.scale_m * MUSCLES[self.muscle_group].considerable_Nm


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthyLimbParams:
    """Passive resistance of a healthy elbow at m = 1, from which the other joints' are scaled.

    Stiffness, damping and the end of range are the grade-0 row of the project's severity table (tuned by us); the
    constants at the end of range are chosen by us so that a slow stretch to 159 deg of that table meets its 2.7 N.m.
    Another joint's torque at the same fraction of its healthy range is this one's times the ratio of their noticeable
    torques, and so is its damping; chosen by us.

    Attributes
    ----------
    stiffness_Nm_per_rad
        Elastic torque per angle over the whole range.
    damping_Nms_per_rad
        Viscous torque per angular velocity.
    end_torque_Nm
        Factor of the exponential at the end of range.
    end_rate_per_rad
        Growth rate of that exponential.
    end_onset_fraction
        Fraction of the healthy range at which it starts.
    end_approach_fraction
        How far before a limb's passive range of movement it starts, as a fraction of the healthy range.
    """

    stiffness_Nm_per_rad: float = 0.4
    damping_Nms_per_rad: float = 0.08
    end_torque_Nm: float = 0.5
    end_rate_per_rad: float = 10.0
    end_onset_fraction: float = 110.0 / 130.0
    end_approach_fraction: float = 15.0 / 130.0


HEALTHY_LIMB = HealthyLimbParams()
"""The healthy limb that resistance is compared with unless another is given."""


def limb_of(muscle_group: MuscleGroup, subject: Subject) -> Limb:
    """Size the limb that the test of a muscle group moves.

    Segment lengths scale with height, segment masses with body mass. What was not recorded is taken from de Leva's
    means (sex: the mean of both tables; mass: the mean mass times the square of relative height) and named in
    `Limb.assumed`.

    References
    ----------
    .. [1] de Leva P. Adjustments to Zatsiorsky-Seluyanov's segment inertia parameters. J Biomech 1996;29:1223-1230.
       doi:10.1016/0021-9290(95)00178-6 (values as transcribed in a public lookup function; the larger of the two
       transverse radii of gyration for the upper limb and the shank).
    """
    assumed = tuple(name for name in ("sex", "body_mass_kg", "height_m") if getattr(subject, name) is None)
    sexes = (subject.sex,) if subject.sex is not None else (Sex.FEMALE, Sex.MALE)
    sized = np.array([_sized(muscle_group, _BODIES[sex], subject) for sex in sexes]).mean(axis=0)
    inertia, gravity, scale, length = (float(value) for value in sized)
    return Limb(
        muscle_group=muscle_group,
        inertia_kg_m2=inertia,
        gravity_moment_Nm=gravity,
        scale_m=scale,
        segment_length_m=length,
        assumed=assumed,
    )


def stretch_fraction(muscle_group: MuscleGroup, angle_deg: FloatArray) -> FloatArray:
    """Fraction of the healthy range travelled at a joint angle: 0 at its shortened, 1 at its lengthened end."""
    start_deg, end_deg = HEALTHY_ENDS_DEG[muscle_group]
    return (np.asarray(angle_deg, dtype=np.float64) - start_deg) / (end_deg - start_deg)


def healthy_torque_Nm(  # noqa: N802 - the unit keeps its capital
    limb: Limb, fraction: FloatArray, velocity_rad_s: FloatArray, *, params: HealthyLimbParams = HEALTHY_LIMB
) -> FloatArray:
    """Resistance of a healthy limb of this size in a movement, inertia and gravity not included.

    Parameters
    ----------
    limb
        The limb, which sizes the torque.
    fraction
        Fraction of the healthy range travelled, see `stretch_fraction`; any shape. Elastic torque is 0 at and before 0.
    velocity_rad_s
        Angular velocity along the stretch, same shape.
    params
        The healthy elbow.

    Returns
    -------
    numpy.ndarray
        Torque in N.m, positive against the stretch, same shape.
    """
    elbow_range_rad = np.radians(MUSCLES[MuscleGroup.ELBOW_FLEXORS].healthy_range_deg)
    travelled_rad = np.maximum(fraction, 0.0) * elbow_range_rad
    past_end_rad = np.maximum(fraction - params.end_onset_fraction, 0.0) * elbow_range_rad
    elastic_Nm = params.stiffness_Nm_per_rad * travelled_rad
    exponent = params.end_rate_per_rad * past_end_rad
    end_Nm = params.end_torque_Nm * np.expm1(exponent, out=np.zeros_like(exponent), where=exponent != 0.0)
    viscous_Nm = params.damping_Nms_per_rad * velocity_rad_s
    torque_Nm: FloatArray = healthy_scale(limb) * (elastic_Nm + end_Nm + viscous_Nm)
    return torque_Nm


def healthy_scale(limb: Limb) -> float:
    """Factor from the healthy elbow of m = 1 to this limb: the ratio of their noticeable torques."""
    return limb.noticeable_Nm / MUSCLES[MuscleGroup.ELBOW_FLEXORS].noticeable_Nm


def _sized(group: MuscleGroup, body: _Body, subject: Subject) -> tuple[float, float, float, float]:
    """Work out inertia, gravity moment, scale m and length of the moved segments in a body of the subject's size."""
    taller = 1.0 if subject.height_m is None else subject.height_m / body.height_m
    mass_kg = body.mass_kg * taller**2 if subject.body_mass_kg is None else subject.body_mass_kg
    chain, length_m = _chain(group, body)
    inertia = sum(part.mass * (d**2 + (part.gyration * part.length_m) ** 2) for part, d, _ in chain)
    first_moment = sum(part.mass * along for part, _, along in chain)
    return (
        mass_kg * taller**2 * inertia,
        mass_kg * taller * GRAVITY_M_S2 * first_moment,
        mass_kg / _REFERENCE_MASS_KG * taller,
        length_m * taller,
    )


def _chain(group: MuscleGroup, body: _Body) -> tuple[list[tuple[_Segment, float, float]], float]:
    """List the moved segments, each with its centre's distance from the axis and along the limb, and their length."""
    match group:
        case MuscleGroup.ELBOW_FLEXORS | MuscleGroup.ELBOW_EXTENSORS:
            return _straight(body.forearm, body.hand), body.forearm.length_m
        case MuscleGroup.WRIST_FLEXORS:
            return _straight(body.hand), body.hand.length_m
        case MuscleGroup.KNEE_FLEXORS | MuscleGroup.KNEE_EXTENSORS:
            return [*_straight(body.shank), _hung_foot(body, body.shank.length_m)], body.shank.length_m
        case MuscleGroup.PLANTARFLEXORS:
            forward = (body.foot.com - _ANKLE_BEHIND_FOOT) * body.foot.length_m
            return [(body.foot, forward, forward)], body.foot.length_m
        case MuscleGroup.HIP_ADDUCTORS:
            leg_m = body.thigh.length_m + body.shank.length_m
            return [*_straight(body.thigh, body.shank), _hung_foot(body, leg_m)], leg_m


def _straight(*parts: _Segment) -> list[tuple[_Segment, float, float]]:
    """Place segments in one line from the axis outwards."""
    placed = []
    before_m = 0.0
    for part in parts:
        along = before_m + part.com * part.length_m
        placed.append((part, along, along))
        before_m += part.length_m
    return placed


def _hung_foot(body: _Body, at_m: float) -> tuple[_Segment, float, float]:
    """Place the foot at a right angle to the end of the leg."""
    forward = (body.foot.com - _ANKLE_BEHIND_FOOT) * body.foot.length_m
    return body.foot, float(np.hypot(at_m, forward)), at_m
