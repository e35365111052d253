"""``catchangle record``: from a camera into a recording folder."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.model import Side, Subject, TestKind
from analysis.muscles import MuscleGroup
from dashboard.cli.arguments import JsonOption, PatientBoxOption, parse_box
from dashboard.cli.console import complain, native_noise_silenced, say

if TYPE_CHECKING:
    from capture.encode import StampedImage
    from dashboard.services.filming import Filmed

__all__ = ["record"]

UNUSABLE = 2
TOLD_EVERY_S = 1.0


def record(  # noqa: PLR0917 (typer takes an argument per option)
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Recording folder to make.")],
    muscle_group: Annotated[MuscleGroup, typer.Option("--muscle-group", help="Tested muscle group.")],
    side: Annotated[Side, typer.Option("--side", help="Side of the tested limb.")],
    camera: Annotated[
        str,
        typer.Option(
            "--camera", metavar="N|FILE", help="Camera 0, 1, …; or a video file or 'test-pattern' in its place."
        ),
    ] = "0",
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, help="Stop after so long; else Ctrl-C stops.")
    ] = None,
    code: Annotated[str, typer.Option("--code", help="The patient's code, never a name.")] = "unknown",
    test: Annotated[TestKind, typer.Option("--test", help="Protocol.")] = TestKind.PASSIVE_STRETCH,
    width: Annotated[int, typer.Option("--width", min=16, help="Width asked of the camera, pixels.")] = 1280,
    height: Annotated[int, typer.Option("--height", min=16, help="Height asked of the camera, pixels.")] = 720,
    rate: Annotated[float, typer.Option("--rate", min=1.0, help="Frame rate asked of the camera, Hz.")] = 60.0,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the joint's angle and velocity meanwhile (a guide, not a result).")
    ] = False,
    patient_box: PatientBoxOption = None,
    as_json: JsonOption = False,
) -> int:
    """Record an exam from a camera: every frame is saved with its true time; Ctrl-C stops.

    A process that is killed leaves DIR.unfinished, which lacks less than the last second and can be analysed.

    Example: catchangle record --camera 0 --muscle-group elbow_flexors --side left --code P001 --out P001_elbow
    """
    box = parse_box(patient_box)
    with native_noise_silenced():
        from capture.camera import Camera, CameraParams  # noqa: PLC0415 (loads FFmpeg)
        from dashboard.services.filming import film_exam  # noqa: PLC0415 (loads FFmpeg)
        from records.live_folder import LiveHeader  # noqa: PLC0415 (with what it is used)

        header = LiveHeader(
            muscle_group=muscle_group,
            side=side,
            test=test,
            started_at=datetime.now().astimezone(),
            subject=Subject(code=code),
        )
        teller = _Teller(seconds)
        with (
            _stopped_by_signals() as stopped,
            Camera(camera, CameraParams(width=width, height=height, rate_hz=rate)) as source,
        ):
            say(f"recording from camera {camera} ({source.size[0]}x{source.size[1]}); Ctrl-C stops")
            with _preview(muscle_group, side, box, wanted=preview) as watch:
                filmed = film_exam(
                    source, out, header, stop=lambda time_s: stopped.is_set() or teller.enough(time_s), watch=watch
                )
    return _report(filmed, as_json=as_json)


@contextmanager
def _preview(
    muscle_group: MuscleGroup, side: Side, box: tuple[float, float, float, float] | None, *, wanted: bool
) -> Iterator["Callable[[StampedImage], None] | None"]:
    """Give what shows the newest frame's angle, or nothing."""
    if not wanted:
        yield None
        return
    from capture.live_angle import LiveAngle  # noqa: PLC0415 (loads mediapipe only for those who want it)

    with LiveAngle(muscle_group, side, patient_box=box) as live:

        def show(image: "StampedImage") -> None:
            reading = live.observe(image)
            seen = f"{reading.angle_deg:.0f}°, {reading.velocity_deg_s:.0f} °/s" if reading.xy_px is not None else "-"
            say(f"{reading.time_s:6.2f} s  {seen.replace('nan', '-')}")

        yield show


class _Teller:
    """Says how long the recording is, and when it is long enough."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._told_s = 0.0

    def enough(self, time_s: float) -> bool:
        if sys.stderr.isatty() and time_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = time_s
            say(f"{time_s:.0f} s")
        return self._seconds is not None and time_s >= self._seconds


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Let Ctrl-C and a polite kill end the recording instead of the program; both handlers come back afterwards."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    wanted = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda _number, _frame: stopped.set()) for number in wanted]
    try:
        yield stopped
    finally:
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)


def _report(filmed: "Filmed", *, as_json: bool) -> int:
    video = filmed.video
    if as_json:
        said = {
            "path": str(filmed.folder),
            "frames": video.n_frames,
            "dropped_frames": video.n_dropped,
            "duration_s": round(video.duration_s, 3),
            "width_px": video.width_px,
            "height_px": video.height_px,
            "warnings": list(filmed.warnings()),
        }
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
    else:
        sys.stdout.write(f"{filmed.folder}\n")
    for warning in filmed.warnings():
        complain(warning)
    return UNUSABLE if video.lost else 0
