"""What virtual sensors record of a movement, with their faults: their clocks, a force sensor and surface EMG."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from analysis.errors import DataError
from analysis.model import EmgSignal, FloatArray, ForceSignal

__all__ = [
    "STANDARD_SENSORS",
    "Clock",
    "SensorModel",
    "draw_clock",
    "draw_normal",
    "observe_emg",
    "observe_force",
    "read_between",
]


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


def observe_force(
    push_Nm: Callable[[FloatArray], FloatArray],
    *,
    end_s: float,
    lever_m: float,
    sensors: SensorModel,
    rng: np.random.Generator,
) -> ForceSignal:
    """Record the examiner's push, a function of time up to `end_s`, with a hand-held force sensor."""
    clock = draw_clock(end_s, sensors.force_rate_hz, sensors, rng)
    along = np.cos(np.radians(rng.normal(0.0, sensors.off_axis_deg)))
    force = push_Nm(clock.true_s) / lever_m * along
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
    clock = draw_clock((effort.size - 1) / rate_hz, sensors.emg_rate_hz, sensors, rng, may_lose=False)
    (amplitude_V,) = read_between(clock.true_s, rate_hz, effort)
    amplitude_V *= sensors.emg_per_torque_V
    amplitude_V += sensors.emg_rest_V
    carrier, noise = draw_normal(rng, (2, amplitude_V.size))
    emg_V = signal.sosfilt(_emg_band(sensors.emg_rate_hz), carrier)
    amplitude_V /= max(float(np.sqrt(emg_V @ emg_V / emg_V.size)), 1e-12)  # the band passes no constant
    emg_V *= amplitude_V
    noise *= sensors.emg_noise_V
    emg_V += noise
    return EmgSignal(time_s=clock.told_s, emg_V=emg_V, muscle=muscle)


@lru_cache(maxsize=8)
def _emg_band(rate_hz: float) -> NDArray[np.float64]:
    """Sections of the band that surface electrodes pass."""
    band_hz = (20.0, min(450.0, 0.45 * rate_hz))
    sections: NDArray[np.float64] = signal.butter(2, band_hz, btype="bandpass", fs=rate_hz, output="sos")
    return sections


def read_between(at_s: FloatArray, rate_hz: float, *series: FloatArray) -> tuple[FloatArray, ...]:
    """Read evenly sampled series of equal length, the first sample at time 0, on straight lines in between."""
    size = series[0].size
    place = at_s * rate_hz
    np.minimum(place, size - 1, out=place)
    before = np.minimum(place.astype(np.intp), size - 2)
    place -= before
    after = before + 1
    found = []
    for values in series:
        earlier = values.take(before)
        between = values.take(after)
        between -= earlier
        between *= place
        between += earlier
        found.append(between)
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clock:
    """When samples were taken, and when they say they were."""

    true_s: FloatArray
    told_s: FloatArray


def draw_clock(
    end_s: float, rate_hz: float, sensors: SensorModel, rng: np.random.Generator, *, may_lose: bool = True
) -> Clock:
    """Draw a stream's sample times: its own start and rate, jitter, a clock error, and losses unless it has none."""
    start_s = float(rng.uniform(0.0, sensors.start_spread_s)) if sensors.start_spread_s > 0 else 0.0
    step_s = (1.0 + float(rng.normal(0.0, sensors.rate_spread))) / rate_hz
    true_s = np.arange(start_s, end_s, step_s)
    (told_s,) = draw_normal(rng, (1, true_s.size))
    told_s *= sensors.jitter_s
    np.maximum(told_s, -0.4 * step_s, out=told_s)
    np.minimum(told_s, 0.4 * step_s, out=told_s)
    told_s += true_s
    told_s += float(rng.normal(0.0, sensors.sync_s))
    lost = _lost(true_s.size, sensors.loss_fraction if may_lose else 0.0, sensors.loss_burst, rng)
    if not lost.size:
        return Clock(true_s=true_s, told_s=told_s)
    kept = np.ones(true_s.size, dtype=bool)
    kept[lost] = False
    kept[0] = kept[-1] = True
    return Clock(true_s=true_s[kept], told_s=told_s[kept])


def draw_normal(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Draw standard normal noise by the Box-Muller transform, in half the time of ``rng.standard_normal``.

    Samples have the precision of float32, far finer than any sensor's, and none is beyond 6.7 standard deviations.

    References
    ----------
    .. [1] Box GEP, Muller ME. A note on the generation of random normal deviates. Ann Math Stat 1958;29:610-611.
       doi:10.1214/aoms/1177706645
    """
    size = shape[0] * shape[1]
    half = (size + 1) // 2
    bits = rng.bit_generator.random_raw(half).view(np.int32)
    bits[:half] &= 2**31 - 1
    radius, turn = bits.astype(np.float32).reshape(2, half)
    radius += np.float32(0.5)  # the middle of its step keeps the logarithm finite
    radius *= np.float32(2.0**-31)
    np.log(radius, out=radius)
    radius *= np.float32(-2.0)
    np.sqrt(radius, out=radius)
    turn *= np.float32(2.0**-31 * np.pi)
    drawn = np.empty((2, half))
    np.multiply(radius, np.cos(turn), out=drawn[0])
    np.multiply(radius, np.sin(turn), out=drawn[1])
    return drawn.ravel()[:size].reshape(shape)


def _lost(count: int, fraction: float, burst: float, rng: np.random.Generator) -> NDArray[np.intp]:
    """Choose the samples that are lost, in bursts."""
    if fraction == 0:
        return np.empty(0, dtype=np.intp)
    bursts = rng.binomial(count, fraction / burst)
    lengths = rng.geometric(1.0 / burst, bursts)
    firsts = rng.integers(0, count, bursts)
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    lost: NDArray[np.intp] = np.repeat(firsts, lengths) + within
    return lost[lost < count]
