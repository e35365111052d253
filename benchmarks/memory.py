"""How much memory `catchangle pose` and `analyze` take on long videos.

    python benchmarks/memory.py --clip ../shared/data/clips/elbow_a.mp4 [--minutes 1 5 15 60] [--recall] [--out docs/memory.md]

The clip is repeated, packets copied, to each length, and each command runs on it in a process of its own; the figure is the
process's largest resident set. With --recall a picture whose poses are known is not given to the pose model again (the model
keeps nothing between pictures, so that memory is the same, but an hour takes minutes instead of hours). Exits 1 where a
figure is above the limit, or grows by more than the limit for growth from the shortest to the longest.
"""

import argparse
import hashlib
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

LIMIT_MB = 900.0
GROWTH_MB_PER_MINUTE = 4.0
TEST = ("--muscle-group", "elbow_flexors", "--side", "left")


def repeat(clip: Path, out: Path, minutes: float) -> None:
    """Copy a video's packets again and again until it is long enough."""
    import av  # noqa: PLC0415 - FFmpeg's libraries are not part of what is measured

    with av.open(str(clip)) as source, av.open(str(out), "w") as target:
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video)
        length = video.duration or 0
        rounds = max(1, round(60.0 * minutes / float(length * video.time_base)))
        for number in range(rounds):
            source.seek(0)
            for packet in source.demux(video):
                if packet.dts is not None:
                    packet.pts, packet.dts = packet.pts + number * length, packet.dts + number * length
                    packet.stream = stream
                    target.mux(packet)


def recall_poses() -> None:
    """Let the pose models answer from memory for pictures that they have seen."""
    from capture.pose_model import Pose, PoseModel  # noqa: PLC0415 - in the child only

    known: dict[bytes, list[Pose]] = {}
    look: Callable[[PoseModel, Any], list[Pose]] = PoseModel.find

    def find(model: PoseModel, image: Any) -> list[Pose]:  # noqa: ANN401
        name = hashlib.sha256(f"{id(model)} {image.shape}".encode() + image.tobytes()).digest()
        if name not in known:
            known[name] = look(model, image)
        return known[name]

    PoseModel.find = find  # type: ignore[method-assign]


def run(arguments: list[str], answer: Connection, *, recall: bool) -> None:
    """Run a command in this process; send its exit code, largest resident set in MB and wall time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    started = time.perf_counter()
    from dashboard.cli.application import run as run_command  # noqa: PLC0415 - in the child only

    if recall:
        recall_poses()
    code = run_command(arguments)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    answer.send((code, peak, time.perf_counter() - started))


def measure(arguments: list[str], *, recall: bool) -> tuple[float, float]:
    """Return the largest resident set in MB and the wall time in s of a command."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=run, args=(arguments, theirs), kwargs={"recall": recall})
    child.start()
    theirs.close()
    try:
        code, peak, wall_s = ours.recv()
    except EOFError:
        sys.exit(f"catchangle {' '.join(arguments)} died")
    child.join()
    if code:
        sys.exit(f"catchangle {' '.join(arguments)} failed with exit code {code}")
    return peak, wall_s


def main() -> int:
    """Measure the commands on each length and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 5.0, 15.0, 60.0])
    parser.add_argument("--commands", nargs="+", choices=("pose", "analyze"), default=["pose", "analyze"])
    parser.add_argument("--recall", action="store_true")
    parser.add_argument("--out", type=Path, help="write the table as Markdown to this file, too")
    args = parser.parse_args()
    peaks: dict[tuple[str, float], float] = {}
    lines = [
        f"| `{args.clip.stem}` repeated to | command | largest resident set, MB | wall time, s |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for minutes in args.minutes:
            video = Path(folder) / f"{minutes:g}min.mp4"
            repeat(args.clip, video, minutes)
            for command in args.commands:
                extra = ["--out", str(video.with_suffix(".csv"))] if command == "pose" else ["--json"]
                peak, wall_s = measure([command, str(video), *extra, *TEST], recall=args.recall)
                peaks[command, minutes] = peak
                lines.append(f"| {minutes:g} min | {command} | {peak:.0f} | {wall_s:.0f} |")
                print(lines[-1], flush=True)
    first, last = min(args.minutes), max(args.minutes)
    growth = max((peaks[c, last] - peaks[c, first]) / max(last - first, 1e-9) for c in args.commands)
    lines += [
        "",
        f"Growth at most {growth:.1f} MB per minute of video; limits {LIMIT_MB:.0f} MB, {GROWTH_MB_PER_MINUTE:g} MB.",
    ]
    text = "\n".join(
        [
            "# Memory on long videos",
            "",
            f"Written by `benchmarks/memory.py`{' with `--recall`: poses of a picture seen before are recalled' if args.recall else ''}.",
            "",
            *lines,
            "",
        ]
    )
    print(text)
    if args.out:
        args.out.write_text(text, encoding="utf-8")
    return max(peaks.values()) > LIMIT_MB or growth > GROWTH_MB_PER_MINUTE


if __name__ == "__main__":
    sys.exit(main())
