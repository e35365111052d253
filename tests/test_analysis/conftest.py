"""Movements whose truth is known because it was planted."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from analysis.gravity import GravityFit
from analysis.load import PLACES, LimbLoad
from analysis.model import (
    FloatArray,
    ForceSignal,
    JointAngle,
    Recording,
    SegmentTilt,
    Sex,
    Side,
    Source,
    Subject,
    TestKind,
    Zero,
)
from analysis.motion import Motion
from analysis.muscles import MUSCLES, MuscleGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Planter:
    """Builds movements and recordings with a planted truth."""

    def bell(self, amplitude_deg: float, duration_s: float, *, skew: float = 0.5, rate_hz: float = 200.0) -> FloatArray:
        """Rise by an amplitude with a bell-shaped velocity whose peak lies at the share `skew` of its duration.

        Time is warped by a smooth curve that maps `skew` to the middle, so that the bell stays smooth.
        """
        s = np.linspace(0.0, 1.0, max(3, round(duration_s * rate_hz) + 1))
        warped = s ** (np.log(0.5) / np.log(skew))
        return amplitude_deg * (10.0 * warped**3 - 15.0 * warped**4 + 6.0 * warped**5)

    def caught(
        self, amplitude_deg: float, duration_s: float, *, catch_share: float, rebound_deg: float, rate_hz: float = 200.0
    ) -> FloatArray:
        """Rise like `bell` to a share of the amplitude, stop within 40 ms, rebound, and be carried on slowly."""
        rise = self.bell(amplitude_deg, duration_s, rate_hz=rate_hz)
        at = int(np.argmax(rise >= catch_share * amplitude_deg))
        velocity = (rise[at] - rise[at - 1]) * rate_hz
        stop_s = 0.04
        n = round(stop_s * rate_hz)
        t = np.arange(1, n + 1) / rate_hz
        braking = rise[at] + velocity * (t - t**2 / (2 * stop_s))
        swing = rebound_deg * np.sin(np.pi * np.linspace(0.0, 1.0, round(0.15 * rate_hz))) ** 2
        hold = np.full(round(0.2 * rate_hz), braking[-1])
        carried = braking[-1] + self.bell(amplitude_deg - braking[-1], 1.5, rate_hz=rate_hz)
        return np.concatenate([rise[: at + 1], braking, braking[-1] - swing, hold, carried])

    def exam(self, parts: list[FloatArray], *, rest_s: float = 1.0, rate_hz: float = 200.0) -> FloatArray:
        """Rest, stretch, hold and slowly return, for each part; the stretch coordinate."""
        still = np.zeros(round(rest_s * rate_hz))
        pieces = [still]
        for part in parts:
            back = part[-1] - self.bell(float(part[-1]), 1.2, rate_hz=rate_hz)
            pieces += [part, np.full(round(0.6 * rate_hz), part[-1]), back, still]
        return np.concatenate(pieces)

    def recording(
        self,
        stretch_deg: FloatArray,
        *,
        group: MuscleGroup = MuscleGroup.ELBOW_FLEXORS,
        start_deg: float = 140.0,
        rate_hz: float = 200.0,
        noise_deg: float = 0.0,
        seed: int = 0,
        **changes: object,
    ) -> Recording:
        """Record a stretch coordinate as a joint angle with white noise."""
        noise = np.random.default_rng(seed).normal(0.0, noise_deg, stretch_deg.size) if noise_deg else 0.0
        angle = JointAngle(
            time_s=np.arange(stretch_deg.size) / rate_hz,
            angle_deg=start_deg + MUSCLES[group].stretch_sign * stretch_deg + noise,
            sd_deg=np.full(stretch_deg.size, max(noise_deg, 0.1)),
            source=Source.ANGLE,
            zero=Zero.ANATOMICAL,
            bandwidth_hz=rate_hz / 2.0,
        )
        fields: dict[str, object] = {
            "muscle_group": group,
            "side": Side.LEFT,
            "test": TestKind.PASSIVE_STRETCH,
            "subject": Subject(code="P1", sex=Sex.MALE, body_mass_kg=73.0, height_m=1.741),
            "angle": angle,
        }
        return Recording(**{**fields, **changes})  # type: ignore[arg-type]

    def read_angle(self, time_s: FloatArray, angle_deg: FloatArray, group: MuscleGroup, **changes: object) -> Recording:
        """Record an angle series that was given."""
        angle = JointAngle(
            time_s=time_s,
            angle_deg=angle_deg,
            sd_deg=np.full(time_s.size, np.nan),
            source=Source.ANGLE,
            zero=Zero.ANATOMICAL,
            bandwidth_hz=0.5 / float(np.median(np.diff(time_s))),
        )
        return self.recording(np.zeros(2), group=group, angle=angle, **changes)

    def force(self, time_s: FloatArray, torque_Nm: FloatArray, *, lever_m: float = 0.25) -> ForceSignal:
        """Turn a torque into the force of a hand at a lever."""
        return ForceSignal(time_s=time_s, force_N=torque_Nm / lever_m, moment_Nm=np.zeros(time_s.size), lever_m=lever_m)

    def tilt(self, time_s: FloatArray, tilt_deg: FloatArray, *, in_plane: float = 1.0) -> SegmentTilt:
        """Record a tilt."""
        return SegmentTilt(time_s=time_s, tilt_deg=tilt_deg, in_plane=in_plane)

    def load(
        self,
        motion: Motion,
        resistance_Nm: FloatArray,
        *,
        healthy_Nm: FloatArray | float = 0.0,
        inertia_kg_m2: float = 0.076,
        inertia_error: float = 0.0,
    ) -> LimbLoad:
        """Load a limb without weight with a resistance; the inertia may be taken wrongly by a share."""
        none = np.zeros(motion.time_s.size)
        inertial = inertia_kg_m2 * np.radians(motion.acceleration_deg_s2)
        return LimbLoad(
            push_Nm=resistance_Nm + inertial,
            inertial_Nm=inertial * (1.0 + inertia_error),
            weight_Nm=none,
            healthy_Nm=none + healthy_Nm,
            viscous_Nm=none,
            displaced_Nm=np.zeros((PLACES.size, none.size)),
            healthy_sd_Nm=none,
            lag_sd_Nm=none,
            tilt_rad=none,
            gravity=GravityFit(
                cosine_Nm=np.zeros(1),
                sine_Nm=np.zeros(1),
                offset_Nm=np.zeros(1),
                weight=np.ones(1),
                misfit_Nm=0.0,
            ),
            lag_s=0.0,
            cutoff_hz=25.0,
            noise_Nm=0.02,
        )


@pytest.fixture(scope="session")
def planter() -> Planter:
    """Builder of movements with a planted truth."""
    return Planter()


@pytest.fixture(scope="session")
def given_angle() -> Callable[..., tuple[FloatArray, FloatArray]]:
    """Reader of time and angle columns of a given table."""

    def read(path: str, column: str) -> tuple[FloatArray, FloatArray]:
        table = np.genfromtxt(path, delimiter=",", names=True)
        return table["time_s"] - table["time_s"][0], table[column]

    return read
