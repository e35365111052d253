"""Promises that every analysis function keeps: inputs unchanged, same answer twice, documented parameters."""

import contextlib
import dataclasses
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pytest

import analysis
from analysis.agreement import bland_altman as limits_of_agreement
from analysis.agreement import gwet_ac2, intraclass_correlation, krippendorff_alpha, weighted_kappa
from analysis.assess import assess
from analysis.change import judge_grade
from analysis.detectors import disagreeing, minimum_power_catch, torque_rate_catch
from analysis.emg import EmgMethod, EmgParams, find_emg_onset
from analysis.errors import AnalysisError
from analysis.finding import GRADES, EmgOnset, StretchFinding, VelocityClass
from analysis.fusion import fuse_angles
from analysis.limb import limb_of
from analysis.load import LimbLoad, measure_load
from analysis.model import EmgSignal, ForceSignal, JointAngle, Recording, SegmentTilt, Side, Source, TestKind
from analysis.motion import Motion, track_motion
from analysis.muscles import MUSCLES, Joint, MuscleGroup
from analysis.pendulum import measure_pendulum
from analysis.reflex import emg_catch
from analysis.stretch import Leg, find_legs, find_stretches
from analysis.threshold import ReflexPoint, fit_threshold
from analysis.velocity_dependence import separate_resistance
from analysis.viscoelastic import TorqueTrial, fit_viscoelastic

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

Series = TypeVar("Series", JointAngle, ForceSignal, SegmentTilt, EmgSignal)
ELBOW = MUSCLES[MuscleGroup.ELBOW_FLEXORS]
KNEE = MUSCLES[MuscleGroup.KNEE_FLEXORS]


def modules() -> Iterator[Any]:
    """Import every module of `analysis`."""
    for found in pkgutil.walk_packages(analysis.__path__, "analysis."):
        yield importlib.import_module(found.name)


PARAMS = sorted(
    {
        kind
        for module in modules()
        for name, kind in vars(module).items()
        if inspect.isclass(kind) and name.endswith("Params") and kind.__module__.startswith("analysis.")
        if not kind.__module__.startswith("analysis.simulate")
    },
    key=lambda kind: kind.__name__,
)
"""Every class of parameters that there is, but for those of virtual patients."""

ELSEWHERE = ("analysis.simulate", "analysis.training", "analysis.recalibration", "analysis.grading", "analysis.grade")
"""Functions of these take no recording: virtual patients, and grades learnt from them, have tests of their own."""


def functions_with_params() -> dict[CodeType, Callable[..., object]]:
    """List the public functions that take parameters, by their code."""
    return {
        function.__code__: function
        for module in modules()
        if not module.__name__.startswith(ELSEWHERE)
        for name in getattr(module, "__all__", ())
        if inspect.isfunction(function := getattr(module, name))
        and function.__module__ == module.__name__
        and "params" in inspect.signature(function).parameters
    }


@pytest.fixture(scope="module")
def exam(planter: "Planter") -> Recording:
    caught = planter.caught(120.0, 0.4, catch_share=0.5, rebound_deg=5.0)
    stretch_deg = planter.exam([planter.bell(120.0, 5.0), caught, caught])
    recording = planter.recording(stretch_deg, noise_deg=0.05)
    push = 2.0 * np.sin(np.radians(recording.angle.angle_deg)) + np.gradient(recording.angle.angle_deg) * -0.2
    acceleration = np.gradient(np.gradient(np.radians(stretch_deg))) * recording.angle.rate_hz**2
    push += limb_of(recording.muscle_group, recording.subject).inertia_kg_m2 * acceleration
    return dataclasses.replace(
        recording,
        force=planter.force(recording.angle.time_s, push),
        tilt=planter.tilt(recording.angle.time_s, recording.angle.angle_deg),
        emg=(fired(recording),),
    )


