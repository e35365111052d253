"""Limbs sized by de Leva's table, and the healthy resistance that all excess is measured against."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.limb import GRAVITY_M_S2, HEALTHY_ENDS_DEG, Limb, healthy_torque_Nm, limb_of, stretch_fraction
from analysis.model import Sex, Subject
from analysis.muscles import MUSCLES, MuscleGroup

MEAN_MAN = Subject(code="A", sex=Sex.MALE, body_mass_kg=73.0, height_m=1.741)


def test_forearm_and_shank_of_a_mean_man_have_the_published_inertia_and_weight() -> None:
    # worked by hand from de Leva's table in the project's dossier (section 1.12)
    forearm = limb_of(MuscleGroup.ELBOW_FLEXORS, MEAN_MAN)
    assert forearm.inertia_kg_m2 == pytest.approx(0.076, abs=0.001)
    assert forearm.gravity_moment_Nm == pytest.approx(2.9, abs=0.05)
    shank = limb_of(MuscleGroup.KNEE_EXTENSORS, MEAN_MAN)
    assert shank.inertia_kg_m2 == pytest.approx(0.36, abs=0.02)
    assert shank.gravity_moment_Nm == pytest.approx(10.3, abs=0.1)


def test_hand_is_one_segment_of_the_table() -> None:
    hand = limb_of(MuscleGroup.WRIST_FLEXORS, MEAN_MAN)
    mass, length = 0.0061 * 73.0, 0.0862
    assert hand.gravity_moment_Nm == pytest.approx(mass * GRAVITY_M_S2 * 0.79 * length)
    assert hand.inertia_kg_m2 == pytest.approx(mass * ((0.79 * length) ** 2 + (0.628 * length) ** 2))
    assert hand.segment_length_m == pytest.approx(length)


@pytest.mark.parametrize("group", MuscleGroup)
def test_scale_is_mass_over_70_kg_times_relative_length(group: MuscleGroup) -> None:
    limb = limb_of(group, MEAN_MAN)
    assert limb.scale_m == pytest.approx(73.0 / 70.0)
    taller = limb_of(group, Subject(code="A", sex=Sex.MALE, body_mass_kg=73.0, height_m=1.741 * 1.1))
    assert taller.scale_m == pytest.approx(1.1 * limb.scale_m)
    assert taller.segment_length_m == pytest.approx(1.1 * limb.segment_length_m)
    assert taller.inertia_kg_m2 == pytest.approx(1.1**2 * limb.inertia_kg_m2)
    assert limb.noticeable_Nm == pytest.approx(limb.scale_m * MUSCLES[group].noticeable_Nm)
    assert limb.considerable_Nm == pytest.approx(limb.scale_m * MUSCLES[group].considerable_Nm)


@pytest.mark.parametrize("group", MuscleGroup)
@pytest.mark.parametrize("missing", ["sex", "body_mass_kg", "height_m"])
def test_what_was_not_recorded_is_named(group: MuscleGroup, missing: str) -> None:
    known = {"sex": Sex.FEMALE, "body_mass_kg": 60.0, "height_m": 1.65}
    known.pop(missing)
    limb = limb_of(group, Subject(code="A", **known))
    assert limb.assumed == (missing,)
    assert limb.sized_from_defaults
    assert not limb_of(group, MEAN_MAN).sized_from_defaults


@pytest.mark.parametrize("group", MuscleGroup)
def test_healthy_ends_span_the_healthy_range_in_the_direction_of_the_stretch(group: MuscleGroup) -> None:
    start, end = HEALTHY_ENDS_DEG[group]
    muscle = MUSCLES[group]
    assert muscle.stretch_sign * (end - start) == pytest.approx(muscle.healthy_range_deg)
    assert stretch_fraction(group, np.array([start, end])) == pytest.approx([0.0, 1.0])


def test_slow_healthy_elbow_resists_as_the_severity_table_says() -> None:
    limb = Limb(
        muscle_group=MuscleGroup.ELBOW_FLEXORS,
        inertia_kg_m2=0.07,
        gravity_moment_Nm=2.8,
        scale_m=1.0,
        segment_length_m=0.27,
    )
    end_of_slow = np.array([(159.0 - 40.0) / 130.0])  # 159 deg of a table that starts at 40 deg
    assert healthy_torque_Nm(limb, end_of_slow, np.zeros(1)) == pytest.approx(2.7, abs=0.1)


@given(st.sampled_from(MuscleGroup), st.floats(0.0, 1.0), st.floats(0.0, 10.0), st.floats(0.001, 0.2))
def test_healthy_torque_grows_with_range_and_velocity(
    group: MuscleGroup, fraction: float, velocity: float, more: float
) -> None:
    limb = limb_of(group, MEAN_MAN)
    here = healthy_torque_Nm(limb, np.array([fraction]), np.array([velocity]))[0]
    assert here >= 0
    assert healthy_torque_Nm(limb, np.array([fraction + more]), np.array([velocity]))[0] > here
    assert healthy_torque_Nm(limb, np.array([fraction]), np.array([velocity + more]))[0] > here


def test_limb_without_inertia_is_refused() -> None:
    with pytest.raises(DataError, match="inertia_kg_m2"):
        Limb(
            muscle_group=MuscleGroup.ELBOW_FLEXORS,
            inertia_kg_m2=0.0,
            gravity_moment_Nm=2.8,
            scale_m=1.0,
            segment_length_m=0.27,
        )
