"""The live angle: causal, the same however the stream is bundled, and near the planted truth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.errors import DataError
from sensors.errors import SensorError
from sensors.live_angle import LiveAngle, LiveHingeAngle, LiveHingeParams
from sensors.packets import Role
from sensors.samples import ImuSamples

Plant = Callable[..., Any]
Bundle = tuple[Role, ImuSamples, slice]


def arrivals(proximal: ImuSamples, distal: ImuSamples, size: int = 8) -> list[Bundle]:
    """Bundles of both sensors in the order in which they arrive: each when its last sample is there."""
    bundles = []
    for role, stream in ((Role.PROXIMAL, proximal), (Role.DISTAL, distal)):
        for first in range(0, stream.time_s.size, size):
            part = slice(first, min(first + size, stream.time_s.size))
            bundles.append((float(stream.time_s[part][-1]), role, stream, part))
    return [bundle[1:] for bundle in sorted(bundles, key=lambda bundle: bundle[0])]


def take(live: LiveHingeAngle, bundles: list[Bundle], cuts: np.ndarray | None = None) -> tuple[np.ndarray, LiveAngle]:
    """Feed bundles, each split once at the share that `cuts` gives; answers time, angle, velocity and SD."""
    found, last = [], None
    shares = np.zeros(len(bundles)) if cuts is None else cuts
    for (role, stream, part), share in zip(bundles, shares, strict=True):
        middle = part.start + round(share * (part.stop - part.start))
        for piece in (slice(part.start, middle), slice(middle, part.stop)):
            last = live.update(role, stream.time_s[piece], stream.acc_m_s2[piece], stream.gyr_rad_s[piece])
            found.append(np.stack([last.time_s, last.angle_deg, last.velocity_deg_s, last.sd_deg]))
    assert last is not None
    return np.concatenate(found, axis=1), last


@pytest.fixture(scope="module")
def short(plant: Plant) -> tuple[list[Bundle], np.ndarray]:
    """Make a short exam of two moving segments, and what the filter says of it."""
    planted = plant(
        movements=((60.0, 1.0), (-60.0, 0.4)), rest_s=0.6, axis=(0.5, 0.6, 0.6), proximal_deg=8.0, loss=0.02
    )
    bundles = arrivals(planted.proximal, planted.distal)
    return bundles, take(LiveHingeAngle(), bundles)[0]


@given(seed=st.integers(0, 2**31))
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_splitting_of_the_stream_gives_the_same(short: tuple[list[Bundle], np.ndarray], seed: int) -> None:
    bundles, whole = short
    cuts = np.random.default_rng(seed).random(len(bundles))
    np.testing.assert_array_equal(take(LiveHingeAngle(), bundles, cuts)[0], whole)


@pytest.mark.parametrize("late_s", [-0.03, 0.03])
def test_whichever_sensors_packets_come_first_gives_the_same(
    short: tuple[list[Bundle], np.ndarray], late_s: float
) -> None:
    """Two units take turns on the radio: distal samples wait for proximal ones, also from one packet to the next."""
    bundles, whole = short

    def arrives_s(bundle: Bundle) -> float:
        role, stream, part = bundle
        return float(stream.time_s[part][-1]) + (late_s if role is Role.PROXIMAL else 0.0)

    turned = sorted(bundles, key=arrives_s)
    cuts = np.random.default_rng(1).random(len(bundles))
    for found in (take(LiveHingeAngle(), turned)[0], take(LiveHingeAngle(), turned, cuts)[0]):
        np.testing.assert_array_equal(found[:, : whole.shape[1]], whole[:, : found.shape[1]])
        assert abs(found.shape[1] - whole.shape[1]) <= 8  # the last distal packet may still wait


def test_a_copy_goes_on_like_the_original_and_independently(short: tuple[list[Bundle], np.ndarray]) -> None:
    bundles, whole = short
    half = len(bundles) // 2
    live = LiveHingeAngle()
    first, _ = take(live, bundles[:half])
    twin = live.copy()
    for filter_ in (live, twin):
        second, _ = take(filter_, bundles[half:])
        np.testing.assert_array_equal(np.concatenate([first, second], axis=1), whole)


def test_the_past_does_not_depend_on_the_future(plant: Plant) -> None:
    planted = plant(movements=((60.0, 1.0), (-60.0, 0.4)), rest_s=0.7)
    bundles = arrivals(planted.proximal, planted.distal)
    whole = take(LiveHingeAngle(), bundles)[0]
    part = take(LiveHingeAngle(), bundles[: 2 * len(bundles) // 3])[0]
    assert np.isfinite(part[1]).any()
    np.testing.assert_array_equal(part, whole[:, : part.shape[1]])


@pytest.mark.parametrize(("seed", "proximal_deg"), [(0, 0.0), (1, 10.0), (2, 10.0)])
def test_angle_and_velocity_are_near_the_truth(plant: Plant, seed: int, proximal_deg: float) -> None:
    planted = plant(seed=seed, axis=(0.5, 0.6, 0.6), proximal_deg=proximal_deg, proximal_axis=(0.6, 0.2, 0.5))
    live = LiveHingeAngle()
    (time_s, angle, velocity, sd), _ = take(live, arrivals(planted.proximal, planted.distal))
    ready = np.isfinite(angle)
    assert time_s[ready][0] < 5.0  # within the first, slow stretch
    error = (angle - planted.truth(time_s) + planted.truth(time_s[:1]))[ready]
    assert np.sqrt(np.mean(error**2)) < 3.0
    assert np.mean(np.abs(error) < 1.96 * sd[ready]) > 0.7
    true_velocity = np.gradient(planted.angle_deg, planted.fine_s)
    assert velocity[ready].max() == pytest.approx(true_velocity.max(), rel=0.05)
    at = time_s[ready][np.argmax(velocity[ready])]
    assert at == pytest.approx(planted.fine_s[np.argmax(true_velocity)], abs=0.015)


def test_the_first_movement_is_a_stretch(plant: Plant) -> None:
    planted = plant()
    live = LiveHingeAngle(LiveHingeParams(stretch_sign=-1))
    (time_s, angle, *_), _ = take(live, arrivals(planted.proximal, planted.distal))
    assert np.corrcoef(angle[np.isfinite(angle)], planted.truth(time_s)[np.isfinite(angle)])[0, 1] < -0.99


def test_it_says_why_it_is_not_ready_and_takes_an_angle_once_it_is(plant: Plant) -> None:
    planted = plant()
    bundles = arrivals(planted.proximal, planted.distal)
    live = LiveHingeAngle()
    (_, angle, _, _), last = take(live, bundles[:40])
    assert np.isnan(angle).all()
    assert "move the joint" in last.reason
    with pytest.raises(SensorError, match="cannot be set yet"):
        live.set_angle(10.0)
    _, last = take(live, bundles[40:-1])
    assert last.reason == ""
    live.set_angle(33.0)
    (_, angle, _, _), _ = take(live, bundles[-1:])
    assert angle[-1] == pytest.approx(33.0, abs=0.5)


def test_a_lost_proximal_sensor_is_waited_for_and_then_missed(plant: Plant) -> None:
    planted = plant(axis=(0.5, 0.6, 0.6), proximal_deg=12.0, proximal_axis=(0.6, 0.2, 0.5))
    bundles = arrivals(planted.proximal, planted.distal)
    late = [b for b in bundles if b[0] is Role.DISTAL or b[1].time_s[b[2]][-1] < 9.0]
    (time_s, angle, _, _), last = take(LiveHingeAngle(), late)
    assert np.isfinite(angle[(time_s > 7.0) & (time_s < 8.9)]).all()
    assert np.isnan(angle[time_s > 9.2]).all()
    assert "proximal" in last.reason
    assert time_s[-1] > planted.distal.time_s[-1] - 0.3


def test_a_gap_makes_the_angle_less_certain(plant: Plant) -> None:
    planted = plant()
    bundles = arrivals(planted.proximal, planted.distal)
    holed = [b for b in bundles if not 9.0 < b[1].time_s[b[2]][-1] < 9.4]
    (time_s, angle, _, sd), _ = take(LiveHingeAngle(), holed)
    assert np.isfinite(angle[time_s > 9.5]).all()
    assert sd[time_s > 9.5][0] > 1.5 * sd[time_s < 8.9][-1]


def test_input_that_is_none_is_refused() -> None:
    live = LiveHingeAngle()
    with pytest.raises(DataError, match="proximal or distal"):
        live.update(Role.FORCE, np.zeros(1), np.zeros((1, 3)), np.zeros((1, 3)))
    with pytest.raises(DataError, match="times and"):
        live.update(Role.DISTAL, np.zeros(2), np.zeros((1, 3)), np.zeros((2, 3)))
    with pytest.raises(DataError, match="finite"):
        live.update(Role.DISTAL, np.array([np.nan]), np.zeros((1, 3)), np.zeros((1, 3)))
    with pytest.raises(DataError, match="stretch_sign"):
        LiveHingeParams(stretch_sign=0)
    empty = live.update(Role.DISTAL, np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3)))
    assert empty.time_s.size == 0