def fired(recording: Recording) -> EmgSignal:
    """Let the muscle fire 50 ms after each fast movement began."""
    time_s = np.arange(0.0, float(recording.angle.time_s[-1]), 0.001)
    velocity = np.interp(
        time_s - 0.05, recording.angle.time_s, -np.gradient(recording.angle.angle_deg, recording.angle.time_s)
    )
    amplitude = np.where(velocity > 60.0, 2e-5, 2e-6)
    return EmgSignal(
        time_s=time_s, emg_V=np.random.default_rng(7).normal(0.0, 1.0, time_s.size) * amplitude, muscle="biceps"
    )


def film(recording: Recording) -> JointAngle:
    """See the joint by video as well."""
    time_s = np.arange(0.0, float(recording.angle.time_s[-1]), 1.0 / 30.0)
    angle_deg = np.interp(time_s, recording.angle.time_s, recording.angle.angle_deg) + 2.0
    return dataclasses.replace(
        recording.angle,
        time_s=time_s,
        angle_deg=angle_deg,
        sd_deg=np.full(time_s.size, 2.0),
        source=Source.VIDEO,
        bandwidth_hz=15.0,
    )


def swung(angle: JointAngle) -> JointAngle:
    """Let the limb fall after a second and swing out, wherever the joint was observed."""
    fallen_s = np.maximum(angle.time_s - angle.time_s[0] - 1.0, 0.0)
    fallen_deg = 60.0 * (1.0 - np.exp(-0.6 * fallen_s) * np.cos(2.0 * np.pi * fallen_s))
    return dataclasses.replace(angle, angle_deg=np.where(np.isfinite(angle.angle_deg), -fallen_deg, np.nan))


def crossings() -> list[ReflexPoint]:
    """Cross a reflex threshold at eight velocities."""
    return [
        ReflexPoint(velocity_deg_s=v, stretch_deg=100.0 - 0.1 * v + (v % 7), velocity_sd_deg_s=5.0, stretch_sd_deg=1.0)
        for v in range(40, 360, 40)
    ]


def turned(recording: Recording, rate_hz: float) -> TorqueTrial:
    """Read part of the angle as if at another rate, with a torque of a spring."""
    angle_deg = recording.angle.angle_deg[: 4 * 200]
    return TorqueTrial(rate_hz=rate_hz, angle_deg=angle_deg, torque_Nm=np.radians(angle_deg))


def loaded(recording: Recording) -> tuple[Motion, tuple[Leg, ...], LimbLoad]:
    """Find the stretches, the first of them slow, and their torques."""
    motion = track_motion(recording.angle, stretch_sign=-1)
    legs = find_legs(motion, ELBOW)
    of = {VelocityClass.V1: legs[:1], VelocityClass.V3: legs[1:]}
    return motion, legs, measure_load(recording, motion, limb_of(recording.muscle_group, recording.subject), legs=of)


def detections(recording: Recording) -> tuple[object, ...]:
    """Run both detectors on the fast stretches."""
    motion, legs, load = loaded(recording)
    limb = limb_of(recording.muscle_group, recording.subject)
    return tuple(
        detect(motion, leg, load, limb=limb) for detect in (torque_rate_catch, minimum_power_catch) for leg in legs[1:]
    )


def parts(recording: Recording) -> tuple[object, ...]:
    """Take the resistance of all stretches apart."""
    motion, legs, load = loaded(recording)
    return separate_resistance(motion, legs, load, slow=(0,), fast=(1, 2), healthy_range_deg=130.0)


RANKS = [np.array([0.0, 1, 2, 3, 4, 5, 2, 1]), np.array([0.0, 1, 3, 3, 4, 5, 1, 1])]
EVEN = {grade: 1 / len(GRADES) for grade in GRADES}


FUNCTIONS = {
    "assess": assess,
    "assess without force": lambda recording: assess(dataclasses.replace(recording, force=None, tilt=None)),
    "assess many stretches": lambda recording: assess(repeated(recording)),
    "assess a pendulum": lambda recording: assess(
        dataclasses.replace(recording, test=TestKind.PENDULUM, angle=swung(recording.angle))
    ),
    "find_stretches": lambda recording: find_stretches(recording.angle, ELBOW),
    "track_motion": lambda recording: track_motion(recording.angle, stretch_sign=-1),
    "measure_pendulum": lambda recording: measure_pendulum(swung(recording.angle), ELBOW),
    "measure_pendulum of a knee": lambda recording: measure_pendulum(
        swung(recording.angle), KNEE, limb=limb_of(MuscleGroup.KNEE_FLEXORS, recording.subject)
    ),
    "fuse_angles": lambda recording: fuse_angles(recording.angle, [film(recording)]),
}
"""What starts from a recording's angle, and refuses one that was not observed."""

