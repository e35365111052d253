"""The trained grade: its weights, what it says of an exam's evidence, and when it does not."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

import numpy as np

from analysis.errors import DataError
from analysis.evidence import Evidence, Sources
from analysis.finding import GRADES, Grade
from analysis.model import FloatArray
from analysis.ordinal import Basis, Matrix, cumulative_probabilities, design, grown_sets, linear, logistic

__all__ = ["CatchWeights", "GradeModel", "GradeWeights", "SeenCatch", "standard_model", "with_rules"]

_FORMAT = "catchangle-grade-model"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradeWeights:
    """Weights of the grade for one set of sources.

    Attributes
    ----------
    basis
        Numbers of an exam.
    cuts
        Weights of the log-odds of at least each grade after the first, intercept first, shape (5, 1 + columns).
    temperature, shift
        The log-odds are divided by the first and moved by the second; a site's own ratings set them anew.
    mass
        Probability at which a set of grades is complete, so that such sets hold the true one nine times out of ten.
    """

    basis: Basis
    cuts: Matrix
    temperature: float
    shift: float
    mass: float

    def log_odds(self, rows: list[Evidence]) -> Matrix:
        """Work out the log-odds of at least each grade, shape (rows, 5)."""
        columns = design(self.basis, rows)
        raw = columns @ self.cuts[:, 1:].T + self.cuts[:, 0]
        odds: Matrix = (raw + self.shift) / self.temperature
        return odds

    def probabilities(self, rows: list[Evidence]) -> Matrix:
        """Work out the probability of each grade, shape (rows, 6); none is certain."""
        return np.asarray(
            (1.0 - _DOUBT) * cumulative_probabilities(self.log_odds(rows)) + _DOUBT / len(GRADES), dtype=np.float64
        )


_DOUBT = 0.006
"""Probability that the model does not describe an exam, spread evenly; chosen by us."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CatchWeights:
    """Weights of the catch of one stretch for one set of sources.

    Attributes
    ----------
    basis
        Numbers of a stretch and of its exam.
    caught
        Weights of the log-odds of a catch.
    at, spread
        Weights of its place as a share of the healthy range, and of the logarithm of that place's error.
    least
        A less probable catch is not reported: in grade-0 exams of the training, about one stretch in seventy is more
        probable.
    """

    basis: Basis
    caught: FloatArray
    at: FloatArray
    spread: FloatArray
    least: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCatch:
    """What the model says of the catch of a stretch: probability, place and its deviation as shares of the range.

    `sure_exam` tells whether the exam as a whole leaves little doubt that it is more than a slight grade, `shows`
    whether the range of its stretches shows a resistance.
    """

    probability: float
    reported: bool
    share: float
    sd_share: float
    sure_exam: bool = True
    shows: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GradeModel:
    """Weights for every set of sources.

    Attributes
    ----------
    version, seed, exams
        Of the training.
    grades, catches
        Weights by sources.
    calibration
        What a site's ratings changed, in words; empty as delivered.
    """

    version: str
    seed: int
    exams: int
    grades: Mapping[Sources, GradeWeights]
    catches: Mapping[Sources, CatchWeights]
    calibration: str = ""

    def grade(self, evidence: Evidence, sources: Sources, *, rules_share: float = 0.4) -> tuple[Grade | None, str]:
        """Grade an exam, or say why not: an exam unlike all that the model was trained on is not graded.

        Where resistance was measured, the grade by the rules of the scale has a say of `rules_share`: on patients of
        another simulator than the training's, both together err least.
        """
        weights = self.grades.get(sources)
        if weights is None:
            return None, f"the grade was not trained for {sources.value}"
        distance = float(weights.basis.distances([evidence])[0])
        if distance > weights.basis.limit:
            return None, (
                f"this exam is unlike all that the grade was trained on (distance {distance:.1f}, at most "
                f"{weights.basis.limit:.1f}; most of all {', '.join(_strangest(weights.basis, evidence))})"
            )
        probabilities = with_rules(weights.probabilities([evidence]), [evidence], rules_share)
        low, high = grown_sets(probabilities, weights.mass, least=sources.least_grades)[0]
        grade = Grade(
            probabilities={label: float(p) for label, p in zip(GRADES, probabilities[0], strict=True)},
            set90=GRADES[low : high + 1],
            contributions=MappingProxyType(_contributions(weights, evidence)),
        )
        return grade, ""

    def catch(self, evidence: Evidence, sources: Sources) -> SeenCatch:
        """Judge the catch of one stretch by its own and its exam's evidence."""
        weights = self.catches[sources]
        columns = design(weights.basis, [evidence])
        probability = float(logistic(linear(columns, weights.caught))[0])
        return SeenCatch(
            probability=min(probability, _NEVER_SURER),
            reported=probability >= min(weights.least, _SURE_CATCH),
            share=float(linear(columns, weights.at)[0]),
            sd_share=float(np.exp(np.clip(linear(columns, weights.spread)[0], *_LOG_SPREADS))),
        )

    def to_json(self) -> str:
        """Write the model."""
        told: dict[str, Any] = {
            "format": _FORMAT,
            "version": self.version,
            "seed": self.seed,
            "exams": self.exams,
            "calibration": self.calibration,
            "grades": {key.value: _told(one) for key, one in self.grades.items()},
            "catches": {key.value: _told(one) for key, one in self.catches.items()},
        }
        return json.dumps(told, separators=(",", ":")) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "GradeModel":
        """Read what `to_json` wrote.

        Raises
        ------
        DataError
            If it is no such model.
        """
        try:
            told = json.loads(text)
            if told["format"] != _FORMAT:
                raise DataError(f"expected a model of format {_FORMAT}; got {told['format']}")
            return cls(
                version=str(told["version"]),
                seed=int(told["seed"]),
                exams=int(told["exams"]),
                calibration=str(told["calibration"]),
                grades={Sources(key): _grade_weights(one) for key, one in told["grades"].items()},
                catches={Sources(key): _catch_weights(one) for key, one in told["catches"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"expected a grade model written by `catchangle train`; got {error!r}") from error


def with_rules(probabilities: Matrix, rows: Sequence[Evidence], rules_share: float) -> Matrix:
    """Give the rules of the scale their say where resistance was measured; shape (rows, 6)."""
    told = probabilities.copy()
    for i, row in enumerate(rows):
        if _RULES[0] in row:
            said = cumulative_probabilities(np.array([[row[name] for name in _RULES]]))[0]
            told[i] = (1.0 - rules_share) * probabilities[i] + rules_share * said
    return told


_RULES = tuple(f"rule{cut}" for cut in range(1, len(GRADES)))
"""What the evidence calls the rules' log-odds of at least each grade."""

_SURE_CATCH = 0.94
"""From here on a catch is reported in any case; chosen by us, by grade-0 exams of two simulators."""

_NEVER_SURER = 0.995
"""No evidence is certain."""

_LOG_SPREADS = (-5.0, -1.0)
"""Bounds of the logarithm of the deviation of a catch's place: 0.7 % to 37 % of the range."""

FAMILIES = MappingProxyType(
    {
        "range reached slowly": ("slow_reached",),
        "range reached fast": ("reached", "carried", "shortfall", "fast_gap", "uneven"),
        "course of the slow stretch": ("slow_v",),
        "course of the fast stretch": ("v0.", "rise", "peak_at", "fullness", "departs_at"),
        "braking and rebound": (
            "braking",
            "let_go",
            "swing_back",
            "abruptness",
            "interruption",
            "velocity_share",
            "acceler",
        ),
        "pace": ("pace",),
        "excess resistance": ("peak", "considerable", "mean", "early", "margin", "doubt", "total", "noticed_at"),
        "share of the range that is resisted": ("resisted", "strongly", "faintly"),
        "rules of the scale": ("rule",),
        "EMG": ("emg",),
        "joint and bandwidth": ("joint", "cutoff"),
    }
)
"""Names under which contributions are shown, and how the names of their numbers begin; the first that fits."""


def _family(name: str) -> str:
    """Find the name under which a number's contribution is shown."""
    exact = [shown for shown, begins in FAMILIES.items() if name in begins]
    return (exact or [shown for shown, begins in FAMILIES.items() if name.startswith(begins)] or [name])[0]


def _contributions(weights: GradeWeights, evidence: Evidence) -> dict[str, float]:
    """Work out how far each family of numbers moves the mean log-odds of a higher grade from the average exam's."""
    columns = design(weights.basis, [evidence])[0]
    parts = (columns * weights.cuts[:, 1:].mean(axis=0)).reshape(len(weights.basis.names), -1).sum(axis=1)
    found: dict[str, float] = {}
    for name, part in zip(weights.basis.names, parts / weights.temperature, strict=True):
        found[_family(name)] = found.get(_family(name), 0.0) + float(part)
    return dict(sorted(found.items(), key=lambda one: -abs(one[1])))


def _strangest(basis: Basis, evidence: Evidence) -> list[str]:
    """Name what is farthest from the training."""
    z = np.nan_to_num(np.abs(basis.standardised([evidence])[0]))
    return list(dict.fromkeys(_family(basis.names[i]) for i in np.argsort(-z)[:2]))


def _told(weights: GradeWeights | CatchWeights) -> dict[str, Any]:
    """Put weights into words that JSON knows, with five significant digits."""
    told: dict[str, Any] = {"basis": weights.basis.to_json()}
    for name in weights.__slots__:
        value = getattr(weights, name)
        if isinstance(value, np.ndarray):
            told[name] = [float(f"{x:.5g}") for x in value.ravel()]
        elif isinstance(value, float):
            told[name] = value
    return told


def _grade_weights(told: Mapping[str, Any]) -> GradeWeights:
    return GradeWeights(
        basis=Basis.from_json(told["basis"]),
        cuts=np.array(told["cuts"], dtype=np.float64).reshape(len(GRADES) - 1, -1),
        temperature=float(told["temperature"]),
        shift=float(told["shift"]),
        mass=float(told["mass"]),
    )


def _catch_weights(told: Mapping[str, Any]) -> CatchWeights:
    arrays = {name: np.array(told[name], dtype=np.float64) for name in ("caught", "at", "spread")}
    return CatchWeights(basis=Basis.from_json(told["basis"]), **arrays, least=float(told["least"]))


@cache
def standard_model() -> GradeModel:
    """Read the model that catchangle is delivered with; see ``docs/methods/grade_model_card.md``."""
    return GradeModel.from_json(resources.files("analysis").joinpath("grade_weights.json").read_text(encoding="utf-8"))
