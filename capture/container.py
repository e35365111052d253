"""FFmpeg, by PyAV: video files read and written frame by frame, and cameras; nothing else of ours knows the library."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from analysis.errors import DataError
from capture.encode import EncodeParams, RgbImage, StampedImage, SyncedFile, encoder_options, muxer_options
from capture.errors import CameraLostError, CameraUnavailableError, VideoError, VideoWriteError

__all__ = ["TEST_PATTERN", "Picture", "VideoInput", "VideoWriter", "read_camera", "repack"]

TEST_PATTERN = "test-pattern"
_ENCODING = EncodeParams()
_TICKS = Fraction(1, 90_000)  # the clock of MPEG systems: time stamps are kept to 6 µs
_STILL_FORMATS = ("image2", "_pipe", "gif", "apng")
_BT709 = 1  # ITU-T H.273, table 3: what browsers assume of video that does not say


class Picture:
    """One decoded picture as it is stored; pixels are converted only when they are asked for.

    Attributes
    ----------
    time_s
        Its time stamp, ``None`` where the file gives none.
    width_px, height_px
        Its size as stored.
    rotation_deg
        Anticlockwise rotation that the container declares for display.
    """

    __slots__ = ("_frame", "_scalers", "height_px", "rotation_deg", "time_s", "width_px")

    def __init__(self, frame: av.VideoFrame, scalers: "_Scalers") -> None:
        self._frame = frame
        self._scalers = scalers
        self.time_s = frame.time
        self.width_px = frame.width
        self.height_px = frame.height
        self.rotation_deg = frame.rotation

    def pixels(self, layout: str, *, width_px: int, height_px: int) -> RgbImage:
        """Return the picture scaled, as "rgb24" (height, width, 3) or "gray" (height, width)."""
        scaled = self._scalers.scale(self._frame, layout, width_px, height_px)
        return np.asarray(scaled.to_ndarray(), dtype=np.uint8)


class _Scalers:
    """Converters of one file's pictures: to make one costs more than to convert a small picture with it."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, int, int], VideoReformatter] = {}

    def scale(self, frame: av.VideoFrame, layout: str, width_px: int, height_px: int) -> av.VideoFrame:
        scaler = self._known.setdefault((layout, width_px, height_px), VideoReformatter())
        return scaler.reformat(frame, width=width_px, height=height_px, format=layout)


class VideoInput:
    """An open video file, decoded once from its start.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    fault
        Why decoding ended early, empty if it did not.

    Raises
    ------
    VideoError
        If the file is missing, empty, cannot be read as a video, or holds no moving pictures.
    """

    def __init__(self, path: Path) -> None:
        self._container = _open(path)
        self._stream = _moving_pictures(path, self._container)
        self._scalers = _Scalers()
        self.fault = ""

    @property
    def declared_s(self) -> float:
        """Duration that the file declares, NaN where it declares none."""
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        return self._container.duration / av.time_base if self._container.duration else float("nan")

    def pictures(self) -> Iterator[Picture]:
        """Decode until the end, or until the file is damaged, which `fault` then says."""
        self._stream.thread_type = "AUTO"
        frames = self._container.decode(self._stream)
        while True:
            try:
                frame = next(frames)
            except StopIteration:
                return
            except (av.FFmpegError, ValueError) as error:
                self.fault = f"decoding stopped: {error}"
                return
            yield Picture(frame, self._scalers)

    def close(self) -> None:
        """Close the file."""
        self._container.close()


def _open(path: Path) -> av.container.InputContainer:
    if not path.exists():
        raise VideoError(path, "there is no such file")
    if path.is_dir():
        raise VideoError(path, "this is a folder, not a video file")
    if path.stat().st_size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    try:
        return av.open(str(path), mode="r")
    except (av.FFmpegError, OSError, ValueError) as error:
        why = _NO_INDEX if _lacks_index(path) else f"cannot be read as a video ({type(error).__name__}); {_MAYBE}"
        raise VideoError(path, why) from error


_MAYBE = "it may be damaged, cut off, or no video"
_NO_INDEX = (
    "the file was cut off: its index, which cameras write last, is missing, so that no frame (0 s) can be decoded; "
    "copy the film from the camera again"
)


def _lacks_index(path: Path) -> bool:
    """Tell whether this is the beginning of an MP4 or QuickTime file without the box "moov"."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        kinds: list[bytes] = []
        place = 0
        while place + _BOX_HEAD <= size and len(kinds) < _MOST_BOXES:
            file.seek(place)
            head = file.read(2 * _BOX_HEAD)
            kinds.append(head[4:8])
            length = int.from_bytes(head[:4])
            length = int.from_bytes(head[8:16]) if length == 1 else length
            if length < _BOX_HEAD:
                break
            place += length
    return b"ftyp" in kinds and b"mdat" in kinds and b"moov" not in kinds


_BOX_HEAD = 8  # ISO/IEC 14496-12, 4.2: four bytes of length, four of kind; a length of 1 is followed by a longer one
_MOST_BOXES = 64


def _moving_pictures(path: Path, container: av.container.InputContainer) -> av.VideoStream:
    if any(still in container.format.name for still in _STILL_FORMATS):
        container.close()
        raise VideoError(path, "this is an image, not a video")
    films = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not films:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        container.close()
        raise VideoError(path, f"holds no moving pictures (only {kinds})")
    return films[0]


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
        params: EncodeParams = _ENCODING,
    ) -> None:
        self._path = path
        self._size = (height, width)
        self._params = params
        self._last_tick: int | None = None
        self._keyframe_tick = 0
        self._scaler = VideoReformatter()
        try:
            self._file = SyncedFile(path, every_s=params.fragment_s) if crash_safe else None
            self._container = av.open(
                self._file or str(path), "w", format="mp4", options=muxer_options(params, crash_safe=crash_safe)
            )
        except (av.FFmpegError, OSError) as error:
            raise VideoWriteError(path, f"cannot be written: {_reason(error)}") from error
        self._stream = self._container.add_stream("libx264", options=encoder_options(params, crash_safe=crash_safe))
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
        self._encode(_to_frame(image.rgb, self._scaler, tick=tick, keyframe=self._keyframe_due(tick)))
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


def _to_frame(rgb: RgbImage, scaler: VideoReformatter, *, tick: int, keyframe: bool) -> av.VideoFrame:
    height, width = rgb.shape[:2]
    if height % 2 or width % 2:
        rgb = np.pad(rgb, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = scaler.reformat(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
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
