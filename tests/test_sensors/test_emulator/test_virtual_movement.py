"""What virtual units measure before, while and after a movement, and which faults are drawn."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.errors import DataError
from analysis.muscles import MuscleGroup
from analysis.simulate import SensorModel, draw_patient
from sensors.emulator.faults import FaultKind, draw_faults
from sensors.emulator.movement import Movement, Replay
from sensors.emulator.patient import replayable_exam, signals_of
from sensors.packets import Channel, Role

TIME_S = np.linspace(0.0, 10.0, 101)
RAMP = Replay(time_s=TIME_S, values=np.column_stack([TIME_S, -TIME_S]))


@given(st.lists(st.floats(-5.0, 20.0), min_size=1, max_size=20))
def test_a_replay_is_linear_between_its_samples_and_held_at_its_ends(times: list[float]) -> None:
    asked = np.array(times)
    expected = np.clip(asked, 0.0, 10.0)
    np.testing.assert_allclose(RAMP.read(asked), np.column_stack([expected, -expected]), atol=1e-9)


@pytest.mark.parametrize("times", [[0.0, 0.0], [1.0, 0.0], [0.0]])
def test_a_replay_needs_times_that_grow(times: list[float]) -> None:
    with pytest.raises(DataError, match="increasing times"):
        Replay(time_s=np.array(times), values=np.zeros((len(times), 1)))


@given(world_s=st.floats(0.0, 1000.0), begins_s=st.none() | st.floats(0.0, 1000.0))
def test_until_it_begins_the_rest_goes_to_and_fro(world_s: float, begins_s: float | None) -> None:
    movement = Movement(signals={Channel.FORCE: RAMP}, rest_s=0.5, begins_s=begins_s)
    (read,) = movement.read(Channel.FORCE, np.array([world_s]))
    if begins_s is not None and world_s >= begins_s:
        assert read[0] == pytest.approx(min(world_s - begins_s, 10.0), abs=1e-9)
    else:
        assert 0.0 <= read[0] <= 0.5


def test_the_rest_joins_the_movement_without_a_jump() -> None:
    movement = Movement(signals={Channel.FORCE: RAMP}, rest_s=0.5, begins_s=7.0)
    world_s = np.arange(0.0, 9.0, 0.001)
    assert np.abs(np.diff(movement.read(Channel.FORCE, world_s)[:, 0])).max() < 0.0011


def test_an_exam_is_replayed_as_its_sensors_saw_it() -> None:
    patient = draw_patient("2", MuscleGroup.ELBOW_FLEXORS, seed=3)
    exam = replayable_exam(patient, seed=3, sensors=SensorModel(loss_fraction=0.2))
    assert np.allclose(np.diff(exam.imu_distal.time_s), 0.001)
    signals = signals_of(exam)
    assert set(signals) == {Role.PROXIMAL, Role.DISTAL, Role.FORCE}
    at = np.array([5.0])
    index = int(np.searchsorted(exam.imu_distal.time_s, 5.0 - 1e-9))
    np.testing.assert_allclose(
        signals[Role.DISTAL].read(at)[0], np.r_[exam.imu_distal.acc_m_s2[index], exam.imu_distal.gyr_rad_s[index]]
    )


@given(seed=st.integers(0, 1000), n=st.integers(1, 60))
def test_faults_are_drawn_evenly_in_order_and_the_same_every_time(seed: int, n: int) -> None:
    faults = draw_faults(n, units=3, from_s=2.0, to_s=50.0, seed=seed)
    assert faults == draw_faults(n, units=3, from_s=2.0, to_s=50.0, seed=seed)
    times = [fault.at_s for fault in faults]
    assert times == sorted(times)
    assert all(2.0 <= at_s <= 50.0 for at_s in times)
    assert {fault.unit for fault in faults} <= {0, 1, 2}
    counts = Counter(fault.kind for fault in faults)
    assert max(counts.values()) - min(counts.get(kind, 0) for kind in FaultKind) <= 1
