"""Decoding: true times, the rotation applied once, and a reason for everything that cannot be read."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from capture.errors import VideoError
from capture.video import VideoReader

RATE = 30


def _film(path: Path, ticks: list[int], *, codec: str = "libx264", layout: str = "yuv420p") -> Path:
    """Write a film of 64 x 48 pixels whose left upper corner is bright and whose frame k has brightness 40 + 3 k."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, layout
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for k, tick in enumerate(ticks):
            picture = np.full((48, 64, 3), 40 + 3 * (k % 60), dtype=np.uint8)
            picture[:16, :16] = 255
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=layout)
            frame.pts, frame.time_base = tick, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _even(n: int) -> list[int]:
    return [round(1000 * k / RATE) for k in range(n)]


def test_times_are_the_containers(tmp_path: Path) -> None:
    ticks = [0, 30, 65, 110, 140, 200, 230, 275]
    with VideoReader(_film(tmp_path / "a.mp4", ticks)) as reader:
        times = [frame.time_s for frame in reader.frames()]
        timing = reader.timing()
    assert times == pytest.approx([t / 1000 for t in ticks], abs=1e-4)
    assert timing.variable_rate
    assert timing.complete


def test_an_even_film_raises_no_doubts(tmp_path: Path) -> None:
    with VideoReader(_film(tmp_path / "a.mp4", _even(40))) as reader:
        assert sum(1 for _ in reader.frames(watch_changes=True)) == 40
        timing = reader.timing()
    assert not timing.variable_rate
    assert (timing.n_dropped, timing.n_repeated, timing.n_unordered) == (0, 0, 0)
    assert timing.interval_s == pytest.approx(1 / RATE, abs=1e-3)


def test_dropped_frames_are_counted(tmp_path: Path) -> None:
    ticks = [t for k, t in enumerate(_even(60)) if k not in (20, 21, 40)]
    with VideoReader(_film(tmp_path / "a.mp4", ticks)) as reader:
        list(reader.frames())
        assert reader.timing().n_dropped == 3


def test_a_reader_can_be_iterated_again(tmp_path: Path) -> None:
    with VideoReader(_film(tmp_path / "a.mp4", _even(10))) as reader:
        first = [f.time_s for f in reader.frames()]
        second = [f.time_s for f in reader.frames()]
    assert first == second


@pytest.mark.parametrize(("clockwise_deg", "corner"), [(0, (0, 0)), (90, (0, -1)), (180, (-1, -1)), (270, (-1, 0))])
def test_rotation_given_by_the_user_is_clockwise(tmp_path: Path, clockwise_deg: int, corner: tuple[int, int]) -> None:
    with VideoReader(_film(tmp_path / "a.mp4", _even(5)), rotation_deg=clockwise_deg) as reader:
        frame = next(iter(reader.frames()))
        pixels = frame.rgb()
    assert pixels.shape == (frame.height_px, frame.width_px, 3)
    assert (frame.width_px > frame.height_px) == (clockwise_deg % 180 == 0)
    bright = pixels[corner[0] * 4 - (corner[0] == 0) * -4, corner[1] * 4 - (corner[1] == 0) * -4]
    assert bright.min() > 200


def test_ten_bits_are_read(tmp_path: Path) -> None:
    path = _film(tmp_path / "a.mkv", _even(8), codec="ffv1", layout="yuv420p10le")
    with VideoReader(path) as reader:
        pixels = next(iter(reader.frames())).rgb()
    assert pixels.dtype == np.uint8
    assert pixels[4, 4].min() > 200
    assert abs(int(pixels[40, 50, 0]) - 40) < 12


def test_large_frames_are_scaled_down(tmp_path: Path) -> None:
    with VideoReader(_film(tmp_path / "a.mp4", _even(3))) as reader:
        assert next(iter(reader.frames())).rgb(max_side_px=32).shape == (24, 32, 3)


def test_a_file_cut_in_the_middle_says_how_much_was_read(tmp_path: Path) -> None:
    whole = _film(tmp_path / "a.mkv", _even(120), codec="ffv1")
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with VideoReader(cut) as reader:
        n = sum(1 for _ in reader.frames())
        timing = reader.timing()
    assert 0 < n < 120
    assert not timing.complete
    assert timing.decoded_s < timing.declared_s


def _text(path: Path) -> None:
    path.write_text("no video at all " * 100)


def _empty(path: Path) -> None:
    path.touch()


def _image(path: Path) -> None:
    with av.open(str(path), "w", format="image2") as container:
        stream = container.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = 32, 32, "rgb24"
        container.mux(stream.encode(av.VideoFrame(32, 32, "rgb24")))


def _sound(path: Path) -> None:
    with av.open(str(path), "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), dtype=np.int16), layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _nothing(path: Path) -> None:
    del path


@pytest.mark.parametrize(
    ("make", "name", "reason"),
    [
        (_text, "a.mp4", "cannot be read"),
        (_empty, "a.mp4", "empty"),
        (_image, "a.png", "image"),
        (_sound, "a.wav", "no moving pictures"),
        (_nothing, "a.mp4", "no such file"),
    ],
)
def test_what_is_no_video_is_refused_with_its_reason(tmp_path: Path, make: object, name: str, reason: str) -> None:
    path = tmp_path / name
    assert callable(make)
    make(path)
    with pytest.raises(VideoError, match=reason) as caught, VideoReader(path) as reader:
        list(reader.frames())
    assert caught.value.path == path
    assert "\n" not in str(caught.value)
