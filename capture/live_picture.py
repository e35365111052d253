"""What is shown while the camera runs: the newest frame, the skeleton on it, the angle and its velocity."""

import numpy as np

from analysis.model import Side
from analysis.muscles import MUSCLES, MuscleGroup
from capture.canvas import Canvas
from capture.drawing import DrawParams, draw_skeleton, limb_names, movement_name
from capture.encode import StampedImage
from capture.imaging import shrink
from capture.landmarks import POSE_LANDMARKS
from capture.live_angle import LiveReading

__all__ = ["draw_reading", "reading_words"]

_WORDS = (255, 255, 255)
_DRAWN = DrawParams()


def reading_words(reading: LiveReading, muscle_group: MuscleGroup) -> str:
    """Say what one frame showed."""
    name = movement_name(MUSCLES[muscle_group].joint)
    if not np.isfinite(reading.angle_deg):
        return f"{name}: not seen"
    velocity = f", {reading.velocity_deg_s:.0f} °/s" if np.isfinite(reading.velocity_deg_s) else ""
    return f"{name} {reading.angle_deg:.0f}°{velocity}"


def draw_reading(
    image: StampedImage,
    reading: LiveReading,
    *,
    muscle_group: MuscleGroup,
    side: Side,
    max_side_px: int,
    params: DrawParams = _DRAWN,
) -> bytes:
    """Draw a frame with what it showed, as a JPEG whose longer side is at most `max_side_px`."""
    small = shrink(image.rgb, max_side_px)
    canvas = Canvas(small)
    scale = small.shape[1] / image.rgb.shape[1]
    if reading.xy_px is not None:
        points = {
            name: (float(x), float(y)) for name, (x, y) in zip(POSE_LANDMARKS, scale * reading.xy_px, strict=True)
        }
        limb = limb_names(MUSCLES[muscle_group].joint, side)
        draw_skeleton(canvas, points, limb, width=params.line_share * canvas.size[1])
    size = params.text_share * canvas.size[1]
    canvas.text((size / 2, size / 2), reading_words(reading, muscle_group), _WORDS, size=size)
    return canvas.jpeg()
