"""Whether a measure of one patient changed: beyond its measurement error, and, apart from that, by what matters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis.errors import AnalysisError, DataError
from analysis.finding import GRADES
from analysis.muscles import Joint

__all__ = [
    "ERRORS",
    "Change",
    "GradeChange",
    "GradeChangeParams",
    "Measure",
    "MeasurementError",
    "judge_change",
    "judge_course",
    "judge_grade",
    "measurement_error",
    "minimal_detectable_change",
]

Z95 = 1.96
"""Two-sided normal quantile of 95 %."""


class Measure(StrEnum):
    """Measures that are compared between sessions."""

    R1 = "r1_deg"
    R2 = "r2_deg"
    SPASTICITY_ANGLE = "spasticity_angle_deg"
    TSRT = "tsrt_deg"
    PEAK_RESISTANCE = "peak_Nm"
    PEAK_EXCESS = "peak_excess_Nm"
    RELAXATION_INDEX = "relaxation_index"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementError:
    """How far a measure errs between sessions, and from when on a change of it matters.

    Attributes
    ----------
    sem
        Standard error of measurement of one session, ``None`` where none is known.
    mcid
        Minimal clinically important difference, ``None`` where none was published.
    source, mcid_source
        Where the two come from, with how sure that is; empty where there is none.
    """

    sem: float | None = None
    mcid: float | None = None
    source: str = ""
    mcid_source: str = ""

    def __post_init__(self) -> None:
        for name in ("sem", "mcid"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise DataError(f"expected a positive MeasurementError.{name}; got {value}")

    @property
    def mdc95(self) -> float | None:
        """The smallest change that is beyond measurement error with 95 %: 1.96 x sqrt(2) x SEM."""
        return None if self.sem is None else minimal_detectable_change(self.sem)


def minimal_detectable_change(sem: float) -> float:
    """Work out the minimal detectable change of 95 % (also called smallest detectable difference) from the SEM."""
    return float(Z95 * np.sqrt(2.0) * sem)


_IMU_TARDIEU = (
    "Choi 2018, J Neuroeng Rehabil: the angle of an inertial Tardieu test errs by less than 3.2 deg RMS at knee and "
    "ankle (abstract); its largest value is taken as SEM"
)
_TSRT = "Frenkel-Toledo 2021, Clin Neurophysiol 132:1226 (abstract): MDC95 32.4 deg at the elbow, SEM = MDC95 / 2.77"

ERRORS: Mapping[Measure, MeasurementError] = MappingProxyType(
    {
        Measure.R1: MeasurementError(sem=3.2, source=_IMU_TARDIEU),
        Measure.R2: MeasurementError(sem=3.2, source=_IMU_TARDIEU),
        Measure.SPASTICITY_ANGLE: MeasurementError(
            sem=float(3.2 * np.sqrt(2.0)), source=f"difference of two angles; {_IMU_TARDIEU}"
        ),
        Measure.TSRT: MeasurementError(sem=float(32.4 / (Z95 * np.sqrt(2.0))), source=_TSRT),
        Measure.PEAK_RESISTANCE: MeasurementError(),
        Measure.PEAK_EXCESS: MeasurementError(),
        Measure.RELAXATION_INDEX: MeasurementError(),
    }
)
"""What is published of each measure; no MCID of any of them was found. A site's own repeated exams are better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of one measure, with two separate judgements.

    Attributes
    ----------
    change
        After minus before.
    mdc95
        The smallest change beyond measurement error that was judged by; ``None`` where none is known.
    beyond_error
        Whether the change exceeds it; ``None`` where no error between sessions is known (a change within the scatter of
        its own repetitions is not beyond error whatever is known).
    mcid
        The smallest change that matters; ``None`` where none was published.
    important
        Whether the change reaches it; ``None`` where that is not known.
    source, mcid_source
        Where the two bounds come from.
    """

    change: float
    mdc95: float | None
    beyond_error: bool | None
    mcid: float | None
    important: bool | None
    source: str
    mcid_source: str


def judge_change(
    before: float,
    after: float,
    error: MeasurementError,
    *,
    before_sd: float = 0.0,
    after_sd: float = 0.0,
) -> Change:
    """Judge the change of one measure between two sessions.

    Parameters
    ----------
    before, after
        Values of two sessions.
    error
        How far the measure errs between sessions, and what matters.
    before_sd, after_sd
        Standard errors that the repetitions within each session show; the change must exceed these as well.

    Raises
    ------
    DataError
        If a value is missing.

    References
    ----------
    .. [1] Weir JP. Quantifying test-retest reliability using the intraclass correlation coefficient and the SEM. J
       Strength Cond Res 2005;19:231-240. doi:10.1519/15184.1 (from memory of the literature)
    """
    if not (np.isfinite(before) and np.isfinite(after)):
        raise DataError(f"expected two values to compare; got {before} and {after}")
    change = after - before
    own = float(Z95 * np.hypot(before_sd, after_sd))
    published = error.mdc95
    bound = own if published is None else max(published, own)
    within = abs(change) <= bound
    source = error.source if published is not None and published >= own else "scatter of the exams' own repetitions"
    return Change(
        change=change,
        mdc95=None if bound == 0.0 else bound,
        beyond_error=False if within and bound > 0.0 else (None if published is None else True),
        mcid=error.mcid,
        important=None if error.mcid is None else abs(change) >= error.mcid,
        source=source if bound > 0.0 else "",
        mcid_source=error.mcid_source,
    )


def judge_course(values: Sequence[float], error: MeasurementError) -> tuple[Change, ...]:
    """Judge every later session of one patient against the first.

    With several comparisons the bound is widened (Bonferroni), so that an unchanged patient is called changed in no
    more than 5 % of the courses.

    Raises
    ------
    DataError
        If there are fewer than two sessions, or a value is missing.
    """
    if len(values) < _FEWEST_SESSIONS:
        raise DataError(f"expected at least {_FEWEST_SESSIONS} sessions; got {len(values)}")
    from_first = len(values) - 1
    wider = float(special.ndtri(1.0 - 0.025 / from_first)) / Z95
    widened = MeasurementError(
        sem=None if error.sem is None else error.sem * wider,
        mcid=error.mcid,
        source=error.source,
        mcid_source=error.mcid_source,
    )
    return tuple(judge_change(values[0], value, widened) for value in values[1:])


_FEWEST_SESSIONS = 2
"""One session is no course."""


def measurement_error(first: ArrayLike, second: ArrayLike) -> MeasurementError:
    """Work out a site's own error of a measure from patients who were examined twice without having changed.

    Parameters
    ----------
    first, second
        Values of the same patients in two sessions, shape (n,); pairs with a missing value are left out.

    Raises
    ------
    AnalysisError
        If there are fewer than ten patients: their error would not be known.
    """
    apart = np.asarray(second, dtype=np.float64) - np.asarray(first, dtype=np.float64)
    apart = apart[np.isfinite(apart)]
    if apart.size < _FEWEST_PATIENTS:
        raise AnalysisError(
            f"{apart.size} patients were examined twice: at least {_FEWEST_PATIENTS} are needed to tell the error"
        )
    sem = float(np.sqrt(np.mean(apart**2) / 2.0))
    if sem == 0.0:
        raise AnalysisError("all repeated values are the same: they are not measured twice, but copied")
    return MeasurementError(sem=sem, source=f"{apart.size} patients of this site, examined twice")


_FEWEST_PATIENTS = 10
"""With fewer, the error of the error exceeds a quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeChangeParams:
    """When a modified Ashworth grade changed.

    Attributes
    ----------
    certainty
        Probability of a lower (or of a higher) grade from which a change is beyond measurement error. Chosen by us, as
        for the other measures.
    mcid_upper, mcid_lower
        Minimal clinically important difference of the mean grade (1+ as 1.5) in the upper and the lower limb, of 0.5
        standard deviations (Chen 2019, doi:10.23736/S1973-9087.19.05545-X, 115 patients after stroke, abstract).
    coding
        Numbers of the grades 0, 1, 1+, 2, 3, 4 in that study; the usual coding, from memory of the literature.
    """

    certainty: float = 0.975
    mcid_upper: float = 0.48
    mcid_lower: float = 0.45
    coding: tuple[float, ...] = (0.0, 1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeChange:
    """A change of the grade, with two separate judgements.

    Attributes
    ----------
    lower, higher
        Probabilities that the grade is lower, or higher, than before.
    beyond_error
        Whether one of them is certain enough.
    expected
        Change of the expected grade, 1+ counted as 1.5.
    mcid, important
        The smallest change that matters, and whether the expected change reaches it.
    """

    lower: float
    higher: float
    beyond_error: bool
    expected: float
    mcid: float
    important: bool


def judge_grade(
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    joint: Joint,
    params: GradeChangeParams = GradeChangeParams(),
) -> GradeChange:
    """Judge the change of a grade that is known as a distribution; the two sessions' errors are taken as independent.

    Raises
    ------
    DataError
        If a grade has no probability.
    """
    for name, said in (("before", before), ("after", after)):
        if set(said) != set(GRADES):
            raise DataError(f"expected a probability of each of {', '.join(GRADES)} {name}; got {', '.join(said)}")
    first = np.array([before[grade] for grade in GRADES])
    last = np.array([after[grade] for grade in GRADES])
    together = np.outer(last, first)
    lower, higher = float(np.triu(together, k=1).sum()), float(np.tril(together, k=-1).sum())
    expected = float((last - first) @ np.array(params.coding))
    mcid = params.mcid_upper if joint in {Joint.ELBOW, Joint.WRIST} else params.mcid_lower
    return GradeChange(
        lower=lower,
        higher=higher,
        beyond_error=max(lower, higher) >= params.certainty,
        expected=expected,
        mcid=mcid,
        important=abs(expected) >= mcid,
    )
