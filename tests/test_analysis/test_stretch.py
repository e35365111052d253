"""Stretches are found in any source's angle, and nothing else is taken for one."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import AnalysisError
from analysis.finding import VelocityClass
from analysis.model import JointAngle, Source, Zero
from analysis.motion import track_motion
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.stretch import StretchParams, find_stretches, swings_like_pendulum, turning_points, velocity_class

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

ELBOW = MUSCLES[MuscleGroup.ELBOW_FLEXORS]


@settings(max_examples=25, deadline=None)
@given(
    amplitude=st.floats(60.0, 125.0),
    fast_s=st.floats(0.15, 0.5),
    rate=st.sampled_from([30.0, 60.0, 200.0, 500.0]),
    seed=st.integers(0, 10_000),
)
def test_slow_and_fast_stretches_are_found_with_their_ends(
    planter: "Planter", amplitude: float, fast_s: float, rate: float, seed: int
) -> None:
    noise = 3.0 if rate <= 60 else 0.1
    slow, fast = (planter.bell(amplitude, t, rate_hz=rate) for t in (5.0, fast_s))
    recording = planter.recording(
        planter.exam([slow, fast, fast], rate_hz=rate), rate_hz=rate, noise_deg=noise, seed=seed
    )
    found = find_stretches(recording.angle, ELBOW)
    assert [s.velocity for s in found] == [VelocityClass.V1, VelocityClass.V3, VelocityClass.V3]
    for stretch in found:
        assert stretch.start_deg == pytest.approx(140.0, abs=3.0 * noise + 0.03 * amplitude)
        assert stretch.end_deg == pytest.approx(140.0 - amplitude, abs=3.0 * noise + 0.04 * amplitude)
    if rate >= 200:
        assert found[1].peak_velocity_deg_s == pytest.approx(1.875 * amplitude / fast_s, rel=0.06)


def test_stretch_carried_on_after_a_catch_is_one_and_ends_at_its_first_stop(planter: "Planter") -> None:
    caught = planter.caught(100.0, 0.4, catch_share=0.6, rebound_deg=4.0)
    found = find_stretches(planter.recording(planter.exam([caught])).angle, ELBOW)
    assert len(found) == 1
    stop = 140.0 - caught[np.argmax(np.diff(caught) <= 0)]
    assert found[0].end_deg == pytest.approx(stop, abs=1.5)


@pytest.mark.parametrize("duration_s", [0.3, 6.0])
def test_one_movement_may_fill_the_recording(planter: "Planter", duration_s: float) -> None:
    found = find_stretches(planter.recording(planter.bell(80.0, duration_s)).angle, ELBOW)
    assert len(found) == 1
    assert found[0].end_deg == pytest.approx(60.0, abs=2.5)


def test_returns_drift_wobble_and_tremor_are_no_stretches(planter: "Planter") -> None:
    t = np.arange(0.0, 20.0, 0.005)
    drift = 10.0 * t / t[-1]
    wobble = 1.5 * np.sin(2 * np.pi * 0.4 * t) + 1.0 * np.sin(2 * np.pi * 5.0 * t)
    assert find_stretches(planter.recording(drift + wobble).angle, ELBOW) == ()
    returning = 100.0 - planter.bell(100.0, 0.4)
    assert find_stretches(planter.recording(returning).angle, ELBOW) == ()


def test_repositioning_between_stretches_is_no_stretch(planter: "Planter") -> None:
    parts = [planter.bell(100.0, 5.0), planter.bell(20.0, 0.8), planter.bell(100.0, 0.3)]
    found = find_stretches(planter.recording(planter.exam(parts)).angle, ELBOW)
    assert [s.velocity for s in found] == [VelocityClass.V1, VelocityClass.V3]


def test_shaking_of_a_stiff_limb_is_part_of_its_stretch(planter: "Planter") -> None:
    t = np.arange(0.0, 1.0, 0.005)
    shaking = 15.0 + 12.0 * np.exp(-t) * np.cos(2 * np.pi * 4.0 * t) - 12.0
    stiff = np.concatenate([planter.bell(15.0, 0.2), shaking])
    assert len(find_stretches(planter.recording(planter.exam([stiff])).angle, ELBOW)) == 1


def test_gaps_and_uneven_times_do_not_hide_a_stretch(planter: "Planter") -> None:
    recording = planter.recording(planter.exam([planter.bell(100.0, 5.0), planter.bell(100.0, 0.3)]))
    rng = np.random.default_rng(4)
    keep = np.sort(rng.choice(recording.angle.time_s.size, size=int(0.9 * recording.angle.time_s.size), replace=False))
    angle = recording.angle.angle_deg[keep].copy()
    angle[200:230] = np.nan
    thinned = JointAngle(
        time_s=recording.angle.time_s[keep] + rng.uniform(-0.001, 0.001, keep.size),
        angle_deg=angle,
        sd_deg=np.full(keep.size, np.nan),
        source=Source.IMU,
        zero=Zero.RELATIVE,
        bandwidth_hz=100.0,
    )
    assert [s.velocity for s in find_stretches(thinned, ELBOW)] == [VelocityClass.V1, VelocityClass.V3]


def test_slow_stretch_of_an_exam_is_v1_though_it_is_quick(planter: "Planter") -> None:
    parts = [planter.bell(100.0, 1.6), planter.bell(100.0, 0.35)]
    found = find_stretches(planter.recording(planter.exam(parts)).angle, ELBOW)
    assert [s.velocity for s in found] == [VelocityClass.V1, VelocityClass.V3]
    alone = find_stretches(planter.recording(planter.exam(parts[:1])).angle, ELBOW)
    assert [s.velocity for s in alone] == [VelocityClass.V2]


@pytest.mark.parametrize(("peak", "expected"), [(70.0, "V1"), (70.1, "V2"), (149.9, "V2"), (150.0, "V3")])
def test_velocity_bands_are_the_contracts(peak: float, expected: str) -> None:
    assert velocity_class(peak).value == expected


def test_nothing_observed_is_refused_by_name(planter: "Planter") -> None:
    recording = planter.recording(planter.bell(80.0, 1.0))
    few = np.full(recording.angle.time_s.size, np.nan)
    few[:3] = 1.0
    angle = JointAngle(
        time_s=recording.angle.time_s,
        angle_deg=few,
        sd_deg=few,
        source=Source.VIDEO,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=15.0,
    )
    with pytest.raises(AnalysisError, match="angle_deg"):
        find_stretches(angle, ELBOW)


def test_turning_points_ignore_what_is_below_the_threshold() -> None:
    values = np.array([0.0, 1.0, 0.5, 10.0, 9.5, 10.5, 2.0, 3.0, 1.0, 8.0])
    assert turning_points(values, threshold=2.0) == [0, 5, 8, 9]
    assert turning_points(np.zeros(5), threshold=1.0) == []


def test_a_dropped_limb_swings_and_an_examined_one_does_not(planter: "Planter") -> None:
    t = np.arange(0.0, 6.0, 0.01)
    swing = 60.0 - 60.0 * np.exp(-0.5 * t) * np.cos(2 * np.pi * 1.1 * t)
    knee = MUSCLES[MuscleGroup.KNEE_EXTENSORS]
    dropped = planter.recording(swing, group=MuscleGroup.KNEE_EXTENSORS, start_deg=5.0, rate_hz=100.0)
    assert swings_like_pendulum(track_motion(dropped.angle, stretch_sign=knee.stretch_sign))
    exam = planter.exam([planter.caught(100.0, 0.4, catch_share=0.6, rebound_deg=8.0)] * 4)
    assert not swings_like_pendulum(track_motion(planter.recording(exam).angle, stretch_sign=-1))


def test_bands_are_parameters(planter: "Planter") -> None:
    recording = planter.recording(planter.exam([planter.bell(100.0, 2.5)]))
    assert find_stretches(recording.angle, ELBOW)[0].velocity is VelocityClass.V2
    found = find_stretches(recording.angle, ELBOW, StretchParams(v1_max_deg_s=90.0))
    assert found[0].velocity is VelocityClass.V1
