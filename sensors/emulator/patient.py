"""A virtual patient's exam as what virtual units measure."""

from dataclasses import replace

import numpy as np

from analysis.simulate import SensorModel, VirtualExam, VirtualImu, VirtualPatient, simulate_exam
from sensors.emulator.movement import Replay, Signal
from sensors.packets import Role

__all__ = ["replayable_exam", "signals_of"]

_RATE_HZ = 1000.0
"""The exam is simulated finely and read in between: each unit samples at its own moments (chosen by us)."""


def replayable_exam(patient: VirtualPatient, *, seed: int, sensors: SensorModel | None = None) -> VirtualExam:
    """Simulate an exam as sensors of endless rate would see it: with noise, bias and soft tissue, without a radio.

    Loss, jitter and clock errors come from the emulated radio and clocks instead.

    Parameters
    ----------
    patient
        Who is examined.
    seed
        Source of all chance.
    sensors
        Their faults; those of the radio are left out. Ordinary ones by default.
    """
    without_radio = replace(
        sensors or SensorModel(),
        imu_rate_hz=_RATE_HZ,
        force_rate_hz=_RATE_HZ,
        loss_fraction=0.0,
        start_spread_s=0.0,
        rate_spread=0.0,
        jitter_s=0.0,
        sync_s=0.0,
    )
    return simulate_exam(patient, seed=seed, sensors=without_radio)


def signals_of(exam: VirtualExam) -> dict[Role, Signal]:
    """Return what the units of each role measure in an exam."""
    return {
        Role.PROXIMAL: _inertial(exam.imu_proximal),
        Role.DISTAL: _inertial(exam.imu_distal),
        Role.FORCE: Replay(time_s=exam.force.time_s, values=exam.force.force_N[:, np.newaxis]),
    }


def _inertial(imu: VirtualImu) -> Replay:
    return Replay(time_s=imu.time_s, values=np.hstack([imu.acc_m_s2, imu.gyr_rad_s]))
