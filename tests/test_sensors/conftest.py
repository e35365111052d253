"""A hinge with two sensors whose angle, mounting and errors are known."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from sensors.samples import ImuSamples

FINE_HZ = 1000.0
GRAVITY_M_S2 = 9.80665


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is planted: an exam, how the sensors sit and what they get wrong."""

    seed: int = 0
    axis: tuple[float, float, float] = (1.0, 0.2, 0.1)
    """Hinge axis in the room, z up."""
    movements: tuple[tuple[float, float], ...] = ((70.0, 4.0), (-70.0, 2.0), (70.0, 0.3), (-70.0, 2.0))
    """Change of the angle (deg) and its duration (s), minimum jerk."""
    rest_s: float = 1.5
    start_deg: float = 20.0
    proximal_deg: float = 0.0
    """How far the proximal segment tilts and swings along."""
    proximal_axis: tuple[float, float, float] = (0.3, 1.0, 0.4)
    sway_deg: float = 0.0
    """How far it sways about the same axis, unlike the movement."""
    wobble_deg: float = 0.5
    wobble_hz: float = 9.0
    lever_m: float = 0.18
    rate_hz: tuple[float, float] = (200.0, 200.0)
    start_s: tuple[float, float] = (0.0, 0.013)
    loss: float = 0.01
    gyr_noise_deg_s: float = 0.1
    acc_noise_m_s2: float = 0.04
    gyr_bias_deg_s: float = 1.0
    acc_bias_m_s2: float = 0.1
    gyr_scale: float = 0.003
    jitter_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Streams and the truth behind them."""

    proximal: ImuSamples
    distal: ImuSamples
    fine_s: NDArray[np.float64]
    angle_deg: NDArray[np.float64]
    tilt_deg: NDArray[np.float64]

    def truth(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.interp(time_s, self.fine_s, self.angle_deg)


def _minimum_jerk(plan: Plan) -> NDArray[np.float64]:
    rest, now = round(plan.rest_s * FINE_HZ), plan.start_deg
    parts = [np.full(rest, now)]
    for change_deg, duration_s in plan.movements:
        x = np.linspace(0, 1, max(2, round(duration_s * FINE_HZ)))
        parts.append(now + change_deg * (10 * x**3 - 15 * x**4 + 6 * x**5))
        now += change_deg
        parts.append(np.full(rest, now))
    return np.concatenate(parts)


def _sense(
    turn: Rotation, place_m: NDArray[np.float64], plan: Plan, which: int, rng: np.random.Generator
) -> ImuSamples:
    """Measure a path with a sensor of random mounting."""
    mounted = turn * Rotation.random(random_state=int(rng.integers(2**31)))
    gyr = np.zeros((len(mounted), 3))
    steps = (mounted[:-1].inv() * mounted[1:]).as_rotvec() * FINE_HZ
    gyr[0], gyr[-1], gyr[1:-1] = steps[0], steps[-1], 0.5 * (steps[1:] + steps[:-1])
    force = np.gradient(np.gradient(place_m, 1 / FINE_HZ, axis=0), 1 / FINE_HZ, axis=0)
    force[:, 2] += GRAVITY_M_S2
    acc = mounted.inv().apply(force)
    fine_s = np.arange(len(mounted)) / FINE_HZ
    time = np.arange(plan.start_s[which], fine_s[-1], 1 / plan.rate_hz[which])
    time = time[rng.random(time.size) >= plan.loss]

    def read(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.interp(time, fine_s, values[:, i]) for i in range(3)], axis=1)

    bias = rng.normal(size=3) / np.sqrt(3)
    return ImuSamples(
        time_s=time + plan.jitter_s * rng.uniform(-0.5, 0.5, time.size),
        acc_m_s2=read(acc)
        + plan.acc_bias_m_s2 * rng.normal(size=3)
        + plan.acc_noise_m_s2 * rng.normal(size=(time.size, 3)),
        gyr_rad_s=read(gyr) * (1 + plan.gyr_scale * rng.normal())
        + np.deg2rad(plan.gyr_bias_deg_s * bias + plan.gyr_noise_deg_s * rng.normal(size=(time.size, 3))),
    )


def plant_hinge(plan: Plan) -> Planted:
    """Move a hinge as planned and sense it."""
    rng = np.random.default_rng(plan.seed)
    angle = _minimum_jerk(plan)
    axis = np.array(plan.axis) / np.linalg.norm(plan.axis)
    side = np.cross(axis, [0.3, -0.5, 0.8])
    side /= np.linalg.norm(side)
    swing = plan.proximal_deg * (angle - angle[0]) / max(np.ptp(angle), 1.0)
    swing = swing + plan.sway_deg * np.sin(2 * np.pi * np.arange(swing.size) / FINE_HZ / 2.7 + plan.seed)
    proximal = Rotation.from_rotvec(
        np.deg2rad(swing[:, None]) * np.array(plan.proximal_axis) / np.linalg.norm(plan.proximal_axis)
    )
    distal = proximal * Rotation.from_rotvec(np.deg2rad(angle[:, None]) * axis)
    pushed = np.gradient(np.gradient(angle, 1 / FINE_HZ), 1 / FINE_HZ)
    shaken = ndimage.gaussian_filter1d(pushed, FINE_HZ / (2 * np.pi * plan.wobble_hz))
    shaken = plan.wobble_deg * shaken / max(np.abs(shaken).max(), 1e-9)
    wobble = Rotation.from_rotvec(np.deg2rad(shaken[:, None]) * rng.normal(size=3) / np.sqrt(3))
    place1 = proximal.apply(-0.15 * side)
    place2 = distal.apply(plan.lever_m * side)
    return Planted(
        proximal=_sense(proximal, place1, plan, 0, rng),
        distal=_sense(distal * wobble, place2, plan, 1, rng),
        fine_s=np.arange(angle.size) / FINE_HZ,
        angle_deg=angle,
        tilt_deg=angle,
    )


@pytest.fixture(scope="session")
def plant() -> Callable[..., Planted]:
    """Plant a hinge: keyword arguments change the plan."""

    def planted(**changes: object) -> Planted:
        return plant_hinge(replace(Plan(), **changes))

    return planted
