"""What is drawn on a film of an exam: the patient's skeleton, the joint, the numbers, the catch, the curve below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from analysis.errors import AnalysisError
from analysis.finding import StretchFinding
from analysis.model import FloatArray, JointAngle, Side
from analysis.motion import track_motion
from analysis.muscles import MUSCLES, Joint, MuscleGroup
from capture.anatomy import JOINTS
from capture.canvas import Canvas, Colour, Point
from capture.heads import Head
from capture.landmarks import LandmarkTracks

__all__ = ["DrawParams", "ExamFilm", "Moment", "draw_skeleton", "limb_names", "movement_name"]

Image = NDArray[np.uint8]

_BONES = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    *(
        (f"{side}_{one}", f"{side}_{other}")
        for side in ("left", "right")
        for one, other in (
            ("shoulder", "hip"),
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("wrist", "index"),
            ("wrist", "pinky"),
            ("hip", "knee"),
            ("knee", "ankle"),
            ("ankle", "heel"),
            ("heel", "foot_index"),
        )
    ),
)
_BODY: Colour = (120, 190, 255)
_LIMB: Colour = (255, 170, 40)
_CATCH: Colour = (255, 60, 60)
_WORDS: Colour = (255, 255, 255)
_QUIET: Colour = (170, 170, 170)
_GROUND: Colour = (24, 26, 30)
_BAND: Colour = (48, 54, 64)
_NOTICE = "research software, not a medical device"
_MOVEMENT = {Joint.ANKLE: "dorsiflexion", Joint.HIP: "abduction"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawParams:
    """How the film is drawn; all chosen by us.

    Attributes
    ----------
    strip_share
        Height of the strip with the curve, below the picture, over the picture's height.
    text_share
        Height of the numbers over the picture's height.
    line_share
        Width of the tested limb's lines over the picture's height.
    catch_shown_s
        How long a catch stays marked, s.
    landmark_confidence
        Least confidence of landmarks that are drawn.
    mosaic_cells
        A head is replaced by so many averages across: three tell nothing of a face.
    """

    strip_share: float = 0.22
    text_share: float = 0.05
    line_share: float = 0.014
    catch_shown_s: float = 0.7
    landmark_confidence: float = 0.3
    mosaic_cells: int = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """What is known of one frame; `landmark` is the row of the landmark tracks, ``None`` where there is none."""

    time_s: float
    landmark: int | None
    angle_deg: float
    velocity_deg_s: float


class ExamFilm:
    """Draws the frames of one exam.

    Parameters
    ----------
    muscle_group, side
        What is tested.
    angle
        The joint angle, on the clock of the frames' times.
    tracks
        Landmarks of the patient on the same clock; ``None`` draws no skeleton.
    findings
        Stretches and catches on the same clock.
    params
        How it is drawn.
    """

    def __init__(
        self,
        *,
        muscle_group: MuscleGroup,
        side: Side,
        angle: JointAngle,
        tracks: LandmarkTracks | None = None,
        findings: Sequence[StretchFinding] = (),
        params: DrawParams = DrawParams(),
    ) -> None:
        muscle = MUSCLES[muscle_group]
        self._joint = muscle.joint
        self._side = side
        self._angle = angle
        self._tracks = tracks
        self._findings = tuple(findings)
        self._params = params
        self._velocity_time_s, self._velocity_deg_s = _velocity(angle, muscle.stretch_sign)
        self._strip: tuple[tuple[int, int], Image] | None = None

    def moment(self, time_s: float) -> Moment:
        """Say what is known at a time."""
        frame_s = 1.0 / self._angle.rate_hz
        return Moment(
            time_s=time_s,
            landmark=None if self._tracks is None else _nearest(self._tracks.time_s, time_s, within_s=frame_s),
            angle_deg=_read(self._angle.time_s, self._angle.angle_deg, time_s, within_s=frame_s),
            velocity_deg_s=_read(self._velocity_time_s, self._velocity_deg_s, time_s, within_s=frame_s),
        )

    def draw(self, rgb: Image, time_s: float, *, heads: Sequence[Head] = ()) -> Image:
        """Draw one frame: heads obscured, skeleton and numbers on the picture, the curve in a strip below it.

        Parameters
        ----------
        rgb
            The frame as displayed, shape (height, width, 3).
        time_s
            Its time.
        heads
            Heads to be made unrecognisable.

        Returns
        -------
        numpy.ndarray
            Picture of the same width, higher by the strip.
        """
        moment = self.moment(time_s)
        canvas = Canvas(rgb)
        for head in heads:
            canvas.obscure((head.x_px, head.y_px), head.radius_px, cells=self._params.mosaic_cells)
        self._draw_skeleton(canvas, moment)
        self._draw_numbers(canvas, moment)
        picture = canvas.pixels()
        return np.concatenate([picture, self._strip_at(canvas.size, moment)], axis=0)

    def words(self, moment: Moment) -> tuple[str, str]:
        """Say the angle and the velocity of a moment."""
        movement = movement_name(self._joint)
        if not np.isfinite(moment.angle_deg):
            return f"{movement}: not seen", ""
        velocity = f"{round(moment.velocity_deg_s)} °/s along the stretch" if np.isfinite(moment.velocity_deg_s) else ""
        return f"{movement} {round(moment.angle_deg)}°", velocity

    def _draw_numbers(self, canvas: Canvas, moment: Moment) -> None:
        size = self._params.text_share * canvas.size[1]
        for line, words in enumerate((*self.words(moment), f"{moment.time_s:.2f} s")):
            canvas.text((size / 2, size / 2 + 1.3 * size * line), words, _WORDS, size=size)
        caught = self._catch_at(moment.time_s)
        if caught is not None:
            canvas.text((canvas.size[0] - size / 2, size / 2), caught, _CATCH, size=1.4 * size, anchor="ra")

    def _catch_at(self, time_s: float) -> str | None:
        for found in self._findings:
            if found.catch is not None and 0 <= time_s - found.catch.time_s < self._params.catch_shown_s:
                return f"catch {found.catch.angle_deg:.0f}° ({100 * found.catch.probability:.0f} %)"
        return None

    def _draw_skeleton(self, canvas: Canvas, moment: Moment) -> None:
        if self._tracks is None or moment.landmark is None:
            return
        width = self._params.line_share * canvas.size[1]
        limb = limb_names(self._joint, self._side)
        points = self._points(moment.landmark)
        draw_skeleton(canvas, points, limb, width=width)
        if limb[1] in points and self._catch_at(moment.time_s) is not None:
            canvas.ring(points[limb[1]], 5 * width, _CATCH, width=width)

    def _points(self, row: int) -> dict[str, Point]:
        """Return the landmarks that are trusted at one time, by name."""
        if self._tracks is None:
            return {}
        seen = self._tracks.confidence[row] >= self._params.landmark_confidence
        return {
            name: (float(x), float(y))
            for name, (x, y), sure in zip(self._tracks.names, self._tracks.xy_px[row], seen, strict=True)
            if sure and np.isfinite((x, y)).all()
        }

    def _strip_at(self, size: tuple[int, int], moment: Moment) -> Image:
        """Return the strip with a line at the moment."""
        if self._strip is None or self._strip[0] != size:
            self._strip = (size, self._draw_strip(size))
        canvas = Canvas(self._strip[1])
        x = self._across(moment.time_s, size[0])
        canvas.line([(x, 0), (x, canvas.size[1])], _WORDS, width=self._params.line_share * size[1] / 3)
        return canvas.pixels()

    def _draw_strip(self, size: tuple[int, int]) -> Image:
        width, height = size[0], round(self._params.strip_share * size[1])
        height += (size[1] + height) % 2
        canvas = Canvas(np.full((height, width, 3), _GROUND, np.uint8))
        text = self._params.text_share * size[1] * 0.6
        seen = self._angle.angle_deg[np.isfinite(self._angle.angle_deg)]
        low, high = float(seen.min()), float(seen.max())

        def down(angle_deg: float) -> float:
            share = (high - angle_deg) / max(high - low, 1.0)
            return 1.6 * text + share * (height - 3.2 * text)

        for found in self._findings:
            start, end = (self._across(t, width) for t in (found.stretch.start_s, found.stretch.end_s))
            canvas.box((start, 0), (end, height), _BAND)
            canvas.text((start, text / 4), found.stretch.velocity.value, _QUIET, size=text)
        curve = [
            (self._across(t, width), down(a)) for t, a in zip(self._angle.time_s, self._angle.angle_deg, strict=True)
        ]
        canvas.line(curve, _LIMB, width=self._params.line_share * size[1] / 3)
        for found in self._findings:
            if found.catch is not None:
                at = (self._across(found.catch.time_s, width), down(found.catch.angle_deg))
                canvas.disc(at, text / 3, _CATCH)
        canvas.text((text / 4, height - text / 4), f"{round(low)}° to {round(high)}°", _QUIET, size=text, anchor="ld")
        canvas.text((width - text / 4, height - text / 4), _NOTICE, _QUIET, size=text, anchor="rd")
        return canvas.pixels()

    def _across(self, time_s: float, width: int) -> float:
        first_s, last_s = self._angle.time_s[[0, -1]]
        return float((time_s - first_s) / (last_s - first_s) * (width - 1))


def movement_name(joint: Joint) -> str:
    """Say what a positive angle of the joint is, such as "elbow flexion"."""
    return f"{joint} {_MOVEMENT.get(joint, 'flexion')}"


def limb_names(joint: Joint, side: Side) -> list[str]:
    """Name the tested limb's landmarks: proximal, joint, distal."""
    geometry = JOINTS[joint]
    proximal = geometry.reference[1][0] if joint is not Joint.HIP else "shoulder"
    return [f"{side}_{name}" for name in (proximal, geometry.joint[0], geometry.moved[1][0])]


