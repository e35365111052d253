"""Video written and read back: times, pixels, and what a killed process leaves."""

import contextlib
import os
import signal
import subprocess
import sys
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.errors import DataError
from capture.container import VideoWriter, read_camera, repack
from capture.encode import StampedImage
from capture.errors import CameraUnavailableError, VideoError, VideoWriteError

WIDTH, HEIGHT = 96, 64


def marked(time_s: float, column: int, *, width: int = WIDTH, height: int = HEIGHT) -> StampedImage:
    """Draw a white bar at a column of a grey picture."""
    rgb = np.full((height, width, 3), 60, np.uint8)
    rgb[:, column : column + 6] = 250
    return StampedImage(time_s=time_s, rgb=rgb)


def bar_column(rgb: np.ndarray) -> int:
    return int(np.argmax(rgb.mean(axis=(0, 2))))


def decoded(path: Path) -> list[tuple[float, np.ndarray]]:
    frames: list[tuple[float, np.ndarray]] = []
    with av.open(str(path)) as container, contextlib.suppress(av.FFmpegError):
        frames.extend((frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0))
    return frames


def write(path: Path, times_s: list[float], *, crash_safe: bool) -> None:
    with VideoWriter(path, width=WIDTH, height=HEIGHT, crash_safe=crash_safe) as writer:
        for index, time_s in enumerate(times_s):
            writer.write(marked(time_s, 4 + index % 80))


@pytest.mark.parametrize("crash_safe", [False, True])
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start_s=st.floats(0.0, 5.0),
    steps_s=st.lists(st.floats(0.002, 0.4), min_size=2, max_size=25),
)
def test_uneven_times_come_back_within_a_millisecond(
    tmp_path: Path, crash_safe: bool, start_s: float, steps_s: list[float]
) -> None:
    times_s = [start_s + step for step in np.cumsum(steps_s)]
    path = tmp_path / f"{crash_safe}.mp4"
    write(path, times_s, crash_safe=crash_safe)
    frames = decoded(path)
    assert len(frames) == len(times_s)
    assert np.abs(np.array([time_s for time_s, _ in frames]) - times_s).max() < 1e-3
    assert all(abs(bar_column(rgb) - (4 + index % 80)) <= 6 for index, (_, rgb) in enumerate(frames))