BESIDE = {
    "find_emg_onset by threshold": lambda recording: find_emg_onset(
        recording.emg[0], start_s=9.0, end_s=12.0, params=EmgParams(method=EmgMethod.THREE_SD)
    ),
    "emg_catch": lambda recording: emg_catch(
        [EmgOnset(muscle="biceps", time_s=9.9, sd_s=0.003, amplitude_ratio=20.0, method="planted")],
        track_motion(recording.angle, stretch_sign=-1),
        find_legs(track_motion(recording.angle, stretch_sign=-1), ELBOW)[1],
        probability=0.4,
        end_range_deg=500.0,
    ),
    "fit_threshold": lambda _: fit_threshold(crossings(), stretch_sign=-1),
    "fit_viscoelastic": lambda recording: fit_viscoelastic([turned(recording, 200.0), turned(recording, 500.0)]),
    "weighted_kappa": lambda _: weighted_kappa(*RANKS, categories=6),
    "gwet_ac2": lambda _: gwet_ac2(RANKS, categories=6),
    "krippendorff_alpha": lambda _: krippendorff_alpha(RANKS, categories=6),
    "intraclass_correlation": lambda _: intraclass_correlation(np.column_stack(RANKS)),
    "bland_altman": lambda _: limits_of_agreement(*RANKS),
    "detectors": detections,
    "separate_resistance": parts,
    "disagreeing": lambda _: disagreeing(
        [80.0, None, 82.0, 40.0, 81.0],
        intervals=[(78.0, 83.0), None, (80.0, 85.0), (38.0, 42.0), (79.0, 84.0)],
        healthy_range_deg=130.0,
    ),
    "judge_grade": lambda _: judge_grade(EVEN, EVEN, joint=Joint.KNEE),
}
"""What takes something else."""


def repeated(recording: Recording) -> Recording:
    """Record the exam three times over, so that there are stretches enough for a reflex threshold."""
    length_s = float(recording.angle.time_s[-1]) + 0.005

    def again(series: Series) -> Series:
        columns = {
            one.name: np.tile(getattr(series, one.name), ROUNDS)
            for one in dataclasses.fields(series)
            if isinstance(getattr(series, one.name), np.ndarray)
        }
        columns["time_s"] = np.concatenate([series.time_s + i * length_s for i in range(ROUNDS)])
        return dataclasses.replace(series, **columns)

    return everywhere(recording, again)


def everywhere(recording: Recording, change: Callable[[Series], Series]) -> Recording:
    """Change every series of a recording alike."""
    return dataclasses.replace(
        recording,
        angle=change(recording.angle),
        force=change(recording.force),
        tilt=change(recording.tilt),
        emg=tuple(change(one) for one in recording.emg),
    )


ROUNDS = 3


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


@pytest.mark.parametrize("name", [*FUNCTIONS, *BESIDE])
def test_inputs_stay_as_they_were_and_the_answer_is_the_same(exam: Recording, name: str) -> None:
    function = {**FUNCTIONS, **BESIDE}[name]
    before = [array.copy() for array in arrays(exam)]
    first, second = function(exam), function(exam)
    assert same(first, second)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, arrays(exam), strict=True))


@dataclasses.dataclass
class Watch:
    """Watches every call of the functions with parameters, from inside whatever calls them."""

    functions: dict[CodeType, Callable[..., object]]
    open: dict[FrameType, tuple[dict[str, object], list[np.ndarray]]] = dataclasses.field(default_factory=dict)
    changed: set[str] = dataclasses.field(default_factory=set)
    calls: dict[CodeType, tuple[dict[str, object], object]] = dataclasses.field(default_factory=dict)

    def __call__(self, frame: FrameType, event: str, value: object) -> None:
        if frame.f_code not in self.functions:
            return
        if event == "call":
            given = dict(frame.f_locals)
            self.open[frame] = (given, [array.copy() for array in arrays(tuple(given.values()))])
        elif event == "return" and frame in self.open:
            given, before = self.open.pop(frame)
            after = arrays(tuple(given.values()))
            if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)):
                self.changed.add(frame.f_code.co_qualname)
            if self.calls.get(frame.f_code, (None, None))[1] is None:  # what raised has no answer
                self.calls[frame.f_code] = (given, value)


