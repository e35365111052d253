"""The joint angle of a recording's two IMUs."""

from dataclasses import dataclass

from analysis.model import JointAngle, SegmentTilt
from records.folder import RecordingFolder, StreamEntry
from records.manifest import Segment
from records.streams import StreamParams, read_imu
from sensors.joint_angle import angle_from_imus

__all__ = ["ImuMeasurement", "measure_imus"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImuMeasurement:
    """What two IMUs say of a joint."""

    angle: JointAngle
    tilt: SegmentTilt | None
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
    return ImuMeasurement(angle=measured.angle, tilt=measured.tilt, warnings=(*said, *measured.warnings))
