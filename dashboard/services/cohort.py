"""All patients, before against after."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from scipy import stats

from analysis.finding import GRADES
from analysis.model import FloatArray, Side, TestKind
from analysis.muscles import MuscleGroup
from dashboard.services.reading import Reading, read
from records.rows import Phase
from records.store import Store

__all__ = ["MEASURES", "CohortChoice", "CohortResult", "Measure", "SignedRankParams", "compare_cohort", "signed_rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that is compared over patients; where its values are ranks of a scale, `ticks` are the labels."""

    name: str
    unit: str
    digits: int
    value: Callable[[Reading], float | None]
    ticks: tuple[str, ...] | None = None


MEASURES = (
    Measure(name="Spasticity angle, R2 − R1", unit="°", digits=1, value=lambda one: one.spasticity_angle_deg),
    Measure(
        name="Modified Ashworth grade",
        unit="grade",
        digits=1,
        value=lambda one: None if one.grade_rank is None else float(one.grade_rank),
        ticks=GRADES,
    ),
    Measure(name="Peak excess resistance, fast stretch", unit="N·m", digits=2, value=lambda one: one.peak_excess_Nm),
    Measure(name="Angle of catch, along the stretch", unit="°", digits=1, value=lambda one: one.catch_stretch_deg),
)
"""What the cohort is compared on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortChoice:
    """Which exams are compared; simulated and real patients are never mixed."""

    before: Phase
    after: Phase
    simulated: bool
    muscle_group: MuscleGroup | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRankParams:
    """Parameters of the signed-rank test.

    Attributes
    ----------
    exact_up_to
        Number of differing pairs up to which all sign patterns are counted (2**n; chosen by us for under a second).
    resamples
        Random sign patterns beyond that.
    seed
        Of these patterns, so that the same data give the same p.
    """

    exact_up_to: int = 13
    resamples: int = 20_000
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortResult:
    """One measure over all patients who have it before and after.

    Attributes
    ----------
    pairs
        Code of the patient, value before, value after.
    without
        Patients examined in both phases who do not show the measure in both, and are not among the pairs.
    before_quartiles, after_quartiles, change_quartiles
        Lower quartile, median, upper quartile; ``None`` without pairs.
    p
        Two-sided p of the signed-rank test, ``None`` where no pair differs.
    exact
        True where all sign patterns were counted.
    """

    measure: Measure
    pairs: tuple[tuple[str, float, float], ...]
    without: int
    before_quartiles: tuple[float, float, float] | None
    after_quartiles: tuple[float, float, float] | None
    change_quartiles: tuple[float, float, float] | None
    p: float | None
    exact: bool

    @property
    def n(self) -> int:
        """Number of patients."""
        return len(self.pairs)


Limb = tuple[MuscleGroup, Side, TestKind]
Readings = dict[Limb, list[Reading]]


def compare_cohort(
    store: Store, choice: CohortChoice, params: SignedRankParams = SignedRankParams()
) -> tuple[CohortResult, ...]:
    """Compare every measure over the patients of the store; each patient counts once.

    A limb counts where it was examined in both phases. Repeated exams of a limb in one phase, and then the limbs of a
    patient, enter by their median.
    """
    examined = {}
    for patient in store.patients():
        if patient.simulated != choice.simulated:
            continue
        before = _readings(store, patient.code, choice.before, choice.muscle_group)
        after = _readings(store, patient.code, choice.after, choice.muscle_group)
        if before.keys() & after.keys():
            examined[patient.code] = (before, after)
    return tuple(_compare(measure, examined, params) for measure in MEASURES)


def _readings(store: Store, code: str, phase: Phase, muscle_group: MuscleGroup | None) -> Readings:
    found: Readings = {}
    for session in store.sessions(code):
        if session.phase is not phase:
            continue
        for recording in store.recordings(session.id):
            latest = store.latest_assessment(recording.id)
            if latest is not None and muscle_group in (None, recording.muscle_group):
                limb = (recording.muscle_group, recording.side, recording.test)
                found.setdefault(limb, []).append(read(latest.finding))
    return found


def _compare(
    measure: Measure, examined: Mapping[str, tuple[Readings, Readings]], params: SignedRankParams
) -> CohortResult:
    pairs = []
    for code, (before, after) in sorted(examined.items()):
        pair = _pair(measure, before, after)
        if pair is not None:
            pairs.append((code, *pair))
    first = np.array([pair[1] for pair in pairs])
    last = np.array([pair[2] for pair in pairs])
    p, exact = signed_rank(first, last, params)
    return CohortResult(
        measure=measure,
        pairs=tuple(pairs),
        without=len(examined) - len(pairs),
        before_quartiles=_quartiles(first),
        after_quartiles=_quartiles(last),
        change_quartiles=_quartiles(last - first),
        p=p,
        exact=exact,
    )


def _pair(measure: Measure, before: Readings, after: Readings) -> tuple[float, float] | None:
    """Return a patient's value before and after over the limbs that show the measure both times."""
    both = [(_middle(measure, before[limb]), _middle(measure, after[limb])) for limb in before.keys() & after.keys()]
    shown = [(first, last) for first, last in both if first is not None and last is not None]
    if not shown:
        return None
    return median(first for first, _ in shown), median(last for _, last in shown)


def _middle(measure: Measure, readings: Sequence[Reading]) -> float | None:
    values = [value for value in map(measure.value, readings) if value is not None]
    return median(values) if values else None


def _quartiles(values: FloatArray) -> tuple[float, float, float] | None:
    if values.size == 0:
        return None
    low, middle, high = np.percentile(values, [25, 50, 75])
    return float(low), float(middle), float(high)


def signed_rank(
    before: FloatArray, after: FloatArray, params: SignedRankParams = SignedRankParams()
) -> tuple[float | None, bool]:
    """Test paired differences by Wilcoxon's signed ranks, permuting signs so that ties are treated right.

    Returns
    -------
    tuple
        Two-sided p (``None`` where no pair differs) and whether all sign patterns were counted.

    Notes
    -----
    Pairs that do not differ are left out (Wilcoxon's own rule). SciPy's ``method="exact"`` assumes no ties and is wrong
    with them, so the permutation method is used throughout.

    References
    ----------
    .. [1] Wilcoxon F. Biometrics Bulletin 1945;1(6):80-83. doi:10.2307/3001968
    """
    differences = after - before
    differing = differences[differences != 0]
    if differing.size == 0:
        return None, True
    if differing.size == 1:
        return 1.0, True  # both signs of one pair are as extreme as it is
    exact = differing.size <= params.exact_up_to
    resamples = 2**differing.size if exact else params.resamples
    method = stats.PermutationMethod(n_resamples=resamples, rng=np.random.default_rng(params.seed))
    return float(stats.wilcoxon(differing, zero_method="wilcox", method=method).pvalue), exact
