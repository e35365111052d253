"""Virtual patients examined before and after a baclofen pump, written as recordings with their truth."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analysis.muscles import MuscleGroup
from analysis.simulate import VirtualPatient, after_baclofen, draw_cohort, simulate_exams
from records.rows import Phase
from records.virtual import write_exam

__all__ = ["FOLLOW_UPS", "VirtualVisit", "plan_visits", "visits_of", "write_visits"]

FIRST_VISIT = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)
"""Date that the simulated baselines carry; the same every time, so that the same seed writes the same files."""

FOLLOW_UPS = {Phase.BASELINE: timedelta(0), Phase.TITRATION: timedelta(days=90), Phase.YEAR_1: timedelta(days=365)}
"""When the visits lie after the baseline."""

AT_ONCE = 16
"""Exams that are simulated side by side: more save little time and need more memory."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VirtualVisit:
    """One exam of one virtual patient that has not been written yet."""

    code: str
    phase: Phase
    patient: VirtualPatient

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.code}_{self.phase.value}"

    @property
    def started_at(self) -> datetime:
        """Its simulated date."""
        return FIRST_VISIT + FOLLOW_UPS[self.phase]


def plan_visits(
    n: int, *, seed: int, phases: tuple[Phase, ...], muscle_group: MuscleGroup | None = None
) -> tuple[VirtualVisit, ...]:
    """Draw virtual patients and plan their visits; everything after the baseline is under baclofen.

    Parameters
    ----------
    n
        Number of patients.
    seed
        Of all that is drawn: the same seed plans the same visits.
    phases
        Visits of each patient.
    muscle_group
        Muscle group of all; ``None`` draws it as well.
    """
    groups = None if muscle_group is None else (muscle_group,)
    drawn = draw_cohort(n, seed=seed, muscle_groups=groups)
    return tuple(
        visit
        for place, patient in enumerate(drawn)
        for visit in visits_of(patient, code=f"V{place + 1:03d}", phases=phases, seed=seed + place)
    )


def visits_of(patient: VirtualPatient, *, code: str, phases: tuple[Phase, ...], seed: int) -> tuple[VirtualVisit, ...]:
    """Plan the visits of one virtual patient; everything after the baseline is under baclofen."""
    treated = after_baclofen(patient, seed=seed)
    return tuple(
        VirtualVisit(code=code, phase=phase, patient=patient if phase is Phase.BASELINE else treated)
        for phase in phases
    )


def write_visits(visits: Sequence[VirtualVisit], parent: Path, *, seed: int, at_once: int = AT_ONCE) -> Iterator[Path]:
    """Simulate the exams and write them as recording folders with their truth; yields each folder when it is there.

    Parameters
    ----------
    visits
        What to simulate; the exam of the i-th visit is drawn from ``seed + i``.
    parent
        Folder of the folders.
    seed
        Of the exams.
    at_once
        Exams that are simulated side by side, which is much faster than one by one.

    Raises
    ------
    RecordError
        If a folder is there already, or the disk refuses.
    """
    for first in range(0, len(visits), at_once):
        some = visits[first : first + at_once]
        exams = simulate_exams([visit.patient for visit in some], seed=seed + first)
        for visit, exam in zip(some, exams, strict=True):
            folder = parent / visit.name
            write_exam(exam, folder, started_at=visit.started_at, code=visit.code)
            yield folder
