"""Sources together: drift is taken off, zeros are found, gaps are filled, and disagreement is said."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.errors import AnalysisError
from analysis.fusion import fuse_angles
from analysis.model import FloatArray, JointAngle, Source, Zero


def movement(time_s: FloatArray) -> FloatArray:
    """Stretch slowly, then fast, and back; degrees of flexion."""
    return np.asarray(
        60.0 + 35.0 * np.sin(0.9 * time_s) + 20.0 * np.tanh(20.0 * np.sin(0.5 * time_s)), dtype=np.float64
    )


def inertial(length_s: float = 60.0, *, drift_deg_s: float = 0.0, seed: int = 0, **changes: object) -> JointAngle:
    time_s = np.arange(0.0, length_s, 0.01)
    noise = np.random.default_rng(seed).normal(0.0, 0.1, time_s.size)
    angle = JointAngle(
        time_s=time_s,
        angle_deg=movement(time_s) + drift_deg_s * time_s + noise,
        sd_deg=1.0 + drift_deg_s * time_s,
        source=Source.IMU,
        zero=Zero.REFERENCE_POSE,
        bandwidth_hz=50.0,
    )
    return replace(angle, **changes)  # type: ignore[arg-type]


def video(length_s: float = 60.0, *, offset_deg: float = 0.0, noise_deg: float = 3.0, seed: int = 1) -> JointAngle:
    """Thirty frames a second whose error wanders within a second or so."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(0.0, length_s, 1.0 / 30.0)
    knots_s = np.arange(0.0, length_s + 1.4, 0.7)
    wander = np.interp(time_s, knots_s, rng.normal(0.0, noise_deg, knots_s.size))
    return JointAngle(
        time_s=time_s,
        angle_deg=movement(time_s) + offset_deg + wander,
        sd_deg=np.full(time_s.size, noise_deg),
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=15.0,
    )


def rms(angle: JointAngle) -> float:
    error = angle.angle_deg - movement(angle.time_s)
    return float(np.sqrt(np.nanmean(error**2)))


def test_one_source_alone_stays_as_it_is() -> None:
    alone = inertial()
    assert fuse_angles(alone, []).angle is alone


def test_drift_is_held_by_the_video_and_the_movement_stays_the_sensors() -> None:
    fused, drifting, seen = [], [], []
    for seed in range(5):
        lead, other = inertial(drift_deg_s=0.05, seed=seed), video(seed=seed + 10)
        found = fuse_angles(lead, [other]).angle
        fused.append(rms(found))
        drifting.append(rms(lead))
        seen.append(rms(other))
        quick = np.diff(found.angle_deg - lead.angle_deg)
        assert np.abs(quick).max() < 0.05
    assert np.median(fused) < 0.85 * np.median(drifting)
    assert np.median(fused) < np.median(seen)


def test_a_steady_sensor_is_not_spoiled_by_a_noisy_video() -> None:
    lead = inertial()
    found = fuse_angles(lead, [video(noise_deg=5.0, offset_deg=4.0)])
    assert rms(found.angle) <= rms(lead) + 1.0
    assert found.errors[0].offset_deg == pytest.approx(4.0, abs=2.5)
    assert found.warnings == ()


def test_a_relative_angle_takes_its_zero_from_the_video() -> None:
    lead = inertial()
    relative = replace(lead, angle_deg=lead.angle_deg - 60.0, zero=Zero.RELATIVE)
    found = fuse_angles(relative, [video(noise_deg=2.0)])
    assert found.angle.zero is Zero.ANATOMICAL
    assert rms(found.angle) <= 2.5


def test_what_the_sensors_missed_is_filled_and_less_certain() -> None:
    lead = inertial()
    lost = (lead.time_s > 20.0) & (lead.time_s < 24.0)
    holed = replace(lead, angle_deg=np.where(lost, np.nan, lead.angle_deg))
    found = fuse_angles(holed, [video(offset_deg=6.0, noise_deg=2.0)]).angle
    inside = lost & (lead.time_s > 20.1) & (lead.time_s < 23.9)
    assert np.isfinite(found.angle_deg[inside]).all()
    error = found.angle_deg[inside] - movement(lead.time_s[inside])
    assert np.sqrt(np.mean(error**2)) <= 4.0
    assert np.median(found.sd_deg[inside]) > np.median(found.sd_deg[~lost])


def test_the_stated_deviation_is_about_what_the_fused_angle_errs() -> None:
    scores = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        lead = inertial(drift_deg_s=float(rng.normal(0.0, 0.02)), seed=seed, sd_deg=np.full(6000, 1.0))
        found = fuse_angles(lead, [video(seed=seed + 50, offset_deg=float(rng.normal(0.0, 3.0)))]).angle
        scores.append(np.sqrt(np.mean(((found.angle_deg - movement(found.time_s)) / found.sd_deg) ** 2)))
    assert 0.1 <= np.median(scores) <= 1.5


def test_disagreement_beyond_uncertainty_is_said() -> None:
    lead, other = inertial(), video(noise_deg=2.0)
    swapped = replace(other, angle_deg=120.0 - other.angle_deg)
    assert any("times what both state" in said for said in fuse_angles(lead, [swapped]).warnings)
    shifted = replace(other, angle_deg=other.angle_deg + 40.0)
    assert any("40 deg apart" in said or "deg apart" in said for said in fuse_angles(lead, [shifted]).warnings)
    assert fuse_angles(lead, [other]).warnings == ()


def test_two_sources_without_common_time_are_refused_by_name() -> None:
    late = video()
    late = replace(late, time_s=late.time_s + 100.0)
    with pytest.raises(AnalysisError, match=r"together for 0\.0 s"):
        fuse_angles(inertial(), [late])
