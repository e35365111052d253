"""Promises that every analysis function keeps: inputs unchanged, same answer twice, documented parameters."""

import dataclasses
import inspect
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.assess import AssessParams, assess
from analysis.catch import CatchParams
from analysis.clonus import ClonusParams
from analysis.finding import StretchFinding
from analysis.grading import GradingParams
from analysis.gravity import GravityParams
from analysis.load import LoadParams
from analysis.model import JointAngle, Recording, SegmentTilt, Side, TestKind
from analysis.motion import MotionParams, track_motion
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.pendulum import PendulumParams, measure_pendulum
from analysis.place import PlaceParams
from analysis.resistance import ResistanceParams
from analysis.stretch import StretchParams, SwingParams, find_stretches
from analysis.tardieu import TardieuParams

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

ELBOW = MUSCLES[MuscleGroup.ELBOW_FLEXORS]
PARAMS = [
    AssessParams,
    CatchParams,
    ClonusParams,
    GradingParams,
    GravityParams,
    LoadParams,
    MotionParams,
    PendulumParams,
    PlaceParams,
    ResistanceParams,
    StretchParams,
    SwingParams,
    TardieuParams,
]


@pytest.fixture(scope="module")
def exam(planter: "Planter") -> Recording:
    caught = planter.caught(120.0, 0.4, catch_share=0.5, rebound_deg=5.0)
    recording = planter.recording(planter.exam([planter.bell(120.0, 5.0), caught, caught]), noise_deg=0.05)
    push = 2.0 * np.sin(np.radians(recording.angle.angle_deg)) + np.gradient(recording.angle.angle_deg) * -0.2
    return dataclasses.replace(
        recording,
        force=planter.force(recording.angle.time_s, push),
        tilt=planter.tilt(recording.angle.time_s, recording.angle.angle_deg),
    )


FUNCTIONS = {
    "assess": assess,
    "assess a pendulum": lambda recording: assess(dataclasses.replace(recording, test=TestKind.PENDULUM)),
    "find_stretches": lambda recording: find_stretches(recording.angle, ELBOW),
    "track_motion": lambda recording: track_motion(recording.angle, stretch_sign=-1),
    "measure_pendulum": lambda recording: measure_pendulum(recording.angle, ELBOW),
}


def same(first: object, second: object) -> bool:
    """Compare two results of any of our types, to rounding."""
    if isinstance(first, Recording):
        return True
    if dataclasses.is_dataclass(first):
        return type(first) is type(second) and all(
            same(getattr(first, f.name), getattr(second, f.name)) for f in dataclasses.fields(first)
        )
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float | np.ndarray):
        return np.allclose(first, second, rtol=1e-6, atol=1e-6, equal_nan=True)
    if hasattr(first, "items"):
        return all(same(first[key], second[key]) for key in first)
    return first == second


def arrays(value: object) -> list[np.ndarray]:
    """List all arrays inside a value."""
    if isinstance(value, np.ndarray):
        return [value]
    if dataclasses.is_dataclass(value):
        return [a for f in dataclasses.fields(value) for a in arrays(getattr(value, f.name))]
    return [a for item in value for a in arrays(item)] if isinstance(value, tuple) else []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_inputs_stay_as_they_were_and_the_answer_is_the_same(exam: Recording, name: str) -> None:
    before = [array.copy() for array in arrays(exam)]
    first, second = FUNCTIONS[name](exam), FUNCTIONS[name](exam)
    assert same(first, second)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, arrays(exam), strict=True))


def shifted(recording: Recording, by_s: float) -> Recording:
    def later(series: JointAngle) -> JointAngle:
        return dataclasses.replace(series, time_s=series.time_s + by_s)

    return dataclasses.replace(
        recording, angle=later(recording.angle), force=later(recording.force), tilt=later(recording.tilt)
    )


def untimed(finding: StretchFinding) -> StretchFinding:
    stretch = dataclasses.replace(finding.stretch, start_s=0.0, peak_s=0.5, end_s=1.0)
    catch = None if finding.catch is None else dataclasses.replace(finding.catch, time_s=0.0)
    return dataclasses.replace(finding, stretch=stretch, catch=catch)


def test_time_shift_leaves_the_finding(exam: Recording) -> None:
    here, later = assess(exam), assess(shifted(exam, 64.0))
    assert same(tuple(map(untimed, here.stretches)), tuple(map(untimed, later.stretches)))
    assert later.stretches[0].stretch.start_s == pytest.approx(here.stretches[0].stretch.start_s + 64.0)
    for name in ("tardieu", "grade", "curves", "warnings"):
        assert same(getattr(here, name), getattr(later, name)), name


def test_other_side_has_the_same_finding(exam: Recording) -> None:
    assert same(assess(exam), assess(dataclasses.replace(exam, side=Side.RIGHT)))


def test_tilt_sensors_constant_does_not_matter(exam: Recording) -> None:
    turned = SegmentTilt(time_s=exam.tilt.time_s, tilt_deg=exam.tilt.tilt_deg + 123.0, in_plane=1.0)
    here, there = assess(exam), assess(dataclasses.replace(exam, tilt=turned))
    assert same(here.grade, there.grade)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_observed_is_refused_by_name(exam: Recording, name: str) -> None:
    blind = JointAngle(**{f.name: getattr(exam.angle, f.name) for f in dataclasses.fields(JointAngle)})
    object.__setattr__(blind, "angle_deg", np.full(blind.time_s.size, np.nan))  # past the type's own check
    with pytest.raises(Exception, match="angle_deg") as caught:
        FUNCTIONS[name](dataclasses.replace(exam, angle=blind))
    assert type(caught.value).__name__ in {"AnalysisError", "DataError"}


@pytest.mark.parametrize("params", PARAMS, ids=lambda p: p.__name__)
def test_parameters_are_frozen_documented_and_sourced(params: type) -> None:
    made = params()
    text = inspect.getdoc(params)
    for field in dataclasses.fields(params):
        assert re.search(rf"\b{field.name}\b", text), f"{params.__name__}.{field.name} is not documented"
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, field.name, None)
    assert "chosen by us" in text.lower() or "See the steps" in text
