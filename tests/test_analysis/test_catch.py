"""A catch is an interruption of the examiner's movement, never the examiner's own braking."""

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from analysis.assess import assess
from analysis.catch import catch_probability, find_departure
from analysis.finding import Catch, VelocityClass
from analysis.model import Recording
from analysis.motion import track_motion
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.stretch import find_legs

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""A failing exam is readable as it is, and shrinking it takes minutes."""

ELBOW = MUSCLES[MuscleGroup.ELBOW_FLEXORS]


def fast_catches(recording: Recording) -> list[Catch | None]:
    found = assess(recording).stretches
    return [f.catch for f in found if f.stretch.velocity is VelocityClass.V3]


@settings(max_examples=15, deadline=None, phases=NO_SHRINKING)
@given(
    amplitude=st.floats(90.0, 125.0),
    fast_s=st.floats(0.25, 0.5),
    share=st.floats(0.35, 0.7),
    rebound=st.floats(4.0, 8.0),  # after a quarter of a second's stretch, 3 deg late in the range reach 0.67 only
    seed=st.integers(0, 10_000),
)
def test_planted_catch_is_found_where_it_is(
    planter: "Planter", amplitude: float, fast_s: float, share: float, rebound: float, seed: int
) -> None:
    caught = planter.caught(amplitude, fast_s, catch_share=share, rebound_deg=rebound)
    exam = planter.exam([planter.bell(amplitude, 5.0), caught, caught])
    recording = planter.recording(exam, noise_deg=0.1, seed=seed)
    catches = fast_catches(recording)
    assert len(catches) == 2
    planted_deg = 140.0 - share * amplitude
    braking_deg = 1.875 * amplitude / fast_s * 0.02  # travelled in the planted 40 ms from full speed to rest
    for catch in catches:
        assert catch is not None
        assert catch.probability > 0.8
        assert planted_deg + 3.0 >= catch.angle_deg >= planted_deg - 3.0 - braking_deg
        low, high = catch.angle_interval95_deg
        assert low <= catch.angle_deg <= high
        assert low <= planted_deg <= high


@settings(max_examples=25, deadline=None, phases=NO_SHRINKING)
@given(
    amplitude=st.floats(60.0, 125.0),
    fast_s=st.floats(0.2, 0.6),
    skew=st.floats(0.38, 0.62),
    rate=st.sampled_from([60.0, 200.0]),
    noise=st.floats(0.0, 0.3),
    seed=st.integers(0, 10_000),
)
def test_examiners_own_bell_shaped_braking_is_no_catch(
    planter: "Planter", *, amplitude: float, fast_s: float, skew: float, rate: float, noise: float, seed: int
) -> None:
    slow = planter.bell(amplitude, 5.0, rate_hz=rate)
    parts = [slow, planter.bell(amplitude, fast_s, skew=skew, rate_hz=rate)]
    recording = planter.recording(planter.exam(parts, rate_hz=rate), rate_hz=rate, noise_deg=noise, seed=seed)
    assert fast_catches(recording) == [None]


def test_stop_at_the_end_of_range_is_no_catch(planter: "Planter") -> None:
    """The limb hits the end of range and rebounds: brisk, interrupted, but not before the slow stretch ends."""
    hit = planter.caught(100.0, 0.4, catch_share=0.98, rebound_deg=4.0)
    recording = planter.recording(planter.exam([planter.bell(100.0, 5.0), hit]))
    assert fast_catches(recording) == [None]


def test_same_stop_short_of_the_slow_end_is_a_catch(planter: "Planter") -> None:
    hit = planter.caught(100.0, 0.4, catch_share=0.98, rebound_deg=4.0)
    recording = planter.recording(planter.exam([planter.bell(125.0, 5.0), hit]))
    assert [catch is not None for catch in fast_catches(recording)] == [True]


def test_slow_stretches_have_no_catch(planter: "Planter") -> None:
    halting = planter.caught(100.0, 6.0, catch_share=0.5, rebound_deg=3.0)
    found = assess(planter.recording(planter.exam([halting]))).stretches
    assert [f.stretch.velocity for f in found] == [VelocityClass.V1]
    assert found[0].catch is None


def test_robots_trapezoid_is_no_catch(planter: "Planter") -> None:
    rate = 500.0
    velocity = np.interp(np.arange(0.0, 1.6, 1 / rate), [0.0, 0.3, 0.35, 1.2, 1.25, 1.6], [0, 0, 90, 90, 0, 0])
    found = assess(planter.recording(np.cumsum(velocity) / rate, rate_hz=rate)).stretches
    assert [f.catch for f in found] == [None]


def test_interval_widens_with_the_frame_interval_and_noise(planter: "Planter") -> None:
    widths = []
    for rate, noise in ((200.0, 0.1), (30.0, 3.0)):
        caught = planter.caught(120.0, 0.5, catch_share=0.5, rebound_deg=6.0, rate_hz=rate)
        exam = planter.exam([planter.bell(120.0, 5.0, rate_hz=rate), caught], rate_hz=rate)
        catches = fast_catches(planter.recording(exam, rate_hz=rate, noise_deg=noise))
        assert catches[0] is not None
        low, high = catches[0].angle_interval95_deg
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]


def test_departure_measures_how_a_stretch_was_interrupted(planter: "Planter") -> None:
    plain, caught = planter.bell(100.0, 0.4), planter.caught(100.0, 0.4, catch_share=0.5, rebound_deg=5.0)
    seen = []
    for part in (plain, caught):
        motion = track_motion(planter.recording(planter.exam([part])).angle, stretch_sign=-1)
        leg = find_legs(motion, ELBOW)[0]
        end = float(motion.stretch_deg[leg.last])
        departure = find_departure(motion, leg, end_range_deg=end, healthy_range_deg=130.0)
        seen.append((departure, catch_probability(motion, departure, end_range_deg=end)))
    (calm, unlikely), (broken, likely) = seen
    assert abs(calm.abruptness) < 0.3
    assert calm.interruption < 0.02
    assert calm.velocity_share < 0.1
    assert broken.abruptness > 0.5
    assert broken.interruption > 0.1
    assert broken.shortfall == pytest.approx((100.0 - 50.0 - 9.4 - 5.0) / 130.0, abs=0.02)  # 9.4 deg to stop in
    assert unlikely < 0.1
    assert likely > 0.9
