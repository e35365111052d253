"""The joint's angle in every frame of a recording, given the hinge: the limb's picture decides, the poses vouch."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.muscles import Joint
from capture.anatomy import JOINTS
from capture.follow import Followed
from capture.imaging import PolarGrid, sample_polar
from capture.limb import Hinge
from capture.registration import (
    LimbTemplate,
    RegistrationParams,
    angle_costs,
    learn_template,
    spread_over_angles,
)
from capture.smoothing import CourseParams, SmootherParams, best_course, smooth
from capture.survey import Survey
from capture.video import VideoReader

__all__ = ["Course", "CourseFitParams", "course_from_pictures", "course_from_poses"]

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFitParams:
    """How pictures and poses are weighed; chosen by us.

    Attributes
    ----------
    range_margin_deg
        Angles beyond those of the poses that are considered.
    bin_deg, per_bin
        Training pictures: so many for each bin of the angle.
    min_pictures
        With fewer of them there is no template.
    pose_sd_deg, pose_limit
        Standard deviation of a pose's angle, and the largest cost of departing from it: a pose may be wrong.
    bright_level
        Brightness to which a recording is normalised (of 255).
    segment_px
        Length of the moved segment up to which the picture is not blurred before sampling.
    least_sd_deg
        No angle from video is better than this: half a pixel over a forearm of 70 pixels.
    lone_pose_sd_deg
        Standard deviation of an angle that comes from a single pose's landmarks alone.
    """

    range_margin_deg: float = 20.0
    bin_deg: float = 4.0
    per_bin: int = 2
    min_pictures: int = 5
    pose_sd_deg: float = 7.0
    pose_limit: float = 4.0
    bright_level: float = 200.0
    segment_px: float = 90.0
    least_sd_deg: float = 0.4
    lone_pose_sd_deg: float = 6.0
    registration: RegistrationParams = RegistrationParams()
    motion: CourseParams = CourseParams()
    smoother: SmootherParams = SmootherParams()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """Flexion in every frame and its standard deviation, shape (n,).

    `pose_scatter_deg` is the robust scatter of the poses about the course, `from_pictures` tells whether the limb's
    picture was used.
    """

    angle_deg: Points
    sd_deg: Points
    pose_scatter_deg: float
    from_pictures: bool


def course_from_pictures(
    reader: VideoReader,
    seen: Survey,
    followed: Followed,
    hinge: Hinge,
    *,
    joint: Joint,
    on_progress: Callable[[float], None],
    params: CourseFitParams = CourseFitParams(),
) -> Course | None:
    """Read a recording a third time and turn the limb's template through it.

    Returns
    -------
    Course or None
        ``None`` if too few poses agree to learn the limb's picture.
    """
    grid_deg = _grid(hinge, joint, params)
    grid = PolarGrid(
        centre_px=hinge.centre_px,
        radius_px=np.linspace(*params.registration.radius_range, params.registration.n_radii) * hinge.length_px,
        direction_deg=hinge.direction_deg(grid_deg, joint),
    )
    gain = params.bright_level / max(seen.brightness, 1.0)
    blur = max(0.0, _BLUR * (hinge.length_px / params.segment_px - 1.0))
    template = _learn(followed, hinge, grid, grid_deg, gain, blur, params)
    if template is None:
        return None
    side = max(seen.images[0].shape[:2])
    half = params.registration.half_width_deg
    angles = grid_deg[half : len(grid_deg) - half]
    costs = np.zeros((len(seen.time_s), len(angles)), dtype=np.float32)
    for frame in reader.frames():
        if frame.index >= len(costs):
            break
        picture = sample_polar(frame.rgb(max_side_px=side), grid, blur_px=blur) * gain
        costs[frame.index] = angle_costs(picture, template, params.registration)
        on_progress(frame.time_s / max(float(seen.time_s[-1]), 1e-6))
    for k in np.flatnonzero(np.isfinite(hinge.flexion_deg)):
        away = (angles - hinge.flexion_deg[k]) / params.pose_sd_deg
        costs[followed.index[k]] += np.minimum(0.5 * away**2, params.pose_limit).astype(np.float32)
    raw, sd = best_course(costs, seen.time_s, angles, params.motion)
    angle, spread = smooth(seen.time_s, raw, np.maximum(sd, params.least_sd_deg), params.smoother)
    scatter = _scatter(hinge, angle[followed.index])
    return Course(
        angle_deg=angle, sd_deg=np.hypot(spread, params.least_sd_deg), pose_scatter_deg=scatter, from_pictures=True
    )


def course_from_poses(
    seen: Survey,
    followed: Followed,
    flexion_deg: Points,
    params: CourseFitParams = CourseFitParams(),
) -> Course:
    """Smooth the angles of single poses, shape (n,) with NaN; for joints that are not held in place."""
    known = np.isfinite(flexion_deg)
    unwrapped = np.full(len(flexion_deg), np.nan)
    unwrapped[known] = np.degrees(np.unwrap(np.radians(flexion_deg[known])))
    all_frames = np.full(len(seen.time_s), np.nan)
    all_frames[followed.index] = unwrapped
    sd = np.full(len(seen.time_s), params.lone_pose_sd_deg)
    angle, spread = smooth(seen.time_s, all_frames, sd, params.smoother)
    return Course(
        angle_deg=angle,
        sd_deg=spread,
        pose_scatter_deg=float(1.4826 * np.nanmedian(np.abs(all_frames - angle))),
        from_pictures=False,
    )


_BLUR = 0.6


def _grid(hinge: Hinge, joint: Joint, params: CourseFitParams) -> Points:
    low, high = np.nanpercentile(hinge.flexion_deg, [1, 99])
    least, most = JOINTS[joint].range_deg
    half = params.registration.half_width_deg * params.registration.step_deg
    first = np.floor(max(low - params.range_margin_deg, min(least, low))) - half
    last = np.ceil(min(high + params.range_margin_deg, max(most, high))) + half
    return np.arange(first, last + params.registration.step_deg, params.registration.step_deg)


def _learn(
    followed: Followed,
    hinge: Hinge,
    grid: PolarGrid,
    grid_deg: Points,
    gain: float,
    blur: float,
    params: CourseFitParams,
) -> LimbTemplate | None:
    kept = np.full(len(hinge.flexion_deg), np.nan)
    at = [k for k in followed.pictures if np.isfinite(hinge.flexion_deg[k])]
    kept[at] = hinge.flexion_deg[at]
    chosen = spread_over_angles(kept, bin_deg=params.bin_deg, per_bin=params.per_bin)
    if len(chosen) < params.min_pictures:
        return None
    pictures = []
    for k in chosen:
        picture = followed.pictures[int(k)]
        moved = PolarGrid(
            centre_px=grid.centre_px - picture.corner_px, radius_px=grid.radius_px, direction_deg=grid.direction_deg
        )
        pictures.append(sample_polar(picture.image, moved, blur_px=blur) * gain)
    return learn_template(np.stack(pictures), kept[chosen], grid_deg, params.registration)


def _scatter(hinge: Hinge, angle_deg: Points) -> float:
    return float(1.4826 * np.nanmedian(np.abs(hinge.flexion_deg - angle_deg)))
