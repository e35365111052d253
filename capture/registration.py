"""The moved segment's rotation read off its picture: a template of the limb, turned about the joint's centre.

A pose model answers frame by frame, swaps limbs and blurs with the picture. The picture of a segment that turns about a
held centre has one unknown per frame, its angle. A template of the limb and of what is behind it are learnt from poses
that agree, and every frame is asked which angle explains it best.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LimbTemplate",
    "RegistrationParams",
    "angle_costs",
    "hinge_offset",
    "learn_template",
    "spread_over_angles",
]

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
    max_samples
        Samples of the template that are compared, evenly chosen.
    behind_margin
        A direction shows what is behind if the limb is away by this share of the half width.
    n_bands
        Parts of the limb, from the joint to its end, whose turns tell where the centre is.
    band_search_deg, band_sd_deg
        How far a part may seem to turn from the whole, and the standard deviation of that.
    band_votes
        Independent observations that all turns together are worth: their errors are common to many pictures.
    offset_sd
        Standard deviation of the centre that the poses agree on, relative to the segment's length.
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
    max_samples: int = 600
    behind_margin: float = 0.7
    n_bands: int = 3
    band_search_deg: float = 8.0
    band_sd_deg: float = 1.0
    band_votes: float = 20.0
    offset_sd: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LimbTemplate:
    """The picture of a limb around its own direction, and of what is behind it.

    Attributes
    ----------
    row, column, channel
        Which samples of a polar picture belong to the limb: its radius, its direction (0 at the limb's own) and its
        colour, shape (m,).
    value, sd
        What they look like, and how much that scatters, shape (m,).
    behind
        Values without the limb for each direction of the grid, NaN where it was never seen, shape (radii, k, channels).
    """

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    channel: NDArray[np.intp]
    value: Samples
    sd: Samples
    behind: Samples

    def at_rows(self, first: int, last: int) -> "LimbTemplate":
        """Keep the part of the template between two radii, `last` excluded."""
        kept = (self.row >= first) & (self.row < last)
        return LimbTemplate(
            row=self.row[kept],
            column=self.column[kept],
            channel=self.channel[kept],
            value=self.value[kept],
            sd=self.sd[kept],
            behind=self.behind,
        )


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
) -> tuple[LimbTemplate, Points]:
    """Learn the limb's picture from polar samples whose angle is roughly known.

    Parameters
    ----------
    pictures
        Polar samples, shape (n, radii, k, channels).
    angle_deg
        The angle in each, on the axis of `grid_deg`, shape (n,).
    grid_deg
        Angles of the grid's directions, evenly growing by `RegistrationParams.step_deg`, shape (k,).

    Returns
    -------
    template, angle_deg
        The template, and the angles at which the pictures agree best with it, shape (n,); their median departure from
        the given ones is zero.
    """
    angle = angle_deg.copy()
    template = _average(pictures, angle, grid_deg, params)
    for _ in range(params.n_rounds):
        angle = _realign(pictures, angle_deg, grid_deg, template, params)
        angle = angle - np.median(angle - angle_deg)
        template = _average(pictures, angle, grid_deg, params)
    return template, angle


def angle_costs(
    picture: Samples,
    template: LimbTemplate,
    columns: NDArray[np.intp],
    params: RegistrationParams = RegistrationParams(),
) -> NDArray[np.float32]:
    """Cost of the limb's lying at each of some directions of the grid, shape of `columns`.

    The cost is the log-likelihood ratio of what is behind against the limb, over the template's samples.
    """
    if template.row.size == 0:
        return np.zeros(len(columns), dtype=np.float32)
    _, k, channels = picture.shape
    column = np.clip(columns[:, None] + template.column, 0, k - 1)
    at = (template.row * k + column) * channels + template.channel
    limb = 0.5 * np.square((picture.reshape(-1)[at] - template.value) / template.sd)
    ratio = np.minimum(limb, params.outlier) - _behind_cost(picture, template, params).reshape(-1)[at]
    return np.asarray(ratio.mean(axis=1) * params.n_votes, dtype=np.float32)


def hinge_offset(  # noqa: PLR0913 - the pictures, where they were taken, and what they are compared with
    pictures: Samples,
    angle_deg: Points,
    grid_deg: Points,
    *,
    direction_deg: Points,
    radius: Points,
    template: LimbTemplate,
    moved: Points,
    params: RegistrationParams = RegistrationParams(),
) -> Points:
    """Displacement of the true centre of rotation from the one that the pictures were sampled around.

    About a wrong centre the inner and the outer part of a limb seem to turn by different angles, in a way that depends
    on its direction: ``beta = alpha + b + (normal . offset) / radius``, with ``alpha`` for each picture and ``b`` for
    each part of the limb. The offset follows by robust least squares, held near zero by its standard deviation.

    Parameters
    ----------
    pictures, angle_deg, grid_deg
        As in `learn_template`, the angles after alignment.
    direction_deg
        Direction of the limb in the image in each picture, clockwise, shape (n,). The grid may run either way.
    radius
        Radii of the samples, relative to the moved segment's length, shape (radii,).
    moved
        Displacement from the poses' centre so far, relative to the same length, shape (2,).

    Returns
    -------
    Points
        Offset (x, y) relative to the moved segment's length, shape (2,).
    """
    bands = np.array_split(np.arange(len(radius)), params.n_bands)
    sense = -np.sign(np.diff(direction_deg[np.argsort(angle_deg)]).sum()) or 1.0
    turned = np.stack(
        [_band_turns(pictures, angle_deg, grid_deg, template.at_rows(int(b[0]), int(b[-1]) + 1), params) for b in bands]
    )
    inverse = np.array([np.mean(1.0 / radius[b]) for b in bands])
    direction = np.radians(direction_deg)
    normal = np.stack([-np.sin(direction), np.cos(direction)])
    # an angle of the joint that grows by x turns the limb by -sense * x in the image
    seen = -sense * np.radians(turned - turned.mean(axis=0))
    seen = seen - np.median(seen, axis=1, keepdims=True)
    lever = inverse - inverse.mean()
    design = (lever[:, None, None] * (normal - normal.mean(axis=1, keepdims=True))[None]).transpose(0, 2, 1)
    return _robust_solution(design.reshape(-1, 2), seen.reshape(-1), moved, params)


def _robust_solution(design: Points, seen: Points, moved: Points, params: RegistrationParams) -> Points:
    solution = np.zeros(2)
    scale = np.radians(params.band_sd_deg)
    prior = np.eye(2) / params.offset_sd**2
    for _ in range(10):
        trust = 1.0 / (1.0 + np.square((seen - design @ solution) / scale))  # Cauchy weights
        trust = trust * (params.band_votes / max(trust.sum(), 1.0))
        normal = design.T @ (trust[:, None] * design) / scale**2 + prior
        solution = np.linalg.solve(normal, design.T @ (trust * seen) / scale**2 - moved / params.offset_sd**2)
    return np.asarray(solution)


def _band_turns(
    pictures: Samples, angle_deg: Points, grid_deg: Points, template: LimbTemplate, params: RegistrationParams
) -> Points:
    """How far the limb's part is turned from the angle of the whole in each picture, between the grid's steps."""
    reach = round(params.band_search_deg / params.step_deg)
    turns = np.zeros(len(pictures))
    for k, picture in enumerate(pictures):
        centre = round((angle_deg[k] - grid_deg[0]) / params.step_deg)
        columns = np.arange(centre - reach, centre + reach + 1)
        cost = angle_costs(picture, template, columns, params)
        at = int(np.clip(cost.argmin(), 1, len(cost) - 2))
        bend = cost[at - 1] - 2.0 * cost[at] + cost[at + 1]
        shift = 0.5 * (cost[at - 1] - cost[at + 1]) / bend if bend > 0.0 else 0.0
        turns[k] = grid_deg[0] + (columns[at] + np.clip(shift, -0.5, 0.5)) * params.step_deg - angle_deg[k]
    return turns


def _behind_cost(picture: Samples, template: LimbTemplate, params: RegistrationParams) -> Samples:
    cost = 0.5 * np.square((picture - template.behind) / params.noise_level)
    np.minimum(cost, params.outlier, out=cost)
    return np.asarray(np.where(np.isfinite(cost), cost, params.outlier / 2.0), dtype=np.float32)


def _average(pictures: Samples, angle_deg: Points, grid_deg: Points, params: RegistrationParams) -> LimbTemplate:
    half = params.half_width_deg
    centre = np.clip(np.round((angle_deg - grid_deg[0]) / params.step_deg).astype(int), half, len(grid_deg) - 1 - half)
    aligned = np.stack([p[:, c - half : c + half + 1] for p, c in zip(pictures, centre, strict=True)])
    limb = np.median(aligned, axis=0)
    sd = np.maximum(1.4826 * np.median(np.abs(aligned - limb), axis=0), params.noise_level)
    rigid = sd.max(axis=-1) < params.rigid_level
    row, column, channel = np.nonzero(np.repeat(rigid[..., None], limb.shape[-1], axis=-1))
    kept = np.unique(np.linspace(0, len(row) - 1, min(len(row), params.max_samples)).astype(int))
    row, column, channel = row[kept], column[kept], channel[kept]
    return LimbTemplate(
        row=row,
        column=column - half,
        channel=channel,
        value=limb[row, column, channel].astype(np.float32),
        sd=sd[row, column, channel].astype(np.float32),
        behind=_behind(pictures, centre, round(params.behind_margin * half)),
    )


def _behind(pictures: Samples, centre: NDArray[np.int64], margin: int) -> Samples:
    """Median of the pictures in which the limb is away; NaN where it never is."""
    away = np.abs(np.arange(pictures.shape[2])[None] - centre[:, None]) > margin
    ordered = np.sort(np.where(away[:, None, :, None], pictures, np.nan), axis=0)  # NaN comes last
    middle = np.maximum(away.sum(axis=0) - 1, 0) // 2
    return np.asarray(np.take_along_axis(ordered, middle[None, None, :, None], axis=0)[0], dtype=np.float32)


def _realign(
    pictures: Samples, start_deg: Points, grid_deg: Points, template: LimbTemplate, params: RegistrationParams
) -> Points:
    half, reach = params.half_width_deg, round(params.search_deg / params.step_deg)
    best = start_deg.copy()
    for k, picture in enumerate(pictures):
        centre = round((start_deg[k] - grid_deg[0]) / params.step_deg)
        columns = np.arange(max(half, centre - reach), min(len(grid_deg) - half, centre + reach + 1))
        if columns.size:
            best[k] = grid_deg[columns[int(angle_costs(picture, template, columns, params).argmin())]]
    return best
