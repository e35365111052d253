"""What a virtual patient is: limb, passive tissue, reflex and posture."""

from dataclasses import dataclass
from enum import StrEnum

from analysis.errors import DataError
from analysis.limb import HEALTHY_ENDS_DEG, Limb, limb_of
from analysis.model import Side, Subject
from analysis.muscles import MUSCLES, Muscle, MuscleGroup

__all__ = ["Clonus", "Posture", "ReflexLaw", "VirtualPatient"]

_FIBRE_DAMPING_SHARE = 0.5
"""Share of the passive damping that lies in the muscle fibres, which the force law senses; chosen by us."""


class ReflexLaw(StrEnum):
    """What the stretch reflex answers to; three, so that no estimator is fitted to one of them."""

    LENGTH_VELOCITY = "length_velocity"
    VELOCITY = "velocity"
    FORCE = "force"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clonus:
    """A rhythmic reflex that a strong fast stretch sets off and that fades while the muscle is held long.

    Attributes
    ----------
    frequency_hz
        Rhythm of the bursts.
    amplitude_Nm
        Neural drive of a burst, as torque.
    decay_s
        Time in which the bursts fade to 37 %.
    """

    frequency_hz: float
    amplitude_Nm: float
    decay_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Posture:
    """How the limb lies against gravity.

    Attributes
    ----------
    tilt_start_deg
        Rotation of the moved segment's long axis from hanging straight down (in the plane of movement), counted along
        the stretch, at the shortened end of the healthy range. Gravity's moment along the stretch is
        ``-m g d cos(plane_tilt) sin(tilt_start + travelled angle)``.
    plane_tilt_deg
        Angle between the plane of movement and the vertical: 0 = vertical plane, 90 = horizontal, gravity has no part.
    """

    tilt_start_deg: float
    plane_tilt_deg: float

    def __post_init__(self) -> None:
        if not 0 <= self.plane_tilt_deg <= 90:
            raise DataError(f"expected Posture.plane_tilt_deg between 0 and 90; got {self.plane_tilt_deg}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualPatient:
    """One limb of one virtual person.

    Angles count from the shortened end of the healthy range along the stretch (the stretch coordinate of a movement
    that starts there); `joint_angle_deg` turns them into joint angles.

    Attributes
    ----------
    subject, muscle_group, side
        Who and what is examined.
    drawn_from
        Grade whose part of the severity table the patient was drawn from; the true grade is that of the simulated
        resistance.
    law
        What the reflex answers to.
    lambda0_deg
        Static threshold of the stretch reflex.
    mu_s
        How much angular velocity lowers that threshold.
    k_r_Nm_per_rad, k_v_Nms_per_rad2, b_r_Nms_per_rad
        Reflex gain per overstretch, its growth with velocity, and the gain per velocity beyond the threshold.
    tonic_fraction
        Share of `k_r` that acts at standstill.
    delay_s
        Loop delay of the reflex.
    rise_s, fall_s
        Time constants of the muscle's activation and deactivation.
    clasp_Nm, clasp_depth
        Reflex torque beyond which the clasp-knife reflex inhibits the muscle (infinite: none), and by what share.
    clonus
        Its clonus, or ``None``.
    k_p_Nm_per_rad, b_p_Nms_per_rad
        Passive stiffness and damping.
    rom_deg
        Where passive tissue ends the movement; before the healthy end in a contracture.
    posture
        How the limb lies against gravity.
    """

    subject: Subject
    muscle_group: MuscleGroup
    side: Side
    drawn_from: str
    law: ReflexLaw
    lambda0_deg: float
    mu_s: float
    k_r_Nm_per_rad: float
    k_v_Nms_per_rad2: float
    b_r_Nms_per_rad: float
    tonic_fraction: float
    delay_s: float
    rise_s: float
    fall_s: float
    clasp_Nm: float
    clasp_depth: float
    clonus: Clonus | None
    k_p_Nm_per_rad: float
    b_p_Nms_per_rad: float
    rom_deg: float
    posture: Posture

    def __post_init__(self) -> None:
        for name in ("delay_s", "rise_s", "fall_s", "k_p_Nm_per_rad", "b_p_Nms_per_rad", "rom_deg", "clasp_Nm"):
            if not getattr(self, name) > 0:
                raise DataError(f"expected a positive VirtualPatient.{name}; got {getattr(self, name)}")
        for name in ("mu_s", "k_r_Nm_per_rad", "k_v_Nms_per_rad2", "b_r_Nms_per_rad"):
            if not getattr(self, name) >= 0:
                raise DataError(f"expected VirtualPatient.{name} of at least 0; got {getattr(self, name)}")
        for name in ("tonic_fraction", "clasp_depth"):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"expected VirtualPatient.{name} between 0 and 1; got {getattr(self, name)}")

    @property
    def muscle(self) -> Muscle:
        """What the tests of this muscle group have in common."""
        return MUSCLES[self.muscle_group]

    @property
    def limb(self) -> Limb:
        """The limb that the test moves, sized by the subject."""
        return limb_of(self.muscle_group, self.subject)

    def joint_angle_deg(self, travelled_deg: float) -> float:
        """Joint angle at an angle travelled from the shortened end of the healthy range."""
        return HEALTHY_ENDS_DEG[self.muscle_group][0] + self.muscle.stretch_sign * travelled_deg

    @property
    def sensitivity_s(self) -> float | None:
        """How much angular velocity lowers the reflex threshold; ``None`` for a reflex to velocity alone.

        Under the force law, the force of the passive fibres crosses its threshold earlier in faster movement, which
        is a sensitivity of damping over stiffness.
        """
        match self.law:
            case ReflexLaw.LENGTH_VELOCITY:
                return self.mu_s
            case ReflexLaw.FORCE:
                return _FIBRE_DAMPING_SHARE * self.b_p_Nms_per_rad / self.k_p_Nm_per_rad
            case ReflexLaw.VELOCITY:
                return None