@pytest.fixture(scope="module")
def watch(exam: Recording) -> Watch:
    watching = Watch(functions_with_params())
    for work in (*FUNCTIONS.values(), *BESIDE.values()):
        sys.setprofile(watching)
        try:
            work(exam)
        finally:
            sys.setprofile(None)
    return watching


def test_every_function_with_parameters_is_called_here(watch: Watch) -> None:
    assert len(watch.calls) > 20
    missed = {function.__qualname__ for code, function in watch.functions.items() if code not in watch.calls}
    assert not missed


def test_no_function_with_parameters_changes_what_it_is_given(watch: Watch) -> None:
    assert not watch.changed


def test_every_function_with_parameters_answers_the_same_again(watch: Watch) -> None:
    for code, (given, answer) in watch.calls.items():
        function = watch.functions[code]
        names = inspect.signature(function).parameters
        positional = [given[name] for name, one in names.items() if one.kind is not inspect.Parameter.KEYWORD_ONLY]
        keyed = {name: given[name] for name, one in names.items() if one.kind is inspect.Parameter.KEYWORD_ONLY}
        again = None
        with contextlib.suppress(AnalysisError):
            again = function(*positional, **keyed)
        assert same(answer, again), function.__qualname__


def shifted(recording: Recording, by_s: float) -> Recording:
    return everywhere(recording, lambda series: dataclasses.replace(series, time_s=series.time_s + by_s))


def untimed(finding: StretchFinding) -> StretchFinding:
    stretch = dataclasses.replace(finding.stretch, start_s=0.0, peak_s=0.5, end_s=1.0)
    catch = None if finding.catch is None else dataclasses.replace(finding.catch, time_s=0.0)
    emg = tuple(dataclasses.replace(onset, time_s=0.0) for onset in finding.emg)
    parts = None if finding.parts is None else dataclasses.replace(finding.parts, at_s=0.0)
    detections = tuple(dataclasses.replace(one, time_s=0.0) for one in finding.detections)
    return dataclasses.replace(finding, stretch=stretch, catch=catch, emg=emg, parts=parts, detections=detections)


def test_time_shift_leaves_the_finding(exam: Recording) -> None:
    here, later = assess(exam), assess(shifted(exam, 64.0))
    assert same(tuple(map(untimed, here.stretches)), tuple(map(untimed, later.stretches)))
    assert later.stretches[0].stretch.start_s == pytest.approx(here.stretches[0].stretch.start_s + 64.0)
    for name in ("tardieu", "threshold", "grade", "curves", "warnings"):
        assert same(getattr(here, name), getattr(later, name)), name


def test_time_shift_leaves_the_threshold(exam: Recording) -> None:
    many = repeated(exam)
    assert same(assess(many).threshold, assess(shifted(many, 64.0)).threshold)


def test_mirrored_movement_of_the_antagonist_has_the_mirrored_finding(exam: Recording) -> None:
    """The extensors' stretch is the flexors', mirrored: only the signs differ; the grade may know the muscle group."""
    flexors = dataclasses.replace(exam, force=None, tilt=None, emg=())
    angle = dataclasses.replace(exam.angle, angle_deg=-exam.angle.angle_deg)
    extensors = dataclasses.replace(flexors, muscle_group=MuscleGroup.ELBOW_EXTENSORS, angle=angle)
    here, there = assess(flexors), assess(extensors)
    assert here.tardieu.x == there.tardieu.x
    assert here.tardieu.r1_deg == pytest.approx(-there.tardieu.r1_deg)
    assert here.tardieu.spasticity_angle_deg == pytest.approx(there.tardieu.spasticity_angle_deg)


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
