"""What virtual sensors record of a movement: inertial units, a force sensor and surface EMG, with their faults."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import signal
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation

from analysis.errors import DataError
from analysis.limb import GRAVITY_M_S2
from analysis.model import EmgSignal, FloatArray, ForceSignal, readonly

__all__ = [
    "STANDARD_SENSORS",
    "Kinematics",
    "SensorModel",
    "VirtualImu",
    "observe_emg",
    "observe_force",
    "observe_imu",
    "slow_curve",
]

Vectors = NDArray[np.float64]
"""Vectors over time, shape (n, 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorModel:
    """Properties and faults of the sensors; values typical of small MEMS units, chosen by us.

    Attributes
    ----------
    imu_rate_hz, force_rate_hz, emg_rate_hz
        Nominal rates.
    acc_noise_m_s2, gyr_noise_rad_s, acc_bias_m_s2, gyr_bias_rad_s
        Standard deviations of noise (per sample) and of constant bias (per axis).
    mounting_deg
        Largest angle of each inertial unit's random rotation against its segment; 180: any.
    lever_fraction, offset_m
        Where the distal unit sits: distance from the joint as a fraction of the segment's length, and off its axis.
    soft_tissue_deg, soft_tissue_per_rad_s2
        Standard deviation of the skin's slow movement against the bone, and its lag per angular acceleration (rad).
    proximal_swing_deg
        Standard deviation of the whole limb's slow rotation about the axes other than the joint's.
    slow_turn_knot_s
        Time between the random knots of these slow rotations.
    loss_fraction, loss_burst
        Share of lost samples, and mean number of samples that are lost together.
    start_spread_s, rate_spread, jitter_s, sync_s
        Largest delay of a stream's first sample; standard deviation of its relative rate error, of its time stamps and
        of its constant clock error.
    force_noise_N, force_bias_N, off_axis_deg, lever_error
        Noise and bias of the force; standard deviation of the push's angle to the perpendicular and of the relative
        error of the lever as measured.
    reference_error_deg
        Standard deviation of the hand goniometer's error in the reference pose.
    emg_rest_V, emg_per_torque_V, emg_noise_V
        EMG amplitude at rest, per unit of reflex drive over the noticeable torque, and white noise.
    """

    imu_rate_hz: float = 100.0
    force_rate_hz: float = 100.0
    emg_rate_hz: float = 1000.0
    acc_noise_m_s2: float = 0.04
    gyr_noise_rad_s: float = 0.003
    acc_bias_m_s2: float = 0.05
    gyr_bias_rad_s: float = 0.005
    mounting_deg: float = 180.0
    lever_fraction: float = 0.6
    offset_m: float = 0.03
    soft_tissue_deg: float = 0.5
    soft_tissue_per_rad_s2: float = 0.0001
    proximal_swing_deg: float = 1.0
    slow_turn_knot_s: float = 2.0
    loss_fraction: float = 0.01
    loss_burst: float = 2.0
    start_spread_s: float = 0.05
    rate_spread: float = 0.002
    jitter_s: float = 0.0005
    sync_s: float = 0.002
    force_noise_N: float = 0.3
    force_bias_N: float = 0.2
    off_axis_deg: float = 4.0
    lever_error: float = 0.01
    reference_error_deg: float = 0.0
    emg_rest_V: float = 2e-6
    emg_per_torque_V: float = 2e-5
    emg_noise_V: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("imu_rate_hz", "force_rate_hz", "emg_rate_hz", "loss_burst"):
            if not getattr(self, name) > 0:
                raise DataError(f"expected a positive SensorModel.{name}; got {getattr(self, name)}")
        if not 0 <= self.loss_fraction < 1:
            raise DataError(f"expected SensorModel.loss_fraction of at least 0 and below 1; got {self.loss_fraction}")

    @classmethod
    def perfect(cls) -> "SensorModel":
        """Sensors without faults; the inertial units are still strapped on in an unknown way."""
        faults = (
            "acc_noise_m_s2 gyr_noise_rad_s acc_bias_m_s2 gyr_bias_rad_s soft_tissue_deg soft_tissue_per_rad_s2 "
            "proximal_swing_deg loss_fraction start_spread_s rate_spread jitter_s sync_s force_noise_N force_bias_N "
            "off_axis_deg lever_error emg_noise_V"
        )
        return replace(cls(), **dict.fromkeys(faults.split(), 0.0))


STANDARD_SENSORS = SensorModel()
"""Ordinary sensors with ordinary faults."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VirtualImu:
    """Samples of one inertial unit in its own axes; lost samples are missing rows.

    Attributes
    ----------
    time_s
        Strictly increasing times, shape (n,).
    acc_m_s2
        Specific force, shape (n, 3).
    gyr_rad_s
        Angular rate, shape (n, 3).
    """

    time_s: FloatArray
    acc_m_s2: Vectors
    gyr_rad_s: Vectors

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_s", readonly(self.time_s, "VirtualImu.time_s"))
        for name in ("acc_m_s2", "gyr_rad_s"):
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != (self.time_s.size, 3):
                raise DataError(f"expected VirtualImu.{name} of shape ({self.time_s.size}, 3); got {values.shape}")
            values.setflags(write=False)
            object.__setattr__(self, name, values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinematics:
    """Movement of a limb through an exam, evenly sampled.

    Attributes
    ----------
    rate_hz
        Sampling rate, the first sample at time 0.
    tilt_rad
        Rotation of the moved segment from hanging down within the plane of movement, along the stretch, the proximal
        segment's movement not included.
    velocity_rad_s, acceleration_rad_s2
        Joint's movement along the stretch.
    sway
        Rotation of the proximal segment along the stretch (rad) as a function of time.
    plane_tilt_rad
        Angle of the plane of movement to the vertical.
    segment_length_m
        Length of the moved segment.
    handed
        +1 or -1: on which side the joint's axis points.
    """

    rate_hz: float
    tilt_rad: FloatArray
    velocity_rad_s: FloatArray
    acceleration_rad_s2: FloatArray
    sway: CubicSpline
    plane_tilt_rad: float
    segment_length_m: float
    handed: int

    @property
    def end_s(self) -> float:
        """Time of the last sample."""
        return (self.tilt_rad.size - 1) / self.rate_hz

    def read(self, at_s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Read tilt, velocity and acceleration at other times."""
        time_s = np.arange(self.tilt_rad.size) / self.rate_hz
        return (
            np.interp(at_s, time_s, self.tilt_rad),
            np.interp(at_s, time_s, self.velocity_rad_s),
            np.interp(at_s, time_s, self.acceleration_rad_s2),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Turn:
    """A small rotation vector over time with its first two derivatives, each of shape (n, 3)."""

    angle: Vectors
    rate: Vectors
    rate_of_rate: Vectors


def observe_imu(
    motion: Kinematics, segment: str, *, sensors: SensorModel, rng: np.random.Generator, swing_seed: tuple[int, ...]
) -> VirtualImu:
    """Record a movement with an inertial unit on the ``"proximal"`` or ``"distal"`` segment.

    The limb's frame has x along gravity's part in the plane of movement and z along the joint's axis, about which a
    stretch turns from x to y. `swing_seed` draws the whole limb's rotation, which both units of an exam share.
    """
    clock = _sample_times(motion.end_s, sensors.imu_rate_hz, sensors, rng)
    swing = _swing(motion, clock.true_s, sensors, np.random.default_rng(swing_seed))
    moved = motion.read(clock.true_s)
    force, rate = _segment_signals(motion, moved if segment == "distal" else None, sensors, swing)
    skin = _skin(motion.end_s, clock.true_s, sensors, moved[2] if segment == "distal" else None, rng)
    force = force - np.cross(skin.angle, force)
    rate = rate + skin.rate - np.cross(skin.angle, rate)
    mounting = _mounting(sensors, rng)
    acc = force @ mounting + rng.normal(0.0, sensors.acc_bias_m_s2, 3)
    gyr = rate @ mounting + rng.normal(0.0, sensors.gyr_bias_rad_s, 3)
    return VirtualImu(
        time_s=clock.told_s,
        acc_m_s2=acc + rng.normal(0.0, sensors.acc_noise_m_s2, acc.shape),
        gyr_rad_s=gyr + rng.normal(0.0, sensors.gyr_noise_rad_s, gyr.shape),
    )


def observe_force(
    push_Nm: FloatArray, *, rate_hz: float, lever_m: float, sensors: SensorModel, rng: np.random.Generator
) -> ForceSignal:
    """Record the examiner's push with a hand-held force sensor."""
    clock = _sample_times((push_Nm.size - 1) / rate_hz, sensors.force_rate_hz, sensors, rng)
    along = np.cos(np.radians(rng.normal(0.0, sensors.off_axis_deg)))
    force = np.interp(clock.true_s, np.arange(push_Nm.size) / rate_hz, push_Nm) / lever_m * along
    force = force + rng.normal(0.0, sensors.force_bias_N) + rng.normal(0.0, sensors.force_noise_N, force.size)
    return ForceSignal(
        time_s=clock.told_s,
        force_N=force,
        moment_Nm=np.zeros(force.size),
        lever_m=lever_m * (1.0 + float(rng.normal(0.0, sensors.lever_error))),
    )


def observe_emg(
    effort: FloatArray, *, rate_hz: float, muscle: str, sensors: SensorModel, rng: np.random.Generator
) -> EmgSignal:
    """Record surface EMG: noise of 20 to 450 Hz whose amplitude follows the neural drive.

    Parameters
    ----------
    effort
        Neural drive in units of the noticeable torque; it precedes the torque by the muscle's activation.
    rate_hz
        Its sampling rate.
    muscle, sensors, rng
        Name of the channel, the sensors and the source of chance.
    """
    clock = _sample_times((effort.size - 1) / rate_hz, sensors.emg_rate_hz, replace(sensors, loss_fraction=0.0), rng)
    envelope = np.interp(clock.true_s, np.arange(effort.size) / rate_hz, effort) * sensors.emg_per_torque_V
    band_hz = (20.0, min(450.0, 0.45 * sensors.emg_rate_hz))
    sos = signal.butter(2, band_hz, btype="bandpass", fs=sensors.emg_rate_hz, output="sos")
    carrier = signal.sosfilt(sos, rng.normal(0.0, 1.0, envelope.size))
    carrier /= max(float(carrier.std()), 1e-12)
    emg = (sensors.emg_rest_V + envelope) * carrier + rng.normal(0.0, sensors.emg_noise_V, envelope.size)
    return EmgSignal(time_s=clock.told_s, emg_V=emg, muscle=muscle)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Clock:
    """When samples were taken, and when they say they were."""

    true_s: FloatArray
    told_s: FloatArray


def _sample_times(end_s: float, rate_hz: float, sensors: SensorModel, rng: np.random.Generator) -> _Clock:
    """Draw a stream's sample times: its own start and rate, jitter, a clock error, and losses."""
    start_s = float(rng.uniform(0.0, sensors.start_spread_s)) if sensors.start_spread_s > 0 else 0.0
    step_s = (1.0 + float(rng.normal(0.0, sensors.rate_spread))) / rate_hz
    true_s = np.arange(start_s, end_s, step_s)
    jitter_s = np.clip(rng.normal(0.0, sensors.jitter_s, true_s.size), -0.4 * step_s, 0.4 * step_s)
    told_s = true_s + jitter_s + float(rng.normal(0.0, sensors.sync_s))
    kept = ~_lost(true_s.size, sensors, rng)
    kept[0] = kept[-1] = True
    return _Clock(true_s=true_s[kept], told_s=told_s[kept])


def _lost(count: int, sensors: SensorModel, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Choose the samples that are lost, in bursts."""
    lost = np.zeros(count, dtype=bool)
    bursts = rng.binomial(count, sensors.loss_fraction / sensors.loss_burst)
    lengths = rng.geometric(1.0 / sensors.loss_burst, bursts)
    for first, length in zip(rng.integers(0, count, bursts), lengths, strict=True):
        lost[first : first + length] = True
    return lost


def _mounting(sensors: SensorModel, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the rotation from the sensor's axes to its segment's."""
    turned = Rotation.random(random_state=int(rng.integers(2**31)))
    turned = Rotation.from_rotvec(turned.as_rotvec() * min(sensors.mounting_deg / 180.0, 1.0))
    matrix: NDArray[np.float64] = turned.as_matrix()
    return matrix


def slow_curve(end_s: float, sd: float, rng: np.random.Generator, *, knot_s: float, axes: int) -> CubicSpline:
    """Draw a smooth random curve over [0, end_s], shape (n, axes): a cubic spline through random knots."""
    knots_s = np.linspace(0.0, end_s, max(4, round(end_s / knot_s) + 1))
    return CubicSpline(knots_s, rng.normal(0.0, 1.0, (knots_s.size, axes)) * sd, bc_type="natural")


def _swing(motion: Kinematics, at_s: FloatArray, sensors: SensorModel, rng: np.random.Generator) -> _Turn:
    """Draw the rotation of the whole limb; about the joint's axis it is the proximal segment's sway."""
    curve = slow_curve(
        motion.end_s, np.radians(sensors.proximal_swing_deg), rng, knot_s=sensors.slow_turn_knot_s, axes=3
    )
    turns = [curve(at_s, order) for order in range(3)]
    for order in range(3):
        turns[order][:, 2] = motion.sway(at_s, order)[:, 0]
    return _Turn(angle=turns[0], rate=turns[1], rate_of_rate=turns[2])


def _skin(
    end_s: float,
    at_s: FloatArray,
    sensors: SensorModel,
    acceleration_rad_s2: FloatArray | None,
    rng: np.random.Generator,
) -> _Turn:
    """Draw the skin's rotation against the bone; on the moved segment it lags behind the acceleration."""
    curve = slow_curve(end_s, np.radians(sensors.soft_tissue_deg), rng, knot_s=sensors.slow_turn_knot_s, axes=3)
    angle, rate = curve(at_s), curve(at_s, 1)
    if acceleration_rad_s2 is not None and sensors.soft_tissue_per_rad_s2 > 0:
        lag = -sensors.soft_tissue_per_rad_s2 * acceleration_rad_s2
        angle[:, 2] += lag
        rate[:, 2] += np.gradient(lag, at_s)
    return _Turn(angle=angle, rate=rate, rate_of_rate=np.zeros_like(rate))


def _segment_signals(
    motion: Kinematics,
    moved: tuple[FloatArray, FloatArray, FloatArray] | None,
    sensors: SensorModel,
    swing: _Turn,
) -> tuple[Vectors, Vectors]:
    """Work out specific force and angular rate in the segment's own frame; `moved` is ``None`` for the proximal one."""
    down = np.array([np.cos(motion.plane_tilt_rad), 0.0, motion.handed * np.sin(motion.plane_tilt_rad)])
    force = np.asarray(Rotation.from_rotvec(swing.angle).inv().apply(-GRAVITY_M_S2 * down), dtype=np.float64)
    rate = swing.rate - 0.5 * np.cross(swing.angle, swing.rate)
    spin_rate = swing.rate_of_rate
    along_m = -sensors.lever_fraction * motion.segment_length_m
    if moved is not None:
        tilt_rad, velocity, acceleration = moved
        force, rate, spin_rate = (_about_axis(vectors, -tilt_rad) for vectors in (force, rate, spin_rate))
        rate[:, 2] += velocity
        spin_rate[:, 2] += acceleration
        along_m = -along_m
    seat = np.array([along_m, sensors.offset_m, 0.0])
    return force + np.cross(spin_rate, seat) + np.cross(rate, np.cross(rate, seat)), rate


def _about_axis(vectors: Vectors, angle_rad: FloatArray) -> Vectors:
    """Turn vectors about the joint's axis (z)."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    x, y, z = vectors.T
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1)
