"""People who were missed in some samples of a recording are looked for again where they must have been."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from capture.patient import Person, Sighting, torso
from capture.pose_model import Pose, PoseModel
from capture.survey import Survey
from capture.upright import View, view_around

__all__ = ["LookAgainParams", "look_again"]

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgainParams:
    """Whom to look for again, and where; chosen by us. Lengths are relative to the trunk's.

    Attributes
    ----------
    enough_share
        Who was seen in this share of the samples is not looked for again.
    least_times
        Who was seen at fewer times is not worth it.
    ahead_s
        People are looked for up to this time before and after they were seen, going on as they went.
    margin
        Room around the person in the view, relative to their size.
    gate, length_ratio
        Largest distance of the trunk from where it is expected, and its length relative to the one before.
    """

    enough_share: float = 0.9
    least_times: int = 3
    ahead_s: float = 1.0
    margin: float = 0.35
    gate: float = 1.0
    length_ratio: tuple[float, float] = (0.65, 1.5)


def look_again(
    seen: Survey, people: list[Person], model: PoseModel, params: LookAgainParams = LookAgainParams()
) -> list[Person]:
    """Look for people in the samples in which they were missed: who walks may be too small, or too fast, at first.

    Parameters
    ----------
    seen
        The survey that holds the samples.
    people
        Who was found in them; not changed.
    """
    images = dict(zip(seen.sample_time_s, seen.images, strict=True))

    def worth(person: Person) -> bool:
        n_times = len(set(person.time_s.tolist()))
        return params.least_times <= n_times < params.enough_share * len(images)

    return [_pursued(person, images, model, params) if worth(person) else person for person in people]


def _pursued(
    person: Person, images: dict[float, NDArray[np.uint8]], model: PoseModel, params: LookAgainParams
) -> Person:
    sightings = list(person.sightings)
    missing = set(images) - {s.time_s for s in sightings}
    while missing:
        known = np.array([s.time_s for s in sightings])
        time_s = min(missing, key=lambda t: float(np.abs(known - t).min()))
        missing.remove(time_s)
        if np.abs(known - time_s).min() > params.ahead_s:
            break
        pose = _find(sightings, time_s, images[time_s], model, params)
        if pose is not None:
            sightings = sorted([*sightings, Sighting(time_s=time_s, pose=pose)], key=lambda s: s.time_s)
    return Person(sightings)


def _find(
    sightings: list[Sighting], time_s: float, image: NDArray[np.uint8], model: PoseModel, params: LookAgainParams
) -> Pose | None:
    """Find the person of some sightings in an image of another time."""
    nearest = min(sightings, key=lambda s: abs(s.time_s - time_s)).pose.xy_px
    middle, trunk = torso(nearest)
    expected, length = _expected(sightings, time_s), float(np.hypot(*trunk))
    view = _view(nearest - middle + expected, trunk, params)
    shown = view.cut(image)
    if min(shown.shape[:2]) < _LEAST_VIEW_PX:
        return None
    for pose in model.find(shown):
        found = Pose(xy_px=view.back(pose.xy_px, image), confidence=pose.confidence, world_m=pose.world_m)
        here, its_trunk = torso(found.xy_px)
        ratio = float(np.hypot(*its_trunk)) / max(length, 1.0)
        near = float(np.hypot(*(here - expected))) < params.gate * length
        if near and params.length_ratio[0] < ratio < params.length_ratio[1]:
            return found
    return None


_LEAST_VIEW_PX = 16


def _expected(sightings: list[Sighting], time_s: float) -> Points:
    """Where the middle of the trunk must be, by the two nearest times at which the person was seen."""
    times = np.array([s.time_s for s in sightings])
    middles = np.array([torso(s.pose.xy_px)[0] for s in sightings])
    at = np.unique(times)
    place = np.array([np.median(middles[times == t], axis=0) for t in at])
    after = int(np.clip(np.searchsorted(at, time_s), 1, len(at) - 1))
    pace = (place[after] - place[after - 1]) / (at[after] - at[after - 1])
    return np.asarray(place[after - 1] + pace * (time_s - at[after - 1]))


def _view(xy_px: Points, trunk: Points, params: LookAgainParams) -> View:
    turns = round(float(np.degrees(np.arctan2(trunk[0], -trunk[1]))) / 90.0) % 4
    return view_around(xy_px, margin=params.margin, turns=turns)
