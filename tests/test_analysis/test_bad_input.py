"""What is wrong with a recording is refused by name, or flagged: never a silent default."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.assess import assess
from analysis.errors import AnalysisError, DataError
from analysis.model import ForceSignal, JointAngle, Recording, Sex, Side, Source, Subject, TestKind, Zero
from analysis.muscles import MuscleGroup
from analysis.simulate import draw_patient, simulate_exam

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter


@pytest.fixture(scope="module")
def exam() -> Recording:
    virtual = simulate_exam(draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=3), seed=4)
    return Recording(
        muscle_group=MuscleGroup.ELBOW_FLEXORS,
        side=Side.LEFT,
        test=TestKind.PASSIVE_STRETCH,
        subject=virtual.patient.subject,
        angle=virtual.true_angle,
        force=virtual.force,
        emg=(virtual.emg,),
    )


def test_too_few_samples_are_refused_by_name(planter: "Planter") -> None:
    short = planter.read_angle(np.arange(5) / 100.0, np.arange(5.0), MuscleGroup.ELBOW_FLEXORS)
    with pytest.raises(AnalysisError, match=r"5 samples of JointAngle\.angle_deg"):
        assess(short)
    with pytest.raises(DataError, match="at least 2 samples"):
        JointAngle(
            time_s=np.zeros(1),
            angle_deg=np.zeros(1),
            sd_deg=np.zeros(1),
            source=Source.ANGLE,
            zero=Zero.ANATOMICAL,
            bandwidth_hz=1.0,
        )


def test_a_force_without_a_lever_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="lever_m"):
        ForceSignal(time_s=np.arange(3.0), force_N=np.zeros(3), moment_Nm=np.zeros(3), lever_m=0.0)


def test_a_missing_mass_is_said(exam: Recording) -> None:
    found = assess(replace(exam, subject=Subject(code="P1", sex=Sex.MALE)))
    assert any(w.startswith("body_mass_kg, height_m not recorded") for w in found.warnings)
    assert not any("not recorded: the limb" in w for w in assess(exam).warnings)


def test_a_force_of_the_wrong_sign_is_not_made_a_resistance_of(exam: Recording) -> None:
    force = exam.force
    assert force is not None
    right = assess(exam)
    assert all(one.resistance is not None for one in right.stretches)
    wrong = assess(replace(exam, force=replace(force, force_N=-force.force_N)))
    assert all(one.resistance is None for one in wrong.stretches)
    assert any("opposes the fast movements" in w for w in wrong.warnings)


def test_a_force_from_another_time_is_said(exam: Recording) -> None:
    force = exam.force
    assert force is not None
    found = assess(replace(exam, force=replace(force, time_s=force.time_s + 1000.0)))
    assert any("not recorded at the same time" in w for w in found.warnings)
    assert all(one.resistance is None for one in found.stretches)


def test_emg_with_missing_values_is_said_and_not_read(exam: Recording) -> None:
    emg = exam.emg[0]
    holed = replace(emg, emg_V=np.where(np.arange(emg.emg_V.size) % 7 == 0, np.nan, emg.emg_V))
    found = assess(replace(exam, emg=(holed,)))
    assert any("emg_V" in w for w in found.warnings)
    assert not any(one.emg for one in found.stretches)


@pytest.mark.parametrize("level_V", [0.0, 1e-3])
def test_emg_that_never_changes_is_said_and_is_no_evidence(exam: Recording, level_V: float) -> None:
    """A constant that filters to rounding errors is no muscle that fires."""
    emg = exam.emg[0]
    found = assess(replace(exam, emg=(replace(emg, emg_V=np.full(emg.emg_V.size, level_V)),)))
    assert any("never changes" in w for w in found.warnings)
    assert not any(one.emg for one in found.stretches)
    assert found.grade == assess(replace(exam, emg=())).grade


def test_emg_that_is_cut_off_is_said(exam: Recording) -> None:
    emg = exam.emg[0]
    level_V = 1.5 * float(emg.emg_V.std())
    found = assess(replace(exam, emg=(replace(emg, emg_V=np.clip(emg.emg_V, -level_V, level_V)),)))
    assert any("is cut off at" in w for w in found.warnings)
    coarse = replace(emg, emg_V=np.round(emg.emg_V, 5))
    assert not any("is cut off" in w for one in (emg, coarse) for w in assess(replace(exam, emg=(one,))).warnings)


def test_velocities_between_the_bands_are_said(planter: "Planter") -> None:
    medium = planter.exam([planter.bell(100.0, 1.8), planter.bell(100.0, 1.9)])
    found = assess(planter.recording(medium))
    assert {one.stretch.velocity.value for one in found.stretches} == {"V2"}
    assert any("no fast stretch" in w for w in found.warnings)
    assert any("no slow stretch" in w for w in found.warnings)
    assert found.grade is None


def test_a_hole_inside_a_stretch_is_flagged(exam: Recording) -> None:
    fast = max(assess(exam).stretches, key=lambda one: one.stretch.peak_velocity_deg_s).stretch
    time_s = exam.angle.time_s
    lost = (time_s > fast.start_s + 0.1) & (time_s < fast.start_s + 0.4)
    found = assess(replace(exam, angle=replace(exam.angle, angle_deg=np.where(lost, np.nan, exam.angle.angle_deg))))
    assert any("not observed" in reason for one in found.stretches for reason in one.quality)
