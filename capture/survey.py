"""A first look at a whole recording: its time, its light, whether the camera stood still, and the people in it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capture.imaging import brighten, camera_shift_px
from capture.patient import Sighting
from capture.pose_model import Pose, PoseModel
from capture.upright import search_views
from capture.video import Frame, Timing, VideoReader

__all__ = ["EvenSample", "Survey", "SurveyParams", "look_for_people", "survey", "working_image"]

Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyParams:
    """How much of a recording is looked at first; chosen by us.

    Attributes
    ----------
    n_samples
        Frames, evenly over the recording, in which people are searched.
    working_side_px
        Longer side of the images that are worked on; larger frames are scaled down.
    views_per_sample
        Views (part of the image, way up) that are searched in each of them; all views are used in turn.
    bright_percentile, bright_level, max_gain
        Dark pictures are multiplied, at most by `max_gain`, so that this percentile of their values reaches this level
        (of 255): the pose models were not made for dark ones.
    """

    n_samples: int = 12
    working_side_px: int = 960
    views_per_sample: int = 4
    bright_percentile: float = 95.0
    bright_level: float = 200.0
    max_gain: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """What the first look found.

    Attributes
    ----------
    timing
        Time stamps and completeness.
    time_s
        Times of all frames, shape (n,).
    sample_time_s, images
        Frames kept, scaled to the working size.
    width_px, height_px
        Size as displayed.
    scale
        Working pixels per displayed pixel.
    gain
        What a frame's values are multiplied by, 1 where the recording is bright enough.
    camera_shift
        Largest movement of the scene against the first sample, relative to the picture's diagonal; NaN where the
        scene has too little texture to tell.
    """

    timing: Timing
    time_s: NDArray[np.float64]
    sample_time_s: tuple[float, ...]
    images: tuple[Image, ...]
    width_px: int
    height_px: int
    scale: float
    gain: float
    camera_shift: float


class EvenSample:
    """Keeps at most ``2 n`` items of a stream of unknown length, evenly spread over it; `chosen` returns n of them."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._stride = 1
        self._kept: list[tuple[int, float, Image]] = []

    def wants(self, index: int) -> bool:
        """Whether the item with this number would be kept."""
        return index % self._stride == 0

    def add(self, index: int, time_s: float, image: Image) -> None:
        """Keep an item; every other one is dropped when there are too many."""
        self._kept.append((index, time_s, image))
        if len(self._kept) > 2 * self._n:
            self._stride *= 2
            self._kept = [item for item in self._kept if item[0] % self._stride == 0]

    def chosen(self) -> list[tuple[float, Image]]:
        """Return at most n items, evenly spread, the first and the last among them."""
        at = np.unique(np.linspace(0, len(self._kept) - 1, min(self._n, len(self._kept))).round().astype(int))
        return [self._kept[k][1:] for k in at]


def survey(
    reader: VideoReader, *, on_progress: Callable[[float], None], params: SurveyParams = SurveyParams()
) -> Survey:
    """Read a recording once.

    Raises
    ------
    VideoError
        If nothing can be decoded.
    """
    samples = EvenSample(params.n_samples)
    times: list[float] = []
    first: Frame | None = None
    declared = reader.declared_s
    for frame in reader.frames(watch_changes=True):
        first = first or frame
        times.append(frame.time_s)
        if samples.wants(frame.index):
            samples.add(frame.index, frame.time_s, frame.rgb(max_side_px=params.working_side_px))
        on_progress(min(1.0, frame.time_s / declared) if declared > 0 else 0.0)
    kept = samples.chosen()
    brightness = float(np.median([np.percentile(i[::4, ::4], params.bright_percentile) for _, i in kept]))
    gain = float(np.clip(params.bright_level / max(brightness, 1.0), 1.0, params.max_gain))
    images = tuple(brighten(image, gain) for _, image in kept)
    width, height = (first.width_px, first.height_px) if first else (1, 1)
    return Survey(
        timing=reader.timing(),
        time_s=np.array(times),
        sample_time_s=tuple(time for time, _ in kept),
        images=images,
        width_px=width,
        height_px=height,
        scale=images[0].shape[1] / width,
        gain=gain,
        camera_shift=_camera_shift(images),
    )


def working_image(frame: Frame, seen: Survey) -> Image:
    """Give a frame the size and the light of the survey's images."""
    return brighten(frame.rgb(max_side_px=max(seen.images[0].shape[:2])), seen.gain)


def look_for_people(seen: Survey, model: PoseModel, params: SurveyParams = SurveyParams()) -> list[Sighting]:
    """Search the samples of a survey for people, in changing parts of the image and ways up."""
    height, width = seen.images[0].shape[:2]
    views = search_views(width, height)
    sightings: list[Sighting] = []
    for k, (time_s, image) in enumerate(zip(seen.sample_time_s, seen.images, strict=True)):
        for j in range(params.views_per_sample):
            view = views[(k * params.views_per_sample + j) % len(views)]
            sightings += [
                Sighting(
                    time_s=time_s,
                    pose=Pose(xy_px=view.back(pose.xy_px, image), confidence=pose.confidence, world_m=pose.world_m),
                )
                for pose in model.find(view.cut(image))
            ]
    return sightings


def _camera_shift(images: tuple[Image, ...]) -> float:
    grey = [np.ascontiguousarray(i.mean(axis=2).astype(np.uint8)) for i in images]
    shifts = [camera_shift_px(grey[0], other) for other in grey[1:]]
    known = [s for s in shifts if np.isfinite(s)]
    return max(known) / float(np.hypot(*grey[0].shape)) if known else float("nan")
