"""Two exams of one limb beside each other: what changed, and the curves from the onset of movement."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.finding import GRADES
from analysis.model import FloatArray, TestKind
from analysis.muscles import MUSCLES
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
    """One measure before and after, as words."""

    measure: str
    before: str
    after: str
    change: str


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


def change_rows(before: Reading, after: Reading) -> tuple[ChangeRow, ...]:
    """List the measures of two findings with the change of each."""
    measured = tuple(
        ChangeRow(
            measure=name,
            before=number(value(before), unit, digits=digits),
            after=number(value(after), unit, digits=digits),
            change=signed(_difference(value(before), value(after)), unit, digits=digits),
        )
        for name, unit, digits, value in _MEASURES
    )
    return (*measured, _grade_row(before, after))


_MEASURES: Sequence[tuple[str, str, int, Callable[[Reading], float | None]]] = (
    ("R1, angle of catch", "°", 1, lambda one: one.r1_deg),
    ("R2, end of the slow stretch", "°", 1, lambda one: one.r2_deg),
    ("Spasticity angle, R2 − R1", "°", 1, lambda one: one.spasticity_angle_deg),
    ("Catch, along the stretch", "°", 1, lambda one: one.catch_stretch_deg),
    ("Tardieu X", "", 0, lambda one: one.x),
    ("Peak resistance, fast stretch", " N·m", 2, lambda one: one.peak_Nm),
    ("Peak excess over a healthy limb", " N·m", 2, lambda one: one.peak_excess_Nm),
)


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def _grade_row(before: Reading, after: Reading) -> ChangeRow:
    lower = chance_of_lower(before.probabilities, after.probabilities)
    return ChangeRow(
        measure="Modified Ashworth grade, most probable (90 % set)",
        before=_graded(before),
        after=_graded(after),
        change=ABSENT if lower is None else f"lower with probability {lower:.2f}",
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
