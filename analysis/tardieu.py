"""The modified Tardieu scale of an exam: R1, R2, spasticity angle and quality of the reaction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.finding import StretchFinding, Tardieu, VelocityClass

__all__ = ["TardieuParams", "summarise_tardieu"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TardieuParams:
    """Bounds of the scale.

    Attributes
    ----------
    unfatigable_s
        Clonus of this length and more is X = 4, shorter X = 3 (Boyd and Graham 1999,
        doi:10.1046/j.1468-1331.1999.00031.x, from memory of the literature).
    min_share
        Share of the fast stretches that must be caught for the exam to be. Chosen by us.
    """

    unfatigable_s: float = 10.0
    min_share: float = 0.5


def summarise_tardieu(
    findings: Sequence[StretchFinding],
    *,
    stretch_sign: int,
    clonus_s: Sequence[float],
    slight: Sequence[bool | None],
    params: TardieuParams = TardieuParams(),
) -> Tardieu:
    """Summarise the stretches of an exam; flagged stretches are left out.

    Parameters
    ----------
    findings
        The stretches with their catches.
    stretch_sign
        +1 where a growing joint angle lengthens the muscle.
    clonus_s
        Duration of clonus after each stretch, same length.
    slight
        Whether each stretch was resisted noticeably, ``None`` where this was not measured, same length.
    params
        Bounds of the scale.
    """
    good = [(f, c, r) for f, c, r in zip(findings, clonus_s, slight, strict=True) if not f.quality]
    slow = [f.stretch.end_deg for f, _, _ in good if f.stretch.velocity is VelocityClass.V1]
    fast = [(f, c, r) for f, c, r in good if f.stretch.velocity is VelocityClass.V3]
    caught = [f.catch.angle_deg for f, _, _ in fast if f.catch is not None]
    enough = bool(caught) and len(caught) >= params.min_share * len(fast)
    r1_deg = float(np.median(caught)) if enough else None
    r2_deg = float(np.median(slow)) if slow else None
    return Tardieu(
        r1_deg=r1_deg,
        r2_deg=r2_deg,
        spasticity_angle_deg=None if r1_deg is None or r2_deg is None else (r2_deg - r1_deg) * stretch_sign,
        x=_quality(fast, caught=enough, params=params),
    )


def _quality(
    fast: Sequence[tuple[StretchFinding, float, bool | None]], *, caught: bool, params: TardieuParams
) -> int | None:
    """Rate the reaction: clonus, catch, slight resistance or none; ``None`` where that was not shown."""
    if not fast:
        return None
    beating_s = float(np.median([clonus for _, clonus, _ in fast]))
    if beating_s >= params.unfatigable_s:
        return 4
    if beating_s > 0:
        return 3
    if caught:
        return 2
    felt = [resisted for _, _, resisted in fast if resisted is not None]
    if not felt:
        return None
    return 1 if sum(felt) >= params.min_share * len(felt) else 0
