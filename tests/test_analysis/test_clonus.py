"""Clonus: planted beats are found and measured, and a limb held still or shaken once shows none."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.clonus import clonus_duration_s
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
