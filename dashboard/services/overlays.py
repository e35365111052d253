"""The curves of two exams over each other."""

from collections.abc import Callable

import numpy as np

from analysis.finding import ResistanceCurve
from dashboard.charts.overlay import OverlayCurve
from dashboard.charts.palette import AFTER, BEFORE
from dashboard.services.comparison import AlignedStretch, aligned_stretches
from dashboard.services.exams import Exam

__all__ = ["resistance_overlay", "stretch_overlay", "velocity_overlay"]

Curves = tuple[OverlayCurve, ...]


def stretch_overlay(before: Exam, after: Exam, velocity: str) -> Curves:
    """Lay the angles travelled since onset over each other."""
    return _overlay(before, after, velocity, _travelled)


def velocity_overlay(before: Exam, after: Exam, velocity: str) -> Curves:
    """Lay the velocities since onset over each other."""
    return _overlay(before, after, velocity, _velocity)


def resistance_overlay(before: Exam, after: Exam, velocity: str) -> Curves:
    """Lay the resistance against the angle over each other; empty where neither exam has force."""
    return _overlay(before, after, velocity, _resistance)


def _overlay(
    before: Exam,
    after: Exam,
    velocity: str,
    draw: Callable[[Exam, AlignedStretch, str, str], OverlayCurve | None],
) -> Curves:
    drawn = [
        draw(exam, stretch, name, colour)
        for name, exam, colour in (("before", before, BEFORE), ("after", after, AFTER))
        for stretch in aligned_stretches(exam, velocity)
    ]
    return tuple(curve for curve in drawn if curve is not None)


def _travelled(_exam: Exam, stretch: AlignedStretch, name: str, colour: str) -> OverlayCurve:
    return OverlayCurve(name=name, colour=colour, x=stretch.time_s, y=stretch.stretch_deg, catch=stretch.catch)


def _velocity(_exam: Exam, stretch: AlignedStretch, name: str, colour: str) -> OverlayCurve:
    catch = None
    if stretch.catch is not None:
        place = int(np.abs(stretch.time_s - stretch.catch[0]).argmin())
        catch = (float(stretch.time_s[place]), float(stretch.velocity_deg_s[place]))
    return OverlayCurve(name=name, colour=colour, x=stretch.time_s, y=stretch.velocity_deg_s, catch=catch)


def _resistance(exam: Exam, stretch: AlignedStretch, name: str, colour: str) -> OverlayCurve | None:
    curve: ResistanceCurve | None = None if exam.series is None else exam.series.curves[stretch.number - 1]
    if curve is None:
        return None
    catch = None
    if stretch.catch is not None:
        place = int(np.abs(curve.stretch_deg - stretch.catch[1]).argmin())
        catch = (float(curve.stretch_deg[place]), float(curve.resistance_Nm[place]))
    return OverlayCurve(name=name, colour=colour, x=curve.stretch_deg, y=curve.resistance_Nm, catch=catch)
