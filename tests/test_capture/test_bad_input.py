"""Films as people bring them: cut off, in ten bits, very large, or of nobody; each is read, or refused in one line."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from analysis.model import Side
from analysis.muscles import Joint
from capture.container import VideoWriter
from capture.encode import StampedImage
from capture.errors import NoPatientError, VideoError
from capture.video import VideoReader
from capture.video_angle import measure_video


def grey(level: int, *, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


def film(path: Path, levels: list[int]) -> Path:
    with VideoWriter(path, width=64, height=48) as writer:
        for k, level in enumerate(levels):
            writer.write(StampedImage(time_s=k / 30.0, rgb=grey(level)))
    return path


def ten_bits(path: Path, level: int) -> Path:
    """Write HDR10's pixel format and colours, as a phone does."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        stream.time_base = Fraction(1, 30)
        context = stream.codec_context
        context.color_primaries, context.color_trc = ColorPrimaries.BT2020, ColorTrc.SMPTE2084
        context.colorspace = Colorspace.BT2020
        for k in range(5):
            frame = av.VideoFrame.from_ndarray(grey(level), format="rgb24").reformat(format="yuv420p10le")
            frame.pts, frame.time_base = k, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("level", [40, 128, 220])
def test_ten_bits_are_read_as_eight(tmp_path: Path, level: int) -> None:
    with VideoReader(ten_bits(tmp_path / "hdr.mp4", level)) as reader:
        frames = [frame.rgb() for frame in reader.frames()]
    assert len(frames) == 5
    assert abs(float(frames[2].mean()) - level) < 6


def test_a_film_without_its_index_says_that_it_was_cut_off(tmp_path: Path) -> None:
    plain = tmp_path / "plain.mp4"
    with av.open(str(plain), "w") as container:  # the index comes last, as cameras write it
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        rng = np.random.default_rng(1)
        for _ in range(20):
            noise = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        container.mux(stream.encode(None))
    content = plain.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: content.index(b"moov") // 2])
    with pytest.raises(VideoError, match=r"cut off.*index.*0 s"):
        VideoReader(tmp_path / "cut.mp4")


def test_a_film_of_one_frame_is_refused_without_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(NoPatientError):
        measure_video(film(tmp_path / "one.mp4", [90]), joint=Joint.ELBOW, side=Side.LEFT, stretch_sign=-1)


def test_a_film_of_nobody_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoPatientError, match="no person was found"):
        measure_video(film(tmp_path / "wall.mp4", [80] * 12), joint=Joint.KNEE, side=Side.LEFT, stretch_sign=1)


def test_4k_is_worked_on_small(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "4k.mp4", width=3840, height=2160) as writer:
        for k in range(2):
            writer.write(StampedImage(time_s=k / 30.0, rgb=grey(100, width=3840, height=2160)))
    with VideoReader(tmp_path / "4k.mp4") as reader:
        for frame in reader.frames():
            assert (frame.width_px, frame.height_px) == (3840, 2160)
            assert frame.rgb(max_side_px=960).shape == (540, 960, 3)