def test_a_browser_plays_it_and_it_tells_nothing_of_its_maker(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    write(path, [index / 30 for index in range(20)], crash_safe=False)
    with av.open(str(path)) as container:
        (stream,) = container.streams
        assert (stream.type, stream.codec_context.name, stream.codec_context.pix_fmt) == ("video", "h264", "yuv420p")
        told = {**container.metadata, **stream.metadata}
    assert set(told) <= {"major_brand", "minor_version", "compatible_brands", "language", "handler_name"}
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it has been loaded to its end
    assert b"Lavf" not in content


def test_an_odd_size_grows_by_one_and_positions_stay(tmp_path: Path) -> None:
    path = tmp_path / "odd.mp4"
    with VideoWriter(path, width=97, height=63) as writer:
        for index in range(5):
            writer.write(marked(index / 30, 40, width=97, height=63))
    _, rgb = decoded(path)[-1]
    assert rgb.shape[:2] == (64, 98)
    assert 40 <= bar_column(rgb) < 46


def test_there_is_a_keyframe_every_second_at_least(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    write(path, [index / 12 + 0.02 * (index % 3) for index in range(80)], crash_safe=True)
    with av.open(str(path)) as container:
        keys_s = [frame.time for frame in container.decode(video=0) if frame.key_frame]
    assert keys_s[0] == 0
    assert max(later - earlier for earlier, later in pairwise(keys_s)) < 1.2


def test_colours_come_back(tmp_path: Path) -> None:
    path = tmp_path / "colour.mp4"
    colour = (200, 60, 30)
    with VideoWriter(path, width=WIDTH, height=HEIGHT) as writer:
        for index in range(5):
            writer.write(StampedImage(time_s=index / 30, rgb=np.full((HEIGHT, WIDTH, 3), colour, np.uint8)))
    _, rgb = decoded(path)[-1]
    assert np.abs(rgb[30, 40].astype(int) - colour).max() <= 6


KILLED = """
import os, signal, sys, time
from pathlib import Path
import numpy as np
from capture.container import VideoWriter
from capture.encode import StampedImage
rng = np.random.default_rng(1)
writer = VideoWriter(Path(sys.argv[1]), width=160, height=120, crash_safe=True)
for index in range(10_000):
    time_s = index / 30 + 0.004 * (index % 2)
    writer.write(StampedImage(time_s=time_s, rgb=rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)))
    print(time_s, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 37, 75, 130])
def test_a_killed_process_loses_less_than_a_second(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "killed.mp4"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        written_s = 0.0
        for _ in range(lines):
            written_s = float(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        rest = [float(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        written_s = max([written_s, *rest])
    frames = decoded(path) if path.stat().st_size else []
    kept_s = frames[-1][0] if frames else 0.0
    assert kept_s > written_s - 1.0
    assert np.all(np.diff([time_s for time_s, _ in frames]) > 0)


def test_repacking_keeps_frames_and_times(tmp_path: Path) -> None:
    times_s = [0.3 + index / 25 + 0.007 * (index % 4) for index in range(40)]
    source, target = tmp_path / "a.mp4", tmp_path / "b.mp4"
    write(source, times_s, crash_safe=True)
    repack(source, target)
    before, after = decoded(source), decoded(target)
    assert np.allclose([time_s for time_s, _ in after], times_s, atol=1e-4)
    assert all(np.array_equal(one[1], other[1]) for one, other in zip(before, after, strict=True))


def test_repacking_what_is_no_video_leaves_nothing(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    source.write_text("no video")
    with pytest.raises(VideoError, match=r"a\.mp4"):
        repack(source, tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


@pytest.mark.parametrize("crash_safe", [False, True])
def test_a_missing_folder_is_said_in_one_line(tmp_path: Path, crash_safe: bool) -> None:
    with pytest.raises(VideoWriteError, match="cannot be written: No such file or directory"):
        VideoWriter(tmp_path / "none" / "film.mp4", width=WIDTH, height=HEIGHT, crash_safe=crash_safe)


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from capture.container import VideoWriter
from capture.encode import StampedImage
from capture.errors import VideoWriteError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
rng = np.random.default_rng(1)
try:
    with VideoWriter(Path(sys.argv[1]), width=160, height=120, crash_safe=sys.argv[2] == "safe") as writer:
        for index in range(400):
            writer.write(StampedImage(time_s=index / 30, rgb=rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)))
except VideoWriteError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.parametrize("how", ["safe", "plain"])
def test_a_full_disk_is_said_and_what_was_recorded_is_kept(tmp_path: Path, how: str) -> None:
    path = tmp_path / "full.mp4"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), how], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "full.mp4: cannot be" in done.stdout
    if how == "safe":
        assert len(decoded(path)) > 5


def test_frames_out_of_order_or_of_another_size_are_refused(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "film.mp4", width=WIDTH, height=HEIGHT) as writer:
        writer.write(marked(1.0, 4))
        with pytest.raises(DataError, match="in order of time"):
            writer.write(marked(1.0, 4))
        with pytest.raises(DataError, match="expected a frame of"):
            writer.write(marked(2.0, 4, width=50))


def test_the_test_pattern_is_a_camera() -> None:
    frames = list(islice(read_camera("test-pattern", width=64, height=48, rate_hz=25), 5))
    assert frames[0].rgb.shape == (48, 64, 3)
    assert [image.time_s for image in frames] == pytest.approx([Fraction(index, 25) for index in range(5)])
    assert not np.array_equal(frames[0].rgb, frames[-1].rgb)


def test_a_missing_camera_is_said_with_the_remedy() -> None:
    with pytest.raises(CameraUnavailableError, match="test-pattern") as caught:
        next(iter(read_camera("97", width=64, height=48, rate_hz=25)))
    assert caught.value.camera == "97"
