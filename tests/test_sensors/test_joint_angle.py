"""The angle of a planted hinge comes back, whatever the mounting, the losses and the direction of gravity."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import signal
from scipy.spatial.transform import Rotation

from analysis.errors import CatchangleError
from analysis.model import ReferencePose, Source, Zero
from sensors.errors import SensorError
from sensors.joint_angle import ImuAngle, ImuAngleParams, angle_from_imus
from sensors.samples import ImuSamples

Plant = Callable[..., Any]  # conftest's `plant`: a plan's changes to what was planted
VERTICAL = (0.0, 0.0, 1.0)
SLOW_FAST = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def errors_deg(found: ImuAngle, planted: Any) -> np.ndarray:  # noqa: ANN401 (Planted lives in conftest)
    error = found.angle.angle_deg - planted.truth(found.angle.time_s)
    return error - np.nanmean(error)


def rmse_deg(found: ImuAngle, planted: Any) -> float:  # noqa: ANN401
    return float(np.sqrt(np.nanmean(errors_deg(found, planted) ** 2)))


def velocity_peak(time_s: np.ndarray, angle_deg: np.ndarray) -> tuple[float, float]:
    sos = signal.butter(2, 20.0, fs=1 / np.median(np.diff(time_s)), output="sos")
    velocity = np.gradient(signal.sosfiltfilt(sos, angle_deg), time_s)
    at = int(np.argmax(velocity))
    around = slice(at - 3, at + 4)
    bend, slope, _ = np.polyfit(time_s[around] - time_s[at], velocity[around], 2)
    return float(velocity[at]), float(time_s[at] - slope / (2 * bend))


def turned(samples: ImuSamples, rotation: Rotation) -> ImuSamples:
    return replace(
        samples,
        acc_m_s2=samples.acc_m_s2 @ rotation.as_matrix().T,
        gyr_rad_s=samples.gyr_rad_s @ rotation.as_matrix().T,
    )


def part(samples: ImuSamples, keep: np.ndarray) -> ImuSamples:
    return ImuSamples(time_s=samples.time_s[keep], acc_m_s2=samples.acc_m_s2[keep], gyr_rad_s=samples.gyr_rad_s[keep])


@SLOW_FAST
@given(
    seed=st.integers(0, 10_000),
    axis=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda a: np.linalg.norm(a) > 0.2),
    range_deg=st.floats(40, 120),
    fast_deg_s=st.floats(180, 550),
    loss=st.floats(0, 0.02),
    direction=st.sampled_from([1.0, -1.0]),
)
def test_angle_peak_velocity_and_its_instant(  # noqa: PLR0917 (what Hypothesis draws)
    plant: Plant,
    seed: int,
    axis: tuple[float, float, float],
    range_deg: float,
    fast_deg_s: float,
    loss: float,
    direction: float,
) -> None:
    change = direction * range_deg
    movements = ((change, range_deg / 20), (-change, 2.0), (change, 1.875 * range_deg / fast_deg_s), (-change, 2.0))
    planted = plant(seed=seed, axis=axis, movements=movements, loss=loss, wobble_deg=0.1)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=int(direction))
    assert rmse_deg(found, planted) < 1.0
    time = found.angle.time_s
    speed, instant = velocity_peak(time, direction * found.angle.angle_deg)
    true_speed, true_instant = velocity_peak(time, direction * planted.truth(time))
    assert speed == pytest.approx(true_speed, rel=0.02)
    assert instant == pytest.approx(true_instant, abs=0.005)


@pytest.mark.parametrize("seed", range(4))
def test_small_range_of_an_ankle(plant: Plant, seed: int) -> None:
    planted = plant(seed=seed, movements=((20.0, 1.0), (-20.0, 1.0), (20.0, 0.15)), wobble_deg=0.1)
    assert rmse_deg(angle_from_imus(planted.proximal, planted.distal, stretch_sign=1), planted) < 0.5


@pytest.mark.parametrize("seed", range(3))
def test_mounting_leaves_the_angle_alone(plant: Plant, seed: int) -> None:
    planted = plant(seed=seed)
    plain = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    flips = Rotation.random(2, random_state=seed)
    other = angle_from_imus(turned(planted.proximal, flips[0]), turned(planted.distal, flips[1]), stretch_sign=1)
    np.testing.assert_allclose(other.angle.angle_deg, plain.angle.angle_deg, atol=0.05)


def test_first_large_movement_is_the_stretch(plant: Plant) -> None:
    planted = plant(movements=((-8.0, 1.0), (8.0, 1.0), (70.0, 3.0), (-70.0, 2.0), (70.0, 0.4)))
    grows = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    falls = angle_from_imus(planted.proximal, planted.distal, stretch_sign=-1)
    assert rmse_deg(grows, planted) < 1.0
    np.testing.assert_allclose(falls.angle.angle_deg, -grows.angle.angle_deg, atol=1e-9)
    np.testing.assert_allclose(falls.tilt.tilt_deg, -grows.tilt.tilt_deg, atol=1e-9)


def test_without_reference_pose_the_angle_starts_at_zero_and_says_so(plant: Plant) -> None:
    planted = plant()
    angle = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1).angle
    assert angle.zero is Zero.RELATIVE
    assert angle.source is Source.IMU
    assert angle.angle_deg[0] == 0.0


def test_reference_pose_fixes_the_zero(plant: Plant) -> None:
    planted = plant()
    pose = ReferencePose(time_s=3.21, angle_deg=float(planted.truth(np.array([3.21]))[0]))
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1, reference_pose=pose)
    assert found.angle.zero is Zero.REFERENCE_POSE
    assert np.interp(3.21, found.angle.time_s, found.angle.angle_deg) == pytest.approx(pose.angle_deg, abs=1e-9)
    np.testing.assert_allclose(found.angle.angle_deg, planted.truth(found.angle.time_s), atol=2.0)


def test_several_turns_are_not_wrapped(plant: Plant) -> None:
    planted = plant(movements=((900.0, 8.0), (-900.0, 6.0)))
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert np.ptp(found.angle.angle_deg) == pytest.approx(900.0, rel=0.02)
    assert np.abs(np.diff(found.angle.angle_deg)).max() < 3.0


def test_single_losses_are_bridged_and_long_gaps_stay_missing(plant: Plant) -> None:
    planted = plant(loss=0.01)
    time = planted.distal.time_s
    holed = part(planted.distal, (time < 2.0) | (time > 2.2))
    angle = angle_from_imus(planted.proximal, holed, stretch_sign=1).angle
    inside = (angle.time_s > time[time < 2.0][-1]) & (angle.time_s < time[time > 2.2][0])
    assert np.isnan(angle.angle_deg[inside]).all()
    assert np.isnan(angle.sd_deg[inside]).all()
    assert np.isfinite(angle.angle_deg[~inside]).all()
    longer = angle_from_imus(planted.proximal, holed, stretch_sign=1, params=ImuAngleParams(max_gap_s=0.5)).angle
    assert np.isfinite(longer.angle_deg).all()


def test_own_rates_and_starts(plant: Plant) -> None:
    planted = plant(rate_hz=(104.0, 199.3), start_s=(0.21, 0.0), jitter_s=0.001)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert found.angle.time_s[0] >= max(planted.proximal.time_s[0], planted.distal.time_s[0])
    assert found.angle.rate_hz == pytest.approx(199.3, rel=0.01)
    assert found.angle.bandwidth_hz == pytest.approx(52.0, rel=0.02)
    assert rmse_deg(found, planted) < 1.0


@pytest.mark.parametrize("proximal_deg", [5.0, 12.0])
@pytest.mark.parametrize("seed", range(3))
def test_moving_proximal_segment_is_taken_out(plant: Plant, seed: int, proximal_deg: float) -> None:
    planted = plant(seed=seed, axis=(0.5, 0.6, 0.6), proximal_deg=proximal_deg, proximal_axis=(0.6, 0.2, 0.5))
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert rmse_deg(found, planted) < 1.0
    assert np.ptp(found.tilt.tilt_deg) > np.ptp(found.angle.angle_deg)


def test_planar_swing_of_the_proximal_segment_is_said_to_be_ambiguous(plant: Plant) -> None:
    planted = plant(axis=(1.0, 0.0, 0.0), proximal_axis=(1.0, 0.0, 0.0), proximal_deg=15.0)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert any("direction" in warning for warning in found.warnings)
    assert np.nanmedian(found.angle.sd_deg) > 3.0


def test_planar_sway_that_the_joint_does_not_drag_along_is_left_out_and_covered(plant: Plant) -> None:
    twice = 0
    for seed in range(4):
        planted = plant(seed=seed, axis=(1.0, 0.0, 0.0), proximal_axis=(1.0, 0.0, 0.0), sway_deg=2.0, wobble_deg=0.1)
        found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
        assert any("direction" in warning for warning in found.warnings)
        assert np.nanmean(np.abs(errors_deg(found, planted)) <= 1.96 * found.angle.sd_deg) > 0.85
        assert np.nanmedian(found.angle.sd_deg) < 4.0
        twice += bool(np.nanmax(np.abs(errors_deg(found, planted))) > 3.0)
    assert twice <= 1  # added with the wrong sign, the sway counts twice


@pytest.mark.parametrize("seed", range(3))
def test_a_small_turn_of_the_proximal_segment_is_taken_out(plant: Plant, seed: int) -> None:
    planted = plant(seed=seed, axis=(0.5, 0.6, 0.6), sway_deg=0.7, proximal_axis=(0.6, 0.2, 0.5), wobble_deg=0.1)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert rmse_deg(found, planted) < 0.3


@pytest.mark.parametrize("share", [1.0, 0.6, 0.0])
def test_tilt_knows_its_share_of_gravity(plant: Plant, share: float) -> None:
    planted = plant(axis=(share, 0.0, np.sqrt(1 - share**2)))
    tilt = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1).tilt
    assert tilt.in_plane == pytest.approx(share, abs=0.05)
    true = np.interp(tilt.time_s, planted.fine_s, planted.angle_deg)
    np.testing.assert_allclose(tilt.tilt_deg - tilt.tilt_deg[0], true - true[0], atol=2.0)


def test_vertical_axis_lives_on_the_position_it_rests_in_and_says_so(plant: Plant) -> None:
    planted = plant(axis=VERTICAL)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert rmse_deg(found, planted) < 1.0
    assert any("vertical" in warning and "same positions" in warning for warning in found.warnings)


def test_vertical_axis_without_a_common_position_lives_on_rests_and_says_so(plant: Plant) -> None:
    movements = ((70.0, 4.0), (-50.0, 2.0), (62.0, 0.3), (-30.0, 2.0), (-25.0, 1.0))
    planted = plant(axis=VERTICAL, movements=movements)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert rmse_deg(found, planted) < 1.0
    assert any("vertical" in warning and "rests alone" in warning for warning in found.warnings)


def test_vertical_axis_knows_how_little_rests_at_much_the_same_position_tell(plant: Plant) -> None:
    covered = []
    for seed in range(2, 10):
        starts = np.random.default_rng(seed).uniform(0.0, 5.0, 6)
        stops = [stop for start in starts for stop in (start, 70.0)]
        movements = tuple((float(step), 1.2) for step in np.diff(stops))
        planted = plant(seed=seed, axis=VERTICAL, movements=movements, rest_s=0.8, wobble_deg=0.1)
        found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
        covered.append(np.nanmean(np.abs(errors_deg(found, planted)) <= 1.96 * found.angle.sd_deg))
    assert np.mean(covered) > 0.9  # the positions that were chosen scatter less than all that are alike


def test_vertical_axis_without_rest_lives_on_its_ends(plant: Plant) -> None:
    planted = plant(axis=VERTICAL, movements=((80.0, 1.0), (-80.0, 1.0)) * 30, rest_s=0.0)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert rmse_deg(found, planted) < 1.0
    assert any("same positions" in warning for warning in found.warnings)


def test_ends_that_contradict_are_not_held_to_be_the_same(plant: Plant) -> None:
    rng = np.random.default_rng(3)
    change = 80.0 + rng.uniform(-25, 25, 30)
    movements = tuple((sign * float(c), 1.0) for c in change for sign in (1.0, -1.0))
    planted = plant(axis=VERTICAL, movements=movements, rest_s=0.0)
    found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
    assert any("scatter" in warning for warning in found.warnings)
    assert any("may have drifted" in warning for warning in found.warnings)
    error = errors_deg(found, planted)
    assert np.mean(np.abs(error) < 1.96 * found.angle.sd_deg) > 0.9


@pytest.mark.parametrize("seed", range(3))
def test_gravity_removes_a_bias_that_no_rest_shows(plant: Plant, seed: int) -> None:
    planted = plant(seed=seed, movements=((80.0, 0.7), (-80.0, 0.7)) * 40, rest_s=0.0, gyr_bias_deg_s=2.0)
    assert rmse_deg(angle_from_imus(planted.proximal, planted.distal, stretch_sign=1), planted) < 1.0


def test_standard_deviation_covers_the_error(plant: Plant) -> None:
    covered = []
    for seed in range(8):
        planted = plant(seed=seed, axis=tuple(np.random.default_rng(seed).normal(size=3)))
        found = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)
        covered.append(np.mean(np.abs(errors_deg(found, planted)) < 1.96 * found.angle.sd_deg))
        assert np.nanmax(found.angle.sd_deg) < 2.0
    assert np.mean(covered) > 0.9


def test_frozen_sensors_are_noticed(plant: Plant) -> None:
    planted = plant()
    distal, proximal = planted.distal, planted.proximal
    still = proximal.time_s > 4.0
    acc, gyr = proximal.acc_m_s2.copy(), proximal.gyr_rad_s.copy()
    acc[still], gyr[still] = acc[still][0], gyr[still][0] + 0.2
    found = angle_from_imus(replace(proximal, acc_m_s2=acc, gyr_rad_s=gyr), distal, stretch_sign=1)
    assert any("proximal" in warning and "repeated" in warning for warning in found.warnings)
    assert any("taken to be still" in warning for warning in found.warnings)
    assert rmse_deg(found, planted) < 1.0
    moving = int(np.argmax(np.linalg.norm(distal.gyr_rad_s, axis=1)))
    stuck = slice(moving, moving + 150)
    gyr = distal.gyr_rad_s.copy()
    acc = distal.acc_m_s2.copy()
    gyr[stuck], acc[stuck] = gyr[moving], acc[moving]
    found = angle_from_imus(proximal, replace(distal, acc_m_s2=acc, gyr_rad_s=gyr), stretch_sign=1)
    hidden = (found.angle.time_s > distal.time_s[moving + 1]) & (found.angle.time_s < distal.time_s[moving + 148])
    assert np.isnan(found.angle.angle_deg[hidden]).all()


def test_time_shift_moves_only_the_times(plant: Plant) -> None:
    planted = plant()
    late = [replace(stream, time_s=stream.time_s + 100.0) for stream in (planted.proximal, planted.distal)]
    plain = angle_from_imus(planted.proximal, planted.distal, stretch_sign=1).angle
    moved = angle_from_imus(*late, stretch_sign=1).angle
    np.testing.assert_allclose(moved.time_s - 100.0, plain.time_s[: moved.time_s.size], atol=1e-6)
    np.testing.assert_allclose(moved.angle_deg, plain.angle_deg[: moved.time_s.size], atol=1e-3)


class TestRefusals:
    def test_no_overlap(self, plant: Plant) -> None:
        planted = plant()
        late = replace(planted.distal, time_s=planted.distal.time_s + 1000.0)
        with pytest.raises(SensorError, match="never recorded together"):
            angle_from_imus(planted.proximal, late, stretch_sign=1)

    def test_too_short(self, plant: Plant) -> None:
        planted = plant()
        with pytest.raises(SensorError, match="share only"):
            angle_from_imus(planted.proximal, part(planted.distal, planted.distal.time_s < 1.0), stretch_sign=1)

    def test_no_movement(self, plant: Plant) -> None:
        planted = plant(movements=((0.5, 2.0),), rest_s=3.0)
        with pytest.raises(SensorError, match="too little movement"):
            angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)

    def test_clipped_gyroscope(self, plant: Plant) -> None:
        planted = plant(movements=((90.0, 4.0), (-90.0, 2.0), (90.0, 0.3)))
        top = np.deg2rad(250.0)
        clipped = replace(planted.distal, gyr_rad_s=np.clip(planted.distal.gyr_rad_s, -top, top))
        with pytest.raises(SensorError, match="clipped at 250"):
            angle_from_imus(planted.proximal, clipped, stretch_sign=1)

    def test_mostly_missing(self, plant: Plant) -> None:
        planted = plant()
        time = planted.distal.time_s
        with pytest.raises(SensorError, match="missing"):
            angle_from_imus(planted.proximal, part(planted.distal, (time < 3) | (time > 12)), stretch_sign=1)

    def test_dead_proximal_sensor(self, plant: Plant) -> None:
        planted = plant()
        acc, gyr = planted.proximal.acc_m_s2, planted.proximal.gyr_rad_s
        dead = replace(planted.proximal, acc_m_s2=acc * 0 + acc[0], gyr_rad_s=gyr * 0 + gyr[0])
        with pytest.raises(SensorError, match="next to nothing"):
            angle_from_imus(dead, planted.distal, stretch_sign=1)

    def test_proximal_sensor_lost_while_it_moved(self, plant: Plant) -> None:
        planted = plant(axis=(0.5, 0.6, 0.6), proximal_deg=15.0)
        time = planted.proximal.time_s
        with pytest.raises(SensorError, match="both segments moved"):
            angle_from_imus(part(planted.proximal, (time < 5) | (time > 12)), planted.distal, stretch_sign=1)

    def test_slow_stream(self, plant: Plant) -> None:
        planted = plant(rate_hz=(200.0, 10.0))
        with pytest.raises(SensorError, match="samples per second"):
            angle_from_imus(planted.proximal, planted.distal, stretch_sign=1)

    def test_reference_pose_outside(self, plant: Plant) -> None:
        planted = plant()
        pose = ReferencePose(time_s=500.0, angle_deg=0.0)
        with pytest.raises(SensorError, match="reference pose"):
            angle_from_imus(planted.proximal, planted.distal, stretch_sign=1, reference_pose=pose)

    def test_unknown_sign(self, plant: Plant) -> None:
        planted = plant()
        with pytest.raises(ValueError, match="stretch_sign"):
            angle_from_imus(planted.proximal, planted.distal, stretch_sign=0)

    @pytest.mark.parametrize("seed", range(4))
    def test_noise_is_refused_in_words(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        time = np.arange(0, 10, 0.005)
        streams = [
            ImuSamples(time_s=time, acc_m_s2=rng.normal(size=(time.size, 3)), gyr_rad_s=rng.normal(size=(time.size, 3)))
            for _ in range(2)
        ]
        try:
            found = angle_from_imus(*streams, stretch_sign=1)
        except CatchangleError as error:
            assert "\n" not in str(error)  # noqa: PT017 (either answer is right)
        else:
            assert found.warnings
