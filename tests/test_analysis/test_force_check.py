"""A force that cannot be that of the hand that moved the limb is refused, or said; one that can be is left alone."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.assess import assess
from analysis.finding import Assessment
from analysis.model import ForceSignal, Recording, SegmentTilt, Side, TestKind
from analysis.muscles import MuscleGroup
from analysis.simulate import draw_patient, simulate_exam


def exam(grade: str, group: MuscleGroup) -> Recording:
    """Record a virtual exam with force and the moved segment's tilt."""
    virtual = simulate_exam(draw_patient(grade, group, seed=3), seed=4)
    tilt = SegmentTilt(
        time_s=virtual.true_angle.time_s,
        tilt_deg=virtual.true_angle.angle_deg,
        in_plane=float(np.cos(np.radians(virtual.patient.posture.plane_tilt_deg))),
    )
    return Recording(
        muscle_group=group,
        side=Side.LEFT,
        test=TestKind.PASSIVE_STRETCH,
        subject=virtual.patient.subject,
        angle=virtual.true_angle,
        force=virtual.force,
        tilt=tilt,
    )


@pytest.fixture(scope="module")
def elbow() -> Recording:
    return exam("1+", MuscleGroup.ELBOW_FLEXORS)


@pytest.fixture(scope="module")
def knee() -> Recording:
    return exam("1", MuscleGroup.KNEE_FLEXORS)


def pushed(recording: Recording, **changes: object) -> Assessment:
    """Assess a recording whose force was changed."""
    force = recording.force
    assert isinstance(force, ForceSignal)
    return assess(replace(recording, force=replace(force, **changes)))


@pytest.mark.parametrize(
    ("grade", "group"),
    [
        ("0", MuscleGroup.WRIST_FLEXORS),
        ("1+", MuscleGroup.PLANTARFLEXORS),
        ("3", MuscleGroup.ELBOW_EXTENSORS),
        ("3", MuscleGroup.HIP_ADDUCTORS),
        ("4", MuscleGroup.KNEE_EXTENSORS),
    ],
)
def test_a_force_that_moved_the_limb_is_believed(grade: str, group: MuscleGroup) -> None:
    found = assess(exam(grade, group))
    assert all(one.resistance is not None for one in found.stretches if not one.quality)
    assert not any("the force" in said for said in found.warnings)


def test_a_dead_sensor_gives_no_resistance_and_no_catch(elbow: Recording) -> None:
    found = pushed(elbow, force_N=np.full(elbow.force.force_N.size, 0.0))
    assert all(one.resistance is None for one in found.stretches)
    assert any("never changes" in said for said in found.warnings)


@pytest.mark.parametrize("late_s", [-0.2, -0.1, 0.1, 0.3])
def test_a_force_of_another_moment_is_refused_with_how_far_it_is(knee: Recording, late_s: float) -> None:
    found = pushed(knee, time_s=knee.force.time_s + late_s)
    assert all(one.resistance is None for one in found.stretches)
    (said,) = [one for one in found.warnings if "the movements that it should cause" in one]
    told_s = float(said.split("about ")[1].split(" s ")[0]) * (1 if " after " in said else -1)
    assert told_s == pytest.approx(late_s, abs=0.04)


@pytest.mark.parametrize("factor", [0.1, 0.225, 2.0, 10.0])
def test_a_force_in_another_unit_weighs_another_limb(elbow: Recording, factor: float) -> None:
    """A tenth and tenfold: kilogram-force for newton and back; 0.225: pounds; 2: the lever is half as long."""
    found = pushed(elbow, force_N=elbow.force.force_N * factor)
    assert any("limb's weight turns it with" in said for said in found.warnings)


def test_a_force_that_was_not_zeroed_is_said(elbow: Recording) -> None:
    found = pushed(elbow, force_N=elbow.force.force_N + 20.0)
    assert any("check the force's unit and zero" in said for said in found.warnings)
