"""The joint's angle in every frame of a recording, given the hinge: the limb's picture decides, the poses vouch."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.muscles import Joint
from capture.anatomy import JOINTS
from capture.follow import Followed
from capture.imaging import PolarGrid, sample_polar
from capture.limb import Hinge, move_hinge
from capture.registration import (
    LimbTemplate,
    RegistrationParams,
    angle_costs,
    hinge_offset,
    learn_template,
    spread_over_angles,
)
from capture.smoothing import CourseFinder, CourseParams, SmootherParams, smooth
from capture.survey import Survey, working_image
from capture.video import VideoReader

__all__ = ["Course", "CourseFitParams", "course_from_pictures", "course_from_poses"]

Image = NDArray[np.uint8]
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
    segment_px
        Length of the moved segment up to which the picture is not blurred before sampling.
    least_sd_deg
        No angle from video is better than this: half a pixel over a forearm of 70 pixels.
    lone_pose_sd_deg
        Standard deviation of an angle that comes from a single pose's landmarks alone.
    n_centres
        Times that the template is learnt, each about a centre that the one before corrected.
    picture_margin
        Room around a training picture for those corrections, relative to what is sampled.
    """

    range_margin_deg: float = 20.0
    bin_deg: float = 4.0
    per_bin: int = 2
    min_pictures: int = 5
    pose_sd_deg: float = 7.0
    pose_limit: float = 4.0
    segment_px: float = 90.0
    least_sd_deg: float = 0.4
    lone_pose_sd_deg: float = 6.0
    n_centres: int = 4
    picture_margin: float = 0.3
    registration: RegistrationParams = field(default_factory=RegistrationParams)
    motion: CourseParams = field(default_factory=CourseParams)
    smoother: SmootherParams = field(default_factory=SmootherParams)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """Flexion in every frame and its standard deviation, shape (n,).

    `pose_scatter_deg` is the robust scatter of the poses about the course; `hinge` is the hinge as corrected by the
    limb's picture, ``None`` where the picture was not used.
    """

    angle_deg: Points
    sd_deg: Points
    pose_scatter_deg: float
    hinge: Hinge | None


