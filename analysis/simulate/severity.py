"""Virtual patients drawn around the severity table, before and after intrathecal baclofen."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

import numpy as np

from analysis.errors import AnalysisError
from analysis.finding import GRADES
from analysis.limb import healthy_scale, limb_of
from analysis.model import Sex, Side, Subject
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate.patient import Clonus, Posture, ReflexLaw, VirtualPatient

__all__ = ["STANDARD_SEVERITY", "SeverityParams", "SeverityRow", "after_baclofen", "draw_patient", "grades_in_turn"]

_TABLE_START_DEG = 40.0
"""Elbow angle of the severity table that is the shortened end of the healthy range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityRow:
    """One row of the severity table: an elbow of m = 1, angles from the shortened end of its range of 130 deg."""

    lambda0_deg: float
    mu_s: float
    k_r: float
    k_v: float
    b_r: float
    k_p: float
    b_p: float
    rom_deg: float
    clasp_per_Nm: float
    clasp_depth: float


def _row(elbow_lambda0_deg: float, elbow_rom_deg: float, **rest: float) -> SeverityRow:
    return SeverityRow(
        lambda0_deg=elbow_lambda0_deg - _TABLE_START_DEG, rom_deg=elbow_rom_deg - _TABLE_START_DEG, **rest
    )


_TABLE = (
    _row(175, 165, mu_s=0.05, k_r=0, k_v=0, b_r=0, k_p=0.4, b_p=0.08, clasp_per_Nm=0, clasp_depth=0),
    _row(150, 163, mu_s=0.10, k_r=3, k_v=0.6, b_r=0.1, k_p=0.5, b_p=0.12, clasp_per_Nm=1 / 2, clasp_depth=0.7),
    _row(130, 160, mu_s=0.14, k_r=4, k_v=0.8, b_r=0.15, k_p=0.6, b_p=0.16, clasp_per_Nm=1 / 3, clasp_depth=0.6),
    _row(108, 157, mu_s=0.16, k_r=3.5, k_v=0.7, b_r=0.2, k_p=0.9, b_p=0.22, clasp_per_Nm=1 / 5, clasp_depth=0.5),
    _row(85, 145, mu_s=0.18, k_r=4.5, k_v=0.8, b_r=0.3, k_p=1.8, b_p=0.4, clasp_per_Nm=1 / 8, clasp_depth=0.4),
    _row(55, 64, mu_s=0.25, k_r=8, k_v=0.8, b_r=0.3, k_p=12, b_p=1.0, clasp_per_Nm=0, clasp_depth=0),
)
"""Section 3 of the project's dossier: tuned by us, anchored to McCrea 2003 and Levin & Feldman 2003.

In the last row, the dossier's reflex gains (25, 1.5, 0.6) make the delayed loop oscillate by itself, and its passive
range (70) leaves the slow range of many limbs above the operational scale's 0.15; both are lowered here.
"""

_SPANS = MappingProxyType(
    {
        "0": (0.0, 0.35),
        "1": (0.45, 0.95),
        "1+": (0.9, 1.5),
        "2": (1.7, 2.5),
        "3": (2.7, 4.2),
        "4": (5.0, 5.0),
    }
)
"""Places in the table (0 = first row, 5 = last) between which a grade's patients are drawn.

By the operational scale, the table's own rows 1 to 2 are resisted over more of the range than their labels say, so that
a grade is drawn below its row; chosen by us.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeverityParams:
    """Spread around the severity table, and what it does not say; ranges of section 3 of the dossier.

    Attributes
    ----------
    spread
        Standard deviation of the logarithm of each gain and stiffness.
    threshold_spread_deg, rom_spread_deg
        Standard deviation of threshold and passive range for a healthy range of 130 deg; chosen by us.
    contracture_share, contracture_deg
        Share of the patients of grades 1 to 3 with a contracture beyond the table's, and by how much; chosen by us.
    clonus_share
        Share of the patients of grades 1+ to 3 with clonus; chosen by us.
    laws
        The reflex laws that are drawn, with equal chance.
    """

    spread: float = 0.2
    threshold_spread_deg: float = 4.0
    rom_spread_deg: float = 2.0
    contracture_share: float = 0.2
    contracture_deg: tuple[float, float] = (5.0, 20.0)
    clonus_share: float = 0.08
    laws: tuple[ReflexLaw, ...] = tuple(ReflexLaw)


STANDARD_SEVERITY = SeverityParams()
"""The spread that patients are drawn with unless another is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lie:
    """How a limb may lie: rotation at the start of the range, extra rotation, and tilts of the plane of movement."""

    tilt_start_deg: float
    turned_deg: tuple[float, float]
    plane_tilt_deg: tuple[float, float]


