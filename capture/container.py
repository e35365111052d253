"""FFmpeg, by PyAV: video written frame by frame, and cameras read; nothing else of ours knows the library."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from analysis.errors import DataError
from capture.errors import CameraLostError, CameraUnavailableError, VideoError, VideoWriteError

__all__ = ["EncodeParams", "RgbImage", "StampedImage", "VideoWriter", "read_camera", "repack"]

RgbImage = NDArray[np.uint8]

TEST_PATTERN = "test-pattern"
_TICKS = Fraction(1, 90_000)  # the clock of MPEG systems: time stamps are kept to 6 µs
_BT709 = 1  # ITU-T H.273, table 3: what browsers assume of video that does not say


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StampedImage:
    """One picture and when it was taken.

    Attributes
    ----------
    time_s
        Time on the clock of whoever gives it.
    rgb
        8-bit red, green, blue, shape (height, width, 3).
    """

    time_s: float
    rgb: RgbImage


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeParams:
    """How video is encoded: H.264 in 4:2:0, which every browser plays.

    Attributes
    ----------
    crf
        Constant rate factor of x264, 0 (lossless) to 51: 20 is hardly told from the source (chosen by us).
    preset
        Speed of x264 against file size; "veryfast" encoded 71 frames/s of 720p on two slow cores
        (chosen by us).
    keyframe_s
        Longest time between keyframes, s: seeking is quick, and a damaged second stays one second (chosen by us).
    fragment_s
        While recording, this much is handed to the disk at a time, s; what is lost when the process is killed is at
        most this and one frame. The issue allows 1 s; a quarter leaves room for a slow disk (chosen by us).
    """

    crf: int = 20
    preset: str = "veryfast"
    keyframe_s: float = 1.0
    fragment_s: float = 0.25


class VideoWriter:
    """Write frames with their own times as H.264 in MP4, without audio and without metadata.

    A context manager. Frames of an odd size get one more column or row, a copy of the last, so that positions stay.

    Parameters
    ----------
    path
        File to write.
    width, height
        Size of the frames that will come.
    crash_safe
        Whether the file can be read at any moment, whatever happens to the process or the power: it is written in
        fragments, each forced to the disk. Else it is a plain file with its index in front, readable once closed.
    params
        How it is encoded.

    Raises
    ------
    VideoWriteError
        If the file cannot be written (folder missing, no permission, disk full), here or later.
    """

    def __init__(
        self,
        path: Path,
        *,
        width: int,
        height: int,
        crash_safe: bool = False,
        params: EncodeParams = EncodeParams(),
    ) -> None:
        self._path = path
        self._size = (height, width)
        self._params = params
        self._last_tick: int | None = None
        self._keyframe_tick = 0
        try:
            self._file = _SyncedFile(path, every_s=params.fragment_s) if crash_safe else None
            self._container = av.open(
                self._file or str(path), "w", format="mp4", options=_muxer_options(params, crash_safe=crash_safe)
            )
        except (av.FFmpegError, OSError) as error:
            raise VideoWriteError(path, f"cannot be written: {_reason(error)}") from error
        self._stream = self._container.add_stream("libx264", options=_encoder_options(params, crash_safe=crash_safe))
        self._stream.width, self._stream.height = width + width % 2, height + height % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = _TICKS
        context = self._stream.codec_context
        context.time_base = _TICKS
        context.color_range = ColorRange.MPEG
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        try:
            self._container.start_encoding()
        except (av.FFmpegError, OSError) as error:
            raise VideoWriteError(path, f"cannot be written: {_reason(error)}") from error

    def write(self, image: StampedImage) -> None:
        """Append one frame.

        Raises
        ------
        DataError
            If its size is not the video's, or its time not later than the last one's.
        """
        if image.rgb.shape[:2] != self._size:
            raise DataError(f"expected a frame of {self._size[::-1]} pixels; got {image.rgb.shape[1::-1]}")
        tick = round(image.time_s / _TICKS)
        if self._last_tick is not None and tick <= self._last_tick:
            raise DataError(f"expected frames in order of time; got {image.time_s:g} s after a later one")
        self._encode(_to_frame(image.rgb, tick=tick, keyframe=self._keyframe_due(tick)))
        self._last_tick = tick
        if self._file is not None:
            self._file.sync_when_due(image.time_s)

    def close(self) -> None:
        """Finish the file."""
        try:
            with closing(self._container):
                if self._last_tick is not None:
                    self._encode(None)
        except (av.FFmpegError, OSError) as error:
            raise VideoWriteError(self._path, f"cannot be finished: {_reason(error)}") from error
        finally:
            if self._file is not None:
                self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _keyframe_due(self, tick: int) -> bool:
        if self._last_tick is None or (tick - self._keyframe_tick) * _TICKS >= self._params.keyframe_s:
            self._keyframe_tick = tick
            return True
        return False

    def _encode(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise VideoWriteError(self._path, f"cannot be written any further: {_reason(error)}") from error


class _SyncedFile:
    """A file whose written bytes are forced to the disk every so often."""

    def __init__(self, path: Path, *, every_s: float) -> None:
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._every_s = every_s
        self._synced_s = -np.inf
        self.name = str(path)

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view:  # an unbuffered write may take only a part
            view = view[self._file.write(view) :]
        return len(data)

    def sync_when_due(self, time_s: float) -> None:
        if time_s - self._synced_s >= self._every_s:
            os.fsync(self._file.fileno())
            self._synced_s = time_s

    def close(self) -> None:
        with self._file:
            os.fsync(self._file.fileno())


def _muxer_options(params: EncodeParams, *, crash_safe: bool) -> dict[str, str]:
    """Return container options: bitexact leaves out the name of the writing library and the time of writing."""
    if not crash_safe:
        return {"movflags": "+faststart", "fflags": "+bitexact"}
    return {
        "movflags": "+frag_keyframe+delay_moov+default_base_moof",
        "frag_duration": str(round(params.fragment_s * 1_000_000)),
        "flush_packets": "1",
        "fflags": "+bitexact",
    }


def _encoder_options(params: EncodeParams, *, crash_safe: bool) -> dict[str, str]:
    """Return encoder options: no B-frames, so that frames leave in the order of their times in every player."""
    options = {"preset": params.preset, "crf": str(params.crf), "bf": "0", "forced-idr": "1"}
    if crash_safe:
        options["tune"] = "zerolatency"  # no frame waits in the encoder for those after it
    return options


def _to_frame(rgb: RgbImage, *, tick: int, keyframe: bool) -> av.VideoFrame:
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    frame.pts = tick
    frame.time_base = _TICKS
    frame.pict_type = PictureType.I if keyframe else PictureType.NONE
    return frame


def repack(source: Path, target: Path) -> None:
    """Turn a fragmented recording into a plain MP4 with its index in front; the encoded frames are not touched.

    Raises
    ------
    VideoError
        If the source cannot be read.
    VideoWriteError
        If the target cannot be written; it is removed.
    """
    try:
        reading = av.open(str(source))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(source, f"cannot be read as video: {_reason(error)}") from error
    try:
        with (
            reading,
            av.open(
                str(target), "w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}
            ) as writing,
        ):
            stream = writing.add_stream_from_template(reading.streams.video[0])
            for packet in reading.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    writing.mux(packet)
    except (av.FFmpegError, OSError) as error:
        target.unlink(missing_ok=True)
        raise VideoWriteError(target, f"cannot be written: {_reason(error)}") from error


def read_camera(camera: str, *, width: int, height: int, rate_hz: float) -> Iterator[StampedImage]:
    """Open a camera of this machine, or FFmpeg's test pattern in its place, and yield what it sees.

    Parameters
    ----------
    camera
        Index of the camera ("0" is the first), its name as the system knows it, or "test-pattern".
    width, height, rate_hz
        What is asked of the camera; it gives the nearest that it can.

    Yields
    ------
    StampedImage
        Frames with the device's own times.

    Raises
    ------
    CameraUnavailableError
        If it cannot be opened; before the first frame.
    CameraLostError
        If it stops.
    """
    asked = {"framerate": f"{rate_hz:g}", "video_size": f"{width}x{height}"}
    try:
        source, device_format, options = _camera_address(camera, asked)
        container = av.open(source, format=device_format, options=options)
    except (av.FFmpegError, OSError) as error:
        raise CameraUnavailableError(camera, _unavailable_because(error)) from error
    with container:
        try:
            for frame in container.decode(video=0):
                yield StampedImage(time_s=float(frame.time or 0.0), rgb=_to_rgb(frame))
        except (av.FFmpegError, OSError) as error:
            raise CameraLostError(camera, f"stopped giving pictures ({_reason(error)})") from error
    raise CameraLostError(camera, "stopped giving pictures")


def _to_rgb(frame: av.VideoFrame) -> RgbImage:
    return np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


def _camera_address(camera: str, asked: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    """Return what FFmpeg opens for a camera: the source, the kind of device, and options."""
    if camera == TEST_PATTERN:
        return f"testsrc2=size={asked['video_size']}:rate={asked['framerate']}", "lavfi", {}
    if sys.platform == "darwin":
        return f"{camera}:none", "avfoundation", asked
    if sys.platform == "win32":
        if camera.isdigit():
            cameras = [device for device in av.enumerate_input_devices("dshow") if "video" in device.media_types]
            if int(camera) >= len(cameras):
                raise FileNotFoundError(f"there are {len(cameras)} cameras")
            camera = cameras[int(camera)].name
        return f"video={camera}", "dshow", asked
    return f"/dev/video{camera}" if camera.isdigit() else camera, "v4l2", asked


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _unavailable_because(error: Exception) -> str:
    """Say why a camera cannot be opened, and what to do."""
    if isinstance(error, FileNotFoundError):
        return "there is none; connect one, or name another (--camera 1, a video file, or test-pattern)"
    if isinstance(error, PermissionError):
        return "no permission; let this user use the camera (Linux: group 'video'), then try again"
    return f"cannot be opened ({_reason(error)}); is another program using it?"
