"""What an assessment says: the typed form of what ``docs/formats.md`` prints as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from analysis.errors import DataError
from analysis.model import FloatArray, Recording

if TYPE_CHECKING:
    from analysis.exam_evidence import ExamEvidence

__all__ = [
    "GRADES",
    "Assessment",
    "Catch",
    "Detection",
    "EmgOnset",
    "Grade",
    "Pendulum",
    "PendulumModel",
    "Repeatability",
    "Resistance",
    "ResistanceCurve",
    "ResistanceParts",
    "Stretch",
    "StretchFinding",
    "Tardieu",
    "Threshold",
    "VelocityClass",
]

GRADES = ("0", "1", "1+", "2", "3", "4")
"""The ordered labels of the modified Ashworth scale (Bohannon & Smith 1987)."""


class VelocityClass(StrEnum):
    """Tardieu's velocities: as slow as possible, the limb falling, as fast as possible."""

    V1 = "V1"
    V2 = "V2"
    V3 = "V3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One passive movement that lengthens the tested muscle.

    Attributes
    ----------
    start_s, peak_s, end_s
        Start, instant of peak velocity and end, on the recording's clock. The end is where the limb first comes to
        rest; what the examiner adds after a catch is not part of the first stop.
    start_deg, end_deg
        Joint angle at start and end.
    peak_velocity_deg_s
        Largest angular velocity along the stretch, positive.
    velocity
        Its velocity class.
    """

    start_s: float
    peak_s: float
    end_s: float
    start_deg: float
    end_deg: float
    peak_velocity_deg_s: float
    velocity: VelocityClass

    def __post_init__(self) -> None:
        if not self.start_s < self.end_s:
            raise DataError(f"expected a stretch to start before it ends; got {self.start_s} s and {self.end_s} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """A catch: the instant from which a fast stretch is resisted.

    Attributes
    ----------
    time_s, angle_deg, stretch_deg
        Instant, joint angle (R1), and the angle along the stretch from its start.
    angle_interval95_deg
        Interval of 95 % of the angle, lower bound first.
    probability
        Probability that this is a catch, 0 to 1.
    method
        What it was read off.
    """

    time_s: float
    angle_deg: float
    stretch_deg: float
    angle_interval95_deg: tuple[float, float]
    probability: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmgOnset:
    """When a muscle began to fire in a stretch.

    Attributes
    ----------
    muscle
        Name of the channel, as recorded.
    time_s, sd_s
        Instant and its standard deviation.
    amplitude_ratio
        Amplitude after the onset over that at rest (root mean squares).
    method
        How it was found.
    """

    muscle: str
    time_s: float
    sd_s: float
    amplitude_ratio: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resistance:
    """Resistance of the limb to one stretch, inertia and gravity removed.

    Attributes
    ----------
    peak_Nm, peak_excess_Nm
        Largest resistance, and largest excess over a healthy limb of that size in the same movement.
    work_J
        Integral of resistance over angle.
    stiffness_Nm_per_rad, viscosity_Nms_per_rad
        Of a line fitted to resistance against angle and velocity; ``None`` where the movement does not separate them.
    kind
        ``"force"`` or ``"free-limb"``.
    """

    peak_Nm: float
    peak_excess_Nm: float
    work_J: float
    stiffness_Nm_per_rad: float | None
    viscosity_Nms_per_rad: float | None
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResistanceParts:
    """What the resistance of one stretch is made of, the exam's slow stretches being the elastic reference.

    Attributes
    ----------
    at_s, elastic_Nm, viscous_Nm, reflex_Nm
        Instant of the largest velocity-dependent (reflex) torque, and the parts of the resistance there, summing to it.
        ``None`` where no fast stretch tells the viscosity, or the stretch never passes where the slow ones did.
    delta_torque_Nm
        Fast minus slow resistance at 70 % of the slow range. ``None`` in slow stretches, and where the stretch does
        not get there.
    delta_work_J
        Integral over the angle of fast minus slow resistance, from the angle of peak velocity to 90 % of the slow
        range. ``None`` likewise.
    end_stiffness_Nm_per_rad
        Slope of resistance over angle in the last tenth of the range: of its own in a slow stretch; in a fast one of
        the slow range, ``None`` where it does not get there. ``None`` where resistance falls there.
    hysteresis_J
        Energy lost over the stretch and its return, ``None`` where the return was not observed or stays away from the
        start.

    References
    ----------
    .. [1] Bar-On L, Aertbelien E, Wambacq H, et al. A clinical measurement to quantify spasticity in children with
       cerebral palsy by integration of multidimensional signals. Gait Posture 2013;38:141-147.
       doi:10.1016/j.gaitpost.2012.11.003. The places of both differences are from memory of the literature.
    .. [2] Wu YN, Ren Y, Goldsmith A, et al. Characterization of spasticity in cerebral palsy: dependence of catch angle
       on velocity. Dev Med Child Neurol 2010;52:563-569. Stiffness and energy loss are from memory of the literature.
    """

    at_s: float | None
    elastic_Nm: float | None
    viscous_Nm: float | None
    reflex_Nm: float | None
    delta_torque_Nm: float | None
    delta_work_J: float | None
    end_stiffness_Nm_per_rad: float | None
    hysteresis_J: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """Where one of several detectors sees the catch of a stretch; the reported catch is a `Catch`.

    Attributes
    ----------
    method
        Name of the detector.
    time_s, angle_deg
        Instant and joint angle.
    sd_deg
        Standard deviation of the angle about the detector's own mark, not about the onset of the resistance.
    probability
        Probability that there is a noticeable catch there, 0 to 1.
    """

    method: str
    time_s: float
    angle_deg: float
    sd_deg: float
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StretchFinding:
    """A stretch with what was found in it.

    Attributes
    ----------
    stretch, catch, resistance
        The movement, its catch and its resistance; ``None`` where there is none, or it was not measured.
    quality
        The reasons why it is left out of the summary.
    emg
        Onsets of the stretched muscles' EMG, one for each channel that began to fire.
    parts
        What its resistance is made of; ``None`` without force or slow stretches.
    detections
        Where other detectors of the catch see it; they mark another thing than `catch` and are no part of it.
    """

    stretch: Stretch
    catch: Catch | None
    resistance: Resistance | None
    quality: tuple[str, ...] = ()
    emg: tuple[EmgOnset, ...] = ()
    parts: ResistanceParts | None = None
    detections: tuple[Detection, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tardieu:
    """Modified Tardieu scale; ``None`` where the exam does not show it.

    Attributes
    ----------
    r1_deg
        Joint angle of the catch at V3 (median over repetitions).
    r2_deg
        Joint angle at the end of the slow stretch (median over repetitions).
    spasticity_angle_deg
        R2 - R1 along the stretch, positive where the catch comes before the end of range.
    x
        Quality of the muscle reaction, 0 to 4.
    """

    r1_deg: float | None
    r2_deg: float | None
    spasticity_angle_deg: float | None
    x: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """How alike the repetitions of one exam are; ``None`` where there are too few.

    Attributes
    ----------
    fast
        Number of V3 stretches that count.
    peak_velocity_deg_s, peak_velocity_cv
        Median of their peak velocity, and its standard deviation over its mean.
    start_sd_deg
        Standard deviation of the joint angle at which all stretches start.
    r1_sd_deg, r2_sd_deg
        Standard deviations of the catches' and of the slow stretches' end angles.
    """

    fast: int = 0
    peak_velocity_deg_s: float | None = None
    peak_velocity_cv: float | None = None
    start_sd_deg: float | None = None
    r1_sd_deg: float | None = None
    r2_sd_deg: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Tonic stretch-reflex threshold and its sensitivity to velocity.

    Attributes
    ----------
    tsrt_deg
        Joint angle at which the reflex begins without movement.
    mu_s
        By how much angular velocity along the stretch lowers it.
    tsrt_ci95_deg, mu_ci95_s
        Intervals of 95 %, lower bound first.
    n
        Number of stretches that it was read off.
    method
        What showed the onset of the reflex.
    points
        Velocity along the stretch and joint angle at the threshold of each of these stretches, in order of time.
    """

    tsrt_deg: float
    mu_s: float
    tsrt_ci95_deg: tuple[float, float]
    n: int
    mu_ci95_s: tuple[float, float] = (float("nan"), float("nan"))
    method: str = ""
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PendulumModel:
    """Linear knee that lets a shank of this weight swing as it was seen to, and what it leaves unexplained (RMS)."""

    stiffness_Nm_per_rad: float
    viscosity_Nms_per_rad: float
    rmse_deg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pendulum:
    """Wartenberg's pendulum test; the first eight fields are named as in the contract, ``None`` where not shown.

    Attributes
    ----------
    a0_deg, a1_deg
        From the release to the resting angle, and the first swing.
    relaxation_index, r2n
        A1 / A0, and A1 / (1.6 A0).
    swings
        Swings along the stretch.
    area_ratio
        Imbalance of the areas on both sides of the plateau.
    period_s, damping_ratio
        Of the swings.
    release_s, resting_deg
        When the limb was released, and the joint angle at which it came to rest.
    peak_velocity_deg_s
        Largest velocity of the first swing.
    model
        The fitted limb, ``None`` where the angle's zero or the joint does not allow one.
    doubts
        What makes these figures less sure, one sentence each.
    """

    a0_deg: float
    a1_deg: float
    relaxation_index: float
    r2n: float
    swings: int
    area_ratio: float
    period_s: float | None
    damping_ratio: float | None
    release_s: float | None = None
    resting_deg: float | None = None
    peak_velocity_deg_s: float | None = None
    model: PendulumModel | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """A modified Ashworth grade as a distribution.

    Attributes
    ----------
    probabilities
        Probability of each label of `GRADES`, summing to 1.
    set90
        A run of neighbouring labels that holds the true one nine times out of ten.
    contributions
        How far each kind of evidence moved the grade from an average exam's, in log-odds of a higher grade, the largest
        first; empty where the grade was not trained.
    """

    probabilities: Mapping[str, float]
    set90: tuple[str, ...]
    contributions: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if tuple(self.probabilities) != GRADES:
            raise DataError(f"expected probabilities of {GRADES}; got {tuple(self.probabilities)}")
        total = sum(self.probabilities.values())
        if not abs(total - 1.0) < 1e-6:
            raise DataError(f"expected probabilities that sum to 1; got {total}")

    @property
    def label(self) -> str:
        """The most probable label."""
        return max(GRADES, key=lambda grade: self.probabilities[grade])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResistanceCurve:
    """Resistance read along one stretch, for display: equal-length vectors over the stretch's samples.

    Attributes
    ----------
    stretch_deg
        Stretch coordinate, 0 at the start of the stretch.
    resistance_Nm
        Resistance of the limb, inertia and gravity removed.
    healthy_Nm
        What a healthy limb of that size would resist in the same movement.
    """

    stretch_deg: FloatArray
    resistance_Nm: FloatArray
    healthy_Nm: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assessment:
    """All findings of one recording, with the recording that they were made from.

    Attributes
    ----------
    recording
        What was assessed.
    stretches
        The stretches in order of time, with their catches and resistance.
    curves
        For each stretch its resistance curve, ``None`` where there is no force; same length as `stretches`.
    tardieu, threshold, pendulum, grade
        The summary; ``None`` where the recording does not show it.
    repeatability
        How alike the repetitions are.
    evidence
        What the grade was read from; ``None`` where there was nothing to grade.
    warnings
        What limits the finding, one sentence each.
    """

    recording: Recording
    stretches: tuple[StretchFinding, ...]
    curves: tuple[ResistanceCurve | None, ...]
    tardieu: Tardieu
    threshold: Threshold | None
    pendulum: Pendulum | None
    grade: Grade | None
    warnings: tuple[str, ...]
    evidence: "ExamEvidence | None" = None
    repeatability: Repeatability = Repeatability()
