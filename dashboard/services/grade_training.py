"""Training of the grade on virtual exams, and its calibration by a site's own rated exams."""

import csv
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType

import numpy as np

from analysis.assess import AssessParams, assess
from analysis.evidence import Evidence, Sources
from analysis.exam_evidence import ExamEvidence
from analysis.exam_grade import ExamGradeParams
from analysis.finding import GRADES, Assessment
from analysis.grade_model import GradeModel, standard_model
from analysis.recalibration import RatedExam, recalibrate
from analysis.simulate import ExamTruth, StretchTruth
from analysis.training import GradeExample, GradeScores, StretchExample, train_grade
from dashboard.errors import UsageError
from dashboard.services.virtual_cohort import SeenExam, draw_seen_exams
from records.assemble import assemble
from records.folder import read_folder

__all__ = ["examples_of", "read_ratings", "recalibrate_on_ratings", "train_on_virtual_exams"]

_UNTRAINED = AssessParams(grade=ExamGradeParams(model=GradeModel(version="", seed=0, exams=0, grades={}, catches={})))
"""Evidence is gathered before there is a model."""

_MODEL_VERSION = "1"


def train_on_virtual_exams(
    exams: int, *, seed: int, workers: int, on_progress: Callable[[float], None]
) -> tuple[GradeModel, Mapping[Sources, GradeScores]]:
    """Draw virtual exams, read their evidence from each set of sources, and fit the grade to it.

    Parameters
    ----------
    exams
        How many.
    seed
        Source of all chance: the same seed and number give the same model, whatever the workers.
    workers
        Processes that read evidence while this one draws exams.
    on_progress
        Takes the share done.
    """
    found: dict[Sources, list[GradeExample]] = defaultdict(list)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[list[tuple[Sources, GradeExample]]]] = deque()
        for done, exam in enumerate(draw_seen_exams(exams, seed=seed), start=1):
            waiting.append(pool.submit(examples_of, exam))
            while waiting and (len(waiting) > _WAITING or done == exams):
                for sources, example in waiting.popleft().result():
                    found[sources].append(example)
            on_progress(_DRAWN * done / exams)
    return train_grade(
        {sources: found[sources] for sources in Sources if sources in found},
        version=_MODEL_VERSION,
        seed=seed,
        on_progress=lambda share: on_progress(_DRAWN + (1.0 - _DRAWN) * share),
    )


_WAITING = 32
"""Exams that are drawn ahead of those that read them."""

_DRAWN = 0.8
"""Share of the progress that the exams take."""


def examples_of(exam: SeenExam) -> list[tuple[Sources, GradeExample]]:
    """Read the evidence of an exam from each set of sources: with and without force, by video, with and without EMG."""
    recordings = [exam.video]
    if exam.inertial is not None:
        silent = replace(exam.inertial, force=None)
        recordings = [exam.inertial, silent, replace(exam.video, emg=exam.inertial.emg)]
    found = []
    for recording in recordings:
        assessment = assess(recording, _UNTRAINED)
        if assessment.evidence is not None:
            found.append((assessment.evidence.sources, _example(assessment, assessment.evidence, exam.truth)))
    return [*found, *(_without_emg(*one) for one in found if one[0] in _SILENT)]


_SILENT = MappingProxyType(
    {
        Sources.FORCE_EMG: Sources.FORCE,
        Sources.MOVEMENT_EMG: Sources.MOVEMENT,
        Sources.COARSE_EMG: Sources.COARSE,
    }
)
"""What remains of the sources without EMG."""


def _without_emg(sources: Sources, example: GradeExample) -> tuple[Sources, GradeExample]:
    """Take EMG out of an example."""
    stretches = tuple(replace(one, evidence=_unheard(one.evidence)) for one in example.stretches)
    return _SILENT[sources], replace(example, evidence=_unheard(example.evidence), stretches=stretches)


