"""The modified Ashworth grade as a distribution: the operational rules, carried through what is not known exactly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.finding import GRADES, Grade
from analysis.limb import Limb
from analysis.load import PLACES
from analysis.model import FloatArray

__all__ = ["FastEvidence", "GradingParams", "grade_by_force", "rule_grades"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradingParams:
    """The operational scale's bounds and the doubt that is carried through them.

    Attributes
    ----------
    brief_share, half_share
        Shares f of the available range that divide the grades 1, 1+ and 2 (operational scale).
    short_share
        A fast stretch that ends before this share of the healthy range is grade 3 (operational scale).
    rigid_share
        A slow range below this share of the healthy range is grade 4 (operational scale).
    stiff_ratio
        Without a fast stretch, an exam whose widest range is below this many times that of a rigid limb is graded all
        the same: so stiff a limb cannot be moved fast. Chosen by us.
    draws
        Number of draws; seeded, so that the same exam has the same grade.
    seed
        Seed of the draws.
    excess_floor_share, excess_share
        Standard deviation of the excess that no exam is better than, as a share of the noticeable torque and of the
        excess itself. Chosen by us.
    range_sd_share
        Standard deviation of a range, as a share of the healthy one. Chosen by us.
    doubt, wild_doubt
        Probability that the rules do not describe this exam: spread over the neighbours of each grade, and evenly over
        all grades. Chosen by us: no grade is certain.
    covered
        Probability that `Grade.set90` holds.
    rules_share
        Weight of these rules beside the trained grade. Chosen by us, by the patients of two simulators.
    """

    brief_share: float = 0.15
    half_share: float = 0.50
    short_share: float = 0.60
    rigid_share: float = 0.15
    stiff_ratio: float = 2.0
    draws: int = 400
    seed: int = 20240607
    excess_floor_share: float = 0.1
    excess_share: float = 0.05
    range_sd_share: float = 0.015
    doubt: float = 0.04
    wild_doubt: float = 0.012
    covered: float = 0.90
    rules_share: float = 0.4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FastEvidence:
    """What one fast stretch shows on a grid of the available range.

    Attributes
    ----------
    excess_Nm
        Excess at each grid point when the limb first passes it, NaN where it does not, shape (grid,).
    modes_Nm
        Directions in which the excess may err together, each one standard deviation, shape (modes, grid).
    displaced_Nm
        What the excess changes by where the limb is that many deviations further along the range as `PLACES` says,
        shape (places, grid).
    reached_share
        Share of the healthy range that the stretch reached.
    """

    excess_Nm: FloatArray
    modes_Nm: NDArray[np.float64]
    displaced_Nm: NDArray[np.float64]
    reached_share: float


def grade_by_force(
    fast: Sequence[FastEvidence],
    *,
    slow_share: float | None,
    limb: Limb,
    params: GradingParams = GradingParams(),
) -> Grade:
    """Grade an exam from the excess resistance of its fast stretches.

    Each draw perturbs the excess within its error, which all stretches share, summarises every fast stretch by the
    share f of the range that is resisted, the peak p and the share reached, takes the medians over the stretches, and
    applies the rules.

    Parameters
    ----------
    fast
        Fast stretches, at least one.
    slow_share
        Range of the slow stretch as a share of the healthy range (median); ``None`` without one.
    limb
        Gives noticeable and considerable torque of this limb.
    params
        Rules and doubt.
    """
    rng = np.random.default_rng(params.seed)
    modes = max(stretch.modes_Nm.shape[0] for stretch in fast)
    shared = rng.standard_normal((params.draws, modes))
    place = rng.standard_normal(params.draws)
    drawn = [_draw(stretch, (shared, place), rng, limb, params) for stretch in fast]
    resisted, peak, reached = (np.median([d[i] for d in drawn], axis=0) for i in range(3))
    slow = _draw_slow(slow_share, reached, rng, params)
    grades = rule_grades(resisted, peak / limb.noticeable_Nm, reached, slow, limb=limb, params=params)
    return _distribution(np.bincount(grades, minlength=len(GRADES)) / params.draws, params)


def rule_grades(
    resisted: FloatArray,
    peak_ratio: FloatArray,
    reached: FloatArray,
    slow: FloatArray,
    *,
    limb: Limb,
    params: GradingParams = GradingParams(),
) -> NDArray[np.int64]:
    """Apply the operational scale, first match from the most severe grade down.

    Parameters
    ----------
    resisted
        Share f of the available range over which the excess is noticeable.
    peak_ratio
        Peak excess over the noticeable torque.
    reached
        Share of the healthy range that the fast stretch reached.
    slow
        Share of the healthy range that the slow stretch reached.
    limb
        Gives the considerable torque.
    params
        Bounds.

    Returns
    -------
    numpy.ndarray
        Index into `GRADES`, same shape.
    """
    considerable = peak_ratio >= limb.considerable_Nm / limb.noticeable_Nm
    return np.select(
        [
            slow < params.rigid_share,
            considerable | (reached < params.short_share),
            peak_ratio < 1.0,
            resisted >= params.half_share,
            resisted >= params.brief_share,
        ],
        [5, 4, 0, 3, 2],
        default=1,
    )


def _draw(
    stretch: FastEvidence,
    shared: tuple[FloatArray, FloatArray],
    rng: np.random.Generator,
    limb: Limb,
    params: GradingParams,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw share resisted, peak excess and share reached of one fast stretch."""
    modes, place = shared
    common = modes[:, : stretch.modes_Nm.shape[0]] @ stretch.modes_Nm + _displaced(stretch.displaced_Nm, place)
    level = params.excess_floor_share * limb.noticeable_Nm * rng.standard_normal((params.draws, 1))
    gain = 1.0 + params.excess_share * rng.standard_normal((params.draws, 1))
    excess = np.where(np.isfinite(stretch.excess_Nm), stretch.excess_Nm * gain + common + level, np.nan)
    passed = np.isfinite(stretch.excess_Nm)
    beyond = np.arange(passed.size) > (np.flatnonzero(passed)[-1] if passed.any() else -1)
    resisted = ((excess >= limb.noticeable_Nm) | beyond).mean(axis=1)
    peak = excess[:, passed].max(axis=1) if passed.any() else np.full(params.draws, np.inf)
    reached = stretch.reached_share + params.range_sd_share * rng.standard_normal(params.draws)
    return resisted, peak, reached


