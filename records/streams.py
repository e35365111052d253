"""One stream file to the typed signal that it holds, on the recording's clock."""

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from analysis.model import EmgSignal, FloatArray, ForceSignal, JointAngle, Source, Zero
from records.columns import ACC, ANGLE, EMG, FORCE, GYR, IMU_COLUMNS, MOMENT, TIME
from records.errors import RecordError
from records.folder import StreamEntry
from records.stamps import read_stamps
from records.tables import read_columns
from sensors.samples import ImuSamples

__all__ = ["Stream", "StreamParams", "read_angle", "read_emg", "read_force", "read_imu"]

Signal = TypeVar("Signal", ImuSamples, JointAngle, ForceSignal, EmgSignal)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamParams:
    """What a stream must look like to be in the units of the contract.

    Attributes
    ----------
    gravity_range_m_s2
        The median length of the accelerometer's vector lies in this range; a sensor at rest reads 9.81 m/s2. One in g
        reads 1, one with gravity removed 0. Chosen by us, wide enough for any movement of a limb.
    fastest_gyr_rad_s
        Beyond what gyroscopes for people measure (4000 deg/s): the unit must be deg/s. Chosen by us.
    largest_jump_deg
        A step of the joint angle between neighbouring samples that no joint makes: it was wrapped. Chosen by us.
    jump_within_s
        Samples further apart than this may differ by anything. Chosen by us.
    """

    gravity_range_m_s2: tuple[float, float] = (4.0, 25.0)
    fastest_gyr_rad_s: float = 70.0
    largest_jump_deg: float = 120.0
    jump_within_s: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream(Generic[Signal]):
    """The signal of one file, and what its reader should know of the file."""

    signal: Signal
    warnings: tuple[str, ...]


def read_imu(entry: StreamEntry, params: StreamParams = StreamParams()) -> Stream[ImuSamples]:
    """Read an IMU; rows with an empty cell are lost packets, which are left out and counted.

    Raises
    ------
    RecordError
        If the file is no such table, or its units cannot be those of the contract.
    """
    columns = read_columns(entry.file, IMU_COLUMNS)
    time_s, rounded = _clock(entry, columns)
    acc = np.stack([columns[name] for name in ACC], axis=1)
    gyr = np.stack([columns[name] for name in GYR], axis=1)
    whole = np.isfinite(acc).all(axis=1) & np.isfinite(gyr).all(axis=1)
    if whole.sum() < 2:
        raise RecordError(entry.file, "fewer than 2 rows hold all six values; record the sensor again")
    low, high = params.gravity_range_m_s2
    usual_m_s2 = float(np.median(np.linalg.norm(acc[whole], axis=1)))
    if not low <= usual_m_s2 <= high:
        raise RecordError(
            entry.file,
            f"columns acc_…_m_s2 read {usual_m_s2:.3g} mostly, where gravity alone gives 9.81; convert them to m/s2, "
            "gravity included",
        )
    fastest = float(np.abs(gyr[whole]).max())
    if fastest > params.fastest_gyr_rad_s:
        raise RecordError(entry.file, f"columns gyr_…_rad_s read up to {fastest:.0f}; convert them from deg/s to rad/s")
    samples = ImuSamples(time_s=time_s[whole], acc_m_s2=acc[whole], gyr_rad_s=gyr[whole])
    count = int((~whole).sum())
    lost = f"the {entry.segment} IMU lost {count} of {whole.size} packets ({entry.file.name}: rows with empty cells)"
    return Stream(signal=samples, warnings=((lost,) if count else ()) + rounded)


def read_angle(entry: StreamEntry, params: StreamParams = StreamParams()) -> Stream[JointAngle]:
    """Read a joint angle that was measured elsewhere; its zero is the anatomical position.

    Raises
    ------
    RecordError
        If the file is no such table, or the angle is wrapped.
    """
    columns = read_columns(entry.file, (TIME, ANGLE))
    time_s, rounded = _clock(entry, columns)
    angle_deg = columns[ANGLE]
    _observed(entry.file, ANGLE, angle_deg)
    jumps = (np.abs(np.diff(angle_deg)) > params.largest_jump_deg) & (np.diff(time_s) <= params.jump_within_s)
    if jumps.any():
        at = int(np.argmax(jumps))
        raise RecordError(
            entry.file,
            f"column {ANGLE} jumps from {angle_deg[at]:.0f} to {angle_deg[at + 1]:.0f} deg at {time_s[at + 1]:g} s, "
            "which no joint does; unwrap it, or leave cells empty where the joint was lost",
        )
    angle = JointAngle(
        time_s=time_s,
        angle_deg=angle_deg,
        sd_deg=np.full(time_s.shape, np.nan),
        source=Source.ANGLE,
        zero=Zero.ANATOMICAL,
        bandwidth_hz=float(0.5 / np.median(np.diff(time_s))),
    )
    return Stream(signal=angle, warnings=rounded)


def read_force(entry: StreamEntry) -> Stream[ForceSignal]:
    """Read the examiner's push; without a moment column the sensor transmits none.

    Raises
    ------
    RecordError
        If the file is no such table.
    """
    columns = read_columns(entry.file, (TIME, FORCE), (MOMENT,))
    time_s, rounded = _clock(entry, columns)
    _observed(entry.file, FORCE, columns[FORCE])
    if MOMENT in columns:
        _observed(entry.file, MOMENT, columns[MOMENT])
    force = ForceSignal(
        time_s=time_s,
        force_N=columns[FORCE],
        moment_Nm=columns.get(MOMENT, np.zeros(time_s.shape)),
        lever_m=entry.lever_m or 0.0,
    )
    return Stream(signal=force, warnings=rounded)


def read_emg(entry: StreamEntry) -> Stream[EmgSignal]:
    """Read the EMG of one muscle.

    Raises
    ------
    RecordError
        If the file is no such table.
    """
    columns = read_columns(entry.file, (TIME, EMG))
    time_s, rounded = _clock(entry, columns)
    _observed(entry.file, EMG, columns[EMG])
    emg = EmgSignal(time_s=time_s, emg_V=columns[EMG], muscle=entry.muscle or "")
    return Stream(signal=emg, warnings=rounded)


def _clock(entry: StreamEntry, columns: dict[str, FloatArray]) -> tuple[FloatArray, tuple[str, ...]]:
    """Check a time column and bring it to the recording's clock; say where its digits did not suffice."""
    stamps = read_stamps(entry.file, columns[TIME])
    name, count = entry.file.name, stamps.repeated
    rounded = f"{name} writes its times with too few digits: {count} of them repeat and were spread evenly"
    return stamps.time_s + entry.clock_offset_s, ((rounded,) if count else ())


def _observed(path: Path, name: str, values: FloatArray) -> None:
    if np.isfinite(values).sum() < 2:
        raise RecordError(path, f"column {name} has fewer than 2 values; record or export it again")
