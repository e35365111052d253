"""Videos of an hour: what is kept of each frame is small, and settling the past early changes nothing."""

import gc
import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.model import Side
from analysis.muscles import Joint
from capture.limb import fit_hinge
from capture.pose_model import Pose, PoseModel
from capture.smoothing import CourseFinder, CourseParams, best_course
from capture.video_angle import measure_video

CLIP = Path(__file__).resolve().parents[2] / "dashboard" / "samples" / "clips" / "elbow_a.mp4"
GRID_DEG = np.arange(0.0, 120.0)


def cost_rows(n: int, *, seed: int) -> Iterator[NDArray[np.float32]]:
    """Evidence for a limb that swings, with noise and with stretches of frames that tell nothing."""
    rng = np.random.default_rng(seed)
    for k in range(n):
        truth = 60.0 + 45.0 * np.sin(2 * np.pi * k / 90.0)
        told = 0.0 if k % 400 < 25 else 1.0
        noise = rng.normal(0.0, 0.4, GRID_DEG.size)
        yield (told * np.minimum(0.5 * ((GRID_DEG - truth) / 6.0) ** 2, 12.0) + noise).astype(np.float32)


def test_settling_the_past_early_changes_nothing() -> None:
    costs = np.stack(list(cost_rows(3000, seed=1)))
    time_s = np.arange(3000) / 60.0
    never = CourseParams(settle_frames=10**6)
    for early, whole in zip(
        best_course(costs, time_s, GRID_DEG, CourseParams(settle_frames=64)),
        best_course(costs, time_s, GRID_DEG, never),
        strict=True,
    ):
        np.testing.assert_array_equal(early, whole)


def test_a_video_that_tells_nothing_is_settled_all_the_same() -> None:
    finder = CourseFinder(GRID_DEG, CourseParams(settle_frames=50, max_frames=200))
    for k in range(1000):
        finder.add(np.zeros(GRID_DEG.size, dtype=np.float32), k / 60.0)
    angle, sd = finder.finish()
    assert angle.shape == sd.shape == (1000,)
    assert np.isinf(sd).all()


def peak_bytes(work: Any) -> int:  # noqa: ANN401 - a callable without arguments
    gc.collect()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_course_keeps_a_few_numbers_of_each_frame() -> None:
    def follow(n: int) -> None:
        finder = CourseFinder(GRID_DEG, CourseParams(settle_frames=128))
        for k, row in enumerate(cost_rows(n, seed=2)):
            finder.add(row, k / 60.0)
        finder.finish()

    grown = peak_bytes(lambda: follow(6000)) - peak_bytes(lambda: follow(2000))
    assert grown / 4000 < 100, "bytes for each frame; the costs of one alone are 480"


def test_many_poses_agree_on_a_hinge_in_little_memory() -> None:
    rng = np.random.default_rng(3)
    n = 6000
    xy = np.tile(rng.uniform(0, 400, (33, 2)), (n, 1, 1)) + rng.normal(0, 1.0, (n, 33, 2))
    peak = peak_bytes(lambda: fit_hinge(xy, np.ones((n, 33)), joint=Joint.ELBOW, side=Side.LEFT))
    assert peak < 4 * xy.nbytes


def repeated(clip: Path, out: Path, rounds: int) -> Path:
    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video)
        assert video.duration is not None
        for number in range(rounds):
            source.seek(0)
            for packet in source.demux(video):
                if packet.dts is not None and packet.pts is not None:
                    packet.pts += number * video.duration
                    packet.dts += number * video.duration
                    packet.stream = stream
                    target.mux(packet)
    return out


@pytest.mark.slow
def test_memory_does_not_grow_with_the_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[bytes, list[Pose]] = {}
    look = PoseModel.find

    def recall(model: PoseModel, image: NDArray[np.uint8]) -> list[Pose]:
        """Poses of a picture that was seen before: the model keeps nothing between pictures."""
        name = hashlib.sha256(str(image.shape).encode() + image.tobytes()).digest()
        return known[name] if name in known else known.setdefault(name, look(model, image))

    monkeypatch.setattr(PoseModel, "find", recall)

    def measure(rounds: int) -> tuple[int, int]:
        video = repeated(CLIP, tmp_path / f"{rounds}.mp4", rounds)
        frames: list[int] = []

        def work() -> None:
            measured = measure_video(video, joint=Joint.ELBOW, side=Side.LEFT, stretch_sign=-1)
            frames.append(measured.angle.time_s.size)

        return peak_bytes(work), frames[0]

    measure(12)  # fills what is recalled
    (short, few), (long, many) = measure(3), measure(12)
    assert many > 3.9 * few
    assert (long - short) / (many - few) < 4000, "bytes for each frame: an hour at 30 per second stays below 450 MB"