_LIES = MappingProxyType(
    {
        # upper arm hanging (0) to lying on the couch (90), abducted by the plane's tilt
        MuscleGroup.ELBOW_FLEXORS: (_Lie(tilt_start_deg=-140, turned_deg=(-90, 0), plane_tilt_deg=(0, 50)),),
        MuscleGroup.ELBOW_EXTENSORS: (_Lie(tilt_start_deg=10, turned_deg=(0, 90), plane_tilt_deg=(0, 50)),),
        # forearm on the table, palm down, or thumb up (the hand moves in a horizontal plane)
        MuscleGroup.WRIST_FLEXORS: (
            _Lie(tilt_start_deg=30, turned_deg=(-10, 10), plane_tilt_deg=(0, 15)),
            _Lie(tilt_start_deg=30, turned_deg=(-10, 10), plane_tilt_deg=(75, 90)),
        ),
        # supine with the hip flexed, or seated
        MuscleGroup.KNEE_FLEXORS: (
            _Lie(tilt_start_deg=70, turned_deg=(-25, 5), plane_tilt_deg=(0, 12)),
            _Lie(tilt_start_deg=-20, turned_deg=(-5, 10), plane_tilt_deg=(0, 8)),
        ),
        # prone, seated at the couch's edge, or lying on the side
        MuscleGroup.KNEE_EXTENSORS: (
            _Lie(tilt_start_deg=100, turned_deg=(-5, 5), plane_tilt_deg=(0, 12)),
            _Lie(tilt_start_deg=-80, turned_deg=(-5, 5), plane_tilt_deg=(0, 8)),
            _Lie(tilt_start_deg=100, turned_deg=(-30, 30), plane_tilt_deg=(78, 90)),
        ),
        # supine with the leg horizontal, or seated with the foot off the ground
        MuscleGroup.PLANTARFLEXORS: (
            _Lie(tilt_start_deg=155, turned_deg=(-15, 15), plane_tilt_deg=(0, 15)),
            _Lie(tilt_start_deg=65, turned_deg=(-15, 15), plane_tilt_deg=(0, 10)),
        ),
        # supine: the leg moves in a horizontal plane
        MuscleGroup.HIP_ADDUCTORS: (_Lie(tilt_start_deg=-20, turned_deg=(-5, 5), plane_tilt_deg=(80, 90)),),
    }
)
"""Usual test positions; chosen by us."""

_CLONUS_HZ = (5.0, 8.0)
"""Ankle clonus, section 1.7 of the dossier (from memory of the literature)."""

_DELAY_S = MappingProxyType({MuscleGroup.PLANTARFLEXORS: (0.040, 0.050)})
_DELAY_ELSEWHERE_S = (0.030, 0.045)


def draw_patient(
    grade: str, muscle_group: MuscleGroup, *, seed: int, params: SeverityParams = STANDARD_SEVERITY
) -> VirtualPatient:
    """Draw a patient around one row of the severity table.

    The row is a starting point, not the truth: the true grade follows from the resistance in the simulated exam.

    Raises
    ------
    AnalysisError
        If there is no such grade.
    """
    if grade not in _SPANS:
        raise AnalysisError(f"no severity row '{grade}': choose one of {', '.join(GRADES)}")
    rng = np.random.default_rng([seed, GRADES.index(grade), list(MuscleGroup).index(muscle_group)])
    person = _Person(
        subject=_draw_subject(rng, f"SIM{seed:06d}"),
        muscle_group=muscle_group,
        side=Side.LEFT if rng.random() < 0.5 else Side.RIGHT,
        law=params.laws[int(rng.integers(len(params.laws)))],
        posture=_draw_posture(muscle_group, rng),
    )
    row = _spread(_between(float(rng.uniform(*_SPANS[grade]))), grade, rng, params)
    return _fit(row, grade, person, rng, params)


def after_baclofen(patient: VirtualPatient, *, seed: int) -> VirtualPatient:
    """Return the patient under intrathecal baclofen.

    The threshold rises by 10 to 30 deg (of a healthy range of 130 deg, in proportion elsewhere), one factor of 0.3 to
    0.7 scales all reflex gains and the clonus; passive tissue, and with it a contracture, stays as it was (section 3 of
    the dossier).
    """
    rng = np.random.default_rng([seed, 97])
    raised_deg = float(rng.uniform(10.0, 30.0)) * patient.muscle.healthy_range_deg / 130.0
    kept = float(rng.uniform(0.3, 0.7))
    clonus = patient.clonus
    return replace(
        patient,
        lambda0_deg=patient.lambda0_deg + raised_deg,
        k_r_Nm_per_rad=patient.k_r_Nm_per_rad * kept,
        k_v_Nms_per_rad2=patient.k_v_Nms_per_rad2 * kept,
        b_r_Nms_per_rad=patient.b_r_Nms_per_rad * kept,
        clonus=None if clonus is None else replace(clonus, amplitude_Nm=clonus.amplitude_Nm * kept),
    )