def course_from_pictures(  # noqa: PLR0913 - one argument for each step before it
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
    fit = _fit(reader, seen, followed, hinge, joint=joint, params=params)
    if fit is None:
        return None
    half = params.registration.half_width_deg
    columns = np.arange(half, len(fit.grid_deg) - half)
    angles = fit.grid_deg[columns]
    flexion = fit.hinge.flexion_deg
    posed = {int(followed.index[k]): float(flexion[k]) for k in np.flatnonzero(np.isfinite(flexion))}
    finder = CourseFinder(angles, params.motion)
    for frame in reader.frames():
        if frame.index >= len(seen.time_s):
            break
        picture = sample_polar(working_image(frame, seen), fit.grid, blur_px=fit.blur_px)
        costs = angle_costs(picture, fit.template, columns, params.registration)
        if frame.index in posed:
            away = (angles - posed[frame.index]) / params.pose_sd_deg
            costs = costs + np.minimum(0.5 * away**2, params.pose_limit).astype(np.float32)
        finder.add(costs, frame.time_s)
        on_progress(frame.time_s / max(float(seen.time_s[-1]), 1e-6))
    for time_s in seen.time_s[finder.n_frames :]:  # a file that now reads shorter than before says nothing there
        finder.add(np.zeros(len(angles), dtype=np.float32), float(time_s))
    raw, sd = finder.finish()
    angle, spread = smooth(seen.time_s, raw, np.maximum(sd, params.least_sd_deg), params.smoother)
    return Course(
        angle_deg=angle,
        sd_deg=np.hypot(spread, params.least_sd_deg),
        pose_scatter_deg=float(1.4826 * np.nanmedian(np.abs(flexion - angle[followed.index]))),
        hinge=fit.hinge,
    )


def course_from_poses(
    seen: Survey,
    followed: Followed,
    flexion_deg: Points,
    params: CourseFitParams = CourseFitParams(),
) -> Course:
    """Smooth the angles of single poses, shape (n,) with NaN, at least one of them known; for joints that are not held.

    They are angles of a joint, so that they are not unwrapped: what turns on and on is a limb that was mistaken.
    """
    all_frames = np.full(len(seen.time_s), np.nan)
    all_frames[followed.index] = flexion_deg
    sd = np.full(len(seen.time_s), params.lone_pose_sd_deg)
    angle, spread = smooth(seen.time_s, all_frames, sd, params.smoother)
    return Course(
        angle_deg=angle,
        sd_deg=spread,
        pose_scatter_deg=float(1.4826 * np.nanmedian(np.abs(all_frames - angle))),
        hinge=None,
    )


_BLUR = 0.6


def _grid(hinge: Hinge, joint: Joint, params: CourseFitParams) -> Points:
    low, high = np.nanpercentile(hinge.flexion_deg, [1, 99])
    least, most = JOINTS[joint].range_deg
    half = params.registration.half_width_deg * params.registration.step_deg
    first = np.floor(max(low - params.range_margin_deg, min(least, low))) - half
    last = np.ceil(min(high + params.range_margin_deg, max(most, high))) + half
    return np.arange(first, last + params.registration.step_deg, params.registration.step_deg)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Fit:
    """A hinge whose centre was corrected by the pictures, and the template around it."""

    hinge: Hinge
    grid: PolarGrid
    grid_deg: Points
    blur_px: float
    template: LimbTemplate


def _fit(
    reader: VideoReader, seen: Survey, followed: Followed, hinge: Hinge, *, joint: Joint, params: CourseFitParams
) -> _Fit | None:
    """Learn the template, correct the centre by it, and learn it again about the corrected centre."""
    chosen = spread_over_angles(hinge.flexion_deg, bin_deg=params.bin_deg, per_bin=params.per_bin)
    if len(chosen) < params.min_pictures:
        return None
    blur = max(0.0, _BLUR * (hinge.length_px / params.segment_px - 1.0))
    grid_deg = _grid(hinge, joint, params)
    radius = np.linspace(*params.registration.radius_range, params.registration.n_radii)
    reach = (1.0 + params.picture_margin) * (radius[-1] * hinge.length_px + 3.0 * blur + 2.0)
    shown = _pictures_of(reader, seen, followed.index[chosen], around_px=hinge.centre_px, reach_px=reach)
    start = hinge.centre_px
    for remaining in reversed(range(params.n_centres)):
        grid = PolarGrid(
            centre_px=hinge.centre_px,
            radius_px=radius * hinge.length_px,
            direction_deg=hinge.direction_deg(grid_deg, joint),
        )
        pictures = _polar(shown, grid, blur)
        template, angle = learn_template(pictures, hinge.flexion_deg[chosen], grid_deg, params.registration)
        if remaining == 0:
            break
        offset = hinge_offset(
            pictures,
            angle,
            grid_deg,
            direction_deg=hinge.direction_deg(angle, joint),
            radius=radius,
            template=template,
            moved=(hinge.centre_px - start) / hinge.length_px,
            params=params.registration,
        )
        hinge = move_hinge(hinge, offset * hinge.length_px, joint)
    return _Fit(hinge=hinge, grid=grid, grid_deg=grid_deg, blur_px=blur, template=template)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Picture:
    """Part of a working image, and where its corner lies in it."""

    image: Image
    corner_px: Points


def _pictures_of(
    reader: VideoReader, seen: Survey, frames: NDArray[np.int64], *, around_px: Points, reach_px: float
) -> list[_Picture]:
    """Read some frames again, cut to a square: keeping those of a whole recording would fill the memory."""
    wanted = {int(k) for k in frames}
    left, top = np.maximum(np.floor(around_px - reach_px), 0.0).astype(int)
    right, bottom = np.maximum(np.ceil(around_px + reach_px).astype(int), 2)
    shown: list[_Picture] = []
    for frame in reader.frames():
        if frame.index in wanted:
            image = working_image(frame, seen)
            x, y = min(left, image.shape[1] - 2), min(top, image.shape[0] - 2)
            part = np.ascontiguousarray(image[y:bottom, x:right])
            shown.append(_Picture(image=part, corner_px=np.array([x, y], dtype=np.float64)))
        if len(shown) == len(wanted):
            break
    return shown


def _polar(shown: list[_Picture], grid: PolarGrid, blur_px: float) -> NDArray[np.float32]:
    pictures = [
        sample_polar(
            picture.image,
            PolarGrid(
                centre_px=grid.centre_px - picture.corner_px, radius_px=grid.radius_px, direction_deg=grid.direction_deg
            ),
            blur_px=blur_px,
        )
        for picture in shown
    ]
    return np.stack(pictures)
