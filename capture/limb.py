"""The limb as a hinge: where its centre is held, how long it is and which way it bends, agreed on by many poses."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis.model import Side
from analysis.muscles import Joint
from capture.anatomy import JOINTS, LimbPoints, limb_points, other_side, turn_deg, wrap_deg

__all__ = ["Hinge", "HingeParams", "fit_hinge", "move_hinge", "moves_from_joint"]

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class HingeParams:
    """How poses agree on a hinge; lengths are relative to the moved segment's. All chosen by us.

    Attributes
    ----------
    agree
        Poses agree if their joints are within this distance of each other.
    length_range
        Length of the moved segment in a pose that is believed, relative to the usual one.
    reference_agree
        ... and its reference point is within this distance of the usual one.
    other_side_weight
        Weight of the landmarks that the model calls the other side's: it swaps the legs of lying people.
    full_swing_deg
        Swing from which on more does not make a hinge more likely to be the tested one.
    still_weight
        Weight of a joint that does not move at all.
    n_modes
        Places that are considered.
    """

    agree: float = 0.25
    length_range: tuple[float, float] = (0.7, 1.35)
    reference_agree: float = 0.4
    other_side_weight: float = 0.7
    full_swing_deg: float = 40.0
    still_weight: float = 0.15
    n_modes: int = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hinge:
    """A joint that is held in place, in pixels of the working image.

    Attributes
    ----------
    centre_px
        Centre of rotation, shape (2,).
    length_px
        Length of the moved segment in the image.
    tips_px
        End of the moved segment in each pose, NaN in poses that disagree, shape (n, 2).
    reference_px
        Point to which the resting segment runs from the centre, shape (2,).
    reference_deg
        Direction of the resting segment in the image, clockwise from the x axis.
    sense
        +1 where flexion grows as the moved segment turns anticlockwise in the image, -1 where clockwise.
    flexion_deg
        Angle in each pose, NaN in poses that disagree with the hinge, shape (n,).
    spread
        Scatter of the joint's landmark about the centre, relative to `length_px`.
    agreeing
        Share of poses that agree.
    swapped
        Poses in which the model gave the limb the other side's name, shape (n,).
    """

    centre_px: Points
    length_px: float
    tips_px: Points
    reference_px: Points
    reference_deg: float
    sense: int
    flexion_deg: Points
    spread: float
    agreeing: float
    swapped: Mask

    def direction_deg(self, flexion_deg: Points, joint: Joint) -> Points:
        """Direction of the moved segment in the image at an angle of the joint."""
        return np.asarray(self.reference_deg + self.sense * (JOINTS[joint].zero_deg - flexion_deg))


def fit_hinge(
    xy_px: Points,
    confidence: Points,
    *,
    joint: Joint,
    side: Side,
    mirrored: Mask | None = None,
    params: HingeParams = HingeParams(),
) -> Hinge | None:
    """Find the hinge on which the landmarks of many poses agree.

    Parameters
    ----------
    xy_px, confidence
        Landmarks of the patient, shape (n, 33, 2), and their confidence, shape (n, 33), without NaN.
    joint, side
        What is tested.
    mirrored
        Poses that were found in a mirrored picture, shape (n,): the hinge lies half way between theirs and the others'.

    Returns
    -------
    Hinge or None
        ``None`` if fewer than three poses agree.
    """
    own = limb_points(xy_px, confidence, joint=joint, side=side)
    other = limb_points(xy_px, confidence, joint=joint, side=other_side(side))
    limbs = _join(own, other)
    weight = np.concatenate([np.ones(len(xy_px)), np.full(len(xy_px), params.other_side_weight)])
    weight = weight * np.maximum(limbs.confidence, _LEAST_CONFIDENCE)
    fits = [_agree(limbs, mode, params) for mode in _modes(limbs, weight, params)]
    fits = [fit for fit in fits if fit.sum() >= 3]
    if not fits:
        return None
    best = max(fits, key=lambda fit: _hinge_score(limbs, weight, fit, params))
    seen_so = np.zeros(len(xy_px), dtype=bool) if mirrored is None else mirrored
    return _describe(limbs, weight, _one_each(best), joint, seen_so)


_LEAST_CONFIDENCE = 0.05


def _join(first: LimbPoints, second: LimbPoints) -> LimbPoints:
    return LimbPoints(
        joint_px=np.concatenate([first.joint_px, second.joint_px]),
        reference_px=np.concatenate([first.reference_px, second.reference_px]),
        moved_px=np.concatenate([first.moved_px, second.moved_px]),
        confidence=np.concatenate([first.confidence, second.confidence]),
    )


def _modes(limbs: LimbPoints, weight: Points, params: HingeParams) -> list[int]:
    """Find the poses around whose joint the most others lie, best first, far from each other."""
    reach = params.agree * float(np.median(np.hypot(*limbs.moved_px.T)))
    step = max(1, len(weight) // _MODE_SEEDS)
    seeds = np.arange(0, len(weight), step)
    support = np.array([weight[np.hypot(*(limbs.joint_px - limbs.joint_px[s]).T) < reach].sum() for s in seeds])
    chosen: list[int] = []
    for k in np.argsort(-support):
        near = [np.hypot(*(limbs.joint_px[seeds[k]] - limbs.joint_px[c])) < reach for c in chosen]
        if not any(near):
            chosen.append(int(seeds[k]))
        if len(chosen) == params.n_modes:
            break
    return chosen


_MODE_SEEDS = 400


def _agree(limbs: LimbPoints, mode: int, params: HingeParams) -> Mask:
    """Poses whose joint, reference point and length agree with those around one pose."""
    lengths = np.hypot(*limbs.moved_px.T)
    centre = limbs.joint_px[mode]
    near = np.hypot(*(limbs.joint_px - centre).T) < params.agree * np.median(lengths)
    length = float(np.median(lengths[near]))
    centre = np.median(limbs.joint_px[near], axis=0)
    reference = np.median(limbs.reference_px[near], axis=0)
    ratio = lengths / max(length, 1.0)
    return np.asarray(
        (np.hypot(*(limbs.joint_px - centre).T) < params.agree * length)
        & (np.hypot(*(limbs.reference_px - reference).T) < params.reference_agree * np.hypot(*reference))
        & (ratio > params.length_range[0])
        & (ratio < params.length_range[1])
    )


def _hinge_score(limbs: LimbPoints, weight: Points, fit: Mask, params: HingeParams) -> float:
    turned = turn_deg(np.median(limbs.reference_px[fit], axis=0), limbs.moved_px[fit])
    low, high = np.percentile(np.degrees(np.unwrap(np.sort(np.radians(turned)))), [5, 95])
    return float(weight[fit].sum() * max(params.still_weight, min(1.0, (high - low) / params.full_swing_deg)))


def _one_each(fit: Mask) -> Mask:
    """Of two limbs of one pose that both agree, keep the one of the tested side."""
    n = len(fit) // 2
    kept = fit.copy()
    kept[n:] &= ~fit[:n]
    return kept


def _middle(points: Points, mirrored: Mask) -> Points:
    """Median of points, shape (n, 2); half way between the medians of mirrored and other poses if there are both."""
    if min(mirrored.sum(), (~mirrored).sum()) < _LEAST_POSES:
        return np.asarray(np.median(points, axis=0))
    return np.asarray((np.median(points[mirrored], axis=0) + np.median(points[~mirrored], axis=0)) / 2.0)


_LEAST_POSES = 3


def _describe(limbs: LimbPoints, weight: Points, fit: Mask, joint: Joint, mirrored: Mask) -> Hinge:
    geometry = JOINTS[joint]
    n = len(fit) // 2
    own = np.flatnonzero(fit[:n])
    pick = np.concatenate([own, n + np.flatnonzero(fit[n:])])
    ends = limbs.joint_px + limbs.moved_px
    in_mirror = mirrored[pick % n]
    centre = _middle(limbs.joint_px[pick], in_mirror)
    length = float(np.median(np.hypot(*limbs.moved_px[pick].T)))
    if geometry.reference[0] == geometry.joint:
        reference = _middle((limbs.joint_px + limbs.reference_px)[pick], in_mirror)
    else:
        reference = centre + _middle(limbs.reference_px[pick], in_mirror)
    tips = np.full((n, 2), np.nan)
    tips[pick % n] = ends[pick] if moves_from_joint(joint) else centre + limbs.moved_px[pick]
    turned = turn_deg(reference - centre, tips[pick % n] - centre)
    sense = 1 if np.sum(weight[pick] * np.sin(np.radians(turned))) >= 0 else -1
    hinge = Hinge(
        centre_px=centre,
        length_px=length,
        tips_px=tips,
        reference_px=reference,
        reference_deg=0.0,
        sense=sense,
        flexion_deg=np.full(n, np.nan),
        spread=float(np.median(np.hypot(*(limbs.joint_px[pick] - centre).T)) / length),
        agreeing=float(np.isfinite(tips[:, 0]).mean()),
        swapped=fit[n:] & ~fit[:n],
    )
    return move_hinge(hinge, np.zeros(2), joint)


def moves_from_joint(joint: Joint) -> bool:
    """Whether the moved direction starts at the joint's centre (not so for the foot: it runs from heel to toes)."""
    return JOINTS[joint].moved[0] == JOINTS[joint].joint


def move_hinge(hinge: Hinge, offset_px: Points, joint: Joint) -> Hinge:
    """Put a hinge's centre elsewhere; the directions that start there, and the angles of the poses, follow."""
    geometry = JOINTS[joint]
    centre = hinge.centre_px + offset_px
    fixed = geometry.reference[0] == geometry.joint
    reference = hinge.reference_px if fixed else hinge.reference_px + offset_px
    tips = hinge.tips_px if moves_from_joint(joint) else hinge.tips_px + offset_px
    turned = turn_deg(reference - centre, tips - centre)
    return replace(
        hinge,
        centre_px=centre,
        reference_px=reference,
        tips_px=tips,
        reference_deg=float(np.degrees(np.arctan2(reference[1] - centre[1], reference[0] - centre[0]))),
        flexion_deg=wrap_deg(geometry.zero_deg - hinge.sense * turned),
    )
