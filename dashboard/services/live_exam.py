"""A camera that a page looks through: pictures with the skeleton and the angle, a tap for the patient, a recording."""

import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from secrets import token_hex

from analysis.errors import CatchangleError
from analysis.model import Side
from analysis.muscles import MuscleGroup
from capture.camera import Camera, CameraParams
from capture.encode import StampedImage
from capture.errors import CaptureError
from capture.live_angle import LiveAngle
from capture.live_picture import draw_reading, reading_words
from capture.recorder import Viewer
from dashboard.errors import DashboardError
from dashboard.services.filming import Filmed, film_exam
from dashboard.services.live_shots import LiveShot, LiveState, open_live_view
from dashboard.services.sensor_session import SensorSession
from records.live_folder import LiveHeader

__all__ = ["LiveExam", "LiveExamParams", "open_live_exam"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveExamParams:
    """How a page looks through a camera; chosen by us.

    Attributes
    ----------
    camera
        What is asked of the camera.
    picture_side_px
        Longer side of the pictures that the page shows.
    unseen_s
        A camera whose pictures nobody asked for in so long is let go, s; a recording goes on.
    longest_s
        A recording ends after so long, s: one exam takes a minute or two.
    patience_s
        Longest time that is waited for a recording to be completed, s.
    """

    camera: CameraParams = field(default_factory=CameraParams)
    picture_side_px: int = 800
    unseen_s: float = 30.0
    longest_s: float = 900.0
    patience_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """A recording that was asked for."""

    out: Path
    header: LiveHeader
    sensors: SensorSession | None


class LiveExam:
    """One camera, looked through and recorded from in the background.

    Parameters
    ----------
    source
        As for `capture.camera.Camera`: a number, a video file or "test-pattern" in its place; a file starts again when
        it ends.
    muscle_group, side
        What is tested.
    params
        How it is done.

    Raises
    ------
    CaptureError
        If the camera cannot be opened, or a pose model is missing.
    """

    def __init__(
        self, source: str, muscle_group: MuscleGroup, side: Side, params: LiveExamParams = LiveExamParams()
    ) -> None:
        self.id = token_hex(8)
        self.muscle_group = muscle_group
        self.side = side
        self.source = source
        self._params = params
        self._live = LiveAngle(muscle_group, side)
        self._camera = self._opened_or_closed()
        self._shot = LiveShot(number=0, jpeg=b"", words="", state=LiveState.WATCHING, recorded_s=0.0)
        self._asked_s = time.monotonic()
        self._order: _Order | None = None
        self._stop, self._close = threading.Event(), threading.Event()
        self._settled = threading.Condition()
        self._outcome: Filmed | str | None = None
        self._box: tuple[float, float, float, float] | None = None
        self.fault = ""
        self._thread = threading.Thread(target=self._run, name="live-exam", daemon=True)
        self._thread.start()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the camera's pictures."""
        return self._camera.size

    @property
    def state(self) -> LiveState:
        """What the camera is doing."""
        if not self._thread.is_alive():
            return LiveState.ENDED
        return LiveState.WATCHING if self._order is None else LiveState.RECORDING

    @property
    def tapped(self) -> bool:
        """Whether somebody said who is the patient."""
        return self._box is not None

    def shot(self) -> LiveShot:
        """Return the newest picture, and keep the camera open for the next."""
        self._asked_s = time.monotonic()
        return replace(self._shot, state=self.state)

    def tap(self, across: float, down: float) -> bool:
        """Take whoever is at this place of the picture (shares of its width and height) for the patient, if anybody."""
        width, height = self.size
        box = self._live.choose((across * width, down * height))
        self._box = box or self._box
        return box is not None

    def start(self, out: Path, header: LiveHeader, sensors: SensorSession | None = None) -> None:
        """Start to record into a new recording folder, with sensors that stream if there are any.

        Raises
        ------
        DashboardError
            If the camera was let go, or a recording runs already.
        """
        if self.state is not LiveState.WATCHING:
            raise DashboardError(self.fault or "the camera is not open, or records already")
        self._stop.clear()
        self._outcome = None
        self._shot = replace(self._shot, recorded_s=0.0)
        self._order = _Order(out=out, header=replace(header, patient_box=self._box), sensors=sensors)

    def stop(self) -> Filmed:
        """End the recording, wait until it is complete, and return it.

        Raises
        ------
        DashboardError
            If nothing was recorded, or the disk refused; the message says what is kept.
        """
        self._stop.set()
        with self._settled:
            self._settled.wait_for(lambda: self._outcome is not None, timeout=self._params.patience_s)
        if isinstance(self._outcome, Filmed):
            return self._outcome
        raise DashboardError(self._outcome or self.fault or "nothing was recorded")

    def close(self) -> None:
        """Let the camera go; a recording is completed first."""
        self._stop.set()
        self._close.set()
        self._thread.join(timeout=self._params.patience_s)

    def _opened_or_closed(self) -> Camera:
        """Open the camera; what was loaded already is let go if that fails."""
        try:
            return Camera(self.source, self._params.camera, clock=time.perf_counter).__enter__()
        except CaptureError:
            self._live.__exit__(None, None, None)
            raise

    def _run(self) -> None:
        with self._live:
            try:
                while not self._close.is_set():
                    self._film() if self._order is not None else self._watch()
            except CatchangleError as error:
                self.fault = str(error)
            finally:
                self._camera.close()
                self._settle(self._outcome or self.fault or "the camera was closed before anything was recorded")

    def _watch(self) -> None:
        """Show what the camera sees until something else is asked for."""
        with Viewer(self._look) as viewer:
            for image in self._camera:
                if self._order is not None or self._close.is_set():
                    return
                if time.monotonic() - self._asked_s > self._params.unseen_s:
                    self.fault = "the camera was let go, for nobody looked: open it again"
                    self._close.set()
                    return
                viewer.show(image)
        self.fault = viewer.fault
        if not self._close.is_set():
            self._reopen()

    def _reopen(self) -> None:
        """Start again: the file that stands in for a camera has ended, or is to be recorded from its beginning."""
        self._camera.close()
        self._camera = Camera(self.source, self._params.camera, clock=time.perf_counter).__enter__()

    def _film(self) -> None:
        order = self._order
        if order is None:
            return
        if Path(self.source).is_file():  # what stands in for the camera is recorded from its beginning
            self._reopen()
        began_s = time.perf_counter()
        outcome: Filmed | str
        try:
            filmed = outcome = film_exam(
                self._camera,
                order.out,
                order.header,
                stop=self._enough,
                watch=lambda image: self._look(image, began_s),
                sensors=order.sensors,
            )
            if filmed.video.lost:
                self.fault = filmed.video.lost
                self._close.set()
        except CatchangleError as error:
            outcome = str(error)
        if not (self._stop.is_set() or self._close.is_set()):
            self._reopen()
        self._order = None
        self._settle(outcome)

    def _settle(self, outcome: Filmed | str) -> None:
        with self._settled:
            self._outcome = outcome
            self._settled.notify_all()

    def _enough(self, time_s: float) -> bool:
        self._shot = replace(self._shot, recorded_s=time_s)
        return self._stop.is_set() or time_s >= self._params.longest_s

    def _look(self, image: StampedImage, began_s: float = 0.0) -> None:
        """Show one frame; those of a recording are stamped from its beginning."""
        image = StampedImage(time_s=image.time_s + began_s, rgb=image.rgb)
        reading = self._live.observe(image)
        jpeg = draw_reading(
            image,
            reading,
            muscle_group=self.muscle_group,
            side=self.side,
            max_side_px=self._params.picture_side_px,
        )
        self._shot = LiveShot(
            number=self._shot.number + 1,
            jpeg=jpeg,
            words=reading_words(reading, self.muscle_group),
            state=self.state,
            recorded_s=self._shot.recorded_s if began_s else 0.0,
        )


def open_live_exam(
    source: str, muscle_group: MuscleGroup, side: Side, params: LiveExamParams = LiveExamParams()
) -> LiveExam:
    """Open a camera for a page; another page that looked through the same one loses it.

    Raises
    ------
    CaptureError
        If it cannot be opened.
    """
    return open_live_view(source, lambda: LiveExam(source, muscle_group, side, params))
