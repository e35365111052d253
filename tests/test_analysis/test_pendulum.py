"""Pendulum tests: planted swings, the published figures' definitions, and what is no pendulum test."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.assess import assess
from analysis.errors import AnalysisError
from analysis.limb import limb_of
from analysis.model import Recording, Sex, Subject, TestKind, Zero
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.pendulum import measure_pendulum
from analysis.pendulum_model import swing

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

KNEE = MUSCLES[MuscleGroup.KNEE_EXTENSORS]


def drop(
    planter: "Planter",
    *,
    a0: float = 60.0,
    frequency_hz: float = 1.0,
    damping: float = 0.1,
    hold_s: float = 1.0,
    length_s: float = 8.0,
    **kind: object,
) -> Recording:
    """Hold a limb, drop it, and let it swing as a damped oscillator about its rest."""
    t = np.arange(0.0, length_s, 0.01)
    turning = 2 * np.pi * frequency_hz
    rate = damping * turning / np.sqrt(1 - damping**2)
    swing = a0 * (1 - np.exp(-rate * t) * (np.cos(turning * t) + rate / turning * np.sin(turning * t)))
    held = np.concatenate([np.zeros(round(100 * hold_s)), swing])
    return planter.recording(held, group=MuscleGroup.KNEE_EXTENSORS, start_deg=5.0, rate_hz=100.0, **kind)


@settings(max_examples=25, deadline=None)
@given(a0=st.floats(30.0, 70.0), frequency=st.floats(0.8, 1.3), damping=st.floats(0.04, 0.2), hold=st.floats(0.0, 2.0))
def test_planted_swings_are_measured(
    planter: "Planter", a0: float, frequency: float, damping: float, hold: float
) -> None:
    recording = drop(planter, a0=a0, frequency_hz=frequency, damping=damping, hold_s=hold)
    found = measure_pendulum(recording.angle, KNEE)
    first = 1.0 + np.exp(-np.pi * damping / np.sqrt(1 - damping**2))
    assert found.a0_deg == pytest.approx(a0, rel=0.03)
    assert found.relaxation_index == pytest.approx(first, rel=0.03)
    assert found.r2n == pytest.approx(first / 1.6, rel=0.03)
    assert found.damping_ratio == pytest.approx(damping, rel=0.2)
    assert found.period_s == pytest.approx(1.0 / frequency, rel=0.05)
    assert found.a1_deg == pytest.approx(found.relaxation_index * found.a0_deg)


def test_pendulum_test_lists_no_stretches_and_no_grade(planter: "Planter") -> None:
    found = assess(drop(planter, test=TestKind.PENDULUM))
    assert found.pendulum is not None
    assert found.stretches == ()
    assert found.curves == ()
    assert found.grade is None
    assert found.tardieu.x is None


def test_pendulum_called_a_stretch_is_not_taken_for_one(planter: "Planter") -> None:
    found = assess(drop(planter))
    assert found.stretches == ()
    assert found.grade is None
    assert any("pendulum" in warning for warning in found.warnings)


def test_limb_that_is_not_dropped_is_said_so(planter: "Planter") -> None:
    still = planter.recording(np.zeros(500), group=MuscleGroup.KNEE_EXTENSORS, start_deg=5.0, test=TestKind.PENDULUM)
    found = assess(still)
    assert found.pendulum is None
    assert any("no pendulum test" in warning for warning in found.warnings)
    with pytest.raises(AnalysisError, match="no pendulum test"):
        measure_pendulum(still.angle, KNEE)


def test_limb_without_a_swing_back_has_no_period_and_no_damping(planter: "Planter") -> None:
    stiff = planter.recording(
        np.concatenate([planter.bell(40.0, 0.8), np.full(400, 40.0)]), group=MuscleGroup.KNEE_EXTENSORS, start_deg=5.0
    )
    found = measure_pendulum(stiff.angle, KNEE)
    assert found.relaxation_index == pytest.approx(1.0, abs=0.02)
    assert (found.period_s, found.damping_ratio, found.swings) == (None, None, 1)


@settings(max_examples=8, deadline=None)
@given(stiffness=st.floats(1.0, 12.0), viscosity=st.floats(0.25, 1.0), rest=st.floats(55.0, 80.0))
def test_planted_limbs_are_recovered(planter: "Planter", stiffness: float, viscosity: float, rest: float) -> None:
    limb = limb_of(MuscleGroup.KNEE_EXTENSORS, Subject(code="P1", sex=Sex.MALE, body_mass_kg=73.0, height_m=1.741))
    flexion_deg = swing(
        limb,
        stiffness_Nm_per_rad=stiffness,
        viscosity_Nms_per_rad=viscosity,
        ends_deg=(5.0, rest),
        time_s=np.arange(0.0, 9.0, 0.01),
    )
    held = np.concatenate([np.full(100, 5.0), flexion_deg]) - 5.0
    recording = planter.recording(held, group=MuscleGroup.KNEE_EXTENSORS, start_deg=5.0, rate_hz=100.0)
    found = measure_pendulum(recording.angle, KNEE, limb=limb)
    assert found.model is not None
    assert found.model.stiffness_Nm_per_rad == pytest.approx(stiffness, rel=0.1, abs=0.5)
    assert found.model.viscosity_Nms_per_rad == pytest.approx(viscosity, rel=0.15)
    assert found.model.rmse_deg <= 1.0
    assert found.release_s == pytest.approx(1.0, abs=0.1)
    assert found.resting_deg == pytest.approx(rest, abs=1.0)


def test_no_limb_is_fitted_where_its_place_against_gravity_is_not_known(planter: "Planter") -> None:
    recording = drop(planter, test=TestKind.PENDULUM)
    limb = limb_of(recording.muscle_group, recording.subject)
    relative = replace(recording.angle, zero=Zero.RELATIVE)
    assert measure_pendulum(recording.angle, KNEE, limb=limb).model is not None
    assert measure_pendulum(recording.angle, KNEE).model is None
    found = measure_pendulum(relative, KNEE, limb=limb)
    assert found.model is None
    assert found.relaxation_index == measure_pendulum(recording.angle, KNEE).relaxation_index


@pytest.mark.parametrize(("rate_hz", "noise_deg"), [(30.0, 1.5), (60.0, 1.0), (200.0, 0.2)])
def test_the_angle_of_any_source_is_read_alike(planter: "Planter", rate_hz: float, noise_deg: float) -> None:
    """Video of 30 and 60 frames a second, and inertial sensors."""
    clean = drop(planter)
    time_s = np.arange(0.0, float(clean.angle.time_s[-1]), 1.0 / rate_hz)
    angle_deg = np.interp(time_s, clean.angle.time_s, clean.angle.angle_deg)
    noisy = angle_deg + np.random.default_rng(4).normal(0.0, noise_deg, time_s.size)
    found = measure_pendulum(planter.read_angle(time_s, noisy, MuscleGroup.KNEE_EXTENSORS).angle, KNEE)
    known = measure_pendulum(clean.angle, KNEE)
    assert found.relaxation_index == pytest.approx(known.relaxation_index, rel=0.05)
    assert found.period_s == pytest.approx(known.period_s, rel=0.05)
    assert abs(found.swings - known.swings) <= 1


def refused(recording: Recording) -> str:
    """Assess what is no pendulum test, and return why."""
    found = assess(replace(recording, test=TestKind.PENDULUM))
    assert found.pendulum is None
    (said,) = found.warnings
    return said


def without(recording: Recording, start_s: float, end_s: float) -> Recording:
    """Lose the joint for a while."""
    time_s = recording.angle.time_s
    seen = np.where((time_s > start_s) & (time_s < end_s), np.nan, recording.angle.angle_deg)
    return replace(recording, angle=replace(recording.angle, angle_deg=seen))


@pytest.mark.parametrize(("start_s", "end_s"), [(0.8, 1.2), (1.1, 1.5)])
def test_a_first_swing_that_was_not_observed_is_refused(planter: "Planter", start_s: float, end_s: float) -> None:
    assert "not observed" in refused(without(drop(planter), start_s, end_s))


def test_a_gap_after_the_first_swing_is_said(planter: "Planter") -> None:
    known = assess(drop(planter, test=TestKind.PENDULUM))
    found = assess(without(drop(planter, test=TestKind.PENDULUM), 2.6, 3.1))
    assert found.pendulum is not None
    assert found.pendulum.relaxation_index == pytest.approx(known.pendulum.relaxation_index, rel=0.01)
    assert any("not observed" in said for said in found.warnings)
    assert known.warnings == ()


@pytest.mark.parametrize("length_s", [0.7, 1.0, 1.5])
def test_a_recording_that_ends_before_the_limb_rests_is_refused(planter: "Planter", length_s: float) -> None:
    assert "still swings" in refused(drop(planter, length_s=length_s, damping=0.05))


def test_a_limb_that_was_lowered_by_a_hand_is_refused(planter: "Planter") -> None:
    lowered = np.concatenate([np.zeros(100), planter.bell(60.0, 3.0, rate_hz=100.0), np.full(300, 60.0)])
    recording = planter.recording(lowered, group=MuscleGroup.KNEE_EXTENSORS, start_deg=5.0, rate_hz=100.0)
    assert "hand had lowered" in refused(recording)


def test_the_swing_back_of_a_test_of_the_other_muscles_is_not_taken_for_a_drop(planter: "Planter") -> None:
    assert "already moving" in refused(replace(drop(planter), muscle_group=MuscleGroup.KNEE_FLEXORS))


@pytest.mark.parametrize("largest", [0, 1, 2])
def test_of_several_drops_one_is_measured_and_the_others_are_said(planter: "Planter", largest: int) -> None:
    parts = []
    for i in range(3):
        one = drop(planter, a0=50.0 + 5.0 * (i == largest)).angle.angle_deg - 5.0
        parts += [one, one[-1] - planter.bell(float(one[-1]), 1.5, rate_hz=100.0), np.zeros(80)]
    recording = planter.recording(
        np.concatenate(parts[:-2]),
        group=MuscleGroup.KNEE_EXTENSORS,
        start_deg=5.0,
        rate_hz=100.0,
        test=TestKind.PENDULUM,
    )
    alone = assess(drop(planter, a0=55.0, test=TestKind.PENDULUM)).pendulum
    found = assess(recording)
    assert found.pendulum is not None
    for name in ("a0_deg", "a1_deg", "r2n", "swings", "area_ratio", "period_s", "damping_ratio"):
        assert getattr(found.pendulum, name) == pytest.approx(getattr(alone, name), rel=0.03, abs=0.01), name
    assert any("dropped 3 times" in said for said in found.warnings)


def test_a_limb_lighter_than_its_size_says_is_said(planter: "Planter") -> None:
    limb = limb_of(MuscleGroup.KNEE_EXTENSORS, Subject(code="P1", sex=Sex.MALE, body_mass_kg=73.0, height_m=1.741))
    light = replace(limb, gravity_moment_Nm=0.5 * limb.gravity_moment_Nm)
    flexion = swing(
        light,
        stiffness_Nm_per_rad=0.5,
        viscosity_Nms_per_rad=0.3,
        ends_deg=(5.0, 88.0),
        time_s=np.arange(0.0, 12.0, 0.01),
    )
    recording = planter.recording(
        np.concatenate([np.full(100, 5.0), flexion]) - 5.0,
        group=MuscleGroup.KNEE_EXTENSORS,
        start_deg=5.0,
        rate_hz=100.0,
        test=TestKind.PENDULUM,
    )
    assert any("stiffness is negative" in said for said in assess(recording).warnings)
