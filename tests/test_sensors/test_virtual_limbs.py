"""The inertial angle of virtual limbs whose own accelerations outweigh the gravity in their plane of movement."""

import numpy as np
import pytest

from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate import VirtualImu, VirtualPatient, draw_cohort, simulate_exam
from sensors.joint_angle import angle_from_imus
from sensors.samples import ImuSamples


def samples_of(imu: VirtualImu) -> ImuSamples:
    return ImuSamples(time_s=imu.time_s, acc_m_s2=imu.acc_m_s2, gyr_rad_s=imu.gyr_rad_s)


@pytest.fixture(scope="module")
def cohort() -> tuple[VirtualPatient, ...]:
    """Draw sixty patients, among them legs that move almost horizontally."""
    return draw_cohort(60, seed=1)


@pytest.mark.parametrize("place", [39, 53])
def test_a_fast_leg_near_the_horizontal_plane_is_not_wound_up_by_its_own_accelerations(
    cohort: tuple[VirtualPatient, ...], place: int
) -> None:
    patient = cohort[place]
    assert patient.posture.plane_tilt_deg > 80.0
    exam = simulate_exam(patient, seed=1 + place)
    found = angle_from_imus(
        samples_of(exam.imu_proximal),
        samples_of(exam.imu_distal),
        stretch_sign=MUSCLES[MuscleGroup.KNEE_EXTENSORS].stretch_sign,
    )
    true_deg = np.interp(found.angle.time_s, exam.true_angle.time_s, exam.true_angle.angle_deg)
    error_deg = found.angle.angle_deg - true_deg
    error_deg = error_deg[np.isfinite(error_deg)]
    assert np.abs(error_deg - np.median(error_deg)).max() < 30.0  # wound up, it is off by whole turns
