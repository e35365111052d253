"""The objective grade and the raters: how well they agree, with each other and among themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from analysis.agreement import (
    Agreement,
    Weights,
    bland_altman,
    gwet_ac2,
    intraclass_correlation,
    krippendorff_alpha,
    weighted_kappa,
)
from analysis.errors import AnalysisError, CatchangleError
from analysis.finding import GRADES
from analysis.model import FloatArray
from dashboard.errors import UsageError
from dashboard.services.pipeline import OnProgress, analyse_path, silent
from records.ratings import Rating

__all__ = ["OBJECTIVE", "Objective", "judge_recordings", "validate_ratings"]

OBJECTIVE = "catchangle"
"""Name of the objective grade among the raters."""

ANGLES = ("r1_deg", "r2_deg")
DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What the program found in one recording; ``None`` where it found nothing, with the reason."""

    grade: str | None
    r1_deg: float | None = None
    r2_deg: float | None = None
    reason: str | None = None


def judge_recordings(ratings: Sequence[Rating], on_progress: OnProgress = silent) -> dict[Path, Objective]:
    """Find the objective grade of every rated recording: the table's own, else by analysing the recording.

    A recording that cannot be analysed is left out with its reason.
    """
    firsts: dict[Path, Rating] = {}
    for rating in ratings:
        if rating.path not in firsts or (firsts[rating.path].objective is None and rating.objective is not None):
            firsts[rating.path] = rating
    found = {}
    for number, (path, rating) in enumerate(firsts.items(), start=1):
        found[path] = _judge(rating)
        on_progress(number / len(firsts))
    return found


def _judge(rating: Rating) -> Objective:
    if rating.objective is not None:
        return Objective(grade=rating.objective)
    try:
        finding = analyse_path(rating.path, rating.muscle_group, rating.side).finding(rating.path)
    except CatchangleError as error:
        return Objective(grade=None, reason=f"{rating.recording} was left out: {error}")
    mas, tardieu = finding["mas"], finding["tardieu"]
    return Objective(
        grade=None if mas is None else mas["grade"],
        r1_deg=tardieu["r1_deg"],
        r2_deg=tardieu["r2_deg"],
        reason=None if mas is not None else f"{rating.recording} was not graded",
    )


def validate_ratings(ratings: Sequence[Rating], objective: Mapping[Path, Objective]) -> dict[str, Any]:
    """Tell the agreement of the objective grade with each rater, and of the raters with each other.

    Returns
    -------
    dict
        Plain JSON values, as docs/formats.md describes them.

    Raises
    ------
    UsageError
        If no two graded enough of the same recordings.
    """
    recordings = list(objective)
    place = {path: i for i, path in enumerate(recordings)}
    raters = sorted({rating.rater for rating in ratings})
    if OBJECTIVE in raters:
        raise UsageError(f"a rater is called '{OBJECTIVE}', as the objective grade is; give the rater another code")
    ranks = {rater: np.full(len(recordings), np.nan) for rater in raters}
    angles = {name: {rater: np.full(len(recordings), np.nan) for rater in raters} for name in ANGLES}
    for rating in ratings:
        ranks[rating.rater][place[rating.path]] = _rank(rating.grade)
        for name in ANGLES:
            angles[name][rating.rater][place[rating.path]] = _or_nan(getattr(rating, name))
    ours = np.array([_rank(objective[path].grade) for path in recordings])
    warnings = [one.reason for one in objective.values() if one.reason is not None]
    with_raters = [_pair(OBJECTIVE, rater, ours, ranks[rater], warnings) for rater in raters]
    among = [_pair(a, b, ranks[a], ranks[b], warnings) for a, b in combinations(raters, 2)]
    by_angle = [
        _angle_pair(name, rater, np.array([_or_nan(getattr(objective[path], name)) for path in recordings]), seen)
        for name, of_rater in angles.items()
        for rater, seen in of_rater.items()
    ]
    if not any([*with_raters, *among]):
        raise UsageError("no two raters, nor a rater and the objective grade, share enough graded recordings")
    return {
        "recordings": len(recordings),
        "graded": int(np.isfinite(ours).sum()),
        "raters": raters,
        "objective_with_raters": [one for one in with_raters if one],
        "raters_with_each_other": [one for one in among if one],
        "all_raters": _together(list(ranks.values()), warnings) if len(raters) > 1 else None,
        "angles": [one for one in by_angle if one],
        "warnings": warnings,
    }


def _rank(grade: str | None) -> float:
    return float("nan") if grade is None else float(GRADES.index(grade))


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _pair(first: str, second: str, a: FloatArray, b: FloatArray, warnings: list[str]) -> dict[str, Any] | None:
    """Compare the grades of two; ``None``, and a warning, where they share too few recordings."""
    both = np.isfinite(a) & np.isfinite(b)
    try:
        kappas = {
            f"kappa_{weights}": _told(weighted_kappa(a[both], b[both], categories=len(GRADES), weights=weights))
            for weights in (Weights.QUADRATIC, Weights.LINEAR)
        }
    except AnalysisError as error:
        warnings.append(f"{first} and {second}: {error}")
        return None
    apart = np.abs(a[both] - b[both])
    counts = np.zeros((len(GRADES), len(GRADES)), dtype=int)
    np.add.at(counts, (a[both].astype(int), b[both].astype(int)), 1)
    return {
        "raters": [first, second],
        "n": int(both.sum()),
        **kappas,
        "gwet_ac2": _told(gwet_ac2([a[both], b[both]], categories=len(GRADES))),
        "exact": round(float((apart == 0).mean()), DIGITS),
        "within_one_grade": round(float((apart <= 1).mean()), DIGITS),
        "mean_difference_ranks": round(float((b[both] - a[both]).mean()), DIGITS),
        "counts": counts.tolist(),
    }


def _together(ranks: Sequence[FloatArray], warnings: list[str]) -> dict[str, Any] | None:
    """Tell the agreement of all raters at once."""
    try:
        return {
            "gwet_ac2": _told(gwet_ac2(ranks, categories=len(GRADES))),
            "krippendorff_alpha": _told(krippendorff_alpha(ranks, categories=len(GRADES))),
        }
    except AnalysisError as error:
        warnings.append(f"all raters: {error}")
        return None


def _angle_pair(name: str, rater: str, ours: FloatArray, theirs: FloatArray) -> dict[str, Any] | None:
    """Compare the angles of one rater with ours; ``None`` where this rater measured none or too few."""
    both = np.isfinite(ours) & np.isfinite(theirs)
    try:
        limits = bland_altman(theirs[both], ours[both])
        icc = intraclass_correlation(np.column_stack([theirs[both], ours[both]]))
    except AnalysisError:
        return None
    return {
        "measure": name,
        "rater": rater,
        "n": limits.n,
        "bias_deg": round(limits.bias, DIGITS),
        "bias_interval95_deg": [round(bound, DIGITS) for bound in limits.bias_interval95],
        "limits_of_agreement_deg": [round(limits.low, DIGITS), round(limits.high, DIGITS)],
        "icc_2_1": _told(icc),
    }


def _told(agreement: Agreement) -> dict[str, Any]:
    """Put a coefficient into JSON; what is not finite is ``None``."""

    def number(value: float) -> float | None:
        return round(value, DIGITS) if isfinite(value) else None

    said = asdict(agreement)
    return {
        "value": number(said["value"]),
        "interval95": [number(bound) for bound in said["interval95"]],
        "n": said["n"],
    }