def _unheard(evidence: Evidence) -> Evidence:
    return {name: value for name, value in evidence.items() if not name.removeprefix("x_").startswith("emg")}


def _example(assessment: Assessment, evidence: ExamEvidence, truth: ExamTruth) -> GradeExample:
    return GradeExample(
        evidence=evidence.exam,
        grade=GRADES.index(truth.grade),
        stretches=tuple(_stretch_examples(assessment, evidence, truth)),
    )


def _stretch_examples(assessment: Assessment, evidence: ExamEvidence, truth: ExamTruth) -> Iterator[StretchExample]:
    """Pair each stretch that was found with the true one that it overlaps most."""
    range_deg = assessment.recording.muscle.healthy_range_deg
    for finding, seen in zip(assessment.stretches, evidence.stretches, strict=True):
        if seen is None:
            continue
        true = max(truth.stretches, key=lambda one: _overlap_s(one, finding.stretch.start_s, finding.stretch.end_s))
        if _overlap_s(true, finding.stretch.start_s, finding.stretch.end_s) <= 0:
            continue
        caught = true.catch_angle_deg
        share = np.nan if caught is None else abs(caught - true.start_deg) / range_deg
        yield StretchExample(evidence=seen, catch_share=float(share))


def _overlap_s(true: StretchTruth, start_s: float, end_s: float) -> float:
    return min(true.end_s, end_s) - max(true.start_s, start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One line of a ratings file."""

    folder: Path
    patient: str
    rater: str
    grade: str


def read_ratings(path: Path, on_progress: Callable[[float], None]) -> list[RatedExam]:
    """Read a site's rated exams: a CSV with the columns recording, patient, rater and grade.

    `recording` is a recording folder, relative to the file; recordings that are not graded are left out.

    Raises
    ------
    CatchangleError
        If the file, a line of it, or a recording is unusable.
    """
    rows = _rows(path)
    seen: dict[Path, tuple[Sources, Evidence] | None] = {}
    rated = []
    for done, row in enumerate(rows):
        if row.folder not in seen:
            evidence = assess(assemble(read_folder(row.folder)).recording).evidence
            seen[row.folder] = None if evidence is None else (evidence.sources, evidence.exam)
        found = seen[row.folder]
        if found is not None:
            rated.append(
                RatedExam(
                    patient=row.patient,
                    rater=row.rater,
                    grade=GRADES.index(row.grade),
                    sources=found[0],
                    evidence=found[1],
                )
            )
        on_progress((done + 1) / len(rows))
    return rated


def recalibrate_on_ratings(
    path: Path, on_progress: Callable[[float], None]
) -> tuple[GradeModel, Mapping[str, GradeScores]]:
    """Fit the delivered weights to a site's ratings; scores as delivered, and of patients and raters left out.

    Raises
    ------
    CatchangleError
        If the ratings are unusable or too few.
    """
    found = recalibrate(standard_model(), read_ratings(path, on_progress))
    scores = {"as delivered": found.before, "patients left out": found.without_patient}
    if found.without_rater is not None:
        scores["raters left out"] = found.without_rater
    return found.model, scores


def _rows(path: Path) -> Sequence[_Row]:
    """Read and check the lines of a ratings file."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as ratings: {error}") from error
    missing = {"recording", "patient", "rater", "grade"} - set(lines[0] if lines else ())
    if missing:
        raise UsageError(
            f"{path}: expected the columns recording, patient, rater and grade; there is no {min(missing)}"
        )
    rows = []
    for number, line in enumerate(lines, start=2):
        grade = (line["grade"] or "").strip()
        if grade not in GRADES:
            raise UsageError(f"{path}, line {number}: no grade '{grade}'; choose one of {', '.join(GRADES)}")
        folder = path.parent / (line["recording"] or "")
        rows.append(_Row(folder=folder, patient=line["patient"] or "", rater=line["rater"] or "", grade=grade))
    return rows