def _displaced(displaced_Nm: FloatArray, place: FloatArray) -> FloatArray:
    """Read what each draw of the place changes, on straight lines between `PLACES`."""
    at = np.interp(place, PLACES, np.arange(PLACES.size))
    before = np.minimum(at.astype(int), PLACES.size - 2)
    after = (at - before)[:, None]
    return np.asarray((1.0 - after) * displaced_Nm[before] + after * displaced_Nm[before + 1])


def _draw_slow(
    slow_share: float | None, reached: FloatArray, rng: np.random.Generator, params: GradingParams
) -> FloatArray:
    """Draw the slow range; without a slow stretch it is at least what the fast one reached."""
    if slow_share is None:
        return reached + np.abs(rng.normal(0.0, params.rigid_share, reached.size))
    drawn: FloatArray = slow_share + params.range_sd_share * rng.standard_normal(reached.size)
    return drawn


def _distribution(raw: FloatArray, params: GradingParams) -> Grade:
    """Spread doubt to neighbouring grades and find the smallest set of neighbours that covers enough."""
    spread = np.zeros(raw.size)
    for i, mass in enumerate(raw):
        near = [j for j in (i - 1, i + 1) if 0 <= j < raw.size]
        spread[i] += mass * (1.0 - params.doubt)
        spread[near] += mass * params.doubt / len(near)
    spread = (1.0 - params.wild_doubt) * spread / spread.sum() + params.wild_doubt / raw.size
    return Grade(
        probabilities={grade: float(p) for grade, p in zip(GRADES, spread, strict=True)},
        set90=_smallest_run(spread, params.covered),
    )


def _smallest_run(probabilities: FloatArray, covered: float) -> tuple[str, ...]:
    """Find the smallest run of neighbouring labels with enough probability, the most probable of equal length."""
    for length in range(1, probabilities.size + 1):
        sums = np.convolve(probabilities, np.ones(length), mode="valid")
        first = int(sums.argmax())
        if sums[first] >= covered - 1e-12:
            return GRADES[first : first + length]
    return GRADES
