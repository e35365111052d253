"""How long `catchangle pose` takes beside a bare loop of the same pose model over the same frames.

    python benchmarks/pose.py --data ../shared/data/clips [--repeats 3] [--out docs/speed.md]

For each clip the whole command (process start, imports, decoding, search, measuring, writing the file) and a bare
PoseLandmarker loop (VIDEO mode, one person, every frame; model load included, decoding and imports not) run in turn, so
that other work on the machine meets both. The figure is the median of the ratios of their wall times. Exits 1 where it is
above the limit.
"""

import argparse
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.resources import files
from multiprocessing.connection import Connection
from pathlib import Path

from capture.pose_model import ModelSize
from capture.video_angle import VideoAngleParams

LIMIT = 1.3
CLIPS = (
    ("elbow_a", "elbow_flexors", "left"),
    ("elbow_b", "elbow_flexors", "right"),
    ("knee_a", "knee_flexors", "left"),
    ("knee_b", "knee_flexors", "right"),
)
Cost = tuple[float, float]


def bare_loop(video: Path, size: ModelSize, answer: Connection) -> None:
    """Run the model alone over decoded frames; send (wall s, processor s)."""
    import av  # noqa: PLC0415 - loaded in the child, before its clock starts
    import mediapipe as mp  # noqa: PLC0415
    from mediapipe.tasks.python import BaseOptions, vision  # noqa: PLC0415

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with av.open(str(video)) as container:
        frames = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    started, busy = time.perf_counter(), time.process_time()
    options = vision.PoseLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(files("capture") / "models" / f"pose_landmarker_{size}.task")),
        running_mode=vision.RunningMode.VIDEO,
    )
    with vision.PoseLandmarker.create_from_options(options) as landmarker:
        for time_s, rgb in frames:
            landmarker.detect_for_video(mp.Image(image_format=mp.ImageFormat.SRGB, data=rgb), round(1000 * time_s))
    answer.send((time.perf_counter() - started, time.process_time() - busy))


def time_bare(video: Path, size: ModelSize) -> Cost:
    """Time the bare loop in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=bare_loop, args=(video, size, theirs))
    child.start()
    theirs.close()
    cost: Cost = ours.recv()
    child.join()
    return cost


def time_command(video: Path, options: list[str]) -> Cost:
    """Time `catchangle pose`, from the start of its process to its end."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["catchangle", "pose", str(video), "--out", str(Path(folder) / "landmarks.csv"), *options]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
        wall_s, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"catchangle pose failed on {video.name}: {done.stderr.strip()}")
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def alternate(video: Path, options: list[str], sizes: list[ModelSize], repeats: int) -> list[list[str]]:
    """Run the command and the bare loops in turn; return a row of the table for each model."""
    turns: list[Callable[[], Cost]] = [lambda: time_command(video, options)]
    turns += [lambda size=size: time_bare(video, size) for size in sizes]
    costs = [[turn() for turn in turns] for _ in range(repeats)]
    rows = []
    for at, size in enumerate(sizes, start=1):
        wall = statistics.median(c[0][0] / c[at][0] for c in costs)
        busy = statistics.median(c[0][1] / c[at][1] for c in costs)
        own, bare = (statistics.median(c[k][0] for c in costs) for k in (0, at))
        rows.append([video.stem, size, f"{own:.1f}", f"{bare:.1f}", f"{wall:.2f}", f"{busy:.2f}"])
    return rows


def markdown(rows: list[list[str]], repeats: int) -> str:
    """Lay out the table with what it means."""
    measuring = VideoAngleParams().model
    text = (
        "Written by `benchmarks/pose.py`: the whole command with muscle group and side (process start included) and a bare "
        f"PoseLandmarker loop over the same decoded frames (VIDEO mode, one person; model load included), run in turn {repeats} "
        f"times; medians. The command searches people with the full model and measures with the {measuring} one, which is the "
        f"same model's row; its limit is {LIMIT} × the wall time."
    )
    return "\n".join(
        [
            "# Speed of `catchangle pose`",
            "",
            text,
            "",
            "| clip | bare loop's model | command, s | bare loop, s | ratio of wall times | ratio of processor times |",
            "|---|---|---|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
        ]
    )


def main() -> int:
    """Measure the clips and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the clips")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[clip[0] for clip in CLIPS])
    parser.add_argument("--models", nargs="*", type=ModelSize, default=[VideoAngleParams().model])
    parser.add_argument("--out", type=Path, help="write the table as Markdown to this file, too")
    args = parser.parse_args()
    rows: list[list[str]] = []
    for name, group, side in CLIPS:
        if name in args.only:
            options = ["--muscle-group", group, "--side", side]
            rows += alternate(args.data / f"{name}.mp4", options, args.models, args.repeats)
            print("  ".join(rows[-1]), flush=True)
    text = markdown(rows, args.repeats)
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    return any(float(row[4]) > LIMIT for row in rows if row[1] == VideoAngleParams().model)


if __name__ == "__main__":
    sys.exit(main())
