"""The typed values at the waist of the project: what is measured of a joint, and the recording that holds it."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import DataError
from analysis.muscles import MUSCLES, Muscle, MuscleGroup

__all__ = [
    "EmgSignal",
    "FloatArray",
    "ForceSignal",
    "Gap",
    "JointAngle",
    "Recording",
    "ReferencePose",
    "SegmentTilt",
    "Sex",
    "Side",
    "Source",
    "Subject",
    "TestKind",
    "Zero",
    "readonly",
]

FloatArray = NDArray[np.float64]


class Side(StrEnum):
    """Side of the tested limb."""

    LEFT = "left"
    RIGHT = "right"


class Sex(StrEnum):
    """Sex by which body segments are sized (de Leva 1996 gives two tables)."""

    FEMALE = "female"
    MALE = "male"


class TestKind(StrEnum):
    """Protocol of a recording."""

    __test__ = False  # not a test class for pytest

    PASSIVE_STRETCH = "passive_stretch"
    PENDULUM = "pendulum"


class Source(StrEnum):
    """Where a number came from."""

    VIDEO = "video"
    IMU = "imu"
    ANGLE = "angle"
    FORCE = "force"
    EMG = "emg"


class Zero(StrEnum):
    """What the zero of an angle series refers to."""

    ANATOMICAL = "anatomical"
    REFERENCE_POSE = "reference_pose"
    RELATIVE = "relative"


def readonly(values: ArrayLike, name: str) -> FloatArray:
    """Copy values into a read-only float64 vector.

    Raises
    ------
    DataError
        If the values are not a vector of numbers.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"expected numbers in {name}; got {error}") from error
    if array.ndim != 1:
        raise DataError(f"expected a vector in {name}; got an array of shape {array.shape}")
    array.setflags(write=False)
    return array


