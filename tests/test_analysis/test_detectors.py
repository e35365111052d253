"""Detectors of the catch with force on torques that were planted, and repetitions that disagree."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.detectors import disagreeing, minimum_power_catch, torque_rate_catch
from analysis.finding import Detection
from analysis.limb import limb_of
from analysis.load import LimbLoad
from analysis.model import FloatArray, Sex, Subject
from analysis.motion import Motion, track_motion
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.stretch import Leg, find_legs

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

ELBOW = MuscleGroup.ELBOW_FLEXORS
LIMB = limb_of(ELBOW, Subject(code="P1", sex=Sex.MALE, body_mass_kg=73.0, height_m=1.741))
DETECTORS = (torque_rate_catch, minimum_power_catch)


def moved(planter: "Planter", part: FloatArray, *, group: MuscleGroup = ELBOW) -> tuple[Motion, Leg]:
    """Move a limb once, as a recording of 200 Hz."""
    recording = planter.recording(planter.exam([part]), group=group)
    motion = track_motion(recording.angle, stretch_sign=MUSCLES[group].stretch_sign)
    (leg,) = find_legs(motion, MUSCLES[group])
    return motion, leg


def places(motion: Motion) -> FloatArray:
    return motion.stretch_deg - motion.stretch_deg[0]


def healthy_limb(motion: Motion) -> FloatArray:
    """Stiffness, damping and an end of range, as a healthy elbow."""
    end = 0.5 * np.expm1(10.0 * np.radians(np.maximum(places(motion) - 110.0, 0.0)))
    return 0.4 * np.radians(places(motion)) + 0.08 * np.radians(motion.velocity_deg_s) + end


def loaded(planter: "Planter", motion: Motion, excess_Nm: FloatArray | float, **changes: float) -> LimbLoad:
    healthy = healthy_limb(motion)
    return planter.load(motion, healthy + excess_Nm, healthy_Nm=healthy, **changes)


def step(motion: Motion, *, at_deg: float, width_deg: float, height_Nm: float) -> FloatArray:
    """Rise smoothly around a place."""
    return height_Nm / (1.0 + np.exp(-4.0 * (places(motion) - at_deg) / width_deg))


def found_deg(detection: Detection | None, motion: Motion) -> float:
    assert detection is not None
    assert detection.angle_deg == pytest.approx(
        motion.sign * float(np.interp(detection.time_s, motion.time_s, motion.stretch_deg))
    )
    return motion.sign * detection.angle_deg - float(motion.stretch_deg[0])


@settings(max_examples=25)
@given(
    at_deg=st.floats(65.0, 95.0), height=st.floats(2.5, 8.0), duration_s=st.floats(0.4, 0.8), width=st.floats(4.0, 12.0)
)
def test_torque_rate_finds_the_middle_of_a_planted_step(
    planter: "Planter", at_deg: float, height: float, duration_s: float, width: float
) -> None:
    motion, leg = moved(planter, planter.bell(120.0, duration_s))
    load = loaded(planter, motion, step(motion, at_deg=at_deg, width_deg=width, height_Nm=height))
    detection = torque_rate_catch(motion, leg, load, limb=LIMB)
    assert found_deg(detection, motion) == pytest.approx(at_deg, abs=3.0)
    assert detection.probability > 0.9
    assert abs(found_deg(detection, motion) - at_deg) < 3.0 * detection.sd_deg


def test_torque_rate_waits_for_the_plateau(planter: "Planter") -> None:
    motion, leg = moved(planter, planter.bell(120.0, 0.5))
    early = step(motion, at_deg=15.0, width_deg=2.0, height_Nm=6.0)
    late = step(motion, at_deg=80.0, width_deg=8.0, height_Nm=3.0)
    detection = torque_rate_catch(motion, leg, loaded(planter, motion, early + late), limb=LIMB)
    assert found_deg(detection, motion) == pytest.approx(80.0, abs=3.0)


@settings(max_examples=25)
@given(at_deg=st.floats(60.0, 95.0), height=st.floats(2.5, 8.0), duration_s=st.floats(0.4, 0.8))
def test_minimum_power_is_found_where_it_was_planted(
    planter: "Planter", at_deg: float, height: float, duration_s: float
) -> None:
    """Power as the limb was moved, before any sampling and smoothing; it is flat where velocity falls after a step."""
    motion, leg = moved(planter, planter.bell(120.0, duration_s))
    load = loaded(planter, motion, step(motion, at_deg=at_deg, width_deg=4.0, height_Nm=height))
    detection = minimum_power_catch(motion, leg, load, limb=LIMB)
    place = planter.bell(120.0, duration_s, rate_hz=1e4)
    velocity = np.radians(np.gradient(place, 1e-4))
    end = 0.5 * np.expm1(10.0 * np.radians(np.maximum(place - 110.0, 0.0)))
    torque = 0.4 * np.radians(place) + 0.08 * velocity + end + height / (1.0 + np.exp(at_deg - place))
    power = torque * velocity
    found = found_deg(detection, motion)
    assert float(np.interp(found, place, power)) > 0.97 * power.max()
    assert -1.0 < found - at_deg < 20.0
    assert detection.probability > 0.9


@settings(max_examples=15)
@given(at_deg=st.floats(80.0, 95.0), duration_s=st.floats(0.4, 0.8))
def test_minimum_power_is_at_a_late_step(planter: "Planter", at_deg: float, duration_s: float) -> None:
    motion, leg = moved(planter, planter.bell(120.0, duration_s))
    load = loaded(planter, motion, step(motion, at_deg=at_deg, width_deg=4.0, height_Nm=4.0))
    assert -1.0 < found_deg(minimum_power_catch(motion, leg, load, limb=LIMB), motion) - at_deg < 6.0


@settings(max_examples=15)
@given(first=st.floats(62.0, 80.0), length=st.floats(8.0, 20.0), height=st.floats(3.0, 8.0))
def test_a_planted_ramp_is_found_in_it(planter: "Planter", first: float, length: float, height: float) -> None:
    motion, leg = moved(planter, planter.bell(120.0, 0.5))
    ramp = height * np.clip((places(motion) - first) / length, 0.0, 1.0)
    load = loaded(planter, motion, ramp)
    rate, power = (detect(motion, leg, load, limb=LIMB) for detect in DETECTORS)
    assert first - 1.5 <= found_deg(rate, motion) <= first + length + 1.5
    assert first - 1.5 <= found_deg(power, motion) <= first + length + 5.0


@settings(max_examples=20)
@given(duration_s=st.floats(0.35, 1.0), skew=st.floats(0.35, 0.65), error=st.floats(-0.05, 0.05))
def test_healthy_movement_is_no_detection_even_if_the_inertia_is_a_little_wrong(
    planter: "Planter", duration_s: float, skew: float, error: float
) -> None:
    motion, leg = moved(planter, planter.bell(122.0, duration_s, skew=skew))
    load = loaded(planter, motion, 0.0, inertia_error=error)
    assert [detect(motion, leg, load, limb=LIMB) for detect in DETECTORS] == [None, None]


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
def test_braking_of_the_examiner_alone_is_no_detection(planter: "Planter", share: float) -> None:
    """The hand stops a healthy limb within 40 ms and lets it rebound; the push shows it, the resistance does not."""
    motion, leg = moved(planter, planter.caught(120.0, 0.5, catch_share=share, rebound_deg=6.0))
    load = loaded(planter, motion, 0.0)
    assert float(np.ptp(load.push_Nm[leg.start : leg.end + 1])) > 2.0 * LIMB.noticeable_Nm
    assert [detect(motion, leg, load, limb=LIMB) for detect in DETECTORS] == [None, None]


def test_a_step_too_small_to_be_noticed_is_no_detection(planter: "Planter") -> None:
    motion, leg = moved(planter, planter.bell(120.0, 0.5))
    load = loaded(planter, motion, step(motion, at_deg=75.0, width_deg=5.0, height_Nm=0.5 * LIMB.noticeable_Nm))
    assert [detect(motion, leg, load, limb=LIMB) for detect in DETECTORS] == [None, None]


def test_the_larger_the_step_the_surer_the_catch(planter: "Planter") -> None:
    motion, leg = moved(planter, planter.bell(120.0, 0.5))
    heights = LIMB.noticeable_Nm * np.array([1.1, 1.2, 1.4])
    for detect in DETECTORS:
        seen = [
            detect(
                motion, leg, loaded(planter, motion, step(motion, at_deg=75.0, width_deg=5.0, height_Nm=h)), limb=LIMB
            )
            for h in heights
        ]
        sure = [0.0 if one is None else one.probability for one in seen]
        assert sure == sorted(sure)
        assert sure[-1] > 0.9


def test_force_that_was_not_observed_is_no_detection(planter: "Planter") -> None:
    motion, leg = moved(planter, planter.bell(120.0, 0.5))
    load = loaded(planter, motion, step(motion, at_deg=75.0, width_deg=5.0, height_Nm=4.0))
    push = load.push_Nm.copy()
    push[leg.end] = np.nan
    for detect in DETECTORS:
        assert detect(motion, leg, load, limb=LIMB) is not None
        assert detect(motion, leg, replace(load, push_Nm=push), limb=LIMB) is None


def test_the_mirrored_movement_of_the_antagonist_is_caught_at_the_mirrored_angle(planter: "Planter") -> None:
    motion, leg = moved(planter, planter.bell(120.0, 0.5))
    mirrored = replace(motion, sign=-motion.sign)
    load = loaded(planter, motion, step(motion, at_deg=75.0, width_deg=5.0, height_Nm=4.0))
    for detect in DETECTORS:
        here, there = detect(motion, leg, load, limb=LIMB), detect(mirrored, leg, load, limb=LIMB)
        assert there == replace(here, angle_deg=-here.angle_deg)


def bounds(catches_deg: list[float | None], half_deg: float = 4.0) -> list[tuple[float, float] | None]:
    return [None if one is None else (one - half_deg, one + half_deg) for one in catches_deg]


SCATTER = st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=8)


@given(
    scatter=st.lists(st.floats(-2.0, 2.0), min_size=4, max_size=4), odd=st.integers(0, 3), way=st.sampled_from([-1, 1])
)
def test_one_of_four_that_lies_30_deg_away_is_flagged(scatter: list[float], odd: int, way: int) -> None:
    catches = [80.0 + one for one in scatter]
    catches[odd] += 30.0 * way
    assert disagreeing(catches, intervals=bounds(catches), healthy_range_deg=130.0) == (odd,)


@given(scatter=SCATTER, range_deg=st.sampled_from([45.0, 110.0, 130.0]))
def test_none_is_flagged_where_all_scatter_a_little(scatter: list[float], range_deg: float) -> None:
    catches = [60.0 + one for one in scatter]
    assert disagreeing(catches, intervals=bounds(catches), healthy_range_deg=range_deg) == ()


def test_catches_that_lie_close_together_by_chance_flag_none_beside_them() -> None:
    catches = [80.0, 80.1, 80.0, 83.0]
    assert disagreeing(catches, intervals=bounds(catches, 0.1), healthy_range_deg=130.0) == ()


CATCHES = st.lists(st.one_of(st.none(), st.floats(0.0, 130.0)), min_size=1, max_size=7)


@given(catches=CATCHES, order=st.randoms(use_true_random=False), half=st.floats(1.0, 15.0))
def test_order_does_not_matter(catches: list[float | None], order: np.random.Generator, half: float) -> None:
    places = list(range(len(catches)))
    order.shuffle(places)
    flagged = disagreeing(catches, intervals=bounds(catches, half), healthy_range_deg=130.0)
    turned = [catches[i] for i in places]
    again = disagreeing(turned, intervals=bounds(turned, half), healthy_range_deg=130.0)
    assert sorted(places[i] for i in again) == list(flagged)


@given(catches=CATCHES, early=st.floats(1.0, 15.0), late=st.floats(1.0, 15.0), shift=st.integers(-200, 200))
def test_mirror_and_shift_do_not_matter(catches: list[float | None], early: float, late: float, shift: int) -> None:
    intervals = [None if one is None else (one - early, one + late) for one in catches]
    mirrored = [None if one is None else shift - one for one in catches]
    flipped = [None if one is None else (shift - one[1], shift - one[0]) for one in intervals]
    here = disagreeing(catches, intervals=intervals, healthy_range_deg=130.0)
    assert disagreeing(mirrored, intervals=flipped, healthy_range_deg=130.0) == here


@given(catches=CATCHES)
def test_those_that_disagree_are_fewer_than_half_and_caught(catches: list[float | None]) -> None:
    flagged = disagreeing(catches, intervals=bounds(catches), healthy_range_deg=130.0)
    caught = [i for i, one in enumerate(catches) if one is not None]
    assert set(flagged) <= set(caught)
    assert 2 * len(flagged) < max(1, len(caught)) or not flagged


def test_two_catches_or_two_camps_have_no_majority() -> None:
    for catches in ([40.0, 90.0], [40.0, None, 90.0], [40.0, 40.5, 90.0, 90.5]):
        assert disagreeing(catches, intervals=bounds(catches), healthy_range_deg=130.0) == ()


def test_repetitions_without_a_catch_keep_their_place() -> None:
    catches = [None, 80.0, 81.0, None, 40.0, 79.0]
    assert disagreeing(catches, intervals=bounds(catches), healthy_range_deg=130.0) == (4,)


def test_a_catch_that_is_known_too_badly_does_not_disagree() -> None:
    catches = [80.0, 81.0, 50.0, 79.0]
    intervals = bounds(catches)
    intervals[2] = (10.0, 90.0)
    assert disagreeing(catches, intervals=intervals, healthy_range_deg=130.0) == ()
