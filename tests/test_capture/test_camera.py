"""The live camera with a file, the test pattern and a scripted device in its place."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import capture.camera as camera_module
from capture.camera import Camera, CameraParams, ClockFit
from capture.container import VideoWriter
from capture.encode import StampedImage
from capture.errors import CameraLostError, CameraUnavailableError, VideoWriteError
from capture.recorder import record_video
from capture.video import VideoReader

SMALL = CameraParams(width=64, height=48, rate_hz=50.0, stall_timeout_s=0.4, open_timeout_s=1.0)


@pytest.fixture
def film(tmp_path: Path) -> tuple[Path, list[float]]:
    """Write half a second of uneven frames, each with its number as brightness."""
    path = tmp_path / "film.mp4"
    times_s = [index * 0.03 + 0.008 * (index % 3) for index in range(18)]
    with VideoWriter(path, width=64, height=48) as writer:
        for index, time_s in enumerate(times_s):
            writer.write(StampedImage(time_s=time_s, rgb=np.full((48, 64, 3), 10 * index + 20, np.uint8)))
    return path, times_s


def device(monkeypatch: pytest.MonkeyPatch, images: Iterator[StampedImage]) -> None:
    monkeypatch.setattr(camera_module, "read_camera", lambda *_args, **_keys: images)


def picture(time_s: float) -> StampedImage:
    return StampedImage(time_s=time_s, rgb=np.full((48, 64, 3), 90, np.uint8))


def never(_time_s: float) -> bool:
    return False


def saved_times(path: Path) -> list[float]:
    with VideoReader(path) as reader:
        return [frame.time_s for frame in reader.frames()]


def test_a_file_in_the_cameras_place_is_saved_whole_with_its_times(
    film: tuple[Path, list[float]], tmp_path: Path
) -> None:
    source, times_s = film
    out = tmp_path / "out.mp4"
    with Camera(str(source)) as camera:
        log = record_video(camera, out, stop=never)
    assert (log.n_frames, log.n_dropped, log.lost) == (len(times_s), 0, "")
    assert np.abs(np.array(saved_times(out)) - times_s).max() < 1e-3
    assert log.duration_s == pytest.approx(times_s[-1], abs=1e-3)


def test_frames_come_on_the_monotonic_clock_in_their_own_time(film: tuple[Path, list[float]]) -> None:
    source, times_s = film
    before_s = time.monotonic()
    with Camera(str(source)) as camera:
        stamps_s = [(image.time_s, time.monotonic()) for image in camera]
    assert all(before_s <= taken_s <= seen_s for taken_s, seen_s in stamps_s)
    assert stamps_s[-1][0] - stamps_s[0][0] == pytest.approx(times_s[-1], abs=1e-3)


def test_the_test_pattern_records_until_told_to_stop(tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    with Camera("test-pattern", SMALL) as camera:
        log = record_video(camera, out, stop=lambda time_s: time_s >= 0.49)
    assert log.n_frames == 25
    assert np.diff(saved_times(out)) == pytest.approx(1 / 50, abs=1e-3)


def test_a_camera_that_disappears_leaves_what_was_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unplugged() -> Iterator[StampedImage]:
        yield from (picture(index / 50) for index in range(30))
        raise CameraLostError("0", "stopped giving pictures (No such device)")

    device(monkeypatch, unplugged())
    out = tmp_path / "out.mp4"
    with Camera("0") as camera:
        log = record_video(camera, out, stop=never)
    assert "camera 0: stopped giving pictures" in log.lost
    assert len(saved_times(out)) == log.n_frames == 30


def test_a_camera_that_hangs_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def hanging() -> Iterator[StampedImage]:
        yield from (picture(index / 50) for index in range(10))
        released.wait(5)

    device(monkeypatch, hanging())
    out = tmp_path / "out.mp4"
    with Camera("0", SMALL) as camera:
        log = record_video(camera, out, stop=never)
        released.set()
    assert "gave no picture for 0.4 s" in log.lost
    assert log.n_frames == 10


def test_a_camera_without_a_picture_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    def dark() -> Iterator[StampedImage]:
        released.wait(5)
        yield from ()

    device(monkeypatch, dark())
    camera = Camera("0", CameraParams(open_timeout_s=0.1, stall_timeout_s=0.1))
    with pytest.raises(CameraUnavailableError, match="gave no picture within"), camera:
        pass
    released.set()


def test_a_missing_camera_is_unavailable() -> None:
    with pytest.raises(CameraUnavailableError, match="there is none"), Camera("97"):
        pass


def test_frames_that_nobody_fetches_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = threading.Event()

    def eager() -> Iterator[StampedImage]:
        yield from (picture(index / 50) for index in range(40))
        finished.set()

    device(monkeypatch, eager())
    with Camera("0", CameraParams(queue_frames=5)) as camera:
        finished.wait(5)
        kept = list(camera)
    assert len(kept) + camera.dropped == 40
    assert camera.dropped >= 34  # five wait, and one was fetched on entering


def test_what_stands_in_for_a_camera_waits_for_a_slow_reader(film: tuple[Path, list[float]]) -> None:
    source, times_s = film
    with Camera(str(source), CameraParams(queue_frames=2)) as camera:
        time.sleep(1.0)
        taken_s = [image.time_s for image in camera]
        assert camera.dropped == 0
    assert np.subtract(taken_s, taken_s[0]) == pytest.approx(times_s, abs=1e-3)


def test_every_frame_is_saved_while_a_slow_preview_sees_the_newest(tmp_path: Path) -> None:
    seen_s: list[float] = []

    def slow(image: StampedImage) -> None:
        seen_s.append(image.time_s)
        time.sleep(0.12)

    with Camera("test-pattern", SMALL) as camera:
        log = record_video(camera, tmp_path / "out.mp4", stop=lambda time_s: time_s >= 0.59, watch=slow)
    assert log.n_frames == 30
    assert 2 <= len(seen_s) < 15
    assert seen_s == sorted(seen_s)


def test_a_preview_that_fails_does_not_cost_the_recording(tmp_path: Path) -> None:
    def broken(_image: StampedImage) -> None:
        raise ZeroDivisionError

    out = tmp_path / "out.mp4"
    with Camera("test-pattern", SMALL) as camera:
        log = record_video(camera, out, stop=lambda time_s: time_s >= 0.29, watch=broken)
    assert len(saved_times(out)) == log.n_frames == 15
    assert "ZeroDivisionError" in log.preview_fault


def test_an_unwritable_folder_is_said(tmp_path: Path) -> None:
    with Camera("test-pattern", SMALL) as camera, pytest.raises(VideoWriteError, match="cannot be written"):
        record_video(camera, tmp_path / "none" / "out.mp4", stop=never)


@settings(deadline=None)
@given(offset_s=st.floats(-1e5, 1e5), drift=st.floats(-50e-6, 50e-6), seed=st.integers(0, 10_000))
def test_jitter_of_delivery_falls_away_from_the_stamps(offset_s: float, drift: float, seed: int) -> None:
    delays_s = np.random.default_rng(seed).uniform(0.0, 0.05, 200)
    fit = ClockFit(10.0)
    least_s = 0.004  # no picture is delivered faster
    true_s = np.arange(delays_s.size) / 30
    delays_s[::10] = 0.0
    stamps_s = [
        fit.stamp(taken_s * (1 + drift) + offset_s, taken_s + least_s + delay_s)
        for taken_s, delay_s in zip(true_s, delays_s, strict=True)
    ]
    settled = slice(20, None)
    assert np.abs(np.array(stamps_s)[settled] - true_s[settled] - least_s).max() < 1.5e-3
    assert (np.diff(stamps_s) > 0).all()


def test_a_device_clock_that_stands_still_gives_way_to_the_arrival() -> None:
    fit = ClockFit(10.0)
    assert [fit.stamp(0.0, arrival_s) for arrival_s in (1.0, 1.1, 1.2)] == [1.0, 1.1, 1.2]


def test_pictures_that_were_held_up_and_come_at_once_can_be_told_apart_in_a_file() -> None:
    """A driver hands over in a microsecond what it kept while the machine was busy."""
    fit = ClockFit(10.0)
    stamps_s = [fit.stamp(index / 50, 5.0 + index * 1e-6) for index in range(30)]
    assert np.diff(stamps_s).min() > 1 / 90_000
    assert stamps_s[-1] - 5.0 < 0.01