def _own_series(instance: object, time_s: ArrayLike, **columns: ArrayLike) -> None:
    """Store a validated time axis and its columns in a frozen instance."""
    owner = type(instance).__name__
    time = readonly(time_s, f"{owner}.time_s")
    if time.size < 2:
        raise DataError(f"expected at least 2 samples in {owner}; got {time.size}")
    if not np.isfinite(time).all():
        raise DataError(f"expected finite times in {owner}; got {int((~np.isfinite(time)).sum())} that are not")
    if (np.diff(time) <= 0).any():
        at = int(np.argmax(np.diff(time) <= 0))
        raise DataError(f"expected strictly increasing times in {owner}; got {time[at + 1]:g} s after {time[at]:g} s")
    object.__setattr__(instance, "time_s", time)
    for name, values in columns.items():
        column = readonly(values, f"{owner}.{name}")
        if column.size != time.size:
            raise DataError(f"expected {time.size} values in {owner}.{name}; got {column.size}")
        object.__setattr__(instance, name, column)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JointAngle:
    """Angle of one joint over time; the waist of the project.

    Attributes
    ----------
    time_s
        Strictly increasing times on the recording's clock, shape (n,), n >= 2. Sampling need not be even.
    angle_deg
        Flexion, dorsiflexion or abduction positive, 0 = anatomical position unless `zero` says otherwise; continuous,
        never wrapped; NaN where the joint was not observed. At least two samples are observed.
    sd_deg
        Standard deviation of each sample's error, NaN where the source cannot tell. A constant offset (`zero` is
        `Zero.RELATIVE`) is not part of it.
    source
        What it was measured with.
    zero
        What its zero refers to.
    bandwidth_hz
        Frequency up to which the source resolves movement (half the frame rate for video, for instance).
    zero_sd_deg
        Standard deviation of the zero, an error that all samples share and `sd_deg` leaves out; NaN where the source
        cannot tell.
    """

    time_s: FloatArray
    angle_deg: FloatArray
    sd_deg: FloatArray
    source: Source
    zero: Zero
    bandwidth_hz: float
    zero_sd_deg: float = float("nan")

    def __post_init__(self) -> None:
        _own_series(self, self.time_s, angle_deg=self.angle_deg, sd_deg=self.sd_deg)
        if np.isfinite(self.angle_deg).sum() < 2:
            raise DataError(
                "expected at least 2 observed samples in JointAngle.angle_deg; got only missing values (NaN)"
            )
        if np.isinf(self.angle_deg).any():
            raise DataError("expected finite or missing (NaN) values in JointAngle.angle_deg; got infinite ones")
        if not self.bandwidth_hz > 0:
            raise DataError(f"expected a positive JointAngle.bandwidth_hz; got {self.bandwidth_hz}")
        if self.zero_sd_deg < 0 or np.isinf(self.zero_sd_deg):
            raise DataError(f"expected JointAngle.zero_sd_deg of at least 0, or NaN; got {self.zero_sd_deg}")

    @property
    def rate_hz(self) -> float:
        """Median sampling rate."""
        return float(1.0 / np.median(np.diff(self.time_s)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentTilt:
    """Direction of gravity in the plane of the joint's movement, as the moved segment sees it.

    Attributes
    ----------
    time_s
        Strictly increasing times, shape (n,).
    tilt_deg
        Rotation of the moved segment about the hinge axis against gravity, growing with the joint angle, up to an
        unknown constant: how the sensor is strapped to the segment is unknown. Continuous, never wrapped.
    in_plane
        Share of gravity that lies in the plane of movement, 0 (movement is horizontal) to 1 (vertical plane).
    """

    time_s: FloatArray
    tilt_deg: FloatArray
    in_plane: float

    def __post_init__(self) -> None:
        _own_series(self, self.time_s, tilt_deg=self.tilt_deg)
        if not 0 <= self.in_plane <= 1:
            raise DataError(f"expected SegmentTilt.in_plane between 0 and 1; got {self.in_plane}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ForceSignal:
    """The examiner's push, by a hand-held sensor.

    Attributes
    ----------
    time_s
        Strictly increasing times, shape (n,).
    force_N
        Perpendicular to the segment in the plane of movement, positive along the stretch.
    moment_Nm
        Free moment that the sensor transmits besides the force, positive along the stretch; zeros where it measures
        none.
    lever_m
        Distance from the joint's axis to the sensor.
    """

    time_s: FloatArray
    force_N: FloatArray
    moment_Nm: FloatArray
    lever_m: float

    def __post_init__(self) -> None:
        _own_series(self, self.time_s, force_N=self.force_N, moment_Nm=self.moment_Nm)
        if not self.lever_m > 0:
            raise DataError(f"expected a positive ForceSignal.lever_m; got {self.lever_m}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmgSignal:
    """Surface EMG of one muscle.

    Attributes
    ----------
    time_s
        Strictly increasing times, shape (n,).
    emg_V
        Raw EMG.
    muscle
        Name of the muscle, as recorded.
    """

    time_s: FloatArray
    emg_V: FloatArray
    muscle: str

    def __post_init__(self) -> None:
        _own_series(self, self.time_s, emg_V=self.emg_V)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which a sensor measured nothing: from its last sample before to its first after, and why in words."""

    start_s: float
    end_s: float
    reason: str

    def __post_init__(self) -> None:
        if not self.start_s < self.end_s:
            raise DataError(f"expected a gap to start before it ends; got {self.start_s} s and {self.end_s} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePose:
    """The joint's true angle at one moment, by hand goniometer or video: it fixes the zero of an inertial angle."""

    time_s: float
    angle_deg: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.time_s) and np.isfinite(self.angle_deg)):
            raise DataError(f"expected a finite reference pose; got {self.angle_deg} deg at {self.time_s} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Who was examined: a code, never a name, and what sizes the limb (``None`` where it was not recorded)."""

    code: str
    sex: Sex | None = None
    body_mass_kg: float | None = None
    height_m: float | None = None

    def __post_init__(self) -> None:
        if not self.code.strip():
            raise DataError("expected a subject code; got an empty one")
        for name, value, low, high in (
            ("body_mass_kg", self.body_mass_kg, 2.0, 400.0),
            ("height_m", self.height_m, 0.4, 2.6),
        ):
            if value is not None and not low <= value <= high:
                raise DataError(f"expected {name} between {low:g} and {high:g}; got {value}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """One exam of one muscle group, all streams on one clock.

    Attributes
    ----------
    muscle_group, side, test
        What was examined, and how.
    subject
        Who was examined.
    angle
        The joint angle that leads.
    alternatives
        Other streams' angles of the same joint, for comparison; empty where there is one source only.
    force, tilt
        The examiner's push and the segment's tilt against gravity, or ``None`` where not recorded.
    emg
        EMG channels; empty where none was recorded.
    gaps
        Where a sensor that the angle or the force came from lost more than may be bridged: a stretch that has one is
        shown, and not graded.
    fused
        Sources besides its own that the leading angle's slow error was corrected by.
    warnings
        What the person who reads the finding should know about the data.
    """

    muscle_group: MuscleGroup
    side: Side
    test: TestKind
    subject: Subject
    angle: JointAngle
    alternatives: tuple[JointAngle, ...] = ()
    force: ForceSignal | None = None
    tilt: SegmentTilt | None = None
    emg: tuple[EmgSignal, ...] = ()
    gaps: tuple[Gap, ...] = ()
    fused: tuple[Source, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def muscle(self) -> Muscle:
        """What the tests of this muscle group have in common."""
        return MUSCLES[self.muscle_group]
