"""Clonus: planted beats are found and measured, and a limb held still or shaken once shows none."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.assess import assess
from analysis.clonus import clonus_duration_s, held_until
from analysis.finding import Assessment
from analysis.model import FloatArray
from analysis.motion import track_motion
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.stretch import find_legs

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

ANKLE = MuscleGroup.PLANTARFLEXORS


def beating(planter: "Planter", held_deg: FloatArray) -> float:
    """Stretch an ankle fast, hold it with that movement, return it, and measure the clonus."""
    rise = planter.bell(40.0, 0.3)
    held = np.concatenate([rise, rise[-1] + held_deg])
    recording = planter.recording(planter.exam([held]), group=ANKLE, start_deg=-30.0, noise_deg=0.02)
    motion = track_motion(recording.angle, stretch_sign=1)
    (leg,) = find_legs(motion, MUSCLES[ANKLE])
    return clonus_duration_s(motion, leg, until=leg.end + held_deg.size)


@pytest.mark.parametrize("frequency_hz", [5.0, 6.5, 8.0])
@pytest.mark.parametrize("length_s", [1.5, 4.0])
def test_planted_beats_are_measured(planter: "Planter", frequency_hz: float, length_s: float) -> None:
    t = np.arange(0.0, length_s, 0.005)
    found = beating(planter, -1.5 * (1.0 - np.cos(2.0 * np.pi * frequency_hz * t)))
    assert found == pytest.approx(length_s, abs=2.0 / frequency_hz + 0.1)


def test_a_limb_held_still_shows_none(planter: "Planter") -> None:
    assert beating(planter, np.zeros(400)) == 0.0


def test_a_single_rebound_is_no_clonus(planter: "Planter") -> None:
    t = np.arange(0.0, 2.0, 0.005)
    assert beating(planter, -4.0 * np.sin(np.pi * np.clip(t / 0.15, 0.0, 1.0)) ** 2) == 0.0


def test_slow_swaying_is_no_clonus(planter: "Planter") -> None:
    t = np.arange(0.0, 4.0, 0.005)
    assert beating(planter, -3.0 * (1.0 - np.cos(2.0 * np.pi * 1.0 * t))) == 0.0


def examined(
    planter: "Planter", held_deg: FloatArray, *, noise_deg: float = 0.02, rate_hz: float = 200.0
) -> Assessment:
    """Stretch an ankle slowly and fast, hold it after the fast stretch with that movement, and assess the exam."""
    rise = planter.bell(40.0, 0.3, rate_hz=rate_hz)
    parts = [planter.bell(40.0, 4.0, rate_hz=rate_hz), np.concatenate([rise, rise[-1] + held_deg])]
    stretch = planter.exam(parts, rate_hz=rate_hz)
    return assess(planter.recording(stretch, group=ANKLE, start_deg=-25.0, noise_deg=noise_deg, rate_hz=rate_hz))


@pytest.mark.parametrize(("length_s", "x"), [(3.0, 3), (12.0, 4)])
@pytest.mark.parametrize(("decay", "creep_deg_s"), [(0.0, 0.0), (0.05, 0.0), (0.0, -0.3), (0.0, 0.3)])
def test_clonus_is_found_wherever_in_the_hold_the_joint_was_farthest(
    planter: "Planter", length_s: float, x: int, decay: float, creep_deg_s: float
) -> None:
    t = np.arange(0.0, length_s, 0.005)
    beats = -1.5 * (1.0 - np.cos(2.0 * np.pi * 6.0 * t)) * np.exp(-decay * t) + creep_deg_s * t
    assert examined(planter, beats).tardieu.x == x


def test_a_limb_is_held_until_it_is_returned(planter: "Planter") -> None:
    recording = planter.recording(planter.exam([planter.bell(40.0, 0.3)], rest_s=2.0), group=ANKLE, start_deg=-25.0)
    motion = track_motion(recording.angle, stretch_sign=1)
    (leg,) = find_legs(motion, MUSCLES[ANKLE])
    until = held_until(motion, leg, stop=motion.time_s.size - 1)
    assert motion.time_s[until] == pytest.approx(
        2.0 + 0.3 + 0.6 + 0.6, abs=0.2
    )  # rest, stretch, hold, half of the return


@pytest.mark.parametrize(("rate_hz", "is_said"), [(30.0, True), (200.0, False)])
def test_an_angle_too_coarse_for_clonus_says_so(planter: "Planter", rate_hz: float, *, is_said: bool) -> None:
    """A plain catch, so that X is given: of 30 frames a second it cannot be told from clonus."""
    caught = planter.caught(110.0, 0.4, catch_share=0.5, rebound_deg=8.0, rate_hz=rate_hz)
    stretch = planter.exam([planter.bell(110.0, 5.0, rate_hz=rate_hz), caught], rate_hz=rate_hz)
    found = assess(planter.recording(stretch, noise_deg=0.02, rate_hz=rate_hz))
    assert found.tardieu.x == 2
    assert any("cannot be seen" in said for said in found.warnings) == is_said
