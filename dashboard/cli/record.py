"""``catchangle record``: from a camera and sensors into a recording folder."""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analysis.model import Side, Subject, TestKind
from analysis.muscles import MuscleGroup
from dashboard.cli.arguments import HomeOption, JsonOption, PatientBoxOption, parse_box
from dashboard.cli.console import complain, native_noise_silenced, say
from dashboard.cli.sensor_messages import MessageTeller
from dashboard.cli.sensor_options import (
    EmulatorOption,
    LeverOption,
    LslOption,
    MuscleOption,
    SeedOption,
    SensorOption,
    SensorsOption,
    sensor_plan,
)
from dashboard.cli.sensors_air import rounded
from dashboard.errors import UsageError

if TYPE_CHECKING:
    from capture.encode import StampedImage
    from dashboard.services.recording import Recorded
    from dashboard.services.sensor_session import SensorPlan, SensorSession
    from sensors.streaming import UnitStatus

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
    no_camera: Annotated[bool, typer.Option("--no-camera", help="Record sensors alone.")] = False,
    sensor: SensorOption = None,
    sensors: SensorsOption = False,
    lsl: LslOption = False,
    emulator: EmulatorOption = None,
    seed: SeedOption = 1,
    lever: LeverOption = None,
    muscle: MuscleOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> int:
    """Record an exam from a camera, sensors or both, on one clock; Ctrl-C stops.

    Every frame and every packet is saved with its true time. A process that is killed leaves DIR.unfinished, which
    lacks less than the last second; `catchangle recover` makes a recording of it.

    Example: catchangle record --muscle-group elbow_flexors --side left --code P001 --out P001_elbow --sensor
    proximal=GONIO-1 --sensor distal=GONIO-1
    """
    box = parse_box(patient_box)
    plan = sensor_plan(
        sensor,
        every=sensors,
        lsl=lsl,
        emulator=(emulator, seed),
        settings=(lever, muscle),
        group=muscle_group,
        home=home,
    )
    if no_camera and plan is None:
        raise UsageError("--no-camera leaves nothing to record; name sensors with --sensor, --sensors or --emulator")
    with native_noise_silenced():
        from capture.camera import Camera, CameraParams  # noqa: PLC0415 (loads FFmpeg)
        from dashboard.services.recording import record_exam  # noqa: PLC0415 (loads FFmpeg)
        from dashboard.services.sensor_session import SensorSession  # noqa: PLC0415 (with what it is used)
        from records.live_folder import LiveHeader, refuse_taken  # noqa: PLC0415 (with what it is used)

        refuse_taken(out)  # before a minute is spent on connecting
        header = LiveHeader(
            muscle_group=muscle_group,
            side=side,
            test=test,
            started_at=datetime.now().astimezone(),
            subject=Subject(code=code),
        )
        with ExitStack() as stack:
            stopped = stack.enter_context(_stopped_by_signals())
            session = source = watch = None
            if plan is not None:
                say("connecting to the sensors")
                session = stack.enter_context(SensorSession(plan))
                _introduce(session, plan, alone=no_camera)
            if not no_camera:
                asked = CameraParams(width=width, height=height, rate_hz=rate)
                source = stack.enter_context(Camera(camera, asked, clock=time.perf_counter))
                say(f"recording from camera {camera} ({source.size[0]}x{source.size[1]}); Ctrl-C stops")
                watch = stack.enter_context(_preview(muscle_group, side, box, wanted=preview))
            teller = _Teller(seconds, session)
            recorded = record_exam(
                out,
                header,
                camera=source,
                sensors=session,
                stop=lambda time_s: stopped.is_set() or teller.enough(time_s),
                watch=watch,
            )
    return _report(recorded, as_json=as_json)


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


def _introduce(session: "SensorSession", plan: "SensorPlan", *, alone: bool) -> None:
    """Say what each sensor is for, and what the recording will lack while that can still be mended."""
    from dashboard.services.sensor_doubts import recording_doubts  # noqa: PLC0415 (with what it is used)

    units, roles = session.units(), session.roles()
    names = {unit.unit_id: unit.name for unit in units}
    mine = {role: f"{names[unit_id]} ({unit_id}) {channel}" for role, (unit_id, channel) in roles.items()}
    say(f"sensors that stream: {'; '.join(f'{role} {mine[role]}' for role in sorted(mine))}")
    for doubt in recording_doubts(units, roles, plan.settings, with_camera=not alone):
        complain(doubt)


class _Teller:
    """Says how long the recording is, how the sensors fare, and when it is long enough."""

    def __init__(self, seconds: float | None, sensors: "SensorSession | None") -> None:
        self._seconds = seconds
        self._sensors = sensors
        self._told_s = 0.0
        self._messages = MessageTeller(said=() if sensors is None else [one.message for one in sensors.status()])

    def enough(self, time_s: float) -> bool:
        units = () if self._sensors is None else self._sensors.status()
        self._messages.tell(units)
        if sys.stderr.isatty() and time_s - self._told_s >= TOLD_EVERY_S:
            self._told_s = time_s
            fare = "; ".join(_fare(one) for one in units)
            say(f"{time_s:.0f} s  {fare}")
        return self._seconds is not None and time_s >= self._seconds


def _fare(one: "UnitStatus") -> str:
    how = f"{one.rate_hz:.0f} Hz" if one.state == "streaming" else one.state.value
    lost = f"{sum(one.lost.values())} lost" if one.lost else "loss not known"
    return f"{one.name} {how}, {lost}, battery {rounded(one.battery_percent, ' %')}"


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


def _report(recorded: "Recorded", *, as_json: bool) -> int:
    video, sensors = recorded.video, recorded.sensors
    if as_json:
        said: dict[str, Any] = {"path": str(recorded.folder)}
        if video is not None:
            said |= {
                "frames": video.n_frames,
                "dropped_frames": video.n_dropped,
                "duration_s": round(video.duration_s, 3),
                "width_px": video.width_px,
                "height_px": video.height_px,
            }
        if sensors is not None:
            said["sensors"] = {
                "streams": list(sensors.streams),
                "duration_s": round(sensors.seconds, 3),
                "received": sensors.received,
                "lost": sensors.lost,
            }
        said["warnings"] = list(recorded.warnings())
        sys.stdout.write(json.dumps(said, indent=2) + "\n")
    else:
        sys.stdout.write(f"{recorded.folder}\n")
    for warning in recorded.warnings():
        complain(warning)
    return UNUSABLE if recorded.fault or (video is not None and video.lost) else 0
