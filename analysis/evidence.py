"""What a fast stretch shows of its resistance along the range, and in which directions that may err."""

import numpy as np
from numpy.typing import NDArray

from analysis.grading import FastEvidence
from analysis.model import FloatArray
from analysis.motion import Motion
from analysis.resistance import LimbLoad, ResistanceParams, excess_modes_Nm, reach
from analysis.stretch import Leg

__all__ = ["fast_evidence"]

_GRID = 100
"""Points of the available range at which the excess is compared with the thresholds."""


def fast_evidence(
    motion: Motion, leg: Leg, load: LimbLoad, *, healthy_range_deg: float, params: ResistanceParams = ResistanceParams()
) -> FastEvidence:
    """Read the excess of one fast stretch on a grid of the available range.

    Parameters
    ----------
    motion, leg, load
        The movement, the stretch and its torques, observed throughout.
    healthy_range_deg
        The available range, from the start of the stretch.
    params
        How resistance is read.
    """
    span = reach(motion, leg, params)
    share = (motion.stretch_deg[span] - motion.stretch_deg[leg.start]) / healthy_range_deg
    grid = (np.arange(_GRID) + 0.5) / _GRID
    farthest = np.maximum.accumulate(share)
    first = np.searchsorted(farthest, grid, side="left")
    passed = first < share.size
    at = np.minimum(first, share.size - 1)
    excess = load.excess_Nm[span]
    largest = np.where(passed, np.maximum(excess[at], _largest_in_bins(share, excess)), np.nan)
    modes = excess_modes_Nm(load, span, params)[:, at]
    return FastEvidence(excess_Nm=largest, modes_Nm=modes, reached_share=float(farthest[-1]))


def _largest_in_bins(share: FloatArray, excess: FloatArray) -> NDArray[np.float64]:
    """Find the largest excess among the samples in each bin of the grid, -inf where there are none."""
    largest = np.full(_GRID, -np.inf)
    inside = (share >= 0) & (share < 1)
    np.maximum.at(largest, (share[inside] * _GRID).astype(int), excess[inside])
    return largest
