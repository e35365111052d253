"""Two exams of one limb beside each other: what changed, and the curves from the onset of movement."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.change import ERRORS, Measure, judge_change, judge_grade
from analysis.finding import GRADES
from analysis.model import FloatArray, TestKind
from analysis.muscles import MUSCLES, Joint
from dashboard.services.exams import Exam, limb_label
from dashboard.services.reading import Reading
from dashboard.services.wording import ABSENT, number, protocol, signed
from records.rows import RecordingRow, SessionRow
from records.store import Store

__all__ = [
    "AlignedStretch",
    "ChangeRow",
    "Limb",
    "aligned_stretches",
    "chance_of_lower",
    "change_rows",
    "examined_twice",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One measure before and after, as words.

    Attributes
    ----------
    measure, before, after, change
        The measure, its two values, and after minus before.
    error
        Whether the change is beyond measurement error, with the bound (MDC95) that this was judged by.
    importance
        Whether the change is clinically important, with the bound (MCID): a separate statement.
    source
        Where the bounds come from; empty where there are none.
    """

    measure: str
    before: str
    after: str
    change: str
    error: str = ABSENT
    importance: str = ABSENT
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlignedStretch:
    """One stretch from the onset of its movement.

    Attributes
    ----------
    number
        Its place in the recording, from 1.
    time_s
        Time since the onset.
    stretch_deg, velocity_deg_s
        Angle travelled and velocity along the stretch.
    catch
        Time since the onset and angle travelled at the catch, ``None`` without one.
    """

    number: int
    time_s: FloatArray
    stretch_deg: FloatArray
    velocity_deg_s: FloatArray
    catch: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limb:
    """A limb of one patient with all its exams of one kind, by recording, in order of time."""

    label: str
    exams: Mapping[str, tuple[SessionRow, RecordingRow]]


def examined_twice(store: Store, code: str) -> dict[str, Limb]:
    """Return the patient's limbs that were examined more than once in the same way, by a short name."""
    found: dict[str, dict[str, tuple[SessionRow, RecordingRow]]] = {}
    labels: dict[str, str] = {}
    for session in store.sessions(code):
        for recording in store.recordings(session.id):
            key = f"{recording.side.value}-{recording.muscle_group.value}-{recording.test.value}"
            pendulum = recording.test is TestKind.PENDULUM
            labels[key] = (
                f"{limb_label(recording)}, {protocol(recording.test.value)}" if pendulum else limb_label(recording)
            )
            found.setdefault(key, {})[recording.id] = (session, recording)
    return {key: Limb(label=labels[key], exams=exams) for key, exams in found.items() if len(exams) > 1}


def aligned_stretches(exam: Exam, velocity: str) -> tuple[AlignedStretch, ...]:
    """Cut the stretches of one velocity class that count out of an exam, each from the onset of its movement."""
    if exam.series is None or exam.assessment is None:
        return ()
    finding = exam.assessment.finding
    sign = MUSCLES[exam.recording.muscle_group].stretch_sign
    return tuple(
        _aligned(exam, number, stretch, sign)
        for number, stretch in enumerate(finding["stretches"], start=1)
        if stretch["velocity"] == velocity and not stretch["quality"]
    )


def _aligned(exam: Exam, number: int, stretch: Mapping[str, Any], sign: int) -> AlignedStretch:
    series = exam.series
    if series is None:
        raise ValueError("an exam without a series has no stretches")
    inside = (series.time_s >= stretch["start_s"]) & (series.time_s <= stretch["end_s"])
    catch = stretch["catch"]
    return AlignedStretch(
        number=number,
        time_s=series.time_s[inside] - stretch["start_s"],
        stretch_deg=sign * (series.angle_deg[inside] - stretch["start_deg"]),
        velocity_deg_s=sign * series.velocity_deg_s[inside],
        catch=None if catch is None else (catch["time_s"] - stretch["start_s"], catch["stretch_deg"]),
    )