def _draw_subject(rng: np.random.Generator, code: str) -> Subject:
    """Draw an adult; means of de Leva's samples, spreads chosen by us."""
    sex = Sex.FEMALE if rng.random() < 0.5 else Sex.MALE
    mean_m = 1.66 if sex is Sex.FEMALE else 1.77
    height_m = float(np.clip(rng.normal(mean_m, 0.07), 1.45, 2.0))
    bmi = float(np.clip(rng.normal(23.5, 3.0), 17.0, 34.0))
    return Subject(code=code, sex=sex, body_mass_kg=round(bmi * height_m**2, 1), height_m=round(height_m, 2))


def _draw_posture(group: MuscleGroup, rng: np.random.Generator) -> Posture:
    lie = _LIES[group][int(rng.integers(len(_LIES[group])))]
    return Posture(
        tilt_start_deg=lie.tilt_start_deg + float(rng.uniform(*lie.turned_deg)),
        plane_tilt_deg=float(rng.uniform(*lie.plane_tilt_deg)),
    )


def _between(place: float) -> SeverityRow:
    """Interpolate the table at a place between its rows."""
    places = np.arange(len(_TABLE))
    values = {
        field.name: float(np.interp(place, places, [getattr(row, field.name) for row in _TABLE]))
        for field in fields(SeverityRow)
    }
    return SeverityRow(**values)


def _spread(row: SeverityRow, grade: str, rng: np.random.Generator, params: SeverityParams) -> SeverityRow:
    """Vary a row between patients."""
    factor = np.exp(rng.normal(0.0, params.spread, 6))
    contracture_deg = 0.0
    if grade in {"1", "1+", "2", "3"} and rng.random() < params.contracture_share:
        contracture_deg = float(rng.uniform(*params.contracture_deg))
    return replace(
        row,
        lambda0_deg=row.lambda0_deg + float(rng.normal(0.0, params.threshold_spread_deg)),
        rom_deg=row.rom_deg + float(rng.normal(0.0, params.rom_spread_deg)) - contracture_deg,
        mu_s=row.mu_s * factor[0],
        k_r=row.k_r * factor[1],
        k_v=row.k_v * factor[2],
        b_r=row.b_r * factor[3],
        k_p=row.k_p * factor[4],
        b_p=row.b_p * factor[5],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """What is drawn of a patient besides severity; fields of `VirtualPatient`."""

    subject: Subject
    muscle_group: MuscleGroup
    side: Side
    law: ReflexLaw
    posture: Posture


def _fit(
    row: SeverityRow, grade: str, person: _Person, rng: np.random.Generator, params: SeverityParams
) -> VirtualPatient:
    """Carry an elbow's row over to another joint.

    Angles keep their fraction of the healthy range; torques scale with the noticeable torque, so that the same fraction
    of range meets the same excess; gains per angle grow as the range shrinks, the velocity sensitivity shrinks with it.
    """
    group = person.muscle_group
    torque = healthy_scale(limb_of(group, person.subject))
    narrow = MUSCLES[group].healthy_range_deg / MUSCLES[MuscleGroup.ELBOW_FLEXORS].healthy_range_deg
    clonus = _draw_clonus(row, grade, torque, rng, params)
    return VirtualPatient(
        subject=person.subject,
        muscle_group=group,
        side=person.side,
        drawn_from=grade,
        law=person.law,
        lambda0_deg=row.lambda0_deg * narrow,
        mu_s=row.mu_s * narrow,
        k_r_Nm_per_rad=row.k_r * torque / narrow,
        k_v_Nms_per_rad2=row.k_v * torque / narrow,
        b_r_Nms_per_rad=row.b_r * torque,
        tonic_fraction=0.3,
        delay_s=float(rng.uniform(*_DELAY_S.get(group, _DELAY_ELSEWHERE_S))),
        rise_s=0.03,
        fall_s=float(rng.uniform(0.06, 0.08)),
        clasp_Nm=torque / row.clasp_per_Nm if row.clasp_per_Nm > 0 else float("inf"),
        clasp_depth=row.clasp_depth,
        clonus=clonus,
        k_p_Nm_per_rad=row.k_p * torque / narrow,
        b_p_Nms_per_rad=row.b_p * torque,
        rom_deg=row.rom_deg * narrow,
        posture=person.posture,
    )


def _draw_clonus(
    row: SeverityRow, grade: str, torque: float, rng: np.random.Generator, params: SeverityParams
) -> Clonus | None:
    """Draw a clonus for some patients of the middle grades; its size is chosen by us."""
    if grade not in {"1+", "2", "3"} or rng.random() >= params.clonus_share:
        return None
    return Clonus(
        frequency_hz=float(rng.uniform(*_CLONUS_HZ)),
        amplitude_Nm=row.k_r * torque * float(rng.uniform(0.5, 1.0)),
        decay_s=float(rng.uniform(0.5, 3.0)),
    )


def grades_in_turn(count: int, rng: np.random.Generator) -> Sequence[str]:
    """Rows to draw from: each grade equally often, in random order."""
    rows = [GRADES[i % len(GRADES)] for i in range(count)]
    rng.shuffle(rows)
    return rows
