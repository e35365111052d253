"""The Tardieu summary: medians of good stretches, and X from none to clonus."""

from typing import TYPE_CHECKING

import numpy as np
import pytest

from analysis.assess import assess
from analysis.finding import Catch, Stretch, StretchFinding, Tardieu, VelocityClass
from analysis.tardieu import summarise_tardieu

if TYPE_CHECKING:
    from tests.test_analysis.conftest import Planter


def finding(
    velocity: VelocityClass, *, end_deg: float, catch_deg: float | None = None, quality: tuple[str, ...] = ()
) -> StretchFinding:
    stretch = Stretch(
        start_s=0.0,
        peak_s=0.2,
        end_s=0.4,
        start_deg=140.0,
        end_deg=end_deg,
        peak_velocity_deg_s=300.0,
        velocity=velocity,
    )
    catch = None
    if catch_deg is not None:
        catch = Catch(
            time_s=0.3,
            angle_deg=catch_deg,
            stretch_deg=140.0 - catch_deg,
            angle_interval95_deg=(catch_deg - 2, catch_deg + 2),
            probability=0.9,
            method="planted",
        )
    return StretchFinding(stretch=stretch, catch=catch, resistance=None, quality=quality)


def summary(findings: list[StretchFinding], *, clonus: float = 0.0, slight: bool | None = None) -> Tardieu:
    return summarise_tardieu(
        findings, stretch_sign=-1, clonus_s=[clonus] * len(findings), slight=[slight] * len(findings)
    )


SLOW = [finding(VelocityClass.V1, end_deg=end) for end in (10.0, 12.0, 20.0)]
FAST = [finding(VelocityClass.V3, end_deg=12.0, catch_deg=catch) for catch in (60.0, 70.0, 50.0)]


def test_r1_r2_and_spasticity_angle_are_medians() -> None:
    found = summary(SLOW + FAST)
    assert (found.r1_deg, found.r2_deg, found.spasticity_angle_deg, found.x) == (60.0, 12.0, 48.0, 2)


def test_flagged_stretches_are_left_out() -> None:
    bad = finding(VelocityClass.V3, end_deg=12.0, catch_deg=-50.0, quality=("planted",))
    assert summary([*SLOW, *FAST, bad, bad, bad]) == summary(SLOW + FAST)


@pytest.mark.parametrize(
    ("fast", "clonus", "slight", "x"),
    [
        ([], 0.0, None, None),
        ([finding(VelocityClass.V3, end_deg=12.0)], 0.0, None, None),
        ([finding(VelocityClass.V3, end_deg=12.0)], 0.0, False, 0),
        ([finding(VelocityClass.V3, end_deg=12.0)], 0.0, True, 1),
        (FAST, 0.0, True, 2),
        (FAST, 1.5, True, 3),
        (FAST, 10.0, True, 4),
    ],
)
def test_quality_of_the_reaction(fast: list[StretchFinding], clonus: float, slight: bool | None, x: int | None) -> None:
    assert summary([*SLOW, *fast], clonus=clonus, slight=slight).x == x


def test_what_the_exam_does_not_show_is_none() -> None:
    assert summary([]) == Tardieu(r1_deg=None, r2_deg=None, spasticity_angle_deg=None, x=None)
    assert summary(FAST).r2_deg is None
    assert summary(FAST).spasticity_angle_deg is None


@pytest.mark.parametrize(("beats_s", "x"), [(0.1, 2), (2.0, 3), (11.0, 4)])
def test_beats_after_the_catch_are_clonus_by_their_duration(planter: "Planter", beats_s: float, x: int | None) -> None:
    caught = planter.caught(110.0, 0.4, catch_share=0.5, rebound_deg=5.0)
    stop = int(np.argmax(np.diff(caught) <= 0))
    t = np.arange(0.0, beats_s + 1.0, 0.005)
    beating = caught[stop] - 2.0 * np.sin(2 * np.pi * 6.0 * t) ** 2 * (t < beats_s)
    part = np.concatenate([caught[: stop + 1], beating, caught[stop] + planter.bell(110.0 - caught[stop], 1.5)])
    half = np.concatenate(
        [caught[: stop + 1], caught[stop] - 2.0 * np.sin(2 * np.pi * 3.0 * t) ** 2 * (t < beats_s), part[-300:]]
    )
    found = assess(planter.recording(planter.exam([planter.bell(110.0, 5.0), half]), noise_deg=0.02))
    assert found.tardieu.x == x