def change_rows(before: Reading, after: Reading, joint: Joint) -> tuple[ChangeRow, ...]:
    """List the measures of two findings of one joint with the change of each, and what it means."""
    return (*(_measure_row(one, before, after) for one in _MEASURES), _grade_row(before, after, joint))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A measure in the table: name, unit, digits, attribute of `Reading`, known error (``None``: not judged)."""

    name: str
    unit: str
    digits: int
    attribute: str
    error: Measure | None = None


_MEASURES = (
    _Shown(name="R1, angle of catch", unit="°", digits=1, attribute="r1_deg", error=Measure.R1),
    _Shown(name="R2, end of the slow stretch", unit="°", digits=1, attribute="r2_deg", error=Measure.R2),
    _Shown(
        name="Spasticity angle, R2 − R1",
        unit="°",
        digits=1,
        attribute="spasticity_angle_deg",
        error=Measure.SPASTICITY_ANGLE,
    ),
    _Shown(name="Catch, along the stretch", unit="°", digits=1, attribute="catch_stretch_deg"),
    _Shown(name="Reflex threshold at rest (TSRT)", unit="°", digits=1, attribute="tsrt_deg", error=Measure.TSRT),
    _Shown(name="Tardieu X", unit="", digits=0, attribute="x"),
    _Shown(
        name="Peak resistance, fast stretch", unit=" N·m", digits=2, attribute="peak_Nm", error=Measure.PEAK_RESISTANCE
    ),
    _Shown(
        name="Peak excess over a healthy limb",
        unit=" N·m",
        digits=2,
        attribute="peak_excess_Nm",
        error=Measure.PEAK_EXCESS,
    ),
)


def _measure_row(shown: _Shown, before: Reading, after: Reading) -> ChangeRow:
    first, last = getattr(before, shown.attribute), getattr(after, shown.attribute)
    row = ChangeRow(
        measure=shown.name,
        before=number(first, shown.unit, digits=shown.digits),
        after=number(last, shown.unit, digits=shown.digits),
        change=signed(_difference(first, last), shown.unit, digits=shown.digits),
    )
    if first is None or last is None or shown.error is None:
        return row
    judged = judge_change(
        first,
        last,
        ERRORS[shown.error],
        before_sd=before.standard_errors.get(shown.attribute, 0.0),
        after_sd=after.standard_errors.get(shown.attribute, 0.0),
    )
    bound = "" if judged.mdc95 is None else f" (MDC95 {number(judged.mdc95, shown.unit, digits=shown.digits)})"
    if judged.beyond_error is None:
        bound = ""
    return replace(
        row,
        error=f"{_YES_NO[judged.beyond_error]}{bound}",
        importance=_YES_NO[judged.important],
        source=judged.source,
    )


_YES_NO = {True: "yes", False: "no", None: "not known"}


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _grade_row(before: Reading, after: Reading, joint: Joint) -> ChangeRow:
    row = ChangeRow(
        measure="Modified Ashworth grade, most probable (90 % set)",
        before=_graded(before),
        after=_graded(after),
        change=ABSENT,
    )
    if before.probabilities is None or after.probabilities is None:
        return row
    judged = judge_grade(before.probabilities, after.probabilities, joint=joint)
    return replace(
        row,
        change=f"lower with probability {judged.lower:.2f}",
        error=_YES_NO[judged.beyond_error],
        importance=f"{_YES_NO[judged.important]} (MCID {judged.mcid:.2f}, expected change "
        f"{signed(judged.expected, digits=2)})",
        source="MCID: Chen 2019, doi:10.23736/S1973-9087.19.05545-X (patients after stroke, 1+ counted as 1.5)",
    )


def _graded(one: Reading) -> str:
    return ABSENT if one.grade is None else f"{one.grade} ({', '.join(one.set90)})"


def chance_of_lower(before: Mapping[str, float] | None, after: Mapping[str, float] | None) -> float | None:
    """Return the probability that the grade is lower after than before, the two taken as independent."""
    if before is None or after is None:
        return None
    first = np.array([before[grade] for grade in GRADES])
    last = np.array([after[grade] for grade in GRADES])
    return float(np.triu(np.outer(last, first), k=1).sum())
