"""The tested muscle groups: which joint they move, which way lengthens them, what resistance means for them."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from analysis.errors import DataError

__all__ = ["MUSCLES", "Joint", "Muscle", "MuscleGroup", "muscle_group"]


class Joint(StrEnum):
    """Joints of the contract."""

    ELBOW = "elbow"
    WRIST = "wrist"
    KNEE = "knee"
    ANKLE = "ankle"
    HIP = "hip"


class MuscleGroup(StrEnum):
    """Muscle groups of the contract."""

    ELBOW_FLEXORS = "elbow_flexors"
    ELBOW_EXTENSORS = "elbow_extensors"
    WRIST_FLEXORS = "wrist_flexors"
    KNEE_FLEXORS = "knee_flexors"
    KNEE_EXTENSORS = "knee_extensors"
    PLANTARFLEXORS = "plantarflexors"
    HIP_ADDUCTORS = "hip_adductors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Muscle:
    """What the tests of one muscle group have in common.

    Attributes
    ----------
    joint
        The joint that the stretch moves.
    stretch_sign
        +1 where a growing joint angle lengthens the muscle, -1 where a falling one does (flexion, dorsiflexion and
        abduction are positive).
    noticeable_Nm, considerable_Nm
        Excess resistance that a rater notices, and that makes the movement difficult, for a limb of scale m = 1
        (the project's operational reading of the modified Ashworth scale, ``docs/methods/mas.md``; chosen by us).
    healthy_range_deg
        Range of the healthy joint in this test (same source).
    """

    joint: Joint
    stretch_sign: int
    noticeable_Nm: float
    considerable_Nm: float
    healthy_range_deg: float


MUSCLES = MappingProxyType(
    {
        MuscleGroup.ELBOW_FLEXORS: Muscle(
            joint=Joint.ELBOW, stretch_sign=-1, noticeable_Nm=1.0, considerable_Nm=6.0, healthy_range_deg=130.0
        ),
        MuscleGroup.ELBOW_EXTENSORS: Muscle(
            joint=Joint.ELBOW, stretch_sign=1, noticeable_Nm=1.0, considerable_Nm=6.0, healthy_range_deg=130.0
        ),
        MuscleGroup.WRIST_FLEXORS: Muscle(
            joint=Joint.WRIST, stretch_sign=-1, noticeable_Nm=0.4, considerable_Nm=2.5, healthy_range_deg=120.0
        ),
        MuscleGroup.KNEE_FLEXORS: Muscle(
            joint=Joint.KNEE, stretch_sign=-1, noticeable_Nm=3.0, considerable_Nm=18.0, healthy_range_deg=110.0
        ),
        MuscleGroup.KNEE_EXTENSORS: Muscle(
            joint=Joint.KNEE, stretch_sign=1, noticeable_Nm=3.0, considerable_Nm=18.0, healthy_range_deg=110.0
        ),
        MuscleGroup.PLANTARFLEXORS: Muscle(
            joint=Joint.ANKLE, stretch_sign=1, noticeable_Nm=2.0, considerable_Nm=12.0, healthy_range_deg=45.0
        ),
        MuscleGroup.HIP_ADDUCTORS: Muscle(
            joint=Joint.HIP, stretch_sign=1, noticeable_Nm=4.0, considerable_Nm=24.0, healthy_range_deg=45.0
        ),
    }
)


def muscle_group(name: str) -> MuscleGroup:
    """Return the muscle group of that name.

    Raises
    ------
    DataError
        If there is no such group; the message lists those that there are.
    """
    try:
        return MuscleGroup(name)
    except ValueError:
        known = ", ".join(group.value for group in MuscleGroup)
        raise DataError(f"unknown muscle group '{name}': choose one of {known}") from None