def draw_skeleton(canvas: Canvas, points: Mapping[str, Point], limb: Sequence[str], *, width: float) -> None:
    """Draw a person's landmarks by name, the tested limb (proximal, joint, distal) on top of the others."""
    for one, other in _BONES:
        if one in points and other in points:
            canvas.line([points[one], points[other]], _BODY, width=width / 2)
    for one, other in pairwise(limb):
        if one in points and other in points:
            canvas.line([points[one], points[other]], _LIMB, width=width)
    if limb[1] in points:
        canvas.disc(points[limb[1]], 1.3 * width, _LIMB)


def _velocity(angle: JointAngle, stretch_sign: int) -> tuple[FloatArray, FloatArray]:
    """Return the velocity along the stretch where the joint was seen; nothing where too little was."""
    try:
        motion = track_motion(angle, stretch_sign=stretch_sign)
    except AnalysisError:
        return np.zeros(1), np.full(1, np.nan)
    return motion.time_s, np.where(motion.seen, motion.velocity_deg_s, np.nan)


def _nearest(time_s: FloatArray, at_s: float, *, within_s: float) -> int | None:
    after = int(np.searchsorted(time_s, at_s))
    near = [place for place in (after - 1, after) if 0 <= place < time_s.size and abs(time_s[place] - at_s) <= within_s]
    return min(near, key=lambda place: abs(float(time_s[place]) - at_s), default=None)


def _read(time_s: FloatArray, values: FloatArray, at_s: float, *, within_s: float) -> float:
    place = _nearest(time_s, at_s, within_s=within_s)
    return float("nan") if place is None else float(values[place])
