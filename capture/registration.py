"""The moved segment's rotation read off its picture: a template of the limb, turned about the joint's centre.

A pose model answers frame by frame, swaps limbs and blurs with the picture. The picture of a segment that turns about a
held centre has one unknown per frame, its angle. A template of the limb and of what is behind it are learnt from poses
that agree, and every frame is asked which angle explains it best.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

__all__ = ["LimbTemplate", "RegistrationParams", "angle_costs", "learn_template", "spread_over_angles"]

Samples = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationParams:
    """How the limb's picture is compared; all chosen by us.

    Attributes
    ----------
    radius_range
        Part of the moved segment that is looked at, relative to its length: clear of the joint's folds and of the
        examiner's grip.
    n_radii
        Samples along the segment.
    step_deg
        Step between directions.
    half_width_deg
        Half of the sector that the template covers.
    noise_level, rigid_level
        Least standard deviation of a template's value, and the largest of one that belongs to the limb rather than to
        what is behind it (of 255, after the picture's brightness was normalised).
    outlier
        Cost beyond which a value counts as hidden, in half squared standard deviations.
    n_votes
        Independent values that a template is worth; its samples are correlated.
    n_rounds
        Rounds of aligning the training pictures and learning the template again.
    search_deg
        How far a round may move a training picture from its pose.
    """

    radius_range: tuple[float, float] = (0.25, 0.92)
    n_radii: int = 16
    step_deg: float = 1.0
    half_width_deg: int = 30
    noise_level: float = 8.0
    rigid_level: float = 30.0
    outlier: float = 4.0
    n_votes: float = 40.0
    n_rounds: int = 3
    search_deg: float = 12.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimbTemplate:
    """The picture of a limb around its own direction, and of what is behind it.

    Attributes
    ----------
    limb, limb_sd
        Values and their scatter, shape (radii, 2 * half width + 1, channels).
    weight
        Which of them count, same shape.
    behind
        Values without the limb for each direction of the grid, NaN where it was never seen, shape (radii, k, channels).
    angle_deg
        Angles of the training pictures after alignment, shape (n,).
    cost
        Mean cost of the training pictures at their angles; lower is a better template.
    """

    limb: Samples
    limb_sd: Samples
    weight: Samples
    behind: Samples
    angle_deg: Points
    cost: float


def spread_over_angles(angle_deg: Points, *, bin_deg: float, per_bin: int) -> NDArray[np.int64]:
    """Choose pictures evenly over the angle, not over time: a limb at rest must not make its background rigid."""
    seen = np.flatnonzero(np.isfinite(angle_deg))
    bins = np.floor(angle_deg[seen] / bin_deg).astype(int)
    chosen: list[int] = []
    for value in np.unique(bins):
        members = seen[bins == value]
        chosen.extend(members[np.unique(np.linspace(0, len(members) - 1, per_bin).round().astype(int))].tolist())
    return np.array(sorted(chosen), dtype=np.int64)


def learn_template(
    pictures: Samples, angle_deg: Points, grid_deg: Points, params: RegistrationParams = RegistrationParams()
) -> LimbTemplate:
    """Learn the limb's picture from polar samples whose angle is roughly known.

    Parameters
    ----------
    pictures
        Polar samples, shape (n, radii, k, channels).
    angle_deg
        The angle in each, on the axis of `grid_deg`, shape (n,).
    grid_deg
        Angles of the grid's directions, evenly growing, shape (k,).
    """
    start = angle_deg.copy()
    angle = angle_deg.copy()
    template = _average(pictures, angle, grid_deg, params)
    for _ in range(params.n_rounds):
        angle, cost = _realign(pictures, start, grid_deg, template, params)
        angle = angle - np.median(angle - start)
        template = _average(pictures, angle, grid_deg, params, cost)
    return template


def angle_costs(
    picture: Samples, template: LimbTemplate, params: RegistrationParams = RegistrationParams()
) -> NDArray[np.float32]:
    """Cost of each angle that the grid allows (half widths inside its ends), shape (k - 2 * half width,).

    The cost is the log-likelihood ratio of what is behind against the limb, over the template's area.
    """
    width = template.limb.shape[1]
    behind = _behind_cost(picture, template, params)
    windows = sliding_window_view(picture, width, axis=1)[..., ::_STRIDE]
    limb = template.limb[:, ::_STRIDE].transpose(0, 2, 1)
    sd = template.limb_sd[:, ::_STRIDE].transpose(0, 2, 1)
    weight = template.weight[:, ::_STRIDE].transpose(0, 2, 1)
    fit = np.square((windows - limb[:, None]) / sd[:, None])
    np.minimum(0.5 * fit, params.outlier, out=fit)
    ratio = fit - sliding_window_view(behind, width, axis=1)[..., ::_STRIDE]
    total = np.einsum("rkcw,rcw->k", ratio, weight, optimize=False)
    return np.asarray(total * (params.n_votes / max(float(weight.sum()), 1.0)), dtype=np.float32)


_STRIDE = 2


def _behind_cost(picture: Samples, template: LimbTemplate, params: RegistrationParams) -> Samples:
    cost = 0.5 * np.square((picture - template.behind) / params.noise_level)
    np.minimum(cost, params.outlier, out=cost)
    return np.asarray(np.where(np.isfinite(cost), cost, params.outlier / 2.0), dtype=np.float32)


def _average(
    pictures: Samples,
    angle_deg: Points,
    grid_deg: Points,
    params: RegistrationParams,
    cost: Points | None = None,
) -> LimbTemplate:
    half = params.half_width_deg
    centre = np.clip(np.round((angle_deg - grid_deg[0]) / params.step_deg).astype(int), half, len(grid_deg) - 1 - half)
    aligned = np.stack([p[:, c - half : c + half + 1] for p, c in zip(pictures, centre, strict=True)])
    limb = np.median(aligned, axis=0)
    sd = np.maximum(1.4826 * np.median(np.abs(aligned - limb), axis=0), params.noise_level)
    away = np.abs(np.arange(len(grid_deg))[None] - centre[:, None]) > _BEHIND_MARGIN * half
    masked = np.where(away[:, None, :, None], pictures, np.nan)
    behind = np.full(pictures.shape[1:], np.nan, dtype=np.float32)
    seen = away.any(axis=0)
    behind[:, seen] = np.nanmedian(masked[:, :, seen], axis=0)
    return LimbTemplate(
        limb=limb.astype(np.float32),
        limb_sd=sd.astype(np.float32),
        weight=(sd.max(axis=-1, keepdims=True) < params.rigid_level).astype(np.float32) * np.ones_like(limb),
        behind=behind,
        angle_deg=angle_deg,
        cost=float("nan") if cost is None else float(np.mean(cost)),
    )


_BEHIND_MARGIN = 0.7


def _realign(
    pictures: Samples, start_deg: Points, grid_deg: Points, template: LimbTemplate, params: RegistrationParams
) -> tuple[Points, Points]:
    half = params.half_width_deg
    inner = grid_deg[half : len(grid_deg) - half]
    best, costs = start_deg.copy(), np.zeros(len(start_deg))
    for k, picture in enumerate(pictures):
        cost = angle_costs(picture, template, params)
        near = np.abs(inner - start_deg[k]) <= params.search_deg
        if near.any():
            at = int(np.argmin(np.where(near, cost, np.inf)))
            best[k], costs[k] = inner[at], cost[at]
    return best, costs
