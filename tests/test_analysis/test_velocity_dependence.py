"""Parts of a resistance that was planted: elastic, viscous and reflex torque, and what fast resists beyond slow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.finding import ResistanceParts
from analysis.load import LimbLoad
from analysis.model import FloatArray
from analysis.motion import Motion, track_motion
from analysis.muscles import MUSCLES, MuscleGroup
from analysis.stretch import Leg, find_legs
from analysis.velocity_dependence import separate_resistance

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter

ELBOW = MUSCLES[MuscleGroup.ELBOW_FLEXORS]
SLOW, FAST = (0, 1), (2, 3, 4)
Resist = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class Moved:
    """Two slow and three fast stretches of an elbow by 120 deg; places in deg from the start of each."""

    motion: Motion
    legs: tuple[Leg, ...]

    @property
    def place_deg(self) -> FloatArray:
        return self.motion.stretch_deg - self.motion.stretch_deg[0]

    @property
    def velocity(self) -> FloatArray:
        return np.radians(self.motion.velocity_deg_s)

    def load(self, planter: "Planter", resist: Resist, **changes: float) -> LimbLoad:
        return planter.load(self.motion, resist(self.place_deg, self.velocity), **changes)

    def parts(
        self, load: LimbLoad, *, slow: tuple[int, ...] = SLOW, fast: tuple[int, ...] = FAST
    ) -> tuple[ResistanceParts | None, ...]:
        return separate_resistance(self.motion, self.legs, load, slow=slow, fast=fast, healthy_range_deg=130.0)


def move(planter: "Planter", parts: list[FloatArray]) -> Moved:
    recording = planter.recording(planter.exam(parts))
    motion = track_motion(recording.angle, stretch_sign=ELBOW.stretch_sign)
    return Moved(motion=motion, legs=find_legs(motion, ELBOW))


@pytest.fixture(scope="module")
def moved(planter: "Planter") -> Moved:
    return move(planter, [planter.bell(120.0, 5.0), planter.bell(120.0, 6.0), *[planter.bell(120.0, 0.6)] * 3])


def elastic(place_deg: FloatArray) -> FloatArray:
    """Bend upwards at the end of the range."""
    return 1.2 * np.radians(place_deg) + 0.02 * np.expm1(np.radians(place_deg) * 2.5)


def bump(place_deg: FloatArray, velocity: FloatArray, *, at_deg: float, height: float) -> FloatArray:
    """Resist fast movement around a place."""
    return height * np.exp(-(((place_deg - at_deg) / 10.0) ** 2)) * (velocity > 1.0)


@settings(max_examples=25)
@given(
    viscosity=st.floats(0.02, 0.6),
    height=st.floats(1.0, 8.0),
    at_deg=st.floats(50.0, 95.0),
    offset=st.floats(-3.0, 3.0),
)
def test_planted_parts_come_back(
    planter: "Planter", moved: Moved, viscosity: float, height: float, at_deg: float, offset: float
) -> None:
    load = moved.load(
        planter, lambda x, v: offset + elastic(x) + viscosity * v + bump(x, v, at_deg=at_deg, height=height)
    )
    for part in [moved.parts(load)[i] for i in FAST]:
        place = float(np.interp(part.at_s, moved.motion.time_s, moved.place_deg))
        velocity = float(np.interp(part.at_s, moved.motion.time_s, moved.velocity))
        assert place == pytest.approx(at_deg, abs=2.5)
        assert part.viscous_Nm == pytest.approx(viscosity * velocity, rel=0.05, abs=0.03)
        assert part.elastic_Nm == pytest.approx(offset + float(elastic(np.array(place))), abs=0.15)
        assert part.reflex_Nm == pytest.approx(height, rel=0.05, abs=0.1)


def test_parts_sum_to_the_resistance(planter: "Planter", moved: Moved) -> None:
    load = moved.load(planter, lambda x, v: elastic(x) + 0.2 * v + bump(x, v, at_deg=70.0, height=3.0))
    for part in moved.parts(load):
        here = float(np.interp(part.at_s, moved.motion.time_s, load.resistance_Nm))
        assert part.elastic_Nm + part.viscous_Nm + part.reflex_Nm == pytest.approx(here)


@settings(max_examples=15)
@given(viscosity=st.floats(0.0, 0.6), error=st.floats(-0.05, 0.05))
def test_spring_and_damper_have_no_reflex_even_if_the_inertia_is_a_little_wrong(
    planter: "Planter", moved: Moved, viscosity: float, error: float
) -> None:
    load = moved.load(planter, lambda x, v: elastic(x) + viscosity * v, inertia_error=error)
    inertial_Nm = float(np.abs(load.inertial_Nm).max())
    for part in [moved.parts(load)[i] for i in FAST]:
        assert part.reflex_Nm == pytest.approx(0.0, abs=0.05 + 2.0 * abs(error) * inertial_Nm)


def test_a_burst_in_one_rise_does_not_change_the_viscosity(planter: "Planter", moved: Moved) -> None:
    clean = moved.load(planter, lambda x, v: elastic(x) + 0.3 * v)
    leg = moved.legs[FAST[0]]
    push = clean.push_Nm.copy()
    push[leg.start + 5 : leg.start + 15] += 4.0
    hit = replace(clean, push_Nm=push)
    before, after = moved.parts(clean)[FAST[2]], moved.parts(hit)[FAST[2]]
    assert after.delta_torque_Nm == pytest.approx(before.delta_torque_Nm)
    velocity = np.interp(after.at_s, moved.motion.time_s, moved.velocity)
    assert after.viscous_Nm / velocity == pytest.approx(0.3, abs=0.03)


@settings(max_examples=10)
@given(constant=st.floats(-20.0, 20.0))
def test_a_constant_torque_is_elastic(planter: "Planter", moved: Moved, constant: float) -> None:
    def resist(x: FloatArray, v: FloatArray) -> FloatArray:
        return elastic(x) + 0.2 * v + bump(x, v, at_deg=70.0, height=3.0)

    plain = moved.parts(moved.load(planter, resist))[3]
    added = moved.parts(moved.load(planter, lambda x, v: resist(x, v) + constant))[3]
    assert added.delta_torque_Nm == pytest.approx(plain.delta_torque_Nm, abs=1e-6)
    assert added.delta_work_J == pytest.approx(plain.delta_work_J, abs=1e-6)
    assert added.end_stiffness_Nm_per_rad == pytest.approx(plain.end_stiffness_Nm_per_rad, abs=1e-6)
    assert added.hysteresis_J == pytest.approx(plain.hysteresis_J, abs=0.03 * abs(constant))
    assert added.elastic_Nm == pytest.approx(plain.elastic_Nm + constant, abs=0.15)


@pytest.mark.parametrize("level", [1.0, 2.5, 6.0])
def test_differences_are_those_of_the_planted_step(planter: "Planter", moved: Moved, level: float) -> None:
    """A reflex of one height from 75 deg on, of a slow range from 5.8 to 117.6 deg: 90 % is at 106.4 deg."""
    load = moved.load(planter, lambda x, v: elastic(x) + level * ((x >= 75.0) & (v > 1.2)))
    for part in [moved.parts(load)[i] for i in FAST]:
        assert part.delta_torque_Nm == pytest.approx(level, abs=0.05)
        assert part.delta_work_J == pytest.approx(level * np.radians(106.4 - 75.0), rel=0.06)


@pytest.mark.parametrize(("first_deg", "delta"), [(79.5, 3.0), (87.0, 0.0)])
def test_the_difference_of_torque_is_read_at_70_percent(
    planter: "Planter", moved: Moved, first_deg: float, delta: float
) -> None:
    """It is at 84 deg; a sample of the fast stretch is 2 deg, so that the step is blurred by as much."""
    leg = moved.legs[SLOW[0]]
    start, end = moved.place_deg[[leg.start, leg.end]]
    assert start + 0.7 * (end - start) == pytest.approx(84.0, abs=1.0)
    load = moved.load(planter, lambda x, v: elastic(x) + 3.0 * ((x >= first_deg) & (v > 1.2)))
    assert moved.parts(load)[FAST[0]].delta_torque_Nm == pytest.approx(delta, abs=0.1)


def test_differences_hold_viscosity_too(planter: "Planter", moved: Moved) -> None:
    load = moved.load(planter, lambda x, v: elastic(x) + 0.4 * v)
    part = moved.parts(load)[FAST[0]]
    fast, slow = (np.interp(84.0, *rising(moved, i)) for i in (FAST[0], SLOW[0]))
    assert part.delta_torque_Nm == pytest.approx(0.4 * (fast - slow), rel=0.05)


def rising(moved: Moved, index: int) -> tuple[FloatArray, FloatArray]:
    leg = moved.legs[index]
    return moved.place_deg[leg.start : leg.end + 1], moved.velocity[leg.start : leg.end + 1]


def test_slow_stretches_have_no_differences(planter: "Planter", moved: Moved) -> None:
    parts = moved.parts(moved.load(planter, lambda x, v: elastic(x) + 0.4 * v))
    for i in SLOW:
        assert parts[i].delta_torque_Nm is None
        assert parts[i].delta_work_J is None
        assert parts[i].reflex_Nm == pytest.approx(0.0, abs=0.1)


def test_a_fast_stretch_that_stops_short_says_nothing_of_what_it_did_not_reach(planter: "Planter") -> None:
    moved = move(planter, [planter.bell(120.0, 5.0), planter.bell(70.0, 0.5), planter.bell(100.0, 0.55)])
    load = moved.load(planter, lambda x, v: elastic(x) + 0.2 * v)
    _, short, longer = moved.parts(load, slow=(0,), fast=(1, 2))
    assert (short.delta_torque_Nm, short.delta_work_J, short.end_stiffness_Nm_per_rad) == (None, None, None)
    assert longer.delta_torque_Nm is not None
    assert longer.delta_work_J is None
    assert short.viscous_Nm is not None


@pytest.mark.parametrize("stiffness", [0.5, 2.0, 15.0])
def test_stiffness_at_the_end_is_that_of_a_spring_there(planter: "Planter", moved: Moved, stiffness: float) -> None:
    def resist(x: FloatArray, v: FloatArray) -> FloatArray:
        return 0.3 * np.radians(x) + stiffness * np.radians(np.maximum(x - 100.0, 0.0)) + 0.0 * v

    parts = moved.parts(moved.load(planter, resist))
    for i in (*SLOW, *FAST):
        assert parts[i].end_stiffness_Nm_per_rad == pytest.approx(0.3 + stiffness, rel=0.03)


def test_a_fall_of_resistance_is_no_stiffness(planter: "Planter", moved: Moved) -> None:
    """A strong damper: the fast movement ends, and with it the torque; the slow one still shows the spring."""
    parts = moved.parts(moved.load(planter, lambda x, v: 0.5 * np.radians(x) + 1.5 * v))
    assert [parts[i].end_stiffness_Nm_per_rad for i in FAST] == [None] * 3
    assert [part.viscous_Nm is not None for part in parts] == [True] * 5


def test_a_spring_loses_no_energy(planter: "Planter", moved: Moved) -> None:
    for part in moved.parts(moved.load(planter, lambda x, _: elastic(x))):
        assert part.hysteresis_J == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("viscosity", [0.05, 0.5])
def test_a_damper_loses_what_it_does(planter: "Planter", moved: Moved, viscosity: float) -> None:
    """Power of a damper is viscosity times the velocity squared, up and back."""
    parts = moved.parts(moved.load(planter, lambda x, v: elastic(x) + viscosity * v))
    for part, leg, until in zip(parts, moved.legs, [*(leg.first for leg in moved.legs[1:]), None], strict=True):
        power = viscosity * moved.velocity[leg.start : until] ** 2
        lost = float(np.trapezoid(power, dx=1.0 / moved.motion.rate_hz))
        assert part.hysteresis_J == pytest.approx(lost, rel=0.02, abs=0.02)


def test_without_a_return_there_is_no_hysteresis(planter: "Planter") -> None:
    still = np.zeros(200)
    up = planter.bell(120.0, 5.0)
    back = 120.0 - planter.bell(120.0, 1.5)
    fast = planter.bell(120.0, 0.6)
    course = np.concatenate([still, up, np.full(100, 120.0), back, still, fast, np.full(200, 120.0)])
    recording = planter.recording(course)
    motion = track_motion(recording.angle, stretch_sign=ELBOW.stretch_sign)
    moved = Moved(motion=motion, legs=find_legs(motion, ELBOW))
    slow, held = moved.parts(moved.load(planter, lambda x, v: elastic(x) + 0.2 * v), slow=(0,), fast=(1,))
    assert slow.hysteresis_J > 0.0
    assert held.hysteresis_J is None
    assert held.delta_torque_Nm is not None


def test_without_force_or_a_slow_stretch_there_are_no_parts(planter: "Planter", moved: Moved) -> None:
    load = moved.load(planter, lambda x, v: elastic(x) + 0.2 * v)
    assert moved.parts(load, slow=()) == (None,) * 5
    assert [part is None for part in moved.parts(load, fast=(2, 4))] == [False, False, False, True, False]
    leg = moved.legs[2]
    push = load.push_Nm.copy()
    push[leg.peak] = np.nan
    parts = moved.parts(replace(load, push_Nm=push))
    assert [part is None for part in parts] == [False, False, True, False, False]


def test_without_a_fast_stretch_the_slow_ones_still_tell_stiffness_and_hysteresis(
    planter: "Planter", moved: Moved
) -> None:
    parts = moved.parts(moved.load(planter, lambda x, v: elastic(x) + 0.2 * v), fast=())
    assert parts[0].viscous_Nm is parts[0].reflex_Nm is None
    assert parts[0].end_stiffness_Nm_per_rad > 1.0
    assert parts[0].hysteresis_J > 0.0
