"""One movement of one patient by one examiner: what is meant to happen, and what did."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from analysis.limb import HEALTHY_ENDS_DEG, Limb
from analysis.model import FloatArray
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate.curves import Curve
from analysis.simulate.examiner import Examiner, Movement
from analysis.simulate.patient import VirtualPatient

__all__ = ["DYNAMICS", "DynamicsParams", "Motion", "Trial", "joint_angle_deg", "lever_m"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicsParams:
    """Constants of the model and of its integration.

    Attributes
    ----------
    step_s
        Fixed step of the semi-implicit Euler integration; chosen by us: the stiffest healthy end of range turns at
        less than half a radian a step.
    settle_s
        Time given to each stretch to settle before it is recorded; chosen by us.
    tonic_velocity_rad_s
        Velocity at and above which the whole reflex gain acts; three times the 5 deg/s of section 3 of the dossier,
        with which a held limb's own tremor kept the gain up.
    phasic_s
        Time constant with which the gain falls back to its tonic share after movement; without it, the reflex switched
        on and off by its own tremor. Chosen by us.
    slackening_rad_s
        Velocity of shortening at which an active muscle pulls no more; in between, its torque falls in proportion. A
        straight line in place of Hill's hyperbola; chosen by us.
    clasp_s
        Time constant of the clasp-knife inhibition (same source).
    velocity_law_onset
        Fraction of the healthy range at which the threshold velocity of the velocity law equals that of the
        length-velocity law; chosen by us.
    velocity_law_floor_rad_s
        Lowest threshold velocity of the velocity law; chosen by us.
    push_s
        Duration of pushing the limb on after a stretch; chosen by us.
    end_exponent_max
        Bound of the exponent at the end of range, so that nothing overflows.
    block_steps
        Steps for which hand and reflexes are worked out at once, if no reflex has a shorter delay; chosen by us: the
        shortest delay that patients are drawn with.
    """

    step_s: float = 0.001
    settle_s: float = 0.4
    tonic_velocity_rad_s: float = 0.262
    phasic_s: float = 0.3
    slackening_rad_s: float = 8.0
    clasp_s: float = 0.08
    velocity_law_onset: float = 0.6
    velocity_law_floor_rad_s: float = 0.7
    push_s: float = 0.5
    end_exponent_max: float = 6.0
    block_steps: int = 30


DYNAMICS = DynamicsParams()
"""The constants that exams are simulated with unless others are given."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """One movement of one patient by one examiner.

    Attributes
    ----------
    patient, limb, examiner, movement
        Who is moved, the limb, by whom, and how it is meant.
    seed
        Draws the hand's unsteadiness.
    sway
        Rotation of the proximal segment along the stretch (rad) over the exam's time.
    first_s
        When in the exam the movement starts.
    """

    patient: VirtualPatient
    limb: Limb
    examiner: Examiner
    movement: Movement
    seed: tuple[int, ...]
    sway: Curve
    first_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Motion:
    """What a limb did in one trial, at every integration step; angles from the shortened end of the healthy range.

    Attributes
    ----------
    position_rad, velocity_rad_s, acceleration_rad_s2
        Movement along the stretch, shape (n,).
    reflex_Nm, drive_Nm
        Torque of the active muscle, and the neural drive that it follows with the muscle's activation.
    """

    position_rad: FloatArray
    velocity_rad_s: FloatArray
    acceleration_rad_s2: FloatArray
    reflex_Nm: FloatArray
    drive_Nm: FloatArray

    @classmethod
    def joined(cls, parts: Sequence["Motion"]) -> "Motion":
        """Put movements one after another."""
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def within(self, steps: slice) -> "Motion":
        """Keep some steps."""
        return Motion(**{f.name: getattr(self, f.name)[steps] for f in fields(self)})


_LEVER_FRACTION = {MuscleGroup.PLANTARFLEXORS: 0.6}
_LEVER_FRACTION_ELSEWHERE = 0.9


def lever_m(group: MuscleGroup, limb: Limb) -> float:
    """Distance from the joint at which the examiner pushes: near the segment's end, at the ball of the foot."""
    return _LEVER_FRACTION.get(group, _LEVER_FRACTION_ELSEWHERE) * limb.segment_length_m


def joint_angle_deg(group: MuscleGroup, position_rad: FloatArray) -> FloatArray:
    """Joint angle at positions travelled from the shortened end of the healthy range."""
    return HEALTHY_ENDS_DEG[group][0] + MUSCLES[group].stretch_sign * np.degrees(position_rad)
