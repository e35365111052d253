"""Films as people bring them: cut off, in ten bits, very large, or of nobody; each is read, or refused in one line."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc

from analysis.model import Side
from analysis.muscles import Joint
from capture.anatomy import JOINTS
from capture.container import VideoWriter
from capture.encode import StampedImage
from capture.errors import NoPatientError, VideoError
from capture.video import VideoReader
from capture.video_angle import measure_video

CLIPS = Path(__file__).resolve().parents[2] / "dashboard" / "samples" / "clips"


def grey(level: int, *, width: int = 64, height: int = 48) -> np.ndarray:
    return np.full((height, width, 3), level, dtype=np.uint8)


def film(path: Path, levels: list[int]) -> Path:
    with VideoWriter(path, width=64, height=48) as writer:
        for k, level in enumerate(levels):
            writer.write(StampedImage(time_s=k / 30.0, rgb=grey(level)))
    return path


def altered(clip: str, out: Path, change: Callable[[np.ndarray], np.ndarray], *, every: int = 1) -> Path:
    """Write a rendered exam with every frame, or every second, ..., changed; the frames keep their times."""
    writer: VideoWriter | None = None
    with VideoReader(CLIPS / f"{clip}.mp4") as reader:
        for frame in reader.frames():
            if frame.index % every == 0:
                rgb = np.ascontiguousarray(change(frame.rgb()))
                writer = writer or VideoWriter(out, width=rgb.shape[1], height=rgb.shape[0])
                writer.write(StampedImage(time_s=frame.time_s, rgb=rgb))
    assert writer is not None
    writer.close()
    return out


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


def without_the_patient(image: np.ndarray) -> np.ndarray:
    """Paint the wall over the seated patient of `elbow_a`; the examiner stays."""
    painted = image.copy()
    painted[:, 318:] = np.median(image[:40].reshape(-1, 3), axis=0)
    return painted


def test_an_examiner_alone_is_no_patient(tmp_path: Path) -> None:
    path = altered("elbow_a", tmp_path / "alone.mp4", without_the_patient, every=6)
    with pytest.raises(NoPatientError, match="no patient was found for the left elbow: who is in view stands"):
        measure_video(path, joint=Joint.ELBOW, side=Side.LEFT, stretch_sign=-1)


@pytest.mark.slow
def test_the_upper_half_of_a_patient_is_enough_for_an_elbow(tmp_path: Path) -> None:
    path = altered("elbow_a", tmp_path / "upper.mp4", lambda image: image[:290])
    found = measure_video(path, joint=Joint.ELBOW, side=Side.LEFT, stretch_sign=-1)
    whole = measure_video(CLIPS / "elbow_a.mp4", joint=Joint.ELBOW, side=Side.LEFT, stretch_sign=-1)
    assert found.gradable
    assert np.abs(found.angle.angle_deg - whole.angle.angle_deg).mean() < 4.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "joint", "side", "columns"),
    [
        ("elbow_a", Joint.ELBOW, Side.LEFT, slice(0, 366)),
        ("elbow_b", Joint.ELBOW, Side.RIGHT, slice(270, 640)),
        ("knee_a", Joint.KNEE, Side.LEFT, slice(0, 400)),
    ],
)
def test_half_a_patient_is_never_graded(tmp_path: Path, clip: str, joint: Joint, side: Side, columns: slice) -> None:
    """The trunk and the upper part of the limb are outside; what is told of the rest stays an angle of that joint."""
    path = altered(clip, tmp_path / "half.mp4", lambda image: image[:, columns], every=2)
    try:
        found = measure_video(path, joint=joint, side=side, stretch_sign=-1)
    except NoPatientError:
        return
    assert not found.gradable
    assert any(warning.endswith("; not graded") for warning in found.warnings)
    least, most = JOINTS[joint].range_deg
    known = found.angle.angle_deg[np.isfinite(found.angle.angle_deg)]
    assert known.min() > least - 30.0
    assert known.max() < most + 30.0


@pytest.mark.slow
def test_a_camera_that_moved_is_named(tmp_path: Path) -> None:
    frames = iter(range(10**6))

    def pushed(image: np.ndarray) -> np.ndarray:
        return np.roll(image, 30, axis=1) if next(frames) > 60 else image

    path = altered("knee_b", tmp_path / "pushed.mp4", pushed, every=4)
    found = measure_video(path, joint=Joint.KNEE, side=Side.RIGHT, stretch_sign=-1)
    assert not found.gradable
    assert any(warning.startswith("the camera moved") for warning in found.warnings)


@pytest.mark.slow
def test_a_film_cut_in_the_middle_says_how_much_was_decoded(tmp_path: Path) -> None:
    """Its index comes first, so that it can be read as far as it goes."""
    content = altered("elbow_a", tmp_path / "whole.mp4", lambda image: image).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    found = measure_video(tmp_path / "cut.mp4", joint=Joint.ELBOW, side=Side.LEFT, stretch_sign=-1)
    assert not found.gradable
    (said,) = (warning for warning in found.warnings if warning.startswith("the file is incomplete"))
    assert re.search(r"\d\.\d\d s of 7\.8\d s could be decoded.*; not graded", said)
