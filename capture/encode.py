"""How video is encoded and brought to the disk: choices that the writer in `capture.container` carries out."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["EncodeParams", "RgbImage", "StampedImage", "SyncedFile", "encoder_options", "muxer_options"]

RgbImage = NDArray[np.uint8]


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


class SyncedFile:
    """A file whose written bytes are forced to the disk every so often."""

    def __init__(self, path: Path, *, every_s: float) -> None:
        self._file: BinaryIO = path.open("wb", buffering=0)
        self._every_s = every_s
        self._synced_s = -np.inf
        self.name = str(path)

    def write(self, data: bytes) -> int:
        """Write all of the bytes."""
        view = memoryview(data)
        while view:  # an unbuffered write may take only a part
            view = view[self._file.write(view) :]
        return len(data)

    def sync_when_due(self, time_s: float) -> None:
        """Force what was written to the disk, if the last time is long enough ago on the frames' clock."""
        if time_s - self._synced_s >= self._every_s:
            os.fsync(self._file.fileno())
            self._synced_s = time_s

    def close(self) -> None:
        """Force what was written to the disk, and close."""
        with self._file:
            os.fsync(self._file.fileno())


def muxer_options(params: EncodeParams, *, crash_safe: bool) -> dict[str, str]:
    """Return container options: bitexact leaves out the name of the writing library and the time of writing."""
    if not crash_safe:
        return {"movflags": "+faststart", "fflags": "+bitexact"}
    return {
        "movflags": "+frag_keyframe+delay_moov+default_base_moof",
        "frag_duration": str(round(params.fragment_s * 1_000_000)),
        "flush_packets": "1",
        "fflags": "+bitexact",
    }


def encoder_options(params: EncodeParams, *, crash_safe: bool) -> dict[str, str]:
    """Return encoder options: no B-frames, so that frames leave in the order of their times in every player."""
    options = {"preset": params.preset, "crf": str(params.crf), "bf": "0", "forced-idr": "1"}
    if crash_safe:
        options["tune"] = "zerolatency"  # no frame waits in the encoder for those after it
    return options
