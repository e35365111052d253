"""The joint angle of a recording's two IMUs."""

from dataclasses import dataclass

import numpy as np

from analysis.model import Gap, JointAngle, SegmentTilt
from records.folder import RecordingFolder, StreamEntry
from records.gaps import GapParams, stream_gaps
from records.manifest import Segment
from records.streams import Stream, StreamParams, read_imu
from sensors.alignment import align_turned_together
from sensors.errors import SensorError
from sensors.joint_angle import angle_from_imus
from sensors.samples import ImuSamples

__all__ = ["ImuMeasurement", "measure_imus"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImuMeasurement:
    """What two IMUs say of a joint."""

    angle: JointAngle
    tilt: SegmentTilt | None
    gaps: tuple[Gap, ...]
    warnings: tuple[str, ...]


def measure_imus(
    folder: RecordingFolder, entries: tuple[StreamEntry, ...], *, stretch_sign: int, params: StreamParams
) -> ImuMeasurement:
    """Read both IMUs of a recording and ask `sensors` for the joint angle.

    Raises
    ------
    RecordError
        If a file is unusable.
    SensorError
        If the signals show no joint angle.
    """
    streams = {entry.segment: read_imu(entry, params) for entry in entries}
    measured = angle_from_imus(
        streams[Segment.PROXIMAL].signal,
        streams[Segment.DISTAL].signal,
        stretch_sign=stretch_sign,
        reference_pose=folder.reference_pose,
    )
    said = [warning for stream in streams.values() for warning in stream.warnings]
    return ImuMeasurement(
        angle=measured.angle,
        tilt=measured.tilt,
        gaps=_gaps(entries, streams, measured.angle, GapParams()),
        warnings=(*said, *_lag_warning(streams, LagParams()), *measured.warnings),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LagParams:
    """When two sensors' clocks are apart; chosen by us.

    Attributes
    ----------
    lag_s
        Lag beyond which the reader is warned (s): at 300 deg/s 10 ms are 3 deg.
    deviations
        The lag must exceed this many times its standard deviation as well.
    """

    lag_s: float = 0.01
    deviations: float = 3.0


def _lag_warning(streams: dict[Segment | None, Stream[ImuSamples]], params: LagParams) -> tuple[str, ...]:
    """Say by how much the two sensors' clocks are apart, where a twist of both in one hand tells it."""
    try:
        found = align_turned_together(streams[Segment.PROXIMAL].signal, streams[Segment.DISTAL].signal)
    except SensorError:
        return ()
    if abs(found.lag_s) <= max(params.lag_s, params.deviations * found.sd_s):
        return ()
    which = "behind" if found.lag_s > 0 else "ahead of"
    said = (
        f"the distal sensor is {1e3 * abs(found.lag_s):.0f} ms {which} the proximal one while both turn together "
        f'(SD {1e3 * found.sd_s:.1f} ms); correct "clock_offset_s" of one of them'
    )
    return (said,)


def _gaps(
    entries: tuple[StreamEntry, ...],
    streams: dict[Segment | None, Stream[ImuSamples]],
    angle: JointAngle,
    params: GapParams,
) -> tuple[Gap, ...]:
    """Gather the gaps of both sensors; the proximal one's count only where the angle is missing for them.

    A proximal segment that is still needs no sensor, and its losses leave the angle as it is.
    """
    found: list[Gap] = []
    for entry in entries:
        shifted = tuple((a + entry.clock_offset_s, b + entry.clock_offset_s) for a, b in entry.segments or ())
        gaps = stream_gaps(f"the {entry.segment} sensor", streams[entry.segment].signal.time_s, shifted, params)
        if entry.segment is Segment.PROXIMAL:
            unseen_s = angle.time_s[~np.isfinite(angle.angle_deg)]
            gaps = tuple(gap for gap in gaps if ((unseen_s >= gap.start_s) & (unseen_s <= gap.end_s)).any())
        found += gaps
    return tuple(sorted(found, key=lambda gap: gap.start_s))
