"""What virtual sensors say, against the movement that they saw."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.errors import DataError
from analysis.limb import GRAVITY_M_S2, limb_of
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.simulate import (
    Examiner,
    ExamPlan,
    ReflexLaw,
    SensorModel,
    SeverityParams,
    VirtualExam,
    VirtualImu,
    draw_patient,
    simulate_exam,
)
from analysis.simulate.sensing import draw_normal

SHORT = ExamPlan(slow=1, fast=1, lead_s=1.0, hold_s=0.6, return_s=0.8, rest_s=0.4)
STEADY = Examiner(wobble_deg=0.0, proximal_wobble_deg=0.0)
PERFECT = SensorModel.perfect()
GROUPS = (MuscleGroup.ELBOW_FLEXORS, MuscleGroup.PLANTARFLEXORS, MuscleGroup.KNEE_FLEXORS)


@pytest.fixture(scope="module", params=GROUPS)
def exam(request: pytest.FixtureRequest) -> VirtualExam:
    patient = draw_patient("1+", request.param, seed=3)
    return simulate_exam(patient, seed=6, examiner=STEADY, sensors=PERFECT, plan=SHORT)


def elbow_exam(sensors: SensorModel, *, seed: int = 2) -> VirtualExam:
    patient = draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=4)
    return simulate_exam(patient, seed=seed, examiner=STEADY, sensors=sensors, plan=replace(SHORT, slow=0))


def test_units_at_rest_read_gravity_and_no_rotation(exam: VirtualExam) -> None:
    assert np.linalg.norm(exam.imu_proximal.acc_m_s2, axis=1) == pytest.approx(GRAVITY_M_S2, abs=1e-6)
    assert np.abs(exam.imu_proximal.gyr_rad_s).max() < 1e-9
    resting = exam.imu_distal.time_s < 0.8
    assert np.linalg.norm(exam.imu_distal.acc_m_s2[resting], axis=1) == pytest.approx(GRAVITY_M_S2, abs=0.02)


def test_rotation_of_the_moved_unit_is_the_joints_about_one_axis_and_sums_up_to_its_angle(exam: VirtualExam) -> None:
    gyr, time_s = exam.imu_distal.gyr_rad_s, exam.imu_distal.time_s
    axis = np.linalg.svd(gyr, full_matrices=False)[2][0]
    along = gyr @ axis
    assert np.linalg.norm(gyr - np.outer(along, axis), axis=1).max() < 1e-9
    velocity = np.interp(time_s, exam.true_angle.time_s, np.radians(exam.true_series.velocity_deg_s))
    sign = np.sign(along @ velocity)
    travelled = np.concatenate([[0.0], np.cumsum(0.5 * np.diff(time_s) * (along[1:] + along[:-1]))]) * sign
    stretch_sign = MUSCLES[exam.patient.muscle_group].stretch_sign
    angle = np.interp(time_s, exam.true_angle.time_s, exam.true_angle.angle_deg)
    error = stretch_sign * np.degrees(travelled) - (angle - angle[0])
    assert np.abs(error).max() < 1.0
    assert np.ptp(angle) > 20


def test_gravity_tells_the_tilt_of_the_resting_segment(exam: VirtualExam) -> None:
    bare = replace(PERFECT, mounting_deg=0.0)
    straight = simulate_exam(exam.patient, seed=6, examiner=STEADY, sensors=bare, plan=SHORT)
    x, y, z = straight.imu_distal.acc_m_s2[10]
    start = MUSCLES[exam.patient.muscle_group].stretch_sign * straight.true_angle.angle_deg[0]
    zero = MUSCLES[exam.patient.muscle_group].stretch_sign * exam.patient.joint_angle_deg(0.0)
    tilt_deg = exam.patient.posture.tilt_start_deg + start - zero
    found_deg = np.degrees(np.arctan2(y, -x))  # the segment's x axis points to its far end, gravity down
    assert (found_deg - tilt_deg + 180) % 360 - 180 == pytest.approx(0.0, abs=1.0)
    assert abs(z) == pytest.approx(GRAVITY_M_S2 * np.sin(np.radians(exam.patient.posture.plane_tilt_deg)), abs=0.01)


def test_specific_force_is_the_second_derivative_of_the_units_path_less_gravity() -> None:
    bare = replace(PERFECT, mounting_deg=0.0, imu_rate_hz=250.0)
    exam = elbow_exam(bare)
    n = exam.imu_distal.time_s.size
    assert exam.imu_distal.time_s == pytest.approx(exam.true_angle.time_s[:n], abs=1e-9)
    posture = exam.patient.posture
    tilt = np.radians(posture.tilt_start_deg + 140.0 - exam.true_angle.angle_deg)[:n]
    length = limb_of(MuscleGroup.ELBOW_FLEXORS, exam.patient.subject).segment_length_m
    far, aside = bare.lever_fraction * length, bare.offset_m
    path = np.stack([far * np.cos(tilt) - aside * np.sin(tilt), far * np.sin(tilt) + aside * np.cos(tilt)], axis=1)
    accelerated = np.gradient(np.gradient(path, 1 / 250.0, axis=0), 1 / 250.0, axis=0)
    in_plane = accelerated - GRAVITY_M_S2 * np.array([np.cos(np.radians(posture.plane_tilt_deg)), 0.0])
    x = np.cos(tilt) * in_plane[:, 0] + np.sin(tilt) * in_plane[:, 1]
    y = -np.sin(tilt) * in_plane[:, 0] + np.cos(tilt) * in_plane[:, 1]
    inner = slice(5, -5)
    for column, known in enumerate(
        (x, y)
    ):  # differences over 4 ms blunt the sharpest jerks, hence not the largest error
        error = np.abs(exam.imu_distal.acc_m_s2[inner, column] - known[inner])
        assert np.percentile(error, 99) < 0.02 * np.ptp(known)
    assert np.ptp(y) > 5


def test_both_units_share_the_swing_of_the_whole_limb() -> None:
    swinging = replace(PERFECT, mounting_deg=0.0, proximal_swing_deg=3.0)
    exam = elbow_exam(swinging)
    proximal, distal = exam.imu_proximal, exam.imu_distal
    resting = proximal.time_s < 0.8
    # with equal axes, the resting limb turns as one: what both feel has the same size at the same times
    assert np.linalg.norm(proximal.gyr_rad_s[resting], axis=1) == pytest.approx(
        np.linalg.norm(distal.gyr_rad_s[resting], axis=1), abs=2e-3
    )
    assert np.linalg.norm(proximal.gyr_rad_s[resting], axis=1).max() > 0.005


def test_proximal_unit_follows_the_sway_of_its_segment() -> None:
    bare = replace(PERFECT, mounting_deg=0.0)
    patient = draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=4)
    exam = simulate_exam(patient, seed=2, examiner=replace(STEADY, proximal_wobble_deg=2.0), sensors=bare, plan=SHORT)
    turned = np.interp(exam.imu_proximal.time_s, exam.true_angle.time_s, exam.true_series.proximal_deg)
    found = np.gradient(np.radians(turned), exam.imu_proximal.time_s)
    assert np.abs(exam.imu_proximal.gyr_rad_s[2:-2, 2] - found[2:-2]).max() < 0.01
    assert np.ptp(turned) > 1


def test_force_is_torque_over_lever(exam: VirtualExam) -> None:
    push = np.interp(exam.force.time_s, exam.true_angle.time_s, exam.true_series.push_Nm)
    worst = np.abs(np.diff(exam.true_series.push_Nm)).max()
    assert np.abs(exam.force.force_N * exam.force.lever_m - push).max() <= worst
    assert np.median(np.abs(exam.force.force_N * exam.force.lever_m - push)) < 1e-6 + 1e-3 * np.abs(push).max()
    assert not exam.force.moment_Nm.any()


def test_emg_grows_with_the_reflex_and_is_quiet_without() -> None:
    laws = SeverityParams(laws=(ReflexLaw.LENGTH_VELOCITY,))
    patient = draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=4, params=laws)
    exam = simulate_exam(patient, seed=2, plan=SHORT)
    fast = exam.truth.stretches[1]
    time_s, emg_V = exam.emg.time_s, exam.emg.emg_V
    caught = emg_V[(time_s > fast.end_s - 0.1) & (time_s < fast.end_s + 0.1)]
    resting = emg_V[time_s < 0.8]
    assert caught.std() > 5 * resting.std()
    assert abs(emg_V.mean()) < 1e-6


def test_lost_samples_are_missing_rows_and_streams_have_their_own_times() -> None:
    exam = elbow_exam(replace(SensorModel(), loss_fraction=0.05, loss_burst=3.0))
    full = elbow_exam(replace(SensorModel(), loss_fraction=0.0))
    kept = exam.imu_distal.time_s.size / full.imu_distal.time_s.size
    assert 0.88 < kept < 0.99
    assert (np.diff(exam.imu_distal.time_s) > 0).all()
    assert np.diff(exam.imu_distal.time_s).max() > 0.018
    assert np.diff(full.imu_distal.time_s).max() < 0.0145
    starts = [stream.time_s[0] for stream in (full.imu_distal, full.imu_proximal, full.force, full.emg)]
    assert len(set(starts)) == len(starts)


def test_noise_and_bias_have_their_size() -> None:
    noisy = replace(PERFECT, gyr_noise_rad_s=0.02, acc_noise_m_s2=0.1, force_noise_N=0.5)
    still, plain = elbow_exam(noisy), elbow_exam(PERFECT)
    assert still.imu_proximal.gyr_rad_s.std() == pytest.approx(0.02, rel=0.1)
    assert (still.imu_proximal.acc_m_s2 - still.imu_proximal.acc_m_s2.mean(axis=0)).std() == pytest.approx(0.1, rel=0.1)
    assert (still.force.force_N - plain.force.force_N).std() == pytest.approx(0.5, rel=0.1)
    biased = elbow_exam(replace(PERFECT, gyr_bias_rad_s=0.05))
    assert np.ptp(biased.imu_proximal.gyr_rad_s, axis=0).max() < 1e-9
    assert np.abs(biased.imu_proximal.gyr_rad_s).max() > 0.005


def test_noise_is_normal_far_into_its_tails_and_no_sample_tells_of_another() -> None:
    noise = draw_normal(np.random.default_rng(5), (3, 333_333))  # odd, so that one draw of a pair is left over
    size = noise.size
    assert abs(noise.mean()) < 4.0 / np.sqrt(size)
    for bound, share in ((0.5, 0.308538), (1.0, 0.158655), (2.0, 0.0227501), (3.0, 0.00134990), (4.0, 3.16712e-5)):
        for beyond in (noise > bound, noise < -bound):
            assert abs(beyond.mean() - share) < 4.5 * np.sqrt(share / size)
    flat = noise.ravel()
    pairs = [(flat[:-lag], flat[lag:]) for lag in (1, 2, size // 2, size // 2 + 1, size // 3)]
    for one, other in pairs:
        for kind in (lambda x: x, np.square, np.sign):
            assert abs(np.corrcoef(kind(one), kind(other))[0, 1]) < 4.5 / np.sqrt(one.size)


def test_skin_bends_the_measured_rotation() -> None:
    soft, hard = elbow_exam(replace(PERFECT, soft_tissue_deg=2.0)), elbow_exam(PERFECT)
    assert np.abs(soft.imu_proximal.gyr_rad_s).max() > 0.005
    assert not np.abs(hard.imu_proximal.gyr_rad_s).max() > 1e-9


def test_reference_pose_is_the_true_angle_before_the_first_stretch() -> None:
    exam = elbow_exam(SensorModel())
    angle = np.interp(exam.reference_pose.time_s, exam.true_angle.time_s, exam.true_angle.angle_deg)
    assert exam.reference_pose.angle_deg == pytest.approx(angle)
    assert exam.reference_pose.time_s < exam.truth.stretches[0].start_s
    wrong = elbow_exam(replace(SensorModel(), reference_error_deg=5.0))
    assert wrong.reference_pose.angle_deg != pytest.approx(angle, abs=0.01)


def test_impossible_sensors_and_samples_are_refused() -> None:
    with pytest.raises(DataError, match="imu_rate_hz"):
        SensorModel(imu_rate_hz=0.0)
    with pytest.raises(DataError, match="loss_fraction"):
        SensorModel(loss_fraction=1.0)
    with pytest.raises(DataError, match=r"VirtualImu.acc_m_s2"):
        VirtualImu(time_s=np.arange(3.0), acc_m_s2=np.zeros((2, 3)), gyr_rad_s=np.zeros((3, 3)))
